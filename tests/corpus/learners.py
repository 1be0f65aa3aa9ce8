"""Learning: layers as classes, recurrent and attention models, detection, clusters, policies."""

import numpy as np


class Sequential:
    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for l in self.layers:
            x = l.forward(x)
        return x

    def backward(self, g):
        for l in reversed(self.layers):
            g = l.backward(g)
        return g

    def step(self, lr):
        for l in self.layers:
            for p, g in l.params():
                p -= lr * g


class Layer:
    def forward(self, x):
        raise NotImplementedError


class Dense(Layer):
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW = np.zeros_like(W)
        self.db = np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.dW = self.x.T @ g
        self.db = g.sum(axis=0)
        return g @ self.W.T

    def params(self):
        return [(self.W, self.dW), (self.b, self.db)]


class Tanh(Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, g):
        return g * (1 - self.y**2)

    def params(self):
        return []


def xor_layers(W1, b1, W2, b2, X, y, epochs, lr=0.5):
    net = Sequential(Dense(W1, b1), Tanh(), Dense(W2, b2))
    losses = []
    for _ in range(epochs):
        out = net.forward(X)
        loss = np.mean((out - y) ** 2)
        losses.append(loss)
        net.backward(2 * (out - y) / y.size)
        net.step(lr)
    return losses, net.forward(X)


XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])


def min_char_rnn(inputs, targets, Wxh, Whh, Why, bh, by, h0):
    xs, hs, ps = {}, {}, {}
    hs[-1] = np.copy(h0)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        y = Why @ hs[t] + by
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        draw = (1 - hs[t] * hs[t]) * dh
        dbh += draw
        dWxh += draw @ xs[t].T
        dWhh += draw @ hs[t - 1].T
        dhnext = Whh.T @ draw
    for d in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(d, -5, 5, out=d)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


def gpt_forward(tokens, p):
    """picoGPT style."""

    def ln(x, g, b):
        m = x.mean(-1, keepdims=True)
        v = x.var(-1, keepdims=True)
        return g * (x - m) / np.sqrt(v + 1e-5) + b

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def softmax(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    x = p["wte"][tokens] + p["wpe"][range(len(tokens))]
    mask = (1 - np.tri(len(tokens))) * -1e10
    for blk in p["blocks"]:
        h = ln(x, **blk["ln1"])
        q, k, v = np.split(h @ blk["qkv"], 3, axis=-1)
        heads = []
        for qh, kh, vh in zip(np.split(q, 2, -1), np.split(k, 2, -1), np.split(v, 2, -1)):
            heads.append(softmax(qh @ kh.T / np.sqrt(qh.shape[-1]) + mask) @ vh)
        x = x + np.hstack(heads) @ blk["proj"]
        x = x + gelu(ln(x, **blk["ln2"]) @ blk["up"]) @ blk["down"]
    return x @ p["wte"].T


def _gpt(r, d=8, V=11, T=16, L=2):
    n = lambda *s: r.normal(size=s) * 0.3
    ln = lambda: {"g": np.ones(d), "b": np.zeros(d)}
    return {
        "wte": n(V, d),
        "wpe": n(T, d),
        "blocks": [
            {"ln1": ln(), "qkv": n(d, 3 * d), "proj": n(d, d), "ln2": ln(), "up": n(d, 4 * d), "down": n(4 * d, d)}
            for _ in range(L)
        ],
    }


def ctc_forward(probs, labels, blank=0):
    T = probs.shape[0]
    L = 2 * len(labels) + 1
    ext = np.full(L, blank)
    ext[1::2] = labels
    a = np.zeros((T, L))
    a[0, 0] = probs[0, blank]
    if L > 1:
        a[0, 1] = probs[0, ext[1]]
    ll = np.log(a[0].sum())
    a[0] /= a[0].sum()
    for t in range(1, T):
        for s in range(L):
            v = a[t - 1, s]
            if s > 0:
                v += a[t - 1, s - 1]
            if s > 1 and ext[s] != blank and ext[s] != ext[s - 2]:
                v += a[t - 1, s - 2]
            a[t, s] = v * probs[t, ext[s]]
        c = a[t].sum()
        a[t] /= c
        ll += np.log(c)
    return ll + np.log(a[-1, -1] + (a[-1, -2] if L > 1 else 0))


def nms(boxes, scores, thresh):
    x1, y1, x2, y2 = boxes.T
    area = (x2 - x1) * (y2 - y1)
    order = scores.argsort()[::-1]
    keep = []
    while order.size > 0:
        i = order[0]
        keep.append(i)
        w = np.maximum(0, np.minimum(x2[i], x2[order[1:]]) - np.maximum(x1[i], x1[order[1:]]))
        h = np.maximum(0, np.minimum(y2[i], y2[order[1:]]) - np.maximum(y1[i], y1[order[1:]]))
        iou = w * h / (area[i] + area[order[1:]] - w * h)
        order = order[np.where(iou <= thresh)[0] + 1]
    return keep


def q_learning_cliff(rng, episodes, h=4, w=12, alpha=0.5, gamma=1.0, eps=0.1):
    Q = np.zeros((h, w, 4))
    moves = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    returns = []
    for _ in range(episodes):
        i, j = h - 1, 0
        total = 0
        for _ in range(200):
            if rng.random() < eps:
                a = int(rng.integers(4))
            else:
                a = int(np.argmax(Q[i, j]))
            y = min(max(i + moves[a][0], 0), h - 1)
            x = min(max(j + moves[a][1], 0), w - 1)
            r = -1
            if y == h - 1 and 0 < x < w - 1:
                r = -100
                y, x = h - 1, 0
            done = y == h - 1 and x == w - 1
            Q[i, j, a] += alpha * (r + gamma * (0 if done else Q[y, x].max()) - Q[i, j, a])
            i, j = y, x
            total += r
            if done:
                break
        returns.append(total)
    return Q, returns


def lof(X, k):
    d = np.linalg.norm(X[:, None] - X, axis=-1)
    np.fill_diagonal(d, np.inf)
    nn = np.argsort(d, axis=1)[:, :k]
    kd = np.take_along_axis(d, nn, axis=1)[:, -1]
    n = len(X)
    lrd = np.zeros(n)
    for i in range(n):
        reach = [max(kd[j], d[i, j]) for j in nn[i]]
        lrd[i] = k / sum(reach)
    return np.array([np.mean(lrd[nn[i]]) / lrd[i] for i in range(n)])


def dbscan(X, eps, min_pts):
    n = len(X)
    d = np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1))
    neigh = [np.where(d[i] <= eps)[0] for i in range(n)]
    labels = np.zeros(n, dtype=int)
    c = 0
    for i in range(n):
        if labels[i] != 0:
            continue
        if len(neigh[i]) < min_pts:
            labels[i] = -1
            continue
        c += 1
        labels[i] = c
        seeds = list(neigh[i])
        k = 0
        while k < len(seeds):
            j = seeds[k]
            if labels[j] == -1:
                labels[j] = c
            elif labels[j] == 0:
                labels[j] = c
                if len(neigh[j]) >= min_pts:
                    seeds.extend(neigh[j])
            k += 1
    return labels


