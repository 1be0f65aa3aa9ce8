"""What an operation is: its NumPy meaning, its type rule, its derivative and how it becomes loops, in one record.

The compiler looks at `kind`, never at `name`: a new primitive needs no change anywhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core.errors import GraphError
from hybrid.core.shape import Size, TensorType


class Kind(enum.Enum):
    MAP = "map"  # elementwise on equal shapes; `body` names the scalar operation
    VIEW = "view"  # an index map: element i of the result is element index(i) of the operand
    REDUCE = "reduce"  # `body` names the associative operator; params: axes
    WRITE = "write"  # several regions stored into one result
    CONTRACT = "contract"  # sums of products
    CONTROL = "control"  # branches, loops, and what holds between values and sizes; `body` names the construct
    OPAQUE = "opaque"  # anything else; a host call unless it says how it lowers


@dataclass(frozen=True, slots=True)
class Partials:
    """The derivative of a MAP: `rule(y, *xs, **params)` gives dy/dx for each operand (None: no dependence; `NO_GRADIENT`: a
    dependence whose derivative nobody wrote down).

    `singular`: whether it may be infinite or NaN for numbers that the MAP takes, as 1/x is at zero. A cotangent of zero stays
    zero there, so that nothing comes out of what `where` did not choose.
    """

    rule: Callable
    singular: bool = False


@dataclass(frozen=True, slots=True)
class Linear:
    """A primitive linear in its inexact operands together, or if it is a CONTRACT in each: the tangent is the primitive itself;
    `adjoint(g, *xs, **params)` gives one cotangent per operand."""

    adjoint: Callable


@dataclass(frozen=True, slots=True)
class Custom:
    """Anything else: `jvp(primals, tangents, y, **params)` and `vjp(g, y, *xs, **params)`; None: the adjoint of what the jvp,
    which is linear in its tangents, records.

    `partial`: whether `jvp` takes None for tangents of zeros, and leaves out results that have one.
    """

    jvp: Callable
    vjp: Callable | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Composed:
    """The derivative of what `body(*xs, **params)` records: the same results, one or a tuple, from other primitives.

    None stands for a result without a derivative, as an integer has none."""

    body: Callable


@dataclass(frozen=True, slots=True)
class Named:
    """One of several derivatives: `choose(**params)` gives it."""

    choose: Callable[..., Derivative]


class _NoGradient:
    def __repr__(self) -> str:
        return "NO_GRADIENT"


class ZeroGradient:
    def __repr__(self) -> str:
        return "ZERO_GRADIENT"


NO_GRADIENT = _NoGradient()
ZERO_GRADIENT = ZeroGradient()  # constant between jumps, at which the derivative is said to be zero, too
Derivative = Partials | Linear | Custom | Composed | Named | _NoGradient | ZeroGradient


@dataclass(frozen=True, slots=True)
class Lift:
    """How many examples are computed at once by the primitive itself, on operands with one more axis in front.

    `params(size, **params)` gives those that are others then. `fixed`: operands that have no such axis; where they differ from
    example to example, there is no rule.
    """

    params: Callable
    fixed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """How many examples are computed at once where graphs among the params are batched with the rest.

    `record(examples, eqn, inputs, mapped)` gives results that all have the new axis; see `transforms.batch.Examples`.
    """

    record: Callable


Sample = tuple[tuple[np.ndarray, ...], dict[str, Any]]  # operands and params


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """One row of the table. Registration checks that every rule the kind needs is there.

    Args:
        name: unique; the word used in graph text.
        kind: what the compiler may do with it.
        eval: NumPy meaning, `(*ndarrays, **params) -> ndarray` or a tuple of them.
        infer: type rule, `(*TensorTypes, **params) -> TensorType` or a tuple; raises `ShapeError`, `DTypeError`.
        derivative: `Partials`, `Linear`, `Custom`, `Composed`, `Named`, `ZERO_GRADIENT` or `NO_GRADIENT`.
        body: the loop-language operation of a MAP or REDUCE; None: a host call, and `reason` says why. Of an OPAQUE one:
            how it is spelled inside bodies of branches and loops (`loops/opaque.py`).
        index: for a VIEW, `(out_index, operand_types, context, **params) -> index of operand 0`, None where not affine;
            `context.gather(k, index, size)` reads operand k as an index into an axis of that size.
        put: for a VIEW, `(bind, base, value, **params)`: base with the viewed elements replaced; None: read-only.
        regions: for a WRITE, `(*types, **params) -> [(operand, start, step), ...]` in the order of writing.
        disjoint: whether no two regions of a WRITE overlap.
        sample: `(generator) -> list[Sample]`, the tests of this row.
        reason: why it is not lowered, in words a user can read.
        cost: rough cycles per element for MAPs, weighed when fusion decides to recompute or to keep.
        lowers: whether these operand types and params can become loops; None: always.
        limits: of an OPAQUE one, `(*types, **params) -> [(size, up to), ...]`: sizes beyond which NumPy's call does better than
            loops. Those that only a run knows are compared there.
        with_complex: whether the body of an OPAQUE one is spelled for complex numbers, too.
        raises: whether `eval` may raise for operands of the right types: a singular matrix, an index out of bounds.
        indexed: whether operand 1 says which places along the param `axis` are meant. One out of bounds raises, unless the
            param `checked` is False.
        spare: of what raises, `(**params) -> bool`: whether it may be left out where nobody needs its results; None: never.
        native: of an OPAQUE one with numbers for results, `(**params) -> (symbol, k)`: a C function that machine code calls for
            the last result, with the operands from k on; the results before that are operand 0, counted up.
        effect: whether it does something besides its results: it is kept, and may fail. Its first operand and result, where
            it has operands, are the token that keeps such calls in order.
        batch: of a VIEW, WRITE or OPAQUE one, how many examples are computed at once: a `Lift`, or `(size, mapped, *xs,
            **params)`, which gives the results with one more axis in front from operands of which the `mapped` ones have it;
            a `Whole` where graphs among its params are batched, too. None: one example after another.
    """

    name: str
    kind: Kind
    eval: Callable
    infer: Callable
    derivative: Derivative
    sample: Callable[[np.random.Generator], Sequence[Sample]]
    body: str | None = None
    index: Callable | None = None
    put: Callable | None = None
    regions: Callable | None = None
    disjoint: bool = False
    reason: str = ""
    cost: int = 1
    lowers: Callable[..., bool] | None = None
    limits: Callable[..., Sequence[tuple[Size, int]]] | None = None
    with_complex: bool = False
    native: Callable[..., tuple[str, int]] | None = None
    effect: bool = False
    raises: bool = False
    indexed: bool = False
    spare: Callable[..., bool] | None = None
    batch: Lift | Whole | Callable | None = None

    def __repr__(self) -> str:
        return self.name


TABLE: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Enter a row in the table."""
    if primitive.name in TABLE:
        raise GraphError(f"primitive {primitive.name!r} is registered twice")
    if not isinstance(primitive.derivative, Derivative):
        raise GraphError(f"primitive {primitive.name!r} declares no derivative", got=repr(primitive.derivative),
                         expected="Partials, Linear, Custom, Composed, Named, ZERO_GRADIENT or NO_GRADIENT")  # fmt: skip
    if primitive.kind is Kind.VIEW and primitive.index is None:
        raise GraphError(f"view {primitive.name!r} has no index map")
    if primitive.kind is Kind.WRITE and primitive.regions is None:
        raise GraphError(f"{primitive.name!r} does not say which regions it writes")
    if primitive.kind in (Kind.MAP, Kind.REDUCE) and primitive.body is None and not primitive.reason:
        raise GraphError(f"primitive {primitive.name!r} has neither a loop body nor a reason for having none")
    TABLE[primitive.name] = primitive
    return primitive


def infer(primitive: Primitive, types: Sequence[TensorType], params: dict[str, Any]) -> tuple[TensorType, ...]:
    """The result types of one application, always as a tuple."""
    out = primitive.infer(*types, **params)
    return out if isinstance(out, tuple) else (out,)
