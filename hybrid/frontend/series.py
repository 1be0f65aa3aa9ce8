"""Values of polynomials and of series in orthogonal polynomials, by the recurrences of `numpy.polynomial`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.frontend import hosted
from hybrid.frontend.calls import unsupported
from hybrid.frontend.elementwise import cast
from hybrid.frontend.indexing import getitem
from hybrid.frontend.shaping import as_array
from hybrid.frontend.values import Value, active, assembled, shape_of, strong

MAX_TERMS = 64  # that are written out one by one
Step = Callable[[Any, Any, Any, int, Any], tuple[Any, Any]]


def _terms(c: Any, name: str) -> list:
    """The coefficients, as numbers of NumPy's."""
    c = as_array(assembled(active(), c))
    if len(shape_of(c)) != 1 or isinstance(shape_of(c)[0], Dim) or not 0 < shape_of(c)[0] <= MAX_TERMS:
        raise unsupported(f"{name} of no coefficients or very many, or of several polynomials at once")
    c = c if dt.is_inexact(strong(c)) else cast(c, dt.float64)
    return [getitem(c, k) for k in range(shape_of(c)[0])] if isinstance(c, Value) else list(c)


def _points(x: Any) -> Any:
    return as_array(assembled(active(), x)) if isinstance(x, (tuple, list)) else x


def polyval(x: Any, c: Any, tensor: bool = True) -> Any:
    """By Horner's rule."""
    terms, x = _terms(c, "polyval"), _points(x)
    y = terms[-1] + x * 0
    for term in reversed(terms[:-1]):
        y = term + y * x
    return y


def _clenshaw(name: str, step: Step, end: Callable[[Any, Any, Any], Any]) -> Callable:
    """The sum from its last two terms on: `step(c, c0, c1, n, x)` takes in another one, of the degree n - 2."""

    def value(x: Any, c: Any, tensor: bool = True) -> Any:
        terms, x = _terms(c, name), _points(x)
        c0, c1 = terms[-2:] if len(terms) > 1 else (terms[0], 0)
        for n in range(len(terms) - 1, 1, -1):
            c0, c1 = step(terms[n - 2], c0, c1, n, x)
        return end(c0, c1, x)

    return value


_SERIES: dict[str, tuple[Step, Callable]] = {
    "chebyshev.chebval": (lambda c, c0, c1, n, x: (c - c1, c0 + c1 * (2 * x)), lambda c0, c1, x: c0 + c1 * x),
    "legendre.legval": (
        lambda c, c0, c1, n, x: (c - c1 * ((n - 1) / n), c0 + c1 * x * ((2 * n - 1) / n)), lambda c0, c1, x: c0 + c1 * x
    ),
    "hermite.hermval": (
        lambda c, c0, c1, n, x: (c - c1 * (2 * (n - 1)), c0 + c1 * (x * 2)), lambda c0, c1, x: c0 + c1 * (x * 2)
    ),
    "hermite_e.hermeval": (lambda c, c0, c1, n, x: (c - c1 * (n - 1), c0 + c1 * x), lambda c0, c1, x: c0 + c1 * x),
    "laguerre.lagval": (
        lambda c, c0, c1, n, x: (c - c1 * (n - 1) / n, c0 + c1 * ((2 * n - 1) - x) / n),
        lambda c0, c1, x: c0 + c1 * (1 - x),
    ),
}  # fmt: skip
hosted.COMPOSED["numpy.polynomial.polynomial.polyval"] = polyval
for _name, _rules in _SERIES.items():
    hosted.COMPOSED[f"numpy.polynomial.{_name}"] = _clenshaw(_name.partition(".")[2], *_rules)
