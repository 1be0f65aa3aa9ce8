"""Networks run forward in plain NumPy: attention, convolutions by loops, recurrences, codebooks, graphs and searches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def init_params(rng, d_model, d_ff, scale=0.1, dtype=np.float64):
    shapes = {
        "wq": (d_model, d_model),
        "wk": (d_model, d_model),
        "wv": (d_model, d_model),
        "wo": (d_model, d_model),
        "w1": (d_model, d_ff),
        "b1": (d_ff,),
        "w2": (d_ff, d_model),
        "b2": (d_model,),
    }
    return {k: (rng.standard_normal(s) * scale).astype(dtype) for k, s in shapes.items()}


def rms_norm(x, eps=1e-6):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)


def split_heads(x, n_heads):
    t, d = x.shape
    return x.reshape(t, n_heads, d // n_heads).transpose(1, 0, 2)


def decoder_blocks(x, layers, n_heads=2, causal=True, window=None, return_weights=False):
    """Pre-norm decoder blocks with causal or windowed attention over a list of parameter dictionaries."""
    T, d = x.shape
    if d % n_heads:
        raise ValueError(f"{d} features cannot be split among {n_heads} heads")
    mask = np.zeros((T, T), dtype=bool)
    if causal:
        mask |= np.triu(np.ones((T, T), dtype=bool), k=1)
    if window is not None:
        i = np.arange(T)
        mask |= np.abs(i[:, None] - i[None, :]) > window
    kept = []
    for p in layers:
        h = rms_norm(x)
        q, k, v = (split_heads(h @ p[name], n_heads) for name in ("wq", "wk", "wv"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores = np.where(mask, -1e9, scores)
        scores -= scores.max(-1, keepdims=True)
        a = np.exp(scores)
        a /= a.sum(-1, keepdims=True)
        if return_weights:
            kept.append(a)
        x = x + (a @ v).transpose(1, 0, 2).reshape(T, d) @ p["wo"]
        h = rms_norm(x)
        z = h @ p["w1"] + p["b1"]
        x = x + (z * 0.5 * (1 + np.tanh(0.7978845608 * (z + 0.044715 * z**3)))) @ p["w2"] + p["b2"]
    return (x, kept) if return_weights else x


class Conv2D:
    """A convolution written as seven loops' worth of slices."""

    def __init__(self, weight, bias=None, stride=1, padding=0, groups=1, activation=None):
        self.w, self.b = weight, bias
        self.stride, self.padding, self.groups = stride, padding, groups
        self.activation = activation

    def forward(self, x):
        n, c, h, w = x.shape
        o, cg, kh, kw = self.w.shape
        assert c == cg * self.groups, f"expected {cg * self.groups} channels, got {c}"
        s, p = self.stride, self.padding
        xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))) if p else x
        oh, ow = (h + 2 * p - kh) // s + 1, (w + 2 * p - kw) // s + 1
        out = np.zeros((n, o, oh, ow), dtype=np.result_type(x, self.w))
        per = o // self.groups
        for b in range(n):
            for f in range(o):
                g = f // per
                for i in range(oh):
                    for j in range(ow):
                        patch = xp[b, g * cg : (g + 1) * cg, i * s : i * s + kh, j * s : j * s + kw]
                        out[b, f, i, j] = (patch * self.w[f]).sum()
        if self.b is not None:
            out += self.b[:, None, None]
        return self.activation(out) if self.activation else out

    __call__ = forward


def leaky(x, slope=0.01):
    return np.where(x > 0, x, slope * x)


