"""A variable that is one of several known objects: `"up" if x > 0 else "down"`, the state of a loop, None or a name.

The graph holds which of them it is, a number. What a program asks of it is asked of each object, and the number picks the
answer; what cannot be asked so is refused, and the call is Python's.
"""

from __future__ import annotations

import operator
import types
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, EnumType
from typing import Any, NoReturn

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shadows import getattr_static
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, kind_of, wrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known, Thing
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import elementwise as e

MOST = 32  # objects that one variable may be, the letters of an alphabet: each is looked at where more is asked


@dataclass(frozen=True, slots=True)
class Picked:
    """A result that is one of several known objects; result `index` of the graph says which."""

    index: int
    options: tuple[Any, ...]


class Chosen:
    """One of `options`; `number`: which."""

    __slots__ = ("_data", "options", "__weakref__")

    def __init__(self, trace: Trace, number: Atom, options: tuple[Known, ...]):
        self._data = Symbol(Cell(trace, number, mutable=False), TensorType(dt.int64, ()), "python")
        self.options = options
        trace.made.append(weakref.ref(self))  # type: ignore[arg-type]

    @property
    def trace(self) -> Trace:
        return tr.live(self._data)

    @property
    def number(self) -> Atom:
        return tr.read(self._data)

    def is_one(self, number: int) -> Atom:
        """Whether it is that option, as a bool of the graph."""
        return self.trace.one(e.eq, self.number, tr.literal(number, dt.int64))

    def holds(self, test: Callable[[Any], bool]) -> bool | Atom:
        """Whether a test holds of the object that it is: none of those for which it raises, if there are others."""
        verdicts, errors = [], []
        for k, option in enumerate(self.options):
            try:
                verdicts.append(bool(test(option.value)))
            except TypeError as error:
                verdicts.append(verdicts[-1] if verdicts else False)
                errors.append((k, error))
        if len(errors) == len(self.options):
            raise errors[0][1]
        for k, _ in errors:
            self.trace.assume(self.trace.one(e.not_, self.is_one(k)), "a name is one that can be compared")
        if len(set(verdicts)) == 1:
            return verdicts[0]
        few = sum(verdicts) * 2 <= len(verdicts)
        out: Atom | None = None
        for k, verdict in enumerate(verdicts):
            if verdict is few:
                one = self.is_one(k)
                out = one if out is None else self.trace.one(e.or_, out, one)
        assert out is not None
        return out if few else self.trace.one(e.not_, out)

    def among(self, ask: Callable[[Any], Any], errors: type[Exception] = ValueError) -> Any:
        """What it is if not one of those for which a question is an error, which are left out if there are others."""
        fit = []
        for option in self.options:
            try:
                ask(option.value)
            except errors:
                fit.append(False)
            else:
                fit.append(True)
        if all(fit) or not any(fit):
            return self
        for k, fits in enumerate(fit):
            if not fits:
                self.trace.assume(self.trace.one(e.not_, self.is_one(k)), "a text is one that is found")
        other = self.options[fit.index(True)]
        return Chosen(self.trace, self.number, tuple(one if fits else other for one, fits in zip(self.options, fit)))

    # what Python asks
    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        kinds = {type(option.value) for option in self.options}
        return kinds.pop() if len(kinds) == 1 else Chosen

    def __eq__(self, other: Any) -> Any:
        return self._compared(operator.eq, other)

    def __ne__(self, other: Any) -> Any:
        return self._compared(operator.ne, other)

    def __lt__(self, other: Any) -> Any:
        return self._compared(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compared(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(operator.ge, other)

    def result(self, outputs: list[Atom]) -> Picked:
        """What a call gives for it; `outputs`: the results of the graph, to which the number is added."""
        refuse_made(self.trace, self.options)
        outputs.append(self.number)
        return Picked(len(outputs) - 1, tuple(known.value for known in self.options))

    def is_(self, other: Any) -> Any:
        if type(other) is Chosen:
            return self._compared(operator.is_, other)
        return _answer(self, lambda one: one is other)

    def _compared(self, compare: Callable[[Any, Any], Any], other: Any) -> Any:
        if isinstance(other, Value) and all(isinstance(option.value, int) for option in self.options):
            return _each[0](self.trace, self, lambda one: compare(number_of(one), other))
        if type(other) is not Chosen:
            return _answer(self, lambda one: compare(one, other))
        trace = self.trace
        out: Atom = tr.literal(False, dt.bool_)
        errors = []
        for k, one in enumerate(self.options):
            try:
                holds = other.holds(lambda x: compare(one.value, x))  # noqa: B023  # asked at once
            except TypeError as error:
                errors.append(error)
                trace.assume(trace.one(e.not_, self.is_one(k)), "a name is one that can be compared")
                continue
            atom = tr.literal(holds, dt.bool_) if isinstance(holds, bool) else holds
            out = trace.one(e.or_, out, trace.one(e.and_, self.is_one(k), atom))
        if len(errors) == len(self.options):
            raise errors[0]
        return _python(trace, out)

    def less(self, number: int) -> Atom:
        """Whether it is one of the options before that."""
        return self.trace.one(e.lt, self.number, tr.literal(number, dt.int64))

    def refuse(self, what: str) -> NoReturn:
        names = ", ".join(repr(option.value) for option in self.options)
        error = TraceError(f"{what} is asked of an object that is one of several, which only a run can tell", got=names,
                           at=tr.user_line())  # fmt: skip
        self.trace.fail(error)  # others than us might go on with something else
        raise error

    def __getattr__(self, name: str) -> Any:
        if name in ("__name__", "__qualname__") and all(isinstance(option.value, type) for option in self.options):
            return _each[0](self.trace, self, lambda one: getattr(one, name))
        if name.startswith("__") and name not in _ASKED:
            raise AttributeError(name)
        if not name.startswith("__") and any(map(_is_object, self.options)):
            return self.attribute(name)
        if name.startswith("__") or not self._are_texts():
            self.refuse(f".{name}")
        return lambda *args: _each[0](self.trace, self, lambda one: getattr(one, name)(*args))

    # instances of users' classes
    def are_things(self) -> bool:
        return any(isinstance(option, Thing) for option in self.options)

    def present(self) -> Any:
        """The instance that it is, which is taken to be there where it may be None."""
        things = list(filter(_is_object, self.options))
        if len(things) == len(self.options):
            return self
        for k, option in enumerate(self.options):
            if not _is_object(option):
                self.trace.assume(self.trace.one(e.not_, self.is_one(k)), "a variable that may be None is an object")
        rest = tuple(option if _is_object(option) else things[0] for option in self.options)
        return things[0].value if len(things) == 1 else Chosen(self.trace, self.number, rest)

    def attribute(self, name: str) -> Any:
        """What an attribute of an instance is, or a method of it."""
        there = self.present()
        if type(there) is not Chosen:
            return self.trace.handlers.attribute(there, name)
        call, kinds = self.trace.handlers.call, {type(option.value) for option in there.options}
        found = [getattr_static(kind, name, None) for kind in kinds]
        if len(kinds) == 1 and type(found[0]) is types.FunctionType:
            return types.MethodType(found[0], there)
        if len(kinds) == 1 and type(found[0]) is property:
            return call(found[0].fget)(there)
        if any(type(one) is types.FunctionType for one in found):
            return lambda *args: _each[0](self.trace, there, lambda one: call(getattr(one, name))(*args))
        return _each[0](self.trace, there, lambda one: self.trace.handlers.attribute(one, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Chosen.__slots__:
            object.__setattr__(self, name, value)
            return
        if not self.are_things() or any(
            isinstance(vars(base).get(name), property) for o in self.options for base in type(o.value).__mro__
        ):
            self.refuse("setting an attribute")
        there = self.present()
        if type(there) is not Chosen:
            setattr(there, name, value)
            return
        for k, option in enumerate(there.options):
            before = getattr(option.value, name)
            setattr(option.value, name, _choose[0](self.trace, there.is_one(k), lambda: value, lambda: before))  # noqa: B023  # now

    def _are_texts(self) -> bool:
        return all(type(option.value) is str for option in self.options)

    def __add__(self, other: Any) -> Any:
        return self._computed(operator.add, other, False)

    def __getitem__(self, index: Any) -> Any:
        if not self._are_texts():
            self.refuse("an item")
        return _each[0](self.trace, self, lambda one: one[index])

    def __radd__(self, other: Any) -> Any:
        return self._computed(operator.add, other, True)

    def _computed(self, compute: Callable[[Any, Any], Any], other: Any, reflected: bool = False) -> Any:
        """What Python's operator gives with a text, or with a number that is a member of an enumeration."""
        both = (lambda one, another: compute(another, one)) if reflected else compute
        if not all(isinstance(option.value, (int, Enum)) for option in self.options):
            return self._joined(other, both) if compute is operator.add else self._refused()
        if type(other) is Chosen:
            return _each[0](self.trace, other, lambda another: self._computed(compute, another, reflected))
        return _each[0](self.trace, self, lambda one: both(number_of(one), other))

    def _joined(self, other: Any, add: Callable[[str, str], str]) -> Any:
        """A text that it is a part of: where Python has an error, as for None, it is taken for one of the others."""
        if type(other) is Chosen:
            other = other.among(lambda another: add("", another), TypeError)
        mine: Any = self.among(lambda one: add(one, ""), TypeError) if type(other) in (str, Chosen) else self
        if type(mine) is not Chosen:
            return add(mine, other) if type(other) is str else _each[0](self.trace, other, lambda another: add(mine, another))
        if other == "" and type(other) is str and mine._are_texts():
            return mine
        if type(other) is Chosen and mine._are_texts() and other._are_texts():
            return _each[0](self.trace, mine, lambda one: _each[0](self.trace, other, lambda another: add(one, another)))
        if type(other) is not str or not mine._are_texts():
            self.refuse("more than what it is")
        return _each[0](self.trace, mine, lambda one: add(one, other))

    def _refused(self, *args: Any) -> NoReturn:
        self.refuse("more than what it is")

    __hash__ = __bool__ = __len__ = __iter__ = __contains__ = __call__ = __str__ = __repr__ = _refused  # type: ignore[assignment]
    __format__ = _refused  # type: ignore[assignment]


def _operation(name: str, reflected: bool) -> Callable:
    def operation(self: Chosen, other: Any) -> Any:
        return self._computed(getattr(operator, name), other, reflected)

    return operation


for _name in ("sub", "mul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and_", "or_", "xor"):
    setattr(Chosen, f"__{_name.rstrip('_')}__", _operation(_name, False))
    setattr(Chosen, f"__r{_name.rstrip('_')}__", _operation(_name, True))


def _is_object(option: Known) -> bool:
    """Whether it is asked for attributes: an instance of a user's class, or a member of an enumeration."""
    return isinstance(option, Thing) or isinstance(option.value, Enum)


def is_member(value: Any) -> bool:
    """Whether something is a member of an enumeration that is equal to itself only."""
    kind: Any = type(value)
    usual: Any = Enum
    return type(kind) is EnumType and kind.__hash__ is usual.__hash__ and kind.__eq__ is usual.__eq__


def number_of(member: Any) -> Any:
    """A member of an enumeration as the number that it is; operators of flags, and a class's own, make members again."""
    kind: Any = type(member)
    plain = isinstance(member, int) and kind.__add__ is int.__add__ and kind.__and__ is int.__and__
    return int(member) if plain else member


def numbers_of(operands: tuple) -> tuple:
    """Operands with numbers for members of enumerations: beside arrays, NumPy takes them for integers of 64 bits, not weak."""
    if not any(isinstance(type(x), EnumType) and isinstance(x, int) for x in operands):
        return operands
    weak = all(kind_of(x) == "python" for x in operands if isinstance(x, Value))
    numbers = [number_of(x) if isinstance(type(x), EnumType) else x for x in operands]
    return tuple(now if weak or type(now) is not int or now is x else np.int64(now) for now, x in zip(numbers, operands))


_choose: list[Callable[..., Any]] = []  # what it makes of two ways
_each: list[Callable[[Trace, Chosen, Callable[[Any], Any]], Any]] = []  # what `frontend.uncertain` makes of each option


def register_each(pick: Callable[[Trace, Chosen, Callable[[Any], Any]], Any], choose: Callable[..., Any]) -> None:
    _each[:], _choose[:] = [pick], [choose]


def refuse_made(trace: Trace, options: Iterable[Known]) -> None:
    """TraceError for an instance that the function makes, so that each call must have its own."""
    if any(isinstance(option, Thing) and id(option.value) in trace.handlers.made for option in options):
        raise TraceError("one of several objects that the function makes is returned", at=tr.user_line())


# Names that the instances of a class must not have, to be told from what is asked of a `Chosen` itself.
TAKEN = frozenset(name for name in dir(Chosen) if not name.startswith("__"))
_ASKED = ("__array__", "__array_interface__", "__array_struct__")  # by NumPy, of objects that it does not know


def refuse_any(values: Iterable[Any]) -> None:
    """TraceError for values that a library would not know."""
    for value in values:
        if type(value) is Chosen:
            value.refuse("what a library makes of it")


def _python(trace: Trace, verdict: Atom) -> Any:
    """A bool of the graph as a Python bool of the program."""
    return wrap(Symbol(Cell(trace, verdict, mutable=False), TensorType(dt.bool_, (), weak=True), "python"))


def _answer(chosen: Chosen, test: Callable[[Any], Any]) -> Any:
    verdict = chosen.holds(lambda one: _plain(chosen, test(one)))
    return verdict if isinstance(verdict, bool) else _python(chosen.trace, verdict)


def _plain(chosen: Chosen, verdict: Any) -> bool:
    if type(verdict) is not bool:
        chosen.refuse("a comparison with something that is no plain object")
    return verdict
