"""A tour of the whole engine in five seconds: one short case for each thing it can do."""

import copy
import gc
import heapq
import io
import math
import pickle
import threading
import warnings
import weakref
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy
from hybrid.ir import text
from hybrid.ir.graph import evaluate
from hybrid.runtime import cache

PRIMES = (2, 3, 5, 7)
X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)


@hy.function
def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# Eager tensors -----------------------------------------------------------------------------------------------------------
def test_tensors_calculate_as_arrays_do():
    x = hy.tensor(X)
    y = (2 * x - 1).clip(0, None).mean(axis=0)
    assert type(y) is hy.Tensor and y.numpy().tobytes() == (2 * X - 1).clip(0, None).mean(axis=0).tobytes()


def test_random_numbers_are_the_same_eager_and_compiled():
    noisy = hy.function(lambda x: x + hy.random.randn(3, 4), strict=True)
    hy.random.seed(1)
    first, second = noisy(X), noisy(X)
    hy.random.seed(1)
    assert (
        np.array_equal(first, noisy.eager(X)) and np.array_equal(second, noisy.eager(X)) and not np.array_equal(first, second)
    )


def test_numpys_generators_go_on_as_in_plain_code():
    noisy = hy.function(lambda x, rng: x + rng.normal(size=4), strict=True)
    a, b = np.random.default_rng(1), np.random.default_rng(1)
    assert all(np.array_equal(noisy(X, a), noisy.eager(X, b)) for _ in range(3)) and a.random() == b.random()


def test_numpys_generators_draw_in_loops_and_branches():
    def walk(n, rng):
        place = 0.0
        for _ in range(n):
            place += rng.normal() if rng.random() < 0.5 else rng.integers(3) - 1.0
        return place

    compiled, a, b = hy.function(walk, strict=True), np.random.default_rng(1), np.random.default_rng(1)
    assert all(compiled(100, a) == walk(100, b) for _ in range(3)) and a.random() == b.random()


def test_print_prints_real_values_in_program_order(capsys):
    @hy.function(strict=True)
    def countdown(x):
        while x > 1.0:
            x = x / 2
            print(f"{x:.1f}", end=" ")
        return x

    countdown(5.0)
    countdown(3.0)
    assert capsys.readouterr().out == "2.5 1.2 0.6 1.5 0.8 "


def test_numpys_functions_take_tensors():
    x = hy.tensor(X)
    assert type(np.sin(x)) is hy.Tensor and type(np.concatenate([x, X])) is hy.Tensor
    assert type(np.sin(X)) is np.ndarray and x.__array_namespace__() is hy


def test_dtypes_promote_as_in_numpy():
    assert hy.tensor([0.5]).dtype == hy.float32 and (hy.tensor([1], dtype=hy.int8) + 1).dtype == hy.int8
    assert (hy.ones(2, dtype="int32") / 2).dtype == hy.float64 and (hy.ones(2, "bfloat16") * 2.0).dtype == hy.bfloat16


def test_views_share_memory():
    x = hy.zeros((3, 4))
    x.T[1:3, 0] = 7
    x.reshape(-1)[-1] = 5
    assert x.tolist() == [[0, 7, 7, 0], [0, 0, 0, 0], [0, 0, 0, 5]]


def test_indices_of_every_kind():
    x = hy.tensor(X)
    for index in (1, (0, -1), slice(None, None, -1), (..., 0), None, X > 0, ([0, 2], [1, 1])):
        assert np.array_equal(x[index].numpy(), X[index])
    with pytest.raises(IndexError):
        x[3]


def test_sizes_and_lists_that_a_run_finds_stay_in_machine_code():
    @hy.function(strict=True)
    def peaks(x):
        found = []
        for k in range(1, len(x) - 1):
            if x[k - 1] < x[k] > x[k + 1]:
                found.append(k)
        return found, x[x > 0.5], np.nonzero(x < 0)

    x = np.sin(np.arange(40.0))
    peaks(x)
    found, high, low = peaks(-x)
    assert found == [5, 11, 17, 24, 30, 36] and (high == -x[x < -0.5]).all() and (low[0] == np.nonzero(x > 0)[0]).all()
    assert peaks.stats()["native_calls"] == 1


def test_in_place_operators_write_into_the_same_memory():
    a = X.copy()
    x = hy.asarray(a)
    x += 1
    x[x > 2] = 0
    assert x.numpy() is not X and np.array_equal(a, np.where(X + 1 > 2, 0, X + 1))


