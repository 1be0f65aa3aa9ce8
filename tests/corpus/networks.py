"""Deep learning, forwards and backwards, in NumPy."""

import numpy as np


def relu(x):
    return np.maximum(0, x)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def mlp_forward(x, weights, biases):
    h = x
    for i, (W, b) in enumerate(zip(weights, biases)):
        h = h @ W + b
        if i < len(weights) - 1:
            h = relu(h)
    return softmax(h)


def mlp_training_step(x, y, params, lr):
    """One step of stochastic gradient descent by hand; the parameters in the dict change in place."""
    n = len(x)
    z1 = x @ params["W1"] + params["b1"]
    a1 = np.tanh(z1)
    p = softmax(a1 @ params["W2"] + params["b2"])
    loss = -np.log(p[np.arange(n), y]).mean()
    dz2 = p
    dz2[np.arange(n), y] -= 1
    dz2 /= n
    grads = {"W2": a1.T @ dz2, "b2": dz2.sum(0)}
    dz1 = dz2 @ params["W2"].T * (1 - a1**2)
    grads["W1"] = x.T @ dz1
    grads["b1"] = dz1.sum(0)
    for name in params:
        params[name] -= lr * grads[name]
    return loss


def conv2d(x, w, b, stride=1, pad=0):
    """Direct convolution, NCHW."""
    n, _, h, wd = x.shape
    f, _, kh, kw = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    oh = (h + 2 * pad - kh) // stride + 1
    ow = (wd + 2 * pad - kw) // stride + 1
    out = np.zeros((n, f, oh, ow), dtype=x.dtype)
    for img in range(n):
        for k in range(f):
            for i in range(oh):
                for j in range(ow):
                    r, c = i * stride, j * stride
                    out[img, k, i, j] = np.sum(xp[img, :, r : r + kh, c : c + kw] * w[k]) + b[k]
    return out


