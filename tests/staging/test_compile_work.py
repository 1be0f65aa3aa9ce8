"""What compiling takes grows with the program, no faster: counted in steps of the compiler, never in seconds."""

from __future__ import annotations

import gc
import linecache
import math
import re
from collections import Counter

import numpy as np
import pytest

import hybrid as hy
from hybrid.control import handlers, loop
from hybrid.core.errors import TraceError
from hybrid.ir.trace import Trace
from hybrid.loops.pull import Puller
from hybrid.passes.fuse import MOST_STAGES, _Fuser
from hybrid.runtime import engine

X = np.linspace(0.1, 1, 64)
SQUARE = np.linspace(0, 1, 4096).reshape(64, 64) / 64 + np.eye(64)


def written(lines: str, times: int, before: str = "y = x", after: str = "return y"):
    """A function that repeats some lines; `{k}`: how often they were repeated before."""
    pieces = (before, *(lines.replace("{k}", str(k)) for k in range(times)), after)
    body = "\n".join(f"    {line}" for piece in pieces for line in piece.splitlines())
    source, name = f"def f(x, a):\n{body}\n", f"<{lines}: {times} times>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    space = {"np": np}
    exec(compile(source, name, "exec"), space)
    return space["f"]


def same(f, *args):
    """Compiled gives what undecorated does."""
    np.testing.assert_allclose(hy.function(f, strict=True)(*args), f(*args), rtol=1e-11)


def counted(monkeypatch, owner, name: str) -> Counter:
    """Calls of a method from now on."""
    found: Counter = Counter()
    before = getattr(owner, name)

    def method(*args, **kwargs):
        found[name] += 1
        return before(*args, **kwargs)

    monkeypatch.setattr(owner, name, method)
    return found


@pytest.mark.parametrize(
    "lines, before",
    [
        ("y = np.sin(y.T.ravel() + 1).reshape(64, 64)", "y = a"),
        ("y = (y.reshape(8, 8) + 0.5).T.reshape(64) * 0.5", "y = x"),
        ("y = np.tanh(a @ y + 0.5) @ (a * 2)", "y = a"),
    ],
)
def test_what_has_to_be_stored_is_found_in_few_attempts_at_grouping(monkeypatch, lines, before):
    attempts = counted(monkeypatch, _Fuser, "attempt")
    same(written(lines, 40, before), X, SQUARE)
    assert attempts["attempt"] <= 5


def test_a_step_that_reduces_is_not_made_from_the_first_step_on(monkeypatch):
    found = []
    for times in (60, 120):
        pulled = counted(monkeypatch, Puller, "through")
        same(written("y = np.sin(y) * 0.5 + z\nz = y.sum() * 0.01", times, "y = x\nz = x[0]"), X, SQUARE)
        found.append(pulled["through"])
    assert found[1] < 3 * found[0]


def test_numbers_are_not_made_from_the_first_on_for_each_check():
    found = []
    for times in (8, 16, 32):
        f = hy.function(written("u = 1 / (1 + 2 ** (v / 400))\nv = v + 32 * (0.5 - u)", times, "v = a * 2.0", "return v"))
        f(X, 3.0)
        found.append(sum(int(n or 1) for n in re.findall(r"\bpow(?: ×(\d+))?", f.explain())))
    assert found[2] < 6 * 32, found


def test_groups_have_no_more_stages_than_the_limit():
    from hybrid.passes.fuse import fuse
    from hybrid.passes.steps import Group

    f = hy.function(written("y = np.sin(y) * 0.5 + z\nz = y.sum() * 0.01", 100, "y = x\nz = x[0]"))
    program = fuse(f.graph(X, SQUARE))
    assert max(len(step.stages) for step in program.steps if isinstance(step, Group)) <= MOST_STAGES


def test_loops_of_long_kernels_are_not_written_out_by_llvm(monkeypatch):
    made = []
    compile_object = engine.compile_object
    monkeypatch.setattr(engine, "compile_object", lambda *given: made.append(compile_object(*given)) or made[-1])
    with hy.config.override(cache=False):
        loops = "    for i in range(64):\n        s += y[i] * {k}.5 + y[(i * 7) % 64]"
        same(written(loops, 100, "y, s = x, 0.0\nfor _ in range(5):", "return s"), X, SQUARE)
    assert sum(map(len, made)) < 100_000  # 200 kB and more with every loop written out


def test_many_branches_one_after_another_are_compiled():
    same(written("if x[{k} % 64] > 0.5:\n    y = y + {k}", 300, "y = x * 1.0"), X, SQUARE)


def test_of_too_many_branches_the_loop_is_named_that_left_them_and_why():
    def f(x):
        s = x * 1.0
        for k in range(1200):
            if x[k % 64] > s[0]:
                s = s + float(f"{k % 3}")
        return s

    with pytest.raises(TraceError, match=r"one after another: a loop of 1200 rounds is written out \(.*\): .*"):
        hy.function(f, strict=True)(X)


