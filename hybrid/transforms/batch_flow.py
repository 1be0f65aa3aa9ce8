"""Branches and loops over many examples, and loops over the examples themselves.

Where examples take different ways, all ways are computed and each example chooses; that is done only where nothing can happen
on a way that an example does not take. Else one example after another goes its own way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Var, symbols_of
from hybrid.ops import control, reduce
from hybrid.transforms.examples import defined, harmless, has_effects_inside, knowing
from hybrid.transforms.terms import Recorder, Term

if TYPE_CHECKING:
    from hybrid.transforms.batch import Examples


def construct(
    examples: Examples, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool], wanted: Sequence[bool]
) -> Sequence[Atom]:
    """The results of a branch, loop or recursion."""
    if eqn.primitive.body == "cond":
        return _cond(examples, eqn, inputs, mapped, wanted)
    if eqn.primitive.body == "loop":
        return _loop(examples, eqn, inputs, mapped)
    return alone(examples, eqn, inputs, mapped)


def _cond(
    examples: Examples, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool], wanted: Sequence[bool]
) -> Sequence[Atom]:
    batch, recorder = examples.batch, examples.recorder
    ways = {name: eqn.params[name] for name in ("then", "orelse")}
    if not mapped[0]:
        guards = () if examples.guard is None else (examples.guard,)
        graphs = {name: batch.graph(way, mapped[1:], wanted, bool(guards))[0] for name, way in ways.items()}
        return recorder.emit(control.cond, *inputs, *guards, **graphs)
    if not all(harmless(way, batch.bounds) for way in ways.values()):
        return alone(examples, eqn, inputs, mapped)
    predicate = recorder.term(inputs[0])
    made = []
    for way, holds in zip(ways.values(), (predicate, ~predicate)):
        guard = holds if examples.guard is None else recorder.term(examples.guard) & holds
        outputs, have = _guarded(examples, guard).play(way, inputs[1:], mapped[1:])
        made.append(list(zip(outputs, have)))
    return [_chosen(examples, predicate, a, b, var.type) for a, b, var in zip(*made, eqn.outputs)]


def _guarded(examples: Examples, guard: Term) -> Examples:
    return type(examples)(examples.batch, guard.recorder, guard.atom)


def _chosen(examples: Examples, predicate: Term, then: tuple[Atom, bool], orelse: tuple[Atom, bool], of: TensorType) -> Atom:
    """Each example's own of two values."""
    a, b = examples.lift(*then), examples.lift(*orelse)
    return examples.stretched(predicate, True, of).select(a, b).atom


def _loop(examples: Examples, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool]) -> Sequence[Atom]:
    batch, recorder, params = examples.batch, examples.recorder, eqn.params
    carried, count, test = params["carried"], params["count"], params["test"]
    moving, ends = batch.reach.of_loop(eqn, mapped)
    flags = [*moving, *mapped[carried:]]
    state = [examples.lift(atom, has).atom if moves else atom for atom, has, moves in zip(inputs, mapped, moving)]
    with knowing(batch.bounds, params["symbol"], None if count is None else count - 1):
        if ends:
            if not all(harmless(graph, batch.bounds) for graph in (params["body"], test)):
                return alone(examples, eqn, inputs, mapped, moving)
            return _each_its_rounds(examples, eqn, [*state, *inputs[carried:]], flags)
        guards = () if examples.guard is None else (examples.guard,)
        graphs: dict[str, Graph | None] = {"body": batch.graph(params["body"], flags, moving, bool(guards))[0], "test": None}
        if test is not None:
            graphs["test"] = batch.graph(test, flags, [False], bool(guards))[0]
    return recorder.emit(control.loop, *state, *inputs[carried:], *guards, **{**params, **graphs})


def _each_its_rounds(examples: Examples, eqn: Eqn, inputs: Sequence[Atom], flags: Sequence[bool]) -> Sequence[Atom]:
    """Rounds as long as some example goes on; those that do not keep their state."""
    batch, recorder, params = examples.batch, examples.recorder, eqn.params
    carried = params["carried"]
    active = TensorType(dt.bool_, (batch.size,))
    graphs: dict[str, Graph] = {}
    for name in ("test", "body"):
        graph = params[name]
        builder = Builder(graph.name)
        inner = Recorder(builder)
        inner.source = eqn.source
        given = batch.inputs(builder, graph, flags)
        going = Var(active)
        builder.inputs.insert(carried, going)
        (holds,), have = _guarded(examples, inner.term(going)).play(params["test"], given, flags)
        on = inner.term(going) & inner.term(holds)
        if name == "test":
            outputs = [inner.emit(reduce.any, on.atom, axes=(0,))[0]]
        else:
            made, have = _guarded(examples, on).play(graph, given, flags)
            after = _guarded(examples, on)
            outputs = [
                _chosen(after, on, (new, has), (old, True), var.type) if moves else new
                for new, has, old, moves, var in zip(made, have, given, flags, graph.inputs)
            ]
            outputs.append(on.atom)
        graphs[name] = builder.finish(outputs)
    start = recorder.full(True, active).atom if examples.guard is None else examples.guard
    operands = (*inputs[:carried], start, *inputs[carried:])
    out = recorder.emit(control.loop, *operands, **{**params, "carried": carried + 1, **graphs})
    return out[:carried]


