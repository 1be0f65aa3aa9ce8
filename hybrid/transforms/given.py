"""Derivatives that users give, inside graphs: equations that give their first operands, and have rules of their own.

A call is recorded as it stands, and its results go through one of these, which ties them to what the call was given: going
backward ends there and takes the rule. What a rule needs of the call is recorded, too, and so has derivatives of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import GradientError, TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend import values
from hybrid.frontend.values import Value, laid_out, wrap
from hybrid.ir import trace as tr
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, has_effects
from hybrid.ir.primitive import Custom, Kind, Primitive, Sample, Whole, register
from hybrid.ir.trace import Cell, Region, Symbol, Trace
from hybrid.ops import elementwise as e
from hybrid.ops import view as v
from hybrid.transforms import reverse
from hybrid.transforms.reverse import differentiable, replay
from hybrid.transforms.terms import Part, Term

if TYPE_CHECKING:
    from hybrid.transforms.batch import Examples

_tags = itertools.count(1)


def _first(*operands: Any, results: int, **params: Any) -> Any:
    return operands[:results] if results > 1 else operands[0]


def _types(*operands: TensorType, results: int, **params: Any) -> tuple[TensorType, ...]:
    return tuple(TensorType(t.dtype, t.shape) for t in operands[:results])


# ruled: results with a rule ---------------------------------------------------------------------------------------------
def _ruled_vjp(g: Any, y: Any, *xs: Term, results: int, given: int, pull: Graph | None, push: Graph | None, name: str) -> list:
    gs, ys = (g, y) if results > 1 else ((g,), (y,))

    def lacking(whole: Term) -> Term:
        raise no_derivative(name, "backward", "vjp")

    found: list[Any] = [Part(lacking)] * given
    held: Sequence[Term] = ()
    if pull is not None:
        held = xs[results + given : results + given + len(pull.inputs) - 2 * results]
        recorder = xs[0].recorder
        env = replay(recorder, pull, [term.atom for term in (*gs, *ys, *held)])
        found = [recorder.term(env.get(atom, atom)) for atom in pull.outputs]

    def refuse(whole: Term) -> Term:
        raise closed_over(name)

    rest = 0 if push is None else len(push.inputs) - given
    outside = len(xs) - results - given - len(held) - rest
    return [*(None,) * results, *found, *(None,) * (len(held) + rest), *(Part(refuse),) * outside]


def _ruled_jvp(
    xs: tuple[Term, ...], tangents: tuple[Term | None, ...], y: Any, results: int, given: int, pull: Graph | None,
    push: Graph | None, name: str,
) -> Any:  # fmt: skip
    if push is None:
        raise no_forward(name)
    start = results + given + (0 if pull is None else len(pull.inputs) - 2 * results)
    held = xs[start : start + len(push.inputs) - given]
    if any(t is not None for t in tangents[start + len(held) :]):
        raise closed_over(name)
    along = [x.zeros() if t is None else t for t, x in zip(tangents[results : results + given], xs[results:])]
    recorder = xs[0].recorder
    env = replay(recorder, push, [term.atom for term in (*along, *held)])
    out = tuple(recorder.term(env.get(atom, atom)) for atom in push.outputs)
    return out if results > 1 else out[0]


def _ruled_samples(rng: np.random.Generator) -> list[Sample]:
    """The identity, whose derivative is said to be two."""
    builder, type = Builder("twice"), TensorType(dt.float64, (3,))
    g, _ = builder.input(type), builder.input(type)
    pull = builder.finish([builder.append(e.add, (g, g))[0]])
    builder = Builder("twice")
    t = builder.input(type)
    push = builder.finish([builder.append(e.add, (t, t))[0]])
    x = rng.normal(size=3)
    return [((x, x), {"results": 1, "given": 1, "pull": pull, "push": push, "name": "f"})]


def _batch_ruled(examples: Examples, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool]) -> Sequence[Atom]:
    """The rule of many examples, whose operands have the axis where cotangents are asked of them."""
    params = dict(eqn.params)
    results, given, pull, push = (params[name] for name in ("results", "given", "pull", "push"))
    guard = () if examples.guard is None else (examples.guard,)
    first = results + given
    operands = [examples.lift(atom, has).atom for atom, has in zip(inputs[:first], mapped)]
    for name, graph, known, wanted in (("pull", pull, 2 * results, given), ("push", push, given, results)):
        if graph is not None:
            after = first + len(graph.inputs) - known
            flags = [True] * known + list(mapped[first:after])
            params[name], _ = examples.batch.graph(graph, flags, [True] * wanted, bool(guard))
            operands += [*inputs[first:after], *guard]
            first = after
    return examples.recorder.emit(eqn.primitive, *operands, *inputs[first:], **params)


# Operands: the results as they were computed, what the call was given, what `pull` and then `push` need besides, and what the
# call used from around it, which no derivative may be asked of. `pull` takes cotangents of the results, the results and what
# it needs; `push` tangents of what was given, and what it needs.
ruled = register(Primitive(
    "ruled", Kind.OPAQUE, _first, _types, Custom(_ruled_jvp, _ruled_vjp, partial=True), _ruled_samples,
    reason="gone before anything is compiled", batch=Whole(_batch_ruled),
))  # fmt: skip


def closed_over(name: str) -> GradientError:
    return GradientError(f"{name}, whose derivative is given, uses a value that gradients flow to and is not an argument of it",
                         fix="pass it as an argument, or detach it")  # fmt: skip


def no_derivative(name: str, mode: str, rule: str) -> GradientError:
    return GradientError(f"{name} was given no derivative {mode}", fix=f"hybrid.op(…, {rule}=…)")


def no_forward(name: str) -> GradientError:
    fix = "give the rule, f.defjvp(…) or op(…, jvp=…); or go backward: vjp, jacobian(…, mode='reverse')"
    return GradientError(f"{name} was given no derivative forward", got="jvp, or what goes forward, as hessian does", fix=fix)


# recomputed: results that are computed again on the way back ---------------------------------------------------------------
def _recomputed_vjp(g: Any, y: Any, *xs: Term, results: int, body: Graph, tag: int) -> list:
    gs = g if results > 1 else (g,)
    recorder, inputs = xs[0].recorder, xs[results:]
    fresh = [x if isinstance(x.atom, Literal) else recorder.term(recorder.emit(v.barrier, x.atom, tag=tag)[0]) for x in inputs]
    operands = [term.atom for term in (*fresh, *gs)]

    def pulled(wanted: Sequence[bool]) -> list[Term]:
        graph = reverse.vjp(body, wanted, [True] * results, results=False)
        env = replay(recorder, graph, operands)
        return [recorder.term(env.get(atom, atom)) for atom in graph.outputs]

    smooth = [differentiable(var) for var in body.inputs]
    try:
        found = iter(pulled(smooth))
        parts: list[Any] = [next(found) if is_smooth else None for is_smooth in smooth]
    except GradientError:  # of some that nobody may ask for: one by one, then

        def alone(k: int) -> Part:
            return Part(lambda whole: whole + pulled([at == k for at in range(len(smooth))])[0])

        parts = [alone(k) if is_smooth else None for k, is_smooth in enumerate(smooth)]
    return [*(None,) * results, *parts]


def _recomputed_jvp(
    xs: tuple[Term, ...], tangents: tuple[Term | None, ...], y: Any, results: int, body: Graph, tag: int
) -> Any:
    out = tuple(x.zeros() if t is None else t for t, x in zip(tangents[:results], xs))
    return out if results > 1 else out[0]


def _recomputed_samples(rng: np.random.Generator) -> list[Sample]:
    builder = Builder("square")
    x = builder.input(TensorType(dt.float64, (3,)))
    body = builder.finish([builder.append(e.mul, (x, x))[0]])
    a = rng.normal(size=3)
    return [((a * a, a), {"results": 1, "body": body, "tag": 0})]


def _batch_recomputed(examples: Examples, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool]) -> Sequence[Atom]:
    results = eqn.params["results"]
    guard = () if examples.guard is None else (examples.guard,)
    body, _ = examples.batch.graph(eqn.params["body"], mapped[results:], [True] * results, bool(guard))
    made = [examples.lift(atom, has).atom for atom, has in zip(inputs[:results], mapped)]
    return examples.recorder.emit(eqn.primitive, *made, *inputs[results:], *guard, **{**eqn.params, "body": body})


# Operands: the results as they were computed, then the inputs of `body`, which computes them.
recomputed = register(Primitive(
    "recomputed", Kind.OPAQUE, _first, _types, Custom(_recomputed_jvp, _recomputed_vjp, partial=True), _recomputed_samples,
    reason="gone before anything is compiled", batch=Whole(_batch_recomputed),
))  # fmt: skip


# Recording -----------------------------------------------------------------------------------------------------------------
class Call:
    """A call that is being recorded: its arguments as values of their own, and what has been recorded since."""

    def __init__(self, leaves: Sequence[Any]):
        self.trace = trace = values.active()
        self.places = [k for k, leaf in enumerate(leaves) if smooth(leaf)]
        self.leaves = list(leaves)
        self.given = [values.symbol(trace, leaves[k]) for k in self.places]
        self.inputs = [trace.one(v.mark, tr.read(symbol), tag=next(_tags)) for symbol in self.given]
        self.symbols = [trace.fresh(atom, symbol.kind) for atom, symbol in zip(self.inputs, self.given)]
        for k, symbol in zip(self.places, self.symbols):
            self.leaves[k] = wrap(symbol)
        self.start = len(trace.builder.eqns)

    @property
    def written(self) -> bool:
        return any(symbol.cell.written for symbol in self.symbols)

    def put_back(self) -> None:
        """Let the caller's arrays have what was written into the arguments."""
        for symbol, given in zip(self.symbols, self.given):
            if symbol.cell.written:
                tr.write(given, tr.read(symbol))

    def finished(self, results: Sequence[Any]) -> None:
        """The call has ended with these results."""
        self.eqns = tuple(self.trace.builder.eqns[self.start :])
        self.outputs = [tr.read(symbol) for symbol in results]
        made = {*self.inputs, *(var for eqn in self.eqns for var in eqn.outputs)}
        used = (*(atom for eqn in self.eqns for atom in eqn.inputs), *self.outputs)
        self.outside = list(dict.fromkeys(atom for atom in used if isinstance(atom, Var) and atom not in made))

    def body(self, name: str) -> Graph:
        return Graph(name, (*self.inputs, *self.outside), self.eqns, tuple(self.outputs))  # type: ignore[arg-type]

    @property
    def repeatable(self) -> bool:
        """Whether what was recorded may be recorded again."""
        return not has_effects(self.body("")) and not any(_binds(eqn) for eqn in self.eqns)


