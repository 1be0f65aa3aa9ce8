"""Biology: sequences, trees, populations."""

import math
from dataclasses import dataclass

import numpy as np

BASES = "ACGT"
CODES = {b: i for i, b in enumerate(BASES)}
BLOSUM_LIKE = np.array([[4, -1, 0, -2], [-1, 5, -3, -1], [0, -3, 6, -2], [-2, -1, -2, 5]])


def encode_bases(sequence: str) -> np.ndarray:
    return np.array([CODES[c] for c in sequence], dtype=np.int64)


def local_alignment(a, b, scores=BLOSUM_LIKE, gap=-3):
    """Smith–Waterman on encoded sequences with a matrix of scores, and the traceback's path."""
    n, m = len(a), len(b)
    h = np.zeros((n + 1, m + 1), dtype=int)
    best, where = 0, (0, 0)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            h[i, j] = max(0, h[i - 1, j - 1] + scores[a[i - 1], b[j - 1]], h[i - 1, j] + gap, h[i, j - 1] + gap)
            if h[i, j] > best:
                best, where = h[i, j], (i, j)
    path = []
    i, j = where
    while i > 0 and j > 0 and h[i, j] > 0:
        path.append((i - 1, j - 1))
        if h[i, j] == h[i - 1, j - 1] + scores[a[i - 1], b[j - 1]]:
            i, j = i - 1, j - 1
        elif h[i, j] == h[i - 1, j] + gap:
            i -= 1
        else:
            j -= 1
    return best, path[::-1]


def banded_global(a, b, band, match=1, mismatch=-1, gap=-2):
    """Score of a global alignment that keeps to a band around the diagonal."""
    n, m = len(a), len(b)
    if abs(n - m) > band:
        return None
    lowest = -(10**6)
    prev = np.full(m + 1, lowest)
    for j in range(min(m, band) + 1):
        prev[j] = j * gap
    for i in range(1, n + 1):
        cur = np.full(m + 1, lowest)
        if i <= band:
            cur[0] = i * gap
        for j in range(max(1, i - band), min(m, i + band) + 1):
            diag = prev[j - 1] + (match if a[i - 1] == b[j - 1] else mismatch)
            cur[j] = max(diag, prev[j] + gap, cur[j - 1] + gap)
        prev = cur
    return int(prev[m])


def gc_skew_origin(sequence, window=10):
    """Windows of GC content and the place of the least cumulative skew."""
    skew, low, where = 0, 0, 0
    counts = {b: 0 for b in BASES}
    cumulative = [0]
    for k, c in enumerate(sequence):
        if c not in counts:
            raise KeyError(c)
        counts[c] += 1
        if c == "G":
            skew += 1
        elif c == "C":
            skew -= 1
        cumulative.append(skew)
        if skew < low:
            low, where = skew, k + 1
    gc = [sum(c in "GC" for c in sequence[i : i + window]) / window for i in range(0, len(sequence) - window + 1, window)]
    return where, counts, np.array(cumulative), gc


def kmer_profile(codes, k=3):
    """Counts of k-mers by a rolling code, their entropy, the most frequent."""
    size = 4**k
    counts = np.zeros(size, dtype=np.int64)
    code = 0
    for i, c in enumerate(codes):
        code = (code * 4 + c) % size
        if i >= k - 1:
            counts[code] += 1
    total = counts.sum()
    if total == 0:
        return counts, 0.0, None
    p = counts[counts > 0] / total
    entropy = -np.sum(p * np.log2(p))
    return counts, entropy, int(counts.argmax())


def motif_scan(codes, pwm, background=0.25, threshold=0.0):
    """Log-odds of a position weight matrix along a sequence; hits and the best."""
    length = pwm.shape[0]
    odds = np.log2(pwm / background)
    hits = []
    best = (-math.inf, -1)
    for i in range(len(codes) - length + 1):
        score = 0.0
        for j in range(length):
            score += odds[j, codes[i + j]]
        if score > threshold:
            hits.append((i, score))
        if score > best[0]:
            best = (score, i)
    return hits, best