def test_dlpack_shares_memory():
    a = X.copy()
    x = hy.from_dlpack(a)
    x[0, 0] = 9
    assert a[0, 0] == 9 and np.from_dlpack(x)[0, 0] == 9


def test_linear_algebra_and_spectra():
    a = X[:, :3] + 3 * np.eye(3, dtype=np.float32)
    np.testing.assert_allclose(hy.linalg.solve(hy.tensor(a), hy.ones(3)), np.linalg.solve(a, np.ones(3)), rtol=1e-4)
    np.testing.assert_allclose(hy.fft.ifft(hy.fft.fft(hy.tensor(X))).real, X, atol=1e-6)


def test_errors_say_what_was_wrong_and_are_numpys_kind():
    with pytest.raises(ValueError, match="4"):
        hy.tensor(X) @ hy.tensor(X)
    with pytest.raises(hy.errors.ArgumentError, match="expected"):
        hy.zeros(2, device="gpu")


# Compiled functions ------------------------------------------------------------------------------------------------------
def test_a_decorated_function_returns_what_it_did():
    y = softmax(X)
    assert type(y) is np.ndarray and type(softmax(hy.tensor(X))) is hy.Tensor
    np.testing.assert_allclose(y, softmax.eager(X), rtol=1e-6)


def test_many_operations_become_one_kernel():
    softmax(X)
    assert len(softmax.graph(X).eqns) > 3 and softmax.stats()["kernels"] == softmax.stats()["traces"]


def test_calls_go_to_machine_code():
    f = hy.function(lambda x: np.tanh(x) + 1)
    f(X)
    (entry,) = f.__hybrid__._dispatcher.specs
    before = entry.calls
    for _ in range(5):
        f(X)
    assert entry.calls == before + 5


def test_writes_reach_the_callers_array():
    @hy.function(strict=True)
    def relax(u, k):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
        return u

    a, b = X.reshape(-1).copy(), X.reshape(-1).copy()
    assert relax(a, 0.25) is a
    np.testing.assert_allclose(a, relax.eager(b, 0.25), rtol=1e-6)


def test_python_floats_are_inputs_and_other_values_are_guarded():
    scale = hy.function(lambda x, factor, times=1: x * factor * times)
    for factor in (0.5, 2.0, np.pi):
        assert np.array_equal(scale(X, factor), X * factor)
    assert scale.stats()["traces"] == 1
    assert np.array_equal(scale(X, 2.0, times=3), X * 6) and scale.stats()["traces"] == 2


def test_static_arguments_specialise():
    power = hy.function(lambda x, p: x**p, static=["p"])
    np.testing.assert_allclose(power(X, 3.0), X**3, rtol=1e-6)
    assert "pow" not in str(power.graph(X, 3.0))


RATE = 2.0


def test_globals_are_watched():
    global RATE
    f = hy.function(lambda x: x * RATE)
    assert f(X)[0, 0] == -4
    RATE = 3.0
    assert f(X)[0, 0] == -6
    RATE = 2.0


Pair = namedtuple("Pair", "low high")


@dataclass
class Model:
    w: np.ndarray
    layers: list


def test_arguments_and_results_nest():
    @hy.function(strict=True)
    def f(model, pair):
        return {"sum": pair.low + model["w"], "all": Pair(pair.high * model["layers"][0], [model["w"]])}

    got = f({"w": X, "layers": [X]}, Pair(X, X))
    assert np.array_equal(got["sum"], 2 * X) and type(got["all"]) is Pair and got["all"].high[0] is X
    g = hy.function(lambda model: model.w @ model.layers[0], strict=True)
    np.testing.assert_allclose(g(Model(X, [X.T])), X @ X.T, rtol=1e-6)


def test_loops_and_branches_on_python_values():
    @hy.function(strict=True)
    def horner(x, coefficients, negate=False):
        y = np.zeros_like(x)
        for c in coefficients:
            y = y * x + c
        return -y if negate else y

    np.testing.assert_allclose(horner(X, [1.0, 2.0, 3.0], True), -np.polyval([1.0, 2.0, 3.0], X), rtol=1e-5, atol=1e-5)


def test_what_cannot_be_compiled_runs_as_it_stands_and_says_so():
    f = hy.function(lambda x: x / float(str(x.max())))
    with pytest.warns(hy.FallbackWarning, match="only known when the compiled code runs"):
        y = f(X)
    assert np.array_equal(y, X / 2) and len(f.stats()["fallbacks"]) == 1
    with pytest.raises(hy.errors.TraceError, match=r"test_tiny\.py"):
        hy.function(f.eager, strict=True)(X)


