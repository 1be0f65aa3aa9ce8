"""From graph values to scalar expressions: element `index` of a value, down to loads of stored arrays.

One `Puller` serves one loop body: within it every (value, index) is one shared expression node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.scipyspecial import operation
from hybrid.core.shape import Shape, Size, contiguous_strides
from hybrid.ir.graph import Atom, Eqn, Literal, Var
from hybrid.ir.primitive import Kind
from hybrid.loops.nest import OPS, Bitcast, Check, Code, Const, Expr, Index, Let, Load, Ref, Stmt, Store, convert, op, select
from hybrid.passes.access import PARTS, flat_offset, is_part, offset_of, view_index
from hybrid.passes.access import Index as IndexTuple

Key = tuple[int, IndexTuple]


# What lowering calls its loops, scalars and scratch arrays. Kernels have one name space, so no buffer is called so.
LOCAL = re.compile(r"([abghijknpqrsuvz]|row|last|total)\d\w*")


def as_reals(dtype: np.dtype, size: Size) -> tuple[np.dtype, Size]:
    """How loops see an array of this dtype and size: complex numbers are two reals, side by side."""
    return (dt.real_of(dtype), 2 * size) if dt.is_complex(dtype) else (dtype, size)


def element_copy(target: str, to: Affine, source: str, at: Affine, dtype: np.dtype) -> Iterator[Stmt]:
    """One element of an array into another of its dtype; the offsets count elements."""
    own, width = as_reals(dtype, 1)
    for part in range(int(width)):  # type: ignore[arg-type]  # a number, for one element
        yield Store(target, to * width + part, Load(source, at * width + part, own))


class Names:
    """Fresh names for one kernel."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def __call__(self, prefix: str) -> str:
        n = self.counts[prefix] = self.counts.get(prefix, -1) + 1
        return f"{prefix}{n}"


