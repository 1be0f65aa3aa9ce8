"""Pictures, sound, networks and codes as people post them: one function with its helpers each."""

from __future__ import annotations

import math
import struct

import numpy as np


def demosaic_bilinear(raw, pattern="RGGB"):
    """A colour picture from a Bayer mosaic by averaging neighbours of each colour."""
    h, w = raw.shape
    if h % 2 or w % 2:
        raise ValueError("odd size")
    dtype = raw.dtype
    masks = {c: np.zeros((h, w)) for c in "RGB"}
    for c, (i, j) in zip(pattern, [(0, 0), (0, 1), (1, 0), (1, 1)]):
        masks[c][i::2, j::2] = 1.0
    out = np.zeros((h, w, 3))
    for k, c in enumerate("RGB"):
        plane = np.pad(raw * masks[c], 1)
        weight = np.pad(masks[c], 1)
        num, den = np.zeros((h, w)), np.zeros((h, w))
        for di in range(3):
            for dj in range(3):
                f = (1, 2, 1)[di] * (1, 2, 1)[dj] / 4
                num += f * plane[di : di + h, dj : dj + w]
                den += f * weight[di : di + h, dj : dj + w]
        full = num / den
        full[masks[c] == 1] = raw[masks[c] == 1]
        out[..., k] = full
    if np.issubdtype(dtype, np.integer):
        return np.clip(np.rint(out), 0, np.iinfo(dtype).max).astype(dtype)
    return out.astype(dtype)


def _box(img, r):
    """Sums over windows of 2r+1 by cumulative sums along both axes."""
    h, w = img.shape
    out = np.zeros_like(img)
    c = np.cumsum(img, axis=0)
    out[: r + 1] = c[r : 2 * r + 1]
    out[r + 1 : h - r] = c[2 * r + 1 :] - c[: h - 2 * r - 1]
    out[h - r :] = c[-1] - c[h - 2 * r - 1 : h - r - 1]
    c = np.cumsum(out, axis=1)
    out[:, : r + 1] = c[:, r : 2 * r + 1]
    out[:, r + 1 : w - r] = c[:, 2 * r + 1 :] - c[:, : w - 2 * r - 1]
    out[:, w - r :] = c[:, -1:] - c[:, w - 2 * r - 1 : w - r - 1]
    return out


def guided_filter(I, p, r=2, eps=1e-2):
    """He's edge-preserving smoothing of p guided by I."""
    assert I.shape == p.shape and min(I.shape) > 2 * r + 1
    N = _box(np.ones_like(I), r)
    mean_I, mean_p = _box(I, r) / N, _box(p, r) / N
    cov = _box(I * p, r) / N - mean_I * mean_p
    var = _box(I * I, r) / N - mean_I * mean_I
    a = cov / (var + eps)
    b = mean_p - a * mean_I
    return _box(a, r) / N * I + _box(b, r) / N


def horn_schunck(first, second, alpha=1.0, iterations=20, tol=None):
    """Dense optical flow; None for tol runs all iterations."""
    f1, f2 = first.astype(np.float64), second.astype(np.float64)
    fx, fy = np.zeros_like(f1), np.zeros_like(f1)
    fx[:, :-1] = 0.5 * ((f1[:, 1:] - f1[:, :-1]) + (f2[:, 1:] - f2[:, :-1]))
    fy[:-1] = 0.5 * ((f1[1:] - f1[:-1]) + (f2[1:] - f2[:-1]))
    ft = f2 - f1
    u, v = np.zeros_like(f1), np.zeros_like(f1)

    def average(a):
        p = np.pad(a, 1, mode="edge")
        cross = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]
        diagonal = p[:-2, :-2] + p[:-2, 2:] + p[2:, :-2] + p[2:, 2:]
        return cross / 6 + diagonal / 12

    for k in range(iterations):
        ub, vb = average(u), average(v)
        der = (fx * ub + fy * vb + ft) / (alpha**2 + fx**2 + fy**2)
        un, vn = ub - fx * der, vb - fy * der
        if tol is not None:
            change = max(np.abs(un - u).max(), np.abs(vn - v).max())
            if change < tol:
                return un, vn, k + 1
        u, v = un, vn
    return u, v, iterations


