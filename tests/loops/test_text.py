"""Golden text of kernels, and the printer's rules for parentheses and names."""

import numpy as np
import pytest

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim
from hybrid.loops import nest, text
from hybrid.loops.nest import Buffer, Const, Convert, For, Index, Kernel, Load, Op, Ref, Slot, Store

I, J = Affine.var("i"), Affine.var("j")
F32, I64 = dt.float32, dt.int64


def gelu():
    x = Load("x", I, F32)
    y = x * 0.5 * (1 + nest.op("tanh", 0.79788458 * (x + 0.044715 * (x * x * x))))
    buffers = (Buffer("x", F32, 1048576, "in"), Buffer("out", F32, 1048576, "out"))
    return Kernel("k0", buffers, (For("i", 1048576, (Store("out", I, y),), "flat"),), "gelu.py:12")


def everything():
    n = Dim.symbol("n")
    x = Load("x", n * I + J, F32)
    k = Ref("k", I64)
    in_range = Op("lt", (k, Const(8, I64)), dt.bool_)
    hard = nest.Rescue(nest.op("gt", x, 100.0), x * 2, "sin", (x,))
    body = (
        nest.Let("k", Index(2 * I + 1)),
        nest.Check(in_range, nest.Code.INDEX),
        nest.Scratch("row", F32, n),
        nest.Declare("top", "max", F32),
        For("j", n, (nest.Accumulate("top", x), Store("row", J, hard)), "vector"),
        nest.If(nest.op("isnan", Ref("top", F32)), (Store("out", I, Const(np.nan, F32)),)),
        Store("out", I, nest.select(in_range, -Ref("top", F32), Load("row", Affine(), F32))),
        Store("code", I, nest.Bitcast(Load("x", Affine.var("k"), F32, in_range), dt.int32)),
        Store("half", I, Convert(Ref("top", F32), dt.bfloat16)),
    )
    buffers = (
        Buffer("x", F32, n * n, "in"),
        Buffer("out", F32, n, "inout"),
        Buffer("code", dt.int32, n, "out"),
        Buffer("half", dt.bfloat16, n, "out"),
    )
    return Kernel("all", buffers, (For("i", n, body, "parallel"),))


def test_gelu():
    assert str(gelu()) == (
        "kernel k0(x: in f32[1048576], out: out f32[1048576])   # gelu.py:12\n"
        "  flat i < 1048576:\n"
        "    t0 = x[i]\n"
        "    out[i] = t0 * 0.5 * (1.0 + tanh(0.7978846 * (t0 + 0.044715 * (t0 * t0 * t0))))"
    )


def test_every_statement():
    assert str(everything()) == (
        "kernel all(x: in f32[n*n], out: inout f32[n], code: out i32[n], half: out bf16[n]; n)\n"
        "  parallel i < n:\n"
        "    k = 2*i + 1\n"
        "    check k < 8 else INDEX\n"
        "    row: scratch f32[n]\n"
        "    top: max f32\n"
        "    vector j < n:\n"
        "      top <- x[n*i + j]\n"
        "      t0 = x[n*i + j]\n"
        "      row[j] = rescue(t0 > 100.0, t0 * 2.0, sin(t0))\n"
        "    if isnan(top):\n"
        "      out[i] = nan\n"
        "    out[i] = -top if k < 8 else row[0]\n"
        "    code[i] = bitcast_i32(x[k if k < 8])\n"
        "    half[i] = bf16(top)"
    )


def test_calls_of_python():
    n = Dim.symbol("n")
    slots = Slot("x", F32, (n, 3), (3, 1)), Slot("x", F32, (3, n), (1, 3)), Slot("out", F32, (), ())
    kernel = Kernel("k", (), (nest.Call("solve", lambda *_: (), slots[:2], slots[2:], ("n",), "user.py:3"),))
    assert str(kernel).splitlines()[1] == "  out[] = python solve(x[n,3], x[3,n by 1,3], n)   # user.py:3"
    native = nest.Native("random_normal", (Const(7, I64), Const(1.0, dt.float64)), ())
    drawn = nest.Call("sample", lambda *_: (), (), (Slot("y", dt.float64, (), ()),), native=native)
    assert str(Kernel("k", (), (drawn,))).splitlines()[1] == "  y[] = random_normal or python sample()"


