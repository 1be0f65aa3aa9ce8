"""What a trace depends on and gives back, as data: guards on arguments, results, and the table of words its entry reads."""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np

from hybrid.control.given import Either, Vector
from hybrid.core.lazily import cached_property
from hybrid.core.shape import Dim, Quotient, Shape, Size, product, symbols
from hybrid.runtime import pool
from hybrid.staging import capi
from hybrid.staging.expected import (
    ArrayGuard,
    BoundGuard,
    ClassGuard,
    ContainerGuard,
    FunctionGuard,
    Guard,
    IntGuard,
    LongGuard,
    NumbersGuard,
    SameGuard,
    ScalarGuard,
    TextGuard,
)

ENTRY = "entry"  # the function each entry's module exports
TABLE = "hybrid_entry_table"  # the symbol it imports
# The first words of a table. NEXT: where a miss goes. ACTIVE: calls that have passed the guards and not yet returned.
# HELD: not zero while the entry takes no calls. LEFT: how many more it takes, where they are counted.
NEXT, ACTIVE, CALLS, ARENA, CAPACITY, HELD, LEFT = range(7)
API = {name: 7 + at for at, name in enumerate(capi.API)}
REFERENCES = 7 + len(capi.API)


@dataclass(frozen=True, eq=False)
class WordRead:
    """The pointer at an offset of an object: a cell's contents, a slot, a function's code."""

    holder: object
    offset: int
    value: object


@dataclass(frozen=True, eq=False)
class DictRead:
    """What a dict holds under a str or int; `ABSENT` where that is nothing."""

    holder: dict
    name: object
    value: object


@dataclass(frozen=True, eq=False)
class ItemRead:
    """An item of a list, whose `SizeRead` comes before."""

    holder: list
    index: int
    value: object


@dataclass(frozen=True, eq=False)
class SizeRead:
    """How many items a list or dict has."""

    holder: list | dict
    value: int


@dataclass(frozen=True, eq=False)
class AttributeRead:
    """An attribute whose lookup runs no Python code."""

    holder: object
    name: str
    value: object


@dataclass(frozen=True, eq=False)
class MethodRead:
    """The function behind a method, to whatever it is bound; one whose lookup runs no Python code."""

    holder: object
    name: str
    value: object


@dataclass(frozen=True, eq=False)
class OrderRead:
    """The order of a dict's keys, each a str or an int, which a `DictRead` comes before."""

    holder: dict
    value: tuple


Number = Union[float, "tuple[str, int]", "tuple[Any, ...]"]
ABSENT = object()
Read = WordRead | DictRead | ItemRead | SizeRead | AttributeRead | MethodRead | OrderRead


@dataclass(frozen=True, eq=False)
class Load:
    """What is found at a place and guarded as an argument is; the `value` of the read counts for nothing."""

    place: WordRead | DictRead | ItemRead | AttributeRead
    guard: Guard


@dataclass(frozen=True)
class ArrayResult:
    """A fresh contiguous array the compute function fills: as an "ndarray", a "tensor", or (shape ()) a NumPy "scalar".

    "python" gives a Python float, complex, int or bool from a float64, complex128, int64 or bool of shape ().
    """

    dtype: np.dtype
    shape: Shape
    kind: str = "ndarray"
    fortran: bool = False  # whether its first axis is the fastest


@dataclass(frozen=True)
class ArgumentResult:
    """The object that came in as the argument at `index`."""

    index: int


@dataclass(frozen=True)
class ViewResult:
    """An ndarray over the memory of the ndarray argument at `index`: `offset` and `strides` in bytes."""

    index: int
    dtype: np.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    writeable: bool  # where the argument is


@dataclass(frozen=True)
class ObjectResult:
    """A constant object."""

    value: object


@dataclass(frozen=True)
class RepeatResult:
    """The object returned for the `index`-th `ArrayResult`, once more."""

    index: int


@dataclass(frozen=True)
class MadeResult:
    """What the `index`-th of the temporaries holds, as an `ArrayResult` of that kind would give it."""

    index: int
    kind: str = "ndarray"


