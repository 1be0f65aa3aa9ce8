"""What must not happen just once: writes to streams, warnings, additions to sets and byte strings, silenced loggers."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from array import array

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function

SEEN, BYTES, NUMBERS = set(), bytearray(), array("d")
LOGGER = logging.getLogger("hybrid.tests.once")


def to_set(x):
    SEEN.add(len(SEEN))
    return x * len(SEEN)


def to_bytes(x):
    BYTES.append(1)
    return x * len(BYTES)


def to_numbers(x):
    NUMBERS.append(2.0)
    return x * len(NUMBERS)


@pytest.mark.parametrize("program, state", [(to_set, SEEN), (to_bytes, BYTES), (to_numbers, NUMBERS)])
def test_containers_are_as_one_call_leaves_them(program, state):
    compiled = function(program)
    while state:
        state.pop()
    with pytest.warns(FallbackWarning, match="changes global"):
        first = compiled(np.ones(2))
    assert first[0] == 1 and len(state) == 1
    assert compiled(np.ones(2))[0] == 2 and len(state) == 2


@pytest.mark.parametrize("stream", [io.StringIO, lambda: io.TextIOWrapper(io.BytesIO(), write_through=True)])
def test_streams_are_written_by_every_call(stream):
    def program(x):
        sys.stdout.write("said\n")
        return x + 1

    compiled, out = function(program), stream()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            compiled(np.ones(2))
    out.seek(0)
    assert out.read() == "said\n" * 3


def test_warnings_are_given_by_every_call():
    def program(x):
        warnings.warn("mind this", UserWarning, stacklevel=2)
        return x + 1

    compiled = function(program)
    for _ in range(3):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            compiled(np.ones(2))
        assert [str(w.message) for w in said if w.category is UserWarning] == ["mind this"]


def test_a_logger_that_was_silent_is_heard_once_its_level_changes():
    def program(x):
        LOGGER.debug("seen")
        return x * 2

    compiled, out = function(program), io.StringIO()
    handler = logging.StreamHandler(out)
    LOGGER.setLevel("WARNING")
    LOGGER.addHandler(handler)
    LOGGER.propagate = False
    compiled(np.ones(2))
    compiled(np.ones(2))
    assert compiled.traces and out.getvalue() == ""
    LOGGER.setLevel("DEBUG")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled(np.ones(2))
        compiled(np.ones(2))
    assert out.getvalue() == "seen\n" * 2
    LOGGER.removeHandler(handler)


TABLE = np.arange(4.0)


def test_headers_that_a_call_changes_are_changed_by_every_call():
    def captured(x):
        TABLE.shape = (2, 2)
        return TABLE + x

    def given(x):
        x.shape = (2, 2)
        return x

    def branch(x):
        y = x * 2
        if x[0] > 0:
            y.shape = (2, 2)
        return y.ndim

    for program in (captured, given, branch):
        compiled = function(program)
        for k in range(3):
            TABLE.shape = (4,)
            x = np.arange(4.0) + k if program is not captured else np.float64(k)
            want = program(x.copy())
            TABLE.shape = (4,)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = compiled(given_x := x.copy())
            assert np.array_equal(got, want) and np.shape(got) == np.shape(want)
            assert program is not captured or TABLE.shape == (2, 2)
            assert program is not given or got is given_x


def test_objects_and_texts_in_arrays_are_refused_in_plain_words():
    compiled = function(lambda x: np.array([1, "a", None], dtype=object))
    with pytest.warns(FallbackWarning, match="dtype object"):
        assert compiled(np.ones(2)).tolist() == [1, "a", None]
