"""Loops that become one equation: the body is recorded once, for a round that only a run knows.

What a round may leave for the next one is *carried*: numbers that the body rebinds, arrays that it writes, and arrays that
it rebinds to new ones. How each variable is carried is found by trying: the body is recorded with the variables as they
are before the loop, and again for as long as it leaves something of another kind than it was given. A first round that
differs from all others (`u` becomes float64, `None` a number) may be made apart, before the loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hybrid.control import join
from hybrid.control.branch import truth
from hybrid.control.either import Several, several, unmerged, usable
from hybrid.control.guesses import dropped, recall, remember
from hybrid.control.join import NO, YES, Spec, atoms, called, common, form_of, holds_all, made, spec_of
from hybrid.control.lists import Listed, listed
from hybrid.control.own import Changes, home, refuse_changes
from hybrid.control.parts import Part, common_whole
from hybrid.control.perhaps import Perhaps
from hybrid.control.plain import UNDEFINED, Ends, State
from hybrid.control.renewal import check_storage, keep_apart, needs_round, note_aliases, surely
from hybrid.control.rounds import CannotRoll, FirstRoundDiffers, RoundRaises, Rounds, Swapped
from hybrid.control.structure import (
    Nest,
    built,
    copied_nest,
    freeze,
    is_parts,
    known_nests,
    nest_of,
    nest_of_selection,
    nests,
    note_twins,
    optional,
    optional_parts,
    parts_of,
    text_of,
)
from hybrid.control.united import OneOf, instance_of_rounds, values_of
from hybrid.control.varying import Varying, of_rounds, parted, shared
from hybrid.control.watch import Holds
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Size, TensorType
from hybrid.frontend.layouts import ROWS, layout_of, like_all, settle
from hybrid.frontend.masked import Masked
from hybrid.frontend.texts import Text
from hybrid.frontend.values import sized, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known, Thing
from hybrid.ir.graph import Atom, Graph, Literal, Var
from hybrid.ir.rebuild import untested
from hybrid.ir.trace import Cell, Region, Symbol, Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e

TRIES = 8  # kinds of variables settle after two or three


_VALUE = Nest(tuple, ())


@dataclass(eq=False, slots=True)
class Carried:
    """One variable, or one place of a tuple.

    Attributes:
        initial: what it is before the loop.
        read: whether a round may read what came before it.
        guarded: whether a flag stands before every read, so that it need not have a value.
        spec: what enters a round; None: the object it was before the loop.
        items: its parts, where it is a tuple or another container, and `nest`: which.
    """

    name: str
    initial: Any
    read: bool
    guarded: bool
    spec: Spec | Part | Several | Varying | None = None
    items: list[Carried] | None = None
    nest: Nest | None = None
    vars: list[Var] = field(default_factory=list)  # what stands for it in the round being recorded
    head: Any = UNDEFINED
    after: Any = UNDEFINED  # what the round left
    parts: list[Atom] = field(default_factory=list)  # that as graph values
    guessed: bool = False  # whether `spec` is what it was when the loop was recorded before, instead of `own`
    own: Any = None
    known: Any = UNDEFINED  # an object that it becomes wherever it is assigned; a flag says whether it is meant

    def __post_init__(self) -> None:
        if is_parts(self.initial) or type(self.initial) in (Perhaps, Text):
            self._split(nest_of(self.initial, 0), parts_of(self.initial))
        spec = spec_of(self.initial)
        self.spec = spec if spec is not None and spec.is_number else None

    def _split(self, nest: Nest | None, values: Sequence[Any]) -> None:
        self.nest = nest
        guarded = self.guarded or (nest is not None and nest.guards)
        self.items = [Carried(f"{self.name}[{k}]", v, self.read, guarded) for k, v in enumerate(values)]

    def split_selection(self) -> None:
        """Carry what a mask selects as an array and a mask, if it is that."""
        if self.read and (nest := nest_of_selection(self.initial)) is not None:
            self.spec = None
            self._split(nest, parts_of(self.initial))

    def split_copy(self, trace: Trace) -> None:
        """Carry a record of which storage has the parts as these."""
        if self.read and id(self.initial) in trace.copies:
            self._split(copied_nest(self.initial), parts_of(self.initial))

    def leaves(self) -> Iterator[Carried]:
        if self.items is None:
            yield self
        else:
            for item in self.items:
                yield from item.leaves()

    def enter(self, trace: Trace, region: Region, sizes: dict[str, Atom]) -> Any:
        """What the variable is as a round begins."""
        if self.items is not None:
            assert self.nest is not None
            self.head = built(trace, self.nest, self.guarded, (item.enter(trace, region, sizes) for item in self.items))
            freeze(self.head)
            return self.head if self.read else UNDEFINED
        self.vars, self.head = [], self.initial if self.spec is None and self.read else UNDEFINED
        if self.spec is not None:
            self.vars = [region.builder.input(type_, self.name if k == 0 else "") for k, type_ in enumerate(self.spec.types)]
            if self.read:
                self.head = _made(trace, self.spec, shared(self.spec, self.vars, sizes))
                if type(data := unwrap(self.head)) is Symbol:
                    region.heads.add(data.cell)
                if isinstance(self.spec, Spec) and not self.spec.is_number and self.initial is not UNDEFINED:
                    like_all(trace, self.head, {layout_of(self.initial) if self.initial is not None else ROWS})
        return self.head

    def leave(self, after: Any, found: dict[int, Nest], unions: bool) -> bool:
        """Take what a round left, `found`: the containers among it; True where the variable turns out to be one."""
        nest = found.get(id(after))
        if type(after) is Text or (self.nest is not None and self.nest.type is Text):
            text = text_of(self.initial if self.nest is None else self.nest, after)
            if text is not None:
                return self._leave_either(text, after, found, unions)
        either = (
            optional((None, after), self.nest, nest, lists=True) if self.items is not None or self.initial is None else None
        )
        if (
            either is not None
            and nest != self.nest
            and (unions or Perhaps in (nest and nest.type, self.nest and self.nest.type))
        ):
            return self._leave_either(either, after, found, unions)
        things = self.items is None and all(isinstance(form_of(value), Thing) for value in (self.initial, after))
        one = instance_of_rounds(self, after) if not things and (nest is None or self.initial is not UNDEFINED) else None
        if one is not None and self.items is None:
            self._split(one, values_of(self.initial) if self.initial is not UNDEFINED else [UNDEFINED] * len(one.keys))
            return True
        if self.items is not None:
            nest = one if isinstance(self.nest, OneOf) else nest
            if nest is None or nest != self.nest:
                raise FirstRoundDiffers(f"`{self.name}` becomes another kind of tuple in a loop", at=tr.user_line())
            return any(
                [
                    item.leave(value, found, unions)
                    for item, value in zip(self.items, parts_of(after) if one is None else values_of(after))
                ]
            )
        self.after = after
        if nest is not None and self.spec is None and self.initial is UNDEFINED and (self.guarded or not self.read):
            self._split(nest, [UNDEFINED] * len(nest.keys))
            return True
        return False

    def _leave_either(self, either: Nest, after: Any, found: dict[int, Nest], unions: bool) -> bool:
        """Take None or a tuple, where the variable may be both."""
        if changed := self.nest != either:
            initial = optional_parts(either, self.initial, UNDEFINED)
            assert initial is not None  # else it would have another class
            self.spec = None
            self._split(either, initial)
        given = optional_parts(either, after, UNDEFINED)
        assert self.items is not None and given is not None
        for item, value in zip(self.items, given):
            value = item.head if value is UNDEFINED else value
            changed |= item.leave(value, found, unions)
            if item.items is None and item.initial is UNDEFINED and item.spec is None:
                item.spec = spec_of(value)  # the next round may be asked for it
        return changed

    def value(self, trace: Trace, results: dict[int, Any], selected: list[tuple[Masked, ...]]) -> Any:
        """The variable after the loop; `results`: what stands for its carried leaves; `selected`: takes what masks select."""
        if self.items is not None:
            assert self.nest is not None
            out = built(trace, self.nest, self.guarded, (item.value(trace, results, selected) for item in self.items))
            if type(out) is Masked:
                selected.append((out, self.initial) if type(self.initial) is Masked else (out,))
            return out
        return results.get(id(self), self.initial if self.known is UNDEFINED else self.known)


def roll(trace: Trace, rounds: Rounds, state: State, renames: bool, unions: bool, unread: bool = False) -> None:
    """Record the loop, and leave the variables of `state` as they are after it.

    `renames`: carry arrays that change places by value, which copies them in every round, instead of raising `Swapped`.
    `unions`: carry variables that a round may find to be a number or an object, instead of raising `FirstRoundDiffers`.
    `unread`: a round that reads what is unbound before the loop raises; others assign it first, or leave it alone.
    """
    given, failure, lists = state.get(), trace.failure, usable(trace)
    try:
        _roll(trace, rounds, state, renames, unions, unread)
        return
    except (TraceError, tr.Concretise) as error:
        unmerged(lists)
        if isinstance(error, (Changes, Holds, tr.TooLong)) or not any(map(nest_of_selection, given)):
            raise
    except BaseException:
        unmerged(lists)
        raise
    # A round selects anew from what a mask has selected: `x = x[abs(x) < limit]`.
    state.set(given)
    trace.failure, lists = failure, usable(trace)
    try:
        _roll(trace, rounds, state, renames, unions, unread, selections=True)
    except BaseException:
        unmerged(lists)
        raise


def _roll(
    trace: Trace, rounds: Rounds, state: State, renames: bool, unions: bool, unread: bool, selections: bool = False
) -> None:
    known = trace.failure
    variables = [
        Carried(name, value, name in state.carried and not (unread and value is UNDEFINED), name in state.invented)
        for name, value in zip(state.names, state.get())
    ]
    for variable in variables:
        variable.split_copy(trace)
    for variable in variables if selections else ():
        variable.split_selection()
    wanted = [v for v in variables if v.name in state.live or v.name in state.carried]
    recall(trace, rounds.site, [leaf for v in wanted for leaf in v.leaves()])
    for _ in range(TRIES):
        region = Region(trace, "body", loop=True)
        region.rounds = rounds.count
        longest = [(known_list, known_list.longest) for known_list in trace.lists]
        held = [(known_list, known_list.held.copy()) for known_list in trace.lists if known_list.held is not None]
        lists = usable(trace)
        with region:
            sizes: dict[str, Atom] = {}
            state.set(tuple(v.enter(trace, region, sizes) if v in wanted else UNDEFINED for v in variables))
            for own in (own for v in wanted for own in _either(v)):
                own.merge()
            test, split = _test(trace, rounds, region, state)
            try:
                rounds.body()
            except (Exception, Ends) as error:
                if type(error) is Ends and trace.failure is error.why:
                    trace.failure = known
                if isinstance(error, (TraceError, tr.Concretise, RoundRaises)) or trace.failure is not known:
                    raise
                raise RoundRaises(error) from error
            left = state.get()
            found = {**known_nests(trace), **nests(left, trace.copies, 2)}  # held by `left`, and by the user's variables
            after = dict(zip(state.names, left))
            for v in wanted:
                if _is_guarded(v) and id(after[v.name]) in found and type(after[v.name]) is list:
                    after[v.name] = listed(trace, after[v.name])
            found = {key: nest for key, nest in found.items() if nest.type is not list}
            refuse_changes(held)
        merged = unmerged(lists)
        objects = [id(after[v.name]) for v in wanted if not found.get(id(after[v.name]), _VALUE).is_value]
        if len(set(objects)) < len(objects):
            raise CannotRoll("two variables stand for one object that is new in every round", at=tr.user_line())
        changed = any([v.leave(after[v.name], found, unions) for v in wanted])
        leaves = [leaf for v in wanted for leaf in v.leaves()]
        changed |= any([dropped(leaf) for leaf in leaves])
        changed = changed or any([_settle(leaf, leaves, region, rounds, renames, unions) for leaf in leaves])
        if not changed and not parted(leaves):
            remember(trace, rounds.site, leaves)
            break
        trace.failure = known
        for known_list, before in longest:
            known_list.longest = before
    else:
        raise CannotRoll("what the loop's variables hold changes from round to round", at=tr.user_line())
    if region.given:
        raise CannotRoll("a list is put into another in every round of a loop", at=tr.user_line())
    if test is True and rounds.count is None:
        raise tr.TooLong("a loop that only an error ends is Python's", at=tr.user_line())
    carried = [leaf for leaf in leaves if leaf.spec is not None]
    _run_once(trace, rounds, state, variables, carried)
    results = _append(trace, rounds, carried, region, test, split)
    for own in {id(own): own for own in (*merged, *(own for v in wanted for own in _either(v)))}.values():
        own.merge()
    selected: list[tuple[Masked, ...]] = []
    state.set(tuple(v.value(trace, results, selected) if v in wanted else UNDEFINED for v in variables))
    note_twins(selected)


def _either(variable: Carried) -> Iterator[Listed]:
    """The lists before a loop that variables stand for which are other lists after a round."""
    for leaf in variable.leaves():
        if isinstance(leaf.spec, Several) and leaf.initial is not UNDEFINED:
            yield leaf.initial


def _test(trace: Trace, rounds: Rounds, region: Region, state: State) -> tuple[bool | Atom, int]:
    """The condition of a round, and how many equations of the body belong to it."""
    if rounds.test is None:
        return True, 0
    before = state.get()
    verdict = truth(trace, rounds.test())
    if any(was is not now for was, now in zip(before, state.get())):
        raise CannotRoll("the condition of a loop rebinds a variable", at=tr.user_line())
    if region.written:
        raise CannotRoll("the condition of a loop writes into an array", at=tr.user_line())
    return verdict, len(region.builder.eqns)


def _made(trace: Trace, spec: Spec | Part | Several | Varying, parts: Sequence[Atom]) -> Any:
    parts = list(parts)
    return spec.made(trace, parts) if isinstance(spec, (Part, Several)) else made(trace, spec, parts)


def _atoms(trace: Trace, value: Any, spec: Spec | Part | Several | Varying, base: Atom) -> list[Atom]:
    if isinstance(spec, Varying):
        return spec.atoms(trace, None if value is UNDEFINED else value, base)
    return spec.atoms(trace, value) if isinstance(spec, (Part, Several)) else atoms(trace, value, spec)


# what is carried -------------------------------------------------------------------------------------------------------
def _settle(c: Carried, leaves: list[Carried], region: Region, rounds: Rounds, renames: bool, unions: bool) -> bool:
    """Compare what a round left with what it was given; adapt, and say whether the body must be recorded anew."""
    if c.guarded and c.initial is UNDEFINED and c.spec is None and isinstance(form_of(c.after), Known):
        c.known = c.after
        return False
    if c.guarded and c.initial is UNDEFINED and c.spec is None and _from_outside(c.after, region):
        c.known = c.after
        return False
    if c.after is UNDEFINED and c.spec is not None:
        raise CannotRoll(f"{called(c.name)} is deleted in a loop", at=tr.user_line())
    if c.spec is None and _unchanged(c):
        return False
    if c.spec is None and c.read and (whole := common_whole(c.initial, c.after)) is not None:
        c.spec = Part(whole)
        return True
    if isinstance(c.spec, Several) or (type(c.after) is Listed and (type(c.initial) is Listed or _is_guarded(c))):
        return _settle_list(c, leaves, region)
    if isinstance(c.spec, Part):
        if c.spec.holds(c.after):
            return False
        raise CannotRoll(f"{called(c.name)} is a part of an array, and then another array", at=tr.user_line())
    with region:  # where a selection by a mask may still have to be made
        spec = spec_of(c.after)
    if spec is None or spec.is_number:
        return _settle_number(c, spec, unions)
    given = spec if c.initial is UNDEFINED and (c.guarded or not c.read) else spec_of(c.initial) if c.spec is None else c.spec
    held = None if given is None else of_rounds(region, c, given, spec, rounds.count, rounds.symbol)
    if held is not None:
        given = spec = held  # type: ignore[assignment]
    if unions and (c.initial is None or (given is not None and given.instead is not None)):
        given = spec = common(form_of(c.initial) if given is None else given, spec)  # type: ignore[arg-type]  # an array, or None
    if given is None or spec is None or given.certain() != spec.certain():
        raise FirstRoundDiffers(f"{called(c.name)} becomes {spec} in a loop", at=tr.user_line())
    data = unwrap(c.after)
    other = next((o for o in leaves if o is not c and _is_same_array(o.initial, c.after)), None)
    if other is not None and spec_of(other.initial) == spec:
        if not renames:
            raise Swapped(f"{called(c.name)} and {called(other.name)} change places", at=tr.user_line())
        c.spec = other.spec = spec
        return True
    if type(data) is not Symbol or (data.cell.home is not region and not c.guarded):
        raise CannotRoll(f"{called(c.name)} stands for another array from round to round", at=tr.user_line())
    changed, c.spec = c.spec is None or (held is not None and c.spec != held), spec
    return changed


def _is_guarded(c: Carried) -> bool:
    """Whether a flag says, of a variable without a value before the loop, that it has one."""
    return c.guarded and c.initial is UNDEFINED


def _settle_list(c: Carried, leaves: list[Carried], region: Region) -> bool:
    """A list that is rebound: what a round leaves is one that it made or was given, and that no other variable is."""
    alone = type(c.after) is Listed and all(o.after is not c.after for o in leaves if o is not c)
    if not alone or not (home(c.after.made) is region or _is_handed_on(c, leaves)):
        raise CannotRoll(f"{called(c.name)} stands for another list from round to round", at=tr.user_line())
    assert c.spec is None or isinstance(c.spec, Several)
    with region:
        spec = several(region.trace, c.spec, c.initial, c.after)
    changed, c.spec = spec != c.spec, spec
    return changed


def _is_handed_on(c: Carried, leaves: list[Carried]) -> bool:
    """Whether a round leaves the list that another variable was before the loop, which becomes a value then as this does."""
    given = [o for o in leaves if o is not c and o.initial is c.after]
    return len(given) == 1 and all(o.initial is not c.initial for o in leaves if o is not c)


def _from_outside(value: Any, region: Region) -> bool:
    """Whether something is a whole array, or a list of the function's own, that is made before a loop."""
    data, outside = unwrap(value), region.outer
    if type(value) is Listed and not value.is_merged:
        made = home(value.made)
    elif type(data) is Symbol and not data.chain and data.kind == "ndarray":
        made = data.cell.home
    else:
        return False
    while outside is not None and outside is not made:
        outside = outside.outer
    return outside is made


