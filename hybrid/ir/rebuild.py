"""The one way to edit a graph: walk its equations into a new builder, replacing as you go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hybrid.core.shape import Dim, TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, bodies

# Given the equation and its already rewritten operands: replacement atoms, or None to keep the equation.
Rewrite = Callable[[Builder, Eqn, tuple[Atom, ...]], Sequence[Atom] | None]


def substituted(graph: Graph, values: Mapping[Var, Atom]) -> Graph:
    """The graph with other atoms for some of its inputs, which it then takes no more; bodies inside it, too."""
    if not values:
        return graph

    builder = Builder(graph.name)
    builder.inputs = [var for var in graph.inputs if var not in values]
    builder.names = dict(graph.names)
    env: dict[Var, Atom] = dict(values)
    for eqn in graph.eqns:
        inputs = tuple(atom if isinstance(atom, Literal) else env.get(atom, atom) for atom in eqn.inputs)
        env.update(zip(eqn.outputs, builder.append(eqn.primitive, inputs, eqn.params, eqn.source), strict=True))
    outputs = [atom if isinstance(atom, Literal) else env.get(atom, atom) for atom in graph.outputs]
    return Graph(graph.name, tuple(builder.inputs), tuple(builder.eqns), tuple(outputs), graph.constants, graph.names)


def specialised(value: Any, sizes: Mapping[str, int]) -> Any:
    """A graph, or a parameter, with numbers for some size symbols; in a graph, in all types and bodies."""
    if isinstance(value, Dim):
        return value.evaluate({name: sizes.get(name, Dim.symbol(name)) for name in value.symbols})  # type: ignore[arg-type]
    if isinstance(value, tuple):
        return tuple(specialised(item, sizes) for item in value)
    if not isinstance(value, Graph) or not sizes:
        return value
    env: dict[Var, Var] = {}

    def fresh(var: Var) -> Var:
        made = env[var] = Var(TensorType(var.type.dtype, specialised(var.type.shape, sizes), var.type.weak))
        return made

    inputs = tuple(map(fresh, value.inputs))
    constants = tuple((fresh(var), array) for var, array in value.constants)
    eqns = []
    for eqn in value.eqns:
        operands = tuple(atom if isinstance(atom, Literal) else env[atom] for atom in eqn.inputs)
        params = {name: specialised(item, sizes) for name, item in eqn.params.items()}
        eqns.append(Eqn(eqn.primitive, operands, params, tuple(map(fresh, eqn.outputs)), eqn.source))
    outputs = tuple(atom if isinstance(atom, Literal) else env[atom] for atom in value.outputs)
    names = {env[var]: name for var, name in value.names.items() if var in env}
    return Graph(value.name, inputs, tuple(eqns), outputs, constants, names)


def within(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """The graph with a pass applied to the bodies of its branches and loops; the same object when nothing changed."""
    eqns = []
    for eqn in graph.eqns:
        inner = {name: change(body) for name, body in bodies(eqn).items()}
        if any(inner[name] is not eqn.params[name] for name in inner):
            eqn = Eqn(eqn.primitive, eqn.inputs, {**eqn.params, **inner}, eqn.outputs, eqn.source)
        eqns.append(eqn)
    return graph if all(a is b for a, b in zip(eqns, graph.eqns)) else graph.replace(eqns=tuple(eqns))


def rebuild(graph: Graph, rewrite: Rewrite | None = None) -> Graph:
    """The graph with every equation passed through `rewrite`; folding and value numbering apply to what it makes.

    Returns the same object when nothing changed. Bodies of branches and loops stay as they are: see `within`.
    """
    builder = Builder(graph.name)
    builder.inputs, builder.names = list(graph.inputs), dict(graph.names)
    builder.constants = {id(array): (var, array) for var, array in graph.constants}
    env: dict[Var, Atom] = {}

    def lookup(atom: Atom) -> Atom:
        return atom if isinstance(atom, Literal) else env.get(atom, atom)

    for eqn in graph.eqns:
        inputs = tuple(lookup(atom) for atom in eqn.inputs)
        replaced = rewrite(builder, eqn, inputs) if rewrite else None
        outputs = replaced if replaced is not None else builder.append(eqn.primitive, inputs, eqn.params, eqn.source)
        env.update(zip(eqn.outputs, outputs, strict=True))
    out = builder.finish([lookup(atom) for atom in graph.outputs])
    return graph if _same(graph, out) else out


def _same(a: Graph, b: Graph) -> bool:
    if len(a.eqns) != len(b.eqns) or len(a.outputs) != len(b.outputs):
        return False
    match: dict[Var, Atom] = {}

    def equal(x: Atom, y: Atom) -> bool:
        if isinstance(x, Literal) or isinstance(y, Literal):
            return isinstance(x, Literal) and isinstance(y, Literal) and x.key == y.key
        return match.get(x, x) is y

    for left, right in zip(a.eqns, b.eqns, strict=True):
        if left.primitive is not right.primitive or left.params != right.params or len(left.inputs) != len(right.inputs):
            return False
        if not all(map(equal, left.inputs, right.inputs)):
            return False
        match.update(zip(left.outputs, right.outputs, strict=True))
    return all(map(equal, a.outputs, b.outputs))


def untested(body: Graph, split: int) -> list[Eqn]:
    """The equations of a loop's body without assumptions that the test before it, the first `split`, has looked at, and what
    only they need."""
    needed: set[Atom] = set(body.outputs)
    out = []
    for k, eqn in reversed(list(enumerate(body.eqns))):
        if k >= split or needed.intersection(eqn.outputs) or eqn.primitive.body == "bind":
            needed.update(eqn.inputs)
            out.append(eqn)
    return out[::-1]
