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
from collections.abc import Callable

from hybrid.staging.cases import without_matches
from hybrid.staging.exits import PREFIX, Branch, Each, Exits, Repeat, either, load
from hybrid.staging.liveness import (
    Liveness,
    bound,
    captured,
    changed_lists,
    declared,
    is_list,
    local_names,
    own,
    pairs,
    parameters,
    rebound_inside,
    scope,
    unbound,
)
from hybrid.staging.pieces import HANDLERS, arguments, binds, flat, handler, index, is_simple, text, thunk

_LOOKS_AT_FRAME = ("locals", "eval", "exec")
_LOOKS_WITHOUT_ARGUMENTS = ("vars", "dir")
_INLINED = sys.version_info >= (3, 12)  # list, set and dict comprehensions run in the frame of their function
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
            case ast.Name(id=name) if name.startswith(PREFIX) or name == HANDLERS:
                return f"it has a variable {name}"
    return None


def rewrite(node: _Function, mangle: Callable[[str], str]) -> None:
    """Rewrite a function's or lambda's body, in place.

    Args:
        mangle: gives the name that a private one has in the class around the function.
    """
    if not isinstance(node, ast.Lambda):
        node.body = without_matches(node.body)
    _Rewriter(node, mangle).function()


# Operations whose low bits depend on nothing but the low bits of their operands, and those that ask for low bits.
_RING = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.LShift: "lshift",
         ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}  # fmt: skip
_LOW = {ast.BitAnd: "and_", ast.Mod: "mod"}
_COMPARED = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
_WRAP = PREFIX + "wrap"


_FOLDS = {"sum": 2, "any": 1, "all": 1, "max": 1, "min": 1}  # functions of a generator, and how many arguments they take
_CONSUMERS = frozenset(("sum", "min", "max", "any", "all", "list", "tuple", "sorted", "set", "Counter"))


def _meet(a: set[str] | None, b: set[str] | None) -> set[str] | None:
    """What is bound where two ways come together; None: such a place is never reached."""
    return b if a is None else a if b is None else a & b


