"""Batches: from the graph of one example to that of many, whose arrays have one more axis in front.

Elementwise operations, reductions and contractions follow from their kinds, others say it next to themselves
(`Primitive.batch`), branches and loops are in `batch_flow`. What has no rule is computed for one example after another.
"""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core import dtype as dt
from hybrid.core.bounds import Bounds
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, Size, TensorType, symbols
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Var, is_construct, symbols_of, walk
from hybrid.ir.primitive import Kind, Lift, Whole
from hybrid.ops import reduce
from hybrid.ops.contract import Pair, free_axes
from hybrid.transforms import batch_flow
from hybrid.transforms.examples import Reach, defined, has_effects_inside
from hybrid.transforms.terms import Recorder, Term

RANDOMNESS = ("error", "same", "different")


def batch(graph: Graph, mapped: Sequence[bool], size: Size, *, randomness: str = "error") -> tuple[Graph, tuple[bool, ...]]:
    """The graph of many examples, and for each of its results whether that has the new axis 0.

    Args:
        mapped: for each input, whether it comes with one more axis 0 of `size`; others are the same for all examples.
        randomness: whether numbers are drawn once for all examples ("same") or for each ("different"); "error": not at all.
    """
    if randomness not in RANDOMNESS:
        raise ValueError(f"randomness is one of {', '.join(map(repr, RANDOMNESS))}, not {randomness!r}")
    if randomness == "error":
        for eqn in walk(graph):
            if eqn.primitive.effect:
                raise TraceError("random numbers are drawn, or something is printed, for every example of a batch",
                                 fix="say whether all examples share it: randomness=\"same\" or \"different\"",
                                 at=eqn.source)  # fmt: skip
    return Batch(graph, size, randomness == "different").graph(graph, mapped)


class Batch:
    """One batch: what all the graphs of branches and loops in it have in common."""

    def __init__(self, graph: Graph, size: Size, draws: bool):
        self.size, self.draws = size, draws
        self.reach, self.bounds = Reach(draws), Bounds()
        self._taken = set(symbols(size)) | set(symbols_of(graph))
        for eqn in walk(graph):
            self._taken.update(defined(eqn), symbols_of(eqn))
            if "symbol" in eqn.params:
                self._taken.add(eqn.params["symbol"])
        for symbol in symbols(*(s for var in graph.inputs for s in var.type.shape), size):
            self.bounds.know(symbol, 0, None)

    def fresh_symbol(self) -> str:
        count = 1
        while (name := f"example{count}") in self._taken:
            count += 1
        self._taken.add(name)
        return name

    def lifted(self, type: TensorType) -> TensorType:
        return TensorType(type.dtype, (self.size, *type.shape))

    def inputs(self, builder: Builder, graph: Graph, mapped: Sequence[bool]) -> list[Var]:
        """New inputs for those of a graph."""
        return [
            builder.input(self.lifted(var.type) if has else var.type, graph.names.get(var, ""))
            for var, has in zip(graph.inputs, mapped, strict=True)
        ]

    def graph(
        self, graph: Graph, mapped: Sequence[bool], wanted: Sequence[bool] | None = None, guarded: bool = False
    ) -> tuple[Graph, tuple[bool, ...]]:
        """The graph of many examples.

        Args:
            wanted: results that have the axis in any case; left out: those that differ.
            guarded: whether it takes one more input, which says for which examples it is run; see `Examples`.
        """
        builder = Builder(graph.name)
        inputs = self.inputs(builder, graph, mapped)
        guard = builder.input(TensorType(dt.bool_, (self.size,))) if guarded else None
        examples = Examples(self, Recorder(builder), guard)
        outputs, have = examples.play(graph, inputs, mapped)
        if wanted is not None:
            outputs = [examples.lift(atom, has).atom if want else atom for atom, has, want in zip(outputs, have, wanted)]
            have = tuple(wanted)
        return builder.finish(outputs), have