@dataclass(frozen=True)
class ListResult:
    """A list of Python's floats or integers, or of tuples of them: the items between the places that two of the temporaries
    hold. `columns`: those that hold the numbers of each item; without `rows` there is one."""

    first: int
    end: int
    columns: tuple[int, ...]
    rows: bool


@dataclass(frozen=True)
class SizeResult:
    """A size, as a Python int."""

    size: Size


@dataclass(frozen=True)
class ChoiceResult:
    """The first where the bool of shape () in the `flag`-th of the temporaries is true, else the second."""

    flag: int
    first: Results
    second: Results


@dataclass(frozen=True)
class CallResult:
    """What a Python function makes of these; where it gives `NotImplemented`, the call is a miss after all."""

    function: Callable
    operands: tuple[Results, ...]


Leaf = ArrayResult | ArgumentResult | ViewResult | ObjectResult | RepeatResult | MadeResult | ListResult | SizeResult
Results = Union[
    Leaf, ChoiceResult, CallResult, None, "tuple[Results, ...]", "list[Results]", "dict[Any, Results]"
]  # None and containers stand for themselves


@dataclass(frozen=True)
class Temporary:
    """Memory that steps share, or that results are made of; `number`: of shape (), and never taken for an array.

    `filled`: by the Python function of a step, whose array it is.
    """

    dtype: np.dtype
    shape: Shape
    number: bool = False
    filled: bool = False


@dataclass(frozen=True)
class ComputeStep:
    """A call of the function of this name: `i32 (ptr slots, i64 …)`."""

    name: str
    slots: tuple[tuple[str, Any], ...]
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class SizeStep:
    """A symbol is from here on the i64 in a slot."""

    symbol: str
    slot: tuple[str, Any]


@dataclass(frozen=True)
class PythonStep:
    """A Python function is given operands, and gives a tuple of arrays, the contents of these temporaries.

    Where it gives None, the call is a miss after all.
    """

    function: Callable
    operands: tuple[Results, ...]
    results: tuple[int, ...]


@dataclass(frozen=True)
class AddressStep:
    """One of the temporaries is from here on what compute functions draw from: the address of the source's `bitgen_t`, or
    (`gauss`) of a RandomState's `aug_bitgen`."""

    temporary: int
    gauss: bool


Step = ComputeStep | SizeStep | PythonStep | AddressStep
LOCK, ACQUIRE, RELEASE, CAPSULE = "lock", "acquire", "release", "capsule"


@dataclass(frozen=True, eq=False)
class Source:
    """A generator of NumPy's that the compute functions draw from: the argument of a place, or an object.

    Args:
        of: the one or the other.
        legacy: whether it is a `RandomState`.
        bits: the class of its bit generator, whose state is known memory.
    """

    of: int | Any
    legacy: bool
    bits: type

    @property
    def names(self) -> tuple[str, ...]:
        """What an entry looks up, in this order."""
        return "_bit_generator" if self.legacy else "bit_generator", LOCK, ACQUIRE, RELEASE, CAPSULE


