"""LLVM IR of what an entry checks before it starts: its arguments, what lies inside them, and what the trace read besides.

Guards run no Python code and keep the GIL. Whatever does not fit goes to `miss`, before anything has been changed.
"""

from __future__ import annotations

import struct
import sys
import types
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import combinations, permutations
from itertools import product as pairs
from typing import Any

import numpy as np

from hybrid.core.errors import CompileError
from hybrid.core.shadows import slots_of
from hybrid.core.shape import Dim, contiguous_strides
from hybrid.staging import capi
from hybrid.staging.expected import (
    AliasGuard,
    ArrayGuard,
    BoundGuard,
    ClassGuard,
    ComplexGuard,
    ContainerGuard,
    FloatGuard,
    FloatValueGuard,
    FunctionGuard,
    Guard,
    IntGuard,
    LongGuard,
    NumbersGuard,
    SameGuard,
    ScalarGuard,
    TextGuard,
)
from hybrid.staging.extents import Equal, View
from hybrid.staging.list_checks import ListChecks
from hybrid.staging.numbers import AMONG
from hybrid.staging.spec import (
    REFERENCES,
    TABLE,
    AttributeRead,
    DictRead,
    EntrySpec,
    ItemRead,
    MethodRead,
    OrderRead,
    SizeRead,
    TensorLayout,
    WordRead,
    has_attributes,
    interned,
)


