"""Complaints about compiling: loops written out, minutes for long programs, caches on disk that never hit or hit wrongly."""

import os
import sys
import textwrap

import numpy as np
import pytest

import hybrid as hy
from tests.tools import in_subprocess


def equations(f, *args):
    return len(f.graph(*args).eqns)


# jax-ml/jax#2777: compile time exponential in the rounds; #1223, #1832, #4436; QuantEcon/lecture-python-programming#442
@pytest.mark.parametrize("n", [50, 5000])
def test_loops_stay_loops(n):
    def walk(x, n):
        ra, rb = x, 1 - x
        for _ in range(n):
            new = 0.5 * (ra + x * ra + (1 - x) * rb)
            rb = 0.5 * (rb + x * ra + (1 - x) * rb)
            ra = new
        return ra

    def index(a):  # jax-ml/jax#4436
        s = 0.0
        for i in range(128):
            for j in range(128):
                s += a[0] * a[j] + i
        return s

    x = np.linspace(0, 1, 8)
    f = hy.function(walk, strict=True)
    np.testing.assert_allclose(f(x, n), walk(x, n), rtol=1e-10)
    assert equations(f, x, n) < 30
    g = hy.function(index, strict=True)
    np.testing.assert_allclose(g(np.arange(128.0)), index(np.arange(128.0)), rtol=1e-10)
    assert equations(g, np.arange(128.0)) < 30


def test_a_new_number_of_rounds_is_no_new_program():
    @hy.function(strict=True)
    def newton(a, steps):
        x = a
        for _ in range(steps):
            x = 0.5 * (x + a / x)
        return x

    a = np.linspace(1, 9, 5)
    sizes = set()
    for steps in (10, 100, 1000):
        np.testing.assert_allclose(newton(a, steps), np.sqrt(a), rtol=1e-12)
        sizes.add(equations(newton, a, steps))
    assert max(sizes) < 30


def straight(n):
    """A function of n operations, none of which folds with another."""
    lines = ["def f(x):", *(f"    x = np.sin(x) * {1 + k / n} + x" for k in range(n // 3)), "    return x"]
    space = {"np": np}
    exec("\n".join(lines), space)
    return space["f"]


# jax-ml/jax#1223: an hour for 192 rounds; the passes may look at each equation a bounded number of times only
def test_long_programs_grow_linearly():
    x = np.linspace(0, 1, 4)
    steps = []
    for n in (1200, 3600):
        f = hy.function(straight(n), strict=True)
        count = [0]

        def profile(frame, event, arg, count=count):
            count[0] += event == "call"

        sys.setprofile(profile)
        try:
            graph = f.graph(x)
        finally:
            sys.setprofile(None)
        assert len(graph.eqns) in (n - 1, n)
        steps.append(count[0] / n)
    assert steps[1] < 1.3 * steps[0], "calls per equation"


def test_ten_thousand_operations_are_compiled_and_right():
    f = hy.function(straight(9999), strict=True)
    x = np.linspace(0, 1e-3, 4)
    np.testing.assert_allclose(f(x), f.eager(x), rtol=1e-9)
    assert f.stats()["traces"] == 1 and f.stats()["kernels"] < 500


PROGRAM = """
    import numpy as np, hybrid as hy
    from hybrid.runtime import cache
    SCALE = 2.0

    @hy.function(strict=True)
    def f(x):
        for _ in range({rounds}):
            x = np.tanh(x) * SCALE
        return x.sum()

    print(repr(float(f(np.arange(5.0)))))
    print(cache.stats())
"""


# numba/numba#224, jax-ml/jax#10966: nothing was kept; #7798, #7646, #3501, #5128: code from a string was not
def test_the_second_process_compiles_nothing(tmp_path):
    where = {"HYBRID_CACHE": "1", "HYBRID_CACHE_DIR": str(tmp_path)}
    first, second = (in_subprocess(PROGRAM.format(rounds=9), **where).stdout.splitlines() for _ in range(2))
    assert first[0] == second[0]
    assert "compiled=0" in second[1] and "disk=0" in first[1] and "compiled=0" not in first[1]


# numba/numba#8851, mcdc-project/mcdc#163: a change in a function called by the cached one was not seen
# numba/numba#8359: the value of a global was that of the process that filled the cache
def test_a_change_anywhere_is_seen_by_the_next_process(tmp_path):
    module = tmp_path / "helpers.py"
    program = """
        import sys, numpy as np, hybrid as hy
        sys.path.insert(0, {path!r})
        sys.dont_write_bytecode = True
        import helpers

        @hy.function(strict=True)
        def f(x):
            return helpers.inner(x) * helpers.K

        print(f(np.arange(3.0)).tolist())
    """
    out = []
    for body, k in (("x + 1", 2.0), ("x - 1", 2.0), ("x - 1", 5.0), ("x + 1", 2.0)):
        module.write_text(f"K = {k}\ndef inner(x):\n    return {body}\n")
        os.utime(module, (1_600_000_000, 1_600_000_000))  # numba/numba#10776: the time of the file says nothing
        done = in_subprocess(program.format(path=str(tmp_path)), HYBRID_CACHE="1", HYBRID_CACHE_DIR=str(tmp_path / "cache"))
        out.append(done.stdout.strip())
    assert out == ["[2.0, 4.0, 6.0]", "[-2.0, 0.0, 2.0]", "[-5.0, 0.0, 5.0]", "[2.0, 4.0, 6.0]"]


# SpikeInterface/spikeinterface#2685: a cache that had gone bad had to be switched off
@pytest.mark.parametrize("damage", [b"", b"\x7fELF nonsense", None])
def test_a_damaged_cache_is_compiled_anew(tmp_path, damage):
    where = {"HYBRID_CACHE": "1", "HYBRID_CACHE_DIR": str(tmp_path)}
    want = in_subprocess(PROGRAM.format(rounds=7), **where).stdout.splitlines()[0]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = bytearray(path.read_bytes())
        if damage is None and content:
            for at in range(len(content) // 3, len(content), 97):
                content[at] ^= 0xFF
        path.write_bytes(bytes(content) if damage is None else damage)
    assert in_subprocess(PROGRAM.format(rounds=7), **where).stdout.splitlines()[0] == want


# numba/numba#7798, #4032; dottxt-ai/outlines#983: no place to write was an error, where it should be slow only
def test_a_cache_that_cannot_be_written(tmp_path):
    place = tmp_path / "file"
    place.write_text("no directory")
    program = "import warnings\nwarnings.simplefilter('ignore')\n" + textwrap.dedent(PROGRAM.format(rounds=5))
    done = in_subprocess(program, HYBRID_CACHE="1", HYBRID_CACHE_DIR=str(place))
    assert float(done.stdout.splitlines()[0])
