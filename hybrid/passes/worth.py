"""Whether a program with host calls inside its loops is worth compiling: what it saves over Python, in nanoseconds. And whether
it may as well be left to Python, because that gives the very same bits.

A call of NumPy from a kernel costs more than the same call from Python. What the rest of the program saves must make up
for that: of a loop that does nothing but `np.partition(a[i], 2)` there is nothing to be gained.
"""

from __future__ import annotations

from hybrid.core import dtype as dt
from hybrid.ir.graph import Eqn, Graph, bodies, walk
from hybrid.ir.primitive import Kind
from hybrid.passes.steps import limits

# CALL was measured (NumPy 2.4, CPython 3.11); the others were set so that the sums agree with measured loops around `solve`,
# `inv`, `det`, `qr` and `sort`. Nanoseconds beyond an operation's own arithmetic.
CALL = 1500  # from a kernel to NumPy and back
ARRAY = 600  # one of NumPy's functions on arrays
ELEMENT = 50  # an index, or Python's arithmetic on one number
DRAW = 3500  # the same for a method of NumPy's generators that gives one number, which Python calls in no time
NATIVE = 400  # a C function called without Python: a number drawn from NumPy's generators
LONG = 4096  # elements of operands and results beyond which NumPy's own work hides the call
ISLAND = 60_000  # a function between compiled parts that Python calls in no time: what it is given is looked at, and copied
ROUNDS = 16  # of a loop that nobody has counted


_DRAWS = ("draw", "bitgen", "seeding", "sample", "fill", "act")
# What NumPy, CPython and compiled code compute alike to the last bit: IEEE 754 says how, or it is a call of the same function.
_ALIKE = frozenset(
    (
        "add", "sub", "mul", "div", "floordiv", "mod", "fmod", "neg", "abs", "min", "max", "copysign", "nextafter",
        "floor", "ceil", "trunc", "rint", "sqrt", "scalar_add", "scalar_sub", "scalar_mul", "scalar_neg",
        "scalar_abs", "fits_add", "fits_sub", "fits_mul", "eq", "ne", "lt", "le", "gt", "ge", "isnan", "and", "or",
        "xor", "not", "shl", "shr", "select", "convert", "bitcast", "iota", "size", "reduce_max", "reduce_min", "all",
        "any", "gcd", *_DRAWS, "searchsorted", "sort", "argsort", "cummax", "cummin",
        "distinct", "svd", "qr", "eigh", "jitted", "jitted_failing",
    )
)  # fmt: skip


def same_bits(graph: Graph) -> bool:
    """Whether a program gives the very bits that undecorated code gives: no sums in another order, no functions of our own."""
    return all(map(_is_alike, walk(graph)))


def _is_alike(eqn: Eqn) -> bool:
    p, dtypes = eqn.primitive, {atom.type.dtype for atom in (*eqn.inputs, *eqn.outputs)}
    if p.kind in (Kind.VIEW, Kind.WRITE, Kind.CONTROL) or p.name in (*_DRAWS, "island"):
        return True
    if p.name == "library":
        return eqn.params["function"] != "numpy.linalg.pinv"  # which ends with a product
    if all(dt.KIND[dtype] in "biu" for dtype in dtypes) or (p.indexed and eqn.params.get("op") == "set"):
        return True
    return p.name in _ALIKE and not any(dt.is_complex(dtype) or dtype.itemsize == 2 for dtype in dtypes)


def saved(graph: Graph, inside: bool = False) -> int:
    """What one execution saves; outside of branches and loops (not `inside`) host calls cost what they cost Python."""
    return sum(_saved(eqn, inside) for eqn in graph.eqns)


def is_quick(eqn: Eqn) -> bool:
    """Whether it is a call between compiled parts that costs more than Python's own."""
    return eqn.primitive.name == "island" and eqn.params["call"].quick


def _saved(eqn: Eqn, inside: bool) -> int:
    if eqn.primitive.kind is Kind.CONTROL:
        ways = [saved(body, True) for name, body in bodies(eqn).items() if name != "test"]
        count = eqn.params.get("count", 1)  # of a branch: once
        rounds = count if isinstance(count, int) else ROUNDS
        return ELEMENT + rounds * sum(ways) // max(len(ways), 1)
    if not eqn.inputs:
        return 0
    elements = sum(size for atom in (*eqn.inputs, *eqn.outputs) if isinstance(size := atom.type.size, int))
    if is_quick(eqn):
        return -ISLAND - elements  # which are copied
    if eqn.primitive.effect and len(eqn.outputs) == 1:
        return 0  # seeding and printing take longer than the way there
    if inside and eqn.primitive.native is not None:
        return NATIVE
    if inside and limits(eqn) is None:
        return -(DRAW if eqn.primitive.effect and eqn.outputs[-1].type.shape == () else CALL) if elements <= LONG else 0
    small = eqn.primitive.kind in (Kind.VIEW, Kind.WRITE) or all(var.type.shape == () for var in (*eqn.inputs, *eqn.outputs))
    return ELEMENT if small else ARRAY + elements // 4