def perona_malik(img, niter=10, kappa=0.1, gamma=0.1, option=1):
    """Anisotropic diffusion, the widely copied MATLAB translation."""
    if img.ndim == 3:
        print("only one channel is used")
        img = img.mean(2)
    imgout = img.astype("float32").copy()
    deltaS = np.zeros_like(imgout)
    deltaE = deltaS.copy()
    NS = deltaS.copy()
    EW = deltaS.copy()
    gS = np.ones_like(imgout)
    gE = gS.copy()
    for _ in range(niter):
        deltaS[:-1, :] = np.diff(imgout, axis=0)
        deltaE[:, :-1] = np.diff(imgout, axis=1)
        if option == 1:
            gS = np.exp(-((deltaS / kappa) ** 2.0))
            gE = np.exp(-((deltaE / kappa) ** 2.0))
        elif option == 2:
            gS = 1.0 / (1.0 + (deltaS / kappa) ** 2.0)
            gE = 1.0 / (1.0 + (deltaE / kappa) ** 2.0)
        E = gE * deltaE
        S = gS * deltaS
        NS[:] = S
        EW[:] = E
        NS[1:, :] -= S[:-1, :]
        EW[:, 1:] -= E[:, :-1]
        imgout += gamma * (NS + EW)
    return imgout


def nl_means(img, patch=1, search=3, h=0.1):
    """Buades' denoising, pixel by pixel."""
    n, m = img.shape
    padded = np.pad(img, patch, mode="reflect")
    out = np.empty_like(img)
    for i in range(n):
        for j in range(m):
            here = padded[i : i + 2 * patch + 1, j : j + 2 * patch + 1]
            total, weights, largest = 0.0, 0.0, 0.0
            for k in range(max(i - search, 0), min(i + search + 1, n)):
                for l in range(max(j - search, 0), min(j + search + 1, m)):
                    if k == i and l == j:
                        continue
                    there = padded[k : k + 2 * patch + 1, l : l + 2 * patch + 1]
                    d2 = np.mean((here - there) ** 2)
                    w = math.exp(-max(d2, 0.0) / h**2)
                    largest = max(w, largest)
                    total += w * img[k, l]
                    weights += w
            total += (largest or 1.0) * img[i, j]
            weights += largest or 1.0
            out[i, j] = total / weights
    return out


def rgb_to_hsv(rgb):
    """Hue, saturation and value between 0 and 1, as in colorsys but for whole pictures."""
    arr = np.asarray(rgb)
    if arr.shape[-1] != 3:
        raise ValueError(f"Last dimension of input array must be 3; shape {arr.shape} was found.")
    in_shape = arr.shape
    arr = np.array(arr, dtype=np.promote_types(arr.dtype, np.float32), ndmin=2)
    out = np.zeros_like(arr)
    arr_max = arr.max(-1)
    ipos = arr_max > 0
    delta = np.ptp(arr, -1)
    s = np.zeros_like(delta)
    s[ipos] = delta[ipos] / arr_max[ipos]
    ipos = delta > 0
    idx = (arr[..., 0] == arr_max) & ipos
    out[idx, 0] = (arr[idx, 1] - arr[idx, 2]) / delta[idx]
    idx = (arr[..., 1] == arr_max) & ipos
    out[idx, 0] = 2.0 + (arr[idx, 2] - arr[idx, 0]) / delta[idx]
    idx = (arr[..., 2] == arr_max) & ipos
    out[idx, 0] = 4.0 + (arr[idx, 0] - arr[idx, 1]) / delta[idx]
    out[..., 0] = (out[..., 0] / 6.0) % 1.0
    out[..., 1] = s
    out[..., 2] = arr_max
    return out.reshape(in_shape)


def poisson_blend(source, target, mask, tol=1e-4, max_iterations=200):
    """The source's gradients inside the mask, the target's values around it: Jacobi until it settles."""
    out = np.where(mask, 0.0, target)
    inside = mask.copy()
    inside[[0, -1], :] = False
    inside[:, [0, -1]] = False
    guide = np.zeros_like(out)
    guide[1:-1, 1:-1] = 4 * source[1:-1, 1:-1] - source[:-2, 1:-1] - source[2:, 1:-1] - source[1:-1, :-2] - source[1:-1, 2:]
    err, it = np.inf, 0
    while err > tol and it < max_iterations:
        new = out.copy()
        new[1:-1, 1:-1] = (out[:-2, 1:-1] + out[2:, 1:-1] + out[1:-1, :-2] + out[1:-1, 2:] + guide[1:-1, 1:-1]) / 4
        new[~inside] = out[~inside]
        err = np.max(np.abs(new - out), initial=0.0)
        out = new
        it += 1
    return out, it, err


