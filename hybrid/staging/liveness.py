"""Which names a piece of a function binds and reads, and which are live where: a value there may still be read.

All of it works on Python's syntax trees, scope by scope: `bound` and `reads` know what belongs to nested functions, lambdas
and comprehensions. `Liveness` goes backwards through statements, as a compiler does through basic blocks; loops are passed
twice, after which the sets of a monotone, distributive analysis stand still.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from hybrid.staging.exits import Probe

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
CONSUMERS = frozenset(("next", "sum", "min", "max", "any", "all", "list", "tuple", "sorted", "set", "frozenset", "dict"))
_LEAVES = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop)


def parameters(args: ast.arguments) -> list[str]:
    """Names of all parameters, in the order in which a code object has them."""
    rest = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs, *rest)]


def outside(node: ast.AST) -> Iterator[ast.AST]:
    """What a nested function or class evaluates in the scope around it."""
    yield from getattr(node, "decorator_list", ())
    if isinstance(node, FUNCTIONS):
        yield from (*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None))
    elif isinstance(node, ast.ClassDef):
        yield from (*node.bases, *node.keywords)


def children(node: ast.AST) -> Iterator[ast.AST]:
    """As `ast.iter_child_nodes`, without the operators and contexts, which are many and hold no names."""
    for name in node._fields:
        value = getattr(node, name, None)
        if type(value) is list:
            for item in value:
                if isinstance(item, ast.AST):
                    yield item
        elif isinstance(value, ast.AST) and not isinstance(value, _LEAVES):
            yield value


def scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a scope; nested functions, classes and comprehensions are given, but not what is in them."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            stack += outside(node)
        elif isinstance(node, COMPREHENSIONS):
            stack += _walruses(node)
            stack.append(node.generators[0].iter)
        else:
            stack += children(node)


def _walruses(node: ast.AST) -> list[ast.AST]:
    """Targets of `:=` in a comprehension: they belong to the function around it."""
    return [part.target for part in ast.walk(node) if isinstance(part, ast.NamedExpr)]


def bound(*nodes: ast.AST) -> set[str]:
    """Names that some nodes bind or unbind in their own scope."""
    out: set[str] = set()
    for node in scope(nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                out.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                out.add(name)
            case ast.alias(name=name, asname=other):
                out.add(other or name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                out.add(name)
            case ast.MatchMapping(rest=str(name)):
                out.add(name)
    return out


def unbound(*nodes: ast.AST) -> set[str]:
    """Names that some nodes may unbind."""
    out: set[str] = set()
    for node in scope(nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Del()) | ast.ExceptHandler(name=str(name)):
                out.add(name)
    return out


def declared(kind: type[ast.Global] | type[ast.Nonlocal], nodes: Iterable[ast.AST]) -> set[str]:
    """Names that a scope declares global or nonlocal."""
    return {name for node in scope(nodes) if isinstance(node, kind) for name in node.names}


def own(node: ast.AST) -> list[ast.AST]:
    """The body of a function or lambda as a list."""
    body = node.body  # type: ignore[attr-defined]
    return body if isinstance(body, list) else [body]


def local_names(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """Parameters and names bound in a function that are neither global nor another function's."""
    body = own(node)
    names = bound(*body) - declared(ast.Global, body) - declared(ast.Nonlocal, body)
    return names.union(parameters(node.args))


def reads(*nodes: ast.AST) -> set[str]:
    """Names of a scope that some nodes read, nested functions and comprehensions included."""
    out: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                out.add(node.id)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            out |= free(node)
            stack += outside(node)
        elif isinstance(node, COMPREHENSIONS):
            first = node.generators[0].iter
            stack.append(first)
            inner = reads(*(part for part in _parts(node) if part is not first))
            out |= inner - bound(*(generator.target for generator in node.generators))
        else:
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                out.add(node.target.id)
            stack += children(node)
    return out


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.comprehension):
            yield from (child.target, child.iter, *child.ifs)
        else:
            yield child


def free(node: ast.AST) -> set[str]:
    """Names that a nested function or class takes from the scopes around it."""
    body = own(node)
    if isinstance(node, FUNCTIONS):
        return (reads(*body) | declared(ast.Nonlocal, body)) - local_names(node) - declared(ast.Global, body)
    return reads(*body) | declared(ast.Nonlocal, body)  # a class may bind a name and read the one around it first


