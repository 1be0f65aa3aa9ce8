"""The memory of a call's arguments: what a transform follows there must not be written, or seen written, under another name."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import GradientError
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Lifted
from hybrid.transforms.levels import bottom
from hybrid.transforms.saved import SMALL, watched

HARD = 10_000  # steps to find out whether two arrays have an element in common, beyond which they are taken to


class Arguments:
    """Those of a call that a transform follows, as arrays, and the others.

    Writes of what is followed are told by `check`; others into the same memory, by NumPy, are noticed in the end. Arrays above
    64 KiB are looked at for that only where another argument is in the same memory.
    """

    def __init__(self, followed: Sequence[Any], others: Sequence[Any], looks: bool = True):
        arrays = [x if type(x) is np.ndarray else bottom(x) for x in followed]
        self.arrays = [weakref.ref(x) for x in arrays]  # whoever holds an array may show it, for `levels.shown_elsewhere`
        self.rest: list[weakref.ref] = []
        if others:
            known = [leaf._data if isinstance(leaf, Value) else leaf for leaf in tree.flatten(list(others))[0]]
            self.rest = [weakref.ref(bottom(data)) for data in known if isinstance(data, (np.ndarray, Lifted))]
        self.kept = [self._kept(x) if looks else None for x in arrays]

    @cached_property
    def by_owner(self) -> dict[int, list[weakref.ref]]:
        found: dict[int, list[weakref.ref]] = {}
        for reference in (*self.arrays, *self.rest):
            if (array := reference()) is not None:
                found.setdefault(_owner(array), []).append(reference)
        return found

    def _kept(self, array: np.ndarray) -> Any:
        """What an array was when the call began."""
        if array.nbytes <= SMALL:
            return array.tobytes()
        return watched(array) if len(self.by_owner[_owner(array)]) > 1 else None

    def check(self, written: Any, same: Sequence[bool]) -> None:
        """Refuse to write one argument that another shows, too; `same`: those that a transform knows to be in its memory."""
        if len(self.arrays) + len(self.rest) < 2:
            return
        array = bottom(written)
        references = self.by_owner.get(_owner(array), ())
        if len(references) < 2:
            return
        there = [x for reference in references if (x := reference()) is not None]
        known = {id(x()) for x, is_same in zip(self.arrays, same) if is_same}
        if any(id(other) not in known and _share(other, array) for other in there) or _twice(there, known):
            raise GradientError("an argument is written in place, and another is in the same memory", at=tr.user_line(),
                                fix="pass a copy")  # fmt: skip

    def ended(self, written: Sequence[bool]) -> None:
        """Refuse what changed otherwise than by writes that were told."""
        for reference, kept, is_known in zip(self.arrays, self.kept, written):
            array = reference()
            if kept is None or is_known or array is None:
                continue
            if kept != array.tobytes() if type(kept) is bytes else not kept.unchanged:
                raise GradientError("an argument that is differentiated by was written under another name of its memory, which "
                                    "nobody follows", got=TensorType(array.dtype, array.shape),
                                    fix="write into the argument itself, or pass a copy, x.copy()")  # fmt: skip


def _owner(array: np.ndarray) -> int:
    """What an array's memory belongs to."""
    owner: Any = array
    while type(owner) is np.ndarray and owner.base is not None:
        owner = owner.base
    return id(owner)


def _twice(arrays: Sequence[np.ndarray], known: set[int]) -> bool:
    """Whether one array is several arguments."""
    return sum(id(x) in known for x in arrays) > len(known & {id(x) for x in arrays})


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    if not np.may_share_memory(a, b):
        return False
    try:
        return bool(np.shares_memory(a, b, max_work=HARD))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
