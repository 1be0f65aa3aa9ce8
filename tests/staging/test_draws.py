"""NumPy's own generators in decorated code: the streams, types and states of undecorated code, whatever becomes of a call."""

from __future__ import annotations

import copy
import functools
import itertools
import math
import threading
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, TraceError
from hybrid.frontend import distributions
from hybrid.passes import worth

RNG, LEGACY = np.random.default_rng(), np.random.RandomState()
TABLE = np.arange(6.0)


def reset():
    RNG.bit_generator.state = np.random.PCG64(5).state
    LEGACY.seed(6)
    np.random.seed(7)


def parts(value):
    if isinstance(value, (tuple, list)):
        return type(value), [parts(item) for item in value]
    return type(value), np.asarray(value).dtype, np.shape(value), np.asarray(value).tobytes()


def check(function, *args, calls=3, **options):
    """Decorated calls give, write and draw what undecorated ones do; the one trace is returned."""
    seen = []
    compiled = hy.function(function, strict=True, **options)
    for f in (function, compiled):
        reset()
        found = []
        for _ in range(calls):
            given = copy.deepcopy(args)
            found.append((parts(f(*given)), parts([a for a in given if isinstance(a, np.ndarray)])))
        seen.append((found, RNG.random(), LEGACY.rand(), np.random.rand()))
    assert seen[0] == seen[1]
    assert len(compiled.traces) == 1 and compiled.traces[0].missed == 0
    return compiled


def shuffled(x):
    RNG.shuffle(x)
    return x


def shuffled_columns(x):
    LEGACY.shuffle(x)
    RNG.shuffle(x, axis=1)


def seeded():
    np.random.seed(3)
    first = np.random.rand()
    np.random.seed(3)
    return first, np.random.rand(2)


def unread(x):
    RNG.random(100)
    np.random.rand()
    return x * 2


def nothing():
    RNG.random(3)


def partially():
    half = functools.partial(RNG.uniform, 0, 0.5)
    draw = np.random.normal
    return half(), draw(0.0, 1.0, 3), half(size=2)


@hy.function
def noise(n):
    total = 0.0
    for _ in range(n):
        total = total + RNG.random()
    return total


def by_a_decorated_one(x):
    return x * noise(2) + noise(3)


def drawn_sizes_and_places(x):
    k, total = RNG.integers(9), 0.0
    while total < k:
        total += 1.0
    x[RNG.integers(len(x))] = total
    order = RNG.permutation(len(x))
    return x[order] if RNG.random() < 0.5 else -x


def written_out():
    total = 0.0
    for k in range(5):
        total = total + RNG.normal() * k
    return total


def decided(n):
    if n > 3:
        return RNG.random(2)
    return RNG.normal(size=3)


