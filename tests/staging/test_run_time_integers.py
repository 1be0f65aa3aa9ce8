"""Python integers among the arguments: parts of the code for two values, run-time inputs from the third on."""

import math
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import TraceError
from hybrid.staging.spec import LongGuard

X = np.linspace(0.0, 1.0, 24)
VALUES = (1, 2, 3, 4, 6, 8, 12, 0, -1, 24, 2, 100, -30, 5)


def rounds(x, n):
    total = 0.0
    for i in range(n):
        total += x[i % len(x)]
    return total


def size(x, n):
    return np.zeros(n) + x[:n].sum()


def place(x, k):
    return x[k] * k


def adam(g, t, beta=0.9):
    return g / (1 - beta**t)


def numbers(x, n):
    return n, n + 1, x + n, n / 3, n // 2, -n % 7, [n], n > 4, str(type(n))


def part(x, n):
    return x[:n] * 2


def power(x, n):
    return (x + 1) ** n


def repeated(x, n):
    for _ in range(n):
        x = x * 1.5 + 1
    return x


def branch(x, n):
    if n < 3:
        return x + 1.0
    return x - 1.0


def fibonacci(x, n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def nested(x, k):
    start, stop = k["span"]
    return x[start:stop].sum() * k["times"]


def assert_same(got, want):
    assert type(got) is type(want), (got, want)
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want)
        for a, b in zip(got, want):
            assert_same(a, b)
    elif isinstance(want, (np.ndarray, np.generic, float)):
        assert np.result_type(got) == np.result_type(want)
        np.testing.assert_allclose(got, want, rtol=1e-13)
    else:
        assert got == want


def outcome(f, *args):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            out = f(*args)
        except Exception as error:
            out = type(error), str(error)
    return out, [(w.category, str(w.message)) for w in said if issubclass(w.category, RuntimeWarning)]


@pytest.mark.parametrize("f", [rounds, size, place, adam, part, power, repeated, branch, fibonacci])
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_the_third_value_of_an_integer_makes_it_a_run_time_input(f, backend):
    compiled = hy.function(f, backend=backend)
    for n in VALUES:
        want, said = outcome(f, X, n)
        got, heard = outcome(compiled, X, n)
        assert_same(got, want)
        assert heard == said or backend == "python"  # where no flags are seen
    assert len(compiled.traces) == 3
    assert compiled.traces[-1].reason.endswith("-> any int")


def test_what_is_computed_from_a_run_time_integer_has_the_types_of_python():
    compiled = hy.function(numbers, strict=True)
    for n in VALUES:
        got, want = compiled(X, n), numbers(X, n)
        assert [type(item) for item in got] == [type(item) for item in want]
        assert_same(got, want)
    assert compiled(X, True)[-1] == str(bool)  # which is no int, and has a trace of its own
    with pytest.raises(OverflowError):
        compiled(X.astype(np.float32), 10**400)


def test_integers_in_containers_vary_as_well():
    compiled = hy.function(nested, strict=True)
    for k in range(1, 12):
        given = {"span": (k, 2 * k), "times": k % 3}
        assert compiled(X, given) == pytest.approx(nested(X, given), rel=1e-14)
    assert len(compiled.traces) <= 4


def test_integers_and_sizes_may_vary_together():
    compiled = hy.function(size, strict=True)
    for n in range(4, 30):
        np.testing.assert_allclose(compiled(np.arange(float(n)), n), size(np.arange(float(n)), n))
    assert len(compiled.traces) <= 3


def axis(x, k):
    return x.sum(k)


def mode(x, m):
    if m == 0:
        return x
    if m == 1:
        return x.sum()
    return x[None]


@pytest.mark.parametrize("f, values", [(axis, (0, 1, 2, -1)), (mode, (0, 1, 2, 3))])
def test_integers_whose_value_the_code_needs_stay_parts_of_it(f, values):
    compiled, x = hy.function(f, strict=True), X.reshape(2, 3, 4)
    for n in (*values, *values):
        assert_same(compiled(x, n), f(x, n))
    assert len(compiled.traces) == len(values)


def test_static_parameters_and_those_without_dynamic_sizes_stay_parts_of_the_code():
    for options in ({"static": "n"}, {"dynamic": False}):
        compiled = hy.function(branch, **options)
        for n in range(6):
            compiled(X, n)
        assert len(compiled.traces) == 6, options


def test_dynamic_makes_run_time_inputs_from_the_first_call_on():
    compiled = hy.function(branch, dynamic=True, strict=True)
    for n in range(6):
        np.testing.assert_array_equal(compiled(X[n:], n), branch(X[n:], n))
    assert len(compiled.traces) == 1


def test_native_entries_take_any_int_of_64_bits():
    compiled = hy.function(place)
    for k in range(5):
        compiled(X, k)
    ((spec, _),) = [made for made in compiled.traces[-1].entries.values() if made]
    assert LongGuard() in spec.guards
    before = spec.calls
    for k in (7, -7, np.int64(3), 2**70, True):
        assert_same(outcome(compiled, X, k), outcome(place, X, k))
    assert spec.calls == before + 2


def test_a_thousand_steps_take_three_traces():
    compiled = hy.function(adam, strict=True)
    for t in range(1, 1000):
        compiled(X, t)
    assert len(compiled.traces) == 3


def test_numbers_without_a_truncation(invisible):
    def whole(x):
        return math.trunc(x[0])

    invisible(whole, np.array([-2.7]))
    for dtype in (np.float32, np.float16, np.int32):
        with pytest.raises(TypeError, match="doesn't define __trunc__"):
            whole(np.array([2], dtype))
        with pytest.raises(TypeError, match="doesn't define __trunc__"):
            hy.function(whole)(np.array([2], dtype))


def test_constants_of_more_than_64_bits():
    def compared(x):
        n = int(x[0])
        return n < 2**70, n == 2**64, -(2**80) <= n, 2**63 > n, n != -(2**63) - 1  # noqa: SIM300

    def added(x):
        return int(x[0]) + 2**70

    f = hy.function(compared, strict=True)
    for value in (1.0, -5.0, 2.0**62):
        assert f(np.array([value])) == compared(np.array([value]))
    with pytest.raises(TraceError, match="integers of more than 64 bits is not compiled"):
        hy.function(added, strict=True)(np.ones(2))
    with pytest.warns(hy.FallbackWarning):
        assert hy.function(added)(np.ones(2)) == 2**70 + 1


def test_names_of_classes_of_joined_numbers():
    def named(x):
        y = x.sum() if x[0] > 0 else 3
        return type(y).__name__, "got " + type(y).__qualname__

    f = hy.function(named, strict=True)
    for value in (1.0, -1.0, 2.0):
        assert f(np.array([value])) == named(np.array([value]))
