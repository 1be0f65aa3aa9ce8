"""`breakpoint()`, `pdb.set_trace()` and `print` in decorated code: where they are reached, values are real."""

from __future__ import annotations

import contextlib
import pdb
import sys
import threading
import warnings

import numpy as np
import pytest

from hybrid.core.errors import DebuggerError
from hybrid.staging.effects import Effects
from hybrid.staging.function import FallbackWarning, eager, function
from tests.tools import ROOT, in_subprocess


@pytest.fixture
def stops(monkeypatch):
    """The variables at each stop."""
    found = []

    def hook(*args, **kwargs):
        frame = sys._getframe(1)
        found.append({"line": frame.f_lineno, **frame.f_locals})

    monkeypatch.setattr(sys, "breakpointhook", hook)
    return found


def direct(x):
    y = x + 1
    breakpoint()
    return y


def helper(v):
    w = v * 2
    breakpoint()
    return w


def through(x):
    return helper(x) + 1


def in_loop(x):
    s = np.float64(0)
    for k in range(len(x)):
        s = s + helper(x[k])
    return s


def in_while(x):
    s = x[0] + 20
    while s > 1:
        s = s / 2
        breakpoint()
    return s


def in_one_round(x):
    s = np.float64(0)
    for k in range(len(x)):
        s = s + x[k]
        if k == 3:
            breakpoint()
    return s


def in_branch(x):
    if x.sum() > 0:
        breakpoint()
    return x * 2


def caught(x):
    with contextlib.suppress(Exception):
        breakpoint()
    return x * 3


@pytest.mark.parametrize("plain, count", [(direct, 1), (through, 1), (in_loop, 9), (in_while, 5), (in_one_round, 1),
                                          (in_branch, 1), (caught, 1)])  # fmt: skip
def test_it_stops_with_real_values_at_every_call_and_says_so_once(stops, plain, count):
    f, x = function(plain), np.arange(9.0)
    with pytest.warns(FallbackWarning, match="runs as plain Python") as said:
        np.testing.assert_allclose(f(x), plain(x))
    assert len(said) == 1
    stops.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(6):
            np.testing.assert_allclose(f(x), plain(x))
    assert len(stops) == 12 * count
    for found in stops:
        assert all(isinstance(v, (np.ndarray, np.float64, int)) for v in found.values()), found
    assert all({k: str(v) for k, v in a.items()} == {k: str(v) for k, v in b.items()}
               for a, b in zip(stops[:count], stops[count : 2 * count]))  # fmt: skip


def test_a_breakpoint_that_is_not_reached_costs_nothing(stops):
    f = function(in_branch, strict=True)
    np.testing.assert_allclose(f(-np.arange(9.0)), in_branch(-np.arange(9.0)))
    assert not stops and f.stats()["calls"] == 1


def test_the_reason_names_the_line_and_strict_is_an_error(stops):
    f = function(through)
    with pytest.warns(FallbackWarning, match=r"breakpoint\(\) stops in a debugger.*test_breakpoints.py:\d+: breakpoint\(\)"):
        f(np.ones(2))
    with pytest.raises(DebuggerError, match=r"breakpoint\(\) stops in a debugger"):
        function(through, strict=True)(np.ones(2))


def test_decorated_functions_inside_decorated_ones(stops):
    inner = function(direct)
    outer = function(lambda x: inner(x) * 2)
    with pytest.warns(FallbackWarning) as said:
        assert outer(np.ones(2)).tolist() == [4, 4]
    assert len(said) == 2 and len(stops) == 1 and stops[0]["y"].tolist() == [2, 2]


def test_the_users_hook_is_put_back(stops):
    hook = sys.breakpointhook
    function(lambda x: x + 1)(np.ones(3))
    assert sys.breakpointhook is hook
    with pytest.warns(FallbackWarning):
        function(direct)(np.ones(3))
    assert sys.breakpointhook is hook


def test_other_threads_keep_their_breakpoints(stops):
    inside, go = threading.Event(), threading.Event()

    def traces():
        with Effects((), (), False, print):
            inside.set()
            go.wait(10)

    thread = threading.Thread(target=traces)
    thread.start()
    assert inside.wait(10)
    hook = sys.breakpointhook
    breakpoint()
    go.set()
    thread.join()
    assert len(stops) == 1 and sys.breakpointhook is not hook


@pytest.mark.parametrize("name", ["set_trace", "Pdb"])
def test_other_ways_into_a_debugger(monkeypatch, name):
    seen = []

    def stop(*args, **kwargs):
        seen.append(sys._getframe(1).f_locals["y"])

    stop.__module__, stop.__name__ = "pdb", name
    monkeypatch.setattr(pdb, name, stop)

    def f(x):
        y = x + 1
        getattr(pdb, name)()
        return y

    with pytest.warns(FallbackWarning, match=rf"pdb.{name}\(\) stops in a debugger"):
        assert function(f)(np.ones(2)).tolist() == [2, 2]
    assert len(seen) == 1 and type(seen[0]) is np.ndarray


SESSION = """
    import io, runpy, sys
    sys.path.insert(0, {root!r})
    sys.stdin = io.StringIO("p type(y), y.tolist()\\nw\\nc\\n" * 2)
    runpy.run_path({script!r})
"""


@pytest.mark.parametrize("stop", ["import pdb; pdb.set_trace()", "breakpoint()", "import pdb; pdb.Pdb().set_trace()"])
@pytest.mark.parametrize("source", ["file", "none"])
def test_pdb_itself(tmp_path, stop, source):
    code = f"import numpy as np\ndef f(x):\n    y = x + 1\n    {stop}\n    return y * 2\n"
    if source == "none":  # no source to convert: typed at a prompt, say
        code = f"space = {{}}\nexec({code!r}, space)\nf = space['f']\nimport numpy as np\n"
    script = tmp_path / "script.py"
    script.write_text(f"{code}import hybrid as hy\nf = hy.function(f)\nfor _ in range(2):\n    print(f(np.ones(2)))\n")
    out = in_subprocess(SESSION.format(root=str(ROOT), script=str(script)), PYTHONWARNINGS="ignore").stdout
    assert out.count("(<class 'numpy.ndarray'>, [2.0, 2.0])") == 2 and out.count("[4. 4.]") == 2, out


def test_print_prints_real_values_at_every_call(capsys):
    def shout(v):
        print("v is", v)
        return v

    @function
    def f(x):
        for k in range(3):
            if x[k] > 0:
                shout(x[k])
        return x + 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            f(np.array([1.0, -1.0, 3.0]))
    assert capsys.readouterr().out == "v is 1.0\nv is 3.0\n" * 3


def test_stepping_into_a_function_in_eager_mode_soon_reaches_it():
    def inner(x):
        return x + 1

    f, seen = function(inner), []

    def follow(frame, event, argument):
        seen.append((frame.f_code.co_name, event))
        return follow

    with eager():
        before = sys.gettrace()
        sys.settrace(follow)
        try:
            f(1.0)
        finally:
            sys.settrace(before)
    assert seen.index(("inner", "call")) <= 4, seen
