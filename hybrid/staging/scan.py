"""How the reads of a function are found: by its bytecode, on the live objects, and in the functions these lead to."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
import types
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from enum import Enum
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.config import ENVIRONMENT
from hybrid.core.errors import TraceError
from hybrid.core.shadows import body, getattr_static, slots_of
from hybrid.frontend.values import Value
from hybrid.staging import unseen
from hybrid.staging.callers import Callers
from hybrid.staging.chains import MISSING, Chain, attributes_stored, chains, globals_of, imports_of, may_change, may_write
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
    nested,
)
from hybrid.staging.members import (
    COMPILERS,
    LIBRARIES,
    behind,
    functions,
    has_attributes,
    is_numerical,
    is_pythons,
    is_users,
    methods,
    named,
    owner,
    unnamed,
)
from hybrid.staging.read import Memory, Read, contents
from hybrid.staging.signature import outside, valued

MANY_READS = 4096  # checking this many from Python takes 2 ms; no trace is worth more
CACHE = type(functools.cache(len))
# Methods that a class may be given later, and that Python calls where an operator, a branch or an attribute stands.
SPECIAL = (
    "__getattribute__", "__getattr__", "__setattr__", "__delattr__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
    "__hash__", "__bool__", "__len__",
)  # fmt: skip
_VIEWS: Any = (type({}.keys()), type({}.values()), type({}.items()))
_NUMBERS = (int, float, complex, np.generic)
_PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None)))  # that have nothing to read


class Scan:
    """Follows the chains of a function, and of the functions these lead to, on the live objects."""

    def __init__(self, herds: Mapping[int, Any] = {}) -> None:
        self.herds = herds  # lists of objects whose attributes come with each call, by their ids
        self.found: dict[Hashable, Read] = {}
        self.seen: set[tuple] = set()
        self.imports = False  # whether some code imports modules when it runs
        self.writes = self.changes = False  # whether some code may write into arrays, or change containers
        self.stored: set[str] | None = set()  # the attributes that some code may set; None: any
        self.made: dict[type, None] = {}  # classes of which there may be instances that no chain starts from
        self.names: set[str] = set()  # what all of the code reads by name
        self.namespaces: dict[int, tuple[dict, set[str]]] = {}  # by their ids, with the globals that some code rebinds
        self.caches: dict[int, Any] = {}  # functions that keep what they gave
        self.kept = False  # whether one of these calls what is being looked at
        self.callers = Callers()

    def callable(self, value: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None, text: str = "") -> None:
        """The reads of calling something with arguments of which only objects are looked into."""
        kwargs = kwargs or {}
        if str(type(value).__module__).startswith(COMPILERS):
            return  # what Numba compiled reads its globals as they were then
        if isinstance(value, types.FunctionType):
            self.function(value, named(value, args, kwargs))
            for other in unnamed(value, args, kwargs):
                self.everything(other, "an argument")
        elif isinstance(value, types.MethodType):
            self.callable(value.__func__, (value.__self__, *args), kwargs, text)
        elif isinstance(value, functools.partial):
            self.callable(value.func, (*value.args, *args), {**value.keywords, **kwargs}, text)
            self.read("attribute", value, "args", "what a partial gives its function")
            self.items(value.keywords, "the keywords of a partial")
            self.given([*value.args, *value.keywords.values()])
        elif hasattr(type(value), "__calls__"):  # one of ours, of functions of the user's
            for name in type(value).__calls__:
                self.callers.unknown()
                self.callable(self.read("attribute", value, name, f"`{text}.{name}`"), args, kwargs, text)
        elif callable(wrapped := getattr_static(value, "__wrapped__", None)):
            self.callers.unknown()
            before, self.kept = self.kept, self.kept or type(value) is CACHE
            if type(value) is CACHE:
                self.caches[id(value)] = value
            self.callable(wrapped, args, kwargs, text)
            self.kept = before
            if is_users(type(value)):
                self.callable(type(value).__call__, (value, *args), kwargs, text)
        elif isinstance(value, type):
            self.callers.unknown()
            unseen.refuse_class(value)
            self.instances(value)
        elif callable(value) and (is_users(type(value)) or isinstance(type(value).__call__, types.FunctionType)):
            self.callable(type(value).__call__, (value, *args), kwargs, text)
            self.library(value, text)

    def function(self, f: types.FunctionType, known: Mapping[str, Any]) -> None:
        self.callers.met(f)
        mark = id(f), self.kept, tuple((name, id(value)) for name, value in known.items())
        if mark in self.seen or f.__code__.co_filename.startswith(("<frozen", *LIBRARIES)):
            for name, value in known.items() if mark not in self.seen else ():
                if isinstance(value, Collection):  # whose methods go to what it holds
                    self.everything(value, name)
            if mark not in self.seen and hasattr(f, "__wrapped__"):  # what `hybrid.grad` made of a function of the user's
                self.seen.add(mark)
                self.callable(f.__wrapped__)
                self.dispatched(f)
            return
        self.seen.add(mark)
        for name in ("__code__", "__defaults__", "__kwdefaults__"):
            self.read("attribute", f, name, f"`{f.__name__}.{name}`", whole=name != "__code__")
        self.given([*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()])
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
        with self.callers.inside(f):
            self.code(f.__code__, f.__globals__, cells, known)

    def dispatched(self, f: Any) -> None:
        """The functions that `functools.singledispatch` chooses from."""
        if isinstance(registry := getattr(f, "registry", None), types.MappingProxyType):
            for made in self.items(behind(registry), f"the functions of `{f.__name__}`"):
                self.callable(made)

    def items(self, known: Any, text: str) -> list[Any]:
        """The values of a mapping that nothing but a chain of its own leads to, and that it has these keys."""
        if len(known) > MANY_ITEMS:
            raise _too_large(text, known)
        self.read("names", known, None, f"the keys of {text}")
        return [self.read("item", known, key, f"{text} under {key!r}") for key in known]

    def arguments(self, values: Iterable[Any], inside: bool = False) -> None:
        """Functions among arguments, what containers there hold, and the classes of these: no chain starts from them."""
        for value in values:
            parts = tree.children(value)
            if id(value) in self.herds:
                continue
            if parts is not None:
                self.owners(type(value), tree.attributes(value) if has_attributes(value) else ())
                self.arguments(parts, True)
                self.arguments(value if isinstance(value, dict) else (), True)
            elif isinstance(value, (set, frozenset)) or (type(value) is np.ndarray and value.dtype == object):
                self.arguments(list(value.flat) if type(value) is np.ndarray else value, True)
            elif inside and not isinstance(value, (Value, np.ndarray, *CONTAINERS)):
                self.everything(value, "an argument")
            elif callable(value) or isinstance(value, (types.MappingProxyType, *_VIEWS, *CONTAINERS)):
                self.given([value])
            elif not isinstance(value, (Value, np.ndarray)) and not has_attributes(value):
                self.everything(value, "an argument")

    def given(self, values: Iterable[Any]) -> None:
        """Functions among defaults, and what containers there hold."""
        for value in values:
            shown = isinstance(value, (types.MappingProxyType, *_VIEWS)) or (
                type(value) is np.ndarray and value.dtype.hasobject
            )
            if shown or (callable(value) and not is_users(type(value))):
                self.everything(value, "an argument")
            elif callable(value):  # one whose attributes chains start from
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
        unseen.refuse(code)
        for module in unseen.modules_of(code):
            self.read("item", sys.modules, module, f"`sys.modules[{module!r}]`", whole=False)
        if not {"environ", "getenv"}.isdisjoint(code.co_names):
            self.read("attribute", ENVIRONMENT, "_data", "the environment")
        found, rebound = chains(code)
        self.names.update(code.co_names)
        if imports_of(code):
            self.imports = True
            self.imported(code, namespace)
        self.writes |= may_write(code)
        self.changes |= may_change(code)
        stored = attributes_stored(code)
        self.stored = None if stored is None or self.stored is None else self.stored | stored
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
            owner = own[0] if own else contents(cells["__class__"])
            base = owner if isinstance(owner, type) else type(owner)
            self.instances(base)
            for kind in base.__mro__:
                for name in code.co_names if is_users(kind) else ():
                    self.callable(getattr(body(kind).get(name), "__func__", body(kind).get(name)), tuple(own))
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
                value = behind(value) if type(value) is types.MappingProxyType else value
                if id(value) in self.herds or not leads_to_one(value, (attribute, name)):
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
                unseen.refuse_value(held, f"`{text}.{name}`")
                numbers = isinstance(held, (list, tuple)) and all(map(valued, held))  # `sys.argv`
                if not (callable(held) or valued(held) or numbers or isinstance(held, types.ModuleType)):
                    return  # nothing that users replace, or state of the library
                text = f"{text}.{name}"
                value = self.read("library", vars(value), name, f"`{text}`")
                continue
            if not has_attributes(value):
                self.everything(value, text.removeprefix("global ").strip("`"))
                return
            text = f"{text}.{name}"
            static = getattr_static(type(value), name, None)
            stored = last and chain.stored
            self.hooks(value, static, stored)
            if isinstance(static, property):
                if is_users(type(value)):
                    self.read("attribute", type(value), name, f"`{type(value).__name__}.{name}`")
                for called in (static.fset, static.fdel) if stored else (static.fget,):
                    self.callable(called, (value,))
                return
            own = getattr_static(value, name, None) if isinstance(value, type) else None
            if isinstance(own, (types.FunctionType, classmethod, staticmethod)):  # bound to the class anew at each access
                self.instances(value)
                found = self.read("method", value, name, f"`{text}`")
                self.callers.named(last and chain.called)
                self.callable(found, (value,) * isinstance(own, classmethod))
                return
            if type(static) is functools.cached_property and name not in (own := vars(value)) and not stored:
                self.read("item", own, name, f"`{text}`")  # that it is not there: to ask for it would make it
                self.callable(static.func, (value,))
                return
            wrapped = getattr(static, "__wrapped__", None)
            if isinstance(static, (types.FunctionType, classmethod, staticmethod)) or isinstance(wrapped, types.FunctionType):
                if is_users(type(value)):
                    self.read("method", value, name, f"`{text}`")
                if name not in getattr(value, "__dict__", {}):
                    bare = isinstance(static, (types.FunctionType, classmethod, staticmethod))
                    made = static if hasattr(type(static), "__calls__") or type(static) is CACHE else wrapped
                    self.callers.named(bare and last and chain.called)
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
            if getattr_static(value, name, MISSING) is MISSING and hasattr(type(value), "__getattr__") and not chain.stored:
                if name not in (own := getattr(value, "__dict__", {name: None})):
                    self.read("item", own, name, f"`{text}`")  # that it is not there, and `__getattr__` is asked
                break
            value = self.read("attribute", value, name, f"`{text}`")
        else:
            self.callers.named(chain.called)
        unseen.refuse_value(value, f"`{text}`")
        if type(value) is ContextVar:
            value = self.read("context", value, "get", f"`{text}`")
        self.everything(value, text.removeprefix("global ").strip("`"))

    def hooks(self, value: Any, static: Any, stored: bool) -> None:
        """What users' own descriptors, and classes that set attributes in a way of their own, do at an attribute of an object.

        Args:
            static: what its class has under that name.
            stored: whether the attribute is set or deleted.
        """
        if stored and is_users(type(value)):
            for kind in (type(value).__setattr__, type(value).__delattr__):
                if isinstance(kind, types.FunctionType):
                    self.callable(kind, (value,))
        if is_users(type(static)):
            self.instances(type(static))
            for name in ("__set__", "__delete__") if stored else ("__get__",):
                self.callable(getattr(type(static), name, None), (static, value))

    def everything(self, value: Any, text: str) -> None:
        """All attributes of an object that goes where the bytecode does not say: into a variable, a loop, a call."""
        if type(value) in _PLAIN or id(value) in self.herds:
            return
        mark = "everything", self.kept, id(value)
        if mark in self.seen or len(self.found) > MANY_READS:
            self.callers.met(value)
            return
        self.seen.add(mark)
        self.callable(value)
        self.callers.unknown()
        self.logger(value)
        if isinstance(value, (types.MappingProxyType, *_VIEWS)):
            shown: Any = value.mapping if isinstance(value, _VIEWS) else value
            held = behind(shown)
            for item in (*held, *self.items(held, text)):
                self.everything(item, f"an item of {text}")
        if isinstance(value, (set, frozenset, *MAPPINGS)):
            for item in value:  # type: ignore[attr-defined]
                self.everything(item, f"an item of {text}")
        if isinstance(value, CONTAINERS):
            base: Any = base_of(value)
            for k, item in zip(base.__iter__(value), items_of(value)) if base in MAPPINGS else enumerate(items_of(value)):
                self.everything(item, f"{text}[{k!r}]")
        if type(value) is np.ndarray and value.dtype.hasobject:
            for k, item in enumerate(value.flat):  # which only the array itself leads to
                self.everything(self.read("item", [item], 0, f"{text}.flat[{k}]"), f"{text}.flat[{k}]")
        if type(value) is ContextVar:
            self.read("context", value, "get", f"`{text}`")
        if isinstance(value, (type, types.ModuleType)):
            return
        if not has_attributes(value):
            self.instances(type(value))  # which may find attributes in a way of its own
            self.library(value, text)
            return
        self.owners(type(value), getattr(value, "__dict__", ()))
        if is_users(type(value)):
            self.read("attribute", value, "__class__", f"the class of `{text}`")
        classes = [body(kind) for kind in type(value).__mro__ if is_users(kind)]
        own = getattr(value, "__dict__", None)
        if type(own) is dict:
            self.read("names", own, None, f"which attributes `{text}` has")
        names = dict.fromkeys([*(own if isinstance(own, dict) else ()), *(name for kind in classes for name in kind)])
        for name in names:
            static = getattr_static(value, name)
            slot = isinstance(static, types.MemberDescriptorType)
            if inspect.isdatadescriptor(static) and not slot and isinstance(own, dict) and name in own:
                self.everything(
                    self.read("item", own, name, f"`{text}.__dict__[{name!r}]`"), f"{text}.{name}"
                )  # where it keeps it
                continue
            if name.startswith("__") or (inspect.isdatadescriptor(static) and not slot) or outside(static):
                continue
            if isinstance(value, Enum) and name.startswith("_") and name.endswith("_"):
                continue  # what `enum` keeps of members, whose names and values nobody changes
            if not slot and not (isinstance(own, dict) and name in own) and (callable(static) or hasattr(static, "__get__")):
                continue
            self.everything(self.read("attribute", value, name, f"`{text}.{name}`"), f"{text}.{name}")

    def library(self, value: Any, text: str) -> None:
        """The arrays, numbers and functions that an object of NumPy's or SciPy's is made of: somebody may write into those of a
        polynomial, and `np.vectorize` calls a function of the user's. So may be what Python's own objects have in slots."""
        kind: Any = type(value)
        if not (is_numerical(kind) or is_pythons(kind)) or isinstance(value, (type, np.ndarray, np.generic)):
            return
        own = getattr(value, "__dict__", {})
        for name, held in (*((name, getattr(value, name, None)) for name in slots_of(kind)), *own.items()):
            parts = held if type(held) in (tuple, list) else (held,)
            if any(type(part) is np.ndarray or isinstance(part, _NUMBERS) or callable(part) for part in parts):
                hidden = name in own and inspect.isdatadescriptor(getattr_static(kind, name, None))  # `poly1d.coeffs`
                read = self.read("item" if hidden else "attribute", own if hidden else value, name, f"`{text}.{name}`")
                self.given(read if type(held) in (tuple, list) else [read])

    def instances(self, cls: type) -> None:
        """A class of whose instances any method may be called."""
        if cls in self.made or not is_users(cls):
            return
        self.made[cls] = None
        users = [kind for kind in cls.__mro__ if is_users(kind)]
        for kind in users:
            self.read("class", kind, tuple(dict.fromkeys((*methods(users), *SPECIAL))), f"class `{kind.__name__}`")
            self.read("body", kind, None, f"which attributes class `{kind.__name__}` has")  # `getattr` may ask for any
        for member in [member for kind in users for member in body(kind).values()]:
            if hasattr(type(member), "__get__") and is_users(type(member)):  # a descriptor of the user's own
                self.everything(member, type(member).__name__)
            for function in functions(member):
                self.callable(function)

    def owners(self, cls: type, names: Iterable[str]) -> None:
        """A class whose instances have these attributes themselves: nothing of the class may stand before them."""
        self.instances(cls)
        for kind in filter(is_users, cls.__mro__):
            if free := tuple(sorted(name for name in names if type(name) is str and name not in body(kind))):
                self.read("class", kind, free, f"class `{kind.__name__}`")

    def class_variables(self) -> None:
        """What the code may read of instances that it makes itself, and the classes of users' hold for them."""
        seen: set[tuple[type, str]] = set()
        while pending := [(kind, name) for made in self.made for kind in made.__mro__ if is_users(kind)
                          for name in self.names & body(kind).keys() if (kind, name) not in seen]:  # fmt: skip
            seen.update(pending)
            for kind, name in pending:
                static = body(kind)[name]
                if name.startswith("__") or callable(static) or hasattr(static, "__get__") or outside(static):
                    continue
                self.everything(self.read("attribute", kind, name, f"`{kind.__name__}.{name}`"), f"{kind.__name__}.{name}")
        for made in self.made:
            self.derived([kind for kind in made.__mro__ if is_users(kind)])

    def derived(self, kinds: list[type]) -> None:
        """That a class does not have itself what the code may read of one that it is derived from."""
        for k, kind in enumerate(kinds):
            inherited = {name for base in kinds[k + 1 :] for name in self.names & body(base).keys()} - body(kind).keys()
            if inherited:
                self.read("class", kind, tuple(sorted(inherited)), f"class `{kind.__name__}`")

    def memories(self) -> None:
        """That no function forgets what it gave before, where that may have been another value than it would give now."""
        held = [
            read.value for read in self.found.values() if read.kept and read.kind in ("global", "cell", "attribute", "item")
        ]
        if all(callable(value) or isinstance(value, types.ModuleType) for value in held):
            return
        for cache in self.caches.values():
            if cache.cache_info().currsize:
                self.read("cache", Memory(cache), "lasts", f"what `{cache.__name__}` has kept")

    def logger(self, value: Any) -> None:
        """What decides whether a logger of Python's, or its module, says anything."""
        for holder, name in levels(value):
            self.read("attribute", holder, name, f"`{name}` of the logger")

    def read(self, kind: str, holder: Any, name: Any, text: str, whole: bool = True) -> Any:
        read = Read(kind, holder, name, text, None, None)
        mark, value = read.mark, read.now()
        known = self.found.get(mark)
        if known is None or (whole and not known.whole) or (self.kept and not known.kept):
            parts = nested(value) if whole else [value]
            if strange := next(filter(outside, parts), None):
                raise TraceError(
                    f"{text} is a {type(strange).__name__} of {type(strange).__module__}, whose state tracing does not see"
                )
            for part in parts if whole else ():
                unseen.refuse_value(part, text)
                if isinstance(part, Iterator) and not is_users(type(part)):
                    raise TraceError(f"{text} is an iterator ({type(part).__name__}), which one trace would use up",
                                     fix="pass a list or an array")  # fmt: skip
                base: Any = base_of(part)
                many = base is not None and base.__len__(part) > MANY_ITEMS
                if many and not (base is tuple and all(map(valued, part))):
                    raise _too_large(text, part)
            bases: list[Any] = [base_of(part) for part in parts]
            inside = tuple((part, copied(part, base)) for part, base in zip(parts, bases) if can_be_refilled(part, base))
            inherited = owner(holder, name) if kind == "attribute" else None
            kept = self.kept or (known is not None and known.kept)
            self.found[mark] = Read(kind, holder, name, text, value, fingerprint(value, whole), inherited, inside, whole, kept)
        return value


def _too_large(text: str, container: Any) -> TraceError:
    return TraceError(f"{text} is too large to be watched for changes", got=f"{len(container)} items",
                      expected=f"at most {MANY_ITEMS}", fix="pass it in as an argument")  # fmt: skip
