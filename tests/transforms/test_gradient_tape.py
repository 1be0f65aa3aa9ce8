"""`GradientTape`, by TensorFlow's habits."""

import math
import threading

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, GradientError


def plain(data):
    return hy.tensor(np.asarray(data, np.float64))


def same(x, wanted, tolerance=1e-12):
    found = np.asarray(x.detach() if isinstance(x, hy.Tensor) else x)
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, np.asarray(wanted), tolerance, tolerance)


def test_watched_tensors():
    x, z = plain([1, 2]), plain([3, 4])
    with hy.GradientTape() as tape:
        tape.watch([x, {"z": z}])
        y = (x * x * z).sum()
    found = tape.gradient(y, {"x": x, "z": (z,)})
    same(found["x"], [6, 16])
    same(found["z"][0], [1, 4])


def test_after_the_tape_nothing_is_remembered():
    x = plain([1, 2])
    with hy.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert not x.requires_grad and not y.requires_grad and not (y * 2).requires_grad
    same(np.asarray(y), [1, 4])
    late = y * 3
    same(tape.gradient(late, x), [0, 0])
    with pytest.raises(GradientError, match="open"):
        tape.watch(x)


def test_one_gradient_or_many():
    x = plain([1, 2])
    with hy.GradientTape() as tape:
        tape.watch(x)
        y = (x**3).sum()
    tape.gradient(y, x)
    with pytest.raises(GradientError, match="persistent"):
        tape.gradient(y, x)
    with hy.GradientTape(persistent=True) as tape:
        tape.watch(x)
        h = x * x
        y = (h * h).sum()
    same(tape.gradient(y, x), [4, 32])
    same(tape.gradient(h, x), [2, 4])
    same(tape.gradient(y, h), [2, 8])
    same(tape.gradient(y, x), [4, 32])


def test_tensors_that_require_gradients_need_no_watching():
    w, x = hy.tensor(np.array([2.0, 3.0]), requires_grad=True), plain([1, 2])
    with hy.GradientTape() as tape:
        tape.watch(x)
        y = (w * w * x).sum()
    gw, gx = tape.gradient(y, [w, x])
    same(gw, [4, 12])
    same(gx, [4, 9])
    assert w.grad is None and w.requires_grad


def test_nested_tapes():
    x = plain(3.0)
    with hy.GradientTape() as outer:
        outer.watch(x)
        with hy.GradientTape() as inner:
            inner.watch(x)
            y = x**4
        first = inner.gradient(y, x)
    same(first, 108.0)
    same(outer.gradient(first, x), 108.0)
    w = hy.tensor(np.array(3.0), requires_grad=True)
    with hy.GradientTape() as outer:
        with hy.GradientTape() as inner:
            y = w**4
        first = inner.gradient(y, w)
    same(outer.gradient(first, w), 108.0)


def test_the_outer_tape_may_watch_later():
    x = plain(2.0)
    with hy.GradientTape() as outer, hy.GradientTape() as inner:
        inner.watch(x)
        outer.watch(x)
        y = x**3
        first = inner.gradient(y, x)
        again = first * x
    same(outer.gradient(again, x), 36.0)
    assert type(x._data) is np.ndarray


def test_a_persistent_tape_inside_itself():
    x = plain(2.0)
    with hy.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x**4
        first = tape.gradient(y, x)
        second = tape.gradient(first, x)
    same(first, 32.0)
    same(second, 48.0)
    same(tape.gradient(second, x), 48.0)


def test_targets_of_any_shape_and_several():
    x = plain([1, 2])
    with hy.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = x * x, (x * 3).sum()
    same(tape.gradient(y, x), [2, 4])
    same(tape.gradient([y, z], x), [5, 7])
    same(tape.gradient(y, x, output_gradients=plain([10, 0])), [20, 0])
    with pytest.raises(ArgumentError):
        tape.gradient([y, z], x, output_gradients=[plain([10, 0])])


def test_jacobian():
    x, z = plain([1, 2, 3]), plain([[1, 0], [0, 1]])
    with hy.GradientTape(persistent=True) as tape:
        tape.watch((x, z))
        y = hy.stack([x[0] * x[1], x[2] ** 2])
        m = z @ z
    same(tape.jacobian(y, x), [[2, 1, 0], [0, 0, 6]])
    assert tape.jacobian(m, z).shape == (2, 2, 2, 2)
    same(tape.jacobian(y, [x, z])[1], np.zeros((2, 2, 2)))


