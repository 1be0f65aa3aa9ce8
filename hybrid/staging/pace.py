"""Whether Python is quicker: calls that machine code does not take by itself are timed against the undecorated function.

So are, now and then, calls of machine code that leaves objects changed or makes some, where it gives the very bits that Python
gives: to do that takes it 2 to 100 us. Entries count such calls (`spec.LEFT`), and when they have taken those that they were
granted, the next ones come here.

To find a trace from Python, to run its kernels one by one and to make results takes 20 to 200 us. Where the function itself
takes less, it makes such calls: those with arguments of the same classes, sizes and numbers, for a while, and then both are
timed again. So what is decided for small arrays is not decided for large ones.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core.config import config
from hybrid.core.lazily import cached_property
from hybrid.frontend.draws import GENERATORS
from hybrid.frontend.values import Value
from hybrid.ir import trace as tr
from hybrid.runtime import profile
from hybrid.staging.instances import are_made
from hybrid.staging.voice import MANY

if TYPE_CHECKING:
    from hybrid.staging.traced import Traced

TIMED = 16  # calls before the first comparison
AGAIN = 16  # times as many before the next where compiled code was quicker
REST, LONGEST = 64, 4096  # calls left to Python before both are timed again; each time that Python is quicker, twice as many
LONG = 2_000_000  # ns: beyond this the way through Python does not matter
GAIN = 0.8  # what Python must take of the time
TRIES, FAR = 3, 4  # calls by Python at a comparison, unless one takes as many times what compiled code does
FIRST, SAMPLES, MORE = 32, 3, 1024  # calls that machine code is granted at first, those then timed, and granted at least later
SHARE = 64  # times as long as Python's call takes machine code is to run before the next comparison
CLEAR = 200_000  # ns: machine code that takes longer does much
KINDS = 128  # of calls that are remembered
LOOKS = 32  # times as long as a look at a call Python is to run before the next
_PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None)))

FEW, DEEP = 8, 3  # items of a container or object that are looked at, and how far inside
Made = tuple[tuple | None, Callable[[bool], None] | None]


class Pace:
    """What is known of calls of one kind: nanoseconds by compiled code and by Python, and calls to be left to that."""

    __slots__ = ("ours", "pythons", "calls", "next", "rests", "rest", "tries", "native")

    def __init__(self, native: weakref.ref[Counted] | None = None) -> None:
        self.ours = self.pythons = float("inf")
        self.calls, self.next, self.rests, self.rest, self.tries = 0, SAMPLES if native else TIMED, 0, REST, 0
        self.native = native  # the trace whose entries count their calls

    @property
    def leaves(self) -> bool:
        """Whether Python makes the next call: because it is quicker, or to see whether it is."""
        return self.rests > 0 or self.calls >= self.next

    def took(self, start: int) -> None:
        """Counted code has made a call."""
        self.ours = min(self.ours, time.perf_counter_ns() - start)
        self.calls += self.ours < LONG

    def _grant(self, calls: int) -> None:
        compiled = None if self.native is None else self.native()
        if compiled is not None:
            compiled.grant(calls)

    def made(self, call: Callable, args: tuple, kwargs: dict) -> Any:
        """Have machine code make a call, and look how long it takes."""
        self._grant(1)
        start = time.perf_counter_ns()
        out = call(*args, **kwargs)
        self.took(start)
        if self.ours > CLEAR:
            self.calls = 0
            self._grant(SHARE * MORE)
        return out

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
                self._grant(max(MORE * self.next // SAMPLES, int(SHARE * self.pythons / self.ours)) if returned else 1)
                self.calls, self.next, self.rest = 0, AGAIN * self.next, REST
            else:
                return  # once more: it may have been held up
            self.tries, self.pythons = 0, float("inf")

        return compare


class Counted:
    """The part of a trace that knows of entries which count their calls."""

    traced: Traced
    entries: dict[Any, Any]
    paces: Paces | None

    @cached_property
    def _as_python(self) -> bool:
        """Whether Python gives the very same bits: calls may be left to it for its speed, which no result should depend on."""
        from hybrid.passes.worth import same_bits

        return same_bits(self.graph)  # type: ignore[attr-defined]

    @cached_property
    def _is_counted(self) -> bool:
        """Whether Python may be quicker than machine code, which has to make or change objects: now and then both are timed."""
        traced = self.traced
        leaves = traced.updates or traced.rebinds or are_made(traced.stored)
        return bool(leaves) and self.paces is not None and self._as_python

    def grant(self, calls: int) -> None:
        """Have native entries take so many calls more."""
        for made in self.entries.values():
            if made:
                made[0].grant(calls)

    def note_spent(self, form: Any) -> None:
        """Remember, for this thread, where the native entry of a form has taken all calls that it was granted."""
        made = self.entries.get(form)
        if made is not None and made[0].left <= 0:
            assert self.paces is not None
            self.paces.spent[threading.get_ident()] = self  # type: ignore[assignment]


class Paces:
    """Those of one decorated function, by kind of call."""

    def __init__(self) -> None:
        self.known: dict[Any, Pace] = {}
        self.leaving: dict[int, Pace] = {}  # by thread: a call that an entry has recognised and leaves to Python
        self.spent: dict[int, Counted] = {}  # by thread: the trace whose entry has taken all calls that it was granted
        self.counts = False  # whether any has
        self.sampled: set[int] = set()  # threads in which machine code makes a call that is timed
        self.driven = False  # whether no native entry has made a call of the trace between the last two that Python drove

    def of(self, kind: Any, native: weakref.ref[Counted] | None = None) -> Pace:
        found = self.known.get(kind)
        if found is None or (native is not None and (found.native is None or found.native() is not native())):
            if len(self.known) >= KINDS:
                self.known.clear()
            found = self.known[kind] = Pace(native)
        return found

    def take_spent(self, kind: Any) -> None:
        """Time calls of a kind that has come here since an entry has taken all that it was granted."""
        compiled = self.spent.pop(threading.get_ident(), None)
        if compiled is not None and kind is not None:
            self.counts = True
            self.of(kind, weakref.ref(compiled))
        elif compiled is not None:
            compiled.grant(SHARE * MORE)  # of such calls nothing can be known

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
        if paces is None or self._resting or not timed() or (tr.open_traces and tr.current() is not None):
            return self._slow(args, kwargs)
        pace = paces.leaving.pop(threading.get_ident(), None) if paces.leaving else None
        if pace is not None:
            return None, pace.left()
        thread = threading.get_ident()
        if paces.counts and thread not in paces.sampled:
            pace = paces.known.get(kind_of(args, kwargs, roughly=True))
            if pace is not None and pace.leaves:
                return None, pace.left()
            if pace is not None:
                paces.sampled.add(thread)
                try:
                    return (pace.made(self, args, kwargs),), None  # type: ignore[arg-type]  # a decorated function
                finally:
                    paces.sampled.discard(thread)
        kind = kind_of(args, kwargs)
        pace = paces.known.get(kind)
        if pace is not None and pace.leaves:
            return None, pace.left()
        start, paces.driven = time.perf_counter_ns(), False
        found = self._slow(args, kwargs)
        if paces.spent:
            paces.take_spent(kind_of(args, kwargs, roughly=True))
        if found[0] is not None:
            self._refusals = min(self._refusals, MANY)
            if paces.driven and kind is not None:
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


def kind_of(args: tuple, kwargs: Mapping[str, Any], roughly: bool = False) -> Any:
    """The classes, sizes and numbers of arguments; None where a call may do more than it does as Python's.

    Args:
        roughly: whether sizes and ints count by how many bits they have, and floats by their class.
    """
    parts: list[Any] = [*kwargs, roughly]
    known = all(_describe(x, parts, DEEP, roughly) for x in (*args, *kwargs.values()))
    return tuple(parts) if known else None


def _describe(x: Any, parts: list[Any], depth: int, roughly: bool) -> bool:
    kind = type(x)
    if kind is np.ndarray:
        parts += kind, tuple(map(int.bit_length, x.shape)) if roughly else x.shape, x.dtype
    elif kind in _PLAIN:
        parts += kind, x if not roughly else x.bit_length() if kind is int else x if kind is bool else None
    elif isinstance(x, Value):
        return False  # tensors know what was done to them
    elif kind in (list, tuple, dict):
        items = x.values() if kind is dict else x
        parts += kind, len(x).bit_length() if roughly and len(x) > FEW else len(x)
        return len(x) > FEW or not depth or all(_describe(item, parts, depth - 1, roughly) for item in items)
    elif isinstance(x, (np.generic, *GENERATORS)):
        parts.append(kind)
    elif type(inside := getattr(x, "__dict__", None)) is dict and (not depth or len(inside) <= FEW):
        parts += kind, len(inside)
        return not depth or all(_describe(item, parts, depth - 1, roughly) for item in inside.values())
    else:
        parts += kind, id(x)
    return True
