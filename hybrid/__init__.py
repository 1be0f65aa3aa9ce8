"""Write numerical Python, run it eagerly, decorate it, and it runs as fused native code."""

import importlib
from typing import TYPE_CHECKING

from hybrid.core import errors
from hybrid.core.config import config
from hybrid.core.dtype import (
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from hybrid.core.spec import Spec
from hybrid.core.tree import register as register_pytree
from hybrid.frontend import matrices as linalg
from hybrid.frontend import random
from hybrid.frontend import spectral as fft
from hybrid.frontend.activations import elu, gelu, leaky_relu, log_softmax, logsumexp, one_hot, relu, silu, softmax, softplus
from hybrid.frontend.borders import pad
from hybrid.frontend.complex_parts import angle, imag, real
from hybrid.frontend.compositions import modf, nan_to_num, round, sinc
from hybrid.frontend.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    tri,
    zeros,
    zeros_like,
)
from hybrid.frontend.einstein import einsum, einsum_path
from hybrid.frontend.elementwise import where
from hybrid.frontend.gathering import (
    allclose,
    copyto,
    diag,
    diagonal,
    diff,
    isclose,
    meshgrid,
    put_along_axis,
    repeat,
    result_type,
    select,
    take,
    tile,
    trace,
    trapezoid,
    tril,
    triu,
)
from hybrid.frontend.inspection import __array_namespace_info__, can_cast, finfo, iinfo, isdtype
from hybrid.frontend.joins import (
    append,
    array_split,
    column_stack,
    concatenate,
    dstack,
    hsplit,
    hstack,
    roll,
    split,
    stack,
    unstack,
    vsplit,
    vstack,
)
from hybrid.frontend.leading import cummax, cummin, top_k
from hybrid.frontend.linear import cross, dot, dot_general, inner, kron, matmul, outer, tensordot, vdot, vecdot
from hybrid.frontend.orders import (
    argmax,
    argmin,
    cumprod,
    cumsum,
    take_along_axis,
)
from hybrid.frontend.quantiles import median, percentile, quantile
from hybrid.frontend.queries import cumulative_prod, cumulative_sum
from hybrid.frontend.reductions import (
    all,
    any,
    average,
    count_nonzero,
    max,
    mean,
    min,
    nanmax,
    nanmean,
    nanmin,
    nansum,
    prod,
    ptp,
    std,
    sum,
    var,
)
from hybrid.frontend.selected import nonzero
from hybrid.frontend.shaping import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_arrays,
    broadcast_to,
    copy,
    expand_dims,
    flip,
    fliplr,
    flipud,
    matrix_transpose,
    moveaxis,
    ravel,
    reshape,
    rollaxis,
    rot90,
    squeeze,
    stop_gradient,
    swapaxes,
    transpose,
)
from hybrid.frontend.signals import convolve, correlate, gradient, interp, polyval, searchsorted
from hybrid.frontend.standard import argsort, astype, clip, sort, unique_all, unique_counts, unique_inverse, unique_values
from hybrid.frontend.tensor import Tensor
from hybrid.frontend.ufuncs import (
    abs,
    absolute,
    acos,
    acosh,
    add,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    cbrt,
    ceil,
    conj,
    conjugate,
    copysign,
    cos,
    cosh,
    deg2rad,
    degrees,
    divide,
    equal,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    fabs,
    float_power,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    gammaln,
    greater,
    greater_equal,
    heaviside,
    hypot,
    invert,
    isfinite,
    isinf,
    isnan,
    left_shift,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    logit,
    maximum,
    minimum,
    mod,
    multiply,
    ndtr,
    negative,
    nextafter,
    not_equal,
    positive,
    pow,
    power,
    rad2deg,
    radians,
    reciprocal,
    remainder,
    right_shift,
    rint,
    sigmoid,
    sign,
    signbit,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    true_divide,
    trunc,
    xlog1py,
    xlogy,
)
from hybrid.runtime.profile import profile
from hybrid.staging.function import FallbackWarning, RetraceWarning, eager, function

if TYPE_CHECKING:
    from hybrid.control.constructs import cond, fori_loop, scan, while_loop
    from hybrid.transforms.batched import vmap
    from hybrid.transforms.check import check_grads
    from hybrid.transforms.checkpoint import checkpoint
    from hybrid.transforms.custom import custom_gradient
    from hybrid.transforms.derived import grad, jvp, value_and_grad, vjp
    from hybrid.transforms.gradients import enable_grad, grad_of, is_grad_enabled, no_grad
    from hybrid.transforms.jacobians import hessian, hvp, jacobian, linearize
    from hybrid.transforms.user import op
    from hybrid.transforms.watching import GradientTape

bool = bool_
concat, permute_dims = concatenate, transpose
e, inf, nan, pi, newaxis = 2.718281828459045, float("inf"), float("nan"), 3.141592653589793, None
__version__ = "0.1.0"
__array_api_version__ = "2024.12"

