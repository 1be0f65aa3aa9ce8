"""Ways out of a computation that is differentiated: each is right, or an error that says so, undecorated as decorated."""

import io
import json
import math
import statistics

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import GradientError, HybridError, TraceError

X = np.array([1.3, 0.7, -0.4])
B = np.array([1.3, 0.7, -0.4, 0.9])


def gradient(f, x, h=1e-6):
    return np.array([(float(f(x + e)) - float(f(x - e))) / (2 * h) for e in np.eye(len(x)) * h])


def ways(f):
    """Every way to the gradient of f at X."""

    def backward():
        x = hy.tensor(X, requires_grad=True)
        f(x).backward()
        return x.grad

    return {
        "grad": lambda: hy.grad(f)(X),
        "jvp": lambda: np.array([hy.jvp(f, (X,), (e,))[1] for e in np.eye(3)]),
        "grad of decorated": lambda: hy.grad(hy.function(f))(X),
        "decorated grad": lambda: hy.function(hy.grad(f))(X),
        "backward": backward,
    }


def into_an_array(x):
    y = np.zeros(3)
    y[0] = x[0]
    return y.sum() * x[0]


def as_a_file(x):
    file = io.BytesIO()
    np.save(file, x)
    return np.load(io.BytesIO(file.getvalue())).sum() * x[0]


def test_the_representation_is_a_plain_text():
    """What test runners send from process to process."""
    for x in (3.0, np.ones(2)):
        hy.grad(lambda v: (v * float(type(repr(v)) is str)).sum())(x)
        assert hy.value_and_grad(lambda v: (v * float(type(repr(v)) is str)).sum())(x)[0] == np.sum(x)


OUT = {
    "text": lambda x: float(f"{x[0]}") * x[1],
    "format": lambda x: float(f"{x[0]:.17g}") * x[1],
    "str": lambda x: float(str(x[0])) * x[1],
    "percent": lambda x: float("%.17g" % x[0]) * x[1],  # noqa: UP031
    "item": lambda x: x[0].item() * x[1],
    "tolist": lambda x: sum(x.tolist()) * x[0],
    "json": lambda x: sum(json.loads(json.dumps(x.tolist()))) * x[0],
    "float": lambda x: math.sin(float(x[0])) * x[1],
    "math": lambda x: math.sin(x[0]) * x[1],
    "math of two": lambda x: pow(x[0], 2) * math.pow(x[1], 2),
    "complex": lambda x: complex(x[0]).real * x[1],
    "a list of numbers": lambda x: np.array([float(v) for v in x]).sum() * x[0],
    "a list of tensors": lambda x: np.array([v * 2 for v in x]).sum() * x[0],
    "np.asarray": lambda x: (np.asarray(x) * x).sum(),
    "np.fromiter": lambda x: np.fromiter(x, float).sum() * x[0],
    "np.float64": lambda x: np.float64(x[0]) * x[1],
    "statistics": lambda x: statistics.fmean(x) * x[0],
    "math.fsum": lambda x: math.fsum(x) * x[0],
    "an element": into_an_array,
    "a file": as_a_file,
    "memory": lambda x: np.frombuffer(memoryview(np.ascontiguousarray(x))).sum() * x[0],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ["grad", "jvp", "grad of decorated", "decorated grad"])
@pytest.mark.parametrize("name", OUT)
def test_no_way_out_is_silent(name, way):
    f = OUT[name]
    try:
        found = ways(f)[way]()
    except HybridError as error:
        assert error.__class__.__name__ in ("GradientError", "Followed", "TraceError")
        assert "fix:" in str(error) and "at:" in str(error)
    else:
        np.testing.assert_allclose(found, gradient(f, X), atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["item", "float", "math", "tolist", "a list of numbers"])
def test_for_tensors_that_require_gradients_a_number_is_a_constant(name):
    """As in PyTorch; `hy.grad` refuses the same."""
    x = hy.tensor(X, requires_grad=True)
    OUT[name](x).backward()
    constant = {"item": [0, X[0], 0], "float": [0, np.sin(X[0]), 0], "math": [0, np.sin(X[0]), 0]}
    np.testing.assert_allclose(x.grad, constant.get(name, [X.sum(), 0, 0]))