def _nested(body: Iterable[ast.AST], consumers: Collection[str] = ()) -> Iterator[ast.AST]:
    """Functions, classes and generator expressions in a scope, and in its comprehensions: they may outlive a statement.

    What one of `consumers` is given does not: `sum(f(x) for x in xs)`, `max(xs, key=lambda x: …)`.
    """
    used_up = {id(argument) for top in body for node in ast.walk(top) for argument in _consumed(node, consumers)}
    for node in scope(body):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.GeneratorExp)) and id(node) not in used_up:
            yield node
        elif isinstance(node, COMPREHENSIONS):
            inner = (n for n in ast.walk(node) if isinstance(n, (ast.Lambda, ast.GeneratorExp)))
            yield from (n for n in inner if id(n) not in used_up)


def _consumed(node: ast.AST, consumers: Collection[str]) -> list[ast.expr]:
    """Generators, key functions and what `map` and `filter` call that end with a call."""
    if not isinstance(node, ast.Call):
        return []
    function = node.func
    joins = isinstance(function, ast.Attribute) and function.attr == "join" and isinstance(function.value, ast.Constant)
    if not joins and not (isinstance(function, ast.Name) and function.id in consumers):
        return []
    keys = [part.value for part in node.keywords if part.arg == "key" and isinstance(part.value, ast.Lambda)]
    lazy = [part.args for part in node.args if isinstance(part, ast.Call)
            and isinstance(part.func, ast.Name) and part.func.id in ("map", "filter")]  # fmt: skip
    called = (part for parts in lazy for part in parts if isinstance(part, ast.Lambda))
    return [*(part for part in node.args if isinstance(part, ast.GeneratorExp)), *keys, *called]


def captured(body: Sequence[ast.AST], consumers: Collection[str], called: Collection[str] = ()) -> set[str]:
    """Names of a scope that nested functions and the like may read at any time; `called`: those that only calls run."""
    out: set[str] = set()
    for node in _nested(body, consumers):
        if isinstance(node, ast.GeneratorExp):  # what it iterates over is evaluated where it stands
            inner = reads(*(part for part in _parts(node) if part is not node.generators[0].iter))
            out |= inner - bound(*(generator.target for generator in node.generators))
        elif not isinstance(node, ast.FunctionDef) or node.name not in called:
            out |= free(node)
    return out


def called_only(body: list[ast.stmt], consumers: Collection[str]) -> dict[str, set[str]]:
    """Nested functions of which nothing is done but to call them by their name, and what such a call may read.

    What one of them leaves behind (a generator, another function) could read later, so it must not make any.
    """
    names = [name.id for top in body for name in ast.walk(top) if isinstance(name, ast.Name)]
    uses = {id(node.func) for top in body for node in ast.walk(top) if isinstance(node, ast.Call)}
    found: dict[str, set[str]] = {}
    defined = [node for node in scope(body) if isinstance(node, ast.FunctionDef)]
    for node in defined:
        plain = not node.decorator_list and sum(other.name == node.name for other in defined) == 1
        kept = any(True for _ in _nested(node.body, consumers)) or any(map(_is_lasting, ast.walk(node)))
        if plain and not kept and node.name in names:
            found[node.name] = free(node)
    for top in body:
        for name in ast.walk(top):
            if isinstance(name, ast.Name) and name.id in found and (not isinstance(name.ctx, ast.Load) or id(name) not in uses):
                del found[name.id]
    while True:  # calls inside of them
        more = {name: read.union(*(found[other] for other in read & found.keys())) for name, read in found.items()}
        if more == found:
            return found
        found = more


def _is_lasting(node: ast.AST) -> bool:
    return isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await))


def rebound_inside(body: list[ast.stmt]) -> set[str]:
    """Names of a scope that nested functions rebind."""
    return {
        name for node in _nested(body) for inner in ast.walk(node) if isinstance(inner, ast.Nonlocal) for name in inner.names
    }


