"""`hy.random`: known answers of the hash, the same bits eager and compiled, fresh draws, streams, distributions."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

import hybrid as hy
from hybrid.codegen.scalars import threefry as scalar_hash
from hybrid.frontend.random import BESIDE, Generator
from hybrid.frontend.words import log, normal
from hybrid.ops.random import threefry

N = 20_000
CONTINUOUS = {
    "r.random({n}, {d})": "uniform", "r.uniform(-1, 3, {n}, {d})": stats.uniform(-1, 4),
    "r.standard_normal({n}, {d})": "norm", "r.normal(1.5, 0.5, {n}, {d})": stats.norm(1.5, 0.5),
    "r.standard_exponential({n}, {d})": "expon", "r.exponential(2.0, {n}, {d})": stats.expon(0, 2),
    "r.laplace(1, 2, {n}, {d})": stats.laplace(1, 2), "r.logistic(1, 2, {n}, {d})": stats.logistic(1, 2),
    "r.gumbel(1, 2, {n}, {d})": stats.gumbel_r(1, 2),
}  # fmt: skip
DRAWS = [
    *(source.format(n=size, d=f"'{d}'") for source in CONTINUOUS for size in ("50", "(3, 4)", "()") for d in ("f4", "f8")),
    "r.random()", "r.normal()", "r.random(dtype='f4')", "r.normal(1.5, 2.0)", "r.bernoulli()", "r.gumbel()", "r.integers(3, 9)",
    "r.integers(k[1], k[3] + 5)",
    "r.integers(k - 2**62, k * 2**60 + 2**62)", "r.integers(np.int64(-2**63) + k, 2**63 - 1 - k, endpoint=True)",
    "r.choice(5)", "r.choice(x)", "r.choice(3, p=[0.2, 0.5, 0.3])", "r.choice(3, None, False)",
    "r.random((0, 3))", "r.bernoulli(0.3, 20)", "r.normal(x, x * x)", "r.uniform(x.reshape(4, 1), x + 9)",
    "r.integers(10)", "r.integers(3, 9, (2, 3), np.int32)", "r.integers(-5, 5, 7, endpoint=True)", "r.integers(0, 2**40, 9)",
    "r.integers(0, 2**64, 5, np.uint64)", "r.integers(-2**63, 2**63, 5)", "r.randint(2**32, size=4)",
    "r.integers(k, k + 7)", "r.integers(k[:, None], 20, (4, 3))", "r.permutation(9)", "r.permutation(x)",
    "r.permutation(x.reshape(2, 2))", "r.choice(6, 4)", "r.choice(x, (2, 3))", "r.choice(x, 3, replace=False)",
    "r.choice(9, 9, replace=False)", "r.choice(4, 5, p=[0.1, 0.2, 0.3, 0.4])", "r.choice(x, 2, False, x / x.sum())",
    "[s.random() for s in r.spawn(3)]", "r.random(20_000, 'f8')",
]  # fmt: skip


def bits(value):
    leaves = value if isinstance(value, list) else [value]
    return [(type(leaf), np.asarray(leaf).dtype, np.shape(leaf), np.asarray(leaf).tobytes()) for leaf in leaves]


@pytest.mark.parametrize(
    "key, counter, answer",
    [
        (0, 0, 0x99BA4EFE_6B200159),
        (2**64 - 1, 2**64 - 1, 0xBB002BE7_1CB996FC),
        (0x03707344_13198A2E, 0x85A308D3_243F6A88, 0x483DF7A0_C4923A9C),
    ],
)
def test_the_hash_gives_random123s_known_answers(key, counter, answer):
    words = threefry.eval(np.uint64(key), np.full(100, counter, np.uint64))
    assert (words == np.uint64(answer)).all() and threefry.eval(np.uint64(key), np.uint64(counter)) == answer
    with np.errstate(all="ignore"):
        assert scalar_hash(np.uint64(key), np.uint64(counter)) == answer


@pytest.mark.parametrize("source", DRAWS)
def test_draws_have_the_same_bits_eager_and_compiled(source):
    r, x, k = hy.random.default_rng(11), np.array([1.0, 2.0, 0.5, 4.0]), np.arange(4)
    function = eval(f"lambda x, k: {source}", {"np": np, "r": r})
    compiled = hy.function(function, strict=True)
    before = r.state
    eager = [bits(function(x, k)) for _ in range(3)]
    after, r.state = r.state, before
    assert [bits(compiled(x, k)) for _ in range(3)] == eager
    assert r.state.tobytes() == after.tobytes()


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_all_back_ends_draw_the_same(backend):
    r = hy.random.default_rng(2)

    def draw():
        return [r.standard_normal(9, "f8"), r.random(9), r.integers(7, size=5)]

    compiled, before = hy.function(draw, strict=True, backend=backend), r.state
    eager, r.state = bits(draw()), before
    assert bits(compiled()) == eager


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_draw_the_same(threads):
    r = hy.random.default_rng(3)
    with hy.config.override(threads=threads):
        compiled = hy.function(lambda: r.random(1 << 20), strict=True)
        drawn = compiled().numpy()
    assert drawn.tobytes() == hy.random.default_rng(3).random(1 << 20).numpy().tobytes()


@pytest.mark.parametrize("source", CONTINUOUS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats_follow_their_distribution(source, dtype):
    expected = CONTINUOUS[source]
    drawn = eval(source.format(n=N, d=f"'{dtype}'"), {"r": hy.random.default_rng(0)}).numpy()
    assert drawn.dtype == np.dtype(dtype)
    cdf = expected if isinstance(expected, str) else expected.cdf
    assert stats.kstest(drawn.astype(float), cdf).pvalue > 0.01
    frozen = getattr(stats, expected)() if isinstance(expected, str) else expected
    assert abs(drawn.mean(dtype=float) - frozen.mean()) < 4 * frozen.std() / N**0.5


@pytest.mark.parametrize("count", [2, 7, 100, 2**33])
def test_integers_are_equally_likely(count):
    drawn = hy.random.default_rng(1).integers(count, size=N).numpy()
    assert drawn.min() >= 0 and drawn.max() < count
    boxes = np.bincount(drawn * min(count, 50) // count, minlength=min(count, 50))
    assert stats.chisquare(boxes, None if count in (2, 100, 2**33) else np.full(7, N / 7)).pvalue > 0.01


def test_wide_integers_are_products_of_128_bits():
    r, n = hy.random.default_rng(4), 3 * 2**61 + 12345
    key, at = r.state
    drawn, places = r.integers(n, size=50).numpy(), at + np.arange(50, dtype=np.uint64)
    first, second = threefry.eval(key, places), threefry.eval(key ^ np.uint64(BESIDE), places)
    assert [int(x) for x in drawn] == [(int(a) << 64 | int(b)) * n >> 128 for a, b in zip(first, second)]


def test_choices_follow_their_weights():
    r, p = hy.random.default_rng(8), np.array([0.1, 0.2, 0.3, 0.4])
    assert stats.chisquare(np.bincount(r.choice(4, N, p=p).numpy()), N * p).pvalue > 0.01
    pairs = [tuple(r.choice(3, 2, replace=False, p=[0.5, 0.3, 0.2]).numpy()) for _ in range(2000)]
    assert all(a != b for a, b in pairs)
    first = np.bincount([a for a, _ in pairs])
    assert stats.chisquare(first, 2000 * np.array([0.5, 0.3, 0.2])).pvalue > 0.01
    orders = [tuple(r.permutation(3).numpy()) for _ in range(3000)]
    assert stats.chisquare([orders.count(order) for order in set(orders)]).pvalue > 0.01 and len(set(orders)) == 6


def test_the_normal_quantile_and_the_logarithm_are_exact_to_some_ulps():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**64, 20_000, dtype=np.uint64)
    words[:4] = 0, 2**63, 2**64 - 1, 2**63 - 1
    p = ((words << np.uint64(1) >> np.uint64(12)).astype(float) + 0.5) * 2.0**-53
    expected = np.where(words >> np.uint64(63) == 0, -ndtri(p), ndtri(p))
    np.testing.assert_allclose(normal(hy.asarray(words), np.dtype("f8")).numpy(), expected, rtol=2e-15)
    p = ((words << np.uint64(1) >> np.uint64(32)).astype(float) + 0.5) * 2.0**-33
    expected = np.where(words >> np.uint64(63) == 0, -ndtri(p), ndtri(p))
    np.testing.assert_allclose(normal(hy.asarray(words), np.dtype("f4")).numpy(), expected, rtol=1e-6, atol=2e-7)
    x = np.exp(rng.uniform(-37, 0, 20_000))
    np.testing.assert_allclose(log(hy.asarray(x), np.dtype("f8")).numpy(), np.log(x), rtol=3e-16)


def test_every_call_of_a_compiled_function_draws_afresh():
    f = hy.function(lambda: hy.random.rand(4), strict=True)
    hy.random.seed(5)
    first, second = f().numpy(), f().numpy()
    assert not np.array_equal(first, second)
    hy.random.seed(5)
    assert np.array_equal(hy.random.rand(4).numpy(), first) and np.array_equal(f().numpy(), second)
    hy.random.seed(5)
    assert np.array_equal(f().numpy(), first) and len(f.traces) == 1 and f.traces[0].native_calls > 0


def test_arrays_beside_a_generator_are_not_watched():
    weights = np.ones(3)
    f = hy.function(lambda: weights * hy.random.rand(3), strict=True)
    f()
    weights[:] = 0
    assert not f().numpy().any() and len(f.traces) == 1


def test_draws_without_a_size_are_numbers_as_numpys():
    r, n = hy.random.default_rng(1), np.random.default_rng(1)
    for source in (
        "random()",
        "normal(1, 2)",
        "exponential(2.0)",
        "integers(9)",
        "integers(1, 9, dtype=np.int32)",
        "choice(5)",
    ):
        ours, numpys = eval(f"r.{source}", {"r": r, "np": np}), eval(f"r.{source}", {"r": n, "np": np})
        assert type(ours) is (np.int64 if source == "choice(5)" else type(numpys))
    assert type(r.random(())) is hy.Tensor and type(r.bernoulli()) is bool


def test_draws_in_branches_and_loops_are_native():
    r = hy.random.default_rng(9)

    def walk(n, p):
        x, path = 0.0, np.zeros(n)
        for i in range(n):
            x = x + r.normal()
            if math.log(r.random()) < p:
                x = x * r.uniform(0.5, 1.0)
            path[i] = x
        return path

    compiled, before = hy.function(walk, strict=True), r.state
    eager = [walk(40, -1.5), walk(40, -1.5)]
    after, r.state = r.state, before
    assert [compiled(40, -1.5).tobytes() for _ in range(2)] == [path.tobytes() for path in eager]
    assert r.state.tobytes() == after.tobytes() and "written out" not in compiled.explain()


def test_generators_are_made_seeded_and_passed_inside():
    def inside(seed, other):
        hy.random.seed(3)
        own = hy.random.default_rng(seed)
        return [own.random(3), own.integers(9, size=2), hy.random.randn(2, 2), other.random(2)]

    compiled = hy.function(inside, strict=True)
    for seed in (7, np.int32(7), np.uint64(2**63)):
        a, b = hy.random.default_rng(1), hy.random.default_rng(1)
        assert [bits(compiled(seed, a)) for _ in range(2)] == [bits(inside(seed, b)) for _ in range(2)]


def test_any_generator_that_is_passed_uses_one_native_trace():
    def noisy(r, x):
        return x + r.normal(size=3)

    compiled = hy.function(noisy, strict=True)
    for seed in range(12):
        a, b = hy.random.default_rng(seed), hy.random.default_rng(seed)
        assert [bits(compiled(a, np.ones(3))) for _ in range(2)] == [bits(noisy(b, np.ones(3))) for _ in range(2)]
        assert a.state.tobytes() == b.state.tobytes()
    assert len(compiled.traces) == 1 and compiled.traces[0].native_calls > 20


def test_generators_are_returned():
    def made(seed):
        return hy.random.default_rng(seed), hy.random.default_rng(seed).spawn(2)

    for a, (b, c) in (made(3), hy.function(made, strict=True)(3)):
        assert all(type(r) is Generator for r in (a, b, c))
        assert [r.random() for r in (a, b, c)] == [r.random() for r in (made(3)[0], *made(3)[1])]
        before = a.state
        drawn, a.state = hy.function(lambda a=a: a.random(3), strict=True)(), before
        assert np.array_equal(drawn, a.random(3))


def test_one_generator_in_two_places_is_one_stream():
    def both(a, b):
        return a.random(), b.random(), a.random()

    compiled, r, s = hy.function(both, strict=True), hy.random.default_rng(1), hy.random.default_rng(1)
    assert [compiled(r, r) for _ in range(2)] == [both(s, s) for _ in range(2)]
    pair, other = [hy.random.default_rng(k) for k in (1, 2)], [hy.random.default_rng(k) for k in (1, 2)]
    assert compiled(*pair) == both(*other)


def test_a_call_that_python_repeats_draws_the_same():
    r = hy.random.default_rng(6)

    def f(x, i):
        return r.random(3) * x[i]

    compiled, before = hy.function(f, strict=True), r.state
    compiled(np.arange(4.0), np.int64(1))
    after = r.state
    with pytest.raises(IndexError):
        compiled(np.arange(4.0), np.int64(9))
    assert r.state[1] - after[1] == after[1] - before[1]  # Python drew once, compiled code left no trace


def test_shuffling_is_in_place():
    def shuffled(x):
        r.shuffle(x)
        return x

    r = hy.random.default_rng(1)
    compiled, before = hy.function(shuffled, strict=True), r.state
    eager, r.state = shuffled(np.arange(20).reshape(10, 2)), before
    x = np.arange(20).reshape(10, 2)
    assert compiled(x) is x and np.array_equal(x, eager) and not np.array_equal(x, np.arange(20).reshape(10, 2))


def test_numbers_of_a_loop_draw_as_plain_ones():
    def fisher_yates(n):
        order = np.arange(n)
        for i in range(n - 1, 0, -1):
            j = r.integers(i + 1)
            kept = order[i]
            order[i] = order[j]
            order[j] = kept
        return order

    r = hy.random.default_rng(1)
    compiled, before = hy.function(fisher_yates, strict=True), r.state
    eager, r.state = fisher_yates(30), before
    assert np.array_equal(compiled(30), eager) and sorted(eager) == list(range(30))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, r: x + r.normal(size=x.shape, dtype="f8"),
        lambda x, r: x + r.random((2, len(x)), dtype="f8"),
        lambda x, r: r.normal(x, 2.0, dtype="f8") + r.integers(len(x), size=len(x)),
        lambda x, r: r.permutation(x) + r.choice(x),
    ],
)
def test_arrays_of_many_sizes(function):
    compiled = hy.function(function)
    a, b = hy.random.default_rng(1), hy.random.default_rng(1)
    for n in (3, 4, 5, 9, 4, 17, 3):
        assert bits(compiled(np.arange(1.0, n), a)) == bits(function(np.arange(1.0, n), b))
        assert a.state.tobytes() == b.state.tobytes()
    assert not compiled.stats()["fallbacks"]


def test_streams_are_independent_and_depend_on_the_parent():
    a, b = hy.random.default_rng(1).spawn(2)
    again, _ = hy.random.default_rng(1).spawn(2)
    x, y = a.random(N, "f8").numpy(), b.random(N, "f8").numpy()
    assert np.array_equal(x, again.random(N, "f8").numpy()) and abs(np.corrcoef(x, y)[0, 1]) < 0.03


def test_generators_are_copied_and_pickled_with_their_state():
    r = hy.random.default_rng(1)
    r.random(5)
    for other in (copy.deepcopy(r), pickle.loads(pickle.dumps(r))):
        assert type(other) is Generator and other.random() == pickle.loads(pickle.dumps(r)).random()
    assert copy.deepcopy(r).random() == r.random()


@pytest.mark.parametrize(
    "source, error",
    [
        ("r.integers(5, 5)", ValueError), ("r.integers(5, 4, endpoint=True)", ValueError), ("r.normal(0, -1)", ValueError),
        ("r.integers(0, 300, dtype=np.uint8)", ValueError), ("r.integers(3, dtype=float)", TypeError),
        ("r.random(3, np.float16)", TypeError), ("r.random(-1)", ValueError), ("r.random(2.5)", TypeError),
        ("hy.random.default_rng(-1)", hy.errors.ArgumentError), ("hy.random.default_rng('a')", hy.errors.ArgumentError),
        ("r.choice(3, 4, replace=False)", ValueError), ("r.choice(0)", ValueError), ("r.bernoulli(1.5)", ValueError),
        ("r.choice(3, p=[0.5, 0.5])", ValueError),
        ("r.choice(2, p=[0.0, 0.0])", ValueError), ("r.choice(2, p=[1.5, -0.5])", ValueError), ("r.shuffle([1, 2])", TypeError),
    ],
)  # fmt: skip
def test_errors(source, error):
    function = eval(f"lambda: {source}", {"np": np, "hy": hy, "r": hy.random.default_rng(0)})
    with pytest.raises(error):
        function()
    with pytest.raises(error):
        hy.function(function)()
