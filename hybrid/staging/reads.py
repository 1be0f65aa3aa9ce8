"""What a function reads besides its arguments: globals, closure cells, defaults and attributes, found in its bytecode.

A trace holds for as long as these are what they were. `Reads.of` finds them before tracing, `settle` refuses a function
that changed one while it was traced (and puts it back), and `changed` says at a later call what is different.
"""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from hybrid.control.watch import Namespace
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shadows import Shadows, aside, cell, may_stand, space
from hybrid.frontend.values import Value
from hybrid.ir.lifted import Lifted
from hybrid.ir.requests import Learned, Rebinds
from hybrid.ir.trace import SNAPSHOT_BYTES
from hybrid.staging import herds as objects
from hybrid.staging.chains import MISSING
from hybrid.staging.contents import base_of, can_be_refilled, copied, fingerprint, lineage, nested, refill
from hybrid.staging.members import namespace
from hybrid.staging.read import Read, may_be_left, may_be_state, may_vary
from hybrid.staging.scan import Scan
from hybrid.staging.signature import short

# Classes of what a call may bring and leave otherwise, as it does its arguments.
_STATE = (np.ndarray, list, dict, deque, *tree.MAPPINGS)
# What Python keeps in a class when it is first asked: by `copy`, and for annotations.
_KEPT = ("__slotnames__", "__annotations__", "__annotations_cache__")
CONTENT_BYTES = 1 << 20  # arrays that NumPy itself read while tracing are compared up to this size; 1 MiB takes 50 us