class Checks(ListChecks):
    """Writes the guards of one entry, and keeps under SSA names what they found."""

    def __init__(self, spec: EntrySpec):
        super().__init__(spec)
        self.objects: list[str] = []  # arguments by index, as they came
        self.lent: list[str] = []  # those that only a container of the caller's holds
        self.inner: list[str] = []  # ndarrays of Tensor arguments
        self.spaces: dict[int, str] = {}  # the dicts of instances

    # Guards

    def guards(self) -> None:
        spec = self.spec
        given = len(spec.guards) - len(spec.keywords)
        self.require(self.icmp("eq", "i64", "%nargs", given))
        self.require(self.icmp("ne" if spec.keywords else "eq", "ptr", "%kwnames", "null"))
        if spec.keywords:
            self.require(self.icmp("eq", "i64", self.load("i64", "%kwnames", capi.SIZE), len(spec.keywords)))
        for at, name in enumerate(spec.keywords):
            found = self.load("ptr", "%kwnames", capi.tuple_items() + 8 * at)
            self.require(self.named(found, sys.intern(name)))
        later: list[Equal] = []
        for at, guard in enumerate(spec.guards):
            self.guard(self.load("ptr", "%args", 8 * at), guard, later)
        for load in spec.loads:
            first = len(self.objects)
            self.guard(self.found(load.place), load.guard, later)
            self.lent.append(self.objects[first])
        for one, other in combinations(self.lists, 2):
            self.require(self.icmp("ne", "ptr", self.objects[one], self.objects[other]))  # changed here, a list is there, too
        lists = [*self.lists]
        for k, one in enumerate(spec.distinct):
            for other in (*lists, *spec.distinct[:k]):
                self.require(self.icmp("ne", "ptr", self.objects[one], self.objects[other]))
                if one in self.spaces and other in self.spaces:
                    self.require(self.icmp("ne", "ptr", self.spaces[one], self.spaces[other]))
        for index, known in spec.strangers:
            self.require(self.icmp("ne", "ptr", self.objects[index], self.ref(known)))
        for index, known in pairs(self.lists, spec.apart):
            self.require(self.icmp("ne", "ptr", self.objects[index], self.ref(known)))
            if self.changed_rows(index):
                among = f"ptr {self.objects[index]}, ptr {self.ref(known)}, i1 false"
                self.require(self.support(AMONG, f"i1 @{AMONG}({among})"))
        for one, other in permutations(self.lists, 2):
            if self.changed_rows(one):
                among = f"ptr {self.objects[one]}, ptr {self.objects[other]}, i1 {str(self.changed_rows(other, True)).lower()}"
                self.require(self.support(AMONG, f"i1 @{AMONG}({among})"))
        for value, size, extent in later:
            equal = self.icmp("eq", "i64", value, self.size(size))
            self.require(self.let(f"or i1 {equal}, {self.icmp('sle', 'i64', extent, 1)}") if extent else equal)
        for symbol, quotient in spec.quotients.items():
            # Whether the dividend is negative is among the conditions.
            self.sizes[Dim.symbol(symbol)] = self.let(f"udiv i64 {self.size(quotient.dividend)}, {quotient.divisor}")
        for comparison, left, right in spec.conditions:
            how = comparison if comparison in ("eq", "ne") else f"s{comparison}"
            self.require(self.icmp(how, "i64", self.size(left), self.size(right)))
        self.reads()
        for number in spec.finite:
            value = self.number(number)
            zero = self.let(f"fsub double {value}, {value}")  # NaN where the value is infinite or NaN
            self.require(self.let(f"fcmp oeq double {zero}, 0.0"))
        self.overlaps()

    def number(self, number: Any) -> str:
        """A double from float arguments."""
        match number:
            case float():
                return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
            case ("arg", index):
                return self.load("double", self.values[index])
            case ("neg", operand):
                return self.let(f"fneg double {self.number(operand)}")
            case (operation, left, right) if operation in ("add", "sub", "mul", "div"):
                return self.let(f"f{operation} double {self.number(left)}, {self.number(right)}")
        raise CompileError("arithmetic that an entry cannot check", got=str(number))

    def reads(self) -> None:
        """Miss where something the trace read besides its arguments is another object now."""
        spec = self.spec
        for at, read in enumerate(spec.reads):
            match read:
                case WordRead(holder, offset):
                    self.expect(at, self.load("ptr", self.ref(holder), offset))
                case SizeRead(holder, size):
                    self.require(self.icmp("eq", "i64", self.load("i64", self.ref(holder), capi.SIZE), size))
                case ItemRead(holder, index):
                    self.expect(at, self.load("ptr", self.load("ptr", self.ref(holder), capi.LIST_ITEMS), 8 * index))
                case AttributeRead(holder, name) | MethodRead(holder, name):
                    self.attribute(at, holder, name, isinstance(read, MethodRead))
        for holder in spec.watched:
            self.names_in(holder)

    def found(self, place: WordRead | DictRead | ItemRead | AttributeRead) -> str:
        """What is at a place, which holds it; nothing there misses."""
        match place:
            case WordRead(holder, offset):
                it = self.load("ptr", self.ref(holder), offset)
            case DictRead(holder, name):
                it = self.call("PyDict_GetItemWithError", "ptr", f"ptr {self.ref(holder)}", f"ptr {self.ref(name)}")
            case ItemRead(holder, index):
                self.require(self.icmp("sgt", "i64", self.load("i64", self.ref(holder), capi.SIZE), index))
                it = self.load("ptr", self.load("ptr", self.ref(holder), capi.LIST_ITEMS), 8 * index)
            case AttributeRead(holder, name):
                it = self.got(holder, name)
                self.call("Py_DecRef", "void", f"ptr {it}")  # the holder keeps it
                return it
        self.require(self.icmp("ne", "ptr", it, "null"))
        return it

    def got(self, holder: object, name: str) -> str:
        """An attribute as a new reference; where there is none, the entry misses."""
        return self.some(self.call("PyObject_GetAttr", "ptr", f"ptr {self.ref(holder)}", f"ptr {self.ref(name)}"))

    def some(self, it: str) -> str:
        """A new reference; where there is none, the entry misses."""
        there, gone = self.fresh("there"), self.fresh("gone")
        self.put(f"br i1 {self.icmp('ne', 'ptr', it, 'null')}, label %{there}, label %{gone}")
        self.label(gone)
        self.call("PyErr_Clear", "void")
        self.put("br label %miss")
        self.label(there)
        return it

    def expect(self, at: int, found: str) -> None:
        self.require(self.icmp("eq", "ptr", found, self.word(self.spec.read_word(at))))

    def attribute(self, at: int, holder: object, name: str, method: bool) -> None:
        found = self.got(holder, name)
        wanted = found
        if method:
            bound = self.icmp("eq", "ptr", self.load("ptr", found, capi.TYPE), self.ref(types.MethodType))
            wanted = self.either(bound, lambda: self.load("ptr", found, capi.METHOD_FUNCTION), lambda: found, "ptr")
        same = self.icmp("eq", "ptr", wanted, self.word(self.spec.read_word(at)))
        self.call("Py_DecRef", "void", f"ptr {found}")
        self.require(same)

    def names_in(self, holder: dict) -> None:
        """Look up all names read from one dict, unless its version says that nothing has changed since they were."""
        names = [
            (at, read.name) for at, read in enumerate(self.spec.reads) if isinstance(read, DictRead) and read.holder is holder
        ]

        orders = [read for read in self.spec.reads if isinstance(read, OrderRead) and read.holder is holder]

        def look_up() -> str:
            for at, name in names:
                self.expect(at, self.call("PyDict_GetItemWithError", "ptr", f"ptr {self.ref(holder)}", f"ptr {self.ref(name)}"))
            for order in orders[:1]:
                for _ in self.in_order(self.ref(holder), order.value):
                    pass
            return "true"

        if not capi.dict_versions():
            look_up()
            return
        word = self.spec.version_word(holder)
        version = self.load("i64", self.ref(holder), capi.DICT_VERSION)
        self.either(self.icmp("eq", "i64", version, self.word(word, "i64")), lambda: "true", look_up, "i1")
        self.store_word(word, "i64", version)

    def guard(self, it: str, guard: Guard, later: list[Equal]) -> None:
        index = len(self.objects)
        self.objects.append(it)
        match guard:
            case ContainerGuard():
                self.exact(it, guard.cls)
                for item, inner in zip(self.items(index, it, guard), guard.items, strict=True):
                    first = len(self.objects)
                    self.guard(item, inner, later)
                    if not isinstance(inner, (SameGuard, AliasGuard)):
                        self.lent.append(self.objects[first])
            case ArrayGuard():
                array = self.unwrap(it, guard) if guard.tensor else it
                self.views[index] = self.array(array, guard, later)
            case FloatGuard():
                self.exact(it, float)
                self.values[index] = self.at(it, capi.FLOAT_VALUE)
            case ClassGuard(cls):
                self.exact(it, cls)
            case FloatValueGuard(value):
                self.exact(it, float)
                (bits,) = struct.unpack("<q", struct.pack("<d", value))
                self.require(self.icmp("eq", "i64", self.load("i64", it, capi.FLOAT_VALUE), bits))
            case ScalarGuard(dtype):
                self.exact(it, dtype.type)
                self.values[index] = self.at(it, capi.SCALAR_VALUE)
            case LongGuard():
                self.exact(it, int)
                value, fits = self.long(it)
                self.require(fits)
                self.values[index] = self.alloca("i64")
                self.put(f"store i64 {value}, ptr {self.values[index]}")
            case ComplexGuard():
                self.exact(it, complex)
                self.values[index] = self.at(it, capi.COMPLEX_VALUE)
            case NumbersGuard():
                self.numbers(index, it, guard, later)
            case IntGuard(value):
                if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
                    raise CompileError("an IntGuard's value is an int of 64 bits", got=repr(value))
                self.require(self.equals(it, value))
            case SameGuard(value):
                self.require(self.icmp("eq", "ptr", it, self.ref(value)))
            case BoundGuard(value):
                self.exact(it, types.MethodType)
                for offset, part in ((capi.METHOD_FUNCTION, value.__func__), (capi.METHOD_SELF, value.__self__)):
                    self.require(self.icmp("eq", "ptr", self.load("ptr", it, offset), self.ref(part)))
            case FunctionGuard(value):
                self.require(self.alike(it, value))
            case TextGuard(value):
                self.require(self.same_text(it, value))
            case AliasGuard(other):
                self.require(self.icmp("eq", "ptr", it, self.objects[other]))

    def alike(self, it: str, function: types.FunctionType) -> str:
        """Whether an object is a function, or one made like it."""
        fields = capi.function_fields()
        expected = {"__code__": function.__code__, "__globals__": function.__globals__, "__defaults__": function.__defaults__}

        def made_alike() -> str:
            same = "true"
            for name, offset in fields.items():
                value = expected.get(name)
                found = self.icmp("eq", "ptr", self.load("ptr", it, offset), "null" if value is None else self.ref(value))
                same = self.let(f"and i1 {same}, {found}")
            return same

        def other() -> str:
            kind = self.icmp("eq", "ptr", self.load("ptr", it, capi.TYPE), self.ref(types.FunctionType))
            return self.either(kind, made_alike, lambda: "false", "i1")

        this = self.icmp("eq", "ptr", it, self.ref(function))
        return self.either(this, lambda: "true", other, "i1") if fields else this

    def items(self, index: int, it: str, guard: ContainerGuard) -> Iterator[str]:
        """What a container holds, one after the other; a size, key or empty slot that does not fit misses."""
        if not issubclass(guard.cls, (list, tuple, dict, deque)):
            kind: Any = guard.cls
            slots = slots_of(kind)
            for slot in slots:
                item = self.load("ptr", it, capi.slot_offset(guard.cls, slot))
                self.require(self.icmp("ne", "ptr", item, "null"))
                yield item
            if has_attributes(kind):
                attributes = self.some(self.call("PyObject_GenericGetDict", "ptr", f"ptr {it}", "ptr null"))
                self.call("Py_DecRef", "void", f"ptr {attributes}")  # the instance keeps it
                self.spaces[index] = attributes
                names = [interned(name) for name in guard.names[len(slots) :]]
                self.require(self.icmp("eq", "i64", self.load("i64", attributes, capi.SIZE), len(names)))
                yield from self.in_order(attributes, names)
            return
        self.require(self.icmp("eq", "i64", self.load("i64", it, capi.SIZE), len(guard.items)))
        if guard.cls is deque:
            yield from self.queued(it, guard)
            return
        if guard.cls is defaultdict:
            factory = self.load("ptr", it, capi.default_factory() or 0)
            self.require(self.icmp("eq", "ptr", factory, self.ref(guard.about)))
        if issubclass(guard.cls, dict):
            yield from self.in_order(it, [interned(name) for name in guard.names])
            return
        base, start = (self.load("ptr", it, capi.LIST_ITEMS), 0) if guard.cls is list else (it, capi.tuple_items())
        for at in range(len(guard.items)):
            yield self.load("ptr", base, start + 8 * at)

    def queued(self, it: str, guard: ContainerGuard) -> Iterator[str]:
        """The items of a deque, which may have so many at most."""
        most = self.some(self.call("PyObject_GetAttr", "ptr", f"ptr {it}", f"ptr {self.ref('maxlen')}"))
        same = self.icmp("eq", "ptr", most, self.ref(None)) if guard.about is None else self.equals(most, guard.about)
        self.call("Py_DecRef", "void", f"ptr {most}")
        self.require(same)
        for at in range(len(guard.items)):
            item = self.some(self.call("PySequence_GetItem", "ptr", f"ptr {it}", f"i64 {at}"))
            self.call("Py_DecRef", "void", f"ptr {item}")  # the deque keeps it
            yield item

    def in_order(self, it: str, keys: Iterable[str | int]) -> Iterator[str]:
        """The values of a dict under these keys, one after the other; another key in its place misses."""
        state = self.alloca("[3 x i64]")  # the position, the last key, its value
        self.put(f"store i64 0, ptr {state}")
        for key in keys:
            wanted = f"ptr {it}, ptr {state}, ptr {self.ref(key)}, ptr {self.ref(str)}"
            item = self.support("item", f"ptr @hybrid_entry_item({wanted})")
            self.require(self.icmp("ne", "ptr", item, "null"))
            yield item

    def equals(self, it: str, value: int) -> str:
        """Whether an object is an int of this value: the very object, as small ints are, or an equal one."""

        def compare() -> str:
            self.exact(it, int)
            number, fits = self.long(it)
            return self.let(f"and i1 {fits}, {self.icmp('eq', 'i64', number, value)}")

        return self.either(self.icmp("eq", "ptr", it, self.ref(value)), lambda: "true", compare, "i1")

    def same_text(self, it: str, value: str | bytes) -> str:
        """Whether an object is this text: the very object, as literals are, or an equal one."""

        def compare() -> str:
            self.exact(it, type(value))
            equal = self.call("PyObject_RichCompareBool", "i32", f"ptr {it}", f"ptr {self.ref(value)}", "i32 2")
            return self.icmp("eq", "i32", equal, 1)

        return self.either(self.icmp("eq", "ptr", it, self.ref(value)), lambda: "true", compare, "i1")

    def long(self, it: str) -> tuple[str, str]:
        """The value of an int, and whether 64 bits hold it."""
        overflow = self.alloca("i32", 4)
        number = self.call("PyLong_AsLongLongAndOverflow", "i64", f"ptr {it}", f"ptr {overflow}")
        return number, self.icmp("eq", "i32", self.load("i32", overflow), 0)

    def named(self, it: str, name: str) -> str:
        """Whether a str is this name: the very object, as names in source are, or an equal one from a `**mapping`."""

        def compare() -> str:
            order = self.call("PyUnicode_Compare", "i32", f"ptr {it}", f"ptr {self.ref(name)}")
            return self.icmp("eq", "i32", order, 0)

        return self.either(self.icmp("eq", "ptr", it, self.ref(name)), lambda: "true", compare, "i1")

    def unwrap(self, it: str, guard: ArrayGuard) -> str:
        layout = self.layout()
        self.exact(it, layout.cls)
        for slot, value in guard.same:
            held = self.load("ptr", it, capi.slot_offset(layout.cls, slot))
            self.require(self.icmp("eq", "ptr", held, self.ref(value)))
        array = self.load("ptr", it, capi.slot_offset(layout.cls, layout.data_slot))
        self.require(self.icmp("ne", "ptr", array, "null"))
        self.inner.append(array)
        return array

    def layout(self) -> TensorLayout:
        if self.spec.tensor is None:
            raise CompileError("an entry with Tensors needs their layout", fix="pass tensor=TensorLayout(…) to EntrySpec")
        return self.spec.tensor

    def array(self, array: str, guard: ArrayGuard, later: list[Equal]) -> View:
        needed = capi.ALIGNED | (capi.WRITEABLE if guard.writeable else 0)
        needed |= capi.C_CONTIGUOUS if guard.strides is None else 0
        mask = needed | (capi.WARN_ON_WRITE if guard.writeable else 0)
        wanted = f"ptr {self.ref(np.ndarray)}, ptr {self.ref(guard.dtype)}, i32 {len(guard.shape)}, i32 {mask}, i32 {needed}"
        self.require(self.support("array", f"i1 @hybrid_entry_array(ptr {array}, {wanted})"))
        dims = self.load("ptr", array, capi.DIMS) if guard.shape else ""
        for axis, size in enumerate(guard.shape):
            self.axis(self.load("i64", dims, 8 * axis), size, later)
        strides = guard.strides
        if strides is None:
            strides = tuple(step * guard.dtype.itemsize for step in contiguous_strides(guard.shape))
        elif guard.shape and 0 not in guard.shape:
            steps = self.load("ptr", array, capi.STRIDES)
            for axis, (size, step) in enumerate(zip(guard.shape, strides)):
                # NumPy leaves any stride along an axis of one or none: nothing is read by it.
                if isinstance(size, Dim):
                    later.append((self.load("i64", steps, 8 * axis), step, self.load("i64", dims, 8 * axis)))
                elif size != 1:
                    later.append((self.load("i64", steps, 8 * axis), step, ""))
        return View(self.load("ptr", array, capi.DATA), guard.shape, strides, guard.dtype.itemsize)

    def overlaps(self) -> None:
        """Miss where a written array shares bytes with another array, or a written constant has become read-only."""
        spec = self.spec
        if not spec.written:
            return
        written = dict.fromkeys(value for value in spec.written if isinstance(value, int))
        for index in written:
            guard = spec.flat[index]
            if not (isinstance(guard, ArrayGuard) and guard.writeable):
                raise CompileError("a written argument needs a writeable ArrayGuard", got=f"argument {index}: {guard}")
        constants, read = len(spec.spans), [index for index in self.views if index not in written]
        stack = self.alloca(f"[{2 * (len(self.views) + constants)} x ptr]")
        # Written arguments, constants with the written first, the other arguments: what is written comes first.
        places = (*range(len(written)), *range(len(written) + constants, len(self.views) + constants))
        for place, index in zip(places, (*written, *read), strict=True):
            for side, end in enumerate(self.span(self.views[index])):
                self.put(f"store ptr {end}, ptr {self.at(stack, 16 * place + 8 * side)}")
        first = len(written) + len(spec.written_constants)
        if constants:
            words, spans = self.at(f"@{TABLE}", 8 * (REFERENCES + len(spec.references))), self.at(stack, 16 * len(written))
            counts = f"i64 {len(spec.written_constants)}, i64 {constants}"
            self.require(self.support("constants", f"i1 @hybrid_entry_constants(ptr {words}, ptr {spans}, {counts})"))
        self.spans = stack, first
        total = len(self.views) + constants
        self.require(self.support("apart", f"i1 @hybrid_entry_apart(ptr {stack}, i64 {first}, i64 {total})"))
