"""A list of the caller's that traced code only appends to, of whose items the trace knows nothing: a history, a log.

What is appended goes into a list of the function's own, which the call adds to the caller's at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid.control.lists import Listed
from hybrid.control.own import Own
from hybrid.ir import trace as tr
from hybrid.ir.requests import Reading
from hybrid.ir.trace import Trace


class Logged(Own):
    """The list, in the traced code. `added`: what it has appended; whatever else is done with the list asks for its items."""

    def __init__(self, trace: Trace, leaf: int):
        super().__init__(trace, None)
        trace.lists.pop()  # branches and loops join and carry what is added
        self.leaf, self.added = leaf, Listed(trace, [])

    @property
    def is_longer(self) -> bool:
        return self.added.held is None or bool(self.added.held)

    def append(self, item: Any) -> None:
        self.added.append(item)

    def extend(self, items: Any) -> None:
        self.added.extend(items)

    def __iadd__(self, items: Any) -> Any:
        self.extend(items)
        return self

    # as containers of the function's own
    def snapshot(self) -> tuple:
        return None, ()

    def restore(self, before: tuple) -> None:
        pass  # what was added is a list that is put back by itself

    def parts(self) -> Iterator[Any]:
        yield self.added

    def refuse(self, what: str) -> Any:
        error = Reading(frozenset((self.leaf,)), f"{what} a list", tr.user_line())
        self.trace.fail(error)
        return error

    def rounds(self) -> Any:
        raise self.refuse("iterating over")

    def length(self) -> Any:
        raise self.refuse("the length of")

    def contains(self, item: Any) -> Any:
        raise self.refuse("looking for something in")

    def outputs(self) -> Any:
        raise self.refuse("returning")

    def __getitem__(self, index: Any) -> Any:
        raise self.refuse("an item of")

    def __setitem__(self, index: Any, item: Any) -> None:
        raise self.refuse("changing an item of")

    def __delitem__(self, index: Any) -> None:
        raise self.refuse("removing an item of")