def _binds(eqn: Eqn) -> bool:
    return eqn.primitive.body == "bind" or bool(eqn.params.get("defines"))


def smooth(leaf: Any) -> bool:
    """Whether a leaf is an array or tensor that has derivatives."""
    return isinstance(leaf, (Value, np.ndarray)) and leaf.dtype in dt.KIND and dt.is_inexact(leaf.dtype)  # type: ignore[union-attr]


def traced(leaves: Sequence[Any]) -> bool:
    return any(isinstance(leaf, Value) and type(leaf._data) is Symbol for leaf in leaves)


def aside(trace: Trace, name: str, types: Sequence[tuple[TensorType, str]], record: Callable[[list], Sequence[Any]]) -> Graph:
    """What `record` makes of new values of these types and kinds, as a graph: they are its first inputs."""
    with Region(trace, name) as region:
        made = [wrap(trace.fresh(region.builder.input(TensorType(t.dtype, t.shape)), kind)) for t, kind in types]
        atoms = [values.read(trace, x) for x in record(made)]
        if region.written or region.lost:
            raise TraceError(f"{name} writes into what it did not make", at=tr.user_line(), fix="return it instead")
        return region.builder.body(atoms)


def like(trace: Trace, atom: Atom, symbol: Symbol) -> Any:
    """A value in place of another: of its kind, and laid out as it is."""
    if symbol.kind == "python":
        return wrap(Symbol(Cell(trace, atom, mutable=False), TensorType(atom.type.dtype, (), weak=True), "python"))
    made = trace.fresh(atom, symbol.kind)
    return laid_out(made, symbol.proto if symbol.kind == "ndarray" else None)


def record_ruled(call: Call, results: Sequence[Symbol], name: str, pull: Graph | None, push: Graph | None) -> list[Any]:
    """The results of a call with a rule, in place of those it gave."""
    many, given = len(results), len(call.inputs)
    held = (*(pull.inputs[2 * many :] if pull is not None else ()), *(push.inputs[given:] if push is not None else ()))
    outside = [atom for atom in call.outside if differentiable(atom)]
    params = {"results": many, "given": given, "pull": pull, "push": push, "name": name}
    made = call.trace.record(ruled, (*call.outputs, *call.inputs, *held, *outside), params)
    return [like(call.trace, atom, symbol) for atom, symbol in zip(made, results)]


def record_recomputed(call: Call, results: Sequence[Symbol], name: str) -> list[Any]:
    """The results of a call that derivatives compute again."""
    body = call.body(name)
    params = {"results": len(results), "body": body, "tag": next(_tags)}
    made = call.trace.record(recomputed, (*call.outputs, *body.inputs), params)
    return [like(call.trace, atom, symbol) for atom, symbol in zip(made, results)]
