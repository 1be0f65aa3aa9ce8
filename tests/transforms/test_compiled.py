"""Gradients inside decorated functions: branches, loops, writes and closures against the eager way and differences."""

import numpy as np
import pytest

import hybrid as hy

A = np.random.default_rng(0).normal(size=(4, 4)) + 4 * np.eye(4)
B = np.random.default_rng(1).normal(size=4)
MASK = B > 0
INDEX = np.array([2, 0, 3, 1])
scale = 1.5


def branch(x):
    if x.sum() > 0:
        y = np.sin(x)
    elif x[0] > -5:
        y = x * x
    else:
        y = -x
    return (y * B).sum()


def branch_in_a_loop(x):
    total = 0.0
    for k in range(4):
        if x[k] > 0.2:
            total = total + x[k] ** 3
        else:
            total = total - 2 * x[k]
    return total


def slices_by_the_counter(x):
    total = 0.0
    for i in range(4):
        total = total + (x[i:] * x[: 4 - i]).sum() * (i + 1)
    return total


def forward_substitution(b):
    lower = np.tril(A)
    x = np.zeros(4)
    for i in range(4):
        x[i] = (b[i] - lower[i, :i] @ x[:i]) / lower[i, i]
    return (x * x).sum()


def back_substitution(b):
    upper = np.triu(A)
    x = np.zeros(4)
    for i in range(3, -1, -1):
        x[i] = (b[i] - upper[i, i + 1 :] @ x[i + 1 :]) / upper[i, i]
    return np.sin(x).sum()


def cholesky_by_hand(x):
    m = np.outer(x, x) * 0.1 + 3 * np.eye(4)
    low = np.zeros((4, 4))
    for j in range(4):
        low[j, j] = np.sqrt(m[j, j] - (low[j, :j] ** 2).sum())
        for i in range(j + 1, 4):
            low[i, j] = (m[i, j] - (low[i, :j] * low[j, :j]).sum()) / low[j, j]
    return np.log(np.diag(low)).sum()


