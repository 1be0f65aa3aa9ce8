"""Early returns of containers that a loop fills and has not made: what they return is made after the loop.

    for x in xs:                            leaves = False
        seen.append(f(x))                   for x in xs:
        if g(x): return x, seen     ->          seen.append(f(x))
    return None, seen                           if g(x): leaves = True; break
                                            if leaves: return x, seen
                                            return None, seen

The result would otherwise be a second name of the container, in rounds that go on changing it. Nothing runs between the two
places: a `return` inside of a `try` or `with` stays where it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hybrid.staging.exits import PREFIX, SCOPES, assign, blocks, load
from hybrid.staging.liveness import bound

_FILLING = frozenset(("append", "extend", "insert", "appendleft", "add", "update", "setdefault"))
_OPAQUE = (ast.Try, ast.TryStar, ast.With, ast.Match)


def after_loops(body: list[ast.stmt]) -> tuple[list[ast.stmt], set[str]]:
    """The statements with such returns moved, and names of the variables that were added; nested ones are changed in place."""
    returns = _Returns()
    return returns.block(body), returns.invented


class _Returns:
    def __init__(self) -> None:
        self.invented: set[str] = set()

    def block(self, stmts: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in stmts:
            for part in [] if isinstance(node, _OPAQUE) else blocks(node):
                part[:] = self.block(part)
            out += self.loop(node) if isinstance(node, (ast.For, ast.While)) else [node]
        return out

    def loop(self, node: ast.For | ast.While) -> list[ast.stmt]:
        filled = set(_filled(node.body)) - bound(node)  # a container of the round's own is nobody else's
        endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
        endless = endless and not any(isinstance(stmts[-1], ast.Break) for stmts in _own(node.body))
        before: list[ast.stmt] = []
        after: list[ast.If] = []
        for stmts in _own(node.body) if filled else ():
            last = stmts[-1]
            if not isinstance(last, ast.Return) or last.value is None or not filled & _names(last.value):
                continue
            flag = f"{PREFIX}leaves_{len(self.invented) + 1}"
            self.invented.add(flag)
            before.append(assign(flag, ast.Constant(False), node))
            after.append(ast.copy_location(ast.If(load(flag), [last], []), last))
            stmts[-1:] = [assign(flag, ast.Constant(True), last), ast.copy_location(ast.Break(), last)]
        if endless and after:  # nothing else leads there
            return [*before, node, *after[:-1], *after[-1].body]
        return [*before, node, *after]


def _own(stmts: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """The blocks of a loop's body from which a `break` leaves this loop."""
    yield stmts
    for node in stmts:
        if isinstance(node, ast.If):
            for part in blocks(node):
                yield from _own(part)


def _filled(stmts: list[ast.stmt]) -> Iterator[str]:
    """The names of what methods fill."""
    for node in (inner for stmt in stmts if not isinstance(stmt, SCOPES) for inner in ast.walk(stmt)):
        method = node.func if isinstance(node, ast.Call) else None
        if isinstance(method, ast.Attribute) and method.attr in _FILLING and isinstance(method.value, ast.Name):
            yield method.value.id


def _names(value: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
