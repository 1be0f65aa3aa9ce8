"""Which of NumPy's C loops (core/npyloops) compute the calls of a function of `numpy.linalg`, by what it is called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hybrid.core import dtype as dt
from hybrid.core import npyloops
from hybrid.core.shape import TensorType

SMALL = 16  # rows up to which loops of ours are quicker than a call: of 4 they take 0.05 µs, NumPy's call 4.6
# By function, NumPy's C loop that computes it, or how it is called with the lower and the upper triangle.
_LENT = {
    "eig": ("eig",), "eigvals": ("eigvals",), "eigh": ("eigh_lo", "eigh_up"), "eigvalsh": ("eigvalsh_lo", "eigvalsh_up"),
    "pinv": ("svd_s",), "residuals": ("lstsq",), "slogdet": ("slogdet",), "solved": ("lstsq",), "svd": ("svd_f",),
    "svdvals": ("svd",),
}  # fmt: skip
_OPTIONS = {"eigh": "UPLO", "eigvalsh": "UPLO", "residuals": "rcond", "solved": "rcond"}
PSEUDO = 8 * 32**3  # multiply-adds of a product in `pinv` that loops take no longer for than a call


def option(function: str, args: tuple, kwargs: tuple) -> tuple[bool, Any]:
    """Whether a function of `numpy.linalg` is called with operands and at most the option that its loop has; and that."""
    last = function.rpartition(".")[2]
    taken = 2 if last in ("solved", "residuals") else 1
    given: dict[str | None, Any] = dict(kwargs[1:]) | dict(zip((_OPTIONS.get(last, ""),), args[1 + taken :]))
    plain = [part == ("operand", k, "ndarray") for k, part in enumerate(args[1 : 1 + taken])] == [True] * taken
    if last == "svd":
        plain, given = plain and all(value == ("bool", at != "hermitian") for at, value in given.items()), {}
    return plain and len(args) <= taken + 2 and given.keys() <= {_OPTIONS.get(last)}, next(iter(given.values()), None)


def lent(
    *types: TensorType, function: str, args: tuple, kwargs: tuple, dtypes: tuple, shapes: tuple, **rest: Any
) -> str | None:
    """The name of the loop of NumPy's (core/npyloops) that computes such a call."""
    room, last = function.rpartition(".")[::2]
    if room not in ("numpy.linalg", "hybrid.ops.library") or last not in _LENT or rest.get("defines"):
        return None
    known, asked = option(function, args, kwargs)
    numbers = all(dt.is_integer(t.dtype) or dt.real_of(t.dtype) in (dt.float32, dt.float64) for t in types)
    if not known or not numbers or types[0].ndim < 2 or any(0 in t.shape for t in types):
        return None
    name, *upper = _LENT[last]
    if upper and asked not in (None, "L", "U"):
        return None
    if name == "lstsq" and not _least_squares(types, asked, shapes if last == "residuals" else ()):
        return None
    if last == "pinv" and not _product_by_loops(*types):
        return None
    name = upper[0] if asked == "U" else name
    return name if npyloops.loop("linalg", name, npyloops.wide(types[0].dtype)) is not None else None


def _product_by_loops(a: TensorType) -> bool:
    """Whether loops may make the product that a pseudo-inverse ends with; where only a run knows sizes, it asks again."""
    if a.ndim != 2 or not (dt.is_integer(a.dtype) or a.dtype == dt.float64):
        return False
    m, n = a.shape
    if not isinstance(m - n, int):
        return False
    work = m * n * (m if m - n < 0 else n)  # type: ignore[operator]  # their difference is a number
    return not isinstance(work, int) or work <= PSEUDO


def _least_squares(types: Sequence[TensorType], rcond: Any, shapes: tuple) -> bool:
    a, b = types
    sides = b.shape[1] if b.ndim == 2 else 1
    number = rcond is None or isinstance(rcond, int) or (isinstance(rcond, tuple) and rcond[0] == "float")
    if shapes and not isinstance(a.shape[0] - a.shape[-1], int):
        return False
    alike = a.ndim == 2 and b.ndim in (1, 2) and dt.is_complex(a.dtype) == dt.is_complex(b.dtype)
    return number and alike and (not shapes or shapes[0] in ((0,), (sides,)))
