"""`print` in decorated code: real values, once for each call and in program order, whatever becomes of the call."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import TraceError
from hybrid.staging.effects import Effects

RNG = np.random.default_rng()
TABLE = np.arange(3.0)


def said(function, *args):
    """What a call prints, and what it returns or raises."""
    RNG.bit_generator.state = np.random.PCG64(5).state
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result = repr(function(*args))
        except Exception as error:
            result = repr(error)
    return out.getvalue(), result


def plainly(x):
    print("start", x.shape, None, 3, 2.5, [1, "two"], True)
    y = x * 2
    print(y, y[1], float(y[0]), int(x[2]), sep=" | ", end=";\n")
    y += 1
    print(y, flush=True)
    return y


def formatted(x, name):
    print(f"{name}: {x[0]:.3f} {x!s} {float(x[1])!r:>12} {x.max():8.2e}|{len(x)}")
    print(f"nothing traced {3:03d}", f"{x[0] > 1}")
    return x.sum()


def in_a_loop(x, n):
    """Progress now and then, and the reason for an early end."""
    for i in range(n):
        x = x * 0.5 + 1.0
        if i % 10 == 0:
            print(f"step {i}: {x[0]:.6f}", i)
        if abs(x[0] - 2.0) < 1e-3:
            print("converged after", i + 1)
            break
    else:
        print("not converged", x)
    return x


def in_branches(x):
    if x[0] > 0:
        print("positive", x[0])
    elif x[0] < -1:
        print("very negative")
    else:
        print("small")
        x = -x
    return x * 2


def with_draws(n):
    hits = 0
    for i in range(n):
        if RNG.random() < 0.3:
            hits += 1
            print(i, RNG.normal(), RNG.integers(5))
    print("hits:", hits)
    return hits


def helper(x):
    print("in a helper", x)
    return x + 1


def calls_a_helper(x):
    total = 0.0
    for value in x:
        total += helper(value) * value
    return total


def while_small(x):
    count = 0
    while x < 100.0:
        x = x * 1.7
        count += 1
        print(count, x)
    return x


def of_what_changes(x):
    """What is printed is what was there then."""
    for i in range(6):
        x[i] += 1.0
        print(x, TABLE[0])
    return x


SAID = [
    (plainly, np.arange(3.0)), (formatted, np.array([1.5, 2.0]), "loss"),
    (in_a_loop, np.zeros(2), 100), (in_a_loop, np.zeros(2), 5),
    (in_branches, np.ones(2)), (in_branches, -np.ones(2)), (in_branches, -3 * np.ones(2)), (with_draws, 60),
    (calls_a_helper, np.linspace(0.0, 1.0, 7)), (while_small, 1.5), (of_what_changes, np.zeros(6)), (lambda: print(),),
]  # fmt: skip


@pytest.mark.parametrize("case", SAID, ids=range(len(SAID)))
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_what_is_printed_is_what_undecorated_code_prints(case, backend):
    function, *args = case
    compiled = hy.function(function, strict=True, backend=backend)
    for _ in range(3):
        copies = [[a.copy() if isinstance(a, np.ndarray) else a for a in args] for _ in range(2)]
        assert said(compiled, *copies[0]) == said(function, *copies[1])
    assert compiled.traces[0].missed == 0 and "act" in compiled.explain()


def fails_late(x, n):
    total = 0.0
    for i in range(n):
        print("element", i, x[i])
        total += x[i]
        x[i] = total
    return total


def test_a_call_handed_back_to_python_prints_once():
    compiled = hy.function(fails_late, strict=True)
    for n in (5, 9):
        x, y = np.arange(5.0), np.arange(5.0)
        assert said(compiled, x, n) == said(fails_late, y, n)
        assert x.tobytes() == y.tobytes()


def test_a_format_that_does_not_fit_raises_pythons_error():
    def f(x):
        print("before")
        print(f"{x:d}")

    compiled = hy.function(f, strict=True)
    assert said(compiled, np.float64(1.5)) == said(f, np.float64(1.5))


def test_tracing_and_checking_print_nothing(capsys):
    f = hy.function(plainly, strict=True)
    f.trace(np.ones(3))
    assert capsys.readouterr().out == ""


def redirected(x):
    with contextlib.redirect_stdout(io.StringIO()):
        print(x)
    return x + 1


def to_a_file(x, file):
    print(x, file=file)


def with_options(x):
    with np.printoptions(precision=2):
        print(x / 3)
    return x


class Thing:
    def __str__(self):
        return "thing"


THING = Thing()


def of_an_object(x):
    print(THING)
    return x + 1


@pytest.mark.parametrize("case", [(redirected,), (with_options,), (of_an_object,), (to_a_file, io.StringIO())], ids=range(4))
def test_what_is_not_compiled_prints_as_python(case):
    function, *more = case
    compiled = hy.function(function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        for _ in range(2):
            assert said(compiled, np.ones(3), *more) == said(function, np.ones(3), *more)
    with pytest.raises(TraceError):
        hy.function(function, strict=True)(np.ones(3), *more)


def test_a_notebook_is_no_library():
    """Functions and classes of a namespace that is no module's lead to no effects by themselves; clocks still do."""
    source = "import time\nclass Odd(ValueError): pass\ndef half(x): return x / 2\ndef now(x): return x + time.time()\n"
    for name in ("__main__", "no_such_module"):
        names = {"__name__": name}
        exec(source, names)
        watched = lambda *reads: Effects((), reads, False, lambda error: None).suspect
        assert not watched(names["half"], names["Odd"])
        assert watched(names["time"])
        with pytest.raises(TraceError, match="time"):
            hy.function(names["now"], strict=True)(1.0)
