"""Derivatives of branches and loops: branches and loops over what their bodies' derivatives are.

A loop is differentiated backward by another one that goes through its rounds in reverse. What a round's derivative needs of
the round's values is kept in arrays with one entry a round, or computed again from what is the same in all rounds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import GradientError
from hybrid.core.shape import Dim, Shape, Size, TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, has_effects, symbols_of
from hybrid.ir.primitive import Kind
from hybrid.ir.rebuild import specialised
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import view as v
from hybrid.transforms import forward, reverse
from hybrid.transforms.reverse import Cotangents, depending, differentiable, pruned, replay
from hybrid.transforms.terms import Recorder, Term

_fresh = itertools.count()
I64 = TensorType(dt.int64, ())


# Forward ----------------------------------------------------------------------------------------------------------------
def push(recorder: Recorder, eqn: Eqn, inputs: Sequence[Atom], tangents: forward.Tangents) -> Sequence[Atom]:
    """Record a branch or loop with tangents beside its values; its results, whose tangents are entered.

    Where there are none, asking for one is the error: a rule that users give may stand in for them.
    """
    try:
        return _pushed(recorder, eqn, inputs, tangents)
    except GradientError as error:
        out = recorder.emit(eqn.primitive, *inputs, **eqn.params)
        tangents.update((var, forward.Missing(error)) for var in out if differentiable(var))  # type: ignore[misc]
        return out


def _pushed(recorder: Recorder, eqn: Eqn, inputs: Sequence[Atom], tangents: forward.Tangents) -> Sequence[Atom]:
    body = eqn.primitive.body
    if body == "cond":
        return _push_cond(recorder, eqn, inputs, tangents)
    if body == "loop":
        return _push_loop(recorder, eqn, inputs, tangents)
    if body in ("bind", "check"):
        return recorder.emit(eqn.primitive, *inputs, **eqn.params)
    raise _no(eqn, "a recursion that runs as a procedure")


def _push_cond(recorder: Recorder, eqn: Eqn, inputs: Sequence[Atom], tangents: forward.Tangents) -> Sequence[Atom]:
    given = [atom in tangents for atom in inputs[1:]]
    graphs = {name: eqn.params[name] for name in ("then", "orelse")}
    have = [forward.jvp(graph, given)[1] for graph in graphs.values()]
    wanted = [a or b for a, b in zip(*have)]
    made = {name: forward.jvp(graph, given, wanted)[0] for name, graph in graphs.items()}
    along = [tangents[atom].atom for atom in inputs[1:] if atom in tangents]
    out = recorder.emit(control.cond, *inputs, *along, **made)
    count = len(eqn.outputs)
    tangents.update(zip(itertools.compress(out[:count], wanted), map(recorder.term, out[count:])))
    return out[:count]


def _push_loop(recorder: Recorder, eqn: Eqn, inputs: Sequence[Atom], tangents: forward.Tangents) -> Sequence[Atom]:
    carried, body, test = eqn.params["carried"], eqn.params["body"], eqn.params["test"]
    state, fixed = inputs[:carried], inputs[carried:]
    moving = [atom in tangents for atom in state]
    standing = [atom in tangents for atom in fixed]
    while True:
        have = forward.jvp(body, [*moving, *standing])[1]
        grown = [a or b for a, b in zip(moving, have)]
        if grown == moving:
            break
        moving = grown
    made = forward.jvp(body, [*moving, *standing], moving)[0]
    # The graph's inputs come as: state, fixed, tangents of the state, tangents of what is fixed. A loop wants its state first.
    own, along = made.inputs[: len(inputs)], made.inputs[len(inputs) :]
    many = sum(moving)
    order = (*own[:carried], *along[:many], *own[carried:], *along[many:])
    starts = [
        tangents[atom].atom if atom in tangents else recorder.full(0, atom.type).atom
        for atom in itertools.compress(state, moving)
    ]
    operands = (*state, *starts, *fixed, *(tangents[atom].atom for atom in itertools.compress(fixed, standing)))
    params = {**eqn.params, "carried": carried + many, "body": made.replace(inputs=order)}
    if test is not None:
        extra = [Var(var.type) for var in along]
        ahead = (*test.inputs[:carried], *extra[:many], *test.inputs[carried:], *extra[many:])
        params["test"] = test.replace(inputs=ahead)
    out = recorder.emit(control.loop, *operands, **params)
    tangents.update(zip(itertools.compress(out[:carried], moving), map(recorder.term, out[carried:])))
    return out[:carried]


# Backward ---------------------------------------------------------------------------------------------------------------
def pull(recorder: Recorder, eqn: Eqn, given: Sequence[Term | None], cotangents: Cotangents, active: Collection[Var]) -> None:
    """Take the cotangents of a branch's or loop's results to its operands."""
    body = eqn.primitive.body
    if body not in ("cond", "loop"):
        raise _no(eqn, "a recursion that runs as a procedure")
    if any(has_effects(graph) for graph in eqn.params.values() if isinstance(graph, Graph)):
        raise _no(eqn, f"a {'branch' if body == 'cond' else 'loop'} that draws random numbers or prints")
    if body == "cond":
        _pull_cond(recorder, eqn, given, cotangents, active)
    else:
        _Backwards(recorder, eqn, given, cotangents, active).record()


def _no(eqn: Eqn, what: str) -> GradientError:
    return GradientError(f"{what} has no derivative backward", at=eqn.source,
                         fix="differentiate the undecorated function, whose steps are taken one by one")  # fmt: skip


def _pull_cond(
    recorder: Recorder, eqn: Eqn, given: Sequence[Term | None], cotangents: Cotangents, active: Collection[Var]
) -> None:
    operands = eqn.inputs[1:]
    wanted = [isinstance(atom, Var) and atom in active for atom in operands]
    flags = [g is not None for g in given]
    graphs = {name: reverse.vjp(eqn.params[name], wanted, flags, results=False) for name in ("then", "orelse")}
    along = [g.atom for g in given if g is not None]
    out = recorder.emit(control.cond, eqn.inputs[0], *operands, *along, **graphs)
    for atom, made in zip(itertools.compress(operands, wanted), out):
        assert isinstance(atom, Var)
        cotangents.add(atom, recorder.term(made))


@dataclass(slots=True)
class _Kept:
    """A value of a round that its derivative needs: its type, and that of the array with one for each round."""

    atom: Var
    room: Shape


class _Backwards:
    """One loop's way back."""

    def __init__(
        self, recorder: Recorder, eqn: Eqn, given: Sequence[Term | None], cotangents: Cotangents, active: Collection[Var]
    ):
        self.recorder, self.eqn, self.given, self.cotangents, self.active = recorder, eqn, given, cotangents, active
        self.carried, self.body, self.test = (eqn.params[name] for name in ("carried", "body", "test"))
        self.count, self.symbol = eqn.params["count"], eqn.params["symbol"]
        self.state, self.fixed = eqn.inputs[: self.carried], eqn.inputs[self.carried :]
        if self.count is None:
            self.count, self.test = self._counted(), None

    def _counted(self) -> Size:
        """How many rounds a loop takes that only a run ends: it runs once more, to count them."""
        one = Literal(np.int64(1), I64)
        inputs = [Var(var.type) for var in self.body.inputs]
        counter = Var(I64)
        builder = Builder(self.body.name)
        env = replay(Recorder(builder), self.body, inputs)
        (more,) = builder.append(e.add, (counter, one))
        outputs = (*(env.get(atom, atom) for atom in self.body.outputs), more)
        order = (*inputs[: self.carried], counter, *inputs[self.carried :])
        body = Graph(self.body.name, order, tuple(builder.eqns), outputs)
        test = self.test.replace(inputs=(*self.test.inputs[: self.carried], Var(I64), *self.test.inputs[self.carried :]))
        params = {**self.eqn.params, "carried": self.carried + 1, "body": body, "test": test}
        out = self.recorder.emit(control.loop, *self.state, Literal(np.int64(0), I64), *self.fixed, **params)
        symbol = f"rounds_{next(_fresh)}"
        self.recorder.emit(control.bind, out[-1], symbol=symbol, high=None)
        return Dim.symbol(symbol)

    def record(self) -> None:
        self._differentiate_a_round()
        self._choose_what_to_keep()
        kept, rounds = self._record_forward()
        self._record_backward(kept, rounds)

    def _differentiate_a_round(self) -> None:
        """One round followed by its derivative, in one builder: `split` is where that begins."""
        body, carried = self.body, self.carried
        self.builder = builder = Builder(body.name)
        recorder = Recorder(builder)
        self.own = [builder.input(var.type, body.names.get(var, "")) for var in body.inputs]
        env = replay(recorder, body, self.own)
        self.outputs = [env.get(atom, atom) for atom in body.outputs]
        self.split = len(builder.eqns)
        eqns = tuple(builder.eqns)
        self.standing = [k for k, atom in enumerate(self.fixed) if isinstance(atom, Var) and atom in self.active]
        self.moving = self._moving(eqns)
        targets = [*(self.own[k] for k in self.moving), *(self.own[carried + k] for k in self.standing)]
        cotangents = Cotangents(recorder)
        self.along: list[Var] = []  # cotangents of the state after the round, then sums of those of what is fixed
        for k in self.moving:
            self.along.append(Var(TensorType(self.own[k].type.dtype, self.own[k].type.shape)))
            if isinstance(out := self.outputs[k], Var):
                cotangents.add(out, recorder.term(self.along[-1]))
        for k in self.standing:
            var = self.own[carried + k]
            self.along.append(Var(TensorType(var.type.dtype, var.type.shape)))
            cotangents.add(var, recorder.term(self.along[-1]))
        reverse.backward(recorder, eqns, cotangents, depending(eqns, targets))
        self.before = [cotangents.full(var).atom for var in targets]

    def _moving(self, eqns: Sequence[Eqn]) -> list[int]:
        """The places of the state whose cotangents are asked for, or are on the way to those that are."""
        moving = {k for k, atom in enumerate(self.state) if isinstance(atom, Var) and atom in self.active}
        fixed = {self.own[self.carried + k] for k in self.standing}
        while True:
            reached = depending(eqns, fixed | {self.own[k] for k in moving})
            grown = moving | {k for k, atom in enumerate(self.outputs) if atom in reached and differentiable(self.own[k])}
            if grown == moving:
                return sorted(moving)
            moving = grown

    def _choose_what_to_keep(self) -> None:
        """Split the round's own equations into what is computed again and what is kept."""
        eqns = self.builder.eqns
        producer = {var: eqn for eqn in eqns[: self.split] for var in eqn.outputs}
        there: set[Atom] = {*self.own[self.carried :], *self.along}
        for eqn in eqns[: self.split]:  # what depends on nothing that changes from round to round but its number
            if eqn.primitive.kind in (Kind.MAP, Kind.VIEW) and all(isinstance(a, Literal) or a in there for a in eqn.inputs):
                there.update(eqn.outputs)
        self.kept: list[_Kept] = []
        self._binds: list[Eqn] = []  # of names of sizes, the way back's own

        def need(atom: Atom) -> None:
            if isinstance(atom, Literal) or atom in there:
                return
            eqn = producer.get(atom)
            grows = eqn is not None and eqn.primitive.kind is Kind.VIEW and eqn.primitive in (v.broadcast, v.windows)
            if eqn is not None and (grows or (eqn.primitive.kind is Kind.MAP and all(_is_there(a, there) for a in eqn.inputs))):
                for operand in eqn.inputs:
                    need(operand)
                there.update(eqn.outputs)
                return
            self.kept.append(_Kept(atom, self._room(atom.type.shape)))
            there.add(atom)

        made = {var for eqn in eqns[self.split :] for var in eqn.outputs}
        for atom in (*(a for eqn in eqns[self.split :] for a in eqn.inputs), *self.before):
            if atom not in made:
                need(atom)
        self._keep_sizes(there, need)

    def _keep_sizes(self, there: Collection[Atom], need: Callable[[Atom], None]) -> None:
        """Keep the numbers that sizes of the way back are named after."""
        eqns = self.builder.eqns
        left = [eqn for eqn in eqns[: self.split] if eqn.primitive.body == "bind"]
        while True:
            again = [eqn for eqn in eqns[: self.split] if any(atom in there for atom in eqn.outputs)]
            named = symbols_of(tuple(atom.type for atom in self.before))
            named = named.union(*map(symbols_of, (*eqns[self.split :], *again)), *(symbols_of(k.atom.type) for k in self.kept))
            named = named.union(*(symbols_of(eqn.params["high"]) for eqn in self._binds))
            found = [eqn for eqn in left if eqn.params["symbol"] in named]
            if not found:
                return
            for eqn in found:
                left.remove(eqn)
                self._binds.append(eqn)
                need(eqn.inputs[0])

    def _room(self, shape: Shape) -> Shape:
        """The largest that a shape is in any round."""
        return tuple(size if isinstance(size, int) else self._most(size) for size in shape)

    def _most(self, size: Dim) -> Size:
        known = {str(s) for var in self.body.inputs for d in var.type.shape if isinstance(d, Dim) for s in d.symbols}
        highs = {eqn.params["symbol"]: eqn.params["high"] for eqn in self.builder.eqns if eqn.primitive.body == "bind"}
        bounded = self._bounded(size, {name: high for name, high in highs.items() if name not in known})
        if isinstance(bounded, int):
            return bounded
        size = bounded
        if self.symbol not in size.symbols and size.symbols <= known:
            return size
        ends = [_at(size, self.symbol, where) for where in (0, self.count - 1)]
        slope = ends[1] - ends[0]
        linear = all(monomial.count(self.symbol) <= 1 for monomial, _ in size.terms) and isinstance(slope, int)
        if linear and size.symbols <= {*known, self.symbol}:
            return ends[1] if slope > 0 else ends[0]
        raise GradientError("a loop keeps arrays for its derivative of which only a run knows how long they are",
                            got=f"{size} elements", at=self.eqn.source)  # fmt: skip

    def _bounded(self, size: Dim, highs: Mapping[str, Size | None]) -> Size:
        """The largest that a size is, of symbols of a round with known bounds; none of them is negative."""
        total: Size = 0
        for monomial, factor in size.terms:
            inner = [name for name in monomial if name in highs]
            if inner and factor < 0:
                continue
            term: Size = factor
            for name in monomial:
                high = highs.get(name, Dim.symbol(name))
                if high is None:
                    return size  # which the caller refuses
                term = term * (self._bounded(high, highs) if isinstance(high, Dim) and name in highs else high)
            total = total + term
        return total

    def _record_forward(self) -> tuple[list[Atom], Atom | None]:
        """The loop once more with arrays of what is kept; its results replace those of the loop as it was."""
        builder = Builder(self.body.name)
        recorder = Recorder(builder)
        inputs = [Var(var.type) for var in self.body.inputs]
        arrays = [Var(TensorType(kept.atom.type.dtype, (self.count, *kept.room))) for kept in self.kept]
        counter = [Var(I64)] if self.test is not None else []
        renamed: dict[Atom, Atom] = dict(zip(self.own, inputs))
        for eqn in self.builder.eqns[: self.split]:
            made = recorder.emit(eqn.primitive, *(renamed.get(a, a) for a in eqn.inputs), **eqn.params)
            renamed.update(zip(eqn.outputs, made))
        outputs = [renamed.get(atom, atom) for atom in self.outputs]
        states = outputs[:]
        here = Dim.symbol(self.symbol)
        for kept, array in zip(self.kept, arrays):
            value = recorder.term(renamed.get(kept.atom, kept.atom))
            rank = value.ndim
            start, step = (here, *(0,) * rank), (1,) * (rank + 1)
            outputs.append(recorder.term(array).at_slice(start, step, value.reshape((1, *value.shape))).atom)
        outputs += [(recorder.term(var) + 1).atom for var in counter]
        state = self._state_behind(tuple(builder.eqns), inputs, states, outputs[self.carried :])
        rows = [outputs[k] for k in state] + outputs[self.carried :]
        order = (*(inputs[k] for k in state), *arrays, *counter, *inputs[self.carried :])
        body = pruned(Graph(self.body.name, order, tuple(builder.eqns), tuple(rows)), assumptions=True)
        params = {**self.eqn.params, "carried": len(rows), "body": body, "count": self.count, "test": None}
        if self.test is not None:
            extra = [Var(var.type) for var in (*arrays, *counter)]
            params["test"] = self.test.replace(
                inputs=(*self.test.inputs[: self.carried], *extra, *self.test.inputs[self.carried :])
            )
        starts = [self.recorder.full(0, array.type).atom for array in (*arrays, *counter)]
        out = self.recorder.emit(control.loop, *(self.state[k] for k in state), *starts, *self.fixed, **params)
        extra_out = out[len(state) :]
        return list(extra_out[: len(arrays)]), extra_out[-1] if counter else None

    def _state_behind(
        self, eqns: Sequence[Eqn], inputs: Sequence[Var], states: Sequence[Atom], wanted: Sequence[Atom]
    ) -> list[int]:
        """The places of the state that some results of a round depend on, through any number of rounds."""
        if self.test is not None:
            return list(range(self.carried))
        outputs = list(wanted)
        state: list[int] = []
        while True:
            needed = set(outputs)
            for eqn in reversed(eqns):
                if not needed.isdisjoint(eqn.outputs) or eqn.primitive.body == "check":
                    needed.update(eqn.inputs)
            found = [k for k in range(self.carried) if inputs[k] in needed]
            if found == state:
                return state
            state = found
            outputs = [*wanted, *(states[k] for k in state)]

    def _record_backward(self, kept: Sequence[Atom], rounds: Atom | None) -> None:
        symbol = f"{self.symbol}_{next(_fresh)}"
        builder = Builder(f"{self.body.name}_back")
        recorder = Recorder(builder)
        along = [Var(var.type) for var in self.along]
        fixed = [Var(var.type) for var in self.own[self.carried :]]
        arrays = [Var(atom.type) for atom in kept]
        renamed: dict[Atom, Atom] = {**dict(zip(self.along, along)), **dict(zip(self.own[self.carried :], fixed))}
        here = Dim.symbol(self.symbol)
        rows = {item.atom: array for item, array in zip(self.kept, arrays)}
        named = {eqn.params["symbol"] for eqn in self._binds}

        def row(atom: Var) -> None:
            shape = atom.type.shape
            rank = len(shape)
            part = recorder.term(rows.pop(atom)).slice((here, *(0,) * rank), (1,) * (rank + 1), (1, *shape))
            renamed[atom] = part.reshape(shape).atom

        for early in [var for var in rows if named.isdisjoint(symbols_of(var.type))]:
            row(early)
        for eqn in self.builder.eqns:
            for late in eqn.outputs:
                if late in rows:  # now that its sizes have names
                    row(late)
            if any(atom in renamed for atom in eqn.outputs):
                continue
            if all(isinstance(a, Literal) or a in renamed for a in eqn.inputs):
                recorder.source = eqn.source
                made = recorder.emit(eqn.primitive, *(renamed.get(a, a) for a in eqn.inputs), **eqn.params)
                renamed.update(zip(eqn.outputs, made))
        outputs = tuple(renamed.get(atom, atom) for atom in self.before)
        body = pruned(Graph(builder.name, (*along, *fixed, *arrays), tuple(builder.eqns), outputs))
        operands, more = [*self.fixed, *kept], []
        if rounds is not None:  # the loop may have ended before its last round: those after it pass everything on
            body = _only_below(body, here, len(along))
            more = [rounds]
        body = specialised(body, {self.symbol: self.count - 1 - Dim.symbol(symbol)})  # type: ignore[dict-item]
        starts = [self._of_result(k) for k in self.moving]
        sums = [self.cotangents.full(self.fixed[k]) for k in self.standing]  # type: ignore[arg-type]
        params = {"carried": len(along), "count": self.count, "symbol": symbol, "test": None, "body": body}
        given = [term.atom for term in (*starts, *sums)]
        out = self.recorder.emit(control.loop, *given, *operands, *more, **params)
        for k, atom in zip(self.moving, out):
            var = self.state[k]
            if isinstance(var, Var) and var in self.active:
                self.cotangents.add(var, self.recorder.term(atom))
        for k, atom in zip(self.standing, out[len(self.moving) :]):
            self.cotangents.add(self.fixed[k], self.recorder.term(atom))  # type: ignore[arg-type]

    def _of_result(self, k: int) -> Term:
        g = self.given[k]
        return self.recorder.full(0, self.state[k].type) if g is None else g


def _is_there(atom: Atom, there: Collection[Atom]) -> bool:
    return isinstance(atom, Literal) or atom in there


def _at(size: Dim, symbol: str, value: Size) -> Size:
    return size.evaluate({name: value if name == symbol else Dim.symbol(name) for name in size.symbols})  # type: ignore[misc]


def _only_below(body: Graph, place: Dim, carried: int) -> Graph:
    """A loop's body for rounds below a number that it takes as one more operand; in others it gives back what it carries."""
    builder = Builder(body.name)
    recorder = Recorder(builder)
    inputs = [builder.input(var.type) for var in body.inputs]
    limit = builder.input(I64)
    below = recorder.emit(e.lt, recorder.size(place).atom, limit)[0]
    kept = [Var(var.type) for var in body.inputs]
    idle = Graph("idle", tuple(kept), (), tuple(kept[:carried]))
    out = recorder.emit(control.cond, below, *inputs, then=body, orelse=idle)
    return Graph(body.name, (*inputs, limit), tuple(builder.eqns), tuple(out))
