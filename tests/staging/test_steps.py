"""Native entries that do more than call one kernel: sizes that a run finds, NumPy in between, results that Python makes."""

import gc
import sys
import threading
import warnings
from collections import namedtuple

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.shape import Dim
from hybrid.staging.entry import (
    ArgumentResult,
    ArrayGuard,
    CallResult,
    ChoiceResult,
    ComputeStep,
    EntrySpec,
    FloatValueGuard,
    MadeResult,
    PythonStep,
    SizeResult,
    SizeStep,
    Temporary,
)  # fmt: skip
from tests.staging.test_entry import F8, N, compiled, copy, guarded

I8 = np.dtype(np.int64)
Pair = namedtuple("Pair", "low high")
TABLE = np.arange(6.0)


def chosen(x):
    return x[x > 0] * 2


def places(x):
    return np.nonzero(x > 0)


def values(x):
    return np.unique(np.round(x))


def listed(x):
    out = []
    for v in x:
        if v > 0.5:
            out.append(v * 2)
    return out


def last_positive(x):
    s = 0
    for v in x:
        if v > 0.5:
            s = v
    return s


def paired(x):
    return Pair(x.min(), {"all": x * 2, "some": [x[1:] + 1, None]})


def part_of_new(x):
    return (x * 2)[1:], (x + 1).reshape(-1, 1)[::2]


def fresh_constant(x):
    return TABLE.copy(), x + 1


def ordered(x):
    return np.sort(x * 40)[::-1] + 1, np.argsort(x)


def solved(x):
    a = np.outer(x, x) + np.eye(len(x)) * 3
    return np.linalg.solve(a, x), np.cumsum(x)


def scattered(x):
    out = np.zeros(7)
    np.add.at(out, (np.abs(x) * 3).astype(np.int64) % 7, x)
    return out, np.cumsum(x)[::-1]


CASES = [chosen, places, values, listed, last_positive, paired, part_of_new, fresh_constant, ordered, solved, scattered]


def same(want, got):
    assert type(want) is type(got)
    if isinstance(want, (tuple, list)):
        assert len(want) == len(got)
        for a, b in zip(want, got):
            same(a, b)
    elif isinstance(want, dict):
        assert list(want) == list(got)
        for key in want:
            same(want[key], got[key])
    elif isinstance(want, np.ndarray):
        assert (want.dtype, want.shape, want.flags.writeable) == (got.dtype, got.shape, got.flags.writeable)
        np.testing.assert_allclose(got, want, rtol=1e-12)
    else:
        assert want == got or (isinstance(want, (float, np.floating)) and np.isclose(want, got, rtol=1e-12))


@pytest.mark.parametrize("plain", CASES, ids=lambda f: f.__name__)
def test_machine_code_makes_the_call(plain):
    rng = np.random.default_rng(3)
    f = hy.function(plain, strict=True)
    for turn in range(8):
        x = rng.standard_normal(20)
        x = -np.abs(x) if turn == 5 else x
        same(plain(x.copy()), f(x.copy()))
    assert f.stats()["native_calls"] == 7 or plain is fresh_constant, f.explain()  # that depends on what TABLE holds


@pytest.mark.parametrize("plain", CASES, ids=lambda f: f.__name__)
def test_nothing_stays_behind(plain):
    f, x = hy.function(plain, strict=True), np.linspace(-1, 1, 40)
    for _ in range(800):
        f(x)
    gc.collect()
    held, grown = sys.getrefcount(x), []
    for _ in range(3):  # a leak shows in each of them, what a cache or an allocator keeps in the first
        gc.collect()
        blocks = sys.getallocatedblocks()
        for _ in range(300):
            f(x)
        gc.collect()
        grown.append(sys.getallocatedblocks() - blocks)
    assert sys.getrefcount(x) == held and min(grown) < 100


def test_a_size_that_cannot_be_is_pythons_error():
    def zeros(x):
        n = int(x[0])
        return np.zeros(n - 3)

    f = hy.function(zeros)
    assert f(np.array([5.0])).shape == f(np.array([7.0])).shape[:0] + (2,)
    f(np.array([6.0]))
    with pytest.raises(ValueError, match="negative dimensions"):
        f(np.array([1.0]))
    assert f(np.array([9.0])).shape == (6,)


def test_numpys_errors_and_warnings_between_kernels():
    def halves(x):
        return np.linalg.inv(np.outer(x, x) + np.diag(x[::-1]) * 2) @ x

    f, big = hy.function(halves), np.linspace(1, 2, 30)
    for _ in range(3):
        np.testing.assert_allclose(f(big), halves(big), rtol=1e-9)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        f(np.zeros(30))
    assert f.stats()["native_calls"] >= 2


def test_results_do_not_share_memory():
    f, x = hy.function(part_of_new, strict=True), np.arange(6.0)
    f(x)
    (a, _), (b, _) = f(x), f(x)
    assert not np.shares_memory(a, b) and not np.shares_memory(a, x)
    first, _ = hy.function(fresh_constant, strict=True)(x)
    first[:] = 0
    assert TABLE.sum() == 15


def test_static_floats_are_compared_by_value():
    def rounded(x, digits, scale):
        return x * (2 if scale > 0.5 else 3) + digits

    f, x = hy.function(rounded, static=("scale",)), np.ones(3)
    for scale in (0.75, 0.75, float("0.75"), 0.25, 0.25, -0.0, 0.0):
        np.testing.assert_array_equal(f(x, 1, scale), rounded(x, 1, scale))
    assert f.stats()["native_calls"] >= 3


