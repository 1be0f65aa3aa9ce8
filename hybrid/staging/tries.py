"""`try` statements of a few simple statements ask first whether one of these will raise what the `except` clause is for.

    try:                                if <none of the body raises KeyError>:
        n = counts[k]                       try: n = counts[k]
    except KeyError:        ->              except KeyError: n = 0
        n = 0                           else:
                                            n = 0

The question (`Probe`) is the handlers': the body as a function, recorded on trial. Where they cannot tell, the answer is yes,
and the statement is what it was.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from hybrid.staging.exits import SCOPES, Branch, blocks
from hybrid.staging.liveness import bound, reads

MANY = 6  # statements of a body, or of a clause, which comes twice
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Assert, ast.Raise, ast.Pass)
_LEAVES = (ast.Return, ast.Break, ast.Continue)


class Probe(ast.expr):
    """Whether `body` raises none of the classes `type`."""

    _fields = ("body", "type")
    body: list[ast.stmt]
    type: ast.expr


def with_questions(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements in which such `try` statements ask first; nested functions are left alone."""
    if not any(isinstance(part, ast.Try) for node in body for part in ast.walk(node)):
        return body
    out: list[ast.stmt] = []
    for node in body:
        if not isinstance(node, SCOPES):
            for inner in blocks(node):
                inner[:] = with_questions(inner)
        out.append(_asking(node) if isinstance(node, ast.Try) else node)
    return out


def _asking(node: ast.Try) -> ast.stmt:
    if len(node.handlers) != 1 or node.orelse or node.finalbody:
        return node
    clause, (*before, last) = node.handlers[0], node.body
    probed = list(node.body)
    if isinstance(last, _LEAVES):
        value = getattr(last, "value", None)
        probed = [*before, ast.copy_location(ast.Expr(value), last)] if value is not None else before
    if not probed or not _are_few(probed, _SIMPLE) or not _are_few(clause.body, (*_SIMPLE, *_LEAVES)):
        return node
    if (clause.name and clause.name in reads(*clause.body)) or any(map(_raises_again, clause.body)):
        return node
    kinds = clause.type or ast.copy_location(ast.Name("BaseException", ast.Load()), clause)
    question = ast.copy_location(Probe(), node)
    question.body, question.type = list(map(_asked, probed)), copy.deepcopy(kinds)
    return ast.copy_location(ast.If(question, [node], copy.deepcopy(clause.body)), node)


def _asked(node: ast.stmt) -> ast.stmt:
    """A statement of a question, with handlers for its `if`."""
    if not isinstance(node, ast.If):
        return copy.deepcopy(node)
    branch = Branch(copy.deepcopy(node.test), list(map(_asked, node.body)), list(map(_asked, node.orelse)))
    branch.live = bound(node)
    return ast.copy_location(branch, node)


def _are_few(body: list[ast.stmt], kinds: tuple[type, ...]) -> bool:
    """Whether statements are few and simple, but for an `if`."""
    found = list(_all(body))
    parts = [part for node in body for part in ast.walk(node)]
    few = len(found) <= MANY and all(isinstance(node, (*kinds, ast.If)) for node in found)
    return few and not any(isinstance(part, (*SCOPES, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for part in parts)


def _all(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for inner in blocks(node):
            yield from _all(inner)


def _raises_again(node: ast.stmt) -> bool:
    """Whether something raises the error that was caught, or makes it the context of another."""
    return any(isinstance(part, ast.Raise) for part in ast.walk(node))
