"""Lists of objects among the arguments, which a trace has as the numbers of their attributes (`control.herds`).

As a container, such a list is as many attributes, each by itself: what is done with fifty bodies is compiled fifty times, and
what each does to each other 2500 times.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import math
import sys
from collections import deque
from collections.abc import Sequence
from enum import EnumType
from itertools import pairwise, repeat
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, NamedTuple

import numpy as np

from hybrid.control.attributes import attributes_of
from hybrid.control.fields import Replacement
from hybrid.control.given import Choice, Either, Vector
from hybrid.control.handles import can_be_kept
from hybrid.control.herds import words_of
from hybrid.control.items import unpacked
from hybrid.control.join import Spec
from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.shadows import getattr_static, slots_of
from hybrid.staging import capi

FEW = 1  # objects up to which they are containers
MANY = 16  # beyond which a list that is no argument is none of constants
KINDS = {float: dt.float64, int: dt.int64, bool: dt.int64, np.float64: dt.float64, np.int64: dt.int64}  # as words
EXACT = 2**53  # ints up to which floats hold each
MOST = 8  # texts, or members of enumerations, that one attribute may be


ELEMENTS = 64  # of an array that is an attribute, at most: they are copied in each call


class Met:
    """What is known from other calls, by class and attribute: texts and the like, and whose arrays functions replace."""

    def __init__(self) -> None:
        self.texts: dict[tuple[type, str], tuple] = {}
        self.replaced: set[tuple[type, str]] = set()


class Columns(NamedTuple):
    """The attributes that all of some objects have: those that are numbers, arrays or (`choices`) one of some known objects,
    the class of each, and the others."""

    names: tuple[str, ...]
    kinds: tuple[type | Vector, ...]
    choices: tuple[tuple, ...]
    hidden: tuple[str, ...]

    @property
    def has_arrays(self) -> bool:
        return any(isinstance(kind, Vector) for kind in self.kinds)


def columns(items: Sequence[Any], met: Met | None = None) -> Columns | None:
    """What objects of one class have in common; None where they are no such objects, or one of them comes twice.

    Args:
        met: what is known from other calls, to which the texts and the like of this one are added.
    """
    met = met or Met()
    kind: Any = type(items[0])
    if len(items) <= FEW or not _has_attributes(kind) or len(set(map(id, items))) < len(items):
        return None
    if len({id(getattr(one, "__dict__", one)) for one in items}) < len(items):
        return None  # some have their attributes in common
    own = [_attributes(one) for one in items]
    names, slots = own[0].keys(), slots_of(kind)
    if any(one.keys() != names for one in own) or not all(type(name) is str for name in names) or len(names) < len(slots):
        return None
    found: dict[str, Any] = {}
    choices: dict[str, tuple] = {}
    for name in names:
        if name not in slots and inspect.isdatadescriptor(getattr_static(kind, name, None)):
            return None  # a property of the class, or the like, stands before it
        values = [one[name] for one in own]
        kinds = set(map(type, values))
        only = next(iter(kinds)) if len(kinds) == 1 else object
        if only in KINDS and (only is not int or -(2**63) <= min(values) <= max(values) < 2**63):
            found[name] = only
        elif kinds == {float, int} and all(type(value) is float or -EXACT <= value <= EXACT for value in values):
            found[name] = Either
        elif only is np.ndarray and (vector := _vector(values, (kind, name) in met.replaced)):
            found[name] = vector
        elif chosen := _chosen(values, met.texts.get((kind, name), ())):
            found[name], choices[name] = Choice, chosen
            met.texts[kind, name] = chosen
    arrays = [one[name] for name, kind in found.items() if isinstance(kind, Vector) for one in own]
    if choices.keys() == found.keys() or meet(arrays):
        return None
    hidden = tuple(name for name in names if name not in found)
    return Columns(tuple(found), tuple(found.values()), tuple(choices.get(name, ()) for name in found), hidden)


def _chosen(values: Sequence[Any], met: tuple) -> tuple:
    """The few texts, members of enumerations or None that values are, behind those that were met before."""
    kinds = set(map(type, (*met, *values))) - {type(None)}
    if len(kinds) > 1 or not all(kind is str or type(kind) is EnumType for kind in kinds):
        return ()
    found = tuple(dict.fromkeys((*met, *values)))
    return found if len(found) <= MOST and (2 * len(found) <= len(values) or len(found) == len(met)) else ()


def _vector(arrays: Sequence[np.ndarray], replaced: bool) -> Vector | None:
    """What arrays have in common; None where it is too little."""
    first = arrays[0]
    if first.dtype not in (dt.float64, dt.int64) or not first.ndim or not 0 < first.size <= ELEMENTS:
        return None
    if any(array.shape != first.shape or array.dtype != first.dtype or not array.flags.carray for array in arrays):
        return None
    return Vector(first.dtype, first.shape, replaced)


def meet(arrays: Sequence[np.ndarray]) -> bool:
    """Whether two of some arrays, in C order, share memory."""
    spans = sorted((array.__array_interface__["data"][0], array.nbytes) for array in arrays)
    return any(low + size > after for (low, size), (after, _) in pairwise(spans))


def _has_attributes(kind: type) -> bool:
    """Whether the instances of a class are what is in their slots and their `__dict__`."""
    slots = (getattr_static(kind, name, None) for name in slots_of(kind))
    return can_be_kept(kind) and not tree.registered(kind) and all(type(slot) is MemberDescriptorType for slot in slots)


def _attributes(one: Any) -> dict[str, Any]:
    """All that an object has itself."""
    return attributes_of(one) or {}


def words(kinds: Sequence[Any]) -> tuple[type, ...]:
    """The classes of the words that numbers of these are kept as."""
    return tuple(word for kind in kinds for word in words_of(kind))


def rows(items: Sequence[Any], names: Sequence[str], kinds: Sequence[Any], choices: Sequence[tuple]) -> list[tuple]:
    """The attributes of each, as words; ValueError where one is none of the choices."""
    out = [tuple(map(_attributes(one).__getitem__, names)) for one in items]
    if all(type(kind) is type and kind not in (Either, Choice) for kind in kinds):
        return out

    def own(value: Any, kind: Any, known: tuple) -> tuple:
        if isinstance(kind, Vector):
            return (*value.ravel().tolist(), value.__array_interface__["data"][0])
        if kind is Either:
            return float(value), type(value) is float
        return (known.index(value),) if kind is Choice else (value,)

    return [tuple(word for value, kind, known in zip(row, kinds, choices) for word in own(value, kind, known)) for row in out]


def twins(items: Sequence[Any]) -> list[Any]:
    """Objects with the same attributes, but arrays of their own."""
    out = [object.__new__(type(one)) for one in items]
    for twin, one in zip(out, items):
        for name, value in _attributes(one).items():
            object.__setattr__(twin, name, value.copy() if type(value) is np.ndarray else value)
    return out


class Leaving:
    """What some attributes of objects are afterwards: their names, and what each is, as items of lists are (`control.items`).

    Attributes that are numbers for certain are set by machine code, past what a frozen class says.
    """

    def __init__(self, kind: type, names: tuple[str, ...], layouts: tuple[Any, ...]):
        self.names, self.layouts = names, layouts
        inside = not slots_of(kind)
        codes = {name: _code(layout) for name, layout in zip(names, layouts)}
        self.native = tuple(name for name in names if inside and codes[name] is not None)
        self.keys = (ctypes.py_object * len(self.native))(*map(sys.intern, self.native))  # type: ignore[misc]
        self.codes = (ctypes.c_int64 * len(self.native))(*(codes[name] or 0 for name in self.native))
        functions = ("PyObject_GenericGetDict", "PyFloat_FromDouble", "PyLong_FromLongLong", "PyDict_SetItem", "Py_DecRef")
        about = (ctypes.addressof(self.keys), ctypes.addressof(self.codes), id(True), id(False), *map(capi.address, functions))
        self.about = (ctypes.c_void_p * len(about))(*about)
        self.arrays = {name: _about(name, layout) for name, layout in zip(names, layouts) if inside and _is_array(layout)}

    def __call__(self, columns: Sequence[np.ndarray], kept: Any = None) -> Attributes:
        return Attributes(self, columns, kept)


class Attributes:
    """What some attributes of objects are afterwards, a column for each number."""

    __slots__ = ("leaving", "columns", "kept")

    def __init__(self, leaving: Leaving, columns: Sequence[np.ndarray], kept: Any):
        self.leaving, self.columns, self.kept = leaving, columns, kept

    def leave_in(self, items: list) -> None:
        """Set them in objects."""
        leaving, columns, numbers = self.leaving, iter(self.columns), []
        for name, layout in zip(leaving.names, leaving.layouts):
            if name in leaving.native:
                numbers.append(next(columns))
                continue
            if type(layout) is Replacement:
                _replace(items, name, *(next(columns) for _ in layout))
            elif _is_array(layout):
                _write(items, name, next(columns), leaving.arrays.get(name))
            else:
                values = unpacked(layout, columns, len(items), (), self.kept)
                deque(map(object.__setattr__, items, repeat(name), values), maxlen=0)
        if numbers:
            count = min(len(items), *map(len, numbers))  # another thread may have taken some out
            if not _leave()(items, count, tuple(numbers), leaving.about):
                raise MemoryError


def _is_array(layout: Any) -> bool:
    return isinstance(layout, Spec) and not layout.is_number


def _about(name: str, spec: Spec) -> tuple:
    """What machine code is told of an attribute that is an array: its name, and what it is."""
    functions = ("PyObject_GenericGetDict", "PyDict_GetItemWithError", "Py_DecRef", "PyErr_Clear")
    shape: tuple[int, ...] = spec.shape  # type: ignore[assignment]
    about = (ctypes.c_int64 * (3 + len(shape)))(id(spec.dtype), len(shape), math.prod(shape), *shape)
    return sys.intern(name), about, (ctypes.c_void_p * len(functions))(*map(capi.address, functions))


def _write(items: list, name: str, rows: np.ndarray, about: tuple | None) -> None:
    """Write into arrays that are attributes."""
    count, done = min(len(items), len(rows)), 0
    if about is not None and rows.flags.c_contiguous:
        known, array, functions = about
        done = _writer()(items, count, known, np.ndarray, array, rows, functions)
    deque(map(np.copyto, map(attrgetter(name), items[done:]), rows[done:]), maxlen=0)


def _replace(items: list, name: str, rows: np.ndarray, others: np.ndarray, before: np.ndarray | None = None) -> None:
    """Give those objects other arrays that have some by now; `before`: what the caller's hold that they had."""
    for k, (one, other) in enumerate(zip(items, others.tolist())):
        if before is not None:
            getattr(one, name)[...] = before[k] if other else rows[k]
        if other:
            object.__setattr__(one, name, rows[k].copy())


def _code(layout: Any) -> int | None:
    """What machine code makes of a column; None where Python does."""
    from hybrid.staging.objects import BOOL, FLOAT, INT

    if not isinstance(layout, Spec) or layout.kind != "python" or layout.maybe or layout.shape:
        return None
    return {dt.float64: FLOAT, dt.int64: INT, dt.bool_: BOOL}.get(layout.dtype)


@functools.cache
def _writer() -> Any:
    """The function that writes into arrays that are attributes; it keeps the interpreter's lock."""
    from hybrid.staging import numbers, objects

    it, where = ctypes.py_object, ctypes.c_void_p
    function = ctypes.PYFUNCTYPE(ctypes.c_int64, it, ctypes.c_int64, it, it, where, it, where)
    return function(numbers.imports()[objects.WRITE])


@functools.cache
def _leave() -> Any:
    """The function that sets attributes; it keeps the interpreter's lock."""
    from hybrid.staging import numbers, objects

    function = ctypes.PYFUNCTYPE(ctypes.c_bool, ctypes.py_object, ctypes.c_int64, ctypes.py_object, ctypes.c_void_p)
    return function(numbers.imports()[objects.LEAVE])
