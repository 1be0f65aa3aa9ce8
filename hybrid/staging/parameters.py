"""The signature of a decorated function: calls in one form, a name for every leaf, and which parameters are static."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hybrid.core import tree
from hybrid.core.config import BACKENDS
from hybrid.core.errors import ArgumentError

Bound = tuple[Any, ...]  # the arguments of a call as (args, kwargs), and its state by name where there is any


def check_options(strict: Any, backend: Any) -> None:
    """ArgumentError for what these options of `hybrid.function` cannot be."""
    if type(strict) is not bool:
        raise ArgumentError("strict is True or False", got=repr(strict)[:80],
                            fix="strict=True raises where something cannot be compiled, strict=False says so once")  # fmt: skip
    if backend not in (None, *BACKENDS):
        raise ArgumentError("backend is one of hybrid's, or None", got=repr(backend)[:80], expected=" · ".join(BACKENDS),
                            fix='backend="llvm"')  # fmt: skip


class Parameters:
    """What is known of a function from its signature; functions without one take any arguments as they come.

    >>> Parameters(lambda x, *rest, scale=1.0: x, ["scale"]).names(tree.flatten(((1, 2, (3, 4)), {"scale": 5}))[1])
    ['x', 'rest0', 'rest1_0', 'rest1_1', 'scale']
    """

    def __init__(self, function: Callable, static: Sequence[int | str] | int | str):
        try:
            # What the function itself takes, not what a decorator below says that it does.
            self.signature: inspect.Signature | None = inspect.signature(function, follow_wrapped=False)
        except (TypeError, ValueError):
            self.signature = None
        self.parameters = list(self.signature.parameters.values()) if self.signature else []
        plain = [p for p in self.parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self._fits = range(0)  # how many arguments by position are a call without further ado
        if self.signature is not None and len(plain) == len(self.parameters):
            self._fits = range(sum(p.default is p.empty for p in plain), len(plain) + 1)
        self.static = self._static((static,) if isinstance(static, (bool, int, str)) else static)

    def _static(self, static: Sequence[int | str]) -> frozenset[str]:
        names = [p.name for p in self.parameters]
        out = set()
        if not isinstance(static, Iterable):
            raise ArgumentError("static is a parameter or several, by name or position", got=repr(static)[:80],
                                expected=", ".join(names), fix='static=("n",)')  # fmt: skip
        for item in static:
            if type(item) is int and -len(names) <= item < len(names):
                out.add(names[item])
            elif item in names:
                out.add(str(item))
            else:
                raise ArgumentError(f"static names no parameter: {item!r}", expected=", ".join(names))
        return frozenset(out)

    def bind(self, args: tuple, kwargs: dict) -> Bound:
        """Arguments by position where the signature allows, defaults left out, so that equal calls look equal.

        Raises:
            TypeError: they do not fit; Python's own message comes from calling the function.
        """
        if self.signature is None:
            return args, dict(kwargs)
        if not kwargs and len(args) in self._fits:
            return args, {}
        bound = self.signature.bind(*args, **kwargs)
        return bound.args, bound.kwargs

    def order(self, positional: int, keywords: tuple[str, ...]) -> tuple[int, ...] | None:
        """For each argument of a call of this form its place after `bind`; None where the form does not tell."""
        if self.signature is None:
            return tuple(range(positional + len(keywords)))
        try:
            args, kwargs = self.bind(tuple(range(positional)), {name: positional + k for k, name in enumerate(keywords)})
        except TypeError:
            return None
        places = {given: place for place, given in enumerate((*args, *kwargs.values()))}
        return (
            tuple(places[k] for k in range(positional + len(keywords))) if len(places) == positional + len(keywords) else None
        )

    def names(self, structure: tree.Structure) -> list[str]:
        """A name for every leaf, from the parameter it came through; of state, from where it was read."""
        args, kwargs, *state = structure.children
        out: list[str] = []
        for k, child in enumerate(args.children):
            p = self._at(k)
            base = (
                f"arg{k}" if p is None else f"{p.name}{k - self.parameters.index(p)}" if p.kind is p.VAR_POSITIONAL else p.name
            )
            out += [base] if child.kind is None else [f"{base}_{j}" for j in range(child.leaves)]
        for name, child in zip(kwargs.aux or (), kwargs.children):  # type: ignore[call-overload]
            out += [name] if child.kind is None else [f"{name}_{j}" for j in range(child.leaves)]
        for name, child in zip(state[0].aux, state[0].children) if state else ():  # type: ignore[call-overload]
            name = name.removeprefix("global ").strip("`")
            out += [name] if child.kind is None else [f"{name}_{j}" for j in range(child.leaves)]
        return out

    def owners(self, structure: tree.Structure) -> list[str]:
        """For every leaf the parameter it came through; nothing for state."""
        args, kwargs, *state = structure.children
        out: list[str] = []
        for k, child in enumerate(args.children):
            p = self._at(k)
            out += ["" if p is None else p.name] * child.leaves
        for name, child in zip(kwargs.aux or (), kwargs.children):  # type: ignore[call-overload]
            out += [name] * child.leaves
        return out + [""] * sum(part.leaves for part in state)

    def static_flags(self, structure: tree.Structure) -> list[bool]:
        """For every leaf whether it came through a parameter that was declared static."""
        return [name in self.static for name in self.owners(structure)]

    def name(self, position: int) -> str:
        """The parameter that takes this position."""
        found = self._at(position)
        return "" if found is None else found.name

    def _at(self, position: int) -> inspect.Parameter | None:
        """The parameter that takes this position: `*args` takes all from its own on."""
        for k, p in enumerate(self.parameters):
            if p.kind is p.VAR_POSITIONAL or k == position:
                return p
        return None


def untraceable(function: Callable) -> str:
    """Why a callable can only run as plain Python, or nothing."""
    code = function if inspect.isroutine(function) or isinstance(function, functools.partial) else type(function).__call__
    for test, what in (
        (inspect.isgeneratorfunction, "generator functions"),
        (inspect.iscoroutinefunction, "async functions"),
        (inspect.isasyncgenfunction, "async generator functions"),
    ):
        if test(code):
            return f"{what} are not compiled"
    return ""
