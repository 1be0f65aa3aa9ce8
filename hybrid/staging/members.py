"""What users' classes do: their methods, properties and operators, which are watched for others in their place.

No chain of names leads to them where an object stands in a list or is called, indexed or added.
"""

from __future__ import annotations

import functools
import gc
import sys
import sysconfig
import threading
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.core.shadows import HEAP, body, set_attribute
from hybrid.frontend.values import Value
from hybrid.staging.chains import MISSING
from hybrid.staging.signature import valued

LIBRARIES = tuple(
    str(path) + "/"
    for path in (
        Path(__file__).parents[1],
        Path(np.__file__).parent,
        sysconfig.get_path("stdlib"),
        Path(np.__file__).parents[1] / "scipy",
    )
)
COMPILERS = ("numba.", "llvmlite.")
_KINDS = (tuple, list, dict, BaseException)  # of which users derive classes whose instances have attributes
_PLAIN_LOOKUP: tuple[Any, ...] = tuple(
    kind.__getattribute__
    for kind in (object, types.ModuleType, type, types.SimpleNamespace, threading.local, functools.partial)
)
_CONTAINERS_LOOKUP: tuple[Any, ...] = tuple(kind.__getattribute__ for kind in _KINDS)
_STORAGE = (types.MemberDescriptorType, types.GetSetDescriptorType)


def methods(kinds: Iterable[type]) -> tuple[str, ...]:
    """The names under which some of these classes have a method, a property or another descriptor."""
    found = {name for kind in kinds for name, member in body(kind).items() if _acts(member)}
    return tuple(sorted(found))


def functions(member: Any) -> list[Any]:
    """The functions behind something that a class holds."""
    if isinstance(member, property):
        return [member.fget, member.fset, member.fdel]
    return [getattr(member, "__func__", getattr(member, "func", member))]  # of a cached property, or a partial method


def members(kind: type, names: Sequence[str]) -> tuple[Any, ...]:
    """What a class itself has under these names."""
    own = body(kind)
    return tuple(own.get(name, MISSING) for name in names)


def put_members(kind: type, names: Sequence[str], values: Sequence[Any]) -> None:
    """Leave in a class what it had under these names."""
    for name, now, before in zip(names, members(kind, names), values):
        if before is MISSING and now is not MISSING:
            set_attribute(kind, name, MISSING)
        elif now is not before:
            set_attribute(kind, name, before)


def namespace(kind: type) -> dict[str, Any]:
    """The dict itself behind `vars` of a class, whose version tells machine code that nothing has changed."""
    return behind(vars(kind))


def behind(shown: types.MappingProxyType) -> dict[Any, Any]:
    """The dict itself that can only be looked at."""
    (found,) = gc.get_referents(shown)
    return found


def _acts(member: Any) -> bool:
    return hasattr(type(member), "__get__") and not isinstance(member, _STORAGE)


def owner(holder: Any, name: str) -> type | None:
    """The class that has an attribute which an object has not itself."""
    if name in getattr(holder, "__dict__", ()):
        return None
    return next((kind for kind in _classes(holder) if name in body(kind) and not isinstance(body(kind)[name], _STORAGE)), None)


def put_own(holder: Any, name: str, value: Any, of: type) -> None:
    """Leave an attribute with the class that had it, and with none before that."""
    for kind in _classes(holder):
        if kind is of:
            break
        if name in body(kind):
            set_attribute(kind, name, MISSING)
    if body(of).get(name, MISSING) is not value:
        set_attribute(of, name, value)


def _classes(holder: Any) -> tuple[type, ...]:
    return (holder if isinstance(holder, type) else type(holder)).__mro__


def has_attributes(value: Any) -> bool:
    """Whether attributes of a value may change and can be read without running code.

    So it is of the users' objects, modules and classes, and of objects with attributes of their own whose classes come with
    Python: a namespace of options, say, or what is local to a thread.
    """
    if isinstance(value, types.FunctionType):
        return not value.__code__.co_filename.startswith(LIBRARIES)
    if isinstance(value, (Value, np.ndarray, types.MethodType)) or (valued(value) and not isinstance(value, type)):
        return False
    if isinstance(value, types.ModuleType):
        return (
            not (getattr(value, "__file__", None) or "").startswith(LIBRARIES)
            and not f"{value.__name__}.".startswith(COMPILERS)
            and value.__name__ not in sys.builtin_module_names
        )
    look: Any = type(value).__getattribute__
    if look not in _PLAIN_LOOKUP:  # those of containers and errors are no other, but nobody gives one of Python's attributes
        return isinstance(value, _KINDS) and look in _CONTAINERS_LOOKUP and is_users(type(value))
    if isinstance(value, type) or is_users(type(value)):
        return is_users(value if isinstance(value, type) else type(value))
    return type(getattr(value, "__dict__", None)) is dict and is_pythons(type(value))


def is_users(kind: type) -> bool:
    """Whether a class is written in Python, outside the libraries."""
    if type(kind.__module__) is not str or kind.__module__.startswith("_cython_"):
        return False  # the functions of Cython, and their class
    module = sys.modules.get(kind.__module__)
    main = kind.__module__ == "__main__"  # of whatever program runs the user's code, which may be one of Python's own
    file = "" if main else getattr(module, "__file__", None) or ""
    inside = file.startswith(LIBRARIES) or kind.__module__.startswith(COMPILERS)
    return bool(kind.__flags__ & HEAP) and kind.__module__ != "builtins" and not inside


def is_numerical(kind: type) -> bool:
    """Whether a class is NumPy's or SciPy's, whose code reads what its objects hold and knows nothing of traces."""
    return str(kind.__module__).partition(".")[0] in ("numpy", "scipy")


def is_pythons(kind: type) -> bool:
    """Whether a class comes with Python."""
    return kind.__module__.partition(".")[0] in sys.stdlib_module_names


def named(f: types.FunctionType, args: tuple, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a call, defaults included, whose values are objects with attributes: those a chain may start from."""
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    defaults = f.__defaults__ or ()
    given = {
        **dict(zip(names[len(names) - len(defaults) :], defaults)),
        **(f.__kwdefaults__ or {}),
        **dict(zip(names, args)),
        **kwargs,
    }
    return {name: value for name, value in given.items() if has_attributes(value)}


def unnamed(f: types.FunctionType, args: tuple, kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments of a call that its function has in a tuple, or a dict, of any number of them."""
    code = f.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return [*args[code.co_argcount :], *(value for name, value in kwargs.items() if name not in names)]