def som_train(data, grid, epochs, lr=0.5):
    w = grid.copy()
    n = w.shape[0]
    ys, xs = np.indices((n, n))
    sigma0 = n / 2
    for e in range(epochs):
        f = 1 - e / epochs
        for v in data:
            d = ((w - v) ** 2).sum(axis=2)
            i, j = np.unravel_index(np.argmin(d), d.shape)
            h = np.exp(-((ys - i) ** 2 + (xs - j) ** 2) / (2 * (sigma0 * f) ** 2))
            w += lr * f * h[..., None] * (v - w)
    return w


CASES = {
    xor_layers: lambda r: [
        (
            r.normal(size=(2, 4)),
            np.zeros(4),
            r.normal(size=(4, 1)),
            np.zeros(1),
            XOR,
            np.array([[0.0], [1], [1], [0]]),
            12,
            0.05,
        ),
        (r.normal(size=(2, 3)), np.zeros(3), r.normal(size=(3, 1)), np.zeros(1), XOR, np.ones((4, 1)), 0),
    ],
    min_char_rnn: lambda r: [
        (
            [1, 2, 0, 3],
            [2, 0, 3, 1],
            0.1 * r.normal(size=(6, 5)),
            0.1 * r.normal(size=(6, 6)),
            0.1 * r.normal(size=(5, 6)),
            np.zeros((6, 1)),
            np.zeros((5, 1)),
            np.zeros((6, 1)),
        ),
        ([0], [1], np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2)), np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((2, 1))),
    ],
    gpt_forward: lambda r: [(r.integers(0, 11, 7), _gpt(r)), ([3], _gpt(r))],
    ctc_forward: lambda r: [
        (r.dirichlet(np.ones(5), 12), [1, 3, 3]),
        (np.full((2, 2), 0.5), [1]),
        (r.dirichlet(np.ones(3), 4), np.array([], int)),
    ],
    nms: lambda r: [
        (np.hstack([(p := r.random((20, 2)) * 5), p + 1 + r.random((20, 2))]), r.random(20), 0.3),
        (np.array([[0, 0, 1.0, 1]]), np.ones(1), 0.5),
        (np.zeros((0, 4)), np.zeros(0), 0.5),
    ],
    q_learning_cliff: lambda r: [(np.random.default_rng(4), 20), (np.random.default_rng(4), 0)],
    lof: lambda r: [(np.vstack([r.normal(size=(20, 2)), [[8, 8]]]), 4), (r.random((3, 1)), 1)],
    dbscan: lambda r: [
        (np.concatenate([r.normal(0, 0.3, (20, 2)), r.normal(3, 0.3, (20, 2)), [[10, 10]]]), 0.6, 4),
        (np.zeros((1, 2)), 1.0, 1),
    ],
    som_train: lambda r: [(r.random((20, 3)), r.random((5, 5, 3)), 4), (r.random((2, 2)), r.random((2, 2, 2)), 0)],
}
