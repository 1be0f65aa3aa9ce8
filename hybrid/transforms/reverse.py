"""Backward: from the cotangents of results to those of what they were computed from.

A cotangent has the type of its value, and stands for the real inner product Re Σ conj(u)·v: for complex values it is the
conjugate of the derivative, the direction of steepest ascent, as in PyTorch (JAX's is its conjugate).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from typing import Any

from hybrid.core import dtype as dt
from hybrid.core.errors import GradientError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, bodies, is_construct, symbols_of
from hybrid.ir.primitive import NO_GRADIENT, ZERO_GRADIENT, Composed, Custom, Derivative, Kind, Linear, Named, Partials
from hybrid.ops import view as v
from hybrid.ops.family import conjugate
from hybrid.transforms.terms import Part, Recorder, Term


class Cotangents:
    """What has reached each value so far: a sum, and parts that belong to some of its elements."""

    def __init__(self, recorder: Recorder):
        self.recorder = recorder
        self.passing: dict[Var, Term | None] = {}  # what has been taken of some values
        self._sums: dict[Var, Term] = {}
        self._parts: dict[Var, list[Part]] = {}

    def add(self, var: Var, given: Term | Part) -> None:
        if isinstance(given, Part):
            self._parts.setdefault(var, []).append(given)
            return
        given = _fitted(given, var.type)
        self._sums[var] = self._sums[var] + given if var in self._sums else given

    def take(self, var: Var) -> Term | None:
        """All that has reached a value, which is then forgotten; None for nothing, which stands for zeros."""
        total = self._sums.pop(var, None)
        for part in self._parts.pop(var, ()):
            total = part.onto(self.recorder.full(0, var.type) if total is None else total)
        if var in self.passing and total is not None:
            self.passing[var] = total
        return total

    def full(self, var: Var) -> Term:
        """The same, zeros for nothing."""
        found = self.take(var)
        return self.recorder.full(0, var.type) if found is None else found


def _fitted(given: Term, type: TensorType) -> Term:
    """A cotangent in its value's own type: summed where an operand of rank 0 went with every element, real for a real."""
    if given.shape != type.shape:
        lead = given.ndim - len(type.shape)
        over = tuple(a for a in range(given.ndim) if a < lead or (type.shape[a - lead] == 1 and given.shape[a] != 1))
        given = given.sum(over).reshape(type.shape) if over else given.broadcast_to(type.shape)
    if given.dtype != type.dtype:
        given = (given.real if dt.is_complex(given.dtype) and not dt.is_complex(type.dtype) else given).astype(type.dtype)
    return given


def differentiable(atom: Atom) -> bool:
    return dt.is_inexact(atom.type.dtype)


def depending(eqns: Iterable[Eqn], wanted: Collection[Var]) -> set[Var]:
    """The values with a derivative in some of the wanted ones, those included."""
    active = set(wanted)
    for eqn in eqns:
        if rule_of(eqn) is ZERO_GRADIENT or active.isdisjoint(eqn.inputs):  # type: ignore[arg-type]
            continue
        active.update(var for var in eqn.outputs if differentiable(var))
    return active


def number_taken(eqns: Iterable[Eqn], active: Container[Atom]) -> Eqn | None:
    """Where Python took a number out of a tensor that is differentiated by, inside branches and loops, too."""
    for eqn in eqns:
        if eqn.primitive is v.stop and eqn.params["tag"] == v.NUMBER and eqn.inputs[0] in active:
            return eqn
        if is_construct(eqn):
            for body in bodies(eqn).values():
                found = number_taken(body.eqns, _active_inside(eqn, body, active))
                if found is not None:
                    return found
    return None


def _active_inside(eqn: Eqn, body: Graph, active: Container[Atom]) -> set[Var]:
    """What has a derivative inside a branch, or in any round of a loop."""
    inside = {var for var, atom in zip(body.inputs, eqn.inputs[-len(body.inputs) :]) if atom in active}
    while True:
        reached = depending(body.eqns, inside)
        back = {var for var, out in zip(body.inputs, body.outputs) if eqn.primitive.body == "loop" and out in reached} - inside
        if not back:
            return reached
        inside |= back


