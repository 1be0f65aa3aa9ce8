"""Texts with values in them that only a run knows: `f"{k} steps, {error:.2e}"`, written when the call has ended.

A text is a row of stretches. What stands between the values of each, and how these are written, is known: its form. After a
branch a text has the stretches of both ways, and a flag for each that says whether it is there.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim
from hybrid.frontend import integers
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.values import NUMBERS, Value, active
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol

MOST = 32  # stretches that one text may have
ROUNDS = 64  # of a loop that is written out, so that texts with nothing but counters in them are known
# Digits of a float64 that are the same whichever way it was computed, but for one number in 10⁴ at the most: after the first
# one, and after the point of numbers up to 10⁶. A float32 has too few.
SIGNIFICANT, DECIMALS = 11, 6
_PLAIN = ("", "s", "r", "a")
_CONVERT: dict[str, Callable[[Any], str]] = {"s": str, "r": repr, "a": ascii}
_FLOAT = re.compile(r"(?:.?[<>=^])?[-+ ]?z?#?0?\d*[,_]?(?:\.(\d+))?([eEfFgG%]?)")
_PERCENT = re.compile(r"%(?:[-+ #0]*\d*((?:\.\d+)?)([diouxXeEfFgGsr])|%)")


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a value in a form.

    `how`: s, r or a, as in f-strings, "%" for the operator, "join" for a list, "part" for the ends of a part of a text.
    """

    how: str
    spec: str

    def write(self, value: Any) -> str:
        if self.how == "join":
            return self.spec.join(value)
        if self.how == "part":
            return self.spec[slice(*value)]
        if self.how == "%":
            return self.spec % (value,)
        return format(_CONVERT[self.how](value) if self.how else value, self.spec)


Form = tuple[str | Slot, ...]
NAME: tuple[Form, ...] = ((Slot("", ""),),)  # the forms of what is one of several known texts


class Text:
    """A text of some forms, the values of each, and whether it is there."""

    __slots__ = ("forms", "holds", "values")

    def __init__(self, forms: tuple[Form, ...], holds: tuple, values: tuple[tuple, ...]):
        self.forms, self.holds, self.values = forms, holds, values

    @property
    def parts(self) -> tuple:
        return (*self.holds, *(value for values in self.values for value in values))

    def filled(self, fill: Callable[[Any], Any]) -> str:
        """The text, where `fill` gives the values and flags of a call."""
        return _written(self.forms, map(fill, self.parts))

    def over(self, change: Callable[[Any], Any]) -> Text:
        """The same text of other values."""
        return _text(self.forms, map(change, self.parts))

    # what Python asks
    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        return str

    def __add__(self, other: Any) -> Any:
        added = as_text(other)
        return NotImplemented if added is None else beside([self, added])

    def __radd__(self, other: Any) -> Any:
        added = as_text(other)
        return NotImplemented if added is None else beside([added, self])

    def refuse(self) -> NoReturn:
        error = TraceError("text needs a value that is only known when the compiled code runs",
                           fix="leave this function undecorated, or return the text alone", at=tr.user_line())  # fmt: skip
        trace = tr.current()
        if trace is not None:
            trace.fail(error)
        raise error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse()

    def _refused(self, *args: Any) -> Any:
        self.refuse()

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refused  # type: ignore[assignment]
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __str__ = __repr__ = __format__ = _refused
    __mul__ = __rmul__ = __mod__ = __float__ = __int__ = __index__ = __complex__ = _refused


def _split(forms: tuple[Form, ...], parts: Iterable[Any]) -> Iterator[tuple[Form, Any, tuple]]:
    """The form of each stretch, whether it is there, and its values."""
    source = iter(parts)
    holds = [next(source) for _ in forms]
    for form, there in zip(forms, holds):
        yield form, there, tuple(next(source) for piece in form if type(piece) is Slot)


def _written(forms: tuple[Form, ...], parts: Iterable[Any]) -> str:
    if len(forms) == 1 and len(forms[0]) == 1 and isinstance(piece := forms[0][0], Slot):
        there, value = parts
        return piece.write(value) if there else ""
    if found := _plain_pattern(forms):
        there, *rest = parts
        return found.format(*rest) if there else ""
    out: list[str] = []
    for form, there, values in _split(forms, parts):
        source = iter(values)
        if there:
            out += [piece if isinstance(piece, str) else piece.write(next(source)) for piece in form]
    return "".join(out)


