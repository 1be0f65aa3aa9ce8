"""Programs as users write them, undecorated and decorated: the same values, types and writes, and all of it compiled."""

from __future__ import annotations

import cmath
import collections
import copy
import dataclasses

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError
from hybrid.staging.function import FallbackWarning, function

RNG = np.random.default_rng(7)
TOLERANCE = {"float32": 2e-5, "complex64": 2e-5}  # of the largest element; 1e-10 in double precision


def f4(*shape):
    return RNG.standard_normal(shape, dtype=np.float32)


def f8(*shape):
    return RNG.standard_normal(shape)


def differs(got, want, at="result"):
    """Where two results differ by more than the order of a sum explains; None if nowhere."""
    if type(got) is not type(want):
        return f"{at}: {type(got).__name__}, not {type(want).__name__}"
    if isinstance(got, (tuple, list)):
        pairs = [(f"{at}[{k}]", a, b) for k, (a, b) in enumerate(zip(got, want, strict=True))]
        return next(filter(None, (differs(a, b, where) for where, a, b in pairs)), None)
    if isinstance(got, dict):
        return differs([*got.items()], [*want.items()], at)
    if isinstance(got, (np.ndarray, np.generic)):
        if (got.dtype, got.shape) != (want.dtype, want.shape):
            return f"{at}: {got.dtype}{got.shape}, not {want.dtype}{want.shape}"
        if got.dtype.kind not in "fc":
            return None if np.array_equal(got, want) else f"{at}: {got}, not {want}"
        rtol = TOLERANCE.get(got.dtype.name, 1e-10)
        scale = np.max(np.abs(want), where=np.isfinite(want), initial=0)
        return None if np.allclose(got, want, rtol, rtol * scale, equal_nan=True) else f"{at}: {got}, not {want}"
    if hasattr(got, "__dict__"):
        return differs(vars(got), vars(want), at)
    return None if got == want else f"{at}: {got!r}, not {want!r}"


PROGRAMS = []


def program(*calls):
    """A program and the arguments it is called with, one after the other."""

    def note(f):
        PROGRAMS.append(pytest.param(f, calls, id=f.__name__))
        return f

    return note


# Grids and images ------------------------------------------------------------------------------------------------------
@program((f4(12, 13),), (f8(5, 4),), (f4(20, 30)[::2, ::-1],), (f4(9, 8).T,))
def jacobi_step(u):
    v = u.copy()
    v[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
    return v


@program((f8(9, 8), 0.1, 2), (f8(9, 8), 0.2, 2), (f8(9, 8), 0.2, 3))
def heat_in_place(u, dt, steps):
    for _ in range(steps):
        u[1:-1, 1:-1] += dt * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1])
    return u.mean()


IMAGE = RNG.integers(0, 256, (11, 9, 3)).astype(np.uint8)


@program((IMAGE,), (IMAGE[::2, ::-1],))
def grayscale(image):
    gray = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.clip(np.rint(gray), 0, 255).astype(np.uint8)


@program((IMAGE, 30), (IMAGE, 200))
def brighten(image, by):
    return np.where(image > 255 - by, np.uint8(255), image + np.uint8(by))


@program((IMAGE[:, :, 0],), (IMAGE[:, :, 1].astype(np.int16),))
def sobel(gray):
    g = np.pad(gray.astype(np.int32), 1, mode="edge")
    gx = (g[:-2, 2:] + 2 * g[1:-1, 2:] + g[2:, 2:]) - (g[:-2, :-2] + 2 * g[1:-1, :-2] + g[2:, :-2])
    gy = (g[2:, :-2] + 2 * g[2:, 1:-1] + g[2:, 2:]) - (g[:-2, :-2] + 2 * g[:-2, 1:-1] + g[:-2, 2:])
    return np.hypot(gx, gy), gx // 2, gy % 7


