"""Functions whose derivatives are given: `custom_gradient` and `op`, in every mode, eager and in decorated functions."""

import numba
import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, DTypeError, GradientError

X = np.array([0.3, 1.2, 2.7])


def through(x):
    """Rounded, with the derivative of the identity."""
    return np.round(x), lambda g: g


def sine(x):
    return np.sin(x), lambda g: g * np.cos(x)


def both(f, *args):
    """What f gives as it stands, which it gives compiled, too."""
    eager, compiled = f(*args), hy.function(f, strict=True)(*args)
    np.testing.assert_allclose(compiled, eager, rtol=1e-12, atol=1e-14)
    return eager


def test_without_a_transform_it_is_the_function():
    made = hy.custom_gradient(sine)
    np.testing.assert_array_equal(both(made, X), np.sin(X))
    assert type(made(X)) is np.ndarray and type(made(0.5)) is np.float64
    assert made.__name__ == "sine" and "sine" in repr(made)
    assert isinstance(made(hy.tensor(X)), hy.Tensor)


def test_the_given_derivative_is_taken():
    step = hy.custom_gradient(through)
    np.testing.assert_array_equal(both(lambda x: hy.grad(lambda x: (step(x) ** 2).sum())(x), X), 2 * np.round(X))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_orders(mode):
    step, made = hy.custom_gradient(through), hy.custom_gradient(sine)
    step.defjvp(lambda primals, tangents: tangents[0])
    made.defjvp(lambda primals, tangents: np.cos(primals[0]) * tangents[0])

    def second(f):
        return lambda x: hy.jacobian(hy.grad(lambda x: f(x).sum()), mode=mode)(x)

    np.testing.assert_allclose(both(second(lambda x: step(x) ** 2), X), 2 * np.eye(3))
    np.testing.assert_allclose(both(second(made), X), np.diag(-np.sin(X)))
    hy.check_grads(made, (X,), order=3, modes=mode)


