"""Functions of functions: `grad`, `vjp`, `jvp` and what is made of them. Eager calls run the function as it stands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, GradientError
from hybrid.core.shape import TensorType
from hybrid.frontend.creation import zeros_like
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Level, Lifted, own_error
from hybrid.ir.trace import Symbol
from hybrid.transforms import lane, left, recorded  # noqa: F401 (the lane enters itself)
from hybrid.transforms.duals import Dual, Duals
from hybrid.transforms.recorded import Marked
from hybrid.transforms.tape import Leaf, Tape, Tracked
from hybrid.transforms.way_back import pull


class Chosen:
    """The arguments of a call, some of whose leaves a transform is about."""

    __holds__ = ("args",)

    def __init__(self, name: str, args: Sequence[Any], argnums: int | Sequence[int] | None):
        self.name, self.args = name, list(args)
        self.single = isinstance(argnums, int)
        given = range(len(args)) if argnums is None else (argnums,) if isinstance(argnums, int) else argnums
        self.at = [k + len(args) if k < 0 else k for k in given]
        if any(not 0 <= k < len(args) for k in self.at):
            raise ArgumentError(f"{name} is about arguments that the call does not have", got=f"argnums={argnums}",
                                expected=f"numbers below {len(args)}: derivatives are of arguments by position")  # fmt: skip
        self.leaves, self.structure = tree.flatten([self.args[k] for k in self.at])
        self.data = [self._data(leaf) for leaf in self.leaves]  # arrays, or what other transforms follow

    def _data(self, leaf: Any) -> Any:
        data = leaf._data if isinstance(leaf, Value) else leaf
        if type(data) is Symbol:
            data = data.type
        elif not isinstance(data, (np.ndarray, Lifted)):
            if not isinstance(data, (float, complex, np.generic)) or isinstance(data, int):
                raise _not_differentiable(self.name, leaf)
            data = np.asarray(data)
        if data.dtype not in dt.KIND or not dt.is_inexact(data.dtype):
            raise _not_differentiable(self.name, leaf)
        return data

    @property
    def others(self) -> list[Any]:
        return [arg for k, arg in enumerate(self.args) if k not in self.at] if len(self.at) < len(self.args) else []

    def with_leaves(self, leaves: Sequence[Any]) -> list[Any]:
        """The arguments with these in place of the leaves."""
        args = list(self.args)
        for k, value in zip(self.at, tree.unflatten(self.structure, list(leaves))):
            args[k] = value
        return args

    def nested(self, found: Sequence[Any]) -> Any:
        """One value for each leaf, nested as the arguments are and of their classes."""
        out = tree.unflatten(self.structure, [like(leaf, x) for leaf, x in zip(self.leaves, found)])
        return out[0] if self.single else tuple(out)

    def settle(self, level: Level, f: Callable, kwargs: dict) -> None:
        """Let what a call of f has kept be what it would have kept undecorated."""
        plain = self.plain
        left.settle(level, f, (*self.others, *kwargs.values()), lambda x: _as_numbers(self, as_given(x, plain)))

    @property
    def plain(self) -> bool:
        """Whether NumPy's arrays and numbers came in, and are to come out."""
        return not any(isinstance(leaf, Value) for leaf in self.leaves)


def _not_differentiable(name: str, leaf: Any) -> GradientError:
    dtype = getattr(leaf, "dtype", None)
    got = f"{type(leaf).__name__}: {leaf!r}" if dtype is None or isinstance(leaf, np.generic) else f"an array of {dtype}"
    return GradientError(f"{name} differentiates with respect to floats and complex numbers", got=got[:80],
                         fix="convert it, x.astype(float), or leave it out by argnums")  # fmt: skip


def type_of(x: Any) -> tuple[tuple, np.dtype]:
    """Shape and dtype of a tensor, an array or a number."""
    data = x._data if isinstance(x, Value) else np.asarray(x)
    data = data.type if type(data) is Symbol else data
    return tuple(data.shape), data.dtype


