"""Guards of lists among the arguments that are arrays to a trace: of numbers, of tuples and lists of them, and of objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hybrid.control.given import Either, Vector
from hybrid.control.herds import words_of
from hybrid.core.shadows import slots_of
from hybrid.staging import capi
from hybrid.staging.apart import ALONE, DISTINCT
from hybrid.staging.expected import NumbersGuard
from hybrid.staging.extents import Equal, Extents, View
from hybrid.staging.numbers import NUMBERS, TABLE_OF
from hybrid.staging.objects import OBJECTS
from hybrid.staging.spec import API, EntrySpec, byte_range, has_attributes, interned


class ListChecks(Extents):
    """The part of `Checks` that knows of such lists."""

    def __init__(self, spec: EntrySpec):
        super().__init__(spec)
        self.views: dict[int, View] = {}  # array arguments by index
        self.values: dict[int, str] = {}  # pointers to the values of number arguments
        self.lists: dict[int, tuple[str, str]] = {}  # what looks at each list of numbers, and what it is given
        self.widths: dict[int, str] = {}  # of the rows of those in lists

    def numbers(self, index: int, it: str, guard: NumbersGuard, later: list[Equal]) -> None:
        self.exact(it, list)
        count = self.load("i64", it, capi.SIZE)
        self.axis(count, guard.shape[0], later)
        long = self.word(API["PyLong_AsLongLongAndOverflow"])
        kinds = self.alloca(f"[{len(guard.kinds)} x ptr]")
        for at, kind in enumerate(guard.kinds):
            self.put(f"store ptr {self.ref(np.ndarray if isinstance(kind, Vector) else kind)}, ptr {self.at(kinds, 8 * at)}")
        if guard.row is list:
            ways = f"i1 {str(guard.ragged).lower()}, i1 {str(guard.changed).lower()}, i64 {guard.least}"
            inner = self.ref(tuple) if len(guard.shape) == 3 else "null"
            classes = f"ptr {self.ref(list)}, ptr {inner}, i64 {len(guard.kinds)}, ptr {kinds}, ptr {self.ref(int)}"
            self.lists[index] = TABLE_OF, f"ptr {it}, i64 {count}, {classes}, ptr {long}, {ways}"
            width = self.support(TABLE_OF, f"i64 @{TABLE_OF}({self.lists[index][1]}, i64 0, ptr null)")
            self.require(self.icmp("sge", "i64", width, 0))
            self.widths[index] = width
            self.axis(width, guard.shape[1], later)
            return
        self.require(self.icmp("sgt", "i64", count, guard.least))
        if guard.names:
            self.objects_of(index, it, count, kinds, long, guard)
            return
        row = "null" if guard.row is None else self.ref(guard.row)
        self.lists[index] = (
            NUMBERS,
            (f"ptr {it}, i64 {count}, ptr {row}, i64 {len(guard.kinds)}, ptr {kinds}, ptr {self.ref(int)}, ptr {long}"),
        )
        self.require(self.unpacked(index, "null"))

    def objects_of(self, index: int, it: str, count: str, kinds: str, long: str, guard: NumbersGuard) -> None:
        """A list of objects: what tells their attributes, and that no two of them are one."""
        row: Any = guard.row
        names = (*guard.names, *guard.hidden)
        slots = slots_of(row)
        offsets = self.words_of([capi.slot_offset(row, name) if name in slots else 0 for name in names])
        vectors = [kind if isinstance(kind, Vector) else None for kind in guard.kinds]
        known = [self._about(vector, known) for vector, known in zip(vectors, guard.choices)]
        counts = [-1 - vector.size if vector else len(known) for vector, known in zip(vectors, guard.choices)]
        choices = self.words_of(known, "ptr")
        others = len(names) - len(slots) if has_attributes(row) else -1
        memory = (self.word(API[name]) for name in ("PyMem_RawMalloc", "PyMem_RawFree"))
        items = self.load("ptr", it, capi.LIST_ITEMS)
        shared = guard.changed and others >= 0  # whether two that have one dict would matter
        dicts = [self.word(API[name]) if shared else "null" for name in ("PyObject_GenericGetDict", "Py_DecRef", "PyErr_Clear")]
        apart = ", ".join((f"ptr {items}, i64 {count}", *(f"ptr {word}" for word in (*dicts, *memory))))
        self.require(self.support(DISTINCT, f"i1 @{DISTINCT}({apart})"))
        called = ("PyObject_GenericGetDict", "PyDict_GetItemWithError", "Py_DecRef", "PyErr_Clear", "PyUnicode_Compare")
        pointers = [choices, self.words_of(counts), kinds]
        pointers += [*(self.ref(known) for known in (int, bool, True, float, Either, str)), long]
        pointers += [self.word(API[name]) for name in called]
        given = (
            f"ptr {it}, i64 {count}, ptr {self.ref(row)}, i64 {len(guard.names)}, i64 {len(guard.hidden)}, i64 {guard.shape[1]}"
        )
        given += f", ptr {self.words_of([self.ref(interned(name)) for name in names], 'ptr')}, ptr {offsets}, i64 {others}"
        self.lists[index] = OBJECTS, ", ".join((given, *(f"ptr {one}" for one in pointers)))
        self.require(self.unpacked(index, "null"))

    def _about(self, vector: Vector | None, known: tuple) -> str:
        """What tells which of some known objects an attribute is, or what array."""
        if vector is None:
            return self.words_of(map(self.ref, known), "ptr")
        about = self.words_of([0, len(vector.shape), vector.size, *vector.shape])
        self.put(f"store ptr {self.ref(vector.dtype)}, ptr {about}")
        return about

    def has_arrays(self, index: int) -> bool:
        """Whether an argument is a list of objects with arrays."""
        guard = self.spec.flat[index]
        return isinstance(guard, NumbersGuard) and any(isinstance(kind, Vector) for kind in guard.kinds)

    def alone(self) -> None:
        """Miss where two arrays of objects in lists share memory, or one meets another argument or a constant."""
        fields: list[list[str]] = []
        for index in filter(self.has_arrays, self.lists):
            guard = self.spec.flat[index]
            assert isinstance(guard, NumbersGuard)
            counts = [len(words_of(kind)) for kind in guard.kinds]
            vectors = [(sum(counts[: k + 1]) - 1, kind.size) for k, kind in enumerate(guard.kinds) if isinstance(kind, Vector)]
            places, sizes = self.words_of([at for at, _ in vectors]), self.words_of([size for _, size in vectors])
            count, width = self.size(guard.shape[0]), str(guard.shape[1])
            fields.append([f"ptr {self.values[index]}", f"i64 {count}", f"i64 {width}", f"ptr {places}", f"ptr {sizes}",
                           f"i64 {len(vectors)}"])  # fmt: skip
        if not fields:
            return
        lists = self.alloca(f"[{6 * len(fields)} x i64]")
        for at, word in enumerate(word for of_list in fields for word in of_list):
            self.put(f"store {word}, ptr {self.at(lists, 8 * at)}")
        spans = [self.span(view) for view in self.views.values()]
        for array in {id(value): value for kind, value in self.spec.compute_slots if kind == "const"}.values():
            low, high = byte_range(array.shape, array.strides, array.itemsize)
            data = self.load("ptr", self.ref(array), capi.DATA)
            spans.append((self.at(data, low), self.at(data, high)))
        ends = self.words_of([end for span in spans for end in span], "ptr")
        memory = ", ".join(f"ptr {self.word(API[name])}" for name in ("PyMem_RawMalloc", "PyMem_RawFree"))
        given = f"ptr {lists}, i64 {len(fields)}, ptr {ends}, i64 {len(spans)}, {memory}"
        self.require(self.support(ALONE, f"i1 @{ALONE}({given})"), "error")

    def words_of(self, words: Iterable[Any], kind: str = "i64") -> str:
        """An array of some words on the stack."""
        found = list(words)
        out = self.alloca(f"[{max(len(found), 1)} x {kind}]")
        for at, word in enumerate(found):
            self.put(f"store {kind} {word}, ptr {self.at(out, 8 * at)}")
        return out

    def changed_rows(self, index: int, whole: bool = False) -> bool:
        """Whether an argument is a list of lists, which are changed (`whole`: or not)."""
        guard = self.spec.flat[index]
        return isinstance(guard, NumbersGuard) and guard.row is list and (whole or guard.changed)

    def unpacked(self, index: int, out: str) -> str:
        """Whether a list holds the numbers that it is to hold; they go to `out`."""
        name, given = self.lists[index]
        if name != TABLE_OF:
            return self.support(name, f"i1 @{name}({given}, ptr {out})")
        width = self.widths[index]
        found = self.support(TABLE_OF, f"i64 @{TABLE_OF}({given}, i64 {width}, ptr {out})")
        return self.icmp("eq", "i64", found, width)
