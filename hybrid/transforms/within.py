"""`backward`, `.grad` and `GradientTape` inside a trace, where the graph is the tape.

Leaves are captured tensors that require gradients. Their gradients are storage of the trace: what is left in them at its end
becomes `x.grad` after each call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hybrid.core.errors import NoLeafError
from hybrid.frontend import values
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Eqn, Var
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import view as v
from hybrid.transforms import reverse
from hybrid.transforms.reverse import Cotangents, depending
from hybrid.transforms.tape import Leaf
from hybrid.transforms.terms import Recorder, Term


class Held:
    """The gradient of one leaf while a trace records.

    `tensor` is what `x.grad` is now, or None. `guarded`: whether what it was before the call has been looked at.
    """

    def __init__(self, trace: Trace, leaf: Leaf):
        self.trace, self.leaf = trace, leaf
        self.guarded = self.changed = False
        self.tensor: Any = leaf.grad
        self.symbol: Symbol | None = None  # storage for gradients that the trace makes

    def look(self) -> Any:
        if not self.changed:
            self.guarded = True
        return self.tensor

    def set(self, value: Any) -> None:
        self.tensor, self.changed = value, True
        if value is None and self.symbol is not None:
            tr.write(self.symbol, self._zeros())

    def add(self, given: Atom) -> None:
        before = self.look()
        if before is None:
            symbol = self._own()
            if self.trace.region is not None:  # an earlier round may have left something
                given = (_term(self.trace, tr.read(symbol)) + _term(self.trace, given)).atom
            tr.write(symbol, given)
            self.tensor, self.changed = wrap(symbol), True
        else:
            symbol = values.symbol(self.trace, before)
            tr.write(symbol, (_term(self.trace, tr.read(symbol)) + _term(self.trace, given)).atom)

    def _own(self) -> Symbol:
        if self.symbol is None:
            cell = Cell(self.trace, self._zeros())
            self.trace._keep(cell)
            self.symbol = Symbol(cell, self.leaf.type, "tensor")
        return self.symbol

    def _zeros(self) -> Atom:
        return Recorder(self.trace.root).full(0, self.leaf.type).atom


def _term(trace: Trace, atom: Atom) -> Term:
    return Recorder(trace.builder).term(atom)


def held(leaf: Leaf) -> Held:
    """The gradient of a leaf in the trace that is open."""
    trace = values.active()
    found = trace.gradients.get(leaf)
    if found is None:
        found = trace.gradients[leaf] = Held(trace, leaf)
    return found


def left(trace: Trace, reads: Any, state: Sequence[Any] = ()) -> tuple[list[Leaf], list[Any], str]:
    """Those leaves whose `grad` is another object after a call, and these; what it has to do with gradients.

    What the trace counts on is entered in `reads`, unless it is `state` that comes with each call.
    """
    brought = {place.holder for place in state if isinstance(place.holder, Leaf)}
    for leaf, gradient in trace.gradients.items():
        if gradient.guarded and leaf not in brought:
            reads.also(leaf, "grad", "a gradient")
    found = {leaf: h.tensor for leaf, h in trace.gradients.items() if h.changed and h.tensor is not leaf.grad}
    trace.gradients.clear()
    return list(found), list(found.values()), "gradients"


def eqns_of(trace: Trace) -> list[Eqn]:
    """What has been recorded, seen from where the trace stands, without what was in `no_grad`."""
    found: list[Eqn] = []
    builder: Any = trace.builder
    while builder is not None:
        found[:0] = builder.eqns
        builder = builder.outer
    return [eqn for eqn in found if eqn not in trace.quiet]


def atoms_of(trace: Trace, x: Any) -> list[Var]:
    """The values of the graph that a source stands for."""
    data = x._data if isinstance(x, Value) else None
    if type(data) is not Symbol and id(getattr(data, "value", None)) in trace.leaves:
        return [atom for atom in trace.leaves[id(data.value)] if isinstance(atom, Var)]  # type: ignore[union-attr]
    atom = values.read(trace, x)
    return [atom] if isinstance(atom, Var) else []


def comes_of_leaves(x: Any) -> bool:
    """`x.requires_grad`: whether a value has a derivative by some leaf that has been read."""
    trace = values.active()
    trace.asked_leaves = True
    return values.read(trace, x) in depending(
        eqns_of(trace), {a for atoms in trace.leaves.values() for a in atoms if isinstance(a, Var)}
    )


def pull(outputs: Sequence[Any], gradients: Sequence[Any], sources: Sequence[Sequence[Var]], create: bool) -> list[Atom | None]:
    """The sums of the cotangents of some values; None for those that no output depends on."""
    trace = values.active()
    recorder = Recorder(trace.builder)
    reached = Cotangents(recorder)
    eqns = eqns_of(trace)
    active = depending(eqns, {atom for atoms in sources for atom in atoms})
    for x, given in zip(outputs, gradients):
        atom = values.read(trace, x)
        if atom not in active:
            raise NoLeafError("no gradient flows to this tensor inside a decorated function", got=str(atom.type),
                              at=tr.user_line(), fix="compute it from tensors that require gradients, or use hybrid.grad or "
                              "GradientTape")  # fmt: skip
        assert isinstance(atom, Var)
        reached.add(atom, recorder.term(values.read(trace, given)))
    reached.passing = {atom: None for atoms in sources for atom in atoms}
    reverse.backward(recorder, eqns, reached, active)
    for atom in reached.passing:
        reached.take(atom)
    out: list[Atom | None] = []
    for atoms in sources:
        parts = [g for atom in atoms if (g := reached.passing[atom]) is not None]
        total = None if not parts else sum(parts[1:], parts[0])
        if total is not None and not create:
            total = recorder.term(recorder.emit(v.stop, total.atom, tag=0)[0])
        out.append(None if total is None else total.atom)
    return out


def backward(x: Any, gradient: Any, create: bool, only: set[Leaf] | None) -> None:
    """`x.backward()`: to every leaf that has been read."""
    trace = values.active()
    leaves = [(leaf, key) for key, leaf in trace.leaf_of.items() if only is None or leaf in only]
    sources = [[atom for atom in trace.leaves[key] if isinstance(atom, Var)] for _, key in leaves]
    for (leaf, _), atom in zip(leaves, pull([x], [gradient], sources, create)):
        if atom is not None:
            held(leaf).add(atom)
    if not create:
        for _, key in leaves:  # what was computed so far is not differentiated again
            trace.leaves[key].clear()


def gradient_of(outputs: Sequence[Any], inputs: Sequence[Any], given: Sequence[Any], create: bool) -> list[Any]:
    """For each input its gradient, or None where no output depends on it."""
    trace = values.active()
    found = pull(outputs, given, [atoms_of(trace, x) for x in inputs], create)
    return [None if atom is None else wrap(trace.fresh(atom, "tensor")) for atom in found]
