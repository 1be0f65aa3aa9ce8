"""Complex numbers as their parts: every complex value of a graph becomes two real ones, before fusion.

Memory stays NumPy's. A complex array that lies in memory (an argument, a captured array, the result of a host call, what a
WRITE, a branch or a loop gives) keeps its dtype; `real` and `imag` of it load every second element. What must lie in memory
(results, operands of host calls, what loops carry) is joined by `complex`, which stores both parts in the loop that computes
them. Everything between is real arithmetic (`passes/complex_rules.py`), which fusion, vectors and threads serve as any other.

    graph f(z: c128[n]) {                    graph f(z: c128[n]) {
      t0: c128[n] = mul(z, z)                  t0: f64[n] = real(z)
      return t0                                t1: f64[n] = imag(z)
    }                                          t2: f64[n] = mul(t1, t1)
                                               t3: f64[n] = neg(t2)
                                               t4: f64[n] = fma(t0, t0, t3)
                                               …
                                               t7: c128[n] = complex(t4, t6)
                                               return t7
                                             }

Numbers (rank 0) that branches and loops take, carry or give are two numbers there, so that they stay in registers.
"""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core import dtype as dt
from hybrid.core.shape import Shape, TensorType, product
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Source, Var, bodies
from hybrid.ir.primitive import Kind
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r
from hybrid.ops import view as v
from hybrid.ops.contract import dot_general, free_axes
from hybrid.passes.access import is_part, reduced_shape
from hybrid.passes.complex_rules import RULES, Number, Real
from hybrid.passes.steps import BLAS_WORK, number

Pair = tuple[Atom, Atom]


def split(graph: Graph) -> Graph:
    """The graph without complex arithmetic; the same object where there is none."""
    return graph if is_split(graph) else _Splitter(graph, inside=False).run()


def is_split(graph: Graph) -> bool:
    """Whether complex numbers only come in, go out, and pass through host calls."""
    return all(_is_split(eqn) for eqn in graph.eqns) and not any(
        isinstance(atom, Literal) and is_complex(atom) for atom in graph.outputs
    )


def _is_split(eqn: Eqn) -> bool:
    if not any(is_complex(atom) for atom in (*eqn.inputs, *eqn.outputs)):
        return all(map(is_split, bodies(eqn).values()))
    return is_part(eqn) or eqn.primitive is e.complex_


def is_complex(atom: Atom) -> bool:
    return dt.is_complex(atom.type.dtype)


