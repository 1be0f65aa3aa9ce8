"""`try` statements become branches: each statement of the body may go on with the next one, or with the clauses.

    try:                                error = 0
        a = f(x)                        if <a = f(x)>:
        b = a / y               ->          if <b = a / y>: pass
    except KeyError:                        else: error = <which>; leave
        b = 0                           else: error = <which>; leave
    except ZeroDivisionError:           if error == 1: b = 0
        b = 1                           elif error == 2: b = 1
    else:                               else: g(b)
        g(b)                            h()
    finally:
        h()

A statement as a test is a `Probe`: the handlers run it, and ask beforehand whether it will raise what a clause is for. Where
one statement alone may raise, the clauses stand in its `else`. `exits` sees to what leaves (`Leave`) and to what must be run on
every way out (`Tried.finalbody`).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hybrid.control.plain import FINALLY
from hybrid.staging.exits import PREFIX, SCOPES, Leave, Probe, Tried, assign, blocks, load
from hybrid.staging.liveness import reads

MANY = 12  # statements of a body that are asked, each of which is recorded twice
MOST = 4  # `try` statements in one another
_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Assert, ast.Raise, ast.Pass, ast.Delete)
_LEAVES = (ast.Return, ast.Break, ast.Continue)
_STATEMENTS = (*_SIMPLE, *_LEAVES, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Global, ast.Nonlocal)
_REFUSED = (*SCOPES[:3], ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
# Whoever asks for the error that is being handled would find none.
_LOOKS = frozenset(("exc_info", "exception", "format_exc", "print_exc", "traceback", "logging", "logger", "breakpoint"))
# Managers that do the same however their body is left.
_MANAGERS = frozenset(("errstate", "nullcontext", "no_grad"))
_TELLING = frozenset(("range", "zip", "enumerate", "len", "isinstance", "reversed"))
_DIVISIONS = (ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


class Handled(ast.expr):
    """A call of a handler, of `args` and of functions that give `later`."""

    _fields = ("args", "later")
    args: list[ast.expr]
    later: list[ast.expr]
    name: str


@dataclass(frozen=True)
class _Clause:
    type: ast.expr
    number: int
    looks: bool  # at more of the error than its class and what it says
    keeps: bool  # its class
    tells: bool  # what it says

    @property
    def asks(self) -> int:
        """Whether for what the error says (1), or for more (2)."""
        return 2 if self.looks else int(self.tells)


@dataclass(frozen=True)
class _Around:
    """What statements are in.

    Attributes:
        names: of the variables for the number of the clause, the error's class, and what it says.
        clauses: innermost first.
        final: whether something has to be done on every way out.
    """

    label: str
    names: tuple[str, ...]
    clauses: tuple[_Clause, ...]
    final: bool = False
    chosen: tuple[ast.stmt, ...] = ()  # what is done about an error, where one statement alone may raise it


def with_questions(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements in which such `try` statements are branches; nested functions are left alone."""
    tries = [part for part in _all(body) if isinstance(part, (ast.Try, ast.TryStar))]
    if not tries or any(isinstance(part, _LEAVES) for node in tries for part in _all(node.finalbody)):
        return body  # what is left from a `finally` stays Python's, and all around it
    return _Tries(body).block(body)


