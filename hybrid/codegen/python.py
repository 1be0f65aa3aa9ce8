"""Kernels as plain Python source over flat NumPy arrays.

Run by the Python interpreter the source is the definition of the loop language; compiled by Numba it is the `numba` backend.
Both spell the same statements. They differ where Numba's scalars differ from NumPy's: its narrow integers widen to int64 and
must be wrapped back, and it has no 16-bit floats, so those buffers are passed as their uint16 bits. In both, 16-bit floats are
float32 in registers, rounded to 16 bits after every operation.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable

import numpy as np

from hybrid.codegen import estimate, host, library, scalars
from hybrid.codegen.foreign import any_called
from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError, CompileError, DTypeError
from hybrid.core.shape import Dim
from hybrid.loops import nest, text
from hybrid.loops.text import ATOM, COMPARE, Text, within
from hybrid.loops.verify import takes

_RESERVED = frozenset(keyword.kwlist) | {
    "np",
    "math",
    "numba",
    "special",
    "ctypes",
    "bfloat16",
    "range",
    "abs",
    "max",
    "status",
}
_RESERVED |= {"code", "words"}
_HALF = (dt.float16, dt.bfloat16)
_SHORT_HALF = {dt.float16: "f16", dt.bfloat16: "bf16"}
# Loop-language name -> NumPy function, where they are the same function.
_NUMPY = {
    "min": "minimum", "max": "maximum", "pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    **{name: name for name in ("copysign", "floor", "ceil", "trunc", "rint", "sqrt", "exp", "exp2", "expm1", "log", "log2",
                               "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "cbrt", "isnan", "fmod", "hypot",
                               "nextafter")},
}  # fmt: skip
_BOOLEAN = {"add": "or", "max": "or", "mul": "and", "min": "and"}
# Results on 16-bit floats that need no rounding.
_EXACT = frozenset(("min", "max", "neg", "abs", "copysign", "floor", "ceil", "trunc", "rint", "select"))
# Numba's integers of these operations on narrow operands are int64.
_KEEPS_WIDTH = frozenset(("min", "max", "select", *(name for name, (_, result) in nest.OPS.items() if result == "bool")))


def emit(kernel: nest.Kernel, numba: bool = False) -> str:
    """Source text of a module that defines the kernel as `name(buffer, …, size, …) -> int`, over flat arrays.

    The function returns the kernel's `Code`. With `numba` the module imports Numba and decorates its functions, and 16-bit
    float buffers are passed as views of uint16.
    """
    _refuse_foreign(kernel)
    return _Source(kernel, numba).module()


def interpret(kernel: nest.Kernel) -> Callable[..., int]:
    """The kernel as a function that the Python interpreter runs: slow, exact, and the definition of the language.

    Arguments are flat arrays of the buffers' dtypes in order, then the sizes in the order of `kernel.symbols`.
    """
    _refuse_foreign(kernel)
    source = _Source(kernel, numba=False)
    run = _load(source, {name: host.interpreted(call) for name, call in source.calls.items()})

    def interpreted(*args) -> int:
        _check_arguments(kernel, args)
        with np.errstate(all="ignore"):
            return int(run(*args))

    return interpreted


def compile_numba(kernel: nest.Kernel) -> Callable[..., int]:
    """The kernel compiled by Numba at its first call; arguments are those of `interpret`."""
    _refuse_foreign(kernel)
    source = _Source(kernel, numba=True)
    foreign = {name: host.Foreign(call) for name, call in source.calls.items()}
    run = _load(source, {name: each.function for name, each in foreign.items()})

    def compiled(*args) -> int:
        _check_arguments(kernel, args)
        code = int(run(*(a.view(np.uint16) if isinstance(a, np.ndarray) and a.dtype in _HALF else a for a in args)))
        if code == nest.Code.RAISED:
            raise next((each.raised.pop() for each in foreign.values() if each.raised), KeyboardInterrupt())
        return code

    return compiled


def _refuse_foreign(kernel: nest.Kernel) -> None:
    if any_called(node.name for node in estimate.nodes_of(kernel.body) if isinstance(node, nest.Op)):
        raise CompileError("the source of a kernel cannot contain a function that came as machine code",
                           fix='leave the back end at "llvm"')  # fmt: skip


def _load(source: _Source, calls: dict[str, Callable]) -> Callable[..., int]:
    # Numba knows a function that calls itself by its module, which has to be a real one.
    module: dict[str, object] = {"__name__": __name__, **calls}
    exec(compile(source.module(), f"<kernel {source.entry}>", "exec"), module)
    return module[source.entry]  # type: ignore[return-value]


def _check_arguments(kernel: nest.Kernel, args: tuple) -> None:
    if len(args) != len(kernel.buffers) + len(kernel.symbols):
        raise ArgumentError(f"kernel {kernel.name} was called with the wrong number of arguments", got=len(args),
                            expected=f"{len(kernel.buffers)} arrays and {len(kernel.symbols)} sizes")  # fmt: skip
    for buffer, array in zip(kernel.buffers, args):
        if not isinstance(array, np.ndarray) or array.dtype != buffer.dtype or array.ndim != 1:
            raise DTypeError(f"kernel {kernel.name} needs a flat array for {buffer.name}",
                             got=f"{array.dtype}{list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__,
                             expected=f"{buffer.dtype}, one axis")  # fmt: skip


class _Source(text.Printer):
    def __init__(self, kernel: nest.Kernel, numba: bool):
        super().__init__(kernel)
        self.numba = numba
        self.helpers: set[str] = set()
        self.externals: set[tuple[str, str]] = set()  # C functions of scipy.special, with their signatures
        reserved = _RESERVED | set(scalars.FUNCTIONS)
        self.taken |= reserved
        self.entry = kernel.name if kernel.name not in self.taken else self.fresh(f"{kernel.name}_")
        self.renamed = {name: self.fresh(f"{name}_") for name in sorted(text.names(kernel)) if name in reserved}
        self.errors: dict[str, str] = {}  # compensated accumulator -> the name of its error term
        self.dtypes = {b.name: b.dtype for b in kernel.buffers}
        self.accumulators: dict[str, nest.Declare] = {}
        self.parameters = [self.name(name) for name in (*(b.name for b in kernel.buffers), *kernel.symbols)]
        self.scope: dict[str, None] = {}  # names bound before a parallel loop, which its task may need as arguments
        self.cells = _cells(kernel)
        self.tasks: list[str] = []
        self.routines: dict[str, tuple[list[str], list[str]]] = {}  # what a routine uses from around it, and stores in there
        self.endings: list[str] | None = None  # of the routine being written: what it returns besides its code
        # name in the module -> its call
        self.calls = {self.fresh(f"python_{call.name.replace('.', '_')}"): call for call in kernel.calls}

    # -- the module -------------------------------------------------------------------------------------------------------

    def module(self) -> str:
        statements = list(nest.walk(self.kernel.body))
        parallel = any(isinstance(s, nest.For) and s.kind in ("parallel", "flat") for s in statements)
        checked = any(map(self.outlined, statements))
        self.depth = 1
        if checked:
            self.line("status = np.zeros(1, np.int64)")
        for stmt in self.kernel.body:
            self.statement(stmt)
        self.line("return 0")
        flags = 'error_model="numpy", nogil=True' + (", parallel=True" if parallel else "")
        kernel = f"# {text.header(self.kernel)}\n{self.function(self.entry, self.parameters, self.lines, flags)}"
        body = "\n\n\n".join((*library.numba_sources(self.externals), *self.helper_sources(), *self.tasks, kernel))
        modules = {
            "import ctypes": r"\bctypes\.",
            "import math": r"\bmath\.",
            "from fractions import Fraction": r"\bFraction\(",
            "": "",
            "import numba": r"\bnumba\.",
            "import numba.extending": r"\bnumba\.extending\.get_cython",
            "import numpy as np": r"\bnp\.",
            "from scipy import special": r"\bspecial\.",
            "from ml_dtypes import bfloat16": r"\bbfloat16\b",
        }
        imports = "\n".join(line for line, pattern in modules.items() if re.search(pattern, body)).strip()
        return f"{imports}\n\n\n{body}\n"

    def function(self, name: str, parameters: list[str], lines: list[str], flags: str) -> str:
        decorator = f"@numba.njit({flags})\n" if self.numba else ""
        return f"{decorator}def {name}({', '.join(parameters)}):\n" + "\n".join(lines)

    def helper_sources(self) -> list[str]:
        decorator = '@numba.njit(error_model="numpy")\n' if self.numba else ""
        special = {"fma": "@numba.extending.intrinsic\n"}
        return [special.get(name, decorator) + body.rstrip() for name, body in scalars.sources(self.helpers).items()]

    def line(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def name(self, name: str) -> str:
        return self.renamed.get(name, name)

    def sized(self, form: object) -> str:
        """A size or affine form with the names this source uses."""
        return re.sub(r"[A-Za-z_]\w*", lambda match: self.name(match[0]), str(form))

    def helper(self, function: str, *args: Text) -> Text:
        self.helpers.add(function)
        return text.call(function, *args)

    # -- statements -------------------------------------------------------------------------------------------------------

    def statement(self, stmt: nest.Stmt) -> None:
        match stmt:
            case nest.For():
                self.loop(stmt)
            case nest.While():
                self.line("while True:")
                scope = dict(self.scope)
                self.block(stmt.test, scoped=False)
                self.depth += 1
                self.line(f"if not {within(self.value(stmt.condition), ATOM)}:")
                self.line("    break")
                self.depth -= 1
                self.block(stmt.body, scoped=False)
                self.scope = scope
            case nest.If():
                self.line(f"if {self.value(stmt.condition)[0]}:")
                self.block(stmt.body)
                if stmt.orelse:
                    self.line("else:")
                    self.block(stmt.orelse)
            case nest.Let():
                value = self.value(stmt.value)[0]
                self.errors.pop(stmt.name, None)  # an accumulator of this name may have gone out of scope
                self.bind(stmt.name, value)
            case nest.Store():
                value = self.value(stmt.value)[0]
                dtype = self.dtypes[stmt.buffer]
                if stmt.buffer in self.cells:
                    # Numba's narrow integers are int64 at times, and a variable has one type.
                    whole = not self.numba or dtype in (dt.int64, dt.float64)
                    self.line(f"{self.name(stmt.buffer)} = {value if whole else f'{self.register(dtype)}({value})'}")
                    return
                if self.numba and dtype in _HALF:
                    value = self.helper(f"{_SHORT_HALF[dtype]}_bits", (value, 0))[0]
                self.line(f"{self.name(stmt.buffer)}[{self.sized(stmt.offset)}] = {value}")
            case nest.Declare():
                self.declare(stmt)
            case nest.Accumulate():
                self.accumulate(stmt)
            case nest.Scratch():
                self.dtypes[stmt.name] = stmt.dtype
                if stmt.name in self.cells:
                    self.bind(stmt.name, self.constant(0, stmt.dtype)[0])
                    return
                element = "np.uint16" if self.numba and stmt.dtype in _HALF else self.dtype(stmt.dtype)
                inside = isinstance(stmt.size, Dim) and not stmt.size.symbols <= set(self.kernel.symbols)
                size = f"max(0, {self.sized(stmt.size)})" if inside else self.sized(stmt.size)
                self.bind(stmt.name, f"np.empty({size}, {element})")
            case nest.Check():
                self.line(f"if not {within(self.value(stmt.condition), ATOM)}:")
                self.line(f"    return {self.ending(str(stmt.code.noted(stmt.note)))}  # {stmt.code.name}")
            case nest.Call():
                self.call(stmt)
            case nest.Routine():
                self.routine(stmt)
            case nest.Invoke():
                self.invoke(stmt)

    def ending(self, code: str) -> str:
        """What a function returns that ends with a code."""
        # Numba has to see one type, whatever a routine ends with.
        return code if self.endings is None else f"({', '.join([f'np.int64({code})', *self.endings])},)"

    def routine(self, stmt: nest.Routine) -> None:
        """A function of the module: variables from outside that it stores in, and results of one element, it returns."""
        used = nest.names_used(stmt.body)
        for name in used & self.routines.keys():
            used |= {*self.routines[name][0]}
        own = {inner.name for inner in nest.walk(stmt.body) if isinstance(inner, nest.Scratch)}
        changed = {name for inner in nest.walk(stmt.body) for name in nest.stored(inner)} - own
        names = {self.name(name): name for name in used}
        outside = [names[name] for name in dict.fromkeys((*self.parameters, *self.scope)) if name in names]
        single = [buffer for buffer in stmt.writes if buffer.size == 1]
        kept = [name for name in outside if name in changed and name in self.cells]
        self.routines[stmt.name] = outside, kept
        arrays = [buffer.name for buffer in stmt.buffers if buffer not in single]
        parameters = [self.name(name) for name in (*outside, *(value.name for value in stmt.values), *arrays)]
        before = self.lines, self.depth, self.scope, self.endings
        self.lines, self.depth, self.scope = [], 1, dict.fromkeys(parameters)
        self.endings = [self.name(name) for name in (*kept, *(buffer.name for buffer in single))]
        for buffer in stmt.buffers:
            self.dtypes[buffer.name] = buffer.dtype
        for buffer in single:
            self.bind(buffer.name, self.constant(0, buffer.dtype)[0])
        for inner in stmt.body:
            self.statement(inner)
        self.line(f"return {self.ending('0')}")
        self.tasks.append(self.function(self.name(stmt.name), parameters, self.lines, 'error_model="numpy"'))
        self.lines, self.depth, self.scope, self.endings = before

    def invoke(self, stmt: nest.Invoke) -> None:
        outside, kept = self.routines[stmt.name]
        routine = next(r for r in nest.walk(self.kernel.body) if isinstance(r, nest.Routine) and r.name == stmt.name)
        values = [self.value(value)[0] for value in stmt.values]
        single = [buffer.size == 1 for buffer in routine.writes]
        arrays = [*stmt.reads, *(name for name, alone in zip(stmt.writes, single) if not alone)]
        results = [name for name, alone in zip(stmt.writes, single) if alone]
        targets = [self.name(name) if name in self.cells else f"{self.name(name)}[0]" for name in (*kept, *results)]
        given = ", ".join([*map(self.name, outside), *values, *map(self.name, arrays)])
        self.line(f"{', '.join(['code', *targets])}{'' if targets else ','} = {self.name(stmt.name)}({given})")
        self.line("if code != 0:")
        self.line(f"    return {self.ending('code')}")

    def call(self, stmt: nest.Call) -> None:
        name = next(name for name, call in self.calls.items() if call is stmt)
        arrays, values = [self.name(slot.buffer) for slot in stmt.slots], [self.name(name) for name in stmt.symbols]
        if stmt.source:
            self.line(f"# {stmt.source}")
        if self.numba:
            words = [*(f"{array}.ctypes.data" for array in arrays), *values]
            self.line(f"words = np.empty({len(words) + 1}, np.int64)")
            for at, word in enumerate((*words, f"{int(nest.Code.RAISED)}  # until it has returned")):
                self.line(f"words[{at}] = {word}")
            self.line(f"{name}(words.ctypes.data)")
            self.line(f"code = words[{len(words)}]")
        else:
            self.line(f"code = {name}({', '.join([*arrays, *values])})")
        self.line("if code != 0:")
        self.line(f"    return {self.ending('code')}")

    def bind(self, name: str, value: str) -> None:
        self.line(f"{self.name(name)} = {value}")
        self.scope[self.name(name)] = None

    def block(self, body: tuple[nest.Stmt, ...], scoped: bool = True) -> None:
        scope = dict(self.scope)
        self.depth += 1
        for stmt in body:
            self.statement(stmt)
        if not body and scoped:
            self.line("pass")
        self.depth -= 1
        if scoped:
            self.scope = scope

    def loop(self, loop: nest.For) -> None:
        index, extent = self.name(loop.index), self.sized(loop.extent)
        scope, self.scope = self.scope, {**self.scope, index: None}
        if self.outlined(loop):
            # Numba's prange body may not return, so the body becomes a function of its own.
            used = {self.name(name) for name in nest.names_used(loop.body)}
            used |= {self.errors[name] for name in self.errors if self.name(name) in used}
            arguments = [*self.parameters, *(name for name in self.scope if name in used or name == index)]
            task, outside, depth = self.fresh(f"{self.entry}_{index}"), self.lines, self.depth
            self.lines, self.depth = [], 0
            self.block(loop.body)
            self.line("    return 0")
            self.tasks.append(self.function(task, arguments, self.lines, 'error_model="numpy"'))
            self.lines, self.depth = outside, depth
            self.line(f"for {index} in numba.prange({extent}):")
            self.line(f"    code = {task}({', '.join(arguments)})")
            self.line("    if code != 0:")
            self.line("        status[0] = code")
            self.line("if status[0] != 0:")
            self.line("    return status[0]")
        else:
            threads = self.numba and loop.kind in ("parallel", "flat") and self.endings is None
            note = "" if threads or loop.kind == "serial" else f"  # {loop.kind}"
            self.line(f"for {index} in {'numba.prange' if threads else 'range'}({extent}):{note}")
            self.block(loop.body)
        self.scope = scope

    def outlined(self, stmt: nest.Stmt) -> bool:
        """Whether this is a loop of many threads whose iterations can fail."""
        return (
            self.numba
            and self.endings is None
            and isinstance(stmt, nest.For)
            and stmt.kind in ("parallel", "flat")
            and any(isinstance(inner, nest.Check) for inner in nest.walk(stmt.body))
        )

    def compensated(self, declared: nest.Declare) -> bool:
        return declared.op == "add" and dt.is_float(declared.dtype)

    def declare(self, stmt: nest.Declare) -> None:
        self.accumulators[stmt.name] = stmt
        self.errors.pop(stmt.name, None)
        self.bind(stmt.name, self.constant(nest.identity(stmt.op, stmt.dtype), stmt.dtype)[0])
        if self.compensated(stmt):
            error = self.fresh(f"{stmt.name}_error")
            self.bind(error, self.constant(0, stmt.dtype)[0])
            self.errors[stmt.name] = self.name(error)

    def accumulate(self, stmt: nest.Accumulate) -> None:
        declared, name = self.accumulators[stmt.name], self.name(stmt.name)
        value = self.value(stmt.value)
        if self.compensated(declared):
            error = self.errors[stmt.name]
            total, _ = self.helper("compensated_add", (name, ATOM), (error, ATOM), value)
            self.line(f"{name}, {error} = {total}")
        else:
            combined = nest.Op(declared.op, (nest.Ref(stmt.name, declared.dtype), stmt.value), declared.dtype)
            self.line(f"{name} = {self.operation(combined, [(name, ATOM), value])[0]}")

    # -- expressions ------------------------------------------------------------------------------------------------------

    def dtype(self, dtype: np.dtype) -> str:
        return {dt.bool_: "np.bool_", dt.bfloat16: "bfloat16"}.get(dtype, f"np.{dtype.name}")

    def register(self, dtype: np.dtype) -> str:
        """The scalar type that carries values of this dtype."""
        return "np.float32" if dtype in _HALF else self.dtype(dtype)

    def constant(self, value: object, dtype: np.dtype) -> Text:
        held = np.asarray(value, dtype).astype(np.float32 if dtype in _HALF else dtype)[()]
        digits = text.number(held)
        if dt.is_float(dtype):
            if not np.isfinite(held):
                digits = digits.replace("inf", "np.inf").replace("nan", "np.nan")
            elif held.dtype.type(float(digits)) != held:  # the shortest float32, read as float64, can round to its neighbour
                digits = repr(float(held))
        return text.call(self.register(dtype), (digits, 0))

    def spell(self, node: nest.Expr, args: list[Text]) -> Text:
        match node:
            case nest.Const():
                return self.constant(node.value, node.dtype)
            case nest.Ref():
                return self.reference(node)
            case nest.Index():
                return text.call("np.int64", (self.sized(node.affine), 0))
            case nest.Load():
                return self.load(node, args)
            case nest.Convert():
                return self.convert(args[0], node.arg.dtype, node.dtype)
            case nest.Bitcast():
                return self.bitcast(args[0], node.arg.dtype, node.dtype)
            case nest.Rescue():
                hard = self.operation(nest.Op(node.name, node.args, node.dtype), args[2:])
                return text.choose(args[0], hard, args[1])
            case nest.Op():
                return self.operation(node, args)
        raise TypeError(f"not an expression: {node!r}")

    def reference(self, node: nest.Ref) -> Text:
        name = self.name(node.name)
        if node.name in self.errors:
            total = self.helper("compensated_sum", (name, ATOM), (self.errors[node.name], ATOM))
            return self.rounded(total, node.dtype)
        return name, ATOM

    def load(self, node: nest.Load, args: list[Text]) -> Text:
        element: Text = f"{self.name(node.buffer)}[{self.sized(node.offset)}]", ATOM
        if node.buffer in self.cells:
            element = self.name(node.buffer), ATOM
        elif node.dtype in _HALF:
            element = self.from_bits(element, node.dtype) if self.numba else text.call("np.float32", element)
        if not args:
            return element
        return text.choose(args[0], element, self.constant(0, node.dtype))

    def from_bits(self, bits: Text, dtype: np.dtype) -> Text:
        return self.helper(f"{_SHORT_HALF[dtype]}_value", bits)

    def rounded(self, value: Text, dtype: np.dtype) -> Text:
        """A float32 or float64 as the nearest value of a 16-bit dtype; other dtypes as they are."""
        if dtype not in _HALF:
            return value
        if self.numba:
            return self.helper(f"round_{_SHORT_HALF[dtype]}", value)
        return text.call("np.float32", text.call(self.dtype(dtype), value))

    def convert(self, value: Text, source: np.dtype, target: np.dtype) -> Text:
        if target == dt.bool_:
            return text.infix("!=", COMPARE, value, ("0", ATOM))
        if target in _HALF:
            # ml_dtypes rounds a float64 to float32 on its way to bfloat16; NumPy rounds once to float16.
            direct = source in _HALF or source == dt.float32 or (source, target) == (dt.float64, dt.float16)
            return self.rounded(value if direct else self.convert(value, source, dt.float32), target)
        if not self.numba:
            return f"{within(value, ATOM)}.astype({self.dtype(target)})", ATOM
        if dt.is_float(source) and dt.is_integer(target):
            function = "to_uint64" if target == dt.uint64 else "to_int64" if target in (dt.int64, dt.uint32) else "to_int32"
            value = self.helper(function, value)
        return text.call(self.dtype(target), value)

    def bitcast(self, value: Text, source: np.dtype, target: np.dtype) -> Text:
        if source == target:
            return value
        if source in _HALF:
            if self.numba:
                value, source = self.helper(f"{_SHORT_HALF[source]}_bits", value), dt.uint16
            else:
                value = text.call(self.dtype(source), value)
        if target in _HALF:
            if self.numba:
                return self.from_bits(self.bitcast(value, source, dt.uint16), target)
            return text.call("np.float32", (f"{within(value, ATOM)}.view({self.dtype(target)})", ATOM))
        # Numba takes a view only of what it sees to be a NumPy scalar.
        held = text.call(self.dtype(source), value) if self.numba else value
        return (f"{within(held, ATOM)}.view({self.dtype(target)})", ATOM) if source != target else value

    def operation(self, node: nest.Op, args: list[Text]) -> Text:
        dtype = node.args[-1].dtype
        if not takes(node.name, dtype):
            raise CompileError(f"kernel {self.kernel.name}: {node.name} is not defined on {dtype}", fix="convert the operands")
        if dtype == dt.bool_:
            return self.boolean(node.name, args)
        if dt.is_float(dtype):
            value = self.floating(node.name, dtype, args)
            return value if node.name in _EXACT or node.dtype == dt.bool_ else self.rounded(value, dtype)
        value = self.integral(nest.HEARD.get(node.name, node.name), dtype, args)
        narrow = dtype.itemsize < 8 or dtype == dt.uint64
        return text.call(self.dtype(dtype), value) if self.numba and narrow and node.name not in _KEEPS_WIDTH else value

    def simple(self, name: str, args: list[Text]) -> Text:
        """What NumPy's and Numba's scalars agree on."""
        if name == "select":
            return text.choose(*args)
        if name == "neg":
            return f"-{within(args[0], text.UNARY)}", text.UNARY
        if name == "abs":
            return text.call("abs", *args)
        if name in text.INFIX:
            return text.infix(*text.INFIX[name], *args)
        return text.call(f"np.{_NUMPY[name]}", *args)

    def boolean(self, name: str, args: list[Text]) -> Text:
        if name == "not":
            return text.infix("^", text.XOR, args[0], ("True", ATOM))
        return self.simple(_BOOLEAN.get(name, name), args)

    def integral(self, name: str, dtype: np.dtype, args: list[Text]) -> Text:
        signed = dt.KIND[dtype] == "i"
        if name == "not":
            return f"~{within(args[0], text.UNARY)}", text.UNARY
        if name == "pow":
            return self.helper("int_power", *args)
        if name == "abs" and not signed:
            return args[0]
        if name == "threefry" or name.startswith("fits_"):
            return self.helper(name, *args)
        if self.numba:
            width = str(8 * dtype.itemsize), ATOM
            if name == "shl":
                return self.helper("shift_left", *args, width)
            if name == "shr":
                return self.helper("shift_right_signed" if signed else "shift_right", *args, width)
            if name == "fmod":
                return self.helper("signed_fmod", *args) if signed else text.infix("%", text.PRODUCT, *args)
            if name == "floordiv" and signed:
                return self.helper("signed_floordiv", *args)
        return self.simple(name, args)

    def floating(self, name: str, dtype: np.dtype, args: list[Text]) -> Text:
        single = dt.float32 if dtype in _HALF else dtype
        if name == "fma":
            return self.helper("fma" if self.numba else "exact_fma", *args)
        if library.is_called((name,)):
            return self.special(name, dtype, args)
        if name == "sigmoid":
            return text.call(self.dtype(single), self.helper("sigmoid", *args))
        if name in ("erf", "erfc", "lgamma"):
            safe = self.numba or name != "lgamma"
            return text.call(self.dtype(single), text.call(f"math.{name}", *args) if safe else self.helper("log_gamma", *args))
        if name == "pow" and not self.numba:
            return self.helper("float_power", *args)
        if name == "nextafter" and dtype in _HALF:
            return self.next_half(dtype, args)
        if self.numba and name in ("floordiv", "mod"):
            return text.call(self.dtype(single), self.helper(f"float_{name}", *args))
        return self.simple(name, args)

    def special(self, name: str, dtype: np.dtype, args: list[Text]) -> Text:
        function, signature = library.parts(name)
        given = [text.call("np.int64", x) if kind == "l" else x for kind, x in zip(signature, args)]
        called = text.call(f"special.{function}", *given)
        if self.numba:
            self.externals.add(found := library.external(name, dtype))
            called = text.call("_".join(("special", *found)), *given, ("0", ATOM))
        return text.call(self.dtype(dtype), called)

    def next_half(self, dtype: np.dtype, args: list[Text]) -> Text:
        short = _SHORT_HALF[dtype]
        if self.numba:
            self.helpers |= {f"{short}_bits", f"{short}_value"}
            return self.helper("next_half", *args, (f"{short}_bits", ATOM), (f"{short}_value", ATOM))
        return text.call("np.nextafter", *(text.call(self.dtype(dtype), arg) for arg in args))


def _cells(kernel: nest.Kernel) -> set[str]:
    """Scratch arrays of one element, which are plain variables here unless a parallel loop stores in one from outside, or
    Python is given one."""
    statements = list(nest.walk(kernel.body))
    found = {stmt.name for stmt in statements if isinstance(stmt, nest.Scratch) and stmt.size == 1}
    found -= {stmt.name for stmt in statements if isinstance(stmt, nest.Scratch) and stmt.size != 1}
    found -= {slot.buffer for stmt in statements if isinstance(stmt, nest.Call) for slot in stmt.slots}
    for routine in statements:
        if isinstance(routine, nest.Routine):
            found |= {buffer.name for buffer in routine.writes if buffer.size == 1}
    for loop in statements:
        if isinstance(loop, nest.For) and loop.kind in ("parallel", "flat"):
            inside = list(nest.walk(loop.body))
            own = {stmt.name for stmt in inside if isinstance(stmt, nest.Scratch)}
            found -= {stmt.buffer for stmt in inside if isinstance(stmt, nest.Store)} - own
    return found
