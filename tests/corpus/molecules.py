"""Chemistry and materials: molecules, crystals, clusters, reactions."""

import itertools
import math
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

KB = 0.0019872041
MASSES = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999}


@dataclass
class Reaction:
    reactants: dict
    products: dict
    rate: float

    def propensity(self, state):
        a = self.rate
        for species, count in self.reactants.items():
            for k in range(count):
                a *= state[species] - k
        return a


def gillespie_network(state, reactions, t_max, rng, max_events=500):
    """Exact stochastic simulation of named species; the state is a dict."""
    state = dict(state)
    t = 0.0
    times, history = [0.0], [tuple(state.values())]
    for _ in range(max_events):
        propensities = [r.propensity(state) for r in reactions]
        total = sum(propensities)
        if total <= 0:
            break
        t += -math.log(rng.random()) / total
        if t > t_max:
            break
        target = rng.random() * total
        acc = 0.0
        for r, a in zip(reactions, propensities):
            acc += a
            if acc >= target:
                break
        for s, n in r.reactants.items():
            state[s] -= n
        for s, n in r.products.items():
            state[s] += n
        times.append(t)
        history.append(tuple(state.values()))
    return np.array(times), np.array(history), state


def tau_leaping(x0, stoich, rates, tau, steps, rng):
    """Poisson leaps of a mass-action system given as matrices; negative populations are refused."""
    x = np.array(x0, dtype=float)
    out = np.zeros((steps + 1, len(x)))
    out[0] = x
    rejected = 0
    for k in range(steps):
        a = np.array([rates[r] * np.prod(x[stoich[r] < 0]) for r in range(len(rates))])
        events = rng.poisson(a * tau)
        new = x + events @ stoich
        if np.any(new < 0):
            rejected += 1
            new = np.maximum(new, 0)
        x = new
        out[k + 1] = x
    return out, rejected


def huckel(bonds, n, electrons=None, alpha=0.0, beta=-1.0):
    """π energies, charges and bond orders."""
    h = np.zeros((n, n))
    np.fill_diagonal(h, alpha)
    for i, j in bonds:
        h[i, j] = h[j, i] = beta
    energies, orbitals = np.linalg.eigh(h)
    electrons = n if electrons is None else electrons
    occupation = np.zeros(n)
    left = electrons
    for k in range(n):
        occupation[k] = min(2, left)
        left -= occupation[k]
        if left <= 0:
            break
    total = float(occupation @ energies)
    charges = 1 - (orbitals**2) @ occupation
    orders = {}
    for i, j in bonds:
        orders[(i, j)] = float(sum(occupation[k] * orbitals[i, k] * orbitals[j, k] for k in range(n)))
    homo = int(np.flatnonzero(occupation)[-1]) if electrons else None
    gap = energies[homo + 1] - energies[homo] if homo is not None and homo + 1 < n else None
    return energies, total, charges, orders, gap


class VerletList:
    """Neighbours within a cutoff plus a skin, rebuilt when somebody has moved half the skin."""

    def __init__(self, cutoff, skin=0.3):
        self.cutoff, self.skin = cutoff, skin
        self.pairs = []
        self.reference = None
        self.builds = 0

    def update(self, pos, box):
        if self.reference is not None:
            moved = pos - self.reference
            moved -= box * np.round(moved / box)
            if np.max(np.sum(moved**2, axis=1)) < (self.skin / 2) ** 2:
                return self.pairs
        reach = (self.cutoff + self.skin) ** 2
        self.pairs = []
        n = len(pos)
        for i in range(n - 1):
            for j in range(i + 1, n):
                d = pos[i] - pos[j]
                d -= box * np.round(d / box)
                if d @ d < reach:
                    self.pairs.append((i, j))
        self.reference = pos.copy()
        self.builds += 1
        return self.pairs