class _Rewriter(ast.NodeTransformer):
    """One function. `bound` are the local names that have a value for certain at the place being rewritten."""

    def __init__(self, node: _Function, mangle: Callable[[str], str]):
        self.node, self.mangle = node, mangle
        self.locals = local_names(node)
        self.bound: set[str] | None = set(parameters(node.args))
        self.lists: set[str] = set()  # variables of lists that the function makes and changes
        self.inside = 0  # how many nested functions of our own are around
        self.count = 0

    def function(self) -> None:
        if isinstance(self.node, ast.Lambda):
            self.node.body = self.visit(self.node.body)
            return
        body = self.node.body
        rebound, global_, nonlocal_ = rebound_inside(body), declared(ast.Global, body), declared(ast.Nonlocal, body)
        self.rebound = rebound & self.locals  # by nested functions, whenever one is called
        always = captured(body) | nonlocal_
        doc = body[:1] if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else []
        exits = Exits(body[len(doc) :] or [ast.Pass()], global_)
        self.invented = exits.invented
        Liveness(exits.body, always)
        lists = changed_lists(exits.body, captured(body))
        self.lists = lists & self.locals - set(parameters(self.node.args)) - nonlocal_ - self.rebound - global_
        self.outer = nonlocal_
        variables = sorted(self.locals - set(parameters(self.node.args)) | self.invented)
        # `x: 0` evaluates nothing, and makes x a variable of this function although only nested ones bind it.
        head: list[ast.stmt] = [ast.AnnAssign(ast.Name(name, ast.Store()), ast.Constant(0), None, 1) for name in variables]
        if global_:
            head.append(ast.Global(sorted(global_)))
        if nonlocal_:
            head.append(ast.Nonlocal(sorted(nonlocal_)))
        self.node.body = [*doc, *head, *self.block(exits.body)]

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
                self.nested(node)
                self.add(node)
                return [node]
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
            case ast.Assign(value=ast.Name()):
                node.targets = list(map(self.visit, node.targets))
                node.value = self.bare(node.value)
                self.add(node)
                return [node]
            case ast.Assign(targets=[target]) if any(name in self.lists and is_list(value) for name, value in pairs(node)):
                if isinstance(target, ast.Name):
                    node.value = self.listed(target, node.value)
                else:
                    node.value.elts = list(map(self.listed, target.elts, node.value.elts))  # type: ignore[attr-defined]
                self.add(node)
                return [node]
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name))], value=value) if is_list(value):
                node.value = ast.copy_location(handler("kept", load(name), self.visit(value)), value)
                node.targets = list(map(self.visit, node.targets))
                return [node]
            case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not binds(node.exc):
                    node.exc = ast.copy_location(handler("error", self.thunk(node.exc)), node.exc)
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

    def listed(self, target: ast.expr, value: ast.expr) -> ast.expr:
        """What is assigned to a variable: a new list that the function changes is made known."""
        made = isinstance(target, ast.Name) and target.id in self.lists and is_list(value)
        value = self.visit(value)
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
                node.body = self.block(node.body)
                node.orelse = self.block(node.orelse)
                after = self.bound
                for handler in node.handlers:
                    self.bound = least
                    if handler.type is not None:
                        handler.type = self.visit(handler.type)
                    if handler.name and self.bound is not None:
                        self.bound = self.bound | {handler.name}
                    handler.body = self.block(handler.body)
                    self.remove({handler.name or ""})
                    after = _meet(after, self.bound)
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
                node.body = self.block(node.body)
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

    # Constructs -----------------------------------------------------------------------------------------------------------
    def branch(self, node: Branch) -> list[ast.stmt]:
        names = self.names(node)
        test = self.tested(node.test)
        before = self.bound
        then, first = self.define("then", node.body, node)
        after, self.bound = self.bound, before
        orelse, second = self.define("else", node.orelse, node)
        self.bound = _meet(after, self.bound)
        call = handler("branch", test, first, second, self.state(names, node.live, set()))
        return [*then, *orelse, ast.copy_location(ast.Expr(ast.copy_location(call, node.test)), node)]

    def loop(self, node: Each | Repeat) -> list[ast.stmt]:
        names = self.names(node)
        state = self.state(names, node.live, node.carried)
        stop = [self.thunk(ast.copy_location(either(node.stop), node))] if node.stop else []
        made: list[ast.stmt] = []
        if isinstance(node, Each):
            source = self.visit(node.iter)
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
        rebound = sorted(bound(*stmts) & (self.locals | self.outer | self.invented))
        self.inside += 1
        body = self.block(stmts)
        self.inside -= 1
        if rebound:
            body.insert(0, ast.copy_location(ast.Nonlocal(rebound), at))
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

    # Expressions ----------------------------------------------------------------------------------------------------------
    def thunk(self, node: ast.expr, visit: Callable[[ast.expr], ast.expr] | None = None) -> ast.Lambda:
        self.inside += 1
        value = (visit or self.visit)(node)
        self.inside -= 1
        return thunk(value)

    def tested(self, node: ast.expr) -> ast.expr:
        """An expression of which only the truth matters: its parts need not be of one kind."""
        if not isinstance(node, ast.BoolOp) or binds(node):
            return self.visit(node)
        name = "all_" if isinstance(node.op, ast.And) else "any_"
        return ast.copy_location(handler(name, *(self.thunk(part, self.tested) for part in node.values)), node)

    def nested(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """A function in this one, which is rewritten with it."""
        defaults = node.args
        defaults.defaults = [self.visit(default) for default in defaults.defaults]
        defaults.kw_defaults = [default and self.visit(default) for default in defaults.kw_defaults]
        if not isinstance(node, ast.AsyncFunctionDef) and refusal(node) is None:
            rewrite(node, self.mangle)

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self.nested(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        out = self.variable(node)
        if node.id in self.lists and isinstance(node.ctx, ast.Load):
            return ast.copy_location(handler("plain", out), node)
        return out

    def bare(self, node: ast.expr) -> ast.expr:
        """An expression where a container of the function's own is as good as Python's."""
        if isinstance(node, ast.Attribute):
            return self.attribute(node)
        return self.variable(node) if isinstance(node, ast.Name) else self.visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        out = self.attribute(node)
        return out if out is node else ast.copy_location(handler("plain", out), node)

    def attribute(self, node: ast.Attribute) -> ast.expr:
        """A property is a call, whose control flow is open, too; a private name means something within its class only."""
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            root = root.value
        node.value = self.bare(node.value)
        from_outside = isinstance(root, ast.Name) and root.id not in self.locals  # modules, above all
        if not isinstance(node.ctx, ast.Load) or node.attr.startswith("__") or from_outside:
            return node
        return ast.copy_location(handler("attribute", node.value, ast.Constant(node.attr)), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A list of the function's own has items of its own; what others hold is asked of a handler."""
        if isinstance(node.value, ast.Name) and node.value.id in self.lists:
            node.value = self.variable(node.value)
            node.slice = self.visit(node.slice)
            return node
        node.value, node.slice = self.bare(node.value), self.visit(node.slice)
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Constant):
            return node
        given = index(node.slice)
        return node if given is None else ast.copy_location(handler("item", node.value, given), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """`a * b + c & mask` becomes `low(mask, "and", lambda w: w("add", w("mul", a, b), c))`: only its low bits matter."""
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.List) != isinstance(node.right, ast.List):
            return ast.copy_location(handler("repeated", self.visit(node.left), self.visit(node.right)), node)
        name = _LOW.get(type(node.op))
        if name is None or not isinstance(node.left, ast.BinOp) or type(node.left.op) not in _RING or not is_simple(node.right):
            return self.generic_visit(node)  # type: ignore[return-value]
        if binds(node):
            return self.generic_visit(node)  # type: ignore[return-value]
        mask = self.thunk(node.right)
        self.inside += 1
        wrapped = self.ring(node.left)
        self.inside -= 1
        made = ast.copy_location(ast.Lambda(arguments(_WRAP), wrapped), node.left)
        return ast.copy_location(handler("low", mask, ast.Constant(name), made), node)

    def ring(self, node: ast.expr) -> ast.expr:
        """An expression of which only the low bits matter: so do only those of what it is made of."""
        if not isinstance(node, ast.BinOp) or type(node.op) not in _RING:
            return self.visit(node)
        parts = [ast.Constant(_RING[type(node.op)]), self.ring(node.left)]
        # How far to shift is a number of its own.
        parts.append(self.visit(node.right) if isinstance(node.op, ast.LShift) else self.ring(node.right))
        return ast.copy_location(ast.Call(load(_WRAP), parts, []), node)

    def variable(self, node: ast.Name) -> ast.expr:
        certain = self.bound is None or node.id in self.bound or node.id not in self.locals
        if not self.inside or certain or not isinstance(node.ctx, ast.Load):
            return node
        return ast.copy_location(handler("local", thunk(node)), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            first = [*self.node.args.posonlyargs, *self.node.args.args][:1]
            if first and not node.args and not node.keywords and "super" not in self.locals:
                node.args = [load("__class__"), load(first[0].arg)]
            return node
        made = self.filtered(node.args[0]) if self.folds(node) else None  # type: ignore[arg-type]
        if made is not None:
            return ast.copy_location(handler("fold", node.func, *made, *map(self.bare, node.args[1:])), node)
        function = node.func
        if isinstance(function, ast.Attribute):
            function.value = self.bare(function.value)
        else:
            node.func = self.visit(function)
        node.args = [self.given(part, function) for part in node.args]
        for keyword in node.keywords:
            keyword.value = self.bare(keyword.value)
        if isinstance(node.func, ast.Name) and node.func.id == "print":
            node.args = [text(arg) if isinstance(arg, ast.JoinedStr) else arg for arg in node.args]
        node.func = ast.copy_location(handler("call", node.func), node.func)
        return node

    def folds(self, node: ast.Call) -> bool:
        """Whether a call is `sum(f(x) for x in xs)` or its like."""
        name = node.func.id if isinstance(node.func, ast.Name) and node.func.id not in self.locals else ""
        count = len(node.args) if isinstance(node.args[:1][0] if node.args else None, ast.GeneratorExp) else 0
        return 1 <= count <= _FOLDS.get(name, 0) and not node.keywords and not isinstance(node.args[-1], ast.Starred)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        if binds(node):
            return self.generic_visit(node)  # type: ignore[return-value]
        name = "and_" if isinstance(node.op, ast.And) else "or_"
        return ast.copy_location(handler(name, *map(self.thunk, node.values)), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Not):
            return node
        return ast.copy_location(handler("not_", node.operand), node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        if binds(node.body, node.orelse):
            return self.generic_visit(node)  # type: ignore[return-value]
        test = self.tested(node.test)
        return ast.copy_location(handler("choose", test, self.thunk(node.body), self.thunk(node.orelse)), node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """`a < b < c` becomes `(lambda l, r: and_(lambda: l < r, lambda: r < c))(a, b)`."""
        if len(node.ops) == 1 or binds(node):
            node.left, node.comparators = self.bare(node.left), list(map(self.bare, node.comparators))
            return self.compared(node) if len(node.ops) == 1 else node
        return self.chain(self.bare(node.left), node.ops, node.comparators, node)

    def compared(self, node: ast.Compare) -> ast.expr:
        """A comparison of two; handlers are asked what may depend on things only a run knows: `x is None`, `x in (1, 2)`."""
        if not isinstance(node.ops[0], (ast.Is, ast.IsNot, ast.In, ast.NotIn)):
            ordered = handler("compare", ast.Constant(_COMPARED[type(node.ops[0])]), node.left, node.comparators[0])
            return ast.copy_location(ordered, node)
        name = "is_" if isinstance(node.ops[0], (ast.Is, ast.IsNot)) else "in_"
        same: ast.expr = ast.copy_location(handler(name, node.left, node.comparators[0]), node)
        return same if isinstance(node.ops[0], (ast.Is, ast.In)) else ast.copy_location(handler("not_", same), node)

    def chain(self, left: ast.expr, ops: list[ast.cmpop], rest: list[ast.expr], at: ast.expr) -> ast.expr:
        a, b = PREFIX + "left", PREFIX + "right"
        second = self.bare(rest[0])
        self.inside += 1
        first = self.compared(ast.copy_location(ast.Compare(load(a), ops[:1], [load(b)]), at))
        if len(ops) > 2:
            others = self.chain(load(b), ops[1:], rest[1:], at)
        else:
            others = self.compared(ast.copy_location(ast.Compare(load(b), ops[1:], [self.bare(rest[1])]), at))
        self.inside -= 1
        both = ast.copy_location(handler("and_", thunk(first), thunk(others)), at)
        return ast.copy_location(ast.Call(ast.copy_location(ast.Lambda(arguments(a, b), both), at), [left, second], []), at)

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        """`[f(x) for x in xs if p(x)]` becomes `filtered(xs, lambda x: p(x), lambda x: f(x))`."""
        made = self.filtered(node)
        return self.comprehension(node) if made is None else ast.copy_location(handler("filtered", *made), node)

    def filtered(self, node: ast.ListComp | ast.GeneratorExp) -> list[ast.expr] | None:
        """What a comprehension is made of: the source, whether to take an item, and what it becomes."""
        first = node.generators[0]
        names = flat(first.target)
        walrus = any(isinstance(part, ast.NamedExpr) for part in ast.walk(node))
        if len(node.generators) > 1 or first.is_async or names is None or walrus:
            return None
        source = self.bare(first.iter)
        tests = [ast.copy_location(ast.BoolOp(ast.And(), first.ifs), first.ifs[0])] if len(first.ifs) > 1 else first.ifs
        saved, lists = self.bound, self.lists
        self.bound, self.lists = None, lists - set(names)
        made: list[ast.expr] = [self.taking(self.within(part, names, self.tested), first.target, names) for part in tests]
        made = made or [ast.Constant(None)]
        made.append(self.taking(self.within(node.elt, names, self.bare), first.target, names))
        self.bound, self.lists = saved, lists
        return [source, *made]

    def taking(self, value: ast.expr, target: ast.expr, names: list[str]) -> ast.expr:
        """A function of an item, whose parts the names of a target stand for."""
        inner = ast.copy_location(ast.Lambda(arguments(*names), value), value)
        if isinstance(target, ast.Name):
            return inner
        item = PREFIX + "item"
        spread = ast.Call(inner, [ast.Starred(load(item), ast.Load())], [])
        return ast.copy_location(ast.Lambda(arguments(item), ast.copy_location(spread, value)), value)

    def within(self, node: ast.expr, names: list[str], visit: Callable[[ast.expr], ast.expr]) -> ast.expr:
        """An expression in a function of our own that has parameters of some names."""
        saved, self.locals = self.locals, self.locals - set(names)
        self.inside += 1
        out = visit(node)
        self.inside -= 1
        self.locals = saved
        return out

    def given(self, node: ast.expr, function: ast.expr) -> ast.expr:
        """An argument of a call; items that a generator makes for `sum` and its like may be those of a loop."""
        if not isinstance(node, ast.GeneratorExp) or not isinstance(function, ast.Name) or function.id not in _CONSUMERS:
            return self.bare(node)
        made = self.filtered(node)
        return self.visit(node) if made is None else ast.copy_location(handler("generated", *made), node)

    def comprehension(self, node: ast.expr) -> ast.expr:
        """Its names are its own; an unbound variable of the function is one of an enclosing function, if it has a frame."""
        first = node.generators[0]  # type: ignore[attr-defined]
        first.iter = self.visit(first.iter)
        ready, first.iter = first.iter, ast.Constant(None)
        saved, self.bound = self.bound, self.bound
        if _INLINED and not isinstance(node, ast.GeneratorExp):
            self.add(*(generator.target for generator in node.generators))  # type: ignore[attr-defined]
        else:
            self.bound = None
        self.generic_visit(node)
        self.bound, first.iter = saved, ready
        return node

    visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension


def _thunk_of(names: list[str]) -> ast.Lambda:
    return ast.Lambda(arguments(), ast.Tuple([load(name) for name in names], ast.Load()))


def _names(names: frozenset[str]) -> ast.Constant:
    return ast.Constant(names)  # type: ignore[arg-type]  # the compiler takes any constant that it could have folded itself