def test_backward_on_tensors():
    made = hy.custom_gradient(sine)
    x = hy.tensor(X, requires_grad=True)
    first = hy.grad_of(made(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(first.detach(), np.cos(X))
    first.sum().backward()
    np.testing.assert_allclose(x.grad, -np.sin(X))
    total = made(x).sum()
    total.backward()
    with pytest.raises(GradientError, match="freed"):
        total.backward()
    with hy.no_grad():
        assert not made(x).requires_grad


def test_forward_and_backward_as_two_functions():
    @hy.custom_gradient
    def exponential(x):
        return np.exp(x)

    def forward(x):
        y = np.exp(x)
        return y, y

    exponential.defvjp(forward, lambda y, g: g * y)
    np.testing.assert_array_equal(both(exponential, X), np.exp(X))
    np.testing.assert_allclose(both(lambda x: hy.grad(lambda x: exponential(x).sum())(x), X), np.exp(X))
    second = hy.jacobian(hy.grad(lambda x: exponential(x).sum()), mode="reverse")
    np.testing.assert_allclose(both(lambda x: second(x), X), np.diag(np.exp(X)))


def test_the_value_that_is_kept_has_the_given_derivative():
    step = hy.custom_gradient(lambda x: np.round(x))

    def forward(x):
        y = np.round(x)
        return y, y

    step.defvjp(forward, lambda y, g: g * y)  # dy/dx = y, and so on
    second = hy.jacobian(hy.grad(lambda x: step(x).sum()), mode="reverse")
    np.testing.assert_allclose(both(lambda x: second(x), X), np.diag(np.round(X)))
    x = hy.tensor(X, requires_grad=True)
    hy.grad_of(step(x).sum(), x, create_graph=True).sum().backward()
    np.testing.assert_allclose(x.grad, np.round(X))


def test_nested_arguments_and_results():
    @hy.custom_gradient
    def scaled(p, n, s):
        y = {"a": p["w"] * s, "b": n}
        return y, lambda g: ({"w": g["a"] * s, "k": None}, None, (g["a"] * p["w"]).sum())

    def loss(w, s):
        return (scaled({"w": w, "k": 3}, 5, s)["a"] ** 2).sum()

    hy.check_grads(loss, (X, 2.0), modes="reverse")
    eager = hy.grad(loss, argnums=(0, 1))(X, 2.0)
    compiled = hy.function(lambda w, s: hy.grad(loss, argnums=(0, 1))(w, s), strict=True)(X, 2.0)
    np.testing.assert_allclose(compiled[0], eager[0])
    assert type(compiled[1]) is type(eager[1]) is float and compiled[1] == pytest.approx(eager[1])


def test_in_branches_and_loops():
    @hy.custom_gradient
    def bent(x):
        y = x * 2 if x.sum() > 3 else x * x

        def pull(g):
            if x.sum() > 3:
                return 2 * g
            return 2 * g * x

        return y, pull

    def loss(x):
        s = x
        for _ in range(20):
            s = bent(s) * 0.3 + 0.1
        return s.sum()

    for x in (X, X / 3):
        both(lambda x: hy.grad(loss)(x), x)
        hy.check_grads(loss, (x,), modes="reverse")


def test_a_derivative_of_one_inside_another():
    inner = hy.custom_gradient(lambda x: (x * x, lambda g: 3 * g * x))
    outer = hy.custom_gradient(lambda x: (inner(x), lambda g: 2 * inner(x) * g))
    np.testing.assert_allclose(both(lambda x: hy.grad(lambda x: outer(x).sum())(x), X), 2 * X * X)
    second = hy.jacobian(hy.grad(lambda x: outer(x).sum()), mode="reverse")
    np.testing.assert_allclose(both(lambda x: second(x), X), np.diag(6 * X))


def test_as_a_method():
    class Layer:
        def __init__(self, k):
            self.k = k

        @hy.custom_gradient
        def scaled(self, x):
            return x * self.k, lambda g: 10 * g * self.k

    layer = Layer(3.0)
    np.testing.assert_array_equal(both(lambda x: hy.grad(lambda x: layer.scaled(x).sum())(x), X), [30.0] * 3)


def test_results_are_new_arrays():
    reverse = hy.custom_gradient(lambda x: (x, lambda g: -g))
    made = reverse(X)
    assert not np.shares_memory(made, X)
    np.testing.assert_array_equal(both(lambda x: hy.grad(lambda x: reverse(x).sum())(x), X), [-1.0] * 3)


def test_no_forward_rule_is_an_error():
    made = hy.custom_gradient(sine)

    def call(x):
        return hy.jvp(made, (x,), (x,))

    for f in (call, hy.function(call, strict=True), hy.hessian(lambda x: made(x).sum())):
        with pytest.raises(GradientError, match="no derivative forward"):
            f(X)


def test_operations_without_a_derivative_are_not_asked_for_one():
    hosted = hy.op(lambda x: np.cumsum(x))
    made = hy.custom_gradient(lambda x: (hosted(x), lambda g: 7 * g))
    made.defjvp(lambda primals, tangents: 7 * tangents[0])
    for call in (lambda x: hy.jvp(made, (x,), (x,))[1], lambda x: hy.vjp(made, x)[1](x)[0]):
        np.testing.assert_array_equal(both(call, X), 7 * X)


def through_a_closure(transform):
    def outer(x, w):
        def inner(w):
            made = hy.custom_gradient(lambda x: (x * w, lambda g: g))
            made.defjvp(lambda primals, tangents: tangents[0])
            return made(x * w).sum()

        return transform(inner, w)

    return outer


@pytest.mark.parametrize("transform", [lambda f, w: hy.grad(f)(w), lambda f, w: hy.jvp(f, (w,), (w,))[1]])
def test_gradients_through_a_closure_are_an_error(transform):
    call = through_a_closure(transform)
    for f in (call, hy.function(call, strict=True)):
        with pytest.raises(GradientError, match="not an argument of it"):
            f(X, X)
    w = hy.tensor(X, requires_grad=True)
    with pytest.raises(GradientError, match="not an argument of it"):
        hy.custom_gradient(lambda x: (x * w, lambda g: g))(hy.tensor(X, requires_grad=True))


def test_arguments_that_are_written_later_are_an_error():
    made = hy.custom_gradient(lambda x, w: (x * w, lambda g: (g * w, g * x)))
    for at in (0, 1):
        x, w = hy.tensor(X, requires_grad=True) * 1, hy.tensor(X)
        loss = made(x, w).sum()
        (x, w)[at][0] = 5.0
        with pytest.raises(GradientError, match="was written since"):
            loss.backward()

    def writes(x):
        x[0] = 1.0
        return x * 2, lambda g: g

    with pytest.raises(GradientError, match="writes into an argument"):
        hy.grad(lambda x: hy.custom_gradient(writes)(x * 1).sum())(X)


def test_rules_that_give_something_else():
    for pull, match in ((lambda g: g[:2], "shape"), (lambda g: (g, g), "nest"), (lambda g: {"a": g}, "nest")):
        made = hy.custom_gradient(lambda x, pull=pull: (2 * x, pull))
        with pytest.raises(GradientError, match=match):
            hy.grad(lambda x: made(x).sum())(X)  # noqa: B023
    product = hy.custom_gradient(lambda x, y: (x * y, lambda g: g * y))
    with pytest.raises(GradientError, match="for each argument"):
        hy.grad(lambda x: product(x, x).sum())(X)
    with pytest.raises(ArgumentError, match="no pair"):
        hy.custom_gradient(lambda x: x)(X)
    with pytest.raises(ArgumentError, match="takes a function"):
        hy.custom_gradient(3)


def test_a_trace_holds_for_what_rules_read():
    scale = [2.0]
    made = hy.custom_gradient(lambda x: x * x)
    made.defvjp(lambda x: (x * x, x), lambda x, g: scale[0] * g * x)
    asked = hy.op(lambda x: x * x, vjp=lambda g, y, x: scale[0] * g * x)
    plain = hy.grad(lambda x: (scale[0] * x).sum())
    again = hy.checkpoint(lambda x: scale[0] * x)
    calls = [hy.function(f, strict=True) for f in (lambda x: hy.grad(lambda x: made(x).sum())(x),
                                                   lambda x: hy.grad(lambda x: asked(x).sum())(x),
                                                   lambda x: plain(x) * x, lambda x: again(x))]  # fmt: skip
    for scale[0] in (2.0, 3.0):
        for call in calls:
            np.testing.assert_array_equal(call(X), scale[0] * X)
    made.defvjp(lambda x: (x * x, x), lambda x, g: 100 * g)
    np.testing.assert_array_equal(calls[0](X), [100.0] * 3)


# op ------------------------------------------------------------------------------------------------------------------------
@hy.op(vjp=lambda g, y, x: g * (1 - y * y), jvp=lambda primals, tangents, y: tangents[0] * (1 - y * y))
def hosted(x):
    return np.array([np.tanh(v) for v in np.ravel(x)]).reshape(np.shape(x))


def test_an_op_is_its_function():
    np.testing.assert_allclose(both(hosted, X), np.tanh(X))
    assert type(hosted(0.5)) is np.float64 and isinstance(hosted(hy.tensor(X)), hy.Tensor)
    assert hosted.__name__ == "hosted"


def test_derivatives_of_an_op():
    hy.check_grads(lambda x: hosted(x) * x, (X,), order=3)

    def loss(x):
        return (hosted(x) * x).sum()

    both(lambda x: hy.grad(loss)(x), X)
    both(lambda x: hy.hessian(loss)(x), X)
    both(lambda x: hy.jvp(loss, (x,), (x,))[1], X)
    x = hy.tensor(X, requires_grad=True)
    hy.grad_of(loss(x), x, create_graph=True).sum().backward()
    np.testing.assert_allclose(x.grad, hy.hessian(loss)(X).sum(0))


def test_an_op_in_a_loop():
    def loss(x):
        s = x
        for _ in range(20):
            s = hosted(s) * x
        return s.sum()

    both(loss, X)
    both(lambda x: hy.grad(loss)(x), X)


def test_an_op_of_sizes_that_vary():
    twice = hy.op(lambda x: np.concatenate([x, x]), infer=lambda x: hy.Spec((2,), x.dtype), vjp=lambda g, y, x: g[:1])
    halved = hy.op(lambda x, k: x[:, 0] * k, infer=lambda x, k: hy.Spec((x.shape[0],), x.dtype),
                   vjp=lambda g, y, x, k: (np.stack([g * k, 0 * g], 1), None))  # fmt: skip
    np.testing.assert_array_equal(both(twice, X[:1]), [0.3, 0.3])
    compiled = hy.function(lambda x: hy.grad(lambda x: (halved(x, 3) ** 2).sum())(x), strict=True)
    for n in (3, 4, 5, 6):
        x = np.arange(2.0 * n).reshape(n, 2)
        np.testing.assert_allclose(compiled(x), np.stack([18 * x[:, 0], 0 * x[:, 0]], 1))


def test_several_results():
    parts = hy.op(lambda x: (np.sin(x), np.cos(x)), vjp=lambda g, y, x: g[0] * y[1] - g[1] * y[0])

    def loss(x):
        s, c = parts(x)
        return (s * c * c).sum()

    hy.check_grads(loss, (X,), modes="reverse")
    both(lambda x: hy.grad(loss)(x), X)


@pytest.mark.parametrize("make", [numba.njit, numba.vectorize(["float64(float64)"])])
def test_ops_of_numba(make):
    cube = hy.op(make(lambda a: a * a * a), vjp=lambda g, y, a: 3 * g * a * a)

    def loss(x):
        s = 0.0
        for k in range(x.shape[0]):
            s = s + cube(x[k])
        return s

    assert both(loss, X) == pytest.approx((X**3).sum())
    if make is numba.njit:
        assert "numba" in str(hy.function(loss).graph(X))
    np.testing.assert_allclose(both(lambda x: hy.grad(loss)(x), X), 3 * X * X)


def test_missing_rules_of_an_op():
    plain = hy.op(lambda x: 2 * x)
    for call, mode in ((lambda x: hy.grad(lambda x: plain(x).sum())(x), "backward"),
                       (lambda x: hy.jvp(plain, (x,), (x,)), "forward")):  # fmt: skip
        for f in (call, hy.function(call, strict=True)):
            with pytest.raises(GradientError, match=f"no derivative {mode}"):
                f(X)
    with pytest.raises(ArgumentError, match="when it is made"):
        plain.defjvp(lambda primals, tangents: tangents[0])
    with pytest.raises(ArgumentError, match="neither an array nor a number"):
        hy.op(lambda x: "a")(X)


# Results that are numbers -----------------------------------------------------------------------------------------------------
NUMBERS = {
    "float": lambda x: float((np.asarray(x) ** 2).sum()),
    "float64": lambda x: np.float64((np.asarray(x) ** 2).sum()),
    "rank 0": lambda x: np.array((np.asarray(x) ** 2).sum()),
    "tensor": lambda x: hy.tensor(np.asarray((np.asarray(x) ** 2).sum())),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_have_the_derivative_that_is_given(kind):
    value = NUMBERS[kind]

    @hy.custom_gradient
    def squares(x):
        return value(x), lambda g: 2 * g * x

    squares.defjvp(lambda primals, tangents: (2 * primals[0] * tangents[0]).sum())
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(hy.grad(lambda x: squares(x))(x), 2 * x)
    np.testing.assert_allclose(hy.grad(lambda x: squares(3 * x) * 2.0)(x), 36 * x)
    found, along = hy.jvp(squares, x, np.ones(3))
    assert float(found) == 14.0 and float(along) == 12.0
    leaf = hy.tensor(x, requires_grad=True)

    @hy.custom_gradient
    def of_leaf(x):
        return value(x.detach()), lambda g: 2 * g * x

    of_leaf(leaf).backward()
    np.testing.assert_allclose(leaf.grad.numpy(), 2 * x)


def test_a_constant_with_a_derivative_in_a_trace():
    @hy.custom_gradient
    def three(x):
        return 3.0, lambda g: g * x

    x = np.array(5.0)
    assert float(hy.grad(lambda x: three(x) * 2)(x)) == 10.0
    assert float(hy.function(hy.grad(lambda x: three(x) * 2), strict=True)(x)) == 10.0
    out = hy.function(lambda x: three(x) + x.sum() * 0, strict=True)(x)
    assert type(out) is type(3.0 + x.sum() * 0) and out == 3.0


# Numba's functions ------------------------------------------------------------------------------------------------------------
def test_numba_functions_say_that_they_have_no_derivative():
    @numba.njit
    def squares(x):
        total = 0.0
        for i in range(len(x)):
            total += x[i] ** 2
        return total

    x = np.array([1.0, 2.0])
    for f in (hy.grad(lambda x: squares(x)), hy.grad(hy.function(lambda x: squares(x)))):
        with pytest.raises(GradientError, match="a Numba function is called with a tensor that a transform follows") as e:
            f(x)
        assert "hybrid.op" in str(e.value)
    with pytest.raises(DTypeError, match="a Numba function takes NumPy's arrays"):
        squares(hy.tensor(x))
    with_rule = hy.op(
        squares, vjp=lambda g, y, x: 2 * g * x, jvp=lambda primals, tangents, y: 2 * (primals[0] * tangents[0]).sum()
    )
    np.testing.assert_allclose(hy.grad(lambda x: with_rule(x))(x), 2 * x)
    np.testing.assert_allclose(hy.function(hy.grad(lambda x: with_rule(x)))(x), 2 * x)
    assert float(hy.jvp(with_rule, x, np.ones(2))[1]) == 6.0
