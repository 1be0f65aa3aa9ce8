"""The rounds of a loop, and what ends an attempt to record them as those of one loop of the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hybrid.core.errors import TraceError
from hybrid.core.shape import Size


class CannotRoll(TraceError):
    """The loop is no loop of the graph; it may still be unrolled."""


class Swapped(CannotRoll):
    """Two arrays change places in every round: two rounds together leave them where they are."""


class FirstRoundDiffers(CannotRoll):
    """A variable is another kind of thing before the loop than after its first round."""


class Enters(CannotRoll):
    """A round enters keys in a dict, which the rounds after it find there: `if k not in state: state[k] = np.zeros(n)`."""


class RoundRaises(Exception):
    """A round raises `error`, whatever the values."""

    def __init__(self, error: BaseException):
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often a loop goes round: `count` times, as long as `test` holds, or both."""

    count: Size | None
    symbol: str
    test: Callable[[], Any] | None
    body: Callable[[], None]
    site: Any = None  # where it stands in the program
