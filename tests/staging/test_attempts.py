"""What is tried to record a call: nothing is recorded a second time in a way that has failed."""

import warnings
from dataclasses import replace

import numpy as np

import hybrid as hy
from hybrid.core.errors import TraceError
from hybrid.ir.requests import Saw, Writing
from hybrid.staging import tracing
from hybrid.staging.attempts import Attempts

KEPT = frozenset({"Cell"})


class Cell:
    def __init__(self, value):
        self.value = value


def hashed(x):
    cells = []
    for v in x:
        cells.append(Cell(v))
    return hash(cells[0].value)


def test_no_attempt_is_like_one_before(monkeypatch):
    tried = []
    monkeypatch.setattr(tracing, "trace", lambda *args, made=tracing.trace: tried.append(args[8]) or made(*args))
    x = np.array([0.5, 2.5, 3.25])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert hy.function(hashed)(x) == hashed(x)
    assert len({replace(writing, kept=writing.kept or frozenset()) for writing in tried}) == len(tried) > 1
    assert any(writing.kept for writing in tried)


def failed(attempts, said, saw):
    error = TraceError(said)
    error.again, error.saw = saw.instead(attempts.next), saw
    attempts.fail(error)


def test_what_has_failed_where_nothing_asked_for_storage_is_known():
    attempts, plain = Attempts(), Saw(False, False, False, KEPT, False)
    failed(attempts, "first", plain)
    assert attempts.next == Writing(kept=KEPT)
    failed(attempts, "in storage", replace(plain, short=True))
    assert attempts.next == Writing(short=False, kept=KEPT)
    failed(attempts, "in storage, loops", plain)
    assert attempts.next is None and attempts.error.what == "first"


def test_what_may_end_otherwise_without_storage_is_tried():
    attempts, saw = Attempts(), Saw(False, False, False, KEPT, False)
    error = TraceError("a loop that makes instances is written out")
    error.again = saw.instead(attempts.next)
    attempts.fail(error)
    failed(attempts, "in storage", saw)
    assert attempts.next == Writing(kept=None)
    failed(attempts, "without", saw)
    assert attempts.next is None and attempts.error.what == "without"
