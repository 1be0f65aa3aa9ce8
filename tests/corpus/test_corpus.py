"""Every program of the corpus gives decorated what it gives undecorated; those in strict.txt are compiled as a whole.

Two cases of each are tried here, all of them by `make corpus`.
"""

from pathlib import Path

import pytest

from tests.corpus.run import programs
from tests.corpus.worker import Worker

STRICT = frozenset(Path(__file__).with_name("strict.txt").read_text(encoding="utf-8").split())
SECONDS = 40  # for one program, on a machine that is busy with others: three times what the slowest takes
PROGRAMS = programs()


@pytest.fixture(scope="module")
def worker():
    with Worker(timed=False, few=True) as process:
        yield process


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name, worker):
    verdict = worker.judge(name, PROGRAMS[name].field, SECONDS, strict=name in STRICT)
    assert not verdict.wrong, "\n".join(verdict.wrong)
    assert not verdict.refused, verdict.refused


def test_strict_names_programs():
    assert set(PROGRAMS) >= STRICT
