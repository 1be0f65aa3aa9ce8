"""What lists, heaps and tables do, written as loops over their items: traced in place of Python's own methods.

These functions are converted as the user's are, so that they become loops of the graph. Each makes the comparisons that
CPython makes, in its order, so that equal items keep the order that they have there.
"""

from __future__ import annotations

from typing import Any


# Lists ----------------------------------------------------------------------------------------------------------------
def extend(items: Any, others: Any) -> None:
    for item in others:
        items.append(item)


def append_to_row(row: Any, item: Any) -> None:
    if row.full():
        row.move()
    row.put_last(item)


def move_row(row: Any, first: Any, top: Any, count: Any) -> None:
    for k in range(count):
        row.shift(first + k, top + k)


def replace(items: Any, others: Any) -> None:
    for k in range(len(items)):
        items[k] = others[k]


def extendleft(items: Any, others: Any) -> None:
    for item in others:
        items.appendleft(item)


def rotate(items: Any, by: Any) -> None:
    if len(items) == 0:
        return
    if by > 0:
        for _ in range(by):
            items.appendleft(items.pop())
    else:
        for _ in range(-by):
            items.append(items.popleft())


def pop_at(items: Any, at: Any) -> Any:
    out = items[at]
    if at < 0:
        at = at + len(items)
    for k in range(at, len(items) - 1):
        items[k] = items[k + 1]
    items.pop()
    return out


def insert(items: Any, at: Any, item: Any) -> None:
    count = len(items)
    if at < 0:
        at = max(at + count, 0)
    if at > count:
        at = count
    items.append(item)
    for k in range(count - at):
        items[count - k] = items[count - k - 1]
    items[at] = item


def index(items: Any, item: Any, start: Any) -> Any:
    at = start
    if at < 0:
        at = max(at + len(items), 0)
    while at < len(items) and items[at] != item:
        at += 1
    items.needs(at < len(items), ValueError)
    return at


def count(items: Any, item: Any) -> Any:
    found = 0
    for other in items:
        if other == item:
            found += 1
    return found


def contains(items: Any, item: Any) -> Any:
    at = 0
    while at < len(items) and items[at] != item:
        at += 1
    return at < len(items)


def equal(items: Any, others: Any) -> Any:
    same = len(items) == len(others)
    at = 0
    while same and at < len(items):
        same = bool(items[at] == others[at])
        at += 1
    return same


