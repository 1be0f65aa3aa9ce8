"""Simplification as a table of rules. Every rule keeps values to the bit, NaN and −0 included, unless `exact=False`.

An arithmetic rule is a pair of ordinary functions: where the first matches, the second is computed instead. Structural
rules on views are functions of the equation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import TensorType, contiguous_strides
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, walk
from hybrid.ir.primitive import Kind
from hybrid.ir.rebuild import rebuild, within
from hybrid.ops import contract as c
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r
from hybrid.ops import view as v
from hybrid.ops.contract import free_axes
from hybrid.ops.index import scatter
from hybrid.passes.access import axes_index, offset_of, view_index
from hybrid.passes.contract import product_of, walkable
from hybrid.passes.match import Call, Match, Pattern, find, pattern
from hybrid.passes.steps import is_large, number

MOST_PARTS = 32  # of an array that is put together at once

Structural = Callable[[Builder, Eqn, tuple[Atom, ...], Callable[[Atom], Eqn | None]], Atom | None]


class Rule:
    """`left` (a pattern) becomes `right`, on the dtype kinds of `kinds` ("b", "iu", "f", "c")."""

    def __init__(self, left: Callable, right: Callable, kinds: str = "biufc", exact: bool = True):
        self.pattern, names = pattern(left)
        self.right, self.kinds, self.exact = right, kinds, exact
        self.names = names
        self.text = ""

    @property
    def head(self) -> str:
        assert isinstance(self.pattern, Call)
        return self.pattern.primitive.name


RULES: list[Rule] = []


def rule(left: Callable, right: Callable, *, kinds: str = "biufc", exact: bool = True) -> Rule:
    made = Rule(left, right, kinds, exact)
    RULES.append(made)
    return made


def select(c, x, y):
    return Call(e.select, (Pattern.of(c), Pattern.of(x), Pattern.of(y)))


def log(x):
    return Call(e.log, (Pattern.of(x),))


def exp(x):
    return Call(e.exp, (Pattern.of(x),))


rule(lambda x: -(-x), lambda x: x)  # noqa: B002
rule(lambda x: ~(~x), lambda x: x)
rule(lambda x: x * 1, lambda x: x)
rule(lambda x: 1 * x, lambda x: x)
rule(lambda x: x / 1, lambda x: x)
rule(lambda x: x - 0, lambda x: x)
rule(lambda x: x + 0, lambda x: x, kinds="iu")
rule(lambda x: 0 + x, lambda x: x, kinds="iu")
rule(lambda x: x * 0, lambda x: 0, kinds="iu")
rule(lambda x: x - x, lambda x: 0, kinds="iu")
rule(lambda x: x & x, lambda x: x)
rule(lambda x: x | x, lambda x: x)
rule(lambda x: x**1, lambda x: x)
rule(lambda c, x: select(c, x, x), lambda c, x: x)
rule(lambda c, x, y: select(~c, x, y), lambda c, x, y: select(c, y, x))
rule(lambda x, y: x + (-y), lambda x, y: x - y, kinds="f")
rule(lambda x, y: x - (-y), lambda x, y: x + y, kinds="f")
rule(lambda x: log(exp(x)), lambda x: x, exact=False)


# Structure ------------------------------------------------------------------------------------------------------------
def no_change_of_dtype(builder, eqn, inputs, producer):
    return inputs[0] if inputs[0].type.dtype == eqn.params["dtype"] else None


def widening_and_back(builder, eqn, inputs, producer):
    """convert(convert(x, wider), dtype of x) is x."""
    below = producer(inputs[0])
    if below is None or below.primitive is not e.convert:
        return None
    source = below.inputs[0]
    narrow, wide = source.type.dtype, inputs[0].type.dtype
    return source if narrow == eqn.params["dtype"] and _holds(wide, narrow) else None


def _holds(wide: np.dtype, narrow: np.dtype) -> bool:
    """Whether every value of `narrow` is one of `wide`. NumPy's "safe" casts take float64 for int64, beyond 2**53."""
    if dt.bfloat16 in (narrow, wide) or not np.can_cast(narrow, wide, "safe"):
        return False
    digits = np.finfo(wide).nmant + 1 if dt.is_inexact(wide) else 64
    return not dt.is_integer(narrow) or np.iinfo(narrow).bits <= digits


