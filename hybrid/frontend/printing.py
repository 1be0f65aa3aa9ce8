"""`print` in traced code: the texts are made where the call stands, from real values, and printed when the call has ended.

Until then the call may turn out to be Python's, which prints for itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim
from hybrid.frontend import integers
from hybrid.frontend.texts import Text, pattern
from hybrid.frontend.values import NUMBERS, Value, active, kind_of, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace
from hybrid.ops import draw as d

_TEXT = (str, bytes, type(None), *NUMBERS)


@dataclass(frozen=True, slots=True)
class Tensor:
    """The place of an operand that is a Tensor in the user's code."""

    place: d.Operand

    def of(self, operands: Sequence[Any]) -> Any:
        return wrap(np.array(self.place.of(operands)))


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """`print(*args, **options)`, for an `act`."""

    args: tuple
    options: dict[str, Any]
    line: tuple[str, tuple[d.Operand, ...]] | None = None  # what `str.format` makes the line of, if it can
    fixed = False  # a value may not be what a format wants

    def __call__(self, operands: Sequence[Any]) -> Callable[[], Any]:
        if self.line is not None:
            pattern, places = self.line
            return functools.partial(print, pattern.format(*[place.of(operands) for place in places]), **self.options)
        return functools.partial(print, *(str(_filled(arg, operands)) for arg in self.args), **self.options)

    def __repr__(self) -> str:
        return f"<print of {len(self.args)}>"


def printed(*args: Any, **options: Any) -> None:
    """What traced code calls for `print`."""
    trace = active()
    if options.get("file") is not None or not all(type(value) in (str, bool, type(None)) for value in options.values()):
        raise _refusal("print() to a file, or with traced options, is not compiled")
    if not trace.prints():
        raise _refusal("print() where the function itself redirects output, or sets how arrays are printed, is not compiled")
    operands: list[Any] = []
    forms = tuple(_form(trace, arg, operands) for arg in args)
    separator = options.get("sep")
    act = Print(forms, options, _line(forms, separator if type(separator) is str else " "))
    token = trace.order()
    atoms = [tr.read(x) for x in operands]
    (token.value,) = trace.record(d.act, (token.value, *atoms), {"call": act})


def _refusal(what: str) -> TraceError:
    return TraceError(what, fix="leave this function undecorated, or print what it returns", at=tr.user_line())


def _form(trace: Trace, given: Any, operands: list[Any]) -> Any:
    """What is printed, with places for what only a run knows."""
    if type(given) is Text:
        return given.over(lambda part: _form(trace, part, operands))
    if type(given) in (list, tuple):
        return type(given)(_form(trace, item, operands) for item in given)
    if type(given) in _TEXT or issubclass(type(given), np.generic):
        return given
    if isinstance(given, Dim):
        given = integers.integer(trace, given)
    if not isinstance(given, (Value, np.ndarray)):
        raise _refusal(f"print() of a {type(given).__name__} is not compiled")
    found = symbol(trace, given)
    kind = kind_of(wrap(found))
    operands.append(found)
    place = d.Operand(len(operands) - 1, "ndarray" if kind == "tensor" else kind)
    return Tensor(place) if kind == "tensor" else place


def _line(forms: tuple, separator: str) -> tuple[str, tuple[d.Operand, ...]] | None:
    """A pattern for the line of a `print` of texts and numbers, and its operands; None where it takes more to make it."""
    patterns: list[str] = []
    places: list[d.Operand] = []
    for form in forms:
        if type(form) is str:
            patterns.append(form.replace("{", "{{").replace("}", "}}"))
        elif isinstance(form, d.Operand) and form.kind != "ndarray":
            patterns.append("{!s}")
            places.append(form)
        elif type(form) is Text and (found := pattern(form)) is not None:
            if not all(isinstance(value, d.Operand) and value.kind != "ndarray" for value in found[1]):
                return None
            patterns.append(found[0])
            places += found[1]
        else:
            return None
    return separator.replace("{", "{{").replace("}", "}}").join(patterns), tuple(places)


def _filled(form: Any, operands: Sequence[Any]) -> Any:
    if isinstance(form, (d.Operand, Tensor)):
        return form.of(operands)
    if type(form) is Text:
        return form.filled(lambda part: _filled(part, operands))
    return type(form)(_filled(item, operands) for item in form) if type(form) in (list, tuple) else form
