"""Primitives, the typed graph, the trace that records it. Knows no operation by name, and nothing of loops or machine code."""