class _Splitter:
    """One graph or body being rebuilt.

    `pairs` has complex values by their parts; `env` what stands for every other value, complex ones in memory among them.
    """

    def __init__(self, graph: Graph, inside: bool):
        self.graph, self.inside = graph, inside
        self.builder = Builder(graph.name)
        self.builder.names = dict(graph.names)
        self.builder.constants = {id(array): (var, array) for var, array in graph.constants}
        self.pairs: dict[Var, Pair] = {}
        self.env: dict[Var, Atom] = {}

    def run(self) -> Graph:
        for var in self.graph.inputs:
            if self.inside and _is_number(var):
                self.pairs[var] = self.builder.input(_real(var)), self.builder.input(_real(var))
            else:
                self.builder.inputs.append(var)
        for eqn in self.graph.eqns:
            self.equation(eqn)
        outputs = self.operands(self.graph.outputs) if self.inside else [self.whole(atom) for atom in self.graph.outputs]
        if self.inside:
            return self.builder.body(outputs)
        return self.builder.finish(outputs)

    # values -------------------------------------------------------------------------------------------------------------
    def one(self, primitive, *inputs: Atom, source: Source | None = None, **params) -> Atom:
        return self.builder.append(primitive, inputs, params, source)[0]

    def plain(self, atom: Atom) -> Atom:
        return self.env.get(atom, atom) if isinstance(atom, Var) else atom

    def parts(self, atom: Atom) -> Pair:
        """The parts of a complex value; each may have rank 0 where the value has axes."""
        if isinstance(atom, Var) and atom in self.pairs:
            return self.pairs[atom]
        at = self.plain(atom)
        return self.one(e.real, at), self.one(e.imag, at)  # of a literal, literals

    def whole(self, atom: Atom) -> Atom:
        """A value in one piece, as it lies in memory."""
        if not (isinstance(atom, Var) and atom in self.pairs):
            return self.plain(atom)
        re, im = self.pairs[atom]
        return self.one(e.complex_, self.full(re, atom.type.shape) if re.type.shape == im.type.shape else re, im)

    def full(self, atom: Atom, shape: Shape) -> Atom:
        return atom if atom.type.shape == shape else self.one(v.broadcast, atom, shape=shape)

    def operands(self, atoms: Sequence[Atom]) -> list[Atom]:
        """What a branch or loop takes or gives: arrays in one piece, the parts of numbers."""
        return [a for atom in atoms for a in (self.parts(atom) if _is_number(atom) else (self.whole(atom),))]

    # equations ----------------------------------------------------------------------------------------------------------
    def equation(self, eqn: Eqn) -> None:
        if bodies(eqn):
            self.control(eqn)
        elif not any(is_complex(atom) for atom in (*eqn.inputs, *eqn.outputs)):
            self.keep(eqn)
        elif eqn.primitive in RULES:
            self.apply(eqn)
        elif eqn.primitive.kind is Kind.VIEW:
            self.view(eqn)
        elif eqn.primitive.kind is Kind.WRITE and not eqn.output.type.shape:
            self.pairs[eqn.output] = self.parts(eqn.inputs[-1])  # it has one element: what is written is what is there
        elif eqn.primitive is r.sum:
            axes, whole = eqn.params["axes"], eqn.inputs[0].type.shape
            re, im = (
                self.one(r.sum, self.full(part, whole), source=eqn.source, axes=axes) for part in self.parts(eqn.inputs[0])
            )
            self.pairs[eqn.output] = re, im
        elif eqn.primitive is r.prod and isinstance(product(reduced_shape(eqn)), int):
            self.product(eqn)
        elif eqn.primitive is dot_general and (self.inside or not _is_long(eqn)):
            self.contract(eqn)
        else:
            self.keep(eqn)

    def keep(self, eqn: Eqn) -> None:
        """The equation as it is, on values in one piece."""
        made = self.builder.append(eqn.primitive, tuple(map(self.whole, eqn.inputs)), eqn.params, eqn.source)
        self.env.update(zip(eqn.outputs, made, strict=True))

    def apply(self, eqn: Eqn) -> None:
        def operand(atom: Atom) -> Number | Real:
            if is_complex(atom):
                return Number(*(Real(part, self.builder, eqn.source) for part in self.parts(atom)))
            return Real(self.plain(atom), self.builder, eqn.source)

        out = RULES[eqn.primitive](*map(operand, eqn.inputs), **eqn.params)
        if isinstance(out, Number):
            self.pairs[eqn.output] = out.re.atom, out.im.atom
        else:
            self.env[eqn.output] = self.full(out.atom, eqn.output.type.shape)

    def view(self, eqn: Eqn) -> None:
        """The view of each part; of one number for all elements, that number."""
        indices = tuple(map(self.plain, eqn.inputs[1:]))
        re, im = self.parts(eqn.inputs[0])
        source = eqn.inputs[0].type.shape
        if source and not re.type.shape and not im.type.shape:
            re = self.full(re, source)  # its indices must still be looked at
        re, im = (
            part if source and not part.type.shape else self.one(eqn.primitive, part, *indices, source=eqn.source, **eqn.params)
            for part in (re, im)
        )
        self.pairs[eqn.output] = re, im

    def product(self, eqn: Eqn) -> None:
        """A product by halves: each round multiplies the first half of what is left by the second."""
        source, axes = eqn.inputs[0].type.shape, eqn.params["axes"]
        kept = tuple(a for a in range(len(source)) if a not in axes)
        shape, count = eqn.output.type.shape, number(product(reduced_shape(eqn)))
        parts = [self.full(part, source) for part in self.parts(eqn.inputs[0])]
        turned = [self.one(v.transpose, part, perm=(*kept, *axes)) for part in parts]
        left = [self.one(v.reshape, part, shape=(*shape, count)) for part in turned]

        def piece(start: int, size: int) -> Number:
            first, step = (*[0] * len(shape), start), (1,) * (len(shape) + 1)
            cut = [self.one(v.slice_, part, start=first, step=step, shape=(*shape, size)) for part in left]
            return Number(*(Real(part, self.builder, eqn.source) for part in cut))

        odd: list[Number] = []
        while count > 1:
            half, odd = count // 2, [*odd, piece(count - 1, 1)] if count % 2 else odd
            out = RULES[e.mul](piece(0, half), piece(half, half))
            left, count = [out.re.atom, out.im.atom], half
        if not count:
            one = Real(
                self.one(e.real, Literal(eqn.output.type.dtype.type(1), eqn.output.type.with_shape(()))), self.builder, None
            )
            self.pairs[eqn.output] = self.full(one.atom, shape), self.full(one.literal(0).atom, shape)
            return
        out = piece(0, 1)
        for factor in odd:
            out = RULES[e.mul](out, factor)
        re, im = (self.one(v.reshape, self.full(x.atom, (*shape, 1)), shape=shape) for x in out)
        self.pairs[eqn.output] = re, im

    def contract(self, eqn: Eqn) -> None:
        """Sums of complex products, over views of both operands that have all axes."""
        contract, batch = eqn.params["contract"], eqn.params["batch"]
        lead = len(batch[0])
        free = [free_axes(atom.type.ndim, contract[side], batch[side]) for side, atom in enumerate(eqn.inputs)]
        shape = (*eqn.output.type.shape, *reduced_shape(eqn))
        sides = []
        for side, atom in enumerate(eqn.inputs):
            rows, columns = (len(free[side]), 0) if side == 0 else (0, len(free[side]))
            before, after = (0, len(free[1])) if side == 0 else (len(free[0]), 0)
            perm = (*batch[side], *free[side], *contract[side])
            sizes = [atom.type.shape[a] for a in perm]
            own = lead + rows + columns
            spread = (*sizes[:lead], *[1] * before, *sizes[lead:own], *[1] * after, *sizes[own:])
            views = []
            for part in self.parts(atom):
                turned = self.one(v.transpose, self.full(part, atom.type.shape), perm=perm)
                views.append(self.one(v.broadcast, self.one(v.reshape, turned, shape=spread), shape=shape))
            sides.append(Number(*(Real(part, self.builder, eqn.source) for part in views)))
        axes = tuple(range(eqn.output.type.ndim, len(shape)))
        (a, b), (c, d) = sides
        re, im = (self.one(r.sum, part.atom, source=eqn.source, axes=axes) for part in (a * c - b * d, a * d + b * c))
        self.pairs[eqn.output] = re, im

    def control(self, eqn: Eqn) -> None:
        """A branch or loop whose numbers are split, and its bodies."""
        params = dict(eqn.params)
        for name, body in bodies(eqn).items():
            params[name] = _Splitter(body, inside=True).run()
        if "carried" in params:
            params["carried"] += sum(map(_is_number, eqn.inputs[: params["carried"]]))
        made = iter(self.builder.append(eqn.primitive, tuple(self.operands(eqn.inputs)), params, eqn.source))
        for var in eqn.outputs:
            if _is_number(var):
                self.pairs[var] = next(made), next(made)
            else:
                self.env[var] = next(made)


def _is_number(atom: Atom) -> bool:
    return is_complex(atom) and atom.type.shape == ()


def _real(var: Var) -> TensorType:
    return var.type.with_dtype(dt.real_of(var.type.dtype))


def _is_long(eqn: Eqn) -> bool:
    """A matrix product that a BLAS makes faster than a loop."""
    shallow = min(atom.type.ndim for atom in eqn.inputs) < 2
    return not shallow and number(product(reduced_shape(eqn))) * number(eqn.output.type.size) >= BLAS_WORK
