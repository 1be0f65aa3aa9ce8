"""`break`, `continue` and early `return` become assignments, so that every branch and loop has one way in and one way out.

    for x in xs:                        broke = returned = False
        if f(x): break                  for x in xs:                            # until broke or returned
        if g(x): return x                   if f(x): broke = True
        h(x)                   ->           elif g(x): result = x; returned = True
    return 0                                else: h(x)
                                        if not returned: result = 0
                                        return result

What follows a statement that always leaves goes into its other branch, where no flag is needed; what follows a statement
that may leave is guarded by flags. `Branch`, `Each` and `Repeat` mark the statements that handlers take over. Others stay
Python's: `try`, `with` and `match`, and what is left from inside a `finally`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hybrid.control.plain import RESULT

PREFIX = "__hy_"  # of invented names
RETURNED = PREFIX + "returned"
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Branch(ast.If):
    """An `if` that a handler decides."""

    live: set[str]


class Each(ast.For):
    """A `for` that a handler runs; a true flag in `stop` leaves it after a round."""

    stop: tuple[str, ...]
    live: set[str]
    carried: set[str]


class Repeat(ast.While):
    """A `while` that a handler runs."""

    stop: tuple[str, ...]
    live: set[str]
    carried: set[str]


class Probe(ast.expr):
    """The test of an `if` that runs a statement, `body`; the `else` is for what it raises, if one of some clauses is for that.

    Attributes:
        types: the classes of the clauses.
        numbers: the clauses' own.
        asks: of each clause, whether it asks for what the error says (1), or for more (2).
        final: whether something has to be done on every way out, also for errors that no clause is for.
    """

    _fields = ("body", "types")
    body: list[ast.stmt]
    types: list[ast.expr]
    numbers: tuple[int, ...]
    asks: tuple[int, ...]
    final: bool


class Tried(ast.stmt):
    """Statements that a `Leave` of the same label leaves.

    Attributes:
        finalbody: what is run however they are left.
        after: what is run after that if they were left by this label.
    """

    _fields = ("body", "finalbody", "after")
    body: list[ast.stmt]
    finalbody: list[ast.stmt]
    after: list[ast.stmt]
    label: str


class Leave(ast.stmt):
    """The way out of a `Tried`. The label is the name of a flag."""

    _fields = ()
    label: str


class Flow(NamedTuple):
    """How statements may be left: by which of `return`, `break`, `continue` and labels, and whether by their end."""

    exits: frozenset[str]
    falls: bool


_NONE = frozenset[str]()
_LEAVES: dict[type, str] = {ast.Return: "return", ast.Break: "break", ast.Continue: "continue"}
_OF_LOOPS = frozenset(("break", "continue"))
_OPAQUE = (ast.Try, ast.TryStar, ast.With, ast.Match)


def load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def assign(name: str, value: ast.expr, at: ast.AST) -> ast.Assign:
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), at)


def either(names: Sequence[str]) -> ast.expr:
    """The condition that one of some flags is set."""
    return load(names[0]) if len(names) == 1 else ast.BoolOp(ast.Or(), [load(name) for name in names])


def blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The lists of statements directly in a statement, in the same scope."""
    if isinstance(node, SCOPES):
        return
    for field in ("body", "orelse", "finalbody", "after"):
        if getattr(node, field, None):
            yield getattr(node, field)
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


class _Frame:
    """What a rewritten `return`, `break` or `continue` leaves: a function's body, or that of a loop."""

    def __init__(self, number: int):
        self.loop = number > 0
        self.flags = {"return": RETURNED, "break": f"{PREFIX}break_{number}", "continue": f"{PREFIX}continue_{number}"}
        self.used: set[str] = set()

    def flag(self, kind: str) -> str:
        """The flag that says whether it has been left in some way; a label is one."""
        return self.flags.get(kind, kind)