DECIDED = {
    "int": lambda x: int(x[0]) * x[1],
    "round": lambda x: round(x[0]) * x[1],
    "floor": lambda x: math.floor(x[0]) * x[1],
    "ceil": lambda x: math.ceil(x[0]) * x[1],
    "trunc": lambda x: math.trunc(x[0]) * x[1],
    "index": lambda x: x[int(x[0])] * x[1],
    "sorted": lambda x: sorted(x, key=lambda v: -v)[0] * x[1],
    "max": lambda x: max(x) * min(x),
    "list": lambda x: sum(list(x)) * x[0],
    "unpacking": lambda x: (lambda a, b, c: a * b * c)(*x),
    "a condition": lambda x: x[0] if x[0] > 0 else x[1],
    "text for a log": lambda x: (f"{x.sum():.3f} {x}", x.sum())[1],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ways(abs))
@pytest.mark.parametrize("name", DECIDED)
def test_what_only_decides_loses_nothing(name, way):
    f = DECIDED[name]
    np.testing.assert_allclose(ways(f)[way](), gradient(f, X), atol=1e-7)


def test_numbers_taken_in_branches_and_loops_of_decorated_functions_are_refused():
    def in_a_branch(x):
        if x[1] > 0:
            y = math.sin(x[0])
        else:
            y = 0.0
        return y * x[1]

    def in_a_loop(x):
        y = 0.0
        for k in range(100):
            y = y + float(x[k % 3])
        return y * x[1]

    for f in (in_a_branch, in_a_loop):
        decorated = hy.function(f, strict=True)
        with pytest.raises(GradientError, match="takes a value out"):
            hy.grad(decorated)(X)
        with pytest.raises(GradientError, match="takes a value out"):
            hy.jvp(decorated, (X,), (X,))
        np.testing.assert_allclose(decorated(X), f(X))


# Memory under two names ------------------------------------------------------------------------------------------------------
def writes_the_first(x, y):
    x[1] = x[0] * 2
    return (x**2).sum() + (y**3).sum()


def writes_the_second(x, y):
    y[0] = 5.0
    return (x**2).sum() + (y**3).sum()


def writes_a_view(x, y):
    v = x[1:]
    v *= 2
    return (x**2).sum() + (y**3).sum()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", [writes_the_first, writes_the_second, writes_a_view], ids=lambda f: f.__name__)
def test_arguments_in_one_memory_are_not_written(f):
    def views():
        base = B.copy()
        return base[:3], base[1:]

    def tensors():
        base = hy.tensor(B.copy())
        return base[:3], base[1:]

    calls = [
        lambda: hy.grad(f, (0, 1))(*views()),
        lambda: hy.grad(f)(*views()),
        lambda: hy.grad(f, (0, 1))(*tensors()),
        lambda: hy.jvp(f, views(), (np.ones(3), np.ones(3))),
        lambda: hy.function(hy.grad(f))(*views()),
        lambda: hy.grad(hy.function(f), (0, 1))(*views()),
    ]
    for call in calls:
        with pytest.raises(GradientError, match=r"in the same memory|under another name"):
            call()


def test_arguments_beside_each_other_are_written():
    base = np.arange(1.0, 7.0)
    gx, gy = hy.grad(writes_the_first, (0, 1))(base[::2], base[1::2])
    np.testing.assert_allclose(gx, [2 * 1 + 4 * 2, 0, 10])
    np.testing.assert_allclose(gy, 3 * np.array([2.0, 4, 6]) ** 2)


def test_memory_that_a_function_finds_elsewhere():
    array = X.copy()

    def f(x):
        array[0] = 5.0
        return (x * x).sum()

    for call in (lambda: hy.grad(f)(array), lambda: hy.jvp(f, (array,), (X,)), lambda: hy.vjp(f, array)):
        array[:] = X
        with pytest.raises(GradientError, match="under another name"):
            call()


def test_views_of_one_array_are_not_written_in_traces():
    def meeting(base):
        return hy.grad(writes_the_first, (0, 1))(base[:3], base[1:])

    def twice(base):
        return hy.grad(writes_the_first)(base, base)

    def apart(base):
        return hy.grad(writes_the_first, (0, 1))(base[:2], base[2:]), base

    for f in (meeting, twice):
        for call in (f, hy.function(f), hy.function(f)):
            with pytest.raises(GradientError, match=r"in the same memory|under another name"):
                call(B.copy())
        with pytest.raises(TraceError, match="in the same memory"):
            hy.function(f, strict=True)(B.copy())
    np.testing.assert_equal(hy.function(apart, strict=True)(B.copy()), apart(B.copy()))
