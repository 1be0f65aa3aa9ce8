"""Branches and loops that need what kernels do not have: NumPy is called from inside them, and nobody can tell."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.config import config
from hybrid.staging.function import FallbackWarning, function

RNG = np.random.default_rng(7)
MATRICES = RNG.normal(size=(6, 4, 4)) + 6 * np.eye(4)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", FallbackWarning)
        yield


# Programs of the kind -----------------------------------------------------------------------------------------------------
def elimination(a):
    n, sign = len(a), 1
    for k in range(n - 1):
        p = k + np.argmax(np.abs(a[k:, k]))
        if p != k:
            a[[k, p]] = a[[p, k]]
            sign = -sign
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return sign


def covariance(measured, model):
    x, spread = np.zeros(4), np.eye(4)
    for z in measured:
        spread = model @ spread @ model.T + np.eye(4)
        values, vectors = np.linalg.eigh(spread + spread.T)
        x = vectors @ (values * (vectors.T @ x)) + np.linalg.solve(spread, z)
        x = np.tanh(x / np.sqrt(x @ x)).clip(-1, 1)
    return x, spread


def medians(image):
    out = image.copy()
    for i in range(1, len(image) - 1):
        for j in range(1, image.shape[1] - 1):
            out[i, j] = np.median(image[i - 1 : i + 2, j - 1 : j + 2])
    return out


def leading(a, b):
    total = 0.0
    for k in range(1, len(b) + 1):
        part = a[:k, :k] * 2 + np.exp(-a[:k, :k])
        total += np.linalg.solve(part, np.tanh(b[:k])).sum() / np.sort(b[:k])[k - 1]
    return total


def power(a, rounds):
    b = a
    for _ in range(rounds):
        b = np.tanh(b @ a) / np.abs(b).max()
    return b


def histogram(where, n):
    counts = np.zeros(n)
    for row in where:
        np.add.at(counts, row, 1.0)
    return counts


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (elimination, (MATRICES[0],)),
        (covariance, (RNG.normal(size=(6, 4)), MATRICES[1] / 7)),
        (medians, (RNG.normal(size=(7, 7)),)),
        (leading, (MATRICES[2], RNG.normal(size=4))),
        (power, (RNG.normal(size=(80, 80)), 4)),
        (histogram, (RNG.integers(0, 5, (6, 3)), 5)),
    ],
    ids=lambda what: getattr(what, "__name__", ""),
)
def test_programs(invisible, f, args):
    invisible(f, *args)


@pytest.mark.parametrize("backend", ["numba", "python"])
def test_other_back_ends(backend):
    decorated = function(covariance, backend=backend)
    args = RNG.normal(size=(6, 4)), MATRICES[1] / 7
    for got, want in zip(decorated(*args), covariance(*args)):
        np.testing.assert_allclose(got, want, rtol=1e-12)
    assert not decorated.stats()["fallbacks"]


def test_a_branch(invisible):
    def f(x):
        if x[0] > 0:
            values, vectors = np.linalg.eigh(np.outer(x, x) + np.eye(len(x)))
        else:
            values, vectors = -x, np.outer(x, x)
        return np.exp(-values) @ vectors, np.tanh(vectors).sum(axis=0), np.cos(vectors).max()

    invisible(f, np.array([1.0, 2.0, 3.0]))
    invisible(f, np.array([-1.0, 2.0, 3.0]))


def test_a_condition(invisible):
    def f(a):
        rounds = 0
        while np.exp(np.linalg.eigh(a + a.T)[0]).max() > 1.5 and rounds < 50:
            a = np.tanh(a @ a) * 0.5 + np.sin(a).mean()
            rounds += 1
        return a, rounds

    invisible(f, np.eye(3) + 0.1)


def test_ties_are_in_the_order_of_numpys_own_sort(invisible):
    def f(x):
        total = 0
        for k in range(len(x)):
            order = np.argsort(x[k])
            total += (order * np.arange(len(order))).sum() * (k + 1)
        return total

    invisible(f, RNG.integers(0, 4, (30, 20)).astype(float))
    invisible(f, RNG.normal(size=(5, 20)))


# Errors ---------------------------------------------------------------------------------------------------------------------
def factors(a, out):
    total = 0.0
    for k in range(len(a)):
        out[k] = np.tanh(a[k]) * k
        total += np.exp(-np.linalg.cholesky(a[k])).sum() + np.sin(out[k]).max()
        a[k] = 0
    return total


def test_an_error_in_a_later_round_leaves_what_python_leaves(invisible):
    good = MATRICES @ MATRICES.transpose(0, 2, 1)
    bad = good.copy()
    bad[3] *= -1
    decorated = invisible(factors, good, np.zeros_like(good))
    a, out = bad.copy(), np.zeros_like(bad)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        decorated(a, out)
    assert not a[:3].any() and a[3].any() and out[3].any() and not out[4].any()


def test_an_index_out_of_bounds(invisible):
    def f(a, rows):
        for k in rows:
            a[[0, k]] = a[[k, 0]]

    decorated = invisible(f, MATRICES[0], np.array([1, -1, 3]))
    a = MATRICES[0].copy()
    with pytest.raises(IndexError):
        decorated(a, np.array([1, 4]))
    assert np.array_equal(a, MATRICES[0][[1, 0, 2, 3]])


def test_an_error_between_kernels_leaves_arguments_alone(invisible):
    def f(x, a):
        x += 1
        return np.linalg.cholesky(a).sum()

    decorated = invisible(f, np.zeros(3), np.eye(2))
    x = np.zeros(3)
    with pytest.raises(np.linalg.LinAlgError):
        decorated(x, -np.eye(2))
    assert np.array_equal(x, np.ones(3))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
@pytest.mark.parametrize("backend", ["llvm", "python"])  # the threads of Numba's loops are slow to start, a round each
def test_an_interrupt_is_not_swallowed(backend):
    def f(a, b, rounds):
        for _ in range(rounds):
            b = np.tanh(np.partition(a @ b, 2)) + np.sin(b)
        return b

    decorated = function(f, backend=backend)
    a, b = MATRICES[0], np.ones(4)
    rounds = 5000
    decorated(a, b, rounds)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(4):
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(KeyboardInterrupt):
                decorated(a, b, rounds)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_allclose(decorated(a, b, rounds), f(a, b, rounds))
    assert not decorated.stats()["fallbacks"]


# Threads, processes, memory ---------------------------------------------------------------------------------------------------
def test_threads_at_once():
    args = RNG.normal(size=(60, 4)), MATRICES[1] / 7
    decorated = function(covariance)
    want = covariance(*args)
    decorated(*args)
    wrong = []

    def work(k):
        for _ in range(20):
            got = decorated(args[0].copy(), args[1])
            if not all(np.allclose(a, b) for a, b in zip(got, want)):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and not decorated.stats()["fallbacks"]


def test_code_from_disk_calls_the_objects_of_its_own_process(tmp_path):
    (tmp_path / "program.py").write_text(
        "import sys, numpy as np, hybrid as hy\n"
        "from hybrid.runtime import cache\n"
        "def f(a, b, rounds):\n"
        "    for _ in range(rounds):\n"
        "        b = np.tanh(np.linalg.qr(a)[0] @ b) + np.sin(b)\n"
        "    return b\n"
        "hy.config.cache_dir = sys.argv[1]\n"
        "junk = [object() for _ in range(int(sys.argv[2]))]\n"  # so that objects lie elsewhere
        "a, b = np.eye(3) + 0.5, np.ones(3)\n"
        "g = hy.function(f)\n"
        "for _ in range(3):\n"
        "    assert np.allclose(g(a, b, 5), f(a, b, 5))\n"
        "assert not g.stats()['fallbacks'] and g.stats()['native_calls']\n"
    )
    root = str(Path(__file__).parent.parent.parent)
    counts = []
    for junk in ("1", "100000"):
        command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "cache"), junk]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": root})
        counts.append(len(list((tmp_path / "cache").rglob("*.o"))))
    assert counts[0] == counts[1] > 0


# What is said ---------------------------------------------------------------------------------------------------------------
def test_explain_lists_the_calls():
    decorated = function(covariance)
    decorated(RNG.normal(size=(6, 4)), MATRICES[1] / 7)
    text = decorated.explain()
    assert (
        "machine code calls NumPy's loop.linalg.eigh_lo.d at test_bodies.py:" in text
        and "NumPy computes solve where it is nearly singular at" in text
    )
    assert decorated.stats()["host_calls"] == 2  # solve only where a matrix is singular to rounding
    assert "= numpy.loop.linalg.eigh_lo.d or python eigh(" in decorated.loops(RNG.normal(size=(6, 4)), MATRICES[1] / 7)


def test_a_loop_that_only_calls_numpy_stays_pythons():
    def f(a):
        total = 0.0
        for k in range(len(a)):
            total += np.partition(a[k, 0], 1)[0]
        return total

    decorated = function(f)
    assert np.isclose(decorated(MATRICES), f(MATRICES))
    assert "does little but call NumPy (numpy.partition), which Python does faster" in decorated.stats()["fallbacks"][0]


def test_verification_covers_calls():
    with config.override(verify=True):
        decorated = function(covariance)
        verdict = decorated.verify(RNG.normal(size=(6, 4)), MATRICES[1] / 7)
    assert verdict and verdict.compared == 2


def test_a_round_reads_what_the_last_one_left_where_the_loop_may_have_ended():
    def f(price, rounds, paths):
        np.random.seed(7)
        alive = 0
        for _ in range(paths):
            s = price
            for _ in range(rounds):
                s *= math.exp(0.1 * np.random.normal())
                if s <= 0.95:
                    break
            else:
                alive += 1
        return alive / paths

    compiled = function(f, strict=True)
    for case in ((1.0, 12, 20), (9.5, 3, 2)):
        assert compiled(*case) == f(*case)


def test_a_dict_is_updated_with_names(invisible):
    def f(x):
        best = dict(power=-1.0, at=None)
        for k in range(len(x)):
            if x[k] > best["power"]:
                best.update(power=x[k], at=k)
        return best

    invisible(f, np.array([0.3, 0.1, 0.9, 0.2]))
    invisible(f, np.full(3, -2.0))


def test_an_array_that_is_in_a_list_is_returned_where_the_list_is_not(invisible):
    def f(x):
        h, out = np.zeros(3), []
        for t in range(len(x)):
            h = 0.5 * (x[t] + h)
            out.append(h)
        return np.stack(out), h, (h, len(out))

    def both(x):
        h, out = np.zeros(3), []
        for t in range(len(x)):
            h = 0.5 * (x[t] + h)
            out.append(h)
        return out, h

    x = np.random.default_rng(0).random((9, 3))
    invisible(f, x)
    with pytest.warns(FallbackWarning, match="in a list, too"):
        out, h = function(both)(x)
    assert out[-1] is h


def test_properties_are_calls(invisible):
    class Tally:
        def __init__(self):
            self.n, self.total = 0, 0.0

        def push(self, x):
            self.n += 1
            self.total += x

        @property
        def mean(self):
            return self.total / self.n if self.n > 0 else 0.0

    def f(x):
        tally = Tally()
        for v in x:
            if v > 0.5:
                tally.push(v)
        return tally.mean, tally.n

    invisible(f, np.random.default_rng(0).random(20))
    invisible(f, np.zeros(20))
