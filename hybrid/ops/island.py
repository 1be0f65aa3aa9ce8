"""A function that cannot be compiled, called between compiled parts: one that gives results and does nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import AssumptionError, VariesError
from hybrid.core.heard import silently
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, Kind, Primitive, Sample, register


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """One call of a function.

    Args:
        name: what the user calls it.
        site: the line, and which call there.
        run: from operands to the parts of what the function gives: arrays, numbers and other objects, in order.
        parts: the class of each, and what it must be: a type, or for other objects the object itself.
        quick: whether Python calls it in no time, so that only what is around it can be worth compiling.
        spare: whether it may be left out where nobody needs its results.
    """

    name: str
    site: str
    run: Callable[[Sequence[Any]], Sequence[Any]]
    parts: tuple[tuple[type, Any], ...]
    quick: bool = False
    spare: bool = False

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def assumes(self) -> bool:
        """Whether some of what it gives is no result of the graph, so that a last one says that it was as while tracing."""
        return any(not isinstance(wanted, TensorType) for _, wanted in self.parts)


def _eval(*operands: Any, call: Outside, defines: tuple[str, ...] = ()) -> tuple:
    found = silently(call.name, call.run, operands)
    if len(found) != len(call.parts):
        raise VariesError(f"{call.name} gives as many results as while tracing", call.site)
    out = []
    for part, (kind, wanted) in zip(found, call.parts):
        if type(part) is not kind or (not isinstance(wanted, TensorType) and part != wanted):
            raise AssumptionError(f"{call.name} gives what it gave while tracing", got=repr(part)[:60])
        if isinstance(wanted, TensorType):
            array = np.asarray(getattr(part, "_data", part))
            if array.dtype != wanted.dtype or array.ndim != wanted.ndim:
                raise AssumptionError(f"{call.name} gives what it gave while tracing", got=f"{array.dtype}{array.shape}")
            if any(isinstance(size, int) and size != given for size, given in zip(wanted.shape, array.shape)):
                raise VariesError(f"{call.name} gives arrays of the sizes that it gave while tracing", call.site)
            out.append(array)
    return (*out, np.asarray(True)) if call.assumes else tuple(out)


def _infer(*operands: TensorType, call: Outside, defines: tuple[str, ...] = ()) -> tuple:
    results = tuple(wanted for _, wanted in call.parts if isinstance(wanted, TensorType))
    return (*results, TensorType(dt.bool_, ())) if call.assumes else results


def _samples(rng: np.random.Generator) -> list[Sample]:
    call = Outside("np.sort", "", lambda operands: [np.sort(operands[0])], ((np.ndarray, TensorType(dt.float64, (3,))),))
    return [((rng.normal(size=3),), {"call": call})]


# `defines`: the symbols among the sizes of its results that each call gives their value.
island = register(Primitive(
    "island", Kind.OPAQUE, _eval, _infer, NO_GRADIENT, _samples, reason="a function that is not compiled", raises=True,
    spare=lambda call, **_: call.spare,
))  # fmt: skip
