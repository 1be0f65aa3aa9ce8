"""What operations of PyTorch's are in NumPy's words, so that its own sample inputs can be given to all three libraries.

Each form takes the namespace it is to compute with, then what PyTorch's operation takes. A sample that a form has no words for
is left out by raising `Elsewhere`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


class Elsewhere(Exception):
    """A sample with something that the form does not say."""


def _only(kwargs: dict, *known: str) -> None:
    if unknown := kwargs.keys() - set(known):
        raise Elsewhere(", ".join(sorted(unknown)))


def _axes(dim: Any) -> Any:
    """PyTorch reads an empty tuple of axes as all of them."""
    return None if dim is None or dim == () or dim == [] else tuple(dim) if isinstance(dim, (tuple, list)) else dim


def same(name: str, count: int | None = None) -> Callable:
    """The function of that name, of the same operands."""

    def form(xp: Any, *args: Any, **kwargs: Any) -> Any:
        _only(kwargs)
        if count is not None and len(args) != count:
            raise Elsewhere(f"{len(args)} operands")
        return getattr(xp, name)(*args)

    return form


def reduced(name: str) -> Callable:
    def form(xp: Any, x: Any, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
        _only(kwargs)
        if not x.ndim and dim is not None:
            raise Elsewhere("axes of a number")
        return getattr(xp, name)(x, axis=_axes(dim), keepdims=keepdim)

    return form


def spread(name: str) -> Callable:
    def form(
        xp: Any, x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, correction: Any = None, **rest: Any
    ):
        _only(rest)
        if isinstance(dim, bool):  # var(x, unbiased)
            dim, unbiased = None, dim
        ddof = correction if correction is not None else 1 if unbiased is None else int(unbiased)
        if not x.ndim or int(ddof) != ddof or ddof < 0:
            raise Elsewhere("a correction that NumPy does not take")
        shape = x.shape if _axes(dim) is None else [x.shape[k] for k in ([dim] if isinstance(dim, int) else dim)]
        count = 1
        for size in shape:
            count *= size
        if count <= ddof:
            raise Elsewhere("no degrees of freedom")
        return getattr(xp, name)(x, axis=_axes(dim), ddof=ddof, keepdims=keepdim)

    return form


def along(name: str) -> Callable:
    def form(xp: Any, x: Any, dim: int, **kwargs: Any) -> Any:
        _only(kwargs)
        if not x.ndim:
            raise Elsewhere("axes of a number")
        return getattr(xp, name)(x, axis=dim)

    return form


def normal(name: str) -> Callable:
    """softmax and its kin."""

    def form(xp: Any, x: Any, dim: int, dtype: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
        _only(kwargs)
        if dtype is not None or not x.ndim or not isinstance(dim, int):
            raise Elsewhere("dtype, axes or a number")
        rest = {"keepdims": keepdim} if name == "logsumexp" else {}
        return getattr(xp, name)(x, axis=dim, **rest)

    return form


def scaled(name: str, times: str = "alpha") -> Callable:
    """x ± alpha · y."""

    def form(xp: Any, x: Any, y: Any, **kwargs: Any) -> Any:
        _only(kwargs, times)
        alpha = kwargs.get(times, 1)
        return getattr(xp, name)(x, y if alpha == 1 else alpha * y)

    return form


def fourier(name: str) -> Callable:
    def form(xp: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        many = name[-1] in "2n"
        words = ("s", "dim", "norm") if many else ("n", "dim", "norm")
        given = {**dict(zip(words, args)), **kwargs}
        _only(given, *words)
        if many:
            axes = given.get("dim")
            if axes is None and (given.get("s") is not None or name.endswith("2")):
                axes = (-2, -1) if name.endswith("2") else tuple(range(-len(given["s"]), 0))
            given["dim"] = None if axes is None else tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
        names = {"dim": "axes" if many else "axis"}
        return getattr(xp.fft, name)(x, **{names.get(k, k): v for k, v in given.items() if v is not None})

    return form


def _matrices(x: Any) -> None:
    if x.ndim < 2:
        raise Elsewhere("no matrix")


def algebra(name: str) -> Callable:
    def form(xp: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        _only(kwargs)
        _matrices(x)
        return getattr(xp.linalg, name)(x, *args)

    return form


def _clamp(xp: Any, x: Any, low: Any = None, high: Any = None, **kwargs: Any) -> Any:
    low, high = kwargs.pop("min", low), kwargs.pop("max", high)
    _only(kwargs)
    return xp.clip(x, low, high)


def _addmm(xp: Any, c: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    return beta * c + alpha * (a @ b)


def _einsum(xp: Any, operands: Any, *args: Any) -> Any:
    raise Elsewhere("its sample's order")


def _gather(xp: Any, x: Any, dim: int, index: Any) -> Any:
    if (
        not x.ndim
        or index.ndim != x.ndim
        or any(s != i for k, (s, i) in enumerate(zip(x.shape, index.shape)) if k != dim % x.ndim)
    ):
        raise Elsewhere("a part of the other axes")
    return xp.take_along_axis(x, index, axis=dim)


def _take_along(xp: Any, x: Any, index: Any, dim: int | None = None) -> Any:
    if dim is None:
        return xp.take_along_axis(x.reshape(-1), index.reshape(-1), axis=0)
    return _gather(xp, x, dim, index)


def _tensordot(xp: Any, x: Any, y: Any, dims: Any = 2) -> Any:
    if isinstance(dims, int):
        return xp.tensordot(x, y, dims)
    if any(x.shape[i] != y.shape[j] for i, j in zip(*dims)):
        raise Elsewhere("axes of size 1, which PyTorch stretches")
    return xp.tensordot(x, y, [list(part) for part in dims])


def _cat(xp: Any, parts: Any, dim: int = 0) -> Any:
    if len({part.ndim for part in parts}) > 1:
        raise Elsewhere("empty tensors of any rank, which PyTorch leaves out")
    return xp.concatenate(list(parts), axis=dim)


def _diff(xp: Any, x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n < 1 or n > x.shape[dim] or not (prepend is None and append is None):
        raise Elsewhere("parts at the ends, or more differences than numbers")
    return xp.diff(x, n, axis=dim)


def _index_select(xp: Any, x: Any, dim: int, index: Any) -> Any:
    if not x.ndim or not index.ndim:
        raise Elsewhere("a number")
    return xp.take(x, index, axis=dim)


def _sorted(xp: Any, x: Any, dim: int = -1, descending: bool = False, **kwargs: Any) -> Any:
    _only(kwargs, "stable")
    if not x.ndim:
        raise Elsewhere("a number")
    out = xp.sort(x, axis=dim)
    return xp.flip(out, axis=dim) if descending else out


def _masked_fill(xp: Any, x: Any, mask: Any, value: Any) -> Any:
    return xp.where(mask, value, x)


def _lerp(xp: Any, x: Any, y: Any, weight: Any) -> Any:
    return x + weight * (y - x)


def _addc(times: str) -> Callable:
    def form(xp: Any, x: Any, a: Any, b: Any, value: Any = 1) -> Any:
        return x + value * (getattr(xp, times)(a, b))

    return form


def _norm(xp: Any, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
    _only(kwargs)
    if not x.ndim or isinstance(dim, (tuple, list)) or (dim is None and x.ndim > 1):
        raise Elsewhere("norms over several axes")
    return xp.linalg.norm(x, ord=ord, axis=dim, keepdims=keepdim)


def _diagonal(xp: Any, x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return xp.diagonal(x, offset, dim1, dim2)


def _pad(xp: Any, x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    if mode not in ("constant", "reflect", "circular", "replicate") or any(p < 0 for p in pad) or len(pad) > 2 * x.ndim:
        raise Elsewhere(f"mode {mode}, or a crop")
    width = [(0, 0)] * (x.ndim - len(pad) // 2) + [tuple(pad[k : k + 2]) for k in range(len(pad) - 2, -1, -2)]
    words = {"circular": "wrap", "replicate": "edge"}
    rest = {"constant_values": value or 0.0} if mode == "constant" else {}
    return xp.pad(x, width, mode=words.get(mode, mode), **rest)


def _quantile(xp: Any, x: Any, q: Any, dim: Any = None, keepdim: bool = False, interpolation: str = "linear") -> Any:
    if not x.ndim:
        raise Elsewhere("a number")
    return xp.quantile(x, q, axis=dim, keepdims=keepdim, method=interpolation)


def _cov(xp: Any, x: Any, **kwargs: Any) -> Any:
    _only(kwargs)
    if x.ndim != 2 or x.shape[1] < 2:
        raise Elsewhere("no table of several observations")
    return xp.cov(x)


def _solve(xp: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    _only(kwargs)
    if b.ndim != a.ndim:
        raise Elsewhere("vectors")
    return xp.linalg.solve(a, b)


def _trapezoid(xp: Any, y: Any, x: Any = None, dim: int = -1, dx: float = 1.0) -> Any:
    return xp.trapezoid(y, x, dx=dx, axis=dim)


def _topk(xp: Any, x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    if not x.ndim:
        raise Elsewhere("a number")
    order = xp.argsort(-x if largest else x, axis=dim)
    index = tuple(slice(k) if axis == dim % x.ndim else slice(None) for axis in range(x.ndim))
    return xp.take_along_axis(x, order[index], axis=dim)


def _median(xp: Any, x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    if not x.ndim or dim is None or x.shape[dim] % 2 == 0:
        raise Elsewhere("PyTorch takes the lower of two")
    return xp.median(x, axis=dim, keepdims=keepdim)


def _layer_norm(xp: Any, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    centred = x - xp.mean(x, axis=axes, keepdims=True)
    out = centred / xp.sqrt(xp.mean(centred * centred, axis=axes, keepdims=True) + eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def _linear(xp: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    if weight.ndim != 2 or not x.ndim:
        raise Elsewhere("a vector of weights")
    out = x @ weight.T
    return out if bias is None else out + bias


def _gelu(xp: Any, x: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return 0.5 * x * (1 + xp.erf(x / 2**0.5))
    return 0.5 * x * (1 + xp.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x**3)))


FORMS: dict[str, Callable] = {
    **{
        name: same(name, 1)
        for name in (
            "abs",
            "ceil",
            "floor",
            "sign",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
            "exp",
            "exp2",
            "expm1",
            "log",
            "log2",
            "log10",
            "log1p",
            "sqrt",
            "square",
            "reciprocal",
            "sinc",
            "trunc",
            "i0",
            "deg2rad",
            "rad2deg",
            "real",
            "conj",
            "angle",
            "ravel",
            "fliplr",
            "flipud",
            "positive",
            "erf",
            "erfc",
            "digamma",
        )
    },
    "acos": same("arccos", 1),
    "asin": same("arcsin", 1),
    "atan": same("arctan", 1),
    "acosh": same("arccosh", 1),
    "asinh": same("arcsinh", 1),
    "atanh": same("arctanh", 1),
    "neg": same("negative", 1),
    "frac": lambda xp, x: x - xp.trunc(x),
    "lgamma": same("gammaln", 1),
    "rsqrt": lambda xp, x: 1 / xp.sqrt(x),
    "sigmoid": same("expit", 1),
    "special.entr": same("entr", 1),
    "special.ndtr": same("ndtr", 1),
    "special.log_ndtr": same("log_ndtr", 1),
    "special.i0e": same("i0e", 1),
    "special.i1": same("i1", 1),
    "special.i1e": same("i1e", 1),
    "special.xlog1py": same("xlog1py", 2),
    "xlogy": same("xlogy", 2),
    "erfinv": same("erfinv", 1),
    "special.ndtri": same("ndtri", 1),
    "logit": lambda xp, x, eps=None: same("logit")(xp, x if eps is None else xp.clip(x, eps, 1 - eps)),
    "add": scaled("add"),
    "sub": scaled("subtract"),
    "mul": same("multiply", 2),
    "true_divide": same("divide", 2),
    "div": same("divide", 2),
    "pow": same("power", 2),
    "float_power": same("float_power", 2),
    "atan2": same("arctan2", 2),
    "hypot": same("hypot", 2),
    "copysign": same("copysign", 2),
    "fmod": same("fmod", 2),
    "remainder": same("remainder", 2),
    "maximum": same("maximum", 2),
    "minimum": same("minimum", 2),
    "fmax": same("fmax", 2),
    "fmin": same("fmin", 2),
    "logaddexp": same("logaddexp", 2),
    "logaddexp2": same("logaddexp2", 2),
    "clamp": _clamp,
    "nan_to_num": same("nan_to_num", 1),
    "where": lambda xp, x, condition, y: xp.where(condition, x, y),
    "masked_fill": _masked_fill,
    "lerp": _lerp,
    "addcmul": _addc("multiply"),
    "addcdiv": _addc("divide"),
    "sum": reduced("sum"),
    "mean": reduced("mean"),
    "amax": reduced("max"),
    "amin": reduced("min"),
    "prod": reduced("prod"),
    "nansum": reduced("nansum"),
    "nanmean": reduced("nanmean"),
    "var": spread("var"),
    "std": spread("std"),
    "cumsum": along("cumsum"),
    "cumprod": along("cumprod"),
    "logsumexp": normal("logsumexp"),
    "softmax": normal("softmax"),
    "log_softmax": normal("log_softmax"),
    "median": _median,
    "quantile": _quantile,
    "cov": _cov,
    "sort": _sorted,
    "topk": _topk,
    "mm": same("matmul", 2),
    "bmm": same("matmul", 2),
    "mv": same("matmul", 2),
    "matmul": same("matmul", 2),
    "__rmatmul__": lambda xp, x, y: y @ x,
    "dot": same("dot", 2),
    "inner": same("inner", 2),
    "outer": same("outer", 2),
    "kron": same("kron", 2),
    "addmm": _addmm,
    "baddbmm": _addmm,
    "addmv": _addmm,
    "cross": lambda xp, x, y, dim=-1: xp.cross(x, y, axis=dim),
    "trace": same("trace", 1),
    "tensordot": _tensordot,
    "diagonal": _diagonal,
    "diff": _diff,
    "tril": lambda xp, x, k=0: xp.tril(x, k),
    "triu": lambda xp, x, k=0: xp.triu(x, k),
    "diag": lambda xp, x, k=0: xp.diag(x, k),
    "flip": lambda xp, x, dims: xp.flip(x, tuple(dims)),
    "rot90": lambda xp, x, k=1, dims=(0, 1): xp.rot90(x, k, tuple(dims)),
    "roll": lambda xp, x, shifts, dims=None: xp.roll(x, shifts, None if dims in (None, ()) else dims),
    "gather": _gather,
    "index_select": _index_select,
    "take_along_dim": lambda xp, x, index, dim=None: (
        _gather(xp, x, dim, index) if dim is not None else xp.take_along_axis(x.reshape(-1), index.reshape(-1), axis=0)
    ),
    "permute": lambda xp, x, dims: xp.transpose(x, dims),
    "transpose": lambda xp, x, a, b: xp.swapaxes(x, a, b) if x.ndim else x,
    "t": lambda xp, x: x.T,
    "movedim": lambda xp, x, a, b: xp.moveaxis(x, a, b),
    "unsqueeze": lambda xp, x, dim: xp.expand_dims(x, dim if dim >= 0 else dim + x.ndim + 1),
    "reshape": lambda xp, x, shape: xp.reshape(x, shape),
    "broadcast_to": lambda xp, x, shape: xp.broadcast_to(x, shape),
    "tile": lambda xp, x, reps: xp.tile(x, reps),
    "cat": _cat,
    "stack": lambda xp, xs, dim=0: xp.stack(list(xs), axis=dim),
    "hstack": lambda xp, xs: xp.hstack(list(xs)),
    "vstack": lambda xp, xs: xp.vstack(list(xs)),
    "trapezoid": _trapezoid,
    "nn.functional.pad": _pad,
    "nn.functional.relu": lambda xp, x: xp.maximum(x, 0),
    "nn.functional.gelu": _gelu,
    "nn.functional.silu": lambda xp, x: x * xp.expit(x),
    "nn.functional.softsign": lambda xp, x: x / (1 + xp.abs(x)),
    "nn.functional.layer_norm": _layer_norm,
    "nn.functional.linear": _linear,
    "nn.functional.logsigmoid": lambda xp, x: -xp.logaddexp(0, -x),
    "nn.functional.mse_loss": lambda xp, x, y, reduction="mean": {"mean": xp.mean, "sum": xp.sum, "none": lambda e: e}[
        reduction
    ]((x - y) ** 2),
    **{
        f"fft.{name}": fourier(name)
        for name in ("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "fftn", "ifftn", "rfftn", "irfftn", "hfft", "ihfft")
    },
    **{f"linalg.{name}": algebra(name) for name in ("det", "inv", "cholesky", "eigvalsh", "slogdet", "matrix_power")},
    "linalg.solve": _solve,
    "linalg.svdvals": lambda xp, x: xp.linalg.svd(x, compute_uv=False),
    "linalg.vector_norm": _norm,
    "linalg.multi_dot": lambda xp, xs: xp.linalg.multi_dot(list(xs)),
    "linalg.vecdot": lambda xp, x, y, dim=-1: xp.sum(x * y, axis=dim),
    "linalg.pinv": lambda xp, x, **k: (_only(k), xp.linalg.pinv(x))[1],
    "logdet": lambda xp, x: xp.linalg.slogdet(x)[1],
}
