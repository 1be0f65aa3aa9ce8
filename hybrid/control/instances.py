"""Objects of the user's classes that traced code makes: their `__init__` and their properties have their control flow open.

A list that `__init__` puts into an attribute is a container of the function's own, as one in a local variable is.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from types import FunctionType, MethodType
from typing import Any

from hybrid.control import containers, handles, lacking, sparse, substitutes
from hybrid.control.arenas import Arenas
from hybrid.control.attributes import attributes_of, is_library
from hybrid.control.effects import refuse_alike
from hybrid.control.join import KNOWN
from hybrid.control.letters import part
from hybrid.control.lists import KINDS
from hybrid.control.own import Own, home, plain, unwrapped
from hybrid.control.sets import OPERATORS
from hybrid.control.structure import generated, is_plain_dataclass
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shadows import HEAP, getattr_static
from hybrid.frontend import texts, uncertain
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.values import Value, dtype_of, kind_of
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol, Trace

MANY = 10_000  # objects of a caller's that are looked at


_NUMBERS = frozenset((bool, int, float, complex))
# Builtins that call a method of the class, by its special name.
SPECIAL: dict[Any, str] = {abs: "__abs__", len: "__len__", float: "__float__", int: "__int__", round: "__round__"}
_GIVES: dict[Any, type] = {len: int, float: float, int: int}  # of which class the result must be
_REFLECTED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}


def _defined(value: Any, name: str) -> Any:
    """A method of an instance of a user's class that is written in Python, by its special name."""
    found = getattr(type(value), name, None)
    return MethodType(found, value) if type(found) is FunctionType and not is_library(value) else None


def _is_complex(x: Any) -> bool:
    """Whether something is a complex number of Python's."""
    return kind_of(x) == "python" and dtype_of(x) is complex


def is_completed(cls: Any) -> bool:
    """Whether a class is a dataclass with a `__post_init__`, and `dataclasses` wrote all that makes an instance besides."""
    if not dataclasses.is_dataclass(cls) or type(cls) is not type or cls.__new__ is not object.__new__:
        return False
    frozen = cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    own = (frozen or cls.__setattr__ is object.__setattr__) and not hasattr(cls, "__slots__")
    return own and generated(cls.__init__) and type(getattr(cls, "__post_init__", None)) is FunctionType


def _is_object(value: Any) -> bool:
    """Whether it is one of several objects, or an instance in storage."""
    return type(value) is Chosen or isinstance(value, Enum) or handles.is_handle(value)


def _is_for_init(field: Any) -> bool:
    """Whether it is an `InitVar`."""
    return field._field_type is dataclasses._FIELD_INITVAR  # type: ignore[attr-defined]


def _is_python(value: Any, cls: type) -> bool:
    """Whether it is a Python number of a class, known or not."""
    data = getattr(value, "_data", None)
    if isinstance(data, Symbol):
        return data.kind == "python" and data.type.dtype == (dt.float64 if cls is float else dt.int64)
    return type(value) is cls