def like(leaf: Any, x: Any) -> Any:
    """A tensor as the class of an argument: tensors stay tensors, and so does what another transform follows."""
    data = x._data
    if type(data) is Symbol:
        return x
    if isinstance(leaf, Value) or isinstance(data, Lifted):
        return x if isinstance(data, Lifted) or (data.base is None and data.flags.writeable) else wrap(np.array(data))
    if isinstance(leaf, np.ndarray):
        return data if data.base is None and data.flags.writeable else np.array(data)
    return data.item() if type(leaf) in (float, complex) else data[()]


def as_given(out: Any, plain: bool) -> Any:
    """A result as the undecorated function would give it: arrays and NumPy scalars where such came in."""

    def change(leaf: Any) -> Any:
        if not plain or not isinstance(leaf, Value) or type(leaf._data) is not np.ndarray:
            return leaf
        return leaf._data if leaf._data.ndim else leaf._data[()]

    return tree.map_leaves(change, out)


def _run(f: Callable, chosen: Chosen, leaves: Sequence[Any], kwargs: dict, has_aux: bool) -> tuple[Any, Any]:
    f = recorded.opened(f)
    try:
        out = f(*chosen.with_leaves(leaves), **kwargs)
    except ValueError as error:
        if (own := own_error(error)) is not None:
            raise own from None
        raise
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise ArgumentError(f"{chosen.name}(has_aux=True) takes a function that returns (value, aux)", got=type(out).__name__)
    return out


def _stripped(level: Any, out: Any) -> Any:
    """A result without what this level knows of it."""

    def change(leaf: Any) -> Any:
        data = leaf._data if isinstance(leaf, Value) else None
        return wrap(data.value) if isinstance(data, Lifted) and data.level is level else leaf

    return tree.map_leaves(change, out)


class _Pullback:
    """From cotangents of a function's results to those of its arguments."""

    def __init__(self, name: str, f: Callable, chosen: Chosen, kwargs: dict, has_aux: bool):
        self.name, self.chosen, self.level = name, chosen, Tape()
        self.leaves: list[Leaf] = []
        lifted = []
        for data in chosen.data:
            self.leaves.append(Leaf(TensorType(data.dtype, tuple(data.shape))))
            lifted.append(wrap(self.level.lift(data, self.leaves[-1], name == "vjp")))  # who may write it before the way back
        self.level.began([*chosen.others, *kwargs.values()])
        try:
            out, aux = _run(f, chosen, lifted, kwargs, has_aux)
            self.level.ended()
            results, self.structure = tree.flatten(out)
            self.results = [wrap(x._data) if isinstance(x, Value) else x for x in results]
            out = tree.unflatten(self.structure, self.results)
        finally:
            self.level.close()
            chosen.settle(self.level, f, kwargs)
        self.value = as_given(_stripped(self.level, out), chosen.plain)
        self.aux = as_given(_stripped(self.level, aux), chosen.plain)

    def __call__(self, cotangents: Sequence[Any], retain: bool = True) -> list[Any]:
        """A cotangent for each leaf, as tensors."""
        roots = []
        for result, given in zip(self.results, cotangents):
            data = result._data if isinstance(result, Value) else None
            if isinstance(data, Tracked) and data.level is self.level and given is not None:
                roots.append((data.source, given))
        found: dict[Leaf, Any] = {}

        def arrive(leaf: Leaf, g: Any) -> None:
            found[leaf] = found[leaf] + g if leaf in found else g

        pull(self.level, roots, arrive, retain=retain, follow=False)
        return [found[leaf] if leaf in found else _zeros(leaf) for leaf in self.leaves]