class Exits:
    """The rewriting of one function's body. The statements given are changed in place.

    Attributes:
        body: the statements to go on with.
        invented: names of the variables that were added.
    """

    def __init__(self, body: list[ast.stmt]):
        self.invented: set[str] = set()
        self._flows: dict[ast.stmt, Flow] = {}
        self._loops = 0
        self._pinned = self._pin(body)
        early = "return" in self._flow(body).exits
        if early and self._flow(body).falls:
            body = [*body, ast.copy_location(ast.Return(ast.Constant(None)), body[-1])]
        out = self._block(body, None, True)
        if RETURNED in self.invented:
            out.insert(0, assign(RETURNED, ast.Constant(False), body[0]))
        self.body = out

    # What stays Python's --------------------------------------------------------------------------------------------------
    def _pin(self, body: list[ast.stmt]) -> set[ast.stmt]:
        """Constructs that stay: where one is left from a `finally` or from inside one that stays."""
        returns: list[list[ast.stmt]] = []
        jumps: list[list[ast.stmt]] = []
        pinned: set[ast.stmt] = set()

        def collect(stmts: list[ast.stmt], path: list[ast.stmt], loop: int) -> None:
            for node in stmts:
                if isinstance(node, ast.Return):
                    returns.append(path)
                elif isinstance(node, (ast.Break, ast.Continue)):
                    jumps.append(path[loop:])
                for block in blocks(node):
                    inside = isinstance(node, (ast.For, ast.While)) and block is node.body
                    crossed = not isinstance(node, _OPAQUE) or block is getattr(node, "finalbody", None)
                    collect(block, [*path, node] if crossed else path, len(path) if inside else loop)

        collect(body, [], 0)
        size = -1
        while size != len(pinned):
            size = len(pinned)
            hard = lambda path: any(node in pinned or isinstance(node, _OPAQUE) for node in path)
            paths = [*filter(hard, jumps), *(returns if any(map(hard, returns)) else ())]
            pinned.update(node for path in paths for node in path)
        return pinned

    def _is_direct(self, node: ast.stmt) -> bool:
        """Whether a `try`, `with` or `match` is left only by statements that stand in no construct of a handler."""
        return not any(
            not self._is_direct(inner)
            if isinstance(inner, _OPAQUE)
            else (isinstance(inner, Tried) or self._is_handled(inner)) and self._flow([inner]).exits
            for block in blocks(node)
            for inner in block
        )

    def _is_handled(self, node: ast.stmt) -> bool:
        return isinstance(node, (ast.If, ast.For, ast.While)) and node not in self._pinned

    # How statements are left ----------------------------------------------------------------------------------------------
    def _flow(self, stmts: list[ast.stmt]) -> Flow:
        exits = _NONE
        for node in stmts:
            if node not in self._flows:
                self._flows[node] = self._flow_of(node)
            flow = self._flows[node]
            exits |= flow.exits
            if not flow.falls:
                return Flow(exits, False)
        return Flow(exits, True)

    def _flow_of(self, node: ast.stmt) -> Flow:
        if (kind := _leaves(node)) is not None:
            return Flow(frozenset((kind,)), False)
        match node:
            case Tried():
                a, b, c = map(self._flow, (node.body, node.finalbody, node.after))
                left = node.label in a.exits
                exits = a.exits - {node.label} | b.exits | (c.exits if left else _NONE)
                return Flow(exits, b.falls and (a.falls or (left and c.falls)))
            case ast.Raise():
                return Flow(_NONE, False)
            case ast.If():
                a, b = self._flow(node.body), self._flow(node.orelse)
                return Flow(a.exits | b.exits, a.falls or b.falls)
            case ast.For() | ast.While():
                a, b = self._flow(node.body), self._flow(node.orelse)
                if _is_endless(node):
                    b = Flow(_NONE, False)
                return Flow(a.exits - _OF_LOOPS | b.exits, "break" in a.exits or b.falls)
            case ast.Try() | ast.TryStar():
                tried, final = self._flow([*node.body, *node.orelse]), self._flow(node.finalbody)
                caught = [self._flow(handler.body) for handler in node.handlers]
                falls = final.falls and (tried.falls or any(flow.falls for flow in caught))
                return Flow(final.exits.union(tried.exits, *(flow.exits for flow in caught)), falls)
            case ast.With() | ast.Match():  # a context manager may swallow what is raised
                return Flow(_NONE.union(*(self._flow(block).exits for block in blocks(node))), True)
        return Flow(_NONE, True)

    # Rewriting ------------------------------------------------------------------------------------------------------------
    def _block(self, stmts: list[ast.stmt], frame: _Frame | None, tail: bool) -> list[ast.stmt]:
        """Rewrite statements.

        Args:
            frame: what they leave by flags; None where they run as Python's and may really leave.
            tail: whether nothing follows them in that frame.
        """
        out: list[ast.stmt] = []
        inner = frame or _Frame(0)
        while stmts:
            node, *stmts = stmts
            if (kind := _leaves(node)) is not None:
                return out + self._leave(node, kind, frame, tail)
            flow = self._flow([node])
            if not flow.falls:
                stmts = []
            exits = flow.exits
            if isinstance(node, _OPAQUE) and exits and not (frame is None and self._is_direct(node)):
                self._opaque(node, inner, tail and not stmts)
                out.append(node)
            elif isinstance(node, Tried):
                out += self._tried(node, inner, tail and not stmts)
            elif not self._is_handled(node):
                for block in blocks(node):
                    block[:] = self._block(list(block), None, True) or [ast.copy_location(ast.Pass(), node)]
                out.append(node)
                continue
            elif isinstance(node, ast.If):
                body, orelse = node.body, node.orelse
                if exits and not self._flow(body).falls:
                    orelse, stmts = orelse + stmts, []
                elif exits and not self._flow(orelse).falls:
                    body, stmts = body + stmts, []
                last = tail and not stmts
                branch = Branch(node.test, self._block(body, inner, last), self._block(orelse, inner, last))
                out.append(ast.copy_location(branch, node))
            else:
                assert isinstance(node, (ast.For, ast.While))
                exits = self._flow(node.body).exits - _OF_LOOPS
                before, loop, after = self._loop(node)
                out += [*before, loop]
                stmts = after + stmts
            if exits:
                if stmts:
                    out.append(self._unless(exits, stmts, inner, tail))
                if frame is None:
                    out.append(ast.copy_location(ast.Return(load(RESULT)), node))
                return out
        return out

    def _unless(self, exits: frozenset[str], stmts: list[ast.stmt], frame: _Frame, tail: bool) -> Branch:
        """Statements that run if the frame has not been left."""
        flags = [frame.flag(kind) for kind in sorted(exits)]
        self.invented.update(flags)
        frame.used.update(flags)
        test = ast.copy_location(ast.UnaryOp(ast.Not(), either(flags)), stmts[0])
        return ast.copy_location(Branch(test, self._block(stmts, frame, tail), []), stmts[0])

    def _opaque(self, node: ast.stmt, frame: _Frame, tail: bool) -> None:
        """Rewrite the blocks of a `try`, `with` or `match`; the `else` of a `try` is for bodies that were not left."""
        orelse = getattr(node, "orelse", [])
        exits = self._flow(node.body).exits if orelse else _NONE  # type: ignore[attr-defined]
        for block in blocks(node):
            if block is orelse and exits:
                block[:] = [self._unless(exits, list(block), frame, tail)]
            else:
                block[:] = self._block(list(block), frame, tail and not exits) or [ast.copy_location(ast.Pass(), node)]

    def _tried(self, node: Tried, frame: _Frame, tail: bool) -> list[ast.stmt]:
        """The statements of a `Tried`, and those that are run however the others are left."""
        out = self._block(list(node.body), frame, tail)
        if node.label in self.invented:
            out.insert(0, assign(node.label, ast.Constant(False), node))
        out += self._block(list(node.finalbody), frame, tail and not node.after)
        if node.after and node.label in self.invented:
            after = Branch(load(node.label), self._block(list(node.after), frame, tail), [])
            out.append(ast.copy_location(after, node))
        return out

    def _leave(self, node: ast.stmt, kind: str, frame: _Frame | None, tail: bool) -> list[ast.stmt]:
        if frame is None:
            return [node]
        out: list[ast.stmt] = []
        if isinstance(node, ast.Return):
            out.append(assign(RESULT, node.value or ast.Constant(None), node))
            self.invented.add(RESULT)
        if not tail or kind not in ("return", "continue") or (kind == "return" and frame.loop):
            flag = frame.flag(kind)
            out.append(assign(flag, ast.Constant(True), node))
            self.invented.add(flag)
            frame.used.add(flag)
        return out

    def _loop(self, node: ast.For | ast.While) -> tuple[list[ast.stmt], ast.stmt, list[ast.stmt]]:
        """A loop, what must stand before it, and its `else`."""
        self._loops += 1
        frame = _Frame(self._loops)
        exits = self._flow(node.body).exits
        body = self._block(node.body, frame, True)
        broke, continued = frame.flags["break"], frame.flags["continue"]
        if continued in frame.used:
            body.insert(0, assign(continued, ast.Constant(False), node))
        loop: Each | Repeat
        if isinstance(node, ast.For):
            loop = Each(node.target, node.iter, body, [])
        else:
            loop = Repeat(node.test, body, [])
        loop.stop = tuple(frame.flag(kind) for kind in sorted(exits - {"continue"}))
        self.invented.update(loop.stop)
        after = [] if _is_endless(node) else node.orelse
        if "break" not in exits:
            return [], ast.copy_location(loop, node), after
        if after:
            test = ast.copy_location(ast.UnaryOp(ast.Not(), load(broke)), after[0])
            after = [ast.copy_location(ast.If(test, after, []), after[0])]
        return [assign(broke, ast.Constant(False), node)], ast.copy_location(loop, node), after


def _leaves(node: ast.stmt) -> str | None:
    """The kind of a statement that always leaves."""
    return node.label if isinstance(node, Leave) else _LEAVES.get(type(node))


def _is_endless(node: ast.stmt) -> bool:
    return isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