class Instances(Arenas):
    """The part of `Tracing` that knows of instances."""

    convert: Callable[[Callable, Any], Callable]
    call: Callable[[Any], Any]
    called: Callable[..., Any]
    listed: Callable[[Any], Any]
    not_: Callable[[Any], Any]
    others: Any  # lists that others know (`control.stacked`)

    def __init__(self, classes: Collection[str] | None) -> None:
        super().__init__(classes)
        self.constructed: list[Any] = []
        self.made: frozenset[int] = frozenset()  # their ids, once all are made
        self.there: dict[int, Any] = {}  # instances from before all branches and loops, by their ids
        self.united: dict[
            int, tuple[Any, dict]
        ] = {}  # what stands for one of several instances, and for which (`control.united`)

    def constructor(self, function: Any) -> Callable | None:
        """What makes an instance of a user's class with its `__init__` converted, in storage where there is such for it."""
        if isinstance(function, type) and type(getattr(function, "__del__", None)) is FunctionType and not is_library(function):
            error = TraceError(f"`{function.__name__}.__del__` runs when an instance is dropped", at=tr.user_line())
            tr.current().fail(error)  # type: ignore[union-attr]
            raise error  # which compiled code may not make at all
        make = self._constructor(function)
        if not isinstance(function, type) or not self.stored(function):
            return make
        return functools.partial(self.kept, make or functools.partial(substitutes.plainly, function))

    def _constructor(self, function: Any) -> Callable | None:
        if function is dataclasses.replace:
            return self._replaced
        if type(function) is not type or getattr(function, "__new__", None) is not object.__new__:
            return None
        initialise = getattr(function, "__init__")  # noqa: B009  # a function, not a method of the class
        converted = self.convert(initialise, self)
        if is_completed(function):
            return functools.partial(self._completed, function)
        if converted is initialise:
            return functools.partial(self._with_lists, function) if is_plain_dataclass(function) else None
        return functools.partial(self._made, function, converted)

    def walked(self, name: str, left: Any, right: Any) -> Any:
        trace = tr.current()
        found = None if trace is None else OPERATORS["made"](trace, name, left, right)
        return self.binary(name, left, right) if found is None else found

    def binary(self, name: str, left: Any, right: Any) -> Any:
        """An operation that the class of one of two instances may define, whose control flow is open, too."""
        function = getattr(operator, name)
        if tr.current() is None:
            return function(left, right)
        if (product := sparse.operated(name, left, right)) is not NotImplemented:
            return product
        own, other = _defined(left, f"__{name}__"), _defined(right, f"__r{name}__")
        found: Any = NotImplemented
        if own is not None and (other is None or type(left) is type(right) or not issubclass(type(right), type(left))):
            found = self.call(own)(right)
        elif own is None and other is not None and type(left) in _NUMBERS:
            found = self.call(other)(left)
        return function(left, right) if found is NotImplemented else found

    def special(self, function: Callable, usual: Callable) -> Callable:
        """A builtin that asks the class of what it is given; `usual`: what stands in for it otherwise."""
        name = SPECIAL[function]

        def asked(*args: Any, **kwargs: Any) -> Any:
            own = _defined(args[0], name) if args else None
            if own is None:
                return usual(*args, **kwargs)
            found, wanted = self.call(own)(*args[1:], **kwargs), _GIVES.get(function)
            if wanted is not None and not _is_python(found, wanted):
                error = TraceError(f"{name} gives no Python {wanted.__name__}", at=tr.user_line())
                tr.current().fail(error)  # type: ignore[union-attr]
                raise error  # Python converts it, warns, or raises, by what it is
            return found

        return asked

    def compare(self, name: str, left: Any, right: Any) -> Any:
        if tr.current() is None:
            return getattr(operator, name)(left, right)
        for value, other, ask in ((left, right, lambda one: (one, right)), (right, left, lambda one: (left, one))):
            if uncertain.may_be_object(value) and (type(other) in KNOWN or uncertain.may_be_object(other) or _is_object(other)):
                return uncertain.pick(tr.live(value._data), value, lambda one: self.compare(name, *ask(one)))  # noqa: B023  # now
        if isinstance(left, Value) or isinstance(right, Value):
            if name in ("eq", "ne") and _is_complex(left) and kind_of(right) == "scalar" and dtype_of(right) == dt.float64:
                right = right.item()  # NumPy's float64 is a float, so that `complex.__eq__` takes it: the answer is Python's
            return getattr(operator, name)(left, right)
        refuse_alike(left, right)
        found = self.compared(name, left, right)
        return containers.compared(name, left, right) if found is NotImplemented else found

    def compared(self, name: str, left: Any, right: Any) -> Any:
        """A comparison that the class of an instance defines; NotImplemented where none does."""
        if name in ("eq", "ne") and (handles.is_handle(left) or handles.is_handle(right)):
            same = self._equal(left, right)
            if same is not NotImplemented:
                return same if name == "eq" else self.not_(same)
        if name == "ne" and getattr(type(left), "__ne__") is object.__ne__:  # noqa: B009  that asks for `==`
            same = self.compared("eq", left, right)
            return same if same is NotImplemented else self.not_(same)
        for one, other, asked in ((left, right, name), (right, left, _REFLECTED[name])):
            own = _defined(one, f"__{asked}__")
            if own is not None and not generated(own.__func__) and (found := self.call(own)(other)) is not NotImplemented:
                return found
        return NotImplemented

    def same(self, left: Any, right: Any) -> Any:
        """`left is right`, of which one is in storage; None where neither is."""
        if not handles.is_handle(left) and not handles.is_handle(right):
            return None
        value, other = (left, right) if handles.is_handle(left) else (right, left)
        if uncertain.is_uncertain(other):
            return uncertain.pick(tr.live(other._data), other, lambda one: self.same(value, one))
        return handles.same(value, other)

    def _equal(self, left: Any, right: Any) -> Any:
        """`left == right`, of which one is in storage; NotImplemented where a method of the user's says what that is."""
        kinds = [kind for value in (left, right) for kind in handles.kinds_of(value)]
        found: list[Any] = [kind.__eq__ for kind in kinds if kind is not type(None)]
        if all(method is object.__eq__ for method in found):
            return self.same(left, right)
        if len(kinds) > 2:
            value, other, ask = (left, right, 0) if len(handles.kinds_of(left)) > 1 else (right, left, 1)
            return handles.each(value, lambda one: self.compare("eq", *((one, other) if ask == 0 else (other, one))))
        if kinds[0] is not kinds[1] or not generated(found[0]):
            return NotImplemented if not all(map(generated, found)) else False
        fields = [field.name for field in dataclasses.fields(kinds[0]) if field.compare]  # type: ignore[arg-type]
        left, right = handles.present(left), handles.present(right)
        return self.compare("eq", *(tuple(getattr(one, name) for name in fields) for one in (left, right)))

    def looked_up(self, value: Any, index: Any) -> Any:
        """`value[index]`, of letters, or of an instance whose class says what that is; NotImplemented of anything else."""
        if type(value) is texts.Text:
            return part(value, index)
        own = _defined(value, "__getitem__")
        return NotImplemented if own is None else self.call(own)(index)

    def negative(self, value: Any) -> Any:
        if type(value) is Chosen:
            return 0 - value if isinstance(value, int) else value.refuse("what its minus is")
        own = None if tr.current() is None else _defined(value, "__neg__")
        return -value if own is None else self.call(own)()

    def _made(self, cls: type, initialise: Callable, /, *args: Any, **kwargs: Any) -> Any:
        trace: Trace | None = tr.current()
        made: Any = object.__new__(cls)
        self.note(made)
        self.called(trace, initialise.__code__, initialise, made, *args, **kwargs)
        return made

    def _with_lists(self, cls: type, /, *args: Any, **kwargs: Any) -> Any:
        """An instance of a dataclass: containers that its factories made, and nobody else knows, are made known."""
        made = cls(*map(plain, args), **{name: plain(value) for name, value in kwargs.items()})
        self.note(made)
        held = vars(made)
        for name in held:
            is_ours = type(held[name]) is list or (type(held[name]) in KINDS and not held[name])
            if is_ours and sys.getrefcount(held[name]) == 2:  # that of `held`, and the parameter
                held[name] = self.listed(held[name])
        return made

    def _completed(self, cls: type, /, *args: Any, **kwargs: Any) -> Any:
        """An instance of a dataclass, as what `dataclasses` wrote makes it, but that its `__post_init__` is converted."""
        made: Any = object.__new__(cls)
        try:
            given = inspect.signature(cls.__init__).bind(made, *args, **kwargs).arguments  # type: ignore[misc]
        except TypeError:
            return cls(*args, **kwargs)  # it raises its own message
        self.note(made)
        rest: list[Any] = []
        for field in cls.__dataclass_fields__.values():  # type: ignore[attr-defined]
            makes = field.default_factory is not dataclasses.MISSING
            if field.name in given:
                value = given[field.name]
            elif makes and field._field_type is not dataclasses._FIELD_CLASSVAR:  # type: ignore[attr-defined]
                value = self.listed(self.call(field.default_factory)())
            elif field.init and field.default is not dataclasses.MISSING:
                value = field.default
            else:
                continue  # of the class, or for `__post_init__` to make
            if _is_for_init(field):
                rest.append(value)
            elif field._field_type is not dataclasses._FIELD_CLASSVAR:  # type: ignore[attr-defined]
                object.__setattr__(made, field.name, value)
        self.call(made.__post_init__)(*rest)
        return made

    def _replaced(self, given: Any, /, **changes: Any) -> Any:
        """`dataclasses.replace`, whose `__post_init__` is converted."""
        cls, known = type(given), {}
        if is_completed(cls) and not any(_is_for_init(field) for field in cls.__dataclass_fields__.values()):
            known = {field.name: getattr(given, field.name) for field in dataclasses.fields(cls) if field.init}
        if not known or not changes.keys() <= known.keys():
            return self.unseen(False, dataclasses.replace, given, **changes)
        return self._completed(cls, **{**known, **changes})

    def note(self, made: Any) -> None:
        """Remember an instance that the function makes, and whether it does so before all branches and loops."""
        trace = tr.current()
        self.constructed.append(made)
        self.saw(made)
        if trace is not None and home(trace.region) is None:
            self.there[id(made)] = made

    def find(self, given: Iterable[Any]) -> None:
        """Remember the instances that arguments, and what else a function reads, lead to."""
        pending: list[Any] = list(given)
        seen: set[int] = set()
        while pending and len(seen) < MANY:
            value = pending.pop()
            if id(value) in seen or isinstance(value, type):
                continue
            seen.add(id(value))
            if type(value) in (list, set, deque) or isinstance(value, dict):
                self.others.reached.add(id(value))
            if type(value) in (list, tuple, set, deque):
                pending += value
            elif isinstance(value, dict):
                pending += value.values()
            elif type(type(value)) is type and type(value).__flags__ & HEAP and not is_library(value):
                self.there[id(value)] = value
                if dataclasses.is_dataclass(value):
                    self.others.records.add(id(value))
                pending += (attributes_of(value) or {}).values()

    def release(self) -> None:
        """Know instances by their ids alone, so that references tell which of them somebody else has."""
        self.made = frozenset(map(id, self.constructed))
        self.constructed.clear()
        self.there.clear()
        self.others.held.clear()

    def was_there(self, value: Any) -> bool:
        return id(value) in self.there

    def unseen(self, looks: bool, function: Callable, /, *args: Any, **kwargs: Any) -> Any:
        """A call of what is not seen, which may make an instance. `looks`: at texts that it is given."""
        if looks:
            texts.refuse_any((*args, *kwargs.values()))
        at = next((k for k, arg in enumerate(args) if type(arg) is Chosen and arg.are_things()), None)
        if at is not None:  # a library would look at what stands for several instances
            rest = [*args]
            return uncertain.pick(
                tr.live(args[at]._data), args[at].present(), lambda one: function(*rest[:at], one, *rest[at + 1 :], **kwargs)
            )
        out = function(*args, **kwargs)
        kind = function.args[0] if isinstance(function, functools.partial) and function.args else function
        if isinstance(kind, type) and type(out) is kind:
            self.note(out)
        return out

    def attribute(self, value: Any, name: str) -> Any:
        kind = type(value)
        if kind is Chosen and value.are_things():
            return value.attribute(name)
        if tr.current() is None or not kind.__flags__ & HEAP:
            return getattr(value, name)
        if not isinstance(value, Own) and lacking.lacks(value, name) and not uncertain.is_uncertain(value):
            lacking.raise_as(value, name)
        static = getattr_static(kind, name, None)
        if type(static) is not property or type(static.fget) is not FunctionType or is_library(kind):
            return getattr(value, name)
        return self.call(static.fget)(value)

    def settle(self) -> None:
        """Give instances lists of Python's own, as far as tracing knows what is in them."""
        self.others.check()
        for made in self.constructed:
            for name, value in vars(made).items() if hasattr(made, "__dict__") else ():
                if isinstance(value, Own) and value.held is not None:
                    vars(made)[name] = unwrapped(value)
