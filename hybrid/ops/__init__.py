"""The primitive table: one block per op, with its NumPy meaning, type rule, derivative and samples. Imports register the rows."""

from hybrid.ops import contract, elementwise, index, linalg, reduce, sort, view

__all__ = ["contract", "elementwise", "index", "linalg", "reduce", "sort", "view"]
