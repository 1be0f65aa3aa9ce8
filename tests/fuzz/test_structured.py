"""Random functions with branches, loops, rows and slices do decorated what they do undecorated.

`python -m tests.fuzz --structured --seconds 600 --seed N` runs as many as there is time for.
"""

from __future__ import annotations

import pytest

from hybrid.control import handlers
from tests.fuzz.structured import Structured, structured
from tests.fuzz.structured_checks import failure, report

COUNTS = {"llvm": 40, "python": 20}


def correct(program: Structured, backend: str) -> None:
    if failure(program, backend)[0]:
        pytest.fail(report(program, backend), pytrace=False)


@pytest.mark.parametrize("seed", range(COUNTS["llvm"]))
def test_llvm(seed):
    correct(structured(seed), "llvm")


@pytest.mark.parametrize("seed", range(1000, 1000 + COUNTS["python"]))
def test_python(seed):
    correct(structured(seed), "python")


def test_a_wrong_branch_is_found_and_shrunk(monkeypatch):
    """With branches that take the wrong way, a program is reported, and what is left of it still has one."""
    branch = handlers.branch
    monkeypatch.setattr(handlers, "branch", lambda trace, test, then, orelse, state: branch(trace, test, orelse, then, state))
    written = (p for p in map(structured, range(30, 500)) if "if " in p.source and "while" not in p.source)
    program = next(p for p in written if failure(p)[0])  # from 30 on the first is a short one
    problem, _, small = report(program, "llvm").partition("\n\n")
    small = small.partition("\n# ")[0]  # what follows are the arguments of its calls
    assert "decorated" in problem and "if " in small and len(small) < len(program.source)


def test_programs_repeat():
    assert structured(7) == structured(7)
