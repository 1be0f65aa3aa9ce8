"""One trace: run the Python function on symbols, and keep the graph, what it returns and what it wrote."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np

from hybrid.control import algorithms, constructs, probing, recursive, shuffles, sparse, written
from hybrid.control.arenas import refuse_keys, several
from hybrid.control.arrays import ListedArray
from hybrid.control.families import refuse_met
from hybrid.control.given import Contents
from hybrid.control.handlers import SHORT, Tracing
from hybrid.control.handles import is_handle, kinds_of, number
from hybrid.control.items import OTHERS, InList, LookedUp
from hybrid.control.own import Own, unwrapped
from hybrid.control.owners import given_of
from hybrid.control.parts import refuse_whole
from hybrid.control.plain import Ends
from hybrid.control.records import refuse_copies, refuse_twins
from hybrid.control.root import Root
from hybrid.control.structure import kept_in, things_in
from hybrid.control.united import refuse_returned
from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.heard import listening
from hybrid.core.shadows import getattr_static
from hybrid.core.shape import Dim
from hybrid.frontend import islands, uncertain
from hybrid.frontend.chosen import Chosen, refuse_made
from hybrid.frontend.complex_parts import in_memory
from hybrid.frontend.draws import GENERATORS
from hybrid.frontend.layouts import decide
from hybrid.frontend.values import Value, sized
from hybrid.ir import trace as tr
from hybrid.ir.forms import Thing
from hybrid.ir.graph import Atom, Graph, Literal, Var, symbols_of
from hybrid.ir.requests import AT_FIRST, Concretise, Rebinds, Saw, Specialise, TooLong, TooMany, Writing, most
from hybrid.ir.sizes import LARGEST
from hybrid.ir.trace import Chain, Symbol, Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r
from hybrid.ops import view as v
from hybrid.ops.draw import Argument as Place
from hybrid.ops.draw import Made
from hybrid.staging.arguments import arguments as arguments_of
from hybrid.staging.containers import (
    Added,
    Changed,
    Container,
    Herded,
    ask_for_logs,
    changed_in,
    containers_in,
    refuse_strangers,
    tuples_in,
)
from hybrid.staging.convert import convert, convert_generator, convert_root, is_converted, reason
from hybrid.staging.decorated import Decorated
from hybrid.staging.effects import PRINTING, UNSEEN, Effects, is_library, same_state, texts, unwatched
from hybrid.staging.instances import Instances, Stored
from hybrid.staging.logs import Spot
from hybrid.staging.ours import COPIED, can_be_copied, gradients_left, is_counted, is_seen_twice, made_inside, nothing_escaped
from hybrid.staging.read import Read
from hybrid.staging.reads import Reads
from hybrid.staging.signature import ArrayLeaf, GeneratorLeaf, Leaf, StaticLeaf
from hybrid.staging.state import held
from hybrid.staging.traced import (
    Again,
    Argument,
    Computed,
    Constant,
    Held,
    Items,
    Nodes,
    Path,
    Repeat,
    Result,
    Traced,
    View,
    taken,
)

# Values in arguments that machine code reads one by one: to compile that for 16 000 takes 9 s, and for 60 000 LLVM aborts.
MOST_LEAVES = 8192
# Operations, and branches, of a trace that failed: some seconds of recording, after which little else is tried.
VERY_LONG, VERY_MANY = 40_000, 2000


def trace(function: Callable, name: str, structure: tree.Structure, leaves: tuple[Leaf, ...], values: Sequence[Any],
          names: Sequence[str], reads: Reads, hints: Mapping[str, int], writing: Writing = AT_FIRST,
          varying: frozenset[str] | None = None, recursive: frozenset[types.CodeType] = frozenset(),
          state: Sequence[Read] = (), room: int = 1, empty: bool = False, read: Collection[Spot] = (),
          strict: bool = False) -> Traced:  # fmt: skip
    """Record one call.

    Args:
        structure: how the arguments nest, as a pair (args, kwargs), and a dict of state where there is any.
        leaves, values, names: the specs, the values and the names of their leaves.
        reads: what the function reads besides them, as it is now.
        hints: for each symbol among the sizes of arguments a number that is like those it stands for.
        writing: which loops to write out.
        room, empty: times as much room in containers as at first; whether lists that are returned as arrays may be empty.
        read: lists among the arguments that are known to be read.
        varying: calls of functions between compiled parts whose results vary in size; None, and if `strict`: there are none.
        recursive: functions whose calls of themselves become those of a procedure.
        state: where the values of state are.

    Raises:
        Concretise, Specialise: run-time numbers, or sizes, were asked for their value and have to become static.
        Recursive: a function has to be in `recursive`. Growing: it appends to lists among the arguments.
        TraceError: and whatever else the function raises.
    """
    if len(leaves) > MOST_LEAVES:
        raise TooLong(f"arguments hold more than {MOST_LEAVES} numbers that are in no array", fix="pass arrays")
    recording = Trace(name, hints)
    recording.room, recording.empty, recording.strict = room, empty, strict
    recording.reads = reads
    recording.alike = frozenset(id(v) for leaf, v in zip(leaves, values) if isinstance(leaf, StaticLeaf) and leaf.is_alike)
    with recording, _with_ways_out(recording, writing), reads.shadows(state).cast() as shadows:
        recording.namespaces = reads.namespaces()
        arguments, inputs, cells = arguments_of(recording, leaves, values, names)
        recording.given, recording.varying = [taken(leaves[k], values[k]) for k in inputs], varying
        bound = tree.unflatten(structure, arguments)
        containers: list[Container | Changed | Added | Herded] = [*containers_in(bound), *changed_in(bound)]
        tuples = list(tuples_in(bound))  # as they are: lists that hold them may be given others
        found = list(bound[2].values()) if state else []
        recording.outside = reads.changeable(state, found)
        with held(state, found) as left, Effects(values, reads.values(), reads.imports, recording.fail) as effects:
            recording.generators = _generators(effects, leaves, values)
            try:
                recording.handlers = Tracing(_callee, _is_opaque, SHORT if writing.short else 1, recursive, writing)
                recording.handlers.producer = _producer
                recording.handlers.given(arguments)
                recording.handlers.others.ids = frozenset(id(container.value) for container in containers)
                args, kwargs = bound[:2]
                recording.handlers.find((bound, *reads.values()))
                refuse = lambda: recording.fail(TraceError("NumPy warns of its constants", at=tr.user_line()))
                with listening(refuse), texts() as options:
                    recording.prints = partial(_prints_to, sys.stdout, options)
                    out = _opened(function, Root(recording.handlers))(*args, **kwargs)
                    recording.handlers.settle()
                out = unwrapped(out)
            except (Exception, Ends) as raised:
                error = raised.why if type(raised) is Ends else raised
                failed = recording.failure or error
                ask_for_logs(recording, containers, bound, reads, read)
                asks = isinstance(failed, (TraceError, Concretise, Specialise)) and not isinstance(failed, TooLong)
                if asks and (places := reads.writable()):
                    raise Rebinds(places) from failed  # the array it could not write into may be one of these
                if isinstance(failed, (Concretise, Specialise)) and recording.stacked:
                    failed = TraceError(str(failed), at=failed.at)  # written out, the loops may not need it
                if isinstance(failed, TraceError):
                    last = _is_very_long(recording) or isinstance(failed, TooMany)
                    classes, countable = frozenset(several(recording.instances)), recording.handlers.countable
                    saw = Saw(recording.short, recording.stacked, countable, classes, last)
                    failed.again, failed.saw = saw.instead(writing), None if recording.prefers_storage or recursive else saw
                    writing = replace(writing, last=writing.last or last)
                if failed is not error:
                    raise failed from error  # NumPy words a refused conversion as an error of its own
                if error is raised:
                    raise
                raise error from None
        if recording.failure:
            raise recording.failure  # the traced code may have caught it; its meaning is lost all the same
        ask_for_logs(recording, containers, bound, reads, read)
        recording.unchanged()
        _drawn_elsewhere(recording)
        if options.asked:
            reads.also_context(PRINTING, "how NumPy prints arrays")
        known = recording.builder.constants.values()
        made = reads.made()
        reads.settle(
            [array for _, array in known if id(array) not in recording.private], recording.scalars, [read for read, _ in made]
        )
        reads.refuse_unread(shadows, state)
        updated = [container for container in containers if container.changed]
        rebound = [(place, after) for place, before, after in zip(state, found, left) if before is not after] + made
        reads.apart(state, (place for place, _ in rebound))
        given = {id(container.value): container.path for container in containers}
        leaves_left, gradients, differentiates = gradients_left(recording, reads, state)
        whole = out, [unwrapped(c.contents()) for c in updated], [unwrapped(after) for _, after in rebound], gradients
        refuse_copies(recording, whole)
        places = [*reads.values(), *(read.holder for read in reads.reads if read.kind == "names")]
        constant = {id(part): part for part in places if part is not None and tree.children(part) is not None}
        refuse_twins(whole, given | constant)
        refuse_returned(recording, whole)
        refuse_keys(recording, whole)
        refuse_strangers(recording, values, containers, reads)
        given |= {id(node): path for path, node in tuples}
        nodes = Nodes(given | constant)
        result_leaves, result_structure = tree.flatten(whole, nodes)
        _, contents, after, kept = result_structure.children
        updates = tuple((c.path, nesting) for c, nesting in zip(updated, contents.children))
        rebinds = tuple((place, nesting) for (place, _), nesting in zip(rebound, after.children))
        extended = frozenset(c.path for c in updated if not isinstance(c, Container) and c.extends)
        known_to_all = (*(c.value for c in containers), *reads.values(), *(read.holder for read in (*reads.reads, *state)))
        told_apart = bool(updates) or recording.handlers.others.are_told_apart(known_to_all)
        apart = tuple(sorted(recording.handlers.others.arrays))
        paths = tuple(dict.fromkeys(c.path for c in containers)) if told_apart or rebinds else ()
        # What is referred to from now on is kept by the traced code.
        del out, bound, args, kwargs, containers, tuples, updated, whole, found, left
        del gradients, rebound, made, constant, known_to_all
        recording.handlers.release()
        sorted_out = _Results(recording, leaves, arguments, cells, given, nodes.new, result_leaves)
        decide(recording, result_leaves)
        graph, results, visible, writes = sorted_out.finish()
        late, stored = sorted_out.late, sorted_out.stored
        for name in ("lists", "keepers", "settled", "copies", "asked", "unsure", "turned"):
            getattr(recording, name).clear()
        recording.handlers = recording.reads = recording.prints = None
        recording.outside = ()
        recording.returned.clear()
        recording.held.clear()
        del sorted_out, result_leaves, arguments
        nothing_escaped(recording)
    return Traced(
        graph,
        structure,
        leaves,
        inputs,
        results,
        result_structure,
        visible,
        writes,
        updates,
        extended,
        paths,
        told_apart,
        apart,
        tuple(state),
        rebinds,
        _checks(recording),
        tuple(hints),
        dict(recording.quotients),
        (*(("le", Dim.symbol(name), LARGEST) for name in hints), *recording.conditions),
        late,
        tuple(effects.reached),
        tuple((k, one_of(values[k], effects.reached)) for k, leaf in enumerate(leaves) if isinstance(leaf, GeneratorLeaf)),
        tuple(recording.islands),
        tuple(dict.fromkeys([*_unconverted(function), *recording.notes])),
        tuple(recording.unrolled),
        writing.instead(recording.short, recording.stacked, made=several(recording.instances)),
        most(recording.spelled),
        recording.heard,
        tuple((recording.root.constants[key][1], x) for key, x in recording.followed.items()),
        tuple(zip(leaves_left, kept.children)),
        differentiates,
        stored,
    )


def _is_very_long(recording: Trace) -> bool:
    """Whether a trace that failed has taken seconds."""
    return recording.recorded > VERY_LONG or recording.branches > VERY_MANY


@contextlib.contextmanager
def _with_ways_out(recording: Trace, writing: Writing) -> Iterator[None]:
    """Errors say which loops a trace may write out that does better."""
    try:
        yield
    except TraceError as error:
        if error.again is None and (recording.stacked or recording.instances or writing.kept):
            error.again = writing.instead(False, recording.stacked, made=recording.instances)  # which may be returned
        raise


def _opened(function: Callable, handlers: Root) -> Callable:
    """The traced function with its control flow open; a library's own as a function of the user's would call it."""
    if type(function) is partial and islands.is_library(function.func):
        return partial(handlers.last(function.func), *function.args, **function.keywords)
    return handlers.last(function) if islands.is_library(function) else convert_root(function, handlers)


def _unconverted(function: Callable) -> list[str]:
    why = None if islands.is_library(function) else reason(function)
    return [f"branches and loops stay Python's: {why}"] if why else []


def _callee(function: Any, handlers: Tracing) -> Any:
    """What traced code calls for a function: the user's own with their control flow open, others as they are."""
    if type(function) is partial and islands.is_library(function.func):
        return partial(handlers.call(function.func), *function.args, **function.keywords)
    bound = type(function) is types.MethodType
    plain = function.__func__ if bound else function
    if isinstance(plain, Decorated):  # decorated itself: part of this trace
        function = types.MethodType(plain.__wrapped__, function.__self__) if bound else plain.__wrapped__
    plain = getattr(function, "__func__", function)
    if type(function).__module__.startswith("numba."):
        with unwatched():
            from hybrid.staging.jitted import called  # Numba is loaded, if there are objects of its classes

        return called(function)
    if not isinstance(plain, types.FunctionType | type):
        plain = getattr_static(type(function), "__call__", None)  # of an object of the user's class
    known = not isinstance(plain, types.FunctionType) or is_converted(plain)
    if not known and (_is_algorithm(plain) or not is_library(plain.__code__.co_filename)):
        return convert(function, handlers)
    return function


