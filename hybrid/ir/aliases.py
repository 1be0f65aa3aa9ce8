"""Which blocks of storage may be one: after `y = a if c else b` the arrays a and y are one in some runs, b and y in others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Storage:
    """One block of storage: in some runs it is one of its `roots`, where it has any; its `twins` are what may be it.

    `apart`: what has the same roots, and is never one with it. `is_part`: whether it may be a part of a root only.
    """

    __slots__ = ("roots", "twins", "apart", "is_part")
    name: str  # of an argument
    frozen: str  # why it cannot be written
    roots: tuple[Storage, ...]
    twins: tuple[Storage, ...]
    apart: tuple[Storage, ...]

    def __init__(self) -> None:
        self.roots = self.twins = self.apart = ()
        self.is_part = False

    @property
    def whole(self) -> Storage:
        """The storage that it is in: itself, unless it is a part of another."""
        return self

    def aliases(self) -> set[Storage]:
        """What is one with it in some runs."""
        roots = self.roots or (self,)
        return {*roots, *(twin for root in roots for twin in root.twins)} - {self, *self.apart}

    def stands_for(self, others: Iterable[Storage]) -> None:
        """Note that it, which is new, is one of these in some runs."""
        wholes = [other.whole for other in others]
        new = [root for root in dict.fromkeys(root for each in wholes for root in each.roots or (each,)) if root is not self]
        self.roots = tuple(dict.fromkeys((*self.roots, *new)))
        for root in new:
            root.twins = (*root.twins, self)

    def is_never(self, other: Storage) -> bool:
        """Whether two arrays are two in every run."""
        one, two = self.whole, other.whole
        return one is not two and one not in two.aliases()


def keep_apart(made: Sequence[Storage], *before: Sequence[Storage]) -> None:
    """Note which arrays that a branch or loop makes are two in every run: those that `before`, in all cases, are two."""
    for k, storage in enumerate(made):
        others = [n for n in range(len(made)) if n != k and all(each[k].is_never(each[n]) for each in before)]
        storage.apart = (*storage.apart, *(made[n] for n in others))
