"""Optimisers, losses, decoding and gradients of small networks."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.corpus.layers import _f32, _sigmoid, _softmax


@dataclass
class AdamState:
    m: dict
    v: dict
    step: int = 0


def adam_dicts(params, targets, lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, steps=20):
    """Parameters in a dict, moments made on first use, a quadratic loss."""
    state = AdamState({}, {})
    history = []
    for _ in range(steps):
        grads = {k: p - targets[k] for k, p in params.items()}
        norm = np.sqrt(sum(np.sum(g**2) for g in grads.values()))
        if norm > 1.0:
            for k in grads:
                grads[k] = grads[k] / norm
        state.step += 1
        for k, g in grads.items():
            if k not in state.m:
                state.m[k], state.v[k] = np.zeros_like(g), np.zeros_like(g)
            if weight_decay and params[k].ndim > 1:
                params[k] *= 1 - lr * weight_decay
            state.m[k] = betas[0] * state.m[k] + (1 - betas[0]) * g
            state.v[k] = betas[1] * state.v[k] + (1 - betas[1]) * g * g
            mhat = state.m[k] / (1 - betas[0] ** state.step)
            vhat = state.v[k] / (1 - betas[1] ** state.step)
            params[k] -= lr * mhat / (np.sqrt(vhat) + eps)
        history.append(float(norm))
    return history, state.step


class Optimizer:
    def __init__(self, kind, lr):
        self.kind, self.lr, self.state = kind, lr, {}

    def update(self, name, p, g):
        if self.kind == "sgd":
            p -= self.lr * g
        elif self.kind == "momentum":
            v = self.state.setdefault(name, np.zeros_like(p))
            v *= 0.9
            v -= self.lr * g
            p += v
        elif self.kind == "adagrad":
            h = self.state.get(name)
            if h is None:
                h = self.state[name] = np.zeros_like(p)
            h += g * g
            p -= self.lr * g / (np.sqrt(h) + 1e-7)
        elif self.kind == "rmsprop":
            h = 0.99 * self.state.get(name, 0.0) + 0.01 * g * g
            self.state[name] = h
            p -= self.lr * g / (np.sqrt(h) + 1e-7)
        else:
            raise KeyError(self.kind)


def optimizer_race(p0, kinds, lr=0.05, steps=15):
    """The same bowl descended by several optimisers."""
    ends = {}
    for kind in kinds:
        p = {"x": p0.copy(), "y": p0 * 2}
        optimizer = Optimizer(kind, lr)
        for _ in range(steps):
            for name in ("x", "y"):
                optimizer.update(name, p[name], p[name] / 10 if name == "x" else 2 * p[name])
        ends[kind] = (p["x"], p["y"])
    return ends


def beam_search(log_probs, width, eos=0, alpha=0.7):
    """Hypotheses as tuples, ended ones kept apart."""
    beams = [((), 0.0)]
    done = []
    for t in range(log_probs.shape[0]):
        candidates = []
        for tokens, score in beams:
            row = log_probs[t, tokens[-1]] if tokens else log_probs[t, eos]
            for token in np.argsort(-row)[:width]:
                candidates.append((tokens + (int(token),), score + row[token]))
        candidates.sort(key=lambda c: c[1], reverse=True)
        beams = []
        for tokens, score in candidates:
            if tokens[-1] == eos:
                done.append((tokens, score / len(tokens) ** alpha))
            else:
                beams.append((tokens, score))
            if len(beams) == width:
                break
        if not beams:
            break
    done += [(tokens, score / max(len(tokens), 1) ** alpha) for tokens, score in beams]
    return max(done, key=lambda d: d[1])


def sample_text(logits, length, temperature=1.0, top_k=None, seed=0):
    """A Markov model of tokens, sampled with temperature from the best k."""
    rng = np.random.default_rng(seed)
    tokens = [0]
    while len(tokens) < length:
        z = logits[tokens[-1]].astype(float)
        if temperature == 0:
            tokens.append(int(z.argmax()))
            continue
        z = z / temperature
        if top_k is not None:
            threshold = np.sort(z)[-top_k]
            z[z < threshold] = -np.inf
        p = _softmax(z)
        tokens.append(int(rng.choice(len(p), p=p)))
    return tokens


def embedding_cbow(W_in, W_out, contexts, targets, negatives, lr):
    """Negative sampling: rows of the tables move in place, repeated ones add up."""
    total = 0.0
    for context, target, negs in zip(contexts, targets, negatives):
        h = W_in[context].mean(axis=0)
        idx = np.concatenate([[target], negs])
        label = np.zeros(len(idx), dtype=W_in.dtype)
        label[0] = 1
        score = _sigmoid(W_out[idx] @ h)
        total -= np.log(score[0] + 1e-7) + np.sum(np.log(1 - score[1:] + 1e-7))
        d = score - label
        dh = d @ W_out[idx]
        np.add.at(W_out, idx, -lr * d[:, None] * h)
        np.add.at(W_in, context, -lr * dh / len(context))
    return total


def focal_loss(logits, labels, gamma=2.0, alpha=None, reduction="mean"):
    logp = logits - logits.max(1, keepdims=True)
    logp = logp - np.log(np.exp(logp).sum(1, keepdims=True))
    picked = np.take_along_axis(logp, labels[:, None], axis=1)[:, 0]
    loss = -((1 - np.exp(picked)) ** gamma) * picked
    if alpha is not None:
        loss = loss * np.asarray(alpha)[labels]
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(reduction)


def dropout_train(x, W, y, keep, seed, epochs=5):
    """Linear regression under inverted dropout, masks drawn from a seed."""
    rng = np.random.default_rng(seed)
    losses = np.zeros(epochs)
    for e in range(epochs):
        mask = (rng.random(x.shape) < keep) / keep
        h = x * mask
        err = h @ W - y
        losses[e] = (err**2).mean()
        W -= 0.1 * h.T @ err / len(x)
    return losses


def gradient_check(W, x, y, h=1e-5):
    """Numerical against analytic gradients, element by element."""

    def loss():
        return 0.5 * np.sum((np.tanh(x @ W) - y) ** 2)

    out = np.tanh(x @ W)
    analytic = x.T @ ((out - y) * (1 - out**2))
    numeric = np.zeros_like(W)
    it = np.nditer(W, flags=["multi_index"])
    while not it.finished:
        idx = it.multi_index
        old = W[idx]
        W[idx] = old + h
        plus = loss()
        W[idx] = old - h
        minus = loss()
        W[idx] = old
        numeric[idx] = (plus - minus) / (2 * h)
        it.iternext()
    error = np.abs(analytic - numeric).max() / max(np.abs(analytic).max(), 1e-8)
    return numeric, error, bool(error < 1e-4)


@dataclass
class Value:
    """Micrograd in a few lines: a number that remembers how it was made."""

    data: Any
    parents: tuple = ()
    local: tuple = ()
    grad: Any = 0.0

    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self):
        t = np.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))


def autograd_tanh_neuron(w, x, b):
    """A neuron's output and gradients by reverse accumulation over objects."""
    ws, xs = [Value(v) for v in w], [Value(v) for v in x]
    total = Value(b)
    for a, c in zip(ws, xs):
        total = total + a * c
    out = total.tanh()
    order, seen = [], set()

    def visit(v):
        if id(v) not in seen:
            seen.add(id(v))
            for p in v.parents:
                visit(p)
            order.append(v)

    visit(out)
    out.grad = 1.0
    for v in reversed(order):
        for p, g in zip(v.parents, v.local):
            p.grad = p.grad + g * v.grad
    return out.data, [v.grad for v in ws], [v.grad for v in xs]


