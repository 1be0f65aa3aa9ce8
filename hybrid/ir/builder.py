"""Appends equations one at a time: infers types, folds literals, and numbers values so that equal work is recorded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import TensorType
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Source, Var
from hybrid.ir.primitive import Kind, Primitive, infer


def _key(atom: Atom) -> object:
    return atom.key if isinstance(atom, Literal) else id(atom)


def _folded(primitive: Primitive, inputs: tuple[Atom, ...], params: Mapping[str, Any]) -> Any:
    """What an operation on literals gives; None for others, and where NumPy warns, which is for every call to hear."""
    if primitive.kind is not Kind.MAP or not inputs or not all(isinstance(atom, Literal) for atom in inputs):
        return None
    try:
        with np.errstate(all="raise", under="ignore"):
            return primitive.eval(*(atom.value for atom in inputs), **params)  # type: ignore[union-attr]
    except FloatingPointError:
        return None


class Builder:
    """A graph under construction.

    >>> from hybrid.ops.elementwise import add
    >>> builder = Builder("twice")
    >>> x = builder.input(TensorType(np.dtype("float32"), (3,)), "x")
    >>> y = builder.append(add, (x, x))[0]
    >>> y is builder.append(add, (x, x))[0]
    True
    >>> print(builder.finish([y]))
    graph twice(x: f32[3]) {
      t0: f32[3] = add(x, x)
      return t0
    }
    """

    def __init__(self, name: str, outer: Builder | None = None):
        self.name, self.outer = name, outer  # outer: of the body around this one, whose values may be used
        self.salt: object = None if outer is None else outer.salt  # what is recorded with another is not the same
        self.inputs: list[Var] = []
        self.names: dict[Var, str] = {}
        self.eqns: list[Eqn] = []
        self.constants: dict[int, tuple[Var, np.ndarray]] = {}  # by id of the captured array
        self._numbers: dict[object, tuple[Atom, ...]] = {}
        self._producers: dict[Atom, Eqn] = {}
        self._looked_at = 0  # equations whose results are in it

    def producers(self) -> dict[Atom, Eqn]:
        """The equation that makes each value, of those here; asked for again and again while these grow in number."""
        for eqn in self.eqns[self._looked_at :]:
            self._producers.update((var, eqn) for var in eqn.outputs)
        self._looked_at = len(self.eqns)
        return self._producers

    def input(self, type: TensorType, name: str = "") -> Var:
        var = Var(type)
        self.inputs.append(var)
        if name:
            self.names[var] = name
        return var

    def constant(self, array: np.ndarray) -> Var:
        """The variable that stands for a captured array; the array itself is kept, not copied."""
        if self.outer is not None:
            return self.outer.constant(array)
        known = self.constants.get(id(array))
        if known is None:
            if not dt.supported(array.dtype):
                raise TraceError(f"an array of dtype {array.dtype} is not compiled")
            known = self.constants[id(array)] = (Var(TensorType(array.dtype, array.shape)), array)
        return known[0]

    def append(self, primitive: Primitive, inputs: tuple[Atom, ...], params: Mapping[str, Any] | None = None,
               source: Source | None = None) -> tuple[Atom, ...]:  # fmt: skip
        params = params or {}
        key: tuple = (primitive.name, *map(_key, inputs), tuple(params.items()))
        if self.salt is not None:
            key = (*key, self.salt)
        known = self.known(key)
        if known is not None:
            return known
        types = infer(primitive, [atom.type for atom in inputs], dict(params))
        outputs: tuple[Atom, ...]
        value = _folded(primitive, inputs, params)
        if value is not None:
            outputs = (Literal(np.asarray(value, types[0].dtype)[()], types[0]),)
        else:
            made = tuple(Var(t) for t in types)
            self.eqns.append(Eqn(primitive, inputs, params, made, source))
            outputs = made
        self._numbers[key] = outputs
        return outputs

    def known(self, key: object) -> tuple[Atom, ...] | None:
        """The results of an equal equation, here or around this body."""
        at: Builder | None = self
        while at is not None:
            if key in at._numbers:
                return at._numbers[key]
            at = at.outer
        return None

    def remember(self, key: object, made: tuple[Atom, ...]) -> None:
        """Note values under a key of one's own, for `known`."""
        self._numbers[key] = made

    def absorb(self, inner: Builder) -> None:
        """Append what a builder inside this one holds."""
        self.eqns += inner.eqns
        self._numbers.update(inner._numbers)

    def take(self, eqns: list[Eqn], inner: Builder) -> None:
        """Append some of what a builder inside this one holds, which comes of nothing else in it."""
        made = {var for eqn in eqns for var in eqn.outputs}
        self.eqns += eqns
        self._numbers.update((key, known) for key, known in inner._numbers.items() if known and made.issuperset(known))

    def body(self, outputs: list[Atom] | tuple[Atom, ...]) -> Graph:
        """The finished body: its inputs are those declared, then whatever it uses from around it."""
        made = {*self.inputs, *(var for eqn in self.eqns for var in eqn.outputs)}
        used = [*(atom for eqn in self.eqns for atom in eqn.inputs), *outputs]
        free = dict.fromkeys(atom for atom in used if isinstance(atom, Var) and atom not in made)
        return Graph(self.name, (*self.inputs, *free), tuple(self.eqns), tuple(outputs), (), self.names)

    def finish(self, outputs: list[Atom] | tuple[Atom, ...]) -> Graph:
        return Graph(
            self.name, tuple(self.inputs), tuple(self.eqns), tuple(outputs), tuple(self.constants.values()), self.names
        )