@dataclass(frozen=True)
class TensorLayout:
    """The class of Tensor arguments and results, the slot of their ndarray, and what a new one's other slots hold."""

    cls: type
    data_slot: str = "_data"
    defaults: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class EntrySpec:
    """What one entry checks, allocates and returns. A spec goes with one loaded module: it owns the table the code reads.

    Wherever an argument is named by its index, what containers hold counts as well: each container before its items.

    Attributes:
        guards: one per argument; those named in `keywords` come last and must be passed by keyword, in this order.
        results: a result, or tuples, lists and dicts of them.
        slots: what the compute function is given pointers to: ("arg", i), ("result", k) for the k-th `ArrayResult`,
            ("temporary", k), ("const", ndarray) read at each call, ("arena", byte offset), symbolic ones rounded up to 64.
        finite: arithmetic of float arguments that must be finite: ("arg", index), a number, or (operation, *operands) with
            "add", "sub", "mul", "div" or "neg".
        loads: more arguments, which come from places: their indices follow those of `guards`.
        reads: what the function reads besides its arguments, each still the very object it was, or one `refresh` has named.
        symbols: sizes passed to it after the slots, as i64.
        quotients: symbols that are no axis of an argument, and what they are computed from.
        conditions: (comparison, left, right) over sizes that must hold, e.g. ("gt", Dim.symbol("n"), 4).
        arena: bytes of scratch memory behind the ("arena", …) slots, aligned to 64.
        written: arguments (by index) and constants (the ndarrays) that are written: the entry misses where one of them
            overlaps another array. Arguments need `writeable` guards.
        release_gil: let other Python threads run during the compute function.
        calls_python: the compute function calls Python, so that other threads may run now and then. Where it gives
            `Code.RAISED`, an exception is set, and it is the caller's.
        flagged: called with the floating-point flags that the compute function raised (bits of `hybrid.codegen.flags`), if any;
            and with whether what was written can be undone, without which the answer must be False. Where it is anything
            else, the call is a miss, after all. None: flags mean nothing.
        apart: lists that no list of numbers among the arguments may be, or hold.
        distinct: arguments (by index) that are changed, or might be by another name: no two of them, nor one of them and a list
            of numbers, may be one object.
        strangers: arguments (by index) and objects that they may not be.
        source: the generator that compute functions draw from. Where the call is a miss after all, it has not been drawn from.
        counted: it takes as many calls as the word LEFT says.
        temporaries: memory besides the arena and the results.
        steps: what is done one after another where that is more than one call of the compute function; None: that one, with
            `slots` and `symbols`. Sizes may mention what a `SizeStep` before them has bound.
    """

    guards: tuple[Guard, ...]
    results: Results
    slots: tuple[tuple[str, Any], ...]
    loads: tuple[Load, ...] = ()
    reads: tuple[Read, ...] = ()
    finite: tuple[Number, ...] = ()
    symbols: tuple[str, ...] = ()
    quotients: Mapping[str, Quotient] = field(default_factory=dict)
    conditions: tuple[tuple[str, Size, Size], ...] = ()
    keywords: tuple[str, ...] = ()
    arena: Size = 0
    written: tuple[int | np.ndarray, ...] = ()
    release_gil: bool = False
    calls_python: bool = False
    tensor: TensorLayout | None = None
    flagged: Callable[[int, bool], bool] | None = None
    temporaries: tuple[Temporary, ...] = ()
    steps: tuple[Step, ...] | None = None
    apart: tuple[list, ...] = ()
    distinct: tuple[int, ...] = ()
    strangers: tuple[tuple[int, object], ...] = ()
    source: Source | None = None
    counted: bool = False

    @property
    def only_recognises(self) -> bool:
        """Whether all that it does is to check, and leave the rest to a Python function."""
        return self.steps == ()

    @cached_property
    def compute_slots(self) -> tuple[tuple[str, Any], ...]:
        """The slots of all compute functions."""
        if self.steps is None:
            return self.slots
        return tuple(slot for step in self.steps if isinstance(step, ComputeStep) for slot in step.slots)

    @cached_property
    def flat(self) -> tuple[Guard, ...]:
        """All guards by index, those inside containers too."""
        return tuple(_flat((*self.guards, *(load.guard for load in self.loads))))

    @cached_property
    def freedom(self) -> int:
        """How many sizes and integers of its arguments it takes as they come."""
        shapes = (guard.shape for guard in self.flat if isinstance(guard, (ArrayGuard, NumbersGuard)))
        sizes = {symbol for shape in shapes for symbol in symbols(*shape)}
        return len(sizes) + sum(isinstance(guard, LongGuard) for guard in self.flat)

    @cached_property
    def references(self) -> tuple[object, ...]:
        """Every Python object the entry names by address, in the order of their words in the table."""
        return tuple({id(value): value for value in _referenced(self)}.values())

    @cached_property
    def handlers(self) -> tuple[object, object] | None:
        """The capsules of `pool.handlers()`, where a result may be large enough for them."""
        made: tuple[ArrayResult | Temporary, ...] = (*arrays(self), *(one for one in self.temporaries if not one.filled))
        return pool.handlers() if any(large(size_of(one)) is not False for one in made) else None

    @cached_property
    def written_constants(self) -> tuple[np.ndarray, ...]:
        return tuple({id(value): value for value in self.written if isinstance(value, np.ndarray)}.values())

    @cached_property
    def spans(self) -> tuple[tuple[int, int, int], ...]:
        """Each constant array and its byte range from its data, the written first: what the overlap check reads."""
        if not self.written:
            return ()
        constants = {id(value): value for value in self.written_constants}
        constants |= {id(value): value for kind, value in self.compute_slots if kind == "const"}
        return tuple((key, *byte_range(a.shape, a.strides, a.itemsize)) for key, a in constants.items())

    @cached_property
    def table(self) -> Table:
        return Table(self)

    @cached_property
    def watched(self) -> list[dict]:
        """The dicts read by name, once each: the table keeps the version of each for which all names were found unchanged."""
        return list({id(read.holder): read.holder for read in self.reads if isinstance(read, DictRead)}.values())

    @cached_property
    def expected(self) -> list[object]:
        """What each read must find, held so that no other object can take its address."""
        return [read.value for read in self.reads]

    def refresh(self, at: int, value: object) -> None:
        """Expect another object, one that means the same."""
        if self.expected[at] is not value:
            self.expected[at] = value
            self.table.words[self.read_word(at)] = 0 if value is ABSENT else id(value)

    def read_word(self, at: int) -> int:
        return REFERENCES + len(self.references) + 3 * len(self.spans) + at

    def version_word(self, holder: dict) -> int:
        return self.read_word(len(self.reads)) + next(k for k, known in enumerate(self.watched) if known is holder)

    @property
    def calls(self) -> int:
        """How many calls have passed the guards."""
        return int(self.table.words[CALLS])

    @property
    def left(self) -> int:
        """How many more calls it takes."""
        return int(self.table.words[LEFT]) if self.counted else 1

    def grant(self, calls: int) -> None:
        """Have it take so many calls more."""
        self.table.words[LEFT] = calls


