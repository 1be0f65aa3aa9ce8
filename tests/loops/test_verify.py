"""What the loop verifier accepts, and each way a kernel can be malformed with the message it gives."""

import numpy as np
import pytest

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim
from hybrid.loops.nest import (
    OPS,
    Accumulate,
    Bitcast,
    Buffer,
    Call,
    Check,
    Code,
    Const,
    Convert,
    Declare,
    For,
    If,
    Index,
    Invoke,
    Kernel,
    Let,
    Load,
    Native,
    Op,
    Ref,
    Rescue,
    Routine,
    Scratch,
    Slot,
    Store,
    While,
)
from hybrid.loops.verify import takes, verify

I, J, K = (Affine.var(name) for name in "ijk")
F32, I64 = dt.float32, dt.int64
ONE = Const(1, F32)
TRUE = Const(True, dt.bool_)
N, M = Dim.symbol("n"), Dim.symbol("m")
IN, JN, KN = (Dim.symbol(name) for name in "ijk")  # indices and let-bound integers in sizes


def kernel(*body, x=64, out=64, out_role="out", x_role="in"):
    return Kernel("k", (Buffer("x", F32, x, x_role), Buffer("out", F32, out, out_role)), body)


def over(kind, *body, index="i", extent=64):
    return For(index, extent, body, kind)


def call(reads="x", writes="out", shape=(4,), strides=(1,), dtype=F32, symbols=()):
    slots = Slot(reads, dtype, shape, strides), Slot(writes, F32, (4,), (1,))
    return Call("sort", lambda operands, sizes: operands, slots[:1], slots[1:], symbols)


def routine(*body):
    return Routine("r", (Ref("v", F32),), (), (Buffer("g", F32, 1, "out"),), body)


def rows(*body, count, width):
    return over("parallel", over("serial", *body, index="j", extent=width), extent=count)


def x(offset=I, guard=None):
    return Load("x", offset, F32, guard)


def let_bound(value=None):
    return Let("k", value if value is not None else Convert(x(), I64))


