"""`check_grads`: right derivatives pass, wrong ones are named."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, GradientError

X = np.array([0.3, 1.2, 2.7])


def test_right_derivatives_pass():
    hy.check_grads(lambda x: np.sin(x) * x, (X,))
    hy.check_grads(lambda x: x**3, (2.0,), order=3)
    hy.check_grads(lambda z: z * z * np.conj(z), (np.array([1 + 2j, 0.3 - 1j]),))
    hy.check_grads(np.exp, (hy.tensor([1.0, 2.0]),))  # float32
    hy.check_grads(lambda x, n, p: (np.sin(x[0]) * p["w"] ** n, x[1].sum()), ((X, X.reshape(3, 1)), 2, {"w": 1.5}))
    hy.check_grads(lambda x: (x @ x.T).sum(), (np.random.default_rng(0).normal(size=(20, 20)),), order=1)


def test_a_wrong_derivative_is_named():
    wrong = hy.custom_gradient(lambda x: (np.sin(x), lambda g: g * np.sin(x)))
    wrong.defjvp(lambda primals, tangents: tangents[0])
    with pytest.raises(GradientError, match=r"(?s)of <lambda> \(reverse\).* by argument 1\['a'\]\[0\].*expected"):
        hy.check_grads(lambda x, w: wrong(w["a"]) + x, (X[:2], {"a": X[:2]}), modes="reverse")
    with pytest.raises(GradientError, match=r"(?s)of <lambda> of result\[0\] \(forward\).* by argument 0\[0\]"):
        hy.check_grads(lambda x: wrong(x), (X,), modes="forward")


def test_a_wrong_second_derivative_is_named():
    stopped = hy.custom_gradient(lambda x: (x**3, lambda g: 3 * g * hy.stop_gradient(x) ** 2))
    hy.check_grads(stopped, (X,), order=1, modes="reverse")
    with pytest.raises(GradientError, match=r"\(reverse, then reverse\)"):
        hy.check_grads(stopped, (X,), modes="reverse")


def test_what_it_takes():
    for match, call in (
        ("forward or in reverse", lambda: hy.check_grads(np.sin, (X,), modes="sideways")),
        ("takes a tuple", lambda: hy.check_grads(np.sin, X)),
        ("order 1 or more", lambda: hy.check_grads(np.sin, (X,), order=0)),
        ("no float", lambda: hy.check_grads(np.sin, (3,))),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()
