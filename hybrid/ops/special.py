"""Functions of scipy.special that machine code calls as they are, by name and signature (core/scipyspecial)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import scipyspecial
from hybrid.core.errors import GraphError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, Derivative, Kind, Named, Primitive, Sample, register
from hybrid.ops.family import check_operands, draw, map_dtype, map_shape

DERIVATIVES: dict[str, Derivative] = {}  # by the function's name; `transforms` enters them


def _infer(*types: TensorType, function: str, signature: str) -> TensorType:
    if signature not in scipyspecial.SIGNATURES.get(function, ()):
        raise GraphError(f"scipy.special.{function} is no function of signature {signature!r} that a graph may call")
    check_operands(function, len(signature), types)
    wide = "l" in signature or function in scipyspecial.WIDE_ONLY
    dtype = map_dtype(function, types, (dt.float64,) if wide else (dt.float32, dt.float64))
    return TensorType(dtype, map_shape(function, types))


def _eval(*arrays: Any, function: str, signature: str) -> np.ndarray:
    return np.asarray(scipyspecial.call(function, signature, *arrays)).astype(arrays[0].dtype, copy=False)


def _lowers(*types: TensorType, function: str, signature: str) -> bool:
    return scipyspecial.available(function, signature, types[0].dtype)


def _samples(rng: np.random.Generator) -> list[Sample]:
    def sample(function: str, signature: str, dtype: np.dtype, *shapes: tuple[int, ...]) -> Sample:
        return tuple(draw(rng, dtype, shape, 0.2, 0.9) for shape in shapes), {"function": function, "signature": signature}

    both = (dt.float32, dt.float64)
    return [
        *(sample(name, "d", dtype, (5,)) for name in ("gamma", "j0", "erfinv", "ndtri", "k1e") for dtype in both),
        *(sample(name, "dd", dtype, (2, 3), (2, 3)) for name in ("betaln", "beta") for dtype in both),
        sample("poch", "dd", dt.float64, (4,), ()),
    ]


# The operands are float64, those that the signature says l of whole; or all are float32.
special = register(Primitive(
    "special", Kind.MAP, _eval, _infer, Named(lambda function, **_: DERIVATIVES.get(function, NO_GRADIENT)), _samples,
    body="function", cost=200, lowers=_lowers,
))  # fmt: skip
