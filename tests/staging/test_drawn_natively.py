"""Draws that machine code makes itself: every distribution, shuffles and choices, and the generator that an entry holds."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hybrid as hy
from hybrid.control import shuffles
from hybrid.core import npyrandom
from hybrid.frontend import distributions

BITS = (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
KINDS = (np.random.Generator, np.random.RandomState)
# Methods with parameters on both sides of where NumPy changes its algorithm.
DRAWS = {
    "standard_gamma": [(0.4,), (3.5,), (0.0,)], "gamma": [(0.4, 2.0), (3.5,)], "beta": [(0.4, 0.7), (2.0, 3.0)],
    "f": [(2.0, 5.0)], "noncentral_f": [(2.0, 5.0, 0.5)], "chisquare": [(3.0,)],
    "noncentral_chisquare": [(3.0, 1.5), (0.7, 2.0)], "logistic": [(1.0, 2.0)],
    "standard_cauchy": [()], "standard_t": [(4.0,)], "vonmises": [(0.3, 2.0), (0.3, 1e-9)], "pareto": [(3.0,)],
    "weibull": [(1.5,), (0.0,)], "power": [(1.5,)], "laplace": [(), (1.0, 0.0)], "gumbel": [(1.0, 2.0)],
    "lognormal": [(0.3, 0.7)], "rayleigh": [(2.0,)], "wald": [(1.5, 2.0)], "triangular": [(0.0, 1.0, 3.0), (-1.0, 2.0, 2.0)],
    "poisson": [(3.0,), (50.0,), (0.0,)], "binomial": [(10, 0.3), (1000, 0.5), (5, 0.0)], "negative_binomial": [(3, 0.4)],
    "geometric": [(0.1,), (0.9,)], "zipf": [(2.5,)], "logseries": [(0.4,)], "hypergeometric": [(5, 6, 3), (100, 200, 60)],
    "exponential": [(2.0,), (0.0,)], "normal": [(1.0, 0.0), (1.0, 2.0)], "uniform": [(1.0, 1.0), (-1.0, 2.0)],
}  # fmt: skip
WRONG = {
    "gamma": (-1.0, 1.0), "beta": (0.0, 1.0), "chisquare": (0.0,), "normal": (0.0, -0.0), "laplace": (0.0, -1.0),
    "poisson": (-1.0,), "binomial": (5, 1.5), "geometric": (0.0,), "zipf": (1.0,), "logseries": (1.0,),
    "triangular": (0.0, 2.0, 1.0), "hypergeometric": (3, 4, 8), "negative_binomial": (2, 0.0), "exponential": (-0.5,),
    "vonmises": (0.0, -1.0), "uniform": (0.0, np.inf), "weibull": (-1.0,), "rayleigh": (-2.0,), "lognormal": (0.0, -1.0),
}  # fmt: skip


def of(name):
    """A function that draws by this method alone, between kernels, in a loop, and an array."""

    def draws(rng, x, *given):
        method = getattr(rng, name)
        first = method(*given)
        total = x.sum() + first
        for _ in range(len(x)):
            total += method(*given)
        return first, total, method(*given, size=(2, 3))

    return draws


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, tuple):
        assert len(a) == len(b)
        for left, right in zip(a, b):
            same(left, right)
    else:
        assert np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b)


def check(function, *args, kinds=KINDS, bits=BITS[:1], calls=3):
    compiled = hy.function(function, strict=True)
    for kind in kinds:
        for each in bits:
            a, b = kind(each(5)), kind(each(5))
            for _ in range(calls):
                given = [x.copy() if isinstance(x, np.ndarray) else x for x in args]
                also = [x.copy() if isinstance(x, np.ndarray) else x for x in args]
                same(compiled(a, *given), function(b, *also))
                same(tuple(given), tuple(also))
            assert a.uniform() == b.uniform()
    return compiled


@pytest.mark.parametrize("name", DRAWS)
def test_every_distribution(name):
    for given in DRAWS[name]:
        compiled = check(of(name), np.ones(3), *given, kinds=KINDS[:1])
        assert compiled.stats()["host_calls"] == 0 and compiled.stats()["native_calls"] == 2
        check(of(name), np.ones(3), *given, kinds=KINDS[1:])


@pytest.mark.parametrize("name", WRONG)
def test_parameters_that_numpy_refuses_raise_its_error_and_draw_nothing(name):
    def drawn(rng, *given):
        return rng.random() + getattr(rng, name)(*given)

    compiled = hy.function(drawn, strict=True)
    good = tuple(np.float64(x) if isinstance(x, float) else x for x in DRAWS[name][-1])
    bad = tuple(np.float64(x) if isinstance(x, float) else x for x in WRONG[name])
    rng, other = np.random.default_rng(3), np.random.default_rng(3)
    for given in (good, good, bad, good, bad):
        try:
            want = drawn(other, *given)
        except (ValueError, OverflowError) as error:
            with pytest.raises(type(error), match=r".+"):
                compiled(rng, *given)
        else:
            assert compiled(rng, *given) == want
    assert rng.random() == other.random()


@pytest.mark.parametrize("bits", BITS, ids=lambda bits: bits.__name__)
def test_an_entry_holds_generators_of_every_kind(bits):
    def walk(rng, x):
        for _ in range(20):
            x = x + rng.uniform() - rng.normal()
        return x

    for kind in KINDS:
        compiled = check(walk, np.ones(3), kinds=[kind], bits=[bits])
        assert compiled.stats()["native_calls"] == 2
        assert npyrandom.is_known(bits, kind is np.random.RandomState)


def test_a_call_that_python_has_to_make_finds_the_generator_as_it_was():
    def picked(rng, x, k):
        total = 0.0
        for _ in range(30):
            total += rng.normal() + rng.integers(7)
        return total + x[k]

    compiled = hy.function(picked, strict=True)
    for kind in (np.random.default_rng, lambda seed: np.random.Generator(np.random.MT19937(seed))):
        a, b, x = kind(3), kind(3), np.arange(4.0)
        for k in (1, 2, 9, 3, -9, 0):
            if abs(k) < 4:
                assert compiled(a, x, k) == picked(b, x, k)
            else:
                for f, rng in ((compiled, a), (picked, b)):
                    with pytest.raises(IndexError):
                        f(rng, x, k)
            assert a.random() == b.random()


def test_a_generator_of_another_class_is_not_taken_for_one_that_is_known():
    def drawn(rng, x):
        return x + rng.random()

    compiled = hy.function(drawn, strict=True)
    for make in (np.random.default_rng, lambda seed: np.random.Generator(np.random.SFC64(seed)), np.random.default_rng):
        for _ in range(3):
            assert np.array_equal(compiled(make(2), np.ones(2)), drawn(make(2), np.ones(2)))


def test_another_thread_waits_for_a_generator():
    """NumPy's lock is taken by machine code, too: every number is drawn once."""
    rng, size, rounds = np.random.default_rng(4), 50, 200
    compiled = hy.function(lambda rng: rng.random(size), strict=True)
    compiled(np.random.default_rng(0))
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda f=f: found.extend(f(rng) for _ in range(rounds)))
               for f in (compiled, lambda rng: rng.random(size))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    want = np.random.default_rng(4).random(2 * rounds * size)
    assert np.array_equal(np.sort(np.concatenate(found)), np.sort(want))


