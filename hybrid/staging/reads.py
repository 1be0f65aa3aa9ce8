"""What a function reads besides its arguments: globals, closure cells, defaults and attributes, found in its bytecode.

A trace holds for as long as these are what they were. `Reads.of` finds them before tracing, `settle` refuses a function
that changed one while it was traced (and puts it back), and `changed` says at a later call what is different.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import inspect
import sys
import threading
import types
import weakref
from array import array as typed_array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.control.watch import Namespace
from hybrid.core import tree
from hybrid.core.config import ENVIRONMENT
from hybrid.core.errors import TraceError
from hybrid.frontend.values import Value
from hybrid.ir.lifted import Lifted
from hybrid.ir.requests import Rebinds
from hybrid.staging.chains import MISSING, Chain, chains, globals_of, imports_of, may_write
from hybrid.staging.contents import (
    CONTAINERS,
    MANY_ITEMS,
    MAPPINGS,
    base_of,
    can_be_refilled,
    copied,
    fingerprint,
    items_of,
    leads_to_one,
    levels,
    lineage,
    nested,
    refill,
)
from hybrid.staging.members import (
    COMPILERS,
    LIBRARIES,
    functions,
    has_attributes,
    is_users,
    members,
    methods,
    named,
    owner,
    put_members,
    put_own,
)
from hybrid.staging.signature import outside, short, valued

CONTENT_BYTES = 1 << 20  # arrays that NumPy itself read while tracing are compared up to this size; 1 MiB takes 50 us
MANY_READS = 4096  # checking this many from Python takes 2 ms; no trace is worth more
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
_PLAIN_STORE: tuple[Any, ...] = tuple(
    kind.__setattr__ for kind in (object, types.ModuleType, type, types.SimpleNamespace, threading.local)
)


@dataclass(frozen=True, slots=True)
class Read:
    """One value: `name` in the namespace of a module, the contents of a cell, an attribute or an item of `holder`."""

    # global | library (the same, of a library's module) | cell | attribute | method (the function of one, whatever it is
    # bound to) | item | context | class (its methods) | names (of the attributes that an object has itself: `holder`)
    kind: str
    holder: Any
    name: Any
    text: str
    value: Any
    key: Hashable
    owner: type | None = None  # the class that has an attribute which the object itself has not
    inside: tuple[tuple[Any, Any], ...] = ()  # containers in it, each with a copy, to put their contents back
    whole: bool = True  # whether the contents of a container count, or only which one it is

    def now(self) -> Any:
        match self.kind:
            case "global":
                return self.holder.get(self.name, vars(builtins).get(self.name, MISSING))
            case "library":
                return self.holder.get(self.name, MISSING)
            case "cell":
                return _contents(self.holder)
            case "attribute":
                return getattr(self.holder, self.name, MISSING)
            case "method":
                found = getattr(self.holder, self.name, MISSING)
                return found.__func__ if type(found) is types.MethodType else found
            case "context":
                return self.holder.get(MISSING)
            case "class":
                return members(self.holder, self.name)
            case "names":
                return tuple(self.holder)
        try:
            return self.holder[self.name]
        except LookupError:
            return MISSING

    def own(self) -> Any:
        """What the holder itself has there; MISSING where only its class has it, for all its instances."""
        if self.kind != "attribute" or self.name in getattr(self.holder, "__dict__", ()):
            return self.now()
        slot = inspect.getattr_static(type(self.holder), self.name, None)
        return self.now() if isinstance(slot, types.MemberDescriptorType) else MISSING

    def holds(self) -> bool:
        now = self.now()
        if now is self.value and not isinstance(now, (set, bytearray, typed_array, Value, np.ndarray, *CONTAINERS)):
            return True
        return fingerprint(now, self.whole) == self.key

    @property
    def is_reshaped(self) -> bool:
        """Whether an array is the same, but for its header."""
        value = self.value
        return type(value) is np.ndarray and self.now() is value and fingerprint(value) != self.key

    @property
    def mark(self) -> Hashable:
        """What tells one place from another."""
        return self.kind, id(self.holder), self.name if isinstance(self.name, str) else repr(self.name)

    def restore(self) -> None:
        """Undo what a trace did."""
        for container, copy in self.inside:
            refill(container, copy, base_of(container))
        if self.is_reshaped:
            self.value.shape = self.key[3]  # type: ignore[index]  # as `fingerprint` noted it
        if self.kind == "attribute" and self.own() is MISSING and self.owner is not None:
            put_own(self.holder, self.name, self.value, self.owner)
        elif self.kind != "method":  # that is put back with the class that has it, if the function names that
            self.put(self.value)

    def put(self, value: Any) -> None:
        """Leave something there; MISSING: nothing."""
        absent = value is MISSING
        if self.kind == "context":
            if not absent:
                self.holder.set(value)
        elif self.kind == "names":
            for name in self.holder.keys() - set(value):
                del self.holder[name]
        elif self.kind == "class":
            put_members(self.holder, self.name, value)
        elif self.kind == "cell":
            if absent:
                del self.holder.cell_contents
            else:
                self.holder.cell_contents = value
        elif self.kind == "attribute":
            if absent:
                delattr(self.holder, self.name)
            else:
                setattr(self.holder, self.name, value)
        elif absent or (self.kind == "global" and value is vars(builtins).get(self.name, MISSING)):
            self.holder.pop(self.name, None)
        else:
            self.holder[self.name] = value


def may_vary(read: Read) -> bool:
    """Whether something that was read may as well come with each call: a number or an array where there was such a one."""
    was, now = read.value, read.now()
    if type(was) is not type(now) or not may_be_state(read):
        return False
    if isinstance(was, (np.ndarray, Value)):
        return was is not now and was.dtype == now.dtype and was.ndim == now.ndim  # type: ignore[union-attr]
    return type(was) in (int, float, complex) or isinstance(was, np.generic)


def may_be_state(read: Read) -> bool:
    """Whether compiled code can leave a new value where one was read."""
    plain = read.kind != "attribute" or type(read.holder).__setattr__ in _PLAIN_STORE
    return plain and read.kind in ("global", "cell", "attribute", "item") and read.value is not MISSING


class Reads:
    """The reads of one trace, in the order in which the function names them."""

    def __init__(self, reads: list[Read], imports: bool, writes: bool, namespaces: Iterable[tuple[dict, set[str]]] = ()):
        self.reads, self.imports, self.writes = reads, imports, writes
        self.namespaces = [Namespace(names, frozenset(rebound)) for names, rebound in namespaces]
        self.contents: list[tuple[Read, np.ndarray, bytes]] = []
        self.before = [
            (read, a, a.copy()) for read, a in self.arrays() if a.flags.writeable and (writes or a.nbytes <= CONTENT_BYTES)
        ]

    @classmethod
    def of(cls, function: Any, bound: tuple, state: Sequence[Read] = ()) -> Reads:
        """What a call reads besides its arguments and its state."""
        scan = _Scan()
        args, kwargs = bound[:2]
        known = {name: value for name, value in kwargs.items() if tree.children(value) is None}
        scan.callable(function, tuple(value if tree.children(value) is None else None for value in args), known, "")
        scan.arguments([*args, *kwargs.values()])
        scan.class_variables()
        for x in tree.flatten((args, kwargs))[0]:
            if isinstance(x, Value) and isinstance(x._data, Lifted):
                scan.read("attribute", x, "_data", "what an argument is to gradients")
        varying = {place.mark for place in state}
        return cls([read for mark, read in scan.found.items() if mark not in varying], scan.imports, scan.writes,
                   scan.namespaces.values())  # fmt: skip

    def also(self, holder: Any, name: str, text: str) -> None:
        """One more attribute that counts, as it is now."""
        value = getattr(holder, name)
        self.reads.append(Read("attribute", holder, name, text, value, fingerprint(value)))

    def arrays(self) -> list[tuple[Read, np.ndarray]]:
        return [(read, part) for read in self.reads for part in nested(read.value) if type(part) is np.ndarray]

    def values(self) -> list[Any]:
        return [part for read in self.reads for part in nested(read.value)]

    def settle(self, arrays: list[np.ndarray], numbers: bool) -> None:
        """After the trace: refuse a function that changed what it reads, and watch the contents of what NumPy read.

        An array that the graph captured is read anew at every call. But NumPy may have read it too while tracing; that
        shows where the graph holds arrays or NumPy scalars that nobody reads by name, and then its contents count as well.

        Args:
            arrays: what the graph reads itself.
            numbers: whether NumPy scalars went into the graph.
        """
        reshaped = [read for read in self.reads if read.is_reshaped]
        rebound, written, other = self.restore()
        other += [read for read in written if type(read.value) is not np.ndarray or not may_be_state(read)] + reshaped
        if other:
            raise TraceError(f"it changes {other[0].text}, which compiled code cannot do",
                             fix="return the new value, or write into an array in place")  # fmt: skip
        if rebound or written:
            raise Rebinds(rebound + written)
        found = self.arrays()
        known = {id(array) for _, array in found}
        lineages = [lineage(array) for array in arrays]
        captured = set().union(*lineages)
        derived = numbers or any(known.isdisjoint(lineage) for lineage in lineages)
        for read, array in found:
            if array.nbytes <= CONTENT_BYTES:
                if derived or id(array) not in captured:
                    self.contents.append((read, array, array.tobytes()))
            elif id(array) not in captured:
                raise TraceError(f"{read.text} is too large to be watched for changes, and NumPy may read it while tracing",
                                 got=f"{array.nbytes >> 20} MiB", fix="pass it in as an argument")  # fmt: skip

    def restore(self) -> tuple[list[Read], list[Read], list[Read]]:
        """Put back what a trace has changed: what it rebound, what it wrote into or did otherwise, what it set in classes."""
        rebound: list[Read] = []
        written: list[Read] = []
        inherited: list[Read] = []
        for read in self.reads:
            if not read.holds():
                kept = read.now() is read.value or not may_be_state(read)
                of_class = not kept and read.owner is not None and read.own() is MISSING
                (inherited if of_class else written if kept else rebound).append(read)
        for read in reversed(rebound + written + inherited):
            read.restore()
        for read, array, before in self.before:
            if array.tobytes() != before.tobytes():
                array[...] = before
                written.append(read)
        self.before = []
        return rebound, written, inherited

    def writable(self) -> list[Read]:
        """The arrays that the function may write into where it has them from no argument."""
        return [read for read in self.reads if self.writes and type(read.value) is np.ndarray
                and read.value.flags.writeable and may_be_state(read)]  # fmt: skip

    def varied(self) -> list[Read]:
        """Numbers and arrays that are others than they were, and might as well come with each call."""
        return [read for read in self.reads if not read.holds() and may_vary(read)]

    def changed(self) -> tuple[str, str] | None:
        """The first read that is not what it was, and how it changed."""
        for read in self.reads:
            if not read.holds():
                now = read.now()
                if now is read.value:
                    return read.text, f"{read.text} has other contents"
                return read.text, f"{read.text} changed {short(read.value)} -> {short(now)}"
        for read, array, before in self.contents:
            if array.tobytes() != before:
                return read.text, f"{read.text} has other contents"
        return None


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


class _Scan:
    """Follows the chains of a function, and of the functions these lead to, on the live objects."""

    def __init__(self) -> None:
        self.found: dict[Hashable, Read] = {}
        self.seen: set[tuple] = set()
        self.imports = False  # whether some code imports modules when it runs
        self.writes = False  # whether some code may write into arrays
        self.made: dict[type, None] = {}  # classes of which there may be instances that no chain starts from
        self.names: set[str] = set()  # what all of the code reads by name
        self.namespaces: dict[int, tuple[dict, set[str]]] = {}  # by their ids, with the globals that some code rebinds

    def callable(self, value: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None, text: str = "") -> None:
        """The reads of calling something with arguments of which only objects are looked into."""
        kwargs = kwargs or {}
        if str(type(value).__module__).startswith(COMPILERS):
            return  # what Numba compiled reads its globals as they were then
        if isinstance(value, types.FunctionType):
            self.function(value, named(value, args, kwargs))
        elif isinstance(value, types.MethodType):
            self.callable(value.__func__, (value.__self__, *args), kwargs, text)
        elif isinstance(value, functools.partial):
            self.callable(value.func, (*value.args, *args), {**value.keywords, **kwargs}, text)
            self.given([*value.args, *value.keywords.values()])
        elif hasattr(type(value), "__calls__"):  # one of ours, of functions of the user's
            for name in type(value).__calls__:
                self.callable(self.read("attribute", value, name, f"`{text}.{name}`"), args, kwargs, text)
        elif isinstance(wrapped := inspect.getattr_static(value, "__wrapped__", None), types.FunctionType):
            self.callable(wrapped, args, kwargs, text)
        elif isinstance(value, type):
            self.instances(value)
        elif callable(value) and isinstance(type(value).__call__, types.FunctionType):
            self.callable(type(value).__call__, (value, *args), kwargs, text)

    def function(self, f: types.FunctionType, known: Mapping[str, Any]) -> None:
        mark = id(f), tuple((name, id(value)) for name, value in known.items())
        if mark in self.seen or f.__code__.co_filename.startswith(("<frozen", *LIBRARIES)):
            if mark not in self.seen and hasattr(f, "__wrapped__"):  # what `hybrid.grad` made of a function of the user's
                self.seen.add(mark)
                self.callable(f.__wrapped__)
            return
        self.seen.add(mark)
        for name in ("__code__", "__defaults__", "__kwdefaults__"):
            self.read("attribute", f, name, f"`{f.__name__}.{name}`", whole=name != "__code__")
        self.given([*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()])
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
        self.code(f.__code__, f.__globals__, cells, known)

    def arguments(self, values: Iterable[Any], inside: bool = False) -> None:
        """Functions among arguments, what containers there hold, and the classes of these: no chain starts from them."""
        for value in values:
            parts = tree.children(value)
            if parts is not None:
                self.instances(type(value))
                self.arguments(parts, True)
            elif isinstance(value, (*_FUNCTIONS, *CONTAINERS)):
                self.given([value])
            elif inside and not isinstance(value, (Value, np.ndarray)):
                self.everything(value, "an argument")

    def given(self, values: Iterable[Any]) -> None:
        """Functions among defaults, and what containers there hold."""
        for value in values:
            if isinstance(value, _FUNCTIONS):
                self.callable(value)
            elif isinstance(value, CONTAINERS):
                for item in nested(value)[1:]:
                    self.everything(item, "an argument")

    def imported(self, code: types.CodeType, namespace: dict) -> None:
        """What the code may read of modules that it imports itself."""
        package = namespace.get("__package__") or namespace.get("__name__", "").rpartition(".")[0]
        for name, level in imports_of(code):
            try:
                full = importlib.util.resolve_name("." * level + name, package)
                found = [importlib.import_module(full)] if full.partition(".")[0] not in sys.stdlib_module_names else []
            except (ImportError, ValueError):
                continue  # the import itself says so, if it is reached
            while found and "." in full:
                full = full.rpartition(".")[0]
                found.append(sys.modules[full])
            for module in filter(has_attributes, found):
                for name in set(code.co_names) & vars(module).keys():
                    text = f"{module.__name__}.{name}"
                    self.steps(self.read("global", vars(module), name, f"`{text}`"), text, Chain("global", name, ()))

    def code(
        self, code: types.CodeType, namespace: dict, cells: Mapping[str, types.CellType], known: Mapping[str, Any]
    ) -> None:
        if "bit_generator" in code.co_names:
            raise TraceError("it looks into a random generator's bits or state, which compiled code moves on only when it runs")
        if not {"environ", "getenv"}.isdisjoint(code.co_names):
            self.read("attribute", ENVIRONMENT, "_data", "the environment")
        found, rebound = chains(code)
        self.names.update(code.co_names)
        if imports_of(code):
            self.imports = True
            self.imported(code, namespace)
        self.writes |= may_write(code)
        if names := globals_of(code):
            self.namespaces.setdefault(id(namespace), (namespace, set()))[1].update(names)
        nested = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        for inner in nested:
            rebound |= chains(inner)[1] & set(inner.co_freevars)
        for name in rebound & known.keys():  # what a chain from it starts at, this or another object, only a run knows
            self.everything(known[name], name)
        known = {name: value for name, value in known.items() if name not in rebound}
        if "super" in code.co_names and "__class__" in cells:
            own = [known[name] for name in code.co_varnames[:1] if name in known]
            owner = own[0] if own else _contents(cells["__class__"])
            base = owner if isinstance(owner, type) else type(owner)
            self.instances(base)
            for kind in base.__mro__:
                for name in code.co_names if is_users(kind) else ():
                    self.callable(getattr(vars(kind).get(name), "__func__", vars(kind).get(name)), tuple(own))
        for chain in found:
            if len(self.found) > MANY_READS:
                raise TraceError(f"it reads more than {MANY_READS} values besides its arguments", fix="pass them as arguments")
            if chain.root == "global":
                self.walk("global", namespace, chain.name, f"global `{chain.name}`", chain)
            elif chain.root == "free" and chain.name in cells:
                self.walk("cell", cells[chain.name], chain.name, f"`{chain.name}`", chain)
            elif chain.name in known:
                self.steps(known[chain.name], chain.name, chain)
        for inner in nested:
            free = set(inner.co_freevars)
            inherited = {name: value for name, value in known.items() if name in free}
            self.code(inner, namespace, {name: cell for name, cell in cells.items() if name in free}, inherited)

    def walk(self, kind: str, holder: Any, name: str, text: str, chain: Chain) -> None:
        item = bool(chain.steps) and leads_to_one(Read(kind, holder, name, text, None, None).now(), chain.steps[0])
        self.steps(self.read(kind, holder, name, text, whole=not item), chain.name, chain)

    def steps(self, value: Any, text: str, chain: Chain) -> None:
        """Follow a chain from its root's value."""
        for k, (attribute, name) in enumerate(chain.steps):
            last = k == len(chain.steps) - 1
            if not attribute:
                if not leads_to_one(value, (attribute, name)):
                    break
                text = f"{text}[{name!r}]"
                item = not last and leads_to_one(Read("item", value, name, text, None, None).now(), chain.steps[k + 1])
                value = self.read("item", value, name, f"`{text}`", whole=not item)
                continue
            if type(value) is ContextVar:
                break
            self.logger(value)
            if isinstance(value, types.ModuleType) and not has_attributes(value):
                held = vars(value).get(name, MISSING)
                if not (callable(held) or valued(held) or isinstance(held, types.ModuleType)):
                    return  # nothing that users replace, or state of the library
                text = f"{text}.{name}"
                value = self.read("library", vars(value), name, f"`{text}`")
                continue
            if not has_attributes(value):
                return
            text = f"{text}.{name}"
            static = inspect.getattr_static(type(value), name, None)
            if isinstance(static, property):
                if is_users(type(value)):
                    self.read("attribute", type(value), name, f"`{type(value).__name__}.{name}`")
                self.callable(static.fget, (value,))
                return
            own = inspect.getattr_static(value, name, None) if isinstance(value, type) else None
            if isinstance(own, (types.FunctionType, classmethod, staticmethod)):  # bound to the class anew at each access
                self.instances(value)
                self.callable(self.read("method", value, name, f"`{text}`"), (value,) * isinstance(own, classmethod))
                return
            wrapped = getattr(static, "__wrapped__", None)
            if isinstance(static, (types.FunctionType, classmethod, staticmethod)) or isinstance(wrapped, types.FunctionType):
                if is_users(type(value)):
                    self.read("method", value, name, f"`{text}`")
                if name not in getattr(value, "__dict__", {}):
                    bare = isinstance(static, (types.FunctionType, classmethod, staticmethod))
                    made = static if hasattr(type(static), "__calls__") else wrapped
                    self.callable(getattr(value, name) if bare else made, () if bare else (value,))
                    return
            if isinstance(static, types.MethodDescriptorType):
                break  # one of a class of Python's, which looks at what is in the container
            if isinstance(value, tuple) and name in getattr(value, "_fields", ()):
                value = getattr(value, name)  # tuples do not change
                continue
            if inspect.isdatadescriptor(static) and not isinstance(
                static, (types.MemberDescriptorType, types.GetSetDescriptorType)
            ):
                return
            if (
                inspect.getattr_static(value, name, MISSING) is MISSING
                and hasattr(type(value), "__getattr__")
                and not chain.stored
            ):
                if name not in (own := getattr(value, "__dict__", {name: None})):
                    self.read("item", own, name, f"`{text}`")  # that it is not there, and `__getattr__` is asked
                break
            value = self.read("attribute", value, name, f"`{text}`")
        if isinstance(value, weakref.ref):
            raise TraceError(f"`{text}` is a weak reference, behind which tracing cannot look", fix="pass the object itself")
        if type(value) is ContextVar:
            value = self.read("context", value, "get", f"`{text}`")
        self.everything(value, text.removeprefix("global ").strip("`"))

    def everything(self, value: Any, text: str) -> None:
        """All attributes of an object that goes where the bytecode does not say: into a variable, a loop, a call."""
        mark = "everything", id(value)
        if mark in self.seen or len(self.found) > MANY_READS:
            return
        self.seen.add(mark)
        self.callable(value)
        self.logger(value)
        if isinstance(value, CONTAINERS):
            base: Any = base_of(value)
            for k, item in zip(base.__iter__(value), items_of(value)) if base in MAPPINGS else enumerate(items_of(value)):
                self.everything(item, f"{text}[{k!r}]")
        if not has_attributes(value) or isinstance(value, (type, types.ModuleType)):
            return
        self.instances(type(value))
        classes = [vars(kind) for kind in type(value).__mro__ if is_users(kind)]
        own = getattr(value, "__dict__", None)
        if type(own) is dict:
            self.read("names", own, None, f"which attributes `{text}` has")
        names = dict.fromkeys([*(own if isinstance(own, dict) else ()), *(name for kind in classes for name in kind)])
        for name in names:
            static = inspect.getattr_static(value, name)
            if name.startswith("__") or inspect.isdatadescriptor(static) or outside(static):
                continue
            if not (isinstance(own, dict) and name in own) and (callable(static) or hasattr(static, "__get__")):
                continue
            self.everything(self.read("attribute", value, name, f"`{text}.{name}`"), f"{text}.{name}")

    def instances(self, cls: type) -> None:
        """A class of whose instances any method may be called."""
        if cls in self.made or not is_users(cls):
            return
        self.made[cls] = None
        users = [kind for kind in cls.__mro__ if is_users(kind)]
        for kind in users:
            self.read("class", kind, methods(users), f"class `{kind.__name__}`")
        for member in [member for kind in users for member in vars(kind).values()]:
            if hasattr(type(member), "__get__") and is_users(type(member)):  # a descriptor of the user's own
                self.everything(member, type(member).__name__)
            for function in functions(member):
                self.callable(function)

    def class_variables(self) -> None:
        """What the code may read of instances that it makes itself, and the classes of users' hold for them."""
        seen: set[tuple[type, str]] = set()
        while pending := [(kind, name) for made in self.made for kind in made.__mro__ if is_users(kind)
                          for name in self.names & vars(kind).keys() if (kind, name) not in seen]:  # fmt: skip
            seen.update(pending)
            for kind, name in pending:
                static = vars(kind)[name]
                if name.startswith("__") or callable(static) or hasattr(static, "__get__") or outside(static):
                    continue
                self.everything(self.read("attribute", kind, name, f"`{kind.__name__}.{name}`"), f"{kind.__name__}.{name}")

    def logger(self, value: Any) -> None:
        """What decides whether a logger of Python's, or its module, says anything."""
        for holder, name in levels(value):
            self.read("attribute", holder, name, f"`{name}` of the logger")

    def read(self, kind: str, holder: Any, name: Any, text: str, whole: bool = True) -> Any:
        read = Read(kind, holder, name, text, None, None)
        mark, value = read.mark, read.now()
        known = self.found.get(mark)
        if known is None or (whole and not known.whole):
            parts = nested(value) if whole else [value]
            if strange := next(filter(outside, parts), None):
                raise TraceError(
                    f"{text} is a {type(strange).__name__} of {type(strange).__module__}, whose state tracing does not see"
                )
            for part in parts if whole else ():
                if isinstance(part, weakref.ProxyTypes):
                    raise TraceError(f"{text} is a weak proxy, behind which tracing cannot look", fix="pass the object itself")
                if isinstance(part, Iterator) and not is_users(type(part)):
                    raise TraceError(f"{text} is an iterator ({type(part).__name__}), which one trace would use up",
                                     fix="pass a list or an array")  # fmt: skip
                base: Any = base_of(part)
                many = base is not None and base.__len__(part) > MANY_ITEMS
                if many and not (base is tuple and all(map(valued, part))):
                    raise TraceError(f"{text} is too large to be watched for changes", got=f"{len(part)} items",
                                     expected=f"at most {MANY_ITEMS}", fix="pass it in as an argument")  # fmt: skip
            bases: list[Any] = [base_of(part) for part in parts]
            inside = tuple((part, copied(part, base)) for part, base in zip(parts, bases) if can_be_refilled(part, base))
            inherited = owner(holder, name) if kind == "attribute" else None
            self.found[mark] = Read(kind, holder, name, text, value, fingerprint(value, whole), inherited, inside, whole)
        return value