def lj_forces(pos, box, pairs, cutoff, eps=1.0, sigma=1.0):
    forces = np.zeros_like(pos)
    energy = 0.0
    for i, j in pairs:
        d = pos[i] - pos[j]
        d -= box * np.round(d / box)
        r2 = d @ d
        if r2 >= cutoff**2:
            continue
        s6 = (sigma * sigma / r2) ** 3
        energy += 4 * eps * (s6 * s6 - s6)
        f = 24 * eps * (2 * s6 * s6 - s6) / r2 * d
        forces[i] += f
        forces[j] -= f
    return forces, energy


def lj_verlet_list(pos, vel, box, steps, dt=0.005, cutoff=2.5):
    """Velocity Verlet with a neighbour list; energies of every step."""
    pos, vel = pos.copy(), vel.copy()
    lists = VerletList(cutoff)
    forces, energy = lj_forces(pos, box, lists.update(pos, box), cutoff)
    log = {"potential": [], "kinetic": []}
    for _ in range(steps):
        vel += 0.5 * dt * forces
        pos += dt * vel
        pos %= box
        forces, energy = lj_forces(pos, box, lists.update(pos, box), cutoff)
        vel += 0.5 * dt * forces
        log["potential"].append(energy)
        log["kinetic"].append(0.5 * np.sum(vel**2))
    return pos, vel, log, lists.builds


