"""Dicts and sets that branches and loops change: `counts[k] += 1`, `if (i, j) in memo`, `seen.add(u)`.

The entries stand in storage in the order in which they came, as Python's dicts keep them; a table of twice as many places says
which entry has a key, by open addressing. Keys are integers, floats, names, and tuples of these. An entry that is deleted
stays where it is, marked, until the entries are looked at one after another.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from typing import Any, NoReturn

from hybrid.control import algorithms
from hybrid.control.items import (
    Layout,
    atoms_of,
    constant,
    has_arrays,
    is_traced,
    layout_of,
    layout_of_item,
    refuse_aliases,
    together,
    types_of,
)
from hybrid.control.join import Spec, form_of
from hybrid.control.keys import MIX, check_keys, identity, key_atoms, table, takes
from hybrid.control.lists import KINDS, Listed, listed
from hybrid.control.own import Changes, Own, View, numbers, plain
from hybrid.control.rows import row_or
from hybrid.control.structure import made_dict
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.frontend import integers, texts, uncertain
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.values import operand, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

_ZERO: Atom = tr.literal(0, dt.int64)
ALIVE = Spec("python", dt.bool_)
_MISSING: Any = object()


class _Entries(Listed):
    """Key, value and whether it is still there, for each entry of a dict."""

    def __init__(self, trace: Trace, owner: Mapped):
        super().__init__(trace, [])
        self.owner = owner

    def becomes(self, layout: Layout, room: int = 0) -> None:
        self.owner.becomes(layout[:2], room)

    def _reserve(self, room: int) -> None:
        super()._reserve(room)
        self.owner.make_table(2 << (self.capacity - 1).bit_length())


class Mapped(Own):
    """A dict. `held` as long as tracing knows all its keys; else `entries`, the `table` and how many are alive (`live`)."""

    kind: type = dict
    state: tuple[str, ...] = ("entries", "table", "live")
    inside: tuple[str, ...] = ("entries",)

    fewer = 1  # how many times less room it has at first than others

    def __init__(self, trace: Trace, items: Any):
        super().__init__(trace, items)
        self.kind = type(items)
        self.given: Any = None
        self.entries: Any = None
        self.table: Any = None
        self.live: Any = None

    def refill(self, items: Any) -> None:
        self.held.update(items)

    def same(self, before: Any) -> bool:
        return len(before) == len(self.held) and all(a is b for a, b in zip(self.held, before))

    def parts(self) -> Iterator[Any]:
        if self.held is not None:
            yield self.held  # what its keys stand for may be variables of a branch or loop

    # storage
    def layout_now(self, filled: bool = False) -> Layout:
        return self.layout_with()

    def layout_with(self, *entries: tuple[Any, Any]) -> Layout:
        """The layout of keys and values, those of further entries among them."""
        found = [*self.known_entries(), *entries]
        parts = layout_of([key for key, _ in found]), layout_of([value for _, value in found])
        if None in parts or not has_arrays(parts[1]):
            return None if None in parts else parts
        if _has_names(parts[0]) or self.trace.handlers.lists:
            return None
        self.trace.stacked = True  # where an array of it turns out to be returned, loops over it are better written out
        return parts

    def known_entries(self) -> list[tuple[Any, Any]]:
        return list(self.held.items())

    def to_storage(self, *entries: tuple[Any, Any]) -> None:
        """Become storage where it is none yet, for what it holds and for some others."""
        if self.held is None:
            return
        layout = self.layout_with(*entries)
        if layout is None:
            raise TraceError(
                f"a {self.kind.__name__} holds things of several kinds, which only a run can tell", at=tr.user_line()
            )
        self.becomes(layout)

    def admit(self, key: Any, value: Any) -> None:
        """Be storage that has room for an entry, before anyone looks for its place."""
        self.to_storage((key, value))
        self.entries._admitted((key, value, True))
        if self.is_home() and self.entries.longest is not None and self.entries.longest >= self.entries.capacity:
            self.becomes(self.entries.layout[:2], self.entries.capacity)

    def grow(self, change: Changes) -> None:
        if self.held is None:
            if self.entries.layout[:2] == change.layout:
                self.entries.widen(change.room)
                self.trace.handlers.algorithm(algorithms.rehash)(self, self.entries)
                return
            if self.entries.adopts((*change.layout, ALIVE)):
                return
            if self.entries._now() != self.entries.fresh:
                check_keys(together(self.entries.layout[0], change.layout[0], change))
                self.entries.recast((*change.layout, ALIVE), change.room)
                self.forget()  # where keys of the layout before are, which are others now
                self.trace.handlers.algorithm(algorithms.rehash)(self, self.entries)
                return
            self.held = self.given
        refuse_aliases(self.held.values() if isinstance(self.held, dict) else ())
        key, value = change.layout
        for one, other in self.known_entries():
            key, value = together(key, layout_of_item(one), change), together(value, layout_of_item(other), change)
        check_keys(key)
        self.given, given = self.held, self.known_entries()
        self.held = None
        if self.entries is not None:
            self.entries.stale = True
        self.entries = _Entries(self.trace, self)
        self.entries.room //= self.fewer
        self.live = numbers(self.trace, tr.literal(0, dt.int64))[0]
        self.entries.store([(one, other, True) for one, other in given], (key, value, ALIVE), max(change.room, 2 * len(given)))
        tr.write(self.live, tr.literal(len(given), dt.int64))
        if given:
            setitem(self.table, slice(None), constant(self.trace, table([one for one, _ in given], key, self.size)))
        self.entries.fresh = self.entries._now()

    def make_table(self, size: int) -> None:
        self.size = size
        empty = stretched(self.trace, tr.literal(-1, dt.int64), (size,))
        self.table = wrap(self.trace.fresh(empty, "ndarray"))

    def atoms(self, key: Any) -> list[Atom]:
        """The numbers of a key."""
        kept, own = self.entries.layout[:2]
        if not takes(kept, key):  # a name that no key was so far
            self.becomes((together(kept, layout_of_item(key), None), own))
        return list(key_atoms(self.trace, key, self.entries.layout[0]))

    def place(self, key: list[Atom]) -> Any:
        """Where the search for a key begins."""
        trace, out = self.trace, _ZERO
        for atom in key:
            mixed = trace.one(e.mul, trace.one(e.xor, out, atom), tr.literal(MIX, dt.int64))
            out = trace.one(e.xor, mixed, trace.one(e.shr, mixed, tr.literal(29, dt.int64)))
        return self.within(integers.python(trace, out))

    def within(self, at: Any) -> Any:
        """A place of the table."""
        trace = self.trace
        out = trace.one(e.and_, operand(trace, at, dt.int64), tr.literal(self.size - 1, dt.int64))
        trace.ranges[out] = 0, self.size - 1
        return integers.python(trace, out)

    def next(self, at: Any) -> Any:
        """Where the search goes on."""
        return self.within(at + 1)

    def newest(self) -> Any:
        """The entry that came last."""
        return integers.python(self.trace, tr.read(self.entries.ends[1])) - 1

    def entry(self, at: Any) -> Any:
        """The entry that a place of the table tells; -1: none."""
        atom = tr.read(symbol(self.trace, getitem(self.table, at)))
        return integers.python(self.trace, atom)

    def has(self, at: Any, key: list[Atom]) -> Any:
        """Whether an entry is there and has a key."""
        trace = self.trace
        place, (*_, alive) = self._inside(at), self.entries.buffers
        out = tr.read(symbol(trace, getitem(alive, place)))
        for stored, atom in zip(self._identity(place), key):
            out = trace.one(e.and_, out, trace.one(e.eq, stored, atom))
        return integers.python(trace, out)

    def _inside(self, at: Any) -> Any:
        """An entry's number, as a place of the buffers."""
        trace = self.trace
        atom = trace.one(e.maximum, operand(trace, at, dt.int64), tr.literal(0, dt.int64))
        trace.ranges[atom] = 0, self.entries.capacity - 1
        return integers.python(trace, atom)

    def value(self, at: Any) -> Any:
        """What an entry's key stands for."""
        return self._entry(self._inside(at))[1]

    def change(self, at: Any, key: Any, value: Any) -> None:
        """Let an entry's key stand for something else."""
        self.entries._take(value)
        value = self.entries._admitted((key, value, True))[1]
        if self.entries.pool is not None:  # the list that was there may be known under another name
            self.trace.assume(tr.literal(False, dt.bool_), "a list in a dict is replaced by no other")
            return
        place = self._inside(at)
        kept, own, _ = self.entries.layout

        skipped = len(types_of(kept))
        for buffer, atom in zip(self.entries.buffers[skipped:], atoms_of(self.trace, value, own)):
            setitem(buffer, place, wrap(self.trace.fresh(atom, "ndarray")))

    def add_entry(self, at: Any, key: Any, value: Any) -> None:
        """A new entry, which a place of the table tells."""
        if self.iterated:
            self.not_now("adding to")
        self.trace.handlers.changes += 1
        number = integers.python(self.trace, tr.read(self.entries.ends[1]))
        self.entries.append((key, value, True))
        setitem(self.table, at, number)
        self._count(1)

    def not_now(self, what: str) -> NoReturn:
        """Python has an error for a change of what is iterated over: a way that would do that is not taken."""
        if self.trace.region is not None and self.trace.region.predicate is not None:
            raise RuntimeError(f"{self.kind.__name__} changed size during iteration")
        raise self.refuse(f"{what}, while iterating over it,")

    def _count(self, by: int) -> None:
        tr.write(self.live, self.trace.one(e.add, tr.read(self.live), tr.literal(by, dt.int64)))

    def drop(self, at: Any) -> None:
        """Take an entry away."""
        if self.iterated:
            self.not_now("taking from")
        if self.entries.pool is not None:
            raise self.refuse("taking a list from")
        self.trace.handlers.changes += 1
        setitem(self.entries.buffers[-1], self._inside(at), False)
        self._count(-1)

    def forget(self) -> None:
        """An empty table."""
        setitem(self.table, slice(None), -1)

    def run(self, function: Any, *args: Any) -> Any:
        return self.trace.handlers.algorithm(function)(self, *args)

    def knows(self, *keys: Any) -> bool:
        self._used()
        return self.held is not None and not any(map(is_traced, keys))

    def never_had(self, key: Any) -> bool:
        """Whether nothing can be in it."""
        return self.held is not None and not self.held

    def _used(self) -> None:
        if self.is_merged:
            raise TraceError("a dict is used of which `dict(…)` has taken the lists", at=tr.user_line())

    # as a dict
    def length(self) -> Any:
        self._used()
        if self.held is not None:
            return len(self.held)
        count = tr.read(self.live)
        self.trace.ranges[count] = 0, self.entries.capacity
        return integers.python(self.trace, count)

    def contains(self, key: Any) -> Any:
        if self.knows(key):
            return key in self.held
        if self.never_had(key):
            return False
        self.to_storage()
        return self.run(algorithms.find, self.atoms(key))[0] >= 0

    def __getitem__(self, key: Any) -> Any:
        key = texts.known(key)
        if self.knows(key):
            return self.held[key]
        if type(key) is Chosen and self._picks(key):
            return uncertain.pick(self.trace, key, lambda one: self.held[one])
        make = self._missing()
        if make is _MISSING:
            if self.never_had(key):
                raise KeyError(key)
            self.to_storage()
            return self.run(algorithms.lookup, self.atoms(key))
        if self.kind is Counter:
            return self.get(key, 0)
        self.admit(key, make())
        return self.run(algorithms.setdefault, key, self.atoms(key), make())

    def _picks(self, key: Chosen) -> bool:
        """Whether what all of some names stand for is known, and nothing that could be changed."""
        if self.held is None or not all(option.value in self.held for option in key.options):
            return False
        return all(isinstance(form_of(self.held[option.value]), (Spec, Known)) for option in key.options)

    def _missing(self) -> Any:
        """What makes a value for a key that is not there, if anything."""
        given = self.held if self.held is not None else self.given
        if self.kind is defaultdict and given.default_factory is not None:
            make = given.default_factory
            if make not in (int, float, bool, complex):
                made = self.trace.handlers.call(make)
                return lambda: plain(made())
            return make
        return int if self.kind is Counter else _MISSING

    def __setitem__(self, key: Any, value: Any) -> None:
        key = texts.known(key)  # no key but a name is text
        if self.knows(key):
            self.held[key] = value
            return
        self.admit(key, value)
        self.run(algorithms.put, key, self.atoms(key), value)

    def __delitem__(self, key: Any) -> None:
        if self.knows(key):
            del self.held[key]
            return
        self.to_storage()
        self.run(algorithms.remove_key, self.atoms(key))

    def get(self, key: Any, default: Any = None) -> Any:
        key = texts.known(key)
        if self.knows(key):
            return self.held.get(key, default)
        if self.never_had(key):
            return default
        self.to_storage()
        at = self.run(algorithms.find, self.atoms(key))[0]
        if self.entries.pool is not None and (found := row_or(self.value(at), at >= 0, default)) is not None:
            return found
        return self.trace.handlers.choose(at >= 0, lambda: self.value(at), lambda: default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        key = texts.known(key)
        if self.knows(key):
            return self.held.setdefault(key, default)
        self.admit(key, default)
        return self.run(algorithms.setdefault, key, self.atoms(key), default)

    def pop(self, key: Any, *default: Any) -> Any:
        if self.knows(key):
            return self.held.pop(key, *default)
        self.to_storage()
        if default:
            return self.run(algorithms.pop_key_or, self.atoms(key), *default)
        return self.run(algorithms.pop_key, self.atoms(key))

    def update(self, *others: Any, **named: Any) -> None:
        adds = self.kind is Counter
        is_empty = self.held is not None and not self.held  # then a Counter has the very counts
        whole: Callable = algorithms.add_to_counts if adds and not is_empty else algorithms.update
        self._enter((*others, *([named] if named else ())), whole, algorithms.add_counts if adds else algorithms.add_pairs)

    def subtract(self, *others: Any, **named: Any) -> None:
        if self.kind is not Counter:
            raise AttributeError(f"{self.kind.__name__!r} object has no attribute 'subtract'")
        self._enter((*others, *([named] if named else ())), algorithms.take_from_counts, algorithms.take_counts)

    def _enter(self, others: tuple, whole: Callable, each: Callable) -> None:
        """What comes of other dicts (`whole`), or of iterables (`each`)."""
        for other in map(plain, others):
            items = list(other) if isinstance(other, (Iterator, set)) else other
            if isinstance(other, dict) or (isinstance(other, Mapped) and not issubclass(other.kind, set)):
                self.run(whole, other)
            elif type(items) in (list, tuple, range, str) or isinstance(items, (Listed, View)):
                self.run(each, items)
            else:
                raise self.refuse("updating")

    def clear(self) -> None:
        if self.held is not None:
            self.held.clear()
            return
        self.trace.handlers.changes += 1
        tr.write(self.entries.ends[1], tr.literal(0, dt.int64))
        tr.write(self.live, tr.literal(0, dt.int64))
        self.forget()

    def keys(self) -> Any:
        return self.held.keys() if self.held is not None else View(self, lambda: self._rounds(lambda entry: entry[0]))

    def values(self) -> Any:
        return self.held.values() if self.held is not None else View(self, lambda: self._rounds(lambda entry: entry[1]))

    def items(self) -> Any:
        return self.held.items() if self.held is not None else View(self, lambda: self._rounds(lambda entry: entry[:2]))

    def most_common(self, count: int | None = None) -> Any:
        if self.held is not None:
            return self.held.most_common(count)
        out = listed(self.trace, [])
        self.run(algorithms.add_keys, self.items(), out)
        out.sort(key=itemgetter(1), reverse=True)
        return out if count is None else out[:count]

    def rounds(self) -> Any:
        return None if self.held is not None else self._rounds(lambda entry: entry[0])

    def _rounds(self, part: Callable[[tuple], Any]) -> Any:
        self._used()
        if self.entries.pool is None:  # else nothing is ever taken away
            self.entries._keeping(lambda: self.run(algorithms.compact, self.entries))
        return integers.size_of(self.trace, self.length()), lambda k: part(self._entry(k))

    def _entry(self, k: Any) -> tuple:
        return self.entries._item(operand(self.trace, k, dt.int64))

    def stored(self, k: Any) -> list[Atom]:
        """The numbers of an entry's key."""
        return list(self._identity(self._inside(k)))

    def _identity(self, place: Any) -> Iterator[Atom]:
        parts = (tr.read(symbol(self.trace, getitem(buffer, place))) for buffer in self.entries.buffers)
        return identity(self.trace, self.entries.layout[0], parts)

    def enter(self, at: Any, k: Any) -> None:
        """Let a place of the table tell an entry."""
        setitem(self.table, at, k)

    def holds_lists(self) -> bool:
        """Whether it has lists in storage, of which a copy of it would have the very same."""
        return self.held is None and self.entries is not None and self.entries.pool is not None

    def handed_on(self) -> Mapped:
        """`dict(d)`, which takes the place of a dict with lists in it: that may not be used any more."""
        out = Mapped(self.trace, {})
        out.held, out.given = None, dict(self.given)
        out.entries, out.table, out.live, out.size = self.entries, self.table, self.live, self.size
        out.entries.owner = out
        self.merge()
        self.entries = self.table = self.live = None
        return out

    def copy(self) -> Any:
        if self.held is not None:
            return type(self)(self.trace, self.held.copy())
        raise self.refuse("copying")

    def equal(self, other: Any) -> Any:
        raise self.refuse("comparing")

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        self._used()
        return self.entries.outputs(whole)

    def make(self) -> Any:
        if self.kind is defaultdict:
            return partial(made_dict, partial(defaultdict, self.given.default_factory))
        return partial(made_dict, self.kind)


def _has_names(layout: Layout) -> bool:
    """Whether keys are names: the arrays of such a dict are variables of their own, `params["w"] -= …`."""
    return isinstance(layout, Known) or (isinstance(layout, Spec) and bool(layout.options))


KINDS.update({kind: Mapped for kind in (dict, defaultdict, Counter, OrderedDict)})
