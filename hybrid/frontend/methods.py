"""The methods of `Tensor`: NumPy's and PyTorch's names bound to the functions of this room, each defined in one place."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core.dtype import canonical, is_complex
from hybrid.frontend import (
    activations,
    complex_parts,
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
        """The complex conjugate; real numbers are their own.

        >>> hy.tensor([1 + 2j]).conj()
        tensor([1.-2.j], dtype=complex64)
        """
        if not is_complex(self.dtype):  # type: ignore[attr-defined]
            return +self if kind_of(self) == "python" and self.dtype == np.bool_ else self  # type: ignore  # an integer then
        trace = tracing(self)  # a method keeps Python numbers Python numbers
        return NAMES["conjugate"](self) if trace is None else NAMES["conjugate"].record(trace, (self,), python=True)

    conjugate = conj

    def reshape(self, shape: Any, *sizes: int, order: str = "C", copy: bool | None = None) -> Any:
        """The same elements in another shape, given as one tuple or as separate sizes; one may be -1.

        ValueError where they do not fit.

        >>> hy.arange(6).reshape(2, -1).shape
        (2, 3)
        """
        if order == "C" and copy is None:
            return shaping.reshape(self, _sizes(shape, sizes))
        return shaping.reshape(self, _sizes(shape, sizes), order=order, copy=copy)

    @followable
    def view(self, dtype: Any = None, *sizes: int) -> Any:
        """The same memory: in another shape for sizes, as NumPy's `view` for a dtype.

        ValueError where the strides do not allow it; of a dtype of another width, traced code runs as plain Python.

        >>> hy.arange(6).view(3, 2).shape, hy.tensor([1.0]).view("int32")
        ((3, 2), tensor([1065353216], dtype=int32))
        """
        if isinstance(dtype, (int, tuple)):
            return shaping.reshape(self, _sizes(dtype, sizes), copy=False)
        if dtype is None:
            return self[...]  # type: ignore[index]
        if tracing(self) is not None:
            return complex_parts.bits(self, dtype)
        return wrap(concrete(self).view(dtype))

    def transpose(self, *axes: Any) -> Any:
        """The axes in another order, reversed without arguments.

        >>> hy.ones((2, 3)).transpose().shape, hy.ones((2, 3, 4)).permute(2, 0, 1).shape
        ((3, 2), (4, 2, 3))
        """
        if not axes or axes == (None,):
            return shaping.transpose(self)
        return shaping.transpose(self, axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes)

    permute = transpose

    @property
    def T(self) -> Any:
        """The axes in reverse, as a view.

        >>> hy.ones((2, 3)).T.shape
        (3, 2)
        """
        return shaping.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two axes exchanged, as a view.

        >>> hy.ones((5, 2, 3)).mT.shape
        (5, 3, 2)
        """
        return shaping.matrix_transpose(self)

    @property
    def real(self) -> Any:
        """The real part, as a view. Settable.

        >>> hy.tensor([1 + 2j]).real
        tensor([1.], dtype=float32)
        """
        return complex_parts.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        """The imaginary part, as a view; read-only zeros for real numbers. Settable for complex ones.

        >>> hy.tensor([1 + 2j]).imag
        tensor([2.], dtype=float32)
        """
        return complex_parts.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        self.imag[...] = value

    @followable
    def flatten(self, order: str = "C") -> Any:
        """The elements in one axis, always a copy.

        >>> hy.ones((2, 3)).flatten().shape
        (6,)
        """
        if tracing(self) is None:
            return wrap(concrete(self).flatten(order))
        flat = shaping.ravel(self, order)
        return shaping.copy(flat) if np.size(flat.shape) else flat

    @followable
    def astype(self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Any:
        """A copy in another dtype; with `copy=False`, the tensor itself where it has that dtype.

        >>> hy.tensor([1.7]).astype("int64")
        tensor([1], dtype=int64)
        """
        same = canonical(dtype) == self.dtype  # type: ignore[attr-defined]
        if same and not copy:
            return self
        out = shaping.copy(self) if same else cast(self, dtype)
        if same and kind_of(self) == "scalar":
            out = out[()]
        if tr.open_traces and tracing(out) is not None:
            laid_out(out, like(self, order))
        return out

    def to(self, dtype: Any) -> Any:
        """The tensor in another dtype, itself where it has that dtype.

        >>> hy.tensor([1.7]).to(hy.float64).dtype
        dtype('float64')
        """
        return self.astype(dtype, copy=False)

    def copy(self, order: str = "C") -> Any:
        """A new tensor with the same elements.

        >>> x = hy.tensor([1.0])
        >>> x.copy() is x, x.copy().base is None
        (False, True)
        """
        made = shaping.copy(self, order)
        return made[()] if kind_of(self) == "scalar" else made

    def clone(self) -> Any:
        """A new tensor with the same elements.

        >>> hy.tensor([1.0]).clone()
        tensor([1.], dtype=float32)
        """
        return shaping.copy(self)

    def detach(self) -> Any:
        """The same memory as a tensor that gradients do not flow through.

        >>> hy.tensor([1.0], requires_grad=True).detach().requires_grad
        False
        """
        return shaping.stop_gradient(self)

    def contiguous(self) -> Any:
        """A C-contiguous tensor: itself, or a copy.

        >>> hy.ones((2, 3)).T.contiguous().flags.c_contiguous
        True
        """
        return self if self.flags.c_contiguous else shaping.copy(self, "C")  # type: ignore[attr-defined]

    def fill(self, value: Any) -> None:
        """Every element set to one value.

        >>> x = hy.zeros(2)
        >>> x.fill(3)
        >>> x
        tensor([3., 3.], dtype=float32)
        """
        self[...] = value  # type: ignore[index]

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        """The elements sorted along an axis, in place as NumPy's method; `hybrid.sort` gives a copy.

        >>> x = hy.tensor([3, 1, 2])
        >>> x.sort()
        >>> x
        tensor([1, 2, 3], dtype=int64)
        """
        self[...] = orders.sort(self, axis, kind, stable=stable)  # type: ignore[index]

    def item(self, *args: Any) -> Any:
        """One element as a Python number. ValueError of several without an index.

        >>> hy.tensor([[1.5]]).item(), hy.tensor([1, 2]).item(1)
        (1.5, 2)
        """
        if tr.current() is None or tracing(self) is None or any(isinstance(k, tuple) for k in args):
            return self._value("item()").item(*args)
        return editing.number_of(self, *args)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers.

        >>> hy.tensor([[1.0, 2.0], [3.0, 4.0]]).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
        """
        if tr.current() is None or tracing(self) is None or not editing.is_short(self):
            return self._value("tolist()").tolist()
        return editing.listed(self)

    def partition(self, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
        """The elements partly sorted along an axis, in place.

        >>> x = hy.tensor([3, 1, 2])
        >>> x.partition(1)
        >>> x[1]
        tensor(2, dtype=int64)
        """
        self[...] = np.partition(self, kth, axis, kind)  # type: ignore[index, call-overload]

    def argpartition(self, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> Any:
        """The indices that partly sort along an axis.

        >>> hy.tensor([3, 1, 2]).argpartition(0)[0]
        tensor(1, dtype=int64)
        """
        return np.argpartition(self, kth, axis, kind)  # type: ignore[arg-type]

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Any:
        """Where values would go in this sorted vector.

        >>> hy.tensor([1, 3, 5]).searchsorted(4)
        tensor(2, dtype=int64)
        """
        return signals.searchsorted(self, v, side, sorter)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """The slices along an axis for which a condition holds.

        >>> hy.tensor([1, 2, 3]).compress([True, False, True])
        tensor([1, 3], dtype=int64)
        """
        return selected.compress(condition, self, axis, out)

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Any:
        """For each element, that of the array which it is the number of.

        >>> hy.tensor([0, 1, 0]).choose([[1, 2, 3], [10, 20, 30]])
        tensor([ 1, 20,  3], dtype=int64)
        """
        return np.choose(self, choices, out, mode)  # type: ignore[call-overload]

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """Elements of the flat array written at places, in place.

        >>> x = hy.zeros(3)
        >>> x.put([0, 2], [1, 2])
        >>> x
        tensor([1., 0., 2.], dtype=float32)
        """
        editing.put(self, indices, values, mode)

    @property
    def flat(self) -> Any:
        """The elements in order, to be read, written and iterated over.

        >>> x = hy.ones((2, 2))
        >>> x.flat[3] = 5
        >>> x.flat[3]
        np.float32(5.0)
        """
        if isinstance(unwrap(self), Lifted) and not tr.open_traces:
            return editing.FollowedFlat(self)
        return concrete(self).flat if tracing(self) is None else editing.flat_of(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    def nonzero(self) -> tuple:
        """The indices of nonzero elements, one tensor per axis.

        >>> hy.tensor([0, 3, 4]).nonzero()
        (tensor([1, 2], dtype=int64),)
        """
        return selected.nonzero(self)

    def where(self, condition: Any, other: Any) -> Any:
        """These elements where the condition holds, the other's elsewhere, in this tensor's dtype.

        >>> hy.tensor([1.0, 2.0]).where([True, False], 0.0)
        tensor([1., 0.], dtype=float32)
        """
        return where(condition, self, other)
