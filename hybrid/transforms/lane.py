"""The short way of the commonest calls on a tape: one result, new or a view, from tensors, constants and lists of those.

It does what `Tape.apply` does, without what such calls have no use for: writes, several results, tapes of several levels.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.frontend import values
from hybrid.frontend.calls import are_settings
from hybrid.frontend.elementwise import Elementwise
from hybrid.ir import lifted
from hybrid.ir.trace import Chain
from hybrid.transforms import levels
from hybrid.transforms.tape import Node, Tracked, thread_state

MOST = 4096
_new = object.__new__
_getframe = sys._getframe
_PACKAGE = levels.PACKAGE
_known: dict[tuple, Known] = {}  # by function and operands


class Known:
    """What is known of a call that goes the short way: the operation, how to compute it, and which operands are saved."""

    __slots__ = ("operation", "direct", "wanted", "saved", "view", "form")

    def __init__(self, operation: levels.Operation, direct: Callable, wanted: tuple[bool, ...] | None, saved: Sequence[int]):
        self.operation, self.direct = operation, direct
        self.wanted = wanted  # None: nothing flows back from it
        self.saved = saved
        self.view = operation.views[0] if operation.views else None
        self.form: Any = None  # the result's, once there is one; False where it may differ from call to call


class _Long(Known):
    """A call that goes the long way."""

    def __init__(self) -> None:
        self.direct = lambda *arrays: None


_LONG = _Long()


def follow(function: Callable, args: tuple, kwargs: dict) -> Any:
    """What an operation means that a transform follows: the short way where it leads."""
    if function is operator.getitem and not _is_array(args[1]):
        return item(args[0], args[1])
    if function is operator.setitem:
        return levels.follow(function, (args[0], _settled(args[1]), args[2]), kwargs)
    tensor = values.tensor_class
    level: Any = None
    arrays: list[Any] = []
    tracked: list[Tracked | None] = []
    key: list[Any] = [function]
    given = args if not kwargs else _listed(args, kwargs, key)
    for x in given:
        kind = type(x)
        if kind is tensor:
            data = x._data
            if type(data) is Tracked:
                form = data.form or _form_of(data)
                if form is None or not (level is None or level is data.level):
                    return levels.follow(function, args, kwargs)
                level = data.level
                tracked.append(data)
                arrays.append(data.value)
                key.append(form)
            elif type(data) is np.ndarray:
                tracked.append(None)
                arrays.append(data)
                key += (None, _form(data))
            else:
                return levels.follow(function, args, kwargs)
        elif kind is float:
            tracked.append(None)
            arrays.append(x)
            key.append(float)
        elif kind in _CONSTANTS:
            key += (kind, x)
        elif kind is np.ndarray:
            tracked.append(None)
            arrays.append(x)
            key += (kind, _form(x))
        elif kind is tuple or kind is list:  # of tensors, or of sizes and axes
            if x and type(x[0]) is tensor:
                for part in x:
                    data = part._data if type(part) is tensor else None
                    if type(data) is Tracked and (level is None or level is data.level) and type(data.value) is np.ndarray:
                        level = data.level
                        tracked.append(data)
                        key.append(data.form or _form_of(data))
                        data = data.value
                    elif type(data) is np.ndarray:
                        tracked.append(None)
                        key += (None, _form(data))
                    else:
                        return levels.follow(function, args, kwargs)
                    arrays.append(data)
                key += (kind, len(x))
            elif _WHOLE.issuperset(map(type, x)):
                key += (kind, tuple(x))
            else:
                return levels.follow(function, args, kwargs)
        elif isinstance(x, np.dtype):
            key.append(x)
        else:
            return levels.follow(function, args, kwargs)
    if level is None:
        return levels.follow(function, args, kwargs)
    known = _known.get(tuple(key))
    if known is None:
        known = _enter(tuple(key), function, args, kwargs, tracked)
    made = _computed(known, level, tracked, arrays)
    return levels.follow(function, args, kwargs) if made is None else made


def follow_one(function: Callable, x: Any) -> Any:
    """`follow` of a call on one tensor that a transform follows: the shortest way."""
    a = x._data
    if type(a) is Tracked:
        known = _known.get((function, a.form or _form_of(a)))
        if known is not None and (made := _computed(known, a.level, (a,), (a.value,))) is not None:
            return made
    return follow(function, (x,), {})


def follow_two(function: Callable, x: Any, other: Any) -> Any:
    """`follow` of a call on such a tensor and another, or a number."""
    a, kind, known, made = x._data, type(other), None, None
    if type(a) is Tracked:
        form = a.form or _form_of(a)
        if kind is values.tensor_class:
            b = other._data
            if type(b) is Tracked and b.level is a.level:
                known = _known.get((function, form, b.form or _form_of(b)))
                if known is not None:
                    made = _computed(known, a.level, (a, b), (a.value, b.value))
        elif kind is float:
            known = _known.get((function, form, float))
            if known is not None:
                made = _computed(known, a.level, (a, None), (a.value, other))
        elif kind is int:
            known = _known.get((function, form, int, other))
            if known is not None:
                made = _computed(known, a.level, (a,), (a.value,))
    return follow(function, (x, other), {}) if made is None else made


def _computed(known: Known, level: Any, tracked: Sequence[Tracked | None], arrays: Sequence) -> Any:
    """The result of a call, and on the tape what the way back needs: each attribute counts here, for a call takes 2 us.

    None where the short way does not lead there after all."""
    try:
        out = known.direct(*arrays)
    except IndexError:
        return None  # what the long way says says more
    if type(out) is not np.ndarray:
        if out is None:  # of a call that does not
            return None
        out = out._data if type(out) is values.tensor_class else np.asarray(out)
    made = _new(values.tensor_class)
    form = known.form
    if not form and form is None:
        form = known.form = _form(out)
    if known.view is not None:
        return _shown(made, out, level, tracked[known.view[0]], known.view[1], form)
    wanted = known.wanted
    if wanted is None or not level.open or level.number < thread_state.quiet:
        made._data = out
        return made
    base = out.base
    if base is not None and any([base is x or base is getattr(x, "base", None) for x in arrays]):
        return None  # the real part of an operand, in its memory
    frame: Any = _getframe(3)  # the nearest that may be the user's
    while (code := frame.f_code).co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    sources: list[Any] = []
    for t in tracked:  # a comprehension is a call of its own
        if t is None:
            sources.append(None)
        elif (storage := t._storage) is None:
            sources.append(t.origin)
        else:
            sources.append(t.source if t.chain else storage.current)
    node = Node(known.operation, sources, wanted, (code, frame.f_lasti))
    if known.saved:
        node.keep_all(known.saved, tracked, arrays)
    made._data = Tracked(level, out, (node, 0), None, (), form)
    return made


def _shown(made: Any, out: np.ndarray, level: Any, of: Any, chain: Chain, form: Any) -> Any:
    """A tensor for a view of what is tracked."""
    storage = of._storage or of.storage
    if level.open and level.number >= thread_state.quiet:
        made._data = Tracked(level, out, None, storage, (*of.chain, *chain), form)
    else:
        storage.share()
        made._data = out
    return made


_forms: dict[tuple, Any] = {}


def _form(array: np.ndarray) -> Any:
    """The one object for arrays of its dtype, shape and strides, which decide what a call on it is."""
    key = array.dtype, array.shape, array.strides
    found = _forms.get(key)
    if found is None:
        if len(_forms) >= MOST:
            _forms.clear()
            _known.clear()
            _views.clear()
        found = _forms[key] = object()
    return found


def _form_of(tracked: Tracked) -> Any:
    """The form of a tracked array, to be remembered; None of what a lower transform follows."""
    if type(tracked.value) is np.ndarray:
        tracked.form = _form(tracked.value)
    return tracked.form


def _listed(args: tuple, kwargs: dict, key: list) -> list:
    """All arguments; the names of those that have one go into the key."""
    key.append(tuple(kwargs))
    return [*args, *kwargs.values()]


_CONSTANTS = frozenset((int, bool, str, type(None), type))
_WHOLE = frozenset((int,))
_BASIC = frozenset((int, type(None), type(...)))


def _settled(index: Any) -> Any:
    """An index with Python's integers for the bounds of slices."""
    if type(index) is tuple:
        return tuple(map(_settled, index))
    if type(index) is not slice or _is_basic(index):
        return index
    return slice(*[bound if bound is None else operator.index(bound) for bound in (index.start, index.stop, index.step)])


