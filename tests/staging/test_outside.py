"""What tracing cannot put back, and compiled code cannot do, is Python's at every call: locks, queues, files, databases."""

import contextvars
import ctypes
import mmap
import queue
import sqlite3
import threading
import warnings

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function

LOCK, QUEUE, EVENT, ROOM = threading.Lock(), queue.Queue(), threading.Event(), threading.Semaphore(100)
SETTING = contextvars.ContextVar("SETTING", default=1)
CONNECTION = sqlite3.connect(":memory:", check_same_thread=False)
CONNECTION.execute("create table calls (a)")
MEMORY, BYTES = mmap.mmap(-1, 16), ctypes.create_string_buffer(4)


def locks(x):
    with LOCK:
        return x + (LOCK.locked() and 1)


def queues(x):
    QUEUE.put(1)
    return x + QUEUE.qsize()


def releases(x):
    ROOM.acquire()
    return x + ROOM._value


def sets(x):
    SETTING.set(SETTING.get() + 1)
    return x + SETTING.get()


def inserts(x):
    CONNECTION.execute("insert into calls values (1)")
    return x + CONNECTION.execute("select count(*) from calls").fetchone()[0]


def maps(x):
    MEMORY.write_byte(1)
    return x + MEMORY.tell()


def counts(x):
    BYTES[0] = bytes([BYTES[0][0] + 1])
    return x + BYTES[0][0]


def complains(x):
    warnings.warn("as ever", UserWarning, stacklevel=1)
    return x


@pytest.mark.parametrize("f", [locks, queues, releases, sets, inserts, maps, counts], ids=lambda f: f.__name__)
def test_state_that_is_kept_elsewhere_changes_at_every_call(f):
    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        got = [float(decorated(np.zeros(2))[0]) for _ in range(3)]
    step = {"locks": 0, "releases": -1}.get(f.__name__, 1)
    assert got == [got[0] + k * step for k in range(3)] and not LOCK.locked()


def test_warnings_of_the_users_come_at_every_call():
    decorated = function(complains)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for _ in range(3):
            decorated(np.zeros(2))
    assert [str(w.message) for w in heard if w.category is UserWarning].count("as ever") == 3


@pytest.mark.parametrize("mode", ["w", "a", "x"])
def test_files_are_not_opened_while_tracing(tmp_path, mode):
    def f(x, path):
        open(path, mode).close()
        return x + 1

    path = tmp_path / "file"
    with pytest.warns(FallbackWarning, match="open"):
        assert function(f)(np.zeros(2), str(path))[0] == 1
    assert path.exists()


def test_a_lock_that_no_one_takes_does_not_matter():
    class Model:
        def __init__(self):
            self.lock, self.scale = threading.Lock(), 2.0

        @function(strict=True)
        def apply(self, x):
            return x * self.scale

    assert Model().apply(np.ones(2))[0] == 2
