"""Reductions across memory: the last kept axis is contiguous, so whole rows are added into a tile of running totals.

parallel p < pieces:                      pieces of rows, where the kept axes alone cannot keep the cores busy
  for other kept axes, for tiles of the last kept axis:
    total[tile] = identity
    for UNROLL rows at a time: vector j: total[j] = total[j] + ((x0 + x1) + (x2 + x3))
    store the tile, into the result or into the piece's partial result
fold the pieces in order
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybrid.core.affine import Affine
from hybrid.core.shape import Size, contiguous_strides, product
from hybrid.loops import schedule
from hybrid.loops.nest import Const, Expr, For, Load, Scratch, Stmt, Store, convert, identity, op
from hybrid.passes.access import Index, axes_index, offset_of, reduced_shape
from hybrid.passes.steps import SMALL, Stage, number

if TYPE_CHECKING:
    from hybrid.loops.lower import _Kernel

TILE = 1024  # running totals kept in the first-level cache
UNROLL = 8  # rows added in a tree before they meet the total: fewer passes over the tile, smaller rounding error
PIECES = 32
MIN_ROWS = 64  # rows per piece


def lower(kernel: _Kernel, stage: Stage) -> tuple[Stmt, ...]:
    return _Columns(kernel, stage).build()


@dataclass(frozen=True, slots=True)
class _Tile:
    """Columns start … start + width - 1; `tag` makes the names of its loops unique."""

    tag: str
    start: Affine
    width: Size


class _Columns:
    def __init__(self, kernel: _Kernel, stage: Stage):
        from hybrid.loops.lower import accumulator, element  # the nests share these; lower picks between the nests

        assert stage.eqn is not None
        self.kernel, self.stage, self.eqn = kernel, stage, stage.eqn
        self.element = element
        self.op, self.dtype = accumulator(stage.eqn, stage.target.type.dtype)
        self.shape, self.extents = stage.shape, reduced_shape(stage.eqn)
        self.kept, self.rows = self.axes()

    def build(self) -> tuple[Stmt, ...]:
        rows = self.rows
        columns, length = self.kept.extents[-1], rows.extents[0] if rows.extents else 1
        tiles = -(-number(columns) // TILE)
        work = number(product(self.shape)) * number(product(self.extents))
        threads = work > SMALL
        if number(product(self.kept.extents[:-1])) * tiles < schedule.FEW and threads and isinstance(length, int):
            pieces = min(PIECES, length // MIN_ROWS)
            if pieces > 1:
                return self.in_pieces(rows, length, pieces)
        whole = self.over_kept(
            lambda at: self.tile(rows, at, Affine.of(0), length, self.result), "w", "parallel" if threads else "serial"
        )
        return whole

    def in_pieces(self, rows: schedule.Axes, length: int, pieces: int) -> tuple[Stmt, ...]:
        """Pieces of the rows on threads, then their totals (and the rows left over) in fixed order."""
        each = length // pieces
        size = product(self.shape)
        partial = self.kernel.temporary(self.dtype, size * pieces)
        p = Affine.var("p0")

        def into(piece: Affine):
            return lambda column, value: Store(partial, self.offset(column) + piece * size, value)

        piece = self.over_kept(lambda at: self.tile(rows, at, p * each, each, into(p)), "p", "serial")
        out: list[Stmt] = [For("p0", pieces, piece, "parallel")]
        flat = Affine.var("q0")
        total: Expr = Load(partial, flat, self.dtype)
        for k in range(1, pieces):
            total = op(self.op, total, Load(partial, flat + k * size, self.dtype))
        tail = length - each * pieces
        if not tail:
            value = convert(total, self.stage.target.type.dtype)
            return (*out, For("q0", size, (self.kernel.store_flat(self.stage.target, flat, value),), "vector"))
        out.append(For("q0", size, (Store(partial, flat, total),), "vector"))
        begin = lambda column: Load(partial, self.offset(column), self.dtype)
        out += self.over_kept(lambda at: self.tile(rows, at, Affine.of(each * pieces), tail, self.result, begin), "t", "serial")
        return tuple(out)

    def index(self, column: Affine) -> Index:
        return tuple(place.substitute({self.kept.names[-1]: column}) for place in self.kept.index)

    def offset(self, column: Affine) -> Affine:
        return offset_of(self.index(column), contiguous_strides(self.shape))

    def result(self, column: Affine, value: Expr) -> Store:
        return self.kernel.store(self.stage.target, self.index(column), convert(value, self.stage.target.type.dtype))

    def axes(self) -> tuple[schedule.Axes, schedule.Axes]:
        """The kept and the reduced axes, merged where memory allows."""
        puller, place = self.kernel.puller(), axes_index(self.shape)
        self.element(self.eqn, puller, place, axes_index(self.extents, "r"), self.dtype)
        reached = [*puller.affines, offset_of(place, contiguous_strides(self.shape))]
        kept = schedule.merge([f"i{a}" for a in range(len(self.shape))], self.shape, reached)
        return kept, schedule.merge([f"r{a}" for a in range(len(self.extents))], self.extents, puller.affines)

    def over_kept(self, tile: Callable[[_Tile], tuple[Stmt, ...]], tag: str, kind: str) -> tuple[Stmt, ...]:
        """Loops over the kept axes; the last one in tiles, with a shorter tile at the end."""
        columns, outer = self.kept.extents[-1], schedule.Axes((), self.kept.names[:-1], self.kept.extents[:-1])
        if number(columns) <= TILE or not isinstance(columns, int):
            return schedule.over(outer, tile(_Tile(f"{tag}a", Affine.of(0), columns)), kind)
        count, rest = divmod(columns, TILE)
        name = f"b0{tag}"
        body: tuple[Stmt, ...] = (
            For(name, count, tile(_Tile(f"{tag}b", Affine.var(name) * TILE, TILE)), "serial" if outer.names else kind),
        )
        if rest:
            body = (*body, *tile(_Tile(f"{tag}c", Affine.of(count * TILE), rest)))
        return schedule.over(outer, body, kind)

    def tile(self, rows: schedule.Axes, tile: _Tile, first: Affine, length: Size, store: Callable[[Affine, Expr], Store],
             begin: Callable[[Affine], Expr] | None = None) -> tuple[Stmt, ...]:  # fmt: skip
        """Totals of a tile of columns, from row `first` on over `length` rows."""
        total, tag = f"total0{tile.tag}", tile.tag

        def lanes(name: str, body: Callable[[Affine], tuple[Stmt, ...]]) -> For:
            return For(f"{name}0{tag}", tile.width, body(Affine.var(f"{name}0{tag}")), "vector")

        def start(lane: Affine) -> tuple[Stmt, ...]:
            value = begin(tile.start + lane) if begin else Const(identity(self.op, self.dtype), self.dtype)
            return (Store(total, lane, value),)

        def add(name: str, shifts: list[Affine]) -> tuple[Stmt, ...]:
            inner = tuple(f"{n}_{tag}{name}" for n in rows.names[1:])

            def body(lane: Affine) -> tuple[Stmt, ...]:
                puller = self.kernel.puller()
                terms: list[Expr] = []
                for shift in shifts:
                    rename = dict(zip(rows.names, (shift, *map(Affine.var, inner))))
                    reduced = tuple(i.substitute(rename) for i in rows.index)
                    terms.append(self.element(self.eqn, puller, self.index(tile.start + lane), reduced, self.dtype))
                self.kernel.loads.update(puller.loaded)
                while len(terms) > 1:
                    terms = [
                        op(self.op, *terms[k : k + 2]) if k + 1 < len(terms) else terms[k] for k in range(0, len(terms), 2)
                    ]
                return (*puller.lets, Store(total, lane, op(self.op, Load(total, lane, self.dtype), terms[0])))

            return schedule.over(schedule.Axes((), inner, rows.extents[1:]), (lanes(name, body),))

        out: list[Stmt] = [Scratch(total, self.dtype, self.kernel.context.room(tile.width)), lanes("z", start)]
        blocks = length // UNROLL if isinstance(length, int) else 0
        if blocks:
            row = f"row0{tag}"
            shifts = [first + Affine.var(row) * UNROLL + k for k in range(UNROLL)]
            out.append(For(row, blocks, add("u", shifts)))
        rest = length - blocks * UNROLL
        if rest != 0:
            row = f"last0{tag}"
            out.append(For(row, rest, add("v", [first + blocks * UNROLL + Affine.var(row)])))
        return (*out, lanes("s", lambda lane: (store(tile.start + lane, Load(total, lane, self.dtype)),)))
