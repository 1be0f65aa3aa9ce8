"""Scratch arrays whose size a kernel finds out: memory that grows where a round needs more than all rounds before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid.codegen.values import Array
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.loops.nest import Code, Scratch

if TYPE_CHECKING:
    from hybrid.codegen.llvm import _Nest

SPARE = 64  # bytes more than the elements take: vectors may be read past the last one
MOST = 2.0**47  # bytes that a process can address


def grown(nest: _Nest, stmt: Scratch) -> Array:
    """The array, with room for at least its size; `Code.MEMORY` where there is none. A negative size needs none."""
    e, size = nest.e, stmt.size
    assert isinstance(size, Dim)
    if id(stmt) not in nest.grown:
        place, room = e.fresh("grown"), e.fresh("room")
        nest.prologue += [f"  {place} = alloca ptr", f"  store ptr null, ptr {place}"]
        nest.prologue += [f"  {room} = alloca i64", f"  store i64 0, ptr {room}"]
        nest.grown[id(stmt)] = place, room
        nest.fails = True
    place, room = nest.grown[id(stmt)]
    e.declares.setdefault("malloc", "declare ptr @malloc(i64)")
    grow, make, have = e.label("grow"), e.label("make"), e.label("have")
    starved = e.label("starved")
    wanted = e.let(f"mul i64 {nest.size(size)}, {stmt.dtype.itemsize}")
    few = e.let(f"icmp sle i64 {wanted}, {e.let(f'load i64, ptr {room}')}")
    sane = e.let(f"fcmp ole double {_rounded(nest, size)}, {MOST / stmt.dtype.itemsize:e}")
    e.branch(sane, grow, starved)  # else the product may have wrapped
    e.start(grow)
    e.branch(few, have, make)
    e.start(make)
    e.call("free", "void", f"ptr {e.let(f'load ptr, ptr {place}', 'p')}")
    more = e.let(f"call ptr @malloc(i64 {e.let(f'add i64 {wanted}, {SPARE}')})", "p")
    e.emit(f"store ptr {more}, ptr {place}")
    e.emit(f"store i64 {wanted}, ptr {room}")
    e.branch(e.let(f"icmp eq ptr {more}, null"), starved, have)
    e.start(starved)
    nest.leave(str(int(Code.MEMORY)))
    e.start(have)
    return Array(e.let(f"load ptr, ptr {place}", "p"), stmt.dtype, size)


def _rounded(nest: _Nest, size: Dim) -> str:
    """A size in float64, which does not wrap."""
    e, total = nest.e, "0.0"
    for monomial, factor in size.terms:
        term = f"{float(factor):e}"
        for name in monomial:
            value = nest.size(Dim.symbol(name)) if name in nest.symbols else nest.lookup(name, dt.int64).text
            term = e.let(f"fmul double {term}, {e.let(f'sitofp i64 {value} to double')}")
        total = e.let(f"fadd double {total}, {term}")
    return total
