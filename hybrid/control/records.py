"""Records in containers: dicts whose keys are names, and instances of dataclasses, of which storage has the parts.

A record that is put into storage, and one that is made of what stands there, are Python's own, and another thing than what
stands in storage: nobody may change one any more, which is seen at the end of a trace by what it holds. Which records are one
object only Python knows, so that a list is returned with the records in it where no other result could be one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hybrid.control.own import Own, plain
from hybrid.control.perhaps import Copy, Perhaps
from hybrid.control.structure import (
    Layout,
    Nest,
    Record,
    RowLayout,
    copied_nest,
    is_parts,
    is_plain_dataclass,
    parts_of,
    record_of,
)
from hybrid.core.errors import TraceError
from hybrid.frontend.texts import Text
from hybrid.ir import trace as tr
from hybrid.ir.trace import Region, Trace


def has_records(layout: Layout) -> bool:
    """Whether some items are or have records."""
    if isinstance(layout, RowLayout):
        return has_records(layout.inner)
    if isinstance(layout, Record) and layout.nest.type is Text:
        return False
    return isinstance(layout, Record) or (isinstance(layout, tuple) and any(map(has_records, layout)))


def records_in(item: Any) -> Iterator[Any]:
    """The records that an item is or has."""
    own = plain(item)
    is_record = record_of(own) is not None
    if is_record:
        yield item
    if is_record or is_parts(own):
        for part in parts_of(own):
            yield from records_in(part)


def put_in(trace: Trace, record: Any) -> tuple[Any, Region | None]:
    """Remember a record that is put into storage, and where."""
    own = plain(record)
    nest = record_of(own)
    assert nest is not None
    trace.copies[id(own)] = Copy(record, nest.keys, parts_of(own), False)
    return own, trace.region


def shared(trace: Trace, a: Any, b: Any) -> tuple[Any, Any] | None:
    """Two things of which a variable is one, where one is a dict whose keys are names and the other None, or such a dict or
    None; None for any others.

    Others may know the dict, too: then what the variable is stands for the very object, which nobody may change any more.
    """
    both = [plain(a), plain(b)]
    absent = [x is None or (type(x) is Perhaps and isinstance(x.cls, Nest) and x.cls.type is dict) for x in both]
    if absent[0] is absent[1] or type(both[absent[0]]) is not dict:
        return None
    record = both[absent[0]]
    if record_of(record) is None or id(record) in trace.handlers.others.ids:
        return None
    if id(record) not in trace.copies:
        put_in(trace, b if absent[0] else a)
    return both[0], both[1]


def shared_all(trace: Trace, left: tuple, other: tuple) -> tuple[tuple, tuple]:
    """What two ways leave in some variables, where such dicts are Python's own."""
    pairs = {k: pair for k, (a, b) in enumerate(zip(left, other)) if (pair := shared(trace, a, b)) is not None}
    if not pairs:
        return left, other
    one, two = (tuple(pairs[k][n] if k in pairs else x for k, x in enumerate(values)) for n, values in enumerate((left, other)))
    return one, two


def alike(trace: Trace, left: tuple, other: tuple, known: Mapping[int, Nest]) -> dict[int, Nest]:
    """Two dicts of the same names of which a variable is one, where others know one of them: nobody may change them."""
    found = {}
    for a, b in zip(left, other):
        new = a is not b and type(a) is type(b) is dict and not (id(a) in known and id(b) in known)
        if new and record_of(a) == record_of(b) is not None and trace.handlers.others.ids.isdisjoint((id(a), id(b))):
            for record in (a, b):
                if id(record) not in trace.copies:
                    put_in(trace, record)
                found[id(record)] = copied_nest(record)
    return found


def is_copied(trace: Trace, item: Any) -> bool:
    """Whether a record in an item stands in storage already, or is the caller's."""
    records = list(map(plain, records_in(item)))
    if any(map(trace.handlers.others.know, records)):
        return True
    found = [(own, trace.copies[id(own)]) for own in records if id(own) in trace.copies]
    return any(copy.out or _is_taken(trace, own) for own, copy in found)


