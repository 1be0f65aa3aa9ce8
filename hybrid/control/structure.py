"""Containers of the user's that a way makes and leaves: taken apart, joined part by part, and put together again.

Tuples and named tuples cannot change, so that a new one is as good as theirs. A dict or a dataclass can: only one that nobody
else knows is taken apart, which `sys.getrefcount` tells.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hybrid.control.perhaps import Copy, Perhaps, pieces
from hybrid.control.plain import UNDEFINED
from hybrid.frontend import texts
from hybrid.frontend.masked import Masked
from hybrid.frontend.texts import Text
from hybrid.ir.forms import Kept, Thing
from hybrid.ir.trace import Trace

Layout = Any  # of an item of a container: a Spec, a Known, or a tuple of layouts, of the item's own class
FEW = 64  # items of lists that are joined one by one
SMALLEST = 8  # places of the table of a set or dict in a container: what CPython's sets begin with


@dataclass(frozen=True, slots=True)
class Nest:
    """The class of a container, and the names of its parts; None for those of a tuple.

    `copied`: a record that storage has, too, which nobody may change (`records`).
    """

    type: type
    keys: tuple
    copied: bool = field(default=False, compare=False)
    by_id = True  # whether only its id says that somebody has looked at who else knows it

    @property
    def is_value(self) -> bool:
        """Whether it cannot change, so that another one of the same parts is as good."""
        return self.copied or self.type in (Perhaps, Text) or issubclass(self.type, tuple)

    @property
    def guards(self) -> bool:
        """Whether flags among the parts say which of the others have a value."""
        return self.type in (Perhaps, Text)

    def parts(self, value: Any) -> tuple | None:
        """The parts of such a record; None for anything else."""
        return parts_of(value) if record_of(value) == self else None

    def build(self, parts: Iterable[Any]) -> Any:
        """A new container."""
        if self.type is Perhaps:
            holds, *rest = parts
            return Perhaps(self.keys[0], holds, rest)
        if self.type is Text:
            return texts.build(self.keys, parts)
        if self.type is Masked:
            full, mask = parts
            return UNDEFINED if full is UNDEFINED or mask is UNDEFINED else Masked(full, mask)
        if issubclass(self.type, tuple):
            return tuple.__new__(self.type, parts)
        if self.type is list:
            return list(parts)
        items = dict(zip(self.keys, parts))
        if self.type is dict:
            return items
        out = object.__new__(self.type)
        vars(out).update(items)
        return out


@dataclass(frozen=True, slots=True)
class RowLayout:
    """A container in a container: some numbers say where its items are in a pool (`rows`, `inner`).

    Attributes:
        inner: the layout of each item, if there are; of a dict or set (key, value, whether it is still there).
        kind: list, set, dict or a class derived from it, and `factory`: what a defaultdict makes values with.
    """

    inner: Layout
    kind: type = list
    factory: Any = None

    @property
    def empty(self) -> tuple[int, ...]:
        """The numbers of one without items."""
        return (0, 0, 0) if self.kind is list else (0, 0, SMALLEST, 0, 0)

    def of(self, inner: Layout) -> RowLayout:
        """The layout with another one for the items."""
        return replace(self, inner=inner)

    @property
    def parts(self) -> Layout:
        """The layout of what a dict or set is made of."""
        return None if self.inner is None else self.inner[0] if self.kind is set else self.inner[:2]

    def made(self, items: list) -> Any:
        """A container of some items, as they stood in the pool: those of a list or set, or pairs of keys and values."""
        if self.kind is list:
            return items
        if self.kind is set:
            return set(items)  # which enters them one by one, as they came
        if self.kind is Counter:
            return Counter(dict(items))
        return self.kind(self.factory, items) if self.kind is defaultdict else self.kind(items)


def made_set(entries: list) -> set:
    out = set()
    for item, _, alive in entries:
        if alive:
            out.add(item)
    return out


def made_dict(kind: Callable[[], Any], entries: list) -> Any:
    out = kind()
    for key, value, alive in entries:
        if alive:
            out[key] = value
    return out


def things_in(layout: Layout) -> Iterator[Any]:
    """The objects that parts of items may be."""
    if isinstance(layout, tuple):
        for part in layout:
            yield from things_in(part)
    elif isinstance(layout, RowLayout):
        yield from things_in(layout.inner)
    else:
        options = (layout,) if isinstance(layout, Thing) else getattr(layout, "options", ())
        yield from (option.value for option in options if isinstance(option, Thing))


def kept_in(layout: Layout) -> list[type]:
    """The classes whose instances in storage items may be or lead to."""
    if isinstance(layout, tuple):
        return [kind for part in layout for kind in kept_in(part)]
    if isinstance(layout, RowLayout):
        return kept_in(layout.inner)
    instead = getattr(layout, "instead", None)
    rest = [] if instead is None or isinstance(instead, type) else kept_in(instead)
    return [option.value for option in getattr(layout, "options", ()) if type(option) is Kept] + rest


class Record(tuple):
    """The layout of a dict or an instance of a dataclass: those of its parts, and what it is."""

    nest: Nest

    def __new__(cls, nest: Nest, parts: Iterable[Layout]) -> Record:
        made = super().__new__(cls, parts)
        made.nest = nest
        return made

    def __getnewargs__(self) -> tuple:
        return self.nest, tuple(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.nest == other.nest and tuple.__eq__(self, other)

    def __hash__(self) -> int:
        return hash((self.nest, tuple(self)))


def nests(values: tuple, copies: Mapping[int, Copy], held: int = 1) -> dict[int, Nest]:
    """By their ids, the containers among some values, and inside those, that nobody else knows.

    Args:
        copies: records of which storage has the parts.
        held: how many references to each of the values its caller can account for.
    """
    found: dict[int, Nest] = {}
    for value in values:
        known = held * sum(other is value for other in values) + 1  # and `value`
        nest = copied_nest(value) if id(value) in copies else nest_of(value, known)
        if nest is not None:
            found[id(value)] = nest
            found |= nests(parts_of(value), copies, 1 if type(value) is tuple else 2)  # theirs, and the tuple of parts
    return found


def nest_of(value: Any, known: int) -> Nest | None:
    """What sort of container something is; None where it is none, or where somebody else may change it.

    Args:
        known: how many references to it the caller can account for.
    """
    if is_parts(value):
        return Nest(type(value), (None,) * len(value))
    if type(value) is Perhaps:
        names = value.cls.keys if isinstance(value.cls, Nest) else (None,) * len(value.parts)
        return Nest(Perhaps, (value.cls, *names))
    if type(value) is Text:
        return Nest(Text, value.forms)
    if type(value) is Masked:
        return nest_of_selection(value)
    if sys.getrefcount(value) > known + 2:  # the parameter, and that of `getrefcount`
        return None
    if type(value) is dict:
        return Nest(dict, tuple(value))
    if type(value) is list and len(value) <= FEW:
        return Nest(list, (None,) * len(value))
    if is_plain_dataclass(type(value)):
        return Nest(type(value), tuple(vars(value)))
    return None


def copied_nest(record: Any) -> Nest:
    """That of a record of which storage has the parts."""
    nest = record_of(record)
    return Nest(type(record), (), True) if nest is None else replace(nest, copied=True)


def nest_of_selection(value: Any) -> Nest | None:
    """That of the elements that a mask selects: an array, and which of its elements."""
    return Nest(Masked, (None, None)) if type(value) is Masked and value.is_whole() else None


def note_twins(selections: Sequence[tuple[Masked, ...]]) -> None:
    """Take care of what a branch or loop leaves that masks select: the first of each may be any of the others."""
    selections = [each for each in selections if each[0] is not UNDEFINED]  # such a variable nobody reads any more
    if len(selections) == 1:
        first, *others = selections[0]
        for other in others:
            first.twin(other)
        return
    for selection in (selection for each in selections for selection in each):
        freeze(selection)


def freeze(selection: Any) -> None:
    """Refuse writes to a selection from here on."""
    if type(selection) is Masked:
        selection.freeze("a branch or loop may have given it another name")


def parts_of(value: Any) -> tuple:
    """The parts of what `nest_of` knows."""
    if type(value) is Perhaps:
        return (value.holds, *value.parts)
    if type(value) is Masked:
        return (value.full, value.mask)
    if type(value) is Text:
        return value.parts
    return tuple(value) if isinstance(value, (tuple, list)) else tuple((value if type(value) is dict else vars(value)).values())


def optional(values: Iterable[Any], *found: Nest | None, lists: bool = False) -> Nest | None:
    """What is None or a tuple or record, of one class in all of these values, or `lists`, or what is one text or another;
    None where there is no such."""
    values = tuple(values)
    if any(type(value) is Text for value in values):
        return text_of(*values)
    for value, nest in zip(values, found):
        if nest is None and value is not None and not isinstance(value, (tuple, list) if lists else tuple):
            return None  # somebody else may change it
    made = {nest if nest.type is Perhaps else Nest(Perhaps, (_class(nest), *nest.keys)) for nest in found if nest is not None}
    return next(iter(made)) if len(made) == 1 and all(_may_be_absent(nest.keys[0], lists) for nest in made) else None


def text_of(*values: Any) -> Nest | None:
    """What is any of some texts, or of texts of some forms; None where something else is among them."""
    found = [value if isinstance(value, Nest) else nest_of(texts.as_text(value), 0) for value in values]
    forms: tuple[Any, ...] | None = ()
    for nest in found:
        if nest is None or nest.type is not Text or forms is None:
            return None
        forms = texts.union(forms, nest.keys) if forms else nest.keys
    return None if forms is None else Nest(Text, forms)


def _class(nest: Nest) -> Any:
    """What a `Perhaps` knows of its tuple or record."""
    is_record = nest.type is dict and all(type(key) is str for key in nest.keys)
    return replace(nest, copied=True) if is_record or is_plain_dataclass(nest.type) else nest.type


def _may_be_absent(cls: Any, lists: bool) -> bool:
    return isinstance(cls, Nest) or issubclass(cls, (tuple, list) if lists else tuple)


def optional_parts(nest: Nest, value: Any, absent: Any) -> tuple | None:
    """The parts of None or a tuple in such a container, `absent` for those that None has not."""
    if nest.type is Text:
        return texts.parts_in(nest.keys, value, absent)
    return pieces(value, nest.keys[0], len(nest.keys) - 1, absent)


def is_parts(value: Any) -> bool:
    """Whether something is no more than its parts: a tuple, or a named one without attributes of its own."""
    kind = type(value)
    return kind is tuple or (isinstance(value, tuple) and hasattr(kind, "_fields") and not hasattr(value, "__dict__"))


def like(model: Any, parts: Iterable[Any]) -> Any:
    """A tuple of the class of another."""
    return tuple(parts) if type(model) is tuple else tuple.__new__(type(model), parts)


def made_like(layout: Layout, parts: Iterable[Any]) -> Any:
    """An item of some parts that has a layout."""
    return layout.nest.build(parts) if isinstance(layout, Record) else like(layout, parts)


def layout_like(model: Layout, parts: Iterable[Layout]) -> Layout:
    """A layout of the class of another."""
    return Record(model.nest, parts) if isinstance(model, Record) else like(model, parts)


def record_of(value: Any) -> Nest | None:
    """What sort of record something is: a dict whose keys are names, or an instance of a dataclass."""
    if type(value) is dict:
        return Nest(dict, tuple(value)) if value and all(type(key) is str for key in value) else None
    return Nest(type(value), tuple(vars(value))) if is_plain_dataclass(type(value)) else None


def is_plain_dataclass(cls: type) -> bool:
    """Whether all of an instance is what `dataclasses` wrote into its dict."""
    if not dataclasses.is_dataclass(cls) or type(cls) is not type or cls.__new__ is not object.__new__:
        return False
    return generated(cls.__init__) and not hasattr(cls, "__post_init__") and not hasattr(cls, "__slots__")


def ordered_fields(cls: type) -> tuple[str, ...]:
    """The fields by which `@dataclass(order=True)` orders instances; none for other classes."""
    if not dataclasses.is_dataclass(cls) or not generated(getattr(cls, "__lt__", None)):
        return ()
    owner = next(base for base in cls.__mro__ if "__lt__" in vars(base))
    return tuple(field.name for field in dataclasses.fields(owner) if field.compare)


def generated(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return isinstance(code, types.CodeType) and code.co_filename.startswith("<")


def built(trace: Trace, nest: Nest, returned: bool, parts: Iterable[Any]) -> Any:
    """A new container. One that a `return` has taken is known to nobody, however often it is handed on."""
    out = nest.build(parts)
    if returned and nest.by_id:
        trace.returned[id(out)] = out, nest
    return note(trace, out) if nest.copied else out


def note(trace: Trace, record: Any) -> Any:
    """A record that was made of what stands in storage."""
    names, parts = copied_nest(record).keys, parts_of(record)
    trace.copies[id(record)] = Copy(record, names, parts, True)
    return record


def known_nests(trace: Trace) -> dict[int, Nest]:
    """By their ids, the containers that `return` has taken."""
    return {key: nest for key, (_, nest) in trace.returned.items()}