@program((np.linspace(-2, 1, 12), np.linspace(-1, 1, 7)))
def mandelbrot(x, y):
    cx, cy = np.meshgrid(x, y)
    zx, zy = np.zeros_like(cx), np.zeros_like(cy)
    count = np.zeros_like(cx, np.int32)
    for _ in range(8):
        inside = zx * zx + zy * zy <= 4
        count += inside
        zx, zy = np.where(inside, zx * zx - zy * zy + cx, zx), np.where(inside, 2 * zx * zy + cy, zy)
    return count


# Mechanics ---------------------------------------------------------------------------------------------------------------
@program((f8(6, 3), f8(6, 3), np.abs(f8(6)), 0.01), (f8(6, 3), f8(6, 3), np.abs(f8(6)), 0.02))
def nbody_step(position, velocity, mass, dt):
    apart = position[None] - position[:, None]
    square = (apart**2).sum(-1) + 0.01
    velocity += dt * (apart * (mass[None, :, None] * (square**-1.5)[:, :, None])).sum(1)
    position += dt * velocity
    return 0.5 * (mass * (velocity**2).sum(1)).sum()


def lorenz(s, sigma=10.0, rho=28.0, beta=8 / 3):
    x, y, z = s
    return np.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])


@program((f8(3, 5), 0.01), (f8(3), 0.02))
def runge_kutta(s, h):
    k1 = lorenz(s)
    k2 = lorenz(s + h / 2 * k1)
    k3 = lorenz(s + h / 2 * k2)
    return s + h / 6 * (k1 + 2 * k2 + 2 * k3 + lorenz(s + h * k3))


@program((f4(5, 6, 3), f4(3), 1.5), (f8(5, 6, 3), f8(3), 1.0))
def hit_sphere(direction, origin, radius):
    d = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    b = (d * origin).sum(-1)
    discriminant = b * b - ((origin * origin).sum() - radius * radius)
    hit = discriminant > 0
    t = np.where(hit, -b - np.sqrt(np.where(hit, discriminant, 0)), np.inf)
    normal = np.where(hit[..., None], (origin + np.where(hit, t, 0)[..., None] * d) / radius, 0)
    return hit, t, np.clip(normal[..., 1], 0, 1)


# Statistics and linear algebra ---------------------------------------------------------------------------------------------
def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@program((f4(2, 3, 6, 4), f4(2, 3, 6, 4), f4(2, 3, 6, 4)), (f8(1, 1, 5, 4), f8(1, 1, 7, 4), f8(1, 1, 7, 4)))
def attention(q, k, v):
    return softmax(q @ k.swapaxes(-1, -2) / q.dtype.type(q.shape[-1]) ** 0.5) @ v


@program(*((f8(3, 4, 5), axis) for axis in (0, 1, 2, (0, 2), None)))
def standardise(x, axis):
    return (x - x.mean(axis=axis, keepdims=True)) / (x.std(axis=axis, keepdims=True, ddof=1) + 1e-6)


Moments = collections.namedtuple("Moments", "count mean spread")


@program((Moments(0.0, f8(5), f8(5)), f8(5)), (Moments(1.0, f8(5), f8(5)), f8(5)), (Moments(7, f4(5), f4(5)), f4(5)))
def welford(moments, x):
    count = moments.count + 1
    mean = moments.mean + (x - moments.mean) / count
    return Moments(count, mean, moments.spread + (x - moments.mean) * (x - mean))


@dataclasses.dataclass
class Adam:
    first: np.ndarray
    second: np.ndarray
    step: int


@program(*((f4(9), f4(9), Adam(f4(9), abs(f4(9)), step), 1e-3 * (step + 1)) for step in range(2)))
def adam(w, g, state, rate):
    state.step += 1
    state.first[:] = 0.9 * state.first + 0.1 * g
    state.second = 0.999 * state.second + 0.001 * g * g
    w -= rate * (state.first / (1 - 0.9**state.step)) / (np.sqrt(state.second / (1 - 0.999**state.step)) + 1e-8)
    return state


@program((f4(6, 5), RNG.integers(0, 5, 6)), (f8(4, 3), RNG.integers(-3, 3, 4)))
def cross_entropy(logits, labels):
    top = logits.max(1, keepdims=True)
    logs = top[:, 0] + np.log(np.exp(logits - top).sum(1))
    rows = np.arange(len(labels))
    gradient = np.exp(logits - logs[:, None])
    gradient[rows, labels] -= 1
    return (logs - logits[rows, labels]).mean(), gradient / len(labels)


