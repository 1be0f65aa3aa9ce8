"""The methods of `Tensor`: NumPy's and PyTorch's names bound to the functions of this room, each defined in one place."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core.dtype import canonical, is_complex
from hybrid.frontend import (
    activations,
    compositions,
    editing,
    gathering,
    linear,
    orders,
    reductions,
    selected,
    shaping,
    signals,
)
from hybrid.frontend.calls import unsupported
from hybrid.frontend.elementwise import NAMES, cast, where
from hybrid.frontend.values import concrete, kind_of, laid_out, like, tracing, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Lifted, followable


def _sizes(first: Any, rest: tuple) -> Any:
    """One tuple or separate arguments: `reshape((2, 3))` and `reshape(2, 3)`."""
    return (first, *rest) if rest else first


class Methods:
    """Mixed into `Tensor`; every name behaves as NumPy's of that name unless its docstring says otherwise."""

    __slots__ = ()
    _value: Any

    # Elementwise -----------------------------------------------------------------------------------------------------
    abs, sign, square, sqrt = NAMES["absolute"], NAMES["sign"], NAMES["square"], NAMES["sqrt"]
    exp, exp2, expm1, log, log2, log10, log1p = (NAMES[n] for n in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p"))
    sin, cos, tan, sinh, cosh, tanh = (NAMES[n] for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh"))
    floor, ceil, trunc, rint = (NAMES[n] for n in ("floor", "ceil", "trunc", "rint"))
    add, sub, mul, div, pow = (NAMES[n] for n in ("add", "subtract", "multiply", "true_divide", "power"))
    maximum, minimum, isnan, isfinite = (NAMES[n] for n in ("maximum", "minimum", "isnan", "isfinite"))
    reciprocal, logical_not, logical_and = NAMES["reciprocal"], NAMES["logical_not"], NAMES["logical_and"]
    sigmoid, erf, relu = compositions.sigmoid, compositions.erf, activations.relu
    softmax, log_softmax = activations.softmax, activations.log_softmax
    clip, round = compositions.clip, compositions.round

    # Reductions ------------------------------------------------------------------------------------------------------
    sum, prod, mean, var, std = reductions.sum, reductions.prod, reductions.mean, reductions.var, reductions.std
    max, min, all, any = reductions.max, reductions.min, reductions.all, reductions.any
    argmax, argmin, argsort = orders.argmax, orders.argmin, orders.argsort
    cumsum, cumprod = orders.cumsum, orders.cumprod

    # Products --------------------------------------------------------------------------------------------------------
    dot, matmul, dot_general = linear.dot, linear.matmul, linear.dot_general

    # Shapes ----------------------------------------------------------------------------------------------------------
    ravel, squeeze, swapaxes, flip = shaping.ravel, shaping.squeeze, shaping.swapaxes, shaping.flip
    expand_dims = unsqueeze = shaping.expand_dims
    broadcast_to, moveaxis = shaping.broadcast_to, shaping.moveaxis
    take, repeat, diagonal, trace, tril, triu = (
        gathering.take, gathering.repeat, gathering.diagonal, gathering.trace, gathering.tril, gathering.triu,
    )  # fmt: skip

    @followable
    def conj(self) -> Any:
        """The complex conjugate; real numbers are their own."""
        if not is_complex(self.dtype):  # type: ignore[attr-defined]
            return self
        trace = tracing(self)  # a method keeps Python numbers Python numbers
        return NAMES["conjugate"](self) if trace is None else NAMES["conjugate"].record(trace, (self,), python=True)

    conjugate = conj

    def reshape(self, shape: Any, *sizes: int, order: str = "C", copy: bool | None = None) -> Any:
        """The same elements in another shape, given as one tuple or as separate sizes; one may be -1."""
        if order == "C" and copy is None:
            return shaping.reshape(self, _sizes(shape, sizes))
        return shaping.reshape(self, _sizes(shape, sizes), order=order, copy=copy)

    @followable
    def view(self, dtype: Any = None, *sizes: int) -> Any:
        """The same memory: in another shape for sizes, as NumPy's `view` for a dtype."""
        if isinstance(dtype, (int, tuple)):
            return shaping.reshape(self, _sizes(dtype, sizes), copy=False)
        if dtype is None:
            return self[...]  # type: ignore[index]
        if tracing(self) is not None:
            raise unsupported("view(dtype)", "use astype to convert values")
        return wrap(concrete(self).view(dtype))

    def transpose(self, *axes: Any) -> Any:
        """The axes in another order, reversed without arguments."""
        if not axes or axes == (None,):
            return shaping.transpose(self)
        return shaping.transpose(self, axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes)

    permute = transpose

    @property
    def T(self) -> Any:
        return shaping.transpose(self)

    @property
    def mT(self) -> Any:
        return shaping.matrix_transpose(self)

    @property
    def real(self) -> Any:
        if kind_of(self) == "python" and not is_complex(self.dtype):  # type: ignore[attr-defined]  # of a bool it is an int
            return self._value(".real").item().real
        return compositions.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        if kind_of(self) == "python" and not is_complex(self.dtype):  # type: ignore[attr-defined]
            return self._value(".imag").item().imag
        return compositions.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        self.imag[...] = value

    @followable
    def flatten(self, order: str = "C") -> Any:
        """The elements in one axis, always a copy."""
        if tracing(self) is None:
            return wrap(concrete(self).flatten(order))
        flat = shaping.ravel(self, order)
        return shaping.copy(flat) if np.size(flat.shape) else flat

    @followable
    def astype(self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Any:
        """A copy in another dtype; with `copy=False`, the tensor itself where it has that dtype."""
        if not copy and canonical(dtype) == self.dtype:  # type: ignore[attr-defined]
            return self
        out = cast(self, dtype)
        if out is self:
            out = shaping.copy(out)
            out = out[()] if kind_of(self) == "scalar" else out
        if tracing(out) is not None:
            laid_out(out, like(self, order))
        return out

    def to(self, dtype: Any) -> Any:
        """The tensor in another dtype, itself where it has that dtype."""
        return self.astype(dtype, copy=False)

    def copy(self, order: str = "C") -> Any:
        """A new tensor with the same elements."""
        made = shaping.copy(self, order)
        return made[()] if kind_of(self) == "scalar" else made

    def clone(self) -> Any:
        """A new tensor with the same elements."""
        return shaping.copy(self)

    def detach(self) -> Any:
        """The same memory as a tensor that gradients do not flow through."""
        return shaping.stop_gradient(self)

    def contiguous(self) -> Any:
        """A C-contiguous tensor: itself, or a copy."""
        return self if self.flags.c_contiguous else shaping.copy(self, "C")  # type: ignore[attr-defined]

    def fill(self, value: Any) -> None:
        """Every element set to one value."""
        self[...] = value  # type: ignore[index]

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        """The elements sorted along an axis, in place as NumPy's method; `hybrid.sort` gives a copy."""
        self[...] = orders.sort(self, axis, kind, stable=stable)  # type: ignore[index]

    def item(self, *args: Any) -> Any:
        """One element as a Python number."""
        if tr.current() is None or tracing(self) is None or any(isinstance(k, tuple) for k in args):
            return self._value("item()").item(*args)
        return editing.number_of(self, *args)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        if tr.current() is None or tracing(self) is None or not editing.is_short(self):
            return self._value("tolist()").tolist()
        return editing.listed(self)

    def partition(self, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
        """The elements partly sorted along an axis, in place."""
        self[...] = np.partition(self, kth, axis, kind)  # type: ignore[index, call-overload]

    def argpartition(self, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> Any:
        """The indices that partly sort along an axis."""
        return np.argpartition(self, kth, axis, kind)  # type: ignore[arg-type]

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Any:
        """Where values would go in this sorted vector."""
        return signals.searchsorted(self, v, side, sorter)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """The slices along an axis for which a condition holds."""
        return selected.compress(condition, self, axis, out)

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Any:
        """For each element, that of the array which it is the number of."""
        return np.choose(self, choices, out, mode)  # type: ignore[call-overload]

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """Elements of the flat array written at places, in place."""
        editing.put(self, indices, values, mode)

    @property
    def flat(self) -> Any:
        """The elements in order, to be read, written and iterated over."""
        if isinstance(unwrap(self), Lifted) and not tr.open_traces:
            return editing.FollowedFlat(self)
        return concrete(self).flat if tracing(self) is None else editing.flat_of(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    def nonzero(self) -> tuple:
        """The indices of nonzero elements, one tensor per axis."""
        return selected.nonzero(self)

    def where(self, condition: Any, other: Any) -> Any:
        """These elements where the condition holds, the other's elsewhere, in this tensor's dtype."""
        return where(condition, self, other)
