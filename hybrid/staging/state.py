"""What a function reads besides its arguments and that is no constant: a counter, a learning rate, the moments of an optimiser.

Attributes, globals, variables of closures and items are constants of a trace, which holds for as long as they are what they
were. One that has turned out to change between calls, or that the function itself rebinds, is *state*: calls bring its value,
as they bring their arguments, and leave the new one behind.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hybrid.core import tree
from hybrid.core.config import config
from hybrid.core.errors import TraceError
from hybrid.staging.chains import MISSING
from hybrid.staging.parameters import Bound
from hybrid.staging.signature import Leaf, StaticLeaf, short

if TYPE_CHECKING:
    from hybrid.staging.read import Read

MANY = 64  # values of state of one function


class State:
    """What is known to be state of one function, by the objects among its arguments: of each `self`, say."""

    def __init__(self) -> None:
        self._places: OrderedDict[Hashable, tuple[Read, ...]] = OrderedDict()
        self.reason = ""  # why there was last more of it

    def __bool__(self) -> bool:
        return bool(self._places)

    def of(self, structure: tree.Structure, leaves: Sequence[Leaf]) -> tuple[Read, ...]:
        """The state of a call with these arguments, but for attributes that objects had themselves and have no more."""
        places = self._places.get(_objects(structure, leaves), ()) if self._places else ()
        return tuple(place for place in places if place.owner is not None or place.own() is not MISSING)

    def add(self, structure: tree.Structure, leaves: Sequence[Leaf], found: Iterable[Read]) -> None:
        """More state of such calls. TraceError where these are known to be, or are too many."""
        key, found = _objects(structure, leaves), tuple(found)
        self.reason = ", ".join(map(_why, found))
        own = {(place.mark, place.owner is None) for place in found}
        known = tuple(place for place in self._places.pop(key, ()) if (place.mark, place.owner is not None) not in own)
        marks = {place.mark for place in known}
        new = tuple(place for place in found if place.mark not in marks)
        self._places[key] = known + new
        if len(self._places) > config.max_traces:
            self._places.popitem(last=False)
        if not new:
            raise TraceError(f"it changes {known[0].text} in a way that compiled code cannot")
        if len(known + new) > MANY:
            raise TraceError(f"it changes more than {MANY} attributes or variables that it reads", got=new[0].text)

    def clear(self) -> None:
        self._places.clear()


def _why(place: Read) -> str:
    if place.holds():
        return f"{place.text} is rebound or written"
    return f"{place.text} changed {short(place.value)} -> {short(place.now())}"


def _objects(structure: tree.Structure, leaves: Sequence[Leaf]) -> Hashable:
    """What tells state from state: the nesting of the arguments, and the objects among them."""
    return structure, tuple(leaf for leaf in leaves if isinstance(leaf, StaticLeaf) and not isinstance(leaf.value, (int, str)))


def with_state(bound: Bound, places: Sequence[Read]) -> Bound:
    """The arguments of a call and the state that it finds."""
    if not places:
        return bound
    names: dict[str, Any] = {}
    for place in places:
        name, twin = place.text, 1
        while name in names:
            twin += 1
            name = f"{place.text} ({twin})"
        names[name] = place.now()
    return (*bound, names)


@contextmanager
def held(places: Sequence[Read], values: Iterable[Any]) -> Iterator[list[Any]]:
    """While a function is traced, its state is these values; afterwards it is what it was, and the list has what was left."""
    left: list[Any] = []
    before = [place.own() for place in places]
    try:
        for place, value in zip(places, values):
            place.put(value)
        yield left
    finally:
        left += [place.now() for place in places]
        for place, value in zip(places, before):
            place.put(value)


def leaving(places: Sequence[Read]) -> Callable[..., Any]:
    """What native entries call last: it leaves values at these places, and gives what the call returns."""

    def leave(out: Any, *values: Any) -> Any:
        for place, value in zip(places, values):
            place.put(value)
        return out

    return leave


def leaving_gradients(leaves: Sequence[Any]) -> Callable[..., Any]:
    """The same of the gradients of leaves."""

    def leave(out: Any, *values: Any) -> Any:
        for leaf, value in zip(leaves, values):
            leaf.grad = value
        return out

    return leave
