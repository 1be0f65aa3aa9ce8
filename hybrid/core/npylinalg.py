"""Which of NumPy's C loops (core/npyloops) compute the calls of a function of `numpy.linalg`, by what it is called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hybrid.core import dtype as dt
from hybrid.core import npyloops
from hybrid.core.shape import Size, TensorType

SMALL = 16  # rows up to which loops of ours are quicker than a call: of 4 they take 0.05 µs, NumPy's call 4.6
# By function, NumPy's C loop that computes it, or how it is called with the lower and the upper triangle.
_LENT = {
    "eig": ("eig",), "eigvals": ("eigvals",), "eigh": ("eigh_lo", "eigh_up"), "eigvalsh": ("eigvalsh_lo", "eigvalsh_up"),
    "pinv": ("svd_s",), "slogdet": ("slogdet",), "svd": ("svd_f",), "svdvals": ("svd",),
    "residuals": ("lstsq",), "singular": ("lstsq",), "solved": ("lstsq",),
}  # fmt: skip
_OPTIONS = {"eigh": "UPLO", "eigvalsh": "UPLO", "residuals": "rcond", "singular": "rcond", "solved": "rcond"}
PSEUDO = 8 * 32**3  # multiply-adds of a product in `pinv` that loops take no longer for than a call


def option(function: str, args: tuple, kwargs: tuple) -> tuple[bool, Any]:
    """Whether a function of `numpy.linalg` is called with operands and at most the option that its loop has; and that."""
    last = function.rpartition(".")[2]
    taken = 2 if _LENT.get(last) == ("lstsq",) else 1
    given: dict[str | None, Any] = dict(kwargs[1:]) | dict(zip((_OPTIONS.get(last, ""),), args[1 + taken :]))
    plain = [part == ("operand", k, "ndarray") for k, part in enumerate(args[1 : 1 + taken])] == [True] * taken
    if last == "svd":
        plain, given = plain and all(value == ("bool", at != "hermitian") for at, value in given.items()), {}
    return plain and len(args) <= taken + 2 and given.keys() <= {_OPTIONS.get(last)}, next(iter(given.values()), None)


def lent(
    *types: TensorType, function: str, args: tuple, kwargs: tuple, dtypes: tuple, shapes: tuple, **rest: Any
) -> str | None:
    """The name of the loop of NumPy's (core/npyloops) that computes such a call, if the results have the sizes that it makes.

    Sizes that were equal while tracing may differ in a run; a loop looks at none of them.
    """
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
    name = upper[0] if asked == "U" else name
    found = npyloops.loop("linalg", name, npyloops.wide(types[0].dtype))
    if found is None:
        return None
    if name == "lstsq":
        fits = _least_squares(types, asked, last, shapes)
    elif last == "pinv":
        fits = _product_by_loops(*types) and shapes == (types[0].shape[::-1],)
    else:
        fits = shapes == _made(found, types[0])
    return name if fits else None


def least(m: Size, n: Size) -> Size | None:
    """The smaller of two sizes, where their difference is a number."""
    apart = m - n
    return (m if apart < 0 else n) if isinstance(apart, int) else None


def _made(loop: npyloops.Loop, a: TensorType) -> tuple | None:
    """The shapes of what a loop makes of one operand; None where only a run knows them, or it is no square as it has to be."""
    (core,) = loop.inputs
    sizes: dict[str, Any] = dict(zip(core, a.shape[-2:]))
    if tuple(sizes[name] for name in core) != a.shape[-2:]:
        return None
    if "p" in loop.sizes:
        sizes["p"] = least(*a.shape[-2:])
    return None if None in sizes.values() else tuple((*a.shape[:-2], *(sizes[name] for name in out)) for out in loop.outputs)


def _product_by_loops(a: TensorType) -> bool:
    """Whether loops may make the product that a pseudo-inverse ends with; where only a run knows sizes, it asks again."""
    if a.ndim != 2 or not (dt.is_integer(a.dtype) or a.dtype == dt.float64):
        return False
    fewest: Any = least(*a.shape)
    work = None if fewest is None else a.shape[0] * a.shape[1] * fewest
    return work is not None and (not isinstance(work, int) or work <= PSEUDO)


def _least_squares(types: Sequence[TensorType], rcond: Any, what: str, shapes: tuple) -> bool:
    a, b = types
    number = rcond is None or isinstance(rcond, int) or (isinstance(rcond, tuple) and rcond[0] == "float")
    alike = a.ndim == 2 and b.ndim in (1, 2) and dt.is_complex(a.dtype) == dt.is_complex(b.dtype)
    if not number or not alike or a.shape[0] != b.shape[0]:
        return False
    side = b.shape[1:]
    made: dict[str, tuple] = {"solved": (((a.shape[1], *side), ()),), "residuals": (((0,),), (side or (1,),))}
    return shapes in made.get(what, (((least(*a.shape),),),))
