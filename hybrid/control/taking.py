"""What becomes of a list, set or dict that is put into another: it is one of that one's own from then on, or copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hybrid.control.families import Family
from hybrid.control.own import Own, home
from hybrid.core.errors import TraceError
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace


class Taking:
    """The part of `Listed` that has other containers in it."""

    trace: Trace
    family: Family
    copies: bool
    copying: bool
    changes: bool
    _keeping: Callable[[Callable[[], Any]], Any]

    def row_changes(self) -> None:
        """One of the lists in it is changed."""
        self.changes = self.changes or not self.copying
        self._refuse_copies()

    def _refuse_copies(self) -> None:
        if self.copies and self.changes:  # in whichever order: a loop may do both in turn
            raise TraceError("a list in a list is changed that is known under another name, too", at=tr.user_line())

    def _fill_row(self, row: Any, items: Any, shared: bool = False) -> None:
        """Put items into a list in storage. A list of our own is that list from now on; Python's own may be `shared`."""
        items = next((own for own in self.trace.lists if own.held is items), items)  # code that is not converted got Python's
        others, own = self.trace.handlers.others, isinstance(items, Own)
        if own and items.is_row:
            raise TraceError("a list in a list is put into it, or another, once more", at=tr.user_line())
        others_have = id(items) in others.ids or id(items) in others.reached
        if not own and not items and not others_have and not shared:
            return  # a new one
        known = [items] if others_have or (shared and not own) else getattr(items, "of_others", ())
        if known or not own:
            self.copying = True
            try:
                row.fill(items)
            finally:
                self.copying = False
            others.note_copied(known or [items])
            if known:
                self.copies = True
                self._refuse_copies()
            return
        self._keeping(lambda: row.fill(items)) if items.held is None else row.fill(items)
        self._give(items)

    def _give(self, own: Any) -> None:
        """Note that a container of the function's own is one in this list from now on."""
        if own.is_merged:
            raise TraceError("a container is put into another once more", at=tr.user_line())
        region = self.trace.region
        while home(region) is not home(own.made):
            assert region is not None
            if region.loop:
                region.given.append(own)  # the next round must have another
            region = region.outer
        if (family := getattr(getattr(own, "entries", own), "family", None)) is not None and own.held is None:
            self.family.joins(family)
        own.merge()