@program((f8(8, 4),), (f4(5, 3),))
def gram_schmidt(a):
    q = np.empty_like(a)
    for j in range(a.shape[1]):
        v = a[:, j].copy()
        for i in range(j):
            v -= (q[:, i] @ a[:, j]) * q[:, i]
        q[:, j] = v / np.sqrt(v @ v)
    return q


@program((f8(4), np.eye(4), np.eye(4) + 0.1 * f8(4, 4), f8(2, 4), np.eye(2), f8(2)))
def kalman(x, p, f, h, noise, z):
    x, p = f @ x, f @ p @ f.T + 0.1 * np.eye(len(x))
    gain = np.linalg.solve(h @ p @ h.T + noise, h @ p).T
    return x + gain @ (z - h @ x), (np.eye(len(x)) - gain @ h) @ p


@program((f4(6, 8), f4(4, 8), RNG.integers(0, 5, 6), 3))
def nearest_neighbours(known, queries, labels, k):
    distance = ((queries[:, None] - known[None]) ** 2).sum(-1)
    nearest = np.argsort(distance, axis=1)[:, :k]
    return labels[nearest], np.take_along_axis(distance, nearest, 1)


# Memory --------------------------------------------------------------------------------------------------------------------
@program((f8(6, 6),), (f4(5, 5),))
def writes_through_views(a):
    every_other = a.T[::2]
    every_other += 1
    a[1:, 0] = a[:-1, 0]
    flat = a.reshape(-1)
    flat[3:8] *= 2
    a[:, ::-1][0] = 5
    return every_other, a.ravel()[:4]


@program((f8(6), f8(6), np.empty(6)), (f4(6), f4(6), np.empty(6, np.float32)))
def writes_into_out(a, b, out):
    np.add(a, b, out=out)
    np.sqrt(np.abs(out), out=out)
    np.divide(a, b, out=out, where=b > 0)
    return np.exp(out, out=a)


@program((f8(5), 0.3), (f4(5), 2))
def returns_its_argument(x, a):
    x *= a
    y = x
    y += 1
    return y, x[2:], x


@program((np.empty(0),), (np.empty((0, 3)),), (np.empty((3, 0), np.float32),), (f4(1, 1),))
def of_any_size(x):
    return x + 1, x.sum(), np.concatenate([x, x]), x.sum(0), np.exp(x), x.reshape(-1)


@pytest.mark.filterwarnings("error::hybrid.FallbackWarning")
@pytest.mark.parametrize(("f", "calls"), PROGRAMS)
def test_program(f, calls):
    decorated = function(f)
    for arguments in (*calls, *calls, calls[0]):
        mine, theirs = copy.deepcopy(arguments), copy.deepcopy(arguments)
        want = f(*theirs)
        assert differs(decorated(*mine), want) is None
        assert differs(mine, theirs, "arguments") is None
    assert decorated.stats()["traces"] <= len(calls) and not decorated.stats()["fallbacks"]


# What the reports say --------------------------------------------------------------------------------------------------------
def test_square_roots_as_powers():
    x = np.array([np.inf, -np.inf, 0.0, -0.0, 4.0, -1.0])
    forms = (lambda x: x**0.5, lambda x: np.power(x, 0.5), lambda x: np.float_power(x, 0.5))
    for f in forms:
        with np.errstate(all="ignore"):
            got, want = function(f)(x), f(x)
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))


def test_allclose_is_a_python_bool():
    both = function(lambda x: (np.allclose(x, x), np.allclose(x, x + 1)))
    for _ in range(3):
        assert [*map(repr, both(np.ones(3)))] == ["True", "False"]


def fills(x):
    y = np.asarray([0.0, 1.0])
    np.asarray(y)[0] = x.tobytes()[1]
    return y


def selects(x):
    y = x * 2
    return np.require(y, float)