def im2col_conv(x, w):
    n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    oh, ow = h - kh + 1, wd - kw + 1
    cols = np.empty((n, c, kh, kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            cols[:, :, i, j] = x[:, :, i : i + oh, j : j + ow]
    cols = cols.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)
    return (cols @ w.reshape(f, -1).T).reshape(n, oh, ow, f).transpose(0, 3, 1, 2)


def max_pool(x, size=2):
    n, c, h, w = x.shape
    out = np.zeros((n, c, h // size, w // size), dtype=x.dtype)
    where = np.zeros(out.shape, dtype=int)
    for i in range(h // size):
        for j in range(w // size):
            patch = x[:, :, i * size : (i + 1) * size, j * size : (j + 1) * size].reshape(n, c, -1)
            out[:, :, i, j] = patch.max(axis=2)
            where[:, :, i, j] = patch.argmax(axis=2)
    return out, where


def lstm(xs, h, c, Wx, Wh, b):
    """A sequence through one cell; every hidden state comes back."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    H = h.shape[1]
    hs = np.zeros((xs.shape[0], h.shape[0], H), dtype=h.dtype)
    for t in range(xs.shape[0]):
        gates = xs[t] @ Wx + h @ Wh + b
        i = sigmoid(gates[:, :H])
        f = sigmoid(gates[:, H : 2 * H])
        o = sigmoid(gates[:, 2 * H : 3 * H])
        g = np.tanh(gates[:, 3 * H :])
        c = f * c + i * g
        h = o * np.tanh(c)
        hs[t] = h
    return hs, (h, c)


def attention(q, k, v, heads, causal=False):
    batch, steps, dim = q.shape
    d = dim // heads

    def split(x):
        return x.reshape(batch, -1, heads, d).transpose(0, 2, 1, 3)

    scores = split(q) @ split(k).swapaxes(-1, -2) / np.sqrt(d)
    if causal:
        mask = np.triu(np.ones((steps, k.shape[1]), dtype=bool), 1)
        scores = np.where(mask, -1e9, scores)
    out = softmax(scores) @ split(v)
    return out.transpose(0, 2, 1, 3).reshape(batch, steps, dim)


def batchnorm_train(x, gamma, beta, running, momentum=0.9, eps=1e-5):
    """Writes the running statistics into the caller's arrays."""
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    running["mean"][:] = momentum * running["mean"] + (1 - momentum) * mean
    running["var"][...] = momentum * running["var"] + (1 - momentum) * var
    xhat = (x - mean) / np.sqrt(var + eps)
    return gamma * xhat + beta, (xhat, var)


def adam(params, grads, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    for p, g, mi, vi in zip(params, grads, m, v):
        mi *= beta1
        mi += (1 - beta1) * g
        vi *= beta2
        vi += (1 - beta2) * g * g
        mhat = mi / (1 - beta1**t)
        vhat = vi / (1 - beta2**t)
        p -= lr * mhat / (np.sqrt(vhat) + eps)
    return t + 1


def dropout(x, rate, rng, training=True):
    if not training or rate == 0:
        return x
    mask = rng.random(x.shape) >= rate
    return x * mask / (1 - rate)


def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(len(labels)), labels].mean()
    accuracy = (logits.argmax(axis=1) == labels).mean()
    return loss, accuracy


def layernorm(x, gain, bias, eps=1e-5):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(var + eps) + bias


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def embedding_bag(table, tokens, offsets):
    out = np.zeros((len(offsets), table.shape[1]), dtype=table.dtype)
    for i, start in enumerate(offsets):
        end = offsets[i + 1] if i + 1 < len(offsets) else len(tokens)
        if end > start:
            out[i] = table[tokens[start:end]].mean(axis=0)
    return out


def embedding_gradient(table, tokens, grad, lr):
    """A sparse update: rows that occur twice are updated twice."""
    np.subtract.at(table, tokens, lr * grad)
    return table


def positional_encoding(length, dim):
    pe = np.zeros((length, dim))
    position = np.arange(length)[:, None]
    div = np.exp(np.arange(0, dim, 2) * -(np.log(10000.0) / dim))
    pe[:, 0::2] = np.sin(position * div)
    pe[:, 1::2] = np.cos(position * div)
    return pe


def transformer_block(x, p):
    h = layernorm(x, p["g1"], p["b1"])
    x = x + attention(h @ p["wq"], h @ p["wk"], h @ p["wv"], p["heads"], causal=True) @ p["wo"]
    return x + gelu(layernorm(x, p["g2"], p["b2"]) @ p["up"]) @ p["down"]


def greedy_decode(start, W_embed, W_h, W_out, max_len, eos):
    """A tiny recurrent decoder that stops at the end token."""
    h = np.zeros(W_h.shape[0])
    token = start
    out = []
    for _ in range(max_len):
        h = np.tanh(W_embed[token] + h @ W_h)
        token = int(np.argmax(h @ W_out))
        if token == eos:
            break
        out.append(token)
    return out, h


def _f32(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def _block(rng, d):
    w = {k: _f32(rng, d, d) / 4 for k in ("wq", "wk", "wv", "wo")}
    w |= {
        "g1": np.ones(d, np.float32),
        "b1": np.zeros(d, np.float32),
        "g2": np.ones(d, np.float32),
        "b2": np.zeros(d, np.float32),
    }
    return w | {"up": _f32(rng, d, 4 * d) / 4, "down": _f32(rng, 4 * d, d) / 4, "heads": 2}


def _mlp(rng, i, h, o):
    return {
        "W1": rng.standard_normal((i, h)),
        "b1": np.zeros(h),
        "W2": rng.standard_normal((h, o)),
        "b2": np.zeros(o),
    }


CASES = {
    mlp_forward: lambda rng: [
        (_f32(rng, 32, 20), [_f32(rng, 20, 16), _f32(rng, 16, 4)], [_f32(rng, 16), _f32(rng, 4)]),
        (rng.random((1, 3)), [rng.random((3, 2))], [np.zeros(2)]),
    ],
    mlp_training_step: lambda rng: [
        (rng.random((16, 8)), rng.integers(0, 3, 16), _mlp(rng, 8, 12, 3), 0.1),
        (rng.random((1, 2)), np.array([1]), _mlp(rng, 2, 1, 2), 1),
    ],
    conv2d: lambda rng: [
        (rng.random((2, 3, 8, 8)), rng.random((4, 3, 3, 3)), rng.random(4), 1, 1),
        (_f32(rng, 1, 1, 5, 6), _f32(rng, 2, 1, 2, 2), _f32(rng, 2), 2),
    ],
    im2col_conv: lambda rng: [
        (_f32(rng, 2, 3, 10, 10), _f32(rng, 4, 3, 3, 3)),
        (rng.random((1, 1, 2, 2)), rng.random((1, 1, 2, 2))),
    ],
    max_pool: lambda rng: [(_f32(rng, 2, 3, 12, 12),), (rng.integers(0, 9, (1, 1, 3, 3)), 3)],
    lstm: lambda rng: [
        (
            _f32(rng, 12, 4, 6),
            np.zeros((4, 8), np.float32),
            np.zeros((4, 8), np.float32),
            _f32(rng, 6, 32),
            _f32(rng, 8, 32),
            _f32(rng, 32),
        ),
        (rng.random((1, 1, 2)), np.zeros((1, 1)), np.ones((1, 1)), rng.random((2, 4)), rng.random((1, 4)), np.zeros(4)),
    ],
    attention: lambda rng: [
        (_f32(rng, 2, 16, 8), _f32(rng, 2, 16, 8), _f32(rng, 2, 16, 8), 2, True),
        (rng.random((1, 1, 4)), rng.random((1, 3, 4)), rng.random((1, 3, 4)), 1),
    ],
    batchnorm_train: lambda rng: [
        (rng.random((32, 10)), np.ones(10), np.zeros(10), {"mean": np.zeros(10), "var": np.ones(10)}),
        (_f32(rng, 2, 3), _f32(rng, 3), _f32(rng, 3), {"mean": np.zeros(3, np.float32), "var": np.ones(3, np.float32)}, 0.5),
    ],
    adam: lambda rng: [
        (
            [rng.random((10, 5)), rng.random(5)],
            [rng.random((10, 5)), rng.random(5)],
            [np.zeros((10, 5)), np.zeros(5)],
            [np.zeros((10, 5)), np.zeros(5)],
            1,
        ),
        ((_f32(rng, 3),), (_f32(rng, 3),), (np.zeros(3, np.float32),), (np.zeros(3, np.float32),), 7, 0.1),
    ],
    dropout: lambda rng: [
        (rng.random((20, 30)), 0.3, np.random.default_rng(11)),
        (rng.random(4), 0.5, np.random.default_rng(11), False),
    ],
    cross_entropy: lambda rng: [
        (rng.standard_normal((32, 10)), rng.integers(0, 10, 32)),
        (_f32(rng, 1, 2), np.array([5])),
    ],
    layernorm: lambda rng: [(_f32(rng, 16, 64), _f32(rng, 64), _f32(rng, 64)), (rng.random(3), 1.0, 0.0)],
    gelu: lambda rng: [(_f32(rng, 1000),), (np.float64(0.3),), (0.3,)],
    embedding_bag: lambda rng: [
        (_f32(rng, 50, 8), rng.integers(0, 50, 30), np.array([0, 4, 4, 19])),
        (rng.random((2, 2)), np.array([1]), np.array([0])),
    ],
    embedding_gradient: lambda rng: [(rng.random((9, 4)), rng.integers(0, 9, 20), rng.random((20, 4)), 0.1)],
    positional_encoding: lambda rng: [(40, 16), (1, 2)],
    transformer_block: lambda rng: [(_f32(rng, 2, 8, 16), _block(rng, 16)), (_f32(rng, 1, 1, 4), _block(rng, 4))],
    greedy_decode: lambda rng: [
        (1, rng.standard_normal((8, 6)), rng.standard_normal((6, 6)), rng.standard_normal((6, 8)), 15, 0),
        (np.int64(0), np.ones((2, 2)), np.eye(2), np.eye(2), 3, 0),
    ],
}
