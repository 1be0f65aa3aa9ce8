"""Names for values that several statements of one loop body use, so that each is computed once.

A value is the same only until a statement changes what it reads: a store to an array, an addition to an accumulator. Loops
and branches are left as they are; what they may change is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hybrid.loops.nest import (
    Accumulate,
    Bitcast,
    Check,
    Const,
    Convert,
    Declare,
    Expr,
    Index,
    Let,
    Load,
    Op,
    Ref,
    Rescue,
    Scratch,
    Stmt,
    Store,
    bodies,
    children,
    expressions,
    stored,
    walk,
    walk_expr,
)

_Key = tuple[int, int]  # a node, and how often what it reads was changed before


def share(body: Sequence[Stmt], fresh: Callable[[str], str]) -> tuple[Stmt, ...]:
    """The same statements, with a `Let` before the first use of every value that two or more of them compute.

    A value is named only where some reader is used by fewer statements than the value itself; below that the named reader
    stands for it.
    """
    users: dict[_Key, set[int]] = {}
    readers: dict[_Key, set[_Key]] = {}
    nodes: dict[_Key, Expr] = {}
    roots: set[_Key] = set()
    changes = _Changes(body)
    keys: list[dict[int, _Key]] = []  # for each statement
    for k, stmt in enumerate(body):
        keys.append({})
        for root in () if bodies(stmt) else expressions(stmt):
            for node in walk_expr(root):
                key = keys[k][id(node)] = id(node), changes.before(node)
                nodes[key] = node
                users.setdefault(key, set()).add(k)
                for child in children(node):
                    readers.setdefault(keys[k][id(child)], set()).add(key)
            roots.add(keys[k][id(root)])
        changes.make(stmt, k)
    wanted = {
        at
        for at, who in users.items()
        if len(who) > 1
        and not isinstance(nodes[at], (Const, Ref, Index))
        and (at in roots or any(users[reader] != who for reader in readers.get(at, ())))
    }
    if not wanted:
        return tuple(body)
    done: dict[_Key, Expr] = {}
    out: list[Stmt] = []
    for k, stmt in enumerate(body):
        now: dict[int, Expr] = {}
        for root in () if bodies(stmt) else expressions(stmt):
            for node in walk_expr(root):
                key = keys[k][id(node)]
                if key not in done:
                    new = rebuilt(node, tuple(done[keys[k][id(child)]] for child in children(node)))
                    if key in wanted:
                        name = fresh("s")
                        out.append(Let(name, new))
                        new = Ref(name, node.dtype)
                    done[key] = new
                now[id(node)] = done[key]
        out.append(_with(stmt, now))
    return tuple(out)


class _Changes:
    """How far the statements so far have changed what a node reads. Nodes are asked for after their operands."""

    def __init__(self, body: Sequence[Stmt]):
        self.last: dict[str, int] = dict.fromkeys((name for stmt in body for name in _changed(stmt)), 0)
        self.reads: dict[int, frozenset[str]] = {}  # of all that changes, what each node depends on

    def before(self, node: Expr) -> int:
        """The statement, counted from 1, that last changed what the node reads."""
        if id(node) not in self.reads:
            own = node.buffer if isinstance(node, Load) else node.name if isinstance(node, Ref) else None
            below = [self.reads[id(child)] for child in children(node)]
            self.reads[id(node)] = frozenset((own,) if own in self.last else ()).union(*below)
        return max((self.last[name] for name in self.reads[id(node)]), default=0)

    def make(self, stmt: Stmt, k: int) -> None:
        for name in _changed(stmt):
            self.last[name] = k + 1


def _changed(stmt: Stmt) -> Iterator[str]:
    """Arrays and accumulators that hold something else after a statement."""
    for inner in walk((stmt,)):
        yield from stored(inner)
        if isinstance(inner, (Accumulate, Declare, Scratch)):
            yield inner.name


def rebuilt(node: Expr, parts: tuple[Expr, ...]) -> Expr:
    """The node over other operands; the node itself where they are the same."""
    if all(a is b for a, b in zip(children(node), parts)):
        return node
    if isinstance(node, Op):
        return Op(node.name, parts, node.dtype)
    if isinstance(node, Convert):
        return Convert(parts[0], node.dtype)
    if isinstance(node, Bitcast):
        return Bitcast(parts[0], node.dtype)
    if isinstance(node, Rescue):
        return Rescue(parts[0], parts[1], node.name, parts[2:])
    assert isinstance(node, Load)
    return Load(node.buffer, node.offset, node.dtype, parts[0])


def _with(stmt: Stmt, done: dict[int, Expr]) -> Stmt:
    if isinstance(stmt, Let):
        return Let(stmt.name, done[id(stmt.value)])
    if isinstance(stmt, Store):
        return Store(stmt.buffer, stmt.offset, done[id(stmt.value)])
    if isinstance(stmt, Accumulate):
        return Accumulate(stmt.name, done[id(stmt.value)])
    if isinstance(stmt, Check):
        return Check(done[id(stmt.condition)], stmt.code, stmt.note)
    return stmt
