"""Texts made of letters that only a run knows, as lists of these: how long one is, its letters, whether it is another text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid.control.own import Own
from hybrid.frontend import texts
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.texts import Slot, Text
from hybrid.frontend.values import active
from hybrid.ir.forms import Known

_JOINED, _ITSELF = Slot("join", ""), (Slot("", ""), Slot("s", ""))


def letters(value: Any) -> Any:
    """The letters of a text, a list that nobody else knows; None for anything else, and where a piece may be no one letter."""
    if type(value) is not Text or value.holds != (True,):
        return None
    pieces = list(_pieces(value))
    if any(piece is None for piece in pieces):
        return None
    if len(pieces) == 1:
        return pieces[0]
    stored = next((piece for piece in pieces if isinstance(piece, Own)), None)
    out: Any = [] if stored is None else stored.copy()
    out.clear()
    for piece in pieces:
        out.extend(piece)
    return out


def _pieces(text: Text) -> Iterator[Any]:
    """What stands one after another in a text: letters, or a list of pieces; None for anything else."""
    values = iter(text.values[0])
    for piece in text.forms[0]:
        if type(piece) is str:
            yield list(piece)
            continue
        value = next(values)
        if piece == _JOINED and isinstance(value, Own) and value.held is None:
            yield value if _of_letters(value.layout) else None  # type: ignore[attr-defined]
        else:
            chosen = piece in _ITSELF and type(value) is Chosen and all(map(_is_letter, value.options))
            yield [value] if chosen else None


def _of_letters(layout: Any) -> bool:
    options = (layout,) if isinstance(layout, Known) else getattr(layout, "options", ())
    return bool(options) and all(map(_is_letter, options))


def _is_letter(option: Known) -> bool:
    return type(option.value) is str and len(option.value) == 1


def length(own: Any) -> Any:
    return own.length() if isinstance(own, Own) else len(own)


def part(value: Any, index: Any) -> Any:
    """`value[index]`, or NotImplemented where this is no matter of letters."""
    own = letters(value)
    if own is None:
        return NotImplemented
    found = active().handlers.item(own, index)
    if type(index) is not slice:
        return found
    return texts.joined_list("", found) if isinstance(found, Own) else texts.joined_few("", found)


def equal(one: Any, other: Any) -> Any:
    """`one == other`, or NotImplemented."""
    own = letters(one)
    if own is None:
        return NotImplemented if letters(other) is None else equal(other, one)
    beside = list(other) if type(other) is str else letters(other)
    if beside is None:
        return NotImplemented
    if isinstance(beside, Own) and not isinstance(own, Own):
        own, beside = beside, own
    return own.equal(beside) if isinstance(own, Own) else active().handlers.compare("eq", tuple(own), tuple(beside))
