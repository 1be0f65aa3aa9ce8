"""Exercises in arrays, one idea each, as their solutions are usually written; and the layers of small networks."""

import numpy as np


def border(n, inner=0, outer=1):
    Z = np.full((n, n), outer)
    Z[1:-1, 1:-1] = inner
    return np.pad(Z, pad_width=1, mode="constant", constant_values=0)


def checkerboard(rows, cols):
    Z = np.zeros((rows, cols), dtype=int)
    Z[1::2, ::2] = 1
    Z[::2, 1::2] = 1
    return Z, np.tile(np.array([[0, 1], [1, 0]]), (2, 3))


def normalise(Z):
    Zmax, Zmin = Z.max(), Z.min()
    return (Z - Zmin) / (Zmax - Zmin), (Z - np.mean(Z)) / np.std(Z)


def negate_between(Z, low, high):
    Z[(low < Z) & (Z <= high)] *= -1
    return Z


def round_away(Z):
    return np.copysign(np.ceil(np.abs(Z)), Z)


def integer_parts(Z):
    return Z - Z % 1, Z // 1, np.floor(Z), Z.astype(int), np.trunc(Z)


def common_values(a, b):
    return np.intersect1d(a, b), np.setdiff1d(a, b), np.union1d(a, b)


def in_place_arithmetic(A, B):
    np.add(A, B, out=B)
    np.divide(A, 2, out=A)
    np.negative(A, out=A)
    np.multiply(A, B, out=A)
    return A


def open_interval(n):
    return np.linspace(0, 1, n + 1, endpoint=False)[1:]


def small_sum(Z):
    return np.add.reduce(Z)


def polar(Z):
    X, Y = Z[:, 0], Z[:, 1]
    return np.sqrt(X**2 + Y**2), np.arctan2(Y, X)


def replace_maximum(Z, value=0):
    Z[Z.argmax()] = value
    return Z


def grid_coordinates(n):
    Z = np.zeros((n, n), [("x", float), ("y", float)])
    Z["x"], Z["y"] = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n))
    return Z


def cauchy(X, Y):
    C = 1.0 / np.subtract.outer(X, Y)
    return np.linalg.det(C)


def closest_value(Z, v):
    index = (np.abs(Z - v)).argmin()
    return Z.flat[index], index


def pairwise_distances(Z):
    X, Y = np.atleast_2d(Z[:, 0], Z[:, 1])
    return np.sqrt((X - X.T) ** 2 + (Y - Y.T) ** 2)


def enumerate_elements(Z):
    total = 0
    for index, value in np.ndenumerate(Z):
        total += index[0] * value
    for index in np.ndindex(Z.shape):
        total -= Z[index]
    return total


def gaussian_array(n, sigma=1.0, mu=0.0):
    X, Y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n))
    D = np.sqrt(X * X + Y * Y)
    return np.exp(-((D - mu) ** 2 / (2.0 * sigma**2)))


def put_randomly(Z, p, seed=0):
    rng = np.random.default_rng(seed)
    np.put(Z, rng.choice(range(Z.size), p, replace=False), 1)
    return Z


def centre_rows(X):
    return X - X.mean(axis=1, keepdims=True), X - X.mean(axis=0)


def sort_by_column(Z, column=1):
    return Z[Z[:, column].argsort()]


def null_columns(Z):
    return (~Z.any(axis=0)).any(), np.flatnonzero(~Z.any(axis=0))


def accumulate_at(Z, I):
    Z += np.bincount(I, minlength=len(Z))
    np.add.at(Z, I, 10)
    return Z


def weighted_counts(X, I):
    return np.bincount(I, X)


def unique_colours(image):
    w, h, _ = image.shape
    F = image[..., 0].astype(int) * 65536 + image[..., 1].astype(int) * 256 + image[..., 2]
    return len(np.unique(F)), w * h


def sum_last_two(A):
    return A.sum(axis=(-2, -1)), A.reshape(A.shape[:-2] + (-1,)).sum(axis=-1)


