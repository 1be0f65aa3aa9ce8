"""`check_grads`: derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, GradientError
from hybrid.frontend.values import Value, wrap
from hybrid.transforms.derived import jvp, vjp

MOST = 48  # elements of one array that are looked at
MODES = ("forward", "reverse")
# Relative and absolute tolerance by the coarsest dtype in play; the step is the cube root of its precision.
_TOLERANCE = {dt.float64: (1e-5, 1e-6), dt.float32: (2e-2, 5e-3), dt.float16: (2e-1, 1e-1)}


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: str | Sequence[str] = MODES,
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Compare f's derivatives with central differences; nothing happens where they agree.

    Args:
        f: a function of arrays whose result may be any nesting of them.
        args: where to look, a tuple; what is no float or complex number stays as it is. Of large arrays some elements are
            looked at, the same in every run.
        order: 1 for the first derivative, 2 for that of the derivative as well, and so on.
        modes: "forward", "reverse" or both; of higher orders, every way to go.
        eps: how far to step, relative to numbers greater than one; by default the cube root of the dtype's precision.
        rtol, atol: how far apart numbers may be; by default 1e-5 and 1e-6 for float64.

    Raises:
        GradientError: a derivative differs: it names the mode, the argument, its element, what was expected and what found.

    >>> hy.check_grads(lambda x: np.sin(x) * x, (np.array([0.5, 1.0]),))
    """
    ways = (modes,) if isinstance(modes, str) else tuple(modes)
    if not ways or not set(ways) <= set(MODES):
        raise ArgumentError("derivatives are checked forward or in reverse", got=modes, expected=" · ".join(MODES))
    if not isinstance(args, (tuple, list)):
        raise ArgumentError("check_grads takes a tuple of arguments", got=type(args).__name__, fix="check_grads(f, (x,))")
    if order < 1:
        raise ArgumentError("derivatives are of order 1 or more", got=order)
    leaves, structure = tree.flatten(list(args))
    chosen = [k for k, leaf in enumerate(leaves) if _is_smooth(leaf)]
    if not chosen:
        raise ArgumentError("check_grads is given no float or complex number to differentiate by", got=f"{args!r}"[:80])
    names = list(_places(args))

    def of_leaves(*given: Any) -> Any:
        inner = list(leaves)
        for k, leaf in zip(chosen, given):
            inner[k] = leaf
        return f(*tree.unflatten(structure, inner))

    check = _Check(ways, [names[k] for k in chosen], eps, rtol, atol, np.random.default_rng(0))
    check.compare(of_leaves, [leaves[k] for k in chosen], order, getattr(f, "__name__", "f"), "")