def heat(u):
    for _ in range(20):
        v = u.copy()
        v[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = v
    return (u * u).sum()


def pendulum(s):
    angle, speed = s[0], s[1]
    for _ in range(50):
        speed = speed - 0.05 * np.sin(angle)
        angle = angle + 0.05 * speed
    return angle * angle + speed * s[2] + s[3]


def leapfrog_arrays(x):
    v = x * 0.5
    for k in range(10):
        v = v - 0.1 * x * (1 + 0.1 * k)
        x = x + 0.1 * v
    return (x * v).sum()


def early_return(x):
    if x[0] > 10:
        return x.sum()
    y = x * x
    if y.sum() > 0.1:
        return (y * x).sum()
    return y[0]


def broken_loop(x):
    y = x
    for _ in range(10):
        y = y * 1.3
        if (y * y).sum() > 12.0:
            break
    return (y * B).sum()


def continued_loop(x):
    total = 0.0
    for k in range(4):
        if x[k] < 0:
            continue
        total = total + x[k] * x[k] * k
    return total


def nested_loops(x):
    total = 0.0
    for i in range(4):
        inner = 1.0
        for j in range(i + 1):
            inner = inner * (x[j] + 2.0)
        total = total + inner
    return total


def pairwise(x):
    energy = 0.0
    for i in range(4):
        for j in range(i):
            d = x[i] - x[j]
            energy = energy + 1.0 / (d * d + 0.5)
    return energy


def recurrence(x):
    out = np.zeros(4)
    h = 0.0
    for k in range(4):
        h = np.tanh(0.7 * h + x[k])
        out[k] = h
    return (out * B).sum() + h


def network_over_time(x):
    h = np.zeros(4)
    for k in range(6):
        h = np.tanh(A @ h * 0.1 + x * (k + 1))
    return h.sum()


def running_maximum(x):
    best = x[0]
    for k in range(1, 4):
        best = np.maximum(best, x[k] * (1 + 0.1 * k))
    return best * 2


def swapping(x):
    a, b = x[0], x[1]
    for _ in range(5):
        a, b = b, a + 0.5 * b
    return a * b


def masks(x):
    y = x * 2
    y[MASK] = 0.5 * x[MASK] ** 2
    y[y > 1.0] *= 3.0
    return (y * y).sum()


def wheres(x):
    return np.where(x > 0.2, np.exp(x), np.where(MASK, x * x, 1.0)).sum()


def gathers(x):
    y = x[INDEX] * x
    z = y.copy()
    z[INDEX[:2]] += x[2:]
    return (z * B).sum()


def gathers_in_a_loop(x):
    y = x
    for k in range(4):
        y = y[INDEX] * np.cos(x * k)
    return (y * B).sum()


def scattering(x):
    out = np.zeros(6)
    np.add.at(out, np.array([0, 1, 1, 5]), x * x)
    return (out * out).sum()


def writes_in_place(x):
    y = x.copy()
    y *= 2
    y[1:] += y[:-1]
    y[::2] = y[::2] ** 2
    return y.sum()


def writes_through_views(x):
    m = x.reshape(2, 2) * 1.0
    t = m.T
    t[0] *= 3.0
    row = m[1]
    row += t[1]
    d = m.ravel()
    d[3] = d[0] * d[1]
    return (m * m).sum()


def writes_in_a_loop(x):
    y = x * 1.0
    for k in range(1, 4):
        y[k] += y[k - 1] * y[k]
        y[:k] *= 1.1
    return (y * B).sum()


def matrix_rows(x):
    m = np.zeros((4, 4))
    for i in range(4):
        m[i] = x * i
        m[:, i] += x[i]
    return (m @ B * B).sum()


def polynomial(x):
    out = np.zeros_like(x)
    for c in (1.0, -2.0, 0.5, 3.0):
        out = out * x + c
    return out.sum()


def newton(x):
    y = x * x + 1.0
    root = y
    for _ in range(6):
        root = 0.5 * (root + y / root)
    return (root * B).sum()


def power_iteration(x):
    v = x + 3.0
    for _ in range(8):
        v = A @ v
        v = v / np.sqrt((v * v).sum())
    return v @ B


def linear_algebra(x):
    m = A + np.diag(x)
    return np.linalg.solve(m, B).sum() + np.log(np.linalg.det(m))


def closure(x):
    factor = x[0] * scale

    def inner(v):
        return v * factor + x[1]

    return inner(x).sum() + inner(inner(x[2]))


def comprehension(x):
    return sum([np.sin(v) * k for k, v in enumerate(x)])


def zipped(x):
    total = 0.0
    for a, b in zip(x, x[::-1]):
        total = total + a * b * b
    return total


def cumulative(x):
    return (np.cumsum(x) * np.cumprod(x + 2)).sum()


def sorted_(x):
    return (np.sort(x) * B).sum()


def softmax_loss(x):
    e = np.exp(x - x.max())
    p = e / e.sum()
    return -np.log(p[2])


def normalised(x):
    m = x.mean()
    s = np.sqrt(((x - m) ** 2).mean() + 1e-5)
    return (((x - m) / s) ** 3).sum()


def horner_with_floats(x):
    t = 0.0
    for k in range(5):
        t = t * 0.5 + k
    return (x * t).sum() ** 2


def unused_rounds(x):
    y = x
    for _ in range(0):
        y = y * 100
    for _ in range(1):
        y = y * x
    return y.sum()


def convolving(x):
    return (np.convolve(x, B[:2]) ** 2).sum()


def dead_branch(x):
    if x[0] > 1e9:
        y = np.sqrt(x - 1e9)
    else:
        y = x * 3
    return y.sum()


def state_that_only_some_rounds_write(x):
    y = x * 1.0
    last = x[0]
    for k in range(4):
        if k % 2:
            y[k] = last * y[k - 1]
            last = y[k]
    return y.sum() * last


def early_result_in_a_loop(x):
    y = 1.0
    for k in range(4):
        y = y * (x[k] + 2.0)
        if y > 8.0:
            return y * y
    return y


PROGRAMS = [
    branch, branch_in_a_loop, slices_by_the_counter, forward_substitution, back_substitution, cholesky_by_hand, heat, pendulum,
    leapfrog_arrays, early_return, broken_loop, continued_loop, nested_loops, pairwise, recurrence, network_over_time,
    running_maximum, swapping, masks, wheres, gathers, gathers_in_a_loop, scattering, writes_in_place, writes_through_views,
    writes_in_a_loop, matrix_rows, polynomial, newton, power_iteration, linear_algebra, closure, comprehension, zipped,
    cumulative, sorted_, softmax_loss, normalised, horner_with_floats, unused_rounds, convolving, dead_branch,
    state_that_only_some_rounds_write, early_result_in_a_loop,
]  # fmt: skip
# These fill NumPy arrays, which eager values cannot be written into.
FILL = {forward_substitution, back_substitution, cholesky_by_hand, recurrence, scattering, matrix_rows}
POINTS = [np.array([0.9, -0.4, 0.3, 1.7]), np.array([-0.7, 0.8, -1.1, 0.15])]


def differences(f, x, step=1e-6):
    return np.array([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(len(x))])


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients(f):
    reverse = hy.function(hy.value_and_grad(f), strict=True)
    forward = hy.function(lambda x, t: hy.jvp(f, (x,), (t,))[1], strict=True)
    for x in POINTS:
        wanted = differences(f, x)
        value, gradient = reverse(x)
        np.testing.assert_allclose(value, f(x), 1e-12, 1e-12)
        np.testing.assert_allclose(gradient, wanted, 1e-6, 1e-6)
        assert type(gradient) is np.ndarray and gradient.dtype == np.float64
        np.testing.assert_allclose(forward(x, B), gradient @ B, 1e-10, 1e-10)
        if f not in FILL:
            np.testing.assert_allclose(hy.grad(f)(x), gradient, 1e-11, 1e-11)
            np.testing.assert_allclose(hy.jvp(f, (x,), (B,))[1], gradient @ B, 1e-10, 1e-10)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_second_order(f):
    over_reverse = hy.function(lambda x, t: hy.hvp(f, (x,), (t,))[0], strict=True)
    twice = hy.function(hy.grad(lambda x, t: (hy.grad(f)(x) * t).sum()), strict=True)
    gradient = hy.function(hy.grad(f), strict=True)
    for x in POINTS:
        step = 1e-5
        wanted = (gradient(x + step * B) - gradient(x - step * B)) / (2 * step)
        np.testing.assert_allclose(over_reverse(x, B), wanted, 2e-5, 1e-5)
        np.testing.assert_allclose(twice(x, B), wanted, 2e-5, 1e-5)


# Sizes that vary ------------------------------------------------------------------------------------------------------
def prefixes(x):
    y = x * 1.0
    for k in range(1, len(x)):
        y[:k] *= 1.01
        y[k] += y[:k].sum() * 0.1
    return (y * y).sum()


def elimination(x):
    n = len(x)
    m = np.outer(x, x) * 0.1 + 4 * np.eye(n)
    for k in range(n - 1):
        factors = m[k + 1 :, k] / m[k, k]
        m[k + 1 :, k:] -= np.outer(factors, m[k, k:])
    return np.log(np.diag(m)).sum()


def triangular(b):
    n = len(b)
    upper = np.triu(np.sin(np.arange(n * n)).reshape(n, n)) + 3 * np.eye(n)
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - upper[i, i + 1 :] @ x[i + 1 :]) / upper[i, i]
    return (x * x).sum()


