"""Complaints about threads, forks and pickles."""

import copy
import functools
import multiprocessing
import os
import pickle
import sys
import threading
import warnings

import numpy as np
import pytest

import hybrid as hy
from tests.staging.test_threads import together
from tests.tools import in_subprocess

X = np.arange(6.0)


@hy.function(strict=True)
def scaled(x, k=2.0):
    return np.tanh(x) * k


class Model:
    def __init__(self, k):
        self.w = np.full(6, k)

    @hy.function(strict=True)
    def forward(self, x):
        return x @ self.w

    @classmethod
    @hy.function(strict=True)
    def name_of(cls, x):
        return x + len(cls.__name__)


# pytorch/pytorch#136833, #118260, #123177: first calls from many threads crashed or compiled many times
def test_first_calls_from_thirty_two_threads_compile_once():
    def f(x, k):
        for _ in range(3):
            x = np.sin(x) * k
        return x

    decorated = hy.function(f, strict=True)
    results = together(32, lambda k: [decorated(X, float(k)) for _ in range(4)][-1])
    for k, got in enumerate(results):
        np.testing.assert_allclose(got, f(X, float(k)), rtol=1e-12)
    assert decorated.stats()["traces"] == 1


# pytorch/pytorch#118260, #126024: shapes that differ between the threads
def test_threads_with_other_shapes_and_types():
    f = hy.function(lambda x: (x * 2).sum(axis=0))

    def work(k):
        rng = np.random.default_rng(k)
        for _ in range(6):
            x = rng.integers(0, 9, (int(rng.integers(2, 9)), 3)).astype([np.float32, np.float64, np.int64][k % 3])
            np.testing.assert_array_equal(f(x), (x * 2).sum(axis=0))
        return "done"

    assert together(9, work) == ["done"] * 9 and f.stats()["traces"] <= 9


# pytorch/pytorch#168042: several functions compile at the same time
def test_many_functions_on_many_threads():
    def work(k):
        functions = [hy.function(lambda x, j=j: np.cos(x) * j + k, strict=True) for j in range(4)]
        return [float(f(X)[1]) for f in functions]

    for k, got in enumerate(together(8, work)):
        np.testing.assert_allclose(got, [np.cos(1.0) * j + k for j in range(4)], rtol=1e-12)


# numba/numba#7872's other half: parallel kernels from many threads at once, and one inside another's call
def test_parallel_kernels_at_once_and_nested():
    big = np.linspace(0, 1, 300_000)
    inner = hy.function(lambda x: np.exp(x).sum(), strict=True)
    outer = hy.function(lambda x: np.sqrt(x) + inner(x), strict=True)

    @hy.function
    def calls_python(x):
        return sum(float(v) for v in [inner(x), inner(x * 2)])

    want = inner(big), outer(big)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        for k, got in enumerate(together(8, lambda k: [(inner, outer, calls_python)[k % 3](big) for _ in range(3)][-1])):
            if k % 3 == 2:
                np.testing.assert_allclose(got, np.exp(big).sum() + np.exp(big * 2).sum())
            else:
                np.testing.assert_array_equal(got, want[k % 3])


# pytorch/pytorch#196208: a dict that another thread changes while it is looked through
def test_a_container_that_changes_during_the_first_calls():
    table = {f"item{k}": float(k) for k in range(100)}
    table["anchor"] = 3.0
    stop = threading.Event()

    def churn():
        k = 0
        while not stop.is_set():
            table[f"new{k % 50}"] = 1.0
            table.pop(f"new{(k + 25) % 50}", None)
            k += 1

    thread = threading.Thread(target=churn)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for k in range(20):
                f = hy.function(lambda x, d, k=k: x * d["anchor"] + k)
                g = hy.function(lambda x, k=k: x * table["anchor"] + len(table) * 0 + k)
                for h in (functools.partial(f, d=table), g):
                    np.testing.assert_array_equal(h(X), X * 3 + k)
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)


# numba/numba#7872, #8195; camUrban/PteraSoftware#287: a forked child hung or was killed at its first parallel loop
# jax-ml/jax#679: a deadlock where anything had run before the fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_after_use_from_any_thread():
    done = in_subprocess("""
        import os, threading, warnings, numpy as np, hybrid as hy
        warnings.simplefilter("ignore", DeprecationWarning)
        x = np.linspace(0, 1, 400_000)
        f = hy.function(lambda x: np.sqrt(x) * 2 + 1)
        want = f(x)

        def fork(deep):
            child = os.fork()
            if child == 0:
                good = np.array_equal(f(x), want)
                g = hy.function(lambda x: np.exp(x) - 1)
                good &= np.allclose(g(x), np.exp(x) - 1) and np.allclose(g(x[:5]), np.exp(x[:5]) - 1)
                if deep:
                    good &= fork(False)
                os._exit(0 if good else 1)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

        found = [fork(True)]
        thread = threading.Thread(target=lambda: found.append(fork(False)))
        thread.start(); thread.join()
        print(found, np.array_equal(f(x), want))
    """)
    assert done.stdout == "[True, True] True\n"


# jax-ml/jax#679: multiprocessing with the standard pickle
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not here")
    done = in_subprocess(f"""
        import multiprocessing, sys, warnings, numpy as np
        from tests.replay.test_company import Model, scaled, X
        warnings.simplefilter("ignore", DeprecationWarning)
        scaled(X)
        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                for got, k in zip(pool.map(scaled, [X, X * 2, X[:3]]), (X, X * 2, X[:3])):
                    assert np.array_equal(got, scaled(k))
                model = Model(2.0)
                assert pool.map(model.forward, [X, X + 1]) == [model.forward(X), model.forward(X + 1)]
            print("done")
    """)
    assert done.stdout == "done\n"


# jax-ml/jax#679, #1362, #5043; cloudpipe/cloudpickle#402: decorated functions could not be pickled
def test_pickles_and_copies_of_functions_and_methods():
    scaled(X)
    assert pickle.loads(pickle.dumps(scaled)) is scaled
    model = Model(3.0)
    method = pickle.loads(pickle.dumps(model.forward))
    assert method(X) == model.forward(X) and method.__self__ is not model
    partial = pickle.loads(pickle.dumps(functools.partial(scaled, k=3.0)))
    np.testing.assert_array_equal(partial(X), scaled(X, 3.0))
    named = pickle.loads(pickle.dumps(Model.name_of))
    np.testing.assert_array_equal(named(X), X + 5)


# pytorch/pytorch#128121: the copy of something compiled failed when it was compiled
def test_deep_copies():
    model = Model(3.0)
    model.step, model.cut = scaled, hy.function(lambda x: x[1:])
    model.forward(X)
    other = copy.deepcopy(model)
    other.w += 1
    assert other.forward(X) == X @ other.w and model.forward(X) == X @ model.w
    assert other.step is scaled
    np.testing.assert_array_equal(other.cut(X), X[1:])
    assert copy.copy(scaled) is scaled


# pytorch/pytorch#111569: settings of one thread are not another's
def test_errors_are_the_threads_own():
    f = hy.function(lambda x, y: x / y)
    f(X, X + 1)

    def work(k):
        with np.errstate(all="raise" if k % 2 else "ignore"):
            try:
                return f(X + 1, X * 0)[0]
            except FloatingPointError:
                return "raised"

    assert together(8, work) == [np.inf, "raised"] * 4