def _settle_number(c: Carried, spec: Spec | None, unions: bool) -> bool:
    both: Spec | None = None
    if c.spec is not None:
        assert isinstance(c.spec, Spec)
        form = form_of(c.after)
        both = common(c.spec, form) if spec is not None or ((unions or c.spec.options) and form is not None) else None
    elif spec is not None and c.initial is UNDEFINED:
        both = spec if c.guarded else common(spec, None)
    elif spec is not None and (unions or spec.options) and form_of(c.initial) is not None:
        both = common(form_of(c.initial), spec)
    elif spec is not None and not c.read:
        both = common(spec, None)
    if both is None:
        what = f"a {c.after.__class__.__name__}" if spec is None else str(spec)
        raise FirstRoundDiffers(f"{called(c.name)} becomes {what} in a loop", at=tr.user_line())
    changed, c.spec = both != c.spec, both
    return changed


def _unchanged(c: Carried) -> bool:
    if c.after is c.head or c.after is c.initial or _is_same_array(c.initial, c.after):
        return True
    return join.same_constant(c.after, c.initial)


def _is_same_array(a: Any, b: Any) -> bool:
    x, y = unwrap(a), unwrap(b)
    return type(x) is Symbol and type(y) is Symbol and x.cell is y.cell and x.chain == y.chain and x.kind == y.kind


