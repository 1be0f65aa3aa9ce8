"""Arrays that a loop rebinds: after how many rounds one is new, what it may be until then, and what may be written of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from hybrid.control import join
from hybrid.control.items import is_kept
from hybrid.control.join import YES, called, spec_of
from hybrid.control.plain import UNDEFINED
from hybrid.control.rounds import CannotRoll, Rounds
from hybrid.core.errors import TraceError
from hybrid.frontend.values import symbol, unwrap
from hybrid.ir import aliases
from hybrid.ir import trace as tr
from hybrid.ir.trace import Cell, Region, Symbol, Trace

if TYPE_CHECKING:
    from hybrid.control.loop import Carried


def _owners(c: Carried, carried: list[Carried]) -> list[Carried]:
    """The variables that came into a round with what this one may leave it with."""
    cells = [unwrap(c.after).cell]
    for cell in cells:
        cells += [other for other in cell.may_be if other not in cells]
    return [o for o in carried if type(unwrap(o.head)) is Symbol and unwrap(o.head).cell in cells]


def _renewed(c: Carried, carried: list[Carried]) -> int | None:
    """After how many rounds a variable surely stands for an array that a round made; None: perhaps never."""
    seen, at = [c], c
    while True:
        owners = _owners(at, carried)
        if not owners:
            return len(seen)
        if owners[0] in seen or unwrap(owners[0].head).cell is not unwrap(at.after).cell:
            return None  # it goes round, or a branch may have left it as it was
        seen.append(owners[0])
        at = owners[0]


def surely(trace: Trace, rounds: Rounds, least: int | None) -> bool:
    known = least is not None and rounds.test is None and rounds.count is not None
    return known and trace.bounds.nonnegative(rounds.count - least)  # type: ignore[operator]


def _before(trace: Trace, c: Carried) -> Cell | None:
    """The storage of the array that a variable stands for before the loop, if it does."""
    spec = spec_of(c.initial)
    return None if c.initial is UNDEFINED or spec is None or spec.is_number else symbol(trace, c.initial).cell


def needs_round(trace: Trace, c: Carried, carried: list[Carried]) -> bool:
    if c.initial is UNDEFINED:
        return True
    before = _before(trace, c)
    return before is not None and bool(before.name) and _renewed(c, carried) == 1


def _passed_on(trace: Trace, c: Carried, carried: list[Carried]) -> list[Cell]:
    """The arrays from before the loop that a variable may come to stand for, because others stood for them."""
    seen = _owners(c, carried)
    for each in seen:
        seen += [owner for owner in _owners(each, carried) if owner not in seen]
    found = [_before(trace, owner) for owner in seen if owner is not c]
    return [before for before in found if before is not None]


def note_aliases(trace: Trace, rounds: Rounds, c: Carried, carried: list[Carried], cell: Cell) -> None:
    """What the array after a loop may be besides a new one: that of its last round, and that from before the loop."""
    left, before, renewed = unwrap(c.after), _before(trace, c), _renewed(c, carried)
    cells = [left.cell]
    cells += _passed_on(trace, c, carried)
    if before is not None and not surely(trace, rounds, renewed) and not (before.name and renewed == 1):
        cells.append(before)
        if before.name:
            cell.frozen = before.frozen = f"{called(c.name)} is one array or another depending on the rounds of a loop"
    cell.may_be, cell.is_part = tuple(cells), any(join.is_part(o.after) for o in (c, *_owners(c, carried)))
    named = any(_may_be_one(c, o) for o in carried if o is not c)
    around = [each for each in (left.cell.whole, *left.cell.aliases()) if _is_around(trace, each)]
    cell.stands_for([*(each for each in cells if each is not left.cell or named), *around])
    cell.like = tuple(dict.fromkeys(a for other in cells for a in ((other,) if other.name else other.like)))
    if any(_is_unlike(other, cell) for other in cells) or (cell.is_part and cell.like):
        error = TraceError(f"an array is returned, and {called(c.name)} may be an argument or not", at=tr.user_line())
        cell.shared = error, YES
    for other in cells:
        cell.shared, cell.frozen = cell.shared or other.shared, cell.frozen or other.frozen
    cell.frozen = cell.frozen or next((other.frozen for other in left.cell.aliases() if other.frozen), "")
    if cell.frozen and any(_is_written_around(trace, root) for root in cell.roots):
        raise CannotRoll(f"{called(c.name)} may be an array that a loop around writes, and is kept", at=tr.user_line())


def _is_around(trace: Trace, cell: Cell) -> bool:
    """Whether storage was there before a loop that has just been recorded."""
    region = trace.region
    while region is not None and region is not cell.home:
        region = region.outer
    return region is cell.home


def _is_written_around(trace: Trace, cell: Any) -> bool:
    """Whether a loop that is being recorded, and has not made this storage, has written it."""
    region = trace.region
    while region is not None and region is not cell.home:
        if region.loop and cell in region.written:
            return True
        region = region.outer
    return False


def _refuse_stale(rebound: list[Carried], region: Region) -> None:
    """CannotRoll where a variable may come into a round as storage from around the loop, which the loop writes."""
    for c in rebound:
        if c.guarded or type(after := unwrap(c.after)) is not Symbol:
            continue  # what only a way out of the loop binds comes into no other round
        always = after.cell.whole in region.written  # then it is what that is after the loop, unless no round was made
        if c.read if always else not after.cell.aliases().isdisjoint(region.written):
            raise CannotRoll(f"{called(c.name)} may be an array that a loop writes", at=tr.user_line())


def keep_apart(trace: Trace, arrays: list[tuple[Carried, Cell]]) -> None:
    """Note which arrays after a loop are two, since they were before it and are after every round."""
    known = [(cell, before, unwrap(c.after).cell) for c, cell in arrays if (before := _before(trace, c)) is not None]
    if known:
        aliases.keep_apart(*zip(*known))


def _is_unlike(argument: Cell, cell: Cell) -> bool:
    """Whether what an argument holds cannot tell that an array is another one."""
    if not argument.name:
        return False
    same = argument.origin.type.ndim == cell.value.type.ndim and argument.origin.type.dtype == cell.value.type.dtype
    return not same or argument.value is not argument.origin


def _may_be_one(c: Carried, other: Carried) -> bool:
    """Whether a round may leave two variables one array."""
    one, two = unwrap(c.after), unwrap(other.after)
    return type(one) is Symbol and type(two) is Symbol and not one.cell.is_never(two.cell)


def _refuse_kept(rebound: list[Carried]) -> None:
    """CannotRoll where a round writes an array that an earlier one put into a list, which has what was in it then."""
    heads = {id(head.cell): c for c in rebound if type(head := unwrap(c.head)) is Symbol}
    left = {id(c): {after.cell, *after.cell.aliases()} for c in rebound if type(after := unwrap(c.after)) is Symbol}
    begun = [c for c in rebound if type(head := unwrap(c.head)) is Symbol and head.cell.frozen]
    kept = begun + [c for c in rebound if c not in begun and any(cell.frozen for cell in left.get(id(c), ()))]
    for c in kept:  # and those that are left with what these were at the beginning of a round
        kept += [o for o in rebound if o not in kept and any(heads.get(id(cell)) is c for cell in left.get(id(o), ()))]
    for c in kept:
        head = unwrap(c.head)
        if type(head) is Symbol and head.cell.written:
            raise CannotRoll(f"{called(c.name)} is written in a loop, and it is in a list", at=tr.user_line())
    for c in begun:  # the first round puts in what was there before
        if c.initial is not UNDEFINED and not is_kept(c.initial):
            raise CannotRoll(f"{called(c.name)} is in a list, and somebody may write what it was before", at=tr.user_line())


def check_storage(carried: list[Carried], region: Region) -> None:
    """Arrays that are rebound and written too: which of them holds what after the loop depends on the number of rounds."""
    if any(c.after is None for c in carried if c.spec is not None and not c.spec.is_number):
        raise CannotRoll("an array becomes None in a loop", at=tr.user_line())
    arrays = [c for c in carried if c.spec is not None and not c.spec.is_number and not c.guarded]
    rebound = [c for c in carried if c.spec is not None and not c.spec.is_number]
    _refuse_kept(rebound)
    _refuse_stale(rebound, region)
    for c, other in itertools.permutations(rebound, 2):
        head = unwrap(c.head)
        if type(head) is Symbol and head.cell.written and _may_be_one(c, other):
            raise CannotRoll("two variables may stand for one array, which a loop writes", at=tr.user_line())
    for c in arrays:
        head, before = unwrap(c.head), unwrap(c.initial)
        whole = before.cell.whole if type(before) is Symbol else None
        wholes = [] if whole is None else [whole, *(cell.whole for cell in _passed_on(region.trace, c, carried))]
        same = {each for cell in wholes for each in (cell, *cell.aliases())}  # in the first round, or in a later one
        if c.read and not same.isdisjoint(region.written):
            raise CannotRoll(f"{called(c.name)} is rebound in a loop that writes what it was before", at=tr.user_line())
        if type(head) is not Symbol or not head.cell.written:
            continue
        if whole is None or any(cell.name for cell in same):
            raise CannotRoll(f"{called(c.name)} is written and rebound in a loop, and it is an argument", at=tr.user_line())
        if not same.isdisjoint(region.entered):
            raise CannotRoll(f"{called(c.name)} is written and rebound in a loop that reads what it was", at=tr.user_line())
        for cell in same:
            region.trace.lose(cell, "the number of rounds of a loop")
    if not region.entered.keys().isdisjoint(region.lost):
        raise CannotRoll("a loop writes an array that may be another one, which it reads", at=tr.user_line())
