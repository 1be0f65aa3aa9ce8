"""Pieces of syntax trees: calls of handlers, functions of no arguments, and what an expression is made of."""

from __future__ import annotations

import ast
import copy

from hybrid.staging.exits import PREFIX, load
from hybrid.staging.liveness import scope

HANDLERS = "__hybrid__"
EMIT = PREFIX + "emit"  # what a generator function that is turned inside out does with each item


def handler(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(load(HANDLERS), name, ast.Load()), list(args), [])


def thunk(value: ast.expr) -> ast.Lambda:
    return ast.copy_location(ast.Lambda(arguments(), value), value)


def arguments(*names: str) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def binds(*nodes: ast.AST) -> bool:
    """Whether an expression has a `:=`, which a lambda would keep to itself."""
    return any(isinstance(part, ast.NamedExpr) for node in nodes for part in scope([node]))


def is_simple(node: ast.expr) -> bool:
    """Whether an expression may be evaluated earlier than it stands: names, numbers, and arithmetic of these."""
    if isinstance(node, ast.BinOp):
        return is_simple(node.left) and is_simple(node.right)
    return isinstance(node, (ast.Name, ast.Constant))


def index(node: ast.expr) -> ast.expr | None:
    """What stands in brackets as an argument of a call; None where it has parts that can stand nowhere else."""
    if isinstance(node, ast.Slice):
        parts = [part or ast.copy_location(ast.Constant(None), node) for part in (node.lower, node.upper, node.step)]
        return ast.copy_location(handler("slice", *parts), node)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        made = [None if isinstance(part, ast.Starred) else index(part) for part in node.elts]
        return None if None in made else ast.copy_location(ast.Tuple(made, ast.Load()), node)  # type: ignore[arg-type]
    return None if isinstance(node, ast.Starred) else node


def flat(target: ast.expr) -> list[str] | None:
    """The names of a target that is one, or several in a tuple, however nested; None for any other.

    A name may come twice in one tuple, as in `for _, _, weight in edges`, and stands for the last.
    """
    if isinstance(target, ast.Name):
        return [target.id]
    if not isinstance(target, ast.Tuple):
        return None
    own = list(dict.fromkeys(part.id for part in target.elts if isinstance(part, ast.Name)))
    nested = [flat(part) for part in target.elts if not isinstance(part, ast.Name)]
    if None in nested:
        return None
    names = [*own, *(name for part in nested for name in part or ())]
    return names if len(set(names)) == len(names) else None


def text(node: ast.JoinedStr, name: str = "text") -> ast.expr:
    """An f-string as a call that is given its pieces: what traced values are is known when the call has ended."""
    pieces: list[ast.expr] = []
    for part in node.values:
        if not isinstance(part, ast.FormattedValue):
            pieces.append(part)
            continue
        conversion = ast.Constant("" if part.conversion < 0 else chr(part.conversion))
        pieces.append(ast.Tuple([part.value, conversion, part.format_spec or ast.Constant("")], ast.Load()))
    return ast.fix_missing_locations(ast.copy_location(handler(name, *pieces), node))


def moves(target: ast.expr, value: ast.expr) -> bool:
    """Whether a variable is given another name."""
    return isinstance(target, ast.Name) and isinstance(value, ast.Name)


def exchanges(node: ast.Assign) -> list[ast.expr] | None:
    """The list and both places of `a[i], a[j] = a[j], a[i]`, where to find them out does nothing else."""
    match node:
        case ast.Assign(
            targets=[ast.Tuple(elts=[ast.Subscript() as one, ast.Subscript() as other])],
            value=ast.Tuple(elts=[ast.Subscript() as first, ast.Subscript() as second]),
        ):
            whole, places = _alike(one.value), [_alike(one.slice), _alike(other.slice)]
            alike = {_alike(part.value) for part in (other, first, second)} == {whole}
            if alike and [_alike(second.slice), _alike(first.slice)] == places and None not in (whole, *places):
                return [copy.deepcopy(part) for part in (first.value, second.slice, first.slice)]
    return None


_PURE = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)


def _alike(node: ast.expr) -> str | None:
    """A text that expressions of the same names and numbers have; None for what may do more."""
    return ast.unparse(node) if all(isinstance(part, _PURE) for part in ast.walk(node)) else None


def is_name(node: ast.expr | None) -> bool:
    """Whether a key is a string that stands in the source."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_constant(node: ast.expr) -> bool:
    """Whether it is a literal, or a tuple of them."""
    return all(map(is_constant, node.elts)) if isinstance(node, ast.Tuple) else isinstance(node, ast.Constant)