def test_a_held_generator_is_let_go():
    def failing(rng, x, k):
        return x[rng.integers(3) + k]

    compiled, rng, x = hy.function(failing, strict=True), np.random.default_rng(1), np.arange(5.0)
    for k in (0, 1, 7, 1):
        try:
            compiled(rng, x, k)
        except IndexError:
            assert k == 7
        done = threading.Event()
        threading.Thread(target=lambda done=done: (rng.random(), done.set())).start()
        assert done.wait(10)


SHARES = np.array([0.1, 0.2, 0.3, 0.4])
ORDERS = [
    (lambda rng, x: rng.shuffle(x), np.arange(20.0)), (lambda rng, x: rng.shuffle(x), np.arange(24).reshape(8, 3)),
    (lambda rng, x: rng.permutation(x), np.arange(12)), (lambda rng, x: rng.permutation(x), np.arange(12.0).reshape(6, 2)),
    (lambda rng, n: rng.permutation(n), 15), (lambda rng, x: x[rng.permutation(len(x))], np.arange(9.0)),
    (lambda rng, n: rng.choice(n), 9), (lambda rng, n: rng.choice(n, 4), 9), (lambda rng, n: rng.choice(n, size=(2, 3)), 9),
    (lambda rng, x: rng.choice(x), np.arange(5.0)), (lambda rng, x: rng.choice(x, len(x)), np.arange(5.0)),
    (lambda rng, p: rng.choice(4, p=p), SHARES), (lambda rng, p: rng.choice(4, 7, p=p), SHARES),
    (lambda rng, p: rng.choice(p, 3, True, p), SHARES), (lambda rng, n: rng.choice(n, 5, replace=False), 9),
    (lambda rng, n: rng.choice(n, replace=False), 9), (lambda rng, x: rng.choice(x, 3, replace=False), np.arange(40.0)),
    (lambda rng, n: rng.choice(n, 900, replace=False), 20_000), (lambda rng: rng.choice(4, 3, p=[0.1, 0.2, 0.3, 0.4]),),
    (lambda rng, p: rng.choice(4, 2, replace=False, p=p), SHARES), (lambda rng: rng.choice([3, 1, 2]),),
    (lambda rng, x: rng.choice(x, 0), np.arange(3.0)),
]  # fmt: skip


