"""Generator functions turned inside out: `yield x` becomes a call of what the loop over the generator does with `x`.

A loop over a call of a generator function, `for a, b in pairs(n): …`, runs its body wherever the generator yields, and nobody
else ever has the generator. So the function may as well be given the body: its own loops are then loops of the trace.

Where the loop may be left (`break`, `return`), a generator is left where it stands, and never goes on:

    yield x          becomes          if emit(x):
                                          return
"""

from __future__ import annotations

import ast
import copy

from hybrid.staging.exits import load
from hybrid.staging.liveness import scope
from hybrid.staging.pieces import EMIT

_ITEM = EMIT + "_item"
OURS = frozenset((EMIT, _ITEM))  # names in what is turned inside out


def is_generator(node: ast.AST) -> bool:
    """Whether a function gives a generator."""
    return isinstance(node, ast.FunctionDef) and any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in scope(node.body))


def unpushable(node: ast.FunctionDef) -> str | None:
    """Why a generator function stays one, if so."""
    plain = {id(part.value) for part in scope(node.body) if isinstance(part, ast.Expr)}
    for part in scope(node.body):
        if isinstance(part, (ast.Yield, ast.YieldFrom)) and id(part) not in plain:
            return "it is a generator that is sent values"
        if isinstance(part, (ast.Try, ast.TryStar, ast.With)) and _yields(part):
            return "it is a generator that may be closed in a `try` or `with`"
    return None


def _yields(*nodes: ast.AST) -> bool:
    return any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in scope(nodes))


def turned(node: ast.FunctionDef, stops: bool, name: str) -> ast.FunctionDef:
    """A generator function turned inside out: its first argument is what to do with each item.

    Its default values are left for whoever has the generator function, and it has no decorators.

    Args:
        stops: whether what is done with an item says when to go no further.
    """
    made = copy.deepcopy(node)
    made.name, made.decorator_list = name, []
    made.body = [_Pushed(stops).visit(stmt) for stmt in made.body]
    made.args.posonlyargs.insert(0, ast.arg(EMIT))
    made.args.defaults, made.args.kw_defaults = [], [default and ast.Constant(None) for default in made.args.kw_defaults]
    return ast.fix_missing_locations(made)


class _Pushed(ast.NodeTransformer):
    def __init__(self, stops: bool):
        self.stops = stops

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        value = node.value
        if isinstance(value, ast.Yield):
            return self.emitted(value.value or ast.Constant(None), node)
        if isinstance(value, ast.YieldFrom):
            body = self.emitted(load(_ITEM), node)
            return ast.copy_location(ast.For(ast.Name(_ITEM, ast.Store()), value.value, [body], []), node)
        return node

    def emitted(self, item: ast.expr, at: ast.stmt) -> ast.stmt:
        call = ast.copy_location(ast.Call(load(EMIT), [item], []), at)
        if not self.stops:
            return ast.copy_location(ast.Expr(call), at)
        return ast.copy_location(ast.If(call, [ast.copy_location(ast.Return(None), at)], []), at)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Functions and classes inside have generators of their own."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            return node
        return super().generic_visit(node)
