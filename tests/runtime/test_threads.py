"""Parallel loops: every iteration once, whatever the count, the grain, the caller or the company."""

import ctypes
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from hybrid.codegen.target import host
from hybrid.core.config import config
from hybrid.runtime import engine, threads

# Adds to each element of an int64 array the first index of its piece, plus one.
TEXT = """
define void @run(i64 %count, i64 %grain, ptr %data) {
  call void @hybrid_parallel(ptr @task, i64 %count, i64 %grain, ptr %data)
  ret void
}
define void @nested(i64 %count, i64 %grain, ptr %data) {
  %pair = alloca { ptr, i64 }
  store ptr %data, ptr %pair
  %p = getelementptr { ptr, i64 }, ptr %pair, i64 0, i32 1
  store i64 %count, ptr %p
  call void @hybrid_parallel(ptr @inner, i64 2, i64 1, ptr %pair)
  ret void
}
define internal void @inner(i64 %lo, i64 %hi, ptr %pair) {
entry:
  %data = load ptr, ptr %pair
  %p = getelementptr { ptr, i64 }, ptr %pair, i64 0, i32 1
  %count = load i64, ptr %p
  br label %loop
loop:
  %i = phi i64 [ %lo, %entry ], [ %j, %loop ]
  %start = mul i64 %i, %count
  %part = getelementptr i64, ptr %data, i64 %start
  call void @hybrid_parallel(ptr @task, i64 %count, i64 1, ptr %part)
  %j = add i64 %i, 1
  %more = icmp slt i64 %j, %hi
  br i1 %more, label %loop, label %exit
exit:
  ret void
}
define internal void @task(i64 %lo, i64 %hi, ptr %data) {
entry:
  %mark = add i64 %lo, 1
  br label %loop
loop:
  %i = phi i64 [ %lo, %entry ], [ %j, %loop ]
  %p = getelementptr i64, ptr %data, i64 %i
  %v = load i64, ptr %p
  %w = add i64 %v, %mark
  store i64 %w, ptr %p
  %j = add i64 %i, 1
  %more = icmp slt i64 %j, %hi
  br i1 %more, label %loop, label %exit
exit:
  ret void
}
"""


def load():
    code = engine.compile_object(TEXT + threads.SUPPORT, host())
    module = engine.load(code, ("run", "nested"), threads.symbols())
    signature = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    return module, signature(module.address("run")), signature(module.address("nested"))


@pytest.fixture(scope="module")
def loaded():
    return load()


@pytest.fixture
def thread_count():
    def use(count):
        config.threads = count
        threads.sync()

    before = config.threads
    yield use
    use(before)


def pieces(run, count, grain):
    data = np.zeros(count, np.int64)
    run(count, grain, data.ctypes.data)
    starts, lengths = np.unique(data - 1, return_counts=True)
    np.testing.assert_array_equal(data - 1, np.repeat(starts, lengths))  # contiguous
    return list(zip(starts.tolist(), lengths.tolist()))


@pytest.mark.parametrize(
    "count, grain, used, expected",
    [
        (0, 1, 2, []),
        (1, 1, 2, [(0, 1)]),
        (7, 1, 2, [(0, 4), (4, 3)]),
        (7, 0, 2, [(0, 4), (4, 3)]),
        (7, 4, 2, [(0, 7)]),
        (7, 3, 2, [(0, 4), (4, 3)]),
        (10, 1, 3, [(0, 4), (4, 3), (7, 3)]),
        (10, 4, 3, [(0, 5), (5, 5)]),
        (10, 1, 1, [(0, 10)]),
        (3, 1, 16, [(0, 1), (1, 1), (2, 1)]),
        (8190, 1, 2, [(0, 4095), (4095, 4095)]),
        (8193, 1, 2, [(0, 4160), (4160, 4033)]),  # long pieces start at multiples of 64
        (100_000, 1, 2, [(0, 50_048), (50_048, 49_952)]),
    ],
)
def test_one_contiguous_piece_per_thread(loaded, thread_count, count, grain, used, expected):
    thread_count(used)
    if threads.layer() == "workqueue":
        used = min(used, os.cpu_count())
    assert pieces(loaded[1], count, grain) == expected


@pytest.mark.parametrize("used", [2, 3, 5, 16])
def test_every_iteration_once(loaded, thread_count, used):
    thread_count(used)
    for count in (*range(1, 40), 4095, 65_535, 65_537, 300_001):
        found = pieces(loaded[1], count, 1)
        assert sum(length for _, length in found) == count
        assert len(found) == min(used, count) or count > 4096