def subset_means(D, S):
    D_sums = np.bincount(S, weights=D)
    D_counts = np.bincount(S)
    return D_sums / D_counts


def diagonal_of_product(A, B):
    return np.sum(A * B.T, axis=1), np.einsum("ij,ji->i", A, B)


def interleave_zeros(Z, nz=3):
    Z0 = np.zeros(len(Z) + (len(Z) - 1) * nz)
    Z0[:: nz + 1] = Z
    return Z0


def swap_rows(A):
    A[[0, 1]] = A[[1, 0]]
    return A


def triangle_edges(faces):
    F = np.roll(faces.repeat(2, axis=1), -1, axis=1)
    F = F.reshape(len(F) * 3, 2)
    F = np.sort(F, axis=1)
    G = F[:, 0] * 1000 + F[:, 1]
    return np.unique(G)


def from_counts(C):
    return np.repeat(np.arange(len(C)), C)


def sliding_average(a, n=3):
    ret = np.cumsum(a, dtype=float)
    ret[n:] = ret[n:] - ret[:-n]
    return ret[n - 1 :] / n


def rolling_rows(Z, width):
    return np.array([Z[k : k + width] for k in range(len(Z) - width + 1)])


def rank(Z, tolerance=1e-10):
    U, S, V = np.linalg.svd(Z)
    return np.sum(S > tolerance)


def most_frequent(Z):
    return np.bincount(Z).argmax()


def blocks(Z, k):
    return np.add.reduceat(np.add.reduceat(Z, np.arange(0, Z.shape[0], k), axis=0), np.arange(0, Z.shape[1], k), axis=1)


def block_means(Z, k):
    rows, cols = Z.shape[0] // k, Z.shape[1] // k
    return Z[: rows * k, : cols * k].reshape(rows, k, cols, k).mean(axis=(1, 3))


def life_padded(Z):
    N = Z[0:-2, 0:-2] + Z[0:-2, 1:-1] + Z[0:-2, 2:] + Z[1:-1, 0:-2] + Z[1:-1, 2:] + Z[2:, 0:-2] + Z[2:, 1:-1] + Z[2:, 2:]
    birth = (N == 3) & (Z[1:-1, 1:-1] == 0)
    survive = ((N == 2) | (N == 3)) & (Z[1:-1, 1:-1] == 1)
    Z[...] = 0
    Z[1:-1, 1:-1][birth | survive] = 1
    return Z


def largest(Z, n):
    return Z[np.argsort(Z)[-n:]], Z[np.argpartition(-Z, n)[:n]].sum()


def cartesian(arrays):
    arrays = [np.asarray(a) for a in arrays]
    shape = (len(x) for x in arrays)
    ix = np.indices(shape, dtype=int)
    ix = ix.reshape(len(arrays), -1).T
    for n, arr in enumerate(arrays):
        ix[:, n] = arrays[n][ix[:, n]]
    return ix


def rows_with_unequal(Z):
    E = np.all(Z[:, 1:] == Z[:, :-1], axis=1)
    return Z[~E], Z[Z.max(axis=1) != Z.min(axis=1), :]


def to_binary(I):
    return ((I.reshape(-1, 1) & (2 ** np.arange(8))) != 0).astype(int)[:, ::-1]


def unique_rows(Z):
    return np.unique(Z, axis=0)


def einsums(A, B):
    return np.einsum("i->", A), np.einsum("i,i->i", A, B), np.einsum("i,i", A, B), np.einsum("i,j->ij", A, B)


def path_lengths(x, y, n):
    dr = (np.diff(x) ** 2 + np.diff(y) ** 2) ** 0.5
    r = np.zeros_like(x)
    r[1:] = np.cumsum(dr)
    r_int = np.linspace(0, r.max(), n)
    return np.interp(r_int, r, x), np.interp(r_int, r, y)