@pytest.mark.parametrize(
    ("f", "line", "reason"),
    [(fills, 2, r"\.tobytes"), (selects, 2, "a NumPy array")],
)
def test_refusals_name_the_line_of_the_user(f, line, reason):
    with pytest.warns(FallbackWarning, match=reason) as caught:
        function(f)(np.arange(4.0))
    assert f"test_programs.py:{f.__code__.co_firstlineno + line}: " in str(caught[0].message)


def test_an_argument_that_other_code_asks_for_becomes_static():
    @function
    def f(x, p):
        return x + p + cmath.asin(p).imag

    for p in (0.25, 0.25, 0.5):
        np.testing.assert_array_equal(f(np.ones(3), p), np.ones(3) + p)
    assert f.stats()["traces"] == 2 and not f.stats()["fallbacks"]


def test_missing_arguments_raise_one_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument") as caught:
        function(lambda x: x)()
    assert caught.value.__context__ is None


def test_options_are_checked_and_kept():
    with pytest.raises(ArgumentError, match="backend is one of"):
        function(fills, backend="cuda")
    with pytest.raises(ArgumentError, match="threads"):
        hy.config.threads = -1
    decorated = function(selects)
    assert function(decorated) is decorated
    assert function(decorated, strict=True).strict and function(decorated, static=0).parameters.static


def test_explain_without_a_trace():
    assert function(fills).explain() == "fills: no trace"
    with hy.config.override(jit=False):
        assert "jit is off" in function(fills).explain()


# What a function keeps besides its arguments ------------------------------------------------------------------------------
TABLES = [np.ones(3), np.ones(3)]


class Layer:
    def __init__(self):
        self.weights = np.ones(3)

    @property
    def doubled(self):
        return self.weights * 2


LAYER = Layer()


def loops_over_tables(x):
    for table in TABLES:
        x = x + table * 2
    return x


def default_tables(x, tables=TABLES):
    return x + tables[0] + tables[1] * 2


def default_array(x, table=TABLES[1]):
    return x + table * 2


def default_object(x, layer=LAYER):
    return x + layer.doubled + layer.weights * 3


@pytest.mark.parametrize("f", [loops_over_tables, default_tables, default_array, default_object])
def test_arrays_written_in_place_are_noticed(f):
    decorated, x = function(f), np.arange(3.0)
    for _ in range(3):
        np.testing.assert_array_equal(decorated(x), f(x))
        for array in (TABLES[1], LAYER.weights):
            array += 1


def test_defaults_changed_in_place_are_noticed():
    def f(x, a=2.0, *, k=3):
        return x * a * k

    decorated, x = function(f), np.arange(3.0)
    np.testing.assert_array_equal(decorated(x), f(x))
    f.__kwdefaults__["k"] = 5
    np.testing.assert_array_equal(decorated(x), f(x))
    f.__defaults__ = (1.0,)
    np.testing.assert_array_equal(decorated(x), f(x))


NESTED = [[1]]


def appends_to_its_default(x, seen=[]):  # noqa: B006  what this is about
    seen.append(1)
    return x + len(seen)


def appends_to_a_nested_global(x):
    NESTED[0].append(1)
    return x + len(NESTED[0])


@pytest.mark.parametrize(("f", "kept"), [(appends_to_its_default, appends_to_its_default.__defaults__[0]),
                                         (appends_to_a_nested_global, NESTED[0])])  # fmt: skip
@pytest.mark.filterwarnings("ignore:appends_to_its_default:hybrid.FallbackWarning")
def test_an_effect_on_what_is_kept_happens_once_a_call(f, kept):
    before, decorated = len(kept), function(f)
    for k in range(5):
        assert decorated(np.zeros(1)) == [before + k + 1] and len(kept) == before + k + 1


def test_floating_point_errors_that_were_asked_for_are_raised():
    @function
    def inverse(x):
        with np.errstate(divide="raise"):
            return 1 / x

    with pytest.warns(FallbackWarning, match=r"np\.errstate"):
        np.testing.assert_array_equal(inverse(np.ones(2)), 1)
    with pytest.raises(FloatingPointError):
        inverse(np.zeros(2))