FUNCTIONS = [
    (lambda: np.random.rand(),), (lambda: np.random.rand(3, 2) * 2,), (lambda: np.random.randn(4) * 3.0,),
    (lambda: np.random.random(),), (lambda: np.random.random_sample((2,)),), (lambda: np.random.ranf(),),
    (lambda: np.random.sample(2),), (lambda: np.random.normal(size=(3, 2)).max(axis=0),), (lambda: np.random.randint(10),),
    (lambda: np.random.randint(0, 10, 5),), (lambda: np.random.randint(5, dtype=np.int32),), (lambda: np.random.choice(5, 3),),
    (lambda n: np.random.permutation(n), 7), (lambda: np.random.poisson(3.0, 4),), (lambda: np.random.binomial(10, 0.5),),
    (lambda: np.random.exponential(2.0),), (lambda: np.random.multivariate_normal([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]]),),
    (lambda: RNG.random(),), (lambda: RNG.random(3, dtype=np.float32) + 1,), (lambda: RNG.integers(10),),
    (lambda: RNG.integers(3, 9, (2, 2), dtype=np.uint8),), (lambda: RNG.normal(),), (lambda: RNG.choice([1.0, 2.0, 3.0]),),
    (lambda x: x + RNG.normal(0, 1, x.shape), np.ones((3, 4))), (lambda x: RNG.normal(x, 1), np.arange(4.0)),
    (lambda m: RNG.normal(m, 2.0), 1.5), (lambda m: RNG.normal(m, 2.0, size=3), np.float64(1.5)),
    (lambda m, s: RNG.uniform(m, s), 1.5, 2.5), (lambda p: RNG.binomial(9, p, 3), 0.25),
    (lambda x: RNG.multinomial(5, x / x.sum()), TABLE),
    (lambda x: RNG.permutation(x), np.arange(10.0)), (lambda x: RNG.permutation(x) + 1, np.arange(10.0).reshape(5, 2)),
    (lambda x: RNG.permuted(x, axis=1), np.arange(6).reshape(2, 3)), (lambda x: RNG.choice(x, 3), np.arange(9.0)),
    (lambda x, p: RNG.choice(x, 3, p=p), np.arange(4.0), np.full(4, 0.25)), (lambda: RNG.choice(TABLE, 2) + TABLE[:2],),
    (lambda: (RNG.random(), LEGACY.rand(2), np.random.rand(), RNG.random(2)),), (lambda: 1 / RNG.random(),),
    (lambda: math.log(RNG.random()),), (lambda: RNG.integers(3) + np.random.randint(4),), (lambda: RNG.random(0),),
    (lambda x: np.where(RNG.random(4) < 0.5, x, -x), np.ones(4)), (shuffled, np.arange(10)),
    (shuffled_columns, np.arange(12.0).reshape(3, 4)), (seeded,), (unread, np.ones(3)), (nothing,),
    (written_out,), (partially,), (by_a_decorated_one, np.ones(2)),
    (drawn_sizes_and_places, np.arange(5.0)),
    (decided, 3), (decided, 4), (lambda: [RNG.random(2) for _ in range(3)],),
]  # fmt: skip


