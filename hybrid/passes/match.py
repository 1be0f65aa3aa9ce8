"""Patterns over equations, written as ordinary Python expressions: `pattern(lambda x: -(-x))`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from hybrid.core import dtype as dt
from hybrid.ir.graph import Atom, Eqn, Literal, Var
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e

Match = dict[str, Atom]


class Pattern:
    """A wildcard with a name, or (name "") a literal number. Operators on patterns make `Call`s."""

    def __init__(self, name: str = "", value: object = None):
        self.name, self.value = name, value

    @staticmethod
    def of(x: object) -> Pattern:
        return x if isinstance(x, Pattern) else Pattern(value=x)

    def __neg__(self):
        return Call(e.neg, (self,))

    def __invert__(self):
        return Call(e.not_, (self,))

    def __add__(self, other):
        return Call(e.add, (self, Pattern.of(other)))

    def __radd__(self, other):
        return Call(e.add, (Pattern.of(other), self))

    def __sub__(self, other):
        return Call(e.sub, (self, Pattern.of(other)))

    def __mul__(self, other):
        return Call(e.mul, (self, Pattern.of(other)))

    def __rmul__(self, other):
        return Call(e.mul, (Pattern.of(other), self))

    def __truediv__(self, other):
        return Call(e.div, (self, Pattern.of(other)))

    def __pow__(self, other):
        return Call(e.pow, (self, Pattern.of(other)))

    def __and__(self, other):
        return Call(e.and_, (self, Pattern.of(other)))

    def __or__(self, other):
        return Call(e.or_, (self, Pattern.of(other)))


class Call(Pattern):
    """A primitive applied to patterns."""

    def __init__(self, primitive: Primitive, args: tuple[Pattern, ...]):
        super().__init__()
        self.primitive, self.args = primitive, args


def pattern(function: Callable) -> tuple[Pattern, tuple[str, ...]]:
    """The pattern a function of wildcards returns, and the wildcards' names."""
    names = tuple(inspect.signature(function).parameters)
    return Pattern.of(function(*(Pattern(name=n) for n in names))), names


def find(p: Pattern, primitive: Primitive, inputs: tuple[Atom, ...], producer: Callable[[Atom], Eqn | None]) -> Match | None:
    """The wildcards' values where `primitive(*inputs)` has this form."""
    match: Match = {}
    assert isinstance(p, Call)
    if p.primitive is not primitive:
        return None
    return match if all(_match(a, b, match, producer) for a, b in zip(p.args, inputs)) else None


def _match(p: Pattern, atom: Atom, match: Match, producer: Callable[[Atom], Eqn | None]) -> bool:
    if isinstance(p, Call):
        eqn = producer(atom)
        if eqn is None or eqn.primitive is not p.primitive:
            return False
        return all(_match(a, b, match, producer) for a, b in zip(p.args, eqn.inputs))
    if p.name:
        known = match.setdefault(p.name, atom)
        return known is atom or (isinstance(known, Literal) and isinstance(atom, Literal) and known.key == atom.key)
    if not isinstance(atom, Literal) or isinstance(atom, Var):
        return False
    if dt.is_complex(atom.type.dtype):
        return False
    want = np.asarray(p.value).astype(atom.type.dtype)
    # Bytes: x - 0 is x, but x - (-0.0) turns -0.0 into 0.0.
    return want.tobytes() == np.asarray(atom.value).tobytes()
