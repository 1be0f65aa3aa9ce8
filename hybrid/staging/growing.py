"""Texts that loops make longer, piece by piece, as the lists of these pieces: of a text, only its form is known while tracing.

    line = ""                           line.after = []
    for x in xs:                        for x in xs:
        line += "+" if x > 0 else "-"       line.after.append("" + ("+" if x > 0 else "-"))
        name = "A" + name         ->        name.before.append("A" + "")
    return line, name                   return "".join(line.after), "".join(name.before[::-1])

Texts do not change, so that nobody knows the lists but these statements: wherever else the variable is read, a text is made
of the pieces that there are by then. A variable is left alone that is anything else in some statement, or that another function
has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from hybrid.staging.exits import SCOPES, blocks, load
from hybrid.staging.liveness import captured, parameters

_LOOPS = (ast.For, ast.While)
_Growth = tuple[list[ast.expr], list[ast.expr]]  # what comes before the text, the last of it first, and what comes after it


def with_lists_for_texts(node: ast.FunctionDef) -> list[ast.stmt]:
    """The body of a function, with lists in place of such variables."""
    found = _Uses(node.body)
    names = found.grown & found.begun - found.others - set(parameters(node.args)) - captured(node.body, ())
    if not names:
        return node.body
    sides = {name: tuple(side for side in ("before", "after") if (name, side) in found.sides) for name in names}
    return _Lists(sides).block(node.body)


def _pairs(node: ast.stmt) -> list[tuple[ast.expr, ast.expr]]:
    """What a statement assigns to what; nothing for one that does more."""
    if isinstance(node, ast.AnnAssign):
        return [(node.target, node.value)] if node.simple and node.value is not None else []
    if not isinstance(node, ast.Assign) or (len(node.targets) > 1 and not isinstance(node.value, ast.Constant)):
        return []
    out: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) and len(node.targets) == 1:
            if len(target.elts) != len(node.value.elts) or _starred(target) or _starred(node.value):
                return []
            out += zip(target.elts, node.value.elts)
        else:
            out.append((target, node.value))
    return out if len(out) == 1 or all(isinstance(to, ast.Name) for to, _ in out) else []


def _starred(node: ast.Tuple) -> bool:
    return any(isinstance(part, ast.Starred) for part in node.elts)


def _growth(target: ast.expr, value: ast.expr) -> _Growth | None:
    """By what an assignment makes a text longer."""
    if not isinstance(target, ast.Name):
        return None
    before: list[ast.expr] = []
    after: list[ast.expr] = []
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        if isinstance(value.right, ast.Name) and value.right.id == target.id:
            before, value = [value.left], value.right
            break
        after.insert(0, value.right)
        value = value.left
    found = isinstance(value, ast.Name) and value.id == target.id and bool(before or after)
    return (before, after) if found and target.id not in _names(*before, *after) else None


def _is_beginning(target: ast.expr, value: ast.expr) -> bool:
    """Whether an assignment makes a variable a known text."""
    return isinstance(target, ast.Name) and isinstance(value, ast.Constant) and type(value.value) is str


def _is_longer(node: ast.stmt) -> bool:
    return isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name)


def _names(*nodes: ast.AST) -> set[str]:
    return {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}


class _Uses:
    """What a function does with its variables: those that begin as known texts, that loops make longer, and those that
    are something else."""

    def __init__(self, body: list[ast.stmt]):
        self.begun: set[str] = set()
        self.grown: set[str] = set()
        self.others: set[str] = set()
        self.sides: set[tuple[str, str]] = set()
        self.block(body, False)

    def block(self, body: list[ast.stmt], inside: bool) -> None:
        for node in body:
            if _is_longer(node):
                self.longer(node.target, ([], [node.value]), inside)  # type: ignore[attr-defined]
            elif pairs := _pairs(node):
                for target, value in pairs:
                    growth = _growth(target, value)
                    if growth is not None and (len(pairs) == 1 or not all(growth)):
                        self.longer(target, growth, inside)
                    elif _is_beginning(target, value):
                        self.begun.add(target.id)  # type: ignore[attr-defined]
                        self.sides |= {(target.id, "after")} if value.value else set()  # type: ignore[attr-defined]
                    else:
                        self.stored(target, value)
            elif isinstance(node, SCOPES):
                self.stored(node)
            else:
                inner = list(blocks(node))
                self.stored(*(part for part in ast.iter_child_nodes(node) if not any(part in block for block in inner)))
                for block in inner:
                    self.block(block, inside or isinstance(node, _LOOPS))

    def longer(self, target: Any, growth: _Growth, inside: bool) -> None:
        before, after = growth
        self.sides |= {(target.id, side) for side, pieces in (("before", before), ("after", after)) if pieces}
        self.grown |= {target.id} if inside else set()
        self.stored(*before, *after)

    def stored(self, *nodes: ast.AST) -> None:
        for part in (part for node in nodes for part in ast.walk(node)):
            if isinstance(part, (ast.Global, ast.Nonlocal)):
                self.others |= set(part.names)
            elif isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                self.others.add(part.id)
            elif isinstance(part, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and part.name is not None:
                self.others.add(part.name)


class _Lists(ast.NodeTransformer):
    """Puts lists in place of variables; `sides`: on which ends each becomes longer."""

    def __init__(self, sides: dict[str, tuple[str, ...]]):
        self.sides = sides

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [made for node in body for made in self.statement(node)]

    def statement(self, node: ast.stmt) -> Iterator[ast.stmt]:
        pairs = _pairs(node)
        ours = [isinstance(target, ast.Name) and target.id in self.sides for target, _ in pairs]
        if _is_longer(node) and node.target.id in self.sides:  # type: ignore[attr-defined]
            yield from self.longer(node.target.id, ([], [node.value]), node)  # type: ignore[attr-defined]
        elif len(pairs) == 1 and all(ours) and (growth := _growth(*pairs[0])) is not None:
            yield from self.longer(pairs[0][0].id, growth, node)  # type: ignore[attr-defined]
        elif any(ours):
            yield from self.several(pairs, node)
        elif isinstance(node, SCOPES):
            yield node
        else:
            inner = list(blocks(node))
            made = [self.block(block) for block in inner]
            for block in inner:
                block.clear()
            self.generic_visit(node)
            for block, stmts in zip(inner, made):
                block[:] = stmts
            yield node

    def several(self, pairs: list[tuple[Any, Any]], node: ast.stmt) -> Iterator[ast.stmt]:
        """All values before anything is longer, as Python has them."""
        targets: list[ast.expr] = []
        values: list[ast.expr] = []
        after: list[ast.stmt] = []
        for target, value in pairs:
            growth = _growth(target, value)
            if target.id not in self.sides:
                targets, values = [*targets, target], [*values, self.visit(value)]
            elif growth is not None:
                targets.append(ast.Name(f"{target.id}.piece", ast.Store()))
                values.append(self.piece(*growth))
                side = "before" if growth[0] else "after"
                after.append(_appended(f"{target.id}.{side}", load(f"{target.id}.piece"), node))
            else:
                for side in self.sides[target.id]:
                    items = [value] if side == "after" and value.value else []
                    made = ast.Assign([ast.Name(f"{target.id}.{side}", ast.Store())], ast.List(items, ast.Load()))
                    after.append(_at(made, node))
        if targets:
            yield _at(ast.Assign([ast.Tuple(targets, ast.Store())], ast.Tuple(values, ast.Load())), node)
        yield from after

    def piece(self, before: list[ast.expr], after: list[ast.expr]) -> ast.expr:
        """What comes to one end, as a text: what is none raises as it does in Python."""
        text: ast.expr = ast.Constant("")
        for part in after:
            text = ast.BinOp(text, ast.Add(), self.visit(part))
        for part in before:
            text = ast.BinOp(self.visit(part), ast.Add(), text)
        return text

    def longer(self, name: str, growth: _Growth, node: ast.stmt) -> Iterator[ast.stmt]:
        before, after = growth
        first = self.piece(before, []) if before else None
        last = self.piece([], after) if after else None
        if first is not None and last is not None:  # nothing is longer before both are there
            yield _at(ast.Assign([ast.Name(f"{name}.piece", ast.Store())], first), node)
            first = load(f"{name}.piece")
        for side, piece in (("after", last), ("before", first)):
            if piece is not None:
                yield _appended(f"{name}.{side}", piece, node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        texts = []
        for side in self.sides.get(node.id, ()):
            pieces: ast.expr = load(f"{node.id}.{side}")
            if side == "before":
                pieces = ast.Subscript(pieces, ast.Slice(None, None, ast.Constant(-1)), ast.Load())
            texts.append(ast.Call(ast.Attribute(ast.Constant(""), "join", ast.Load()), [pieces], []))
        if not texts:
            return node
        return _at(texts[0] if len(texts) == 1 else ast.BinOp(texts[0], ast.Add(), texts[1]), node)


def _appended(name: str, piece: ast.expr, place: ast.AST) -> ast.stmt:
    return _at(ast.Expr(ast.Call(ast.Attribute(load(name), "append", ast.Load()), [piece], [])), place)


def _at(node: Any, place: ast.AST) -> Any:
    ast.copy_location(node, place)
    for part in ast.walk(node):
        if "lineno" in part._attributes and not hasattr(part, "lineno"):
            ast.copy_location(part, place)
    return node
