"""Random programs of the loop language: machine code gives the bits the interpreter gives."""

import numpy as np
import pytest

from hybrid.codegen.python import interpret
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.loops.nest import (
    OPS,
    Accumulate,
    Buffer,
    Convert,
    Declare,
    Expr,
    For,
    If,
    Index,
    Kernel,
    Let,
    Load,
    Op,
    Ref,
    Stmt,
    Store,
)
from hybrid.loops.verify import takes

COUNT = 45
DTYPES = (dt.bool_, dt.int8, dt.uint16, dt.int32, dt.int64, dt.float16, dt.bfloat16, dt.float32, dt.float64)
NAMES = ("add", "sub", "mul", "div", "min", "max", "neg", "abs", "floor", "sqrt", "isnan", "select", "and", "or", "xor", "not",
         "eq", "ne", "lt", "le", "gt", "ge", "floordiv", "mod", "shl", "shr", "copysign", "rint")  # fmt: skip
I, J = Affine.var("i"), Affine.var("j")


class Program:
    """Statements over inputs of every dtype; expressions share what was made before."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.inputs = {f"x{at}": dtype for at, dtype in enumerate(DTYPES)}
        self.names: list[Ref] = []

    def pick(self, items):
        return items[self.rng.integers(len(items))]

    def load(self, dtype: np.dtype) -> Expr:
        name = next(name for name, found in self.inputs.items() if found == dtype)
        offset = self.pick([I, I * 2, I * -1 + (COUNT - 1), I * 5 + 3, Affine(None, 7), I + J])
        guard = self.pick([None, None, Index(I) > 4, Index(J) > 0])
        return Load(name, offset, dtype, guard)

    def value(self, dtype: np.dtype, depth: int) -> Expr:
        known = [name for name in self.names if name.dtype == dtype]
        if depth == 0 or (known and self.rng.random() < 0.3):
            return self.pick(known) if known and self.rng.random() < 0.7 else self.load(dtype)
        if self.rng.random() < 0.25:
            source = self.pick(DTYPES)
            # Float to unsigned beyond its range is undefined in NumPy, and differs between its loops.
            return Convert(self.value(dt.bool_ if dt.is_float(source) and dtype == dt.uint16 else source, depth - 1), dtype)
        name = self.pick(NAMES)
        arity, result = OPS[name]
        if result == "bool":
            if dtype != dt.bool_:
                return self.value(dtype, depth)
            operand = self.pick([found for found in DTYPES if takes(name, found)])
            return Op(name, tuple(self.value(operand, depth - 1) for _ in range(arity)), dtype)
        if not takes(name, dtype):
            return self.value(dtype, depth)
        args = [self.value(dtype, depth - 1) for _ in range(arity)]
        if name == "select":
            args[0] = self.value(dt.bool_, depth - 1)
        return Op(name, tuple(args), dtype)

    def kernel(self, kind: str) -> Kernel:
        buffers = [Buffer(name, dtype, 6 * COUNT, "in") for name, dtype in self.inputs.items()]
        body: list[Stmt] = []
        for at in range(5):
            dtype = self.pick(DTYPES)
            body.append(Let(f"t{at}", self.value(dtype, 3)))
            self.names.append(Ref(f"t{at}", dtype))
        for at in range(4):
            dtype = self.pick(DTYPES)
            store = Store(f"y{at}", self.pick([I, I * 3, I * -1 + (COUNT - 1)]), self.value(dtype, 3))
            body.append(store if self.rng.random() < 0.6 else If(self.value(dt.bool_, 2), (store,)))
            buffers.append(Buffer(f"y{at}", dtype, 6 * COUNT, "out"))
        body.append(Accumulate("least", self.value(dt.float32, 2)))
        body.append(Accumulate("total", self.value(dt.int32, 2)))
        buffers += [Buffer("low", dt.float32, 3, "out"), Buffer("bits", dt.int32, 3, "out")]
        nest = (
            Declare("least", "min", dt.float32),
            Declare("total", "add", dt.int32),
            For("i", COUNT, tuple(body), kind),
            Store("low", J, Ref("least", dt.float32)),
            Store("bits", J, Ref("total", dt.int32)),
        )
        return Kernel("k", tuple(buffers), (For("j", 3, nest, "serial"),))

    def array(self, buffer: Buffer) -> np.ndarray:
        if buffer.role == "out":
            return np.zeros(buffer.size, buffer.dtype)
        if buffer.dtype == dt.bool_:
            return self.rng.random(buffer.size) < 0.5
        if dt.is_integer(buffer.dtype):
            return self.rng.integers(-9, 99, buffer.size).astype(buffer.dtype)
        return (self.rng.standard_normal(buffer.size) * 4).astype(buffer.dtype)


@pytest.mark.parametrize("seed", (*range(10), 163, 812))
def test_machine_code_is_the_interpreter(compiled, target, seed):
    program = Program(seed)
    kernel = program.kernel(("vector", "serial")[seed % 4 == 0])
    arrays = [program.array(buffer) for buffer in kernel.buffers]
    ours, theirs = [a.copy() for a in arrays], [a.copy() for a in arrays]
    assert compiled(kernel, target)(*ours) == interpret(kernel)(*theirs) == 0
    for buffer, got, expected in zip(kernel.buffers, ours, theirs):
        if dt.is_float(buffer.dtype):
            got, expected = got.astype(np.float64), expected.astype(np.float64)
        np.testing.assert_array_equal(got, expected, err_msg=f"{buffer.name}\n{kernel}")
