"""Containers of the caller's among the arguments of a trace: what they held at first, and what they hold at its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from hybrid.control.given import Contents, Table
from hybrid.control.lists import Listed
from hybrid.core import tree
from hybrid.core.errors import TraceError

Path = tuple[int, ...]  # from (args, kwargs) to a container inside, by child


class Container:
    """A list, dict or other mutable container among the trace's arguments, and what it held at first."""

    def __init__(self, path: Path, value: Any):
        self.path, self.value = path, value
        self.before = self._now()

    def _now(self) -> tuple[list[Any], Any]:
        is_record = dataclasses.is_dataclass(self.value)
        names = tree.attributes(self.value) if is_record else tuple(self.value) if type(self.value) is dict else None
        return tree.children(self.value) or [], names

    @property
    def changed(self) -> bool:
        (before, keys), (now, keys_now) = self.before, self._now()
        return keys != keys_now or len(before) != len(now) or any(a is not b for a, b in zip(before, now))

    def contents(self) -> Any:
        """What it holds now, as a list or a dict of its own."""
        if type(self.value) is dict:
            return dict(self.value)
        if dataclasses.is_dataclass(self.value):
            return dict(zip(tree.attributes(self.value), tree.children(self.value) or ()))
        if type(self.value) is not list:
            raise TraceError(f"the function changes a {type(self.value).__name__} that it was given",
                             expected="changes in lists, dicts and dataclasses", fix="return a new one")  # fmt: skip
        return tree.children(self.value)


class Changed:
    """A list among the arguments that the function changes, as far as is known."""

    changed = True

    def __init__(self, path: Path, value: Listed):
        self.path, self.value = path, value

    def contents(self) -> Any:
        """What it holds now, as a list of its own."""
        return Contents(self.value)


def containers_in(node: Any, path: Path = ()) -> Iterator[Container]:
    """The containers inside the arguments that the function could change."""
    children = tree.children(node)
    if not children and (children is None or node is None):
        return
    if len(path) > 1 and not isinstance(node, tuple):
        yield Container(path, node)
    for k, child in enumerate(children):
        yield from containers_in(child, (*path, k))


def changed_in(bound: Any) -> Iterator[Changed]:
    """The lists among the arguments that the function may change, and their places."""
    seen: dict[int, Changed] = {}
    for side, part in enumerate(bound[:2]):
        for k, value in enumerate(tree.children(part) or ()):
            if type(value) in (Listed, Table):
                seen.setdefault(id(value), Changed((side, k), value))
    yield from seen.values()


def leaf_at(structure: tree.Structure, path: Path) -> int:
    """Which leaf of (args, kwargs) an argument is that is one."""
    side, k = path
    before = structure.children[:side]
    return sum(part.leaves for part in (*before, *structure.children[side].children[:k]))


def update(container: Any, contents: Any) -> None:
    """Leave in a caller's container what the function left in it."""
    if isinstance(container, dict):
        container.clear()
        container.update(contents)
    elif isinstance(container, list):
        container[:] = contents
    else:  # an instance of a dataclass, whose own way of setting attributes the trace has gone
        for name in tree.attributes(container):
            if name not in contents:
                object.__delattr__(container, name)
        for name, value in contents.items():
            object.__setattr__(container, name, value)
