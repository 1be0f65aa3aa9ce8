"""Gradients: what a training step, a curvature, a long recursion and one taped operation cost.

hybrid runs the models as NumPy writes them, `hy.function(hy.value_and_grad(loss))` on arrays. JAX jits its `value_and_grad` of
the same models, but convolves by its own `lax.conv`. PyTorch's models are its own layers, differentiated by autograd, and the
same through `torch.compile`, which is left out of the long recursion that it unrolls for minutes. All are compared with
hybrid's eager gradients in float64.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.eager_op import named, one_vector, two_matrices, two_vectors
from bench.engines import ALL, hybrid, jax, torch
from bench.measure import Call, Case
from bench.models import (
    HEADS,
    block,
    cross_entropy,
    digits_and_layers,
    layers_and_moments,
    lenet,
    mlp,
    one_example,
    pendulum,
    pictures_and_lenet,
    pool,
    small_net,
    small_net_and_direction,
    small_net_and_examples,
    swings,
    tokens_and_block,
)

RATE, DECAY, SQUARES, EPSILON = 1e-3, 0.9, 0.999, 1e-8
CLOSE: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-5}


# What hybrid runs


def gradient(loss: Callable, count: int) -> Callable:
    """(value, gradients of the first `count` arguments)."""

    def function(*arrays):
        import hybrid as hy

        return hy.value_and_grad(loss, tuple(range(count)))(*arrays)

    return function


def curvature(w1, b1, w2, b2, d1, e1, d2, e2, points, labels):
    import hybrid as hy

    return hy.hvp(lambda *layers: small_net(*layers, points, labels), (w1, b1, w2, b2), (d1, e1, d2, e2))


def each_gradient(w1, b1, w2, b2, points, labels):
    """By a loop over the examples: the reference."""
    import hybrid as hy

    found = [hy.grad(one_example, (0, 1, 2, 3))(w1, b1, w2, b2, x, y) for x, y in zip(points, labels)]
    return tuple(map(np.stack, zip(*found)))


def each_gradient_at_once(w1, b1, w2, b2, points, labels):
    import hybrid as hy

    one = hy.grad(one_example, (0, 1, 2, 3))
    return hy.vmap(one, (None, None, None, None, 0, 0))(w1, b1, w2, b2, points, labels)


def adam_step(*arrays):
    """Value, gradient and update: parameters, both moments and the step's number are written in place."""
    import hybrid as hy

    layers, means, squares, (number, images, labels) = arrays[:6], arrays[6:12], arrays[12:18], arrays[18:]
    value, gradients = hy.value_and_grad(mlp, tuple(range(6)))(*layers, images, labels)
    for w, m, s, g in zip(layers, means, squares, gradients):
        m *= DECAY
        m += (1 - DECAY) * g
        s *= SQUARES
        s += (1 - SQUARES) * g * g
        w -= RATE * (m / (1 - DECAY**number)) / (np.sqrt(s / (1 - SQUARES**number)) + EPSILON)
    number += 1
    return value, *layers


# The same for the other engines


def jax_gradient(loss: Callable, count: int) -> Callable:
    def build():
        import jax

        return jax.value_and_grad(_over_jax(loss), tuple(range(count)))

    return build


def _over_jax(loss: Callable) -> Callable:
    """A model with JAX's NumPy in place of NumPy."""
    import jax.numpy as jnp

    return functools.partial(loss, np=jnp)


def adam_jax():
    import jax
    import jax.numpy as jnp

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, images, labels):
        layers, means, squares, number = state
        value, gradients = jax.value_and_grad(lambda layers: mlp(*layers, images, labels, jnp))(layers)
        means = [DECAY * m + (1 - DECAY) * g for m, g in zip(means, gradients)]
        squares = [SQUARES * s + (1 - SQUARES) * g * g for s, g in zip(squares, gradients)]
        scale, spread = 1 - DECAY**number, 1 - SQUARES**number
        layers = [w - RATE * (m / scale) / (jnp.sqrt(s / spread) + EPSILON) for w, m, s in zip(layers, means, squares)]
        return value, (layers, means, squares, number + 1)

    state: list = []

    def function(*arrays):
        if not state:
            state.append(jax.tree.map(jnp.copy, (list(arrays[:6]), list(arrays[6:12]), list(arrays[12:18]), arrays[18])))
        value, state[0] = step(state[0], *arrays[19:])
        return value, *state[0][0]

    return function


