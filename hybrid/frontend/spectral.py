"""NumPy's `fft` names over three transforms along one axis: sizes by cutting and padding, norms by scaling."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, normalize_axis
from hybrid.frontend import integers
from hybrid.frontend.borders import pad
from hybrid.frontend.calls import bind, implements, traced, unsupported
from hybrid.frontend.creation import asarray
from hybrid.frontend.elementwise import cast
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import roll
from hybrid.frontend.values import active, header_of, laid_out, like, shape_of, strong
from hybrid.ops import fft as f

_COMPLEX = {dt.float32: np.complex64, dt.float16: np.complex64, dt.bfloat16: np.complex64}


def _sized(x: Any, given: Any, axis: int) -> tuple[Any, Any]:
    """x cut or padded with zeros to so many elements along an axis."""
    trace, have = active(), shape_of(x)[axis]
    if given is None:
        return x, have
    n = integers.stated(trace, given)
    if n == have:
        return x, have
    more, some = trace.ask("gt", n, have), trace.ask("ge", n, 1)
    if more is None or some is None:
        raise unsupported("a transform of a length that only a run knows")
    if not some:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if more:
        return pad(x, [(0, integers.integer(trace, n - have) if k == axis else 0) for k in range(len(shape_of(x)))]), n
    return getitem(x, (slice(None),) * axis + (slice(0, integers.integer(trace, n)),)), n


def _scale(n: Any, norm: str | None, inverse: bool) -> Any:
    """What a transform is multiplied by beyond its primitive's own 1/n on the way back."""
    if norm in (None, "backward"):
        return 1.0
    if isinstance(n, Dim):
        n = integers.to_float(integers.integer(active(), n))
    if norm == "ortho":
        return n**0.5 if inverse else n**-0.5
    if norm == "forward":
        return n * 1.0 if inverse else 1.0 / n
    raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')


def _scaled(x: Any, factor: Any) -> Any:
    return x if type(factor) is float and factor == 1.0 else x * factor


def _transform(a: Any, n: int | None, axis: int, norm: str | None, out: Any, inverse: bool) -> Any:
    if out is not None:
        raise unsupported("np.fft with out=", "assign the result instead")
    dtype = strong(a)
    known = dt.is_complex(dtype) or dtype in (dt.float32, dt.float64)  # the transform converts real numbers
    x = traced(a) if known else cast(traced(a), _COMPLEX.get(dtype, np.complex128))
    along = normalize_axis(axis, len(shape_of(x)))
    x, n = _sized(x, n, along)
    made = laid_out(bind(f.fft, x, axis=along, inverse=inverse), like(x))
    return _scaled(made, _scale(n, norm, inverse))


