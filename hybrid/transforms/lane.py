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
from hybrid.transforms.saved import watched
from hybrid.transforms.tape import Node, Tracked, _thread

MOST = 4096
_new = object.__new__
_refuses = object()
_known: dict[tuple, Any] = {}  # by function and operands: the operation, how to compute it, which operands are saved


def follow(function: Callable, args: tuple, kwargs: dict) -> Any:
    """What an operation means that a transform follows: the short way where it leads."""
    if not kwargs and len(args) <= 2:
        known = _few(function, *args) if args else None
        if known is not None:
            return known
    if function is operator.getitem and not _is_array(args[1]):
        return _item(args[0], _settled(args[1]))
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
                value = data.value
                if type(value) is not np.ndarray or not (level is None or level is data.level):
                    return levels.follow(function, args, kwargs)
                level = data.level
                tracked.append(data)
                arrays.append(value)
                key += (value.dtype, value.shape)
                if not value.flags.c_contiguous:  # its layout may decide what is a view
                    key.append(value.strides)
            elif type(data) is np.ndarray:
                tracked.append(None)
                arrays.append(data)
                key += (data.dtype, data.shape, None if data.flags.c_contiguous else data.strides, None)
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
            key += (kind, x.dtype, x.shape, None if x.flags.c_contiguous else x.strides)
        elif kind is tuple or kind is list:  # of tensors, or of sizes and axes
            if x and type(x[0]) is tensor:
                for item in x:
                    data = item._data if type(item) is tensor else None
                    if type(data) is Tracked and (level is None or level is data.level) and type(data.value) is np.ndarray:
                        level = data.level
                        tracked.append(data)
                        data = data.value
                    elif type(data) is np.ndarray:
                        tracked.append(None)
                        key.append(None)
                    else:
                        return levels.follow(function, args, kwargs)
                    arrays.append(data)
                    key += (data.dtype, data.shape, data.strides)
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
    if known is _refuses:
        return levels.follow(function, args, kwargs)
    return _computed(function, args, kwargs, known, level, tracked, arrays)


def _few(function: Callable, x: Any, other: Any = _refuses) -> Any:
    """The shortest way, of operations known already on one tracked tensor, alone or with another or a number."""
    a = x._data if type(x) is values.tensor_class else None
    if type(a) is not Tracked or type(v := a.value) is not np.ndarray or not v.flags.c_contiguous:
        return None
    if other is _refuses:
        known = _known.get((function, v.dtype, v.shape), _refuses)
        return None if known is _refuses else _computed(function, (x,), {}, known, a.level, (a,), (v,))
    kind = type(other)
    if kind is values.tensor_class:
        b = other._data
        if type(b) is not Tracked or b.level is not a.level or type(w := b.value) is not np.ndarray or not w.flags.c_contiguous:
            return None
        known = _known.get((function, v.dtype, v.shape, w.dtype, w.shape), _refuses)
        return None if known is _refuses else _computed(function, (x, other), {}, known, a.level, (a, b), (v, w))
    if kind is int:
        known = _known.get((function, v.dtype, v.shape, int, other), _refuses)
        return None if known is _refuses else _computed(function, (x, other), {}, known, a.level, (a,), (v,))
    if kind is float:
        known = _known.get((function, v.dtype, v.shape, float), _refuses)
        return None if known is _refuses else _computed(function, (x, other), {}, known, a.level, (a, None), (v, other))
    return None


def _computed(
    function: Callable, args: tuple, kwargs: dict, known: tuple, level: Any, tracked: Sequence[Tracked | None], arrays: Sequence
) -> Any:
    """The result of a call, and on the tape what the way back needs: each attribute counts here, for a call takes 2 us."""
    operation, direct, wanted, saved, view = known
    try:
        out = direct(*arrays)
    except IndexError:
        return levels.follow(function, args, kwargs)  # which says more
    if type(out) is not np.ndarray:
        out = out._data if type(out) is values.tensor_class else np.asarray(out)
    made = _new(values.tensor_class)
    records = level.open and level.number >= _thread.quiet
    if view is not None:
        shown: Any = tracked[view[0]]
        if records:
            made._data = Tracked(level, out, None, shown.storage, (*shown.chain, *view[1]))
        else:
            shown.storage.share()
            made._data = out
        return made
    if not records or wanted is None:
        made._data = out
        return made
    base = out.base
    if base is not None and any([base is x or base is getattr(x, "base", None) for x in arrays]):
        return levels.follow(function, args, kwargs)  # the real part of an operand, in its memory
    frame: Any = sys._getframe(3)  # the nearest that may be the user's
    while frame.f_code.co_filename.startswith(levels.PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    sources: list[Any] = []
    for t in tracked:  # a comprehension is a call of its own
        if t is None:
            sources.append(None)
        elif (storage := t._storage) is None:
            sources.append(t.origin)
        else:
            sources.append(t.source if t.chain else storage.current)
    node = Node(operation, sources, wanted, (frame.f_code, frame.f_lasti))
    for k in saved:
        t = tracked[k]
        if t is None:
            node.saved[k] = watched(arrays[k])
        elif t._storage is None:
            node.saved[k] = t.value
            node.saved[~k] = t.saved_by(node, k)
        else:
            node.keep(k, t)
    made._data = Tracked(level, out, (node, 0))
    return made


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


_views: dict[tuple, Chain] = {}  # by dtype, shape and index


def _item(x: Any, index: Any) -> Any:
    """`x[index]`, short for the indices that NumPy gives views for."""
    items = index if type(index) is tuple else (index,)
    data = x._data if type(x) is values.tensor_class else None
    if type(data) is not Tracked or type(data.value) is not np.ndarray or not all(map(_is_basic, items)):
        return levels.follow(operator.getitem, (x, index), {})
    value = data.value
    key = value.dtype, value.shape, tuple([(i.start, i.stop, i.step, slice) if type(i) is slice else i for i in items])
    chain = _views.get(key)
    if chain is None:
        try:
            operation = levels.operation(operator.getitem, (x, index), {}, [])
        except TypeError:
            return levels.follow(operator.getitem, (x, index), {})
        view = operation.views[0]
        if view is None:
            return levels.follow(operator.getitem, (x, index), {})
        if len(_views) >= MOST:
            _views.clear()
        chain = _views[key] = view[1]
    made = _new(values.tensor_class)
    out = value[index]
    out = out if type(out) is np.ndarray else value[(*items, ...)]  # NumPy gives a number where we give a view of it
    if data.tape.records:
        made._data = Tracked(data.tape, out, None, data.storage, (*data.chain, *chain))
    else:
        data.storage.share()
        made._data = out
    return made


def _enter(key: tuple, function: Callable, args: tuple, kwargs: dict, tracked: list) -> Any:
    """Find out whether a call can go the short way, and remember it."""
    found: Any = _refuses
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
            found = operation, _direct(function, args, kwargs, operands), None if decides else wanted, saved, view
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


lifted.enter(follow)