class _RecordedPullback:
    """The same inside a trace."""

    def __init__(self, name: str, f: Callable, chosen: Chosen, kwargs: dict, has_aux: bool):
        self.chosen, self.marked = chosen, Marked(chosen.leaves, chosen.others)
        self.value, self.aux = _run(f, chosen, self.marked.tensors, kwargs, has_aux)
        self.results, self.structure = tree.flatten(self.value)
        self.marked.put_back()

    def __call__(self, cotangents: Sequence[Any], retain: bool = True) -> list[Any]:
        return recorded.pull(self.marked, self.results, cotangents)


def _pullback(name: str, f: Callable, chosen: Chosen, kwargs: dict, has_aux: bool) -> Any:
    """The way back of one call of f, eager or in a trace."""
    kind = _Pullback if tr.current() is None else _RecordedPullback
    return kind(name, f, chosen, kwargs, has_aux)


def _zeros(leaf: Leaf) -> Any:
    return wrap(np.zeros(leaf.type.shape, leaf.type.dtype))


def value_and_grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives f's value and its gradient.

    Args:
        f: a function of arrays that returns one real number; with `has_aux` a pair of it and anything else.
        argnums: the positional arguments to differentiate with respect to: one, or several for a tuple of gradients.
            Each may be an array, a number, or any nesting of these.
        has_aux: whether f returns `(value, aux)`; the result is then `((value, aux), gradient)`.

    Gradients have the dtypes, shapes and classes of their arguments. For complex arguments they are the conjugates of the
    derivatives, the directions of steepest ascent.

    >>> hy.value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = Chosen("grad", args, argnums)
        back = _pullback("grad", f, chosen, kwargs, has_aux)
        one = _seed(back.results)
        gradient = chosen.nested(back([one], retain=False))
        return ((back.value, back.aux) if has_aux else back.value), gradient

    return call


def _seed(results: Sequence[Any]) -> Any:
    """The cotangent of a single real number: one."""
    out = results[0] if len(results) == 1 else None
    if not isinstance(out, (Value, np.ndarray, np.generic, float)):
        raise GradientError("grad takes a function that returns one number", got=f"{len(results)} results" if out is None
                            else type(out).__name__, fix="return one, or use vjp or jacobian")  # fmt: skip
    shape, dtype = type_of(out)
    if shape != () or not dt.is_float(dtype):
        raise GradientError("grad takes a function that returns one real number", got=f"{dtype} of shape {shape}",
                            fix="reduce it, y.sum(), or use vjp or jacobian")  # fmt: skip
    return wrap(np.ones((), dtype))


def grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives f's gradient; with `has_aux` the pair of it and what f returns beside its value.

    Arguments as those of `value_and_grad`.

    >>> hy.grad(lambda x: np.sin(x))(0.0), hy.grad(hy.grad(lambda x: x**3))(2.0)
    (1.0, 12.0)
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return call