def test_errors_of_the_function_are_its_own():
    f = hy.function(lambda x, n: x.reshape(n, n))
    for g in (f, f.eager):
        with pytest.raises(ValueError, match="cannot reshape"):
            g(X, 5)


def test_indices_out_of_bounds_are_found_at_run_time():
    f = hy.function(lambda x, i: x[i], strict=True)
    assert np.array_equal(f(X, np.array([2, -3])), X[[2, -3]])
    with pytest.raises(IndexError):
        f(X, np.array([0, 3]))


def test_special_numbers_survive():
    f = hy.function(lambda x: (np.maximum(x, 0.0), np.tanh(x), x + 1), strict=True)
    with np.errstate(all="ignore"):
        x = np.array([np.nan, np.inf, -np.inf, -0.0, 1e30], np.float32)
        for got, want in zip(f(x), f.eager(x)):
            np.testing.assert_array_max_ulp(got, want, 4)
    assert hy.function(lambda i: i + 1)(np.array([127], np.int8))[0] == -128


# Around them -------------------------------------------------------------------------------------------------------------
def test_complex_numbers_are_compiled():
    @hy.function(strict=True)
    def escapes(c, most):
        out = np.zeros(c.shape, np.int64)
        for i in range(len(c)):
            z = 0j
            while abs(z) <= 2 and out[i] < most:
                z = z * z + c[i]
                out[i] += 1
        return out, c * 2j

    c = np.array([0.3 + 0.5j, 1j, 2.5, -0.75 + 0.1j])
    for got, want in zip(escapes(c, 50), escapes.eager(c, 50)):
        np.testing.assert_array_equal(got, want)


def test_graphs_print_and_parse():
    graph = softmax.graph(hy.Spec((3, 4)))
    again = text.parse(str(graph))
    np.testing.assert_allclose(evaluate(again, X)[0], softmax.eager(X), rtol=1e-6)


def test_every_stage_can_be_read():
    assert "kernel" in str(softmax.loops(X)) and "for " in softmax.numba(X) and "define" in softmax.llvm(X)
    assert softmax.asm(X) and "traced" in softmax.explain()


def test_compiled_and_eager_can_be_compared():
    assert softmax.verify(X)
    assert str(softmax.verify(X)) == "1 result agrees"


def test_compiled_code_can_be_stepped_through(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("next\np t0.shape\ncontinue\n"))
    np.testing.assert_allclose(softmax.debug(X), softmax.eager(X), rtol=1e-6)
    assert "-> " in capsys.readouterr().out


def test_numba_functions_are_part_of_kernels():
    import numba

    clip = numba.njit(lambda x: x if x < 1 else 1.0)
    f = hy.function(lambda x: clip(x) * 2, strict=True)
    assert f(0.25) == 0.5 and f(3.0) == 2.0 and "numba." in str(f.graph(3.0))


def test_the_first_nan_is_named():
    found = pytest.raises(FloatingPointError, match=r"log gives a NaN at index \(0, 1\)")
    with hy.config.override(check_nan=True), np.errstate(all="ignore"), found:
        hy.function(lambda x: np.log(x).sum())(np.array([[1.0, -1.0]]))


def test_the_printed_loops_run_in_python():
    f = hy.function(lambda x: np.sqrt(x * x + 1).sum(axis=0), backend="python")
    np.testing.assert_allclose(f(X), np.sqrt(X * X + 1).sum(axis=0), rtol=1e-6)


def test_loops_call_numpys_own_code_without_python():
    @hy.function
    def modes(k, x):
        for _ in range(20):
            w, v = np.linalg.eigh(k + np.diag(np.tanh(x)))
            x = v @ (np.exp(-w) * (v.T @ x)) / np.sqrt(x @ x)
        return x

    k, x = np.diag([2.0, 3.0, 4.0]), np.ones(3)
    assert np.allclose(modes(k, x), modes.eager(k, x)) and "NumPy's loop.linalg.eigh_lo.d at" in modes.explain()


def test_loops_call_numpy_for_what_has_no_loops():
    @hy.function
    def shuffled(x):
        for _ in range(20):
            x = np.sin(np.partition(x, 2) * 3 + np.arange(5))
        return x

    x = np.arange(5.0)
    assert np.allclose(shuffled(x), shuffled.eager(x)) and "host call in a loop: numpy.partition (20 " in shuffled.explain()