def _producer(function: Any, handlers: Tracing, stops: bool) -> Any:
    """A generator function of the user's, turned inside out; None for others."""
    plain = getattr(function, "__func__", function)
    if not isinstance(plain, types.FunctionType) or is_library(plain.__code__.co_filename):
        return None
    return convert_generator(function, handlers, stops)


_ALGORITHMS = frozenset(module.__name__ for module in (algorithms, constructs, probing, recursive, shuffles, sparse, written))


def _is_algorithm(function: types.FunctionType) -> bool:
    """Whether a function says in Python what stands in for a builtin, or for a function of a library."""
    return function.__module__ in _ALGORITHMS


def _is_opaque(function: Callable) -> bool:
    """Whether nobody sees what a Python function does: it belongs to a library, or has no source."""
    code = getattr(function, "__code__", None)
    return code is None or is_library(code.co_filename) or reason(function) is not None


def _prints_to(stdout: Any, options: Any) -> bool:
    """Whether this is where `print` goes, and how NumPy prints arrays."""
    return sys.stdout is stdout and (PRINTING is None or PRINTING.get() is options)


def _generators(effects: Effects, leaves: tuple[Leaf, ...], values: Sequence[Any]) -> dict[int, Any]:
    """What draws from each of NumPy's generators name it by: itself, or the argument that it is."""
    found: dict[int, Any] = {id(generator): generator for generator in effects.reached}
    for k, leaf in enumerate(leaves):
        if isinstance(leaf, GeneratorLeaf):
            found.setdefault(id(values[k]), Place(k))
        elif isinstance(leaf, StaticLeaf) and isinstance(values[k], GENERATORS):
            found[id(values[k])] = values[k]
    return found


