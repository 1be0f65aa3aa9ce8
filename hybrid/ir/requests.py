"""What ends the recording of a call: it is too long, or it has to be made again with more that is fixed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

from hybrid.core.errors import TraceError
from hybrid.ir.graph import Source


class TooLong(TraceError):
    """A trace that no attempt to record it otherwise would make shorter."""


class TooMany(TooLong):
    """A trace, or a recursion that is written out, has recorded as much as one may, for seconds: it is given up."""


class Recursive(TooLong):
    """A function calls itself in branch after branch: trace again with its calls as those of a procedure."""

    def __init__(self, code: CodeType, name: str, at: Source | None):
        super().__init__(f"`{name}` calls itself as often as a run decides", at=at)
        self.code = code


class Concretise(Exception):
    """Run-time numbers were asked for their value: trace again with those arguments static."""

    def __init__(self, arguments: frozenset[int], what: str, at: Source | None):
        super().__init__(f"{what} needs the value of a number")
        self.arguments, self.what, self.at = arguments, what, at


class Changing(Concretise):
    """A function changes a list that its trace has as an array: trace again, with one that it may change.

    `grows`: all that was seen of it so far is that it appends to the list.
    """

    def __init__(self, arguments: frozenset[int], what: str, at: Source | None, grows: bool = False):
        super().__init__(arguments, what, at)
        self.grows = grows


class Reading(Changing):
    """A function reads a list that its trace takes for one that it only appends to: trace again, with what is in it."""


class Replacing(Changing):
    """A function gives objects of a list other arrays as some attributes: trace again, with arrays that are replaced."""

    def __init__(self, of: type, names: Collection[str], at: Source | None):
        super().__init__(frozenset(), "replacing an array", at)
        self.of, self.names = of, names


class Specialise(Exception):
    """Sizes that were to be symbols must be numbers, or one symbol: trace again with them so.

    Args:
        same: whether they are to be equal; None: one of them is 1.
    """

    def __init__(self, symbols: frozenset[str], what: str, at: Source | None, same: bool | None = False):
        super().__init__(f"{what} needs the value of a size")
        self.symbols, self.what, self.at, self.same = symbols, what, at, same


class Rebinds(Exception):
    """A function rebinds what it reads: trace again with these reads as state, which every call brings."""

    def __init__(self, places: Sequence[Any]):
        super().__init__("the function rebinds what it reads")
        self.places = tuple(places)


class Learned(Exception):
    """A function that keeps what it gave was asked first while tracing, and changed something: trace again, as it did that."""


def most(spelled: Mapping[str, int]) -> str:
    """The loop that was written out and left the most branches and loops."""
    return max(spelled, key=spelled.__getitem__, default="")


def too_many(limit: int, spelled: str) -> str:
    """The reason to refuse that many branches and loops one after another; `spelled`: the loop that is to blame, and why."""
    return f"more than {limit} branches and loops one after another: {spelled or 'they are no loop of the program'}"


@dataclass(frozen=True)
class Writing:
    """Which loops a trace writes out, round by round, where it could do otherwise.

    Args:
        short: those of few rounds: what they compute fuses.
        lists: those over long lists of computed numbers.
        known: those of Python's own numbers, which end while tracing (`control.foreknown`).
        kept: the classes, by name, whose instances are in storage (`control.arenas`), so that loops that make them need not
            be written out; None: no more are to be.
        last: whether a trace of very many operations has failed: nothing is tried any more that does not make it shorter.
    """

    short: bool = True
    lists: bool = False
    known: bool = False
    kept: frozenset[str] | None = frozenset()
    last: bool = False

    def instead(self, short: bool, lists: bool, known: bool = False, made: Collection[str] = ()) -> Writing | None:
        """What may do better than a trace that wrote out `short` loops, and did not write out `lists` or `known` ones.

        `made`: classes of which it made instances that are not kept.
        """
        if self.last:
            return replace(self, short=False) if short else None
        if self.kept is not None and not self.kept.issuperset(made):
            return Writing(kept=self.kept.union(made))
        if known and not self.known:
            return replace(self, known=True)
        if lists:
            return replace(self, lists=True)
        if short:
            return replace(self, short=False)
        return Writing(kept=None) if self.kept else None  # as they would be without


AT_FIRST = Writing()


@dataclass(frozen=True)
class Saw:
    """What a trace that failed has seen of its loops: the arguments of `Writing.instead`, and whether it was the last."""

    short: bool
    lists: bool
    known: bool
    made: frozenset[str]
    last: bool

    def instead(self, writing: Writing) -> Writing | None:
        """What may do better than a trace that wrote out such loops."""
        return replace(writing, last=writing.last or self.last).instead(self.short, self.lists, self.known, self.made)