class Liveness:
    """Marks every branch and loop with what is `live` after it, and loops with what is `carried` from round to round.

    Args:
        body: the statements of a function.
        always: names that are live everywhere, as others than this function see them.
        called: nested functions, and what a call of each may read.
    """

    def __init__(self, body: list[ast.stmt], always: set[str], called: dict[str, set[str]]):
        self.always, self.called = always, called
        self.raised: set[str] = set()  # live where an exception goes
        self.loops: list[tuple[set[str], set[str]]] = []  # live where `break` and `continue` go
        self.block(body, set())

    def block(self, stmts: list[ast.stmt], live: set[str]) -> set[str]:
        """What is live before some statements, given what is live after them."""
        for node in reversed(stmts):
            live = self.statement(node, live) | self.raised
        return live

    def statement(self, node: ast.stmt, live: set[str]) -> set[str]:
        match node:
            case ast.If():
                node.live = live | self.always  # type: ignore[attr-defined]
                if isinstance(node.test, Probe):
                    return self.probed(node, node.test, live)
                return self.reads(node.test) | self.block(node.body, live) | self.block(node.orelse, live)
            case ast.For() | ast.While():
                return self.loop(node, live)
            case ast.Return() | ast.Raise():
                return self.reads(node)
            case ast.Break():
                return set(self.loops[-1][0])
            case ast.Continue():
                return set(self.loops[-1][1])
            case ast.Try() | ast.TryStar():
                return self.attempt(node, live)
            case ast.With():
                outer, self.raised = self.raised, self.raised | live  # the manager may swallow an exception
                inside = self.block(node.body, live)
                self.raised = outer
                for item in reversed(node.items):
                    inside = self.assigned(item, inside)
                return inside
            case ast.Match():
                cases = [
                    self.reads(case.pattern, *filter(None, [case.guard])) | self.block(case.body, live) for case in node.cases
                ]
                return self.reads(node.subject) | live.union(*cases)
            case ast.Delete() | ast.Expr() | ast.Assert():  # `del x` needs a value; `:=` may not be reached
                return live | self.reads(node) | bound(node)
        return self.assigned(node, live)

    def loop(self, node: ast.For | ast.While, live: set[str]) -> set[str]:
        node.live = live | self.always  # type: ignore[union-attr]
        over = self.block(node.orelse, live)
        test = self.reads(node.test) if isinstance(node, ast.While) else set()
        head: set[str] = set()
        for _ in range(2):
            end = head | over | set(getattr(node, "stop", ()))
            self.loops.append((live, end))
            inside = self.block(node.body, end)
            self.loops.pop()
            if isinstance(node, ast.For):
                inside = inside - _names(node.target) | self.reads(node.target)
            head = inside | test
        node.carried = head | self.always | set(getattr(node, "stop", ()))  # type: ignore[union-attr]  # asked before each round
        if isinstance(node, ast.For):
            return (head if _has_items(node.iter) else head | over) | self.reads(node.iter)
        return head | over

    def probed(self, node: ast.If, probe: Probe, live: set[str]) -> set[str]:
        """What is live before a statement that may raise: it is followed by the branch, or by the `else`."""
        body, orelse = self.block(node.body, live), self.block(node.orelse, live)
        outer, self.raised = self.raised, self.raised | orelse | self.reads(*probe.types)
        inside = self.block(probe.body, body)
        self.raised = outer
        return inside

    def attempt(self, node: ast.Try | ast.TryStar, live: set[str]) -> set[str]:
        outer = self.raised
        after = self.block(node.finalbody, live)
        self.raised = outer | after if node.finalbody else outer
        caught = set(self.raised)
        for handler in node.handlers:
            inside = self.block(handler.body, after) - {handler.name or ""}
            caught |= inside | (self.reads(handler.type) if handler.type else set())
        orelse = self.block(node.orelse, after)
        self.raised = caught
        body = self.block(node.body, orelse)
        self.raised = outer
        return body

    def assigned(self, node: ast.AST, live: set[str]) -> set[str]:
        """Live before an assignment, import or definition; a `:=` in it may not be reached and does not end a life."""
        walrus = {part.target.id for part in scope([node]) if isinstance(part, ast.NamedExpr)}
        if isinstance(node, ast.AnnAssign) and node.value is None:
            return live | self.reads(node.target)
        later = isinstance(node, ast.FunctionDef) and node.name in self.called  # calls read what it reads
        return live - (bound(node) - walrus) | self.reads(*(outside(node) if later else [node]))

    def reads(self, *nodes: ast.AST) -> set[str]:
        """Names that some nodes read, and the functions that they call."""
        names = reads(*nodes)
        return names.union(*(self.called[name] for name in names & self.called.keys()))