def same_shape(builder, eqn, inputs, producer):
    return inputs[0] if inputs[0].type.shape == eqn.output.type.shape else None


def reshape_of_reshape(builder, eqn, inputs, producer):
    below = producer(inputs[0])
    if below is None or below.primitive is not v.reshape:
        return None
    return builder.append(v.reshape, (below.inputs[0],), eqn.params, eqn.source)[0]


def identity_transpose(builder, eqn, inputs, producer):
    perm = eqn.params["perm"]
    return inputs[0] if perm == tuple(range(len(perm))) else None


def transpose_of_transpose(builder, eqn, inputs, producer):
    below = producer(inputs[0])
    if below is None or below.primitive is not v.transpose:
        return None
    first = below.params["perm"]
    perm = tuple(first[p] for p in eqn.params["perm"])
    return builder.append(v.transpose, (below.inputs[0],), {"perm": perm}, eqn.source)[0]


def update_of_transpose(builder, eqn, inputs, producer):
    """What is written into a transposed view, `x.T[3] = v`, is written into the array itself."""
    update = producer(inputs[0])
    below = producer(update.inputs[0]) if update is not None and update.primitive in (v.update_slice, scatter) else None
    if update is None or below is None or below.primitive is not v.transpose:
        return None
    back, perm = eqn.params["perm"], below.params["perm"]
    if [perm[axis] for axis in back] != list(range(len(back))):
        return None
    if update.primitive is scatter:
        _, index, value = update.inputs
        axis = update.params["axis"]
        if index.type.ndim or value.type.ndim != len(back) - 1:
            return None
        rest = [at for at in range(len(back)) if at != axis]  # the axes of the value
        order = tuple(rest.index(at) for at in back if at != axis)
        value = builder.append(v.transpose, (value,), {"perm": order}, update.source)[0] if order else value
        given = {**update.params, "axis": perm[axis]}
        return builder.append(scatter, (below.inputs[0], index, value), given, update.source)[0]
    value = builder.append(v.transpose, (update.inputs[1],), {"perm": back}, update.source)[0]
    places = {name: tuple(update.params[name][axis] for axis in back) for name in ("start", "step")}
    return builder.append(v.update_slice, (below.inputs[0], value), places, update.source)[0]


def broadcast_of_broadcast(builder, eqn, inputs, producer):
    below = producer(inputs[0])
    if below is None or below.primitive is not v.broadcast:
        return None
    return builder.append(v.broadcast, (below.inputs[0],), eqn.params, eqn.source)[0]


def whole_slice(builder, eqn, inputs, producer):
    whole = (
        eqn.params["shape"] == inputs[0].type.shape
        and all(s == 0 for s in eqn.params["start"])
        and all(s == 1 for s in eqn.params["step"])
    )
    return inputs[0] if whole else None


def slice_of_slice(builder, eqn, inputs, producer):
    below = producer(inputs[0])
    if below is None or below.primitive is not v.slice_:
        return None
    start = tuple(a + s * b for a, s, b in zip(below.params["start"], below.params["step"], eqn.params["start"]))
    step = tuple(s * t for s, t in zip(below.params["step"], eqn.params["step"]))
    return builder.append(
        v.slice_, (below.inputs[0],), {"start": start, "step": step, "shape": eqn.params["shape"]}, eqn.source
    )[0]


def slice_of_update(builder, eqn, inputs, producer):
    """What was just written is what is read; but where several elements were computed from what they replace, as in
    `A[k + 1 :, k] /= A[k, k]`, who computed them once more would need that array after it has been written."""
    below = producer(inputs[0])
    if below is None or below.primitive is not v.update_slice:
        return None
    whole, written = below.inputs
    same = all(below.params[k] == eqn.params[k] for k in ("start", "step")) and written.type.shape == eqn.params["shape"]
    several = any(size != 1 for size in written.type.shape)
    return written if same and not (several and _depends(written, whole, producer)) else None