def test_text_does_not_depend_on_identity():
    assert str(everything()) == str(everything())


def value(expr):
    return text.Printer(Kernel("k", (), ())).value(expr)[0]


a, b, c = (Ref(name, I64) for name in "abc")


@pytest.mark.parametrize(
    "expr, want",
    [
        (a + b + c, "a + b + c"),
        (a + (b + c), "a + (b + c)"),
        (a - (b - c), "a - (b - c)"),
        ((a + b) * c, "(a + b) * c"),
        (a + b * c, "a + b * c"),
        (-(a * b), "-(a * b)"),
        (-a * b, "-a * b"),
        (a * Const(-2, I64), "a * -2"),
        (~(a & b) | c, "~(a & b) | c"),
        (nest.op("eq", a < b, b < c), "(a < b) == (b < c)"),
        ((a < b) & (b < c), "(a < b) & (b < c)"),
        (nest.select(a < b, a, b) + c, "(a if a < b else b) + c"),
        (nest.op("min", a, b + c), "min(a, b + c)"),
        (Index(4 * I - J) * c, "(4*i - 1*j) * c"),
        (Convert(a + b, F32), "f32(a + b)"),
        (Const(0.1, F32) + Const(0.1, F32), "0.1 + 0.1"),
        (Const(0.1, dt.bfloat16) + 1, "0.100097656 + 1.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "nest",
)
def test_few_parentheses(expr, want):
    assert value(expr) == want


def test_shared_and_long_values_get_a_name_that_is_free():
    t0 = Ref("t0", F32)
    root = t0 * t0
    kernel = Kernel("k", (), (nest.Let("t0", Const(1, F32)), nest.Let("y", (root + 1) * (root + 2))))
    assert str(kernel).splitlines()[2:] == ["  t1 = t0 * t0", "  y = (t1 + 1.0) * (t1 + 2.0)"]
    chain = t0
    for _ in range(60):
        chain = chain + 1
    lines = str(Kernel("k", (), (nest.Let("t0", Const(1, F32)), nest.Let("y", chain)))).splitlines()
    assert len(lines) > 4 and max(map(len, lines)) < 110


def test_graphs_deeper_than_the_stack():
    deep = a
    for _ in range(20000):
        deep = deep + 1
    printer = text.Printer(Kernel("k", (), ()))
    assert printer.value(deep)[0].startswith("t")
    assert len(text.in_order(deep)) == 40001


def test_a_statement_is_quoted_without_its_body():
    kernel = everything()
    assert text.render_statement(kernel, kernel.body[0]) == "parallel i < n:"
    assert text.render_statement(kernel, kernel.body[0].body[4].body[1]) == (
        "t0 = x[n*i + j]; row[j] = rescue(t0 > 100.0, t0 * 2.0, sin(t0))"
    )


def test_control_flow():
    s = Load("s", Affine(), I64)
    step, k = Dim.symbol("step"), Ref("k", I64)
    square = k * k
    body = (
        nest.Scratch("s", I64, 1),
        nest.While(
            (nest.Let("k", s), nest.Check(k < Const(99, I64), nest.Code.PYTHON)),
            (square < Const(50, I64)) & (square > Const(-1, I64)),
            (
                For("j", step + 1, (Store("x", Affine({"j": 1}, 4 * step), Const(1, F32)),), "vector"),
                nest.If(k < Const(3, I64), (Store("s", Affine(), k + 1),), (Store("s", Affine(), k * 2),)),
            ),
        ),
    )
    kernel = Kernel("k", (Buffer("x", F32, Dim.symbol("n"), "out"),), (For("step", 3, body),))
    assert str(kernel) == (
        "kernel k(x: out f32[n]; n)\n"
        "  for step < 3:\n"
        "    s: scratch i64[1]\n"
        "    while:\n"
        "      k = s[0]\n"
        "      check k < 99 else PYTHON\n"
        "      t0 = k * k\n"
        "      break unless (t0 < 50) & (t0 > -1)\n"
        "      vector j < step+1:\n"
        "        x[j + 4*step] = 1.0\n"
        "      if k < 3:\n"
        "        s[0] = k + 1\n"
        "      else:\n"
        "        s[0] = k * 2"
    )
    assert text.render_statement(kernel, body[1]).startswith("while:; t0 = k * k; break unless")
