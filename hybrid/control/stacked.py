"""Long lists of computed numbers, such as an argument's: a loop over one is a loop of the graph, over arrays of its numbers.

Written out, a list of a thousand pairs makes a thousand copies of the loop's body, which take a minute to compile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from types import BuiltinMethodType
from typing import Any

from hybrid.control.fixed import outside
from hybrid.control.items import is_traced
from hybrid.control.join import Spec, made, spec_of
from hybrid.control.own import Own, plain
from hybrid.control.structure import is_parts
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shape import Size
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import assembled, operand, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace

WRITTEN = 16  # items up to which a loop over them is written out: what it computes fuses


@dataclass(frozen=True, slots=True)
class Nest:
    """What an item is: a tuple or list of parts."""

    kind: type
    parts: tuple[Spec | Nest, ...]


class Stacked:
    """A list or tuple of many items that are all of one make; their numbers are put into arrays when a loop asks for one."""

    def __init__(self, trace: Trace, items: list | tuple, nest: Spec | Nest):
        self.trace, self.items, self.nest = trace, items, nest
        self.columns: list[Any] | None = None

    def __call__(self, k: Any) -> Any:
        """The item at a place: the list's own where the place is known."""
        if type(k) is int:
            return self.items[k]
        if self.columns is None:
            self.columns = self._stacked()
            self.trace.stacked = True
        return self._made(self.nest, k, iter(self.columns))

    def _stacked(self) -> list[Any]:
        columns = list(zip(*map(_numbers, self.items)))
        if any(is_traced(x) and unwrap(x).cell.home is not None for column in columns for x in column):
            raise TraceError("a loop goes over a long list of numbers that a branch or loop computes", at=tr.user_line())
        with outside(self.trace):
            return [self._column(list(column), spec) for column, spec in zip(columns, _specs(self.nest))]

    def _column(self, column: list, spec: Spec) -> Any:
        return wrap(self.trace.fresh(operand(self.trace, assembled(self.trace, column), spec.dtype), "ndarray"))

    def _made(self, nest: Spec | Nest, k: Any, columns: Iterator[Any]) -> Any:
        if isinstance(nest, Spec):
            return made(self.trace, nest, [tr.read(getitem(next(columns), k)._data)])
        parts = [self._made(part, k, columns) for part in nest.parts]
        if nest.kind is not list:
            return tuple.__new__(nest.kind, parts)
        self.trace.handlers.others.lent.append((parts, parts.copy()))
        return parts


def _nest(item: Any) -> Spec | Nest | None:
    """What an item is that consists of numbers that all exist; None for any other."""
    if is_parts(item) or type(item) is list:
        parts = tuple(map(_nest, item))
        return None if None in parts or not parts else Nest(type(item), parts)  # type: ignore[arg-type]
    spec = spec_of(item)
    return spec if spec is not None and spec.is_number and not spec.maybe and not spec.options else None


def _numbers(item: Any) -> Iterator[Any]:
    if is_parts(item) or type(item) is list:
        for part in item:
            yield from _numbers(part)
    else:
        yield item


def _specs(nest: Spec | Nest) -> Iterator[Spec]:
    if isinstance(nest, Spec):
        yield nest
        return
    for part in nest.parts:
        yield from _specs(part)


def of(trace: Trace, items: Any) -> Stacked | None:
    """A long list of computed numbers, or of tuples or lists of them; None for anything else."""
    items = plain(items)
    if type(items) not in (list, tuple) or len(items) <= WRITTEN or trace.handlers.lists:
        return None
    if not any(map(is_traced, _numbers(items[0]))):
        return None
    nest = _nest(items[0])
    if nest is None or any(_nest(item) != nest for item in items):
        return None
    return Stacked(trace, items, nest)


_READERS = frozenset(("copy", "count", "get", "index", "items", "keys", "values"))