def _drawn_elsewhere(recording: Trace) -> None:
    """Refuse a trace in which a generator that runs make for themselves was drawn from by code that tracing cannot see."""
    for key, generator in recording.seeded.items():
        source = recording.generators.get(key)
        if isinstance(source, Made) and not same_state(generator, source.start):
            raise TraceError(UNSEEN, fix="pass the random numbers in as an array")


def one_of(value: Any, known: Sequence[Any]) -> Any:
    """The value itself where it is one of those known."""
    return next((item for item in known if item is value), None)


class _Results:
    """Sorts what a trace returned into results of the graph, arguments, views of their memory and constants."""

    def __init__(self, recording: Trace, leaves: tuple[Leaf, ...], arguments: list[Any], cells: list[tuple[tr.Cell, int]],
                 held: dict[int, Path], new: dict[int, int], results: list[Any]):  # fmt: skip
        self.recording, self.leaves, self.held, self.new, self.results = recording, leaves, held, new, results
        self.place = {id(argument): k for k, argument in reversed(list(enumerate(arguments)))}
        known = recording.builder.constants.values()
        self.inside = made_inside(
            [*(array for _, array in known), *(leaf for leaf in results if is_counted(leaf))], recording.lists
        )
        # Besides what nobody else holds, what is known to be new: the ways of a branch may still refer to it.
        outside = {id(part) for part in (*arguments, *recording.reads.values())} | recording.handlers.others.reached
        self.inside |= {id(x) for x in results if type(x) in COPIED and id(x) not in outside}
        self.inside |= {id(x) for x in results if is_counted(x) and id(x) in recording.handlers.made}
        constants = {var: array for var, array in known}
        self.owner: dict[tr.Cell, int | np.ndarray] = dict(cells)
        captured = {cell: constants[cell.origin] for cell in recording.captured.values()}  # type: ignore[index]
        self.owner.update((cell, array) for cell, array in captured.items() if id(array) not in self.inside)
        symbols = [leaf._data for leaf in results if isinstance(leaf, Value) and type(leaf._data) is Symbol]
        cells_of = [in_memory(s).cell for s in {id(s): s for s in symbols}.values() if s.kind in ("tensor", "ndarray")]
        self.returned = set(cells_of)
        wholes = {cell.whole for cell in cells_of}
        for whole in wholes:
            if not wholes.isdisjoint(whole.aliases()):
                raise TraceError("two arrays are returned that are one or not, which only a run can tell")
        self.shared = {cell for cell in cells_of if cells_of.count(cell) > 1}
        lists = [leaf.own if isinstance(leaf, Contents) else leaf for leaf in results]
        self.lists = any(isinstance(own, Own) or is_handle(own) for own in lists)
        refuse_met([getattr(own, "entries", own) for own in lists if isinstance(own, Own) and own.held is None])
        kept = [*recording.lists, *recording.handlers.arenas.values()] if recording.handlers else []
        self.borrows = any(getattr(own, "borrows", 0) == OTHERS for own in kept)
        self.bases: dict[tr.Cell, int] = {}
        self.outputs: list[Atom] = []
        self.stored: dict[type, Instances] = {}
        self.late: dict[str, int] = {}  # symbols that only a run knows, in the chains of results: by output

    def finish(self) -> tuple[Graph, tuple[Result, ...], int, tuple[int | np.ndarray, ...]]:
        found: list[Result] = []
        seen: dict[int, int] = {}
        for k, leaf in enumerate(self.results):
            if (
                id(leaf) in seen
                and id(leaf) not in self.new
                and (isinstance(leaf, (Value, Own, ListedArray)) or id(leaf) in self.inside)
            ):
                found.append(Repeat(seen[id(leaf)]))
                continue
            seen[id(leaf)] = k
            found.append(self.result(leaf))
        self.keep(found)
        for chain in (result.chain for result in found if isinstance(result, (Computed, View))):
            for symbol in frozenset().union(*(symbols_of(value) for _, params in chain for value in params.values())):
                if symbol not in self.recording.hints and symbol not in self.late:
                    self.late[symbol] = len(self.outputs)
                    number = self.recording.bound.get(symbol)  # of what Python gave, only the size is known
                    size = {"value": Dim.symbol(symbol)}
                    self.outputs.append(number if number is not None else self.recording.one(control.size, **size))
        visible = len(self.outputs)
        writes: list[int | np.ndarray] = []
        for cell, where in self.owner.items():
            if cell.written and cell.value is not cell.origin:
                leaf = self.leaves[where] if isinstance(where, int) else None
                if isinstance(leaf, ArrayLeaf) and leaf.overlapping:
                    raise TraceError("an array whose elements share memory is written", got=leaf, fix="write into a copy")
                self.outputs.append(cell.value)
                writes.append(where)
        return self.recording.builder.finish(self.outputs), tuple(found), visible, tuple(writes)

    def keep(self, found: list[Result]) -> None:
        """Give the attributes of instances in storage that results are, or lead to."""
        pending = [kind for result in found if isinstance(result, Stored) for kind in result.kinds]
        pending += [kind for result in found if isinstance(result, Items) for kind in kept_in(result.layout)]
        while pending:
            kind = pending.pop()
            if kind not in self.stored:
                arena = self.recording.handlers.arenas[kind]
                if arena.leaf is not None and not arena.has_more:
                    self.stored[kind] = Instances(None, (), arena.names, arena.code, arena.leaf)
                    continue
                at, (atoms, layout) = len(self.outputs), arena.outputs()
                refuse_made(self.recording, map(Thing, things_in(layout)))
                self.outputs += atoms
                self.stored[kind] = Instances(at, layout, arena.names, arena.code, arena.leaf)
                pending += kept_in(layout)

    def result(self, leaf: Any) -> Result:
        if id(leaf) in self.held:
            return Held(self.held[id(leaf)])
        if id(leaf) in self.new:
            return Again(self.new[id(leaf)])
        if id(leaf) in self.place:
            return Argument(self.place[id(leaf)])
        if isinstance(leaf, (Own, ListedArray, Contents)):
            atoms, layout, *array = leaf.outputs()
            self.outputs += atoms
            make = leaf.make() if isinstance(leaf, (Own, Contents)) else None
            return Items(len(self.outputs) - len(atoms), layout, array[0] if array else False, make)
        if type(leaf) is Chosen:
            return leaf.result(self.outputs)
        if is_handle(leaf):
            self.outputs.append(number(leaf))
            return Stored(len(self.outputs) - 1, kinds_of(leaf))
        symbol = leaf._data if isinstance(leaf, Value) else None
        if type(symbol) is not Symbol:
            return self.constant(leaf)
        tr.live(symbol)
        if symbol.kind in ("tensor", "ndarray"):
            if (given := given_of(symbol)) is not None and not self.lists:
                self.outputs += [symbol.cell.value, given[1]]
                return Computed(len(self.outputs) - 2, symbol.kind, otherwise=(len(self.outputs) - 1, Argument(given[0])))
            if symbol.cell.shared is not None:
                error, predicate = symbol.cell.shared
                if self.lists or not isinstance(error, InList) or (type(error) is LookedUp and self.is_known(symbol)):
                    raise tr.undecided(self.recording, predicate, error)
            for argument in symbol.cell.like:
                self.differs(symbol.cell.value, argument)
            if symbol.cell.whole in self.returned - {symbol.cell}:
                raise TraceError("a view of an array is returned whose place only a run knows", at=tr.user_line())
            whole = in_memory(symbol)
            if whole.cell in self.owner or whole.cell in self.shared:
                refuse_whole(symbol)
                symbol = whole
            if symbol.cell in self.owner:
                return View(self.owner[symbol.cell], symbol.chain, symbol.kind)
            if symbol.cell in self.shared or any(primitive.put is None for primitive, _ in symbol.chain):
                return self.seen_through(symbol)
        if symbol.maybe is not None:
            leaf = uncertain.present(self.recording, leaf)
            symbol = leaf._data
        if symbol.maybe is not None:
            instead, holds = symbol.maybe.instead, symbol.maybe.holds
            if symbol.kind in ("tensor", "ndarray") and symbol.cell in self.recording.orders:
                said = self.seen_through(symbol)
            else:
                self.outputs.append(symbol.cell.value)
                said = Computed(len(self.outputs) - 1, symbol.kind)
            self.outputs.append(holds)
            at = len(self.outputs) - 1
            other = instead if isinstance(instead, type) else self.result(uncertain.otherwise(leaf))
            return replace(said, otherwise=(at, other))
        if symbol.kind in ("tensor", "ndarray") and not symbol.proto.flags.c_contiguous:
            if symbol.type.size == symbol.cell.value.type.size:
                return self.seen_through(symbol)
            return self.packed(symbol)
        self.outputs.append(tr.read(symbol))
        return Computed(len(self.outputs) - 1, symbol.kind)

    def is_known(self, item: Symbol) -> bool:
        """Whether the array that was put into a list may be somebody else's, or another result."""
        types = [cell.value.type for cell in self.returned - {item.cell} if cell.frozen or cell.shared or cell.aliases()]
        same = [type_ for type_ in types if (type_.dtype, len(type_.shape)) == (item.type.dtype, len(item.type.shape))]
        return self.borrows or bool(same) or item.cell in self.shared

    def packed(self, symbol: Symbol) -> Result:
        """A part of a new array, without what lies between: its axes are in the order in memory that NumPy's view has."""
        steps = [abs(step) for step in symbol.proto.strides]
        order = tuple(sorted(range(len(steps)), key=lambda axis: -steps[axis]))
        value = tr.read(symbol)
        back: Chain = ()
        if order != tuple(sorted(order)) and 0 not in steps:
            value = self.recording.builder.append(v.transpose, (value,), {"perm": order})[0]
            back = ((v.transpose, {"perm": v.inverse(order)}),)
        self.outputs.append(value)
        return Computed(len(self.outputs) - 1, symbol.kind, back)

    def differs(self, result: Atom, argument: tr.Cell) -> None:
        """Assume that a result is not the argument that it may be: then it holds something else."""
        trace, given = self.recording, argument.value
        if given is not argument.origin:
            raise TraceError("an array is returned that may be an argument, which is written")
        if result.type.shape != given.type.shape:  # where it has another size along some axis it is another array
            sizes = [(sized(trace, a), sized(trace, b)) for a, b in zip(result.type.shape, given.type.shape) if a != b]
            trace.assume(
                reduce(partial(trace.one, e.or_), [trace.one(e.ne, a, b) for a, b in sizes]), "a result is not an argument"
            )
            return
        other = trace.one(e.ne, result, given)
        if dt.is_inexact(result.type.dtype):
            both = trace.one(e.and_, trace.one(e.ne, result, result), trace.one(e.ne, given, given))
            other = trace.one(e.and_, other, trace.one(e.not_, both))
        axes = tuple(range(other.type.ndim))
        trace.assume(trace.one(r.any, other, axes=axes) if axes else other, "a result is not an argument")

    def seen_through(self, symbol: Symbol) -> Computed:
        """A view of a new array, which lies in memory as NumPy would have laid it: else a reshape would not be one."""
        cell = symbol.cell
        order = self.recording.orders.get(cell)
        if cell not in self.bases:
            self.bases[cell] = len(self.outputs)
            value = cell.value
            self.outputs += (value,) if order is None else self.recording.builder.append(v.transpose, (value,), {"perm": order})
        elif order is None and not symbol.chain:
            return Computed(self.bases[cell], symbol.kind, ((v.reshape, {"shape": symbol.type.shape}),))  # another object
        back: Chain = () if order is None else ((v.transpose, {"perm": v.inverse(order)}),)
        return Computed(self.bases[cell], symbol.kind, (*back, *symbol.chain))

    def constant(self, leaf: Any) -> Result:
        if id(leaf) in self.inside and is_seen_twice(leaf, self.results):
            raise TraceError("a known array is returned that shares its memory with another result")
        if isinstance(leaf, np.ndarray) or can_be_copied(leaf):
            return Constant(leaf, copy=id(leaf) in self.inside)
        if id(leaf) in self.inside:
            raise TraceError(f"the function returns a new {type(leaf).__name__}, which compiled code cannot make",
                             expected="arrays, numbers, strings, and containers of them",
                             fix="register the class with hybrid.core.tree.register, or return its parts")  # fmt: skip
        return Constant(leaf)


def _checks(recording: Trace) -> Graph | None:
    """The part of the graph that gives the numbers for which Python might have raised."""
    for atom in recording.checks:
        if isinstance(atom, Literal) and not np.isfinite(atom.value):
            raise TraceError("Python arithmetic that raises, or leaves the real numbers")
    wanted = {atom for atom in recording.checks if isinstance(atom, Var)}
    if not wanted:
        return None
    outputs, eqns = tuple(wanted), []
    for eqn in reversed(recording.builder.eqns):
        if wanted.intersection(eqn.outputs):
            eqns.append(eqn)
            wanted.update(atom for atom in eqn.inputs if isinstance(atom, Var))
    graph = recording.builder.finish(outputs)
    return graph.replace(eqns=tuple(reversed(eqns)), constants=())


def input_vars(traced: Traced) -> dict[int, Var]:
    """Graph inputs by leaf."""
    return dict(zip(traced.inputs, traced.graph.inputs))
