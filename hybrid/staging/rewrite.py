"""Control flow becomes calls of handlers: the syntax tree of a function, rewritten statement by statement.

    if x > 0:                       def __hy_then_1():
        y = x                           nonlocal y
    else:                               y = x
        y = -x              ->      def __hy_else_2():
                                        nonlocal y
                                        y = -x
                                    __hybrid__.branch(x > 0, __hy_then_1, __hy_else_2, __hybrid__.state(lambda: (y,), …))

`hybrid.control.plain` says what the handlers do. A body is a nested function of the user's, so that all its variables
are cells, which a handler reads and sets through the state. `exits` has taken `break`, `continue` and early `return` away.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator

from hybrid.staging.assigned import bound_by_exits
from hybrid.staging.cases import without_matches
from hybrid.staging.exits import PREFIX, Branch, Each, Exits, Probe, Repeat, either, load
from hybrid.staging.expressions import Expressions
from hybrid.staging.growing import with_lists_for_texts
from hybrid.staging.liveness import (
    CONSUMERS,
    Liveness,
    assigned,
    bound,
    called_only,
    captured,
    changed_lists,
    declared,
    is_list,
    is_row,
    local_names,
    own,
    parameters,
    reads,
    rebound_inside,
    scope,
    unbound,
)
from hybrid.staging.pieces import HANDLERS, arguments, binds, exchanges, handler, is_name, moves, thunk
from hybrid.staging.pushing import OURS, is_generator, turned, unpushable
from hybrid.staging.returns import after_loops
from hybrid.staging.tries import Handled, is_quiet, with_questions
from hybrid.staging.walrus import without_walrus

_LOOKS_AT_FRAME = ("locals", "eval", "exec")
_LOOKS_WITHOUT_ARGUMENTS = ("vars", "dir")
_Function = ast.FunctionDef | ast.Lambda


def refusal(node: ast.AST) -> str | None:
    """Why a function has to stay as it is, if so."""
    if isinstance(node, ast.AsyncFunctionDef):
        return "it is a coroutine"
    for part in scope(own(node)):
        match part:
            case ast.Yield() | ast.YieldFrom():
                return "it is a generator"
            case ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                return "it is a coroutine"
            case ast.Call(func=ast.Name(id=name)) if name in _LOOKS_AT_FRAME:
                return f"it calls {name}()"
            case ast.Call(func=ast.Name(id=name), args=[], keywords=[]) if name in _LOOKS_WITHOUT_ARGUMENTS:
                return f"it calls {name}()"
            case ast.Name(id=name) if (name.startswith(PREFIX) and name not in OURS) or name == HANDLERS:
                return f"it has a variable {name}"
    return None


def rewrite(node: _Function, mangle: Callable[[str], str], consumers: frozenset[str] = CONSUMERS, nested: bool = False) -> None:
    """Rewrite a function's or lambda's body, in place.

    Args:
        mangle: gives the name that a private one has in the class around the function.
        consumers: names of functions around it that use up a generator before they return.
        nested: whether it stands in another one, which is rewritten with it.
    """
    if not isinstance(node, ast.Lambda):
        node.body = without_walrus(without_matches(node.body))
        node.body = with_questions(with_lists_for_texts(node))
    _Rewriter(node, mangle, consumers, nested).function()


def _meet(a: set[str] | None, b: set[str] | None) -> set[str] | None:
    """What is bound where two ways come together; None: such a place is never reached."""
    return b if a is None else a if b is None else a & b


def _made_for_caller(value: ast.expr | None) -> Iterator[ast.AST]:
    """The calls of which what they give is returned, alone or in a container that is written out."""
    match value:
        case ast.Call():
            yield value
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Dict(values=parts):
            for part in parts:
                yield from _made_for_caller(part)


class _Rewriter(Expressions):
    """One function. `bound` are the local names that have a value for certain at the place being rewritten."""

    def __init__(self, node: _Function, mangle: Callable[[str], str], consumers: frozenset[str], nested: bool):
        self.node, self.mangle, self.nested_in = node, mangle, nested
        self.locals, self.items = local_names(node), set()
        self.consumers = consumers - self.locals
        self.bound: set[str] | None = set(parameters(node.args))
        self.gone_through: set[ast.Call] = set()
        self.looped: set[ast.Call] = set()
        self.returned: set[ast.AST] = set()
        self.lists: set[str] = set()  # variables of lists that the function makes and changes
        self.exchanging = False  # whether `a[i], a[j] = a[j], a[i]` is being rewritten
        self.inside = 0  # how many nested functions of our own are around
        self.count = 0

    def function(self) -> None:
        if isinstance(self.node, ast.Lambda):
            self.node.body = self.visit(self.node.body)
            return
        body = self.node.body
        rebound, global_, nonlocal_ = rebound_inside(body), declared(ast.Global, body), declared(ast.Nonlocal, body)
        self.rebound = rebound & self.locals  # by nested functions, whenever one is called
        called = called_only(body, self.consumers)
        always = captured(body, self.consumers, called) | nonlocal_
        doc = body[:1] if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else []
        certain = bound_by_exits(body) - set(parameters(self.node.args)) - self.rebound - global_ - nonlocal_
        body, invented = after_loops(body[len(doc) :] or [ast.Pass()])
        exits = Exits(body)
        ours = {name for name in self.locals if name.startswith(PREFIX)} - OURS
        self.invented = exits.invented | invented | certain | ours
        Liveness(exits.body, always, called)
        lists = changed_lists(exits.body, captured(body, ()))
        self.lists = lists & self.locals - nonlocal_ - self.rebound - global_
        self.outer, self.shared = nonlocal_, global_
        variables = sorted(self.locals - set(parameters(self.node.args)) | self.invented)
        # `x: 0` evaluates nothing, and makes x a variable of this function although only nested ones bind it.
        head: list[ast.stmt] = [ast.AnnAssign(ast.Name(name, ast.Store()), ast.Constant(0), None, 1) for name in variables]
        if global_:
            head.append(ast.Global(sorted(global_)))
        if nonlocal_:
            head.append(ast.Nonlocal(sorted(nonlocal_)))
        self.node.body = [*doc, *head, *self.block(exits.body)]

    def nested(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """A function in this one, which is rewritten with it."""
        defaults = node.args
        defaults.defaults = [self.visit(default) for default in defaults.defaults]
        defaults.kw_defaults = [default and self.visit(default) for default in defaults.kw_defaults]
        if not isinstance(node, ast.AsyncFunctionDef) and refusal(node) is None:
            rewrite(node, self.mangle, self.consumers, True)

    def turned(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
        """The forms of a nested generator function that call the body of a loop, and what makes them known."""
        if not isinstance(node, ast.FunctionDef) or not is_generator(node) or unpushable(node) is not None:
            return []
        forms = [turned(node, stops, f"{PREFIX}{name}_{node.name}") for name, stops in (("push", False), ("stop", True))]
        for form in forms:
            self.nested(form)
        known = handler("produces", load(node.name), *(load(form.name) for form in forms))
        return [*forms, ast.copy_location(ast.Expr(ast.copy_location(known, node)), node)]

    # Statements -----------------------------------------------------------------------------------------------------------
    def block(self, stmts: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in stmts:
            done = self.statement(node)
            out += [ast.copy_location(part, node) if not hasattr(part, "lineno") else part for part in done]
        return out or [ast.copy_location(ast.Pass(), node) for node in stmts[:1]]

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        match node:
            case Branch():
                return self.branch(node)
            case Each() | Repeat():
                return self.loop(node)
            case ast.Global() | ast.Nonlocal():
                return []
            case ast.ClassDef():
                self.add(node)
                return [node]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                made = self.turned(node)
                self.nested(node)
                self.add(node)
                return [node, *made]
            case ast.Assert():
                if binds(node):
                    return [self.generic_visit(node)]  # type: ignore[list-item]
                message = [] if node.msg is None else [self.thunk(node.msg)]
                call = ast.Expr(handler("assert_", self.tested(node.test), *message))
                return [ast.If(load("__debug__"), [ast.copy_location(call, node)], [])]
            case ast.AnnAssign(target=ast.Name() | ast.Attribute()) if node.value or isinstance(node.target, ast.Name):
                if node.value is None:
                    return []
                plain = ast.copy_location(ast.Assign([node.target], node.value), node)
                return self.statement(plain)
            case ast.Delete() | ast.AugAssign():
                return self.changed(node)
            case ast.Assign() if (places := exchanges(node)) and not self.exchanging:
                self.exchanging = True
                own = self.statement(node)
                self.exchanging = False
                done = ast.copy_location(handler("exchanged", *map(self.visit, places)), node)
                return [ast.copy_location(ast.If(ast.UnaryOp(ast.Not(), done), own, []), node)]
            case ast.Assign(
                targets=[ast.Tuple(elts=parts)], value=ast.Call() | ast.Name() | ast.Attribute() | ast.Subscript()
            ) if not any(isinstance(p, ast.Starred) for p in parts):
                node.targets = list(map(self.visit, node.targets))
                value = ast.copy_location(handler("unpacked", self.bare(node.value), ast.Constant(len(parts))), node.value)
                node.value = value
                self.add(node)
                return [node]
            case ast.Assign(value=ast.Name()):
                node.targets = list(map(self.visit, node.targets))
                node.value = self.bare(node.value)
                self.add(node)
                return [node]
            case ast.Assign(targets=[target]) if any(self.makes(*pair) or moves(*pair) for pair in assigned(node)):
                if isinstance(target, ast.Tuple):
                    node.value.elts = list(map(self.listed, target.elts, node.value.elts))  # type: ignore[attr-defined]
                else:
                    node.value = self.listed(target, node.value)
                node.targets[0] = self.visit(target)
                self.add(node)
                return [node]
            case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
                if isinstance(node, ast.Return) and not self.nested_in:
                    self.returned |= set(_made_for_caller(node.value))
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not binds(node.exc):
                    kind = [load(node.exc.func.id)] if isinstance(node.exc.func, ast.Name) else []
                    node.exc = ast.copy_location(handler("error", self.thunk(node.exc), *kind), node.exc)
                    node.cause = node.cause and self.visit(node.cause)
                else:
                    self.generic_visit(node)
                self.bound = None
                return [node]
            case ast.If() | ast.For() | ast.While() | ast.Try() | ast.TryStar() | ast.With() | ast.Match():
                self.python(node)
                return [node]
        self.generic_visit(node)
        self.add(node)
        return [node]

    def makes(self, target: ast.expr, value: ast.expr) -> bool:
        """Whether a new list is assigned that may be changed: by this function, or by whoever has the object it is put into."""
        if isinstance(target, ast.Name):
            return target.id in self.lists and is_list(value)
        return is_row(value) and (
            isinstance(target, ast.Attribute) or (isinstance(target, ast.Subscript) and is_name(target.slice))
        )

    def listed(self, target: ast.expr, value: ast.expr) -> ast.expr:
        """What is assigned: a new list that may be changed is made known."""
        made = self.makes(target, value)
        value = self.bare(value)
        return ast.copy_location(handler("listed", value), value) if made else value

    def add(self, *nodes: ast.AST) -> None:
        """Names that some nodes bind; what a `:=` binds is not certain."""
        if self.bound is not None:
            walrus = {part.target.id for part in scope(nodes) if isinstance(part, ast.NamedExpr)}
            self.bound = self.bound | (bound(*nodes) - walrus)

    def remove(self, names: set[str]) -> None:
        if self.bound is not None:
            self.bound = self.bound - names

    def changed(self, node: ast.Delete | ast.AugAssign) -> list[ast.stmt]:
        """`del x` and `x += 1` read a variable without naming it in an expression."""
        targets = node.targets if isinstance(node, ast.Delete) else [node.target]
        checks: list[ast.stmt] = []
        for target in targets:
            if isinstance(target, ast.Name):
                value = self.visit(ast.copy_location(load(target.id), target))
                if not isinstance(value, ast.Name):
                    checks.append(ast.copy_location(ast.Expr(value), node))
        self.generic_visit(node)
        if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub)):
            node.value = ast.copy_location(handler("operand", node.value), node.value)
        self.remove(unbound(node))
        return [*checks, node]

    def python(self, node: ast.stmt) -> None:
        """A statement that stays Python's: its expressions and blocks are rewritten, and what it binds is followed."""
        before = self.bound
        match node:
            case ast.If():
                node.test = self.visit(node.test)
                before = self.bound
                node.body = self.block(node.body)
                after, self.bound = self.bound, before
                node.orelse = self.block(node.orelse)
                self.bound = _meet(after, self.bound)
            case ast.For() | ast.While():
                if isinstance(node, ast.For):
                    node.iter = self.visit(node.iter)
                self.remove(unbound(*node.body))
                before = self.bound
                if isinstance(node, ast.For):
                    node.target = self.visit(node.target)
                    self.add(node.target)
                else:
                    node.test = self.visit(node.test)
                node.body = self.block(node.body)
                self.bound = before
                node.orelse = self.block(node.orelse)
                self.bound = before
            case ast.Try() | ast.TryStar():
                least = before and before - unbound(*node.body, *node.orelse)
                start, gone = least and least - unbound(*node.handlers), unbound(*node.finalbody)
                node.body = [*self.guarded(node), *self.block(node.body)]
                node.orelse = self.block(node.orelse)
                after = self.bound
                for clause in node.handlers:
                    self.bound = least
                    if clause.type is not None:
                        clause.type = self.visit(clause.type)
                    if clause.name and self.bound is not None:
                        self.bound = self.bound | {clause.name}
                    looks = clause.name in reads(*clause.body)
                    clause.body = self.block(clause.body)
                    if looks and clause.name:
                        asked = ast.Expr(handler("caught", load(clause.name)))
                        clause.body.insert(0, ast.copy_location(asked, clause.body[0]))
                    self.remove({clause.name or ""})
                    after = _meet(after, self.bound)
                if isinstance(node, ast.Try) and node.handlers:
                    ours = ast.Attribute(load(HANDLERS), "ours", ast.Load())
                    passed = ast.ExceptHandler(ours, None, [ast.Raise()])
                    node.handlers.insert(0, ast.copy_location(passed, node.handlers[0]))
                self.bound = start
                node.finalbody = self.block(node.finalbody)
                if self.bound is None or after is None:
                    self.bound = None
                else:
                    self.bound = (after | (self.bound - (start or set()))) - gone
            case ast.With():
                for item in node.items:
                    self.generic_visit(item)
                    self.add(item)
                least = self.bound and self.bound - unbound(*node.body)
                node.body = [*([] if all(map(is_quiet, node.items)) else self.guarded(node)), *self.block(node.body)]
                self.bound = least
            case ast.Match():
                node.subject = self.visit(node.subject)
                before = after = self.bound
                for case in node.cases:
                    self.bound = before
                    self.add(case.pattern)
                    if case.guard is not None:
                        case.guard = self.visit(case.guard)
                    case.body = self.block(case.body)
                    after = _meet(after, self.bound)
                self.bound = after

    def guarded(self, node: ast.stmt) -> list[ast.stmt]:
        """What says that errors in a body are not only what its callers see."""
        return [ast.copy_location(ast.Expr(ast.copy_location(handler("guarded"), node)), node)]

    def visit_Handled(self, node: Handled) -> ast.expr:
        """A call of a handler that was made before."""
        args = [self.visit(arg) for arg in node.args]
        return ast.copy_location(handler(node.name, *args, *map(self.thunk, node.later)), node)

    # Constructs -----------------------------------------------------------------------------------------------------------
    def branch(self, node: Branch) -> list[ast.stmt]:
        if isinstance(node.test, Probe):
            return self.attempt(node, node.test)
        names = self.names(node)
        test = self.tested(node.test)
        before = self.bound
        then, first = self.define("then", node.body, node)
        after, self.bound = self.bound, before
        orelse, second = self.define("else", node.orelse, node)
        self.bound = _meet(after, self.bound)
        call = handler("branch", test, first, second, self.state(names, node.live, set()))
        return [*then, *orelse, ast.copy_location(ast.Expr(ast.copy_location(call, node.test)), node)]

    def attempt(self, node: Branch, probe: Probe) -> list[ast.stmt]:
        """A statement that goes on with one way, or with the other where it raises."""
        least = self.bound and self.bound - unbound(*probe.body)
        made, body = self.define("try", probe.body, node)
        then, first = self.define("then", node.body, node)
        after, self.bound = self.bound, least
        types = [self.thunk(kind) for kind in probe.types]
        orelse, second = self.define("else", node.orelse, node)
        self.bound = _meet(after, self.bound)
        state = self.state(self.names(node), node.live, set())
        said = map(ast.Constant, (probe.final, probe.numbers, probe.asks))  # type: ignore[arg-type]
        call = ast.copy_location(handler("attempt", body, first, second, state, *said, *types), probe)
        return [*made, *then, *orelse, ast.copy_location(ast.Expr(call), node)]

    def loop(self, node: Each | Repeat) -> list[ast.stmt]:
        names = self.names(node)
        state = self.state(names, node.live, node.carried)
        stop = [self.thunk(ast.copy_location(either(node.stop), node))] if node.stop else []
        made: list[ast.stmt] = []
        if isinstance(node, Each):
            self.looped |= {node.iter} if isinstance(node.iter, ast.Call) else set()
            source = self.iterated(node.iter, self.visit)
            self.remove(unbound(*node.body))
            before = self.bound
            item = PREFIX + "item"
            target = ast.copy_location(ast.Assign([node.target], load(item)), node.target)
            made, body = self.define("for", [target, *node.body], node, item)
            call = ast.copy_location(handler("for_", source, body, state, *stop), node.iter)
        else:
            self.remove(unbound(node))
            before = self.bound
            test: ast.expr
            if binds(node.test):
                returned = ast.copy_location(ast.Return(node.test), node.test)
                made, test = self.define("test", [returned], node)
                self.bound = before
            else:
                test = self.thunk(node.test, self.tested)
            more, body = self.define("while", node.body, node)
            made += more
            call = ast.copy_location(handler("while_", test, body, state, *stop), node.test)
        self.bound = before
        return [*made, ast.copy_location(ast.Expr(call), node)]

    def define(self, label: str, stmts: list[ast.stmt], at: ast.stmt, *names: str) -> tuple[list[ast.stmt], ast.expr]:
        """A block as a nested function: its definition, and what stands for it in a call."""
        if not stmts:
            return [], thunk(ast.copy_location(ast.Constant(None), at))
        self.count += 1
        name = f"{PREFIX}{label}_{self.count}"
        rebound, shared = (sorted(bound(*stmts) & names) for names in (self.locals | self.outer | self.invented, self.shared))
        self.inside += 1
        body = self.block(stmts)
        self.inside -= 1
        if rebound:
            body.insert(0, ast.copy_location(ast.Nonlocal(rebound), at))
        if shared:
            body.insert(0, ast.copy_location(ast.Global(shared), at))
        made = ast.FunctionDef(name, arguments(*names), body, [], None, None)
        if sys.version_info >= (3, 12):
            made.type_params = []
        return [ast.copy_location(made, at)], load(name)

    def names(self, node: ast.stmt) -> set[str]:
        """The variables that a construct may rebind; those of functions around, any call may, of this function too."""
        return bound(node) & (self.locals | self.invented) | self.rebound | self.outer

    def state(self, names: set[str], live: set[str], carried: set[str]) -> ast.Call:
        variables = _thunk_of(sorted(names))
        sets = (names & live, names & carried, names & self.invented)
        return handler("state", variables, *(_names(frozenset(map(self.mangle, part))) for part in sets))


def _thunk_of(names: list[str]) -> ast.Lambda:
    return ast.Lambda(arguments(), ast.Tuple([load(name) for name in names], ast.Load()))


def _names(names: frozenset[str]) -> ast.Constant:
    return ast.Constant(names)  # type: ignore[arg-type]  # the compiler takes any constant that it could have folded itself
