"""`:=` as assignments, wherever they can stand before the statement: a handler's lambda would keep what it binds to itself.

    while (e := f(x)) > tol:            while True:
        x = g(x)                            e = f(x)
                                            if not e > tol: break
    if a and (m := h(x)) > 1:    ->         x = g(x)
        ...                             test = False
                                        if a:
                                            m = h(x)
                                            if m > 1: test = True
                                        if test: ...

A `:=` stays where it is if what Python evaluates before it does more than name something, and in chains of comparisons, in
`a if b else c`, in lambdas and in comprehensions.
"""

from __future__ import annotations

import ast

from hybrid.staging.exits import PREFIX, SCOPES, assign, blocks, load
from hybrid.staging.pieces import binds

_VALUED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)


def without_walrus(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements with every `:=` that can stand before one as an assignment; nested functions are left alone."""
    nodes = [part for node in body for part in ast.walk(node)]
    if not any(isinstance(part, ast.NamedExpr) for part in nodes):
        return body
    return _Walrus({name for part in nodes if isinstance(part, (ast.Global, ast.Nonlocal)) for name in part.names}).block(body)


class _Walrus:
    def __init__(self, shared: set[str]) -> None:
        self.shared, self.count = shared, 0

    def block(self, stmts: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in stmts:
            if not isinstance(node, SCOPES):
                for inner in blocks(node):
                    inner[:] = self.block(inner)
                out += self.before(node)
            out.append(node)
        return out

    def before(self, node: ast.stmt) -> list[ast.stmt]:
        """What comes before a statement, which is changed in place."""
        made: list[ast.stmt] = []
        if isinstance(node, (ast.If, ast.Assert)) and binds(node.test) and (__debug__ or isinstance(node, ast.If)):
            node.test = self.test(node.test, made)
        elif isinstance(node, ast.While) and binds(node.test) and not node.orelse:
            begin: list[ast.stmt] = []
            test = self.test(node.test, begin)
            end = ast.copy_location(ast.Break(), node.test)
            leave = ast.copy_location(ast.If(_at(ast.UnaryOp(ast.Not(), test), test), [end], []), node.test)
            node.test, node.body = _at(ast.Constant(True), node.test), [*begin, leave, *node.body]
        elif isinstance(node, _VALUED) and node.value is not None and binds(node.value):
            plain = isinstance(node, (ast.Return, ast.Expr)) or all(isinstance(to, ast.Name) for to in _targets(node))
            if plain and not isinstance(node, ast.AugAssign):  # `a[f()] = (b := c)` evaluates c first, `x += (x := 1)` x
                node.value = self.value(node.value, made)
        return made

    def test(self, node: ast.expr, made: list[ast.stmt]) -> ast.expr:
        """What is left of a condition after some statements, of which only the truth counts."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self.test(node.operand, made)
            return node
        if not isinstance(node, ast.BoolOp) or not binds(*node.values[1:]):
            if isinstance(node, ast.BoolOp):
                node.values[0] = self.test(node.values[0], made)
                return node
            return self.value(node, made)
        self.count += 1
        name, every = f"{PREFIX}test_{self.count}", isinstance(node.op, ast.And)
        made.append(assign(name, ast.Constant(not every), node))
        for operand in node.values:
            known = self.test(operand, made)
            if not every:
                known = _at(ast.UnaryOp(ast.Not(), known), operand)
            inner: list[ast.stmt] = []
            made.append(ast.copy_location(ast.If(known, inner, []), operand))
            made = inner
        made.append(assign(name, ast.Constant(every), node))
        return ast.copy_location(load(name), node)

    def value(self, node: ast.expr, made: list[ast.stmt]) -> ast.expr:
        """What is left of an expression after assignments of what it binds."""
        return _Hoist(made, self.shared).visit(node)


class _Hoist:
    """Moves each `:=` out of an expression, in the order of evaluation, up to a part that does more than name something.

    Args:
        made: where the assignments go.
        shared: names that a call may rebind.
    """

    def __init__(self, made: list[ast.stmt], shared: set[str]):
        self.made, self.shared = made, shared
        self.named: set[str] = set()  # that are read before whatever comes now
        self.stuck = False  # whether something was evaluated that has to be before whatever comes now

    def visit(self, node: ast.expr) -> ast.expr:
        """What is left of it."""
        if self.stuck or isinstance(node, ast.Constant):
            return node
        if isinstance(node, ast.Name):
            self.named.add(node.id)
            self.stuck = node.id in self.shared
            return node
        if isinstance(node, ast.NamedExpr):
            return self.bound(node)
        if isinstance(node, (ast.BinOp, ast.Compare)):
            node.left = self.visit(node.left)
            if isinstance(node, ast.BinOp):
                node.right = self.visit(node.right)
            else:
                node.comparators[0] = self.visit(node.comparators[0])  # the others may not be reached
        elif isinstance(node, ast.UnaryOp):
            node.operand = self.visit(node.operand)
        elif isinstance(node, ast.Subscript):
            node.value, node.slice = self.visit(node.value), self.visit(node.slice)
        elif isinstance(node, ast.Call) and self.is_name(node.func):
            node.args[:1] = [self.visit(arg) for arg in node.args[:1] if not isinstance(arg, ast.Starred)] or node.args[:1]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        elif isinstance(node, ast.Tuple) and not any(isinstance(part, ast.Starred) for part in node.elts):
            node.elts = [self.visit(part) for part in node.elts]
            return node
        self.stuck = True
        return node

    def is_name(self, node: ast.expr) -> bool:
        """Whether it names a function: `abs`, `np.abs`."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and not self.shared.intersection(self.named | {node.id})

    def bound(self, node: ast.NamedExpr) -> ast.expr:
        before = set(self.named)
        value = self.visit(node.value)
        if node.target.id in before or binds(value):
            self.stuck = True
            return ast.copy_location(ast.NamedExpr(node.target, value), node)
        self.made.append(assign(node.target.id, value, node))
        self.named, self.stuck = before | {node.target.id}, node.target.id in self.shared
        return ast.copy_location(load(node.target.id), node)


def _targets(node: ast.stmt) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []


def _at(node: ast.expr, place: ast.AST) -> ast.expr:
    return ast.copy_location(node, place)
