"""The graph: typed SSA over whole arrays. Immutable; passes rebuild it.

graph gelu(x: f32[1024]) {
  t0: f32[1024] = mul(x, f32(0.5))  # gelu.py:3
  return t0
}
"""

from __future__ import annotations

import contextlib
import linecache
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hybrid.core.shape import Dim, TensorType
from hybrid.ir.primitive import Kind, Primitive


@dataclass(frozen=True, slots=True)
class Source:
    """A line of the user's program."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"

    @property
    def text(self) -> str:
        return linecache.getline(self.file, self.line).strip()


class Var:
    """A value of the graph, known by identity."""

    __slots__ = ("type",)

    def __init__(self, type: TensorType):
        self.type = type

    def __repr__(self) -> str:
        return f"<var {self.type}>"


class Literal:
    """A constant scalar written into the graph."""

    __slots__ = ("value", "type")

    def __init__(self, value: Any, type: TensorType):
        self.value, self.type = value, type

    @property
    def key(self) -> tuple:
        # Bytes tell -0.0 from 0.0 and one NaN from another.
        return ("literal", self.type, np.asarray(self.value).tobytes())

    def __repr__(self) -> str:
        return f"{self.value!r}:{self.type}"


Atom = Var | Literal


@dataclass(frozen=True, slots=True, eq=False)
class Eqn:
    """`outputs = primitive(*inputs, **params)`, recorded at the user's line `source`."""

    primitive: Primitive
    inputs: tuple[Atom, ...]
    params: Mapping[str, Any]
    outputs: tuple[Var, ...]
    source: Source | None = None
    mentions: frozenset[str] | None = field(default=None, init=False, repr=False)  # what `symbols_of` found

    @property
    def output(self) -> Var:
        return self.outputs[0]

    @property
    def title(self) -> str:
        """What the user knows it as: the function, where it is a call of one."""
        call = self.params.get("call")
        return self.params.get("function") or getattr(call, "name", None) or self.primitive.name


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A function from `inputs` to `outputs`.

    `constants` are arrays that the traced code captured, held by reference: their contents are read at every call.
    """

    name: str
    inputs: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    outputs: tuple[Atom, ...]
    constants: tuple[tuple[Var, np.ndarray], ...] = ()
    names: Mapping[Var, str] = field(default_factory=dict)  # the user's names for inputs
    mentions: frozenset[str] | None = field(default=None, init=False, repr=False)  # what `symbols_of` found
    has: dict[Callable[[Eqn], bool], bool] = field(default_factory=dict, init=False, repr=False)  # what `anywhere` found

    def __str__(self) -> str:
        from hybrid.ir.text import render  # the printer needs the graph, the graph only offers it

        return render(self)

    @property
    def producers(self) -> dict[Var, Eqn]:
        return {var: eqn for eqn in self.eqns for var in eqn.outputs}

    def replace(self, **changes: Any) -> Graph:
        parts = {name: getattr(self, name) for name in self.__slots__ if name not in ("mentions", "has")}
        return Graph(**{**parts, **changes})


def uses(graph: Graph) -> dict[Var, list[Eqn]]:
    """Every variable's consumers, in program order, one entry per operand place."""
    out: dict[Var, list[Eqn]] = {}
    for eqn in graph.eqns:
        for atom in eqn.inputs:
            if isinstance(atom, Var):
                out.setdefault(atom, []).append(eqn)
    return out


class _Execution(threading.local):
    """Of the execution under way on this thread: what size symbols stand for, innermost body last; rounds; who looks on."""

    def __init__(self) -> None:
        self.stack: list[dict[str, int]] = [{}]
        self.rounds: tuple[int, ...] = ()
        self.observer: Observer | None = None


# Called in place of `apply` with an equation, its operands, the graph it is in and what is known there; gives its results.
Observer = Callable[["Eqn", Sequence[Any], "Graph", Mapping[Var, Any]], tuple]


_execution = _Execution()


class sizes:
    """Run a body in which these symbols have these values; what it binds itself is forgotten with it."""

    __slots__ = ("known",)

    def __init__(self, known: Mapping[str, int]):
        self.known = known

    def __enter__(self) -> dict[str, int]:
        inner = {**_execution.stack[-1], **self.known}
        _execution.stack.append(inner)
        return inner

    def __exit__(self, *_: object) -> None:
        _execution.stack.pop()


@contextlib.contextmanager
def in_round(symbol: str, number: int) -> Iterator[None]:
    """Run one round of a loop, whose symbol stands for its number."""
    before = _execution.rounds
    _execution.rounds = (*before, number)
    try:
        with sizes({symbol: number}):
            yield
    finally:
        _execution.rounds = before


def rounds() -> tuple[int, ...]:
    """The rounds that the loops under way on this thread are in, the outermost first."""
    return _execution.rounds