class Reads:
    """The reads of one trace, in the order in which the function names them."""

    def __init__(self, scan: Scan, varying: Collection[Hashable], inside: Collection[int] = ()):
        self.reads = [read for mark, read in scan.found.items() if mark not in varying and id(read.holder) not in inside]
        self.imports, self.writes, self.changes, self.caches = scan.imports, scan.writes, scan.changes, scan.caches
        self.stored, self.herded = scan.stored, scan.herds
        self._rebound, self._callers = scan.namespaces, scan.callers
        self.contents: list[tuple[Read, np.ndarray, bytes]] = []
        self._leaves: list[tuple[Any, Any]] = []  # arguments whose contents are all that counts of them, with a copy
        self.before = [
            (read, a, a.copy()) for read, a in self.arrays() if a.flags.writeable and (self.writes or a.nbytes <= CONTENT_BYTES)
        ]

    @classmethod
    def of(cls, function: Any, bound: tuple, state: Sequence[Read] = (), herds: Mapping[int, Any] = {}) -> Reads:
        """What a call reads besides its arguments and its state.

        Args:
            herds: the lists of objects among these, by their ids (`packed.Packed`).
        """
        scan = Scan(herds)
        args, kwargs = bound[:2]
        known = {name: value for name, value in kwargs.items() if tree.children(value) is None}
        scan.callers.root()
        scan.callable(function, tuple(value if tree.children(value) is None else None for value in args), known, "")
        scan.arguments([*args, *kwargs.values()])
        for herd in herds.values():
            scan.owners(herd.row, herd.names)
        scan.class_variables()
        scan.memories()
        for x in tree.flatten((args, kwargs))[0]:
            if isinstance(x, Value) and isinstance(x._data, Lifted):
                scan.read("attribute", x, "_data", "what an argument is to gradients")
        found = cls(scan, {place.mark for place in state}, _inside(place.now() for place in state))
        leaves = (x for x in tree.flatten((args, kwargs))[0] if base_of(x) is None and can_be_refilled(x, None))
        found._leaves = [(x, copied(x, None)) for x in {id(x): x for x in leaves}.values()]
        parts = [(read, part) for read in found.reads for part in nested(read.value)]
        if own := next(
            ((read, part) for read, part in parts if isinstance(part, np.ndarray) and type(part) is not np.ndarray), None
        ):
            read, part = own
            raise TraceError(f"{read.text} is, or holds, a {type(part).__name__} array, which has rules of its own")
        if twice := next((read for read, part in parts if id(part) in herds), None):
            raise TraceError(f"{twice.text} is, or holds, a list of objects that the function also has otherwise")
        return found

    def herds(self) -> list[Read]:
        """Lists of objects that are better state: attributes of these are set, or there are many of them."""
        lists = [read for read in self.reads if type(read.value) is list and read.value and may_be_state(read)]
        found = [(read, objects.columns(read.value)) for read in lists if id(read.value) not in self.herded]
        own = _inside(read.value for read, about in found if about is None)
        return [read for read, about in found if about is not None and id(read.holder) not in own and (
            len(read.value) > objects.MANY or about.has_arrays or self.stored is None or
            not self.stored.isdisjoint(about.names))]  # fmt: skip

    def shadows(self, state: Sequence[Read]) -> Shadows:
        """Those of what the function may rebind, and of what is its state."""
        out = Shadows()
        places = [read for read in self.reads if self.stored is not None and read.name in self.stored]
        held = {id(read): read for read in (*state, *places) if read.kind == "attribute"}.values()
        spaces = {mark: (names, set(rebound)) for mark, (names, rebound) in self._rebound.items()}
        for read in (*held, *(read for read in state if read.kind == "global")):
            if read.kind == "global" or type(read.holder) is types.ModuleType:
                names = read.holder if read.kind == "global" else vars(read.holder)
                spaces.setdefault(id(names), (names, set()))[1].add(read.name)
            elif may_stand(read.holder, read.name):
                (out.add_class if isinstance(read.holder, type) else out.add)(read.holder, read.name)
        self._callers.cast(out, {id(read.holder): read.holder for read in state if read.kind == "cell"}, spaces)
        modules: list[Any] = [read.holder for read in (*self.reads, *state) if type(read.holder) is types.ModuleType]
        modules += [sys.modules.get(names.get("__name__", ""), None) for names, _ in spaces.values()]
        for module in modules:
            if type(module) is types.ModuleType and id(vars(module)) in out.spaces:
                for name in spaces[id(vars(module))][1]:
                    out.add_module(module, name)
        return out

    def refuse_unread(self, shadows: Shadows, state: Sequence[Read]) -> None:
        """TraceError where the trace has left something in an object under a name that it did not read."""
        found = shadows.changed({(id(place.holder), place.name) for place in (*self.reads, *state)})
        if found is not None:
            raise TraceError(f"it changes {type(found[0]).__name__}.{found[1]}, which compiled code cannot do",
                             fix="return the new value, or write into an array in place")  # fmt: skip

    def namespaces(self) -> list[Namespace]:
        """The globals that some code rebinds, where the function finds them now."""
        return [Namespace(space(names), frozenset(rebound)) for names, rebound in self._rebound.values()]

    def also(self, holder: Any, name: str, text: str) -> None:
        """One more attribute that counts, as it is now."""
        value = getattr(holder, name)
        self.reads.append(Read("attribute", holder, name, text, value, fingerprint(value)))

    def apart(self, state: Iterable[Read], written: Iterable[Read]) -> None:
        """Of objects whose attribute is set, and those of which one of that name is read: which dicts these are in.

        They may come to have one dict, or have had one and come to have two.
        """
        names = {place.name for place in written if place.kind == "attribute"}
        places = [place for place in (*self.reads, *state) if place.kind == "attribute" and place.name in names]
        with aside():
            holders = {id(place.holder): place for place in places if type(getattr(place.holder, "__dict__", None)) is dict}
            for place in holders.values() if len(holders) > 1 else ():
                own, text = place.holder.__dict__, place.text.replace(place.name, "__dict__")
                self.reads.append(Read("attribute", place.holder, "__dict__", text, own, fingerprint(own, False), whole=False))

    def also_context(self, variable: ContextVar, text: str) -> None:
        """What a context variable holds now."""
        value = variable.get()
        self.reads.append(Read("context", variable, "get", text, value, fingerprint(value)))

    def arrays(self) -> list[tuple[Read, np.ndarray]]:
        return [(read, part) for read in self.reads for part in nested(read.value) if type(part) is np.ndarray]

    def values(self) -> list[Any]:
        return [part for read in self.reads for part in nested(read.value)]

    def changeable(self, state: Sequence[Read], found: Sequence[Any]) -> list[Any]:
        """What the code may change of all that it reads, or has as its state: no variable of a branch or loop leads to it.

        Args:
            found: the values of the state while the function is traced.
        """
        reached: list[Any] = [array for _, array, _ in self.before if array.nbytes <= SNAPSHOT_BYTES] if self.writes else []
        for read in (*self.reads, *state):
            stored = read.kind == "attribute" and (self.stored is None or read.name in self.stored)
            if stored or read.kind == "cell" or (self.changes and read.kind == "item"):
                module = isinstance(read.holder, types.ModuleType)
                holder = cell(read.holder) if read.kind == "cell" else read.holder
                reached.append(Namespace(vars(holder), frozenset((read.name,))) if module else holder)
            if self.changes:
                reached += (container for container, _ in read.inside)
        reached += (part for value in found for part in nested(value) if isinstance(part, (*_STATE, set)))
        return list({id(one): one for one in reached}.values())

    def made(self) -> list[tuple[Read, Any]]:
        """The attributes, globals and items that the trace has made where there were none, and what they hold."""
        missing = [read for read in self.reads if read.value is MISSING and may_be_left(read)]
        found = [(read, now) for read in missing if (now := read.now()) is not MISSING and now is read.own()]
        return sorted(found, key=lambda one: _position(one[0]))  # as calls will make them

    def settle(self, arrays: list[np.ndarray], numbers: bool, made: Collection[Read] = ()) -> None:
        """After the trace: refuse a function that changed what it reads, and watch the contents of what NumPy read.

        An array that the graph captured is read anew at every call. But NumPy may have read it too while tracing; that
        shows where the graph holds arrays or NumPy scalars that nobody reads by name, and then its contents count as well.

        Args:
            arrays: what the graph reads itself.
            numbers: whether NumPy scalars went into the graph.
            made: what the calls will make where there was nothing.
        """
        reshaped = [read for read in self.reads if read.is_reshaped]
        names = {(id(_names(read)), read.name) for read in made}
        names |= {(id(_names(read)), name) for read in self.reads if read.kind == "body" for name in _KEPT}
        explained = [read for read in self.reads if read.kind in ("names", "body") and read.value == tuple(
            name for name in _names(read) if (id(_names(read)), name) not in names)]  # fmt: skip
        given = self.refilled()
        changed = self.restore()
        if given is not None:
            raise TraceError(f"it changes a {type(given).__name__} among its arguments, which compiled code cannot do",
                             fix="return the new value, or write into an array in place")  # fmt: skip
        inside = _inside(read.value for read in changed[1] if may_be_state(read))
        rebound, written, other = ([read for read in some if id(read.holder) not in inside] for some in changed)
        known = {id(read) for read in (*made, *explained)}
        written = [read for read in written if id(read) not in known]
        own = _STATE if self.changes else (np.ndarray,)  # a container that this code does not change another thread has changed
        other += [read for read in written if type(read.value) not in own or not may_be_state(read)] + reshaped
        if other:
            raise TraceError(f"it changes {other[0].text}, which compiled code cannot do",
                             fix="return the new value, or write into an array in place")  # fmt: skip
        if rebound or written:
            raise Rebinds(rebound + written)
        found = self.arrays()
        known = {id(array) for _, array in found}
        lineages = [lineage(array) for array in arrays]
        captured = set().union(*lineages)
        spans = set(map(_span, arrays))
        captured.update(id(array) for _, array in found if _span(array) in spans)  # as the data of a transposed sparse matrix
        derived = numbers or any(known.isdisjoint(lineage) for lineage in lineages)
        for read, array in found:
            if array.nbytes <= CONTENT_BYTES:
                if derived or id(array) not in captured:
                    self.contents.append((read, array, array.tobytes()))
            elif id(array) not in captured:
                raise TraceError(f"{read.text} is too large to be watched for changes, and NumPy may read it while tracing",
                                 got=f"{array.nbytes >> 20} MiB", fix="pass it in as an argument")  # fmt: skip

    def has(self, container: Any) -> bool:
        """Whether a container came with the call, or is among what the function reads."""
        given = (x for x, _ in self._leaves)
        return any(one is container for one in (*given, *(part for read in self.reads for part, _ in read.inside)))

    def refilled(self) -> Any:
        """An argument that the trace has changed, if there is one; all of them are put back."""
        changed = [(x, before) for x, before in self._leaves if _filling(x) != _filling(before)]
        for x, before in changed:
            refill(x, before, None)
        return changed[0][0] if changed else None

    def restore(self) -> tuple[list[Read], list[Read], list[Read]]:
        """Put back what a trace has changed: what it rebound, what it wrote into or did otherwise, what it set in classes."""
        self.refilled()
        rebound: list[Read] = []
        written: list[Read] = []
        inherited: list[Read] = []
        for read in self.reads:
            if read.kind != "cache" and not read.holds():
                kept = read.now() is read.value or not may_be_state(read)
                of_class = not kept and read.owner is not None and read.own() is MISSING
                (inherited if of_class else written if kept else rebound).append(read)
        for read in reversed(rebound + written + inherited):
            read.restore()
        for read, array, before in self.written():
            array[...] = before
            written.append(read)
        self.before = []
        return rebound, written, inherited

    def writable(self) -> list[Read]:
        """The arrays that the function may write into where it has them from no argument, and the containers of such."""
        return self.holding(_is_writable) if self.writes else []

    def holding(self, wanted: Callable[[Any], bool]) -> list[Read]:
        """What might be state and is something, or holds it; of one in another, that one."""
        parts = (
            (read, nested(read.value) if read.whole else (read.value,)) for read in self.reads if type(read.value) in _STATE
        )
        found = [read for read, held in parts if may_be_state(read) and any(map(wanted, held))]
        inside = _inside(read.value for read in found)
        return [read for read in found if id(read.holder) not in inside]

    def ask(self, cache: Any, call: Callable[[], Any]) -> Any:
        """Call a function that keeps what it gives. Learned where it was first asked now, and changed what is read."""
        size, changed = cache.cache_info().currsize, self.changed() or self.written()
        found = call()
        if not changed and cache.cache_info().currsize > size and (self.changed() or self.written()):
            self.reads, self.before = [], []  # so that nothing is put back
            raise Learned
        return found

    def written(self) -> list[tuple[Read, np.ndarray, np.ndarray]]:
        """The arrays that have other contents than before the trace, and those."""
        return [(read, array, before) for read, array, before in self.before if array.tobytes() != before.tobytes()]

    def varied(self) -> list[Read]:
        """Numbers and arrays that are others than they were, and might as well come with each call."""
        return [read for read in self.reads if not read.holds() and may_vary(read)]

    def changed(self) -> tuple[str, str] | None:
        """The first read that is not what it was, and how it changed."""
        for read in self.reads:
            if not read.holds():
                now = read.now()
                if read.kind == "cache":
                    return read.text, f"{read.text} is forgotten"
                if now is read.value:
                    return read.text, f"{read.text} has other contents"
                return read.text, f"{read.text} changed {short(read.value)} -> {short(now)}"
        for read, array, before in self.contents:
            if array.tobytes() != before:
                return read.text, f"{read.text} has other contents"
        return None


def _filling(container: Any) -> Any:
    """What is to be compared of a set or an array of bytes or numbers, among which may be NaN."""
    return container if isinstance(container, set) else bytes(container)


def _span(array: np.ndarray) -> tuple:
    """The elements that an array shows."""
    return array.ctypes.data, array.dtype, array.shape, array.strides


def _is_writable(value: Any) -> bool:
    return type(value) is np.ndarray and value.flags.writeable


def _names(read: Read) -> Any:
    """The namespace that a read is in."""
    if isinstance(read.holder, type):
        return namespace(read.holder)
    return getattr(read.holder, "__dict__", ()) if read.kind == "attribute" else read.holder


def _position(read: Read) -> int:
    """Where it stands among what has been made in its namespace."""
    names = _names(read)
    return list(names).index(read.name) if isinstance(names, dict) and read.name in names else 0


def _inside(values: Iterable[Any]) -> set[int]:
    """The ids of lists and dicts that some values are or hold, whose items come with them."""
    return {id(part) for value in values for part in nested(value) if type(part) in _STATE and type(part) is not np.ndarray}
