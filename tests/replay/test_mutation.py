"""Complaints about writes that were lost, doubled, or came in another order."""

import numpy as np
import pytest

import hybrid as hy

X = np.arange(12.0).reshape(3, 4)
quietly = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")  # plain Python is right, and says so


def agree(f, make, *, compiled=True):
    """Decorated and undecorated leave the same in fresh arguments, and give the same; three times."""
    decorated = hy.function(f, strict=compiled)
    for _ in range(3):
        got, want = make(), make()
        a, b = decorated(*got), f(*want)
        for x, y in zip(a, b) if isinstance(b, tuple) else [(a, b)]:
            np.testing.assert_array_max_ulp(x, y, 4)
        np.testing.assert_equal(got, want)
    return decorated


# pytorch/pytorch#94777: an in-place operation changed the result computed before it
def test_what_was_computed_before_a_write_stays():
    def f(x):
        y = np.log(x)
        x[...] = np.sqrt(x)
        return y, x * 2

    agree(f, lambda: (X + 1,))


# pytorch/pytorch#139789: the second call's arguments overlap, where those of the first did not
@quietly
def test_overlapping_slices_after_separate_arrays():
    def f(x, y):
        x *= 2
        return x + y

    decorated = hy.function(f)
    decorated(np.ones(4), np.ones(4))
    for _ in range(3):
        base, other = np.ones(8), np.ones(8)
        np.testing.assert_array_equal(decorated(base[:4], base[2:6]), f(other[:4], other[2:6]))
        np.testing.assert_array_equal(base, other)
    for a, b in ((slice(0, 4), slice(0, 4)), (slice(4, None, -1), slice(0, 5)), (slice(0, 8, 2), slice(1, 8, 2))):
        base, other = np.arange(8.0), np.arange(8.0)
        np.testing.assert_array_equal(decorated(base[a], base[b]), f(other[a], other[b]))
        np.testing.assert_array_equal(base, other)


# pytorch/pytorch#139789: one array as both arguments
@quietly
def test_one_array_as_several_arguments():
    def f(x, y, z):
        x += 1
        y[0] = 5
        z -= x
        return x - y + z

    def same():
        a = X.copy()
        return a, a, a

    def views():
        a = X.copy()
        return a, a[::-1], a[:, ::-1]

    decorated = hy.function(f)
    for make in (lambda: (X.copy(), X.copy(), X.copy()), same, views, same):
        got, want = make(), make()
        np.testing.assert_array_equal(decorated(*got), f(*want))
        np.testing.assert_equal(got, want)


# pytorch/pytorch#113793: an argument that is a view, written before the call and in it
def test_an_argument_that_is_a_view_of_what_was_written():
    def f(view):
        view += 1
        return view.sum()

    base, other = X.copy(), X.copy()
    decorated = hy.function(f, strict=True)
    for k in range(1, 4):
        base *= k
        other *= k
        assert decorated(base[:, 1]) == f(other[:, 1])
        np.testing.assert_array_equal(base, other)


# pytorch/pytorch#165409, #174371, #184864: writes through a view whose elements overlap
@quietly
def test_writes_through_overlapping_windows():
    def f(x):
        windows = np.lib.stride_tricks.sliding_window_view(x, 3, writeable=True)
        windows[...] = np.abs(windows)
        return windows.sum()

    def g(windows):
        windows += 1
        return windows.sum()

    for h, make in (
        (f, lambda: (np.arange(-3.0, 4),)),
        (g, lambda: (np.lib.stride_tricks.as_strided(np.arange(7.0), (5, 3), (8, 8)),)),
    ):
        decorated = hy.function(h)
        for _ in range(3):
            got, want = make(), make()
            assert decorated(*got) == h(*want)
            np.testing.assert_equal(got, want)


# pytorch/pytorch#94773: an alias made by x[:]
def test_aliases_inside_the_function():
    def f(x):
        a = x[:]
        b = a.reshape(-1)
        c = x.T
        a[0] = 7
        b[-1] = 8
        c[1] += a[:, 0]
        d = x.copy()
        x[1] = -1
        return a.sum(), b * 1, d, c[0] + 0

    agree(f, lambda: (X.copy(),))