def lenet_jax():
    import jax
    import jax.numpy as jnp

    def stage(x, filters, bias, padding):
        return pool(jnp.maximum(jax.lax.conv(x, filters, (1, 1), padding) + bias[:, None, None], 0))

    def loss(f1, c1, f2, c2, w1, b1, w2, b2, w3, b3, images, labels):
        x = stage(stage(images, f1, c1, "SAME"), f2, c2, "VALID")
        x = jnp.maximum(x.reshape(len(x), -1) @ w1 + b1, 0)
        return cross_entropy(jnp.maximum(x @ w2 + b2, 0) @ w3 + b3, labels, jnp)

    return jax.value_and_grad(loss, tuple(range(10)))


def curvature_jax():
    import jax

    loss = _over_jax(small_net)

    def function(w1, b1, w2, b2, d1, e1, d2, e2, points, labels):
        slope = jax.grad(lambda layers: loss(*layers, points, labels))
        return jax.jvp(slope, ((w1, b1, w2, b2),), ((d1, e1, d2, e2),))[1]

    return function


def each_gradient_jax():
    import jax

    return jax.vmap(jax.grad(_over_jax(one_example), (0, 1, 2, 3)), (None, None, None, None, 0, 0))


def pendulum_jax():
    import jax
    import jax.numpy as jnp

    def loss(constants, pushes):
        def step(state, push):
            angle, speed = state
            speed = speed + 0.01 * (push - constants[0] * jnp.sin(angle) - constants[1] * speed)
            angle = angle + 0.01 * speed
            return (angle, speed), (angle * angle).mean()

        start = jnp.full(16, 1.0, pushes.dtype), jnp.zeros(16, pushes.dtype)
        return jax.lax.scan(step, start, pushes)[1].mean()

    return jax.value_and_grad(loss, (0,))


def mlp_torch():
    from torch.nn.functional import cross_entropy, relu

    def loss(w1, b1, w2, b2, w3, b3, images, labels):
        return cross_entropy(relu(relu(images @ w1 + b1) @ w2 + b2) @ w3 + b3, labels)

    return loss