class Puller:
    """Expressions of one loop body.

    Args:
        producers: the graph's equations by result.
        buffers: names of stored arrays that may be loaded here.
        strides: element strides of stored arrays that are not C-contiguous.
        fresh: names for `Let`s.
        override: what a value is known as in this body (an accumulator, a scratch row), if anything.
    """

    def __init__(self, producers: Mapping[Var, Eqn], buffers: Mapping[Var, str], strides: Mapping[Var, Shape], fresh: Names,
                 override: Callable[[Var, IndexTuple], Expr | None] = lambda var, index: None):  # fmt: skip
        self.producers, self.buffers, self.strides, self.fresh, self.override = producers, buffers, strides, fresh, override
        self.known: dict[Key, Expr] = {}
        self.costs: dict[Key, int] = {}
        self.visited: dict[Key, Var] = {}  # recomputed values, for the choice of what to keep
        self.lets: list[Stmt] = []  # statements that must precede the expressions built so far
        self.affines: list[Affine] = []  # every offset used, for the choice of loops
        self.loaded: dict[Var, None] = {}
        self._gathers: dict[tuple[int, IndexTuple, object], str] = {}
        self._bound: set[str] = set()  # gathered places whose `Let` has been made

    def pull(self, atom: Atom, index: IndexTuple) -> Expr:
        """The expression of one element; graphs may be deep, so the walk keeps its own stack."""
        stack = [self._normal(atom, index)]
        root = stack[0]
        while stack:
            at, i = stack[-1]
            key = (id(at), i)
            if key in self.known:
                stack.pop()
                continue
            children, build = self._plan(at, i)
            missing = [c for c in children if (id(c[0]), c[1]) not in self.known]
            if missing:
                stack.extend(missing)
                continue
            keys = [(id(a), j) for a, j in children]
            own = 1 if isinstance(at, Literal) or not self._recomputed(at) else self._own_cost(at)
            self.costs[key] = min(own + sum(self.costs[k] for k in keys), 1000)
            self.known[key] = build(*(self.known[k] for k in keys))
            stack.pop()
        return self.known[id(root[0]), root[1]]

    def define(self, var: Var, index: IndexTuple, names: Sequence[str]) -> tuple[Expr, ...]:
        """Give a pulled value a name, by which everything after refers to it; or two, for both parts of a complex one."""
        refs = tuple(Ref(name, dt.real_of(var.type.dtype)) for name in names)
        if len(refs) == 1:
            self.known[id(var), index] = refs[0]
            self.costs[id(var), index] = 1
        return refs

    def views(self, atom: Atom, index: IndexTuple) -> Iterator[tuple[Var, IndexTuple]]:
        """A pulled value, and what it is only another view of."""
        at, i = self._normal(atom, index)
        while isinstance(at, Var):
            yield at, i
            if not self._recomputed(at) or self.producers[at].primitive.kind is not Kind.VIEW:
                return
            below = view_index(self.producers[at], i, lambda *_: "")
            if below is None or len(self.producers[at].inputs) > 1:
                return
            at, i = self._normal(self.producers[at].inputs[0], below)

    def _normal(self, atom: Atom, index: IndexTuple) -> tuple[Atom, IndexTuple]:
        return (atom, index if atom.type.shape else ())

    def _recomputed(self, var: Var) -> bool:
        return var not in self.buffers and var in self.producers

    def _own_cost(self, var: Var) -> int:
        p = self.producers[var].primitive
        return p.cost if p.kind is Kind.MAP else 0

    def _plan(self, atom: Atom, index: IndexTuple) -> tuple[list[tuple[Atom, IndexTuple]], Callable[..., Expr]]:
        """The elements this one is made of, and how."""
        if isinstance(atom, Literal):
            return [], lambda: Const(atom.value, atom.type.dtype)
        override = self.override(atom, index)
        if override is not None:
            return [], lambda: override
        if atom in self.buffers:
            return [], lambda: self.load(atom, offset_of(index, self._layout(atom)))
        return self.through(atom, index)

    def through(self, var: Var, index: IndexTuple) -> tuple[list[tuple[Atom, IndexTuple]], Callable[..., Expr]]:
        """As `_plan`, always by the value's equation."""
        eqn = self.producers[var]
        self.visited[id(var), index] = var
        if is_part(eqn):
            source, which = eqn.inputs[0], PARTS.index(eqn.primitive.body)
            return [], lambda: self.parts(source, index)[which]
        if eqn.primitive.kind is Kind.MAP:
            return [self._normal(a, index) for a in eqn.inputs], lambda *args: self._map(eqn, args, index)
        if eqn.primitive.kind is not Kind.VIEW:
            raise CompileError(f"{eqn.primitive.name} was to be computed before it is read", at=eqn.source)
        indices: list[tuple[Atom, IndexTuple]] = []
        sizes: list = []

        def name(operand: Atom, at: IndexTuple, size: object) -> str:
            indices.append(self._normal(operand, at))
            sizes.append(size)
            return self._gather_name(operand, at, size)

        below = view_index(eqn, index, name)
        if below is None:
            operand, offset = eqn.inputs[0], flat_offset(eqn, index)
            assert isinstance(operand, Var)
            if operand not in self.buffers and is_part(made := self.producers[operand]):
                whole, part = made.inputs[0], PARTS.index(made.primitive.body)
                assert isinstance(whole, Var)
                return [], lambda: self.load(whole, offset, part)
            return [], lambda: self.load(operand, offset)
        if not indices:
            return [self._normal(eqn.inputs[0], below)], lambda value: value
        # The places come first; only then may the element itself be pulled, after their `Let`s.
        places = [(id(a), j) for a, j in indices]
        if all(k in self.known for k in places):
            for k, (a, j), size in zip(places, indices, sizes):
                self._bind_gather(a, j, self.known[k], size)
            return [self._normal(eqn.inputs[0], below)], lambda value: value
        return indices, lambda *_: self.pull(eqn.inputs[0], self._after(eqn, indices, sizes, below))

    def _after(self, eqn: Eqn, indices: list, sizes: list, below: IndexTuple) -> IndexTuple:
        for (a, j), size in zip(indices, sizes):
            self._bind_gather(a, j, self.known[id(a), j], size)
        return below

    def _gather_name(self, operand: Atom, at: IndexTuple, size: object) -> str:
        key = (id(operand), at, size)  # a negative index means another place along an axis of another size
        if key not in self._gathers:
            self._gathers[key] = self.fresh("g")
        return self._gathers[key]

    def _bind_gather(self, operand: Atom, at: IndexTuple, value: Expr, size: object) -> None:
        """Let name = the index, counted from the front and checked against the axis."""
        name = self._gather_name(operand, at, size)
        if name in self._bound:
            return
        self._bound.add(name)
        if size is None:  # known to be inside, and not negative
            self.lets.append(Let(name, value))
            return
        length = Index(Affine.of(size))  # type: ignore[arg-type]
        raw = self.fresh("h")
        self.lets.append(Let(raw, value))
        given = Ref(raw, dt.int64)
        self.lets.append(Let(name, select(given < Const(0, dt.int64), given + length, given)))
        place = Ref(name, dt.int64)
        self.lets.append(Check((place >= Const(0, dt.int64)) & (place < length), Code.INDEX))

    def parts(self, atom: Atom, index: IndexTuple) -> tuple[Expr, Expr]:
        """The two parts of one element of a complex value: a literal, one that lies in memory, or one made of its parts."""
        if isinstance(atom, Literal):
            dtype = dt.real_of(atom.type.dtype)
            return Const(atom.value.real, dtype), Const(atom.value.imag, dtype)
        index = index if atom.type.shape else ()
        if atom in self.buffers:
            offset = offset_of(index, self._layout(atom))
            return self.load(atom, offset, 0), self.load(atom, offset, 1)
        eqn = self.producers[atom]
        if eqn.primitive.body != "complex":
            raise CompileError(f"{eqn.primitive.name} of complex numbers was to be split into its parts", at=eqn.source)
        re, im = (self.pull(part, index) for part in eqn.inputs)
        return re, im

    def load(self, var: Var, offset: Affine, part: int = 0) -> Expr:
        """The element at an offset, or one part of it where the array is complex."""
        if dt.is_complex(var.type.dtype):
            offset = offset * 2 + part
        self.affines.append(offset)
        self.loaded[var] = None
        return Load(self.buffers[var], offset, dt.real_of(var.type.dtype))

    def _layout(self, var: Var) -> Shape:
        return self.strides.get(var) or contiguous_strides(var.type.shape)

    def _map(self, eqn: Eqn, args: tuple[Expr, ...], index: IndexTuple) -> Expr:
        body = eqn.primitive.body
        if body == "convert":
            return convert(args[0], eqn.output.type.dtype)
        if body == "bitcast":
            return Bitcast(args[0], eqn.output.type.dtype)
        if body == "size":
            return Index(Affine.of(eqn.params["value"]))
        if body == "index":
            place = index[eqn.params["axis"]]
            self.affines.append(place)
            return Index(place)
        if body == "mul_no_nan":
            return select(op("eq", args[0], Const(0, args[0].dtype)), Const(0, args[0].dtype), args[0] * args[1])
        assert body is not None
        if body == "function":
            body = operation(eqn.params["function"], eqn.params["signature"])
        if body not in OPS:
            raise CompileError(f"{eqn.primitive.name} names no operation of the loop language", got=body)
        return op(body, *args)