# One example after another ------------------------------------------------------------------------------------------------
def alone(
    examples: Examples, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool], wanted: Sequence[bool] | None = None
) -> Sequence[Atom]:
    """The results of one equation; those that are not wanted are operands that it gives back."""
    results = [var for k, var in enumerate(eqn.outputs) if wanted is None or wanted[k]]
    out = one_by_one(examples, (eqn,), dict(zip(eqn.inputs, inputs)), _differing(eqn, mapped), results)
    return [out.get(var, atom) for var, atom in zip(eqn.outputs, inputs)] if wanted is not None else [*out.values()]


def _differing(eqn: Eqn, mapped: Sequence[bool]) -> set[Atom]:
    return {atom for atom, has in zip(eqn.inputs, mapped) if has}


def effect(examples: Examples, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool]) -> Sequence[Atom]:
    """What is drawn for each example, in order, with the token going through all of them; refused if it is to be shared."""
    if not examples.batch.draws:
        raise TraceError("what is drawn or printed differs from example to example and cannot be shared",
                         fix='say randomness="different"', at=eqn.source)  # fmt: skip
    if not inputs:
        return examples.recorder.emit(eqn.primitive, **eqn.params)
    env = dict(zip(eqn.inputs, inputs))
    out = one_by_one(examples, (eqn,), env, _differing(eqn, mapped), eqn.outputs[1:], (eqn.inputs[0], eqn.output))
    return [out[var] for var in eqn.outputs]


def one_by_one(
    examples: Examples,
    eqns: Sequence[Eqn],
    env: Mapping[Atom, Atom],
    differing: Collection[Atom],
    results: Sequence[Var],
    token: tuple[Atom, Var] | None = None,
) -> dict[Atom, Atom]:
    """What some equations give, by a loop whose rounds take one example's part of each operand and write that of each result.

    Args:
        env: what has become of the values that they use, of which `differing` have the axis.
        results: what is asked for.
        token: a value that goes from example to example: what it is before, and the result that is the next.
    """
    batch, recorder = examples.batch, examples.recorder
    refuse(eqns, results, token is not None)
    builder = Builder("example")
    inner = Recorder(builder)
    symbol = batch.fresh_symbol()
    passed = [(token[1], builder.input(token[1].type))] if token else []
    arrays = [(var, builder.input(batch.lifted(var.type))) for var in results]
    idle = [] if passed or arrays else [builder.input(TensorType(dt.int64, ()))]  # for what is only looked at
    values: dict[Atom, Atom] = {}
    if token is not None:
        values[token[0]] = passed[0][1]
    operands = []
    made = {var for eqn in eqns for var in eqn.outputs}
    for atom in dict.fromkeys(atom for eqn in eqns for atom in eqn.inputs if atom not in made and atom not in values):
        outside = env.get(atom, atom)
        if isinstance(outside, Var):
            operands.append(outside)
            given = inner.term(builder.input(outside.type))
            values[atom] = part(given, symbol).atom if atom in differing else given.atom
        else:
            values[atom] = outside
    for eqn in eqns:
        inner.source = eqn.source
        out = inner.emit(eqn.primitive, *(values[atom] for atom in eqn.inputs), **eqn.params)
        values.update(zip(eqn.outputs, out, strict=True))
    outputs = [values[var] for var, _ in passed]
    outputs += [with_part(inner.term(array), symbol, inner.term(values[var])).atom for var, array in arrays]
    body = builder.finish([*outputs, *idle])
    starts = [env.get(token[0], token[0])] if token else []
    starts += [recorder.full(0, array.type).atom for _, array in arrays]
    starts += [recorder.literal(0, dt.int64).atom for _ in idle]
    params = {"carried": len(starts), "count": batch.size, "symbol": symbol, "test": None, "body": body}
    recorder.source = eqns[0].source
    return dict(zip((var for var, _ in (*passed, *arrays)), recorder.emit(control.loop, *starts, *operands, **params)))


def refuse(eqns: Sequence[Eqn], results: Sequence[Var], drawing: bool) -> None:
    """Say what cannot be done for one example after another."""
    for eqn in eqns:
        if not drawing and (eqn.primitive.effect or has_effects_inside(eqn)):
            raise TraceError("numbers are drawn, or something is printed, where examples go different ways", at=eqn.source,
                             fix="draw before the branch or loop, and choose there")  # fmt: skip
        late = frozenset(name for each in eqns for name in defined(each))
        for var in results:
            if var in eqn.outputs and not late.isdisjoint(symbols_of(var.type)):
                raise TraceError("arrays of different examples have different sizes", got=var.type, at=eqn.source,
                                 fix="use a mask and arrays of one size, or a Python loop over the examples")  # fmt: skip


def _place(array: Term, symbol: str) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    return (Dim.symbol(symbol), *(0,) * (array.ndim - 1)), (1,) * array.ndim


def part(array: Term, symbol: str) -> Term:
    """One example's part of an array."""
    return array.slice(*_place(array, symbol), (1, *array.shape[1:])).reshape(array.shape[1:])


def with_part(array: Term, symbol: str, value: Term) -> Term:
    """The array with one example's part replaced."""
    return array.at_slice(*_place(array, symbol), value.reshape((1, *value.shape)))