NUMBER = Convert(x(Affine()), I64)  # of which nothing is known
REJECTED = {
    # names and scopes
    "name out of scope": (kernel(Let("y", Ref("z", F32))), "z is not a scalar in scope"),
    "index out of scope": (kernel(over("serial"), Store("out", I, ONE)), "i is not an index or an int64 in scope"),
    "let after its block": (
        kernel(over("serial", Let("y", ONE)), Let("z", Ref("y", F32))), "y is not a scalar in scope"),
    "let of a float as offset": (kernel(Let("k", ONE), Store("out", K, ONE)), "k is not an index or an int64"),
    "unknown buffer": (kernel(Let("y", Load("w", Affine(), F32))), "w is not an array in scope"),
    "scratch after its block": (
        kernel(over("serial", Scratch("s", F32, 4)), Store("s", Affine(), ONE)), "s is not an array in scope"),
    "scalar used as array": (kernel(Let("y", ONE), Store("y", Affine(), ONE)), "y is not an array in scope"),
    "array used as scalar": (kernel(Let("y", Ref("x", F32))), "x is not a scalar in scope"),
    "accumulator out of scope": (kernel(Accumulate("acc", ONE)), "acc is not an accumulator in scope"),
    "defined twice": (kernel(Let("y", ONE), over("serial", Let("y", ONE))), "y is defined twice"),
    "index shadows": (kernel(over("serial", over("serial"))), "i is defined twice"),
    "buffer twice": (Kernel("k", (Buffer("x", F32, 1, "in"),) * 2, ()), "x is defined twice"),
    "symbol shadowed": (kernel(Let("n", ONE), x=N), "the size n of an array depends on names of the kernel's own"),
    "not a name": (kernel(Let("2y", ONE)), "'2y' is not a name"),
    "kernel not a name": (Kernel("a b", (), ()), "'a b' is not a name"),
    # roles
    "store to input": (kernel(over("serial", Store("x", I, ONE))), "x is an input and cannot be stored to"),
    "unknown role": (kernel(out_role="both"), "unknown role"),
    "output read before it is written": (
        kernel(Let("y", Load("out", Affine(), F32))), "out is an output that holds nothing yet"),
    # dtypes
    "stored dtype": (kernel(Store("out", Affine(), Const(1, I64))), "the value stored in out has the wrong dtype"),
    "loaded dtype": (kernel(Let("y", Load("x", Affine(), I64))), "a load of x has the wrong dtype"),
    "reference dtype": (kernel(Let("y", ONE), Let("z", Ref("y", I64))), "the reference to y has the wrong dtype"),
    "operand dtypes": (kernel(Let("y", Op("add", (ONE, Const(1, I64)), F32))), "an operand of add has the wrong dtype"),
    "result dtype": (kernel(Let("y", Op("add", (ONE, ONE), I64))), "the result of add has the wrong dtype"),
    "comparison result": (kernel(Let("y", Op("lt", (ONE, ONE), F32))), "the result of lt has the wrong dtype"),
    "select condition": (kernel(Let("y", Op("select", (ONE, ONE, ONE), F32))), "select's condition has the wrong dtype"),
    "select branches": (
        kernel(Let("y", Op("select", (TRUE, ONE, Const(1, I64)), F32))), "an operand of select has the wrong dtype"),
    "guard dtype": (kernel(Let("y", x(Affine(), ONE))), "a guard has the wrong dtype"),
    "branch dtype": (kernel(If(ONE, ())), "a branch condition has the wrong dtype"),
    "check dtype": (kernel(Check(ONE, Code.INDEX)), "a check has the wrong dtype"),
    "check code": (kernel(Check(TRUE, Code.OK)), "a check needs an error code"),
    "accumulated dtype": (
        kernel(Declare("a", "add", I64), Accumulate("a", ONE)), "the value added to a has the wrong dtype"),
    "rescue dtype": (kernel(Let("y", Rescue(ONE, ONE, "sin", (ONE,)))), "a rescue's condition has the wrong dtype"),
    "rescue operands": (
        kernel(Let("y", Rescue(TRUE, ONE, "sin", (Const(1, dt.float64),)))), "the result of sin has the wrong dtype"),
    "bitcast width": (kernel(Let("y", Bitcast(ONE, I64))), "a bitcast keeps the width"),
    "bitcast of bool": (kernel(Let("y", Bitcast(TRUE, dt.uint8))), "not defined on bool"),
    "complex": (kernel(Let("y", Const(1j, dt.complex64))), "loops have no dtype complex64"),
    # ops
    "unknown op": (kernel(Let("y", Op("gelu", (ONE,), F32))), "unknown op gelu"),
    "arity": (kernel(Let("y", Op("add", (ONE,), F32))), "add takes 2 operands"),
    "rescue arity": (kernel(Let("y", Rescue(TRUE, ONE, "pow", (ONE,)))), "pow takes 2 operands"),
    "undefined on integers": (kernel(Let("y", Op("sin", (Const(1, I64),), I64))), "sin is not defined on int64"),
    "undefined accumulator": (kernel(Declare("a", "and", F32)), "and is not defined on float32"),
    "not an accumulator op": (kernel(Declare("a", "sub", F32)), "sub does not accumulate"),
    # loops
    "unknown kind": (kernel(over("tiled")), "unknown kind of loop"),
    "parallel in parallel": (kernel(over("parallel", over("parallel", index="j"))), "cannot stand inside parallel loop i"),
    "flat in vector": (kernel(over("vector", If(TRUE, (over("flat", index="j"),)))), "cannot stand inside vector loop i"),
    "vector in vector": (kernel(over("vector", over("vector", index="j"))), "cannot stand inside vector loop i"),
    "vector in flat": (kernel(over("flat", over("vector", index="j"))), "cannot stand inside flat loop i"),
    "python in a vector": (kernel(over("vector", call())), "Python cannot be called in vector loop i"),
    "python in threads": (kernel(over("parallel", If(TRUE, (call(),)))), "Python cannot be called in parallel loop i"),
    "python writes an input": (kernel(call(writes="x")), "x is an input and cannot be stored to"),
    "python without an array": (kernel(call(reads="y")), "y is not an array in scope"),
    "python past the end": (kernel(call(shape=(8, 9), strides=(8, 1))), "x\\[64\\] is out of bounds"),
    "python's dtype": (kernel(call(dtype=I64)), "what Python is given as x has the wrong dtype"),
    "python's strides": (kernel(call(shape=(8, 8))), "x needs one stride for each axis"),
    "python's sizes": (kernel(call(shape=(N,)), x=N, out=N), "depends on sizes that are not passed on"),
    "python's symbols": (kernel(call(symbols=("q",)), Let("q", Const(1, I64))), "q is not an index"),
    "while in vector": (kernel(over("vector", While((), TRUE, ()))), "a while loop cannot stand inside vector loop i"),
    "while in flat": (kernel(over("flat", If(TRUE, (While((), TRUE, ()),)))), "a while loop cannot stand inside flat loop i"),
    "parallel in a while in parallel": (
        kernel(over("parallel", While((), TRUE, (over("flat", index="j"),)))), "cannot stand inside parallel loop i"),
    "condition of a while": (kernel(While((), ONE, ())), "a loop condition has the wrong dtype"),
    "bound in the body of a while": (
        kernel(While((), Op("lt", (Ref("y", F32), ONE), dt.bool_), (Let("y", ONE),))), "y is not a scalar in scope"),
    "bound in the test of a while": (
        kernel(While((Let("y", ONE),), TRUE, ()), Let("z", Ref("y", F32))), "y is not a scalar in scope"),
    "bound in the other way": (kernel(If(TRUE, (Let("y", ONE),), (Let("z", Ref("y", F32)),))), "y is not a scalar in scope"),
    "dtype in the other way": (kernel(If(TRUE, (), (Check(ONE, Code.PYTHON),))), "a check has the wrong dtype"),
    # routines
    "routine in a vector": (kernel(over("vector", routine())), "routine r cannot stand in vector loop i"),
    "invoked in threads": (
        kernel(routine(), over("parallel", Invoke("r", (ONE,), (), ("out",)))),
        "routine r cannot be invoked in parallel loop i",
    ),
    "no routine": (kernel(Invoke("r", (), (), ())), "r is not a routine in scope"),
    "arguments": (kernel(routine(), Invoke("r", (), (), ("out",))), "r takes other values and arrays"),
    "value of an argument": (
        kernel(routine(), Invoke("r", (Const(1, I64),), (), ("out",))), "the value of v has the wrong dtype"),
    "result in an input": (kernel(routine(), Invoke("r", (ONE,), (), ("x",))), "x cannot be stored to"),
    "name of a routine's own": (kernel(routine(), Store("g", Affine(), ONE)), "g is not an array in scope"),
    "stored where it is read": (
        kernel(Routine("r", (), (Buffer("g", F32, 1, "in"),), (), (Store("g", Affine(), ONE),))),
        "an array that a routine reads cannot be stored to"),
    # sizes of the kernel's own
    "extent out of scope": (
        kernel(over("serial"), over("serial", index="j", extent=IN)), "i is not an index or an int64 in scope"),
    "extent of a float": (kernel(Let("k", ONE), over("serial", extent=KN)), "k is not an index or an int64 in scope"),
    "coefficient out of scope": (
        kernel(over("serial"), over("serial", Store("out", Affine({"j": IN}), ONE), index="j")),
        "i is not an index or an int64 in scope"),
    "scratch of a size of its own": (kernel(over("vector", Scratch("s", F32, IN))), "the size i of an array depends"),
    "local extent meets": (
        kernel(over("serial", over("vector", Store("out", Affine(None, IN), ONE), index="j", extent=IN))),
        "store to the same element of out"),
    "unknown stride": (
        kernel(let_bound(NUMBER), over("vector", Store("out", Affine({"i": KN}), ONE))), "store to the same element of out"),
    "triangular rows that overlap": (
        kernel(over("parallel", over("serial", Store("out", 4 * I + J, ONE), index="j", extent=IN + 1), extent=8)),
        "store to the same element of out"),
    "number of one iteration": (
        kernel(over("parallel", let_bound(), over("serial", Store("out", 8 * I + J, ONE), index="j", extent=KN), extent=8)),
        "store to the same element of out"),
    "index outside may be zero": (
        kernel(over("serial", over("vector", Store("out", Affine({"j": IN}), ONE), index="j", extent=4), extent=4)),
        "store to the same element of out"),
    "variable carried across lanes": (
        kernel(Scratch("s", F32, 1), over("vector", Store("s", Affine(), x()))), "store to the same element of s"),
    "written row of a serial loop read": (
        kernel(over("serial", over("parallel", Store("out", 8 * I + J, Load("out", Affine({"j": 1}, 8 * IN + 1), F32)),
                                   index="j", extent=7), extent=4), out_role="inout"),
        "load what another stores"),
    # what iterations share
    "accumulator across parallel": (
        kernel(Declare("a", "add", F32), over("parallel", Accumulate("a", ONE))), "a is carried across parallel loop i"),
    "accumulator across flat": (
        kernel(Declare("a", "add", F32), over("flat", Accumulate("a", ONE))), "a is carried across flat loop i"),
    "accumulator read too early": (
        kernel(Declare("a", "add", F32), over("vector", Accumulate("a", ONE), Store("out", I, Ref("a", F32)))),
        "a has no value until vector loop i has ended"),
    "same element": (kernel(over("parallel", Store("out", Affine(), ONE))), "store to the same element of out"),
    "same element of outer scratch": (
        kernel(Scratch("s", F32, 4), over("vector", Store("s", Affine(), ONE))), "store to the same element of s"),
    "overlapping rows": (
        kernel(over("parallel", over("serial", Store("out", 3 * I + J, ONE), index="j", extent=4), extent=8)),
        r"offset 3\*i \+ j"),
    "overlapping symbolic rows": (
        kernel(rows(Store("out", N * I + J, ONE), count=M, width=N + 1), out=N * M + 1),
        "store to the same element of out"),
    "two stores meet": (
        kernel(over("vector", Store("out", I, ONE), Store("out", I + 1, ONE), extent=8)), "offsets i and i \\+ 1"),
    "scatter": (kernel(over("vector", let_bound(), Store("out", K, ONE))), "store to the same element of out"),
    "loop-carried load": (
        kernel(over("vector", Store("out", I + 1, Load("out", I, F32)), extent=8), out_role="inout"),
        "load what another stores in the same element of out"),
    "load of a neighbour": (
        kernel(over("parallel", Store("out", 2 * I, Load("out", 2 * I + 2, F32)), extent=8), out_role="inout"),
        "load what another stores"),
    "reversal in place": (
        kernel(over("flat", Store("out", I, Load("out", 63 + I * -1, F32))), out_role="inout"), "load what another stores"),
    # bounds
    "past the end": (kernel(over("serial", Store("out", I + 1, ONE))), r"out\[i \+ 1\] is out of bounds"),
    "before the start": (kernel(over("serial", Let("y", x(I - 1)))), r"x\[i - 1\] is out of bounds"),
    "stride too long": (kernel(over("vector", Store("out", 2 * I, ONE))), "offsets 0 to 126"),
    "let-bound index": (kernel(over("serial", let_bound(Index(2 * I)), Let("y", x(K)))), "offsets 0 to 126"),
    "past a scratch": (
        kernel(Scratch("s", F32, 4), over("serial", Store("s", I, ONE), extent=5)), "offsets 0 to 4"),
    "past a symbolic end": (kernel(over("serial", Store("out", I + N, ONE), extent=N), out=N), "is out of bounds"),
}  # fmt: skip