def backward(recorder: Recorder, eqns: Sequence[Eqn], cotangents: Cotangents, active: Collection[Var]) -> None:
    """Take cotangents from the results of equations to their operands, the last equation first."""
    before = recorder.source
    for eqn in reversed(eqns):
        given = [cotangents.take(var) if var in active else None for var in eqn.outputs]
        if all(g is None for g in given):
            continue
        recorder.source = eqn.source
        if eqn.primitive.kind is Kind.CONTROL:
            from hybrid.transforms import flow  # whose bodies are differentiated here

            flow.pull(recorder, eqn, given, cotangents, active)
            continue
        for atom, part in zip(eqn.inputs, pulled(recorder, eqn, given)):
            if isinstance(atom, Var) and atom in active and part is not None:
                if part is NO_GRADIENT:
                    raise missing(eqn, f"with respect to one of its operands, {atom.type}")
                cotangents.add(atom, part)
    recorder.source = before


def rule_of(eqn: Eqn) -> Derivative:
    """The derivative of one equation."""
    rule = eqn.primitive.derivative
    while isinstance(rule, Named):
        from hybrid.transforms import libraries, matrices, special  # noqa: F401 (they enter derivatives, in terms of these)

        rule = rule.choose(**eqn.params)
    return rule


def pulled(recorder: Recorder, eqn: Eqn, given: Sequence[Term | None]) -> Sequence[Any]:
    """What one equation makes of the cotangents of its results, for each operand: a `Term`, a `Part`, None where there is no
    dependence, or `NO_GRADIENT`."""
    rule, params = rule_of(eqn), dict(eqn.params)
    xs = [recorder.term(atom) for atom in eqn.inputs]
    if isinstance(rule, Linear):
        return rule.adjoint(given[0], *xs, **params)
    ys = tuple(recorder.term(var) for var in eqn.outputs)
    if isinstance(rule, Partials):
        g = given[0]
        assert g is not None
        partials = rule.rule(ys[0], *xs, **params)
        return [p if p is None or p is NO_GRADIENT else product(g, p, rule.singular, True) for p in partials]
    if isinstance(rule, Custom):
        gs = tuple(y.zeros() if g is None else g for g, y in zip(given, ys))
        if rule.vjp is None:
            return _transposed(recorder, eqn, rule.jvp, gs, ys, xs)
        return rule.vjp(gs[0], ys[0], *xs, **params) if len(ys) == 1 else rule.vjp(gs, ys, *xs, **params)
    if isinstance(rule, Composed):
        wanted = [differentiable(x.atom) for x in xs]
        graph = vjp(composed(eqn), wanted, [g is not None for g in given], results=False)
        made = iter(_replayed(recorder, graph, [*xs, *(g for g in given if g is not None)]))
        return [next(made) if has else None for has in wanted]
    raise missing(eqn)


def _replayed(recorder: Recorder, graph: Graph, operands: Sequence[Term]) -> list[Term]:
    """The results of a graph recorded on these operands."""
    env = replay(recorder, graph, [x.atom for x in operands])
    return [recorder.term(env.get(atom, atom)) for atom in graph.outputs]


def _transposed(
    recorder: Recorder, eqn: Eqn, rule: Callable, gs: Sequence[Term], ys: Sequence[Term], xs: Sequence[Term]
) -> list[Term | None]:
    """The adjoint of a jvp: backward through what it records, from its results to its tangents, where these are zero."""
    builder = Builder(eqn.primitive.name)
    inner = Recorder(builder)
    inner.source = recorder.source
    primals, results, tangents = ([inner.term(builder.input(x.type)) for x in group] for group in (xs, ys, xs))
    if len(ys) == 1:
        made = (rule(tuple(primals), tuple(tangents), results[0], **eqn.params),)
    else:
        made = rule(tuple(primals), tuple(tangents), tuple(results), **eqn.params)
    wanted = [differentiable(x.atom) for x in xs]
    given = [differentiable(y.atom) for y in ys]
    graph = builder.finish([out.atom for out in made])
    back = vjp(graph, [*[False] * (len(xs) + len(ys)), *wanted], given, results=False)
    zeros = [x.zeros() for x in xs]
    out = iter(_replayed(recorder, back, [*xs, *ys, *zeros, *(g for g, has in zip(gs, given) if has)]))
    return [next(out) if has else None for has in wanted]


def composed(eqn: Eqn) -> Graph:
    """What an equation does in other primitives."""
    rule = rule_of(eqn)
    assert isinstance(rule, Composed)
    builder = Builder(eqn.primitive.name)
    recorder = Recorder(builder)
    recorder.source = eqn.source
    xs = [recorder.term(builder.input(TensorType(atom.type.dtype, atom.type.shape))) for atom in eqn.inputs]
    xs = [recorder.term(atom) if isinstance(atom, Literal) else x for x, atom in zip(xs, eqn.inputs)]
    made = rule.body(*xs, **eqn.params)
    parts = made if isinstance(made, tuple) else (made,)
    if any(part is not None and part.shape != var.type.shape for part, var in zip(parts, eqn.outputs)):
        raise missing(eqn, "for results as long as values say")
    fitted = [
        recorder.full(0, var.type) if part is None else _fitted(part, var.type)
        for part, var in zip(parts, eqn.outputs, strict=True)
    ]
    return builder.finish([part.atom for part in fitted])