def _depends(value, on, producer):
    """Whether a value is computed, element by element, from another; of long chains that is taken for granted."""
    pending, seen = [value], set[Atom]()
    while pending:
        atom = pending.pop()
        if atom is on or len(seen) > NEAR:
            return True
        made = producer(atom)
        if made is not None and atom not in seen and made.primitive.kind in (Kind.MAP, Kind.VIEW):
            seen.add(atom)
            pending += made.inputs
    return False


def update_of_update(builder, eqn, inputs, producer):
    """A write that covers an earlier one of the same region makes that one dead."""
    below = producer(inputs[0])
    if below is None or below.primitive is not v.update_slice or below.params != eqn.params:
        return None
    if below.inputs[1].type.shape != inputs[1].type.shape:
        return None
    return builder.append(v.update_slice, (below.inputs[0], inputs[1]), eqn.params, eqn.source)[0]


def whole_update(builder, eqn, inputs, producer):
    whole = (
        inputs[1].type.shape == inputs[0].type.shape
        and all(s == 0 for s in eqn.params["start"])
        and all(s == 1 for s in eqn.params["step"])
    )
    return inputs[1] if whole else None


def axes_of_a_matrix(builder, eqn, inputs, producer):
    """Operands of a large contraction whose summed axes lie among the others, as matrices: a BLAS can have copies of these."""
    if eqn.output.type.dtype not in (dt.float32, dt.float64) or not is_large(eqn):
        return None
    left, right = where = [_place_in_memory(x, producer) for x in inputs]
    if walkable(eqn) and (left is None or right is None or product_of(eqn, left, right) is not None):
        return None
    contract, batch = eqn.params["contract"], eqn.params["batch"]
    made, places = [], []
    for x, summed, along, place in zip(inputs, contract, batch, where):
        free = free_axes(x.type.ndim, summed, along)
        order = (*along, *free, *summed)
        if _run(x, free, place) > _run(x, summed, place):
            order = (*along, *summed, *free)  # it is copied along the longer rows
        same = order == tuple(range(x.type.ndim))
        made.append(x if same else builder.append(v.transpose, (x,), {"perm": order}, eqn.source)[0])
        places.append((tuple(map(order.index, summed)), tuple(range(len(along)))))
    params = dict(zip(("contract", "batch"), zip(*places)))
    return builder.append(eqn.primitive, tuple(made), params, eqn.source)[0] if made != list(inputs) else None


def sums_of_one_product(builder, eqn, inputs, producer):
    """A contraction over axes of size 1, or over none, is a product element by element: each example's outer product, say.

    Sums begin with 0.0, to which -0.0 adds nothing.
    """
    contract, batch = eqn.params["contract"], eqn.params["batch"]
    shapes = [x.type.shape for x in inputs]
    if eqn.output.type.dtype == dt.bool_ or any(shapes[0][axis] != 1 for axis in contract[0]):
        return None
    free = [free_axes(x.type.ndim, summed, along) for x, summed, along in zip(inputs, contract, batch)]
    out = eqn.output.type.shape
    made = []
    for side, (x, shape, summed, along) in enumerate(zip(inputs, shapes, contract, batch)):
        order = (*along, *free[side], *summed)
        if order != tuple(range(x.type.ndim)):
            x = builder.append(v.transpose, (x,), {"perm": order}, eqn.source)[0]
        before, after = ((), free[1]) if side == 0 else (free[0], ())
        own = tuple(shape[axis] for axis in free[side])
        wide = (*(shape[axis] for axis in along), *(1 for _ in before), *own, *(1 for _ in after))
        for primitive, wanted in ((v.reshape, wide), (v.broadcast, out)):
            if x.type.shape != wanted:
                x = builder.append(primitive, (x,), {"shape": wanted}, eqn.source)[0]
        made.append(x)
    product = builder.append(e.mul, tuple(made), {}, eqn.source)[0]
    if not dt.is_inexact(eqn.output.type.dtype):
        return product
    zero = Literal(np.zeros((), eqn.output.type.dtype)[()], TensorType(eqn.output.type.dtype, ()))
    return builder.append(e.add, (product, zero), {}, eqn.source)[0]


