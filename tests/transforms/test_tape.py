"""The tape of tensors that require gradients, by PyTorch's habits."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, GradientError


def leaf(data, dtype=np.float64):
    return hy.tensor(np.asarray(data, dtype), requires_grad=True)


def same(x, wanted, tolerance=1e-12):
    found = np.asarray(x.detach() if isinstance(x, hy.Tensor) else x)
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, np.asarray(wanted), tolerance, tolerance)


# Gradients arrive ---------------------------------------------------------------------------------------------------
def test_gradients_add_up():
    x = leaf([1, 2, 3])
    (x * x).sum().backward()
    same(x.grad, [2, 4, 6])
    (x * x).sum().backward()
    same(x.grad, [4, 8, 12])
    x.grad = None
    (x**3).sum().backward()
    same(x.grad, [3, 12, 27])


def test_a_gradient_is_nobody_elses_memory():
    x, z, given = leaf([1, 2]), leaf([1, 2]), hy.ones(2, dtype=np.float64)
    (x + z).backward(given)
    x.grad *= 5
    same(z.grad, [1, 1])
    same(given, [1, 1])
    (x + z).sum().backward()
    z.grad *= 2
    same(x.grad, [6, 6])
    w = leaf([1.0])
    w.backward(given[:1])
    w.grad[0] = 7
    same(given, [1, 1])


def test_a_cotangent_is_given():
    x = leaf([[1, 2], [3, 4]])
    (x * x).backward(np.array([[1.0, 0], [0, 2]]))
    same(x.grad, [[2, 0], [0, 16]])
    with pytest.raises(GradientError, match="cotangent"):
        (x * x).backward()
    with pytest.raises(ArgumentError, match="shape"):
        (x * x).backward(np.ones(2))


def test_a_graph_is_freed_and_retained():
    x = leaf([1, 2])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    same(x.grad, [4, 8])
    with pytest.raises(GradientError, match=r"(?s)freed.*retain_graph"):
        y.backward()


def test_what_was_saved_goes_as_the_graph_is_consumed():
    x = leaf(np.ones(1000))
    h = x.exp()
    y = (h * h).sum()
    saved = weakref.ref(h._data.value)
    del h
    assert saved() is not None
    y.backward()
    gc.collect()
    assert saved() is None


def test_long_chains():
    x = leaf([1.0])
    y = x
    for _ in range(20000):
        y = y * 1.0
    y.sum().backward()
    same(x.grad, [1])


def test_higher_orders():
    x = leaf([1, 2])
    (first,) = hy.grad_of((x**4).sum(), [x], create_graph=True)
    (second,) = hy.grad_of(first.sum(), [x], create_graph=True)
    third = hy.grad_of(second.sum(), x)
    same(first, [4, 32])
    same(second, [12, 48])
    same(third, [24, 48])
    (x**3).sum().backward(create_graph=True)
    gradient = x.grad
    x.grad = None
    (gradient * gradient).sum().backward()
    same(x.grad, 2 * 3 * np.array([1, 4]) * 6 * np.array([1, 2]))


def test_only_some_inputs():
    x, z = leaf([1, 2]), leaf([3, 4])
    (x * z).sum().backward(inputs=[x])
    same(x.grad, [3, 4])
    assert z.grad is None
    with pytest.raises(GradientError, match="leaves"):
        (x * z).sum().backward(inputs=[x * 2])


# Leaves -----------------------------------------------------------------------------------------------------------------
def test_leaf_rules():
    x = leaf([1, 2])
    y = x * 2
    assert x.is_leaf and not y.is_leaf and hy.ones(2).is_leaf
    assert y.requires_grad and not hy.ones(2).requires_grad
    with pytest.raises(GradientError, match="leaf"):
        x += 1
    with pytest.raises(GradientError, match="leaf"):
        x[0] = 1
    with pytest.raises(GradientError, match="leaf"):
        view = x[1:]
        view *= 2
    with pytest.raises(GradientError, match="leaves"):
        y.requires_grad = False
    with pytest.raises(GradientError, match="floats"):
        hy.tensor([1, 2]).requires_grad_()
    x.requires_grad = False
    assert not x.requires_grad
    x += 1
    same(x, [2, 3])


def test_setting_a_gradient():
    x = leaf([1, 2])
    x.grad = np.array([1.0, 1.0])
    (x * x).sum().backward()
    same(x.grad, [3, 5])
    with pytest.raises(ArgumentError):
        x.grad = np.ones(3)
    with pytest.raises(GradientError):
        (x * 2).grad = np.ones(2)


def test_no_grad_and_enable_grad():
    x = leaf([1, 2])
    with hy.no_grad():
        assert not hy.is_grad_enabled() and not (x * 2).requires_grad and not x[1:].requires_grad
        with hy.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad

    @hy.no_grad()
    def f(x):
        return x * x

    assert not f(x).requires_grad and not f(x).requires_grad and hy.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), hy.no_grad():
        raise ZeroDivisionError
    assert hy.is_grad_enabled()


def test_a_step_under_no_grad():
    x = leaf([1, 2])
    for _ in range(3):
        x.grad = None
        loss = (x * x).sum()
        loss.backward()
        with hy.no_grad():
            x -= 0.25 * x.grad
    assert x.is_leaf and x.requires_grad
    same(x, [0.125, 0.25])


def test_detach():
    x = leaf([1, 2])
    y = x * 3
    d = y.detach()
    assert not d.requires_grad
    (y * d).sum().backward()
    same(x.grad, [9, 18])
    d[0] = 50
    same(y.detach(), [50, 6])


# Hooks -------------------------------------------------------------------------------------------------------------------
def test_a_hook_sees_the_whole_gradient():
    x, calls = leaf([1.0]), []
    handle = x.register_hook(lambda g: calls.append(g.item()) or g.clip(-1, 1))
    (x * 3 + x * 4).sum().backward()
    assert calls == [7.0]
    same(x.grad, [1])
    handle.remove()
    handle.remove()
    (x * 3).sum().backward()
    same(x.grad, [4])


def test_hooks_of_results():
    x = leaf([1, 2])
    h = x * 2
    h.register_hook(lambda g: g * 10)
    h.retain_grad()
    (h * h).sum().backward()
    same(h.grad, [40, 80])
    same(x.grad, [80, 160])
    with pytest.raises(GradientError):
        hy.ones(2).register_hook(lambda g: g)


def test_retained_gradients():
    x = leaf([1, 2])
    h = x * 2
    h.retain_grad()
    (h**2).sum().backward()
    same(h.grad, [4, 8])
    assert (x * 2).grad is None


# grad_of -----------------------------------------------------------------------------------------------------------------
def test_grad_of_leaves_and_results():
    x, z = leaf([1, 2]), leaf([5, 6])
    h = x * x
    y = (h * h).sum()
    found = hy.grad_of(y, {"h": h, "x": [x]})
    same(found["h"], [2, 8])
    same(found["x"][0], [4, 32])
    assert x.grad is None
    y = (x * 2).sum()
    with pytest.raises(GradientError, match="no part"):
        hy.grad_of(y, [x, z])
    gx, gz = hy.grad_of((x * 2).sum(), [x, z], unconnected="zeros")
    same(gx, [2, 2])
    same(gz, [0, 0])
    with pytest.raises(ArgumentError):
        hy.grad_of(y, x, unconnected="none")
    same(hy.grad_of(h, h, np.ones(2)), [1, 1])


def test_grad_of_several_outputs():
    x = leaf([1, 2])
    same(hy.grad_of([(x * x).sum(), x], x, [None, np.array([10.0, 20.0])]), [12, 24])


def test_grad_of_goes_no_further_than_asked():
    x = leaf([1, 2])
    h = x * x
    first, second = (h * h).sum(), (h**3).sum()
    first.backward()  # frees the way from h to x
    same(hy.grad_of(second, h), 3 * np.array([1.0, 16.0]))


def test_a_failed_grad_of_leaves_nothing_behind():
    x = leaf([1, 2])
    h = x * x
    h.retain_grad()
    with pytest.raises(ArgumentError):
        hy.grad_of(h, h, np.ones(3))
    h.sum().backward()
    same(h.grad, [1, 1])


# Writes and views ----------------------------------------------------------------------------------------------------------
X = np.arange(1.0, 13).reshape(3, 4) + 0.25


def _negate(v):
    v *= -1.0


def _set_number(v):
    v[...] = 2.5


def _set_from_itself(v):
    v[...] = v.sin()


def _write_item(v):
    v[(0,) * v.ndim] = 3.0


def _mask(v):
    v[v > 5] = 0.5


def _add_own(v):
    v += v * v


def _gathered(v):
    v[np.array([0, -1])] = v[np.array([1, 0])] * 2


def _out(v):
    np.exp(v * 0.1, out=v)


WRITES = [_negate, _set_number, _set_from_itself, _write_item, _mask, _add_own, _gathered, _out]
VIEWS = {
    "whole": lambda y: y,
    "rows": lambda y: y[1:],
    "steps": lambda y: y[::-2, 1:3],
    "one": lambda y: y[1],
    "transposed": lambda y: y.T,
    "reshaped": lambda y: y.reshape(2, 6),
    "flat": lambda y: y.ravel(),
    "diagonal": lambda y: y.T[1:].T.reshape(3, 3)[:, ::-1],
    "axes": lambda y: hy.moveaxis(y[None], 0, -1)[..., 0],
    "swapped": lambda y: np.swapaxes(y, 0, 1)[2:],
    "squeezed": lambda y: y[:, None, :].squeeze(1),
    "chained": lambda y: y[:, 1:].T[::2][..., 1:],
}


def run_writes(y, view, write):
    """Saved before the write, read after it, through the view and through the whole."""
    v = view(y)
    before = (y * y).sum() + (v**3).sum() * 0.1
    write(v)
    after = (y * np.cos(X)).sum() + (v * v * 0.3).sum()
    return before + after * after * 0.01


def numerical(f, x, step=1e-6):
    out = np.zeros_like(x)
    for at in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        out[at] = (float(f(up)) - float(f(down))) / (2 * step)
    return out


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__[1:])
@pytest.mark.parametrize("view", VIEWS)
def test_writes_through_views(view, write):
    x = leaf(X)
    loss = run_writes(x * 1.0, VIEWS[view], write)
    loss.backward()
    wanted = numerical(lambda a: run_writes(hy.tensor(a * 1.0, dtype=np.float64), VIEWS[view], write), X)
    same(x.grad, wanted, 2e-4)


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__[1:])
@pytest.mark.parametrize("view", ["whole", "steps", "transposed", "chained"])
def test_writes_through_views_forward(view, write):
    direction = np.random.default_rng(0).normal(size=X.shape)
    _, along = hy.jvp(lambda x: run_writes(x * 1.0, VIEWS[view], write), (X,), (direction,))
    step = 1e-6

    def f(a):
        return float(run_writes(hy.tensor(a * 1.0, dtype=np.float64), VIEWS[view], write))

    same(along, (f(X + step * direction) - f(X - step * direction)) / (2 * step), 1e-4)


LAYOUTS = {
    "ravel": lambda y: y.ravel(),
    "ravel of columns": lambda y: np.ravel(y.T),
    "in columns' order": lambda y: np.ravel(y, order="F"),
    "flatten": lambda y: y.flatten(),
    "reshape": lambda y: y.reshape(4, 3),
    "reshape of columns": lambda y: y.T.reshape(3, 4),
    "reshape in columns' order": lambda y: np.reshape(y, (2, 6), order="F"),
    "squeeze": lambda y: np.squeeze(y[None]),
    "real": lambda y: np.real(y),
    "conj": lambda y: y.conj(),
    "positive": lambda y: +y,
    "astype": lambda y: y.astype(np.float64),
    "astype without a copy": lambda y: y.astype(np.float64, copy=False),
    "asarray": lambda y: hy.asarray(y),
    "contiguous": lambda y: y.contiguous(),
    "broadcast": lambda y: np.broadcast_to(y, (2, 3, 4)),
    "split": lambda y: np.split(y, 3)[1],
    "iterated": lambda y: next(iter(y)),
    "flipped": lambda y: np.flip(y),
    "diagonal": lambda y: np.diagonal(y),
    "windows": lambda y: np.lib.stride_tricks.sliding_window_view(y, 2, axis=1),
    "one": lambda y: y[0, 0],
}


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("name", LAYOUTS)
def test_views_and_copies_are_told_apart(name, columns):
    """The whole is written between two uses of what may be a view of it."""

    def f(x):
        y = (x * 1.0).T.clone().T if columns else x * 1.0
        r = LAYOUTS[name](y)
        before = (r * r).sum()
        y[0] *= 3.0
        y[..., 1] += 1.0
        return before + (y * y).sum() + (r**3).sum() * 0.1

    x, direction, step = hy.tensor(X), np.cos(X), 1e-6
    wanted = (f(x + step * direction) - f(x - step * direction)).item() / (2 * step)
    found = hy.grad(f)(x)
    same((found * direction).sum(), wanted, 1e-6)
    same(hy.jvp(f, (x,), (hy.tensor(direction),))[1], wanted, 1e-6)


def test_nothing_is_left_to_the_garbage_collector():
    x, plain = leaf([1, 2]), hy.tensor(np.ones(2))

    def work():
        y = x * 2
        y[0] *= 3
        b = hy.zeros(4, dtype=np.float64)
        b[1:3] = np.sin(y)
        (b * b).sum().backward()
        x.grad = None
        hy.hessian(lambda v: (v**3).sum())(plain)
        with hy.GradientTape() as tape:
            tape.watch(plain)
            z = (plain[1:] * plain).sum()
        tape.gradient(z, plain)

    work()
    work()
    gc.collect()
    gc.disable()
    try:
        work()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_writes_after_values_were_saved():
    x = leaf([1, 2, 3])
    y = x * 2
    z = y * y
    y += 1
    y[0] = 5
    (z.sum() + (y * y).sum()).backward()
    same(x.grad, [8, 16 + 20, 24 + 28])


def test_writes_under_no_grad_after_values_were_saved():
    x = leaf([1, 2, 3])
    y = (x * x).sum()
    h = x * 2
    z = (h * h).sum()
    with hy.no_grad():
        x -= 1.0
        h += 100.0
        view = h[1:]
    view[0] = -1e9
    (y + z).backward()
    same(x.grad, [2 + 8, 4 + 16, 6 + 24])


@pytest.mark.parametrize("size", [3, 20000])
def test_writes_that_nobody_tells_of_are_harmless_or_errors(size):
    def check(share):
        x = leaf(np.ones(size))
        h = x * 2
        z = (h * h).sum()
        share(h)[1] = 50.0
        try:
            z.backward()
        except GradientError as error:
            assert size > 3 and "written since" in str(error)
        else:
            same(x.grad, np.full(size, 8.0))

    def unseen(h):
        with hy.no_grad():
            return h[:]

    def array(h):
        with hy.no_grad():
            return h.numpy()

    check(lambda h: h.detach())
    check(unseen)
    check(array)

    x, w = leaf(np.ones(size)), np.ones(size)
    y = (x * w).sum()
    w[1] = 50.0
    try:
        y.backward()
    except GradientError as error:
        assert size > 3 and "written since" in str(error)
    else:
        same(x.grad, np.ones(size))

    given = np.ones(size)
    x = hy.asarray(given).requires_grad_()
    y = (x * x).sum()
    given[-1] = 50.0
    try:
        y.backward()
    except GradientError as error:
        assert size > 3 and "written since" in str(error)
    else:
        same(x.grad, 2 * np.ones(size))


def test_a_write_between_gradients_of_gradients():
    x = leaf([1, 2])
    h = x * 2
    (g,) = hy.grad_of((h**3).sum(), [x], create_graph=True)
    with hy.no_grad():
        h += 100.0
        x += 100.0
    g.sum().backward()
    same(x.grad, [48, 96])


def test_tracked_values_into_plain_tensors():
    x = leaf([1, 2, 3])
    b = hy.zeros(5, dtype=np.float64)
    b[1:4] = x * 2
    b[0] = x[0] * x[1]
    assert b.requires_grad
    (b * b).sum().backward()
    same(x.grad, [16, 20, 24])
    x.grad = None
    acc = hy.zeros(20000, dtype=np.float64) + 1
    acc *= x.sum()
    acc.sum().backward()
    same(x.grad, [20000, 20000, 20000])


def test_plain_memory_with_other_views_is_refused():
    x = leaf([1, 2, 3])
    b = hy.zeros(5, dtype=np.float64)
    v = b[1:4]
    with pytest.raises(GradientError, match="seen otherwise"):
        v[:] = x
    with pytest.raises(GradientError, match="seen otherwise"):
        b[1:4] = x
    with pytest.raises(GradientError, match="seen otherwise"):
        b += x.sum()
    with pytest.raises(GradientError, match="seen otherwise"):
        np.multiply(x, 2.0, out=v)
    same(b, np.zeros(5))
    c = hy.zeros(6, dtype=np.float64).reshape(2, 3)
    c[0] = x
    (c * c).sum().backward()
    same(x.grad, [2, 4, 6])


def test_into_integers_no_gradient_flows():
    x = leaf([1.5, 2.5])
    n = hy.zeros(2, dtype=np.int64)
    n[:] = x
    assert not n.requires_grad


# NumPy's functions, dtypes ----------------------------------------------------------------------------------------------------
A = np.random.default_rng(1).normal(size=(3, 4))
FUNCTIONS = {
    "sin": lambda x: np.sin(x),
    "concatenate": lambda x: np.concatenate([x, np.ones((1, 4)), x * x]),
    "where": lambda x: np.where(A > 0, x, x * x),
    "where plain": lambda x: np.where(A > 0, 1.0, x),
    "add.reduce": lambda x: np.add.reduce(x * x, axis=1),
    "multiply.accumulate": lambda x: np.multiply.accumulate(x, axis=0),
    "multiply.outer": lambda x: np.multiply.outer(x[0], x[1]),
    "array @ x": lambda x: A.T @ x,
    "x @ array": lambda x: x @ A.T,
    "array * x": lambda x: A * x,
    "scalar / x": lambda x: np.float64(2.0) / x,
    "array ** x": lambda x: (abs(A) + 1) ** x,
    "array - x": lambda x: A - x,
    "x // 1": lambda x: x // 1.0 + x,
    "x % 1": lambda x: x % 0.7,
    "stack": lambda x: np.stack([x[2], x[0]], axis=1),
    "vstack": lambda x: np.vstack((x, x[:1])),
    "mean": lambda x: np.mean(x, axis=0),
    "var": lambda x: np.var(x, axis=1, ddof=1),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "sort": lambda x: np.sort(x, axis=1),
    "max": lambda x: np.max(x, axis=1),
    "median": lambda x: np.median(x, axis=1),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, A),
    "dot": lambda x: np.dot(x, A[0]),
    "tensordot": lambda x: np.tensordot(x, A, 2),
    "outer": lambda x: np.outer(x, A[0]),
    "kron": lambda x: np.kron(x, A),
    "clip": lambda x: np.clip(x, 0.3, 1.2),
    "maximum": lambda x: np.maximum(x, A),
    "hypot": lambda x: np.hypot(x, A),
    "pad": lambda x: np.pad(x, 1),
    "roll": lambda x: np.roll(x, 1, axis=1),
    "take": lambda x: np.take(x, [0, 2, 2], axis=1),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(A, axis=1), axis=1),
    "repeat": lambda x: np.repeat(x, [1, 0, 2], axis=0),
    "tile": lambda x: np.tile(x, (2, 1)),
    "diff": lambda x: np.diff(x, axis=1),
    "gradient": lambda x: np.gradient(x, axis=1),
    "interp": lambda x: x.reshape(-1)[::2],
    "trace": lambda x: np.trace(x),
    "norm": lambda x: np.linalg.norm(x, axis=1),
    "solve": lambda x: np.linalg.solve(A[:, :3] + 3 * np.eye(3), x),
    "inv": lambda x: np.linalg.inv(x[:, :3] + 3 * np.eye(3)),
    "fft": lambda x: np.abs(np.fft.fft(x, axis=1)),
    "index": lambda x: x[[0, 0, 2], [1, 1, 3]],
    "mask": lambda x: x[A > 0],
    "own mask": lambda x: x[x > 0.8],
    "steps": lambda x: x[::-1, ::2],
    "newaxis": lambda x: x[:, None] * x[None],
    "bounds": lambda x: x[np.int64(1) :, : np.array(3)],
    "float power": lambda x: np.float_power(x, 3),
    "nan_to_num": lambda x: np.nan_to_num(x),
    "iterated": lambda x: sum(row * k for k, row in enumerate(x)),
    "unpacked": lambda x: (lambda a, b, c: a * b - c)(*x),
    "int mix": lambda x: x * np.arange(4) + True,
    "logaddexp": lambda x: np.logaddexp(x, A),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy_functions(name):
    f = FUNCTIONS[name]
    start = np.random.default_rng(2).uniform(0.2, 1.6, (3, 4))
    x = leaf(start)
    out = f(x)
    weights = np.random.default_rng(3).normal(size=out.shape)
    (out * weights).sum().backward()
    assert np.asarray(out.detach()).tobytes() == np.asarray(f(start)).astype(out.dtype).tobytes()
    same(x.grad, numerical(lambda a: (np.asarray(f(a)) * weights).sum(), start), 1e-6)


def test_dtypes_of_gradients():
    for dtype in (np.float16, np.float32, np.float64, hy.bfloat16):
        x = hy.tensor([1.0, 2.0, 3.0], dtype=dtype, requires_grad=True)
        (x * x).sum().backward()
        assert x.grad.dtype == dtype
        same(np.asarray(x.grad).astype(float), [2, 4, 6])
    x = leaf([1, 2], np.float32)
    y = (x * np.ones(2)).sum()
    y.backward()
    assert y.dtype == np.float64 and x.grad.dtype == np.float32
    x = leaf([1, 2], np.float32)
    y = (x.astype(np.float64) * 3 + x).sum()
    y.backward()
    assert x.grad.dtype == np.float32
    same(x.grad, [4, 4])


def test_complex_gradients_are_conjugates():
    data = np.array([1 + 2j, 3 - 1j])
    for f, wanted in (
        (lambda z: (z * z).real, 2 * data.conj()),
        (lambda z: abs(z), data / abs(data)),
        (lambda z: (z * z.conj()).real, 2 * data),
        (lambda z: z.imag, np.full(2, 1j)),
    ):
        z = hy.tensor(data, requires_grad=True)
        f(z).sum().backward()
        same(z.grad, wanted)
    x = leaf([1, 2])
    ((x * (1 + 2j)) ** 2).real.sum().backward()
    same(x.grad, 2 * np.array([1, 2]) * ((1 + 2j) ** 2).real)


def test_real_and_imaginary_parts_are_not_written_through():
    data = np.array([1 + 2j, 3 - 1j])

    def part(z):
        y = z * 1
        r = y.real
        r *= 2
        return (abs(y) ** 2).sum()

    def whole(z):
        y = z * 1
        r = y.imag[:1]
        y *= 2
        return (abs(y) ** 2).sum() + r.sum()

    def neither(z):
        y = z * 1
        s = (y.real**2).sum() + (y.imag**3).sum()
        y *= 2
        return s + (abs(y) ** 2).sum()

    for f in (part, whole):
        with pytest.raises(GradientError, match="imaginary part"):
            hy.grad(f)(data)
        with pytest.raises(GradientError, match="imaginary part"):
            hy.jvp(f, (data,), (data,))
    same(hy.grad(neither)(data), 2 * data.real + 3j * data.imag**2 + 8 * data)
    along = np.array([1j, 2 - 1j])
    same(hy.jvp(neither, (data,), (along,))[1], ((2 * data.real + 3j * data.imag**2 + 8 * data).conj() * along).real.sum())


# Python -----------------------------------------------------------------------------------------------------------------------
def test_python_asks():
    x = leaf([1, 2, 3])
    assert len(x) == 3 and float(x[0]) == 1.0 and x[1].item() == 2.0 and bool(x[2]) and x.tolist() == [1, 2, 3]
    assert repr(x) == "tensor([1., 2., 3.], dtype=float64, requires_grad=True)" and f"{x[1]:.2f}" == "2.00"
    total = 0
    for row in x:
        total = total + row * row
    total.backward()
    same(x.grad, [2, 4, 6])
    assert [2, 3][x[0].astype(int)] == 3 and x.shape == (3,) and x.dtype == np.float64 and x.size == 3


def test_no_gradient_gets_lost_in_numpy_arrays():
    x, plain = leaf([1, 2, 3]), np.zeros(3)
    for lose in (
        lambda: np.asarray(x),
        lambda: x.numpy(),
        lambda: np.array([x[0], x[1]]),
        lambda: plain.__setitem__(slice(None), x * 2),
        lambda: np.add(x, x, out=plain),
        lambda: plain.__iadd__(x),
        lambda: np.from_dlpack(x),
    ):
        with pytest.raises(GradientError):
            lose()
    same(plain, np.zeros(3))
    with hy.no_grad():
        plain[:] = x
    same(plain, [1, 2, 3])


def test_copies_and_pickles():
    x = leaf([1, 2])
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert y.requires_grad and y.is_leaf
        (y * y).sum().backward()
        same(y.grad, [2, 4])
    assert x.grad is None
    (x.clone() * 3).sum().backward()
    same(x.grad, [3, 3])
    same(copy.deepcopy(x).grad, [3, 3])
    with pytest.raises(GradientError, match="detach"):
        copy.deepcopy(x * 2)


def test_functions_that_change_meaning_are_not_remembered():
    scale = [2.0]

    def f(v):
        return v * scale[0]

    x = leaf([1, 2, 3])
    for wanted in (2.0, 3.0):
        scale[0] = wanted
        y = np.piecewise(x, [np.array([True, True, False])], [f, 0.0])
        same(hy.grad_of(y.sum(), x), [wanted, wanted, 0])


def test_threads():
    x, failures = leaf(np.ones(50)), []

    def work(k):
        try:
            for _ in range(20):
                if k % 2:
                    with hy.no_grad():
                        assert not (x * 2).requires_grad
                else:
                    ((x * x) * (k + 1)).sum().backward()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and hy.is_grad_enabled()
    same(x.grad, np.full(50, 20 * 2 * (1 + 3 + 5)))
