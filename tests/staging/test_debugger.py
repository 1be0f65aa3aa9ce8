"""`f.debug()`: pdb over the operations of a call, with the user's lines and values."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import CompileError
from hybrid.staging.debugger import debug
from hybrid.staging.function import function
from tests.tools import ROOT, in_subprocess


def scale(v, k):
    w = v * 0.5
    return w + k


def walk(x, n):
    z = np.sin(x)
    state = z[1:]
    for k in range(n):
        w = scale(state, k)
        state = w * 2
    return state.sum()


def replayed(f, args, *commands, **kwargs):
    """What a replay returns, and what it prints after each command."""
    out = io.StringIO()
    known = f.__hybrid__._compiled(args, kwargs)[0]
    result = debug(f.__hybrid__, known, args, kwargs, list(commands), out)
    return result, out.getvalue()


def at(f, offset):
    return f"test_debugger.py({f.__code__.co_firstlineno + offset}){f.__name__}()"


X = np.arange(4.0)


def test_each_stop_shows_line_operation_and_values():
    result, said = replayed(function(walk), (X, 9), "p x", "step", "p z", "p t0.shape", "c")
    np.testing.assert_allclose(result, walk(X, 9))
    lines = said.splitlines()
    assert lines[0].endswith(at(walk, 1)) and lines[1] == "-> z = np.sin(x)" and lines[2] == "   t0: f64[4] = sin(x)"
    assert "array([0., 1., 2., 3.])" in said and repr(np.sin(X)) in said and "(4,)" in said


def test_into_loops_and_helpers_by_round():
    f = function(walk)
    into = [f"b {scale.__code__.co_firstlineno + 1}", "c"]
    _, said = replayed(f, (X, 9), *into, "p v", "w", "up", "p n, z", "c", "p k", "r", "cl 1", "y", "c")
    assert f"{at(scale, 1)}\n-> w = v * 0.5\n   t1: f64[3] = mul(x0, f64(0.5))  (round 0)" in said
    assert repr(np.sin(X)[1:]) in said and re.search(r"^  .*\(\d+\)walk\(\)\n-> for k in range\(n\):", said, re.M)
    assert f"(9, {np.sin(X)!r})" in said
    assert "(round 1)" in said and "\n1\n" in said and "(round 2)" not in said.partition("\n1\n")[0]


def test_next_return_and_until():
    f = function(walk)
    _, said = replayed(f, (X, 9), "n", "n", "n", "p state", "n")
    assert "round" not in said and at(walk, 6) in said and "--Return--" in said
    _, said = replayed(f, (X, 9), "s", "s", "s", "s", "r", "c")  # out of the loop
    assert "(round 0)" in said and "(round 1)" not in said and "-> return state.sum()" in said
    _, said = replayed(f, (X, 9), f"unt {walk.__code__.co_firstlineno + 6}", "p state", "c")
    assert "-> return state.sum()" in said and "round" not in said
    state = np.sin(X)[1:]
    for k in range(9):
        state = scale(state, k) * 2
    assert repr(state) in said


def test_a_breakpoint_with_a_condition_and_pythons_expressions():
    f = function(walk)
    line = scale.__code__.co_firstlineno + 2
    _, said = replayed(f, (X, 9), f"b {line}, k == 7", "c", "p int(k), w.shape, np.ndim(w)", "!q = w + 1", "p q.shape", "c")
    assert "(7, (3,), 0)" not in said and "(7, (3,), 1)" in said and "(round 7)" in said


def test_results_and_the_end():
    result, said = replayed(function(walk), (X, 9), "n", "n", "n", "n", "p t3", "graph", "q")
    assert f"--Return--\n> {__file__}" in said and f"array({walk(X, 9):.8f})" in said and "graph walk(x: f64[4])" in said
    assert result is None
    assert replayed(function(walk), (X, 9), "q")[0] is None
    np.testing.assert_allclose(replayed(function(walk), (X, 9))[0], walk(X, 9))


def test_branches_writes_containers_and_tensors():
    @function
    def f(state, flag):
        x = state["x"]
        if flag > 0:
            x[1:] *= 2
        else:
            x += 1
        return {"x": x, "sum": x.sum()}

    for make in (np.array, lambda a: hy.tensor(a, dtype="float64")):
        given = {"x": make([1.0, 2.0, 3.0])}
        result, said = replayed(f, (given, np.float64(1)), "s", "s", "s", "s", "p x", "c")
        assert np.asarray(result["x"]).tolist() == [1, 4, 6] and float(result["sum"]) == 11
        assert np.asarray(given["x"]).tolist() == [1, 2, 3], "a replay works on copies"
        assert type(result["x"]) is type(given["x"]) and "mul(" in said


def test_a_call_that_is_pythons():
    @function
    def pick(x, i):
        y = x * 2
        return y[i]

    f = pick
    known = f.__hybrid__._compiled((X, np.int64(1)), {})[0]
    with pytest.raises(IndexError):
        debug(f.__hybrid__, known, (X, np.int64(9)), {}, ["c"], io.StringIO())
    with pytest.raises(CompileError, match="not compiled"):
        function(lambda x: x.tobytes()).debug(X)


def test_what_a_replay_cannot_do():
    _, said = replayed(function(walk), (X, 9), "jump 3", "run", "p nothing", "c")
    assert said.count("a replay has its order from the graph") == 2 and "NameError" in said


def test_from_standard_input(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, hybrid as hy\n@hy.function\ndef f(x):\n    y = x + 1\n    return (y * y).sum()\n"
        "print('result', f.debug(np.arange(3.0)))\n"
    )
    run = f"""
        import io, runpy, sys
        sys.path.insert(0, {str(ROOT)!r})
        sys.stdin = io.StringIO("n\\np y\\nc\\n")
        runpy.run_path({str(script)!r})
    """
    out = in_subprocess(run).stdout
    assert "-> y = x + 1" in out and "array([1., 2., 3.])" in out and out.rstrip().endswith("result 14.0")


def test_sizes_that_vary_are_numbers_in_a_replay():
    f = function(walk)
    for size in (4, 6, 9):
        x = np.linspace(0, 1, size)
        result, said = replayed(f, (x, 9), "n", "p t0.shape", "c")
        np.testing.assert_allclose(result, walk(x, 9))
        assert f"({size},)" in said and f"t0: f64[{size}] = sin(x)" in said
