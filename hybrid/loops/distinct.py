"""The distinct ones among integers, in order: collected in a hash table and put in order byte by byte.

A table that stays in the processor's cache is quick as long as few integers are distinct. As soon as it turns out that there
are many, all are sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npysort
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim
from hybrid.ir.graph import Eqn
from hybrid.loops.nest import Bitcast, Const, Expr, For, If, Index, Let, Load, Ref, Stmt, Store, While, convert, op, select
from hybrid.loops.places import Cell, Places
from hybrid.loops.sorting import rows_sorted, vector_sorted

# Entries of the table for lines below some length, two bytes each, and for all others; half as many numbers are held. Of
# more than LEAST elements only one in EACH may be distinct: of 10⁶ int64 that all are, giving up costs 3 % of the sort.
TABLES, ENTRIES = ((128, 1 << 8), (8192, 1 << 12)), 1 << 16
LEAST, EACH = 1024, 8
BUCKETS = 256
_GOLDEN = 0x9E3779B97F4A7C15  # 2⁶⁴ over the golden ratio, whose multiples lie far apart
_START = Affine.of(0)


class _Distinct:
    def __init__(self, eqn: Eqn, places: Places):
        self.eqn, self.places, self.fresh = eqn, places, places.fresh
        self.x = eqn.inputs[0]
        self.dtype = self.x.type.dtype
        self.n = self.x.type.shape[0]
        names = iter([places.names[var] for var in eqn.outputs])
        self.values, self.number = next(names), Cell(next(names), dt.int64)
        self.index, self.inverse, self.counts = (next(names) if eqn.params[word] else None for word in WORDS)

    # pieces -----------------------------------------------------------------------------------------------------------
    def let(self, value: Expr) -> tuple[Let, Ref]:
        name = self.fresh("v")
        return Let(name, value), Ref(name, value.dtype)

    def over(self, extent: int | Dim, body: Callable[[Affine], Sequence[Stmt]]) -> For:
        name = self.fresh("k")
        return For(name, extent, tuple(body(Affine.var(name))))

    def cell(self, dtype: np.dtype) -> Cell:
        return Cell(self.places.place(dtype, 1), dtype)

    def element(self, at: Affine) -> Expr:
        strides = self.places.strides.get(self.x)  # type: ignore[arg-type]
        return Load(self.places.names[self.x], at * (strides[0] if strides else 1), self.dtype)  # type: ignore[index]

    def bits(self, key: Expr) -> Expr:
        """As an unsigned number, in the order of whose bytes, as many as the dtype has, the integers are."""
        wide = convert(key, dt.int64 if dt.KIND[self.dtype] == "i" else dt.uint64)
        return (
            wide if wide.dtype == dt.uint64 else Bitcast(wide, dt.uint64) ^ Const(1 << (8 * self.dtype.itemsize - 1), dt.uint64)
        )

    # the table --------------------------------------------------------------------------------------------------------
    def spelled(self) -> Iterator[Stmt]:
        full, slot = self.cell(dt.bool_), self.cell(dt.int64)
        length, small = Index(Affine.of(self.n)), self.dtype.itemsize == 1
        one, nothing = Const(1, dt.int64), Const(0, dt.int64)
        wide: Expr = Const(ENTRIES, dt.int64)
        over: Expr = Const(65 - ENTRIES.bit_length(), dt.uint64)
        for below, count in reversed(TABLES):
            wide = select(length < Const(below, dt.int64), Const(count, dt.int64), wide)
            over = select(length < Const(below, dt.int64), Const(65 - count.bit_length(), dt.uint64), over)
        size, entries = self.let(Const(BUCKETS, dt.int64) if small else wide)
        room, most = self.let(entries if small else op("min", op("max", op("floordiv", length, EACH), LEAST), entries >> one))
        shift, by = self.let(over)
        table = self.places.place(dt.uint16, Dim.symbol(entries.name))
        keys = self.places.place(self.dtype, Dim.symbol(most.name))
        first, counts = (
            self.places.place(dt.int64, Dim.symbol(most.name)) if each else None for each in (self.index, self.counts)
        )

        def entry(at: Ref) -> Expr:
            return convert(Load(table, Affine.var(at.name), dt.uint16), dt.int64)

        def place(key: Ref) -> Expr:
            if small:
                return convert(self.bits(key) & Const(BUCKETS - 1, dt.uint64), dt.int64)
            return convert((self.bits(key) * Const(_GOLDEN, dt.uint64)) >> by, dt.int64)

        def each(i: Affine) -> Sequence[Stmt]:
            take, key = self.let(self.element(i))
            begin = slot.set(place(key))
            look, here = self.let(slot.value)
            read, held = self.let(entry(here))
            which, at = self.let(op("max", held - one, 0))
            other = Load(keys, Affine.var(at.name), self.dtype)
            onwards = slot.set((here + one) & (entries - one))
            walk = () if small else (While((look, read, which), op("ne", held, nothing) & op("ne", other, key), (onwards,)),)
            end, found = self.let(slot.value)
            get, known = self.let(entry(found))
            new, number = self.let(self.number.value)
            where = Affine.var(number.name)
            enter: tuple[Stmt, ...] = (
                Store(keys, where, key), Store(table, Affine.var(found.name), convert(number + one, dt.uint16)),
                self.number.set(number + one),
            )  # fmt: skip
            if first:
                enter += (Store(first, where, Index(i)),)
            if counts:
                enter += (Store(counts, where, nothing),)
            after: tuple[Stmt, ...] = ()
            if counts or self.inverse:
                again, own = self.let(op("max", select(op("eq", known, nothing), number, known - one), 0))
                after = (again,)
                if counts:
                    spot = Affine.var(own.name)
                    after += (Store(counts, spot, Load(counts, spot, dt.int64) + one),)
                if self.inverse:
                    after += (Store(self.inverse, i, own),)
            entering = If(op("eq", known, nothing), (If(number < most, enter, (full.set(Const(True, dt.bool_)),)),))
            ask, stopped = self.let(full.value)
            return ask, If(stopped, (), (take, begin, *walk, end, get, new, entering, *after))

        yield from (size, room, shift)
        yield self.over(Dim.symbol(entries.name), lambda k: (Store(table, k, Const(0, dt.uint16)),))
        yield from (self.number.set(nothing), full.set(Const(False, dt.bool_)), self.over(self.n, each))
        ask, stopped = self.let(full.value)
        yield ask
        yield If(
            stopped,
            tuple(self.many()),
            tuple(self.ordered(Dim.symbol(most.name), keys, first, counts)),
        )

    # many -------------------------------------------------------------------------------------------------------------
    def many(self) -> Iterator[Stmt]:
        """Those that differ from the one before, of all in order. Where elements come first is asked of a stable order."""
        indices, zero, one = bool(self.index or self.inverse), Const(0, dt.int64), Const(1, dt.int64)
        kind = "stable" if self.index else "quicksort"
        if not npysort.address(self.dtype, kind, indices):
            yield self.places.call(self.eqn, "many are distinct")
            return
        keys = self.places.place(self.dtype, self.n) if indices else self.values
        order = self.places.place(dt.int64, self.n) if indices else None
        before = self.cell(self.dtype)
        if order is None:
            yield from vector_sorted(self.eqn, self.places, kind, self.n)
        else:
            yield from self.places.copy(self.x, keys)
            yield rows_sorted(self.eqn, kind, (), self.n, keys, order)

        def each(k: Affine) -> Sequence[Stmt]:
            find, item = self.let(Load(order, k, dt.int64) if order else Index(k))
            take, key = self.let(Load(keys, Affine.var(item.name), self.dtype))
            again, number = self.let(self.number.value)
            where = Affine.var(number.name)
            new: tuple[Stmt, ...] = (Store(self.values, where, key), self.number.set(number + one))
            new += (Store(self.index, where, item),) if self.index else ()
            new += (Store(self.counts, where, Index(k)),) if self.counts else ()
            entering = If(op("eq", Index(k), zero) | op("ne", key, before.value), new)
            out: tuple[Stmt, ...] = (find, take, again, entering, before.set(key))
            return (*out, Store(self.inverse, Affine.var(item.name), self.number.value - one)) if self.inverse else out

        yield from (self.number.set(zero), before.set(Const(0, self.dtype)), self.over(self.n, each))
        know, number = self.let(self.number.value)
        count = Dim.symbol(number.name)
        yield know
        if (counts := self.counts) is not None:  # up to here: where each begins

            def lasting(k: Affine) -> Sequence[Stmt]:
                there, after = self.let(op("min", Index(k + 1), number - one))
                follows = Load(counts, Affine.var(after.name), dt.int64)
                end = select(op("lt", Index(k + 1), number), follows, Index(Affine.of(self.n)))
                return there, Store(counts, k, end - Load(counts, k, dt.int64))

            yield self.over(count, lasting)
        yield self.cleared(count)

    def cleared(self, count: Dim) -> For:
        """Zeros behind so many results."""
        targets = [(self.values, self.dtype), *((each, dt.int64) for each in (self.index, self.counts) if each is not None)]
        return self.over(self.n - count, lambda k: [Store(name, count + k, Const(0, dtype)) for name, dtype in targets])

    # the order --------------------------------------------------------------------------------------------------------
    def ordered(self, most: Dim, keys: str, first: str | None, counts: str | None) -> Iterator[Stmt]:
        """Their numbers by each byte in which any two differ, from the least on; equal bytes keep their order."""
        order, other, rank = (self.places.place(dt.int64, most) for _ in range(3))
        buckets, differ = self.places.place(dt.int64, BUCKETS), self.cell(dt.uint64)
        total = self.cell(dt.int64)
        know, number = self.let(self.number.value)
        count = Dim.symbol(number.name)

        def key(at: Ref) -> Expr:
            return self.bits(Load(keys, Affine.var(at.name), self.dtype))

        def differing(k: Affine) -> Sequence[Stmt]:
            mine = self.bits(Load(keys, k, self.dtype)) ^ self.bits(Load(keys, _START, self.dtype))
            return Store(order, k, Index(k)), differ.set(differ.value | mine)

        def by(bits: Ref) -> Iterator[Stmt]:
            def bucket(k: Affine) -> tuple[tuple[Stmt, ...], Ref, Affine]:
                take, item = self.let(Load(order, k, dt.int64))
                part = (key(item) >> bits) & Const(BUCKETS - 1, dt.uint64)
                find, at = self.let(convert(part, dt.int64))
                return (take, find), item, Affine.var(at.name)

            def counted(k: Affine) -> Sequence[Stmt]:
                lets, _, at = bucket(k)
                return *lets, Store(buckets, at, Load(buckets, at, dt.int64) + Const(1, dt.int64))

            def summed(k: Affine) -> Sequence[Stmt]:
                take, here = self.let(Load(buckets, k, dt.int64))
                look, before = self.let(total.value)
                return take, look, Store(buckets, k, before), total.set(before + here)

            def moved(k: Affine) -> Sequence[Stmt]:
                lets, item, at = bucket(k)
                take, where = self.let(Load(buckets, at, dt.int64))
                return *lets, take, Store(other, Affine.var(where.name), item), Store(buckets, at, where + Const(1, dt.int64))

            yield self.over(BUCKETS, lambda k: (Store(buckets, k, Const(0, dt.int64)),))
            yield from (self.over(count, counted), total.set(Const(0, dt.int64)), self.over(BUCKETS, summed))
            yield self.over(count, moved)
            yield self.over(count, lambda k: (Store(order, k, Load(other, k, dt.int64)),))

        yield from (know, differ.set(Const(0, dt.uint64)), self.over(count, differing))

        def each(byte: Affine) -> Sequence[Stmt]:
            below, bits = self.let(convert(Index(byte * 8), dt.uint64))
            some = (differ.value >> bits) & Const(BUCKETS - 1, dt.uint64)
            return below, If(op("ne", some, Const(0, dt.uint64)), tuple(by(bits)))

        yield self.over(self.dtype.itemsize, each)

        def put(k: Affine) -> Sequence[Stmt]:
            take, item = self.let(Load(order, k, dt.int64))
            at = Affine.var(item.name)
            out: list[Stmt] = [take, Store(self.values, k, Load(keys, at, self.dtype)), Store(rank, at, Index(k))]
            for target, source in ((self.index, first), (self.counts, counts)):
                if target is not None and source is not None:
                    out.append(Store(target, k, Load(source, at, dt.int64)))
            return out

        yield self.over(count, put)
        yield self.cleared(count)
        if self.inverse is not None:
            inverse = self.inverse

            def ranked(i: Affine) -> Sequence[Stmt]:
                take, item = self.let(Load(inverse, i, dt.int64))
                return take, Store(inverse, i, Load(rank, Affine.var(item.name), dt.int64))

            yield self.over(self.n, ranked)


WORDS = ("index", "inverse", "counts")


def distinct(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Distinct(eqn, places).spelled()