@dataclass
class HmmModel:
    start: np.ndarray
    trans: np.ndarray
    emit: np.ndarray

    def forward(self, obs):
        alpha = np.zeros((len(obs), len(self.start)))
        scale = np.zeros(len(obs))
        for t, o in enumerate(obs):
            if t == 0:
                alpha[t] = self.start * self.emit[:, o]
            else:
                alpha[t] = (alpha[t - 1] @ self.trans) * self.emit[:, o]
            scale[t] = alpha[t].sum()
            alpha[t] /= scale[t]
        return alpha, scale

    def backward(self, obs, scale):
        beta = np.ones((len(obs), len(self.start)))
        for t in range(len(obs) - 2, -1, -1):
            beta[t] = self.trans @ (self.emit[:, obs[t + 1]] * beta[t + 1]) / scale[t + 1]
        return beta


def cpg_islands(codes, p_stay=0.95, min_length=3):
    """Posterior decoding of a two-state model and the runs where islands are likelier."""
    model = HmmModel(
        np.array([0.5, 0.5]),
        np.array([[p_stay, 1 - p_stay], [1 - p_stay, p_stay]]),
        np.array([[0.15, 0.35, 0.35, 0.15], [0.3, 0.2, 0.2, 0.3]]),
    )
    alpha, scale = model.forward(codes)
    beta = model.backward(codes, scale)
    posterior = alpha * beta
    posterior /= posterior.sum(axis=1, keepdims=True)
    islands = []
    start = None
    for i in range(len(codes)):
        if posterior[i, 0] > 0.5 and start is None:
            start = i
        elif posterior[i, 0] <= 0.5 and start is not None:
            if i - start >= min_length:
                islands.append((start, i))
            start = None
    if start is not None and len(codes) - start >= min_length:
        islands.append((start, len(codes)))
    return posterior, islands, float(np.log(scale).sum())


def jukes_cantor(sequences):
    """Distances between aligned sequences; infinite where they are saturated."""
    n = len(sequences)
    d = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            valid = (sequences[i] >= 0) & (sequences[j] >= 0)
            if not valid.any():
                d[i, j] = d[j, i] = np.nan
                continue
            p = np.mean(sequences[i][valid] != sequences[j][valid])
            d[i, j] = d[j, i] = -0.75 * np.log(1 - 4 * p / 3) if p < 0.75 else np.inf
    return d


def upgma(distances):
    """Merges of average linkage, in the manner of a linkage matrix."""
    n = len(distances)
    d = distances.astype(float)
    np.fill_diagonal(d, np.inf)
    sizes = np.ones(n)
    ids = np.arange(n)
    alive = np.ones(n, dtype=bool)
    merges = np.zeros((max(n - 1, 0), 4))
    for step in range(n - 1):
        i, j = divmod(int(np.argmin(d)), n)
        if i > j:
            i, j = j, i
        merges[step] = ids[i], ids[j], d[i, j], sizes[i] + sizes[j]
        for k in range(n):
            if alive[k] and k != i and k != j:
                d[i, k] = d[k, i] = (d[i, k] * sizes[i] + d[j, k] * sizes[j]) / (sizes[i] + sizes[j])
        sizes[i] += sizes[j]
        ids[i] = n + step
        alive[j] = False
        d[j, :] = np.inf
        d[:, j] = np.inf
    return merges


