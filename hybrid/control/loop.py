"""Loops that become one equation: the body is recorded once, for a round that only a run knows.

What a round may leave for the next one is *carried*: numbers that the body rebinds, arrays that it writes, and arrays that
it rebinds to new ones. How each variable is carried is found by trying: the body is recorded with the variables as they
are before the loop, and again for as long as it leaves something of another kind than it was given. A first round that
differs from all others (`u` becomes float64, `None` a number) may be made apart, before the loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid.control import join
from hybrid.control.attempt import Trial
from hybrid.control.branch import truth
from hybrid.control.carried import Carried, held
from hybrid.control.either import Several, several, unmerged, usable
from hybrid.control.guesses import dropped, recall, remember
from hybrid.control.join import NO, YES, Spec, atoms, called, common, form_of, holds_all, spec_of
from hybrid.control.lists import Listed, listed
from hybrid.control.own import Changes, home, refuse_changes
from hybrid.control.parts import Part, common_whole
from hybrid.control.plain import UNDEFINED, Ends, State
from hybrid.control.records import shared_all
from hybrid.control.renewal import check_storage, keep_apart, needs_round, note_aliases, surely
from hybrid.control.rounds import CannotRoll, FirstRoundDiffers, RoundRaises, Rounds, Swapped
from hybrid.control.structure import (
    Nest,
    known_nests,
    nest_of_selection,
    nests,
    note_twins,
)
from hybrid.control.varying import Varying, of_rounds, parted, shared
from hybrid.control.watch import Holds
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Size, TensorType
from hybrid.frontend.layouts import ROWS, layout_of, like_all, note_turned, settle
from hybrid.frontend.masked import Masked
from hybrid.frontend.values import sized, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known
from hybrid.ir.graph import Atom, Graph, Literal
from hybrid.ir.rebuild import untested
from hybrid.ir.trace import Cell, Region, Symbol, Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e

TRIES = 8  # kinds of variables settle after two or three


_VALUE = Nest(tuple, ())


def roll(trace: Trace, rounds: Rounds, state: State, renames: bool, unions: bool, unread: bool = False) -> None:
    """Record the loop, and leave the variables of `state` as they are after it.

    `renames`: carry arrays that change places by value, which copies them in every round, instead of raising `Swapped`.
    `unions`: carry variables that a round may find to be a number or an object, instead of raising `FirstRoundDiffers`.
    `unread`: a round that reads what is unbound before the loop raises; others assign it first, or leave it alone.
    """
    given, failure, lists, unrolled = state.get(), trace.failure, usable(trace), len(trace.unrolled)
    try:
        _roll(trace, rounds, state, renames, unions, unread)
        return
    except (TraceError, tr.Concretise) as error:
        unmerged(lists)
        del trace.unrolled[unrolled:]
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
        lists, copied, unrolled = usable(trace), len(trace.handlers.others.copied), len(trace.unrolled)
        with region:
            sizes: dict[str, Atom] = {}
            state.set(tuple(v.enter(trace, region, sizes) if v in wanted else UNDEFINED for v in variables))
            for own in _either(wanted):
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
            initial = {v.name: v.initial for v in wanted}
            before = tuple(initial.get(name, UNDEFINED) for name in state.names)
            left = shared_all(trace, before, state.get())[1]
            found = {**known_nests(trace), **nests(left, trace.copies, 2)}  # held by `left`, and by the user's variables
            after = dict(zip(state.names, left))
            for v in wanted:
                rebinds = _is_guarded(v) or type(v.initial) is Listed
                if rebinds and id(after[v.name]) in found and type(after[v.name]) is list:
                    after[v.name] = listed(trace, after[v.name])
                v.is_new = type(after[v.name]) is list and id(after[v.name]) in found
            found = {key: nest for key, nest in found.items() if nest.type is not list}
            refuse_changes(held)
        merged = unmerged(lists)
        objects = [id(after[v.name]) for v in wanted if not found.get(id(after[v.name]), _VALUE).is_value]
        if len(set(objects)) < len(objects):
            raise CannotRoll("two variables stand for one object that is new in every round", at=tr.user_line())
        changed = any([v.leave(after[v.name], found, unions) for v in wanted])
        leaves = [leaf for v in wanted for leaf in v.leaves()]
        _refuse_shared(wanted)
        changed |= any([dropped(leaf) for leaf in leaves])
        changed = changed or any([_settle(leaf, leaves, region, rounds, renames, unions) for leaf in leaves])
        if not changed and not parted(leaves):
            remember(trace, rounds.site, leaves)
            break
        if isinstance(trace.region, Trial):
            trace.region.unchanged()  # two bodies that exchange items would leave them as they were
        trace.failure = known
        del trace.handlers.others.copied[copied:], trace.unrolled[unrolled:]
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
    for own in {id(own): own for own in (*merged, *_either(wanted))}.values():
        own.merge()
    selected: list[tuple[Masked, ...]] = []
    state.set(tuple(v.value(trace, results, selected) if v in wanted else UNDEFINED for v in variables))
    note_twins(selected)


def _either(variables: list[Carried]) -> Iterator[Listed]:
    """The lists before a loop that variables stand for which are other lists after a round."""
    for each in (each for v in variables for each in v.lists()):
        if type(each.initial) is Listed:
            yield each.initial


def _refuse_shared(variables: list[Carried]) -> None:
    """Raise where a list that is carried item by item has another name after a round."""
    left = [each.after for v in variables for each in v.lists()]
    for each in (each for v in variables for each in v.lists() if each.is_list):
        if sum(1 for after in left if after is each.after) > 1:
            raise CannotRoll(f"{called(each.name)} stands for another list from round to round", at=tr.user_line())


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
    if changed and c.gets_longer():
        raise CannotRoll(f"{called(c.name)} is a longer text in every round", at=tr.user_line())
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
        values[id(c)] = held(trace, c.spec, shared(c.spec, parts, sizes), c.initial, c.after)
        if isinstance(c.spec, Spec) and not c.spec.is_number:
            layouts = {layout_of(x) for x in (c.initial, c.after) if x is not UNDEFINED and x is not None} or {ROWS}
            settle(trace, c.head, layouts)
            like_all(trace, values[id(c)], layouts)
            note_turned(trace, values[id(c)], (c.after if c.initial is UNDEFINED or c.initial is None else c.initial, c.after))
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
    is_others = any(type(each.initial) is list for v in variables for each in v.lists())
    if surely(trace, rounds, 1) or not (is_others or any(needs_round(trace, c, carried) for c in arrays)):
        return
    what = "a loop that makes an array or list goes round at least once"
    if rounds.count is not None and not trace.bounds.nonnegative(rounds.count - 1):
        trace.assume(trace.one(e.gt, sized(trace, rounds.count), tr.literal(0, dt.int64)), what)
    if rounds.test is not None:
        state.set(tuple(v.initial for v in variables))
        verdict = truth(trace, rounds.test())
        if verdict is False:
            raise CannotRoll("a loop never goes round", at=tr.user_line())
        if verdict is not True:
            trace.assume(verdict, what)