def reverse(items: Any) -> None:
    last = len(items) - 1
    for k in range(len(items) // 2):
        items[k], items[last - k] = items[last - k], items[k]


def sort(items: Any, key: Any, backwards: Any) -> None:
    """Merge sort from below: stable, as Python's is."""
    keys = items._sort_keys(key)
    order, spare = items._places(), items._places()
    count, width = len(items), 1
    while width < count:
        for run in range((count + 2 * width - 1) // (2 * width)):
            left = 2 * width * run
            middle = min(left + width, count)
            end = min(left + 2 * width, count)
            right = middle
            for at in range(left, end):
                first = right >= end
                if not first and left < middle:
                    a, b = keys[int(order[left])], keys[int(order[right])]
                    first = not (a < b) if backwards else not (b < a)
                if first:
                    spare[at] = order[left]
                    left += 1
                else:
                    spare[at] = order[right]
                    right += 1
        order[:] = spare
        width *= 2
    items._reorder(order)


def mapped(items: Any, function: Any, out: Any) -> None:
    for item in items:
        out.append(function(item))


def total(items: Any, start: Any = 0) -> Any:
    out = start
    for item in items:
        out = out + item
    return out


def total_of_arrays(items: Any, start: Any = 0) -> Any:
    assert len(items) > 0  # else it is the start, which may be a number
    out = start + items[0]
    for k in range(1, len(items)):
        out = out + items[k]
    return out


def reduced(items: Any, function: Any) -> Any:
    assert len(items) > 0  # else Python raises its TypeError
    out = items[0]
    for k in range(1, len(items)):
        out = function(out, items[k])
    return out


def reduced_from(items: Any, function: Any, start: Any) -> Any:
    out = start
    for item in items:
        out = function(out, item)
    return out


def accumulated(items: Any, function: Any, out: Any) -> None:
    if len(items) > 0:
        total = items[0]
        out.append(total)
        for k in range(1, len(items)):
            total = total + items[k] if function is None else function(total, items[k])
            out.append(total)


def kept(items: Any, test: Any, out: Any) -> None:
    for item in items:
        if test(item):
            out.append(item)


def some(items: Any) -> Any:
    found, at = False, 0
    while not found and at < len(items):
        found = bool(items[at])
        at += 1
    return found


def every(items: Any) -> Any:
    holds, at = True, 0
    while holds and at < len(items):
        holds = bool(items[at])
        at += 1
    return holds


def least(items: Any, key: Any) -> Any:
    assert len(items) > 0  # else Python raises its ValueError
    best = items[0]
    rank = best if key is None else key(best)
    for k in range(1, len(items)):
        item = items[k]
        own = item if key is None else key(item)
        if own < rank:
            best, rank = item, own
    return best


def largest(items: Any, key: Any) -> Any:
    assert len(items) > 0
    best = items[0]
    rank = best if key is None else key(best)
    for k in range(1, len(items)):
        item = items[k]
        own = item if key is None else key(item)
        if own > rank:
            best, rank = item, own
    return best


def is_single(items: Any, best: Any, key: Any) -> Any:
    """Whether no other item is equal to one by a key."""
    rank, equal = key(best), 0
    for item in items:
        own = key(item)
        if not (own < rank or rank < own):
            equal += 1
    return equal == 1


def are_distinct(items: Any, key: Any) -> Any:
    """Whether no two sorted items are equal by a key."""
    equal = 0
    for k in range(1, len(items)):
        before, own = key(items[k - 1]), key(items[k])
        if not (before < own or own < before):
            equal += 1
    return equal == 0


def bisect_left(items: Any, item: Any) -> Any:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low


def bisect_right(items: Any, item: Any) -> Any:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if item < items[middle]:
            high = middle
        else:
            low = middle + 1
    return low


def insort_left(items: Any, item: Any) -> None:
    items.insert(bisect_left(items, item), item)


def insort_right(items: Any, item: Any) -> None:
    items.insert(bisect_right(items, item), item)


# Heaps ----------------------------------------------------------------------------------------------------------------
def heappush(heap: Any, item: Any) -> None:
    heap.append(item)
    _sift_up(heap, 0, len(heap) - 1, item)


def heappop(heap: Any) -> Any:
    last = heap.pop()
    out = last
    if len(heap) > 0:
        out = heap[0]
        _sift_down(heap, 0, last)
    return out


def heapreplace(heap: Any, item: Any) -> Any:
    out = heap[0]
    _sift_down(heap, 0, item)
    return out


def heappushpop(heap: Any, item: Any) -> Any:
    out = item
    if len(heap) > 0 and heap[0] < item:
        out = heap[0]
        _sift_down(heap, 0, item)
    return out


def heapify(heap: Any) -> None:
    half = len(heap) // 2
    for k in range(half):
        at = half - 1 - k
        _sift_down(heap, at, heap[at])


def _sift_up(heap: Any, start: Any, at: Any, item: Any) -> None:
    """Move an item towards the root until its parent is no larger."""
    while at > start:
        above = (at - 1) >> 1
        parent = heap[above]
        if not (item < parent):
            break
        heap[at] = parent
        at = above
    heap[at] = item


def _sift_down(heap: Any, start: Any, item: Any) -> None:
    """Move the smaller child up until a leaf is free, and the item up again from there: as CPython does, fewer comparisons."""
    count = len(heap)
    at = start
    child = 2 * at + 1
    while child < count:
        right = child + 1
        if right < count and not (heap[child] < heap[right]):
            child = right
        heap[at] = heap[child]
        at = child
        child = 2 * at + 1
    _sift_up(heap, start, at, item)


# Tables ---------------------------------------------------------------------------------------------------------------
def find(table: Any, key: Any) -> Any:
    """The entry of a key, or -1, and the place of the table where the search ends."""
    at = table.place(key)
    entry = table.entry(at)
    while entry >= 0 and not table.has(entry, key):
        at = table.next(at)
        entry = table.entry(at)
    return entry, at


def lookup(table: Any, key: Any) -> Any:
    entry, _ = find(table, key)
    table.needs(entry >= 0, KeyError)
    return table.value(entry)


def put(table: Any, item: Any, key: Any, value: Any) -> None:
    entry, at = find(table, key)
    if entry >= 0:
        table.change(entry, item, value)
    else:
        table.add_entry(at, item, value)


def setdefault(table: Any, item: Any, key: Any, value: Any) -> Any:
    entry, at = find(table, key)
    if entry < 0:
        table.add_entry(at, item, value)
        entry = table.newest()
    return table.value(entry)


def remove_key(table: Any, key: Any) -> None:
    entry, _ = find(table, key)
    table.needs(entry >= 0, KeyError)
    table.drop(entry)


def discard(table: Any, key: Any) -> None:
    entry, _ = find(table, key)
    if entry >= 0:
        table.drop(entry)


def pop_key(table: Any, key: Any) -> Any:
    entry, _ = find(table, key)
    table.needs(entry >= 0, KeyError)
    out = table.value(entry)
    table.drop(entry)
    return out


def pop_key_or(table: Any, key: Any, default: Any) -> Any:
    entry, _ = find(table, key)
    out = default
    if entry >= 0:
        out = table.value(entry)
        table.drop(entry)
    return out


def update(table: Any, other: Any) -> None:
    for key, value in other.items():
        table[key] = value


def add_all(table: Any, others: Any) -> None:
    for item in others:
        table.add(item)


def add_common(table: Any, items: Any, others: Any) -> None:
    for item in items:
        if item in others:
            table.add(item)


def add_missing(table: Any, items: Any, others: Any) -> None:
    for item in items:
        if item not in others:
            table.add(item)


def discard_all(table: Any, others: Any) -> None:
    for item in others:
        table.discard(item)


def are_all_in(table: Any, items: Any, others: Any) -> Any:
    found = True
    for item in items:
        if item not in others:
            found = False
    return found


def add_to_counts(table: Any, others: Any) -> None:
    for key, count in others.items():
        table[key] = count + table.get(key, 0)


def take_from_counts(table: Any, others: Any) -> None:
    for key, count in others.items():
        table[key] = table.get(key, 0) - count


def take_counts(table: Any, items: Any) -> None:
    for item in items:
        table[item] = table.get(item, 0) - 1


def add_pairs(table: Any, pairs: Any) -> None:
    for key, value in pairs:
        table[key] = value


def add_counts(table: Any, items: Any) -> None:
    for item in items:
        table[item] = table.get(item, 0) + 1


def add_keys(table: Any, keys: Any, out: Any) -> None:
    for key in keys:
        out.append(key)


def rehash(table: Any, entries: Any) -> None:
    """Enter all entries into an empty table."""
    for k in range(len(entries)):
        at = table.place(table.stored(k))
        while table.entry(at) >= 0:
            at = table.next(at)
        table.enter(at, k)


def compact(table: Any, entries: Any) -> None:
    """Close the gaps that deleted entries have left."""
    if len(table) != len(entries):
        kept = 0
        for k in range(len(entries)):
            entry = entries[k]
            if entry[2]:
                entries[kept] = entry
                kept += 1
        entries.shorten(kept)
        table.forget()
        rehash(table, entries)