class _Tries:
    def __init__(self, body: list[ast.stmt]):
        self.body, self.count, self.numbers, self.last = body, 0, 0, ""

    # What is in no such body ----------------------------------------------------------------------------------------------
    def block(self, stmts: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in stmts:
            if isinstance(node, ast.Try) and _is_plain(node) and self.names_errors(node):
                out += self.attempt(node, None)
                continue
            if not isinstance(node, SCOPES):
                for inner in blocks(node):
                    if inner is not getattr(node, "finalbody", None):
                        inner[:] = self.block(inner)
            out.append(node)
        return out

    def names_errors(self, node: ast.Try) -> bool:
        """Whether nobody but clauses knows the names under which errors are caught."""
        every = [part for stmt in self.body for part in ast.walk(stmt)]
        clauses = [part for part in every if isinstance(part, ast.ExceptHandler)]
        for name in {part.name for part in ast.walk(node) if isinstance(part, ast.ExceptHandler)} - {None}:
            inside = [part for clause in clauses if clause.name == name for stmt in clause.body for part in ast.walk(stmt)]
            known = {id(part) for part in inside if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
            if any(isinstance(part, ast.Name) and part.id == name and id(part) not in known for part in every):
                return False
        return True

    # A `try` statement ----------------------------------------------------------------------------------------------------
    def attempt(self, node: ast.Try, around: _Around | None) -> list[ast.stmt]:
        self.count += 1
        kinds = ("error", "raised", "told")
        names = around.names if around else tuple(f"{PREFIX}{kind}_{self.count}" for kind in kinds)
        label, final = (f"{PREFIX}{kind}_{self.count}" for kind in ("left", "final"))
        outside = around
        if node.finalbody:
            around = _Around(final, names, around.clauses if around else (), True)
        clauses = tuple(map(self.clause, node.handlers))
        if clauses:
            every = clauses + (around.clauses if around else ())
            out = self.caught(node, clauses, _Around(label, names, every, bool(around and around.final)), around)
        else:
            out = self.inside([*node.body, *node.orelse], around)
        if node.finalbody:
            after = [] if outside and outside.final else [self.again(names, outside)]
            after += [_leave(outside, node)] if outside else []
            guarded = _at(ast.Expr(_handled("guarded")), node)
            last = self.inside(node.finalbody, outside)
            out = [_tried(final, [guarded, *out], node, last, [_at(stmt, node) for stmt in after])]
        if outside is None and names[0] in reads(*out):
            out.insert(0, assign(names[0], ast.Constant(0), node))
        return out

    def again(self, names: tuple[str, ...], outside: _Around | None) -> ast.stmt:
        """After what is done on every way out: an error that no clause is for."""
        error, raised, _ = names
        again = ast.Raise(_handled("again", load(raised)), None)
        return ast.If(_equals(error, FINALLY), [again], []) if outside else again

    def clause(self, node: ast.ExceptHandler) -> _Clause:
        self.numbers += 1
        kind = node.type or ast.copy_location(ast.Name("BaseException", ast.Load()), node)
        uses = _Uses(node.name, "", "")
        for stmt in node.body:
            uses.visit(copy.deepcopy(stmt))
        return _Clause(kind, self.numbers, uses.looks, uses.again, uses.tells)

    def caught(self, node: ast.Try, clauses: tuple[_Clause, ...], within: _Around, around: _Around | None) -> list[ast.stmt]:
        """A body with its clauses; errors that are for others go on."""
        error, *kept = within.names
        chosen: list[ast.stmt] = [_leave(around, node)] if around else []
        for clause, caught in reversed(list(zip(clauses, node.handlers))):
            stmts: list[ast.stmt] = [assign(error, ast.Constant(0), caught)] if around else []
            if clause.keeps or clause.asks:
                copies = [f"{PREFIX}{kind}_of_{clause.number}" for kind in ("raised", "told")]
                used = (clause.keeps or clause.looks, clause.tells)
                stmts += [assign(copied, load(name), caught) for copied, name, is_used in zip(copies, kept, used) if is_used]
                caught.body = [_Uses(caught.name, *copies).visit(stmt) for stmt in caught.body]
            stmts += self.inside(caught.body, around)
            chosen = [_at(ast.If(_equals(error, clause.number), stmts, chosen), caught)] if chosen else stmts
        body = self.apart(node.body)
        if sum(map(self.may_raise, body)) == 1 and not any(map(_nests, body)):
            return self.inside([*body, _End(node.orelse)], replace(within, chosen=tuple(chosen)), around)
        orelse = self.inside(node.orelse, around)
        tried = _tried(within.label, self.inside(body, within), node)
        return [tried, _at(ast.If(load(error), chosen, orelse), node)]

    # What is in such a body -----------------------------------------------------------------------------------------------
    def inside(self, stmts: list[ast.stmt], around: _Around | None, after: _Around | None = None) -> list[ast.stmt]:
        """Some statements; `after`: what is around an `else` after them."""
        if around is None:
            return self.block(stmts)
        out: list[ast.stmt] = []
        stmts = self.apart(stmts)
        while stmts:
            node, *stmts = stmts
            if isinstance(node, _End):
                return [*out, *self.inside(node.body, after)]
            if self.may_raise(node):
                body = self.inside(stmts, around, after) or [ast.copy_location(ast.Pass(), node)]
                return [*out, _at(ast.If(self.probe(node, around), body, self.raised(node, around)), node)]
            out += self.statement(node, around)
        return out

    def statement(self, node: ast.stmt, around: _Around) -> list[ast.stmt]:
        match node:
            case ast.If() | ast.For() | ast.While() | ast.With():
                for block in blocks(node):
                    block[:] = self.inside(block, around)
            case ast.Try():
                return self.attempt(node, around)
        return [node]

    @staticmethod
    def may_raise(node: ast.stmt) -> bool:
        return isinstance(node, _SIMPLE) and not _does_nothing(node)

    def apart(self, stmts: list[ast.stmt]) -> list[ast.stmt]:
        """Statements of which each raises when those before it are done, if at all; constructs and ways out do not raise."""
        out: list[ast.stmt] = []
        for node in stmts:
            match node:
                case ast.Return(value=value) if value is not None and not _is_known(value):
                    out.append(self.value(value))
                    node.value = ast.copy_location(load(self.last), value)
                case ast.If(test=value) if not _tells(value):
                    truth = ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), value))
                    out.append(self.value(_at(truth, value) if isinstance(value, ast.BoolOp) else value))
                    node.test = ast.copy_location(load(self.last), value)
                case ast.For(iter=value) if not _tells(value):
                    out.append(self.value(value))
                    node.iter = ast.copy_location(load(self.last), value)
                case ast.While(test=value) if not _tells(value):
                    node.body = [_at(ast.If(value, [ast.Pass()], [ast.Break()]), value), *node.body]
                    node.test = ast.copy_location(ast.Constant(True), value)
                case ast.Assign(targets=[ast.Tuple()], value=ast.Tuple(elts=parts)) if _are_calls(parts):
                    for k, part in enumerate(parts):
                        out.append(self.value(part))
                        parts[k] = ast.copy_location(load(self.last), part)
            out.append(node)
        return out

    def value(self, value: ast.expr) -> ast.stmt:
        """A value under a name of its own, which is `last`."""
        self.count += 1
        self.last = f"{PREFIX}value_{self.count}"
        return assign(self.last, value, value)

    def probe(self, node: ast.stmt, around: _Around) -> Probe:
        probe = ast.copy_location(Probe(), node)
        probe.body, probe.final = [node], around.final
        probe.types = [copy.deepcopy(clause.type) for clause in around.clauses]
        probe.numbers = tuple(clause.number for clause in around.clauses)
        probe.asks = tuple(clause.asks for clause in around.clauses)
        return probe

    def raised(self, node: ast.stmt, around: _Around) -> list[ast.stmt]:
        """What is done where a statement raises."""
        error, raised, told = around.names
        found: list[ast.stmt] = []
        if len(around.clauses) + around.final > 1 or not around.chosen:
            found.append(assign(error, _handled("clause"), node))
        if around.final or any(clause.keeps or clause.looks for clause in around.clauses):
            found.append(assign(raised, _handled("kind"), node))
        if any(clause.tells for clause in around.clauses):
            found.append(assign(told, _handled("said"), node))
        return [*found, *(around.chosen or [_leave(around, node)])]


