"""Attention written by hand as objects with forward and backward passes, and a trainer with early stopping."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


# layers, an optimiser hierarchy and a trainer ---------------------------------------------------------------------------
class Module:
    def __init__(self):
        self.params, self.grads, self.training = {}, {}, True

    def forward(self, x):
        raise NotImplementedError

    def backward(self, dy):
        raise NotImplementedError


class Linear(Module):
    def __init__(self, n_in, n_out, rng):
        super().__init__()
        self.params["W"] = rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out))
        self.params["b"] = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy):
        self.grads["W"] = self.x.T @ dy
        self.grads["b"] = dy.sum(axis=0)
        return dy @ self.params["W"].T


class ReLU(Module):
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class BatchNorm(Module):
    def __init__(self, n, momentum=0.9, eps=1e-5):
        super().__init__()
        self.params["gamma"], self.params["beta"] = np.ones(n), np.zeros(n)
        self.running_mean, self.running_var = np.zeros(n), np.ones(n)
        self.momentum, self.eps = momentum, eps

    def forward(self, x):
        if self.training:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            mu, var = self.running_mean, self.running_var
        self.std = np.sqrt(var + self.eps)
        self.xhat = (x - mu) / self.std
        return self.params["gamma"] * self.xhat + self.params["beta"]

    def backward(self, dy):
        n = dy.shape[0]
        self.grads["gamma"] = np.sum(dy * self.xhat, axis=0)
        self.grads["beta"] = np.sum(dy, axis=0)
        dxhat = dy * self.params["gamma"]
        return (n * dxhat - dxhat.sum(axis=0) - self.xhat * np.sum(dxhat * self.xhat, axis=0)) / (n * self.std)


class Dropout(Module):
    def __init__(self, p, rng):
        super().__init__()
        self.p, self.rng = p, rng

    def forward(self, x):
        if not self.training:
            return x
        self.mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class Optimizer:
    def __init__(self, lr):
        self.lr, self.t, self.state = lr, 0, {}

    def step(self, layers):
        self.t += 1
        for i, layer in enumerate(layers):
            for name in layer.params:
                self.update((i, name), layer.params[name], layer.grads[name])

    def update(self, key, param, grad):
        raise NotImplementedError


class Nesterov(Optimizer):
    def __init__(self, lr, mu=0.9):
        super().__init__(lr)
        self.mu = mu

    def update(self, key, param, grad):
        v = self.state.setdefault(key, np.zeros_like(param))
        v_prev = v.copy()
        v[:] = self.mu * v - self.lr * grad
        param += -self.mu * v_prev + (1 + self.mu) * v


class AdamW(Optimizer):
    def __init__(self, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay

    def update(self, key, param, grad):
        if key not in self.state:
            self.state[key] = {"m": np.zeros_like(param), "v": np.zeros_like(param)}
        s = self.state[key]
        b1, b2 = self.betas
        s["m"] = b1 * s["m"] + (1 - b1) * grad
        s["v"] = b2 * s["v"] + (1 - b2) * grad**2
        mhat = s["m"] / (1 - b1**self.t)
        vhat = s["v"] / (1 - b2**self.t)
        param -= self.lr * (mhat / (np.sqrt(vhat) + self.eps) + self.weight_decay * param)


@dataclass
class TrainConfig:
    epochs: int = 5
    batch_size: int = 16
    lr: float = 0.01
    optimizer: str = "adamw"
    patience: int = 2
    dropout: float = 0.2
    hidden: tuple = (16, 8)
    seed: int = 0


@dataclass
class History:
    train_loss: list = field(default_factory=list)
    val_loss: list = field(default_factory=list)
    lrs: list = field(default_factory=list)
    stopped_at: int = -1


def _batches(X, y, size, rng):
    order = rng.permutation(len(X))
    for start in range(0, len(X), size):
        pick = order[start : start + size]
        yield X[pick], y[pick]


def _cross_entropy(logits, y):
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(len(y)), y].mean()
    d = np.exp(logp)
    d[np.arange(len(y)), y] -= 1
    return loss, d / len(y)


def train_with_early_stopping(X, y, X_val, y_val, config: TrainConfig):
    """A perceptron of layers, a cosine schedule, a generator of batches; stops when the validation loss stays."""
    rng = np.random.default_rng(config.seed)
    sizes = [X.shape[1], *config.hidden]
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [Linear(a, b, rng), BatchNorm(b), ReLU(), Dropout(config.dropout, rng)]
    layers.append(Linear(sizes[-1], int(y.max()) + 1, rng))
    optimizer = {"adamw": AdamW, "nesterov": Nesterov}[config.optimizer](config.lr)
    history, best, wait = History(), np.inf, 0
    for epoch in range(config.epochs):
        optimizer.lr = config.lr * 0.5 * (1 + np.cos(np.pi * epoch / config.epochs))
        history.lrs.append(optimizer.lr)
        for layer in layers:
            layer.training = True
        total = 0.0
        for xb, yb in _batches(X, y, config.batch_size, rng):
            out = xb
            for layer in layers:
                out = layer.forward(out)
            loss, d = _cross_entropy(out, yb)
            for layer in reversed(layers):
                d = layer.backward(d)
            optimizer.step(layers)
            total += loss * len(xb)
        history.train_loss.append(total / len(X))
        for layer in layers:
            layer.training = False
        out = X_val
        for layer in layers:
            out = layer.forward(out)
        val, _ = _cross_entropy(out, y_val)
        history.val_loss.append(val)
        if val < best - 1e-4:
            best, wait = val, 0
        else:
            wait += 1
            if wait >= config.patience:
                history.stopped_at = epoch
                break
    return history, [layer.params for layer in layers if layer.params]


# a transformer's block with its backward pass ---------------------------------------------------------------------------
class Parameter:
    def __init__(self, value):
        self.value, self.grad = value, np.zeros_like(value)


class Projection:
    def __init__(self, d_in, d_out, rng):
        self.W = Parameter(rng.normal(0, 1 / np.sqrt(d_in), (d_in, d_out)))
        self.b = Parameter(np.zeros(d_out))

    def parameters(self):
        return [self.W, self.b]

    def forward(self, x):
        self.cache = x
        return x @ self.W.value + self.b.value

    def backward(self, dy):
        x = self.cache
        self.W.grad += x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
        self.b.grad += dy.sum(axis=tuple(range(dy.ndim - 1)))
        return dy @ self.W.value.T


class LayerNorm:
    def __init__(self, d, eps=1e-5):
        self.g, self.b, self.eps = Parameter(np.ones(d)), Parameter(np.zeros(d)), eps

    def parameters(self):
        return [self.g, self.b]

    def forward(self, x):
        mu = x.mean(axis=-1, keepdims=True)
        self.inv = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + self.eps)
        self.xhat = (x - mu) * self.inv
        return self.g.value * self.xhat + self.b.value

    def backward(self, dy):
        axes = tuple(range(dy.ndim - 1))
        self.g.grad += (dy * self.xhat).sum(axis=axes)
        self.b.grad += dy.sum(axis=axes)
        d = dy * self.g.value
        return self.inv * (d - d.mean(-1, keepdims=True) - self.xhat * (d * self.xhat).mean(-1, keepdims=True))


class MultiHeadAttention:
    def __init__(self, d, heads, rng, causal=True):
        assert d % heads == 0, "heads must divide the width"
        self.heads, self.causal = heads, causal
        self.qkv, self.out = Projection(d, 3 * d, rng), Projection(d, d, rng)

    def parameters(self):
        return self.qkv.parameters() + self.out.parameters()

    def split(self, x):
        b, t, d = x.shape
        return x.reshape(b, t, self.heads, d // self.heads).transpose(0, 2, 1, 3)

    def merge(self, x):
        b, h, t, d = x.shape
        return x.transpose(0, 2, 1, 3).reshape(b, t, h * d)

    def forward(self, x):
        q, k, v = (self.split(part) for part in np.split(self.qkv.forward(x), 3, axis=-1))
        scale = 1 / np.sqrt(q.shape[-1])
        scores = q @ k.swapaxes(-1, -2) * scale
        if self.causal:
            t = x.shape[1]
            scores[:, :, np.triu(np.ones((t, t), dtype=bool), 1)] = -1e9
        scores -= scores.max(axis=-1, keepdims=True)
        p = np.exp(scores)
        p /= p.sum(axis=-1, keepdims=True)
        self.cache = q, k, v, p, scale
        return self.out.forward(self.merge(p @ v))

    def backward(self, dy):
        q, k, v, p, scale = self.cache
        d = self.split(self.out.backward(dy))
        dv = p.swapaxes(-1, -2) @ d
        dp = d @ v.swapaxes(-1, -2)
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * scale
        dq, dk = ds @ k, ds.swapaxes(-1, -2) @ q
        return self.qkv.backward(np.concatenate([self.merge(dq), self.merge(dk), self.merge(dv)], axis=-1))


class FeedForward:
    def __init__(self, d, hidden, rng):
        self.up, self.down = Projection(d, hidden, rng), Projection(hidden, d, rng)

    def parameters(self):
        return [*self.up.parameters(), *self.down.parameters()]

    def forward(self, x):
        self.h = self.up.forward(x)
        self.s = 1 / (1 + np.exp(-1.702 * self.h))
        return self.down.forward(self.h * self.s)

    def backward(self, dy):
        d = self.down.backward(dy)
        return self.up.backward(d * (self.s + self.h * 1.702 * self.s * (1 - self.s)))


class Residual:
    def __init__(self, norm, inner):
        self.norm, self.inner = norm, inner

    def parameters(self):
        return self.norm.parameters() + self.inner.parameters()

    def forward(self, x):
        return x + self.inner.forward(self.norm.forward(x))

    def backward(self, dy):
        return dy + self.norm.backward(self.inner.backward(dy))


def _clip_norm(parameters, limit):
    total = np.sqrt(sum(float(np.sum(p.grad**2)) for p in parameters))
    if total > limit:
        for p in parameters:
            p.grad *= limit / total
    return total


def train_transformer(tokens, vocab, d=16, heads=2, depth=2, steps=3, lr=3e-3, seed=0):
    """Next-token prediction by blocks with residual connections; Adam keeps its moments beside each parameter."""
    rng = np.random.default_rng(seed)
    b, t = tokens.shape
    embed, pos = Parameter(rng.normal(0, 0.5, (vocab, d))), Parameter(rng.normal(0, 0.1, (t - 1, d)))
    blocks = []
    for _ in range(depth):
        blocks.append(Residual(LayerNorm(d), MultiHeadAttention(d, heads, rng)))
        blocks.append(Residual(LayerNorm(d), FeedForward(d, 4 * d, rng)))
    head = Projection(d, vocab, rng)
    parameters = [embed, pos] + [p for layer in blocks for p in layer.parameters()] + head.parameters()
    m, v = [np.zeros_like(p.value) for p in parameters], [np.zeros_like(p.value) for p in parameters]
    losses, norms = [], []
    x_in, target = tokens[:, :-1], tokens[:, 1:]
    for step in range(1, steps + 1):
        for p in parameters:
            p.grad[...] = 0
        x = embed.value[x_in] + pos.value
        for layer in blocks:
            x = layer.forward(x)
        logits = head.forward(x)
        z = logits - logits.max(-1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
        losses.append(-np.mean(np.take_along_axis(logp, target[..., None], axis=-1)))
        dlogits = np.exp(logp)
        np.put_along_axis(dlogits, target[..., None], np.take_along_axis(dlogits, target[..., None], -1) - 1, axis=-1)
        dx = head.backward(dlogits / target.size)
        for layer in reversed(blocks):
            dx = layer.backward(dx)
        np.add.at(embed.grad, x_in, dx)
        pos.grad += dx.sum(axis=0)
        norms.append(_clip_norm(parameters, 1.0))
        for i, p in enumerate(parameters):
            m[i] = 0.9 * m[i] + 0.1 * p.grad
            v[i] = 0.99 * v[i] + 0.01 * p.grad**2
            p.value -= lr * (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.99**step)) + 1e-8)
    return losses, norms, embed.value


def _classes(rng, n, features, classes):
    y = rng.integers(0, classes, n)
    X = rng.normal(size=(n, features)) + 2.0 * rng.normal(size=(classes, features))[y]
    half = n * 3 // 4
    return X[:half], y[:half], X[half:], y[half:]


CASES = {
    train_with_early_stopping: lambda rng: [
        (*_classes(rng, 160, 6, 3), TrainConfig(batch_size=24)),
        (*_classes(rng, 60, 4, 2), TrainConfig(epochs=6, optimizer="nesterov", lr=0.3, patience=1, hidden=(8,))),
        (*_classes(rng, 40, 3, 2), TrainConfig(epochs=3, dropout=0.0, seed=4)),
    ],
    train_transformer: lambda rng: [
        (rng.integers(0, 11, (4, 9)), 11, 16, 2, 1, 1),
        (rng.integers(0, 5, (2, 5)), 5, 8, 4, 1, 1),
        (rng.integers(0, 7, (3, 4)).astype(np.int32), 7, 6, 1, 1, 1, 0.1, 3),
        (rng.integers(0, 7, (1, 4)), 7, 6, 4),
    ],
}