def product(g: Term, partial: Any, singular: bool, conjugated: bool) -> Term:
    """A cotangent or tangent times a local derivative: zero where it is zero, even if the derivative is infinite there."""
    if not isinstance(partial, Term):
        return g if partial == 1 else -g if partial == -1 else g * partial
    factor = conjugate(partial) if conjugated else partial
    return g.times(factor) if singular else g * factor


def missing(eqn: Eqn, where: str = "") -> GradientError:
    """The error for an operation that has results and no derivative."""
    call = eqn.params.get("function") or eqn.params.get("call") or eqn.params.get("name")
    named = call is not None and (eqn.primitive.kind is Kind.OPAQUE or eqn.primitive.body == "function")
    name = getattr(call, "name", call) if named else eqn.primitive.name
    return GradientError(
        f"{name} has no derivative{where and ' '}{where}",
        got=f"{eqn.primitive.name}({', '.join(str(a.type) for a in eqn.inputs)})",
        fix="write it with operations that have one, give it one with hybrid.custom_gradient, or detach its operands",
        at=eqn.source,
    )  # fmt: skip


def replay(recorder: Recorder, graph: Graph, operands: Sequence[Atom]) -> dict[Atom, Atom]:
    """Record a graph's equations once more, on these operands; what has become of its values."""
    env: dict[Atom, Atom] = dict(zip(graph.inputs, operands, strict=True))
    env.update((var, recorder.builder.constant(array)) for var, array in graph.constants)
    before = recorder.source
    for eqn in graph.eqns:
        recorder.source = eqn.source
        inputs = (env.get(atom, atom) for atom in eqn.inputs)
        env.update(zip(eqn.outputs, recorder.emit(eqn.primitive, *inputs, **eqn.params)))
    recorder.source = before
    return env


def vjp(graph: Graph, wanted: Sequence[bool], given: Sequence[bool], results: bool = True) -> Graph:
    """The graph that takes cotangents back: of some results, to some inputs.

    Args:
        wanted: for each input, whether its cotangent is asked for.
        given: for each result, whether its cotangent comes as an input, after the graph's own, in order.
        results: whether the graph's own results come first among those of the new one.
    """
    builder = Builder(graph.name)
    recorder = Recorder(builder)
    inputs = [builder.input(var.type, graph.names.get(var, "")) for var in graph.inputs]
    env = replay(recorder, graph, inputs)
    split = len(builder.eqns)
    outputs = [env.get(atom, atom) for atom in graph.outputs]
    cotangents = Cotangents(recorder)
    for atom, has in zip(outputs, given):
        if has:
            var = builder.input(TensorType(atom.type.dtype, atom.type.shape))
            if isinstance(atom, Var):
                cotangents.add(atom, recorder.term(var))
    targets = [var for var, has in zip(inputs, wanted) if has]
    forward = tuple(builder.eqns[:split])
    backward(recorder, forward, cotangents, depending(forward, targets))
    found = [cotangents.full(var).atom for var in targets]
    return pruned(builder.finish([*outputs, *found] if results else found))


def pruned(graph: Graph, assumptions: bool = False) -> Graph:
    """The graph without the equations that no result needs; `assumptions` stay where nobody has looked at them yet."""
    wanted: set[object] = {atom for atom in graph.outputs if isinstance(atom, Var)}
    wanted |= symbols_of(tuple(atom.type for atom in graph.outputs))
    kept: list[Eqn] = []
    for eqn in reversed(graph.eqns):
        defined = (*eqn.outputs, eqn.params.get("symbol"), *eqn.params.get("defines", ()))
        held = eqn.primitive.effect or (assumptions and eqn.primitive.body == "check")
        if held or any(name in wanted for name in defined):
            kept.append(eqn)
            wanted |= {atom for atom in eqn.inputs if isinstance(atom, Var)} | symbols_of(eqn)
    if len(kept) == len(graph.eqns):
        return graph
    constants = tuple(pair for pair in graph.constants if pair[0] in wanted)
    return graph.replace(eqns=tuple(reversed(kept)), constants=constants)
