"""Decorated functions in company: many threads, forks, and functions that come and go."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import time
import warnings
import weakref

import numpy as np

from hybrid.core.config import config
from hybrid.ir import trace as tr
from hybrid.staging import scan
from hybrid.staging.function import FallbackWarning, eager, function
from tests.tools import in_subprocess

X = np.arange(8.0)


def test_other_threads_run_while_matrices_are_factored():
    values = function(lambda a: np.linalg.eigvals(a), strict=True)
    a = np.random.default_rng(0).normal(size=(300, 300))
    values(a)
    values(a)
    seen, ends = [], []

    def factor():
        ends.append(time.monotonic())
        values(a)
        ends.append(time.monotonic())

    thread = threading.Thread(target=factor)
    thread.start()
    while thread.is_alive():
        seen.append(time.monotonic())
        time.sleep(1e-3)
    thread.join()
    begin, end = ends
    assert any(begin + 0.2 * (end - begin) < when < end - 0.2 * (end - begin) for when in seen)
    assert values.stats()["native_calls"] >= 1


def together(count, work):
    """Run `work(k)` on many threads that start at the same moment; what each returned or raised."""
    barrier, out = threading.Barrier(count), [None] * count

    def run(k):
        barrier.wait()
        try:
            out[k] = work(k)
        except BaseException as error:
            out[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def test_first_calls_from_many_threads_compile_once():
    f = function(lambda x, s: np.sin(x) * s)

    results = together(32, lambda k: f(X, float(k)))
    for k, result in enumerate(results):
        np.testing.assert_allclose(result, np.sin(X) * k)
    assert f.stats()["traces"] == 1 and tr.open_traces == 0


def test_calls_and_traces_at_the_same_time():
    f = function(lambda x, n: x * n + 1, static="n")

    def work(k):
        for n in range(6):
            x = np.full(8, k, np.float64)
            np.testing.assert_array_equal(f(x, n), x * n + 1)
            g = function(lambda x: x - k)
            np.testing.assert_array_equal(g(x), x - k)
        return "done"

    assert together(6, work) == ["done"] * 6
    assert f.stats()["traces"] == 6 and tr.open_traces == 0


def test_large_calls_run_at_the_same_time():
    f = function(lambda x, y: np.exp(-x * x) + y)
    x = np.linspace(-1, 1, 200_000)
    want = f(x, x)
    for result in together(8, lambda k: [f(x, x) for _ in range(5)][-1]):
        np.testing.assert_array_equal(result, want)


def test_functions_that_call_each_other_from_two_threads():
    @function
    def inner(x):
        return x + 1

    @function
    def outer(x):
        return inner(x) * 2

    results = together(8, lambda k: (inner if k % 2 else outer)(X[: k + 1]))
    for k, result in enumerate(results):
        np.testing.assert_array_equal(result, X[: k + 1] + 1 if k % 2 else (X[: k + 1] + 1) * 2)


def test_eager_on_one_thread_leaves_others_compiled():
    f = function(lambda x: x + 1)
    f(X)
    inside, go = threading.Event(), threading.Event()

    def hold():
        with eager():
            inside.set()
            go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    calls = f.stats()["calls"]
    np.testing.assert_array_equal(f(X), X + 1)
    assert f.stats()["calls"] == calls + 1
    go.set()
    thread.join()
    before = f.stats()["native_calls"]
    f(X)
    assert f.stats()["native_calls"] == before + 1


def test_errors_on_many_threads_leave_no_trace_open():
    @function
    def f(x, k):
        if k % 2:
            raise ValueError(str(k))
        return x * k

    for k, result in enumerate(together(8, lambda k: f(X, k))):
        assert str(result) == str(k) if k % 2 else np.array_equal(result, X * k)
    assert tr.open_traces == 0


def test_a_fallback_on_many_threads_is_reported_once():
    f = function(lambda x: x * 2 if x.sum() > 0 else x[:])
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        for result in together(8, lambda k: f(X)):
            np.testing.assert_array_equal(result, X * 2)
    assert [w.category for w in record] == [FallbackWarning]


shared = function(lambda x: np.tanh(x) + 1)


def in_child(x):
    fresh = function(lambda x: x * 3)
    return shared(x), fresh(x)


def test_after_a_fork():
    shared(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for a, b in pool.map(in_child, [X, X[:3], X + 1]):
                np.testing.assert_allclose(a, np.tanh(b / 3) + 1)


def test_a_fork_while_another_thread_traces(monkeypatch):
    monkeypatch.setattr(scan, "outside", lambda value: False)  # the trace is to wait for events of this test
    tracing, go = threading.Event(), threading.Event()

    @function
    def slow(x):
        tracing.set()
        go.wait(10)
        return x + 1

    shared(X)
    thread = threading.Thread(target=slow, args=(X,))
    thread.start()
    tracing.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        before = shared.stats()["native_calls"]
        shared(X)
        go.set()
        good = slow(X)[1] == 2 and tr.open_traces == 0 and shared.stats()["native_calls"] == before + 1
        os._exit(0 if good else 1)
    go.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def make_call_drop(count):
    out = []
    for _ in range(count):
        f = function(lambda x, s: np.sqrt(x) + s)
        f(X, 1.0), f(X, 2.0), f(X[:4], 1.0)
        out.append(weakref.ref(f))
    del f
    return out


def test_dropped_functions_are_collected():
    references = make_call_drop(8)
    gc.collect()
    assert not any(reference() is not None for reference in references)
    assert not gc.garbage


def test_memory_stays_flat():
    make_call_drop(30)
    gc.collect()
    before = resident()
    make_call_drop(60)
    gc.collect()
    assert resident() - before < 4 << 20


def test_settings_and_threads():
    f = function(lambda x: x + 1)

    def work(k):
        for _ in range(20):
            if k == 0:
                with config.override(jit=False):
                    f(X)
            np.testing.assert_array_equal(f(X), X + 1)
        return True

    assert together(4, work) == [True] * 4
    before = f.stats()["native_calls"]
    f(X)
    assert f.stats()["native_calls"] == before + 1


FORKING = """
import os, signal, threading, warnings
import numpy as np
import hybrid as hy
warnings.simplefilter("ignore")

def program(x, k):
    return np.sin(x + 1).sum() * k + x.max()

done = []
def others():
    while not done:
        hy.function(lambda x, n: np.exp(x) * n)(np.ones(3), 2.0)

threads = [threading.Thread(target=others) for _ in range(2)]
for thread in threads:
    thread.start()
codes, x = [], np.ones(5)
for _ in range(12):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        os._exit(0 if np.isclose(hy.function(program)(x, 1.0), program(x, 1.0)) else 1)
    codes.append(os.waitpid(child, 0)[1])
done.append(True)
for thread in threads:
    thread.join()
print(codes)
"""


def test_forks_while_other_threads_make_their_first_calls():
    assert in_subprocess(FORKING).stdout.strip().endswith(str([0] * 12))