class Table:
    """The words one entry reads: the chain, its counters, its arena, the C functions it calls, the objects it names."""

    __slots__ = ("words",)

    def __init__(self, spec: EntrySpec):
        spans = [number for span in spec.spans for number in span]
        reads = [0 if value is ABSENT else id(value) for value in spec.expected]
        versions = [-1] * len(spec.watched)
        self.words = np.array([0] * 7 + [*capi.addresses(), *map(id, spec.references), *spans, *reads, *versions], np.int64)

    @property
    def address(self) -> int:
        return self.words.__array_interface__["data"][0]

    def __del__(self, free: Callable[[int], None] = capi.free, arena: int = ARENA) -> None:
        free(int(self.words[arena]))  # bound early: module globals may be gone at exit


def byte_range(shape: Sequence[int], strides: Sequence[int], itemsize: int) -> tuple[int, int]:
    """The bytes an array spans, from its data pointer: the lowest, and one past the highest; (0, 0) where it is empty."""
    if 0 in shape:
        return 0, 0
    reach = [(size - 1) * stride for size, stride in zip(shape, strides)]
    return sum(min(0, r) for r in reach), sum(max(0, r) for r in reach) + itemsize


def has_attributes(cls: type) -> bool:
    """Whether instances have a `__dict__`, and are containers of attributes."""
    return cls.__dictoffset__ != 0 and not issubclass(cls, (tuple, list, dict))


def interned(key: str | int) -> str | int:
    """The key as source code names it: the object a lookup most often meets."""
    return sys.intern(key) if type(key) is str else key


def _flat(guards: Sequence[Guard]) -> Iterator[Guard]:
    for guard in guards:
        yield guard
        if isinstance(guard, ContainerGuard):
            yield from _flat(guard.items)


def items(results: tuple | list | dict | ChoiceResult | CallResult) -> tuple[Results, ...]:
    """What a container of results holds, or one is made of, in order."""
    if isinstance(results, ChoiceResult):
        return results.first, results.second
    if isinstance(results, CallResult):
        return results.operands
    return tuple(results.values() if isinstance(results, dict) else results)


def leaves(results: Results) -> Iterator[Leaf | None]:
    """The results inside tuples, lists and dicts, in order."""
    if isinstance(results, (tuple, list, dict, ChoiceResult, CallResult)):
        for item in items(results):
            yield from leaves(item)
    else:
        yield results


def arrays(spec: EntrySpec) -> list[ArrayResult]:
    """The arrays an entry allocates, as ("result", k) counts them."""
    return [leaf for leaf in leaves(spec.results) if isinstance(leaf, ArrayResult)]