def multinomial_rows(X, n):
    M = np.logical_and.reduce(np.mod(X, 1) == 0, axis=-1)
    M &= X.sum(axis=-1) == n
    return X[M]


def bootstrap_means(X, N, seed):
    idx = np.random.default_rng(seed).integers(0, X.size, (N, X.size))
    means = X[idx].mean(axis=1)
    return np.percentile(means, [2.5, 97.5])


def forward_fill(Z):
    """NaN takes the last value before it."""
    for i in range(1, len(Z)):
        if np.isnan(Z[i]):
            Z[i] = Z[i - 1]
    return Z


def first_per_group(keys, values):
    seen = {}
    for k, v in zip(keys.tolist(), values.tolist()):
        seen.setdefault(k, v)
    return seen


# Layers ------------------------------------------------------------------------------------------------------------
def l2_normalise(x, axis=-1, eps=1e-8):
    return x / (np.linalg.norm(x, axis=axis, keepdims=True) + eps)


def log_softmax(x, axis=-1):
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def clip_loss(image_features, text_features, W_i, W_t, t):
    """Contrastive loss of paired embeddings, in both directions."""
    I_e = l2_normalise(image_features @ W_i, axis=1)
    T_e = l2_normalise(text_features @ W_t, axis=1)
    logits = (I_e @ T_e.T) * np.exp(t)
    labels = np.arange(len(logits))
    loss_i = -log_softmax(logits, axis=0)[labels, labels].mean()
    loss_t = -log_softmax(logits, axis=1)[labels, labels].mean()
    return (loss_i + loss_t) / 2, logits.argmax(axis=1)


def relu_in_place(x):
    np.maximum(x, 0, out=x)
    return x


def conv2d_nhwc(inp, weights):
    K = weights.shape[0]
    N, H, W, C_in = inp.shape
    H_out, W_out, C_out = H - K + 1, W - K + 1, weights.shape[3]
    output = np.empty((N, H_out, W_out, C_out), dtype=inp.dtype)
    for i in range(H_out):
        for j in range(W_out):
            output[:, i, j, :] = np.sum(
                inp[:, i : i + K, j : j + K, :, np.newaxis] * weights[np.newaxis, :, :, :],
                axis=(1, 2, 3),
            )
    return output