def costas_loop(signal, fs, f0, bandwidth=0.02, damping=0.707):
    """Carrier recovery for BPSK: a numerically controlled oscillator that follows the phase."""
    theta, freq = 0.0, 2 * np.pi * f0 / fs
    d = 1 + 2 * damping * bandwidth + bandwidth**2
    alpha, beta = 4 * damping * bandwidth / d, 4 * bandwidth**2 / d
    n = len(signal)
    phases, errors = np.zeros(n), np.zeros(n)
    out = np.zeros(n, dtype=complex)
    i_filter = q_filter = 0.0
    for k in range(n):
        i = signal[k] * math.cos(theta)
        q = -signal[k] * math.sin(theta)
        i_filter = 0.8 * i_filter + 0.2 * i
        q_filter = 0.8 * q_filter + 0.2 * q
        error = (1 if i_filter > 0 else -1) * q_filter
        freq += beta * error
        theta += freq + alpha * error
        while theta >= 2 * np.pi:
            theta -= 2 * np.pi
        out[k] = complex(i_filter, q_filter)
        phases[k], errors[k] = theta, error
    return out, phases, errors, freq * fs / (2 * np.pi)


def phase_vocoder(x, rate, n_fft=64, hop=16):
    """Time stretched without changing the pitch."""
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(n_fft) / n_fft))
    frames = 1 + (len(x) - n_fft) // hop
    if frames < 3:
        return x.copy()
    D = np.empty((n_fft // 2 + 1, frames), dtype=complex)
    for t in range(frames):
        D[:, t] = np.fft.rfft(window * x[t * hop : t * hop + n_fft])
    steps = np.arange(0, frames - 1, rate)
    advance = 2 * np.pi * hop * np.arange(n_fft // 2 + 1) / n_fft
    phase = np.angle(D[:, 0])
    out = np.zeros(n_fft + hop * (len(steps) - 1))
    norm = np.zeros_like(out)
    for t, step in enumerate(steps):
        left = D[:, int(step)]
        right = D[:, int(step) + 1]
        frac = step % 1.0
        magnitude = (1 - frac) * np.abs(left) + frac * np.abs(right)
        out[t * hop : t * hop + n_fft] += window * np.fft.irfft(magnitude * np.exp(1j * phase), n_fft)
        norm[t * hop : t * hop + n_fft] += window**2
        change = np.angle(right) - np.angle(left) - advance
        change -= 2 * np.pi * np.round(change / (2 * np.pi))
        phase = phase + advance + change
    good = norm > 1e-8
    out[good] /= norm[good]
    return out


def matching_pursuit(D, y, k=None, tol=1e-6, orthogonal=True):
    """A few columns of a dictionary that add up to y, and how the residual fell."""
    n = D.shape[1]
    k = k if k is not None else n
    norms = np.linalg.norm(D, axis=0)
    support, x = [], np.zeros(n)
    residual = y.astype(float).copy()
    history = [np.linalg.norm(residual)]
    while len(history) <= k and history[-1] > tol:
        c = D.T @ residual / norms
        j = int(np.argmax(np.abs(c)))
        if orthogonal:
            if j in support:
                break
            support.append(j)
            coef, *_ = np.linalg.lstsq(D[:, support], y, rcond=None)
            x[:] = 0
            x[support] = coef
            residual = y - D[:, support] @ coef
        else:
            if j not in support:
                support.append(j)
            x[j] += c[j] / norms[j]
            residual = residual - c[j] / norms[j] * D[:, j]
        history.append(np.linalg.norm(residual))
    return x, support, np.array(history)


def _silu(x):
    return x / (1 + np.exp(-x))


def ddpm_sample(params, shape, timesteps=10, eta=1.0, seed=0):
    """Ancestral sampling from a diffusion model whose noise is predicted by a small network."""
    rng = np.random.default_rng(seed)
    betas = np.linspace(1e-4, 0.2, timesteps)
    alphas = 1.0 - betas
    bar = np.cumprod(alphas)
    bar_prev = np.append(1.0, bar[:-1])
    half = params["time"].shape[0] // 2
    freqs = np.exp(-np.log(10000) * np.arange(half) / half)

    def predict(x, t):
        emb = np.concatenate([np.sin(t * freqs), np.cos(t * freqs)])
        h = _silu(x @ params["w1"] + params["b1"] + emb @ params["time"])
        h = h + _silu(h @ params["w2"])
        return h @ params["w3"]

    x = rng.standard_normal(shape)
    trajectory = [x]
    for t in reversed(range(timesteps)):
        eps = predict(x, t)
        x0 = (x - np.sqrt(1 - bar[t]) * eps) / np.sqrt(bar[t])
        x0 = np.clip(x0, -1, 1)
        mean = betas[t] * np.sqrt(bar_prev[t]) / (1 - bar[t]) * x0
        mean += (1 - bar_prev[t]) * np.sqrt(alphas[t]) / (1 - bar[t]) * x
        if t > 0:
            variance = eta * betas[t] * (1 - bar_prev[t]) / (1 - bar[t])
            x = mean + np.sqrt(variance) * rng.standard_normal(shape)
        else:
            x = mean
        trajectory.append(x)
    return x, np.stack(trajectory).std(axis=(1, 2))


def positional(x, L):
    out = [x]
    for i in range(L):
        for fn in (np.sin, np.cos):
            out.append(fn(2.0**i * x))
    return np.concatenate(out, axis=-1)


def nerf_render(origins, directions, net, near=0.5, far=3.0, samples=16, L=2, white=True):
    """Colours, depths and opacities of rays through a radiance field, by quadrature."""
    directions = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    t = np.linspace(near, far, samples)
    pts = origins[:, None] + directions[:, None] * t[:, None]
    h = positional(pts.reshape(-1, 3), L)
    for W, b in net[:-1]:
        h = np.maximum(h @ W + b, 0)
    W, b = net[-1]
    raw = (h @ W + b).reshape(len(origins), samples, 4)
    rgb = 1 / (1 + np.exp(-raw[..., :3]))
    sigma = np.maximum(raw[..., 3], 0)
    dists = np.concatenate([np.diff(t), [1e10]])
    alpha = 1 - np.exp(-sigma * dists)
    trans = np.cumprod(np.concatenate([np.ones((len(origins), 1)), 1 - alpha + 1e-10], axis=-1), axis=-1)[:, :-1]
    weights = alpha * trans
    colour = (weights[..., None] * rgb).sum(-2)
    depth = (weights * t).sum(-1)
    acc = weights.sum(-1)
    if white:
        colour = colour + (1 - acc[:, None])
    return {"rgb": colour, "depth": depth, "acc": acc}


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


def mamba_block(x, p, state=None):
    """A selective state space layer: causal depthwise convolution, the scan over time, and its gate."""
    T, d = x.shape
    xz = x @ p["in"]
    u, z = np.split(xz, 2, axis=-1)
    width = p["conv"].shape[0]
    padded = np.concatenate([np.zeros((width - 1, u.shape[1]), dtype=u.dtype), u])
    conv = np.zeros_like(u)
    for i in range(width):
        conv += padded[i : i + T] * p["conv"][i]
    u = _silu(conv)
    n = p["A"].shape[1]
    dbc = u @ p["x"]
    dt, B, C = dbc[:, : -2 * n], dbc[:, -2 * n : -n], dbc[:, -n:]
    delta = softplus(dt @ p["dt"] + p["dt_bias"])
    A = -np.exp(p["A"])
    h = np.zeros((u.shape[1], n), dtype=x.dtype) if state is None else state
    ys = []
    for t in range(T):
        dA = np.exp(delta[t][:, None] * A)
        dB = delta[t][:, None] * B[t]
        h = dA * h + dB * u[t][:, None]
        ys.append(h @ C[t])
    y = np.stack(ys) + u * p["D"]
    y = y * _silu(z)
    return y @ p["out"], h


def rbm_cd1(data, hidden=8, epochs=3, batch=5, lr=0.1, momentum=0.5, seed=0):
    """A restricted Boltzmann machine trained by contrastive divergence."""
    rng = np.random.default_rng(seed)
    n, visible = data.shape
    W = 0.1 * rng.standard_normal((visible, hidden))
    vb, hb = np.zeros(visible), np.zeros(hidden)
    dW = np.zeros_like(W)
    errors = []
    for epoch in range(epochs):
        order = rng.permutation(n)
        error = 0.0
        for start in range(0, n, batch):
            v0 = data[order[start : start + batch]]
            p0 = 1.0 / (1.0 + np.exp(-(v0 @ W + hb)))
            h0 = (p0 > rng.random(p0.shape)).astype(float)
            v1 = 1.0 / (1.0 + np.exp(-(h0 @ W.T + vb)))
            p1 = 1.0 / (1.0 + np.exp(-(v1 @ W + hb)))
            dW = momentum * dW + lr * (v0.T @ p0 - v1.T @ p1) / len(v0)
            W += dW
            vb += lr * (v0 - v1).mean(axis=0)
            hb += lr * (p0 - p1).mean(axis=0)
            error += ((v0 - v1) ** 2).sum()
        errors.append(error / n)
        if epoch > 0 and errors[-1] > errors[-2]:
            lr *= 0.5
    return W, vb, hb, errors


SHIFTS = [7, 12, 17, 22] * 4 + [5, 9, 14, 20] * 4 + [4, 11, 16, 23] * 4 + [6, 10, 15, 21] * 4
SINES = [int(abs(math.sin(i + 1)) * 2**32) & 0xFFFFFFFF for i in range(64)]


def _rotate_left(x, amount):
    x &= 0xFFFFFFFF
    return ((x << amount) | (x >> (32 - amount))) & 0xFFFFFFFF


def md5_digest(message):
    """RFC 1321, as Rosetta Code has it."""
    message = bytearray(message)
    bits = (8 * len(message)) & 0xFFFFFFFFFFFFFFFF
    message.append(0x80)
    while len(message) % 64 != 56:
        message.append(0)
    message += struct.pack("<Q", bits)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for start in range(0, len(message), 64):
        a, b, c, d = state
        chunk = np.frombuffer(bytes(message[start : start + 64]), dtype="<u4").astype(np.int64)
        for i in range(64):
            if i < 16:
                f, g = (b & c) | (~b & d), i
            elif i < 32:
                f, g = (d & b) | (~d & c), (5 * i + 1) % 16
            elif i < 48:
                f, g = b ^ c ^ d, (3 * i + 5) % 16
            else:
                f, g = c ^ (b | ~d), (7 * i) % 16
            rotated = a + f + SINES[i] + int(chunk[g])
            a, d, c, b = d, c, b, (b + _rotate_left(rotated, SHIFTS[i])) & 0xFFFFFFFF
        for i, v in enumerate((a, b, c, d)):
            state[i] = (state[i] + v) & 0xFFFFFFFF
    return "".join(f"{v:02x}" for v in struct.pack("<4I", *state))


def _denoiser(rng, d, hidden, time=4):
    make = rng.standard_normal
    return {
        "w1": 0.5 * make((d, hidden)),
        "b1": np.zeros(hidden),
        "time": 0.1 * make((time, hidden)),
        "w2": 0.3 * make((hidden, hidden)),
        "w3": 0.3 * make((hidden, d)),
    }


def _field(rng, L, hidden):
    sizes = [3 * (1 + 2 * L), hidden, hidden, 4]
    return [(rng.normal(0, 0.5, (a, b)), np.zeros(b)) for a, b in zip(sizes[:-1], sizes[1:])]


def _mamba(rng, d, inner, n, rank=2, dtype=float):
    shapes = {
        "in": (d, 2 * inner), "conv": (4, inner), "x": (inner, rank + 2 * n), "dt": (rank, inner), "dt_bias": (inner,),
        "A": (inner, n), "D": (inner,), "out": (inner, d),
    }  # fmt: skip
    return {k: (0.4 * rng.standard_normal(s)).astype(dtype) for k, s in shapes.items()}


def _carrier(rng, n, fs, f):
    bits = np.repeat(rng.choice([-1.0, 1.0], n // 40 + 1), 40)[:n]
    return bits * np.cos(2 * np.pi * f * np.arange(n) / fs + 0.3)


def _mask(n, m):
    mask = np.zeros((n, m), dtype=bool)
    mask[n // 4 : -n // 4, m // 4 : -m // 4] = True
    return mask


CASES = {
    demosaic_bilinear: lambda rng: [
        (rng.random((12, 16)),),
        (rng.integers(0, 256, (6, 8)).astype(np.uint8), "BGGR"),
        (rng.random((4, 4)).astype(np.float32), "GRBG"),
        (np.zeros((3, 4)),),
    ],
    guided_filter: lambda rng: [
        (rng.random((16, 18)), rng.random((16, 18))),
        (rng.random((9, 7)), rng.random((9, 7)), 1, 0.1),
        (rng.random((8, 8)).astype(np.float32), np.ones((8, 8), dtype=np.float32), 3),
        (np.ones((4, 4)), np.ones((4, 4))),
    ],
    horn_schunck: lambda rng: [
        (rng.random((12, 14)), rng.random((12, 14))),
        (rng.integers(0, 255, (8, 8)).astype(np.uint8), rng.integers(0, 255, (8, 8)).astype(np.uint8), 15.0, 8),
        (np.eye(6), np.roll(np.eye(6), 1, 1), 1, 50, 0.02),
    ],
    perona_malik: lambda rng: [
        (rng.random((14, 12)),),
        (rng.random((6, 7, 3)), 4, 0.2, 0.2, 2),
        (rng.integers(0, 9, (5, 5)), 3, 2, 0.1, 3),
    ],
    nl_means: lambda rng: [
        (rng.random((7, 8)),),
        (rng.random((5, 5)).astype(np.float32), 2, 2, 0.3),
    ],
    rgb_to_hsv: lambda rng: [
        (rng.random((6, 5, 3)),),
        ([0.2, 0.4, 0.1],),
        (rng.integers(0, 255, (4, 3)).astype(np.uint8),),
        (rng.random((2, 3)).astype(np.float32),),
        (rng.random((3, 4)),),
    ],
    poisson_blend: lambda rng: [
        (rng.random((12, 14)), rng.random((12, 14)), _mask(12, 14)),
        (rng.random((8, 8)), np.zeros((8, 8)), np.ones((8, 8), dtype=bool), 1e-2, 30),
        (np.ones((6, 6)), rng.random((6, 6)), np.zeros((6, 6), dtype=bool)),
    ],
    costas_loop: lambda rng: [
        (_carrier(rng, 200, 1000.0, 101.0), 1000.0, 100.0),
        (_carrier(rng, 90, 100, 12).astype(np.float32), 100, 12, 0.05, 1),
        (np.zeros(10), 50.0, 5.0),
    ],
    phase_vocoder: lambda rng: [
        (np.sin(np.arange(400) * 0.3), 1.5),
        (rng.standard_normal(300), 0.7, 32, 8),
        (np.ones(64), 2.0),
    ],
    matching_pursuit: lambda rng: [
        (rng.standard_normal((20, 40)), rng.standard_normal(20), 6),
        (rng.standard_normal((10, 8)), rng.standard_normal(10), None, 1e-3),
        (np.hstack([np.eye(6), np.ones((6, 1))]), np.array([0, 3, 0, 0, 1, 0]), 10, 1e-8, False),
    ],
    ddpm_sample: lambda rng: [
        (_denoiser(rng, 5, 8), (6, 5)),
        (_denoiser(rng, 3, 4, 2), (2, 3), 5, 0.0, 3),
        ({k: v.astype(np.float32) for k, v in _denoiser(rng, 2, 6).items()}, (4, 2), 4),
    ],
    nerf_render: lambda rng: [
        (rng.normal(0, 0.1, (9, 3)), rng.standard_normal((9, 3)), _field(rng, 2, 12)),
        (np.zeros((2, 3)), np.array([[0, 0, 1], [1, 2, 2]]), _field(rng, 3, 5), 0, 2, 8, 3, False),
        (np.ones((1, 3), dtype=np.float32), np.ones((1, 3), dtype=np.float32), _field(rng, 1, 4), 1.0, 2.0, 4, 1),
    ],
    mamba_block: lambda rng: [
        (rng.standard_normal((10, 4)), _mamba(rng, 4, 6, 3)),
        (rng.standard_normal((5, 3)), _mamba(rng, 3, 4, 2), rng.random((4, 2))),
        (rng.standard_normal((3, 2)).astype(np.float32), _mamba(rng, 2, 3, 2, dtype=np.float32)),
    ],
    rbm_cd1: lambda rng: [
        ((rng.random((20, 9)) < 0.3).astype(float),),
        (rng.random((6, 5)).astype(np.float32), 2, 5, 6, 0.2, 0.0, 1),
    ],
    md5_digest: lambda rng: [(b"message digest",), (b"",), (bytes(range(100)),)],
}
