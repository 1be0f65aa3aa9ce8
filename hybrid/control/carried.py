"""Variables that a loop carries from round to round: what each is as a round begins, and what the round leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hybrid.control.either import Several
from hybrid.control.families import Family
from hybrid.control.join import Spec, form_of, made, spec_of
from hybrid.control.lists import Listed, listed
from hybrid.control.own import home
from hybrid.control.parts import Part
from hybrid.control.perhaps import Perhaps
from hybrid.control.plain import UNDEFINED
from hybrid.control.rounds import FirstRoundDiffers
from hybrid.control.structure import (
    Nest,
    built,
    copied_nest,
    freeze,
    is_parts,
    nest_of,
    nest_of_selection,
    optional,
    optional_parts,
    parts_of,
    text_of,
)
from hybrid.control.united import OneOf, instance_of_rounds, values_of
from hybrid.control.varying import Varying, shared
from hybrid.frontend.layouts import ROWS, layout_of, like_all
from hybrid.frontend.masked import Masked
from hybrid.frontend.texts import Text
from hybrid.frontend.values import unwrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known, Thing
from hybrid.ir.graph import Atom, Var
from hybrid.ir.trace import Region, Symbol, Trace

LONGER = 3  # times that a text may get longer while a loop settles: its options, and with them the branches, double each time
ONE_BY_ONE = 16  # items of a list that is rebound which are carried each by itself


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
    region: Region | None = None  # of the round being recorded
    given: list = field(default_factory=list)  # the items of a list as it begins
    is_new: bool = False  # whether a round left a list that nobody else knows
    stored: bool = False  # whether a list is carried as storage, since its items cannot be carried one by one
    longest: list[int] = field(default_factory=list)  # the length of the longest text it may be, each time that it had grown

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

    def lists(self) -> Iterator[Carried]:
        """Of itself and its parts those that stand for one list before a loop and for another after a round."""
        if self.is_list or isinstance(self.spec, Several):
            yield self
        for item in self.items or ():
            yield from item.lists()

    @property
    def is_list(self) -> bool:
        """Whether it is a list of as many items before the loop as after every round, which are carried one by one."""
        return self.nest is not None and self.nest.type is list

    def _built(self, trace: Trace, parts: Iterator[Any]) -> Any:
        assert self.nest is not None
        if not self.is_list:
            return built(trace, self.nest, self.guarded, parts)
        if type(self.initial) is Listed:
            return listed(trace, list(parts))
        self.given = list(parts)
        return self.given.copy()

    def enter(self, trace: Trace, region: Region, sizes: dict[str, Atom]) -> Any:
        """What the variable is as a round begins."""
        self.region = region
        if self.items is not None:
            assert self.nest is not None
            self.head = self._built(trace, (item.enter(trace, region, sizes) for item in self.items))
            freeze(self.head)
            return self.head if self.read else UNDEFINED
        self.vars, self.head = [], self.initial if self.spec is None and self.read else UNDEFINED
        if self.spec is not None:
            self.vars = [region.builder.input(type_, self.name if k == 0 else "") for k, type_ in enumerate(self.spec.types)]
            if self.read:
                self.head = held(trace, self.spec, shared(self.spec, self.vars, sizes), self.initial)
                if type(data := unwrap(self.head)) is Symbol:
                    region.heads.add(data.cell)
                if isinstance(self.spec, Spec) and not self.spec.is_number and self.initial is not UNDEFINED:
                    like_all(trace, self.head, {layout_of(self.initial) if self.initial is not None else ROWS})
        return self.head

    def leave(self, after: Any, found: dict[int, Nest], unions: bool) -> bool:
        """Take what a round left, `found`: the containers among it; True where the variable turns out to be one."""
        lists = type(after) in (Listed, list) and type(self.initial) is type(after)
        if lists and (changed := self._leave_list(after, found, unions)) is not None:
            return changed
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

    def _leave_list(self, after: Any, found: dict[int, Nest], unions: bool) -> bool | None:
        """Take a list that a round made, of as many items as that before the loop; None where it is carried otherwise.

        A list of the caller's may be that before the loop: then a round was made, and no round changes the list it begins with.
        """
        before, otherwise = self.initial, self.guarded or self.stored or isinstance(self.spec, Several)
        if otherwise or after is before or not (self.items is None or self.is_list):
            return None
        if type(before) is list:
            items, own = before, (self.is_new or after is self.head) and not self._is_changed()
        else:
            items, own = before.held, home(after.made) is self.region
        now = None if not own else after if type(after) is list else after.held
        if not _are_alike(items, now):
            if not self.is_list:
                return None
            self.items, self.nest, self.stored = None, None, True
            return True
        changed = not self.is_list
        if changed:
            self._split(Nest(list, (None,) * len(items)), items)
        self.after = after
        assert self.items is not None and now is not None
        return any([changed, *(item.leave(value, found, unions) for item, value in zip(self.items, now))])

    def gets_longer(self) -> bool:
        """Whether the texts that it may be, of which there are more now, are longer each time: there is no end to that."""
        options = self.spec.options if isinstance(self.spec, Spec) else ()
        found = max((len(option.value) for option in options if type(option.value) is str), default=0)
        if found > max(self.longest, default=0):
            self.longest.append(found)
        return len(self.longest) > LONGER

    def _is_changed(self) -> bool:
        """Whether a round has changed the list that it began with."""
        return self.is_list and not (len(self.head) == len(self.given) and all(a is b for a, b in zip(self.head, self.given)))

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
            out = self._built(trace, (item.value(trace, results, selected) for item in self.items))
            if type(out) is Masked:
                selected.append((out, self.initial) if type(self.initial) is Masked else (out,))
            return out
        return results.get(id(self), self.initial if self.known is UNDEFINED else self.known)


def held(trace: Trace, spec: Spec | Part | Several | Varying, parts: Sequence[Atom], *may_be: Any) -> Any:
    """The value of a variable that some parts stand for; `may_be`: what it is in some rounds, as far as that is known."""
    parts = list(parts)
    if isinstance(spec, Several):
        return spec.made(trace, parts, family=Family(*(own.family for own in may_be if isinstance(own, Listed))))
    return spec.made(trace, parts) if isinstance(spec, Part) else made(trace, spec, parts)


def _are_alike(before: list | None, after: list | None) -> bool:
    """Whether two lists have as many items, which can be carried one by one."""
    if before is None or after is None or not len(before) == len(after) <= ONE_BY_ONE:
        return False
    return all(map(_is_plain, (*before, *after)))


def _is_plain(item: Any) -> bool:
    """Whether an item of a list is a number or an object that does not change, or a tuple of these."""
    if is_parts(item):
        return all(map(_is_plain, item))
    form = form_of(item)
    return isinstance(form, Known) or (isinstance(form, Spec) and form.is_number)