def test_loops_swap_rows_and_solve_small_systems():
    @hy.function
    def swaps(a, b):
        for k in range(len(a) - 1):
            a[[k, k + 1]] = a[[k + 1, k]]
            b = np.linalg.solve(a, b)
        return b

    a = np.eye(3) + np.arange(9.0).reshape(3, 3) ** 0.5
    assert np.allclose(swaps(a.copy(), np.ones(3)), swaps.eager(a.copy(), np.ones(3)))
    assert not swaps.stats()["fallbacks"]


def test_any_number_of_threads_gives_the_same_bits():
    x = np.random.default_rng(0).standard_normal((64, 4096)).astype(np.float32)
    total = hy.function(lambda x: (x * x).sum(), strict=True)
    found = set()
    for threads in (1, 2, 3):
        with hy.config.override(threads=threads):
            found.add(total(x))
    assert len(found) == 1


def test_calls_from_many_threads():
    expected, wrong = softmax(X), []
    work = [threading.Thread(target=lambda: wrong.extend(0 for _ in range(200) if not np.array_equal(softmax(X), expected)))
            for _ in range(4)]  # fmt: skip
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert not wrong


def test_object_code_is_kept_on_disk(tmp_path):
    with hy.config.override(cache_dir=str(tmp_path), cache=True):
        hy.function(lambda x: x * 1.2345)(X)
        before = cache.stats().compiled
        hy.function(lambda x: x * 1.2345)(X)
        assert cache.stats().compiled == before and any(path.is_file() for path in tmp_path.rglob("*"))


def test_profiles_name_the_users_line():
    with hy.profile() as p:
        softmax(X)
    rows = p.rows()
    assert rows and all(row.calls == 1 and row.line.startswith("test_tiny.py:") for row in rows)


def test_objects_tables_and_match_in_loops():
    class Machine:
        def __init__(self, state):
            self.state = state

        def step(self, k):
            match k & 3:
                case 0:
                    self.state = (self.state * 2654435761 + k) & 0xFFFFFFFF
                case 1 | 2:
                    self.state ^= PRIMES[k % 4]

    def run(xs):
        machine = Machine(7)
        for x in xs:
            machine.step(int(x))
        return machine.state, np.bincount(xs & 3, minlength=4)

    xs = np.arange(50)
    (a, b), (c, d) = hy.function(run, strict=True)(xs), run(xs)
    assert a == c and np.array_equal(b, d)


def test_lists_grow_in_loops_and_variables_may_stay_none():
    def above(x, t):
        places, best = [], None
        for i in range(len(x)):
            if x[i] > t:
                places.append(i)
                if best is None or x[i] > best:
                    best = x[i]
        return places, best

    f = hy.function(above, strict=True)
    x = np.array([1.0, 5.0, 2.0, 7.0, 3.0, 4.0])
    assert f(x, 2.5) == above(x, 2.5) and f(x, 9.0) == ([], None)


def test_names_without_loops_of_their_own():
    def f(x, y, n):
        total = 0.0
        for k in range(n):
            c = np.polyfit(x * (k + 1), y, 1)
            total += c[0] + math.comb(n, k) + np.maximum.accumulate(y)[-1] + x.flat[k]
        return total, np.insert(x, 1, n), np.r_[x, y]

    x, y = np.arange(8.0), np.arange(8.0) ** 2
    for got, want in zip(hy.function(f, strict=True)(x, y, 6), f(x, y, 6)):
        np.testing.assert_allclose(got, want, 1e-12)


def test_heaps_dicts_and_lists_of_lists_are_compiled():
    def nearest(n, src, dst, w):
        adj, seen, heap = [[] for _ in range(n)], {}, [(0.0, 0)]
        for k in range(len(src)):
            adj[src[k]].append((float(w[k]), int(dst[k])))
        while heap:
            d, u = heapq.heappop(heap)
            if u not in seen:
                seen[u] = d
                for c, v in adj[u]:
                    heapq.heappush(heap, (d + c, v))
        return seen, sorted(seen.items(), key=lambda pair: -pair[1])

    f, rng = hy.function(nearest, strict=True), np.random.default_rng(0)
    args = 9, rng.integers(0, 9, 30), rng.integers(0, 9, 30), rng.random(30)
    assert repr(f(*args)) == repr(nearest(*args))