def _has_items(node: ast.expr) -> bool:
    """Whether a loop over an expression goes round at least once: `for k in "MXY"`, `for side in (-1, 1)`."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return any(not isinstance(item, ast.Starred) for item in node.elts)
    return isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)) and len(node.value) > 0


def _names(target: ast.AST) -> set[str]:
    """Names that assigning to a target binds."""
    return {node.id for node in scope([target]) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


# Lists ----------------------------------------------------------------------------------------------------------------
def is_list(node: ast.expr) -> bool:
    """Whether an expression may make a new list or another container."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return isinstance(node.left, ast.List) or isinstance(node.right, ast.List)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):  # `[0.0] + [inf] * n`: a new list, if it is one
        return any(isinstance(side, (ast.List, ast.ListComp, ast.BinOp)) and is_list(side) for side in (node.left, node.right))
    if isinstance(node, ast.Call):
        function = node.func
        name = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
        return name in _MAKERS
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice)
    if isinstance(node, ast.IfExp):
        return is_list(node.body) and is_list(node.orelse)
    return isinstance(node, (ast.List, ast.ListComp, ast.Dict, ast.Set, ast.DictComp, ast.SetComp))


def is_row(node: ast.expr) -> bool:
    """Whether an expression makes a new list, or a container whose keys are not those of a record."""
    if isinstance(node, ast.BinOp):
        return is_list(node)
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MAKERS
    empty = isinstance(node, ast.Dict) and not node.keys
    return call or empty or isinstance(node, (ast.List, ast.ListComp, ast.DictComp, ast.Set, ast.SetComp))


_IN_PLACE = (ast.Add, ast.Mult, ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub)  # what `a += b` may do to a container
_MAKERS = frozenset(("list", "sorted", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "copy", "fromkeys"))


def assigned(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """The targets of an assignment and what they become, where that can be told: `x = a` and `x, y = a, b`."""
    target, value = node.targets[0], node.value
    if len(node.targets) > 1:
        return []
    if not isinstance(target, ast.Tuple):
        return [(target, value)]
    if not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        return []
    pairs = list(zip(target.elts, value.elts))
    return [] if any(isinstance(part, ast.Starred) for pair in pairs for part in pair) else pairs


def changed_lists(body: list[ast.stmt], captured: set[str]) -> set[str]:
    """Variables of lists that are made, and may be others in the next round of a loop, or get or give up items: here, where
    they are passed, or in nested functions."""
    made: set[str] = set()
    changed, moved = captured | _rebound_lists(body), []
    for node in scope(body):
        match node:
            case ast.Assign():
                pairs = assigned(node)
                names = [(target.id, value) for target, value in pairs if isinstance(target, ast.Name)]
                put = [value.id for target, value in pairs if isinstance(target, ast.Subscript) and isinstance(value, ast.Name)]
                changed.update(put)  # into a list, through which it may be changed
                made.update(name for name, value in names if is_list(value))
                moved += [(name, value.id) for name, value in names if isinstance(value, ast.Name)]
            case ast.Call(func=function, args=given):
                changed.update(part.id for part in given if isinstance(part, ast.Name))
                if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                    changed.add(function.value.id)
            case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item) | ast.DictComp(value=item):
                changed.update(_put_in(item))
            case ast.List(elts=items, ctx=ast.Load()):
                changed.update(name for item in items for name in _put_in(item))
            case ast.AugAssign(target=ast.Name(id=name), op=op) if isinstance(op, _IN_PLACE):
                changed.add(name)
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id=name)]):
                changed.add(name)
            case ast.Subscript(value=ast.Name(id=name), slice=index) if not isinstance(index, (ast.Constant, ast.Slice)):
                changed.add(name)
    return made & _moved(changed, moved)


def _put_in(item: ast.expr) -> Iterator[str]:
    """The variables that an item of a list is, or has among its parts: they may be changed through it."""
    if isinstance(item, ast.Name):
        yield item.id
    for part in item.elts if isinstance(item, ast.Tuple) else ():
        yield from _put_in(part)


def _rebound_lists(body: list[ast.stmt]) -> set[str]:
    """Variables that are bound before a loop, which binds them to new lists."""
    out: set[str] = set()
    before: set[str] = set()
    for stmt in body:
        parts = [part for field in ("body", "orelse", "finalbody") for part in [getattr(stmt, field, None)] if part]
        if isinstance(stmt, (ast.For, ast.While)):
            inside = [node for node in scope(stmt.body) if isinstance(node, ast.Assign)]
            pairs = [pair for node in inside for pair in assigned(node)]
            out |= before & {target.id for target, value in pairs if isinstance(target, ast.Name) and is_list(value)}
        for part in parts:
            out |= _rebound_lists(part)
        before |= bound(stmt)
    return out


def _moved(names: set[str], moved: list[tuple[str, str]]) -> set[str]:
    """Some variables and those that may be the same object, because one is assigned to the other."""
    while more := {x for pair in moved for x in pair if not names.isdisjoint(pair)} - names:
        names = names | more
    return names
