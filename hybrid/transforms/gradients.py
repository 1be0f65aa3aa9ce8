"""`backward`, `grad` and their kin on tensors; `no_grad` and `grad_of` beside them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, GradientError
from hybrid.core.shape import TensorType
from hybrid.frontend.creation import ones_like, zeros_like
from hybrid.frontend.values import Value, wrap
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Lifted
from hybrid.ir.trace import Symbol, Trace
from hybrid.transforms import within
from hybrid.transforms.tape import TAPE, Leaf, Node, Ref, Tape, Tracked, quiet, recording
from hybrid.transforms.way_back import pull

_handles = itertools.count()
_LEAF = "it is a leaf that gradients are asked for"  # why its storage is not written but in `no_grad`


def tracked_by(level: Tape, x: Any) -> Tracked | None:
    """What a tape knows of a tensor."""
    data = x._data if isinstance(x, Value) else None
    while isinstance(data, Lifted):
        if isinstance(data, Tracked) and data.level is level:
            return data
        data = data.value
    return None


def _tracked(x: Any) -> Tracked | None:
    """What the tape of all tensors knows of one."""
    return tracked_by(TAPE, x)


def _leaf(x: Any) -> Leaf | None:
    """The leaf that a tensor is."""
    tracked = _tracked(x)
    where = None if tracked is None or tracked.chain else tracked.source[0]
    return where if isinstance(where, Leaf) else None


def leaf_for(data: Any) -> Leaf:
    """A leaf for a tensor that holds this."""
    if not dt.is_inexact(data.dtype):
        raise GradientError("only tensors of floats and complex numbers can require gradients", got=data.dtype,
                            fix="x.astype(float)")  # fmt: skip
    return Leaf(TensorType(data.dtype, tuple(data.shape)))


class Handle:
    """A hook that was registered."""

    def __init__(self, hooks: dict[int, Callable], key: int):
        self._hooks, self._key = hooks, key

    def remove(self) -> None:
        """Take it away; more than once does no harm."""
        self._hooks.pop(self._key, None)


class Meaning:
    """What tensors ask of the tape."""

    @staticmethod
    def seen(trace: Trace, x: Any, symbol: Symbol) -> None:
        """A trace reads a tensor that some transform follows."""
        leaf = _leaf(x)
        if leaf is None:
            return
        if not recording():
            if symbol.cell.frozen == _LEAF:
                symbol.cell.frozen = ""
            return
        symbol.cell.frozen = symbol.cell.frozen or _LEAF
        key = id(x._data.value)
        trace.leaf_of[key] = leaf
        atoms = trace.leaves.setdefault(key, [])
        if (atom := tr.read(symbol)) not in atoms:
            atoms.append(atom)

    @staticmethod
    def requires_grad(x: Any) -> bool:
        if type(x._data) is Symbol and tr.current() is not None:
            return within.comes_of_leaves(x)
        return _tracked(x) is not None

    @staticmethod
    def require(x: Any, wanted: bool) -> None:
        if tr.current() is not None:
            raise GradientError("requires_grad is set inside a decorated function", at=tr.user_line(),
                                fix="set it before the call, or use hybrid.grad inside")  # fmt: skip
        tracked = _tracked(x)
        if not wanted:
            if tracked is not None and _leaf(x) is None:
                raise GradientError("requires_grad can be taken from leaves only", got="a result", fix="use x.detach()")
            if tracked is not None:
                x._data = tracked.value
            return
        if tracked is not None:
            return
        data = x._data
        if isinstance(data, Lifted):
            raise GradientError("requires_grad is set of a tensor that hybrid.grad or its like follow",
                                fix="hybrid.grad inside, or a tape's watch(x)")  # fmt: skip
        x._data = TAPE.lift(data, leaf_for(data), None)

    @staticmethod
    def gradient(x: Any) -> Any:
        leaf = _leaf(x)
        if leaf is not None and tr.current() is not None:
            return within.held(leaf).look()
        if leaf is None and (tracked := _tracked(x)) is not None:
            node, place = tracked.source
            leaf = (node.kept or {}).get(place) if isinstance(node, Node) else None
        return None if leaf is None else leaf.grad

    @staticmethod
    def set_gradient(x: Any, value: Any) -> None:
        leaf = _leaf(x)
        if leaf is None:
            raise GradientError("only a leaf has a gradient to set", fix="x.requires_grad_() first")
        if value is not None:
            value = value if isinstance(value, Value) else wrap(np.asarray(value))
            if (tuple(value.shape), value.dtype) != (leaf.type.shape, leaf.type.dtype):  # type: ignore[attr-defined]
                raise ArgumentError("a gradient has its tensor's type", got=f"{value.dtype} of {value.shape}",  # type: ignore[attr-defined]
                                    expected=leaf.type)  # fmt: skip
        if tr.current() is not None:
            within.held(leaf).set(value)
        else:
            leaf.grad = value

    @staticmethod
    def restored(array: np.ndarray) -> Any:
        """A leaf that was pickled."""
        return wrap(array).requires_grad_()

    @staticmethod
    def duplicate(x: Any) -> Any:
        """A deep copy: of a leaf another leaf."""
        leaf = _leaf(x)
        if leaf is None or x._data is not _tracked(x):
            raise GradientError("only leaves are copied deeply, and this is a result", fix="x.detach() first, or x.clone()")
        out = wrap(x.detach()._data.copy()).requires_grad_()
        out.grad = None if leaf.grad is None else leaf.grad.detach().copy()
        return out

    @staticmethod
    def is_leaf(x: Any) -> bool:
        return _tracked(x) is None or _leaf(x) is not None

    @staticmethod
    def backward(x: Any, gradient: Any, retain: bool | None, create: bool, inputs: Any) -> None:
        only: Any = None
        if inputs is not None:
            found = [_leaf(leaf) for leaf in (inputs if isinstance(inputs, (tuple, list)) else (inputs,))]
            if None in found:
                raise GradientError("backward(inputs=…) takes leaves", fix="use hybrid.grad_of for other tensors")
            only = {leaf for leaf in found if leaf is not None}
        if tr.current() is not None:
            within.backward(x, within_cotangent(x, gradient), create or bool(retain), only)
            return
        run_backward(TAPE, [x], [gradient], retain, create, Leaf.arrive, only)

    @staticmethod
    def retain(x: Any) -> None:
        node, place = _source(TAPE, x, "retain_grad")
        if isinstance(node, Node):
            node.kept = node.kept or {}
            node.kept.setdefault(place, Leaf(TensorType(x.dtype, tuple(x.shape))))

    @staticmethod
    def hook(x: Any, hook: Callable[[Any], Any]) -> Handle:
        where, place = _source(TAPE, x, "register_hook")
        if isinstance(where, Leaf):
            hooks = where.hooks
        else:
            where.hooks = where.hooks or {}
            hooks = where.hooks.setdefault(place, {})
        key = next(_handles)
        hooks[key] = hook
        return Handle(hooks, key)


def _source(level: Tape, x: Any, what: str) -> Ref:
    tracked = tracked_by(level, x)
    if tracked is None:
        raise GradientError(f"{what} is for tensors that require gradients", fix="x.requires_grad_() first")
    return tracked.source


def run_backward(
    level: Tape, outputs: Sequence[Any], gradients: Sequence[Any], retain: bool | None, create: bool,
    arrive: Callable[[Leaf, Any], None], wanted: Collection[Leaf | Ref] | None = None,
) -> None:  # fmt: skip
    """Go back from outputs on a tape."""
    roots = []
    for x, given in zip(outputs, gradients):
        tracked = tracked_by(level, x)
        if tracked is not None and tracked not in (x._data, _open(x._data)):
            raise GradientError("a gradient is taken of a tensor that a transform around it follows, and would not follow",
                                got=f"{x.dtype} of shape {x.shape}", fix="hybrid.grad inside, or a tape's watch")  # fmt: skip
        if tracked is None:
            raise GradientError("no gradient flows to this tensor", got=f"{x.dtype} of shape {x.shape}, computed from no leaf",
                                fix="let a tensor it is computed from have requires_grad=True")  # fmt: skip
        roots.append((tracked.source, _cotangent(x, given)))
    with contextlib.nullcontext() if create else quiet(below=TAPE.number + 0.5):
        pull(level, roots, arrive, retain=create if retain is None else retain, follow=create, wanted=wanted)


def _open(data: Any) -> Any:
    """What a tensor holds but for tapes that have ended."""
    while isinstance(data, Tracked) and not data.tape.open and isinstance(data.value, Lifted):
        data = data.value
    return data


def _cotangent(x: Any, given: Any) -> Any:
    if given is None:
        if x.size != 1:
            raise GradientError("the gradient of more than one number needs a cotangent", got=f"shape {x.shape}",
                                fix="y.sum().backward(), or y.backward(gradient)")  # fmt: skip
        return wrap(np.ones(x.shape, x.dtype))
    given = given if isinstance(given, Value) else wrap(np.asarray(given))
    if tuple(given.shape) != tuple(x.shape):  # type: ignore[attr-defined]
        raise ArgumentError("a cotangent has its tensor's shape", got=given.shape, expected=x.shape)  # type: ignore[attr-defined]
    return given if given.dtype == x.dtype else given.astype(x.dtype)  # type: ignore[attr-defined]


def grad_of(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    unconnected: str = "error",
) -> Any:  # fmt: skip
    """The gradients of tensors with respect to tensors that they were computed from, leaves or not.

    Args:
        outputs: a tensor, or a sequence whose gradients are added up.
        inputs: tensors that require gradients, nested in any way.
        grad_outputs: a cotangent for each output; by default one, for single numbers.
        retain_graph: keep what was saved, for another call; by default as `create_graph`.
        create_graph: remember the computation, to differentiate the gradients.
        unconnected: what an input has that no output was computed from: "error", or "zeros".

    Returns:
        A gradient for each input, nested as `inputs`. Nothing is added to `x.grad`.

    >>> x = hy.tensor(3.0, requires_grad=True)
    >>> (first,) = hy.grad_of(x**3, [x], create_graph=True)
    >>> hy.grad_of(first, x)
    tensor(18., dtype=float32)
    """
    if unconnected not in ("error", "zeros"):
        raise ArgumentError("unconnected inputs are an error or zeros", got=unconnected, expected="error · zeros")
    outs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    several = isinstance(outputs, (tuple, list))
    given = [None] * len(outs) if grad_outputs is None else list(grad_outputs) if several else [grad_outputs]
    leaves, structure = tree.flatten(inputs)
    if tr.current() is not None:
        return tree.unflatten(structure, gradients_within(outs, leaves, given, create_graph, unconnected))
    return tree.unflatten(structure, gradients_of(TAPE, outs, leaves, given, retain_graph, create_graph, unconnected))


def gradients_within(
    outputs: Sequence[Any], inputs: Sequence[Any], given: Sequence[Any], create: bool, unconnected: str
) -> list[Any]:
    """A gradient for each input, in a trace."""
    seeds = [within_cotangent(x, g) for x, g in zip(outputs, given)]
    return _connected(inputs, within.gradient_of(outputs, inputs, seeds, create), unconnected)


def gradients_of(
    level: Tape, outputs: Sequence[Any], inputs: Sequence[Any], given: Sequence[Any], retain: bool | None, create: bool,
    unconnected: str,
) -> list[Any]:  # fmt: skip
    """A gradient for each input, on a tape."""
    with _Marks(level, inputs) as marks:
        run_backward(level, outputs, given, retain, create, marks.arrive, {*marks.sources, *marks.leaves})
        found = marks.found()
    return _connected(inputs, found, unconnected)


def _connected(inputs: Sequence[Any], found: list[Any], unconnected: str) -> list[Any]:
    for k, x in enumerate(inputs):
        if found[k] is None:
            if unconnected == "error":
                raise GradientError("an input has no part in the outputs", got=f"input {k}, {x.dtype} of shape {x.shape}",
                                    fix='grad_of(…, unconnected="zeros")')  # fmt: skip
            found[k] = full_like(0, x)
    return found


def full_like(number: int, x: Any) -> Any:
    """Zeros or ones of a tensor's type that no gradient flows through."""
    if tr.current() is not None:
        return ones_like(x) if number else zeros_like(x)
    return wrap(np.full(x.shape, number, x.dtype))