def block_torch():
    from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

    def loss(s1, t1, s2, t2, qkv, out, w1, b1, w2, b2, x):
        batch, length, width = x.shape
        joint = (layer_norm(x, (width,), s1, t1) @ qkv).reshape(batch, length, 3, HEADS, width // HEADS)
        mixed = scaled_dot_product_attention(*joint.permute(2, 0, 3, 1, 4))
        x = x + mixed.transpose(1, 2).reshape(batch, length, width) @ out
        x = x + gelu(layer_norm(x, (width,), s2, t2) @ w1 + b1, approximate="tanh") @ w2 + b2
        return x.square().mean()

    return loss


def lenet_torch():
    from torch.nn.functional import conv2d, cross_entropy, max_pool2d, relu

    def loss(f1, c1, f2, c2, w1, b1, w2, b2, w3, b3, images, labels):
        x = max_pool2d(relu(conv2d(images, f1, c1, padding=2)), 2)
        x = max_pool2d(relu(conv2d(x, f2, c2)), 2).flatten(1)
        return cross_entropy(relu(relu(x @ w1 + b1) @ w2 + b2) @ w3 + b3, labels)

    return loss


def small_net_torch():
    from torch.nn.functional import cross_entropy

    return lambda w1, b1, w2, b2, points, labels: cross_entropy((points @ w1 + b1).tanh() @ w2 + b2, labels)


def curvature_torch():
    import torch

    loss = small_net_torch()

    def function(w1, b1, w2, b2, d1, e1, d2, e2, points, labels):
        def slope(*layers):
            return torch.func.grad(lambda *layers: loss(*layers, points, labels), (0, 1, 2, 3))(*layers)

        return torch.func.jvp(slope, (w1, b1, w2, b2), (d1, e1, d2, e2))[1]

    return function


def each_gradient_torch():
    import torch

    loss = small_net_torch()

    def one(w1, b1, w2, b2, point, label):
        return loss(w1, b1, w2, b2, point[None], label[None])

    return torch.func.vmap(torch.func.grad(one, (0, 1, 2, 3)), (None, None, None, None, 0, 0))


def pendulum_torch():
    import torch

    def loss(constants, pushes):
        angle, speed, total = torch.full((16,), 1.0), torch.zeros(16), 0.0
        for push in pushes:
            speed = speed + 0.01 * (push - constants[0] * torch.sin(angle) - constants[1] * speed)
            angle = angle + 0.01 * speed
            total = total + (angle * angle).mean()
        return total / len(pushes)

    return loss


def torch_gradient(build: Callable, count: int) -> dict[str, Callable]:
    """Autograd by PyTorch's habits, the model as it stands and compiled."""

    def engine(compiled: bool) -> Callable:
        def prepare(*arrays):
            import torch

            loss = torch.compile(build()) if compiled else build()

            def function(*tensors):
                value = loss(*tensors)
                return value.detach(), torch.autograd.grad(value, tensors[:count])

            tensors = list(map(torch.from_numpy, map(np.asarray, arrays)))
            return Call(function, (*(t.requires_grad_() for t in tensors[:count]), *tensors[count:]))

        return prepare

    return {"PyTorch": engine(False), "torch.compile": engine(True)}


def torch_adam() -> dict[str, Callable]:
    """`torch.optim.Adam` over the parameters, fused as PyTorch recommends."""

    def engine(compiled: bool) -> Callable:
        def prepare(*arrays):
            import torch

            layers = [torch.from_numpy(a).requires_grad_() for a in arrays[:6]]
            loss = torch.compile(mlp_torch()) if compiled else mlp_torch()
            optimiser = torch.optim.Adam(layers, RATE, (DECAY, SQUARES), EPSILON, fused=True)

            def function(images, labels):
                optimiser.zero_grad()
                value = loss(*layers, images, labels)
                value.backward()
                optimiser.step()
                return value.detach(), *layers

            return Call(function, tuple(map(torch.from_numpy, arrays[19:])))

        return prepare

    return {"PyTorch": engine(False), "torch.compile": engine(True)}


def taped(title: str, inputs: Callable, name: str, spread: Callable = lambda f: f) -> Case:
    """One operation on tensors that require gradients, remembered for the way back; without one that never goes back."""

    def engine(module: str, tensor: str) -> Callable:
        def prepare(*arrays):
            make: Any = named(module, tensor)()
            function = spread(named(module, name)() if name else None)
            return Call(function, tuple(make(a, requires_grad=True) for a in arrays))

        return prepare

    reference = spread(getattr(np, name) if name else None)
    return Case(
        title, inputs, reference, {"hybrid": engine("hybrid", "tensor"), "PyTorch": engine("torch", "tensor")}, rtol=1e-5
    )


def there_and_back(x, y):
    """The gradient of a product's sum, by `backward`: the reference is that of NumPy's arrays."""
    if isinstance(x, np.ndarray):
        return y
    x.grad = y.grad = None
    (x * y).sum().backward()
    return x.grad


def _case(title: str, inputs: Callable, loss: Callable, count: int, jax_build: Callable, torch_build: Callable) -> Case:
    reference = gradient(loss, count)
    engines = {"hybrid": hybrid(reference), "JAX": jax(jax_build, wait=ALL), **torch_gradient(torch_build, count)}
    return Case(title, inputs, reference, engines, **CLOSE)


PENDULUM = _case("a scan of 1 000 steps, value and gradient", swings, pendulum, 1, pendulum_jax, pendulum_torch)
PENDULUM.engines.pop("torch.compile")

CASES = (
    _case("MLP 784-512-256-10, batch 128, value and gradient", digits_and_layers, mlp, 6, jax_gradient(mlp, 6), mlp_torch),
    Case(
        "the same with an Adam step",
        layers_and_moments,
        adam_step,
        {"hybrid": hybrid(adam_step), "JAX": jax(adam_jax, jit=False, wait=ALL), **torch_adam()},
        rtol=1e-3,
        atol=1e-4,  # a tenth of a step: the sign of a gradient near zero decides
    ),
    _case("transformer block (8 × 128 × 256, 8 heads), value and gradient", tokens_and_block, block, 11,
          jax_gradient(block, 11), block_torch),
    _case("LeNet, batch 32, value and gradient", pictures_and_lenet, lenet, 10, lenet_jax, lenet_torch),
    Case(
        "Hessian-vector product, 64-128-10, batch 256",
        small_net_and_direction,
        curvature,
        {"hybrid": hybrid(curvature), "JAX": jax(curvature_jax, wait=ALL), **torch(curvature_torch)},
        **CLOSE,
    ),
    Case(
        "per-example gradients, 64-128-10, batch 256",
        small_net_and_examples,
        each_gradient,
        {"hybrid": hybrid(each_gradient_at_once), "JAX": jax(each_gradient_jax, wait=ALL), **torch(each_gradient_torch)},
        **CLOSE,
    ),
    PENDULUM,
    taped("taped x + y, 8 elements", two_vectors, "", lambda _: operator.add),
    taped("taped tanh(x)", one_vector, "tanh"),
    taped("taped sum(x)", one_vector, "sum"),
    taped("taped a @ b", two_matrices, "matmul"),
    taped("taped x[1:3]", one_vector, "", lambda _: lambda x: x[1:3]),
    taped("(x * y).sum().backward()", two_vectors, "", lambda _: there_and_back),
)  # fmt: skip