def _is_taken(trace: Trace, record: Any) -> bool:
    """Whether a list has taken it: what was tried, and is recorded anew, has not, nor has the other way of a branch."""
    taken = (pair for own in trace.lists for pair in vars(own).get("taken", ()))
    return any(record is one and not excludes(where, trace.region) for one, where in taken)


def excludes(one: Region | None, other: Region | None) -> bool:
    """Whether two regions are in different ways of a branch."""
    ways = [(region.outer, region.predicate, region) for region in _around(one) if region.predicate is not None]
    return any(
        region.outer is outer and region.predicate is predicate and region.builder.name != way.builder.name
        for region in _around(other)
        for outer, predicate, way in ways
    )


def _around(region: Region | None) -> Iterator[Region]:
    while region is not None:
        yield region
        region = region.outer


def is_changed(copy: Copy) -> bool:
    """Whether a record holds something else than storage."""
    record = plain(copy.record)
    nest = record_of(record)
    if nest is None or nest.keys != copy.names:
        return True
    return any(now is not before for now, before in zip(parts_of(record), copy.parts))


def refuse_identity(trace: Trace | None, left: Any, right: Any) -> None:
    """TraceError for records, or lists in a list, that may be one object. Two of the caller's containers must be two."""
    if trace is not None and type(left) is type(right) and left is not right:
        trace.handlers.others.told_apart |= not trace.handlers.others.ids.isdisjoint((id(left), id(right)))
    if left is not right and isinstance(left, Own) and isinstance(right, Own) and left.is_row and right.is_row:
        raise TraceError("which of the lists in a list one is only a run knows", at=tr.user_line())
    if trace is not None and left is not right and id(left) in trace.copies and id(right) in trace.copies:
        raise TraceError("which object it is is asked of a record that is in a list", at=tr.user_line())


def refuse_copies(trace: Trace, results: Any) -> None:
    """TraceError for a record that stands in storage and was changed, or may be two objects among some results."""
    if any(map(is_changed, trace.copies.values())):
        raise TraceError(
            "a record in a list or dict is changed, of which compiled code has the parts",
            fix="put it there when all of it is known",
        )
    reached = list(_reached(trace, results, set())) if trace.copies else []
    lists = [own for own in reached if isinstance(own, Own)]
    if len(reached) > 1 and (len(lists) < len(reached) or len({id(own.family) for own in lists}) < len(lists)):  # type: ignore[attr-defined]
        raise TraceError("a record is returned that may be one in a list, which is returned, too")


def refuse_twins(results: Any, given: Mapping[int, Any], seen: dict[int, bool] | None = None, perhaps: bool = False) -> None:
    """TraceError for an object that is met twice among results, once where it may be None (`perhaps`): two would be made."""
    seen = {} if seen is None else seen
    value = plain(results)
    is_made, stored = type(value) in (list, dict) or is_plain_dataclass(type(value)), isinstance(value, Own)
    if id(value) in given or not (is_made or stored or is_parts(value) or type(value) is Perhaps):
        return
    if id(value) in seen and (is_made or stored) and (perhaps or seen[id(value)]):
        raise TraceError("an object is returned twice", got=f"a {value.__class__.__name__}", fix="return copies of it")
    if id(value) in seen:
        return
    seen[id(value)] = perhaps
    for part in () if stored else parts_of(value):
        refuse_twins(part, given, seen, perhaps or type(value) is Perhaps)


def _reached(trace: Trace, value: Any, seen: set[int]) -> Iterable[Any]:
    """The records of which storage has the parts among results, each time one is met, and the containers that have some."""
    value = plain(value)
    if isinstance(value, Own):
        value = vars(value).get("entries", value)  # of a dict
        if id(value) in seen or not has_records(value.layout):
            return []
        seen.add(id(value))
        return [value]
    if type(value) is Perhaps:
        return [value] if isinstance(value.cls, Nest) else _reached(trace, value.parts, seen)
    found = [value] if id(value) in trace.copies else []
    is_record = record_of(value) is not None
    if id(value) not in seen and (is_record or type(value) in (list, dict) or is_parts(value)):
        seen.add(id(value))
        for part in parts_of(value):
            found += _reached(trace, part, seen)
    return found
