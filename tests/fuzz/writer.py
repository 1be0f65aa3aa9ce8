"""Writes random programs.

A program is made statement by statement, each run as soon as it is written, so that shapes and dtypes are known and what
NumPy refuses is never kept. The tables are the vocabulary: {x} is a value, {y} one that goes with it, {axis} an axis of x.
"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.fuzz.programs import Program, Statement, array

LIMIT, LARGE = 6000, 400_000  # elements of any one value
DTYPES = {
    "float32": 0.35,
    "float64": 0.3,
    "int32": 0.1,
    "int64": 0.1,
    "bool": 0.05,
    "float16": 0.04,
    "int8": 0.03,
    "uint8": 0.03,
}
LAYOUTS = ("plain", "plain", "plain", "fortran", "strided", "window", "reversed", "transposed")
SHAPES = (
    (), (1,), (0,), (7,), (40,), (1000,), (3, 4), (5, 1), (0, 3), (4, 0), (33, 17), (300, 4), (3, 700), (2, 3, 4), (6, 1, 5),
    (3, 8, 16), (2, 1, 3, 4), (2, 5, 3, 9),
)  # fmt: skip
# Long enough for threads, split reductions and tiles of columns.
LARGE_SHAPES = ((70_001,), (40_000,), (300, 513), (20_000, 3), (3, 20_000), (1100, 65), (40, 33, 70), (64, 1, 700), (1, 33_000))
NUMBERS = {
    "b": ("True", "False"),
    "i": ("1", "2", "3", "7"),
    "u": ("1", "2", "3", "7"),
    "f": ("0.5", "2.0", "-1.5", "3", "1e-3"),
}

UNARY = (
    "abs", "negative", "floor", "ceil", "trunc", "rint", "square", "sign", "isnan", "isfinite", "isinf", "logical_not",
    "invert", "sqrt",
)  # fmt: skip
ELEMENTARY = (
    "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arctan", "sinh", "tanh", "arcsinh", "cbrt",
)  # fmt: skip
OPERATORS = ("+", "-", "*", "+", "-", "*", "/", "//", "%", "<", "<=", ">", "==", "!=", "&", "|", "^")
BINARY = ("minimum", "maximum", "fmin", "fmax", "fmod", "heaviside", "logical_and", "logical_or")
SIGNS = (
    "np.copysign({y}, np.nan_to_num({x}, posinf=9.0, neginf=-9.0))",
    "np.signbit(np.nan_to_num({x}))",
)  # the sign of a NaN is open
ROUNDED = ("np.arctan2({x}, {y})", "np.hypot({x}, {y})", "{x} ** 3", "{x} ** 2")
CHOICES = (
    "np.where({x} > {z}, {x}, {y})",
    "np.where({x} != 0, {y}, {x})",
    "np.clip({x}, -1, 2)",
    "np.clip({x}, {z}, 300)",
    "np.nan_to_num({x}, posinf=9.0, neginf=-9.0)",
    "np.select([{x} > {z}], [{x} + {y}], {x})",
    "np.minimum(np.maximum({x}, {y}), {z})",
)
EXACT_REDUCTIONS = ("max", "min", "any", "all", "argmax", "argmin", "count_nonzero", "ptp")
SUMS = ("sum", "sum", "sum", "mean", "mean", "prod", "var", "std")
VIEWS = ("{x}.T", "{x}.ravel()", "{x}.reshape(-1)", "{x}.T.ravel()", "{x}.T.reshape(-1)")
VIEWS_OF_AXES = (
    "np.flip({x})",
    "np.flip({x}, {axis})",
    "np.transpose({x}, {perm})",
    "np.squeeze({x})",
    "np.expand_dims({x}, {axis})",
    "np.swapaxes({x}, 0, -1)",
    "np.moveaxis({x}, 0, -1)",
)
ASSEMBLIES = (
    "np.concatenate([{x}, {y}], axis={axis})",
    "np.concatenate([{y}, {x}, {y}], {axis})",
    "np.stack([{x}, {z}], axis={axis})",
    "np.stack([{z}, {x}, {x}], -1)",
    "np.vstack([{x}, {z}])",
    "np.pad({x}, ({pads},))",
    "np.pad({x}, 1, constant_values=2)",
    "np.roll({x}, 2, axis={axis})",
    "np.repeat({x}, 2, axis={axis})",
    "np.tile({x}, 2)",
    "np.diff({x}, axis={axis})",
)
PRODUCTS = ("np.dot({x}, {y})", "{x} @ {y}", "{x} @ {y}")
SQUARES = ("{x} @ np.swapaxes({x}, -1, -2)", "np.swapaxes({x}, -1, -2) @ {x}", "np.einsum('...ij,...kj->...ik', {x}, {x})")
GATHERS = (
    "np.take({x}, {index}, axis={axis})",
    "{x}[{lead}{index}]",
    "{x}[{lead}np.arange({size})[::-1]]",
    "np.take_along_axis({x}, np.argsort({x}, axis={axis}), axis={axis})",
    "np.argsort({x}, axis={axis}, kind='stable')",
    "np.sort({x}, axis={axis})",
    "np.cumsum({x}, axis={axis})",
)
GATHER_OF_BEST = "np.take({x}, np.argmax({x}, axis={axis}) % {size}, axis={axis})"
LIKE = ("np.zeros_like({x})", "np.full_like({x}, 3)", "{x}.copy()", "np.copy({x})", "{x}.astype(np.float32)", "+{x}")
CONCRETE = (
    "np.ones({shape}, {x}.dtype)",
    "np.arange({n}) * {x}.size",
    "np.eye({n}, dtype=np.float32)",
    "np.linspace(0, 1, {n})",
)
OUT = ("add", "multiply", "subtract", "maximum")
OUT_UNARY = ("abs", "sqrt", "exp", "tanh")


class Writer:
    """Writes one program: `env` holds every value as the statements so far have left it."""

    def __init__(self, seed: int, large: bool = False):
        self.shapes, self.limit = (LARGE_SHAPES, LARGE) if large else (SHAPES, LIMIT)
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.env: dict[str, Any] = {"np": np}
        self.arguments: list[tuple[str, str]] = []
        self.statements: list[Statement] = []
        self.names: list[str] = []  # arrays and NumPy scalars
        self.numbers: list[str] = []  # Python floats among the arguments
        self.concrete: set[str] = set()  # made of nothing that the arguments decide: NumPy's own arrays, also when traced
        self.fresh = (f"t{k}" for k in itertools.count())

    # choices ----------------------------------------------------------------------------------------------------------
    def pick(self, items: Sequence) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def name(self, test: Callable[[Any], bool] = lambda v: True) -> str | None:
        """A value that passes the test; recent ones are likelier, so that programs are deep."""
        found = [n for n in self.names if test(self.env[n])]
        return found[-1 - min(int(self.rng.exponential(2.5)), len(found) - 1)] if found else None

    def some(self) -> str:
        return self.name() or self.names[0]

    def floats(self, rank: int = 0) -> str | None:
        return self.name(lambda v: v.dtype.kind == "f" and v.ndim >= rank)

    def with_axes(self) -> str | None:
        return self.name(lambda v: v.ndim > 0)

    def partner(self, x: str) -> str:
        """Another value that broadcasts with x, or a number."""
        shape = self.env[x].shape

        def fits(v: Any) -> bool:
            try:
                return np.prod(np.broadcast_shapes(v.shape, shape), dtype=int) <= self.limit
            except ValueError:
                return False

        return self.number(self.env[x].dtype) if self.chance(0.2) else self.name(fits) or x

    def number(self, dtype: np.dtype) -> str:
        strong = (f"np.{dtype.name}(1.25)",) if dtype.kind == "f" else ()
        return self.pick([*NUMBERS[dtype.kind], *strong, *self.numbers * 2 * (dtype.kind == "f")])

    def axis(self, x: str) -> int:
        return int(self.rng.integers(self.env[x].ndim))

    def axes(self, x: str) -> str:
        """An axis argument for reductions."""
        rank = self.env[x].ndim
        if rank == 0 or self.chance(0.2):
            return "None"
        axis = self.axis(x)
        if rank > 1 and self.chance(0.3):
            return f"({axis}, {(axis + 1) % rank})"
        return str(axis - rank if self.chance(0.5) else axis)

    def index(self, v: Any) -> str:
        """A basic index: integers, slices with steps, new axes, an ellipsis."""
        items: list[str] = []
        for size in v.shape:
            spans = [":", f"{self.pick([0, 1])}:", "::-1", f":{max(size - 1, 0)}", "::2", "1::3", "-1::-2", "1:-1"]
            spans += [str(int(self.rng.integers(-size, size)))] if size else []
            items.append(self.pick(spans))
            if self.chance(0.08):
                items.append("None")
        if self.chance(0.15):
            cut = int(self.rng.integers(len(items) + 1))
            items = [*items[:cut], "..."]
        return ", ".join(items) or "..."

    # statements -------------------------------------------------------------------------------------------------------
    def let(self, expression: str, kind: str = "exact", *, concrete: bool = False) -> str | None:
        """`t = expression`, if NumPy takes it and the value is one that programs work on."""
        try:
            value = eval(expression, self.env)
        except (ValueError, TypeError, IndexError, OverflowError, ZeroDivisionError):
            return None
        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.name not in DTYPES:
            return None
        if value.size > self.limit or value.ndim > 5:
            return None
        name = next(self.fresh)
        used = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
        if concrete or not used & {*self.names, *self.numbers} - self.concrete:
            self.concrete.add(name)
        self.env[name] = value
        self.names.append(name)
        kind = kind if value.dtype.kind == "f" else "exact"
        self.statements.append(Statement(f"{name} = {expression}", kind, name, expression))
        return name

    def lets(self, *steps: tuple[str, str]) -> None:
        """Statements in a row, {0} … standing for the values of those before; ends at the first that NumPy refuses."""
        made: list[str] = []
        for expression, kind in steps:
            name = self.let(expression.format(*made), kind)
            if name is None:
                return
            made.append(name)

    def do(self, text: str, kind: str = "exact", target: str = "", expression: str = "") -> None:
        """A statement that writes into memory."""
        try:
            exec(text, self.env)
        except (ValueError, TypeError, IndexError, OverflowError):
            return
        self.statements.append(Statement(text, kind, target, expression, place=True))

    # elementwise ------------------------------------------------------------------------------------------------------
    def unary(self) -> None:
        self.let(f"np.{self.pick(UNARY)}({self.some()})")

    def elementary(self) -> None:
        x: str | None = self.floats() if self.chance(0.85) else self.name()
        if x and self.chance(0.3):
            x = self.let(f"np.tanh({x})", "rounded")
        if x and self.chance(0.4):
            x = self.let(f"-np.abs({x})")
        if x:
            self.let(f"np.{self.pick(ELEMENTARY)}({x})", "rounded")

    def binary(self) -> None:
        x = self.some()
        pair = [x, self.partner(x)]
        if self.chance(0.3):
            pair.reverse()
        if self.chance(0.7):
            self.let(f" {self.pick(OPERATORS)} ".join(pair))
        else:
            self.let(f"np.{self.pick(BINARY)}({', '.join(pair)})")

    def signs(self) -> None:
        x = self.floats()
        if x:
            self.let(self.pick(SIGNS).format(x=x, y=self.partner(x)))

    def rounded_binary(self) -> None:
        x = self.floats()
        if x is None:
            return
        y = self.partner(x)
        if self.chance(0.2):
            # logaddexp adds its larger operand to a logarithm: near zero it is as exact as a sum.
            self.let(f"np.logaddexp({x}, {y})", "summed")
        elif self.chance(0.2):
            self.lets((f"np.abs({x})", "exact"), ("{0} ** " + y, "rounded"))
        else:
            self.let(self.pick(ROUNDED).format(x=x, y=y), "rounded")

    def choose(self) -> None:
        x = self.some()
        self.let(self.pick(CHOICES).format(x=x, y=self.partner(x), z=self.partner(x)))

    def convert(self) -> None:
        x = self.with_axes()
        if x is None:
            return
        if self.env[x].dtype.kind != "f":
            self.let(f"{x}.astype(np.{self.pick(list(DTYPES))})")
        elif self.chance(0.4):  # beyond the range, or of NaN, the result is undefined
            self.let(f"np.where(np.abs({x}) < 1000, {x}, 0).astype(np.{self.pick(['int32', 'int64'])})")
        else:
            self.let(f"{x}.astype(np.{self.pick(['float32', 'float64', 'float16', 'bool'])})")

    # reductions -------------------------------------------------------------------------------------------------------
    def reduce(self) -> None:
        x = self.some()
        exact = self.chance(0.45)
        f = self.pick(EXACT_REDUCTIONS if exact else SUMS)
        where = (
            f"axis={self.axes(x)}" if f not in ("argmax", "argmin") else f"axis={self.axis(x) if self.env[x].ndim else None}"
        )
        if f not in ("argmax", "argmin") and self.chance(0.3):
            where += ", keepdims=True"
        method = f not in ("count_nonzero", "ptp") and self.chance(0.4)
        self.let(f"{x}.{f}({where})" if method else f"np.{f}({x}, {where})", "exact" if exact else "summed")

    def rows(self) -> None:
        """Softmax, normalisation and the like: reduce an axis, then use the result all along it."""
        x = self.floats(1)
        if x is None:
            return
        axes = self.axes(x)
        over = f"axis={-1 if axes == 'None' else axes}, keepdims=True"
        form = self.pick(["softmax", "norm", "length", "logsumexp", "centre"])
        shifted = (
            (f"np.max({x}, {over})", "exact"),
            (x + " - {0}", "exact"),
            ("np.exp({1})", "rounded"),
            (f"np.sum({{2}}, {over})", "summed"),
        )
        centred = ((f"np.mean({x}, {over})", "summed"), (x + " - {0}", "exact"))
        if form == "softmax":
            self.lets(*shifted, ("{2} / {3}", "exact"))
        elif form == "logsumexp":
            self.lets(*shifted, ("np.log({3})", "rounded"), ("{4} + {0}", "exact"))
        elif form == "norm":
            squares = ("{1} * {1}", "exact"), (f"np.mean({{2}}, {over})", "summed")
            self.lets(*centred, *squares, ("{1} / np.sqrt({3} + 1e-5)", "exact"))
        elif form == "length":
            self.lets((f"{x} * {x}", "exact"), (f"np.sum({{0}}, {over})", "summed"), (x + " / np.sqrt({1} + 1)", "exact"))
        else:
            self.lets(*centred)

    def contract(self) -> None:
        x = self.name(lambda v: v.ndim > 0 and v.dtype.kind != "b" and v.size < 3000)
        if x is None:
            return
        v = self.env[x]
        y = self.name(lambda o: o.ndim > 0 and o.size < 3000 and o.shape[-2 if o.ndim > 1 else 0] == v.shape[-1])
        forms = [
            *PRODUCTS * bool(y),
            *SQUARES * (v.ndim > 1),
            *["np.outer({x}, {x})", "np.dot({x}, {x})"] * (v.ndim == 1 and v.size < 60),
        ]
        if forms:
            self.let(self.pick(forms).format(x=x, y=y), "summed")

    # views and assembly -----------------------------------------------------------------------------------------------
    def view(self) -> None:
        x = self.name(lambda v: isinstance(v, np.ndarray))
        if x is None:
            return
        v = self.env[x]
        forms = [*["{x}[" + self.index(v) + "]"] * 5, *VIEWS, *VIEWS_OF_AXES * bool(v.ndim)]
        if v.ndim > 1:
            cut = int(self.rng.integers(1, v.ndim))
            lead, last = int(np.prod(v.shape[:cut])), int(np.prod(v.shape[cut:]))
            forms += [f"{{x}}.reshape({lead}, {last})", f"{{x}}.reshape({(lead, *v.shape[cut:])})"] * 2
        forms += [f"np.reshape({{x}}, ({n}, {v.size // n}))" for n in (2, 3, 5) if v.size and v.size % n == 0]
        forms += [f"np.broadcast_to({{x}}, {(3, *v.shape)})"] * (v.size < 200)
        form = self.pick(forms)
        axis, perm = (self.axis(x), tuple(map(int, self.rng.permutation(v.ndim)))) if v.ndim else (0, ())
        self.let(form.format(x=x, axis=axis, perm=perm))

    def assemble(self) -> None:
        x = self.with_axes()
        if x is None:
            return
        v, axis = self.env[x], self.axis(x)

        def off_axis(o: Any) -> tuple:
            return o.shape[:axis] + o.shape[axis + 1 :]

        y = self.name(lambda o: o.ndim == v.ndim and off_axis(o) == off_axis(v)) or x
        z = self.name(lambda o: o.shape == v.shape) or x
        pads = ", ".join(f"({self.pick([0, 1, 2])}, {self.pick([0, 1])})" for _ in range(v.ndim))
        self.let(self.pick(ASSEMBLIES).format(x=x, y=y, z=z, axis=axis, pads=pads))

    def gather(self) -> None:
        x = self.name(lambda v: v.ndim > 0 and v.size)
        if x is None or x in self.concrete:  # NumPy's own arrays take no traced index
            return
        axis = self.axis(x)
        size = self.env[x].shape[axis]
        most = self.limit * size // self.env[x].size
        whole = self.name(lambda o: o.dtype.kind in "iu" and o.ndim > 0 and o.size <= most)
        index = f"{whole} % {size}" if whole else str([int(i) for i in self.rng.integers(-size, size, 4)])
        forms = [*GATHERS, *[GATHER_OF_BEST] * (self.env[x].size <= most * size)]
        self.let(self.pick(forms).format(x=x, axis=axis, index=index, lead=":, " * axis, size=size))

    def create(self) -> None:
        x = self.with_axes()
        if x is None:
            return
        concrete = self.chance(0.5)
        form = self.pick(CONCRETE if concrete else LIKE)
        self.let(form.format(x=x, n=self.pick([1, 4, 7]), shape=self.env[x].shape), concrete=concrete)

    # writes -----------------------------------------------------------------------------------------------------------
    def writeable(self) -> str | None:
        def test(v: Any) -> bool:
            return isinstance(v, np.ndarray) and v.flags.writeable and v.ndim > 0

        found = [n for n in self.names if n not in self.concrete and test(self.env[n])]
        return self.pick(found) if found else None

    def write(self) -> None:
        x = self.writeable()
        if x is None:
            return
        index = self.index(self.env[x])
        part = eval(f"{x}[{index}]", self.env)

        def fits(v: Any) -> bool:
            try:
                return np.broadcast_shapes(v.shape, part.shape) == part.shape and np.can_cast(v.dtype, part.dtype, "same_kind")
            except ValueError:
                return False

        y = (self.name(fits) if self.chance(0.75) else None) or self.number(part.dtype)
        op = self.pick(["=", "=", "+=", "*=", "-="])
        whole = f"{x}[...]" if op == "=" else x
        self.do(f"{self.pick([f'{x}[{index}]'] * 3 + [whole])} {op} {y}")

    def masked_write(self) -> None:
        x = self.writeable()
        if x:
            dtype = self.env[x].dtype
            self.do(f"{x}[{x} > {self.number(dtype)}] = {self.number(dtype)}")

    def out(self) -> None:
        x = self.writeable()
        y = x and self.name(lambda v: v.shape == self.env[x].shape and np.can_cast(v.dtype, self.env[x].dtype, "same_kind"))
        if not x or not y:
            return
        two = self.chance(0.6) or self.env[x].dtype.kind != "f"
        f = self.pick(OUT if two else OUT_UNARY)
        operands = f"{x}, {y}" if two else y
        kind = "rounded" if f in ELEMENTARY else "exact"
        self.do(f"np.{f}({operands}, out={x})", kind, x, f"np.{f}({operands})")

    # programs ---------------------------------------------------------------------------------------------------------
    def argument(self, k: int) -> None:
        name = "abc"[k]
        if k and self.chance(0.25):
            expression = self.pick(["0.75", "-2.5", "1e3"])
            self.numbers.append(name)
        elif k and self.chance(0.06):
            expression = "a"  # the same array twice
        else:
            expression = self.new_array(first=not k)
        self.arguments.append((name, expression))
        self.env[name] = eval(expression, {"array": array}, dict(self.env))
        if name not in self.numbers:
            self.names.append(name)

    def new_array(self, first: bool) -> str:
        dtype = str(self.rng.choice(list(DTYPES), p=list(DTYPES.values())))
        shape = self.pick(self.shapes)
        if not first and self.chance(0.6):  # often a shape that goes with the first
            shape = self.env["a"].shape
            shape = shape[int(self.rng.integers(len(shape) + 1)) :] if self.chance(0.4) else shape
        layout = self.pick(LAYOUTS) if shape else "plain"
        return f"array({int(self.rng.integers(1 << 20))}, {dtype!r}, {shape}, {layout!r}, {self.chance(0.2)})"

    def program(self) -> Program:
        for k in range(self.pick([1, 2, 2, 3])):
            self.argument(k)
        weights = {
            self.unary: 8, self.elementary: 8, self.binary: 20, self.signs: 1, self.rounded_binary: 3, self.choose: 5,
            self.convert: 3, self.reduce: 10, self.rows: 6, self.contract: 4, self.view: 16, self.assemble: 5, self.gather: 4,
            self.create: 2, self.write: 8, self.masked_write: 1, self.out: 2,
        }  # fmt: skip
        operations, chances = list(weights), np.array(list(weights.values())) / sum(weights.values())
        count = self.pick([3, 5, 8, 12])
        for _ in range(200):
            if len(self.statements) >= count:
                break
            operations[int(self.rng.choice(len(operations), p=chances))]()
        made = [n for n in self.names if n.startswith("t")] or self.names
        others = [n for n in made[:-1] if self.chance(0.25)]
        return Program(self.seed, tuple(self.arguments), tuple(self.statements), (*others[:3], made[-1]))


def generate(seed: int, large: bool = False) -> Program:
    """The program of a seed; `large` ones work on arrays that take threads, tiles and pieces."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Writer(seed, large).program()
