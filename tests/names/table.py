"""Expressions for the ways in which programs use names of NumPy, of SciPy and of `math`.

`cases.txt` has those that compile as a whole, `refused.txt` those that do not. Before `;;` stand statements; most of them write
into an argument.
"""

from __future__ import annotations

import copy
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage as nd
import scipy.signal as sg
import scipy.special as sp

import hybrid as hy
from tests.tools import Lending

HERE = Path(__file__).parent


def read(name: str) -> list[str]:
    return HERE.joinpath(name).read_text(encoding="utf-8").splitlines()


def operands() -> dict[str, Any]:
    """What the names in the expressions stand for."""
    rng = np.random.default_rng(0)
    x, y, m, n = (rng.normal(size=shape) for shape in (12, 12, (4, 4), (3, 5)))
    i, j = rng.integers(0, 9, 12), rng.integers(1, 9, 12)
    return {
        "x": x, "y": y, "m": m, "n": n, "i": i, "j": j, "s": m @ m.T + 4 * np.eye(4), "c": x + 1j * y, "b": x > 0,
        "t": rng.normal(size=(2, 3, 4)), "d": 0.7, "k": 5, "u": np.abs(x) + 0.1, "w": x.astype(np.float32),
    }  # fmt: skip


def function(expressions: Sequence[str], folder: Path, name: str) -> tuple[Callable, list[str]]:
    """A function of the operands in use that gives all the expressions, with source; and their names."""
    known = operands()
    used = [one for one in known if any(re.search(rf"\b{one}\b", text) for text in expressions)]
    statements = [part.strip() for text in expressions for part in text.split(";;")[:-1]]
    results = [text.split(";;")[-1].strip() for text in expressions]
    lines = [f"def f({', '.join(used)}):", *(f"    {line}" for line in statements), "    return (",
             *(f"        {result}," for result in results), "    )"]  # fmt: skip
    path = folder / f"{name}.py"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    space: dict[str, Any] = {"np": np, "math": math, "sp": sp, "sg": sg, "nd": nd}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    return space["f"], used


def groups(expressions: Sequence[str], size: int) -> Iterator[list[str]]:
    """Expressions that may stand in one function, which those that write may not."""
    plain = [text for text in expressions if ";;" not in text]
    yield from (plain[k : k + size] for k in range(0, len(plain), size))
    yield from ([text] for text in expressions if ";;" in text)


def on_tensors(value: Any) -> Any:
    """Arrays, also inside tuples and lists, for tensors; NumPy's numbers as arrays, since tensors have no others."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(on_tensors, value))
    if isinstance(value, (tuple, list)):
        return type(value)(map(on_tensors, value))
    return np.asarray(value) if isinstance(value, (hy.Tensor, np.generic)) else value


def run(f: Callable, used: Sequence[str], given: dict[str, Any], **options: Any) -> tuple[Any, Any]:
    """What a function gives compiled, at its second call, and undecorated."""
    compiled = (Lending if options.pop("strict", False) else hy.function)(f, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = f(*(copy.deepcopy(given[name]) for name in used))
        for _ in range(2):
            got = compiled(*(copy.deepcopy(given[name]) for name in used))
    return got, want
