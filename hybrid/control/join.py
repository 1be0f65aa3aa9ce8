"""What a variable is after two ways led to one place: one value of the graph, if both ways leave the same kind of thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.control.plain import UNDEFINED
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Shape, TensorType
from hybrid.frontend.values import Value, operand, stretched, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.trace import Cell, Maybe, Symbol, Trace

PYTHON = {bool: dt.bool_, int: dt.int64, float: dt.float64, complex: dt.complex128}
_CLASS = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
_RANK = {bool: 0, int: 1, float: 2, complex: 3}
YES, NO = tr.literal(True, dt.bool_), tr.literal(False, dt.bool_)
IMMUTABLE = (str, bytes, type(None), type(...), type, np.dtype, bool, int, float, complex, frozenset, range)


def same_constant(a: Any, b: Any) -> bool:
    """Whether two immutable objects are as good as one."""
    if type(a) is not type(b) or not issubclass(type(a), IMMUTABLE):  # a traced number says that it is an instance of float
        return False
    return a == b and repr(a) == repr(b)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a traced variable holds: a number or an array; `instead`: what a number may be otherwise, None for nothing."""

    kind: str  # python | scalar | ndarray | tensor
    dtype: np.dtype
    shape: Shape = ()
    maybe: bool = False
    instead: type | None = None

    @property
    def is_number(self) -> bool:
        return self.kind in ("python", "scalar")

    @property
    def tensor(self) -> TensorType:
        return TensorType(self.dtype, self.shape, weak=self.kind == "python")

    def __str__(self) -> str:
        words = {"python": f"a Python {self.python.__name__}", "scalar": f"a NumPy {self.dtype}"}
        return words.get(self.kind, f"an array {self.tensor}")

    @property
    def python(self) -> type:
        return _CLASS[dt.KIND[self.dtype]]

    def certain(self) -> Spec:
        return Spec(self.kind, self.dtype, self.shape)


def spec_of(value: Any) -> Spec | None:
    """The spec of a number or array; None for any other object."""
    data = unwrap(value)
    if type(data) is Symbol:
        maybe = data.maybe
        return Spec(data.kind, data.type.dtype, data.type.shape, maybe is not None, maybe.instead if maybe else None)
    if type(data) in PYTHON:
        if type(data) is int and not -(2**63) <= data < 2**63:
            return None
        return Spec("python", PYTHON[type(data)])
    if isinstance(data, np.generic):
        return Spec("scalar", data.dtype) if data.dtype in dt.SHORT else None
    if type(data) is np.ndarray and data.dtype in dt.SHORT:
        return Spec("tensor" if isinstance(value, Value) else "ndarray", data.dtype, data.shape)
    return None


def common(a: Spec, b: Spec) -> Spec | None:
    """One spec for values of both, or None. Numbers of two kinds become the one that says more, which then is uncertain."""
    if a.certain() == b.certain():
        if a.maybe and b.maybe and a.instead is not b.instead:
            return None
        either = a if a.maybe else b
        return Spec(a.kind, a.dtype, a.shape, either.maybe, either.instead)
    if not (a.is_number and b.is_number) or (a.maybe and b.maybe and a.instead is not b.instead):
        return None
    for said, other in ((a, b), (b, a)):
        weaker = other.kind == "python" and not other.maybe and _RANK[other.python] <= _RANK[said.python]
        same_class = said.python is bool or other.python is not bool
        if weaker and same_class and (not said.maybe or said.instead is other.python):
            return Spec(said.kind, said.dtype, (), True, other.python)
    return None


def atoms(trace: Trace, value: Any, spec: Spec) -> list[Atom]:
    """A value in the form of a spec: itself, and for uncertain ones whether it is what the spec says."""
    out = [_read(trace, value, spec)]
    if spec.maybe:
        own = spec_of(value)
        data = unwrap(value)
        if own is None or own.certain() != spec.certain():
            out.append(NO)
        else:
            out.append(data.maybe.holds if type(data) is Symbol and data.maybe is not None else YES)
    return out


def _read(trace: Trace, value: Any, spec: Spec) -> Atom:
    if value is UNDEFINED:
        zero = tr.literal(0, spec.dtype)
        return stretched(trace, zero, spec.shape)
    data = unwrap(value)
    if type(data) is Symbol and data.maybe is not None:
        value = certain(value)
    if spec.shape or not spec.is_number:
        return tr.read(symbol(trace, value))
    return operand(trace, value, spec.dtype)


def certain(value: Any) -> Any:
    """An uncertain number taken for what it is said to be."""
    data = unwrap(value)
    return wrap(Symbol(data.cell, data.type, data.kind, data.chain, data._proto, data.argument))


