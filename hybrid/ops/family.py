"""What the rows of one kind have in common: type rules, samplers, and the functions that make a row from a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError, GraphError, ShapeError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import Derivative, Kind, Lift, Partials, Primitive, Sample, register

NUMERIC = dt.INTEGERS + dt.FLOATS + dt.COMPLEX
REAL = dt.INTEGERS + dt.FLOATS
INEXACT = dt.FLOATS + dt.COMPLEX
LOGICAL = (dt.bool_, *dt.INTEGERS)


# What works along one axis, and on each line along it alone: with more axes in front, that axis is further back.
ALONG = Lift(lambda size, axis, **_: {"axis": axis + 1})
IN_FRONT = Lift(lambda size, **_: {})  # what takes any number of axes in front as they are


def draw(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], low: float = -4.0, high: float = 4.0) -> np.ndarray:
    """A sample array of the dtype with values in [low, high); integers and booleans inside the same range."""
    kind = dt.KIND[dtype]
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        return rng.integers(
            max(0, int(np.floor(low))) if kind == "u" else int(np.floor(low)), max(int(np.ceil(high)), 1), shape
        ).astype(dtype)
    if kind == "c":
        return np.asarray(rng.uniform(low, high, shape) + 1j * rng.uniform(low, high, shape)).astype(dtype)
    return rng.uniform(low, high, shape).astype(dtype)


def map_shape(name: str, types: Sequence[TensorType]) -> tuple:
    """The common shape of a MAP's operands; rank-0 operands go with any."""
    shape: tuple | None = None
    for t in types:
        if t.shape == ():
            continue
        if shape is not None and t.shape != shape:
            raise ShapeError(f"{name} takes operands of one shape", got=", ".join(map(str, types)), fix="broadcast them first")
        shape = t.shape
    return shape or ()


def check_operands(name: str, count: int, types: Sequence[TensorType]) -> None:
    """Refuse another number of operands than a row takes, as a malformed graph may have."""
    if len(types) != count:
        raise GraphError(f"{name} takes {count} operand{'s' * (count != 1)}", got=", ".join(map(str, types)) or "none")


def check_axes(name: str, x: TensorType, axes: Sequence[int]) -> None:
    """Refuse axes that x does not have, or that do not ascend."""
    if any(not 0 <= axis < x.ndim for axis in axes) or list(axes) != sorted(set(axes)):
        raise GraphError(f"{name} takes distinct axes of its operand in ascending order", got=f"{tuple(axes)} for {x}",
                         expected=f"axes from 0 to {x.ndim - 1}" if x.ndim else "no axis of a scalar")  # fmt: skip


def map_dtype(name: str, types: Sequence[TensorType], allowed: tuple[np.dtype, ...]) -> np.dtype:
    """The common dtype of a MAP's operands."""
    dtype = types[0].dtype
    if any(t.dtype is not dtype and t.dtype != dtype for t in types):
        raise DTypeError(f"{name} takes operands of one dtype", got=", ".join(map(str, types)), fix="convert them first")
    if dtype not in allowed:
        raise DTypeError(f"{name} does not take {dt.SHORT[dtype]}", expected=", ".join(dt.SHORT[d] for d in allowed))
    return dtype


def mapping(name: str, arity: int, eval: Callable, derivative: Derivative | Callable, *, dtypes: tuple[np.dtype, ...],
            body: str | None = None, result: np.dtype | None = None, cost: int = 1, domain: tuple[float, float] = (-4.0, 4.0),
            domains: Sequence[tuple[float, float]] = (), lowers: Callable[..., bool] | None = None,
            singular: bool = False) -> Primitive:  # fmt: skip
    """An elementwise row. `derivative` may be the bare rule of a `Partials`; `domain` is where samples are drawn."""
    ranges = tuple(domains) or (domain,) * arity

    def infer(*types: TensorType) -> TensorType:
        check_operands(name, arity, types)
        dtype = map_dtype(name, types, dtypes)
        return TensorType(result or dtype, map_shape(name, types))

    def sample(rng: np.random.Generator) -> list[Sample]:
        shapes = ((), (7,), (3, 5), (0, 2))
        picks = [(dtype, (17,)) for dtype in dtypes] + [(dtypes[-1], shape) for shape in shapes]
        return [(tuple(draw(rng, dtype, shape, *r) for r in ranges), {}) for dtype, shape in picks]

    def evaluate(*arrays: Any) -> Any:
        out = eval(*arrays)
        # ml_dtypes' ufuncs and NumPy's on 0-d arrays may widen or give Python values; a row keeps its dtype.
        wanted = result or arrays[0].dtype
        return out if out.dtype == wanted else out.astype(wanted)

    return register(Primitive(
        name, Kind.MAP, evaluate, infer, Partials(derivative, singular) if callable(derivative) else derivative, sample,
        body=body or name, cost=cost, lowers=lowers or real_only,
    ))  # fmt: skip


def real_only(*types: TensorType, **_: Any) -> bool:
    """Loops know no complex numbers; those go to the host."""
    return not any(dt.is_complex(t.dtype) for t in types)


def conjugate(x: Any) -> Any:
    """The factor that a cotangent is multiplied by, so that ⟨u, v⟩ = Re Σ conj(u)·v holds; x itself where it is real."""
    return x.conj() if dt.is_complex(x.dtype) else x
