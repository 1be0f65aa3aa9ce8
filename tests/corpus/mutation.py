"""Writes, views and the shapes of ordinary Python code."""

from collections import namedtuple

import numpy as np

Summary = namedtuple("Summary", "count mean spread")


def write_through_transpose(a):
    t = a.T
    t[0] = 7
    t[1:, 0] += t[:-1, 1]
    return t


def write_through_reshape(a):
    """Some reshapes are views and some are copies."""
    flat = a.reshape(-1)
    flat[::3] = -1
    crossed = a.T.reshape(-1)
    crossed[:2] = 99
    return flat, crossed


def write_through_ravel_and_flat(a):
    r = a.ravel()
    r[1] = 5
    a.flat[2] = 6
    a.flat[-2:] = 8
    return r.sum(), [float(v) for v in a.flat][:3]


def negative_steps(a, b):
    a[::-1] = b
    a[-1:0:-2] *= 3
    return a[::-2]


def overlapping_shift(a):
    """Source and destination overlap; NumPy behaves as if the source was copied."""
    a[1:] = a[:-1]
    a[:-2] += a[2:]
    a[::-1] -= a
    return a


def add_twice(a, b, out):
    """Called with one array in several roles."""
    np.add(a, b, out=out)
    out *= b
    a += 1
    return out


def views_as_arguments(left, right):
    left[...] = right[::-1]
    right[0] = 100
    return left.sum() + right.sum()


def in_place_operators(x, y, k):
    x += y
    x -= 0.5
    x *= y
    x /= 2
    x **= 2
    k //= 3
    k %= 4
    k <<= 2
    k ^= 5
    k |= 1
    k &= ~2
    return x, k


def ufunc_outputs(x, lo, hi):
    buffer = np.empty_like(x)
    np.multiply(x, 2, out=buffer)
    np.clip(buffer, lo, hi, out=buffer)
    np.sqrt(buffer, out=x, where=buffer >= 0)
    total = np.zeros(())
    np.sum(buffer, out=total)
    return total, buffer


def boolean_updates(x):
    x[x < 0] = 0
    big = x > x.mean()
    x[big] -= x.mean()
    x[~big & (x != 0)] **= 2
    return big


def _normalise(v):
    total = v.sum()
    if total == 0:
        return v
    return v / total


def _smooth(v, rounds=1):
    for _ in range(rounds):
        v = np.convolve(v, [0.25, 0.5, 0.25], mode="same")
    return _normalise(v)


def helpers_of_helpers(rows, rounds=2):
    out = np.zeros_like(rows)
    for i, row in enumerate(rows):
        out[i] = _smooth(row, rounds)
    return out


def early_returns(x, threshold):
    if x.size == 0:
        return None
    if x.max() > threshold:
        return "above"
    for i, v in enumerate(x):
        if v == threshold:
            return i
    return x.min()


def first_divisors(numbers, limit):
    """for/else: the smallest divisor, or 0 for primes."""
    out = np.zeros_like(numbers)
    for i in range(len(numbers)):
        n = numbers[i]
        for d in range(2, limit):
            if d * d > n:
                continue
            if n % d == 0:
                out[i] = d
                break
        else:
            out[i] = 0
    return out


def while_else(x, target):
    i = 0
    while i < len(x):
        if x[i] >= target:
            found = True
            break
        i += 1
    else:
        found = False
        i = -1
    return i, found


def zipped_and_reversed(a, b):
    total = 0.0
    for i, (x, y) in enumerate(zip(a, reversed(b))):
        total += i * x * y
    for k in reversed(range(0, len(a), 2)):
        total -= a[k]
    return total


def closures_over_arrays(x, w):
    """An inner function writes into what the outer one made."""
    log = np.zeros(4)
    count = 0

    def record(value):
        nonlocal count
        log[count % 4] += value
        count += 1

    for v in x:
        record(v * w)
    return log, count