def neighbour_joining(distances, names=None):
    """A Newick tree by neighbour joining."""
    nodes = list(names) if names is not None else [f"t{i}" for i in range(len(distances))]
    d = np.array(distances, dtype=float)
    if len(d) < 2:
        raise ValueError("at least two taxa")
    while len(nodes) > 2:
        n = len(nodes)
        total = d.sum(axis=1)
        q = (n - 2) * d - total[:, None] - total[None, :]
        np.fill_diagonal(q, np.inf)
        i, j = np.unravel_index(q.argmin(), q.shape)
        i, j = min(i, j), max(i, j)
        li = 0.5 * d[i, j] + (total[i] - total[j]) / (2 * (n - 2))
        lj = d[i, j] - li
        new = 0.5 * (d[i] + d[j] - d[i, j])
        keep = [k for k in range(n) if k not in (i, j)]
        grown = np.zeros((n - 1, n - 1))
        grown[:-1, :-1] = d[np.ix_(keep, keep)]
        grown[-1, :-1] = grown[:-1, -1] = new[keep]
        nodes = [nodes[k] for k in keep] + [f"({nodes[i]}:{li:.3f},{nodes[j]}:{lj:.3f})"]
        d = grown
    return f"({nodes[0]}:{d[0, 1]:.3f},{nodes[1]});"


def felsenstein(tree, leaves, branch, mu=1.0):
    """Likelihood of one column on a tree given as nested pairs (pruning)."""

    def transition(t):
        same = 0.25 + 0.75 * math.exp(-4 * mu * t / 3)
        return np.full((4, 4), (1 - same) / 3) + np.eye(4) * (same - (1 - same) / 3)

    def partial(node):
        if isinstance(node, str):
            vec = np.zeros(4)
            vec[leaves[node]] = 1.0
            return vec
        left, right = node
        p = transition(branch)
        return (p @ partial(left)) * (p @ partial(right))

    return math.log(0.25 * partial(tree).sum())


def wright_fisher(n, p0, generations, rng, s=0.0, mu=0.0):
    """Allele frequencies under drift, selection and mutation; when it is fixed or lost."""
    freq = np.empty(generations + 1)
    freq[0] = p0
    fixed = None
    for g in range(generations):
        p = freq[g]
        w = p * (1 + s) / (1 + p * s)
        w = w * (1 - mu) + (1 - w) * mu
        freq[g + 1] = rng.binomial(n, w) / n
        if mu == 0 and freq[g + 1] in (0.0, 1.0):
            fixed = (g + 1, bool(freq[g + 1]))
            freq[g + 1 :] = freq[g + 1]
            break
    return freq, fixed


def coalescent_times(n, rng, theta=1.0):
    """Waiting times, tree height and the segregating sites of a sample."""
    k = n
    times, lineages = [], []
    while k > 1:
        t = rng.exponential(2.0 / (k * (k - 1)))
        times.append(t)
        lineages.append(k)
        k -= 1
    length = sum(t * m for t, m in zip(times, lineages))
    sites = rng.poisson(theta / 2 * length)
    watterson = sites / sum(1 / i for i in range(1, n)) if n > 1 else 0.0
    return times, length, int(sites), watterson


def seir_age(contact, population, beta, days, sigma=0.2, gamma=0.1, i0=1.0, lockdown=None):
    """Age-structured SEIR; contact falls while more than a share is infected."""
    groups = len(population)
    s = np.asarray(population, float) - i0
    e, i, r = np.zeros(groups), np.full(groups, i0), np.zeros(groups)
    curve = np.zeros((days, 4))
    locked, switches = False, []
    for day in range(days):
        share = i.sum() / np.sum(population)
        if lockdown is not None:
            if not locked and share > lockdown["on"]:
                locked = True
                switches.append((day, "on"))
            elif locked and share < lockdown["off"]:
                locked = False
                switches.append((day, "off"))
        factor = lockdown["factor"] if locked else 1.0
        force = beta * factor * contact @ (i / population)
        new_e, new_i, new_r = force * s, sigma * e, gamma * i
        s = s - new_e
        e = e + new_e - new_i
        i = i + new_i - new_r
        r = r + new_r
        curve[day] = s.sum(), e.sum(), i.sum(), r.sum()
    return curve, int(curve[:, 2].argmax()) if days else None, switches