@pytest.mark.parametrize("case", REJECTED)
def test_rejected(case):
    malformed, message = REJECTED[case]
    with pytest.raises(CompileError, match=message) as caught:
        verify(malformed)
    assert str(caught.value).startswith("kernel ")


TILED = over(
    "parallel", over("serial", over("vector", Store("out", 16 * I + 8 * J + K, ONE), index="k", extent=8), index="j", extent=2),
    extent=4)  # fmt: skip
ACCEPTED = {
    "nothing": Kernel("k", (), ()),
    "elementwise": kernel(over("flat", Store("out", I, x() + 1))),
    "in place": kernel(over("flat", Store("out", I, Load("out", I, F32) + x())), out_role="inout"),
    "reversed": kernel(over("vector", Store("out", 63 + I * -1, x()))),
    "every other": kernel(over("vector", Store("out", 2 * I, x(2 * I + 1)), extent=32)),
    "evens from odds in place": kernel(
        over("vector", Store("out", 2 * I, Load("out", 2 * I + 1, F32)), extent=32), out_role="inout"),
    "half from half in place": kernel(
        over("vector", Store("out", I, Load("out", I + 32, F32)), extent=32), out_role="inout"),
    "three stores a turn": kernel(over("parallel", *(Store("out", 3 * I + k, ONE) for k in range(3)), extent=21)),
    "tiles": kernel(TILED),
    "transposed": kernel(rows(Store("out", I + 8 * J, x(8 * I + J)), count=8, width=8)),
    "symbolic rows": kernel(rows(Store("out", M * I + J, x(M * I + J)), count=N, width=M), x=N * M, out=N * M),
    "symbolic transpose": kernel(rows(Store("out", N * J + I, x(M * I + J)), count=N, width=M), x=N * M, out=N * M),
    "symbolic row read, own row written": kernel(
        rows(over("serial", Store("out", M * I + J, Load("out", M * I + K, F32)), index="k", extent=M), count=N, width=M),
        out=N * M, out_role="inout"),
    "offset of an outer loop": kernel(
        over("serial", over("vector", Store("out", 8 * J + I, ONE), extent=8), index="j", extent=8)),
    "offset bound outside": kernel(
        over("serial", let_bound(), over("vector", Store("out", K + J, ONE), index="j"))),
    "affine let": kernel(over("vector", let_bound(Index(2 * I)), Store("out", K + 1, ONE), extent=32)),
    "serial scatter": kernel(over("serial", let_bound(), Check(TRUE, Code.INDEX), Store("out", K, ONE))),
    "gather": kernel(over("vector", let_bound(), Store("out", I, x(K)))),
    "private scratch": kernel(over("parallel", Scratch("s", F32, 4), over("vector", Store("s", J, ONE), index="j", extent=4))),
    "one iteration": kernel(over("parallel", Store("out", Affine(), ONE), extent=1)),
    "empty loop out of bounds": kernel(over("serial", Store("out", I + 100, ONE), extent=0)),
    "guarded": kernel(over("vector", Store("out", I, x(I - 1, Index(I) > Const(0, I64))))),
    "branch": kernel(over("serial", If(Index(I) < Const(63, I64), (Store("out", I + 1, ONE),)))),
    "names reused in turn": kernel(over("serial", Let("y", ONE)), over("serial", Let("y", Const(1, I64)))),
    "vector reduction": kernel(
        Declare("a", "add", F32), over("vector", Accumulate("a", x())), Store("out", Affine(), Ref("a", F32))),
    "running sum": kernel(
        Declare("a", "add", F32), over("serial", Accumulate("a", x()), Store("out", I, Ref("a", F32)))),
    "column sums": kernel(over(
        "flat", Declare("a", "add", F32), over("serial", Accumulate("a", x(8 * J + I)), index="j", extent=8),
        Store("out", I, Ref("a", F32)), extent=8)),
    "while": kernel(
        Scratch("s", I64, 1), While((Let("k", Load("s", Affine(), I64)), Check(TRUE, Code.PYTHON)),
                                    Op("lt", (Ref("k", I64), Const(9, I64)), dt.bool_), (Store("out", K, ONE),))),
    "while in parallel": kernel(over("parallel", While((), TRUE, (Store("out", I, ONE),)))),
    "threads inside serial loops": kernel(
        over("serial", While((), TRUE, (If(TRUE, (), (over("parallel", Store("out", J, ONE), index="j"),)),)), extent=N)),
    "both ways of a lane": kernel(over("vector", If(TRUE, (Store("out", I, ONE),), (Store("out", I, x()),)))),
    "triangle": kernel(
        over("serial", over("vector", Store("out", Affine({"j": 1}, 8 * IN), x(J)), index="j", extent=IN + 1), extent=8)),
    "triangular rows": kernel(
        over("parallel", over("serial", Store("out", 8 * I + J, ONE), index="j", extent=IN + 1), extent=8)),
    "triangle from the other side": kernel(
        over("parallel", over("serial", Store("out", M * I + J, ONE), index="j", extent=M - IN), extent=M), out=M * M),
    "local offsets before an index": kernel(
        over("serial", over("serial", Store("out", Affine({"j": -1}, IN - 1), ONE), index="j", extent=IN))),
    "affine let as an extent": kernel(over("serial", Let("k", Index(I + 1)), over(
        "parallel", over("vector", Store("out", Affine({"q": KN, "j": 1}), ONE), index="j", extent=KN), index="q", extent=3))),
    "extent from memory": kernel(let_bound(NUMBER), over("flat", Store("out", I, ONE), extent=KN)),
    "extent below zero": kernel(over("parallel", Store("out", 0 * I, ONE), extent=-1)),
    "python in serial loops": kernel(over("serial", While((), TRUE, (If(TRUE, (call(),)),)))),
    "python with sizes": kernel(over("serial", call(shape=(N, IN), strides=(N, 1), symbols=("i", "n")), extent=N), x=N * N),
    "output read back": kernel(over("serial", Store("out", I, x())), over("serial", Let("y", Load("out", I, F32)))),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case):
    verify(ACCEPTED[case])