def test_unconnected_sources():
    x, z = plain([1, 2]), plain([3, 4])
    with hy.GradientTape(persistent=True) as tape:
        tape.watch((x, z))
        y = (x * x).sum()
    same(tape.gradient(y, z), [0, 0])
    with pytest.raises(GradientError, match="no part"):
        tape.gradient(y, z, unconnected_gradients="error")
    with pytest.raises(GradientError, match="no part"):
        tape.gradient(plain(1.0), x, unconnected_gradients="error")
    with pytest.raises(ArgumentError):
        tape.gradient(y, z, unconnected_gradients="none")


def test_stop_recording():
    x = plain([1, 2])
    with hy.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        with tape.stop_recording():
            z = x * y
        with hy.no_grad():
            c = y * 3
        total = (y + z + c).sum()
    same(tape.gradient(total, x), [2, 4])


def test_writes_into_watched_tensors():
    x = plain([1, 2, 3])
    with hy.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        x[0] = y[1]
        loss = (x * y).sum()
    same(x, [4, 2, 3])
    assert type(x._data) is np.ndarray
    # loss = x1² x0² + x1³ + x2³ of what was watched
    same(tape.gradient(loss, x), [2 * 4, 2 * 2 + 3 * 4, 27])


def test_writes_into_plain_tensors_end_with_the_tape():
    x, log = plain([1, 2]), hy.zeros(3, dtype=np.float64)
    with hy.GradientTape() as tape:
        tape.watch(x)
        log[1] = (x * x).sum()
    assert type(log._data) is np.ndarray
    same(log, [0, 5, 0])
    same(tape.gradient(log, x), [0, 0])  # as it is now, nobody knows what it was computed from


def test_misuse():
    with pytest.raises(GradientError, match="open"):
        hy.GradientTape().watch(plain([1]))
    with pytest.raises(GradientError, match="never open"):
        hy.GradientTape().gradient(plain(1.0), plain(1.0))
    with hy.GradientTape() as tape:
        with pytest.raises(ArgumentError):
            tape.watch(np.ones(2))
        with pytest.raises(GradientError, match="floats"):
            tape.watch(hy.tensor([1, 2]))
    with pytest.raises(GradientError, match="twice"), tape:
        pass


def test_tapes_inside_functions_that_are_differentiated():
    def slope(c):
        x = plain(2.0)
        with hy.GradientTape() as tape:
            tape.watch(x)
            y = x * x * c
        return tape.gradient(y, x)

    def own(x):
        c = hy.sin(x)
        with hy.GradientTape() as tape:
            tape.watch(x)
            y = x * x * c
        return tape.gradient(y, x)

    assert hy.grad(slope)(3.0) == 4.0
    assert hy.jvp(slope, (3.0,), (1.0,))[1] == 4.0
    np.testing.assert_allclose(hy.grad(own)(3.0), 2 * math.sin(3) + 6 * math.cos(3))
    np.testing.assert_allclose(hy.jvp(own, (3.0,), (2.0,))[1], 2 * (2 * math.sin(3) + 6 * math.cos(3)))


def test_functions_inside_tapes():
    x = plain(3.0)
    with hy.GradientTape() as tape:
        tape.watch(x)
        y = hy.grad(lambda v: v**3 * x)(x) + hy.jvp(lambda v: v * x, (plain(1.0),), (plain(1.0),))[1]
    same(tape.gradient(y, x), 9 * 9 + 1.0)


def test_other_tapes_inside_functions_are_refused():
    def f(c):
        x = hy.tensor(2.0, dtype=np.float64, requires_grad=True)
        return hy.grad_of(x * x * c, x, create_graph=True)

    with pytest.raises(GradientError, match="would not follow"):
        hy.grad(f)(3.0)
    with pytest.raises(GradientError, match=r"hybrid\.grad"):
        hy.grad(lambda c: c.requires_grad_() * 1.0)(hy.tensor(3.0))


def test_threads_have_their_own_tapes():
    found, w = {}, hy.tensor(np.array([1.0, 2.0]), requires_grad=True)
    started, done = threading.Event(), threading.Event()

    def work():
        with hy.GradientTape():
            started.set()
            done.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait(10)
    with hy.GradientTape() as tape:
        y = (w * w).sum()
    found = tape.gradient(y, w)
    done.set()
    thread.join()
    assert not found.requires_grad
    same(found, [2, 4])