def size_of(result: ArrayResult | Temporary) -> Size:
    """Its bytes."""
    return product(result.shape) * result.dtype.itemsize


def large(size: Size) -> bool | None:
    """Whether so many bytes come from the pool; None where that depends on the call."""
    return None if isinstance(size, Dim) else size >= pool.LARGE


def _referenced(spec: EntrySpec) -> Iterator[object]:
    yield from (np.ndarray, float, complex, int)
    yield from map(sys.intern, spec.keywords)
    if spec.tensor:
        yield spec.tensor.cls
        yield from spec.tensor.defaults.values()
    for guard in spec.flat:
        if isinstance(guard, ClassGuard):
            yield guard.cls
        elif isinstance(guard, ContainerGuard):
            yield guard.cls
            yield from (str, *map(interned, guard.names)) if issubclass(guard.cls, dict) or has_attributes(guard.cls) else ()
            yield from ("maxlen", guard.about) if guard.cls is deque else (guard.about,) if guard.about is not None else ()
        elif isinstance(guard, ArrayGuard):
            yield guard.dtype
            yield from (value for _, value in guard.same)
        elif isinstance(guard, ScalarGuard):
            yield guard.dtype.type
        elif isinstance(guard, NumbersGuard):
            vectors = [kind for kind in guard.kinds if isinstance(kind, Vector)]
            yield from (list, tuple, *(kind for kind in guard.kinds if not isinstance(kind, Vector)))
            yield from (np.ndarray, *(vector.dtype for vector in vectors)) if vectors else ()
            names = map(interned, (*guard.names, *guard.hidden))
            known = (one for choices in guard.choices for one in choices)
            yield from (guard.row, bool, True, Either, str, *names, *known) if guard.names else ()
        elif isinstance(guard, (IntGuard, SameGuard)):
            yield guard.value
        elif isinstance(guard, BoundGuard):
            yield from (types.MethodType, guard.value.__func__, guard.value.__self__)
        elif isinstance(guard, FunctionGuard):
            f = guard.value
            yield from (f, types.FunctionType, f.__code__, f.__globals__, *([f.__defaults__] if f.__defaults__ else ()))
        elif isinstance(guard, TextGuard):
            yield from (guard.value, type(guard.value))
    named = (*spec.reads, *(load.place for load in spec.loads))
    yield from (part for read in named for part in (read.holder, getattr(read, "name", None)))
    orders = [read for read in spec.reads if isinstance(read, OrderRead)]
    yield from (str, *(key for read in orders for key in read.value)) if orders else ()
    yield from (types.MethodType,) if any(isinstance(read, MethodRead) for read in spec.reads) else ()
    yield from _referenced_results(spec, spec.results)
    for step in spec.steps or ():
        if isinstance(step, PythonStep):
            yield from (step.function, None)
            for operand in step.operands:
                yield from _referenced_results(spec, operand)
    yield from (temporary.dtype for temporary in spec.temporaries)
    yield from (value for kind, value in spec.compute_slots if kind == "const")
    yield from (value for value in spec.written if isinstance(value, np.ndarray))
    yield from spec.handlers or ()
    yield from (*spec.apart, *(known for _, known in spec.strangers))
    if spec.source:
        yield from (spec.source.bits, *spec.source.names)
        yield from () if type(spec.source.of) is int else (spec.source.of,)
    yield from (spec.flagged, False, True) if spec.flagged else ()


def _referenced_results(spec: EntrySpec, results: Results) -> Iterator[object]:
    if isinstance(results, (tuple, list, dict, ChoiceResult, CallResult)):
        yield from results if isinstance(results, dict) else ()
        yield from (results.function, NotImplemented) if isinstance(results, CallResult) else ()
        for item in items(results):
            yield from _referenced_results(spec, item)
    elif isinstance(results, ViewResult):
        yield results.dtype
    elif isinstance(results, (ArrayResult, MadeResult)):
        yield results.dtype if isinstance(results, ArrayResult) else spec.temporaries[results.index].dtype
        yield from (True, False) if results.kind == "python" else ()
    elif isinstance(results, ObjectResult):
        yield results.value
    elif results is None:
        yield None