@pytest.mark.parametrize("case", ORDERS, ids=range(len(ORDERS)))
def test_orders_and_choices(case):
    function, *args = case
    for kind in KINDS:
        a, b = kind(np.random.MT19937(5)), kind(np.random.MT19937(5))
        compiled = hy.function(function)
        for _ in range(3):
            given, also = ([x.copy() if isinstance(x, np.ndarray) else x for x in args] for _ in range(2))
            same(compiled(a, *given), function(b, *also))
            same(tuple(given), tuple(also))
        assert a.uniform() == b.uniform()


def test_orders_and_choices_in_loops():
    def resampled(rng, x, n):
        out = np.zeros(n)
        for k in range(n):
            rng.shuffle(x)
            out[k] = rng.choice(x, size=len(x)).mean() + x[rng.permutation(len(x))][0]
            out[k] += x[rng.choice(len(x), 3, replace=False)].sum() + rng.choice(len(x), p=np.full(len(x), 1 / len(x)))
        return out

    for size in (8, 5, 8):
        assert check(resampled, np.arange(float(size)), 6).stats()["host_calls"] == 0


@pytest.mark.parametrize(
    "given", [(3, 4, False), (3, 2, True, [0.5, 0.6, 0.1]), (3, 2, True, [0.5, 0.5]), (0,), (3, 2, True, [-0.5, 1.0, 0.5])]
)
def test_choices_that_cannot_be_made_raise_numpys_error(given):
    rng = np.random.default_rng(2)
    with pytest.raises(ValueError, match=r".+") as want:
        rng.choice(*given)
    with pytest.raises(ValueError, match=r".+") as got:
        hy.function(lambda rng, x: x + rng.choice(*given))(rng, np.ones(2))
    assert str(got.value) == str(want.value)


def test_what_is_written_out_is_what_numpy_does():
    for kind in KINDS:
        for bits in BITS:
            assert all(shuffles._agrees(kind, bits, name) for name in shuffles.WRITTEN)
    kept = {name for name in distributions._FORMS if hasattr(np.random.Generator, name)}
    assert all(distributions._agrees(np.random.Generator, bits, name) for name in kept for bits in BITS)


def test_integers_with_their_last_number():
    def dice(rng, x):
        total = rng.integers(1, 6, endpoint=True)
        for _ in range(20):
            total += rng.integers(1, 6, endpoint=True) + rng.integers(len(x), endpoint=True)
        return total, rng.integers(0, 3, size=9, endpoint=True)

    assert check(dice, np.ones(4), kinds=KINDS[:1]).stats()["host_calls"] == 0


@pytest.mark.parametrize("backend", ["numba", "python"])
def test_other_back_ends_draw_the_same(backend):
    def drawn(rng, x):
        total = rng.poisson(3.0) + rng.binomial(9, 0.4)
        for _ in range(4):
            total += rng.gamma(2.0)
        y = x.copy()
        rng.shuffle(y)
        return total, rng.normal(1.0, 2.0, (2, 3)), y, rng.choice(x, 4)

    compiled = hy.function(drawn, strict=True, backend=backend)
    for _ in range(2):
        same(compiled(np.random.default_rng(6), np.arange(5.0)), drawn(np.random.default_rng(6), np.arange(5.0)))


def of_a_seed(x, seed):
    rng = np.random.default_rng(seed)
    y = x.copy()
    rng.shuffle(y)
    total = rng.poisson(4.0)
    for k in range(len(x)):
        total += rng.normal() * y[k]
    return total, rng.random(2), rng.multinomial(3, [0.5, 0.5])


def of_an_old_seed(x, seed):
    rng, other = np.random.RandomState(seed + 1), np.random.default_rng(seed * 2)
    return rng.normal(size=3) * x[:3], rng.randn(), other.integers(9, size=len(x)), rng.random_sample() + other.random()


@pytest.mark.parametrize("function", [of_a_seed, of_an_old_seed])
def test_a_seed_may_be_another_in_every_call(function):
    compiled = hy.function(function, strict=True)
    for seed in (3, 3, 4, 5, 6, 7, 5, 11, np.int64(3)):
        same(compiled(np.arange(6.0), seed), function(np.arange(6.0), seed))
    assert compiled.stats()["traces"] <= 4
    with pytest.raises(ValueError, match=r"non-negative|between 0 and"):
        compiled(np.arange(6.0), -5)
    same(compiled(np.arange(6.0), 8), function(np.arange(6.0), 8))


def test_old_normal_numbers_of_a_known_seed_take_computed_parameters():
    def drawn(x):
        old = np.random.RandomState(7)
        first = old.binomial(9, 0.4) + old.rand()
        return old.normal(x.sum(), 2.0) + first, old.normal(x[0]), old.randn(2) * x[:2], old.normal(x.sum(), size=3)

    compiled = hy.function(drawn, strict=True)
    for k in range(3):
        same(compiled(np.arange(4.0) + k), drawn(np.arange(4.0) + k))
