"""Dead code, and reshapes moved to where they cost nothing."""

from __future__ import annotations

from collections.abc import Container

from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Var, anywhere, symbols_of, uses
from hybrid.ir.primitive import Kind
from hybrid.ir.rebuild import rebuild, within
from hybrid.ops import view as v
from hybrid.passes.access import is_part


def needed_by(graph: Graph, given: Container[str] = ()) -> set[Eqn]:
    """The equations that some result, assumption or size depends on; `given` sizes are known without any."""
    wanted: set[object] = {atom for atom in graph.outputs if isinstance(atom, Var)}
    wanted |= symbols_of(tuple(atom.type for atom in graph.outputs))
    found: set[Eqn] = set()
    for eqn in reversed(graph.eqns):
        if eqn.primitive.body == "bind" and eqn.params["symbol"] in given:
            continue
        defined = (*eqn.outputs, eqn.params.get("symbol"), *eqn.params.get("defines", ()))
        if is_kept(eqn) or any(name in wanted for name in defined):
            found.add(eqn)
            wanted |= {atom for atom in eqn.inputs if isinstance(atom, Var)} | symbols_of(eqn)
    return found


def assumes(eqn: Eqn) -> bool:
    """Whether the equation, or one in its bodies, may hand the call over to Python, or does more than give results."""
    return anywhere(eqn, _assumes)


def _assumes(eqn: Eqn) -> bool:
    return eqn.primitive.body in ("check", "recursion", "again") or eqn.primitive.effect  # recursions may go too deep


def is_kept(eqn: Eqn) -> bool:
    """Whether it matters that the equation is computed, whoever needs its results: it may raise; for indices see `errors`."""
    return anywhere(eqn, _is_kept)


def _is_kept(eqn: Eqn) -> bool:
    p = eqn.primitive
    return _assumes(eqn) or (p.raises and not p.indexed and not (p.spare is not None and p.spare(**eqn.params)))


def is_checked(eqn: Eqn) -> bool:
    """Whether it reads or writes at places that may be out of bounds."""
    return eqn.primitive.indexed and eqn.params.get("checked", True)


def eliminate_dead(graph: Graph) -> Graph:
    """Drop equations that no result needs, and captured arrays nobody reads. Inputs stay: they are the signature."""
    graph = within(graph, eliminate_dead)
    needed = needed_by(graph)
    kept = [eqn for eqn in graph.eqns if eqn in needed]
    used = {atom for eqn in kept for atom in eqn.inputs} | set(graph.outputs)
    constants = tuple(pair for pair in graph.constants if pair[0] in used)
    if len(kept) == len(graph.eqns) and len(constants) == len(graph.constants):
        return graph
    return graph.replace(eqns=tuple(kept), constants=constants)


def delay_writes(graph: Graph) -> Graph:
    """What a round of a loop writes into an array that it carries stands last, so that reads of the array as it was come
    before it, and it can be written in place."""
    graph = within(graph, delay_writes)
    eqns = []
    for eqn in graph.eqns:
        if eqn.primitive.body == "loop" and (body := _delayed(eqn.params["body"])) is not eqn.params["body"]:
            eqn = Eqn(eqn.primitive, eqn.inputs, {**eqn.params, "body": body}, eqn.outputs, eqn.source)
        eqns.append(eqn)
    return graph if all(a is b for a, b in zip(eqns, graph.eqns)) else graph.replace(eqns=tuple(eqns))


def _delayed(body: Graph) -> Graph:
    carried = set(body.inputs)
    read = {atom for eqn in body.eqns for atom in eqn.inputs}
    late = [eqn for eqn in body.eqns
            if eqn.primitive is v.update_slice and eqn.inputs[0] in carried and read.isdisjoint(eqn.outputs)]  # fmt: skip
    if not late or body.eqns[-len(late) :] == tuple(late):
        return body
    moved = set(late)
    return body.replace(eqns=(*(eqn for eqn in body.eqns if eqn not in moved), *late))


def sink_views(graph: Graph) -> Graph:
    """A reshape that merges axes of an elementwise value is moved onto the operands, so that the value need not be stored.

    Only where nobody else reads the value in its own shape, and every operand is stored in that shape or has rank 0.
    """
    readers = uses(graph)
    producers = graph.producers
    results = {atom for atom in graph.outputs if isinstance(atom, Var)}

    def movable(atom: Atom) -> Eqn | None:
        eqn = producers.get(atom) if isinstance(atom, Var) else None
        if (
            eqn is None
            or eqn.primitive.kind is not Kind.MAP
            or not eqn.inputs
            or is_part(eqn)  # of numbers in memory, which a view of them need not be
            or atom in results
            or len(readers[eqn.output]) != 1
        ):
            return None
        for operand in eqn.inputs:
            below = producers.get(operand) if isinstance(operand, Var) else None
            if below is not None and below.primitive.kind is Kind.VIEW:
                return None
        return eqn

    def rewrite(builder: Builder, eqn: Eqn, inputs: tuple[Atom, ...]):
        if eqn.primitive is not v.reshape or _only_splits(eqn):
            return None
        if movable(eqn.inputs[0]) is None:
            return None
        made = next((m for m in reversed(builder.eqns) if inputs[0] in m.outputs), None)
        if made is None or made.primitive.kind is not Kind.MAP:
            return None
        shape = eqn.params["shape"]
        operands = tuple(
            builder.append(v.reshape, (a,), {"shape": shape}, eqn.source)[0] if a.type.shape else a for a in made.inputs
        )
        return builder.append(made.primitive, operands, made.params, made.source)

    while True:
        out = rebuild(graph, rewrite)
        if out is graph:
            return graph
        graph = eliminate_dead(out)
        readers, producers = uses(graph), graph.producers
        results = {atom for atom in graph.outputs if isinstance(atom, Var)}


def _only_splits(eqn: Eqn) -> bool:
    groups = v.reshape_groups(eqn.inputs[0].type.shape, eqn.params["shape"])
    return groups is not None and all(len(a) == 1 for a, _ in groups)