def test_routines():
    once = If(Op("lt", (Ref("v", F32), ONE), dt.bool_), (Invoke("r", (Ref("v", F32) + ONE,), (), ("g",)),))
    k = kernel(routine(once, Store("g", Affine(), Ref("v", F32))), Invoke("r", (ONE,), (), ("out",)))
    verify(k)
    assert "routine r(v: f32, g: out f32[1]):" in str(k) and "      g = r(v + 1.0)" in str(k) and "  out = r(1.0)" in str(k)


def test_the_message_teaches():
    with pytest.raises(CompileError) as caught:
        verify(kernel(over("vector", Store("out", I, ONE), Store("out", I + 1, ONE), extent=8)))
    assert str(caught.value) == (
        "kernel k: iterations of vector loop i may store to the same element of out\n"
        "  got:      offsets i and i + 1\n"
        "  fix:      make the loop serial, or give each iteration elements of its own\n"
        "  at:       out[i] = 1.0"
    )


def test_every_op_is_defined_somewhere():
    assert all(any(takes(name, dtype) for dtype in dt.INTEGERS + dt.FLOATS) for name in OPS)
    assert not takes("div", dt.int32) and takes("floordiv", dt.int32) and not takes("neg", dt.bool_) and takes("add", dt.bool_)


def test_disjointness_is_never_claimed_wrongly():
    """Random affine stores in small nests: whenever the verifier accepts, brute force finds no collision."""
    rng = np.random.default_rng(1)
    accepted = 0
    for _ in range(400):
        extents = rng.integers(1, 5, 2)
        forms = [tuple(int(v) for v in rng.integers(-4, 9, 3)) for _ in range(rng.integers(1, 3))]
        lowest = min(c + sum(min(0, k * (int(e) - 1)) for k, e in zip(ks, extents)) for *ks, c in forms)
        offsets = [a * I + b * J + (c - lowest) for a, b, c in forms]
        inner = over("serial", *(Store("out", offset, ONE) for offset in offsets), index="j", extent=int(extents[1]))
        touched = [
            {a * i + b * j + c for a, b, c in forms for j in range(extents[1])}  # by iteration i
            for i in range(extents[0])
        ]
        collide = any(touched[i] & touched[k] for i in range(len(touched)) for k in range(i))
        try:
            verify(kernel(over("parallel", inner, extent=int(extents[0]))))
        except CompileError:
            continue
        accepted += 1
        assert not collide, (forms, extents)
    assert accepted > 50