@implements(np.fft.fft)
def fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """The discrete Fourier transform along an axis.

    X[k] = Σ x[j]·e^(-2πi·jk/n) (Cooley and Tukey 1965). `n` cuts or pads with zeros; `norm` "backward", "ortho" or "forward"
    says which way divides by n. float16, float32 and complex64 give complex64, all else complex128.

    >>> hy.fft.fft([1.0, 0.0, 0.0, 0.0])
    array([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _transform(a, n, axis, norm, out, False)


@implements(np.fft.ifft)
def ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """The inverse transform along an axis.

    >>> hy.fft.ifft([4.0, 0.0, 0.0, 0.0])
    array([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _transform(a, n, axis, norm, out, True)


@implements(np.fft.rfft)
def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """The transform of real numbers: the first n//2 + 1 coefficients.

    >>> hy.fft.rfft([1.0, 2.0, 3.0, 2.0])
    array([ 8.+0.j, -2.+0.j,  0.+0.j])
    """
    if out is not None:
        raise unsupported("np.fft with out=", "assign the result instead")
    dtype = strong(a)
    if dt.is_complex(dtype):
        raise TypeError("ufunc 'rfft_n_even' did not contain a loop with signature matching types complex")
    x = cast(traced(a), np.float32 if dtype in _COMPLEX else np.float64)
    along = normalize_axis(axis, len(shape_of(x)))
    x, n = _sized(x, n, along)
    if isinstance(n, Dim):  # how many numbers there are of a size that varies is a size of its own
        half = integers.size_of(active(), integers.integer(active(), n) // 2 + 1)
        return _scaled(bind(f.rfft, x, axis=along, half=half), _scale(n, norm, False))
    made, header = bind(f.rfft, x, axis=along), header_of(x)
    laid_out(made, None if header is None else np.empty_like(header, np.uint8, shape=active().hinted(shape_of(made))))
    return _scaled(made, _scale(n, norm, False))


@implements(np.fft.irfft)
def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """The inverse of `rfft`: n real numbers (without n, an even number of them).

    >>> hy.fft.irfft([8.0, -2.0, 0.0])
    array([1., 2., 3., 2.])
    """
    if out is not None:
        raise unsupported("np.fft with out=", "assign the result instead")
    dtype = strong(a)
    x = traced(a) if dt.is_complex(dtype) else cast(traced(a), _COMPLEX.get(dtype, np.complex128))
    along = normalize_axis(axis, len(shape_of(x)))
    count = 2 * (shape_of(x)[along] - 1) if n is None else integers.stated(active(), n)
    x, _ = _sized(x, None if n is None else n // 2 + 1, along)
    return _scaled(bind(f.irfft, x, axis=along, n=count), _scale(count, norm, True))


@implements(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Any:
    """The transform along several axes, all without `axes`.

    >>> hy.fft.fftn(np.ones((2, 2)))
    array([[4.+0.j, 0.+0.j],
           [0.+0.j, 0.+0.j]])
    """
    return _several(fft, a, s, axes, norm, out)


@implements(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Any:
    """The inverse transform along several axes, all without `axes`.

    >>> hy.fft.ifftn([[4.0, 0.0], [0.0, 0.0]])
    array([[1.+0.j, 1.+0.j],
           [1.+0.j, 1.+0.j]])
    """
    return _several(ifft, a, s, axes, norm, out)


@implements(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: Any = None) -> Any:
    """The transform along two axes.

    >>> hy.fft.fft2(np.ones((2, 2)))
    array([[4.+0.j, 0.+0.j],
           [0.+0.j, 0.+0.j]])
    """
    return _several(fft, a, s, axes, norm, out)


@implements(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: Any = None) -> Any:
    """The inverse transform along two axes.

    >>> hy.fft.ifft2([[4.0, 0.0], [0.0, 0.0]])
    array([[1.+0.j, 1.+0.j],
           [1.+0.j, 1.+0.j]])
    """
    return _several(ifft, a, s, axes, norm, out)


# Computed by NumPy in compiled functions, too.
@implements(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Any:
    """The transform of real numbers along several axes, all without `axes`; the last one keeps n//2 + 1 coefficients.

    >>> hy.fft.rfftn(hy.ones((2, 4))).shape
    (2, 3)
    """
    raise unsupported("np.fft.rfftn")


@implements(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None) -> Any:
    """The inverse of `rfftn`.

    >>> hy.fft.irfftn(hy.fft.rfftn(hy.ones((2, 4)))).shape
    (2, 4)
    """
    raise unsupported("np.fft.irfftn")


@implements(np.fft.hfft)
def hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """The transform of a signal that is its own mirror image, conjugated: n real numbers.

    >>> hy.fft.hfft(hy.asarray([1.0, 2.0, 1.0]))
    tensor([ 6.,  0., -2.,  0.], dtype=float32)
    """
    raise unsupported("np.fft.hfft")


@implements(np.fft.ihfft)
def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    """The inverse of `hfft`.

    >>> hy.fft.ihfft(hy.asarray([1.0, 2.0, 1.0])).shape
    (2,)
    """
    raise unsupported("np.fft.ihfft")


# Frequencies are new arrays of the default float, as those that other functions of the namespace make.
def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: str | None = None) -> Any:
    """The frequencies of the coefficients of `fft`, for samples d apart.

    >>> hy.fft.fftfreq(4, d=0.5)
    tensor([ 0. ,  0.5, -1. , -0.5], dtype=float32)
    """
    return _frequencies(np.fft.fftfreq(n, d), dtype, device)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: str | None = None) -> Any:
    """The frequencies of the coefficients of `rfft`, for samples d apart.

    >>> hy.fft.rfftfreq(4, d=0.5)
    tensor([0. , 0.5, 1. ], dtype=float32)
    """
    return _frequencies(np.fft.rfftfreq(n, d), dtype, device)


def _frequencies(made: np.ndarray, dtype: Any, device: str | None) -> Any:
    return asarray(made.astype(dt.canonical(dtype, dt.default_float())), device=device)


def _several(one: Any, a: Any, s: Any, axes: Any, norm: str | None, out: Any) -> Any:
    axes = tuple(range(len(shape_of(a)))) if axes is None else tuple(axes)
    sizes = (None,) * len(axes) if s is None else tuple(s)
    for n, axis in reversed(list(zip(sizes, axes))):
        a = one(a, n, axis, norm, out)
    return a


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    """The zero frequency moved to the middle.

    >>> hy.fft.fftshift([0, 1, 2, -2, -1])
    array([-2, -1,  0,  1,  2])
    """
    return _shifted(x, axes, lambda size: integers.integer(active(), size) // 2)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    """The inverse of `fftshift`.

    >>> hy.fft.ifftshift([-2, -1, 0, 1, 2])
    array([ 0,  1,  2, -2, -1])
    """
    return _shifted(x, axes, lambda size: -(integers.integer(active(), size) // 2))


def _shifted(x: Any, axes: Any, by: Any) -> Any:
    if axes is None and not shape_of(x):
        raise ValueError("need at least one array to broadcast")
    axes = tuple(range(len(shape_of(x)))) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    return roll(x, [by(shape_of(x)[axis]) for axis in axes], axes)