def sir_network(adjacency, beta, gamma, seeds, rng, max_steps=100):
    """An epidemic on a graph, step by step, until nobody is infectious."""
    n = len(adjacency)
    state = np.zeros(n, dtype=np.int8)
    state[seeds] = 1
    infected_at = np.full(n, -1)
    infected_at[seeds] = 0
    history = []
    for step in range(1, max_steps + 1):
        sick = np.flatnonzero(state == 1)
        if sick.size == 0:
            break
        new = state.copy()
        for i in sick:
            for j in np.flatnonzero(adjacency[i]):
                if state[j] == 0 and rng.random() < beta:
                    new[j] = 1
                    if infected_at[j] < 0:
                        infected_at[j] = step
            if rng.random() < gamma:
                new[i] = 2
        state = new
        history.append(np.bincount(state, minlength=3))
    return state, infected_at, np.array(history)


def food_web(biomass, interactions, growth, t_max, dt=0.05, extinct=1e-3):
    """Generalised Lotka–Volterra by RK4; a species below the threshold is gone."""
    x = np.array(biomass, float)

    def rate(y):
        return y * (growth + interactions @ y)

    lost = []
    n = int(t_max / dt)
    for k in range(n):
        k1 = rate(x)
        k2 = rate(x + dt / 2 * k1)
        k3 = rate(x + dt / 2 * k2)
        k4 = rate(x + dt * k3)
        x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        for s in range(len(x)):
            if 0 < x[s] < extinct:
                x[s] = 0.0
                lost.append((s, k * dt))
        if not np.all(np.isfinite(x)):
            raise FloatingPointError(f"diverged at t={k * dt:.2f}")
    diversity = 0.0
    total = x.sum()
    for v in x:
        if v > 0:
            diversity -= v / total * math.log(v / total)
    return x, lost, diversity


def leslie_projection(fecundity, survival, n0, years, harvest=None):
    """Age classes year by year, dominant growth rate and stable structure."""
    k = len(fecundity)
    a = np.zeros((k, k))
    a[0] = fecundity
    for i in range(k - 1):
        a[i + 1, i] = survival[i]
    pop = np.zeros((years + 1, k))
    pop[0] = n0
    for y in range(years):
        pop[y + 1] = a @ pop[y]
        if harvest is not None:
            pop[y + 1] *= 1 - harvest
    v = np.ones(k) / k
    lam = 0.0
    for _ in range(500):
        w = a @ v
        new = np.linalg.norm(w)
        if new == 0:
            return pop, 0.0, None
        v = w / new
        if abs(new - lam) < 1e-12:
            break
        lam = new
    return pop, lam, v / v.sum()


