"""Run a function undecorated and decorated, insist that the results agree, and time both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

BUDGET = 0.6  # seconds of repetition per version: enough for a stable median, short enough for a demo


@dataclass(frozen=True)
class Comparison:
    """What was measured, in seconds. `first` is the first decorated call: tracing, compiling and running."""

    title: str
    undecorated: float
    decorated: float
    first: float
    kernels: int

    @property
    def speedup(self) -> float:
        return self.undecorated / self.decorated


def compare(title: str, slow: Callable, fast: Callable, args: tuple, *, rtol: float, atol: float = 0.0) -> Comparison:
    """Time `slow(*args)` and `fast(*args)` after asserting that every array of the two results agrees within the tolerance."""
    start = time.perf_counter()
    got = fast(*args)
    first = time.perf_counter() - start
    assert_same(got, slow(*args), rtol=rtol, atol=atol)
    undecorated, decorated = _interleaved(lambda: slow(*args), lambda: fast(*args))
    return Comparison(title, undecorated, decorated, first, fast.stats()["kernels"])


def assert_same(got: Any, want: Any, *, rtol: float, atol: float = 0.0) -> None:
    """Same types, same dtypes and shapes, values within the tolerance; tuples are compared item by item."""
    assert type(got) is type(want), f"{type(got).__name__} came back, {type(want).__name__} was expected"
    if isinstance(want, tuple):
        assert len(got) == len(want), f"{len(got)} results came back, {len(want)} were expected"
        for g, w in zip(got, want, strict=True):
            assert_same(g, w, rtol=rtol, atol=atol)
        return
    assert np.result_type(got) == np.result_type(want), f"{np.result_type(got)} came back, not {np.result_type(want)}"
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


def _interleaved(*versions: Callable[[], object]) -> list[float]:
    """The median seconds of each version, called in turn so that a drifting clock speed meets them all."""
    times: list[list[float]] = [[] for _ in versions]
    deadline = time.perf_counter() + BUDGET * len(versions)
    while time.perf_counter() < deadline or len(times[0]) < 3:
        for record, version in zip(times, versions, strict=True):
            start = time.perf_counter()
            version()
            record.append(time.perf_counter() - start)
    return [statistics.median(record) for record in times]


def table(rows: list[Comparison]) -> str:
    """The comparisons as aligned text."""
    head = ("", "undecorated", "decorated", "speed-up", "first call", "kernels")
    body = [
        (row.title, _ms(row.undecorated), _ms(row.decorated), f"{row.speedup:.1f} x", _ms(row.first), str(row.kernels))
        for row in rows
    ]
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True)))
             for line in (head, *body)]  # fmt: skip
    return "\n".join((lines[0], "-" * len(lines[0]), *lines[1:]))


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"
