"""The expressions of a function, rewritten: what a handler has to see becomes a call of it. `rewrite` does the statements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from functools import partial

from hybrid.staging.exits import PREFIX, load
from hybrid.staging.liveness import captured, is_row
from hybrid.staging.pieces import EMIT, arguments, binds, flat, handler, index, is_constant, is_name, is_simple, text, thunk

_INLINED = sys.version_info >= (3, 12)  # list, set and dict comprehensions run in the frame of their function
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
# Operations whose low bits depend on nothing but the low bits of their operands, and those that ask for low bits.
_RING = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.LShift: "lshift",
         ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}  # fmt: skip
_LOW = {ast.BitAnd: "and_", ast.Mod: "mod"}
# What a class may define in Python, in functions with control flow and calls.
_OPERATORS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.MatMult: "matmul", ast.Pow: "pow"}
_COMPARED = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
_WRAP = PREFIX + "wrap"


_FOLDS = {
    "sum": 2,
    "any": 1,
    "all": 1,
    "max": 1,
    "min": 1,
    "next": 2,
}  # functions of a generator, and how many arguments they take
_CONSUMERS = frozenset(("sum", "min", "max", "any", "all", "list", "tuple", "sorted", "set", "Counter", "deque", "dict"))
_TAKERS = frozenset(("extend", "extendleft", "update", "join"))  # methods that go through what they are given


class Expressions(ast.NodeTransformer):
    """The part of a rewriter that does expressions."""

    node: ast.FunctionDef | ast.Lambda
    locals: set[str]
    consumers: frozenset[str]  # names of functions around it that use up a generator before they return
    bound: set[str] | None  # local names that have a value for certain at the place being rewritten
    lists: set[str]  # variables of lists that the function makes and changes
    gone_through: set[ast.Call]  # calls whose lists only a loop sees
    looped: set[ast.Call]  # those of which a `for` statement, or `sum` and its like, goes through what they give
    returned: set[ast.AST]  # calls of which nobody but the caller sees what they give
    items: set[str]  # names that comprehensions around it bind
    inside: int  # how many nested functions of our own are around

    def add(self, *nodes: ast.AST) -> None:
        """Names that some nodes bind."""
        raise NotImplementedError

    def nested(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """A function in this one, which is rewritten with it."""
        raise NotImplementedError

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
        from_outside = isinstance(root, ast.Name) and root.id not in self.locals | self.items  # modules, above all
        if not isinstance(node.ctx, ast.Load):
            return self.put_into(node)
        if node.attr.startswith("__") or from_outside:
            return node
        return ast.copy_location(handler("attribute", node.value, ast.Constant(node.attr)), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A list of the function's own has items of its own; what others hold is asked of a handler."""
        if isinstance(node.value, ast.Name) and node.value.id in self.lists:
            node.value = self.variable(node.value)
            node.slice = self.visit(node.slice)
            return self.put_into(node)
        node.value, node.slice = self.bare(node.value), self.visit(node.slice)
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Constant):
            return self.put_into(node)
        given = index(node.slice)
        return node if given is None else ast.copy_location(handler("item", node.value, given), node)

    def put_into(self, node: ast.Attribute | ast.Subscript) -> ast.expr:
        """By another name of an object of the caller's an attribute or item is seen that is put back later."""
        if not isinstance(node.ctx, ast.Load):
            node.value = ast.copy_location(handler("put_into", node.value), node.value)
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.expr:
        """Lists in a record, `{"loss": [], "step": []}`, are made known: whoever reads one may change it."""
        made = [is_name(key) and is_row(value) for key, value in zip(node.keys, node.values)]
        named = all(key is not None and is_constant(key) for key in node.keys)
        self.generic_visit(node)
        node.values = [
            ast.copy_location(handler("listed", value), value) if own else value for own, value in zip(made, node.values)
        ]
        if named or None in node.keys:
            return node
        pairs = [
            ast.copy_location(ast.Tuple([key, value], ast.Load()), key) for key, value in zip(node.keys, node.values) if key
        ]
        return ast.copy_location(handler("entered", ast.Constant("dict"), *pairs), node)

    def visit_List(self, node: ast.List) -> ast.expr:
        own = [_is_container(item) for item in node.elts]
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.elts = [_listed(item) if is_own else item for item, is_own in zip(node.elts, own)]
        return node

    def visit_Set(self, node: ast.Set) -> ast.expr:
        """Items of a set, as keys of a dict, may be numbers that have no hash yet."""
        known = all(map(is_constant, node.elts)) or any(isinstance(item, ast.Starred) for item in node.elts)
        self.generic_visit(node)
        return node if known else ast.copy_location(handler("entered", ast.Constant("set"), *node.elts), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """`a * b + c & mask` becomes `low(mask, "and", lambda w: w("add", w("mul", a, b), c))`: only its low bits matter."""
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.List) != isinstance(node.right, ast.List):
            return ast.copy_location(handler("repeated", self.visit(node.left), self.visit(node.right)), node)
        if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            return ast.copy_location(handler("percent", node.left, self.visit(node.right)), node)
        name = _LOW.get(type(node.op))
        if name is None or not isinstance(node.left, ast.BinOp) or type(node.left.op) not in _RING or not is_simple(node.right):
            return self.operated(node)
        if binds(node):
            return self.operated(node)
        mask = self.thunk(node.right)
        self.inside += 1
        wrapped = self.ring(node.left)
        self.inside -= 1
        made = ast.copy_location(ast.Lambda(arguments(_WRAP), wrapped), node.left)
        return ast.copy_location(handler("low", mask, ast.Constant(name), made), node)

    def operated(self, node: ast.BinOp) -> ast.expr:
        """An operation on two things, of which one may be an instance of a class that defines it."""
        known = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
        self.generic_visit(node)
        if known or type(node.op) not in _OPERATORS or isinstance(node.left, ast.List | ast.Tuple):
            return node
        return ast.copy_location(handler("binary", ast.Constant(_OPERATORS[type(node.op)]), node.left, node.right), node)

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
        if isinstance(node.func, ast.Name) and node.func.id == EMIT:
            node.args = list(map(self.bare, node.args))
            return node
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            first = [*self.node.args.posonlyargs, *self.node.args.args][:1]
            if first and not node.args and not node.keywords and "super" not in self.locals:
                node.args = [load("__class__"), load(first[0].arg)]
            return node
        if self.transposes(node):
            spread = node.args[0].value  # type: ignore[attr-defined]
            return ast.copy_location(handler("transposed", self.visit(node.func), self.bare(spread)), node)
        made = self.each(node.args[0], node.args[0].elt) if self.folds(node) else None  # type: ignore[arg-type, attr-defined]
        if made is not None:
            return ast.copy_location(handler("fold", node.func, made, *map(self.bare, node.args[1:])), node)
        function = node.func
        if isinstance(function, ast.Attribute):
            function.value = self.bare(function.value)
            only = node.args[0] if len(node.args) == 1 and not node.keywords else None
            if function.attr in _TAKERS and isinstance(only, ast.GeneratorExp) and (made := self.each(only, only.elt)):
                return ast.copy_location(handler("extended", function, made), node)
        else:
            node.func = self.visit(function)
        name = "text" if isinstance(function, ast.Name) and function.id == "print" else "written"
        lists = {part for part in node.args if isinstance(part, ast.ListComp)} if not binds(node) else set()
        self.inside += bool(lists)
        node.args = [
            self.written(part, name) if isinstance(part, ast.JoinedStr) else self.given(part, function) for part in node.args
        ]
        for keyword in node.keywords:
            keyword.value = self.bare(keyword.value)
        self.inside -= bool(lists)
        seen = "items" if node in self.gone_through else "last" if node in self.returned else "call"
        seen = "produced" if node in self.looped else seen
        if lists:
            return self.passing(node, seen)
        node.func = ast.copy_location(handler(seen, node.func), node.func)
        return node

    def passing(self, node: ast.Call, seen: str) -> ast.expr:
        """`np.array([f(x) for x in xs])`: who gets a list that nobody else knows is told to what makes it."""
        own = load(PREFIX + "function")
        for part in node.args:
            if isinstance(part, ast.Call) and getattr(part.func, "attr", "") == "filtered" and len(part.args) == 1:
                part.args.append(own)
        function, node.func = node.func, ast.copy_location(handler(seen, own), node.func)
        inner = ast.copy_location(ast.Lambda(arguments(own.id), node), node)
        return ast.copy_location(ast.Call(inner, [function], []), node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return self.written(node, "written")

    def written(self, node: ast.JoinedStr, name: str) -> ast.expr:
        """An f-string, whose values may be such that only a run knows."""
        self.generic_visit(node)
        return text(node, name) if any(isinstance(part, ast.FormattedValue) for part in node.values) else node

    def transposes(self, node: ast.Call) -> bool:
        """Whether a call is `zip(*items)`."""
        alone = len(node.args) == 1 and isinstance(node.args[0], ast.Starred) and not node.keywords
        return alone and isinstance(node.func, ast.Name) and node.func.id == "zip"

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
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            return ast.copy_location(handler("negative", node.operand), node)
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

    def iterated(self, node: ast.expr, visit: Callable[[ast.expr], ast.expr]) -> ast.expr:
        """What a loop goes over: an iterator that others go on with, if it has a name, or a list that nobody else sees."""
        named = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
        self.gone_through |= set(_lists_made(node))
        made = visit(node)
        if isinstance(made, ast.BinOp) and type(made.op) in _OF_SETS:
            return ast.copy_location(handler("walked", ast.Constant(_OF_SETS[type(made.op)]), made.left, made.right), node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(made, ast.Call) and len(made.args) == 3:
            return ast.copy_location(handler("walked", *made.args), node)
        return ast.copy_location(handler("named", made), node) if named else made

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        """`[f(x) for x in xs if p(x)]` becomes `filtered(each(xs, lambda x: p(x), lambda x: f(x)))`."""
        made = self.each(node, _listed(node.elt) if _is_container(node.elt) else node.elt)
        return self.comprehension(node) if made is None else ast.copy_location(handler("filtered", made), node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.expr:
        return self.collected("set", node, node.elt)

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        value = _listed(node.value) if _is_container(node.value) else node.value
        return self.collected("dict", node, ast.copy_location(ast.Tuple([node.key, value], ast.Load()), node.key))

    def collected(self, kind: str, node: ast.SetComp | ast.DictComp, item: ast.expr) -> ast.expr:
        made = self.each(node, item)
        return (
            self.comprehension(node)
            if made is None
            else ast.copy_location(handler("collected", ast.Constant(kind), made), node)
        )

    def each(self, node: _Comprehension, item: ast.expr) -> ast.expr | None:
        """What a comprehension is made of; None where its names have to be those of a frame."""
        plain = all(flat(part.target) is not None and not part.is_async for part in node.generators)
        if not plain or any(isinstance(part, ast.NamedExpr) for part in ast.walk(node)):
            return None
        names = {name for part in node.generators for name in flat(part.target) or ()}
        tests = [test for part in node.generators for test in part.ifs]
        if names & captured([item, *tests, *(part.iter for part in node.generators[1:])], self.consumers):
            return None  # functions that it makes share its names, and see the last of what these stand for
        return self.loops(node.generators, item)

    def loops(self, generators: list[ast.comprehension], item: ast.expr) -> ast.expr:
        """The source of the first loop, whether to take an item, and what it becomes: the other loops, or an item."""
        first, *rest = generators
        names: list[str] = flat(first.target)  # type: ignore[assignment]
        source = self.iterated(first.iter, self.bare)
        asks = any(part.ifs for part in generators)
        tests = [ast.copy_location(ast.BoolOp(ast.And(), first.ifs), first.ifs[0])] if len(first.ifs) > 1 else first.ifs
        saved, lists = self.bound, self.lists
        self.bound, self.lists = None, lists - set(names)
        made: list[ast.expr] = [self.taking(self.within(part, names, self.tested), first.target) for part in tests]
        made = made or [ast.Constant(None)]
        inner = partial(self.loops, rest) if rest else self.bare
        made.append(self.taking(self.within(item, names, inner), first.target))
        self.bound, self.lists = saved, lists
        return ast.copy_location(handler("each", source, *made, ast.Constant(bool(rest)), ast.Constant(asks)), item)

    def taking(self, value: ast.expr, target: ast.expr, item: str = PREFIX + "item") -> ast.expr:
        """A function of an item, whose parts the names of a target stand for."""
        if isinstance(target, ast.Name):
            return ast.copy_location(ast.Lambda(arguments(target.id), value), value)
        assert isinstance(target, ast.Tuple)
        last = {part.id: k for k, part in enumerate(target.elts) if isinstance(part, ast.Name)}
        named = [isinstance(part, ast.Name) and last[part.id] == k for k, part in enumerate(target.elts)]
        names = [part.id if own else f"{item}_{k}" for k, (part, own) in enumerate(zip(target.elts, named))]  # type: ignore[attr-defined]
        for name, part in zip(names, target.elts):
            if not isinstance(part, ast.Name):
                value = ast.copy_location(ast.Call(self.taking(value, part, name), [load(name)], []), value)
        inner = ast.copy_location(ast.Lambda(arguments(*names), value), value)
        spread = ast.Call(inner, [ast.Starred(load(item), ast.Load())], [])
        return ast.copy_location(ast.Lambda(arguments(item), ast.copy_location(spread, value)), value)

    def within(self, node: ast.expr, names: list[str], visit: Callable[[ast.expr], ast.expr]) -> ast.expr:
        """An expression in a function of our own that has parameters of some names."""
        saved, self.locals = (self.locals, self.items), self.locals - set(names)
        self.items = self.items | set(names)
        self.inside += 1
        out = visit(node)
        self.inside -= 1
        self.locals, self.items = saved
        return out

    def given(self, node: ast.expr, function: ast.expr) -> ast.expr:
        """An argument of a call; items that a generator makes for `sum` and its like may be those of a loop."""
        known = isinstance(function, ast.Name) and function.id in _CONSUMERS and function.id not in self.locals
        if isinstance(node, ast.Call) and known and function.id not in ("any", "all"):  # type: ignore[attr-defined]  # which may stop
            self.looped.add(node)
            keeps = function.id not in ("sum", "min", "max")  # type: ignore[attr-defined]
            return ast.copy_location(handler("gathered", self.bare(node), ast.Constant(keeps)), node)
        if not isinstance(node, ast.GeneratorExp) or not known:
            return self.bare(node)
        made = self.each(node, node.elt)
        return self.visit(node) if made is None else ast.copy_location(handler("generated", made), node)

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

    visit_GeneratorExp = comprehension


def _lists_made(node: ast.expr) -> Iterator[ast.Call]:
    """The calls of `tolist()` whose lists are gone through by a loop, or by what goes through them with it."""
    match node:
        case ast.Call(func=ast.Attribute(attr="tolist"), args=[], keywords=[]):
            yield node
        case ast.Call(func=ast.Name(id="zip" | "enumerate" | "map"), args=args):
            for part in args:
                yield from _lists_made(part)


def _is_container(item: ast.expr) -> bool:
    """Whether an item of a list is a new set, dict or deque, which is changed by itself; lists are rows of theirs."""
    if isinstance(item, ast.Call) and isinstance(item.func, ast.Name):
        return item.func.id in _CONTAINERS
    return isinstance(item, (ast.Set, ast.SetComp, ast.DictComp)) or (isinstance(item, ast.Dict) and not item.keys)


def _listed(item: ast.expr) -> ast.expr:
    return ast.copy_location(handler("listed", item), item)


_OF_SETS = {ast.BitAnd: "and_", ast.BitOr: "or_"}
_CONTAINERS = frozenset(("set", "dict", "deque", "defaultdict", "Counter", "OrderedDict"))
