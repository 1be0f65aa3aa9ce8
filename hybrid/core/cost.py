"""What calls of Python cost, for `f.explain()`."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Cost:
    """How often something has been done, and how long that took altogether."""

    count: int = 0
    nanoseconds: int = 0

    def add(self, start: int) -> None:
        """Note that it was begun at a `perf_counter_ns`, and is done now."""
        self.count += 1
        self.nanoseconds += time.perf_counter_ns() - start

    def __str__(self) -> str:
        each = f"{self.nanoseconds / max(self.count, 1) / 1000:.1f} µs"
        return f"once, {each}" if self.count == 1 else f"{self.count} times, {each} each"
