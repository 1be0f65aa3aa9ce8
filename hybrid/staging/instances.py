"""Objects of the users' classes that calls leave, made of what stands in storage (`control.arenas`): each of them once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from hybrid.control.handles import BITS, CLASSES
from hybrid.control.items import inner_columns, types_of, unpacked
from hybrid.control.structure import kept_in


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance in storage, of one of some classes: result `index` of the graph says which; None where that is -1."""

    index: int
    kinds: tuple[type, ...]


@dataclass(frozen=True, slots=True)
class Instances:
    """The instances of a class in storage: the results from `index` on, as those of `Items`, are their attributes.

    `leaf`: of the arguments', the list that has the first of them. Where it has all, there are no such results (`index` None).
    """

    index: int | None
    layout: Any
    names: tuple[str, ...]
    code: int
    leaf: int | None = None
    leads: bool = field(init=False, compare=False)  # whether one may lead to others in storage
    own: int = field(init=False, compare=False)  # how many results their attributes are in, and how many lists in these
    inner: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        found = bool(kept_in(self.layout)), len(types_of(self.layout)), inner_columns(self.layout)
        for name, value in zip(("leads", "own", "inner"), found):
            object.__setattr__(self, name, value)


class Objects:
    """The objects that a call leaves.

    Args:
        outputs: the results of the graph.
        given: for each of `lists_of(stored)` the caller's.
    """

    def __init__(
        self, stored: Mapping[type, Instances], outputs: Sequence[np.ndarray] | Mapping[int, np.ndarray], given: Iterable[list]
    ):
        self.stored, self.outputs = stored, outputs
        self.given = dict(zip(lists_of(stored), given))
        self.made: dict[type, dict[int | None, Any]] = {}  # by their places; any other stands for None

    def __call__(self, kinds: Sequence[type], numbers: np.ndarray) -> list:
        """The objects of some numbers, as handles have them, each of one of these classes, or None."""
        if len(kinds) == 1:
            return self._of(kinds[0], (numbers >> BITS).tolist())
        codes = [self.stored[kind].code for kind in kinds]
        out = [None] * len(numbers)
        for kind, code in zip(kinds, codes):
            (at,) = np.nonzero((numbers >= 0) & (numbers % CLASSES == code))
            for k, one in zip(at.tolist(), self._of(kind, (numbers[at] >> BITS).tolist())):
                out[k] = one
        return out

    def _of(self, kind: type, places: list[int]) -> list:
        """The objects of a class at some places."""
        stored = self.stored[kind]
        if kind not in self.made:
            known = self.given.get(kind, ())
            self.made[kind] = dict(enumerate(known))
            if stored.index is not None and stored.leads:  # they may lead to one another, in chains of any length
                self._make(kind, stored, range(len(known), int(self.outputs[stored.index + 1])))
        made = self.made[kind]
        if stored.index is None:
            return list(map(made.get, places))
        missing = [] if stored.leads else [place for place in dict.fromkeys(places) if place not in made]
        if missing:
            count = int(self.outputs[stored.index + 1])  # a flag may say that there is none, whatever the place
            self._make(kind, stored, [place for place in missing if 0 <= place < count])
        return list(map(made.get, places))

    def _make(self, kind: type, stored: Instances, places: Sequence[int]) -> None:
        assert stored.index is not None
        at, own = stored.index + 2, stored.own
        made: list[Any] = [object.__new__(kind) for _ in places]
        self.made[kind].update(zip(places, made))
        part = slice(places.start, places.stop) if isinstance(places, range) else places
        columns = iter([self.outputs[k][part] for k in range(at, at + own)])
        pool = [self.outputs[k] for k in range(at + own, at + own + stored.inner)]
        for name, layout in zip(stored.names, stored.layout):
            values = unpacked(layout, columns, len(made), pool, self)
            deque(map(object.__setattr__, made, repeat(name), values), maxlen=0)  # past what the class does with it


def lists_of(stored: Mapping[type, Instances]) -> dict[type, int]:
    """The classes of which instances were given in a list, and which of the arguments' leaves that is."""
    return {kind: one.leaf for kind, one in stored.items() if one.leaf is not None}


def are_made(stored: Mapping[type, Instances]) -> bool:
    """Whether some instances are not the caller's: then objects are made when all results are there."""
    return any(one.index is not None for one in stored.values())


class Given:
    """One of the caller's objects, of some classes, or None, from its number and the caller's lists."""

    __slots__ = ("places",)

    def __init__(self, stored: Mapping[type, Instances], kinds: Sequence[type]):
        lists = tuple(lists_of(stored))
        self.places = {stored[kind].code: lists.index(kind) for kind in kinds}  # of the lists, by the codes of the classes

    def __call__(self, number: int, *lists: list) -> Any:
        return None if number < 0 else lists[self.places[number % CLASSES]][number >> BITS]


class Among:
    """A list that has such objects; `items` makes it of the rest."""

    __slots__ = ("stored", "items")

    def __init__(self, stored: Mapping[type, Instances], items: Callable[..., Any]):
        self.stored, self.items = stored, items

    def __call__(self, *given: Any) -> Any:
        count = len(lists_of(self.stored))
        return self.items(*given[count:], kept=Objects(self.stored, (), given[:count]))


class Made:
    """A result that is made once the objects are there of which it is, or has, some; `make` takes them."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[Objects], Any]):
        self.make = make


class Picked:
    """One of the instances of some classes, or None, from its number."""

    __slots__ = ("kinds",)

    def __init__(self, kinds: tuple[type, ...]):
        self.kinds = kinds

    def __call__(self, number: Any) -> Made:
        return Made(lambda objects: objects(self.kinds, np.reshape(number, 1))[0])


class Later:
    """A list that has such instances; `items` makes it of the rest."""

    __slots__ = ("items",)

    def __init__(self, items: Callable[..., Any]):
        self.items = items

    def __call__(self, *given: Any) -> Made:
        return Made(lambda objects: self.items(*given, kept=objects))
