"""The one way to edit a graph: walk its equations into a new builder, replacing as you go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var

# Given the equation and its already rewritten operands: replacement atoms, or None to keep the equation.
Rewrite = Callable[[Builder, Eqn, tuple[Atom, ...]], Sequence[Atom] | None]


def rebuild(graph: Graph, rewrite: Rewrite | None = None) -> Graph:
    """The graph with every equation passed through `rewrite`; folding and value numbering apply to what it makes.

    Returns the same object when nothing changed.
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
