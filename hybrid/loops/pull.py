"""From graph values to scalar expressions: element `index` of a value, down to loads of stored arrays.

One `Puller` serves one loop body: within it every (value, index) is one shared expression node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.shape import Shape, contiguous_strides
from hybrid.ir.graph import Atom, Eqn, Literal, Var
from hybrid.ir.primitive import Kind
from hybrid.loops.nest import OPS, Bitcast, Check, Code, Const, Expr, Index, Let, Load, Ref, Stmt, convert, op, select
from hybrid.passes.access import Index as IndexTuple
from hybrid.passes.access import flat_offset, offset_of, view_index

Key = tuple[int, IndexTuple]


# What lowering calls its loops, scalars and scratch arrays. Kernels have one name space, so no buffer is called so.
LOCAL = re.compile(r"([abghijknpqrsuvz]|row|last|total)\d\w*")


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

    def define(self, var: Var, index: IndexTuple, name: str) -> Expr:
        """Give a pulled value a name, by which everything after refers to it."""
        ref = Ref(name, var.type.dtype)
        self.known[id(var), index] = ref
        self.costs[id(var), index] = 1
        return ref

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
            operand = eqn.inputs[0]
            assert isinstance(operand, Var)
            return [], lambda: self.load(operand, flat_offset(eqn, index))
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

    def load(self, var: Var, offset: Affine) -> Expr:
        self.affines.append(offset)
        self.loaded[var] = None
        return Load(self.buffers[var], offset, var.type.dtype)

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
        assert body is not None
        if body not in OPS:
            raise CompileError(f"{eqn.primitive.name} names no operation of the loop language", got=body)
        return op(body, *args)
