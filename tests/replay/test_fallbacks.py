"""Complaints about code that was not compiled and nobody said so, or whose effects happened once, or never."""

import asyncio
import functools
import inspect
import io
import logging
import time
import warnings

import numpy as np
import pytest

import hybrid as hy

X = np.arange(4.0)
quietly = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")


def reports(f, *args, calls=3):
    """The warnings of several calls."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        for _ in range(calls):
            f(*args)
    return record


# pytorch/pytorch#135458: after the limit everything ran eagerly; #169722: where in the user's code?
def test_a_fallback_is_said_once_with_file_line_and_reason():
    @hy.function
    def f(x):
        y = x + 1
        return y.tobytes()  # the line that cannot be compiled

    (record,) = reports(f, X)
    text = str(record.message)
    line = inspect.getsourcelines(f.eager)[1] + 3
    assert record.category is hy.FallbackWarning and record.filename == __file__
    assert text.startswith("f runs as plain Python: ") and f"test_fallbacks.py:{line}" in text and "tobytes()" in text
    assert text.removeprefix("f ") in f.explain() and f.stats()["fallbacks"]


# pytorch/pytorch#114059: one function with and without strict; #181817: strict must not stop what was asked for
def test_strict_raises_where_the_other_warns():
    def f(x):
        return x.tobytes()

    loose, strict = hy.function(f), hy.function(f, strict=True)
    with pytest.warns(hy.FallbackWarning):
        assert loose(X) == f(X)
    for _ in range(2):
        with pytest.raises(hy.errors.TraceError, match="tobytes"):
            strict(X)
    assert loose(X) == f(X)
    with hy.eager():
        assert strict(X) == f(X)


def test_strict_errors_have_the_users_line_and_no_frame_of_ours():
    @hy.function(strict=True)
    def f(x):
        return float(x[0]) + len(x.tobytes())

    with pytest.raises(hy.errors.TraceError) as caught:
        f(X)
    assert [frame.name for frame in caught.traceback][-1] == "f" and "test_fallbacks.py" in str(caught.value)


# pytorch/pytorch#169253: appends to a list of the class were dropped; #93724
@quietly
def test_appends_to_lists_of_modules_classes_and_closures():
    class Model:
        items = []

        def forward(self, x):
            Model.items.append(x.sum())
            return x * 2

    seen = []

    def f(x):
        seen.append(x * 2)
        return x + len(seen)

    forward, g = hy.function(Model.forward), hy.function(f)
    for k in range(1, 5):
        forward(Model(), X * k)
        np.testing.assert_array_equal(g(X), X + k)
    assert Model.items == [6.0 * k for k in range(1, 5)] and all(type(v) is np.float64 for v in Model.items)
    assert len(seen) == 4 and all(type(v) is np.ndarray for v in seen)


# pytorch/pytorch#197896: a container changed in a method of a class made inside the function
@quietly
def test_changes_by_methods_of_classes_made_inside():
    state, log = {"n": 0}, []

    def f(x):
        class Helper:
            def touch(self, v):
                state["n"] += 1
                log.append(v.shape)
                return v * 2

        return Helper().touch(x)

    decorated = hy.function(f)
    for k in range(1, 5):
        np.testing.assert_array_equal(decorated(X), X * 2)
        assert state["n"] == k == len(log)


# pytorch/pytorch#175855: a list that grows while it is looped over
def test_a_list_that_grows_while_it_is_looped_over():
    def f(x):
        values = [x.sum()]
        for item in values:
            if len(values) < 3:
                values.append(item + 1)
        return sum(values)

    assert hy.function(f, strict=True)(X) == f(X)


# tensorflow/tensorflow#24742: print runs while tracing, and not again
@quietly
def test_prints_logs_and_files_at_every_call(capsys, tmp_path):
    stream, logger = io.StringIO(), logging.getLogger("replay")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    path = tmp_path / "log"

    def f(x):
        print("called", x[1])
        logger.warning("sum %s", x.sum())
        with open(path, "a") as file:
            file.write(f"{x[2]}\n")
        return x + 1

    decorated = hy.function(f)
    try:
        for _ in range(3):
            decorated(X)
    finally:
        logger.removeHandler(handler)
    assert capsys.readouterr().out == "called 1.0\n" * 3
    assert stream.getvalue() == "sum 6.0\n" * 3 and path.read_text() == "2.0\n" * 3


@quietly
def test_clocks_go_on():
    f = hy.function(lambda x: x[0] + time.perf_counter())
    times = [float(f(X)) for _ in range(4)]
    assert times == sorted(times) and len(set(times)) == 4


@quietly
def test_attributes_globals_and_counters_are_written_at_every_call():
    class Model:
        def __init__(self):
            self.calls, self.last, self.history = 0, None, {}

        def forward(self, x):
            self.calls += 1
            self.last = x * 2
            self.history[self.calls] = float(x[1])
            return self.last + 1

    a, b = Model(), Model()
    forward = hy.function(Model.forward)
    for k in range(1, 5):
        np.testing.assert_array_equal(forward(a, X * k), b.forward(X * k))
        np.testing.assert_array_equal(a.last, b.last)
        assert type(a.last) is np.ndarray and a.history == b.history and a.calls == b.calls == k


@quietly
def test_iterators_and_caches_are_used_at_every_call():
    numbers, queue = iter(range(100)), list(range(100))

    @functools.cache
    def table(k):
        return np.full(4, float(k))

    f = hy.function(lambda x: x + next(numbers))
    g = hy.function(lambda x: x + queue.pop())
    h = hy.function(lambda x: x + table(3))
    for k in range(4):
        np.testing.assert_array_equal(f(X), X + k)
        np.testing.assert_array_equal(g(X), X + 99 - k)
        np.testing.assert_array_equal(h(X), X + 3)


# a NumPy array that only NumPy writes: it is no argument, and nothing traced goes into it
@quietly
def test_a_counter_in_an_array():
    counter = np.zeros(2)

    def f(x):
        counter[0] += 1
        np.add(counter, 1, out=counter)
        return x + counter[0]

    decorated = hy.function(f)
    for k in range(1, 5):
        np.testing.assert_array_equal(decorated(X), X + 2 * k)
    np.testing.assert_array_equal(counter, [8, 4])


# pytorch/pytorch#93738, #150319, numba/numba#984: coroutines; pytorch/pytorch#198190: a generator became another iterator
def test_generators_and_coroutines_are_refused_with_a_reason():
    def generate(x):
        got = yield x * 1
        yield x * got
        return "done"

    async def wait(x):
        await asyncio.sleep(0)
        return x + 1

    async def stream(x):
        yield x

    for f, reason in ((generate, "generator functions"), (wait, "async functions"), (stream, "async generator functions")):
        with pytest.raises(hy.errors.TraceError, match=f"{f.__name__} cannot be compiled: {reason} are not compiled"):
            hy.function(f, strict=True)
    with pytest.warns(hy.FallbackWarning, match="generator functions are not compiled"):
        it = hy.function(generate)(X)
    assert inspect.isgenerator(it) and next(it)[1] == 1 and it.send(5.0)[1] == 5
    with pytest.raises(StopIteration) as stop:
        next(it)
    assert stop.value.value == "done"
    with pytest.warns(hy.FallbackWarning, match="async functions are not compiled"):
        assert asyncio.run(hy.function(wait)(X))[1] == 2


# pytorch/pytorch#198190: a generator that the function returns, or uses itself
@quietly
def test_generators_inside_a_function():
    def make(x):
        def gen():
            yield x * 1
            yield x * 2
            return "done"

        return gen()

    def use(x):
        return sum(v * k for k, v in enumerate(make(x)))

    decorated = hy.function(make)
    for _ in range(3):
        it = decorated(X)
        assert inspect.isgenerator(it)
        np.testing.assert_array_equal(list(it), [X, X * 2])
    np.testing.assert_array_equal(hy.function(use, strict=True)(X), use(X))


def test_decorated_functions_in_coroutines():
    f = hy.function(lambda x: x * 2, strict=True)

    async def work(k):
        await asyncio.sleep(0)
        return f(X * k)

    async def main():
        return await asyncio.gather(*(work(k) for k in range(8)))

    np.testing.assert_array_equal(asyncio.run(main()), [X * 2 * k for k in range(8)])
    assert f.stats()["traces"] == 1


@pytest.mark.parametrize("backend", ["llvm", "numba", "python"])
def test_a_call_that_turns_out_to_be_pythons_says_which_assumption_failed(backend):
    def kept(x, limit):
        out = []
        for value in x:
            if value > limit:
                out.append((value, value * 2))
        return np.array(out).sum(axis=0)

    def inverted(mats, n):
        total = np.zeros(mats.shape[1:])
        for k in range(n):
            total += np.linalg.inv(mats[k])
        return total

    f = hy.function(kept, backend=backend)
    assert not reports(f, X, 1.5, calls=1)
    (record,) = reports(f, X, 9.5)
    line = inspect.getsourcelines(kept)[1] + 5
    assert f"takes for granted that a list is not empty (test_fallbacks.py:{line})" in str(record.message)
    mats, good = np.ones((3, 2, 2)), np.array([np.eye(2)] * 3)
    g = hy.function(inverted, backend=backend, strict=True)
    np.testing.assert_array_equal(g(good, 3), inverted(good, 3))
    with pytest.raises(np.linalg.LinAlgError):
        g(mats, 3)