def vjp(f: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """f's value, and the function that takes a cotangent of it to one of each argument.

    Args:
        f: a function of arrays; its result may be any nesting of them.
        primals: where to differentiate.
        has_aux: whether f returns `(value, aux)`; `aux` is then a third result.

    >>> y, back = hy.vjp(np.sin, np.array([0.0, 1.0]))
    >>> back(np.array([1.0, 0.0]))
    (array([1., 0.]),)
    """
    chosen = Chosen("vjp", primals, None)
    back = _pullback("vjp", f, chosen, {}, has_aux)

    def pullback(cotangent: Any) -> tuple:
        given, structure = tree.flatten(cotangent)
        if structure != back.structure:
            raise ArgumentError("a cotangent nests as the function's result does", got=structure, expected=back.structure)
        return chosen.nested(back([_matching(g, r, "cotangent") for g, r in zip(given, back.results)]))

    return (back.value, pullback, back.aux) if has_aux else (back.value, pullback)


def _matching(given: Any, value: Any, what: str) -> Any:
    """A cotangent or tangent as a tensor of its value's type."""
    if not isinstance(value, (Value, np.ndarray, np.generic, float, complex)):
        return None
    out: Any = given if isinstance(given, Value) else wrap(np.asarray(given))
    (shape, own), (wanted, dtype) = type_of(out), type_of(value)
    if shape != wanted:
        raise ArgumentError(f"a {what} has its value's shape", got=shape, expected=wanted)
    return out if own == dtype else out.astype(dtype)


def jvp(f: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """f's value and its derivative in the direction of the tangents.

    Args:
        f: a function of arrays.
        primals: its arguments, a tuple; the argument itself where there is one.
        tangents: a direction for each, of the same nesting, shapes and dtypes.
        has_aux: whether f returns `(value, aux)`; `aux` is then a third result.

    >>> hy.jvp(lambda x: x * x, (3.0,), (1.0,))
    (9.0, 6.0)
    """
    primals, tangents = _as_arguments(primals), _as_arguments(tangents)
    if len(primals) != len(tangents):
        raise ArgumentError("jvp takes a tangent for each argument", got=len(tangents), expected=len(primals))
    chosen = Chosen("jvp", primals, None)
    given, structure = tree.flatten(list(tangents))
    if structure != chosen.structure:
        raise ArgumentError("tangents nest as the arguments do", got=structure, expected=chosen.structure)
    along = [_matching(t, leaf, "tangent") for t, leaf in zip(given, chosen.leaves)]
    push = _push if tr.current() is None else _recorded_push
    return push(f, chosen, along, has_aux)


def _as_arguments(given: Any) -> Sequence[Any]:
    return given if isinstance(given, (tuple, list)) else (given,)


def _push(f: Callable, chosen: Chosen, along: Sequence[Any], has_aux: bool) -> tuple:
    level = Duals()
    lifted = [wrap(level.made(data, t)) for data, t in zip(chosen.data, along)]
    plain = chosen.plain
    level.began([x._data for x in lifted])
    try:
        out, aux = _run(f, chosen, lifted, {}, has_aux)
        level.ended()
        out = tree.map_leaves(lambda x: wrap(x._data) if isinstance(x, Value) else x, out)
    finally:
        level.close()
        chosen.settle(level, f, {})
    value, found = _stripped(level, out), tree.map_leaves(lambda leaf: _tangent_of(level, leaf), out)
    results = tuple(_as_numbers(chosen, as_given(x, plain)) for x in (value, found))
    return (*results, as_given(_stripped(level, aux), plain)) if has_aux else results


def _recorded_push(f: Callable, chosen: Chosen, along: Sequence[Any], has_aux: bool) -> tuple:
    marked = Marked(chosen.leaves, chosen.others)
    out, aux = _run(f, chosen, marked.tensors, {}, has_aux)
    leaves, structure = tree.flatten(out)
    found = recorded.push(marked, along, leaves)
    zeros = [_zeros_of(leaf) if t is None else t for leaf, t in zip(leaves, found)]
    marked.put_back()
    return (out, tree.unflatten(structure, zeros), aux) if has_aux else (out, tree.unflatten(structure, zeros))


def _as_numbers(chosen: Chosen, out: Any) -> Any:
    """Python's floats where only such came in."""
    if not all(type(leaf) is float for leaf in chosen.leaves):
        return out
    return tree.map_leaves(lambda leaf: leaf.item() if isinstance(leaf, np.floating) else leaf, out)


def _tangent_of(level: Duals, leaf: Any) -> Any:
    data = leaf._data if isinstance(leaf, Value) else None
    if isinstance(data, Dual) and data.level is level:
        return wrap(data.tangent)
    return _zeros_of(leaf)


def _zeros_of(leaf: Any) -> Any:
    """The tangent of a result that depends on nothing."""
    if isinstance(leaf, Value):
        return zeros_like(leaf)
    return np.zeros_like(leaf) if isinstance(leaf, (np.ndarray, np.generic)) else 0.0
