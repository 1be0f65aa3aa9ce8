"""What a value of a trace may be besides an array or a number: the same object in every run, or another one in some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hybrid.ir.graph import Atom


@dataclass(frozen=True, slots=True)
class Known:
    """An object that is no number and the same in every run: None, a string."""

    value: Any


@dataclass(frozen=True, eq=False, slots=True)
class Thing(Known):
    """An instance of a user's class that was there before all branches and loops: the same as itself alone."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True, slots=True)
class Kept(Known):
    """Any of the instances of a class that the trace keeps in storage (`control.arenas`); its value is the class."""


@dataclass(frozen=True, eq=False, slots=True)
class Maybe:
    """A number that a branch or loop may have left as something else: `holds` tells whether it is what it is said to be.

    Otherwise it is a Python number of class `instead`, of the same value; or the number `instead`, a value of its own that
    may be uncertain too; or a known object; or does not exist (None). While it is another number, what it is said to be
    holds that number, converted.
    """

    holds: Atom
    instead: Any