# the equation ----------------------------------------------------------------------------------------------------------
def _append(
    trace: Trace, rounds: Rounds, carried: list[Carried], region: Region, test: bool | Atom, split: int
) -> dict[int, Any]:
    """Append the equation and bind storage to its results; gives what stands for each carried variable after the loop."""
    with region:
        for c in carried:
            assert c.spec is not None
            c.parts = _atoms(trace, c.after, c.spec, c.vars[0])
        written = region.written
        new = [region.values[cell] for cell in written]
    before = [part for c in carried for part in _initial(trace, c)]
    check_storage(carried, region)
    inputs = [var for c in carried for var in c.vars] + [region.entered[cell][0] for cell in written]
    initial = before + [region.entered[cell][1] for cell in written]
    fixed = {var: outer for cell, (var, outer) in region.entered.items() if cell not in written}
    body = region.builder.body([*(part for c in carried for part in c.parts), *new])
    own = set(inputs)
    rest = tuple(var for var in body.inputs if var not in own)
    body = body.replace(inputs=(*inputs, *rest), names={})
    condition: Graph | None = None
    if test is not True:
        verdict = test if not isinstance(test, bool) else NO
        condition = Graph("test", body.inputs, body.eqns[:split], (verdict,))
        body = body.replace(eqns=tuple(untested(body, split)))
    params = {"carried": len(inputs), "count": rounds.count, "symbol": rounds.symbol, "test": condition, "body": body}
    results = list(trace.record(control.loop, (*initial, *(fixed.get(var, var) for var in rest)), params))
    ran = rounds.test is None and rounds.count is not None and trace.bounds.nonnegative(rounds.count - 1)
    values, sizes = {}, {}  # type: ignore[var-annotated]
    arrays: list[tuple[Carried, Cell]] = []
    for c in carried:
        assert c.spec is not None
        parts, results = results[: len(c.vars)], results[len(c.vars) :]
        if ran and c.spec.maybe and c.parts[1] is YES:
            parts[1] = YES  # every round makes sure of it, and there is one
        other = next((o for o, _ in arrays if c.spec == o.spec and _is_same_array(c.after, o.after)), None)
        if other is not None and (ran or c.initial is other.initial is UNDEFINED):
            values[id(c)] = values[id(other)]  # one array by another name
            continue
        values[id(c)] = _made(trace, c.spec, shared(c.spec, parts, sizes))
        if isinstance(c.spec, Spec) and not c.spec.is_number:
            layouts = {layout_of(x) for x in (c.initial, c.after) if x is not UNDEFINED and x is not None} or {ROWS}
            settle(trace, c.head, layouts)
            like_all(trace, values[id(c)], layouts)
        if not c.spec.is_number:
            arrays.append((c, unwrap(values[id(c)]).cell))
            note_aliases(trace, rounds, c, carried, arrays[-1][1])
    keep_apart(trace, arrays)
    for cell, atom, left in zip(written, results, new):
        total = _total(trace, rounds, region, cell, left)
        trace.assign(cell, atom if total is None else sized(trace, total))
    region.lose_outside()
    return values