def _is_basic(index: Any) -> bool:
    if type(index) is slice:
        return _BASIC.issuperset((type(index.start), type(index.stop), type(index.step)))
    return type(index) in _BASIC


def _is_array(index: Any) -> bool:
    """Whether an index is one array of integers, which gives new memory of a size that follows from its own."""
    array = index._data if type(index) is values.tensor_class else index
    return type(array) is np.ndarray and array.dtype.kind == "i"


_views: dict[tuple, list] = {}  # by form and index: the chain, and the form of what it shows


def item(x: Any, index: Any) -> Any:
    """`x[index]`, short for the indices that NumPy gives views for."""
    data, kind = x._data if type(x) is values.tensor_class else None, type(index)
    if type(data) is not Tracked or (form := data.form or _form_of(data)) is None:
        return levels.follow(operator.getitem, (x, _settled(index)), {})
    key: tuple
    if kind is slice and _is_basic(index):
        key = form, index.start, index.stop, index.step
    elif kind is int:
        key = form, index
    elif kind is tuple and all(map(_is_basic, index)):
        key = form, tuple([(i.start, i.stop, i.step, slice) if type(i) is slice else i for i in index])
    elif _is_array(index):
        return follow(operator.getitem, (x, index), {})
    else:
        index = _settled(index)
        if not all(map(_is_basic, index if type(index) is tuple else (index,))):
            return levels.follow(operator.getitem, (x, index), {})
        return item(x, index if type(index) in (tuple, slice) else (index,))
    view = _views.get(key)
    if view is None:
        try:
            operation = levels.operation(operator.getitem, (x, index), {}, [])
        except TypeError:
            return levels.follow(operator.getitem, (x, index), {})
        if operation.views[0] is None:
            return levels.follow(operator.getitem, (x, index), {})
        if len(_views) >= MOST:
            _views.clear()
        view = _views[key] = [operation.views[0][1], None]
    value = data.value
    out = value[index]
    if type(out) is not np.ndarray:  # NumPy gives a number where we give a view of it
        out = value[(*index, ...) if kind is tuple else (index, ...)]
    if view[1] is None:
        view[1] = _form(out)
    return _shown(_new(values.tensor_class), out, data.level, data, *view)


