"""The loop language. One `Kernel` is one pass over memory: plain loops, scalars in registers, arrays by linear offset.

    Kernel     ::= Kernel(name, buffers, body)
    Stmt       ::= For(index, extent, body, kind)        kind: serial | vector | parallel | flat; index runs 0 … extent-1
                 | While(test, condition, body)          runs test, leaves unless condition, runs body; again and again
                 | If(condition, body, orelse)
                 | Let(name, value)                      names a scalar; visible to the end of the enclosing block
                 | Store(buffer, offset, value)
                 | Declare(name, op, dtype)              an accumulator in a register, starting at the identity of op
                 | Accumulate(name, value)               name = op(name, value); a Ref(name) after the loop reads it
                 | Scratch(name, dtype, size)            a small array private to the enclosing iteration (stack)
                 | Check(condition, code)                where false, the call ends with error `code` (see `Code`)
                 | Call(name, run, reads, writes, …)     Python computes: `run(operands, sizes)` fills the places in `writes`
                 | Routine(name, values, reads, writes, body)   statements with a name, to the end of the enclosing block
                 | Invoke(name, values, reads, writes)   runs them, from inside them too: each time with scratch of its own
    Expr       ::= Const(value) | Ref(name) | Index(affine) | Load(buffer, offset, guard) | Op(name, args)
                 | Convert(arg, dtype) | Bitcast(arg, dtype) | Rescue(condition, fast, name, args)
    offset     ::= Affine over loop indices and int64 names, in elements of the buffer
    size       ::= int | Dim over the kernel's size symbols and, but for buffers, over the names of offsets

Every expression has a NumPy dtype. Semantics, shared by every code generator:

* `Op` names are those of `OPS`; arithmetic is NumPy's on equal dtypes: integers wrap, division by integer zero gives 0,
  comparisons give bool, `min`/`max` propagate NaN, floats never contract into fused multiply-adds unless `fma` is written.
* A `vector` loop may run its iterations in any order and many at a time; only `Accumulate` may carry a value across them.
  `parallel` iterations may run at once on many threads and may not carry anything. A `flat` loop is both at once: its range
  is cut into one piece per thread, each a vector loop. parallel and flat loops stand in no loop but serial For and While.
* An extent of zero or less runs no iteration. It is computed once, before the first one.
* Names bound in the `test` of a While are visible in its condition and body.
* A Scratch holds no defined values until they are stored. One of size 1 is a variable, and lives in a register. One whose size
  mentions names of the kernel stands in no loop but serial For and While, and holds nothing where its size is negative.
* Float `add` accumulators are summed in blocks with compensation: at least as accurate as pairwise, in an order that
  depends on the extent alone, never on the number of threads. Integer accumulators wrap.
* A `Load` whose `guard` is false does not touch memory and gives 0.
* A `Call` holds the GIL while it runs, stands in no loop but serial For and While, and is made exactly as often and in the
  order in which it is reached. Where Python raises an `Exception`, or gives other types or shapes than were inferred, the
  kernel ends with `Code.PYTHON`; any other exception (Ctrl-C) stays set, and it ends with `Code.RAISED`.
* A `Routine` sees what is in scope where it stands, as it is when that is invoked. It is invoked in no loop but serial For and
  While. Its `values` are handed over by value, its arrays (`reads` and `writes`) by name: those that it stores in have no
  other name in it. Where a check in it fails, the kernel ends. It also ends, with `Code.PYTHON`, where the stack runs out.

Expressions are immutable and shared by identity; a code generator evaluates each node once per statement.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.cost import Cost
from hybrid.core.errors import CompileError
from hybrid.core.lazily import cached_property
from hybrid.core.scipyspecial import OPERATIONS
from hybrid.core.shape import Dim, Shape, Size


class Code(enum.IntEnum):
    """What a kernel returns: zero, or in its lowest byte the first failed check; above that, the note of the check."""

    OK, INDEX = 0, 1  # an index out of bounds
    MEMORY = 2  # a scratch buffer could not be allocated
    PYTHON = 3  # the call belongs to Python: an assumption of the trace does not hold
    ROOM = 5  # so it does, since a container has more items than there is room for
    WARNED, EMPTY, SIZES = 6, 7, 8  # and a library warns, a list returned as an array is empty, or results have other sizes
    RAISED = 4  # Python raised what nobody may catch but the caller; the exception is set in the calling thread

    def noted(self, note: int) -> int:
        return note << 8 | self


# name -> (arity, result): "same" as the operands, "bool", or "last" (select's branches).
OPS: dict[str, tuple[int, str]] = {
    **{name: (2, "same") for name in ("add", "sub", "mul", "div", "floordiv", "mod", "min", "max", "and", "or", "xor",
                                      "shl", "shr", "copysign", "pow", "atan2", "fmod", "hypot", "nextafter",
                                      "threefry", "scalar_add", "scalar_sub", "scalar_mul")},
    **{name: (2, "bool") for name in ("eq", "ne", "lt", "le", "gt", "ge", "fits_add", "fits_sub", "fits_mul")},
    **{name: (1, "same") for name in ("neg", "abs", "not", "floor", "ceil", "trunc", "rint", "sqrt", "exp", "exp2", "expm1",
                                      "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
                                      "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "sigmoid", "cbrt", "lgamma")},
    "scalar_neg": (1, "same"), "scalar_abs": (1, "same"), "isnan": (1, "bool"),
    "fma": (3, "same"), "select": (3, "last"),  # a*b + c with one rounding; condition, then, else
    **{name: (arity, "same") for name, arity in OPERATIONS.items()},
}  # fmt: skip
HEARD = {f"scalar_{name}": name for name in ("add", "sub", "mul", "neg", "abs")}  # NumPy's scalars say where they wrap around
ON_WORDS = frozenset(("threefry",))  # functions of 64 bits
FOREIGN = "foreign."  # how the names of functions of another compiler begin, of int64 operands (see codegen/foreign)

# Accumulator operators and their identities by dtype kind.
REDUCERS = ("add", "mul", "min", "max", "and", "or")


class Expr:
    """A scalar expression; `dtype` is its NumPy dtype. Arithmetic operators build `Op`s on equal dtypes."""

    __slots__ = ("dtype",)
    dtype: np.dtype

    def __add__(self, other):
        return op("add", self, other)

    def __radd__(self, other):
        return op("add", _lift(other, self), self)

    def __sub__(self, other):
        return op("sub", self, other)

    def __rsub__(self, other):
        return op("sub", _lift(other, self), self)

    def __mul__(self, other):
        return op("mul", self, other)

    def __rmul__(self, other):
        return op("mul", _lift(other, self), self)

    def __truediv__(self, other):
        return op("div", self, other)

    def __rtruediv__(self, other):
        return op("div", _lift(other, self), self)

    def __neg__(self):
        return op("neg", self)

    def __and__(self, other):
        return op("and", self, other)

    def __or__(self, other):
        return op("or", self, other)

    def __xor__(self, other):
        return op("xor", self, other)

    def __invert__(self):
        return op("not", self)

    def __lshift__(self, other):
        return op("shl", self, other)

    def __rshift__(self, other):
        return op("shr", self, other)

    def __lt__(self, other):
        return op("lt", self, other)

    def __le__(self, other):
        return op("le", self, other)

    def __gt__(self, other):
        return op("gt", self, other)

    def __ge__(self, other):
        return op("ge", self, other)


class Const(Expr):
    """A literal of the given dtype; `value` is a NumPy scalar."""

    __slots__ = ("value",)

    def __init__(self, value: object, dtype: np.dtype):
        self.dtype = dtype
        self.value = np.asarray(value, dtype)[()]


class Ref(Expr):
    """The scalar a `Let` or an accumulator named."""

    __slots__ = ("name",)

    def __init__(self, name: str, dtype: np.dtype):
        self.name, self.dtype = name, dtype


class Index(Expr):
    """The int64 value of an affine form."""

    __slots__ = ("affine",)

    def __init__(self, affine: Affine):
        self.affine, self.dtype = affine, dt.int64


class Load(Expr):
    """One element of a buffer or scratch array; zero, untouched, where `guard` is false."""

    __slots__ = ("buffer", "offset", "guard")

    def __init__(self, buffer: str, offset: Affine, dtype: np.dtype, guard: Expr | None = None):
        self.buffer, self.offset, self.dtype, self.guard = buffer, offset, dtype, guard


class Op(Expr):
    """An operation of `OPS` on operands of one dtype (select's condition is bool)."""

    __slots__ = ("name", "args")

    def __init__(self, name: str, args: tuple[Expr, ...], dtype: np.dtype):
        self.name, self.args, self.dtype = name, args, dtype


class Convert(Expr):
    """NumPy's `astype`: floats to integers truncate, integers wrap, anything to bool is `!= 0`."""

    __slots__ = ("arg",)

    def __init__(self, arg: Expr, dtype: np.dtype):
        self.arg, self.dtype = arg, dtype


class Bitcast(Expr):
    """The same bits as another dtype of equal width."""

    __slots__ = ("arg",)

    def __init__(self, arg: Expr, dtype: np.dtype):
        self.arg, self.dtype = arg, dtype


class Rescue(Expr):
    """`fast`, but where `condition` holds the platform's scalar `name(*args)`, lane by lane: for rare, hard arguments."""

    __slots__ = ("condition", "fast", "name", "args")

    def __init__(self, condition: Expr, fast: Expr, name: str, args: tuple[Expr, ...]):
        self.condition, self.fast, self.name, self.args, self.dtype = condition, fast, name, args, fast.dtype


def _lift(value: object, like: Expr) -> Expr:
    return value if isinstance(value, Expr) else Const(value, like.dtype)


def op(name: str, *args: object) -> Expr:
    """An `Op` with its result dtype; Python numbers take the dtype of the operand beside them."""
    arity, result = OPS[name]
    if len(args) != arity:
        raise CompileError(f"{name} takes {arity} operands", got=len(args))
    anchor = next((a for a in args[1 if name == "select" else 0 :] if isinstance(a, Expr)), None)
    if anchor is None:
        raise CompileError(f"{name} needs at least one expression operand")
    lifted = tuple(a if isinstance(a, Expr) else Const(a, anchor.dtype) for a in args)
    operands = lifted[1:] if name == "select" else lifted
    if any(a.dtype != operands[0].dtype for a in operands):
        raise CompileError(f"{name} takes operands of one dtype", got=", ".join(str(a.dtype) for a in operands))
    return Op(name, lifted, dt.bool_ if result == "bool" else operands[0].dtype)


def select(condition: Expr, then: object, otherwise: object) -> Expr:
    return op("select", condition, then, otherwise)


def fma(a: object, b: object, c: object) -> Expr:
    """a*b + c with a single rounding."""
    return op("fma", a, b, c)


def convert(arg: Expr, dtype: np.dtype) -> Expr:
    return arg if arg.dtype == dtype else Convert(arg, dtype)


@dataclass(frozen=True, slots=True)
class Let:
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Store:
    buffer: str
    offset: Affine
    value: Expr


@dataclass(frozen=True, slots=True)
class Declare:
    name: str
    op: str
    dtype: np.dtype


@dataclass(frozen=True, slots=True)
class Accumulate:
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Scratch:
    name: str
    dtype: np.dtype
    size: Size


@dataclass(frozen=True, slots=True)
class Check:
    """`note`: which of the program's assumptions it is, counted from 1; 0 where there is nothing to tell."""

    condition: Expr
    code: Code
    note: int = 0


@dataclass(frozen=True, slots=True)
class If:
    condition: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()


@dataclass(frozen=True, slots=True)
class While:
    test: tuple[Stmt, ...]
    condition: Expr  # over what `test` binds
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class For:
    index: str
    extent: Size
    body: tuple[Stmt, ...]
    kind: str = "serial"  # serial | vector | parallel | flat


@dataclass(frozen=True, slots=True)
class Slot:
    """An array as Python sees it: from the first element of a buffer, `strides` in elements."""

    buffer: str
    dtype: np.dtype
    shape: Shape
    strides: Shape

    @property
    def sizes(self) -> Shape:
        return (*self.shape, *self.strides)


# Operands, and the values of the symbols that are passed on; gives the results.
Run = Callable[[Sequence[np.ndarray], Mapping[str, int]], Sequence[np.ndarray]]


@dataclass(frozen=True, slots=True, eq=False)
class Native:
    """A C function that does what `run` of a `Call` does, for machine code: it neither fails nor needs the GIL.

    Its operands are float64 and int64 (addresses among them). It gives a number for the last place that the call writes; the
    values of `rest` go into those before. With `arrays`, whose addresses come first, it fills these itself and gives a `Code`.
    """

    function: str  # the external symbol
    operands: tuple[Expr, ...]
    rest: tuple[Expr, ...] = ()
    arrays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Python in the middle of a kernel: `run(operands, sizes)` gives one array for each place in `writes`.

    `operands` are arrays over the memory of `reads`, to be looked at and not kept; `sizes` are the values of `symbols`.
    """

    name: str  # for people: the operation
    run: Run
    reads: tuple[Slot, ...]
    writes: tuple[Slot, ...]
    symbols: tuple[str, ...] = ()  # size symbols, loop indices and int64 names: those of the slots, and what `run` asks for
    source: str = ""  # the user's line
    native: Native | None = None
    note: int = 0  # which of the program's assumptions it is that Python does as it did while tracing (see `Check`)
    only: str = ""  # for people: where it is made
    cost: Cost = field(default_factory=Cost, repr=False)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (*self.reads, *self.writes)


@dataclass(frozen=True, slots=True)
class Buffer:
    """An array the kernel is given. `size` is in elements; scalars are buffers of size 1."""

    name: str
    dtype: np.dtype
    size: Size
    role: str  # in | out | inout


@dataclass(frozen=True, slots=True)
class Routine:
    """Statements that are run wherever they are invoked. Arrays it is given are read (role in) or filled (role out)."""

    name: str
    values: tuple[Ref, ...]
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    body: tuple[Stmt, ...]

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        return (*self.reads, *self.writes)


@dataclass(frozen=True, slots=True)
class Invoke:
    """Run a routine in scope on values and on arrays, which go by name."""

    name: str
    values: tuple[Expr, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]

    @property
    def buffers(self) -> tuple[str, ...]:
        return (*self.reads, *self.writes)


Stmt = For | While | If | Let | Store | Declare | Accumulate | Scratch | Check | Call | Routine | Invoke


@dataclass(frozen=True)
class Kernel:
    name: str
    buffers: tuple[Buffer, ...]
    body: tuple[Stmt, ...]
    source: str = ""  # the user's line that this kernel mostly stands for

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Where it calls Python, in the order of the text."""
        return tuple(stmt for stmt in walk(self.body) if isinstance(stmt, Call))

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Size symbols the kernel needs, sorted: those that no loop index or `Let` of its own stands for."""
        found: set[str] = set()
        for size in sizes_of(self):
            if isinstance(size, Dim):
                found |= size.symbols
        for stmt in walk(self.body) if found else ():
            found.discard(stmt.index if isinstance(stmt, For) else stmt.name if isinstance(stmt, Let) else "")
        return tuple(sorted(found))

    def __str__(self) -> str:
        from hybrid.loops.text import render  # the printer needs the grammar, the grammar only offers it

        return render(self)


def identity(op_name: str, dtype: np.dtype) -> object:
    """The value an accumulator starts from."""
    if op_name in ("add", "or"):
        return np.zeros((), dtype)[()]
    if op_name in ("mul", "and"):
        return np.asarray(-1 if op_name == "and" and dt.KIND[dtype] == "i" else 1).astype(dtype)[()]
    if dt.is_float(dtype):
        return np.asarray(np.inf if op_name == "min" else -np.inf).astype(dtype)[()]
    if dtype == dt.bool_:
        return np.bool_(op_name == "min")
    info = np.iinfo(dtype)
    return dtype.type(info.max if op_name == "min" else info.min)


def children(expr: Expr) -> tuple[Expr, ...]:
    if isinstance(expr, Op):
        return expr.args
    if isinstance(expr, (Convert, Bitcast)):
        return (expr.arg,)
    if isinstance(expr, Rescue):
        return (expr.condition, expr.fast, *expr.args)
    if isinstance(expr, Load) and expr.guard is not None:
        return (expr.guard,)
    return ()


def expressions(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions a statement evaluates itself (not those of its body)."""
    if isinstance(stmt, (Let, Store, Accumulate)):
        return (stmt.value,)
    if isinstance(stmt, (If, While, Check)):
        return (stmt.condition,)
    if isinstance(stmt, Call) and stmt.native is not None:
        return (*stmt.native.operands, *stmt.native.rest)
    return stmt.values if isinstance(stmt, Invoke) else ()


def bodies(stmt: Stmt) -> tuple[tuple[Stmt, ...], ...]:
    """The statement lists inside a statement, in the order of the text."""
    if isinstance(stmt, (For, Routine)):
        return (stmt.body,)
    if isinstance(stmt, While):
        return (stmt.test, stmt.body)
    if isinstance(stmt, If):
        return (stmt.body, stmt.orelse)
    return ()


def walk(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Every statement, outermost first."""
    for stmt in body:
        yield stmt
        for inner in bodies(stmt):
            yield from walk(inner)


def walk_expr(expr: Expr, seen: set[int] | None = None) -> Iterator[Expr]:
    """Every distinct node below and including `expr`, operands first. Graphs may be deep, so the walk keeps its own stack."""
    seen = set() if seen is None else seen
    stack: list[tuple[Expr, bool]] = [(expr, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children(node)))


def names_of(affine: Affine) -> set[str]:
    """The names of an affine form: of its terms, and in its coefficients and constant."""
    found = set(affine.terms)
    for size in (affine.const, *affine.terms.values()):
        if isinstance(size, Dim):
            found |= size.symbols
    return found


def stored(stmt: Stmt) -> tuple[str, ...]:
    """The arrays that a statement stores in itself."""
    if isinstance(stmt, Store):
        return (stmt.buffer,)
    if isinstance(stmt, Invoke):
        return stmt.writes
    return tuple(slot.buffer for slot in stmt.writes) if isinstance(stmt, Call) else ()


def affines(body: tuple[Stmt, ...]) -> Iterator[Affine]:
    """Every offset and index computed in a statement list."""
    seen: set[int] = set()
    for stmt in walk(body):
        if isinstance(stmt, Store):
            yield stmt.offset
        for root in expressions(stmt):
            for node in walk_expr(root, seen):
                if isinstance(node, Load):
                    yield node.offset
                elif isinstance(node, Index):
                    yield node.affine


def sizes_in(body: tuple[Stmt, ...]) -> Iterator[Size]:
    """Every size in a statement list: extents, coefficients, constants of offsets."""
    for stmt in walk(body):
        if isinstance(stmt, For):
            yield stmt.extent
        elif isinstance(stmt, Scratch):
            yield stmt.size
        elif isinstance(stmt, Call):
            yield from map(Dim.symbol, stmt.symbols)
        elif isinstance(stmt, Routine):
            yield from (buffer.size for buffer in stmt.buffers)
    for affine in affines(body):
        yield affine.const
        yield from affine.terms.values()


def names_used(body: tuple[Stmt, ...]) -> set[str]:
    """Names of scalars, indices, accumulators and arrays that a statement list mentions."""
    seen: set[int] = set()
    found = {name for affine in affines(body) for name in affine.terms}
    found |= {name for size in sizes_in(body) if isinstance(size, Dim) for name in size.symbols}
    for stmt in walk(body):
        if isinstance(stmt, Store):
            found.add(stmt.buffer)
        elif isinstance(stmt, Accumulate):
            found.add(stmt.name)
        elif isinstance(stmt, Call):
            found |= {slot.buffer for slot in stmt.slots}
        elif isinstance(stmt, Invoke):
            found |= {stmt.name, *stmt.buffers}
        for root in expressions(stmt):
            for node in walk_expr(root, seen):
                if isinstance(node, Load):
                    found.add(node.buffer)
                elif isinstance(node, Ref):
                    found.add(node.name)
    return found


def sizes_of(kernel: Kernel) -> Iterator[Size]:
    """Every size written anywhere in the kernel, those of its buffers too."""
    yield from (buffer.size for buffer in kernel.buffers)
    yield from sizes_in(kernel.body)