# pytorch/pytorch#139628: the buffer of a view was taken to be as long as its base
def test_a_slice_of_a_larger_buffer():
    base = np.arange(1000.0)
    f = hy.function(lambda x: x * 2 + x[::-1], strict=True)
    for cut in (slice(0, 10), slice(990, 1000), slice(995, 985, -1), slice(3, 33, 3)):
        np.testing.assert_array_equal(f(base[cut]), base[cut] * 2 + base[cut][::-1])


def test_a_slice_shifted_onto_itself():
    def f(x):
        x[1:] = x[:-1]
        x[:-1] += x[1:]
        x[:, :2], x[:, 2:] = x[:, 2:].copy(), x[:, :2].copy()
        x[[0, 2]] = x[[2, 0]]
        return x

    agree(f, lambda: (X.copy(),))


def test_the_classic_swap_without_a_copy():
    def f(x):
        x[0], x[1] = x[1], x[0]  # both rows are views: NumPy leaves the second row twice
        return x

    agree(f, lambda: (X.copy(),))


def test_indices_that_repeat():
    def f(x, i):
        x[i] += 1  # once for each different index
        np.add.at(x, i, 10.0)  # once for each
        x[i] = np.arange(4.0)[:, None]  # the last one stays
        return x

    agree(f, lambda: (X.copy(), np.array([0, 0, 2, 0])))


@quietly
def test_captured_arrays_are_written_at_every_call_and_shared():
    state, log = np.zeros(3), []

    @hy.function
    def f(x):
        state[1:] += x
        state[0] = state.sum()
        return state

    @hy.function(strict=True)
    def g():
        return state * 2

    for k in range(1, 4):
        assert f(float(k)) is state
        log.append(g().tolist())
    want = np.zeros(3)
    for k, seen in zip(range(1, 4), log):
        want[1:] += k
        want[0] = want.sum()
        assert seen == (want * 2).tolist()


# a captured array that is an argument as well
@quietly
def test_a_captured_array_passed_as_an_argument():
    state = np.arange(4.0)

    def f(x):
        x += 1
        return state * 2 + x

    decorated = hy.function(f)
    decorated(np.ones(4))
    for x in (state, state[::-1], state[:]):
        before = state.copy()
        got = decorated(x)
        after = state.copy()
        state[:] = before
        np.testing.assert_array_equal(got, f(x))
        np.testing.assert_array_equal(after, state)


def test_writes_before_an_error_stay_and_those_after_do_not_happen():
    def f(x, i):
        x[0] = 5
        x[1] += x[i, 0]
        x[2] = 6
        return x

    decorated = hy.function(f)
    for i in (0, 2, 3, -4, 1):
        got, want = X.copy(), X.copy()
        for g, a in ((decorated, got), (f, want)):
            if i in (3, -4):
                with pytest.raises(IndexError, match=f"index {i} is out of bounds for axis 0 with size 3"):
                    g(a, i)
            else:
                g(a, i)
        np.testing.assert_array_equal(got, want)


def test_results_are_views_where_they_were():
    f = hy.function(lambda x: (x, x[0], x.T, x + 0, x.reshape(-1)), strict=True)
    for _ in range(3):
        x = X.copy()
        same, row, turned, fresh, flat = f(x)
        assert same is x and np.shares_memory(row, x) and np.shares_memory(turned, x) and np.shares_memory(flat, x)
        assert not np.shares_memory(fresh, x)
        row[0] = 77
        assert x[0, 0] == turned[0, 0] == flat[0] == 77 and fresh[0, 0] == 0


def test_a_result_is_not_overwritten_by_the_next_call():
    f = hy.function(lambda x: x * 2, strict=True)
    results = [f(np.full(4, float(k))) for k in range(20)]
    assert [r[0] for r in results] == [2.0 * k for k in range(20)]


@quietly
def test_lists_and_dicts_of_arrays_are_changed_in_place():
    def f(state, x):
        state["w"] -= 0.1 * x
        state["n"] = state["n"] + 1
        state["all"].append(x * 2)
        state.setdefault("new", x + 1)
        return state

    decorated = hy.function(f)
    got, want = ({"w": X.copy(), "n": 0, "all": []} for _ in range(2))
    w = got["w"]
    for _ in range(4):
        assert decorated(got, X) is got and got["w"] is w
        f(want, X)
        np.testing.assert_equal(got, want)


def test_read_only_arrays_raise_as_numpy_does():
    def f(x):
        x += 1

    x = X.copy()
    decorated = hy.function(f)
    decorated(x)
    x.flags.writeable = False
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            decorated(x)
    np.testing.assert_array_equal(x, X + 1)