__all__ = [
    "function", "eager", "profile", "FallbackWarning", "RetraceWarning", "Spec", "errors", "export", "register_pytree",
    # values and settings
    "Tensor", "config", "__version__",
    # dtypes
    "bfloat16", "bool_", "complex64", "complex128", "float16", "float32", "float64", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool",
    # gradients
    "GradientTape", "check_grads", "checkpoint", "custom_gradient", "enable_grad", "grad", "grad_of", "hessian", "hvp",
    "is_grad_enabled", "jacobian", "jvp", "linearize", "no_grad", "stop_gradient", "value_and_grad", "vjp", "vmap",
    # branches and loops, operations of one's own
    "cond", "fori_loop", "op", "scan", "while_loop",
    # models
    "elu", "gelu", "leaky_relu", "log_softmax", "logsumexp", "one_hot", "relu", "silu", "softmax", "softplus",
    # elementwise, with NumPy's keywords
    "angle", "clip", "imag", "modf", "nan_to_num", "real", "round", "sinc",
    # new arrays
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "ones",
    "ones_like", "tensor", "tri", "zeros", "zeros_like",
    # choice
    "where",
    # gathers and patterns
    "allclose", "copyto", "diag", "diagonal", "diff", "isclose", "meshgrid", "pad", "put_along_axis", "repeat",
    "result_type", "select", "take", "tile", "trace", "trapezoid", "tril", "triu",
    # products
    "cross", "dot", "dot_general", "einsum", "einsum_path", "inner", "kron", "matmul", "outer", "tensordot", "vdot", "vecdot",
    # reductions and orders
    "all", "any", "argmax", "argmin", "argsort", "average", "count_nonzero", "cummax", "cummin", "cumprod", "cumsum", "max",
    "mean", "median", "min", "nanmax", "nanmean", "nanmin", "nansum", "prod", "ptp", "sort", "std", "sum",
    "take_along_axis", "top_k", "var",
    # sampled data
    "convolve", "correlate", "gradient", "interp", "percentile", "polyval", "quantile", "searchsorted",
    # shapes
    "append", "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_to", "column_stack",
    "concatenate", "copy", "dstack", "expand_dims", "flip", "fliplr", "flipud", "hsplit", "hstack", "matrix_transpose",
    "moveaxis", "ravel", "reshape", "roll", "rollaxis", "rot90", "split", "squeeze", "stack", "swapaxes", "transpose",
    "unstack", "vsplit", "vstack",
    # elementwise
    "abs", "absolute", "acos", "acosh", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not",
    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "cbrt", "ceil", "conj", "conjugate", "copysign", "cos", "cosh",
    "deg2rad", "degrees", "divide", "equal", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "float_power", "floor",
    "floor_divide", "fmax", "fmin", "fmod", "gammaln", "greater", "greater_equal", "heaviside", "hypot", "invert",
    "isfinite", "isinf", "isnan", "left_shift", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp",
    "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "maximum", "minimum", "mod",
    "multiply", "ndtr", "negative", "nextafter", "not_equal", "positive", "pow", "power", "rad2deg", "radians",
    "reciprocal", "remainder", "right_shift", "rint", "sigmoid", "sign", "signbit", "sin", "sinh", "sqrt", "square",
    "subtract", "tan", "tanh", "true_divide", "trunc", "xlog1py", "xlogy",
    # further names of the array-API standard
    "__array_api_version__", "__array_namespace_info__", "astype", "can_cast", "concat", "cumulative_prod", "cumulative_sum",
    "finfo", "iinfo", "isdtype", "nonzero", "permute_dims", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    # constants and namespaces
    "e", "inf", "nan", "newaxis", "pi", "fft", "linalg", "random",
]  # fmt: skip


# By module, which is imported with the first of its names: with these all the rest would take half as long again.
_LATE = {
    "control.constructs": ("cond", "fori_loop", "scan", "while_loop"), "transforms.batched": ("vmap",),
    "transforms.check": ("check_grads",), "transforms.checkpoint": ("checkpoint",), "transforms.custom": ("custom_gradient",),
    "transforms.derived": ("grad", "jvp", "value_and_grad", "vjp"), "transforms.user": ("op",),
    "transforms.gradients": ("enable_grad", "grad_of", "is_grad_enabled", "no_grad"),
    "transforms.jacobians": ("hessian", "hvp", "jacobian", "linearize"), "transforms.watching": ("GradientTape",),
}  # fmt: skip


def __getattr__(name: str) -> object:
    # Exporting pulls in the compiler's back ends, which `import hybrid` does without.
    if name == "export":
        return importlib.import_module("hybrid.export")
    for module, names in _LATE.items():
        if name in names:
            globals()[name] = found = getattr(importlib.import_module(f"hybrid.{module}"), name)
            return found
    raise AttributeError(f"module 'hybrid' has no attribute {name!r}")