class _End(ast.stmt):
    """The end of a body, after which its `else` comes."""

    _fields = ("body",)

    def __init__(self, body: list[ast.stmt]):
        self.body = body


class _Uses(ast.NodeTransformer):
    """The statements of a clause: its error's class and what it says become variables of their own, wherever no more is asked.

    Attributes:
        again: whether the error is raised once more, is another's cause, or its class is asked for.
        tells: whether what it says is asked for.
        looks: whether anything else is.
    """

    def __init__(self, name: str | None, raised: str, told: str):
        self.name, self.raised, self.told = name, raised, told
        self.again = self.tells = self.looks = False

    def _is_error(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self.name

    def _said(self, at: ast.expr) -> ast.expr:
        self.tells = True
        return ast.copy_location(load(self.told), at)

    def _once_more(self, at: ast.AST) -> ast.expr:
        self.again = True
        return _at(_handled("again", load(self.raised)), at)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if not self._is_error(node):
            return node
        self.looks = True
        return ast.copy_location(ast.Name(self.raised, node.ctx), node)

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        if node.exc is None or self._is_error(node.exc):
            node.exc = self._once_more(node)
        if node.cause is not None and self._is_error(node.cause):
            node.cause = self._once_more(node)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        called = node.func.id if isinstance(node.func, ast.Name) and not node.keywords else ""
        if called == "str" and len(node.args) == 1 and self._is_error(node.args[0]):
            return self._said(node)
        if called == "type" and len(node.args) == 1 and self._is_error(node.args[0]):
            self.again = True
            return _at(_handled("class_of", load(self.raised)), node)
        if called == "print":
            node.args = [self._said(arg) if self._is_error(arg) else arg for arg in node.args]
        self.generic_visit(node)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.FormattedValue:
        if self._is_error(node.value) and node.conversion in (-1, ord("s")) and node.format_spec is None:
            node.value = self._said(node.value)
        self.generic_visit(node)
        return node


def _tried(label: str, body: list[ast.stmt], at: ast.AST, last: Sequence = (), after: Sequence = ()) -> Tried:
    made = ast.copy_location(Tried(body=body, finalbody=list(last), after=list(after)), at)  # type: ignore[call-arg]
    made.label = label
    return made


def _handled(name: str, *args: ast.expr) -> Handled:
    made = Handled()
    made.name, made.args, made.later = name, list(args), []
    return made


def _equals(name: str, number: int) -> ast.expr:
    return ast.Compare(load(name), [ast.Eq()], [ast.Constant(number)])


def _at(node, at):  # type: ignore[no-untyped-def]
    """A new node where another one stands."""
    for part in ast.walk(node):
        if isinstance(part, (ast.expr, ast.stmt, ast.ExceptHandler)) and not hasattr(part, "lineno"):
            ast.copy_location(part, at)
    return node


def _leave(around: _Around, at: ast.AST) -> Leave:
    leave = ast.copy_location(Leave(), at)
    leave.label = around.label
    return leave


# What may be asked ----------------------------------------------------------------------------------------------------------
def _is_plain(node: ast.Try) -> bool:
    """Whether a `try` has nothing that could not be told from what it becomes."""
    stmts = list(_all([node]))
    if not all(isinstance(stmt, _STATEMENTS) for stmt in stmts) or sum(isinstance(stmt, _SIMPLE) for stmt in stmts) > MANY:
        return False
    if any(isinstance(part, _REFUSED) for part in ast.walk(node)):
        return False
    if any(isinstance(stmt, ast.With) and not all(map(is_quiet, stmt.items)) for stmt in stmts):
        return False
    tries = [stmt for stmt in stmts if isinstance(stmt, ast.Try)]
    if len(tries) > MOST:
        return False
    clauses = [clause for each in tries for clause in each.handlers]
    looking = (part for clause in clauses for stmt in clause.body for part in ast.walk(stmt))
    if any(getattr(part, "id", getattr(part, "attr", None)) in _LOOKS for part in looking):
        return False
    if any(_raises_again(each.finalbody) for each in tries):
        return False
    if any(isinstance(stmt, ast.While) and stmt.orelse for stmt in stmts):
        return False
    kinds = [clause.type for clause in clauses if clause.type is not None]
    return all(_is_class(part) for kind in kinds for part in getattr(kind, "elts", [kind]))


def _raises_again(stmts: list[ast.stmt]) -> bool:
    return any(isinstance(stmt, ast.Raise) and stmt.exc is None for stmt in _all(stmts))


def _is_class(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_class(node.value))


def is_quiet(item: ast.withitem) -> bool:
    """Whether a manager does the same however its body is left."""
    function = getattr(item.context_expr, "func", None)
    return item.optional_vars is None and getattr(function, "attr", getattr(function, "id", None)) in _MANAGERS


def _is_named(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple) and all(map(_is_named, target.elts)))


