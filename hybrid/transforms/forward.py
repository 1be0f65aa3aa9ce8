"""Forward: from the tangents of operands to those of what is computed from them, in the order of computing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hybrid.core.errors import GradientError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph
from hybrid.ir.primitive import NO_GRADIENT, ZERO_GRADIENT, Composed, Custom, Kind, Linear, Partials
from hybrid.transforms.reverse import composed, differentiable, missing, product, pruned, replay, rule_of
from hybrid.transforms.terms import Recorder, Term

Tangents = dict[Atom, Term]  # a value that is not in it has a tangent of zeros


class Missing:
    """The tangent of a value that has none: asking for it is the error, so that what nobody asks for does no harm."""

    __slots__ = ("error",)

    def __init__(self, error: GradientError):
        self.error = error

    @property
    def atom(self) -> Atom:
        raise self.error


def pushed(recorder: Recorder, eqn: Eqn, inputs: Sequence[Atom], outputs: Sequence[Atom], tangents: Tangents) -> None:
    """Give the results of one equation, recorded on `inputs`, their tangents."""
    given = [tangents.get(atom) for atom in inputs]
    rule = rule_of(eqn)
    if rule is ZERO_GRADIENT or all(t is None for t in given) or not any(map(differentiable, eqn.outputs)):
        return
    lacking = next((t for t in given if isinstance(t, Missing)), None)
    if lacking is not None and not (isinstance(rule, Custom) and rule.partial):
        tangents.update((var, lacking) for var in outputs)  # type: ignore[misc]
        return
    try:
        _push(recorder, eqn, inputs, outputs, tangents, given)
    except GradientError as error:
        tangents.update((var, Missing(error)) for var in outputs)  # type: ignore[misc]


def _push(
    recorder: Recorder, eqn: Eqn, inputs: Sequence[Atom], outputs: Sequence[Atom], tangents: Tangents,
    given: Sequence[Term | None],
) -> None:  # fmt: skip
    rule, params = rule_of(eqn), dict(eqn.params)
    xs = [recorder.term(atom) for atom in inputs]
    ys = [recorder.term(atom) for atom in outputs]
    if isinstance(rule, Linear):
        out = _linear(recorder, eqn, xs, given)
        if out is not None:
            tangents[outputs[0]] = out
    elif isinstance(rule, Partials):
        total: Term | None = None
        for t, partial in zip(given, rule.rule(ys[0], *xs, **params)):
            if t is not None and partial is NO_GRADIENT:
                raise missing(eqn, f"with respect to one of its operands, {t.type}")
            if t is not None and partial is not None:
                part = product(t, partial, rule.singular, False)
                total = part if total is None else total + part
        if total is not None:
            tangents[outputs[0]] = total if total.shape == ys[0].shape else total.broadcast_to(ys[0].shape)
    elif isinstance(rule, Custom):
        full = tuple(given) if rule.partial else tuple(x.zeros() if t is None else t for t, x in zip(given, xs))
        if len(ys) == 1:
            tangents[outputs[0]] = rule.jvp(tuple(xs), full, ys[0], **params)
        else:
            tangents.update(zip(outputs, rule.jvp(tuple(xs), full, tuple(ys), **params)))
    elif isinstance(rule, Composed):
        graph, have = jvp(composed(eqn), [t is not None for t in given])
        env = replay(recorder, graph, [*inputs, *(t.atom for t in given if t is not None)])
        made = iter(graph.outputs[len(ys) :])
        tangents.update((out, recorder.term(env.get(atom, atom))) for out, atom in _of(outputs, have, made))
    else:
        raise missing(eqn)


def _of(outputs: Sequence[Atom], have: Sequence[bool], made: Iterator[Atom]) -> list[tuple[Atom, Atom]]:
    return [(out, next(made)) for out, has in zip(outputs, have) if has]


def _linear(recorder: Recorder, eqn: Eqn, xs: Sequence[Term], given: Sequence[Term | None]) -> Term | None:
    def applied(operands: Iterable[Term]) -> Term:
        return recorder.term(recorder.emit(eqn.primitive, *(x.atom for x in operands), **eqn.params)[0])

    if eqn.primitive.kind is not Kind.CONTRACT:
        return applied(x if not differentiable(x.atom) else x.zeros() if t is None else t for t, x in zip(given, xs))
    total: Term | None = None
    for k, t in enumerate(given):
        if t is not None:
            part = applied(t if at == k else x for at, x in enumerate(xs))
            total = part if total is None else total + part
    return total


def replay_with_tangents(recorder: Recorder, graph: Graph, operands: Sequence[Atom], tangents: Tangents) -> dict[Atom, Atom]:
    """Record a graph's equations on these operands, each followed by what it does to tangents."""
    from hybrid.transforms import flow  # whose bodies are differentiated here

    env: dict[Atom, Atom] = dict(zip(graph.inputs, operands, strict=True))
    env.update((var, recorder.builder.constant(array)) for var, array in graph.constants)
    before = recorder.source
    for eqn in graph.eqns:
        recorder.source = eqn.source
        inputs = tuple(env.get(atom, atom) for atom in eqn.inputs)
        if eqn.primitive.kind is Kind.CONTROL and any(atom in tangents for atom in inputs):
            outputs = flow.push(recorder, eqn, inputs, tangents)
        else:
            outputs = recorder.emit(eqn.primitive, *inputs, **eqn.params)
            pushed(recorder, eqn, inputs, outputs, tangents)
        env.update(zip(eqn.outputs, outputs, strict=True))
    recorder.source = before
    return env


def jvp(graph: Graph, given: Sequence[bool], wanted: Sequence[bool] | None = None) -> tuple[Graph, tuple[bool, ...]]:
    """The graph that takes tangents of some inputs along, and which of its results have one.

    Args:
        given: for each input, whether its tangent comes as an input, after the graph's own, in order.
        wanted: results whose tangents come out in any case; left out: those that may be other than zero.
    """
    builder = Builder(graph.name)
    recorder = Recorder(builder)
    inputs = [builder.input(var.type, graph.names.get(var, "")) for var in graph.inputs]
    tangents: Tangents = {}
    for var, has in zip(inputs, given):
        if has:
            tangents[var] = recorder.term(builder.input(TensorType(var.type.dtype, var.type.shape)))
    env = replay_with_tangents(recorder, graph, inputs, tangents)
    outputs = [env.get(atom, atom) for atom in graph.outputs]
    have = tuple(atom in tangents for atom in outputs) if wanted is None else tuple(wanted)
    made = [
        tangents[atom].atom if atom in tangents else recorder.full(0, atom.type).atom for atom, has in zip(outputs, have) if has
    ]
    return pruned(builder.finish([*outputs, *made]), assumptions=True), have
