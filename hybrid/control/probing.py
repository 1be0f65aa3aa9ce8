"""What dicts and sets in containers do (`inner`), written as loops over the places of their tables; see `algorithms`."""

from __future__ import annotations

from typing import Any

from hybrid.control.algorithms import find


def enter(table: Any, at: Any, key: Any, value: Any) -> None:
    """A new entry, of which the search ended at a place."""
    if table.is_nowhere():
        table.settle(table.claim(table.smallest), table.smallest, 0)
    table.put_last(at, key, value)
    if table.is_full():
        grow(table, table.many())


def put_over(table: Any, item: Any, key: Any) -> None:
    """An item of a set of CPython's from which others were taken: it comes where the last one was that the search passes."""
    at = table.place(key)
    entry, free = table.entry(at), -1
    while entry >= 0 and not table.has(entry, key):
        if not table.is_there(entry):
            free = entry
        at = table.next(at)
        entry = table.entry(at)
    if entry < 0:
        if free >= 0:
            table.revive(free, item)
        else:
            table.add_entry(at, item, ())


def grow(table: Any, many: Any) -> None:
    """A table of more than so many places."""
    if table.may_have_gaps():
        rebuild(table, table.power_above(many))
    elif table.is_by_slots():
        move_by_slots(table, table.power_above(many))
    else:
        move(table, table.power_above(many))


def move(table: Any, wider: Any) -> None:
    """Into a longer stretch, of a table from which nothing was taken away."""
    first, _, count = table.lies()
    top = table.claim(wider)
    table.settle(top, wider, count)
    for k in range(count):
        table.carry(first + k, top + k)
        enter_again(table, k)


def move_by_slots(table: Any, wider: Any) -> None:
    """The same of a set of CPython's, which enters the items in the order of their places."""
    first, room, count = table.lies()
    top = table.claim(wider)
    table.settle(top, wider, count)
    for slot in range(room):
        k = table.told_at(first + slot)
        if k >= 0:
            table.carry(first + k, top + k)
            enter_again(table, k)


def rebuild(table: Any, wider: Any) -> None:
    """Without the entries that were taken away, in the same stretch where the new table is as long."""
    first, room, count = table.lies()
    top = first
    if wider != room:
        top = table.claim(wider)
    found = table.walk()
    kept = 0
    for k in range(count):
        if table.is_there(k):
            table.carry(first + k, top + kept)
            table.tell(first + k, kept)
            kept += 1
    for j in range(found):
        table.renumber(first + j, first)
    table.settle(top, wider, kept)
    for slot in range(wider):
        table.tell(top + slot, -1)
    for j in range(found):
        enter_again(table, table.noted(first + j))


def enter_again(table: Any, k: Any) -> None:
    """Let the next free place tell an entry."""
    at = table.place(table.stored(k))
    while table.entry(at) >= 0:
        at = table.next(at)
    table.enter(at, k)


def by_slots(table: Any) -> Any:
    """Note the entries in the order of the places that tell them, which is that of CPython's sets."""
    found = 0
    for slot in range(table.room()):
        k = table.told(slot)
        if k >= 0 and table.is_there(k):
            table.note(found, k)
            found += 1
    return found


def by_entries(table: Any) -> Any:
    """Note the entries in the order in which they came."""
    found = 0
    for k in range(table.count()):
        if table.is_there(k):
            table.note(found, k)
            found += 1
    return found


def merge(table: Any, others: Any) -> None:
    """`a |= b`: CPython makes room for all items beforehand."""
    if table.is_crowded(len(others)):
        grow(table, (len(table) + len(others)) * 2)
    for item in others:
        table.add_where_room(item)


def merge_tables(table: Any, other: Any) -> None:
    """`a |= b` of two sets of CPython's: an empty one may get the very places of the other."""
    if len(other) > 0 and not table.is_same(other):
        if table.count() == 0:
            copy(table, other, table.room())
        else:
            merge(table, other.unasked())


def copy(table: Any, other: Any, room: Any) -> None:
    """Into an empty set."""
    if len(other) * 5 >= (room - 1) * 3:
        room = table.power_above(len(other) * 2)
    table.settle(table.claim(room), room, 0)
    alike = other.room() == room and other.count() == len(other)
    for slot in range(other.room()):
        k = other.told(slot)
        if k >= 0 and other.is_there(k):
            at = table.beginning(slot)
            if not alike:
                at = table.place(other.stored(k))
                while table.entry(at) >= 0:
                    at = table.next(at)
            table.put_last(at, other.key(k), ())


def put_where_room(table: Any, item: Any, key: Any) -> None:
    entry, at = find(table, key)
    if entry < 0:
        table.put_last(at, item, ())


def put_new(table: Any, item: Any, key: Any) -> None:
    """An item that is not there yet."""
    at = table.place(key)
    while table.entry(at) >= 0:
        at = table.next(at)
    enter(table, at, item, ())


def unite(out: Any, items: Any, others: Any) -> None:
    """`a | b`, as CPython makes it: a copy of one, and the other merged into it."""
    out.update(items)
    if not out.are_same(items, others):
        out.update(others)


def intersect(out: Any, items: Any, others: Any) -> None:
    """`a & b`: the smaller one is gone through."""
    if out.are_same(items, others):
        out.update(items)
    elif len(others) > len(items):
        add_common(out, items, others)
    else:
        add_common(out, others, items)


def add_common(out: Any, items: Any, others: Any) -> None:
    for item in items:
        if item in others:
            out.add_new(item)


def subtract(out: Any, items: Any, others: Any) -> None:
    """`a - b`: few are taken from a copy, else the others are entered."""
    if len(items) // 4 > len(others):
        out.update(items)
        out.difference_update(others)
    else:
        for item in items:
            if item not in others:
                out.add_new(item)


def take(out: Any, items: Any) -> None:
    out.update(items)


def adopt(table: Any, other: Any) -> None:
    """Be the very table that another one is."""
    room = other.room()
    table.settle(table.claim(room), room, 0)
    for slot in range(room):
        k = other.told(slot)
        if k >= 0 and other.is_there(k):
            table.put_last(table.beginning(slot), other.key(k), ())


def thin_out(table: Any) -> None:
    """After `a -= b`: a table in which many have been taken away is made anew."""
    if table.has_gaps():
        rebuild(table, table.power_above(table.many()))


def pop(table: Any) -> Any:
    """Any item: CPython goes on from the place where it took the last one."""
    assert len(table) > 0  # else Python raises its KeyError
    slot = table.finger()
    k = table.told(slot)
    while k < 0 or not table.is_there(k):
        slot = table.beside(slot)
        k = table.told(slot)
    out = table.key(k)
    table.drop(k)
    table.point(slot)
    return out