class Others:
    """Lists that others know, too: who changes one of them would change theirs."""

    def __init__(self) -> None:
        self.ids: frozenset[int] = frozenset()  # of the caller's containers
        self.reached: set[int] = set()  # likewise, with those that instances have
        self.records: set[int] = set()  # of instances of dataclasses that were there
        self.lent: list[tuple[list, list]] = []  # to rounds that are being recorded, in place of the caller's; what they held
        self.copied: list[tuple[Any, list]] = []  # of whose items storage has copies
        self.grown: list[list] = []  # that a branch or loop was seen to append to
        self.told_apart = False  # whether it matters if two of the caller's containers are one
        self.held: dict[
            int, list[int]
        ] = {}  # what those held before of which items are replaced: ids, as references are counted
        self.arrays: set[int] = set()  # the arguments that are arrays of which that was asked

    def know(self, container: Any) -> bool:
        """Whether something is one of the caller's containers, or was there otherwise."""
        return any(id(container) in known for known in (self.ids, self.reached, self.records))

    def called(self, function: Any) -> None:
        """Note a method that changes one of the caller's containers: by another name that is seen, though it be put back."""
        if type(function) is BuiltinMethodType and function.__name__ not in _READERS:
            self.told_apart |= id(function.__self__) in self.ids

    def put_into(self, container: Any) -> None:
        """Note that an item or attribute of something is about to be replaced, or goes."""
        if not isinstance(container, Own) and self.know(container):
            self.held.setdefault(id(container), list(map(id, _contents(container))))

    def are_told_apart(self, known: Iterable[Any]) -> bool:
        """Whether it matters if two of the caller's containers are one; of one that is changed in the end, that is clear."""
        return self.told_apart or any(
            self.held[id(one)] == list(map(id, _contents(one))) for one in known if id(one) in self.held
        )

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Refuse rounds that change a list that is lent to them: the caller's own would stay as it is."""
        before = len(self.lent)
        try:
            yield
            if _is_changed(self.lent[before:]):
                raise TraceError("a loop changes the lists in a list that it goes over", at=tr.user_line())
        finally:
            del self.lent[before:]

    def note_copied(self, containers: list) -> None:
        """Remember what some containers hold of which storage gets copies."""
        for each in containers:
            if type(each) in (list, set) or isinstance(each, dict):
                self.copied.append((each, list(_contents(each))))

    def check(self) -> None:
        """At the end of a trace: lists that were copied must be as they were."""
        if _is_changed(self.copied):
            raise TraceError("a list is changed after a branch or loop put it into another")


def _is_changed(lists: list[tuple[Any, list]]) -> bool:
    return any(not _same(_contents(now), then) for now, then in lists)


def _same(now: list, then: list) -> bool:
    return len(now) == len(then) and all(a is b for a, b in zip(now, then))


def _contents(container: Any) -> list:
    """What is in a list, set or dict."""
    if isinstance(container, dict):
        return [part for entry in container.items() for part in entry]
    if is_dataclass(container):
        return [part for name in tree.attributes(container) for part in (name, getattr(container, name))]
    return container if type(container) is list else list(container)


class Beside:
    """`zip` or `enumerate` of such a list and others: Python's own iterator, until a loop counts the rounds."""

    def __init__(self, iterator: Iterator[Any], count: Size, item: Callable[[Any], Any]):
        self.iterator, self.count, self.item = iterator, count, item
        self.used = False

    def __iter__(self) -> Beside:
        return self

    def __next__(self) -> Any:
        self.used = True
        return next(self.iterator)


def counted(trace: Trace, iterable: Any) -> tuple[Size, Callable[[Any], Any]] | None:
    """How many items a loop goes over, and the one at a place, if a long list is among what it goes over."""
    if type(iterable) is Beside:
        return None if iterable.used else (iterable.count, iterable.item)
    stacked = of(trace, iterable)
    return None if stacked is None else (len(stacked.items), stacked)