def _text(forms: tuple[Form, ...], parts: Iterable[Any]) -> Text:
    return Text(*split(forms, parts))


def split(forms: tuple[Form, ...], parts: Iterable[Any]) -> tuple:
    """Some forms, and of these parts the flags and the values of each."""
    found = list(_split(forms, parts))
    return forms, tuple(there for _, there, _ in found), tuple(values for *_, values in found)


def build(forms: tuple[Form, ...], parts: Iterable[Any]) -> Any:
    """A text of some flags and values: Python's own where all of them are known."""
    given = [part.item() if isinstance(part, np.bool_) else part for part in parts]
    traced = any(is_traced(part) for part in given)
    return _text(forms, given) if traced else _written(forms, given)


def rows(forms: tuple[Form, ...], columns: Sequence[Sequence[Any]]) -> list[str]:
    """The texts of a list, from its flags and values, a column for each."""
    found = _plain_pattern(forms)
    if not found or len(columns) == 1 or not all(columns[0]):
        return [_written(forms, row) for row in zip(*columns)]
    return list(map(str, columns[1]) if found == "{}" else map(found.format, *columns[1:]))


@functools.lru_cache(1024)
def _plain_pattern(forms: tuple[Form, ...]) -> str:
    """What `str.format` makes a text of these forms of; empty where it takes more."""
    if len(forms) != 1:
        return ""
    slots = [piece for piece in forms[0] if isinstance(piece, Slot)]
    if any(slot.how not in _PLAIN or set("{}") & set(slot.spec) for slot in slots):
        return ""
    return "".join(map(_pattern, forms[0]))


def pattern(text: Text) -> tuple[str, tuple] | None:
    """What `str.format` makes a text of, and the values it needs; None for a text that may be another one, or not be there."""
    found = _plain_pattern(text.forms)
    return (found, text.values[0]) if found and text.holds[0] is True else None


def _pattern(piece: str | Slot) -> str:
    """A piece of a form, for `str.format`."""
    if isinstance(piece, str):
        return piece.replace("{", "{{").replace("}", "}}")
    return "{" + (piece.how and f"!{piece.how}") + (piece.spec and f":{piece.spec}") + "}"


def is_traced(x: Any) -> bool:
    """Whether something has a value that only a run knows."""
    return type(x) in (Chosen, Text, Dim) or (isinstance(x, Value) and type(x._data) is Symbol) or _is_list(x)


def _is_list(x: Any) -> bool:
    """Whether something is a list of the function's own: what holds the items of one has a part in the graph."""
    return hasattr(type(x), "outputs")


def refuse_any(values: Iterable[Any]) -> None:
    """TraceError for texts among what somebody is given who looks at them."""
    for value in values:
        if type(value) is Text:
            value.refuse()


def known(x: Any) -> Any:
    """A text as Python makes it, for which its numbers are asked for; anything else as it is."""
    return x.filled(lambda part: part) if type(x) is Text and all(there is True for there in x.holds) else x


def as_text(value: Any) -> Text | None:
    """A text in this form; None for anything else."""
    if type(value) is Text:
        return value
    if type(value) is str:
        return Text(((value,),), (True,), ((),))
    if type(value) is Chosen and all(type(option.value) is str for option in value.options):
        return Text(NAME, (True,), ((value,),))
    return None


def beside(texts: Sequence[Text]) -> Text:
    """One text after another; stretches that are there for certain become one."""
    forms: list[Form] = []
    holds: list[Any] = []
    values: list[tuple] = []
    for text in texts:
        for form, there, own in zip(text.forms, text.holds, text.values):
            if forms and there is True and holds[-1] is True:
                forms[-1], values[-1] = _tidied((*forms[-1], *form)), (*values[-1], *own)
            else:
                forms, holds, values = [*forms, form], [*holds, there], [*values, own]
    return Text(tuple(forms), tuple(holds), tuple(values))


def _tidied(form: Form) -> Form:
    """A form whose neighbouring pieces of text are one."""
    out: list[str | Slot] = []
    for piece in form:
        if type(piece) is str and out and type(out[-1]) is str:
            out[-1] += piece  # type: ignore[operator]
        elif piece != "":
            out.append(piece)
    return tuple(out)


