"""Names for values that several statements of one loop body use, so that each is computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hybrid.loops.nest import (
    Accumulate,
    Bitcast,
    Check,
    Const,
    Convert,
    Expr,
    Index,
    Let,
    Load,
    Op,
    Ref,
    Rescue,
    Stmt,
    Store,
    children,
    expressions,
    walk_expr,
)


def share(body: Sequence[Stmt], fresh: Callable[[str], str]) -> tuple[Stmt, ...]:
    """The same statements, with a `Let` before the first use of every value that two or more of them compute.

    A value is named only where some reader is used by fewer statements than the value itself; below that the named reader
    stands for it.
    """
    users: dict[int, set[int]] = {}
    readers: dict[int, set[int]] = {}
    nodes: dict[int, Expr] = {}
    roots: set[int] = set()
    for k, stmt in enumerate(body):
        for root in expressions(stmt):
            roots.add(id(root))
            for node in walk_expr(root):
                nodes[id(node)] = node
                users.setdefault(id(node), set()).add(k)
                for child in children(node):
                    readers.setdefault(id(child), set()).add(id(node))
    wanted = {
        at
        for at, who in users.items()
        if len(who) > 1
        and not isinstance(nodes[at], (Const, Ref, Index))
        and (at in roots or any(users[reader] != who for reader in readers.get(at, ())))
    }
    if not wanted:
        return tuple(body)
    done: dict[int, Expr] = {}
    out: list[Stmt] = []
    for stmt in body:
        for root in expressions(stmt):
            for node in walk_expr(root, set(done)):
                new = rebuilt(node, tuple(done[id(child)] for child in children(node)))
                if id(node) in wanted:
                    name = fresh("s")
                    out.append(Let(name, new))
                    new = Ref(name, node.dtype)
                done[id(node)] = new
        out.append(_with(stmt, done))
    return tuple(out)


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
        return Check(done[id(stmt.condition)], stmt.code)
    return stmt
