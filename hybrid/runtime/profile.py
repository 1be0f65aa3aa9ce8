"""`hybrid.profile()`: time, bytes and bandwidth of every kernel, by the user's line, and as a Chrome trace."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Native entries step aside while a profile is active, so that every call runs its kernels one by one from Python.
active: Profile | None = None
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Event:
    """One run of one kernel, BLAS call or host call: times in nanoseconds, bytes read and written at least once."""

    name: str
    source: str
    start: int
    stop: int
    bytes: int
    thread: int


@dataclass
class Profile:
    """What ran inside `with hybrid.profile() as p:`. Print it, or `p.save("trace.json")` and open that in chrome://tracing.

    >>> with Profile() as p:
    ...     record("k0", "gelu.py:12", 0, 2_000, 8_000)
    >>> print(p)
    kernel  line        calls  total µs  median µs  GB/s
    k0      gelu.py:12      1       2.0        2.0   4.0
    """

    events: list[Event] = field(default_factory=list)

    def __enter__(self) -> Profile:
        global active
        self._outer = active
        active = self
        for listener in listeners:
            listener(1)
        return self

    def __exit__(self, *error: object) -> None:
        global active
        active = self._outer
        for listener in listeners:
            listener(-1)

    def rows(self) -> list[dict[str, Any]]:
        """One row per kernel and line, the costliest first."""
        groups: dict[tuple[str, str], list[Event]] = {}
        for event in self.events:
            groups.setdefault((event.name, event.source), []).append(event)
        out = []
        for (name, source), events in groups.items():
            times = sorted(e.stop - e.start for e in events)
            total = sum(times)
            out.append({"kernel": name, "line": source, "calls": len(events), "total_us": total / 1e3,
                        "median_us": times[len(times) // 2] / 1e3, "gb_per_s": sum(e.bytes for e in events) / max(total, 1)})  # fmt: skip
        return sorted(out, key=lambda row: -row["total_us"])

    def __str__(self) -> str:
        head = ("kernel", "line", "calls", "total µs", "median µs", "GB/s")
        body = [
            (r["kernel"], r["line"], str(r["calls"]), f"{r['total_us']:.1f}", f"{r['median_us']:.1f}", f"{r['gb_per_s']:.1f}")
            for r in self.rows()
        ]
        widths = [max(len(row[k]) for row in (head, *body)) for k in range(len(head))]
        return "\n".join(
            "  ".join(text.ljust(w) if k < 2 else text.rjust(w) for k, (text, w) in enumerate(zip(row, widths))).rstrip()
            for row in (head, *body)
        )

    def save(self, path: str | Path) -> None:
        """Write the events in Chrome's trace format (times in microseconds)."""
        events = [
            {"name": e.name, "cat": "kernel", "ph": "X", "ts": e.start / 1e3, "dur": (e.stop - e.start) / 1e3, "pid": os.getpid(), "tid": e.thread,
             "args": {"line": e.source, "bytes": e.bytes}}
            for e in self.events
        ]  # fmt: skip
        Path(path).write_text(json.dumps({"traceEvents": events}))


listeners: list[Callable[[int], None]] = []  # called with 1 when a profile opens and -1 when it closes


def record(name: str, source: str, start: int, stop: int, moved: int) -> None:
    profile = active
    if profile is not None:
        with _lock:
            profile.events.append(Event(name, source, start, stop, moved, threading.get_ident()))


def profile() -> Profile:
    """A profile to use as a context manager.

    Inside it every kernel runs and is timed by itself, so calls cost some microseconds more than usual.
    """
    return Profile()
