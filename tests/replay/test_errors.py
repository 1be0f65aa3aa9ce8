"""Complaints about errors: pages of the library's frames, no error at all, another error, and what an error leaves behind."""

import functools
import traceback

import numpy as np
import pytest

import hybrid as hy
from tests.tools import in_subprocess

X = np.arange(5.0)


def raised(f, *args):
    try:
        f(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def lines(error):
    return [(frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)][1:]


def same_error(f, *args):
    """Both raise the same class with the same text at the same lines, first and later."""
    want = raised(f, *args)
    decorated = hy.function(f)
    for _ in range(3):
        got = raised(decorated, *args)
        assert type(got) is type(want) and got.args == want.args
        assert lines(got) == lines(want), "other frames"
        assert type(got.__cause__) is type(want.__cause__) and type(got.__context__) is type(want.__context__)
    return decorated


# jax-ml/jax#3674, #6271, #16949, #18764: stack traces too long for the terminal, of the library's own frames
def test_tracebacks_are_those_of_python():
    def innermost(x):
        return x @ np.ones(3)

    def between(x):
        return 1 + innermost(x)

    same_error(lambda x: between(x) * 2, X)


def test_no_frame_of_ours_in_what_a_user_sees():
    program = """
        import numpy as np, hybrid as hy
        @hy.function
        def f(x, i):
            total = 0.0
            for k in range(i):
                total += x[k]
            return total
        f(np.arange(5.0), 3)
        f(np.arange(5.0), 9)
    """
    import subprocess
    import sys
    import textwrap

    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "site-packages" not in done.stderr and "/hybrid/" not in done.stderr
    assert done.stderr.rstrip().endswith("IndexError: index 5 is out of bounds for axis 0 with size 5")


# numba/numba#8028, #9638, #8914: reading beyond the end gave what lay in memory
# numba/numba#9287: a write beyond the end went to another element
def test_indices_out_of_bounds():
    for f in (lambda x: x[10], lambda x: x[np.array([0, 5])], lambda x: x[-6], lambda x: x.reshape(5, 1)[:, 1],
              lambda x: x[None][1], lambda x: np.take(x, [7])):  # fmt: skip
        same_error(f, X)

    def column(x):
        out = np.empty((5, 1))
        out[:, 0] = x
        out[:, 1] = True
        return out

    same_error(column, X)
    same_error(lambda x, k: x[k], X, 5)


# numba/numba#9299: `try: … except` around an index out of bounds did not catch
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_an_error_that_the_function_catches():
    def f(x, n):
        total = 0.0
        for i in range(n):
            try:
                total += x[i + 1]
            except IndexError:
                total -= 100
        return total

    decorated = hy.function(f)
    for n in (2, 4, 5, 9, 3):
        assert decorated(X, n) == f(X, n)


# numba/numba#4432: only the outermost function was in the traceback; #8134: values in exceptions had to be constants
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_exceptions_of_the_users_with_values():
    class Diverged(ArithmeticError):
        def __init__(self, step, value):
            super().__init__(f"at {step}: {value}")
            self.step = step

    def check(v, k):
        if v > 50:
            raise Diverged(k, float(v))

    def f(x, n):
        for k in range(n):
            x = x * 2
            check(x[-1], k)
        return x

    decorated = same_error(f, X, 9)
    np.testing.assert_array_equal(decorated(X, 2), f(X, 2))
    assert raised(decorated, X, 30).step == raised(f, X, 30).step


def test_errors_in_branches_and_loops():
    def branch(x):
        if x[0] > 0:
            raise ValueError("positive")
        elif x[0] < 0:
            return x / 0.5
        return x.reshape(7)

    def loop(x):
        k = 0
        while True:
            k += 1
            if x[k] > 2:
                assert x[k] < 3, f"{k} is too far"
                raise StopIteration(k)

    for x in (X, X + 1, X):
        same_error(branch, x)
    np.testing.assert_array_equal(hy.function(branch)(X - 1), (X - 1) / 0.5)
    for x in (X, X / 2, X * 3):
        same_error(loop, x)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_cause_and_finally():
    seen = []

    def f(x, y):
        try:
            return x + y
        except ValueError as error:
            raise RuntimeError("cannot add") from error
        finally:
            seen.append(1)

    same_error(f, X, np.ones(3))
    assert len(seen) == 4


def test_python_arithmetic_raises():
    for f, *args in ((lambda a: 1 / a, 0.0), (lambda a: a**0.5 + 1 % a, 0.0), (lambda a: 10 // a, 0),
                     (lambda a: 2.0**a, 5000.0),
                     (lambda a: int(a), float("nan")), (lambda a: [1, 2][a], 2), (lambda a: {"a": 1}[a], "b")):  # fmt: skip
        same_error(f, *args)


def test_an_error_leaves_the_next_call_compiled():
    f = hy.function(lambda x, y: x + y)
    f(X, X)
    for _ in range(5):
        raised(f, X, np.ones(3))
    calls = f.stats()["native_calls"]
    np.testing.assert_array_equal(f(X, X), X + X)
    assert f.stats()["native_calls"] == calls + 1 and not f.stats()["fallbacks"]


# pytorch/pytorch#150993: what is an error eagerly must be one when compiled
def test_wrong_arguments_are_pythons_errors():
    def f(x, *, k=1):
        return x * k

    decorated = hy.function(f)
    for args, kwargs in (((), {}), ((X, X), {}), ((X,), {"j": 1})):
        want = raised(functools.partial(f, *args, **kwargs))
        got = raised(functools.partial(decorated, *args, **kwargs))
        assert type(got) is type(want) is TypeError and got.args == want.args


# numba/numba#5551, #6011, #2324: Ctrl-C was ignored, or killed the kernel; jax-ml/jax#9082: it came out as another error
def test_an_interrupt_during_compilation_and_in_compiled_loops():
    done = in_subprocess("""
        import itertools, os, signal, threading, numpy as np, hybrid as hy
        signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in a shell's background begin without it
        x = np.random.default_rng(0).random(400)

        def interrupted(seconds, work):
            # Ctrl-C after a while; again where Python lost it, as it does in a finaliser.
            caught = threading.Event()

            def send():
                pause = seconds
                while not caught.wait(pause):
                    os.kill(os.getpid(), signal.SIGINT)
                    pause = 2

            thread = threading.Thread(target=send)
            try:
                thread.start()
                while True:
                    work()
            except KeyboardInterrupt:
                caught.set()
            thread.join()

        @hy.function
        def loop(x, n):
            for k in range(n):
                x[k % 400] += np.sin(x[(k * 7) % 400])
            return x.sum()

        def make(k):
            return hy.function(lambda a: sum(np.sin(a * j) + k for j in range(40)))

        loop(x, 3)
        for delay in (0.002, 0.03, 0.1):
            numbers = itertools.count(1)
            interrupted(delay, lambda: make(next(numbers))(x))
            want = sum(np.sin(x * j) + 1 for j in range(40))
            np.testing.assert_allclose(make(1)(x), want, rtol=1e-12)
            interrupted(delay, lambda: loop(x, 20_000))
            y, z = x.copy(), x.copy()
            np.testing.assert_allclose(loop(y, 50), loop.eager(z, 50), rtol=1e-12)
        print("usable")
    """)
    assert done.stdout == "usable\n"


class Spoken(Exception):
    """Its text is the user's code, which counts."""

    times = 0

    def __init__(self, value):
        self.value = value

    def __str__(self):
        Spoken.times += 1
        return f"{self.value:.3f}"


def test_errors_with_what_only_a_run_knows_are_the_users():
    def given_a_number(x, log):
        log["sum"] = float(x.sum())
        raise ValueError(log["sum"] * 2)

    def given_an_array(x, log):
        log["sum"] = float(x.sum())
        raise RuntimeError(x * 2)

    for f in (given_a_number, given_an_array):
        wanted = raised(f, X, want := {})
        decorated = hy.function(f)
        for _ in range(3):
            got = raised(decorated, X, log := {})
            assert type(got) is type(wanted) and str(got) == str(wanted)
            assert log == want


def test_the_text_of_a_users_error_is_nobodys_but_theirs():
    def given(x):
        raise Spoken(x.sum())

    decorated = hy.function(given)
    Spoken.times = 0
    errors = [raised(decorated, X) for _ in range(3)]
    assert Spoken.times == 0
    assert [str(error) for error in errors] == ["10.000"] * 3