def summaries(x):
    if len(x) == 0:
        return Summary(0, None, (np.nan, np.nan))
    return Summary(len(x), x.mean(), (x.min(), x.max()))


def checked_inverse(A, check=True):
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError(f"a square matrix is needed, not shape {A.shape}")
    assert np.all(np.isfinite(A)), "the matrix has entries that are not finite"
    inverse = np.linalg.inv(A)
    if check:
        assert np.allclose(A @ inverse, np.eye(len(A)))
    return inverse


def dictionary_state(state, gradients, lr=0.1, momentum=0.9):
    """A dictionary of arrays updated in place, and a new key."""
    for key in gradients:
        state["velocity"][key] *= momentum
        state["velocity"][key] -= lr * gradients[key]
        state["params"][key] += state["velocity"][key]
    norms = {k: np.sqrt((v * v).sum()) for k, v in state["params"].items()}
    return norms


def list_in_a_loop(x, n):
    seen = []
    value = x
    for _ in range(n):
        value = value / 2 + 1
        seen.append(value.sum())
    return seen, np.array(seen)


def comprehensions(x, k):
    squares = [v * v for v in x]
    windows = np.array([x[i : i + k].max() for i in range(len(x) - k + 1)])
    table = {i: float(s) for i, s in enumerate(squares) if i % 2 == 0}
    return squares[:2], windows, table


def masked_reads(x):
    positive = x[x > 0]
    return positive, positive.sum(), len(positive), x[np.isnan(x)].size


def where_indices(x, level):
    above = np.where(x > level)
    rows = np.nonzero(x.sum(axis=1) > level)[0]
    return above, rows, x[above], np.argwhere(x == x.max())


def unique_values(x):
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    out = np.zeros(len(values))
    for i in range(len(values)):
        out[i] = values[i] * counts[i]
    return values, inverse, out


def argument_swap(a, b, n):
    """The names change places; the caller's arrays do not."""
    for i in range(n):
        a[i % len(a)] = b.sum()
        a, b = b, a
    return a, b


def view_results(a):
    """Results that are the argument, views of it, and a copy."""
    return a, a[1:], a.T, a[:, np.newaxis], a.copy(), a.reshape(-1)[::2]


def diagonal_and_triangles(a):
    np.fill_diagonal(a, 0)
    a[np.tril_indices(len(a), -1)] *= -1
    i = np.arange(len(a) - 1)
    a[i, i + 1] = 9
    return np.diagonal(a), np.trace(a)


def index_arrays(x, idx, values):
    """Assignment and addition through index arrays that repeat, and np.add.at."""
    x[idx] = values
    x[idx] += 1
    np.add.at(x, idx, 10)
    return x[idx[::-1]]


def scalars_and_zero_d(x, n):
    a = x[0]
    b = x.sum()
    c = np.float32(2) * n
    d = np.array(3.0)
    d += n
    return a, b, c, d, int(n) + 1, n / 2, n // 2, bool(a > b), x.shape, len(x), -n % 7


def default_buffers(x, out=None, scale=2.0, *, copy=True):
    if out is None:
        out = np.empty(x.shape, x.dtype)
    out[...] = x * scale
    if not copy:
        x[...] = 0
    return out


def nested_lists(matrix):
    """Lists of lists as matrices, the way Python is taught."""
    rows, cols = len(matrix), len(matrix[0])
    result = [[0] * rows for _ in range(cols)]
    for i in range(rows):
        for j in range(cols):
            result[j][i] = matrix[i][j]
    return result


def broadcasting_writes(a, row, column):
    a[:] = row
    a[:, 1] = 5
    a[...] += column[:, None]
    a[1:, ::2] = np.array([[1.0]])
    np.copyto(a[0], 3, where=a[0] > 1)
    a[-1], a[0] = a[0].copy(), a[-1].copy()
    return np.array_equal(a[0], a[-1])


def printing(x):
    total = 0
    for i in range(len(x)):
        total += x[i]
        if i == 1:
            print("second", x[i])
    print(f"total = {total}")
    return total