@pytest.mark.parametrize("case", FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_draws_are_those_of_undecorated_code(case):
    check(*case)


@pytest.mark.parametrize("backend", ["numba", "python"])
def test_draws_on_other_back_ends(backend):
    check(lambda x: x * RNG.random(3) + np.random.rand(), np.arange(3.0), backend=backend)


def test_equal_draws_are_two_draws_and_stay_in_order():
    compiled = check(lambda: RNG.random(2) - RNG.random(2) + LEGACY.rand() * RNG.normal())
    draws = [eqn for eqn in compiled.traces[0].graph.eqns if "call" in eqn.params]
    assert [eqn.params["call"].method for eqn in draws] == ["random", "random", "rand", "normal"]
    assert all(after.inputs[0] is before.outputs[0] for before, after in itertools.pairwise(draws))
    assert "<Generator.random(size=(2,))>" in str(compiled.traces[0].graph) and "random_normal" in compiled.explain()


def test_any_generator_that_is_passed_uses_one_trace():
    def noisy(x, rng, scale=1.0):
        return x + scale * rng.standard_normal(x.shape)

    compiled, x = hy.function(noisy, strict=True), np.ones(3)
    for seed in range(12):
        a, b = np.random.default_rng(seed), np.random.default_rng(seed)
        assert np.array_equal(compiled(x, a), noisy(x, b)) and np.array_equal(compiled(x, rng=a), noisy(x, b))
        assert a.random() == b.random()
    assert len(compiled.traces) == 1
    old, again = np.random.RandomState(3), np.random.RandomState(3)
    assert np.array_equal(compiled(x, old), noisy(x, again)) and len(compiled.traces) == 2


def test_one_generator_passed_twice_is_one_stream():
    def both(a, b):
        return a.random(), b.random(), a.random()

    compiled = hy.function(both, strict=True)
    for seed in range(2):
        r, s = np.random.default_rng(seed), np.random.default_rng(seed)
        assert compiled(r, r) == both(s, s)
        pair, other = [np.random.default_rng(k) for k in (1, 2)], [np.random.default_rng(k) for k in (1, 2)]
        assert compiled(*pair) == both(*other)
    assert len(compiled.traces) == 2


def test_a_generator_that_is_passed_and_global():
    def both(rng):
        return rng.random(), RNG.random(), rng is RNG

    compiled = hy.function(both)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        for _ in range(2):
            for passed in (True, False):
                found = []
                for f in (compiled, both):
                    reset()
                    found.append(f(RNG if passed else np.random.default_rng(1)))
                assert found[0] == found[1]


def test_generators_as_defaults_attributes_and_in_containers():
    rng = np.random.default_rng(4)

    def defaulted(x, rng=rng):
        return x * rng.random(3)

    @dataclass
    class Model:
        rng: np.random.Generator
        scale: float

    class Holder:
        def __init__(self, seed):
            self.rng = np.random.default_rng(seed)

        def step(self, x):
            return x + self.rng.normal(size=x.shape)

    x = np.ones(3)
    compiled, state = hy.function(defaulted, strict=True), rng.bit_generator.state
    first = [compiled(x) for _ in range(3)]
    rng.bit_generator.state = state
    assert all(np.array_equal(a, defaulted(x)) for a in first)
    for make, function in (
        (lambda: Model(np.random.default_rng(1), 2.0), lambda m, x: m.scale * m.rng.random(3) + x),
        (lambda: {"rng": [np.random.default_rng(1)]}, lambda m, x: m["rng"][0].random(3) + x),
        (lambda: Holder(1), lambda m, x: m.step(x)),
    ):
        a, b, compiled = make(), make(), hy.function(function, strict=True)
        assert all(np.array_equal(compiled(a, x), function(b, x)) for _ in range(3))


def test_another_global_generator_is_seen():
    global RNG
    compiled = hy.function(lambda: RNG.random(2), strict=True)
    reset()
    compiled()
    old, RNG = RNG, np.random.default_rng(77)
    try:
        assert np.array_equal(compiled(), np.random.default_rng(77).random(2))
    finally:
        RNG = old


def test_a_call_handed_back_to_python_draws_the_same():
    def picks(x, i):
        noise = RNG.random(3) + LEGACY.normal(size=3) + np.random.rand()
        x += noise
        return x[i]

    compiled = hy.function(picks, strict=True)
    seen = []
    for f in (picks, compiled):
        reset()
        x = np.arange(3.0)
        found = [f(x, np.int64(1))]
        with pytest.raises(IndexError):
            f(x, np.int64(9))
        seen.append((found, x.tobytes(), f(x, np.int64(0)), RNG.random(), LEGACY.normal(), np.random.rand()))
    assert seen[0] == seen[1]


def test_bad_parameters_raise_numpys_error_and_draw_nothing():
    def both(scale):
        return RNG.random(), RNG.normal(0.0, scale)

    compiled = hy.function(both, strict=True)
    seen = []
    for f in (both, compiled):
        reset()
        f(1.0)
        with pytest.raises(ValueError, match="scale < 0"):
            f(-1.0)
        seen.append(RNG.random())
    assert seen[0] == seen[1]
    with pytest.raises(ValueError, match="high <= 0"):
        hy.function(lambda: RNG.integers(0))()


def test_tracing_draws_nothing():
    reset()
    f = hy.function(lambda: RNG.random(4) + np.random.rand(), strict=True)
    f.trace()
    reset_state = RNG.bit_generator.state
    assert reset_state == np.random.PCG64(5).state


def test_verifying_a_call_draws_nothing():
    f = hy.function(lambda rng, x: x * rng.random(3) + RNG.random() + np.random.rand(), strict=True)
    reset()
    rng = np.random.default_rng(1)
    assert str(f.verify(rng, np.ones(3))) == "1 result agrees"
    assert rng.random() == np.random.default_rng(1).random()
    assert RNG.bit_generator.state == np.random.PCG64(5).state


def test_threads_draw_from_their_own_arguments():
    compiled = hy.function(lambda rng: rng.random(100).sum() + rng.random(), strict=True)
    compiled(np.random.default_rng(0))
    expected = [sum_of(np.random.default_rng(seed)) for seed in range(4)]
    found = [None] * 4

    def work(seed):
        for _ in range(20):
            found[seed] = compiled(np.random.default_rng(seed))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def sum_of(rng):
    return rng.random(100).sum() + rng.random()


def with_a_seed(x, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    return x * rng.random(3) + np.random.RandomState(seed).rand()


def test_generators_made_of_a_seed_start_again_in_every_call():
    check(with_a_seed, np.arange(3.0), 5)


def with_parameters(mean, seed):
    rng = np.random.default_rng(seed)
    first = rng.random(2)
    second = rng.normal(mean, 2.0, 2)
    return first, second, rng.random(2), np.random.RandomState(seed).poisson(mean * mean, 3), RNG.random()


def test_generators_made_of_a_seed_take_computed_parameters():
    compiled = check(with_parameters, 1.5, 5)
    reset()
    assert np.array_equal(compiled(2.5, 5)[1], with_parameters(2.5, 5)[1])
    reset()
    with pytest.raises(ValueError, match="lam < 0"):
        hy.function(lambda mean: np.random.default_rng(1).poisson(mean), strict=True)(-1.0)


def test_threads_make_their_own_generators():
    compiled = hy.function(with_parameters, strict=True)
    compiled(1.0, 5)
    expected, found = with_parameters(1.0, 5)[:4], []
    threads = [threading.Thread(target=lambda: found.extend(compiled(1.0, 5)[:4] for _ in range(20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80 and all(parts(out) == parts(expected) for out in found)


def mapped(mean):
    rng = np.random.default_rng(1)
    first = rng.normal(mean)
    return first, list(map(rng.normal, [1.0, 2.0]))


def callbacks_alone(n):
    total = 0
    for _ in range(n):
        total += RNG.multinomial(3, TABLE[:2] / TABLE[:2].sum())[0]
    return total


def made_in_a_loop(n):
    total = 0.0
    for _ in range(n):
        total += np.random.default_rng(3).random()
    return total


def of_state():
    return RNG.bit_generator.state["has_uint32"]


def of_bytes():
    return LEGACY.bytes(3)


def into():
    out = np.zeros(3)
    RNG.random(out=out)
    return out


def of_a_list():
    items = [1, 2, 3]
    RNG.shuffle(items)
    return items


def unseeded():
    return np.random.default_rng().random() < 2


def deep():
    return copy.deepcopy(RNG).random()


def legacy_state():
    np.random.get_state()
    return np.random.rand()


REFUSED = [
    (made_in_a_loop, 5000), (of_state,), (of_bytes,), (into,),
    (of_a_list,), (unseeded,),
    (deep,), (legacy_state,), (lambda: RNG.spawn(2)[0].random(),),
]  # fmt: skip


def test_what_map_draws_is_drawn_in_order():
    for f in (mapped, lambda mean: list(map(RNG.normal, [mean, 2.0]))):
        seen = []
        for g in (f, hy.function(f, strict=True)):
            reset()
            seen.append(([parts(g(1.5)) for _ in range(3)], RNG.random()))
        assert seen[0] == seen[1]


@pytest.mark.parametrize("case", REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_compiled_runs_as_python(case):
    function, *args = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        compiled, seen = hy.function(function), []
        for f in (function, compiled):
            reset()
            seen.append(([parts(f(*args)) for _ in range(2)], RNG.random(), LEGACY.rand(), np.random.rand()))
    assert seen[0][1:] == seen[1][1:] and (seen[0][0] == seen[1][0] or function.__name__ == "<lambda>")
    with pytest.raises(TraceError):
        hy.function(function, strict=True)(*args)


def test_draws_that_python_makes_faster_are_compiled_where_that_is_asked_for():
    reset()
    want = parts(callbacks_alone(50))
    with pytest.warns(hy.FallbackWarning, match="does little but call NumPy"):
        reset()
        assert parts(hy.function(callbacks_alone)(50)) == want
    reset()
    assert parts(hy.function(callbacks_alone, strict=True)(50)) == want


def test_the_branch_of_a_number_is_decided_by_its_value():
    def dropout(x, rate, rng):
        if rate == 0:
            return x
        return x * (rng.random(x.shape) >= rate) / (1 - rate)

    compiled = hy.function(dropout, strict=True)
    for rate in (0.0, 0.5, 0.25, 0.5):
        a, b = np.random.default_rng(3), np.random.default_rng(3)
        assert np.array_equal(compiled(np.ones(9), rate, a), dropout(np.ones(9), rate, b))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, rng: x + rng.normal(size=x.shape),
        lambda x, rng: x * rng.random(x.shape),
        lambda x, rng: x[0] + rng.random(len(x)),
        lambda x, rng: rng.normal(x, 2.0) - rng.permutation(x),
        lambda x, rng: x.sum() + rng.integers(x.shape[0]),
    ],
)
def test_draws_for_arrays_of_many_sizes(function):
    compiled = hy.function(function)
    a, b = np.random.default_rng(1), np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for n in (3, 4, 5, 9, 4, 17, 3):
            np.testing.assert_allclose(compiled(np.ones(n), a), function(np.ones(n), b), rtol=1e-14)
    assert a.random() == b.random()


def test_a_saved_graph_has_no_generator(tmp_path):
    with pytest.raises(ArgumentError, match="draws from a NumPy generator"):
        hy.export.save(hy.function(lambda: RNG.random(2)), tmp_path / "f.hy")
    with pytest.raises(ArgumentError, match="takes a NumPy generator"):
        hy.export.save(hy.function(lambda rng, x: x), tmp_path / "f.hy", RNG, np.ones(2))


# in branches and loops -------------------------------------------------------------------------------------------------
def in_a_loop(n):
    total = 0.0
    for _ in range(n):
        total += RNG.random()
    return total


def in_a_branch(x):
    return RNG.random() if x[0] > 0 else 0.0


def kinds(n):
    """Every draw with a C function, known parameters and computed ones."""
    out = np.zeros((n, 20))
    for i in range(n):
        x = RNG.random()
        out[i, 0], out[i, 1], out[i, 2] = x, RNG.uniform(), RNG.uniform(-x, high=2.5)
        out[i, 3], out[i, 4], out[i, 5] = RNG.standard_normal(), RNG.normal(), RNG.normal(x, scale=x + 1.0)
        out[i, 6], out[i, 7], out[i, 8] = RNG.standard_exponential(), RNG.exponential(), RNG.exponential(2.0)
        out[i, 9], out[i, 10], out[i, 11] = RNG.integers(6), RNG.integers(-3, i + 1), RNG.integers(low=0, high=2**40)
        out[i, 12], out[i, 13], out[i, 14] = LEGACY.rand(), LEGACY.random_sample(), np.random.random()
        out[i, 15], out[i, 16], out[i, 17] = np.random.randint(7), np.random.randint(-i, 9), LEGACY.randint(1 << 33)
        out[i, 18], out[i, 19] = np.random.randn(), LEGACY.normal(x, 0.5)
    return out


def mixed(n, rng):
    """C functions, methods and seeds of one generator in turn."""
    total = np.zeros(3)
    for i in range(n):
        if i == 7:
            np.random.seed(11)
        if rng.random() < 0.5:
            total += rng.normal(size=3)
        elif rng.random() < 0.3:
            total[rng.integers(3)] += np.random.normal(1.0, 2.0)
        else:
            total -= rng.poisson(3.0, 3) * np.random.uniform(0.0, 2.0)
    return total, rng.random(), np.random.normal()


def nested(n):
    """A number of rounds that is drawn, early ends and conditional expressions."""
    walks = 0
    for i in range(n):
        x, steps = 0.0, 0
        while abs(x) < 2.0:
            x += RNG.normal() if i % 2 else np.random.normal(0.0, 1.5)
            steps += 1
            if steps > 50:
                break
        walks += steps
    return walks, RNG.random(), np.random.rand()


def in_order(x):
    """What is short-circuited is not drawn."""
    count = 0
    for value in x:
        if (value > 0.5 and RNG.random() < 0.5) or np.random.rand() < value:
            count += 1
    return count


def seeded_before(n):
    rng, np_rng = np.random.default_rng(5), np.random.RandomState(6)
    first, total = rng.random(), 0.0
    for _ in range(n):
        total += rng.random() * np_rng.normal()
    return first, total, rng.random()


def replicates(x, seed):
    """Arrays of numbers drawn from a generator that starts again at every call: constants of a loop written out."""
    rng, means = np.random.default_rng(seed), np.empty(20)
    for k in range(20):
        means[k] = x[rng.integers(0, len(x), len(x))].max()
    return means


def arrays(n, low, shape):
    """Arrays drawn number by number, of known shapes and parameters that only a run knows, between draws of one number."""
    total, last = np.zeros(24), np.zeros(3)
    for i in range(n):
        x = RNG.random()
        for k, drawn in enumerate((
            RNG.random(3), RNG.random(size=(2, 2)), RNG.uniform(-x, high=2.5, size=shape), RNG.standard_normal(1),
            RNG.normal(x, x + 1.0, 3), RNG.exponential(2.0, size=2), RNG.integers(6, size=[2, 3]), RNG.integers(low, i + 1, 4),
            LEGACY.rand(2, 2), np.random.random(3), np.random.randn(3), LEGACY.normal(x, 0.5, shape), LEGACY.normal(size=1),
            np.random.randint(-i, 9, size=5), LEGACY.randint(1 << 33, size=2), np.random.standard_normal(2),
        )):  # fmt: skip
            total[k] += drawn.ravel()[-1] * (i + 1)
        if x < 0.5:
            last += RNG.normal(size=3)
    return total, last, RNG.integers(7, size=3), LEGACY.rand(2)


def shuffled_in_a_loop(x, n):
    for _ in range(n):
        RNG.shuffle(x)
        x[0] += RNG.random()
    return x


BODIES = [
    (in_a_loop, 50), (in_a_loop, 5000), (in_a_branch, np.ones(2)), (in_a_branch, -np.ones(2)), (kinds, 40), (nested, 60),
    (in_order, np.linspace(0.0, 1.0, 90)), (seeded_before, 40), (shuffled_in_a_loop, np.arange(9.0), 30),
    (made_in_a_loop, 50), (replicates, np.arange(9.0), 3), (arrays, 9, -4, (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("case", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_draws_in_bodies_are_those_of_undecorated_code(case, backend, monkeypatch):
    monkeypatch.setattr(worth, "DRAW", 0)
    monkeypatch.setattr(worth, "CALL", 0)
    if case[0] is not in_a_loop or case[1] < 100 or backend == "llvm":
        check(*case, calls=2, backend=backend)


def test_short_arrays_of_numbers_are_drawn_without_calling_python():
    def walk(n, dims):
        x, far = np.zeros(dims), 0.0
        for _ in range(n):
            x += RNG.standard_normal(dims)
            far = max(far, np.abs(x).max())
        return x, far

    compiled = check(walk, 40, 3)
    assert "draw at" not in compiled.explain() and "random_standard_normal" in compiled.explain()
    other = hy.function(walk)
    for dims in (1, 0, 300, 2, 5):
        reset()
        if dims:
            want = walk(40, dims)
            reset()
            assert parts(other(40, dims)) == parts(want)
        else:
            with pytest.raises(ValueError, match="zero-size array"):
                other(40, dims)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_a_shape_that_only_a_run_knows_is_not_guessed():
    def layers(labels, sizes):
        return RNG.standard_normal((2, int(labels.max()) + 1)), RNG.random(int(sizes.sum())), RNG.integers(9, size=labels[0])

    compiled = hy.function(layers)
    for top in (3, 0, 5, 3):
        found = []
        for f in (layers, compiled):
            reset()
            found.append((parts(f(np.array([1, top]), np.array([top, 2]))), RNG.random()))
        assert found[0] == found[1]


def test_functions_and_methods_draw_from_one_generator(monkeypatch):
    monkeypatch.setattr(worth, "DRAW", 0)
    monkeypatch.setattr(worth, "CALL", 0)
    compiled = hy.function(mixed, strict=True)
    found = []
    for f in (mixed, compiled):
        reset()
        rng = np.random.default_rng(8)
        found.append([parts(f(60, rng)) for _ in range(3)])
    assert found[0] == found[1]
    assert compiled.traces[0].missed == 0
    text = compiled.explain()
    assert "NumPy's random_standard_uniform" in text and "host call in a loop: draw" in text


def test_a_loop_handed_back_to_python_draws_the_same():
    def picks(x, n, scale):
        total = 0.0
        for i in range(n):
            total += x[i] * RNG.normal(0.0, scale) + np.random.normal() + LEGACY.rand()
            x[i] = total
        return total

    seen = []
    for f in (picks, hy.function(picks, strict=True)):
        reset()
        x = np.arange(6.0)
        found = [f(x, 6, 1.0)]
        for bad, error in (((x, 9, 1.0), IndexError), ((x, 6, -1.0), ValueError)):
            with pytest.raises(error):
                f(*bad)
            found.append((x.tobytes(), RNG.random(), LEGACY.normal(), np.random.normal()))
        seen.append(found)
    assert seen[0] == seen[1]


def test_functions_of_numpys_draw_what_its_methods_draw():
    methods = {
        np.random.Generator: ("random", "uniform", "normal", "integers", "exponential"),
        np.random.RandomState: ("rand", "random_sample", "uniform", "randint", "standard_normal"),
    }
    for kind, names in methods.items():
        for bits in (np.random.PCG64, np.random.MT19937, np.random.Philox):
            assert all(distributions._agrees(kind, bits, name) for name in names)
    assert not distributions._agrees(np.random.RandomState, np.random.MT19937, "gamma")


def test_threads_that_share_a_generator_draw_every_number_once():
    rng, size, rounds = np.random.default_rng(3), 200, 30
    compiled = hy.function(drawn, strict=True)
    compiled(np.random.default_rng(0), size)
    found = []
    threads = [threading.Thread(target=lambda: found.extend(compiled(rng, size) for _ in range(rounds))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(np.sort(np.concatenate(found)), np.sort(np.random.default_rng(3).random(3 * size * rounds)))


def drawn(rng, size):
    out = np.zeros(size)
    for i in range(size):
        out[i] = rng.random()
    return out


# Arrays of known numbers -------------------------------------------------------------------------------------------------
def test_what_a_seeded_generator_drew_is_written_anew_in_every_call():
    def changed(x, seed):
        z = np.random.default_rng(seed).integers(0, 9, 4)
        if x[0] > 0:
            z[0] = 11
        for i in range(x.shape[0]):
            if x[i] > 0:
                z += 1
        return z

    decorated = hy.function(changed, strict=True)
    for x in (np.array([1.0, -1.0]), np.array([-1.0, -1.0]), np.ones(30), -np.ones(30)):
        for _ in range(2):
            np.testing.assert_array_equal(decorated(x, 3), changed(x, 3))


def test_what_a_seeded_generator_drew_is_known_where_python_asks():
    def known(x, seed):
        order = np.random.default_rng(seed).permutation(5)
        return [x[int(k)] for k in order[1:].tolist()], {k: 1 for k in (order * 2).tolist()}, f"{order[0]}"

    decorated, x = hy.function(known, strict=True), np.arange(5.0)
    assert decorated(x, 3) == known(x, 3)