class Examples:
    """Records what a graph computes of each example.

    `guard`: for which examples it is computed in earnest; for the others, whatever comes out is thrown away. None: for all.
    """

    def __init__(self, batch: Batch, recorder: Recorder, guard: Atom | None = None):
        self.batch, self.recorder, self.guard = batch, recorder, guard
        self.size = batch.size

    def play(self, graph: Graph, operands: Sequence[Atom], mapped: Sequence[bool]) -> tuple[list[Atom], tuple[bool, ...]]:
        """The results of a graph on these operands, of which the mapped ones have the new axis; and which of them have it."""
        found = self.batch.reach.of(graph, mapped)
        env: dict[Atom, Atom] = dict(zip(graph.inputs, operands, strict=True))
        env.update((var, self.recorder.builder.constant(array)) for var, array in graph.constants)
        before = self.recorder.source
        for part in found.parts:
            if isinstance(part, tuple):
                env.update(batch_flow.one_by_one(self, part, env, found.values, _asked_for(graph, part)))
                continue
            self.recorder.source = part.source
            inputs = tuple(env.get(atom, atom) for atom in part.inputs)
            made = self.equation(part, inputs, found.flags(part.inputs), found.flags(part.outputs))
            env.update(zip(part.outputs, made, strict=True))
        self.recorder.source = before
        return [env.get(atom, atom) for atom in graph.outputs], found.results

    def equation(self, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool], wanted: Sequence[bool]) -> Sequence[Atom]:
        """The results of one equation, of which the wanted ones get the axis."""
        primitive = eqn.primitive
        if is_construct(eqn):
            aside = self.guard is not None and any(inner.primitive.body == "check" for inner in walk_inside(eqn))
            if any(mapped) or aside or (self.batch.draws and has_effects_inside(eqn)):
                return batch_flow.construct(self, eqn, inputs, mapped, wanted)
        elif primitive.body == "check" and primitive.kind is Kind.CONTROL:
            return self._check(eqn, inputs[0], mapped[0])
        elif primitive.effect and (self.batch.draws or any(mapped)):
            return batch_flow.effect(self, eqn, inputs, mapped)
        elif any(mapped):
            return self._applied(eqn, inputs, mapped)
        return self.recorder.emit(primitive, *inputs, **eqn.params)

    def _check(self, eqn: Eqn, condition: Atom, mapped: bool) -> Sequence[Atom]:
        """An assumption about every example that is computed in earnest."""
        term = self.recorder.term(condition)
        if self.guard is not None:
            term = ~self.recorder.term(self.guard) | term
        if term.ndim:
            (atom,) = self.recorder.emit(reduce.all, term.atom, axes=(0,))
        return self.recorder.emit(eqn.primitive, atom if term.ndim else condition, **eqn.params)

    def _applied(self, eqn: Eqn, inputs: Sequence[Atom], mapped: Sequence[bool]) -> Sequence[Atom]:
        """What has operands with the axis and is neither a branch nor a loop."""
        primitive, params = eqn.primitive, eqn.params
        terms = [self.recorder.term(atom) for atom in inputs]
        if primitive.kind is Kind.MAP:
            terms = [self.stretched(x, has, eqn.output.type) for x, has in zip(terms, mapped)]
            return self.recorder.emit(primitive, *(x.atom for x in terms), **params)
        if primitive.kind is Kind.REDUCE:
            return self.recorder.emit(primitive, *inputs, **{**params, "axes": tuple(axis + 1 for axis in params["axes"])})
        if primitive.kind is Kind.CONTRACT:
            return (self._contracted(eqn, terms, mapped).atom,)
        rule = primitive.batch
        if isinstance(rule, Lift):
            if any(mapped[k] for k in rule.fixed):
                rule = None
            else:
                operands = (x.atom if k in rule.fixed else self.lift(x.atom, has).atom
                            for k, (x, has) in enumerate(zip(terms, mapped)))  # fmt: skip
                return self.recorder.emit(primitive, *operands, **{**params, **rule.params(self.size, **params)})
        if rule is None or (isinstance(rule, Whole) and has_effects_inside(eqn)):
            return batch_flow.alone(self, eqn, inputs, mapped)
        if isinstance(rule, Whole):
            return rule.record(self, eqn, inputs, mapped)
        out = rule(self.size, tuple(mapped), *terms, **params)
        return tuple(x.atom for x in (out if isinstance(out, tuple) else (out,)))

    def lift(self, atom: Atom, mapped: bool) -> Term:
        """A value with the axis, that is the same for all examples where it had none."""
        term = self.recorder.term(atom)
        return term if mapped else term.broadcast_to((self.size, *term.shape))

    def stretched(self, x: Term, mapped: bool, of: TensorType) -> Term:
        """An operand that goes, element by element, with the examples' arrays of a type: each one's number with all its own."""
        if not mapped:
            return x.broadcast_to((self.size, *x.shape)) if x.shape else x
        if x.ndim == 1 and of.shape:
            return x.reshape((self.size, *(1,) * of.ndim)).broadcast_to((self.size, *of.shape))
        return x

    def _contracted(self, eqn: Eqn, terms: Sequence[Term], mapped: Sequence[bool]) -> Term:
        """The axis is one of the batch if both operands have it, else a free one of that which has, which comes first then."""
        (a, b), (left, right), (first, second) = terms, eqn.params["contract"], eqn.params["batch"]
        if mapped[1] and not mapped[0] and not free_axes(eqn.inputs[1].type.ndim, right, second):
            a, b, left, right, first, second, mapped = b, a, right, left, second, first, (True, False)
        if mapped[0]:
            left, first = _behind(left), _behind(first)
        if mapped[1]:
            right, second = _behind(right), _behind(second)
        if all(mapped):
            first, second = (0, *first), (0, *second)
            if _is_late(a.type, b.type) and not free_axes(b.ndim, right, second):
                return _sum_of_products(a, b, (left, right), (first, second))
            if _is_late(a.type, b.type) and not free_axes(a.ndim, left, first):
                return _sum_of_products(b, a, (right, left), (second, first))
            return a.dot_general(b, (left, right), (first, second))
        out = a.dot_general(b, (left, right), (first, second))
        at = len(first) + (0 if mapped[0] else len(free_axes(a.ndim, left, first)))
        return out.transpose((at, *(k for k in range(out.ndim) if k != at)))


