"""Pytrees: nested containers flattened to leaves and a structure, and back.

Lists, tuples, dicts, namedtuples, dataclasses, None, and deques, `defaultdict`, `OrderedDict` and `Counter` are known;
`register(cls, flatten, unflatten)` adds a class.
Anything else is a leaf.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from hybrid.core.shadows import slots_of

_REGISTRY: dict[type, tuple[Callable[[Any], tuple[list, Hashable]], Callable[[Hashable, list], Any]]] = {}


def register(cls: type, flatten: Callable[[Any], tuple[list, Hashable]], unflatten: Callable[[Hashable, list], Any]) -> type:
    """Teach the engine a container class.

    Args:
        cls: the class; instances of subclasses stay leaves.
        flatten: `object -> (children, aux)`, with `aux` hashable.
        unflatten: `(aux, children) -> object`.

    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> _ = hy.register_pytree(Pair, lambda p: ([p.a, p.b], None), lambda aux, parts: Pair(*parts))
    >>> hy.function(lambda p: p.a + p.b)(Pair(1.0, 2.0))
    3.0
    """
    _REGISTRY[cls] = (flatten, unflatten)
    _leaves.discard(cls)
    return cls


def registered(cls: type) -> bool:
    """Whether a class has a flattening of its own."""
    return cls in _REGISTRY


@dataclass(frozen=True, slots=True)
class Structure:
    """The shape of a tree without its leaves. Equal structures have equal containers, keys and leaf places."""

    kind: type | None  # None: a leaf
    aux: Hashable = None
    children: tuple[Structure, ...] = ()

    @property
    def leaves(self) -> int:
        return 1 if self.kind is None else sum(child.leaves for child in self.children)

    def __str__(self) -> str:
        """As the containers are written, a star for each leaf: `(*, {'w': *})`."""
        inner = [str(child) for child in self.children]
        if self.kind is None or self.kind is type(None):
            return "*" if self.kind is None else "None"
        if self.kind is tuple:
            return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
        if self.kind is list:
            return f"[{', '.join(inner)}]"
        names = self.aux if isinstance(self.aux, tuple) and len(self.aux) == len(inner) else range(len(inner))
        if self.kind is dict:
            return f"{{{', '.join(f'{name!r}: {part}' for name, part in zip(names, inner))}}}"
        return f"{self.kind.__name__}({', '.join(f'{name}={part}' for name, part in zip(names, inner))})"


LEAF = Structure(None)
MAPPINGS = (OrderedDict, defaultdict, Counter)  # other dicts whose items are known
_LASTING = frozenset(("builtins", "numpy", "hybrid.frontend.tensor"))  # modules whose classes nobody registers or drops


WHOLE = "__hybrid_kept__"  # of a class whose instances are leaves, whatever it is derived from
_leaves: set[type] = set()  # classes that turned out to be no containers: to find that out takes a microsecond


def _split(tree: Any) -> tuple[list, Hashable] | None:
    """Children and aux of a container, or None for a leaf."""
    kind = type(tree)
    if kind in _leaves:
        return None
    if kind is tuple or kind is list:
        return list(tree), len(tree)
    if kind is dict:
        return list(tree.values()), tuple(tree)
    if tree is None:
        return [], None
    if kind in MAPPINGS:
        return list(tree.values()), tuple(tree) if kind is not defaultdict else (tree.default_factory, *tree)
    if kind is deque:
        return list(tree), (tree.maxlen, len(tree))
    if kind in _REGISTRY:
        return _REGISTRY[kind][0](tree)
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return None if getattr(tree, "__dict__", None) else (list(tree), kind._fields)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type) and not hasattr(kind, WHOLE):
        names = attributes(tree)
        return [getattr(tree, name) for name in names], names
    if kind.__module__ in _LASTING:
        _leaves.add(kind)
    return None


def attributes(value: Any) -> tuple[str, ...]:
    """The attributes that an instance of a dataclass holds itself: fields, and whatever else it was given."""
    kind: Any = type(value)
    names = slots_of(kind)
    if names and not all(hasattr(value, name) for name in names):
        names = tuple(name for name in names if hasattr(value, name))
    return (*names, *getattr(value, "__dict__", ()))


def flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, Structure]:
    """Leaves in order, and the structure that puts them back; what `is_leaf` says yes to is not looked into.

    >>> leaves, structure = flatten({"w": 1, "b": (2, None)})
    >>> leaves, unflatten(structure, [10, 20])
    ([1, 2], {'w': 10, 'b': (20, None)})
    """
    leaves: list = []
    return leaves, _flatten(tree, leaves, is_leaf)


def _flatten(tree: Any, leaves: list, is_leaf: Callable[[Any], bool] | None) -> Structure:
    parts = None if is_leaf is not None and is_leaf(tree) else _split(tree)
    if parts is None:
        leaves.append(tree)
        return LEAF
    children, aux = parts
    return Structure(type(tree), aux, tuple(_flatten(child, leaves, is_leaf) for child in children))


def children(tree: Any) -> list | None:
    """What a container holds, in order; None for a leaf."""
    parts = _split(tree)
    return None if parts is None else parts[0]


def unflatten(structure: Structure, leaves: list | tuple) -> Any:
    """The tree of this structure with these leaves."""
    source: Iterator = iter(leaves)
    return _unflatten(structure, source)


def _unflatten(structure: Structure, leaves: Iterator) -> Any:
    kind = structure.kind
    if kind is None:
        return next(leaves)
    children = [_unflatten(child, leaves) for child in structure.children]
    if kind is tuple:
        return tuple(children)
    if kind is list:
        return children
    if kind is dict:
        return dict(zip(structure.aux, children, strict=True))  # type: ignore[call-overload]
    if kind is type(None):
        return None
    if kind is defaultdict:
        names: Any = structure.aux
        return defaultdict(names[0], zip(names[1:], children, strict=True))
    if kind in MAPPINGS:
        made: Any = kind()
        made.update(dict(zip(structure.aux, children, strict=True)))  # type: ignore[call-overload]
        return made
    if kind is deque:
        return deque(children, structure.aux[0])  # type: ignore[index]
    if kind in _REGISTRY:
        return _REGISTRY[kind][1](structure.aux, children)
    if issubclass(kind, tuple):
        return tuple.__new__(kind, children)
    return _rebuild_dataclass(kind, structure.aux, children)


def _rebuild_dataclass(kind: type, names: Any, children: list) -> Any:
    # __init__ may compute or validate; the tree only restores attributes, as copy.copy does.
    out: Any = object.__new__(kind)
    for name, child in zip(names, children, strict=True):
        object.__setattr__(out, name, child)
    return out


def map_leaves(function: Callable, tree: Any) -> Any:
    """The same tree with `function` applied to every leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])