def shrinking(x):
    y = x
    for _ in range(len(x) - 1):
        y = y[1:] * 0.9 + y[:-1] * 0.1
    return y[0] * y[0]


def windows(x):
    total = 0.0
    for k in range(len(x) - 2):
        total = total + x[k : k + 3].max() * x[k + 1]
    return total


def pairs(x):
    energy = 0.0
    for i in range(len(x)):
        for j in range(i):
            d = x[i] - x[j]
            energy = energy + 1.0 / (d * d + 0.5)
    return energy


def stopping(x):
    total = 0.0
    for k in range(len(x)):
        total = total + x[k] * x[k]
        if total > 2.0:
            break
        total = total * 1.1
    return total * total


def orthogonal(x):
    n = len(x)
    v = np.sin(np.outer(np.arange(1, n + 1), x)) + 2 * np.eye(n)
    q = np.zeros((n, n))
    for i in range(n):
        row = v[i].copy()
        for j in range(i):
            row = row - (q[j] @ v[i]) * q[j]
        q[i] = row / np.sqrt((row * row).sum())
    return (q * np.cos(np.arange(n))).sum()


@pytest.mark.parametrize(
    "f", [prefixes, elimination, triangular, shrinking, windows, pairs, stopping, orthogonal], ids=lambda f: f.__name__
)
def test_sizes_that_vary(f):
    gradient = hy.function(hy.grad(f), strict=True)
    second = hy.function(lambda x, t: hy.hvp(f, (x,), (t,))[0], strict=True)
    for n in (7, 12, 5):
        x, t = np.random.default_rng(n).normal(size=(2, n)) * 0.8
        np.testing.assert_allclose(gradient(x), differences(f, x), 1e-6, 1e-6)
        wanted = (gradient(x + 1e-5 * t) - gradient(x - 1e-5 * t)) / 2e-5
        np.testing.assert_allclose(second(x, t), wanted, 2e-5, 1e-5)


