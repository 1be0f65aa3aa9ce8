"""Functions of arrays that the user compiled with Numba: machine code calls theirs, from inside loops, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import AssumptionError, VariesError
from hybrid.core.jitted import Jitted, Part
from hybrid.core.shape import Shape, TensorType
from hybrid.ir.primitive import NO_GRADIENT, Kind, Primitive, Sample, register


def _eval(*operands: Any, call: Jitted, shapes: tuple[Shape, ...], site: str) -> tuple:
    out = evaluated(operands, call)
    made = out[call.writes :]
    if any(array.shape != shape for array, shape in zip(made, shapes)):
        raise VariesError(f"{call.name} gives arrays of the sizes that it gave while tracing", site)
    return out


def evaluated(operands: Sequence[Any], call: Jitted) -> tuple:
    """What the function leaves and gives, whatever its sizes are.

    Raises:
        AssumptionError: It gives something else than new arrays of the right dtypes.
    """
    given: list[Any] = [None] * len(operands)
    for place, x in zip(call.places, operands):
        given[place] = _given(np.asarray(x), call.arguments[place])
    found = call.function(*given)
    parts = (found if call.nests else (found,)) if call.results else ()
    if call.hands_on is not None and found is not given[call.hands_on]:
        raise AssumptionError(f"{call.name} gives an argument")
    out = [given[place] for place in call.places[: call.writes]]
    for part, wanted in zip(parts, call.results, strict=True):
        array = np.asarray(part, None if wanted.is_array else wanted.kept)
        if array.dtype != wanted.kept or any(np.may_share_memory(array, x) for x in given if isinstance(x, np.ndarray)):
            raise AssumptionError(f"{call.name} gives new arrays")
        if wanted.order == "A" and not array.flags.c_contiguous:
            raise AssumptionError(f"{call.name} gives arrays without gaps")
        array = array.T if wanted.order == "F" else array
        out.append(array)
    return (*out, np.asarray(0)) if call.fails else tuple(out)


def _given(x: np.ndarray, part: Part) -> Any:
    if not part.is_array:
        return part.dtype.type(x)
    kept = x.flags.writeable and x.flags.c_contiguous and not part.written  # Numba has other types for other flags
    x = x if kept else np.array(x, order="C")
    return x.T if part.order == "F" else x


def _infer(*types: TensorType, call: Jitted, shapes: tuple[Shape, ...], site: str) -> tuple[TensorType, ...]:
    made = (TensorType(part.kept, shape, not part.is_array) for part, shape in zip(call.results, shapes))
    failed = (TensorType(dt.int64, ()),) if call.fails else ()
    return (*types[: call.writes], *made, *failed)


def _samples(rng: np.random.Generator, fails: bool = False) -> list[Sample]:
    def function(x: np.ndarray, y: np.ndarray, k: float) -> tuple[np.ndarray, float]:
        x += k
        return x * y, float(y.sum())

    array = Part(dt.float64, 1)
    taken = (Part(dt.float64, 1, written=True), array, Part(dt.float64))
    call = Jitted("function", function, taken, (array, Part(dt.float64)), True, fails)
    return [((rng.normal(size=3), rng.normal(size=3), np.asarray(2.0)), {"call": call, "shapes": ((3,), ()), "site": ""})]


# Operands that lie as Fortran has them are given transposed. Results: what it leaves in the arrays that it may write into, and
# what it gives; also transposed, where it lies so. `shapes`: of what it gives. `site`: names the assumption that it does so.
jitted = register(Primitive(
    "jitted", Kind.OPAQUE, _eval, _infer, NO_GRADIENT, _samples,
    reason="a function that the user compiled with Numba", body="jitted", with_complex=True,
))  # fmt: skip
# One that may raise: a last result is zero where it has not.
jitted_failing = register(Primitive(
    "jitted_failing", Kind.OPAQUE, _eval, _infer, NO_GRADIENT, lambda rng: _samples(rng, True),
    reason=jitted.reason, body="jitted", with_complex=True, raises=True,
))  # fmt: skip