def maxpool2d(x):
    output = np.empty([x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3]], dtype=x.dtype)
    for i in range(x.shape[1] // 2):
        for j in range(x.shape[2] // 2):
            output[:, i, j, :] = np.max(x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, :], axis=(1, 2))
    return output


def lenet(inp, conv1, conv1bias, conv2, conv2bias, fc1w, fc1b, fc2w, fc2b, N):
    x = np.maximum(conv2d_nhwc(inp, conv1) + conv1bias, 0)
    x = maxpool2d(x)
    x = np.maximum(conv2d_nhwc(x, conv2) + conv2bias, 0)
    x = maxpool2d(x)
    x = np.reshape(x, (N, -1))
    x = np.maximum(x @ fc1w + fc1b, 0)
    return x @ fc2w + fc2b


def batchnorm2d(x, eps=1e-5):
    mean = np.mean(x, axis=0, keepdims=True)
    std = np.std(x, axis=0, keepdims=True)
    return (x - mean) / np.sqrt(std + eps)


def resnet_block(inp, conv1, conv2, conv3):
    padded = np.zeros((inp.shape[0], inp.shape[1] + 2, inp.shape[2] + 2, conv1.shape[3]), dtype=inp.dtype)
    padded[:, 1:-1, 1:-1, :] = conv2d_nhwc(inp, conv1)
    x = relu_in_place(batchnorm2d(padded))
    x = conv2d_nhwc(x, conv2)
    x = relu_in_place(batchnorm2d(x))
    x = conv2d_nhwc(x, conv3)
    return relu_in_place(batchnorm2d(x) + inp)


def softmax_stable(x):
    tmp_max = np.max(x, axis=-1, keepdims=True)
    tmp_out = np.exp(x - tmp_max)
    return tmp_out / np.sum(tmp_out, axis=-1, keepdims=True)


def mlp_three(inp, w1, b1, w2, b2, w3, b3):
    x = relu_in_place(inp @ w1 + b1)
    x = relu_in_place(x @ w2 + b2)
    return softmax_stable(x @ w3 + b3)


def random(rng, *shape, dtype=np.float64):
    return rng.random(shape).astype(dtype)


def lenet_arguments(rng, n, h, dtype=np.float32):
    w = lambda *shape: random(rng, *shape, dtype=dtype) - dtype(0.5)
    flat = (((h - 4) // 2 - 4) // 2) ** 2 * 4
    return (w(n, h, h, 1), w(5, 5, 1, 3), w(3), w(5, 5, 3, 4), w(4), w(flat, 9), w(9), w(9, 5), w(5), n)


def layers(rng, n, *widths, dtype=np.float64):
    w = lambda *shape: random(rng, *shape, dtype=dtype)
    return (w(n, widths[0]), *(p for a, b in zip(widths, widths[1:]) for p in (w(a, b), w(b))))


CASES = {
    border: lambda r: [(8,), (1,), (2, 5, 7.5), (0,)],
    checkerboard: lambda r: [(8, 8), (1, 1), (0, 3), (3, 5)],
    normalise: lambda r: [(r.random((20, 30)),), (np.arange(5),), (np.ones(1),), (np.zeros(0),)],
    negate_between: lambda r: [(np.arange(11), 3, 8), (r.random(40), 0.2, 0.5), (np.zeros(0), 1, 2)],
    round_away: lambda r: [(r.uniform(-10, 10, 100),), (np.array([-0.0, 0.5], np.float32),), (np.arange(-2, 2),)],
    integer_parts: lambda r: [(r.uniform(0, 10, 50),), (r.uniform(-3, 3, 7).astype(np.float32),), (np.zeros(0),)],
    common_values: lambda r: [
        (r.integers(0, 10, 20), r.integers(0, 10, 20)),
        (np.zeros(0), np.ones(2)),
        (np.arange(3.0), np.arange(2)),
    ],
    in_place_arithmetic: lambda r: [
        (np.ones(300), np.full(300, 2.0)),
        (np.ones(3, np.float32), np.ones(3)),
        (np.ones(3, int), np.ones(3, int)),
    ],
    open_interval: lambda r: [(11,), (0,), (1,)],
    small_sum: lambda r: [(np.arange(10),), (r.random((4, 3)),), (np.zeros(0, np.int8),), (r.random(4).astype(np.float32),)],
    polar: lambda r: [(r.random((100, 2)),), (np.zeros((1, 2), np.float32),), (np.zeros((0, 2)),)],
    replace_maximum: lambda r: [(r.random(100),), (np.array([1, 3, 3]), 7), (np.zeros(0),)],
    grid_coordinates: lambda r: [(5,), (1,)],
    cauchy: lambda r: [(np.arange(8), np.arange(8) + 0.5), (np.array([1.0]), np.array([3])), (np.arange(2), np.arange(2))],
    closest_value: lambda r: [(np.arange(100), 42.3), (r.random((4, 5)), 0.5), (np.zeros(0), 1)],
    pairwise_distances: lambda r: [
        (r.random((40, 2)),),
        (np.zeros((1, 2)),),
        (r.random((0, 2)),),
        (r.random((5, 2)).astype(np.float32),),
    ],
    enumerate_elements: lambda r: [(r.random((6, 7)),), (np.arange(4).reshape(2, 2),), (np.zeros((0, 3)),), (r.random(5),)],
    gaussian_array: lambda r: [(30,), (1,), (4, 0.5, 0.1)],
    put_randomly: lambda r: [(np.zeros((10, 10)), 3), (np.zeros(4, int), 4, 7), (np.zeros(2), 3)],
    centre_rows: lambda r: [(r.random((15, 20)),), (np.arange(6).reshape(2, 3),), (r.random((1, 1)).astype(np.float32),)],
    sort_by_column: lambda r: [
        (r.integers(0, 10, (30, 3)),),
        (r.random((5, 2)), 0),
        (np.zeros((0, 2)),),
        (r.random((3, 3)), 5),
    ],
    null_columns: lambda r: [(r.integers(0, 3, (3, 10)),), (np.ones((2, 2)),), (np.zeros((0, 2)),)],
    accumulate_at: lambda r: [
        (np.ones(10), r.integers(0, 10, 20)),
        (np.ones(3), np.zeros(0, int)),
        (np.ones(3), np.array([5])),
        (np.zeros(4, int), np.array([1, 1])),
    ],
    weighted_counts: lambda r: [
        (r.random(50), r.integers(0, 9, 50)),
        (np.array([1, 2]), np.array([3, 3])),
        (np.zeros(0), np.zeros(0, int)),
        (np.ones(2), np.array([-1, 2])),
    ],
    unique_colours: lambda r: [
        (r.integers(0, 4, (20, 30, 3)).astype(np.uint8),),
        (np.zeros((1, 1, 3), np.uint8),),
        (np.zeros((0, 2, 3), np.uint8),),
    ],
    sum_last_two: lambda r: [
        (r.integers(0, 10, (3, 4, 3, 4)),),
        (r.random((2, 3)),),
        (r.random((2, 0, 3)).astype(np.float32),),
    ],
    subset_means: lambda r: [
        (r.random(100), r.integers(0, 10, 100)),
        (np.ones(2), np.array([0, 2])),
        (np.zeros(0), np.zeros(0, int)),
    ],
    diagonal_of_product: lambda r: [
        (r.random((15, 15)), r.random((15, 15))),
        (np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2)),
        (np.zeros((0, 2)), np.zeros((2, 0))),
    ],
    interleave_zeros: lambda r: [(np.arange(1, 30),), (np.array([1.5]), 2), (np.arange(4), 0), (np.zeros(0),)],
    swap_rows: lambda r: [(np.arange(25).reshape(5, 5),), (r.random((2, 1)),), (np.zeros((1, 3)),)],
    triangle_edges: lambda r: [(r.integers(0, 100, (10, 3)),), (np.array([[1, 2, 3]]),), (np.zeros((0, 3), int),)],
    from_counts: lambda r: [(r.integers(0, 4, 20),), (np.array([0]),), (np.zeros(0, int),), (np.array([-1]),)],
    sliding_average: lambda r: [(np.arange(200.0),), (r.random(9).astype(np.float32), 2), (np.arange(3), 3), (np.zeros(1), 3)],
    rolling_rows: lambda r: [(np.arange(10), 3), (r.random(4), 4), (r.random(2), 4), (r.random((5, 2)), 2)],
    rank: lambda r: [(r.random((10, 10)),), (np.ones((4, 3)),), (np.zeros((2, 2)),)],
    most_frequent: lambda r: [(r.integers(0, 10, 50),), (np.array([3]),), (np.zeros(0, int),)],
    blocks: lambda r: [(np.ones((16, 16)), 4), (np.arange(30).reshape(5, 6), 2), (r.random((1, 1)), 3)],
    block_means: lambda r: [
        (r.random((32, 24)), 4),
        (np.arange(30).reshape(5, 6), 2),
        (r.random((3, 3)).astype(np.float32), 1),
        (r.random((1, 1)), 3),
    ],
    life_padded: lambda r: [(r.integers(0, 2, (50, 40)),), (np.zeros((2, 2), int),), (np.ones((4, 5), np.uint8),)],
    largest: lambda r: [(r.random(100), 5), (r.permutation(9), 1), (r.random(3), 3)],
    cartesian: lambda r: [(([1, 2, 3], [4, 5], [6, 7]),), (([1],),), ((np.arange(3), np.arange(0)),)],
    rows_with_unequal: lambda r: [(r.integers(0, 3, (40, 3)),), (np.ones((2, 4)),), (np.zeros((0, 3)),), (np.zeros((3, 1)),)],
    to_binary: lambda r: [(np.array([0, 1, 2, 3, 15, 16, 32, 64, 128]),), (np.array([255], np.uint8),), (np.zeros(0, int),)],
    unique_rows: lambda r: [(r.integers(0, 2, (20, 3)),), (np.ones((1, 2)),)],
    einsums: lambda r: [
        (r.random(30), r.random(30)),
        (np.arange(3), np.arange(3.0)),
        (np.zeros(0), np.zeros(0)),
        (np.ones(2), np.ones(3)),
    ],
    path_lengths: lambda r: [
        (np.sin(np.arange(0, 10, 0.1)), np.cos(np.arange(0, 10, 0.1)), 40),
        (np.zeros(1), np.zeros(1), 3),
        (np.arange(2.0), np.arange(2.0), 0),
    ],
    multinomial_rows: lambda r: [
        (np.array([[1.0, 0.0, 3.0, 8.0], [2.0, 0.0, 1.0, 1.0], [1.5, 2.5, 1.0, 0.0]]), 4),
        (np.zeros((0, 2)), 1),
        (r.integers(0, 3, (9, 3)), 3),
    ],
    bootstrap_means: lambda r: [(r.random(60), 200, 1), (np.ones(1), 3, 0), (r.random(5).astype(np.float32), 9, 2)],
    forward_fill: lambda r: [
        (np.where(r.random(60) < 0.4, np.nan, 1.0) * r.random(60),),
        (np.array([np.nan, 1], np.float32),),
        (np.zeros(0),),
        (np.arange(3),),
    ],
    first_per_group: lambda r: [
        (r.integers(0, 5, 20), r.random(20)),
        (np.zeros(0), np.zeros(0)),
        (np.array([1, 1]), np.array([3, 4])),
    ],
    clip_loss: lambda r: [
        (r.random((16, 30)), r.random((16, 20)), r.random((30, 12)), r.random((20, 12)), 0.5),
        tuple(random(r, 2, 2, dtype=np.float32) for _ in range(4)) + (1,),
        (r.random((1, 3)), r.random((1, 3)), r.random((3, 1)), r.random((3, 1)), 0.0),
    ],
    conv2d_nhwc: lambda r: [
        (random(r, 2, 12, 12, 3, dtype=np.float32), random(r, 3, 3, 3, 4, dtype=np.float32)),
        (r.random((1, 2, 2, 1)), r.random((2, 2, 1, 1))),
        (r.random((1, 5, 6, 2)), r.random((1, 1, 2, 3))),
    ],
    maxpool2d: lambda r: [
        (random(r, 2, 12, 12, 3, dtype=np.float32),),
        (r.random((1, 3, 2, 1)),),
        (r.integers(0, 9, (1, 1, 1, 1)),),
    ],
    lenet: lambda r: [lenet_arguments(r, 2, 16), lenet_arguments(r, 1, 20, np.float64)],
    batchnorm2d: lambda r: [(random(r, 4, 8, 8, 3, dtype=np.float32),), (r.random((1, 2, 2, 1)),)],
    resnet_block: lambda r: [
        (random(r, 3, 8, 8, 6), random(r, 1, 1, 6, 2), random(r, 3, 3, 2, 2), random(r, 1, 1, 2, 6)),
        tuple(random(r, *s, dtype=np.float32) for s in ((1, 3, 3, 2), (1, 1, 2, 1), (3, 3, 1, 1), (1, 1, 1, 2))),
    ],
    mlp_three: lambda r: [layers(r, 8, 30, 40, 20, 10), layers(r, 1, 1, 1, 1, 1, dtype=np.float32), layers(r, 0, 2, 3, 4, 5)],
}