def test_disjointness_of_triangles_is_never_claimed_wrongly():
    """The same where the inner extent and the offset's factors follow the outer index, inside a serial loop."""
    rng = np.random.default_rng(2)
    accepted = 0
    for _ in range(400):
        (outer, count), (grow, base) = rng.integers(2, 5, 2).tolist(), rng.integers(-1, 4, 2).tolist()
        forms = [tuple(int(v) for v in rng.integers(-2, 9, 4)) for _ in range(rng.integers(1, 3))]
        offsets = [Affine({"i": a, "j": b + c * KN}, d * KN + 40) for a, b, c, d in forms]
        inner = over("serial", *(Store("out", offset, ONE) for offset in offsets), index="j", extent=grow * IN + base)
        nest = over("serial", over("parallel", inner, extent=count), index="k", extent=outer)
        collide = False
        for k in range(outer):
            touched = [
                {a * i + (b + c * k) * j + d * k for a, b, c, d in forms for j in range(grow * i + base)} for i in range(count)
            ]
            collide |= any(touched[i] & touched[p] for i in range(count) for p in range(i))
        try:
            verify(kernel(nest, out=1000))
        except CompileError as error:
            assert "of out" in str(error) and "bounds" not in str(error)
            continue
        accepted += 1
        assert not collide, (forms, outer, count, grow, base)
    assert accepted > 40


def drawn(operand, rest=(), shape=()):
    places = Slot("count", I64, (), ()), Slot("number", dt.float64, shape, (1,) * len(shape))
    call = Call("sample", lambda operands, sizes: (), (), places, native=Native("random_exponential", (operand,), rest))
    return kernel(Scratch("count", I64, 1), Scratch("number", dt.float64, 4), call)


def test_c_functions_in_the_place_of_python():
    verify(drawn(Const(2.0, dt.float64), (Const(1, I64),)))
    for bad, message in (
        (drawn(Const(2.0, dt.float64)), "gives one number"),
        (drawn(Const(2.0, dt.float64), (Const(1, I64),), (4,)), "gives one number"),
        (drawn(Const(2.0, F32), (Const(1, I64),)), "takes float64 and int64"),
        (drawn(Const(2.0, dt.float64), (Const(1.0, F32),)), "the value of count"),
    ):
        with pytest.raises(CompileError, match=message):
            verify(bad)
