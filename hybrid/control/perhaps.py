"""A tuple, or None, which only a run knows: `best = None; for …: if d < least: best = (i, j)`.

It is its parts and a flag. Whatever is asked of it but whether it is None, is asked of the tuple: where there is none, Python
raises the error, or finds another answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.frontend.values import Value, active, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom


class Copy(NamedTuple):
    """A record of which storage has the parts (`records`): what it held when it was put there.

    `out`: it was made of what stands there.
    """

    record: Any
    names: tuple
    parts: tuple
    out: bool


def _built(cls: Any, parts: Iterable[Any]) -> Any:
    """A tuple or record of some parts; a list is its only part."""
    if not isinstance(cls, type):
        return cls.build(parts)
    return next(iter(parts)) if cls is list else tuple.__new__(cls, parts)


class Perhaps:
    """A tuple of class `cls` with these parts, or a list, the only part, where `holds` is true; else None.

    For a record `cls` says what it is, as `structure` does.
    """

    __slots__ = ("cls", "holds", "parts", "record")

    def __init__(self, cls: Any, holds: Any, parts: Iterable[Any]):
        self.cls, self.holds, self.parts = cls, holds, tuple(parts)
        self.record: Any = None  # once it has been asked for

    def flag(self) -> bool | Atom:
        """Whether there is a tuple."""
        return tr.read(unwrap(self.holds)) if isinstance(self.holds, Value) else self.holds

    def whole(self) -> Any:
        """The tuple of its parts, which mean nothing where there is none."""
        return _built(self.cls, self.parts)

    def present(self) -> Any:
        """The tuple, which is taken to be there."""
        flag = self.flag()
        if flag is False:
            raise TypeError("'NoneType' object is not what a tuple is")
        if flag is not True:
            active().assume(flag, "a variable that may be None is a tuple")
        if isinstance(self.cls, type):
            return _built(self.cls, self.parts)
        if self.record is None:
            self.record = _built(self.cls, self.parts)
            active().copies[id(self.record)] = Copy(self.record, self.cls.keys, self.parts, True)
        return self.record

    def __iter__(self) -> Iterator[Any]:
        return iter(self.present())

    def __len__(self) -> int:
        return len(self.present())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # what NumPy and others look for
        return getattr(self.present(), name)

    def __repr__(self) -> str:
        raise TraceError("whether a variable is a tuple or None only a run knows, and it is written out", at=tr.user_line())

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __hash__(self) -> int:
        return hash(self.present())


def _asked(name: str) -> Callable:
    def operation(self: Perhaps, *args: Any) -> Any:
        return getattr(self.present(), name)(*args)

    return operation


for _name in ("getitem", "contains", "add", "mul", "rmul", "eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Perhaps, f"__{_name}__", _asked(f"__{_name}__"))

tree.register(
    Perhaps,
    lambda perhaps: ([perhaps.holds, *perhaps.parts], perhaps.cls),
    lambda cls, children: _built(cls, children[1:]) if children[0] else None,  # type: ignore[arg-type]
)


def pieces(value: Any, cls: Any, count: int, absent: Any) -> tuple | None:
    """The flag and the parts of a tuple of a class, of None, or of either; None for anything else."""
    if value is None:
        return (False, *(absent,) * count)
    if type(value) is Perhaps:
        return (value.holds, *value.parts) if value.cls == cls and len(value.parts) == count else None
    if cls is list:
        return (True, value) if isinstance(value, list) else None
    if not isinstance(cls, type):
        parts = cls.parts(value)
        return None if parts is None else (True, *parts)
    return (True, *value) if isinstance(value, tuple) and type(value) is cls and len(value) == count else None


def present(value: Any) -> Any:
    """A list that may be None, where None would be an error of Python's; anything else as it is."""
    return value.present() if type(value) is Perhaps and value.cls is list else value