def test_draws_are_recognised_and_stay_numpys():
    def noisy(x, rng):
        return x + rng.normal(size=x.shape) * rng.random()

    f, x = hy.function(noisy, strict=True), np.ones(5)
    a, b = np.random.default_rng(4), np.random.default_rng(4)
    for _ in range(5):
        np.testing.assert_array_equal(f(x, a), noisy(x, b))
    other, twin = np.random.Generator(np.random.MT19937(3)), np.random.Generator(np.random.MT19937(3))
    for _ in range(3):
        np.testing.assert_array_equal(f(x, other), noisy(x, twin))
        np.testing.assert_array_equal(f(x, a), noisy(x, b))
    with pytest.raises(AttributeError):
        f(x, 3)


def test_warnings_of_recognised_calls_come_as_often_as_without():
    def noisy(x, rng):
        return rng.random() / x

    f, x = hy.function(noisy, strict=True), np.array([0.0, 1.0])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        a, b = np.random.default_rng(4), np.random.default_rng(4)
        for _ in range(4):
            np.testing.assert_array_equal(f(x, a), noisy(x, b))
    assert len(said) == 8


def test_an_error_state_does_not_cost_a_miss():
    f, x = hy.function(lambda x: x * 2 + 1), np.ones(4)
    f(x)
    before = f.stats()["native_calls"]
    for kind in ("ignore", "raise", "warn"):
        with np.errstate(all=kind):
            f(x)
    assert f.stats()["native_calls"] == before + 3


def test_many_threads_find_sizes_at_once():
    f, wrong = hy.function(values, strict=True), []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(60):
            x = rng.standard_normal(50) * 5
            if not np.array_equal(f(x), values(x)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# the parts themselves ----------------------------------------------------------------------------------------------------
def test_steps_pass_memory_and_sizes_on():
    seen = []

    def between(array, size):
        seen.append((array.copy(), size))
        return None if size > 3 else (array * 2, np.array(size))

    steps = (
        ComputeStep("compute", (("arg", 0), ("temporary", 0)), ()),
        PythonStep(between, (MadeResult(0), SizeResult(N)), (1, 2)),
        SizeStep("m", ("temporary", 2)),
    )
    temporaries = (Temporary(F8, (N,)), Temporary(F8, (N,), filled=True), Temporary(I8, (), filled=True))
    results = (
        MadeResult(1),
        CallResult(lambda *given: given, (MadeResult(2, "python"), ArgumentResult(0), SizeResult(Dim.symbol("m") * 2))),
    )
    f = compiled(EntrySpec((ArrayGuard(F8, (N,)),), results, (), temporaries=temporaries, steps=steps), copy(24))
    x = np.arange(3.0)
    twice, (size, same_x, double) = f(x)
    assert twice.tolist() == [0, 2, 4] and (size, double) == (3, 6) and same_x is x and seen[0][1] == 3
    assert f(np.arange(4.0)) == "miss"  # the function between has asked for that


@pytest.mark.parametrize("flag", [False, True])
def test_a_choice_between_results(flag):
    temporaries = (Temporary(np.dtype(bool), (), number=True), Temporary(F8, (), number=True))
    steps = (ComputeStep("compute", (("arg", 0), ("temporary", 0), ("arg", 1), ("temporary", 1)), ()),)
    choice = ChoiceResult(0, MadeResult(1, "scalar"), (None, MadeResult(1, "python")))
    guards = ArrayGuard(np.dtype(bool), ()), ArrayGuard(F8, ())
    f = compiled(EntrySpec(guards, choice, (), temporaries=temporaries, steps=steps), copy(1, 8))
    got = f(np.array(flag), np.array(2.5))
    assert got == (np.float64(2.5) if flag else (None, 2.5)) and type(got) is (np.float64 if flag else tuple)


def test_errors_of_a_function_that_makes_results_are_the_callers():
    def interrupted(x):
        raise KeyboardInterrupt

    f = compiled(EntrySpec((ArrayGuard(F8, (2,)),), CallResult(interrupted, (ArgumentResult(0),)), (), steps=()))
    with pytest.raises(KeyboardInterrupt):
        f(np.zeros(2))
    g = compiled(EntrySpec((ArrayGuard(F8, (2,)),), CallResult(lambda x: NotImplemented, (ArgumentResult(0),)), (), steps=()))
    assert g(np.zeros(2)) == "miss"


def test_floats_by_their_bits():
    f = guarded(FloatValueGuard(0.0))
    assert f(0.0) == "hit" and f(-0.0) == "miss" and f(0) == "miss" and f(np.float64(0)) == "miss"


@pytest.mark.parametrize("times, traces", [(1, 4), (2, 33)])  # objects that come back may do so later, too
def test_an_object_that_is_new_in_every_call_is_pythons_in_the_end(times, traces):
    f, x = hy.function(lambda g, x: g(g(x))), np.ones(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(40):
            scale = lambda v, k=k: v * k
            for _ in range(times):
                np.testing.assert_array_equal(f(scale, x), np.full(3, float(k * k)))
    said = f.explain() + "".join(f.__hybrid__._log)
    assert len(f.traces) == traces and ("changes again and again" if times > 1 else "others in call after call") in said


def test_results_that_are_met_twice_and_names_are_machine_code():
    def array_twice(x):
        m = x * 2
        return m, m.sum(), [m, x], m

    def number_twice(x):
        m = float(x.mean())
        return {"mean": m, "again": (m, x.sum())}

    def name_twice(x):
        label = "high" if x.sum() > 4 else "low"
        return label, x[0], label

    for f in (array_twice, number_twice, name_twice):
        decorated = hy.function(f)
        for x in (np.arange(9.0), np.ones(9), np.zeros(9)):
            for _ in range(2):
                got, want = decorated(x), f(x)
                assert repr(got) == repr(want)
        assert decorated.stats()["native_calls"] == 5, decorated.explain()
    first, _, (second, given), third = hy.function(array_twice)(x)
    assert first is second is third
    assert given is x