# Decorated functions together -----------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_a_gradient_inside_and_outside_of_decorated_functions():
    @hy.function
    def inner(x, s):
        for k in range(4):
            x = np.sin(x * s) + k * x
        return (x * x).sum()

    @hy.function(strict=True)
    def step(x, s):
        return x - 0.1 * hy.grad(inner)(x, s)

    x = POINTS[0]
    wanted = differences(lambda x: inner.eager(x, 0.7), x)
    np.testing.assert_allclose(hy.grad(inner)(x, 0.7), wanted, 1e-6, 1e-6)
    np.testing.assert_allclose(step(x, 0.7), x - 0.1 * wanted, 1e-6, 1e-6)
    np.testing.assert_allclose(hy.function(hy.grad(inner), strict=True)(x, 0.7), wanted, 1e-6, 1e-6)
    w = hy.tensor(x, requires_grad=True)
    inner(w, 0.7).backward()
    np.testing.assert_allclose(w.grad.numpy(), wanted, 1e-6, 1e-6)


def test_perturbations_are_not_confused():
    def f(x):
        return x * hy.grad(lambda y: x * y * y)(2.0 * x) + hy.jvp(lambda y: x + y, (1.0,), (1.0,))[1]

    compiled = hy.function(hy.grad(f), strict=True)
    for x in (0.5, 2.0):
        np.testing.assert_allclose(compiled(x), 12 * x * x)
        np.testing.assert_allclose(hy.grad(f)(x), 12 * x * x)


def test_arguments_are_written_as_without():
    def f(x, log):
        x *= 2.0
        log[0] += 1.0
        return (x * x).sum()

    for method in (hy.grad(f), hy.function(hy.grad(f), strict=True)):
        x, log = POINTS[0].copy(), np.zeros(1)
        np.testing.assert_allclose(method(x, log), 8 * POINTS[0])
        np.testing.assert_allclose(x, 2 * POINTS[0])
        assert log[0] == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtypes(dtype):
    def f(x):
        y = x
        for k in range(3):
            y = y * x + k
        return abs(y * y).sum()

    x = POINTS[0].astype(dtype) * (1 + 0.5j if dtype is np.complex128 else 1)
    found = hy.function(hy.grad(f), strict=True)(x)
    wanted = hy.grad(f)(x)
    assert found.dtype == wanted.dtype == dtype
    np.testing.assert_allclose(found, wanted, 1e-5 if dtype is np.float32 else 1e-11)
