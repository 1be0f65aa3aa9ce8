"""Examples that draw from one generator of `hybrid.random`, each where the one before it stopped.

A generator is an array, key and counter. Where every example moves the counter by as much, the examples' own counters are known
from the start, and they are computed together. Otherwise the array goes from example to example, through a loop over them.
"""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core import dtype as dt
from hybrid.core.shape import Size, TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Var
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import view as v
from hybrid.transforms.batch import Batch, batch
from hybrid.transforms.batch_flow import part, refuse, with_part
from hybrid.transforms.reverse import pruned, replay
from hybrid.transforms.terms import Recorder

COUNTER = {"start": (1,), "step": (1,)}  # where it lies in the array


def draw(
    recorder: Recorder, graph: Graph, stacked: Sequence[Atom], size: Size, passed: dict[Atom, int], generators: Sequence[Atom]
) -> tuple[list[Atom], list[bool]]:
    """The results of all examples, and which of them have the new axis 0.

    Args:
        graph: one example's: its first inputs are parts of the stacked values, the others are values from around it.
        passed: values from around it that it gives new ones, for the next example, and the places of these among its results.
        generators: those of them that are generators.
    """
    mapped = set(graph.inputs[: len(stacked)])
    moves = {}
    if set(generators) == set(passed):
        moves = {state: _moves(graph, state, graph.outputs[passed[state]], mapped) for state in generators}
    if moves and all(counts is not None for counts in moves.values()):
        return _together(recorder, graph, stacked, size, passed, {state: list(counts or ()) for state, counts in moves.items()})
    return _in_order(recorder, graph, stacked, size, passed)


def _moves(graph: Graph, state: Atom, after: Atom, mapped: set[Var]) -> list[Atom] | None:
    """By what a generator's counter is moved, if that is the same for all examples."""
    producer = {var: eqn for eqn in graph.eqns for var in eqn.outputs}
    changing: set[Atom] = {state, *mapped}
    for eqn in graph.eqns:
        if not changing.isdisjoint(eqn.inputs):
            changing.update(eqn.outputs)
    counts: list[Atom] = []
    while after is not state:
        last = producer.get(after) if isinstance(after, Var) else None
        count = None if last is None else _count(last, producer)
        if last is None or count is None or count in changing:
            return None
        counts.append(count)
        after = last.inputs[0]
    return counts


def _count(eqn: Eqn, producer: dict[Var, Eqn]) -> Atom | None:
    """What an equation adds to the counter, if that is what it does."""

    def made(atom: Atom, primitive: object) -> Eqn | None:
        found = producer.get(atom) if isinstance(atom, Var) else None
        return found if found is not None and found.primitive is primitive else None

    def same(given: Eqn) -> bool:
        return all(given.params[name] == where for name, where in COUNTER.items())

    if eqn.primitive is not v.update_slice or not same(eqn):
        return None
    shaped = made(eqn.inputs[1], v.reshape)
    total = None if shaped is None else made(shaped.inputs[0], e.add)
    if total is None:
        return None
    before = made(total.inputs[0], v.reshape)
    shown = None if before is None else made(before.inputs[0], v.slice_)
    if shown is None or shown.inputs[0] is not eqn.inputs[0] or not same(shown):
        return None
    return total.inputs[1]


def _together(
    recorder: Recorder,
    graph: Graph,
    stacked: Sequence[Atom],
    size: Size,
    passed: dict[Atom, int],
    moves: dict[Atom, list[Atom]],
) -> tuple[list[Atom], list[bool]]:
    """All examples at once, each with a counter of its own."""
    around = graph.inputs[len(stacked) :]
    outputs = tuple(count for counts in moves.values() for count in counts if isinstance(count, Var))
    known = pruned(Graph(graph.name, around, _without(graph, graph.inputs[: len(stacked)]), outputs))
    env = replay(recorder, known, around)
    starts: dict[Atom, Atom] = {}
    ends: dict[Atom, Atom] = {}
    for state, counts in moves.items():
        total = recorder.literal(0, dt.uint64)
        for count in counts:
            total = total + recorder.term(env.get(count, count))
        whole = recorder.term(state)
        at = whole.slice(**COUNTER, shape=(1,)).reshape(())
        numbers = recorder.term(recorder.emit(e.iota, shape=(size,), axis=0)[0]).astype(dt.uint64)
        counters = at + numbers * total
        each = whole.broadcast_to((size, 2)).at_slice((0, 1), (1, 1), counters.reshape((size, 1)))
        after = at + total * recorder.size(size).astype(dt.uint64)
        starts[state], ends[state] = each.atom, whole.at_slice(**COUNTER, value=after.reshape((1,))).atom
    flags = [*(True for _ in stacked), *(atom in starts for atom in around)]
    made, have = batch(graph, flags, size, randomness="different")
    env = replay(recorder, made, [*stacked, *(starts.get(atom, atom) for atom in around)])
    found, mapped = [env.get(atom, atom) for atom in made.outputs], list(have)
    for state, place in passed.items():
        found[place], mapped[place] = ends[state], False
    return found, mapped


def _without(graph: Graph, inputs: Sequence[Var]) -> tuple[Eqn, ...]:
    """The equations that need none of these inputs."""
    reached: set[Atom] = set(inputs)
    kept = []
    for eqn in graph.eqns:
        if reached.isdisjoint(eqn.inputs):
            kept.append(eqn)
        else:
            reached.update(eqn.outputs)
    return tuple(kept)


def _in_order(
    recorder: Recorder, graph: Graph, stacked: Sequence[Atom], size: Size, passed: dict[Atom, int]
) -> tuple[list[Atom], list[bool]]:
    """One example after another, what they pass on being the state of a loop."""
    whole = Batch(graph, size, draws=True)
    symbol = whole.fresh_symbol()
    places = [k for k, atom in enumerate(graph.outputs) if k not in passed.values()]
    refuse(graph.eqns, [atom for k in places if isinstance(atom := graph.outputs[k], Var)], True)
    builder = Builder(graph.name)
    inner = Recorder(builder)
    values: dict[Atom, Atom] = {state: builder.input(state.type) for state in passed}
    arrays = [builder.input(whole.lifted(graph.outputs[k].type)) for k in places]
    for var, array in zip(graph.inputs, stacked):
        values[var] = part(inner.term(builder.input(array.type)), symbol).atom
    around = [atom for atom in graph.inputs[len(stacked) :] if atom not in passed]
    values.update((atom, builder.input(atom.type)) for atom in around)
    env = replay(inner, graph, [values[var] for var in graph.inputs])
    env.update(values)
    outputs = [env.get(atom, atom) for atom in graph.outputs]
    after = [outputs[place] for place in passed.values()]
    after += [with_part(inner.term(array), symbol, inner.term(outputs[k])).atom for k, array in zip(places, arrays)]
    body = builder.finish(after)
    starts = [*passed, *(recorder.full(0, TensorType(array.type.dtype, array.type.shape)).atom for array in arrays)]
    params = {"carried": len(starts), "count": size, "symbol": symbol, "test": None, "body": body}
    made = recorder.emit(control.loop, *starts, *stacked, *around, **params)
    found = dict(zip((*passed.values(), *places), made))
    return [found[k] for k in range(len(found))], [k in places for k in range(len(found))]