def conv_stack(image, kernels, pool=2, strides=(1, 1), groups=1):
    """Convolutions, pooling and a global mean: features of a batch of images."""
    x = image
    shapes = [x.shape]
    for k, s in zip(kernels, strides):
        layer = Conv2D(k, bias=np.full(k.shape[0], 0.1), stride=s, padding=k.shape[-1] // 2, groups=groups, activation=leaky)
        x = layer(x)
        shapes.append(x.shape)
    n, c, h, w = x.shape
    h, w = h // pool * pool, w // pool * pool
    x = x[:, :, :h, :w].reshape(n, c, h // pool, pool, w // pool, pool).max(axis=(3, 5))
    return x.mean(axis=(2, 3)), shapes


def gru_cell(x, h, W, U, b):
    z, r, n = np.split(x @ W + b, 3, axis=-1)
    uz, ur, un = np.split(h @ U, 3, axis=-1)
    z = 1 / (1 + np.exp(-(z + uz)))
    r = 1 / (1 + np.exp(-(r + ur)))
    n = np.tanh(n + r * un)
    return (1 - z) * n + z * h


def bidirectional_gru(xs, forward, backward, lengths=None, merge="concat"):
    """A GRU both ways over padded sequences; states past an end are zero. xs: (time, batch, features)."""
    T, B, _ = xs.shape
    H = forward[1].shape[0]
    lengths = np.full(B, T) if lengths is None else np.asarray(lengths)
    outs = []
    for direction, params in (("f", forward), ("b", backward)):
        h = np.zeros((B, H), dtype=xs.dtype)
        out = np.zeros((T, B, H), dtype=xs.dtype)
        steps = range(T) if direction == "f" else range(T - 1, -1, -1)
        for t in steps:
            new = gru_cell(xs[t], h, *params)
            valid = (t < lengths)[:, None]
            h = np.where(valid, new, h)
            out[t] = new * valid
        outs.append((out, h))
    (fo, fh), (bo, bh) = outs
    if merge == "concat":
        return np.concatenate([fo, bo], axis=-1), np.concatenate([fh, bh], axis=-1)
    elif merge == "sum":
        return fo + bo, fh + bh
    raise ValueError(f"merge {merge!r}?")


class BatchNorm:
    def __init__(self, n, momentum=0.1, eps=1e-5):
        self.gamma, self.beta = np.ones(n), np.zeros(n)
        self.running_mean, self.running_var = np.zeros(n), np.ones(n)
        self.momentum, self.eps = momentum, eps
        self.training = True
        self.seen = 0

    def __call__(self, x):
        axes = (0,) if x.ndim == 2 else (0, 2, 3)
        view = (1, -1) if x.ndim == 2 else (1, -1, 1, 1)
        if self.training:
            m, v = x.mean(axis=axes), x.var(axis=axes)
            count = x.size // x.shape[1]
            self.running_mean += self.momentum * (m - self.running_mean)
            self.running_var += self.momentum * (v * count / max(count - 1, 1) - self.running_var)
            self.seen += 1
        else:
            m, v = self.running_mean, self.running_var
        xn = (x - m.reshape(view)) / np.sqrt(v.reshape(view) + self.eps)
        return self.gamma.reshape(view) * xn + self.beta.reshape(view)


def calibrate_norms(batches, test, momentum=0.1):
    """Batch norm trained on a list of batches and then applied to test data; its state."""
    bn = BatchNorm(test.shape[1], momentum)
    spread = []
    for batch in batches:
        y = bn(batch)
        spread.append(float(y.std()))
    bn.training = False
    return bn(test), bn.running_mean, bn.running_var, spread, bn.seen


@dataclass
class Quantised:
    codes: np.ndarray
    error: float
    usage: dict


def vector_quantise(z, codebook, iterations=3, decay=0.9, revive=True):
    """Nearest codes, moved towards what they stand for (exponential averages); dead codes restart on the worst fits."""
    codebook = codebook.copy()
    K = len(codebook)
    count, total = np.ones(K), codebook.copy()
    for it in range(iterations):
        d = (z**2).sum(1, keepdims=True) - 2 * z @ codebook.T + (codebook**2).sum(1)
        idx = d.argmin(axis=1)
        onehot = np.eye(K)[idx]
        count = decay * count + (1 - decay) * onehot.sum(axis=0)
        total = decay * total + (1 - decay) * onehot.T @ z
        codebook = total / count[:, None]
        if revive:
            dead = [k for k in range(K) if not np.any(idx == k)]
            worst = np.argsort(-d[np.arange(len(z)), idx])
            for k, w in zip(dead, worst):
                codebook[k] = z[w]
                total[k], count[k] = z[w], 1.0
    error = float(np.mean((z - codebook[idx]) ** 2))
    codes, n = np.unique(idx, return_counts=True)
    return Quantised(idx, error, {int(c): int(k) for c, k in zip(codes, n)})


def graph_convolution(features, edges, weights, normalise="sym", dropout=0.0, seed=None):
    """Graph convolutions over an edge list, ending in log-probabilities."""
    n = features.shape[0]
    A = np.eye(n)
    for i, j in edges:
        A[i, j] = A[j, i] = 1.0
    deg = A.sum(axis=1)
    if normalise == "sym":
        A = A / np.sqrt(np.outer(deg, deg))
    elif normalise == "rw":
        A = A / deg[:, None]
    rng = np.random.default_rng(seed) if dropout > 0 else None
    h = features
    for depth, W in enumerate(weights):
        if rng is not None:
            keep = rng.random(h.shape) >= dropout
            h = h * keep / (1 - dropout)
        h = A @ h @ W
        if depth < len(weights) - 1:
            h = np.maximum(h, 0, out=h)
    h = h - h.max(axis=1, keepdims=True)
    return h - np.log(np.exp(h).sum(axis=1, keepdims=True))


def beam_search_bigrams(log_start, log_next, width=3, max_len=6, end=0, alpha=0.6):
    """The best sequences of a bigram model with a length penalty; finished ones are set aside."""
    vocab = len(log_start)
    beams = [([t], float(log_start[t])) for t in range(vocab)]
    beams = sorted(beams, key=lambda b: -b[1])[:width]
    finished = []
    for _ in range(max_len - 1):
        candidates = []
        for seq, score in beams:
            if seq[-1] == end:
                finished.append((seq, score / len(seq) ** alpha))
                continue
            for t in range(vocab):
                candidates.append((seq + [t], score + float(log_next[seq[-1], t])))
        if not candidates:
            break
        candidates.sort(key=lambda c: c[1], reverse=True)
        beams = candidates[:width]
    else:
        finished.extend((seq, score / len(seq) ** alpha) for seq, score in beams)
    finished.sort(key=lambda c: c[1], reverse=True)
    return finished[:width]


def skipgram_negative(corpus, dim=4, window=2, negatives=2, lr=0.1, epochs=2, seed=0):
    """word2vec with negative samples drawn by frequency to the ¾; the vectors, a loss by epoch, and the nearest word."""
    words = sorted(set(corpus))
    index = {w: i for i, w in enumerate(words)}
    ids = [index[w] for w in corpus]
    rng = np.random.RandomState(seed)
    freq = np.bincount(ids, minlength=len(words)) ** 0.75
    freq = freq / freq.sum()
    V = rng.uniform(-0.5, 0.5, (len(words), dim)) / dim
    U = np.zeros((len(words), dim))
    losses = []
    for _ in range(epochs):
        total = 0.0
        for pos, centre in enumerate(ids):
            lo, hi = max(0, pos - window), min(len(ids), pos + window + 1)
            for ctx in range(lo, hi):
                if ctx == pos:
                    continue
                targets = [ids[ctx]] + list(rng.choice(len(words), negatives, p=freq))
                labels = np.array([1.0] + [0.0] * negatives)
                u = U[targets]
                p = 1 / (1 + np.exp(-(u @ V[centre])))
                g = (p - labels) * lr
                dv = g @ u
                for k, t in enumerate(targets):
                    U[t] -= g[k] * V[centre]
                V[centre] -= dv
                total -= np.log(p[0] + 1e-12) + np.log(1 - p[1:] + 1e-12).sum()
        losses.append(total)
    norm = V / np.linalg.norm(V, axis=1, keepdims=True)
    sim = norm @ norm.T
    np.fill_diagonal(sim, -2)
    return V, losses, {w: words[sim[index[w]].argmax()] for w in words}


def _gru(rng, n, h, dtype=np.float64):
    return tuple((0.4 * rng.standard_normal(s)).astype(dtype) for s in ((n, 3 * h), (h, 3 * h), (3 * h,)))


def _log_rows(rng, n):
    return np.log(rng.dirichlet(np.ones(n))), np.log(rng.dirichlet(np.ones(n), size=n))


TEXT = "the cat sat on the mat and the dog sat on the rug".split()  # noqa: SIM905  # as anybody writes it
CASES = {
    decoder_blocks: lambda rng: [
        (rng.standard_normal((6, 8)), [init_params(rng, 8, 16) for _ in range(2)]),
        (rng.standard_normal((5, 6)).astype(np.float32), [init_params(rng, 6, 7, 0.2, np.float32)], 3, False, 1, True),
        (rng.standard_normal((3, 8)), [], 4),
        (rng.standard_normal((3, 7)), [], 2),
    ],
    conv_stack: lambda rng: [
        (rng.random((2, 3, 8, 8)), [rng.standard_normal((4, 3, 3, 3)), rng.standard_normal((2, 4, 1, 1))]),
        (rng.random((1, 4, 7, 9)).astype(np.float32), [rng.standard_normal((4, 2, 3, 3)).astype(np.float32)], 1, (2,), 2),
        (rng.random((1, 2, 4, 4)), [rng.standard_normal((2, 3, 3, 3))]),
    ],
    bidirectional_gru: lambda rng: [
        (rng.standard_normal((5, 3, 4)), _gru(rng, 4, 3), _gru(rng, 4, 3)),
        (
            rng.standard_normal((4, 2, 3)).astype(np.float32),
            _gru(rng, 3, 5, np.float32),
            _gru(rng, 3, 5, np.float32),
            [4, 2],
            "sum",
        ),
        (rng.standard_normal((2, 1, 2)), _gru(rng, 2, 2), _gru(rng, 2, 2), None, "mean"),
    ],
    calibrate_norms: lambda rng: [
        ([rng.normal(2, 3, (8, 4)) for _ in range(5)], rng.normal(2, 3, (3, 4))),
        ([rng.random((2, 3, 4, 4)) for _ in range(2)], rng.random((1, 3, 4, 4)), 0.5),
        ([rng.random((1, 2))], rng.random((4, 2)), 1.0),
    ],
    vector_quantise: lambda rng: [
        (rng.standard_normal((20, 3)), rng.standard_normal((5, 3))),
        (rng.standard_normal((6, 2)), 9 + rng.standard_normal((8, 2)), 2, 0.5),
        (rng.random((4, 2)), rng.random((2, 2)), 1, 0.9, False),
    ],
    graph_convolution: lambda rng: [
        (
            rng.standard_normal((6, 3)),
            [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)],
            [rng.standard_normal((3, 4)), rng.standard_normal((4, 2))],
        ),
        (rng.standard_normal((4, 2)), np.array([[0, 1], [2, 3]]), [rng.standard_normal((2, 2))], "rw", 0.4, 5),
        (rng.standard_normal((3, 2)), [], [np.eye(2)] * 3, None),
    ],
    beam_search_bigrams: lambda rng: [_log_rows(rng, 5), (*_log_rows(rng, 4), 2, 4, 1, 0.0), (*_log_rows(rng, 2), 5, 1)],
    skipgram_negative: lambda rng: [(TEXT,), (TEXT[:6], 3, 1, 1, 0.05, 3, 4), (["a", "b", "a"], 2, 1, 3)],
}
