"""Variables that only the ways out of a loop bind: whoever reads one after the loop finds it bound, as if a flag had said so.

    for k in range(n):
        if x[k] > limit:
            why = "found"
            break
    else:
        why = "nothing"
    return why

In most rounds it has no value, and a text has none to stand for that.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator

from hybrid.staging.exits import SCOPES, Probe, Tried, blocks

_LOOPS = (ast.For, ast.While)


def bound_by_exits(body: list[ast.stmt]) -> set[str]:
    """The names that one loop of a function binds on each of its ways out, that it never reads, and that nobody else binds."""
    stored: Counter[str] = Counter()
    elsewhere: set[str] = set()  # in other scopes, or unbound
    for node in (inner for stmt in body for inner in ast.walk(stmt)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored[node.id] += 1
        elif isinstance(node, ast.AugAssign):
            elsewhere |= _names(node.target)  # reads it
        elif isinstance(node, (*SCOPES, ast.Global, ast.Nonlocal, ast.Delete, ast.Try, ast.TryStar)):
            elsewhere |= _names(node)
    return {name for loop in _loops(body) for name in _bound_by(loop) - elsewhere if stored[name] == _stores(loop)[name]}


def _bound_by(loop: ast.For | ast.While) -> set[str]:
    found = {name for name, count in _stores(loop).items() if count and not _reads(loop, name)}
    return {name for name in found if _Ways(name).always(loop)}


class _Ways:
    """Whether a name is bound wherever a loop is left."""

    def __init__(self, name: str):
        self.name, self.left = name, True

    def always(self, loop: ast.For | ast.While) -> bool:
        self.walk(loop.body, False)
        endless = isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) and bool(loop.test.value)
        return self.left and (endless or self.walk(loop.orelse, False) in (True, None))

    def walk(self, stmts: Iterable[ast.stmt], bound: bool) -> bool | None:
        """Whether it is bound at the end of some statements; None where that is not reached."""
        state: bool | None = bound
        for stmt in stmts:
            if state is None:
                return None
            state = self.step(stmt, state)
        return state

    def step(self, stmt: ast.stmt, bound: bool) -> bool | None:
        if isinstance(stmt, ast.Break):
            self.left &= bound
            return None
        if isinstance(stmt, (ast.Return, ast.Raise, ast.Continue)):
            return None
        if isinstance(stmt, Tried):
            for part in (stmt.body, stmt.finalbody, stmt.after):
                self.walk(part, bound)
            return bound  # which any of its statements may have left
        if isinstance(stmt, ast.If) and isinstance(stmt.test, Probe):
            done = self.walk(stmt.test.body, bound)
            ends = [] if done is None else [self.walk(stmt.body, done)]
            ends = [end for end in (*ends, self.walk(stmt.orelse, bound)) if end is not None]
            return all(ends) if ends else None
        if isinstance(stmt, ast.If):
            ends = [end for end in (self.walk(stmt.body, bound), self.walk(stmt.orelse, bound)) if end is not None]
            return all(ends) if ends else None
        if isinstance(stmt, (ast.With, ast.AsyncWith)):
            self.walk(stmt.body, bound)  # which may not come to its end: `contextlib.suppress`
            return bound
        plain = isinstance(stmt, ast.Assign) and self.name in _names(stmt, ast.Store)
        if isinstance(stmt, (*_LOOPS, ast.Match)) and any(isinstance(node, ast.Break) for node in ast.walk(stmt)):
            self.left &= isinstance(stmt, _LOOPS)  # a loop's are its own
        return bound or plain


def _loops(stmts: Iterable[ast.stmt]) -> Iterator[ast.For | ast.While]:
    for stmt in stmts:
        if isinstance(stmt, _LOOPS):
            yield stmt
        if not isinstance(stmt, SCOPES):
            for part in blocks(stmt):
                yield from _loops(part)


def _stores(loop: ast.AST) -> Counter[str]:
    return Counter(node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _reads(loop: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) for node in ast.walk(loop))


def _names(node: ast.AST, ctx: type = ast.expr_context) -> set[str]:
    own = set(getattr(node, "names", ())) if isinstance(node, (ast.Global, ast.Nonlocal)) else set()
    return own | {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ctx)}