def _nests(node: ast.stmt) -> bool:
    """Whether there is a statement in another one that may raise."""
    inner = [part for block in blocks(node) for part in block]
    heads: list[Any] = [
        getattr(part, "test", getattr(part, "iter", None)) for part in inner if isinstance(part, (ast.If, ast.For, ast.While))
    ]
    values = [part.value for part in inner if isinstance(part, ast.Return)]
    if not all(map(_tells, heads)) or not all(value is None or _is_known(value) for value in values):
        return True
    return any(isinstance(part, _SIMPLE) and not _does_nothing(part) for part in inner) or any(map(_nests, inner))


def _are_calls(parts: list[ast.expr]) -> bool:
    return sum(isinstance(part, ast.Call) for part in parts) > 1 and not any(isinstance(part, ast.Starred) for part in parts)


def _does_nothing(node: ast.stmt) -> bool:
    """Whether a statement only gives names to what is there."""
    names = isinstance(node, ast.Assign) and _is_known(node.value) and all(map(_is_named, node.targets))
    return names or isinstance(node, ast.Pass)


def _is_known(value: ast.expr) -> bool:
    """Whether an expression only names what is there."""
    if isinstance(value, (ast.Tuple, ast.List)):
        return all(map(_is_known, value.elts))
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.operand, ast.Constant)
    return isinstance(value, (ast.Name, ast.Constant))


def _tells(value: ast.expr) -> bool:
    """Whether a test, or what a loop goes over, does not raise."""
    for part in ast.walk(value):
        called = getattr(part, "func", None)
        if isinstance(part, ast.Call) and not (isinstance(called, ast.Name) and called.id in _TELLING):
            return False
        if isinstance(part, ast.Subscript) or (isinstance(part, ast.BinOp) and isinstance(part.op, _DIVISIONS)):
            return False
    return True


def _all(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for inner in blocks(node):
            yield from _all(inner)