def turing_stripes(n, steps, rng, du=0.16, dv=0.08, f=0.035, k=0.06, boundary="wrap"):
    """Reaction and diffusion along a line; the number of stripes that are left."""
    u, v = np.ones(n), np.zeros(n)
    v[n // 3 : n // 2] = 0.25 + 0.1 * rng.random(n // 2 - n // 3)
    for _ in range(steps):
        if boundary == "wrap":
            lu = np.roll(u, 1) + np.roll(u, -1) - 2 * u
            lv = np.roll(v, 1) + np.roll(v, -1) - 2 * v
        else:
            pu, pv = np.pad(u, 1, mode="edge"), np.pad(v, 1, mode="edge")
            lu = pu[:-2] + pu[2:] - 2 * u
            lv = pv[:-2] + pv[2:] - 2 * v
        uvv = u * v * v
        u += du * lu - uvv + f * (1 - u)
        v += dv * lv + uvv - (f + k) * v
    above = v > v.mean()
    return u, v, int(np.count_nonzero(above[1:] & ~above[:-1]))


def forest_fire(size, steps, rng, p=0.05, f=0.01):
    """Drossel and Schwabl's automaton; 0 empty, 1 tree, 2 burning."""
    grid = np.zeros((size, size), dtype=np.uint8)
    trees = []
    for _ in range(steps):
        burning = grid == 2
        near = np.zeros_like(burning)
        near[1:] |= burning[:-1]
        near[:-1] |= burning[1:]
        near[:, 1:] |= burning[:, :-1]
        near[:, :-1] |= burning[:, 1:]
        draw = rng.random((size, size))
        new = grid.copy()
        new[burning] = 0
        new[(grid == 1) & (near | (draw < f))] = 2
        new[(grid == 0) & (draw < p)] = 1
        grid = new
        trees.append(int((grid == 1).sum()))
    return grid, trees


def physarum(n, agents, steps, rng, sense=0.6, turn=0.4, decay=0.9):
    """Agents that follow the trail they lay on a torus."""
    trail = np.zeros((n, n))
    x, y = rng.uniform(0, n, agents), rng.uniform(0, n, agents)
    heading = rng.uniform(0, 2 * np.pi, agents)

    def at(px, py):
        return trail[np.floor(px).astype(int) % n, np.floor(py).astype(int) % n]

    for _ in range(steps):
        left = at(x + 2 * np.cos(heading - sense), y + 2 * np.sin(heading - sense))
        front = at(x + 2 * np.cos(heading), y + 2 * np.sin(heading))
        right = at(x + 2 * np.cos(heading + sense), y + 2 * np.sin(heading + sense))
        steer = np.where(right > left, turn, -turn)
        steer[(front >= left) & (front >= right)] = 0.0
        heading += steer
        x = (x + np.cos(heading)) % n
        y = (y + np.sin(heading)) % n
        np.add.at(trail, (np.floor(x).astype(int) % n, np.floor(y).astype(int) % n), 1.0)
        trail *= decay
    return trail, heading


def _dna(rng, n):
    return "".join(rng.choice(list(BASES), n))


def _distances(rng, n):
    p = rng.uniform(0, 5, (n, 2))
    return np.sqrt(((p[:, None] - p[None]) ** 2).sum(-1))


CASES = {
    local_alignment: lambda rng: [
        (rng.integers(0, 4, 25), rng.integers(0, 4, 30)),
        ([0, 1, 2], [0, 1, 2], BLOSUM_LIKE.astype(float), -1),
        (np.zeros(0, int), np.ones(3, int)),
        ([0, 9], [1, 2]),
    ],
    banded_global: lambda rng: [
        (rng.integers(0, 4, 30), rng.integers(0, 4, 32), 5),
        (np.array([1, 2, 3], np.uint8), np.array([1, 3], np.uint8), 1),
        ([], [], 0),
        ([1], [1, 2, 3, 4], 2),
    ],
    gc_skew_origin: lambda rng: [(_dna(rng, 60),), ("GGCC", 2), ("",), ("ACX",)],
    kmer_profile: lambda rng: [(rng.integers(0, 4, 200),), ([0, 1], 3), (np.array([3, 3, 3], np.int8), 1)],
    motif_scan: lambda rng: [
        (rng.integers(0, 4, 80), rng.dirichlet(np.ones(4), 6)),
        ([0, 1, 2, 3], np.full((2, 4), 0.25), 0.25, -1.0),
        (np.zeros(2, int), np.full((5, 4), 0.25)),
        (np.arange(4), np.eye(4, dtype=np.float32)),
    ],
    cpg_islands: lambda rng: [
        (rng.integers(0, 4, 120),),
        ([1, 2, 1, 2, 2, 0, 0, 3, 0, 0], 0.8, 1),
        (np.array([2]),),
        (np.zeros(0, int),),
    ],
    jukes_cantor: lambda rng: [
        (rng.integers(0, 2, (5, 60)),),
        (rng.integers(-1, 4, (4, 20)),),
        ([np.array([0, 1]), np.array([-1, -1])],),
        (np.zeros((1, 3), int),),
    ],
    upgma: lambda rng: [(_distances(rng, 8),), (np.array([[0, 2], [2, 0]]),), (np.zeros((1, 1)),)],
    neighbour_joining: lambda rng: [
        (_distances(rng, 6),),
        (_distances(rng, 3), ["human", "chimp", "gorilla"]),
        ([[0, 1], [1, 0]], "AB"),
        ([[0.0]],),
    ],
    felsenstein: lambda rng: [
        ((("a", "b"), ("c", ("d", "e"))), {"a": 0, "b": 0, "c": 2, "d": 1, "e": 2}, 0.1),
        (("a", "b"), {"a": 3, "b": 1}, 0.5, 2.0),
        (("a", "z"), {"a": 3}, 0.5),
    ],
    wright_fisher: lambda rng: [
        (50, 0.3, 60, np.random.default_rng(1)),
        (10, 0.5, 100, np.random.default_rng(2), 0.1),
        (20, 0.1, 10, np.random.default_rng(3), 0.0, 0.01),
        (5, 0.5, 0, np.random.default_rng(4)),
    ],
    coalescent_times: lambda rng: [
        (10, np.random.default_rng(1)),
        (2, np.random.default_rng(2), 5.0),
        (1, np.random.default_rng(3)),
    ],
    seir_age: lambda rng: [
        (rng.uniform(0.5, 2, (3, 3)), np.array([3e4, 5e4, 2e4]), 0.25, 120),
        (np.ones((2, 2)), [1000, 500], 0.3, 90, 0.3, 0.1, 5.0, {"on": 0.05, "off": 0.01, "factor": 0.2}),
        (np.eye(1), np.array([100.0]), 0.1, 0),
    ],
    sir_network: lambda rng: [
        (np.triu(rng.random((30, 30)) < 0.15, 1) | np.triu(rng.random((30, 30)) < 0.15, 1).T, 0.4, 0.2, [0, 3], rng),
        (np.zeros((3, 3), int), 0.5, 1.0, [1], np.random.default_rng(2)),
        (np.ones((2, 2), bool), 0.5, 0.1, [], np.random.default_rng(3)),
    ],
    food_web: lambda rng: [
        ([1.0, 0.5, 0.2], np.array([[-0.2, -0.5, 0], [0.4, -0.1, -0.6], [0, 0.3, -0.1]]), np.array([1.0, -0.1, -0.2]), 10.0),
        ([1, 1], np.array([[-1, -2], [-2, -1]]), np.array([1.0, 0.9]), 20.0, 0.1, 0.01),
        ([1.0], np.array([[1.0]]), np.array([1.0]), 5.0),
        ([0.0], np.array([[-1.0]]), np.array([1.0]), 0.0),
    ],
    leslie_projection: lambda rng: [
        ([0.0, 1.2, 0.8], [0.5, 0.3], [100.0, 50.0, 20.0], 12),
        (np.array([0, 2, 1]), np.array([0.4, 0.2]), np.array([10, 10, 10]), 3, 0.1),
        ([0.0, 0.0], [0.5], [1.0, 1.0], 2),
        ([1.0], [], [5.0], 0),
    ],
    turing_stripes: lambda rng: [
        (80, 150, np.random.default_rng(1)),
        (20, 10, np.random.default_rng(2), 0.2, 0.1, 0.02, 0.05, "edge"),
        (3, 2, np.random.default_rng(3)),
    ],
    forest_fire: lambda rng: [
        (20, 30, np.random.default_rng(1)),
        (3, 5, np.random.default_rng(2), 0.9, 0.5),
        (1, 0, np.random.default_rng(3)),
    ],
    physarum: lambda rng: [
        (16, 60, 15, np.random.default_rng(1)),
        (4, 1, 3, np.random.default_rng(2), 1.0, 1.0, 0.5),
        (3, 0, 2, np.random.default_rng(3)),
    ],
}