def test_warnings_are_numpys():
    f = hy.function(lambda x: 1 / x, strict=True)
    for x, expected in (np.ones(3), []), (np.zeros(3), ["divide by zero encountered in divide"]):
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            f(x)
        assert [str(warning.message) for warning in record] == expected
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="divide by zero encountered in divide"):
        f(np.zeros(3))


def test_attributes_and_items_are_variables_of_loops():
    class Account:
        def __init__(self):
            self.cash, self.count = 0.0, {"in": 0, "out": 0}

    def balance(amounts):
        account = Account()
        for amount in amounts:
            account.cash += amount
            if amount > 0:
                account.count["in"] += 1
            else:
                account.count["out"] += 1
        return account.cash, account.count

    f = hy.function(balance, strict=True)
    x = np.array([1.0, -5.0, 2.0, 7.0, 3.0, 4.0])
    assert f(x) == balance(x) == (12.0, {"in": 5, "out": 1}) and f(-x) == balance(-x)


def test_attributes_that_a_method_rebinds_come_and_go_with_every_call():
    class Average:
        def __init__(self):
            self.seen, self.mean = 0, np.zeros(3)

        @hy.function(strict=True)
        def add(self, x):
            self.seen += 1
            self.mean = self.mean + (x - self.mean) / self.seen

    average = Average()
    for k in range(5):
        average.add(np.full(3, float(k)))
    assert average.seen == 5 and average.mean.tolist() == [2.0] * 3 and len(Average.add.traces) == 1


def test_integers_that_vary_are_run_time_inputs():
    f = hy.function(lambda x, n: x * n, strict=True)
    assert [f(X, n)[0, 0] for n in range(9)] == [X[0, 0] * n for n in range(9)] and len(f.traces) == 3


def test_functions_call_themselves():
    def collatz(n):
        return 0 if n == 1 else 1 + collatz(n // 2 if n % 2 == 0 else 3 * n + 1)

    f = hy.function(lambda x: collatz(int(x[0])), strict=True)
    assert f(np.array([27])) == collatz(27) == 111


def test_what_is_found_may_be_none():
    def first(x):
        for i in range(len(x)):
            if x[i] > 2:
                return i, x[i]
        return None

    f = hy.function(first, strict=True)
    assert f(np.arange(9.0)) == (3, 3.0) and f(np.zeros(9)) is None


def test_a_sieve_stays_a_loop():
    def sieve(n):
        prime = np.ones(n, bool)
        prime[:2] = False
        for p in range(2, int(n**0.5) + 1):
            if prime[p]:
                prime[p * p :: p] = False
        return prime

    f = hy.function(sieve, strict=True)
    assert f(5000).sum() == 669 and "written out" not in f.explain()


def test_sums_of_generators_are_loops():
    f = hy.function(lambda x, y: sum(a * b for a, b in zip(x, y) if a > 1), strict=True)
    assert f(np.arange(9.0), np.arange(9.0)) == 203


def test_strings_are_variables_of_branches_and_loops():
    def gate(x):
        state, switches = "closed", 0
        for v in x:
            if state == "closed" and v > 0:
                state, switches = "open", switches + 1
            elif state == "open" and v < 0:
                state = "closed"
        return state, switches

    f = hy.function(gate, strict=True)
    x = np.array([1.0, -5.0, 2.0, 7.0, 3.0, 4.0])
    assert f(x) == gate(x) == ("open", 2) and f(-x) == gate(-x)


def test_saved_graphs_run_without_the_code(tmp_path):
    hy.export.save(softmax, tmp_path / "softmax.hy", X)
    loaded = hy.export.load(tmp_path / "softmax.hy")
    np.testing.assert_allclose(loaded(X), softmax.eager(X), rtol=1e-6)


def test_functions_are_pickled_by_name():
    assert pickle.loads(pickle.dumps(softmax)) is softmax and copy.copy(softmax) is softmax


def test_dropped_functions_free_their_code():
    f = hy.function(lambda x: x - 3)
    f(X)
    function, code = weakref.ref(f), weakref.ref(f.traces[0].plan.module)
    del f
    gc.collect()
    assert function() is None and code() is None


def test_compiling_can_be_switched_off():
    seen = []
    f = hy.function(lambda x: seen.append(type(x)) or x + 1)
    with hy.eager(), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(X)[0, 0] == -1 and seen == [np.ndarray]
