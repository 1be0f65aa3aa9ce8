"""`op`: operations whose meaning and derivatives are the user's Python, or Numba's.

Eagerly the function is called with arrays. In a trace the call is a host call between compiled parts; scalar functions and
ufuncs that Numba compiled are linked in.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, TraceError
from hybrid.core.shape import Dim, TensorType
from hybrid.core.spec import Spec
from hybrid.frontend import hosted, values
from hybrid.frontend.values import Value, kind_of, shape_of, wrap
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Lifted
from hybrid.ir.trace import Trace
from hybrid.ops.island import Outside, island
from hybrid.transforms.custom import custom_gradient, fitted, opened
from hybrid.transforms.given import no_derivative


def op(
    eval: Callable[..., Any] | None = None,
    *,
    infer: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
) -> Any:
    """An operation from a function of NumPy's arrays; may be used as a decorator.

    Args:
        eval: called with arrays for arrays and tensors (numbers for those of rank 0), and with everything else as it is.
            It gives an array or number, or a tuple of them, and does nothing else; it must not write into its arguments.
            Compiled code does not call it where nobody needs what it gives.
            Functions of numbers that Numba compiled (`@njit`, `@vectorize`) are linked into compiled code.
        infer: what `eval` gives, from what it is given: it is called like `eval`, with a `hybrid.Spec` for each array, and
            returns one, or a tuple. Left out, `eval` is called to see, while tracing.
        vjp: `vjp(cotangent, value, *args, **kwargs)` gives a cotangent of each positional argument, None for zeros.
        jvp: `jvp(primals, tangents, value, **kwargs)` gives the tangent of the value.

    A rule may be differentiated itself; one that is missing is an error where it is asked for. Results are tensors where an
    argument is one, else arrays, and NumPy's numbers where they have rank 0.

    >>> @hy.op(vjp=lambda g, y, x: g * y, jvp=lambda primals, tangents, y: tangents[0] * y)
    ... def exponential(x):
    ...     return np.exp(x)
    >>> hy.grad(lambda x: exponential(2 * x).sum())(np.zeros(2))
    array([2., 2.])
    """
    if eval is None:
        return functools.partial(op, infer=infer, vjp=vjp, jvp=jvp)
    return Op(eval, infer, vjp, jvp)


class Op(custom_gradient):
    """What `op` makes."""

    __calls__ = ("_eval", "_infer", "_vjp", "_along")

    def __init__(self, eval: Callable, infer: Callable | None, vjp: Callable | None, jvp: Callable | None):
        super().__init__(eval)
        self._eval, self._infer, self._vjp = eval, infer, vjp
        self._f, self._forward, self._backward, self._along = self._value, self._with_value, self._pull, jvp
        self._goes_back = vjp is not None

    def __repr__(self) -> str:
        return f"<op {self._name}>"

    def _bound(self, instance: Any) -> Op:
        bound = Op(functools.partial(self._eval, instance), self._infer, self._vjp, self._along)
        bound.__name__ = self._name
        return bound

    def defvjp(self, forward: Any, backward: Any) -> Any:
        raise ArgumentError("an op is given its derivative when it is made", fix="hybrid.op(…, vjp=…)")

    def defjvp(self, rule: Any) -> Any:
        raise ArgumentError("an op is given its derivative when it is made", fix="hybrid.op(…, jvp=…)")

    # The value ------------------------------------------------------------------------------------------------------------
    def _value(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        trace = tr.current()
        if trace is not None and any(isinstance(leaf, (Value, Dim)) for leaf in leaves):
            return self._recorded_value(trace, args, kwargs)
        out = self._called(structure, [_concrete(leaf) for leaf in leaves])
        tensors = any(isinstance(leaf, Value) for leaf in leaves)
        return tree.map_leaves(lambda leaf: _as(tensors, leaf), out)

    def _called(self, structure: tree.Structure, leaves: Sequence[Any]) -> Any:
        """What `eval` gives for arrays, as arrays and numbers."""
        args, kwargs = tree.unflatten(structure, [_number(leaf) for leaf in leaves])
        out = self._eval(*args, **kwargs)
        for leaf in tree.flatten(out)[0]:
            if not isinstance(leaf, (np.ndarray, np.generic, bool, int, float, complex, Value)):
                raise ArgumentError(f"{self._name} gives what is neither an array nor a number", got=type(leaf).__name__)
        return tree.map_leaves(lambda leaf: np.asarray(_concrete(leaf)), out)

    def _with_value(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        out = self._value(*args, **kwargs)
        return out, (out, args, kwargs)

    def _pull(self, kept: Any, g: Any) -> Any:
        value, args, kwargs = kept
        if self._vjp is None:
            raise no_derivative(self._name, "backward", "vjp")
        return opened(self._vjp)(g, value, *args, **kwargs)

    def _tangents(self, args: Sequence[Any], tangents: Sequence[Any], value: Any, kwargs: dict) -> list[Any]:
        if self._along is None:
            raise no_derivative(self._name, "forward", "jvp")
        found = opened(self._along)(tuple(args), tuple(tangents), value, **kwargs)
        return fitted(self._name, "the forward rule", found, value)

    # In a trace -------------------------------------------------------------------------------------------------------------
    def _recorded_value(self, trace: Trace, args: tuple, kwargs: dict) -> Any:
        if self._is_linked(trace, args, kwargs):
            made = trace.handlers.call(self._eval)(*args)
            return wrap(trace.fresh(values.read(trace, made), "scalar")) if kind_of(made) == "python" else made
        leaves, structure = tree.flatten((args, kwargs))
        places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, (Value, np.ndarray, Dim))]
        symbols = [values.symbol(trace, leaves[k]) for k in places]
        atoms = [tr.read(symbol) for symbol in symbols]
        kinds = [symbol.kind for symbol in symbols]
        others = [None if k in places else leaf for k, leaf in enumerate(leaves)]

        def call(operands: Sequence[Any]) -> Any:
            given = list(others)
            for k, kind, array in zip(places, kinds, operands):
                x = np.asarray(array).view()
                x.flags.writeable = False
                given[k] = x.item() if kind == "python" else x
            return self._called(structure, given)

        types = [TensorType(atom.type.dtype, atom.type.shape) for atom in atoms]
        defines: list[str] = []
        wanted = self._inferred(trace, structure, others, places, types, defines) if self._infer else None
        if wanted is None:
            wanted = self._seen(trace, atoms, types, call)
        found, nesting = tree.flatten(wanted, lambda x: isinstance(x, TensorType))
        parts = tuple((np.ndarray, type) for type in found)
        site = f"{tr.user_line()}#{len(trace.islands)}"
        outside = Outside(self._name, site, lambda operands: tree.flatten(call(operands))[0], parts, spare=True)
        made = trace.record(island, tuple(atoms), {"call": outside, "defines": tuple(defines)})
        tensors = "tensor" in kinds
        return tree.unflatten(nesting, [
            wrap(trace.fresh(atom, "tensor" if tensors else "ndarray" if atom.type.shape else "scalar")) for atom in made
        ])  # fmt: skip

    def _is_linked(self, trace: Trace, args: tuple, kwargs: dict) -> bool:
        """Whether Numba's code for the call goes into compiled code: numbers, or for ufuncs arrays."""
        if kwargs or trace.handlers is None or not type(self._eval).__module__.startswith("numba."):
            return False
        if not all(isinstance(x, (Value, bool, int, float, np.ndarray, np.generic)) for x in args):
            return False
        if type(self._eval).__name__ == "DUFunc":
            return any(shape_of(x) for x in args)
        return all(not shape_of(x) and kind_of(x) in ("python", "scalar") for x in args)

    def _inferred(self, trace: Trace, structure: tree.Structure, others: list, places: Sequence[int],
                  types: Sequence[TensorType], defines: list[str]) -> Any:  # fmt: skip
        """The types of the results as `infer` says, by the names of sizes that vary."""
        names: dict[str, Dim] = {}
        for type in types:
            for size in type.shape:
                if isinstance(size, Dim) and size not in names.values():
                    names[f"n{len(names)}"] = size
        by_size = {size: name for name, size in names.items()}
        given = list(others)
        for k, type in zip(places, types):
            given[k] = Spec(tuple(by_size[s] if isinstance(s, Dim) else s for s in type.shape), type.dtype)
        args, kwargs = tree.unflatten(structure, given)
        assert self._infer is not None
        found = self._infer(*args, **kwargs)

        def size_of(size: Any) -> Any:
            if isinstance(size, int):
                return size
            if size is not None:
                return names[size]
            if trace.region is not None:
                raise TraceError(f"how long what {self._name} gives is, only a run knows, and it is called in a branch or loop",
                                 at=tr.user_line())  # fmt: skip
            name = trace.fresh_symbol("size")
            trace.bounds.know(name, 0, None)
            defines.append(name)
            return Dim.symbol(name)

        def type_of(spec: Any) -> TensorType:
            if not isinstance(spec, Spec) or any(isinstance(s, str) and s not in names for s in spec.shape):
                raise ArgumentError(f"infer of {self._name} gives no Spec of sizes that it was given", got=repr(spec)[:80])
            return TensorType(spec.dtype, tuple(map(size_of, spec.shape)))

        return tree.map_leaves(type_of, found)

    def _seen(self, trace: Trace, atoms: Sequence[Any], types: Sequence[TensorType], call: Callable) -> Any:
        """The types of the results as a call gives them: of this call's values, where tracing can have them."""
        sizes = [size for type in types for size in type.shape if isinstance(size, Dim)]
        if sizes:
            raise trace.specialise(f"{self._name}, an op that does not infer", *sizes)
        error = TraceError("values of this call")
        given = [_plausible(type) for type in types]
        if trace.region is None and trace.given is not None:
            with contextlib.suppress(TraceError):
                given = [np.array(x) for x in hosted.values_of(trace, atoms, error)]
        with np.errstate(all="ignore"), tr.suspended(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = call(given)
            except Exception as why:
                raise TraceError(f"what {self._name} gives cannot be seen: {type(why).__name__}: {why}", at=tr.user_line(),
                                 fix="hybrid.op(…, infer=…)") from why  # fmt: skip
        if any(x.dtype not in dt.SHORT for x in tree.flatten(found)[0]):
            raise TraceError(f"{self._name} gives arrays that cannot be traced", at=tr.user_line())
        return tree.map_leaves(lambda x: TensorType(x.dtype, x.shape), found)


def _plausible(type: TensorType) -> np.ndarray:
    """Small numbers that differ."""
    shape: Any = type.shape
    if type.dtype == dt.bool_:
        return np.ones(shape, type.dtype)
    made = np.random.default_rng(7).uniform(0.1, 0.9, shape)
    return np.asarray(np.ones(shape) if dt.is_integer(type.dtype) else made).astype(type.dtype)


def _concrete(leaf: Any) -> Any:
    """A tensor as an array."""
    if not isinstance(leaf, Value):
        return leaf
    data = leaf._data
    return data.example() if isinstance(data, Lifted) else data


def _number(leaf: Any) -> Any:
    return leaf[()] if isinstance(leaf, np.ndarray) and leaf.ndim == 0 else leaf


def _as(tensors: bool, array: Any) -> Any:
    return wrap(array) if tensors else _number(array)