# One text or another -----------------------------------------------------------------------------------------------------
def union(one: tuple[Form, ...], other: tuple[Form, ...]) -> tuple[Form, ...] | None:
    """The forms of what may be a text of either."""
    if _place(other, one) is not None:
        return one
    both = other if _place(one, other) is not None else one + other
    return both if len(both) <= MOST else None


def _place(forms: tuple[Form, ...], within: tuple[Form, ...]) -> int | None:
    """Where some forms stand among others."""
    places = range(len(within) - len(forms) + 1)
    return next((k for k in places if within[k : k + len(forms)] == forms), None)


def parts_in(forms: tuple[Form, ...], value: Any, absent: Any) -> tuple | None:
    """The flags and values of a text that has some more forms, `absent` for the values of these; None for what is none."""
    text = as_text(value)
    if text is None or (first := _place(text.forms, forms)) is None:
        return None
    holds: list[Any] = []
    values: list[Any] = []
    for k, form in enumerate(forms):
        own = first <= k < first + len(text.forms)
        holds.append(text.holds[k - first] if own else False)
        count = sum(type(piece) is Slot for piece in form)
        values += text.values[k - first] if own else [absent] * count
    return (*holds, *values)


# How texts are written in programs ---------------------------------------------------------------------------------------
def joined(pieces: tuple) -> str:
    """The text of an f-string, as Python makes it."""
    return "".join(p if type(p) is str else Slot(p[1], p[2]).write(p[0]) for p in pieces)


def text(pieces: tuple, printed: bool = False) -> Any:
    """An f-string: pieces of text, and values with how each is converted and formatted.

    `printed`: it is what `print` is given, which writes numbers as compiled code has them. Elsewhere texts are compared to the
    letter, and those with digits that depend on the order of a sum are Python's.
    """
    if tr.current() is None or not any(is_traced(p[0]) for p in pieces if type(p) is not str):
        return joined(pieces)
    if not all(type(p) is str or (type(p[2]) is str and (printed or _is_certain(*p))) for p in pieces):
        return joined(pieces)  # which says what is asked for
    if not printed and _is_counted(pieces):
        return joined(pieces)
    return beside([_stretch(p) for p in pieces])


def _stretch(piece: Any) -> Text:
    if type(piece) is str:
        return Text(((piece,),), (True,), ((),))
    value, how, spec = piece
    if type(value) is Text and how in ("", "s") and not spec:
        return value
    if not is_traced(value) and type(value) in (str, *NUMBERS):
        return Text(((Slot(how, spec).write(value),),), (True,), ((),))
    value = integers.integer(tr.current(), value) if isinstance(value, Dim) else value  # type: ignore[arg-type]
    return Text(((Slot(how, spec),),), (True,), ((value,),))


def _is_counted(pieces: tuple) -> bool:
    """Whether there are only counters in it, in a loop that can be written out: then the text is known, as a key must be."""
    values = [p[0] for p in pieces if type(p) is not str and is_traced(p[0])]
    if not all(isinstance(v, Dim) or (isinstance(v, Value) and v._data.kind == "python" and _is_integer(v)) for v in values):
        return False
    region = tr.current().region  # type: ignore[union-attr]
    while region is not None:
        if region.loop and isinstance(region.rounds, int) and region.rounds <= ROUNDS:
            return True
        region = region.outer
    return False


def _is_integer(value: Value) -> bool:
    return dt.is_integer(value._data.type.dtype)  # type: ignore[union-attr]


def _is_certain(value: Any, how: str, spec: str) -> bool:
    """Whether a value is written the same, however its last bits were rounded."""
    if not is_traced(value):
        return True
    if type(value) is Chosen:
        return all(type(option.value) in (str, int, type(None)) for option in value.options)
    if isinstance(value, Dim) or (type(value) is Text and how in ("", "s") and not spec):
        return True
    if not isinstance(value, Value) or value._data.type.shape or value._data.kind not in ("python", "scalar"):  # type: ignore[union-attr]
        return False
    data: Any = value._data
    if data.maybe is not None and not (data.maybe.instead is None or isinstance(data.maybe.instead, type)):
        return False
    if dt.is_integer(data.type.dtype) or data.type.dtype == dt.bool_:
        return data.maybe is None or data.maybe.instead in (None, int)
    found = _FLOAT.fullmatch(spec) if how == "" and data.type.dtype == dt.float64 else None
    return found is not None and _has_few_digits(found[1], found[2])


