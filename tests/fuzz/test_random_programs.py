"""Random NumPy programs give compiled what they give eagerly: types, dtypes, shapes, writes and values.

`python -m tests.fuzz --seconds 600 --seed N` runs as many as there is time for.
"""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.frontend.elementwise import TABLE
from tests.fuzz.checks import failure, report, shrink
from tests.fuzz.programs import Program
from tests.fuzz.writer import generate

COUNTS = {"llvm": 150, "large": 20, "python": 60, "numba": 3}  # Numba compiles a kernel in tenths of a second


def correct(program: Program, backend: str) -> None:
    if failure(program, backend):
        pytest.fail(report(program, backend), pytrace=False)


@pytest.mark.parametrize("seed", range(COUNTS["llvm"]))
def test_llvm(seed):
    correct(generate(seed), "llvm")


@pytest.mark.parametrize("seed", range(COUNTS["large"]))
def test_llvm_large(seed):
    correct(generate(seed, large=True), "llvm")


@pytest.mark.parametrize("seed", range(1000, 1000 + COUNTS["python"]))
def test_python(seed):
    correct(generate(seed), "python")


@pytest.mark.parametrize("seed", range(2000, 2000 + COUNTS["numba"]))
def test_numba(seed):
    correct(generate(seed), "numba")


def test_a_wrong_result_is_found_and_shrunk(monkeypatch):
    """With floors that round up, a program is reported, and the report holds what shows it and little more."""
    monkeypatch.setattr(TABLE[np.floor], "body", TABLE[np.ceil].body)
    floors = (p for p in map(generate, range(500)) if any("np.floor(" in s.text for s in p.statements))
    program = next(p for p in floors if failure(p, "llvm"))
    small = shrink(program, "llvm")
    assert any("np.floor(" in s.text for s in small.statements) and len(small.statements) <= 3
    assert small.source in report(program, "llvm")


def test_programs_repeat():
    assert generate(7) == generate(7)
    assert generate(7).script.startswith("# seed 7\n")