CASES = {
    adam_dicts: lambda rng: [
        ({"W": rng.standard_normal((4, 3)), "b": rng.random(3)}, {"W": np.zeros((4, 3)), "b": np.ones(3)}),
        ({"W": _f32(rng, 2, 2)}, {"W": _f32(rng, 2, 2)}, 0.01, (0.8, 0.9), 1e-6, 0.1, 3),
        ({}, {}),
    ],
    optimizer_race: lambda rng: [
        (rng.standard_normal(5), ["sgd", "momentum", "adagrad", "rmsprop"]),
        (_f32(rng, 2, 2), ("rmsprop",), 0.1, 2),
        (np.ones(1), ["newton"]),
        (np.ones(2), []),
    ],
    beam_search: lambda rng: [
        (np.log(rng.dirichlet(np.ones(6), (5, 6))), 3),
        (np.log(rng.dirichlet(np.ones(3), (2, 3))).astype(np.float32), 1, 2),
        (np.zeros((0, 2, 2)), 2),
    ],
    sample_text: lambda rng: [
        (rng.standard_normal((6, 6)), 20),
        (_f32(rng, 4, 4), 8, 0.5, 2, 3),
        (rng.integers(0, 5, (3, 3)), 5, 0),
        (np.ones((2, 2)), 1),
    ],
    embedding_cbow: lambda rng: [
        (
            rng.standard_normal((10, 4)),
            rng.standard_normal((10, 4)),
            rng.integers(0, 10, (12, 3)),
            rng.integers(0, 10, 12),
            rng.integers(0, 10, (12, 2)),
            0.1,
        ),
        (_f32(rng, 3, 2), _f32(rng, 3, 2), [[0, 0], [1, 2]], [1, 2], [[0], [2]], 0.5),
        (np.ones((2, 2)), np.ones((2, 2)), [[0, 7]], [1], [[0]], 0.1),
    ],
    focal_loss: lambda rng: [
        (rng.standard_normal((20, 4)), rng.integers(0, 4, 20)),
        (_f32(rng, 3, 2), np.array([0, 1, 1]), 1, [0.3, 0.7], "sum"),
        (rng.standard_normal((2, 3)), np.array([0, 2]), 2.0, None, "none"),
        (np.ones((1, 2)), np.array([0]), 2.0, None, "max"),
    ],
    dropout_train: lambda rng: [
        (rng.standard_normal((20, 4)), np.zeros((4, 1)), rng.random((20, 1)), 0.8, 3),
        (_f32(rng, 3, 2), np.zeros((2, 1), np.float32), np.ones((3, 1), np.float32), 0.5, 1, 2),
    ],
    gradient_check: lambda rng: [
        (0.3 * rng.standard_normal((4, 3)), rng.standard_normal((5, 4)), rng.random((5, 3))),
        (np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1)), 1e-4),
    ],
    autograd_tanh_neuron: lambda rng: [
        (rng.standard_normal(4).tolist(), rng.random(4).tolist(), 0.1),
        (rng.random(2), rng.random(2), 1),
        ([], [], 0.5),
    ],
}
