"""Arithmetic that NumPy does not have, exactly. `codegen/scalars.py` copies the source into kernels for the interpreter."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np


def exact_fma(a, b, c):
    """a*b + c of NumPy scalars with one rounding.

    >>> exact_fma(np.float64(0.1), np.float64(10), np.float64(-1))
    np.float64(5.551115123125783e-17)
    """
    if not (np.isfinite(a) and np.isfinite(b)):
        return a * b + c
    if not np.isfinite(c):
        return c  # however large the product
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    if exact == 0:
        return a * b + c  # exact in this case, and the sign of zero is right
    try:
        nearest = float(exact)
    except OverflowError:
        return type(a)(math.inf if exact > 0 else -math.inf)
    if isinstance(a, np.float64):
        return np.float64(nearest)
    # Round to odd in float64, so that the second rounding, to float32, sees on which side of a tie the exact value lies.
    if Fraction(nearest) != exact and np.float64(nearest).view(np.int64) % 2 == 0:
        nearest = math.nextafter(nearest, math.inf if exact > Fraction(nearest) else -math.inf)
    return np.float32(nearest)
