"""Cells of notebooks: state machines over integers, scalar searches, histograms, tables and recursions on arrays."""

from __future__ import annotations

import itertools
from collections import Counter, deque

import numpy as np

MOD, ROOT = 998244353, 3


def ntt(a, invert=False):
    """The number theoretic transform of a list of integers, after cp-algorithms."""
    a = list(a)
    n = len(a)
    assert n & (n - 1) == 0, "a power of two, please"
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j ^= bit
        if i < j:
            a[i], a[j] = a[j], a[i]
    length = 2
    while length <= n:
        w = pow(ROOT, (MOD - 1) // length, MOD)
        if invert:
            w = pow(w, MOD - 2, MOD)
        for i in range(0, n, length):
            wn = 1
            for k in range(i, i + length // 2):
                u, v = a[k], a[k + length // 2] * wn % MOD
                a[k] = (u + v) % MOD
                a[k + length // 2] = (u - v) % MOD
                wn = wn * w % MOD
        length <<= 1
    if invert:
        inverse = pow(n, MOD - 2, MOD)
        a = [x * inverse % MOD for x in a]
    return a


def multiply_polynomials(p, q):
    n = 1
    while n < len(p) + len(q) - 1:
        n *= 2
    fp = ntt([int(x) % MOD for x in p] + [0] * (n - len(p)))
    fq = ntt([int(x) % MOD for x in q] + [0] * (n - len(q)))
    product = ntt([x * y % MOD for x, y in zip(fp, fq)], invert=True)
    return np.array(product[: len(p) + len(q) - 1], dtype=np.int64)


def brainfuck(source, data=b"", cells=64, limit=20000):
    """An interpreter with bytes for cells."""
    jumps, stack = {}, []
    for i, ch in enumerate(source):
        if ch == "[":
            stack.append(i)
        elif ch == "]":
            if not stack:
                raise SyntaxError(f"unmatched ] at {i}")
            start = stack.pop()
            jumps[start], jumps[i] = i, start
    tape = np.zeros(cells, dtype=np.uint8)
    out = []
    ip = dp = read = executed = 0
    while ip < len(source) and executed < limit:
        op = source[ip]
        if op == ">":
            dp += 1
        elif op == "<":
            dp -= 1
        elif op == "+":
            tape[dp] = (int(tape[dp]) + 1) % 256
        elif op == "-":
            tape[dp] = (int(tape[dp]) - 1) % 256
        elif op == ".":
            out.append(chr(tape[dp]))
        elif op == ",":
            tape[dp] = data[read] if read < len(data) else 0
            read += 1
        elif (op == "[" and tape[dp] == 0) or (op == "]" and tape[dp] != 0):
            ip = jumps[ip]
        ip += 1
        executed += 1
    return "".join(out), tape, executed


def _quarter(x, a, b, c, d):
    x[a] += x[b]
    x[d] ^= x[a]
    x[d] = (x[d] << np.uint32(16)) | (x[d] >> np.uint32(16))
    x[c] += x[d]
    x[b] ^= x[c]
    x[b] = (x[b] << np.uint32(12)) | (x[b] >> np.uint32(20))
    x[a] += x[b]
    x[d] ^= x[a]
    x[d] = (x[d] << np.uint32(8)) | (x[d] >> np.uint32(24))
    x[c] += x[d]
    x[b] ^= x[c]
    x[b] = (x[b] << np.uint32(7)) | (x[b] >> np.uint32(25))


def chacha20(key, nonce, counter, blocks=1):
    """The key stream of ChaCha20 (RFC 8439) as bytes in an array."""
    constants = np.frombuffer(b"expand 32-byte k", dtype="<u4")
    stream = np.empty((blocks, 16), dtype=np.uint32)
    with np.errstate(over="ignore"):
        for n in range(blocks):
            state = np.concatenate([constants, key, [counter + n], nonce]).astype(np.uint32)
            x = state.copy()
            for _ in range(10):
                _quarter(x, 0, 4, 8, 12)
                _quarter(x, 1, 5, 9, 13)
                _quarter(x, 2, 6, 10, 14)
                _quarter(x, 3, 7, 11, 15)
                _quarter(x, 0, 5, 10, 15)
                _quarter(x, 1, 6, 11, 12)
                _quarter(x, 2, 7, 8, 13)
                _quarter(x, 3, 4, 9, 14)
            stream[n] = x + state
    return stream.view(np.uint8).ravel()


def gps_position(satellites, pseudoranges, guess=None, tol=1e-4, max_iter=20):
    """Position and clock bias from pseudoranges by Gauss-Newton, and the dilution of precision."""
    sats = np.asarray(satellites, dtype=float)
    rho = np.asarray(pseudoranges, dtype=float)
    if len(sats) < 4:
        return None
    state = np.zeros(4) if guess is None else np.array([*guess, 0.0])
    for k in range(max_iter):
        diff = state[:3] - sats
        ranges = np.linalg.norm(diff, axis=1)
        H = np.ones((len(sats), 4))
        H[:, :3] = diff / ranges[:, None]
        residual = rho - (ranges + state[3])
        step, *_ = np.linalg.lstsq(H, residual, rcond=None)
        state += step
        if np.linalg.norm(step) < tol:
            break
    Q = np.linalg.inv(H.T @ H)
    dop = {name: float(np.sqrt(v)) for name, v in zip(("gdop", "pdop", "tdop"), (np.trace(Q), np.trace(Q[:3, :3]), Q[3, 3]))}
    return state, dop, k + 1, float(np.sqrt(np.mean(residual**2)))


def segmented_least_squares(x, y, cost):
    """Bentley's and Tardos's pieces of straight line: the ends of segments, their lines and the total cost."""
    n = len(x)
    err = np.zeros((n, n))
    lines = {}
    sx, sy = np.cumsum(x), np.cumsum(y)
    sxy, sxx, syy = np.cumsum(x * y), np.cumsum(x * x), np.cumsum(y * y)

    def window(c, i, j):
        return c[j] - (c[i - 1] if i > 0 else 0)

    for j in range(n):
        for i in range(j + 1):
            k = j - i + 1
            X, Y = window(sx, i, j), window(sy, i, j)
            XY, XX, YY = window(sxy, i, j), window(sxx, i, j), window(syy, i, j)
            den = k * XX - X * X
            a = (k * XY - X * Y) / den if den != 0 else 0.0
            b = (Y - a * X) / k
            lines[i, j] = (a, b)
            err[i, j] = YY - 2 * a * XY - 2 * b * Y + a * a * XX + 2 * a * b * X + k * b * b
    best = np.zeros(n + 1)
    choice = np.zeros(n + 1, dtype=int)
    for j in range(1, n + 1):
        options = err[:j, j - 1] + cost + best[:j]
        choice[j] = np.argmin(options)
        best[j] = options[choice[j]]
    segments = []
    j = n
    while j > 0:
        i = choice[j]
        segments.append((int(i), int(j - 1), *map(float, lines[i, j - 1])))
        j = i
    return segments[::-1], best[n]


def cuthill_mckee(A, reverse=True):
    """An ordering of small bandwidth: breadth first from a node of least degree."""
    n = A.shape[0]
    adjacency = [np.flatnonzero(A[i]) for i in range(n)]
    degree = np.array([len(a) for a in adjacency])
    visited = np.zeros(n, dtype=bool)
    order = []
    while len(order) < n:
        start = min(np.flatnonzero(~visited), key=lambda i: degree[i])
        queue = deque([start])
        visited[start] = True
        while queue:
            i = queue.popleft()
            order.append(int(i))
            nxt = adjacency[i][~visited[adjacency[i]]]
            nxt = nxt[np.argsort(degree[nxt], kind="stable")]
            visited[nxt] = True
            queue.extend(nxt)
    if reverse:
        order.reverse()

    def bandwidth(M):
        i, j = np.nonzero(M)
        return int(np.max(np.abs(i - j), initial=0))

    permuted = A[np.ix_(order, order)]
    return order, bandwidth(A), bandwidth(permuted)


def echo_state(u, target, reservoir=30, radius=0.9, leak=0.3, washout=10, ridge=1e-6, seed=0, generate=20):
    """Lukoševičius's minimal echo state network: trained by ridge regression, then run on its own output."""
    rng = np.random.default_rng(seed)
    Win = (rng.random((reservoir, 2)) - 0.5) * 1
    W = rng.random((reservoir, reservoir)) - 0.5
    W *= radius / np.max(np.abs(np.linalg.eigvals(W)))
    n = len(u)
    X = np.zeros((2 + reservoir, n - washout))
    x = np.zeros((reservoir, 1))
    for t in range(n):
        x = (1 - leak) * x + leak * np.tanh(Win @ np.vstack((1, u[t])) + W @ x)
        if t >= washout:
            X[:, t - washout] = np.vstack((1, u[t], x))[:, 0]
    Yt = target[None, washout:n]
    Wout = np.linalg.solve(X @ X.T + ridge * np.eye(2 + reservoir), X @ Yt.T).T
    Y = np.zeros((1, generate))
    value = u[n - 1]
    for t in range(generate):
        x = (1 - leak) * x + leak * np.tanh(Win @ np.vstack((1, value)) + W @ x)
        y = Wout @ np.vstack((1, value, x))
        Y[:, t : t + 1] = y
        value = y[0, 0]
    train = np.sqrt(np.mean((Wout @ X - Yt) ** 2))
    return Y, Wout, train


def packed_rule(length, steps, rule=110, boundary="periodic"):
    """An elementary automaton on rows packed into Python's integers; the picture as an array."""
    mask = (1 << length) - 1
    state = 1 << (length // 2)
    picture = np.zeros((steps, length), dtype=np.uint8)
    seen = {}
    period = None
    for t in range(steps):
        for i in range(length):
            picture[t, i] = (state >> i) & 1
        if state in seen and period is None:
            period = t - seen[state]
        seen[state] = t
        if boundary == "periodic":
            left = ((state << 1) | (state >> (length - 1))) & mask
            right = ((state >> 1) | (state << (length - 1))) & mask
        else:
            left, right = (state << 1) & mask, state >> 1
        new = 0
        for pattern in range(8):
            if rule >> pattern & 1:
                new |= (
                    (right if pattern & 4 else ~right & mask)
                    & (state if pattern & 2 else ~state & mask)
                    & (left if pattern & 1 else ~left & mask)
                )
        state = new & mask
    return picture, period


def elevator_bank(requests, floors, cars=2, capacity=4, limit=500):
    """A scalar state machine: cars that go on in their direction while anyone wants them; waits of all passengers."""
    position = np.zeros(cars, dtype=int)
    direction = np.ones(cars, dtype=int)
    load = [[] for _ in range(cars)]
    waiting = [deque() for _ in range(floors)]
    pending = sorted(requests)
    waits, t, arrived = [], 0, 0
    while arrived < len(requests):
        if t > limit:
            raise TimeoutError(f"{len(requests) - arrived} still on their way")
        while pending and pending[0][0] <= t:
            when, start, stop = pending.pop(0)
            waiting[start].append((when, stop))
        for c in range(cars):
            here = int(position[c])
            stay = []
            for when, stop in load[c]:
                if stop == here:
                    waits.append(t - when)
                    arrived += 1
                else:
                    stay.append((when, stop))
            load[c] = stay
            while waiting[here] and len(load[c]) < capacity:
                load[c].append(waiting[here].popleft())
            wanted = [stop for _, stop in load[c]] or [f for f in range(floors) if waiting[f]]
            if not wanted:
                continue
            ahead = any((f - here) * direction[c] > 0 for f in wanted)
            if not ahead:
                direction[c] = -direction[c]
            position[c] = min(max(here + direction[c], 0), floors - 1)
        t += 1
    return np.array(waits), t, Counter(w // 5 for w in waits)


def interleaved_histogram(samples, bins=10, bounds=None, weights=None, density=False):
    """numpy.histogram written out with a loop, as an interview question; values outside counted apart."""
    samples = np.asarray(samples)
    lo, hi = bounds if bounds is not None else (samples.min(), samples.max())
    if lo > hi:
        raise ValueError("max must be larger than min")
    if lo == hi:
        lo, hi = lo - 0.5, hi + 0.5
    edges = np.linspace(lo, hi, bins + 1)
    counts = np.zeros(bins, dtype=float if weights is not None else int)
    below = above = 0
    width = (hi - lo) / bins
    for n, s in enumerate(samples.flat):
        if s < lo:
            below += 1
        elif s > hi:
            above += 1
        elif s == hi:
            counts[-1] += 1 if weights is None else weights[n]
        else:
            k = int((s - lo) / width)
            if k >= bins:
                k = bins - 1
            if s < edges[k]:
                k -= 1
            counts[k] += 1 if weights is None else weights[n]
    if density:
        return counts / (counts.sum() * width), edges, (below, above)
    return counts, edges, (below, above)


def hampel(x, half=3, n_sigma=3.0, fill="median"):
    """Outliers replaced by the median of their window."""
    x = np.asarray(x)
    y = x.astype(float)
    hits = []
    for i in range(half, len(x) - half):
        window = x[i - half : i + half + 1]
        med = np.median(window)
        mad = 1.4826 * np.median(np.abs(window - med))
        if abs(x[i] - med) > n_sigma * mad:
            y[i] = med if fill == "median" else np.nan
            hits.append(i)
    return y, hits


def pivot_table(rows, columns, values, how="mean"):
    """Values grouped by two labels."""
    functions = {"mean": np.mean, "sum": np.sum, "max": np.max, "count": len}
    names_r, ri = np.unique(rows, return_inverse=True)
    names_c, ci = np.unique(columns, return_inverse=True)
    table = np.full((len(names_r), len(names_c)), np.nan)
    for r, c in itertools.product(range(len(names_r)), range(len(names_c))):
        chosen = values[(ri == r) & (ci == c)]
        if chosen.size:
            table[r, c] = functions[how](chosen)
    margins = np.nansum(table, axis=1), np.nansum(table, axis=0)
    return names_r, names_c, table, margins


def max_rectangle(image):
    """The largest rectangle of ones: a histogram of heights and a stack, row by row."""
    rows, cols = image.shape
    heights = np.zeros(cols, dtype=np.int64)
    best, where = 0, None
    for i in range(rows):
        for j in range(cols):
            heights[j] = heights[j] + 1 if image[i, j] else 0
        stack = []
        for j in range(cols + 1):
            current = heights[j] if j < cols else 0
            while stack and heights[stack[-1]] >= current:
                h = heights[stack.pop()]
                left = stack[-1] + 1 if stack else 0
                area = h * (j - left)
                if area > best:
                    best = area
                    where = (i - h + 1, left, i, j - 1)
            stack.append(j)
    return int(best), None if where is None else tuple(int(v) for v in where)


MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])


def value_iteration(world, gamma=0.95, slip=0.1, theta=1e-6, step_cost=-0.04):
    """The best policy in a grid of free cells '.', walls '#', goals '+' and pits '-'."""
    grid = np.array([list(row) for row in world])
    n, m = grid.shape
    V = np.zeros((n, m))
    V[grid == "+"], V[grid == "-"] = 1.0, -1.0
    free = grid == "."
    sweeps = 0

    def land(i, j, a):
        k, l = i + MOVES[a, 0], j + MOVES[a, 1]
        if 0 <= k < n and 0 <= l < m and grid[k, l] != "#":
            return k, l
        return i, j

    def q(i, j, a):
        total = (1 - 2 * slip) * V[land(i, j, a)]
        for side in (-1, 1):
            total += slip * V[land(i, j, (a + side) % 4)]
        return step_cost + gamma * total

    while True:
        delta = 0.0
        sweeps += 1
        for i, j in np.argwhere(free):
            old = V[i, j]
            V[i, j] = max(q(i, j, a) for a in range(4))
            delta = max(delta, abs(old - V[i, j]))
        if delta < theta:
            break
    policy = np.full((n, m), " ")
    for i, j in zip(*np.nonzero(free)):
        policy[i, j] = "^>v<"[int(np.argmax([q(i, j, a) for a in range(4)]))]
    return V, ["".join(row) for row in policy], sweeps


def jenks_breaks(values, classes):
    """Natural breaks by dynamic programming over the sorted values, and the goodness of variance fit."""
    data = np.sort(values)
    n = len(data)
    if not 1 <= classes <= n:
        raise ValueError("number of classes")
    lower = np.zeros((n + 1, classes + 1), dtype=int)
    variance = np.full((n + 1, classes + 1), np.inf)
    lower[1, 1:] = 1
    variance[1, 1:] = 0.0
    for l in range(2, n + 1):
        s1 = s2 = w = 0.0
        v = 0.0
        for m in range(1, l + 1):
            i3 = l - m + 1
            val = data[i3 - 1]
            s2 += val * val
            s1 += val
            w += 1
            v = s2 - s1 * s1 / w
            i4 = i3 - 1
            if i4 != 0:
                for j in range(2, classes + 1):
                    if variance[l, j] >= v + variance[i4, j - 1]:
                        lower[l, j] = i3
                        variance[l, j] = v + variance[i4, j - 1]
        lower[l, 1] = 1
        variance[l, 1] = v
    breaks = np.zeros(classes + 1, dtype=data.dtype)
    breaks[-1], breaks[0] = data[-1], data[0]
    k = n
    for j in range(classes, 1, -1):
        idx = lower[k, j] - 2
        breaks[j - 1] = data[idx]
        k = lower[k, j] - 1
    sdam = ((data - data.mean()) ** 2).sum()
    return breaks, 1 - variance[n, classes] / sdam if sdam > 0 else 1.0


def _directions(rng, n):
    d = rng.standard_normal((n, 3))
    return d / np.linalg.norm(d, axis=1)[:, None]


def _ring(rng, n):
    A = np.zeros((n, n))
    p = rng.permutation(n)
    for i in range(n):
        A[p[i], p[i - 1]] = A[p[i - 1], p[i]] = 1.0
    return A


def _passengers(rng, n, until, floors):
    rides = rng.permuted(np.tile(range(floors), (n, 1)), axis=1)[:, :2]
    return [(int(t), int(a), int(b)) for t, (a, b) in zip(rng.integers(0, until, n), rides)]


STATIONS = [[15600, 7540, 20140], [18760, 2750, 18610], [17610, 14630, 13480], [19170, 610, 18390]]
CASES = {
    multiply_polynomials: lambda rng: [
        (rng.integers(0, 100, 12), rng.integers(-50, 100, 9)),
        ([1, 2, 3], [4, 5]),
        (np.array([7]), np.array([6], dtype=np.int8)),
    ],
    brainfuck: lambda rng: [
        ("++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.",),
        (",[.,]", b"echo"),
        ("+[+]", b"", 2, 300),
        ("+]",),
        ("<+>>+++.", b"", 4),
    ],
    chacha20: lambda rng: [
        (np.arange(8, dtype=np.uint32) * 0x01010101, np.array([0x09000000, 0x4A000000, 0], dtype=np.uint32), 1),
        (rng.integers(0, 2**32, 8, dtype=np.uint32), rng.integers(0, 2**32, 3, dtype=np.uint32), 7, 2),
        (np.zeros(8, dtype=np.int64), np.zeros(3, dtype=np.int64), 0),
    ],
    gps_position: lambda rng: [
        (20e6 * _directions(rng, 6) + 0.0, np.full(6, 2.1e7)),
        (STATIONS, [21000, 20800, 21100, 20900]),
        (rng.random((3, 3)), np.ones(3)),
        (100 * _directions(rng, 5), np.full(5, 101.0), (1.0, 2.0, 3.0), 1e-6, 3),
    ],
    segmented_least_squares: lambda rng: [
        (np.arange(15.0), np.abs(np.arange(15.0) - 7) + rng.normal(0, 0.1, 15), 1.0),
        (np.arange(6), np.array([0, 1, 2, 10, 11, 12]), 0.5),
    ],
    cuthill_mckee: lambda rng: [
        (_ring(rng, 12),),
        (_ring(rng, 7).astype(bool), False),
        (np.zeros((3, 3)),),
    ],
    echo_state: lambda rng: [
        (np.sin(np.arange(60) * 0.2), np.sin(np.arange(1, 61) * 0.2), 20, 0.9, 0.3, 10, 0.1),
        (rng.random(25).astype(np.float32), rng.random(25).astype(np.float32), 8, 0.5, 1.0, 4, 1e-3, 1, 5),
        (np.ones(15), np.zeros(15), 5, 1.2, 0.5, 0),
    ],
    packed_rule: lambda rng: [(11, 12, 90, "open"), (65, 4, 30)],
    elevator_bank: lambda rng: [
        (_passengers(rng, 15, 40, 8), 8),
        ([(0, 1, 3), (0, 1, 2), (0, 1, 0)], 4, 1, 2),
        ([], 3),
        ([(0, 0, 9)], 5, 1, 4, 60),
    ],
    interleaved_histogram: lambda rng: [
        (rng.random(50),),
        (rng.normal(0, 1, (6, 5)), 5, (-1.0, 1.0), None, True),
        (rng.integers(0, 9, 20), 3, (2, 7), rng.random(20)),
        (np.ones(4, dtype=np.float32), 4),
        ([1.0, 2.0], 2, (3, 1)),
    ],
    hampel: lambda rng: [
        (np.where(rng.random(40) < 0.1, 9.0, rng.normal(0, 1, 40)),),
        (rng.integers(0, 4, 20), 2, 1.0),
        (np.where(np.arange(15) == 7, 50, np.arange(15)).astype(np.float32), 3, 2, "nan"),
        (np.ones(4),),
    ],
    pivot_table: lambda rng: [
        (rng.choice(["n", "s", "e"], 30), rng.integers(2000, 2004, 30), rng.random(30)),
        (np.array([1, 1, 2]), np.array(["a", "b", "a"]), np.array([1, 2, 3]), "sum"),
        (np.zeros(3, dtype=int), np.arange(3), np.ones(3, dtype=np.float32), "count"),
        (np.zeros(3, dtype=int), np.arange(3), np.ones(3), "mode"),
    ],
    max_rectangle: lambda rng: [
        ((rng.random((8, 9)) < 0.7).astype(int),),
        (rng.random((5, 4)) < 0.5,),
        (np.zeros((3, 3), dtype=np.uint8),),
    ],
    value_iteration: lambda rng: [
        (["...+", ".#.-", "...."],),
        (("..", ".+"), 0.9, 0.0, 1e-3),
        (["#.#", "...", "#-#"], 0.5, 0.2, 1e-4, 0.0),
    ],
    jenks_breaks: lambda rng: [
        (rng.random(20), 4),
        (rng.integers(0, 50, 15), 3),
        (np.ones(4), 2),
        (rng.random(3).astype(np.float32), 1),
        (rng.random(3), 4),
    ],
}