def _place_in_memory(x: Atom, producer: Callable) -> Affine | None:
    """Where the elements of an operand are in the array that it is a view of; None where only a run knows."""
    index, atom = axes_index(x.type.shape), x
    while (eqn := producer(atom)) is not None and eqn.primitive.kind is Kind.VIEW and len(eqn.inputs) == 1:
        below = view_index(eqn, index, lambda *_: "")
        if below is None:
            return None
        index, atom = below, eqn.inputs[0]
    return offset_of(index, contiguous_strides(atom.type.shape))


def _run(x: Atom, axes: Sequence[int], place: Affine | None) -> int:
    """How many neighbours in memory the last of these axes walks along."""
    last = next((axis for axis in reversed(axes) if x.type.shape[axis] != 1), None)
    if last is None or place is None or place.coefficient(f"i{last}") not in (1, -1):
        return 0
    return number(x.type.shape[last])


def nothing_to_reduce(builder, eqn, inputs, producer):
    return inputs[0] if not eqn.params["axes"] else None


def joined_parts(builder, eqn, inputs, producer):
    """Arrays joined of joined ones are put together at once."""
    found: list[tuple[Atom, tuple]] = []
    at, axis = 0, eqn.params["axis"]
    for atom in inputs:
        first = tuple(at if a == axis else 0 for a in range(atom.type.ndim))
        at = at + atom.type.shape[axis]
        below = producer(atom)
        joined = below is not None and below.primitive.name in ("concatenate", "mosaic")
        found += [(part, tuple(map(add, first, start))) for part, start in _places(below)] if joined else [(atom, first)]
    if not len(inputs) < len(found) <= MOST_PARTS:
        return None
    parts, starts = zip(*found)
    return builder.append(v.mosaic, parts, {"shape": eqn.output.type.shape, "starts": starts}, eqn.source)[0]


def _places(eqn: Eqn) -> list[tuple[Atom, tuple]]:
    """The parts that an equation joins, each with where it begins."""
    if eqn.primitive is v.mosaic:
        return list(zip(eqn.inputs, eqn.params["starts"]))
    axis, found, at = eqn.params["axis"], [], 0
    for part in eqn.inputs:
        found.append((part, tuple(at if a == axis else 0 for a in range(part.type.ndim))))
        at = at + part.type.shape[axis]
    return found


def single_part(builder, eqn, inputs, producer):
    return inputs[0] if len(inputs) == 1 else None


def transpose_of_product(builder, eqn, inputs, producer):
    """A transposed product of matrices, stacked or not, is that of the operands exchanged, where more of its last axes then are
    those of the result: what is left of the transposition moves longer rows, or nothing."""
    below = producer(inputs[0])
    if below is None or below.primitive is not c.dot_general:
        return None
    contract, batch = below.params["contract"], below.params["batch"]
    lead, rank = len(batch[0]), inputs[0].type.ndim
    rows = below.inputs[0].type.ndim - lead - len(contract[0])
    exchanged = (*range(lead), *range(lead + rows, rank), *range(lead, lead + rows))
    wanted = eqn.params["perm"]
    if _ends_alike(exchanged, wanted) <= _ends_alike(range(rank), wanted):
        return None
    params = {"contract": contract[::-1], "batch": batch[::-1]}
    product = builder.append(c.dot_general, below.inputs[::-1], params, below.source)[0]
    if exchanged == wanted:
        return product
    return builder.append(v.transpose, (product,), {"perm": tuple(map(exchanged.index, wanted))}, eqn.source)[0]


