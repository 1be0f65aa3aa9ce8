"""Contours and regions, samplers, chemistry and survival."""

import math
from collections import deque

import numpy as np


def marching_squares(z, level):
    segs = []
    h, w = z.shape

    def cross(a, b):
        return (level - a) / (b - a)

    for i in range(h - 1):
        for j in range(w - 1):
            a, b, c, d = z[i, j], z[i, j + 1], z[i + 1, j + 1], z[i + 1, j]
            code = (a > level) * 8 + (b > level) * 4 + (c > level) * 2 + (d > level)
            if code == 0 or code == 15:
                continue
            top = (j + cross(a, b), i) if (a > level) != (b > level) else None
            right = (j + 1, i + cross(b, c)) if (b > level) != (c > level) else None
            bottom = (j + cross(d, c), i + 1) if (d > level) != (c > level) else None
            left = (j, i + cross(a, d)) if (a > level) != (d > level) else None
            pts = [p for p in (top, right, bottom, left) if p is not None]
            segs.append((pts[0][0], pts[0][1], pts[1][0], pts[1][1]))
            if len(pts) == 4:
                segs.append((pts[2][0], pts[2][1], pts[3][0], pts[3][1]))
    return np.array(segs)


def chain_code(mask):
    """Moore boundary tracing of the first region."""
    h, w = mask.shape
    m = np.pad(mask, 1)
    start = None
    for i in range(1, h + 1):
        for j in range(1, w + 1):
            if m[i, j]:
                start = (i, j)
                break
        if start:
            break
    if start is None:
        return []
    steps = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
    code = []
    y, x = start
    d = 7
    while True:
        d = (d + 6) % 8 if d % 2 else (d + 7) % 8
        for k in range(8):
            dy, dx = steps[(d + k) % 8]
            if m[y + dy, x + dx]:
                d = (d + k) % 8
                break
        else:
            return code
        y, x = y + dy, x + dx
        code.append(d)
        if (y, x) == start or len(code) > 4 * h * w:
            return code


def region_growing(image, seed, tol):
    h, w = image.shape
    mask = np.zeros((h, w), bool)
    mask[seed] = True
    queue = deque([seed])
    total, count = float(image[seed]), 1
    while queue:
        y, x = queue.popleft()
        for ny, nx in [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]:
            if 0 <= ny < h and 0 <= nx < w and not mask[ny, nx] and abs(image[ny, nx] - total / count) <= tol:
                mask[ny, nx] = True
                total += image[ny, nx]
                count += 1
                queue.append((ny, nx))
    return mask, total / count


def distance_transform(mask):
    h, w = mask.shape
    d = np.where(mask, 10**6, 0)
    for i in range(h):
        for j in range(w):
            if i > 0:
                d[i, j] = min(d[i, j], d[i - 1, j] + 3)
                if j > 0:
                    d[i, j] = min(d[i, j], d[i - 1, j - 1] + 4)
                if j < w - 1:
                    d[i, j] = min(d[i, j], d[i - 1, j + 1] + 4)
            if j > 0:
                d[i, j] = min(d[i, j], d[i, j - 1] + 3)
    for i in range(h - 1, -1, -1):
        for j in range(w - 1, -1, -1):
            if i < h - 1:
                d[i, j] = min(d[i, j], d[i + 1, j] + 3)
                if j > 0:
                    d[i, j] = min(d[i, j], d[i + 1, j - 1] + 4)
                if j < w - 1:
                    d[i, j] = min(d[i, j], d[i + 1, j + 1] + 4)
            if j < w - 1:
                d[i, j] = min(d[i, j], d[i, j + 1] + 3)
    return d / 3