@contextlib.contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Leave every equation that this thread runs to an observer, which calls `apply`; those of a body come inside it."""
    before, _execution.observer = _execution.observer, observer
    try:
        yield
    finally:
        _execution.observer = before


def bind_size(symbol: str, value: int) -> None:
    """Give a symbol its value for the rest of the body that is being run."""
    _execution.stack[-1][symbol] = value


def resolved(value: Any) -> Any:
    """A parameter with numbers for its symbolic sizes."""
    if isinstance(value, Dim):
        return value.evaluate(_execution.stack[-1])
    if type(value) is tuple:
        return tuple(map(resolved, value))
    return value


def apply(eqn: Eqn, operands: Sequence[Any]) -> tuple:
    """The results of one equation on arrays, by NumPy."""
    params = {name: resolved(value) for name, value in eqn.params.items()} if _execution.stack[-1] else eqn.params
    out = eqn.primitive.eval(*operands, **params)
    found = out if isinstance(out, tuple) else (out,)
    if "defines" in params:
        for var, array in zip(eqn.outputs, found):
            for size, given in zip(var.type.shape, np.shape(array)):
                if isinstance(size, Dim) and str(size) in params["defines"]:
                    bind_size(str(size), given)
    return found


def bodies(eqn: Eqn) -> Mapping[str, Graph]:
    """The graphs among an equation's params: branches, tests and bodies of loops."""
    if eqn.primitive.kind not in _WITH_BODIES:
        return _NO_BODIES
    return {name: value for name, value in eqn.params.items() if isinstance(value, Graph)}


_WITH_BODIES = (Kind.CONTROL, Kind.OPAQUE)
_NO_BODIES: Mapping[str, Graph] = {}


def is_construct(eqn: Eqn) -> bool:
    """Whether it is a branch or loop."""
    return eqn.primitive.kind is Kind.CONTROL and eqn.primitive.body not in ("bind", "check")


def walk(graph: Graph) -> Iterator[Eqn]:
    """Every equation, those of bodies after the one they belong to."""
    for eqn in graph.eqns:
        yield eqn
        for body in bodies(eqn).values():
            yield from walk(body)


def anywhere(eqn: Eqn, is_one: Callable[[Eqn], bool]) -> bool:
    """Whether an equation is one of a kind, or one in its bodies is."""
    return is_one(eqn) or any(has(body, is_one) for body in bodies(eqn).values())


def has(graph: Graph, is_one: Callable[[Eqn], bool]) -> bool:
    """Whether some equation is one of a kind, those of bodies included."""
    if is_one not in graph.has:  # bodies in bodies would be gone through once for each around them
        graph.has[is_one] = any(anywhere(eqn, is_one) for eqn in graph.eqns)
    return graph.has[is_one]


def has_effects(graph: Graph) -> bool:
    """Whether a run does something besides its results."""
    return has(graph, _acts)


def _acts(eqn: Eqn) -> bool:
    return eqn.primitive.effect


_NO_SYMBOLS: frozenset[str] = frozenset()
_PLAIN = frozenset((int, float, str, bool, type(None)))


def symbols_of(value: Any) -> frozenset[str]:
    """The size symbols that a parameter, a type or an equation mentions and does not bind itself."""
    if isinstance(value, Dim):
        return value.symbols
    if isinstance(value, TensorType):
        value = value.shape
    if isinstance(value, tuple):
        found = [symbols_of(item) for item in value if type(item) is not int]
        return frozenset().union(*found) if found else _NO_SYMBOLS
    if isinstance(value, (Graph, Eqn)):
        if value.mentions is None:  # bodies in bodies would be gone through once for each around them
            object.__setattr__(value, "mentions", _mentioned(value))
        return value.mentions  # type: ignore[return-value]
    return _NO_SYMBOLS


def _mentioned(value: Graph | Eqn) -> frozenset[str]:
    if isinstance(value, Graph):
        inner = frozenset().union(*map(symbols_of, value.eqns), *(symbols_of(var.type) for var in value.inputs))
        return inner - {eqn.params["symbol"] for eqn in value.eqns if eqn.primitive.body == "bind"}
    parts = [symbols_of(part) for part in value.params.values() if type(part) not in _PLAIN]
    parts += [symbols_of(var.type.shape) for var in value.outputs]
    every = frozenset().union(*filter(None, parts))
    return every - {value.params.get("symbol"), *value.params.get("defines", ())} if every else every


def evaluate(graph: Graph, *arrays: Any) -> tuple[np.ndarray, ...]:
    """Run the graph op by op with NumPy: the meaning that every compiled form must match."""
    env = run(graph, arrays)
    return tuple(read(env, atom) for atom in graph.outputs)


def run(graph: Graph, arrays: Sequence[Any]) -> dict[Var, np.ndarray]:
    """Every value of one execution, by variable."""
    env: dict[Var, np.ndarray] = dict(zip(graph.inputs, arrays, strict=True))
    env.update((var, array) for var, array in graph.constants)
    observer = _execution.observer
    with np.errstate(all="ignore"), sizes(sizes_of(graph, arrays)):
        for eqn in graph.eqns:
            operands = [read(env, atom) for atom in eqn.inputs]
            results = apply(eqn, operands) if observer is None else observer(eqn, operands, graph, env)
            env.update(zip(eqn.outputs, results, strict=True))
    return env


def sizes_of(graph: Graph, arrays: Sequence[Any]) -> dict[str, int]:
    """What the symbols that are sizes of inputs stand for."""
    found: dict[str, int] = {}
    for var, array in zip(graph.inputs, arrays):
        for size, here in zip(var.type.shape, np.shape(array)):
            if isinstance(size, Dim) and len(size.symbols) == 1 and size == Dim.symbol(*size.symbols):
                found[next(iter(size.symbols))] = here
    return found


def read(env: Mapping[Var, np.ndarray], atom: Atom) -> Any:
    return atom.value if isinstance(atom, Literal) else env[atom]
