"""The primitive table, one block per op: NumPy meaning, type rule, derivative, samples. Importing registers the rows."""

from hybrid.ops import contract, elementwise, fft, index, linalg, reduce, sort, view

__all__ = ["contract", "elementwise", "fft", "index", "linalg", "reduce", "sort", "view"]
