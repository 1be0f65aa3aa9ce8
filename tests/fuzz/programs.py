"""Random programs in plain NumPy, as source text.

A program is made statement by statement, each run as soon as it is written, so that shapes and dtypes are known and what
NumPy refuses is never kept. Statements say how far a correct execution may be from another one (`Statement.kind`).
"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

DTYPES = ("float32", "float64", "int32", "int64", "bool", "float16", "int8", "uint8")
WEIGHTS = (0.35, 0.3, 0.1, 0.1, 0.05, 0.04, 0.03, 0.03)
LAYOUTS = ("plain", "plain", "plain", "fortran", "strided", "window", "reversed", "transposed")
SHAPES = (
    (), (1,), (0,), (7,), (40,), (1000,), (3, 4), (5, 1), (0, 3), (4, 0), (33, 17), (300, 4), (3, 700), (2, 3, 4), (6, 1, 5),
    (3, 8, 16), (2, 1, 3, 4), (2, 5, 3, 9),
)  # fmt: skip
LIMIT = 6000  # elements of any one value


def array(seed: int, dtype: str, shape: tuple[int, ...], layout: str = "plain", hard: bool = False) -> np.ndarray:
    """An argument: values around zero (`hard`: NaN, infinities and zeros too) in memory of the given layout."""
    rng = np.random.default_rng(seed)
    inside = {"strided": (*shape[:-1], shape[-1] * 2) if shape else (), "window": tuple(n + 2 for n in shape),
              "transposed": shape[::-1]}.get(layout, shape)  # fmt: skip
    if dtype == "bool":
        values = rng.random(inside) < 0.5
    elif "int" in dtype:
        values = rng.integers(0 if dtype[0] == "u" else -9, 10, inside).astype(dtype)
    else:
        values = np.asarray(rng.normal(0, 2, inside), dtype)
        if hard and values.size:
            places = rng.integers(0, values.size, 1 + values.size // 6)
            values.reshape(-1)[places] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0], len(places))
    values = np.array(values)
    if layout == "fortran":
        return np.asfortranarray(values)
    if layout == "strided":
        return values[..., ::2]
    if layout == "window":
        return values[(slice(1, -1),) * len(shape)]
    if layout == "reversed":
        return values[(slice(None, None, -1),) * len(shape)]
    return values.T if layout == "transposed" else values


@dataclass(frozen=True)
class Statement:
    """One line.

    kind "exact": the same bits everywhere, given the same operands; "rounded": one elementary function, some units in the
    last place off; "summed": one float reduction or contraction, in any order. Those two give `target`, in place or not.
    """

    text: str
    kind: str = "exact"
    target: str = ""
    expression: str = ""
    place: bool = False


@dataclass(frozen=True)
class Program:
    """`arguments` are pasteable expressions, by name."""

    seed: int
    arguments: tuple[tuple[str, str], ...]
    statements: tuple[Statement, ...]
    results: tuple[str, ...]

    @property
    def source(self) -> str:
        lines = [f"def program({', '.join(name for name, _ in self.arguments)}):", *(f"    {s.text}" for s in self.statements)]
        return "\n".join([*lines, f"    return {', '.join(self.results)}{',' if len(self.results) == 1 else ''}"]) + "\n"

    def values(self) -> list[Any]:
        """Fresh arguments."""
        made: dict[str, Any] = {}
        for name, expression in self.arguments:
            made[name] = eval(expression, {"array": array, "np": np}, made)
        return list(made.values())

    @property
    def script(self) -> str:
        """All of it, to paste into a file."""
        given = "\n".join(f"{name} = {expression}" for name, expression in self.arguments)
        call = ", ".join(name for name, _ in self.arguments)
        head = "import numpy as np\nfrom hybrid.staging.function import function\nfrom tests.fuzz.programs import array\n"
        return f"# seed {self.seed}\n{head}\n{self.source}\n{given}\nprint(program({call}))\n{given}\nprint(function(program, strict=True)({call}))\n"

    def without(self, k: int) -> Program:
        return replace(self, statements=self.statements[:k] + self.statements[k + 1 :])

    def without_argument(self, k: int) -> Program:
        return replace(self, arguments=self.arguments[:k] + self.arguments[k + 1 :])


class Writer:
    """Writes one program: `env` holds every value as the statements so far have left it."""

    def __init__(self, seed: int):
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.env: dict[str, Any] = {"np": np}
        self.arguments: list[tuple[str, str]] = []
        self.statements: list[Statement] = []
        self.names: list[str] = []  # arrays and NumPy scalars
        self.concrete: set[str] = set()  # made of nothing that the arguments decide: no memory for traced values
        self.frozen = False  # nothing is written any more: NumPy alone knows which views share memory
        self.fresh = (f"t{k}" for k in itertools.count())

    # choices ----------------------------------------------------------------------------------------------------------
    def pick(self, items: Sequence) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def name(self, test: Callable[[Any], bool] = lambda v: True) -> str | None:
        """A value that passes the test; recent ones are likelier, so that programs are deep."""
        found = [n for n in self.names if test(self.env[n])]
        if not found:
            return None
        return found[-1 - min(int(self.rng.exponential(2.5)), len(found) - 1)]

    def floats(self, rank: int = 0) -> str | None:
        return self.name(lambda v: v.dtype.kind == "f" and v.ndim >= rank)

    def partner(self, x: str) -> str:
        """Another value that broadcasts with x, or a number."""
        shape = self.env[x].shape

        def fits(v: Any) -> bool:
            try:
                return np.prod(np.broadcast_shapes(v.shape, shape), dtype=int) <= LIMIT
            except ValueError:
                return False

        if self.chance(0.2):
            return self.number(self.env[x].dtype)
        return self.name(fits) or x

    def number(self, dtype: np.dtype) -> str:
        if dtype.kind in "iu":
            return self.pick(["1", "2", "3", "7"])
        if dtype.kind == "b":
            return self.pick(["True", "False"])
        given = [name for name, text in self.arguments if "array" not in text and text != "a"]
        return self.pick(["0.5", "2.0", "-1.5", "3", "1e-3", f"np.{dtype.name}(1.25)", *given, *given])

    def axes(self, x: Any) -> str:
        """An axis argument for reductions."""
        if x.ndim == 0 or self.chance(0.2):
            return "None"
        axis = int(self.rng.integers(-x.ndim, x.ndim))
        if x.ndim > 1 and self.chance(0.3):
            other = int(self.rng.integers(x.ndim))
            if other % x.ndim != axis % x.ndim:
                return f"({axis}, {other})"
        return str(axis)

    def index(self, x: Any) -> str:
        """A basic index: integers, slices with steps, new axes, an ellipsis."""
        items: list[str] = []
        for size in x.shape:
            kinds = [":", f"{self.pick([0, 1])}:", "::-1", f":{max(size - 1, 0)}", "::2", "1::3", "-1::-2", "1:-1"]
            if size:
                kinds += [str(int(self.rng.integers(-size, size)))]
            items.append(self.pick(kinds))
            if self.chance(0.08):
                items.append("None")
        if self.chance(0.15):
            cut = int(self.rng.integers(len(items) + 1))
            items = [*items[:cut], "..."] if self.chance(0.5) else items[:cut] or ["..."]
        return ", ".join(items) or "..."

    # writing ----------------------------------------------------------------------------------------------------------
    def let(self, expression: str | None, kind: str = "exact", concrete: bool = False) -> str | None:
        """`t = expression`, if NumPy takes it and the value is one that programs work on."""
        if expression is None:
            return None
        try:
            value = eval(expression, self.env)
        except (ValueError, TypeError, IndexError, OverflowError, ZeroDivisionError):
            return None
        if (
            not isinstance(value, (np.ndarray, np.generic))
            or value.dtype.name not in DTYPES
            or value.size > LIMIT
            or value.ndim > 5
        ):
            return None
        name = next(self.fresh)
        used = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
        if not used & {n for n in self.names if n not in self.concrete} or concrete:
            self.concrete.add(name)
        self.env[name] = value
        self.names.append(name)
        self.statements.append(
            Statement(f"{name} = {expression}", kind if value.dtype.kind == "f" else "exact", name, expression)
        )
        return name

    def do(self, text: str, kind: str = "exact", target: str = "", expression: str = "") -> None:
        """A statement that writes into memory."""
        try:
            exec(text, self.env)
        except (ValueError, TypeError, IndexError, OverflowError):
            return
        self.statements.append(Statement(text, kind, target, expression, True))

    # operations -------------------------------------------------------------------------------------------------------
    def unary(self) -> None:
        x = self.name()
        f = self.pick(["abs", "negative", "floor", "ceil", "trunc", "rint", "square", "sign", "isnan", "isfinite", "logical_not",
                       "invert", "positive", "sqrt", "isinf"])  # fmt: skip
        self.let(f"np.{f}({x})")

    def elementary(self) -> None:
        f = self.pick(["exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "arctan", "sinh", "cbrt", "exp2", "log2", "arcsinh",
                       "log10", "tan"])  # fmt: skip
        x = self.floats() if self.chance(0.85) else self.name()
        if x and self.chance(0.3):
            x = self.let(f"np.tanh({x})", "rounded")
        if x and self.chance(0.4):
            x = self.let(f"-np.abs({x})")
        self.let(x and f"np.{f}({x})", "rounded")

    def binary(self) -> None:
        x = self.name()
        y = self.partner(x)
        if self.chance(0.3):
            x, y = y, x
        op = self.pick(["+", "-", "*", "+", "-", "*", "/", "//", "%", "<", "<=", ">", "==", "!=", "&", "|", "^", "minimum", "maximum",
                        "fmod", "logical_and", "logical_or", "fmax", "fmin", "heaviside"])  # fmt: skip
        self.let(f"np.{op}({x}, {y})" if op.isidentifier() else f"{x} {op} {y}")

    def signs(self) -> None:
        x = self.floats()
        if x:  # the sign of a NaN is open
            self.let(self.pick([f"np.copysign({self.partner(x)}, np.nan_to_num({x}))", f"np.signbit(np.nan_to_num({x}))"]))

    def rounded_binary(self) -> None:
        x = self.floats()
        if x is None:
            return
        y = self.partner(x)
        form = self.pick(["np.arctan2({0}, {1})", "np.hypot({0}, {1})", "np.logaddexp({0}, {1})", "{0} ** 3", "{0} ** 2"])
        if self.chance(0.2):
            x, form = self.let(f"np.abs({x})"), "{0} ** {1}"
        # logaddexp adds its larger operand to a logarithm: near zero it is as exact as a sum.
        self.let(form.format(x, y), "summed" if "logaddexp" in form else "rounded")

    def choose(self) -> None:
        x = self.name()
        y, limit = self.partner(x), self.partner(x)
        self.let(self.pick([f"np.where({x} > {limit}, {x}, {y})", f"np.clip({x}, -1, 2)", f"np.where({x} != 0, {y}, {x})", f"np.nan_to_num({x})",
                            f"np.select([{x} > {limit}], [{y}], {x})", f"np.minimum(np.maximum({x}, {y}), {limit})"]))  # fmt: skip

    def reduce(self) -> None:
        x = self.name()
        axis, keep = self.axes(self.env[x]), self.pick(["", "", ", keepdims=True"])
        f = self.pick(
            ["sum", "sum", "mean", "max", "min", "prod", "any", "all", "var", "std", "argmax", "argmin", "count_nonzero", "ptp"]
        )
        if f in ("argmax", "argmin"):
            axis, keep = axis if axis[0] != "(" else "0", ""
        arguments = f"axis={axis}{keep}"
        inexact = f in ("sum", "mean", "prod", "var", "std")
        method = f not in ("count_nonzero", "ptp") and self.chance(0.4)
        self.let(f"{x}.{f}({arguments})" if method else f"np.{f}({x}, {arguments})", "summed" if inexact else "exact")

    def rows(self) -> None:
        """Softmax, normalisation and the like: reduce an axis, then use the result all along it."""
        x = self.floats(1)
        if x is None:
            return
        axis = self.axes(self.env[x])
        axis = "-1" if axis == "None" else axis
        form = self.pick(["softmax", "norm", "l2", "logsumexp", "centre"])
        if form == "softmax":
            top = self.let(f"np.max({x}, axis={axis}, keepdims=True)")
            below = top and self.let(f"{x} - {top}")
            e = below and self.let(f"np.exp({below})", "rounded")
            total = e and self.let(f"np.sum({e}, axis={axis}, keepdims=True)", "summed")
            self.let(total and f"{e} / {total}")
        elif form == "norm":
            mean = self.let(f"np.mean({x}, axis={axis}, keepdims=True)", "summed")
            centred = mean and self.let(f"{x} - {mean}")
            squares = centred and self.let(f"{centred} * {centred}")
            var = squares and self.let(f"np.mean({squares}, axis={axis}, keepdims=True)", "summed")
            self.let(var and f"{centred} / np.sqrt({var} + 1e-5)")
        elif form == "l2":
            squares = self.let(f"{x} * {x}")
            total = squares and self.let(f"np.sum({squares}, axis={axis}, keepdims=True)", "summed")
            self.let(total and f"{x} / np.sqrt({total} + 1)")
        elif form == "logsumexp":
            top = self.let(f"np.max({x}, axis={axis}, keepdims=True)")
            below = top and self.let(f"{x} - {top}")
            e = below and self.let(f"np.exp({below})", "rounded")
            total = e and self.let(f"np.sum({e}, axis={axis}, keepdims=True)", "summed")
            log = total and self.let(f"np.log({total})", "rounded")
            self.let(log and f"{log} + {top}")
        else:
            mean = self.let(f"np.mean({x}, axis={axis}, keepdims=True)", "summed")
            self.let(mean and f"{x} - {mean}")

    def view(self) -> None:
        x = self.name(lambda v: isinstance(v, np.ndarray))
        if x is None:
            return
        v = self.env[x]
        n = v.ndim
        forms = [f"{x}[{self.index(v)}]"] * 5 + [f"{x}.T", f"{x}.ravel()", f"{x}.reshape(-1)"]
        if n:
            forms.append(f"np.flip({x})")
            perm = tuple(map(int, self.rng.permutation(n)))
            forms += [f"np.transpose({x}, {perm})", f"np.squeeze({x})", f"np.expand_dims({x}, {int(self.rng.integers(n + 1))})",
                      f"np.flip({x}, {int(self.rng.integers(n))})", f"np.swapaxes({x}, 0, -1)", f"np.moveaxis({x}, 0, -1)"]  # fmt: skip
        if n > 1:
            cut = int(self.rng.integers(1, n))
            forms += [f"{x}.reshape({int(np.prod(v.shape[:cut]))}, {int(np.prod(v.shape[cut:]))})",
                      f"{x}.reshape({int(np.prod(v.shape[:cut]))}, {', '.join(map(str, v.shape[cut:]))})"] * 2  # fmt: skip
        for divisor in (2, 3, 5):
            if v.size and v.size % divisor == 0:
                forms.append(f"np.reshape({x}, ({divisor}, {v.size // divisor}))")
        if v.size < 200:
            forms.append(f"np.broadcast_to({x}, {(3, *v.shape)})")
        form = self.pick(forms)
        if self.let(form) and ("reshape" in form or "ravel" in form) and not v.flags.c_contiguous:
            self.frozen = True

    def assemble(self) -> None:
        x = self.name(lambda v: v.ndim > 0)
        if x is None:
            return
        v = self.env[x]
        axis = int(self.rng.integers(v.ndim))
        y = (
            self.name(
                lambda o: o.ndim == v.ndim and o.shape[:axis] + o.shape[axis + 1 :] == v.shape[:axis] + v.shape[axis + 1 :]
            )
            or x
        )
        twin = self.name(lambda o: o.shape == v.shape) or x
        pads = ", ".join(f"({self.pick([0, 1, 2])}, {self.pick([0, 1])})" for _ in range(v.ndim))
        self.let(self.pick([
            f"np.concatenate([{x}, {y}], axis={axis})", f"np.concatenate([{y}, {x}, {y}], {axis})", f"np.stack([{x}, {twin}], axis={axis})",
            f"np.stack([{twin}, {x}, {x}], -1)", f"np.pad({x}, ({pads},))", f"np.roll({x}, 2, axis={axis})", f"np.repeat({x}, 2, axis={axis})",
            f"np.tile({x}, 2)", f"np.pad({x}, 1, constant_values=2)", f"np.diff({x}, axis={axis})", f"np.vstack([{x}, {twin}])",
        ]))  # fmt: skip

    def contract(self) -> None:
        x = self.name(lambda v: v.ndim > 0 and v.dtype.kind != "b" and v.size < 3000)
        if x is None:
            return
        v = self.env[x]
        y = self.name(lambda o: o.ndim > 0 and o.size < 3000 and o.shape[-2 if o.ndim > 1 else 0] == v.shape[-1])
        forms = [f"np.dot({x}, {y})", f"{x} @ {y}", f"{x} @ {y}"] if y else []
        if v.ndim >= 2:
            forms += [
                f"{x} @ np.swapaxes({x}, -1, -2)",
                f"np.swapaxes({x}, -1, -2) @ {x}",
                f"np.einsum('...ij,...kj->...ik', {x}, {x})",
            ]
        if v.ndim == 1 and v.size < 60:
            forms += [f"np.outer({x}, {x})", f"np.dot({x}, {x})"]
        if forms:
            self.let(self.pick(forms), "summed")

    def gather(self) -> None:
        x = self.name(lambda v: v.ndim > 0 and v.size)
        if x is None or x in self.concrete:  # NumPy's own arrays take no traced index
            return
        v = self.env[x]
        axis = int(self.rng.integers(v.ndim))
        size = v.shape[axis]
        whole = self.name(lambda o: o.dtype.kind in "iu" and o.ndim > 0 and o.size < 500)
        index = f"{whole} % {size}" if whole else str([int(i) for i in self.rng.integers(-size, size, 4)])
        lead = ":, " * axis
        self.let(self.pick([
            f"np.take({x}, {index}, axis={axis})", f"{x}[{lead}{index}]", f"np.take_along_axis({x}, np.argsort({x}, axis={axis}), axis={axis})",
            f"np.sort({x}, axis={axis})", f"np.argsort({x}, axis={axis}, kind='stable')", f"{x}[{lead}np.arange({size})[::-1]]",
            f"np.take({x}, np.argmax({x}, axis={axis}) % {size}, axis={axis})",
            f"{x}[{lead}{index}]" if whole else f"{x}[{lead}np.array({index})]",
        ]))  # fmt: skip

    def running(self) -> None:
        x = self.name(lambda v: v.ndim > 0)
        self.let(x and f"np.cumsum({x}, axis={int(self.rng.integers(self.env[x].ndim))})")

    def convert(self) -> None:
        x = self.name()
        if self.env[x].dtype.kind == "f":
            to = self.pick(["float32", "float64", "float16", "bool", "int32", "int64"])
            if "int" in to:  # beyond the range, or of NaN, the result is undefined
                self.let(f"np.where(np.abs({x}) < 1000, {x}, 0).astype(np.{to})")
                return
        else:
            to = self.pick(DTYPES)
        self.let(f"{x}.astype(np.{to})")

    def writeable(self) -> str | None:
        if self.frozen:
            return None
        found = [
            n for n in self.names if isinstance(self.env[n], np.ndarray) and self.env[n].flags.writeable and self.env[n].ndim
        ]
        return self.pick([n for n in found if n not in self.concrete] or [None])

    def write(self) -> None:
        x = self.writeable()
        if x is None:
            return
        index = self.index(self.env[x])
        part = self.env[x][eval(f"np.s_[{index}]", {"np": np})]

        def fits(v: Any) -> bool:
            try:
                return np.broadcast_shapes(v.shape, part.shape) == part.shape and np.can_cast(v.dtype, part.dtype, "same_kind")
            except ValueError:
                return False

        y = (self.name(fits) if self.chance(0.75) else None) or self.number(part.dtype)
        target, op = self.pick([f"{x}[{index}]"] * 3 + [x]), self.pick(["=", "=", "+=", "*=", "-="])
        if target == x and op == "=":
            target = f"{x}[...]"
        self.do(f"{target} {op} {y}")

    def masked_write(self) -> None:
        x = self.writeable()
        if x is not None:
            self.do(f"{x}[{x} > {self.number(self.env[x].dtype)}] = {self.number(self.env[x].dtype)}")

    def out(self) -> None:
        x = self.writeable()
        y = x and self.name(lambda v: v.shape == self.env[x].shape and np.can_cast(v.dtype, self.env[x].dtype, "same_kind"))
        if not y:
            return
        f = self.pick(["add", "multiply", "subtract", "maximum", "exp", "tanh", "sqrt", "abs"])
        operands = f"{x}, {y}" if f in ("add", "multiply", "subtract", "maximum") else y
        if f in ("exp", "tanh", "sqrt") and self.env[x].dtype.kind != "f":
            return
        kind = "rounded" if f in ("exp", "tanh") else "exact"
        self.do(f"np.{f}({operands}, out={x})", kind, x, f"np.{f}({operands})")

    def create(self) -> None:
        x = self.name()
        n = self.pick([1, 4, 7])
        form = self.pick([f"np.zeros_like({x})", f"np.full_like({x}, 3)", f"{x}.copy()", f"np.ones({self.env[x].shape}, {x}.dtype)",
                          f"np.arange({n}) * {x}.size", f"np.eye({n}, dtype=np.float32)", f"np.linspace(0, 1, {n})"])  # fmt: skip
        self.let(form, concrete="like" not in form and "copy" not in form)

    def argument(self, k: int) -> None:
        name = "abc"[k]
        if k and self.chance(0.06):
            expression = self.arguments[0][0]
        elif k and self.chance(0.25):
            expression = self.pick(["0.75", "-2.5", "1e3"])
        else:
            dtype = str(self.rng.choice(DTYPES, p=WEIGHTS))
            shape = self.pick(SHAPES)
            if k and self.chance(0.6):  # often a shape that goes with the first
                shape = next((self.env[n].shape for n in self.names), shape)
                shape = shape[int(self.rng.integers(len(shape) + 1)) :] if self.chance(0.4) else shape
            layout = "plain" if not shape else self.pick(LAYOUTS)
            expression = f"array({int(self.rng.integers(1 << 20))}, {dtype!r}, {shape}, {layout!r}, {self.chance(0.2)})"
        self.arguments.append((name, expression))
        self.env[name] = eval(expression, {"array": array}, dict(self.env))
        if "array" in expression:
            self.names.append(name)

    def program(self) -> Program:
        for k in range(self.pick([1, 2, 2, 3])):
            self.argument(k)
        operations = [self.unary, self.elementary, self.binary, self.signs, self.rounded_binary, self.choose, self.reduce, self.rows, self.view,
                      self.assemble, self.contract, self.gather, self.running, self.convert, self.write, self.out, self.create,
                      self.masked_write]  # fmt: skip
        weights = np.array([8, 8, 20, 1, 3, 5, 10, 6, 16, 5, 4, 3, 1, 3, 8, 2, 2, 1.0])
        count = self.pick([3, 5, 8, 12])
        for _ in range(200):
            if len(self.statements) >= count:
                break
            operations[int(self.rng.choice(len(operations), p=weights / weights.sum()))]()
        made = [n for n in self.names if n.startswith("t")]
        last = made[-1:] or self.names[-1:]
        others = [n for n in made[:-1] if self.chance(0.25)]
        return Program(self.seed, tuple(self.arguments), tuple(self.statements), tuple([*others[:3], *last]))


def generate(seed: int) -> Program:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Writer(seed).program()