def within_cotangent(x: Any, given: Any) -> Any:
    """A cotangent in a trace: ones for a single number, unless it is given."""
    if given is not None:
        return given
    if x.shape not in ((), (1,)):
        raise GradientError("the gradient of more than one number needs a cotangent", got=f"shape {x.shape}",
                            at=tr.user_line(), fix="y.sum().backward(), or y.backward(gradient)")  # fmt: skip
    return full_like(1, x)


class _Marks:
    """Collects the gradients of some tensors: of leaves as they arrive, of results as they pass."""

    def __init__(self, level: Tape, tensors: Sequence[Any]):
        self.sources = [_source(level, x, "grad_of") for x in tensors]
        self.leaves = [where for where, _ in self.sources if isinstance(where, Leaf)]
        self.sums: dict[Leaf, Any] = {}
        self.kept: list[tuple[Node, int, Leaf | None, Leaf]] = []
        for where, place in self.sources:
            if isinstance(where, Node):
                probe = Leaf(where.operation.outputs[place])
                where.kept = where.kept or {}
                self.kept.append((where, place, where.kept.get(place), probe))
                where.kept[place] = probe

    def arrive(self, leaf: Leaf, g: Any) -> None:
        self.sums[leaf] = self.sums[leaf] + g if leaf in self.sums else g

    def __enter__(self) -> _Marks:
        return self

    def __exit__(self, *error: Any) -> None:
        for node, place, before, _ in reversed(self.kept):
            assert node.kept is not None
            if before is None:
                node.kept.pop(place, None)
            else:
                node.kept[place] = before

    def found(self) -> list[Any]:
        passing = {(node, place): probe for node, place, _, probe in self.kept}
        return [self.sums.get(w) if isinstance(w, Leaf) else passing[(w, place)].grad for w, place in self.sources]


class no_grad(contextlib.ContextDecorator):
    """Inside, or in the decorated function, operations are not remembered: their results require no gradients.

    >>> x = hy.tensor([1.0], requires_grad=True)
    >>> with hy.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _quiet = True

    def __init__(self) -> None:
        self._open: list[Any] = []

    def __enter__(self) -> None:
        inner = quiet(self._quiet)
        inner.__enter__()
        self._open.append(inner)

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


class enable_grad(no_grad):
    """Inside `no_grad`, remember operations again.

    >>> x = hy.tensor([1.0], requires_grad=True)
    >>> with hy.no_grad(), hy.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    _quiet = False


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require gradients are remembered here.

    >>> with hy.no_grad():
    ...     hy.is_grad_enabled()
    False
    """
    return recording()


lifted.tape = Meaning
