"""The short way of the commonest calls on a tape: one new result from tensors and floats by position.

It does what `Tape.apply` does, without what such calls have no use for: keyword arguments, nested operands, writes and views.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import values
from hybrid.frontend.elementwise import Elementwise
from hybrid.ir import lifted
from hybrid.ir.trace import Chain
from hybrid.transforms import levels
from hybrid.transforms.saved import watched
from hybrid.transforms.tape import Node, Tape, Tracked

MOST = 4096
_new = object.__new__
_refuses = object()
_known: dict[tuple, Any] = {}  # by function and operands: the operation, how to compute it, which operands are saved


def follow(function: Callable, args: tuple, kwargs: dict) -> Any:
    """What an operation means that a transform follows: the short way where it leads."""
    if function is operator.getitem:
        return _item(args[0], _settled(args[1]))
    if function is operator.setitem:
        return levels.follow(function, (args[0], _settled(args[1]), args[2]), kwargs)
    if kwargs:
        return levels.follow(function, args, kwargs)
    tensor = values.tensor_class
    level: Tape | None = None
    arrays: list[Any] = []
    tracked: list[Tracked | None] = []
    key: list[Any] = [function]
    for x in args:
        kind = type(x)
        if kind is tensor:
            data = x._data
            kind = type(data)
            if kind is Tracked:
                value = data.value
                if type(value) is not np.ndarray or not (level is None or level is data.level):
                    return levels.follow(function, args, kwargs)
                if not (type(function) is Elementwise or value.flags.c_contiguous):  # its layout may decide what is a view
                    return levels.follow(function, args, kwargs)
                level = data.level
                tracked.append(data)
                arrays.append(value)
                key += (value.dtype, value.shape)
            elif kind is np.ndarray:
                tracked.append(None)
                arrays.append(data)
                key += (data.dtype, data.shape, None)
            else:
                return levels.follow(function, args, kwargs)
        elif kind is float:
            tracked.append(None)
            arrays.append(x)
            key.append(float)
        else:
            return levels.follow(function, args, kwargs)
    if level is None:
        raise lifted.Followed
    known = _known.get(tuple(key))
    if known is None:
        known = _enter(tuple(key), function, args, tracked)
    if known is _refuses:
        return levels.follow(function, args, kwargs)
    operation, direct, wanted, saved = known
    out = direct(*arrays)
    if out.base is not None:  # the real part of an operand, in its memory
        return levels.follow(function, args, kwargs)
    made = _new(tensor)
    if not level.records:
        made._data = out
        return made
    node = Node(operation, [None if t is None else t.source for t in tracked], wanted, _frame())
    for k in saved:
        t = tracked[k]
        if t is not None:
            node.keep(k, t)
        else:
            node.saved[k] = watched(arrays[k])
    made._data = Tracked(level, out, (node, 0))
    return made


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


def _frame() -> tuple:
    """The user's code and where in it."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(levels.PACKAGE):
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def _enter(key: tuple, function: Callable, args: tuple, tracked: list) -> Any:
    """Find out whether a call can go the short way, and remember it."""
    operation = levels.operation(function, args, {}, [])
    if isinstance(function, levels.Call):
        return _refuses  # their results come as a tuple
    wanted = tuple([t is not None and takes for t, takes in zip(tracked, operation.takes)])
    short = len(operation.outputs) == 1 and operation.views[:1] == (None,) and operation.smooth[0] and any(wanted)
    found: Any = _refuses
    if short:
        direct = _direct(function, [x.dtype for x in args if not isinstance(x, float)])
        found = operation, direct, wanted, operation.backward(wanted, operation.smooth)[1]
    if len(_known) >= MOST:
        _known.clear()
    _known[key] = found
    return found


def _direct(function: Callable, dtypes: list) -> Callable:
    """The function of arrays that computes it, which gives an array."""
    if isinstance(function, Elementwise) and dt.bfloat16 not in dtypes:
        ufunc = function.ufunc

        def compute(*arrays: Any) -> Any:
            out = ufunc(*arrays)
            return out if type(out) is np.ndarray else np.asarray(out)

        return compute
    wrap = values.wrap
    return lambda *arrays: function(*[a if type(a) is float else wrap(a) for a in arrays])._data


lifted.enter(follow)