def _is_late(*types: TensorType) -> bool:
    """Whether a product is a call of NumPy since only a run knows its sizes, and a sum of products would be loops."""
    wide = all(t.dtype.itemsize >= 4 and dt.is_inexact(t.dtype) and not dt.is_complex(t.dtype) for t in types)
    return wide and any(isinstance(size, Dim) for t in types for size in t.shape)


def _sum_of_products(a: Term, x: Term, contract: Pair, batch: Pair) -> Term:
    """The contraction of arrays with vectors, which have no free axes."""
    free = free_axes(a.ndim, contract[0], batch[0])
    a = a.transpose((*batch[0], *free, *contract[0]))
    x = x.transpose((*batch[1], *contract[1]))
    lead = len(batch[0])
    x = x.reshape((*x.shape[:lead], *(1,) * len(free), *x.shape[lead:]))
    return (a * x).sum(tuple(range(lead + len(free), a.ndim)))


def _behind(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(axis + 1 for axis in axes)


def walk_inside(eqn: Eqn):  # type: ignore[no-untyped-def]
    """Every equation of the bodies of a branch or loop."""
    return (inner for body in eqn.params.values() if isinstance(body, Graph) for inner in walk(body))


def _asked_for(graph: Graph, part: Sequence[Eqn]) -> list[Var]:
    """The results of some equations that others use, or that the graph gives."""
    there = set(part)
    used = {*graph.outputs, *(atom for eqn in graph.eqns if eqn not in there for atom in eqn.inputs)}
    return [var for eqn in part for var in eqn.outputs if var in used]
