"""Values that several statements use are named once, unless something changes in between what they read."""

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.loops import nest
from hybrid.loops.nest import Accumulate, Buffer, For, If, Kernel, Load, Ref, Store
from hybrid.loops.share import share

I = Affine.var("i")
F32 = dt.float32
X = Load("x", I, F32)


def shared(*body):
    names = (f"s{k}" for k in range(9))
    text = str(Kernel("k", (Buffer("x", F32, 9, "inout"), Buffer("y", F32, 9, "out")), share(body, lambda _: next(names))))
    return [line.strip() for line in text.splitlines()[1:]]


def test_named_once():
    value = X * 2
    assert shared(Store("y", I, value + 1), Store("z", I, value + 3)) == [
        "s0 = x[i] * 2.0",
        "y[i] = s0 + 1.0",
        "z[i] = s0 + 3.0",
    ]


def test_not_across_a_store_to_what_it_reads():
    value = X * 2
    assert shared(Store("x", I, value + 1), Store("y", I, value + 3)) == ["x[i] = x[i] * 2.0 + 1.0", "y[i] = x[i] * 2.0 + 3.0"]


def test_between_two_stores():
    value = X * 2
    lines = shared(
        Store("x", I, value), Store("y", I, value + 1), Store("z", I, value + 2), Store("x", I, value), Store("y", I, value)
    )
    assert lines == [
        "x[i] = x[i] * 2.0",
        "s0 = x[i] * 2.0",
        "y[i] = s0 + 1.0",
        "z[i] = s0 + 2.0",
        "x[i] = s0",
        "y[i] = x[i] * 2.0",
    ]


def test_loops_and_branches_change_what_they_store_to():
    value, one = X * 2, nest.Const(1, F32)
    for inner in (If(value > 0, (), (Store("x", I, one),)), For("j", 3, (nest.While((Store("x", I, one),), one < one, ()),))):
        before, *middle, after = shared(Store("y", I, value), inner, Store("z", I, value))
        assert (before, after) == ("y[i] = x[i] * 2.0", "z[i] = x[i] * 2.0") and middle


def test_not_across_an_addition():
    total = Ref("a", F32) * 2
    lines = shared(
        nest.Declare("a", "add", F32), Accumulate("a", X), Store("y", I, total), Accumulate("a", X), Store("z", I, total)
    )
    assert lines.count("y[i] = a * 2.0") == lines.count("z[i] = a * 2.0") == 1
