"""Discrete Fourier transforms along one axis, unscaled forward and scaled by 1/n backward; NumPy's pocketfft does the work."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npyloops
from hybrid.core.errors import DTypeError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import Kind, Linear, Primitive, register
from hybrid.ops.family import ALONG, draw

_REASON = "a Fourier transform of this NumPy's"
_WIDE: dict[np.dtype, np.dtype] = {dt.float32: dt.complex64, dt.float64: dt.complex128}


def _lent(*names: str, inverse: bool = False) -> dict[str, Any]:
    """How a transform lowers that NumPy's loops of these names compute."""

    def lowers(x: TensorType, **params: Any) -> bool:
        char = npyloops.transformed(names[0], x.dtype, params.get("inverse", inverse))
        return 0 not in x.shape and all(npyloops.loop("fft", name, char) for name in names)

    return {"lowers": lowers, "with_complex": True}


def _infer_fft(x: TensorType, axis: int, inverse: bool) -> TensorType:
    if not dt.is_complex(x.dtype) and x.dtype not in _WIDE:
        raise DTypeError("fft takes complex numbers, float32 or float64", got=x, fix="convert the operand")
    return TensorType(_WIDE.get(x.dtype, x.dtype), x.shape)


def _eval_fft(x: Any, axis: int, inverse: bool) -> np.ndarray:
    return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axis)


# F is symmetric, so its adjoint conj(F)ᵀ is the other direction, unscaled or scaled: Fᴴ = n·F⁻¹; of it the real part where
# x is real.
def _adjoint_fft(g: Any, x: Any, axis: int, inverse: bool) -> tuple:
    n = x.shape[axis]
    back = g.fft(axis, False) / n if inverse else g.fft(axis, True) * n
    return (back if dt.is_complex(x.dtype) else back.real,)


fft = register(
    Primitive(
        "fft",
        Kind.OPAQUE,
        _eval_fft,
        _infer_fft,
        Linear(_adjoint_fft),
        lambda rng: [
            ((draw(rng, d, (3, 4)),), {"axis": axis, "inverse": back})
            for d in (*dt.COMPLEX, dt.float32, dt.float64)
            for axis in (0, 1)
            for back in (False, True)
        ],
        body="fft",
        reason=_REASON,
        batch=ALONG,
        **_lent("fft", "ifft"),
    )
)


def _infer_rfft(x: TensorType, axis: int, half: Any = None) -> TensorType:
    if x.dtype not in _WIDE:
        raise DTypeError("rfft takes float32 or float64", got=x)
    size: Any = x.shape[axis]
    return TensorType(_WIDE[x.dtype], (*x.shape[:axis], size // 2 + 1 if half is None else half, *x.shape[axis + 1 :]))


# y = F x restricted to the first half: its adjoint pads with zeros and takes the real part of Fᴴ.
def _adjoint_rfft(g: Any, x: Any, axis: int, half: Any = None) -> tuple:
    n = x.shape[axis]
    start = (0,) * len(x.shape)
    padded = x.zeros().astype(g.dtype).at_slice(start, (1,) * len(start), g)
    return ((padded.fft(axis, True) * n).real,)


rfft = register(Primitive(
    "rfft", Kind.OPAQUE, lambda x, axis, half=None: np.fft.rfft(x, axis=axis), _infer_rfft, Linear(_adjoint_rfft),
    lambda rng: [((draw(rng, d, shape),), {"axis": 1}) for d in _WIDE for shape in ((3, 4), (2, 5))], body="rfft",
    reason=_REASON, batch=ALONG, **_lent("rfft_n_even", "rfft_n_odd"),
))  # fmt: skip


def _infer_irfft(x: TensorType, axis: int, n: int) -> TensorType:
    if not dt.is_complex(x.dtype):
        raise DTypeError("irfft takes complex numbers", got=x)
    return TensorType(dt.real_of(x.dtype), (*x.shape[:axis], n, *x.shape[axis + 1 :]))


# x_k for 0 < k < n/2 stands for itself and its conjugate, the ends for themselves: weights 1, 2, …, 2, 1 over n.
def _adjoint_irfft(g: Any, x: Any, axis: int, n: int) -> tuple:
    back = g.rfft(axis)
    at = back.places(axis, back.shape)
    twice = ((at == 0) | (at * 2 == n)).where(back, back * 2) / n
    if back.shape == x.shape:
        return (twice,)
    zero, one = (0,) * x.ndim, (1,) * x.ndim
    if x.shape[axis] - back.shape[axis] < 0:  # the transform takes missing numbers for zeros, and leaves out those too many
        return (twice.slice(zero, one, x.shape),)
    return (x.zeros().at_slice(zero, one, twice),)


irfft = register(Primitive(
    "irfft", Kind.OPAQUE, lambda x, axis, n: np.fft.irfft(x, n, axis=axis), _infer_irfft, Linear(_adjoint_irfft),
    lambda rng: [((draw(rng, d, (2, n // 2 + 1)),), {"axis": 1, "n": n}) for d in dt.COMPLEX for n in (6, 5)]
    + [((draw(rng, dt.complex128, (2, 3)),), {"axis": 1, "n": n}) for n in (1, 2, 8)], body="irfft",
    reason=_REASON, batch=ALONG, **_lent("irfft", inverse=True),
))  # fmt: skip