def _ends_alike(order: Sequence[int], wanted: Sequence[int]) -> int:
    """How many axes two orders end with in common."""
    differ = (k for k, (a, b) in enumerate(zip(reversed(order), reversed(wanted))) if a != b)
    return next(differ, len(wanted))


def operand_itself(builder, eqn, inputs, producer):
    return inputs[0]


STRUCTURE: dict[str, tuple[Structural, ...]] = {
    "mark": (operand_itself,),
    "stop": (operand_itself,),
    "convert": (no_change_of_dtype, widening_and_back),
    "reshape": (same_shape, reshape_of_reshape),
    "transpose": (identity_transpose, transpose_of_transpose, transpose_of_product, update_of_transpose),
    "broadcast": (same_shape, broadcast_of_broadcast),
    "slice": (whole_slice, slice_of_slice, slice_of_update),
    "update_slice": (whole_update, update_of_update),
    "concatenate": (single_part, joined_parts),
    "dot_general": (sums_of_one_product, axes_of_a_matrix),
    **{p.name: (nothing_to_reduce,) for p in (r.sum, r.prod, r.max, r.min, r.all, r.any)},
}

NEAR = 64  # operations that are looked back upon
PASSING = frozenset(("ruled", "recomputed"))  # they give their first operands; the others are for their derivatives


def without_rules(graph: Graph) -> Graph:
    """The graph without the equations that are there for derivatives only."""
    if not any(eqn.primitive.name in PASSING for eqn in walk(graph)):
        return graph

    def rewrite(builder: Builder, eqn: Eqn, inputs: tuple[Atom, ...]) -> Sequence[Atom] | None:
        return inputs[: len(eqn.outputs)] if eqn.primitive.name in PASSING else None

    return rebuild(within(graph, without_rules), rewrite)


def simplify(graph: Graph, exact: bool = True) -> Graph:
    """Apply every rule, operands first, until none matches."""
    graph = within(graph, lambda body: simplify(body, exact))
    by_head: dict[str, list[Rule]] = {}
    for made in RULES:
        if made.exact or not exact:
            by_head.setdefault(made.head, []).append(made)
    producers: dict[Var, Eqn] = {}

    def producer(atom: Atom) -> Eqn | None:
        return producers.get(atom) if isinstance(atom, Var) else None

    def rewrite(builder: Builder, eqn: Eqn, inputs: tuple[Atom, ...]) -> Sequence[Atom] | None:
        for made in builder.eqns[len(producers_seen) :]:
            producers_seen.append(made)
            producers.update((var, made) for var in made.outputs)
        for structural in STRUCTURE.get(eqn.primitive.name, ()):
            found = structural(builder, eqn, inputs, producer)
            if found is not None:
                return (found,)
        if eqn.primitive.kind is Kind.MAP and inputs:
            for candidate in by_head.get(eqn.primitive.name, ()):
                if dt.KIND[inputs[-1].type.dtype] not in candidate.kinds:
                    continue
                match = find(candidate.pattern, eqn.primitive, inputs, producer)
                if match is not None:
                    return (_replace(builder, candidate, match, eqn),)
        return None

    while True:
        producers.clear()
        producers_seen: list[Eqn] = []
        out = rebuild(graph, rewrite)
        if out is graph:
            return graph
        graph = out


def _replace(builder: Builder, made: Rule, match: Match, eqn: Eqn) -> Atom:
    """Compute the right-hand side from the matched values, in the shape and dtype of the equation."""
    want = eqn.output.type

    def build(p: Pattern) -> Atom:
        if isinstance(p, Call):
            inputs = tuple(build(a) for a in p.args)
            return builder.append(p.primitive, inputs, {}, eqn.source)[0]
        if p.name:
            return match[p.name]
        return Literal(np.asarray(p.value, want.dtype)[()], want.with_shape(()))

    atom = build(Pattern.of(made.right(*(Pattern(name=n) for n in made.names))))
    if atom.type.shape != want.shape:
        atom = builder.append(v.broadcast, (atom,), {"shape": want.shape}, eqn.source)[0]
    return atom