def error_state(x, y):
    """Division by zero and invalid values with NumPy's own warnings, then without."""
    first = x / y
    with np.errstate(divide="ignore", invalid="ignore"):
        second = np.where(y != 0, x / y, 0)
        log = np.log(y)
    return first, second, log


def handled_errors(A, b):
    try:
        return np.linalg.solve(A, b), "solved"
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(A, b, rcond=None)[0], "least squares"


def _grid(rng):
    base = rng.random(20)
    return base[:15], base[5:]


CASES = {
    write_through_transpose: lambda rng: [
        (rng.random((30, 40)),),
        (rng.integers(0, 9, (2, 2)),),
        (np.asfortranarray(rng.random((3, 4))),),
    ],
    write_through_reshape: lambda rng: [(rng.random((20, 30)),), (rng.random((4, 4)).T,), (rng.random(8)[::2].reshape(2, 2),)],
    write_through_ravel_and_flat: lambda rng: [(rng.random((4, 5)),), (rng.random((3, 4)).T,), (rng.random((6, 6))[::2, ::2],)],
    negative_steps: lambda rng: [
        (rng.random(200), rng.random(200)),
        (np.arange(5), np.arange(5)),
        (np.zeros(0), np.zeros(0)),
        (np.zeros(3), np.zeros(4)),
    ],
    overlapping_shift: lambda rng: [
        (rng.random(300),),
        (rng.integers(0, 9, 3),),
        (rng.random((5, 2)),),
        (rng.random(20)[::2],),
    ],
    add_twice: lambda rng: [
        (lambda a: (a, a, a))(rng.random(100)),
        (lambda a: (a[1:], a[:-1], a[1:]))(rng.random(30)),
        (rng.random(3), rng.random(3), np.zeros(3)),
        (np.arange(3), np.arange(3), np.zeros(3)),
        (rng.random(3), rng.random(3), np.zeros(3, int)),
    ],
    views_as_arguments: lambda rng: [_grid(rng), (rng.random(15), rng.random(15)), (np.zeros(1), np.ones(1))],
    in_place_operators: lambda rng: [
        (rng.random(100), rng.random(100), rng.integers(0, 99, 50)),
        (rng.random((2, 2)).astype(np.float32), rng.random(2), np.array([7], np.uint8)),
        (rng.random(2), rng.random(2), 77),
        (np.arange(3), rng.random(3), 4),
    ],
    ufunc_outputs: lambda rng: [
        (rng.standard_normal(200), -1.0, 1.5),
        (rng.random(2).astype(np.float32), 0, 1),
        (np.zeros(0), 0, 1),
    ],
    boolean_updates: lambda rng: [
        (rng.standard_normal(300),),
        (rng.standard_normal((3, 4)).astype(np.float32),),
        (np.zeros(3),),
    ],
    helpers_of_helpers: lambda rng: [(rng.random((8, 40)),), (np.zeros((2, 5)), 1), (rng.random((1, 4)), 0)],
    early_returns: lambda rng: [
        (np.array([0.1, 0.9, 0.5]), 0.9),
        (rng.random(9), 0.0),
        (rng.random(9), 5.0),
        (np.zeros(0), 1.0),
        (np.array([1, 2, 2]), 2),
    ],
    first_divisors: lambda rng: [(rng.integers(2, 400, 60), 20), (np.array([7, 9], np.int16), 4), (np.zeros(0, int), 3)],
    while_else: lambda rng: [(rng.random(200), 0.99), (np.arange(4), 9), (np.zeros(0), 1.0)],
    zipped_and_reversed: lambda rng: [(rng.random(100), rng.random(80)), ([1, 2], [3.5, 4]), (np.arange(3), np.arange(3))],
    closures_over_arrays: lambda rng: [(rng.random(60), 2.0), (np.arange(2), 3), (np.zeros(0), 1.0)],
    summaries: lambda rng: [(rng.random(500),), (np.array([2], np.int8),), (np.zeros(0),)],
    checked_inverse: lambda rng: [
        (rng.random((8, 8)) + 8 * np.eye(8),),
        (np.ones((2, 3)),),
        (np.array([[np.nan]]),),
        (np.ones((2, 2)), False),
        (np.eye(1, dtype=np.float32), False),
    ],
    dictionary_state: lambda rng: [
        (
            {"params": {"w": rng.random((4, 3)), "b": rng.random(3)}, "velocity": {"w": np.zeros((4, 3)), "b": np.zeros(3)}},
            {"w": rng.random((4, 3)), "b": rng.random(3)},
        ),
        (
            {"params": {"x": np.ones(1, np.float32)}, "velocity": {"x": np.ones(1, np.float32)}},
            {"x": np.ones(1, np.float32)},
            1,
            0,
        ),
    ],
    list_in_a_loop: lambda rng: [(rng.random(50), 12), (np.float64(2.0), 2), (rng.random(3).astype(np.float32), 0)],
    comprehensions: lambda rng: [(rng.random(30), 4), (np.arange(3), 3), (rng.random(2), 1)],
    masked_reads: lambda rng: [
        (rng.standard_normal(200),),
        (np.array([[np.nan, -1.0], [2.0, 3.0]], np.float32),),
        (np.zeros(0),),
    ],
    where_indices: lambda rng: [(rng.random((12, 15)), 0.8), (rng.integers(0, 3, (2, 2)), 9)],
    unique_values: lambda rng: [(rng.integers(0, 9, 100),), (np.array([2.5, 2.5, -1.0]),), (np.zeros(0),)],
    argument_swap: lambda rng: [
        (rng.random(20), rng.random(20), 7),
        (np.zeros(2), np.ones(3), 2),
        (np.zeros(1), np.ones(1), 0),
    ],
    view_results: lambda rng: [(rng.random((4, 5)),), (np.arange(6).reshape(2, 3)[:, ::-1],), (rng.random((1, 1)),)],
    diagonal_and_triangles: lambda rng: [(rng.random((12, 12)),), (rng.integers(1, 9, (3, 3)),), (np.ones((1, 1)),)],
    index_arrays: lambda rng: [
        (rng.random(50), rng.integers(0, 50, 30), rng.random(30)),
        (np.zeros(3, int), np.array([0, 0, -1]), np.array([1, 2, 3])),
        (np.zeros(3), np.array([5]), np.array([1.0])),
        (np.zeros(3), np.zeros(0, int), np.zeros(0)),
    ],
    scalars_and_zero_d: lambda rng: [
        (rng.random(9), 5),
        (np.arange(3, dtype=np.int16), np.int32(4)),
        (rng.random(2).astype(np.float32), 2.5),
        (np.array([True, False]), np.float32(1.5)),
    ],
    default_buffers: lambda rng: [
        (rng.random(100),),
        (rng.random((2, 3)).astype(np.float32), np.zeros((2, 3))),
        (np.arange(3), None, 3),
        (np.arange(3), np.zeros(2, int)),
    ],
    nested_lists: lambda rng: [([[1, 2, 3], [4, 5, 6]],), (rng.random((6, 5)),), ([[1.5]],)],
    broadcasting_writes: lambda rng: [
        (np.zeros((20, 30)), rng.random(30), rng.random(20)),
        (np.zeros((2, 3), np.float32), rng.random(3), np.arange(2)),
    ],
    printing: lambda rng: [(rng.random(4),), (np.arange(2),), ([],)],
    error_state: lambda rng: [
        (rng.random(30), np.concatenate([np.zeros(2), rng.random(28)])),
        (np.zeros(2, np.float32), np.zeros(2, np.float32)),
        (np.array([1, 0]), np.array([0, 0])),
        (np.ones(2), np.ones(2)),
    ],
    handled_errors: lambda rng: [(rng.random((6, 6)), rng.random(6)), (np.zeros((2, 2)), np.ones(2))],
}