def test_a_loop_inside_a_loop_runs_on_its_own_thread(loaded, thread_count):
    thread_count(2)
    data = np.zeros(200, np.int64)
    loaded[2](100, 1, data.ctypes.data)
    np.testing.assert_array_equal(data, 1)


def test_many_python_threads_at_once(loaded, thread_count):
    thread_count(2)
    sums = []

    def work():
        for _ in range(50):
            data = np.zeros(1000, np.int64)
            loaded[1](1000, 1, data.ctypes.data)
            sums.append(sorted(np.unique(data).tolist()))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(sums) == 400
    assert {tuple(starts) for starts in sums} <= {(1,), (1, 501)}


def test_threads_start_with_the_first_long_loop():
    output = in_new_process("""
        _module, run, nested = t.load()
        t.pieces(run, 10, 100)
        assert threads.layer() is None
        assert t.pieces(run, 10, 1) == [(0, 5), (5, 5)]
        assert threads.layer() in threads.LAYERS
        assert not [name for name in sys.modules if name.startswith("numba")]
    """)
    assert output == ""


def test_numba_goes_on_with_its_own_threads():
    output = in_new_process("""
        def numba_sum():
            import numba
            @numba.njit(parallel=True)
            def total(a):
                s = 0
                for i in numba.prange(a.size):
                    s += a[i]
                return s
            return total

        _module, run, nested = t.load()
        total = None
        for _ in range(2):
            assert t.pieces(run, 10, 1) == [(0, 5), (5, 5)]
            total = total or numba_sum()
            assert total(np.arange(1000)) == 499500
        import numba
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
        if numba.config.NUMBA_NUM_THREADS > 1:
            numba.set_num_threads(1)
        assert t.pieces(run, 10, 1) == [(0, 5), (5, 5)]
        assert numba.get_num_threads() == 1
    """)
    assert output == ""


def test_numba_may_come_first():
    output = in_new_process("""
        import numba
        @numba.njit(parallel=True)
        def total(a):
            s = 0
            for i in numba.prange(a.size):
                s += a[i]
            return s
        assert total(np.arange(1000)) == 499500
        _module, run, nested = t.load()
        assert t.pieces(run, 10, 1) == [(0, 5), (5, 5)]
        assert total(np.arange(1000)) == 499500
    """)
    assert output == ""


if hasattr(os, "fork"):

    def test_a_forked_child_runs_on_one_thread():
        output = in_new_process("""
            _module, run, nested = t.load()
            assert t.pieces(run, 10, 1) == [(0, 5), (5, 5)]
            child = os.fork()
            if child == 0:
                threads.sync()
                os._exit(t.pieces(run, 10, 1) != [(0, 10)])
            assert os.waitpid(child, 0)[1] == 0
            assert t.pieces(run, 10, 1) == [(0, 5), (5, 5)]
        """)
        assert output == ""

    def test_a_child_forked_before_the_first_loop_has_threads():
        output = in_new_process("""
            _module, run, nested = t.load()
            child = os.fork()
            if child == 0:
                _module, run, nested = t.load()  # compiling works in a child, too
                os._exit(t.pieces(run, 10, 1) != [(0, 5), (5, 5)])
            assert os.waitpid(child, 0)[1] == 0
        """)
        assert output == ""


@pytest.mark.parametrize("name", threads.LAYERS)
def test_every_layer_that_loads(name):
    output = in_new_process(f"""
        if threads._extension({name!r}) is None:
            sys.exit()
        threads.LAYERS = ({name!r},)
        _module, run, nested = t.load()
        for _ in range(3):
            assert t.pieces(run, 10, 1) == [(0, 5), (5, 5)]
        config.threads = 1
        threads.sync()
        assert t.pieces(run, 10, 1) == [(0, 10)]
        assert threads.layer() == {name!r}
    """)
    assert output == ""


def test_no_layer_warns_and_runs_on_one_thread():
    output = in_new_process("""
        threads.LAYERS = ()
        _module, run, nested = t.load()
        assert t.pieces(run, 10, 1) == [(0, 10)]
        assert t.pieces(run, 10, 1) == [(0, 10)]
    """)
    assert output.count("RuntimeWarning: none of Numba's threading layers") == 1


def in_new_process(body: str) -> str:
    """What `body` printed; it sees this file as `t` and has two threads."""
    head = f"""
        import importlib.util, os, sys
        import numpy as np
        from hybrid.core.config import config
        from hybrid.runtime import threads
        spec = importlib.util.spec_from_file_location("t", {__file__!r})
        t = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(t)
        config.threads = 2
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(body)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