def vincenty(lat1, lon1, lat2, lon2):
    a, f = 6378137.0, 1 / 298.257223563
    b = (1 - f) * a
    U1 = math.atan((1 - f) * math.tan(math.radians(lat1)))
    U2 = math.atan((1 - f) * math.tan(math.radians(lat2)))
    L = math.radians(lon2 - lon1)
    lam = L
    for _ in range(200):
        ss = math.hypot(math.cos(U2) * math.sin(lam), math.cos(U1) * math.sin(U2) - math.sin(U1) * math.cos(U2) * math.cos(lam))
        if ss == 0:
            return 0.0
        cs = math.sin(U1) * math.sin(U2) + math.cos(U1) * math.cos(U2) * math.cos(lam)
        sigma = math.atan2(ss, cs)
        sa = math.cos(U1) * math.cos(U2) * math.sin(lam) / ss
        c2 = 1 - sa**2
        cm = cs - 2 * math.sin(U1) * math.sin(U2) / c2 if c2 else 0
        C = f / 16 * c2 * (4 + f * (4 - 3 * c2))
        prev, lam = lam, L + (1 - C) * f * sa * (sigma + C * ss * (cm + C * cs * (2 * cm**2 - 1)))
        if abs(lam - prev) < 1e-12:
            break
    else:
        return None
    u2 = c2 * (a**2 - b**2) / b**2
    A = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    B = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    ds = B * ss * (cm + B / 4 * (cs * (2 * cm**2 - 1) - B / 6 * cm * (4 * ss**2 - 3) * (4 * cm**2 - 3)))
    return round(b * A * (sigma - ds), 3)


def ph_titration(ca, va, cb, pka, volumes):
    Ka, Kw = 10**-pka, 1e-14
    out = []
    for vb in volumes:
        lo, hi = 0.0, 14.0
        while hi - lo > 1e-9:
            mid = (lo + hi) / 2
            h = 10**-mid
            V = va + vb
            charge = h + cb * vb / V - Kw / h - ca * va / V * Ka / (Ka + h)
            if charge > 0:
                lo = mid
            else:
                hi = mid
        out.append(lo)
    return out


def numerov_nodes(V, x, E):
    h = x[1] - x[0]
    k = 2 * (E - V)
    psi = np.zeros_like(x)
    psi[1] = 1e-5
    nodes = 0
    for i in range(1, len(x) - 1):
        psi[i + 1] = (2 * (1 - 5 * h * h * k[i] / 12) * psi[i] - (1 + h * h * k[i - 1] / 12) * psi[i - 1]) / (
            1 + h * h * k[i + 1] / 12
        )
        if psi[i + 1] * psi[i] < 0:
            nodes += 1
    return psi, nodes


def slice_sampler(logp, x0, n, rng, w=1.0):
    x = x0
    out = np.empty(n)
    for k in range(n):
        y = logp(x) + math.log(rng.random())
        lo = x - w * rng.random()
        hi = lo + w
        while logp(lo) > y:
            lo -= w
        while logp(hi) > y:
            hi += w
        while True:
            c = lo + (hi - lo) * rng.random()
            if logp(c) > y:
                x = c
                break
            if c < x:
                lo = c
            else:
                hi = c
        out[k] = x
    return out


def hmc(grad, logp, q0, n, eps, L, rng):
    q = np.array(q0, float)
    accepted = 0
    samples = []
    for _ in range(n):
        p = rng.normal(size=q.shape)
        qn, pn = q.copy(), p + 0.5 * eps * grad(q)
        for l in range(L):
            qn = qn + eps * pn
            if l < L - 1:
                pn = pn + eps * grad(qn)
        pn = pn + 0.5 * eps * grad(qn)
        if np.log(rng.random()) < logp(qn) - logp(q) - 0.5 * (pn @ pn - p @ p):
            q = qn
            accepted += 1
        samples.append(q)
    return np.array(samples), accepted / n


def halton(n, bases=(2, 3)):
    out = np.zeros((n, len(bases)))
    for d, b in enumerate(bases):
        for i in range(n):
            f, x, k = 1.0, 0.0, i + 1
            while k > 0:
                f /= b
                x += f * (k % b)
                k //= b
            out[i, d] = x
    return out


def kaplan_meier(times, events):
    order = np.argsort(times, kind="stable")
    t, e = times[order], events[order]
    n = len(t)
    s = 1.0
    curve = []
    i = 0
    while i < n:
        j = i
        d = 0
        while j < n and t[j] == t[i]:
            d += e[j]
            j += 1
        if d > 0:
            s *= 1 - d / (n - i)
            curve.append((t[i], s))
        i = j
    return curve


