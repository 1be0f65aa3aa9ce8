"""Functions of NumPy and SciPy that a host call computes: their results' dtypes and sizes follow from their arguments' alone.

Unlike an `island`, such a call is part of the graph's language: it stands in the bodies of loops, and in saved graphs by name.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npylinalg, tree
from hybrid.core.errors import AssumptionError, GraphError
from hybrid.core.heard import silently
from hybrid.core.shape import Dim, TensorType
from hybrid.ir.primitive import NO_GRADIENT, Derivative, Kind, Named, Primitive, Sample, register

# By module. Only functions that give new arrays and numbers, do nothing else, and look at values for nothing but values.
NAMES: dict[str, tuple[str, ...]] = {
    "numpy": (
        "argpartition", "argsort", "array_equal", "array_equiv", "average", "bartlett", "bitwise_count",
        "blackman", "choose", "convolve", "corrcoef", "correlate", "cov", "cross", "cumulative_prod",
        "cumulative_sum", "diagflat", "digitize", "ediff1d", "einsum", "frexp", "gcd", "geomspace", "gradient",
        "hamming", "hanning", "histogram", "histogram2d", "histogram_bin_edges", "histogramdd", "i0", "insert",
        "interp", "isin", "kaiser", "lcm", "lexsort", "linspace", "logspace", "matvec", "median", "nan_to_num",
        "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin",
        "nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum", "nanvar", "packbits", "pad", "partition",
        "percentile", "poly", "polyadd", "polyder", "polyfit", "polyint", "polysub",
        "polyval", "power", "quantile", "ravel_multi_index", "reciprocal", "round", "searchsorted", "sort",
        "sort_complex", "spacing", "trapezoid", "unpackbits", "unravel_index", "unwrap", "vander", "vecdot",
        "vecmat",
    ),
    "numpy.fft": ("fft", "fft2", "fftn", "hfft", "ifft", "ifft2", "ifftn", "ihfft", "irfft", "irfft2", "irfftn", "rfft",
                  "rfft2", "rfftn"),
    "numpy.linalg": ("cholesky", "cond", "cross", "det", "eigh", "eigvalsh", "inv", "lstsq", "matrix_norm", "matrix_power",
                     "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensorinv",
                     "tensorsolve", "vecdot", "vector_norm"),
    "numpy.polynomial.chebyshev": ("chebfit", "chebval", "chebvander", "chebder", "chebint", "chebadd", "chebmul"),
    "numpy.polynomial.hermite": ("hermfit", "hermval", "hermvander"),
    "numpy.polynomial.hermite_e": ("hermefit", "hermeval", "hermevander"),
    "numpy.polynomial.laguerre": ("lagfit", "lagval", "lagvander"),
    "numpy.polynomial.legendre": ("legfit", "legval", "legvander"),
    "numpy.polynomial.polynomial": ("polyfit", "polyval", "polyvander", "polyval2d", "polyder", "polyint"),
    "scipy.linalg": ("cho_factor", "cho_solve", "cholesky", "det", "eigh", "eigvalsh", "expm", "inv", "lstsq", "lu",
                     "lu_factor", "lu_solve", "norm", "pinv", "qr", "solve", "solve_banded", "solve_triangular",
                     "solveh_banded", "svd", "svdvals", "toeplitz", "circulant", "hankel", "sqrtm"),
    "scipy.fft": ("dct", "dctn", "dst", "dstn", "fft", "fft2", "fftn", "idct", "idctn", "idst", "idstn", "ifft", "ifft2",
                  "ifftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftn"),
    "scipy.signal": ("convolve", "convolve2d", "correlate", "correlate2d", "detrend", "fftconvolve", "filtfilt", "hilbert",
                     "lfilter", "medfilt", "savgol_filter", "sosfilt", "sosfiltfilt", "decimate", "freqz", "lfilter_zi",
                     "medfilt2d", "oaconvolve", "periodogram", "resample", "spectrogram", "stft", "upfirdn", "welch", "wiener"),
    "scipy.ndimage": ("affine_transform", "binary_closing", "binary_dilation", "binary_erosion", "binary_fill_holes",
                      "binary_opening", "center_of_mass", "convolve", "convolve1d", "correlate", "correlate1d",
                      "distance_transform_edt", "fourier_gaussian", "gaussian_filter", "gaussian_filter1d",
                      "gaussian_gradient_magnitude", "gaussian_laplace", "grey_closing", "grey_dilation", "grey_erosion",
                      "grey_opening", "label", "laplace", "map_coordinates", "maximum_filter", "maximum_filter1d",
                      "median_filter", "minimum_filter", "minimum_filter1d", "percentile_filter", "prewitt", "rank_filter",
                      "rotate", "shift", "sobel", "spline_filter", "sum_labels", "uniform_filter", "uniform_filter1d", "zoom"),
    "math": ("dist", "frexp", "fsum", "gamma", "hypot", "ldexp", "remainder", "sumprod", "ulp"),
    __name__: ("written", "complex_eig", "solved", "residuals", "singular"),
    "scipy.special": ("comb", "factorial", "factorial2", "lambertw", "log_softmax", "logsumexp", "multigammaln", "perm",
                      "polygamma", "softmax", "zeta"),
}  # fmt: skip
# Those whose results are as long as their values say.
LATE: dict[str, tuple[str, ...]] = {
    "numpy": ("delete", "intersect1d", "polydiv", "polymul", "repeat", "setdiff1d",
              "setxor1d", "union1d", "unique", "unique_all", "unique_counts",
              "unique_inverse", "unique_values"),
}  # fmt: skip
# Those whose results are real or complex as their values say.
EITHER: dict[str, tuple[str, ...]] = {
    "numpy": ("real_if_close", "roots"),
    "numpy.linalg": ("eig", "eigvals"),
    "numpy.lib.scimath": ("arccos", "arcsin", "arctanh", "log", "log10", "log2", "logn", "power", "sqrt"),
    "scipy.linalg": ("eig", "eigvals", "logm"),
}
# Those that write into their first argument: `written` calls them on a copy.
WRITING = ("fill_diagonal", "place", "put", "put_along_axis", "putmask")
_METHODS = ("reduce", "accumulate", "reduceat", "outer", "at")  # of any ufunc


def written(name: str, x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
    """A copy of an array after a function has written into it."""
    out = np.array(x)
    function_of(name)(out, *args, **kwargs)
    return out


def complex_eig(a: np.ndarray) -> tuple[np.ndarray, ...]:
    """Eigenvalues and vectors as complex numbers, also where all of a real matrix turn out to be real."""
    return tuple(np.asarray(part, np.result_type(part, np.complex64)) for part in np.linalg.eig(a))


# The parts of what `np.linalg.lstsq` gives: functions that look at the solution alone need not know how many residuals and
# singular values there are.
def solved(a: np.ndarray, b: np.ndarray, rcond: float | None) -> tuple[np.ndarray, np.integer]:
    x, _, rank, _ = np.linalg.lstsq(a, b, rcond)
    return x, rank


def residuals(a: np.ndarray, b: np.ndarray, rcond: float | None) -> np.ndarray:
    return np.linalg.lstsq(a, b, rcond)[1]


def singular(a: np.ndarray, b: np.ndarray, rcond: float | None) -> np.ndarray:
    return np.linalg.lstsq(a, b, rcond)[3]


# Whether LAPACK has a factorisation: what a `try` around one asks.
@functools.cache
def function_of(name: str) -> Any:
    """The function of a dotted name, if it may be called."""
    module, _, last = name.rpartition(".")
    if last in _METHODS:
        return getattr(function_of(module), last)
    if module == "numpy" and last in WRITING:
        return getattr(np, last)
    known = last in (*NAMES.get(module, ()), *LATE.get(module, ()), *EITHER.get(module, ()))
    if not known and not is_ufunc(module, last):
        raise GraphError(f"{name} is not a function that a graph may call")
    return getattr(importlib.import_module(module), last)


def is_ufunc(module: str, name: str) -> bool:
    """Whether this is the name of one of NumPy's or SciPy's ufuncs."""
    return module in ("numpy", "scipy.special") and isinstance(getattr(importlib.import_module(module), name, None), np.ufunc)


def name_of_ufunc(ufunc: np.ufunc) -> str | None:
    """The dotted name of one of NumPy's or SciPy's ufuncs; None of any other, whatever it is called."""
    for module in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(module), ufunc.__name__, None) is ufunc:
            return f"{module}.{ufunc.__name__}"
    return None


def _as(kind: str, array: Any) -> Any:
    array = np.asarray(array)
    return array.item() if kind == "python" else array[()] if kind == "scalar" else array


_FLOATS = ("float", "complex")
_NUMBERS = (*_FLOATS, "bool", "number")


def decoded(part: Any, operands: Sequence[Any], as_kind: Callable[[str, Any], Any] = _as) -> Any:
    """An argument from its encoded form: tuples that begin with a word, and plain constants."""
    if not isinstance(part, tuple):
        return part
    word, *rest = part
    if word == "operand":
        return as_kind(rest[1], operands[rest[0]])
    if word == "dict":
        return {key: decoded(item, operands, as_kind) for key, item in rest}
    if word in _FLOATS:  # told apart to the last bit, since equal parameters mean the same call
        parts = map(float.fromhex, rest)
        return next(parts) if word == "float" else complex(*parts)
    if word == "bool":
        return bool(rest[0])
    items = [decoded(item, operands, as_kind) for item in rest]
    if word == "number":
        return items[0].type(items[1])
    return slice(*items) if word == "slice" else tuple(items) if word == "tuple" else items


def _eval(*operands: Any, function: str, args: tuple, kwargs: tuple, classes: tuple, dtypes: tuple, shapes: tuple,
          defines: tuple[str, ...] = ()) -> tuple:  # fmt: skip
    result = silently(function, _caller(function, args, kwargs), operands)
    if classes == ("ndarray",) and type(result) is np.ndarray and not any(result is operand for operand in operands):
        if result.dtype == dtypes[0] and _fits(result.shape, shapes[0]):
            return (result,)  # as nearly always
    found = [part for part in tree.flatten(result)[0] if not any(part is operand for operand in operands)]
    if len(found) != len(classes):
        raise AssumptionError(f"{function} gives as many results as while tracing", got=len(found))
    out = []
    for part, kind, dtype, shape in zip(found, classes, dtypes, shapes):
        array = np.asarray(part)
        if class_of(part) != kind or array.dtype != dtype or not _fits(array.shape, shape):
            raise AssumptionError(f"{function} gives what it gave while tracing",
                                  got=f"{type(part).__name__} {array.dtype}{list(array.shape)}")  # fmt: skip
        out.append(array)
    return tuple(out)


def _fits(given: tuple, wanted: tuple) -> bool:
    """Whether a result has the sizes that it was said to have; strings stand for any."""
    if given == wanted:
        return True
    return len(given) == len(wanted) and all(isinstance(size, str) or size == one for size, one in zip(wanted, given))


@functools.lru_cache(maxsize=1024)
def _caller(function: str, args: tuple, kwargs: tuple) -> Any:
    """What makes the call, of the operands; what nests in no list is looked up without recursion."""
    called, parts = function_of(function), args[1:]
    if any(isinstance(part, tuple) and part[0] not in ("operand", *_NUMBERS) for part in parts):
        return lambda operands: called(*decoded(args, operands), **decoded(kwargs, operands))
    if any(isinstance(part, tuple) and part[0] not in _NUMBERS for _, part in kwargs[1:]):
        return lambda operands: called(*decoded(args, operands), **decoded(kwargs, operands))
    named, start = decoded(kwargs, ()), [None if _is_operand(part) else decoded(part, ()) for part in parts]
    places = [(k, part[1], part[2]) for k, part in enumerate(parts) if _is_operand(part)]

    def call(operands: Sequence[Any]) -> Any:
        given = start.copy()
        for k, place, kind in places:
            given[k] = _as(kind, operands[place])
        return called(*given, **named)

    return call


def _is_operand(part: Any) -> bool:
    return isinstance(part, tuple) and part[0] == "operand"


def class_of(part: Any) -> str:
    """What a result is: an array, a number of NumPy's, or one of Python's."""
    return "ndarray" if isinstance(part, np.ndarray) else "scalar" if isinstance(part, np.generic) else "python"


def _infer(*operands: TensorType, dtypes: tuple, shapes: tuple, classes: tuple, **_: Any) -> tuple:
    return tuple(
        TensorType(dtype, tuple(Dim.symbol(size) if isinstance(size, str) else size for size in shape), kind == "python")
        for kind, dtype, shape in zip(classes, dtypes, shapes)
    )


def _samples(rng: np.random.Generator) -> list[Sample]:
    def params(function: str, *shape: int, **more: Any) -> dict[str, Any]:
        return {"function": function, "args": ("list", ("operand", 0, "ndarray")), "kwargs": ("dict", *more.items()),
                "classes": ("ndarray",), "dtypes": (dt.float64,), "shapes": (shape,)}  # fmt: skip

    return [((rng.normal(size=(3, 2)),), params("numpy.linalg.svdvals", 2)),
            ((rng.normal(size=(2, 2)) + 3 * np.eye(2),), params("numpy.linalg.tensorinv", 2, 2, ind=1))]  # fmt: skip


_BESIDE = (f"{__name__}.residuals", f"{__name__}.singular")  # what `lstsq` gives besides the solution, which fails if they do
DERIVATIVES: dict[str, Derivative] = {}  # by the function's name; `transforms` enters them

# `shapes`: numbers and symbols; the names of those that each call gives their value (`defines`) as strings.
library = register(Primitive(
    "library", Kind.OPAQUE, _eval, _infer,
    Named(lambda function, **_: DERIVATIVES.get(function, NO_GRADIENT)), _samples,
    reason="a function of a library", raises=True, spare=lambda function, **_: function in _BESIDE, body="library",
    with_complex=True,
    lowers=lambda *types, **params: npylinalg.lent(*types, **params) is not None,
))  # fmt: skip
