"""Random programs of the loop language: machine code gives the bits the interpreter gives."""

import numpy as np
import pytest

from hybrid.codegen.python import compile_numba, interpret
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim
from hybrid.loops.nest import (
    OPS,
    Accumulate,
    Buffer,
    Check,
    Code,
    Const,
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
    Scratch,
    Stmt,
    Store,
    While,
    op,
    select,
)
from hybrid.loops.verify import takes, verify

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


class Control:
    """Loops, branches and variables inside each other; places and extents come from indices, variables and memory."""

    SIZE = 64
    CELLS = {"a": dt.int64, "b": dt.int32, "c": dt.float64, "d": dt.uint8}

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.count = 0
        self.indices: list[str] = []  # of loops around, and int64 names: all from 0 to 7
        self.budget = 24  # statements that hold others

    def pick(self, items):
        return items[self.rng.integers(len(items))]

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def place(self) -> Affine:
        """A place in an array, at most 63."""
        names = [self.pick(self.indices) for _ in range(min(2, len(self.indices)))]
        if self.rng.random() < 0.3 and len(names) == 2:
            return Affine({names[0]: Dim.symbol(names[1])})  # a product
        form = Affine(None, int(self.rng.integers(8)))
        for name, factor in zip(names, (1, 7)):
            form = form + (Affine.var(name) * factor if self.rng.random() < 0.7 else Affine(None, Dim.symbol(name) * factor))
        return form

    def value(self, dtype: np.dtype, depth: int = 2) -> Expr:
        name = next(name for name, found in self.CELLS.items() if found == dtype)
        roll = self.rng.random()
        if depth == 0 or roll < 0.3:
            place = self.place()
            leaves = [Load(name, Affine.of(0), dtype), Load(f"x{name}", place, dtype), Const(int(self.rng.integers(9)), dtype)]
            return self.pick([*leaves, Index(place)] if dtype == dt.int64 else leaves)
        a, b = self.value(dtype, depth - 1), self.value(dtype, depth - 1)
        if roll < 0.4:
            return select(self.condition(depth - 1), a, b)
        if roll < 0.5 and not dt.is_float(dtype):
            return Convert(self.value(self.pick([dt.int64, dt.int32, dt.uint8]), depth - 1), dtype)
        bits = ("floordiv", "mod", "xor", "and", "or", "shl", "shr")
        return op(self.pick(("add", "sub", "mul", "min", "max", *(() if dt.is_float(dtype) else bits))), a, b)

    def condition(self, depth: int = 1) -> Expr:
        dtype = self.pick(list(self.CELLS.values()))
        return op(self.pick(("lt", "le", "eq", "ne")), self.value(dtype, depth), self.value(dtype, depth))

    def block(self, depth: int) -> tuple[Stmt, ...]:
        known, out = list(self.indices), []
        for _ in range(self.rng.integers(1, 4)):
            out += self.statement(depth)
        self.indices = known
        return tuple(out)

    def statement(self, depth: int) -> list[Stmt]:
        roll, name = self.rng.random(), self.pick(list(self.CELLS))
        if depth and self.budget > 0 and roll < 0.6:
            self.budget -= 1
            return self.pick([self.branch, self.repeat, self.serial, self.serial, self.lanes, self.total])(depth)
        if roll < 0.75:
            return [Store(name, Affine.of(0), self.value(self.CELLS[name]))]
        if roll < 0.85:
            let = Let(self.fresh("k"), self.value(dt.int64) & 7)
            self.indices.append(let.name)
            return [let]
        return [Store(f"y{name}", self.place(), self.value(self.CELLS[name]))]

    def extent(self):
        index = Dim.symbol(self.pick(self.indices)) if self.indices else 3
        return self.pick([index, 3, index - 2, 5 - index, Dim.symbol("n") - index, 7 if self.rng.random() < 0.5 else -1])

    def branch(self, depth: int) -> list[Stmt]:
        return [If(self.condition(), self.block(depth - 1), self.block(depth - 1) if self.rng.random() < 0.6 else ())]

    def repeat(self, depth: int) -> list[Stmt]:
        """At most five rounds, whatever the condition says."""
        counter, known = self.fresh("w"), list(self.indices)
        rounds = Load(counter, Affine.of(0), dt.int64)
        let = Let(self.fresh("k"), rounds)
        self.indices.append(let.name)
        test = (let, *self.statement(0))
        condition = (Ref(let.name, dt.int64) < 5) & self.condition()
        body = (*self.block(depth - 1), Store(counter, Affine.of(0), rounds + 1))
        self.indices = known
        return [Scratch(counter, dt.int64, 1), Store(counter, Affine.of(0), Const(0, dt.int64)), While(test, condition, body)]

    def serial(self, depth: int) -> list[Stmt]:
        index, extent = self.fresh("i"), self.extent()
        self.indices.append(index)
        body = self.block(depth - 1)
        self.indices.remove(index)
        return [For(index, extent, body)]

    def lanes(self, depth: int) -> list[Stmt]:
        index, name, base = self.fresh("v"), self.pick(list(self.CELLS)), self.pick([0, *map(Dim.symbol, self.indices)])
        extent = self.extent()
        self.indices.append(index)
        store = Store(f"z{name}", Affine({index: 1}, base), self.value(self.CELLS[name]))
        other = Store(f"z{name}", Affine({index: 1}, base), self.value(self.CELLS[name], 1))
        body = (store,) if self.rng.random() < 0.5 else (If(self.condition(), (store,), (other,)),)
        self.indices.remove(index)
        return [For(index, extent, body, self.pick(["vector", "flat"]))]

    def total(self, depth: int) -> list[Stmt]:
        """Sums over an inner loop and a branch, read afterwards."""
        index, extent, name = self.fresh("i"), self.extent(), self.fresh("s")
        dtype, way = self.pick([(dt.int64, "add"), (dt.float64, "max"), (dt.int32, "min"), (dt.uint8, "or")])
        outer = Accumulate(name, self.value(dtype))
        self.indices.append(index)
        inner = Accumulate(name, self.value(dtype))
        body = (
            (inner,) if self.rng.random() < 0.5 else (If(self.condition(), (inner,), (Accumulate(name, self.value(dtype)),)),)
        )
        self.indices.remove(index)
        home = next(key for key, found in self.CELLS.items() if found == dtype)
        loop = For(index, extent, body, self.pick(["serial", "vector"]))
        return [Declare(name, way, dtype), outer, loop, Store(home, Affine.of(0), Ref(name, dtype))]

    def kernel(self) -> Kernel:
        kinds = (("x", Dim.symbol("n") * 16, "in"), ("y", self.SIZE, "inout"), ("z", self.SIZE, "inout"))
        buffers = [Buffer(kind + name, dtype, *rest) for name, dtype in self.CELLS.items() for kind, *rest in kinds]
        start = [Scratch(name, dtype, 1) for name, dtype in self.CELLS.items()]
        start += [Store(name, Affine.of(0), Const(at, dtype)) for at, (name, dtype) in enumerate(self.CELLS.items())]
        self.indices = ["r"]
        body = self.block(4)
        check = Check(op("ne", Load("a", Affine.of(0), dt.int64), 5), Code.PYTHON)
        end = [Store(f"y{name}", Affine.of(0), Load(name, Affine.of(0), dtype)) for name, dtype in self.CELLS.items()]
        return Kernel("k", tuple(buffers), (*start, For("r", Dim.symbol("n") - 1, (*body, check)), *end))


@pytest.mark.parametrize("seed", range(24))
def test_control_flow_is_the_interpreter(compiled, target, seed):
    program = Control(seed)
    kernel = program.kernel()
    verify(kernel)
    arrays = [(program.rng.integers(-9, 99, 64)).astype(buffer.dtype) for buffer in kernel.buffers]
    runs = [interpret(kernel), compiled(kernel, target)] + [compile_numba(kernel)] * (seed == 3)
    results = []
    for run in runs:
        own = [array.copy() for array in arrays]
        results.append((run(*own, 4), own))
    for code, own in results[1:]:
        assert code == results[0][0], kernel
        for buffer, got, expected in zip(kernel.buffers, own, results[0][1]):
            np.testing.assert_array_equal(got, expected, err_msg=f"{buffer.name}\n{kernel}")