def changepoint_pelt(x, pen):
    n = len(x)
    cs, cs2 = np.r_[0, np.cumsum(x)], np.r_[0, np.cumsum(x**2)]
    cost = lambda i, j: cs2[j] - cs2[i] - (cs[j] - cs[i]) ** 2 / (j - i)
    F = [-pen]
    last = [0]
    cand = [0]
    for t in range(1, n + 1):
        vals = [F[s] + cost(s, t) + pen for s in cand]
        k = int(np.argmin(vals))
        F.append(vals[k])
        last.append(cand[k])
        cand = [s for s, v in zip(cand, vals) if v - pen <= F[t]] + [t]
    cps = []
    t = n
    while t > 0:
        cps.append(t)
        t = last[t]
    return cps[::-1]


def holt_winters(y, season, a=0.3, b=0.1, g=0.2, horizon=4):
    level = np.mean(y[:season])
    trend = (np.mean(y[season : 2 * season]) - level) / season
    s = [v - level for v in y[:season]]
    fitted = []
    for i, v in enumerate(y):
        last = level
        fitted.append(level + trend + s[i % season])
        level = a * (v - s[i % season]) + (1 - a) * (level + trend)
        trend = b * (level - last) + (1 - b) * trend
        s[i % season] = g * (v - level) + (1 - g) * s[i % season]
    return fitted, [level + (h + 1) * trend + s[(len(y) + h) % season] for h in range(horizon)]


CASES = {
    marching_squares: lambda r: [(r.random((10, 12)), 0.5), (np.zeros((3, 3)), 0.5), (np.eye(4), 0.3)],
    chain_code: lambda r: [
        (np.pad(np.ones((4, 5), int), 2),),
        (np.zeros((3, 3), int),),
        (np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]),),
        (np.ones((1, 1), int),),
    ],
    region_growing: lambda r: [
        (r.random((12, 13)), (5, 5), 0.4),
        (np.ones((3, 3)), (0, 0), 0.1),
        (np.arange(6).reshape(2, 3), (1, 1), 1),
    ],
    distance_transform: lambda r: [(r.random((12, 13)) < 0.9,), (np.ones((2, 2), bool),), (np.zeros((1, 1), bool),)],
    vincenty: lambda r: [(51.5, -0.1, 40.7, -74.0), (0, 0, 0, 0), (0.0, 0.0, 0.0, 10.0)],
    ph_titration: lambda r: [
        (0.1, 25.0, 0.1, 4.76, np.linspace(0.1, 50, 40)),
        (0.1, 25.0, 0.1, 4.76, [25.0]),
        (1, 1, 1, 3, []),
    ],
    numerov_nodes: lambda r: [(lambda x: (0.5 * x**2, x, 2.5))(np.linspace(-5, 5, 300)), (np.zeros(3), np.arange(3.0), 1.0)],
    slice_sampler: lambda r: [
        (lambda x: -0.5 * x * x, 0.3, 60, np.random.default_rng(1)),
        (lambda x: -abs(x), 0.0, 0, np.random.default_rng(1)),
    ],
    hmc: lambda r: [
        (lambda q: -q, lambda q: -0.5 * q @ q, [1.0, -1.0], 30, 0.2, 8, np.random.default_rng(1)),
        (lambda q: -q, lambda q: -0.5 * q @ q, [1.0], 1, 0.1, 1, np.random.default_rng(1)),
    ],
    halton: lambda r: [(40,), (0,), (5, (2, 3, 5))],
    kaplan_meier: lambda r: [
        (r.integers(1, 20, 40).astype(float), r.integers(0, 2, 40)),
        (np.array([3.0]), np.array([1])),
        (np.zeros(0), np.zeros(0, int)),
    ],
    changepoint_pelt: lambda r: [
        (np.concatenate([r.normal(0, 1, 30), r.normal(5, 1, 30), r.normal(-2, 1, 20)]), 8.0),
        (np.ones(3), 1.0),
        (np.zeros(0), 1.0),
    ],
    holt_winters: lambda r: [
        (np.arange(24) + np.tile([0, 3, -3, 1.0], 6) + r.random(24), 4),
        ([1.0, 2, 3, 4], 2, 0.5, 0.5, 0.5, 0),
        (np.arange(8), 2),
    ],
}
