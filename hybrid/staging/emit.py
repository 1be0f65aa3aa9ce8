"""LLVM IR of a native entry: check what the trace depends on, allocate results, compute, return; or pass the call on.

No address of this process stands in the text, so its object code can be cached on disk: an entry reads them from its
`EntrySpec`'s table of words, the one symbol it imports. Guards run no Python code and keep the GIL.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, product
from hybrid.runtime.pool import LARGE
from hybrid.staging import capi
from hybrid.staging.spec import (
    ACTIVE,
    ARENA,
    CALLS,
    CAPACITY,
    ENTRY,
    NEXT,
    REFERENCES,
    TABLE,
    AliasGuard,
    ArgumentResult,
    ArrayGuard,
    ArrayResult,
    AttributeRead,
    ComplexGuard,
    DictRead,
    EntrySpec,
    FloatGuard,
    Guard,
    IntGuard,
    ItemRead,
    ObjectResult,
    RepeatResult,
    Results,
    SameGuard,
    ScalarGuard,
    SizeRead,
    TensorLayout,
    WordRead,
    arrays,
    byte_range,
    items,
    large,
    size_of,
)
from hybrid.staging.support import SUPPORT
from hybrid.staging.writer import Writer

# An arena up to this size is kept between calls. Filling 256 MiB of fresh pages took 60 ms where warm ones took 8; beyond it,
# a server with a hundred traces should not hold gigabytes for the biggest batch it has ever seen.
ARENA_LIMIT = 256 << 20


def emit_entry(spec: EntrySpec, compute: str) -> str:
    """LLVM IR of `ptr @entry(ptr self, ptr args, i64 nargs, ptr kwnames)` for a spec.

    `compute` names a function of this module or one it is loaded with, `i32 (ptr slots, i64 …)`, that gives 0 or an error code.
    CompileError for a spec that contradicts itself.
    """
    return _Entry(spec).emit(compute)


@dataclass(frozen=True)
class _View:
    """Where the bytes of an array are."""

    data: str
    shape: Shape
    strides: Shape  # in bytes
    itemsize: int


_Equal = tuple[str, Size, str]  # a value, what it must be once all symbols are bound, and an extent that excuses it up to 1


class _Entry(Writer):
    """Writes one entry: straight-line code over SSA names, with exits to `miss` before ACTIVE is counted and `fail` after."""

    def __init__(self, spec: EntrySpec):
        super().__init__(spec.references)
        self.spec = spec
        self.sizes: dict[Size, str] = {}  # symbols and polynomials already computed
        self.objects: list[str] = []  # arguments, as they came
        self.views: dict[int, _View] = {}  # array arguments by index
        self.inner: list[str] = []  # ndarrays of Tensor arguments
        self.values: dict[int, str] = {}  # pointers to the values of float and complex arguments
        self.owned = 0  # references the call holds so far, in `%owned`
        self.buffers: list[tuple[str, str, int]] = []  # per ArrayResult: its data, its array and that one's place in `%owned`
        self.made: list[str] = []  # per ArrayResult: the object returned for it

    # Sizes

    def size(self, size: Size) -> str:
        """An i64 operand for a size whose symbols are bound."""
        if not isinstance(size, Dim):
            return str(size)
        if size not in self.sizes:
            free = [name for name in size.symbols if Dim.symbol(name) not in self.sizes]
            if free:
                raise CompileError(f"size {size} cannot be known when the call comes in", got=f"no axis of size {free[0]}",
                                   expected="each symbol alone as a size of some array argument")  # fmt: skip
            total = "0"
            for monomial, coefficient in size.terms:
                term = str(coefficient)
                for name in monomial:
                    factor = self.sizes[Dim.symbol(name)]
                    term = factor if term == "1" else self.let(f"mul i64 {term}, {factor}")
                total = term if total == "0" else self.let(f"add i64 {total}, {term}")
            self.sizes[size] = total
        return self.sizes[size]

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
        later: list[_Equal] = []
        for index, guard in enumerate(spec.guards):
            self.objects.append(self.load("ptr", "%args", 8 * index))
            self.guard(index, guard, later)
        for value, size, extent in later:
            equal = self.icmp("eq", "i64", value, self.size(size))
            self.require(self.let(f"or i1 {equal}, {self.icmp('sle', 'i64', extent, 1)}") if extent else equal)
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
                case AttributeRead(holder, name):
                    self.attribute(at, holder, name)
        for holder in spec.watched:
            self.names_in(holder)

    def expect(self, at: int, found: str) -> None:
        self.require(self.icmp("eq", "ptr", found, self.word(self.spec.read_word(at))))

    def attribute(self, at: int, holder: object, name: str) -> None:
        found = self.call("PyObject_GetAttr", "ptr", f"ptr {self.ref(holder)}", f"ptr {self.ref(name)}")
        there, gone = self.fresh("there"), self.fresh("gone")
        self.put(f"br i1 {self.icmp('ne', 'ptr', found, 'null')}, label %{there}, label %{gone}")
        self.label(gone)
        self.call("PyErr_Clear", "void")
        self.put("br label %miss")
        self.label(there)
        same = self.icmp("eq", "ptr", found, self.word(self.spec.read_word(at)))
        self.call("Py_DecRef", "void", f"ptr {found}")
        self.require(same)

    def names_in(self, holder: dict) -> None:
        """Look up all names read from one dict, unless its version says that nothing has changed since they were."""
        names = [
            (at, read.name) for at, read in enumerate(self.spec.reads) if isinstance(read, DictRead) and read.holder is holder
        ]

        def look_up() -> str:
            for at, name in names:
                self.expect(at, self.call("PyDict_GetItemWithError", "ptr", f"ptr {self.ref(holder)}", f"ptr {self.ref(name)}"))
            return "true"

        if not capi.dict_versions():
            look_up()
            return
        word = self.spec.version_word(holder)
        version = self.load("i64", self.ref(holder), capi.DICT_VERSION)
        self.either(self.icmp("eq", "i64", version, self.word(word, "i64")), lambda: "true", look_up, "i1")
        self.store_word(word, "i64", version)

    def guard(self, index: int, guard: Guard, later: list[_Equal]) -> None:
        it = self.objects[index]
        match guard:
            case ArrayGuard():
                array = self.unwrap(it, guard) if guard.tensor else it
                self.views[index] = self.array(array, guard, later)
            case FloatGuard():
                self.exact(it, float)
                self.values[index] = self.at(it, capi.FLOAT_VALUE)
            case ScalarGuard(dtype):
                self.exact(it, dtype.type)
                self.values[index] = self.at(it, capi.SCALAR_VALUE)
            case ComplexGuard():
                self.exact(it, complex)
                self.values[index] = self.at(it, capi.COMPLEX_VALUE)
            case IntGuard(value):
                if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
                    raise CompileError("an IntGuard's value is an int of 64 bits", got=repr(value))
                self.require(self.equals(it, value))
            case SameGuard(value):
                self.require(self.icmp("eq", "ptr", it, self.ref(value)))
            case AliasGuard(other):
                self.require(self.icmp("eq", "ptr", it, self.objects[other]))

    def exact(self, it: str, cls: type) -> None:
        self.require(self.icmp("eq", "ptr", self.load("ptr", it, capi.TYPE), self.ref(cls)))

    def equals(self, it: str, value: int) -> str:
        """Whether an object is an int of this value: the very object, as small ints are, or an equal one."""

        def compare() -> str:
            self.exact(it, int)
            overflow = self.alloca("i32", 4)
            number = self.call("PyLong_AsLongLongAndOverflow", "i64", f"ptr {it}", f"ptr {overflow}")
            fits = self.icmp("eq", "i32", self.load("i32", overflow), 0)
            return self.let(f"and i1 {fits}, {self.icmp('eq', 'i64', number, value)}")

        return self.either(self.icmp("eq", "ptr", it, self.ref(value)), lambda: "true", compare, "i1")

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

    def array(self, array: str, guard: ArrayGuard, later: list[_Equal]) -> _View:
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
        return _View(self.load("ptr", array, capi.DATA), guard.shape, strides, guard.dtype.itemsize)

    def axis(self, found: str, size: Size, later: list[_Equal]) -> None:
        if not isinstance(size, Dim):
            self.require(self.icmp("eq", "i64", found, size))
        elif size in self.sizes:
            self.require(self.icmp("eq", "i64", found, self.sizes[size]))
        elif len(size.symbols) == 1 and size == Dim.symbol(*size.symbols):
            self.sizes[size] = found
        else:
            later.append((found, size, ""))

    def overlaps(self) -> None:
        """Miss where a written array shares bytes with another array, or a written constant has become read-only."""
        spec = self.spec
        if not spec.written:
            return
        written = dict.fromkeys(value for value in spec.written if isinstance(value, int))
        for index in written:
            guard = spec.guards[index]
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
        total = len(self.views) + constants
        self.require(self.support("apart", f"i1 @hybrid_entry_apart(ptr {stack}, i64 {first}, i64 {total})"))

    def span(self, view: _View) -> tuple[str, str]:
        """The first byte of an array and the one after its last; the same where it is empty."""
        count = product(view.shape)
        if count == 0:
            return view.data, view.data
        if not isinstance(count, Dim) and not any(isinstance(stride, Dim) for stride in view.strides):
            low, high = byte_range(view.shape, view.strides, view.itemsize)  # type: ignore[arg-type]
            return self.at(view.data, low), self.at(view.data, high)
        first, last = "0", str(view.itemsize)
        for size, stride in zip(view.shape, view.strides):
            reach = self.let(f"mul i64 {self.size(size - 1)}, {self.size(stride)}")
            positive = self.icmp("sgt", "i64", reach, 0)
            first = self.let(f"add i64 {first}, {self.let(f'select i1 {positive}, i64 0, i64 {reach}')}")
            last = self.let(f"add i64 {last}, {self.let(f'select i1 {positive}, i64 {reach}, i64 0')}")
        if isinstance(count, Dim):
            last = self.let(f"select i1 {self.icmp('eq', 'i64', self.size(count), 0)}, i64 {first}, i64 {last}")
        return self.at(view.data, first), self.at(view.data, last)

    # Results

    def own(self, value: str) -> int:
        """Note a new reference, to be dropped at `fail` unless it is given away before; null fails here."""
        place, self.owned = self.owned, self.owned + 1
        self.put(f"store ptr {value}, ptr {self.at('%owned', 8 * place)}")
        self.require(self.icmp("ne", "ptr", value, "null"), "fail")
        return place

    def give(self, place: int) -> None:
        self.put(f"store ptr null, ptr {self.at('%owned', 8 * place)}")

    def allocate(self) -> None:
        for result in arrays(self.spec):
            number = result.kind in ("scalar", "python")
            if result.kind not in ("ndarray", "tensor", "scalar", "python") or (number and result.shape):
                raise CompileError("an ArrayResult is an ndarray, a tensor, or a number of shape ()", got=str(result))
            if number:
                self.buffers.append((self.alloca(f"[{result.dtype.itemsize} x i8]", 16), "", 0))
                continue
            dims = self.alloca(f"[{max(len(result.shape), 1)} x i64]")
            for axis, size in enumerate(result.shape):
                self.put(f"store i64 {self.size(size)}, ptr {self.at(dims, 8 * axis)}")
            array = self.new_array(result, dims)
            place = self.own(array)
            self.buffers.append((self.load("ptr", array, capi.DATA), array, place))

    def new_array(self, result: ArrayResult, dims: str) -> str:
        descr, handlers, bytes_ = self.ref(result.dtype), self.spec.handlers, size_of(result)
        self.call("Py_IncRef", "void", f"ptr {descr}")  # PyArray_NewFromDescr takes it over
        like = (f"ptr {self.ref(np.ndarray)}", f"ptr {descr}", f"i32 {len(result.shape)}", f"ptr {dims}")

        def plain() -> str:
            return self.call("PyArray_NewFromDescr", "ptr", *like, "ptr null", "ptr null", "i32 0", "ptr null")

        def pooled() -> str:
            both = ", ".join(f"ptr {self.ref(handler)}" for handler in handlers or ())
            return self.support("pooled", f"ptr @hybrid_entry_pooled({', '.join(like)}, {both})")

        if handlers is None or large(bytes_) is False:
            return plain()
        if large(bytes_):
            return pooled()
        return self.either(self.icmp("sge", "i64", self.size(bytes_), LARGE), pooled, plain, "ptr")

    def build(self, results: Results) -> tuple[str, int]:
        """The object for a result, and the place that owns its reference."""
        match results:
            case tuple() | list() | dict():
                return self.container(results)
            case ArrayResult():
                value, place = self.finish(results)
                self.made.append(value)
                return value, place
            case ArgumentResult(index):
                value = self.objects[index]
            case ObjectResult(constant):
                value = self.ref(constant)
            case None:
                value = self.ref(None)
            case RepeatResult(index):
                if index >= len(self.made):
                    raise CompileError("a result can only repeat one before it", got=str(results))
                value = self.made[index]
        self.call("Py_IncRef", "void", f"ptr {value}")
        return value, self.own(value)

    def finish(self, result: ArrayResult) -> tuple[str, int]:
        data, array, place = self.buffers[len(self.made)]
        if result.kind == "ndarray":
            return array, place
        if result.kind == "scalar":
            value = self.call("PyArray_Scalar", "ptr", f"ptr {data}", f"ptr {self.ref(result.dtype)}", "ptr null")
            return value, self.own(value)
        if result.kind == "python":
            return self.python_number(data, result.dtype)
        layout = self.layout()
        value = self.call("PyType_GenericAlloc", "ptr", f"ptr {self.ref(layout.cls)}", "i64 0")
        owner = self.own(value)
        for slot, default in layout.defaults.items():
            held = self.ref(default)
            self.call("Py_IncRef", "void", f"ptr {held}")
            self.put(f"store ptr {held}, ptr {self.at(value, capi.slot_offset(layout.cls, slot))}")
        self.put(f"store ptr {array}, ptr {self.at(value, capi.slot_offset(layout.cls, layout.data_slot))}")
        self.give(place)
        return value, owner

    def python_number(self, data: str, dtype: np.dtype) -> tuple[str, int]:
        if dtype == np.float64:
            value = self.call("PyFloat_FromDouble", "ptr", f"double {self.load('double', data)}")
        elif dtype == np.int64:
            value = self.call("PyLong_FromLongLong", "ptr", f"i64 {self.load('i64', data)}")
        elif dtype == np.bool_:
            true = self.icmp("ne", "i8", self.load("i8", data), 0)
            value = self.let(f"select i1 {true}, ptr {self.ref(True)}, ptr {self.ref(False)}")
            self.call("Py_IncRef", "void", f"ptr {value}")
        else:
            raise CompileError("a Python number comes from a float64, an int64 or a bool", got=str(dtype))
        return value, self.own(value)

    def container(self, results: tuple | list | dict) -> tuple[str, int]:
        built = [self.build(item) for item in items(results)]
        kind = {tuple: "Tuple", list: "List", dict: "Dict"}[type(results)]
        value = self.call(f"Py{kind}_New", "ptr", *([] if kind == "Dict" else [f"i64 {len(built)}"]))
        owner = self.own(value)
        keys = iter(results)
        for at, (item, place) in enumerate(built):
            if kind == "Dict":
                key = self.ref(next(keys))
                code = self.call("PyDict_SetItem", "i32", f"ptr {value}", f"ptr {key}", f"ptr {item}")
                self.require(self.icmp("eq", "i32", code, 0), "fail")
                self.call("Py_DecRef", "void", f"ptr {item}")  # the dict took a reference of its own
                self.give(place)
            else:
                self.give(place)  # PyTuple_SetItem and PyList_SetItem take the reference even where they fail
                code = self.call(f"Py{kind}_SetItem", "i32", f"ptr {value}", f"i64 {at}", f"ptr {item}")
                self.require(self.icmp("eq", "i32", code, 0), "fail")
        return value, owner

    # The computation

    def scratch(self, others: str) -> tuple[str, str]:
        """Scratch memory aligned to 64, and what to free after the call (null where the arena is kept)."""
        need = self.let(f"add i64 {self.size(self.spec.arena)}, 64")

        def kept() -> str:
            return self.either(self.icmp("ule", "i64", need, self.word(CAPACITY, "i64")), lambda: self.word(ARENA), grow, "ptr")

        def grow() -> str:
            self.call("PyMem_RawFree", "void", f"ptr {self.word(ARENA)}")
            fresh = self.call("PyMem_RawMalloc", "ptr", f"i64 {need}")
            failed = self.icmp("eq", "ptr", fresh, "null")
            self.store_word(ARENA, "ptr", fresh)
            self.store_word(CAPACITY, "i64", self.let(f"select i1 {failed}, i64 0, i64 {need}"))
            return fresh

        def fresh() -> str:
            memory = self.call("PyMem_RawMalloc", "ptr", f"i64 {need}")
            self.put(f"store ptr {memory}, ptr {owned}")
            return memory

        owned = self.alloca("ptr")
        self.put(f"store ptr null, ptr {owned}")
        # The first of several concurrent calls has the arena: as long as it runs, ACTIVE is not zero for the others.
        alone = self.icmp("eq", "i64", others, 0)
        small = self.icmp("ule", "i64", need, ARENA_LIMIT)
        memory = self.either(self.let(f"and i1 {alone}, {small}"), kept, fresh, "ptr")
        self.require(self.icmp("ne", "ptr", memory, "null"), "nomemory")
        return self.support("ptrmask", f"ptr @llvm.ptrmask.p0.i64(ptr {self.at(memory, 63)}, i64 -64)"), owned

    def slot(self, kind: str, value: Any, arena: str) -> str:
        if kind == "arg" and value in self.views:
            return self.views[value].data
        if kind == "arg" and value in self.values and isinstance(self.spec.guards[value], ScalarGuard):
            return self.values[value]
        if kind == "arg" and value in self.values:
            pair = isinstance(self.spec.guards[value], ComplexGuard)
            place = self.alloca("[2 x double]" if pair else "double")
            for offset in (0, 8)[: 1 + pair]:
                number = self.load("double", self.values[value], offset)
                self.put(f"store double {number}, ptr {self.at(place, offset)}")
            return place
        if kind == "result" and value < len(self.buffers):
            return self.buffers[value][0]
        if kind == "const":
            return self.load("ptr", self.ref(value), capi.DATA)
        if kind == "arena" and arena:
            return self.at(arena, self.size(value))
        raise CompileError("a slot points to nothing", got=f"{kind} {value!r}",
                           expected="an array, float or complex argument, a result, a constant or the arena")  # fmt: skip

    def emit(self, compute: str) -> str:
        spec = self.spec
        self.guards()
        others = self.add_word(ACTIVE, 1)
        self.add_word(CALLS, 1)
        guarded = len(self.lines)
        self.allocate()
        arena, freed = self.scratch(others) if spec.arena != 0 else ("", "")
        slots = self.alloca(f"[{max(len(spec.slots), 1)} x ptr]")
        for at, (kind, value) in enumerate(spec.slots):
            self.put(f"store ptr {self.slot(kind, value, arena)}, ptr {self.at(slots, 8 * at)}")
        sizes = "".join(f", i64 {self.size(Dim.symbol(name))}" for name in spec.symbols)
        code = self.compute(f"call i32 @{compute}(ptr {slots}{sizes})")
        if freed:
            self.call("PyMem_RawFree", "void", f"ptr {self.load('ptr', freed)}")
        self.require(self.icmp("eq", "i32", code, 0), "error")
        value, _ = self.build(spec.results)
        self.leave(value)
        self.exits(code, bool(freed))
        # `fail` may be reached before all places are filled.
        self.lines.insert(guarded, f"  store [{self.owned} x ptr] zeroinitializer, ptr %owned")
        return "\n".join([
            f"@{TABLE} = external global [{len(spec.table.words)} x i64], align 8",
            *(SUPPORT[name] for name in sorted(self.used)),
            f"define ptr @{ENTRY}(ptr %self, ptr %args, i64 %nargs, ptr %kwnames) {{",
            "start:", f"  %owned = alloca [{self.owned} x ptr], align 8", *self.allocas, *self.lines, "}", "",
        ])  # fmt: skip

    def compute(self, call: str) -> str:
        if not self.spec.release_gil:
            return self.let(call)
        # Another thread may give a Tensor other data meanwhile; arguments themselves are held by the caller.
        for array in self.inner:
            self.call("Py_IncRef", "void", f"ptr {array}")
        thread = self.call("PyEval_SaveThread", "ptr")
        code = self.let(call)
        self.call("PyEval_RestoreThread", "void", f"ptr {thread}")
        for array in self.inner:
            self.call("Py_DecRef", "void", f"ptr {array}")
        return code

    def leave(self, value: str) -> None:
        # The last act: once ACTIVE is zero, a removed entry's code may be freed as soon as the GIL changes hands.
        self.add_word(ACTIVE, -1)
        self.put(f"ret ptr {value}")

    def exits(self, code: str, arena: bool) -> None:
        if arena:
            self.label("nomemory")
            self.call("PyErr_NoMemory", "ptr")
            self.put("br label %fail")
        self.label("error")
        number = self.call("PyLong_FromLongLong", "ptr", f"i64 {self.let(f'sext i32 {code} to i64')}")
        argument = self.alloca("ptr")
        self.put(f"store ptr {number}, ptr {argument}")
        self.require(self.icmp("ne", "ptr", number, "null"), "fail")
        outcome = self.call("PyObject_Vectorcall", "ptr", f"ptr {self.ref(self.spec.on_error)}", f"ptr {argument}", "i64 1",
                            "ptr null")  # fmt: skip
        self.call("Py_DecRef", "void", f"ptr {number}")
        self.support("drop", f"void @hybrid_entry_drop(ptr %owned, i64 {self.owned})")
        self.leave(outcome)
        self.label("fail")
        self.support("drop", f"void @hybrid_entry_drop(ptr %owned, i64 {self.owned})")
        self.leave("null")
        self.label("miss")
        self.put(f"%next = musttail call ptr {self.word(NEXT)}(ptr %self, ptr %args, i64 %nargs, ptr %kwnames)")
        self.put("ret ptr %next")