def made(trace: Trace, spec: Spec, parts: list[Atom]) -> Any:
    """A new variable of a spec from what `atoms` gave."""
    value = parts[0]
    maybe = Maybe(parts[1], spec.instead) if spec.maybe and not _is_true(parts[1]) else None
    return wrap(Symbol(Cell(trace, value, mutable=not spec.is_number), spec.tensor, spec.kind, maybe=maybe))


def _is_true(atom: Atom) -> bool:
    return isinstance(atom, Literal) and bool(atom.value)


class Join:
    """The variables that two ways leave, joined one by one; `pairs` are the graph values of either side, in order."""

    def __init__(
        self, trace: Trace, predicate: Atom, sides: tuple, live: Callable[[str], bool], invented: Callable[[str], bool]
    ):
        self.trace, self.predicate, self.sides, self.live, self.invented = trace, predicate, sides, live, invented
        self.pairs: list[tuple[Atom, Atom]] = []
        self.makers: list[tuple[str, Callable[[list[Atom]], Any]]] = []

    def variable(self, name: str, a: Any, b: Any) -> None:
        self.makers.append((name, self._joined(name, a, b)))

    def _joined(self, name: str, a: Any, b: Any) -> Callable[[list[Atom]], Any]:
        if a is b:
            return lambda results: a
        if type(a) is tuple and type(b) is tuple and len(a) == len(b):
            parts = [self._joined(name, x, y) for x, y in zip(a, b)]
            return lambda results: tuple(part(results) for part in parts)
        if same_constant(a, b):
            return lambda results: a
        if self.invented(name) and (a is UNDEFINED or b is UNDEFINED):
            given = b if a is UNDEFINED else a
            if type(given) is tuple:
                pairs = [(UNDEFINED, part) if a is UNDEFINED else (part, UNDEFINED) for part in given]
                parts = [self._joined(name, x, y) for x, y in pairs]
                return lambda results: tuple(part(results) for part in parts)
            if spec_of(given) is None:
                return lambda results: given  # a flag says whether it is meant
        if (a is UNDEFINED or b is UNDEFINED) and not self.live(name):
            return lambda results: UNDEFINED
        one, other = spec_of(a), spec_of(b)
        if a is UNDEFINED or b is UNDEFINED:
            given = other if a is UNDEFINED else one
            if given is None:
                return self._unless_dead(name, f"`{name}` is assigned on one way only")
            if self.invented(name):
                spec: Spec | None = given
            else:
                spec = None if given.maybe else Spec(given.kind, given.dtype, given.shape, True, None)
        else:
            spec = common(one, other) if one is not None and other is not None else None
        if spec is None:
            what = [str(s) if s else type(v).__name__ for s, v in ((one, a), (other, b))]
            return self._unless_dead(name, f"`{name}` is {what[0]} on one way and {what[1]} on the other")
        start = len(self.pairs)
        both = []
        for side, value in zip(self.sides, (a, b)):
            with side:
                both.append(atoms(self.trace, value, spec))
                if value is UNDEFINED and spec.maybe:
                    both[-1][1] = NO
        self.pairs += zip(*both)
        end = len(self.pairs)
        if not spec.is_number:
            self._note_aliases(name, (a, b))
            owned = any(_is_owned(value) for value in (a, b))
            frozen = not self.invented(name) and not all(self._fresh(side, v) for side, v in zip(self.sides, (a, b)))
            why = f"`{name}` is one array or another depending on a condition"
            shared = (TraceError(f"an array is returned, and {why}", at=tr.user_line()), self.predicate) if owned else None
            return lambda results: _aliased(made(self.trace, spec, results[start:end]), shared, why if frozen else "")
        return lambda results: made(self.trace, spec, results[start:end])

    def _note_aliases(self, name: str, values: tuple) -> None:
        """From here on neither of two arrays may be written that one name stands for, now this one and now the other."""
        if self.invented(name):
            return  # what a `return` has taken nobody touches any more
        for side, value in zip(self.sides, values):
            if not self._fresh(side, value):
                symbol(self.trace, value).cell.frozen = f"`{name}` may stand for it, depending on a condition"

    def _unless_dead(self, name: str, what: str) -> Callable[[list[Atom]], Any]:
        if self.live(name):
            raise TraceError(f"{what}, which only a run can tell", at=tr.user_line())
        return lambda results: UNDEFINED

    @staticmethod
    def _fresh(side: Any, value: Any) -> bool:
        data = unwrap(value)
        return value is UNDEFINED or (type(data) is Symbol and data.cell.home is side)


def _is_owned(value: Any) -> bool:
    """Whether somebody outside may know the array, too."""
    data = unwrap(value)
    return isinstance(data, np.ndarray) or (type(data) is Symbol and (bool(data.cell.name) or data.cell.shared is not None))


def _aliased(value: Any, shared: tuple[TraceError, Atom] | None, frozen: str) -> Any:
    value._data.cell.shared, value._data.cell.frozen = shared, frozen
    return value