def _has_few_digits(digits: str | None, kind: str) -> bool:
    if digits is None:
        return kind != ""  # six
    return int(digits) <= (DECIMALS if kind in ("f", "F", "%") else SIGNIFICANT)


def percent(pattern: Any, values: Any) -> Any:
    """`pattern % values`."""
    given = values if type(values) is tuple else (values,)
    if type(pattern) is not str or tr.current() is None or not any(map(is_traced, given)):
        return pattern % values
    found = list(_PERCENT.finditer(pattern))
    between = _PERCENT.split(pattern)[:: _PERCENT.groups + 1]
    wanted = [match for match in found if match[0] != "%%"]
    if any("%" in piece for piece in between) or len(wanted) != len(given):
        return pattern % values  # an error
    source = iter(given)
    texts: list[Any] = [as_text(between[0])]
    for match, piece in zip(found, between[1:]):
        value: Any = "%" if match[0] == "%%" else next(source)
        if not is_traced(value):
            value = Slot("%", "%s" if match[0] == "%%" else match[0]).write(value)
        elif _is_certain(value, "", "" if _is_whole(value) or match[2] in "srdi" else match[1] + match[2]):
            value = Text(((Slot("%", match[0]),),), (True,), ((value,),))
        else:
            return pattern % values  # which says what is asked for
        texts += [as_text(value), as_text(piece)]
    return beside(texts)


def joined_few(between: str, items: Sequence[Any]) -> Any:
    """`between.join(items)`."""
    made = [as_text(item) for item in items]
    if any(text is None for text in made):
        return between.join(items)  # an error
    rest = [text for item in made[1:] for text in (as_text(between), item)]
    return beside([*made[:1], *rest])  # type: ignore[list-item]


def part(whole: str, where: slice) -> Text | None:
    """`whole[where]`, where only a run knows where it begins or ends; None where Python must say."""
    ends = [integers.integer(active(), end) if isinstance(end, Dim) else end for end in (where.start, where.stop)]
    if where.step is not None or not any(map(integers.is_traced_integer, ends)):
        return None
    if _is_counted(tuple((end, "", "") for end in ends)):
        return None
    known = (0, len(whole))
    ends = [at if end is None else end for at, end in zip(known, ends)]
    if not all(type(end) is int or integers.is_traced_integer(end) for end in ends):
        return None
    return Text(((Slot("part", whole),),), (True,), ((tuple(ends),),))


def joined_list(between: str, items: Any) -> Any:
    """`between.join(items)` of a list that nobody else has."""
    return Text(((Slot("join", between),),), (True,), ((items,),))


def _is_whole(value: Any) -> bool:
    return isinstance(value, Value) and _is_integer(value)


def formatted(pattern: str, *args: Any, **kwargs: Any) -> Any:
    """`pattern.format(*args, **kwargs)`."""
    if not any(map(is_traced, (*args, *kwargs.values()))):
        return pattern.format(*args, **kwargs)
    pieces: list[Any] = []
    count = 0
    for literal, name, spec, how in string.Formatter().parse(pattern):
        pieces.append(literal)
        if name is None:
            continue
        at = name or str(count)
        count += not name
        value = kwargs.get(at, args[int(at)] if at.isdigit() and int(at) < len(args) else tree)
        if value is tree or "{" in (spec or ""):
            return pattern.format(*args, **kwargs)
        pieces.append((value, how or "", spec or ""))
    return text(tuple(pieces))


def _flattened(text: Text) -> tuple[list, tuple[Form, ...]]:
    """What is left of a text when the call has ended: stretches that no way has are left out."""
    there = [k for k, holds in enumerate(text.holds) if holds is not False]
    few = Text(*(tuple(each[k] for k in there) for each in (text.forms, text.holds, text.values)))
    return list(few.parts), few.forms


tree.register(Text, _flattened, lambda forms, parts: _written(forms, parts))  # type: ignore[arg-type]
