"""Whether Python is quicker: calls that machine code does not take by itself are timed against the undecorated function.

To find a trace from Python, to run its kernels one by one and to make results takes 20 to 200 us. Where the function itself
takes less, it makes such calls: those with arguments of the same classes, sizes and numbers, for a while, and then both are
timed again. So what is decided for small arrays is not decided for large ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from hybrid.core.config import config
from hybrid.frontend.draws import GENERATORS
from hybrid.frontend.values import Value
from hybrid.runtime import profile
from hybrid.staging.voice import MANY

TIMED = 16  # calls before the first comparison
AGAIN = 16  # times as many before the next where compiled code was quicker
REST, LONGEST = 64, 4096  # calls left to Python before both are timed again; each time that Python is quicker, twice as many
LONG = 2_000_000  # ns: beyond this the way through Python does not matter
GAIN = 0.8  # what Python must take of the time
TRIES, FAR = 3, 4  # calls by Python at a comparison, unless one takes as many times what compiled code does
KINDS = 128  # of calls that are remembered
LOOKS = 32  # times as long as a look at a call Python is to run before the next
_PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None)))

FEW, DEEP = 8, 3  # items of a container or object that are looked at, and how far inside
Made = tuple[tuple | None, Callable[[bool], None] | None]


class Pace:
    """What is known of calls of one kind: nanoseconds by compiled code and by Python, and calls to be left to that."""

    __slots__ = ("ours", "pythons", "calls", "next", "rests", "rest", "tries")

    def __init__(self) -> None:
        self.ours = self.pythons = float("inf")
        self.calls, self.next, self.rests, self.rest, self.tries = 0, TIMED, 0, REST, 0

    @property
    def leaves(self) -> bool:
        """Whether Python makes the next call: because it is quicker, or to see whether it is."""
        return self.rests > 0 or self.calls >= self.next

    def took(self, start: int) -> None:
        """Compiled code has made a call."""
        self.ours = min(self.ours, time.perf_counter_ns() - start)
        self.calls += self.ours < LONG

    def left(self) -> Callable[[bool], None] | None:
        """Python makes a call; what is to be done after it."""
        if self.rests:
            self.rests -= 1
            return None
        start = time.perf_counter_ns()

        def compare(returned: bool) -> None:
            taken = time.perf_counter_ns() - start if returned else float("inf")
            self.tries, self.pythons = self.tries + 1, min(self.pythons, taken)
            if self.pythons < GAIN * self.ours:
                self.rests, self.rest, self.calls = self.rest, min(2 * self.rest, LONGEST), self.next - 1
            elif self.tries == TRIES or taken > FAR * self.ours:
                self.calls, self.next, self.rest = 0, AGAIN * self.next, REST
            else:
                return  # once more: it may have been held up
            self.tries, self.pythons = 0, float("inf")

        return compare


class Paces:
    """Those of one decorated function, by kind of call."""

    def __init__(self) -> None:
        self.known: dict[Any, Pace] = {}
        self.leaving: dict[int, Pace] = {}  # by thread: a call that an entry has recognised and leaves to Python
        self.driven = False  # whether no native entry has made a call of the trace between the last two that Python drove

    def of(self, kind: Any) -> Pace:
        found = self.known.get(kind)
        if found is None:
            if len(self.known) >= KINDS:
                self.known.clear()
            found = self.known[kind] = Pace()
        return found

    def __iter__(self) -> Iterator[str]:
        """What is left to Python now, in words."""
        for pace in list(self.known.values()):
            if pace.rests:
                yield f"calls that take {pace.ours / 1e3:.0f} us compiled"


class Paced:
    """The part of a decorated function that knows when to leave calls to Python."""

    strict: bool
    _refusals: int
    _resting: int
    _slow: Callable[[tuple, dict], Made]

    def __init__(self) -> None:
        self.paces = None if self.strict else Paces()

    def _paced(self, args: tuple, kwargs: dict) -> Made:
        """`_slow`, or where that is known to take longer than Python does: (None, what to do after the call)."""
        paces = self.paces
        if paces is None or self._resting or not timed():
            return self._slow(args, kwargs)
        pace = paces.leaving.pop(threading.get_ident(), None) if paces.leaving else None
        if pace is not None:
            return None, pace.left()
        kind = kind_of(args, kwargs)
        if kind is None:
            return self._slow(args, kwargs)
        pace = paces.known.get(kind)
        if pace is not None and pace.leaves:
            return None, pace.left()
        start, paces.driven = time.perf_counter_ns(), False
        found = self._slow(args, kwargs)
        if found[0] is not None:
            self._refusals = min(self._refusals, MANY)
            if paces.driven:
                paces.of(kind).took(start)
        elif found[1] is not None and self._refusals and time.perf_counter_ns() - start > FAR * LONG:
            return None, self._weighed(start, found[1])
        return found

    def _weighed(self, start: int, after: Callable[[bool], None]) -> Callable[[bool], None]:
        """What is to be done after a call that was looked at in vain once more, which took long: rest soon, and for longer."""
        begun = time.perf_counter_ns()

        def weigh(returned: bool) -> None:
            times = (begun - start) // max(time.perf_counter_ns() - begun, 1)  # as long as Python took
            if times:
                self._refusals = max(self._refusals, MANY - 1)
            after(returned)
            if self._resting:
                self._resting = min(max(self._resting, LOOKS * times), LONGEST)

        return weigh


def timed() -> bool:
    """Whether calls may be left to Python: nobody has asked to hear of each."""
    return not (config.debug or profile.active or config.check_nan or config.check_inf)


def kind_of(args: tuple, kwargs: Mapping[str, Any]) -> Any:
    """The classes, sizes and numbers of arguments; None where a call may do more than it does as Python's."""
    parts: list[Any] = [*kwargs]
    known = all(_describe(x, parts, DEEP) for x in (*args, *kwargs.values()))
    return tuple(parts) if known else None


def _describe(x: Any, parts: list[Any], depth: int) -> bool:
    kind = type(x)
    if kind is np.ndarray:
        parts += kind, x.shape, x.dtype
    elif kind in _PLAIN:
        parts += kind, x
    elif isinstance(x, Value):
        return False  # tensors know what was done to them
    elif kind in (list, tuple, dict):
        items = x.values() if kind is dict else x
        parts += kind, len(x)
        return len(x) > FEW or not depth or all(_describe(item, parts, depth - 1) for item in items)
    elif isinstance(x, (np.generic, *GENERATORS)):
        parts.append(kind)
    elif depth and type(inside := getattr(x, "__dict__", None)) is dict and len(inside) <= FEW:
        parts += kind, len(inside)
        return all(_describe(item, parts, depth - 1) for item in inside.values())
    else:
        parts += kind, id(x)
    return True