def _enter(key: tuple, function: Callable, args: tuple, kwargs: dict, tracked: list) -> Known:
    """Find out whether a call can go the short way, and remember it."""
    found: Known = _LONG
    if not isinstance(function, levels.Call):  # their results come as a tuple
        operands: list[Any] = []
        operation = levels.operation(function, args, kwargs, operands)
        wanted = tuple([t is not None and takes for t, takes in zip(tracked, operation.takes)])
        view = operation.views[0] if operation.views else None
        new = view is None and operation.smooth[:1] == (True,) and any(wanted)
        shown = view is not None and tracked[view[0]] is not None
        decides = view is None and operation.smooth[:1] == (False,)  # a comparison, say: nothing flows back from it
        one = len(operation.outputs) == operation.results == 1 and len(operands) == len(tracked) and not operation.numbers
        if one and operation.nesting is not None and operation.nesting[0] is tree.LEAF and (new or shown or decides):
            saved = operation.backward(wanted, operation.smooth)[1] if new else ()
            found = Known(operation, _direct(function, args, kwargs, operands), None if decides else wanted, saved)
            ours = isinstance(function, Elementwise) or hasattr(function, "forms")
            if not (ours and all([isinstance(n, int) for n in operation.outputs[0].shape])):
                found.form = False
    if len(_known) >= MOST:
        _known.clear()
    _known[key] = found
    return found


_COMMON = frozenset("fdFD?l")


def _direct(function: Callable, args: tuple, kwargs: dict, operands: list) -> Callable:
    """The function of arrays that computes it, which gives an array."""
    if function is operator.getitem:
        return function  # NumPy's arrays mean the same by it, where the index is an array
    common = _COMMON.issuperset([x.dtype.char for x in operands if not isinstance(x, float)])
    bare = not kwargs and len(operands) == len(args) and all(map(operator.is_, operands, args))
    if bare and isinstance(function, Elementwise) and dt.bfloat16 not in [getattr(x, "dtype", None) for x in operands]:
        return function.ufunc
    if not kwargs and len(args) == 2 and len(operands) == 1 and isinstance(function, Elementwise) and common:
        ufunc, (left, right) = function.ufunc, args
        return (lambda a: ufunc(a, right)) if left is operands[0] else lambda a: ufunc(left, a)
    forms = getattr(function, "forms", None)
    tensors: Callable = _itself
    if forms is None or not common or not are_settings(kwargs):
        tensors, called = values.wrap, function
    else:
        called = forms[0] if type(args[0]) is values.tensor_class else forms[1]
    if tensors is _itself:
        if bare:
            return called
        if len(operands) == 1 and args and args[0] is operands[0]:
            rest = args[1:]
            return lambda a: called(a, *rest, **kwargs)
        if len(args) == 1 and not kwargs:
            return lambda *arrays: called(arrays)

    def compute(*arrays: Any) -> Any:
        source = iter(arrays)
        given = [_filled(x, source, tensors) for x in args]
        return called(*given, **{name: _filled(x, source, tensors) for name, x in kwargs.items()})

    # The call is kept for others like it, less the tensors of this one.
    args, kwargs = levels.replaced(args, _blank), levels.replaced(kwargs, _blank)
    args = tuple([_NOTHING if type(x) is np.ndarray else x for x in args])
    kwargs = {name: _NOTHING if type(x) is np.ndarray else x for name, x in kwargs.items()}
    return compute


def _filled(x: Any, source: Iterator, tensors: Callable) -> Any:
    """An argument with the next arrays in the places of its tensors."""
    kind = type(x)
    if kind is values.tensor_class:
        return tensors(next(source))
    if kind is float or kind is np.ndarray:
        return next(source)
    return kind([_filled(item, source, tensors) for item in x]) if kind is tuple or kind is list else x


def _itself(x: Any) -> Any:
    return x


def _blank(x: Any) -> Any:
    return values.wrap(_NOTHING)


_NOTHING = np.empty(0)


lifted.enter(follow, follow_one, follow_two, item)