def nest(depth: int, start: str, round_: str):
    """Loops in one another, each with a variable of its own."""
    lines, space = ["s = 0.0"], ""
    for k in range(depth):
        lines += [f"{space}p{k} = {start}", f"{space}for i{k} in range(6):"]
        space += "    "
        lines += [space + line.replace("{k}", str(k)) for line in round_.splitlines()]
    return written("\n".join(lines), 1, "pass", "return s")


@pytest.mark.parametrize(
    "start, round_",
    [
        ("0", "if x[i{k}] > 0.12:\n    p{k} += x[i{k}]\ns += p{k}"),  # a float from the second round on
        ("x", "p{k} = p{k} * 0.5 + x\ns += p{k}[0]"),  # an array that is rebound
        ("None", "if p{k} is not None:\n    s += p{k}\np{k} = x[i{k}]"),
        ("0", "s += np.sum(p{k})\np{k} = x * i{k}"),
    ],
)
def test_loops_in_loops_are_not_recorded_anew_for_each_attempt_around_them(monkeypatch, start, round_):
    found = []
    for depth in (2, 4, 6):
        rolled = counted(monkeypatch, loop, "_roll")
        same(nest(depth, start, round_), X, SQUARE)
        found.append(rolled["_roll"])
    assert found[2] < 8 * found[1] < 64 * found[0]
    assert found[2] <= 300


def test_a_loop_in_which_a_text_gets_longer_is_given_up_after_few_rounds(monkeypatch):
    """The texts that it may be double with each."""

    def reversed_each_time(x):
        s = ""
        for v in x:
            s = s[::-1] + "b"
            if v > 0.5:
                s = s.upper()
        return s

    settled = counted(monkeypatch, loop, "_settle_number")
    with pytest.raises(TraceError):
        hy.function(reversed_each_time, strict=True)(X[:40])
    assert settled["_settle_number"] <= 5
    recorded = function_of_states()
    assert hy.function(recorded, strict=True)(X) == recorded(X)


def function_of_states():
    """One whose text goes through several longer ones, and back."""

    def f(x):
        light = "a"
        for v in x:
            if v > 0.5:
                light = "ab" if light == "a" else "abc" if light == "ab" else "abcd" if light == "abc" else "a"
        return light

    return f


def test_cycles_that_a_trace_leaves_are_looked_for_among_young_objects():
    """Not among all objects of the process, which takes longer than the trace."""

    def f(x):
        parts = [x * 2]
        parts.append(parts)
        return parts[0] + 1

    hy.function(f, strict=True)(np.ones(3))  # what is imported late is there
    gc.collect()
    seen = []
    gc.callbacks.append(lambda phase, info: seen.append(info["generation"]))
    try:
        np.testing.assert_array_equal(hy.function(f, strict=True)(np.ones(3)), np.full(3, 3.0))
    finally:
        gc.callbacks.pop()
    assert seen and 2 not in seen


def transform(x):
    """Cooley and Tukey's, on a list."""
    n = len(x)
    if n <= 1:
        return x
    even, odd = transform(x[0::2]), transform(x[1::2])
    turned = [complex(math.cos(2 * math.pi * k / n), -math.sin(2 * math.pi * k / n)) * odd[k] for k in range(n // 2)]
    return [even[k] + turned[k] for k in range(n // 2)] + [even[k] - turned[k] for k in range(n // 2)]


def spectrum(samples):
    return np.array(transform(list(samples)))


def test_a_recursion_that_is_written_out_takes_steps_as_its_operations(monkeypatch):
    found = []
    before = _Fuser.walk

    def walk(self, *args):
        out = before(self, *args)
        found.append(sum(map(len, out[1].values())))
        return out

    monkeypatch.setattr(_Fuser, "walk", walk)
    monkeypatch.setattr(handlers, "WRITTEN_OUT", 1 << 20)
    steps = []
    for n in (32, 64):
        found.clear()
        x = np.sin(np.arange(n) * 0.7)
        np.testing.assert_allclose(hy.function(spectrum, strict=True)(x), spectrum(x), rtol=1e-11, atol=1e-11)
        steps.append(sum(found))
    assert steps[1] < 4 * steps[0]


def test_a_recursion_that_is_written_out_at_length_is_left_to_python():
    compiled, x = hy.function(spectrum), np.sin(np.arange(1024.0))
    recorded = []
    with (
        pytest.warns(hy.FallbackWarning, match="`transform` calls itself and is written out"),
        pytest.MonkeyPatch.context() as m,
    ):
        before = Trace.__exit__
        m.setattr(Trace, "__exit__", lambda self, *args: (recorded.append(self.recorded), before(self, *args))[1])
        np.testing.assert_array_equal(compiled(x), spectrum(x))
    assert max(recorded) <= handlers.WRITTEN_OUT + 1000 and len(recorded) < 8