class _Check:
    def __init__(self, modes: Sequence[str], names: Sequence[str], eps: float | None, rtol: float | None, atol: float | None,
                 rng: np.random.Generator):  # fmt: skip
        self.modes, self.names, self.rng = modes, names, rng
        self.eps, self.rtol, self.atol = eps, rtol, atol

    def compare(self, f: Callable, at: Sequence[Any], order: int, name: str, path: str) -> None:
        value = f(*at)
        results, structure = tree.flatten(value)
        smooth = [k for k, leaf in enumerate(results) if _is_smooth(leaf)]
        along = [self._like(leaf) for leaf in at]
        given = tree.unflatten(structure, [self._like(r) if k in smooth else r for k, r in enumerate(results)])
        coarsest = max((np.finfo(_dtype(x)).eps for x in (*at, *(results[k] for k in smooth))), default=1e-16)
        base = next((d for d in (dt.float64, dt.float32) if coarsest <= np.finfo(d).eps), dt.float16)
        step = self.eps or float(np.cbrt(np.finfo(base).eps))
        tolerance = [default if own is None else own for own, default in zip((self.rtol, self.atol), _TOLERANCE[base])]
        pulled = vjp(f, *at)[1](given) if "reverse" in self.modes else None
        for k, leaf in enumerate(at):
            for place in self._elements(leaf):
                for direction in (1.0, 1j) if dt.is_complex(_dtype(leaf)) else (1.0,):
                    numeric = self._difference(f, at, k, place, direction, step)
                    where = name, path, k, place, direction
                    if "forward" in self.modes:
                        self._forward(f, at, numeric, smooth, where, tolerance)
                    if pulled is not None:
                        expected = sum(
                            float(np.sum((np.conj(_array(u)) * d).real)) for u, d in self._paired(given, numeric, smooth)
                        )
                        got = float((np.conj(_array(pulled[k])[place]) * direction).real)
                        self._agree(got, expected, "reverse", where, tolerance, "")
        if order == 1:
            return
        if "reverse" in self.modes:
            self.compare(lambda *x: vjp(f, *x)[1](given), at, order - 1, name, f"{path}reverse, then ")
        if "forward" in self.modes:
            self.compare(lambda *x: jvp(f, x, tuple(along))[1], at, order - 1, name, f"{path}forward, then ")

    def _paired(self, given: Any, numeric: Sequence[np.ndarray], smooth: Sequence[int]) -> list[tuple[Any, np.ndarray]]:
        parts = tree.flatten(given)[0]
        return [(parts[k], d) for k, d in zip(smooth, numeric)]

    def _forward(self, f: Callable, at: Sequence[Any], numeric: Sequence[np.ndarray], smooth: Sequence[int], where: tuple,
                 tolerance: Sequence[float]) -> None:  # fmt: skip
        _, _, k, place, direction = where
        tangents = [np.zeros(np.shape(_array(leaf)), _dtype(leaf)) for leaf in at]
        tangents[k][place] = direction
        found = tree.flatten(jvp(f, tuple(at), tuple(map(_as, at, tangents)))[1])[0]
        for r, expected in zip(smooth, numeric):
            got = _array(found[r])
            for element in np.ndindex(*expected.shape):
                text = f" of result{f' {r}' if len(found) > 1 else ''}{list(element) if element else ''}"
                self._agree(got[element], expected[element], "forward", where, tolerance, text)

    def _agree(self, got: Any, expected: Any, mode: str, where: tuple, tolerance: Sequence[float], what: str) -> None:
        rtol, atol = tolerance
        name, path, k, place, direction = where
        if np.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True):
            return
        part = ", its imaginary part" if direction == 1j else ""
        raise GradientError(
            f"the derivative of {name}{what} ({path}{mode}) is not what finite differences give",
            got=f"{got:.8g} by {self.names[k]}{list(place) if place else ''}{part}", expected=f"{expected:.8g}",
            fix="a kink or jump within eps of the point? a rule that is wrong? single precision?",
        )  # fmt: skip

    def _difference(
        self, f: Callable, at: Sequence[Any], k: int, place: tuple, direction: complex, step: float
    ) -> list[np.ndarray]:
        """(f(x + h) - f(x - h)) / 2h for a step in one element."""
        ends, reached = [], []
        for sign in (1, -1):
            array = np.array(_array(at[k]))
            h = step * max(1.0, abs(array[place]))
            array[place] += sign * h * (direction if dt.is_complex(array.dtype) else 1.0)
            reached.append(array[place])
            moved = [_as(leaf, array if j == k else _array(leaf)) for j, leaf in enumerate(at)]
            ends.append([_array(r) for r in tree.flatten(f(*moved))[0] if _is_smooth(r)])
        width = abs(complex(reached[0]) - complex(reached[1]))  # as far as the dtype can tell
        wide = [np.result_type(a.dtype, np.float64) for a in ends[0]]
        return [(a.astype(d) - b.astype(d)) / width for a, b, d in zip(*ends, wide)]

    def _elements(self, leaf: Any) -> list[tuple[int, ...]]:
        shape = np.shape(_array(leaf))
        count = int(np.prod(shape))
        flat = range(count) if count <= MOST else sorted(self.rng.choice(count, MOST, replace=False))
        return [tuple(map(int, np.unravel_index(k, shape))) if shape else () for k in flat]

    def _like(self, leaf: Any) -> Any:
        array = _array(leaf)
        out = self.rng.standard_normal(array.shape)
        if dt.is_complex(array.dtype):
            out = out + 1j * self.rng.standard_normal(array.shape)
        return _as(leaf, out.astype(array.dtype))


def _array(leaf: Any) -> np.ndarray:
    return np.asarray(leaf.detach() if isinstance(leaf, Value) else leaf)  # type: ignore[attr-defined]


def _dtype(leaf: Any) -> np.dtype:
    return _array(leaf).dtype


def _as(leaf: Any, array: np.ndarray) -> Any:
    """An array as the class of a leaf."""
    if isinstance(leaf, Value):
        return wrap(np.array(array))
    if isinstance(leaf, np.ndarray):
        return np.array(array)
    return type(leaf)(array[()])


def _is_smooth(leaf: Any) -> bool:
    if isinstance(leaf, (Value, np.ndarray, np.generic)):
        return leaf.dtype in dt.KIND and dt.is_inexact(leaf.dtype)  # type: ignore[union-attr]
    return isinstance(leaf, (float, complex))


def _places(args: Sequence[Any]) -> Iterator[str]:
    """How to write each leaf of the arguments."""
    for k, arg in enumerate(args):
        yield from _within(arg, f"argument {k}")


def _within(x: Any, name: str) -> Iterator[str]:
    parts = tree.children(x)
    if parts is None:
        yield name
        return
    fields: Any = x.keys() if isinstance(x, dict) else range(len(parts))
    for field, part in zip(fields, parts):
        yield from _within(part, f"{name}[{field!r}]")