def _total(trace: Trace, rounds: Rounds, region: Region, cell: Cell, left: Atom) -> Size | None:
    """What a number is after the loop that each round adds a constant to, as it does to the length of a list: it is known."""
    if rounds.test is not None or rounds.count is None or left.type != TensorType(dt.int64, ()):
        return None
    var, before = region.entered[cell]
    start, step = trace.size_of(before), 0
    made = {eqn.outputs[0]: eqn for eqn in region.builder.eqns if eqn.primitive is e.add}
    while left in made:
        left, added = made[left].inputs
        if not isinstance(added, Literal):
            return None
        step += int(added.value)
    if left is not var or start is None or not trace.bounds.nonnegative(rounds.count):
        return None
    return start + rounds.count * step


def _initial(trace: Trace, c: Carried) -> list[Atom]:
    assert c.spec is not None
    if isinstance(c.spec, Several):
        return c.spec.atoms(trace, None if c.initial is UNDEFINED else c.initial)
    if isinstance(c.spec, Part):
        return c.spec.atoms(trace, c.initial)
    if isinstance(c.spec, Varying):
        return atoms(trace, c.initial, c.spec)
    fits = c.initial is not UNDEFINED and holds_all(c.spec, form_of(c.initial))
    return atoms(trace, c.initial if fits else UNDEFINED, c.spec)


def _run_once(trace: Trace, rounds: Rounds, state: State, variables: list[Carried], carried: list[Carried]) -> None:
    """Hand over to Python calls in which a loop does not go round that makes an array, where was none before or an argument."""
    arrays = [c for c in carried if c.spec is not None and not c.spec.is_number and not c.guarded]
    if surely(trace, rounds, 1) or not any(needs_round(trace, c, carried) for c in arrays):
        return
    what = "a loop that makes an array goes round at least once"
    if rounds.count is not None and not trace.bounds.nonnegative(rounds.count - 1):
        trace.assume(trace.one(e.gt, sized(trace, rounds.count), tr.literal(0, dt.int64)), what)
    if rounds.test is not None:
        state.set(tuple(v.initial for v in variables))
        verdict = truth(trace, rounds.test())
        if verdict is False:
            raise CannotRoll("a loop never goes round", at=tr.user_line())
        if verdict is not True:
            trace.assume(verdict, what)
