"""Programs in plain NumPy, as source text with arguments that paste."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


def array(seed: int, dtype: str, shape: tuple[int, ...], layout: str = "plain", hard: bool = False) -> np.ndarray:
    """An argument: values around zero (`hard`: NaN, infinities and zeros too) in memory of the given layout."""
    rng = np.random.default_rng(seed)
    inside = {
        "strided": (*shape[:-1], shape[-1] * 2) if shape else (),
        "window": tuple(n + 2 for n in shape),
        "transposed": shape[::-1],
    }.get(layout, shape)
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
        calls = f"{given}\nprint(program({call}))\n{given}\nprint(function(program, strict=True)({call}))\n"
        return f"# seed {self.seed}\n{head}\n{self.source}\n{calls}"

    def without(self, k: int) -> Program:
        return replace(self, statements=self.statements[:k] + self.statements[k + 1 :])

    def without_argument(self, k: int) -> Program:
        return replace(self, arguments=self.arguments[:k] + self.arguments[k + 1 :])