def cell_list_pairs(pos, box, cutoff):
    """Pairs within a cutoff from linked cells (head and next arrays)."""
    n = len(pos)
    m = max(1, int(box // cutoff))
    if m < 3:
        raise ValueError("the box is too small for cells")
    size = box / m
    head = np.full((m, m), -1)
    nxt = np.full(n, -1)
    for i in range(n):
        cx, cy = int(pos[i, 0] // size) % m, int(pos[i, 1] // size) % m
        nxt[i] = head[cx, cy]
        head[cx, cy] = i
    count, total = 0, 0.0
    for cx in range(m):
        for cy in range(m):
            for dx in (-1, 0, 1):
                for dy in (-1, 0, 1):
                    i = head[cx, cy]
                    while i != -1:
                        j = head[(cx + dx) % m, (cy + dy) % m]
                        while j != -1:
                            if i < j:
                                d = pos[i] - pos[j]
                                d = d - box * np.round(d / box)
                                r2 = d[0] ** 2 + d[1] ** 2
                                if r2 < cutoff**2:
                                    count += 1
                                    total += math.sqrt(r2)
                            j = nxt[j]
                        i = nxt[i]
    return count, total


def kabsch(p, q, weights=None):
    """Best rotation of p onto q, its RMSD, and the aligned coordinates."""
    p, q = np.asarray(p, float), np.asarray(q, float)
    if p.shape != q.shape:
        raise ValueError(f"shapes differ: {p.shape} and {q.shape}")
    w = np.ones(len(p)) if weights is None else np.asarray(weights, float)
    cp, cq = np.average(p, axis=0, weights=w), np.average(q, axis=0, weights=w)
    h = (p - cp).T @ ((q - cq) * w[:, None])
    u, s, vt = np.linalg.svd(h)
    d = np.sign(np.linalg.det(vt.T @ u.T))
    correction = np.diag([1.0, 1.0, d])
    r = vt.T @ correction @ u.T
    aligned = (p - cp) @ r.T + cq
    rmsd = np.sqrt(np.sum(w * np.sum((aligned - q) ** 2, axis=1)) / w.sum())
    return r, rmsd, aligned


def madelung(shells=4, alpha=1.2, k_max=5):
    """Ewald's sum for the NaCl lattice."""
    real = recip = 0.0
    for i, j, k in itertools.product(range(-shells, shells + 1), repeat=3):
        if i == j == k == 0:
            continue
        r = math.sqrt(i * i + j * j + k * k)
        real += (-1) ** (i + j + k) * math.erfc(alpha * r) / r
    for h in range(-k_max, k_max + 1):
        for k in range(-k_max, k_max + 1):
            for m in range(-k_max, k_max + 1):
                if h % 2 == 0 or k % 2 == 0 or m % 2 == 0:
                    continue
                g2 = math.pi**2 * (h * h + k * k + m * m)
                recip += 4 * math.pi * math.exp(-g2 / (4 * alpha**2)) / g2
    return real + recip - 2 * alpha / math.sqrt(math.pi)


def molecular_descriptors(symbols, coords, bond_scale=1.2):
    """Mass, centre, gyration tensor, bonds by distance and rings by Euler's rule."""
    radii = {"H": 0.31, "C": 0.76, "N": 0.71, "O": 0.66}
    masses = np.array([MASSES[s] for s in symbols])
    centre = masses @ coords / masses.sum()
    shifted = coords - centre
    inertia = np.zeros((3, 3))
    for m, (x, y, z) in zip(masses, shifted):
        inertia += m * np.array(
            [[y * y + z * z, -x * y, -x * z], [-x * y, x * x + z * z, -y * z], [-x * z, -y * z, x * x + y * y]]
        )
    bonds = []
    for i, j in itertools.combinations(range(len(symbols)), 2):
        if np.linalg.norm(coords[i] - coords[j]) < bond_scale * (radii[symbols[i]] + radii[symbols[j]]):
            bonds.append((i, j))
    seen, parts = set(), 0
    for start in range(len(symbols)):
        if start in seen:
            continue
        parts += 1
        queue = deque([start])
        while queue:
            a = queue.popleft()
            if a in seen:
                continue
            seen.add(a)
            queue.extend(j if i == a else i for i, j in bonds if a in (i, j))
    formula = "".join(f"{s}{n if n > 1 else ''}" for s, n in sorted(Counter(symbols).items()))
    return formula, masses.sum(), np.linalg.eigvalsh(inertia), bonds, len(bonds) - len(symbols) + parts


def dihedrals(coords):
    """Torsion angles along a chain, in degrees (Blondel and Karplus)."""
    n = len(coords)
    if n < 4:
        return np.empty(0)
    out = np.empty(n - 3)
    for i in range(n - 3):
        p0, p1, p2, p3 = coords[i : i + 4]
        b0, b1, b2 = p0 - p1, p2 - p1, p3 - p2
        b1 = b1 / np.linalg.norm(b1)
        v = b0 - np.dot(b0, b1) * b1
        w = b2 - np.dot(b2, b1) * b1
        out[i] = np.degrees(np.arctan2(np.dot(np.cross(b1, v), w), np.dot(v, w)))
    return out


def potts_anneal(size, q, temperatures, rng):
    """Metropolis sweeps of a Potts lattice while it cools; energies and the greatest fraction."""
    spins = rng.integers(0, q, (size, size))
    energies = []
    for temp in temperatures:
        for _ in range(size * size):
            i, j = rng.integers(0, size, 2)
            old, new = spins[i, j], rng.integers(0, q)
            delta = 0
            for di, dj in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                s = spins[(i + di) % size, (j + dj) % size]
                delta += int(s == old) - int(s == new)
            if delta <= 0 or rng.random() < np.exp(-delta / temp):
                spins[i, j] = new
        same = (spins == np.roll(spins, 1, 0)).sum() + (spins == np.roll(spins, 1, 1)).sum()
        energies.append(-int(same))
    fraction = np.bincount(spins.ravel(), minlength=q).max() / spins.size
    return spins, energies, fraction


def xy_model(theta, beta, sweeps, rng, width=1.0):
    """Metropolis for planar spins, with vortices counted; the angles are written in place."""
    n = theta.shape[0]
    accepted = 0
    for _ in range(sweeps):
        for i in range(n):
            for j in range(n):
                new = theta[i, j] + width * (rng.random() - 0.5)
                e = 0.0
                for a, b in (((i + 1) % n, j), (i - 1, j), (i, (j + 1) % n), (i, j - 1)):
                    e += np.cos(theta[i, j] - theta[a, b]) - np.cos(new - theta[a, b])
                if e < 0 or rng.random() < np.exp(-beta * e):
                    theta[i, j] = new
                    accepted += 1
    vortices = 0
    for i in range(n):
        for j in range(n):
            ring = [theta[i, j], theta[(i + 1) % n, j], theta[(i + 1) % n, (j + 1) % n], theta[i, (j + 1) % n]]
            winding = 0.0
            for k in range(4):
                d = ring[(k + 1) % 4] - ring[k]
                winding += (d + np.pi) % (2 * np.pi) - np.pi
            if abs(winding) > np.pi:
                vortices += 1
    m = np.hypot(np.cos(theta).mean(), np.sin(theta).mean())
    return m, vortices, accepted


@dataclass
class Surface:
    """Heights of a growing surface."""

    size: int
    heights: np.ndarray = field(init=False)

    def __post_init__(self):
        self.heights = np.zeros(self.size, dtype=int)

    def neighbours(self, i):
        return (i - 1) % self.size, (i + 1) % self.size


def kinetic_monte_carlo(size, steps, rng, deposition=1.0, hop=5.0, bond=1.0, temp=0.5):
    """Deposition and hopping on a line, by the n-fold way."""
    surface = Surface(size)
    h = surface.heights
    t = 0.0
    counts = {"deposit": 0, "hop": 0}
    for _ in range(steps):
        rates = np.empty(size)
        for i in range(size):
            left, right = surface.neighbours(i)
            n = int(h[left] >= h[i]) + int(h[right] >= h[i])
            rates[i] = hop * np.exp(-n * bond / temp) if h[i] > 0 else 0.0
        total = deposition * size + rates.sum()
        t -= np.log(rng.random()) / total
        u = rng.random() * total
        if u < deposition * size:
            h[int(u / deposition)] += 1
            counts["deposit"] += 1
        else:
            k = int(np.searchsorted(np.cumsum(rates), u - deposition * size))
            h[k] -= 1
            h[surface.neighbours(k)[rng.integers(0, 2)]] += 1
            counts["hop"] += 1
    return h, h.std(), t, counts


def cahn_hilliard(c, steps, dt=0.01, dx=1.0, mobility=1.0, kappa=0.5, every=10):
    """Phase separation with explicit steps; free energies every so often."""

    def lap(f):
        return (np.roll(f, 1, 0) + np.roll(f, -1, 0) + np.roll(f, 1, 1) + np.roll(f, -1, 1) - 4 * f) / dx**2

    energies = []
    for k in range(steps):
        mu = c**3 - c - kappa * lap(c)
        c = c + dt * mobility * lap(mu)
        if k % every == 0:
            gx, gy = np.gradient(c)
            energies.append(float(np.sum(0.25 * (c**2 - 1) ** 2 + 0.5 * kappa * (gx**2 + gy**2))))
    return c, energies


def hoshen_kopelman(grid):
    """Cluster labels with union by path halving; sizes and whether a cluster spans."""
    rows, cols = grid.shape
    labels = np.zeros((rows, cols), dtype=int)
    parent = [0]

    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for i in range(rows):
        for j in range(cols):
            if not grid[i, j]:
                continue
            up = labels[i - 1, j] if i else 0
            left = labels[i, j - 1] if j else 0
            if up and left:
                a, b = find(up), find(left)
                parent[max(a, b)] = min(a, b)
                labels[i, j] = min(a, b)
            elif up or left:
                labels[i, j] = find(up or left)
            else:
                parent.append(len(parent))
                labels[i, j] = parent[-1]
    sizes = Counter()
    for i in range(rows):
        for j in range(cols):
            if labels[i, j]:
                labels[i, j] = find(labels[i, j])
                sizes[int(labels[i, j])] += 1
    spanning = set(labels[0]) & set(labels[-1]) - {0}
    return labels, max(sizes.values(), default=0), bool(spanning)


def langmuir_fit(pressure, uptake, q0=1.0, k0=1.0, tol=1e-10, max_iter=100):
    """Gauss–Newton with halved steps for q·k·p/(1+k·p)."""
    q, k = q0, k0
    sse = np.sum((uptake - q * k * pressure / (1 + k * pressure)) ** 2)
    trace = [sse]
    for it in range(max_iter):
        denom = 1 + k * pressure
        r = uptake - q * k * pressure / denom
        jac = np.column_stack([k * pressure / denom, q * pressure / denom**2])
        try:
            step = np.linalg.solve(jac.T @ jac, jac.T @ r)
        except np.linalg.LinAlgError:
            return None
        scale = 1.0
        while scale > 1e-6:
            qn, kn = q + scale * step[0], k + scale * step[1]
            new = np.sum((uptake - qn * kn * pressure / (1 + kn * pressure)) ** 2)
            if new <= sse:
                break
            scale /= 2
        q, k = qn, kn
        trace.append(new)
        if abs(sse - new) < tol * (1 + sse):
            break
        sse = new
    return q, k, trace


def arrhenius_network(c0, times, temp, pre=(1e3, 5e2, 1e2), ea=(3.0, 3.5, 2.5), substeps=20):
    """A → B ⇌ C by RK4; concentrations at the given times."""
    k1, k2, k3 = (a * math.exp(-e / (KB * temp)) for a, e in zip(pre, ea))

    def rhs(y):
        a, b, c = y
        return np.array([-k1 * a, k1 * a - k2 * b + k3 * c, k2 * b - k3 * c])

    y = np.array(c0, dtype=float)
    out = [y]
    for t0, t1 in zip(times, times[1:]):
        h = (t1 - t0) / substeps
        assert h > 0, "times must increase"
        for _ in range(substeps):
            s1 = rhs(y)
            s2 = rhs(y + h / 2 * s1)
            s3 = rhs(y + h / 2 * s2)
            s4 = rhs(y + h * s3)
            y = y + h / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
        out.append(y)
    return np.array(out)


BENZENE = [(k, (k + 1) % 6) for k in range(6)]
DIMER = [Reaction({"A": 2}, {"B": 1}, 0.01), Reaction({"B": 1}, {"A": 2}, 0.5)]
WATER = np.array([[0, 0, 0], [0.957, 0, 0], [-0.24, 0.927, 0]], float)


def _lattice(rng, k, spacing=1.2):
    grid = np.array(list(itertools.product(range(k), repeat=3)), float) * spacing
    return grid + rng.normal(0, 0.02, grid.shape)


CASES = {
    gillespie_network: lambda rng: [
        ({"A": 40, "B": 0}, DIMER, 5.0, np.random.default_rng(1)),
        ({"A": 1, "B": 0}, DIMER, 5.0, np.random.default_rng(2)),
        ({"A": 10, "B": 3}, DIMER, 0.1, np.random.default_rng(3), 5),
    ],
    tau_leaping: lambda rng: [
        ([100, 0], np.array([[-1, 1], [1, -1]]), [0.5, 0.2], 0.1, 30, np.random.default_rng(1)),
        ([1.0], np.array([[-1]]), [3.0], 1.0, 4, np.random.default_rng(2)),
        ([5, 5], np.array([[-1, 0]]), [1.0], 0.1, 0, np.random.default_rng(3)),
    ],
    huckel: lambda rng: [
        (BENZENE, 6),
        ([(0, 1), (1, 2), (2, 3)], 4, 3),
        ([(0, 1)], 2, 0, -1.0, -2.0),
        ([(0, 5)], 3),
    ],
    lj_verlet_list: lambda rng: [
        (_lattice(rng, 3), rng.normal(0, 0.5, (27, 3)), 3.6, 15),
        (_lattice(rng, 2), rng.normal(0, 3.0, (8, 3)), 2.4, 40, 0.01, 1.0),
        (np.zeros((1, 3)), np.ones((1, 3)), 5.0, 2),
    ],
    cell_list_pairs: lambda rng: [
        (rng.uniform(0, 10, (60, 2)), 10.0, 1.5),
        (np.zeros((0, 2)), 5.0, 1.0),
        (rng.uniform(0, 3, (5, 2)), 3.0, 2.0),
        (rng.integers(0, 9, (10, 2)), 9, 2),
    ],
    kabsch: lambda rng: [
        (rng.normal(size=(10, 3)), rng.normal(size=(10, 3))),
        (WATER, WATER[:, [1, 0, 2]], [16.0, 1.0, 1.0]),
        (WATER.astype(np.float32), (WATER * 2).astype(np.float32)),
        (WATER, np.zeros((2, 3))),
    ],
    madelung: lambda rng: [(), (2, 1.5, 3), (1, 2.0, 0)],
    molecular_descriptors: lambda rng: [
        (["O", "H", "H"], WATER),
        (["C", "C", "N"], np.array([[0, 0, 0], [1.4, 0, 0], [0.7, 1.2, 0]])),
        (["O", "H"], np.array([[0, 0, 0], [9, 0, 0]])),
        (["Xx"], np.zeros((1, 3))),
    ],
    dihedrals: lambda rng: [
        (np.cumsum(rng.normal(size=(12, 3)), axis=0),),
        (np.cumsum(rng.normal(size=(4, 3)), axis=0).astype(np.float32),),
        (np.zeros((3, 3)),),
        (np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]),),
    ],
    potts_anneal: lambda rng: [
        (6, 3, [2.0, 1.0, 0.5], np.random.default_rng(1)),
        (2, 2, np.array([1.0]), np.random.default_rng(2)),
        (3, 4, [], np.random.default_rng(3)),
    ],
    xy_model: lambda rng: [
        (rng.uniform(-np.pi, np.pi, (6, 6)), 1.0, 5, np.random.default_rng(1)),
        (np.zeros((2, 2)), 0.1, 2, np.random.default_rng(2), 3.0),
        (np.ones((1, 1), np.float32), 1.0, 1, np.random.default_rng(3)),
    ],
    kinetic_monte_carlo: lambda rng: [
        (10, 60, np.random.default_rng(1)),
        (2, 10, np.random.default_rng(2), 0.5, 1.0),
        (3, 0, np.random.default_rng(3)),
    ],
    cahn_hilliard: lambda rng: [
        (rng.normal(0, 0.1, (16, 16)), 30),
        (rng.normal(0, 0.1, (8, 6)).astype(np.float32), 5, 0.005, 1.0, 1.0, 0.5, 2),
        (np.zeros((3, 3), int), 2),
        (np.ones((4, 4)), 0),
    ],
    hoshen_kopelman: lambda rng: [
        (rng.random((12, 12)) < 0.6,),
        (np.zeros((3, 3), bool),),
        (np.ones((2, 4), int),),
        (np.array([[1, 0, 1], [1, 1, 1]]),),
    ],
    langmuir_fit: lambda rng: [
        (np.linspace(0.1, 5, 20), 3.0 * np.linspace(0.1, 5, 20) / (1 + np.linspace(0.1, 5, 20))),
        (np.array([1, 2, 3]), np.array([1.0, 1.5, 1.7]), 2.0, 0.5, 1e-6, 5),
        (np.zeros(3), np.ones(3)),
    ],
    arrhenius_network: lambda rng: [
        ([1.0, 0.0, 0.0], np.linspace(0, 2, 9), 350.0),
        ((1, 0, 0), [0.0, 0.5], 300.0, (1e2, 1e2, 1e2), (2.0, 2.0, 2.0), 3),
        ([1.0, 0.0, 0.0], [0.0], 300.0),
        ([1.0, 0.0, 0.0], [1.0, 1.0], 300.0),
    ],
}
