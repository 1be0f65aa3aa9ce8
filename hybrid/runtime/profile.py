"""`hybrid.profile()`: time, bytes and bandwidth of every kernel, by the user's line, and as a Chrome trace."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from hybrid.core.config import config

# Native entries step aside while a profile is open, so that every call runs its kernels one by one from Python.
active: tuple[Profile, ...] = ()
listeners: list[Callable[[int], None]] = []  # called with 1 when a profile opens and -1 when it closes
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Event:
    """One run of one kernel, BLAS call or host call: times in nanoseconds, and the bytes of the arrays it touches."""

    name: str
    source: str
    start: int
    stop: int
    bytes: int
    thread: int

    @property
    def nanoseconds(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Row:
    """What the events of one kernel at one line, or of one line, add up to."""

    kernel: str
    line: str
    calls: int
    total_us: float
    median_us: float
    share: float  # of the time of all events
    bytes: int
    gb_per_s: float


@dataclass(eq=False)
class Profile:
    """What ran, on any thread, inside `with hybrid.profile() as p:`. Print it, or `p.save("trace.json")`.

    Profiles may be nested, and those of several threads may overlap: each holds everything that ran while it was open.

    >>> with Profile() as p:
    ...     record("k0", "gelu.py:12", 0, 3_000, 12_000)
    ...     record("k1", "gelu.py:14", 3_000, 4_000, 8_000)
    >>> print(p)
    kernel  line        calls  total µs  median µs    time     MB  GB/s
    k0      gelu.py:12      1       3.0        3.0   75.0%  0.012   4.0
    k1      gelu.py:14      1       1.0        1.0   25.0%  0.008   8.0
    total                   2       4.0             100.0%  0.020   5.0
    """

    events: list[Event] = field(default_factory=list)

    def __enter__(self) -> Profile:
        _change(1, lambda profiles: (*profiles, self))
        return self

    def __exit__(self, *error: object) -> None:
        _change(-1, self._without)

    def _without(self, profiles: tuple[Profile, ...]) -> tuple[Profile, ...]:
        at = profiles.index(self)
        return (*profiles[:at], *profiles[at + 1 :])

    def rows(self) -> list[Row]:
        """One row for each kernel and line, the costliest first."""
        return self._grouped(lambda e: (e.name, e.source))

    def lines(self) -> list[Row]:
        """One row for each line of the user's program, the costliest first; `kernel` names all that ran for it."""
        return self._grouped(lambda e: e.source)

    def _grouped(self, key: Callable[[Event], object]) -> list[Row]:
        groups: dict[object, list[Event]] = {}
        for event in self.events:
            groups.setdefault(key(event), []).append(event)
        whole = sum(e.nanoseconds for e in self.events)
        return sorted((_row(events, whole) for events in groups.values()), key=lambda row: -row.total_us)

    def __str__(self) -> str:
        if not self.events:
            return "no kernel ran"
        head = ("kernel", "line", "calls", "total µs", "median µs", "time", "MB", "GB/s")
        whole = _row(self.events, sum(e.nanoseconds for e in self.events))
        body = [_cells(row) for row in self.rows()]
        total = ("total", "", *_cells(whole)[2:4], "", *_cells(whole)[5:])
        widths = [max(len(row[k]) for row in (head, *body, total)) for k in range(len(head))]
        return "\n".join(
            "  ".join(text.ljust(w) if k < 2 else text.rjust(w) for k, (text, w) in enumerate(zip(row, widths))).rstrip()
            for row in (head, *body, total)
        )

    def save(self, path: str | os.PathLike) -> None:
        """Write the events in Chrome's trace format, for chrome://tracing or ui.perfetto.dev."""
        import json  # only here, and slow to import

        first = min((e.start for e in self.events), default=0)
        common = {"cat": "kernel", "ph": "X", "pid": os.getpid()}
        events = [
            {"name": e.name, **common, "tid": e.thread, "ts": (e.start - first) / 1e3, "dur": e.nanoseconds / 1e3,
             "args": {"line": e.source, "bytes": e.bytes, "GB/s": e.bytes / max(e.nanoseconds, 1)}}
            for e in self.events
        ]  # fmt: skip
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, file)


def _row(events: list[Event], whole: int) -> Row:
    times = sorted(e.nanoseconds for e in events)
    total, moved = sum(times), sum(e.bytes for e in events)
    return Row(", ".join(dict.fromkeys(e.name for e in events)), events[0].source, len(events), total / 1e3,
               times[len(times) // 2] / 1e3, total / max(whole, 1), moved, moved / max(total, 1))  # fmt: skip


def _cells(row: Row) -> tuple[str, ...]:
    return (row.kernel, row.line, str(row.calls), f"{row.total_us:.1f}", f"{row.median_us:.1f}", f"{100 * row.share:.1f}%",
            f"{row.bytes / 1e6:.3f}", f"{row.gb_per_s:.1f}")  # fmt: skip


def _change(step: int, update: Callable[[tuple[Profile, ...]], tuple[Profile, ...]]) -> None:
    global active
    with _lock:
        active = update(active)
    for listener in listeners:
        listener(step)


def listen(listener: Callable[[int], None]) -> None:
    """Have `listener` called with 1 when a profile opens, also for those open already, and with -1 when one closes."""
    listeners.append(listener)
    for _ in active:
        listener(1)


def record(name: str, source: str, start: int, stop: int, moved: int) -> None:
    """Enter one event in every open profile. Times are of `time.perf_counter_ns`; `moved` is in bytes."""
    event = Event(name, source, start, stop, moved, threading.get_ident())
    for profile in active:
        profile.events.append(event)


def profile() -> Profile:
    """A profile to use as a context manager.

    Inside it every kernel runs and is timed by itself, so calls cost some microseconds more than usual.

    >>> f = hy.function(lambda x: 2 * x)
    >>> with hy.profile() as p:
    ...     y = f(np.ones(3))
    >>> [row.kernel for row in p.rows()]
    ['k0']
    """
    return Profile()


if config.profile:  # HYBRID_PROFILE=1: the whole process
    _session = Profile().__enter__()
    atexit.register(lambda: sys.stderr.write(f"{_session}\n"))
