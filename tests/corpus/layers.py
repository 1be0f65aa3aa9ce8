"""Networks forwards and backwards by hand: layers with caches, recurrent cells, attention, optimisers, decoding."""

import numpy as np


def _softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _im2col(x, kh, kw, stride, pad):
    n, c, h, w = x.shape
    oh = (h + 2 * pad - kh) // stride + 1
    ow = (w + 2 * pad - kw) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.zeros((n, c, kh, kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        i_end = i + stride * oh
        for j in range(kw):
            j_end = j + stride * ow
            col[:, :, i, j] = img[:, :, i:i_end:stride, j:j_end:stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1), oh, ow


def _col2im(col, shape, kh, kw, stride, pad):
    n, c, h, w = shape
    oh = (h + 2 * pad - kh) // stride + 1
    ow = (w + 2 * pad - kw) // stride + 1
    col = col.reshape(n, oh, ow, c, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((n, c, h + 2 * pad + stride - 1, w + 2 * pad + stride - 1), dtype=col.dtype)
    for i in range(kh):
        for j in range(kw):
            img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] += col[:, :, i, j]
    return img[:, :, pad : h + pad, pad : w + pad]


def conv_forward_backward(x, W, b, stride=1, pad=0):
    """A convolution and the gradients of half its squared norm."""
    fn, c, kh, kw = W.shape
    if x.shape[1] != c:
        raise ValueError(f"{x.shape[1]} channels for a filter of {c}")
    col, oh, ow = _im2col(x, kh, kw, stride, pad)
    out = (col @ W.reshape(fn, -1).T + b).reshape(len(x), oh, ow, fn).transpose(0, 3, 1, 2)
    dout = out.transpose(0, 2, 3, 1).reshape(-1, fn)
    grads = {"b": dout.sum(axis=0), "W": (col.T @ dout).T.reshape(W.shape)}
    grads["x"] = _col2im(dout @ W.reshape(fn, -1), x.shape, kh, kw, stride, pad)
    return out, grads


def maxpool_backward(x, size=2, stride=2):
    n, c, h, w = x.shape
    oh, ow = (h - size) // stride + 1, (w - size) // stride + 1
    out = np.empty((n, c, oh, ow), x.dtype)
    dx = np.zeros_like(x)
    for i in range(oh):
        for j in range(ow):
            patch = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            out[:, :, i, j] = patch.max(axis=(2, 3))
            mask = patch == out[:, :, i, j][:, :, None, None]
            dx[:, :, i * stride : i * stride + size, j * stride : j * stride + size] += mask
    return out, dx


class Affine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        self.x = x
        W, b = self.params
        return x @ W + b

    def backward(self, dout):
        W, _ = self.params
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ W.T


class Relu:
    params, grads = [], []

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout = dout.copy()
        dout[self.mask] = 0
        return dout


class SoftmaxLoss:
    def forward(self, x, t):
        self.y, self.t = _softmax(x), t
        return -np.mean(np.log(self.y[np.arange(len(t)), t] + 1e-7))

    def backward(self):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


def train_layers(x, t, params, lr, epochs):
    """Layers as objects in a list, their parameters updated in place."""
    layers = [Affine(params["W1"], params["b1"]), Relu(), Affine(params["W2"], params["b2"])]
    loss_layer = SoftmaxLoss()
    losses = []
    for _ in range(epochs):
        h = x
        for layer in layers:
            h = layer.forward(h)
        losses.append(loss_layer.forward(h, t))
        dout = loss_layer.backward()
        for layer in reversed(layers):
            dout = layer.backward(dout)
        for layer in layers:
            for p, g in zip(layer.params, layer.grads):
                p -= lr * g
    return losses


def rnn_bptt(inputs, targets, Wxh, Whh, Why, bh, by, h_prev):
    """Karpathy's character model: the loss and clipped gradients of a sequence of indices."""
    xs, hs, ps = {}, {}, {}
    hs[-1] = np.copy(h_prev)
    loss = 0.0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        y = Why @ hs[t] + by
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(h_prev)
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += dhraw @ xs[t].T
        dWhh += dhraw @ hs[t - 1].T
        dhnext = Whh.T @ dhraw
    for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(dparam, -5, 5, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


def lstm_backward(x, Wx, Wh, b):
    """A whole LSTM layer and back through time, caches in a list."""
    T, N, _ = x.shape
    H = Wh.shape[0]
    h, c = np.zeros((N, H), x.dtype), np.zeros((N, H), x.dtype)
    hs, caches = np.empty((T, N, H), x.dtype), []
    for t in range(T):
        a = x[t] @ Wx + h @ Wh + b
        i, f, o = _sigmoid(a[:, :H]), _sigmoid(a[:, H : 2 * H]), _sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H :])
        c_next = f * c + i * g
        h_next = o * np.tanh(c_next)
        caches.append((h, c, i, f, o, g, c_next))
        h, c = h_next, c_next
        hs[t] = h
    dx, dWx, dWh, db = np.empty_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh, dc = np.zeros_like(h), np.zeros_like(c)
    for t in range(T - 1, -1, -1):
        h0, c0, i, f, o, g, c1 = caches.pop()
        dh = dh + hs[t]
        tc = np.tanh(c1)
        dc = dc + dh * o * (1 - tc**2)
        da = np.hstack([dc * g * i * (1 - i), dc * c0 * f * (1 - f), dh * tc * o * (1 - o), dc * i * (1 - g**2)])
        dx[t] = da @ Wx.T
        dWx += x[t].T @ da
        dWh += h0.T @ da
        db += da.sum(axis=0)
        dh, dc = da @ Wh.T, dc * f
    return hs, {"x": dx, "Wx": dWx, "Wh": dWh, "b": db}


def gru_sequence(xs, h0, params, lengths=None, reverse=False):
    """Padded sequences: a state stays as it was after the end of its own."""
    Wz, Wr, Wn, bz, br, bn = (params[k] for k in ("Wz", "Wr", "Wn", "bz", "br", "bn"))
    T = xs.shape[0]
    h = h0
    outputs = []
    order = range(T - 1, -1, -1) if reverse else range(T)
    for t in order:
        joined = np.concatenate([xs[t], h], axis=1)
        z = _sigmoid(joined @ Wz + bz)
        r = _sigmoid(joined @ Wr + br)
        n = np.tanh(np.concatenate([xs[t], r * h], axis=1) @ Wn + bn)
        new = (1 - z) * n + z * h
        if lengths is not None:
            alive = (t < lengths)[:, None]
            new = np.where(alive, new, h)
        h = new
        outputs.append(h)
    if reverse:
        outputs = outputs[::-1]
    return np.stack(outputs) if outputs else np.zeros((0, *h0.shape)), h


def attention_backward(q, k, v, dout, mask=None):
    """Scaled dot-product attention and its gradients."""
    scale = 1 / np.sqrt(q.shape[-1])
    scores = np.einsum("bhqd,bhkd->bhqk", q, k) * scale
    if mask is not None:
        scores = np.where(mask, scores, -1e9)
    p = _softmax(scores)
    out = np.einsum("bhqk,bhkd->bhqd", p, v)
    dv = np.einsum("bhqk,bhqd->bhkd", p, dout)
    dp = np.einsum("bhqd,bhkd->bhqk", dout, v)
    ds = p * (dp - np.sum(dp * p, axis=-1, keepdims=True)) * scale
    dq = np.einsum("bhqk,bhkd->bhqd", ds, k)
    dk = np.einsum("bhqk,bhqd->bhkd", ds, q)
    return out, dq, dk, dv


class BatchNorm:
    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = running_mean, running_var

    def forward(self, x, train=True):
        if self.running_mean is None:
            self.running_mean = np.zeros(x.shape[1])
            self.running_var = np.zeros(x.shape[1])
        if train:
            mu = x.mean(axis=0)
            xc = x - mu
            var = np.mean(xc**2, axis=0)
            std = np.sqrt(var + 1e-7)
            xn = xc / std
            self.xc, self.xn, self.std = xc, xn, std
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            xn = (x - self.running_mean) / np.sqrt(self.running_var + 1e-7)
        return self.gamma * xn + self.beta

    def backward(self, dout):
        n = len(dout)
        self.dbeta, self.dgamma = dout.sum(axis=0), np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dvar = -np.sum(dxn * self.xc / (self.std * self.std), axis=0) * 0.5 / self.std
        dxc += 2.0 / n * self.xc * dvar
        return dxc - dxc.sum(axis=0) / n


def batchnorm_object(batches, test, gamma, beta):
    bn = BatchNorm(gamma, beta)
    outs = []
    for x in batches:
        out = bn.forward(x)
        outs.append(bn.backward(np.tanh(out)))
    return outs, bn.forward(test, train=False), bn.running_mean, bn.running_var


def layernorm_backward(x, gain, dout, eps=1e-5):
    mean = x.mean(-1, keepdims=True)
    inv = 1 / np.sqrt(x.var(-1, keepdims=True) + eps)
    xhat = (x - mean) * inv
    dgain = (dout * xhat).sum(axis=tuple(range(x.ndim - 1)))
    dbias = dout.sum(axis=tuple(range(x.ndim - 1)))
    d = dout * gain
    dx = inv * (d - d.mean(-1, keepdims=True) - xhat * (d * xhat).mean(-1, keepdims=True))
    return dx, dgain, dbias


def _f32(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def _net(rng, i, h, o):
    return {
        "W1": rng.standard_normal((i, h)) * 0.3,
        "b1": np.zeros(h),
        "W2": rng.standard_normal((h, o)) * 0.3,
        "b2": np.zeros(o),
    }


def _char(rng, v, h):
    s = lambda *shape: 0.1 * rng.standard_normal(shape)
    return s(h, v), s(h, h), s(v, h), s(h, 1), s(v, 1), np.zeros((h, 1))


def _gru(rng, i, h):
    sizes = {k: (i + h, h) for k in ("Wz", "Wr", "Wn")} | {k: (h,) for k in ("bz", "br", "bn")}
    return {k: 0.3 * rng.standard_normal(s) for k, s in sizes.items()}


CASES = {
    conv_forward_backward: lambda rng: [
        (rng.standard_normal((2, 3, 8, 8)), rng.standard_normal((4, 3, 3, 3)), rng.random(4), 1, 1),
        (_f32(rng, 1, 1, 5, 6), _f32(rng, 2, 1, 2, 2), _f32(rng, 2), 2),
        (np.zeros((1, 2, 4, 4)), np.ones((1, 3, 2, 2)), np.zeros(1)),
    ],
    maxpool_backward: lambda rng: [
        (rng.standard_normal((2, 3, 8, 8)),),
        (_f32(rng, 1, 1, 5, 5), 3, 1),
        (rng.integers(0, 3, (1, 2, 4, 4)),),
    ],
    train_layers: lambda rng: [
        (rng.standard_normal((30, 5)), rng.integers(0, 3, 30), _net(rng, 5, 8, 3), 0.1, 5),
        (_f32(rng, 4, 2), np.array([0, 1, 1, 0]), {k: v.astype(np.float32) for k, v in _net(rng, 2, 3, 2).items()}, 0.5, 2),
        (np.ones((2, 2)), np.array([0, 5]), _net(rng, 2, 3, 2), 0.1, 1),
    ],
    rnn_bptt: lambda rng: [
        (rng.integers(0, 6, 12).tolist(), rng.integers(0, 6, 12).tolist(), *_char(rng, 6, 8)),
        ([1], [0], *_char(rng, 2, 3)),
        (rng.integers(0, 4, 5), rng.integers(0, 4, 5), *_char(rng, 4, 3)),
        ([0], [9], *_char(rng, 3, 2)),
    ],
    lstm_backward: lambda rng: [
        (rng.standard_normal((8, 3, 4)), 0.3 * rng.standard_normal((4, 20)), 0.3 * rng.standard_normal((5, 20)), np.zeros(20)),
        (_f32(rng, 2, 1, 2), _f32(rng, 2, 12), _f32(rng, 3, 12), _f32(rng, 12)),
        (np.zeros((0, 1, 2)), np.ones((2, 4)), np.ones((1, 4)), np.zeros(4)),
    ],
    gru_sequence: lambda rng: [
        (rng.standard_normal((7, 3, 4)), np.zeros((3, 5)), _gru(rng, 4, 5)),
        (rng.standard_normal((6, 2, 3)), np.zeros((2, 2)), _gru(rng, 3, 2), np.array([6, 3]), True),
        (np.zeros((0, 1, 1)), np.ones((1, 2)), _gru(rng, 1, 2)),
    ],
    attention_backward: lambda rng: [
        tuple(rng.standard_normal((2, 2, 6, 4)) for _ in range(4)),
        (*(_f32(rng, 1, 1, 3, 2) for _ in range(4)), np.tril(np.ones((3, 3), bool))),
        (*(rng.standard_normal((1, 2, n, 3)) for n in (1, 5, 5, 1)),),
        (*(rng.standard_normal((1, 1, 2, n)) for n in (3, 4, 3, 3)),),
    ],
    batchnorm_object: lambda rng: [
        ([rng.standard_normal((8, 4)) for _ in range(3)], rng.standard_normal((3, 4)), rng.random(4), rng.random(4)),
        ([_f32(rng, 9, 2)], _f32(rng, 1, 2), np.ones(2, np.float32), np.zeros(2, np.float32)),
        ([], np.ones((2, 3)), np.ones(3), np.zeros(3)),
    ],
    layernorm_backward: lambda rng: [
        (rng.standard_normal((6, 10)), rng.random(10), rng.standard_normal((6, 10))),
        (_f32(rng, 2, 3, 4), _f32(rng, 4), _f32(rng, 2, 3, 4)),
        (np.ones(3), np.ones(3), np.arange(3)),
        (np.zeros((0, 4)), np.ones(4), np.zeros((0, 4))),
    ],
}
