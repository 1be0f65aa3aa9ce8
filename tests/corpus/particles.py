"""Molecules, lattices, walkers, photons and plasmas, with small classes and lists of what happened."""

import math
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np

KB = 1.0
GRAVITY = 9.81
Hit = namedtuple("Hit", "t normal index")


@dataclass
class Box:
    length: float
    periodic: bool = True

    def wrap(self, x):
        return x - self.length * np.floor(x / self.length) if self.periodic else x

    def minimum_image(self, d):
        if not self.periodic:
            return d
        return d - self.length * np.rint(d / self.length)


def md_cell_box(x, v, length, cutoff, dt, steps, periodic=True):
    """Velocity Verlet of truncated and shifted Lennard-Jones particles, the box a dataclass, energies appended."""
    box = Box(length, periodic)
    shift = 4 * (cutoff**-12 - cutoff**-6)

    def forces(x):
        f = np.zeros_like(x)
        potential = 0.0
        for i in range(len(x)):
            d = box.minimum_image(x[i + 1 :] - x[i])
            r2 = (d**2).sum(axis=1)
            near = r2 < cutoff**2
            if not near.any():
                continue
            inv6 = r2[near] ** -3
            potential += np.sum(4 * (inv6**2 - inv6) - shift)
            pair = (24 * (2 * inv6**2 - inv6) / r2[near])[:, None] * d[near]
            f[i] -= pair.sum(axis=0)
            f[i + 1 :][near] += pair
        return f, potential

    f, potential = forces(x)
    energies = []
    for _ in range(steps):
        v += 0.5 * dt * f
        x[:] = box.wrap(x + dt * v)
        f, potential = forces(x)
        v += 0.5 * dt * f
        kinetic = 0.5 * np.sum(v**2)
        energies.append((kinetic, potential, kinetic + potential))
    return np.array(energies)


def neighbour_pairs(x, length, cutoff):
    """All pairs closer than the cutoff by cell lists in a dict."""
    n_cells = max(int(length // cutoff), 1)
    cells = {}
    for i, p in enumerate(x):
        key = tuple((p / length * n_cells).astype(int) % n_cells)
        cells.setdefault(key, []).append(i)
    pairs = []
    for (a, b), members in cells.items():
        for da in (-1, 0, 1):
            for db in (-1, 0, 1):
                other = cells.get(((a + da) % n_cells, (b + db) % n_cells), [])
                for i in members:
                    for j in other:
                        if i < j:
                            d = x[i] - x[j]
                            d -= length * np.round(d / length)
                            if d @ d < cutoff**2:
                                pairs.append((i, j))
    return sorted(set(pairs))


def radial_distribution(x, length, nbins, rmax=None):
    """The pair correlation function of points in a periodic square."""
    if rmax is None:
        rmax = length / 2
    n, dim = x.shape
    if n < 2:
        raise ValueError("at least two particles are needed")
    counts = np.zeros(nbins, dtype=int)
    dr = rmax / nbins
    for i in range(n - 1):
        d = x[i + 1 :] - x[i]
        d -= length * np.rint(d / length)
        r = np.sqrt(np.sum(d * d, axis=-1))
        for distance in r:
            k = int(distance / dr)
            if k < nbins:
                counts[k] += 2
    edges = dr * np.arange(nbins + 1)
    shell = np.pi * (edges[1:] ** 2 - edges[:-1] ** 2)
    g = counts / (n * shell * n / length**dim)
    return 0.5 * (edges[1:] + edges[:-1]), g


class Pendulum:
    def __init__(self, length=1.0, damping=0.0, drive=0.0, frequency=2 / 3):
        self.length = length
        self.damping = damping
        self.drive = drive
        self.frequency = frequency
        self.history = []

    def rhs(self, t, y):
        theta, omega = y
        return np.array([
            omega,
            -GRAVITY / self.length * np.sin(theta) - self.damping * omega + self.drive * np.cos(self.frequency * t),
        ])  # fmt: skip

    def run(self, y, t_end, dt):
        t = 0.0
        while t < t_end - 1e-12:
            k1 = self.rhs(t, y)
            k2 = self.rhs(t + dt / 2, y + dt / 2 * k1)
            k3 = self.rhs(t + dt / 2, y + dt / 2 * k2)
            k4 = self.rhs(t + dt, y + dt * k3)
            y = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            t += dt
            self.history.append(t)
        return y


def driven_pendulum(theta0, t_end, dt, **options):
    pendulum = Pendulum(**options)
    final = pendulum.run(np.array([theta0, 0.0]), t_end, dt)
    return final, len(pendulum.history), pendulum.history[-1] if pendulum.history else None


def pendulum_periods(theta0, dt, max_steps, length=1.0):
    """Zero crossings of a symplectic integration, interpolated; the periods between them."""
    theta, omega, t = float(theta0), 0.0, 0.0
    crossings = []
    for _ in range(max_steps):
        omega -= dt * GRAVITY / length * math.sin(theta)
        new = theta + dt * omega
        if theta < 0 <= new:
            crossings.append(t + dt * (-theta) / (new - theta))
        theta = new
        t += dt
        if len(crossings) >= 4:
            break
    periods = np.diff(crossings)
    if len(periods) == 0:
        return None
    return periods.mean(), periods.std()


def _intersect(origin, direction, centres, radii):
    best = None
    for k in range(len(radii)):
        oc = origin - centres[k]
        b = np.dot(oc, direction)
        c = np.dot(oc, oc) - radii[k] ** 2
        disc = b * b - c
        if disc < 0:
            continue
        t = -b - np.sqrt(disc)
        if t > 1e-4 and (best is None or t < best.t):
            p = origin + t * direction
            best = Hit(t, (p - centres[k]) / radii[k], k)
    return best


def ray_trace(width, height, centres, radii, colours, light, depth=2):
    """Spheres with diffuse light, shadows and mirrors."""
    image = np.zeros((height, width, 3))
    light = light / np.linalg.norm(light)
    for row in range(height):
        for col in range(width):
            x = (2 * (col + 0.5) / width - 1) * width / height
            y = 1 - 2 * (row + 0.5) / height
            direction = np.array([x, y, -1.0])
            direction /= np.linalg.norm(direction)
            origin = np.zeros(3)
            colour, weight = np.zeros(3), 1.0
            for bounce in range(depth):
                hit = _intersect(origin, direction, centres, radii)
                if hit is None:
                    colour += weight * (0.5 * (direction[1] + 1.0)) * np.array([0.5, 0.7, 1.0])
                    break
                point = origin + hit.t * direction
                shade = max(0.0, hit.normal @ light)
                if shade > 0 and _intersect(point, light, centres, radii) is not None:
                    shade = 0.0
                colour += 0.7 * weight * (0.1 + 0.9 * shade) * colours[hit.index]
                weight *= 0.3
                direction = direction - 2 * (direction @ hit.normal) * hit.normal
                origin = point
            image[row, col] = np.clip(colour, 0, 1)
    return (255 * image).astype(np.uint8)


def sph_density_forces(x, v, mass, h, stiffness=10.0, rest=1.0, viscosity=0.1):
    """Poly6 densities, spiky pressure and viscous forces in two dimensions."""
    n = len(x)
    poly6 = 4 / (np.pi * h**8)
    spiky = -10 / (np.pi * h**5)
    rho = np.zeros(n)
    for i in range(n):
        for j in range(n):
            r2 = np.sum((x[i] - x[j]) ** 2)
            if r2 < h * h:
                rho[i] += mass * poly6 * (h * h - r2) ** 3
    p = stiffness * np.maximum(rho - rest, 0)
    acc = np.zeros_like(x)
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            d = x[i] - x[j]
            r = np.linalg.norm(d)
            if 0 < r < h:
                acc[i] -= mass * (p[i] + p[j]) / (2 * rho[j]) * spiky * (h - r) ** 2 * 3 * d / r
                acc[i] += viscosity * mass * (v[j] - v[i]) / rho[j] * 40 / (np.pi * h**5) * (h - r)
        acc[i, 1] -= GRAVITY
    return rho, acc


def particle_in_cell(x, v, cells, length, dt, steps):
    """Electrostatic plasma in one dimension, cloud in cell, the field by FFT."""
    n = len(x)
    dx = length / cells
    k = 2 * np.pi * np.fft.fftfreq(cells, d=dx)
    k[0] = 1.0
    field_energy = np.empty(steps)
    for step in range(steps):
        left = np.floor(x / dx).astype(int)
        weight = x / dx - left
        left %= cells
        right = (left + 1) % cells
        density = np.bincount(left, weights=1 - weight, minlength=cells) + np.bincount(right, weights=weight, minlength=cells)
        density *= cells / n
        rho_hat = np.fft.fft(1.0 - density)
        e_hat = -1j * rho_hat / k
        e_hat[0] = 0
        e = np.real(np.fft.ifft(e_hat))
        force = -(e[left] * (1 - weight) + e[right] * weight)
        v += dt * force
        x += dt * v
        np.mod(x, length, out=x)
        field_energy[step] = 0.5 * dx * np.sum(e**2)
    return field_energy


def photon_slab(photons, thickness, sigma_s, sigma_a, g=0.0, seed=1):
    """Monte Carlo transport through a slab with Henyey–Greenstein scattering and Russian roulette."""
    rng = np.random.default_rng(seed)
    sigma_t = sigma_s + sigma_a
    if sigma_t <= 0:
        raise ValueError("the slab must do something to photons")
    tally = {"reflected": 0.0, "transmitted": 0.0, "absorbed": 0.0}
    for _ in range(photons):
        z, mu, weight = 0.0, 1.0, 1.0
        while True:
            z += -np.log(1 - rng.random()) / sigma_t * mu
            if z < 0:
                tally["reflected"] += weight
                break
            if z > thickness:
                tally["transmitted"] += weight
                break
            tally["absorbed"] += weight * sigma_a / sigma_t
            weight *= sigma_s / sigma_t
            if weight < 1e-3:
                if rng.random() < 0.1:
                    weight *= 10
                else:
                    break
            if g == 0:
                cos_theta = 2 * rng.random() - 1
            else:
                s = (1 - g * g) / (1 - g + 2 * g * rng.random())
                cos_theta = (1 + g * g - s * s) / (2 * g)
            sin_theta = np.sqrt(max(0.0, 1 - cos_theta**2))
            phi = 2 * np.pi * rng.random()
            mu = mu * cos_theta + np.sqrt(max(0.0, 1 - mu * mu)) * sin_theta * np.cos(phi)
    return {name: total / max(photons, 1) for name, total in tally.items()}


@dataclass
class Decay:
    times: list = field(default_factory=list)
    remaining: list = field(default_factory=list)


def gillespie_decay(n0, rate_decay, rate_birth, t_max, seed):
    """A stochastic birth and death process, event by event."""
    rng = np.random.default_rng(seed)
    run = Decay()
    t, n = 0.0, n0
    while t < t_max:
        run.times.append(t)
        run.remaining.append(n)
        total = rate_decay * n + rate_birth
        if total == 0:
            break
        t += rng.exponential(1 / total)
        if rng.random() * total < rate_birth:
            n += 1
        else:
            n -= 1
    return run


def barnes_hut_1d(x, mass, theta=0.5):
    """Accelerations by a tree of intervals, nodes in a list of dicts."""
    nodes = []

    def build(ids, lo, hi):
        node = {"lo": lo, "hi": hi, "mass": mass[ids].sum(), "centre": np.average(x[ids], weights=mass[ids]), "kids": []}
        nodes.append(node)
        if len(ids) > 1 and hi - lo > 1e-6:
            mid = 0.5 * (lo + hi)
            for part, a, b in ((ids[x[ids] < mid], lo, mid), (ids[x[ids] >= mid], mid, hi)):
                if len(part):
                    node["kids"].append(build(part, a, b))
        return len(nodes) - 1 if not node["kids"] else nodes.index(node)

    def force(xi, k):
        node = nodes[k]
        d = node["centre"] - xi
        if not node["kids"] or (node["hi"] - node["lo"]) < theta * abs(d):
            return node["mass"] * d / (abs(d) ** 3 + 1e-3)
        return sum(force(xi, kid) for kid in node["kids"])

    if len(x) == 0:
        return np.zeros(0)
    root = build(np.arange(len(x)), x.min(), x.max() + 1e-9)
    return np.array([force(xi, root if root < len(nodes) else 0) for xi in x])


def velocity_rescale(v, mass, target, tau=None, dt=0.01):
    """A thermostat in place: rescaled at once, or by Berendsen's rule when `tau` is given."""
    dof = v.size - v.shape[1]
    v -= np.average(v, axis=0, weights=mass)
    kinetic = 0.5 * np.sum(mass * np.sum(v * v, axis=1))
    temperature = 2 * kinetic / (dof * KB)
    if temperature == 0:
        return temperature, 1.0
    if tau is None:
        scale = np.sqrt(target / temperature)
    else:
        scale = np.sqrt(1 + dt / tau * (target / temperature - 1))
    v *= scale
    return temperature, scale


def ewald_sum(q, x, length, alpha, kmax):
    """The Coulomb energy of charges in a periodic cube."""
    n = len(q)
    real = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            d = x[i] - x[j]
            d = d - length * np.round(d / length)
            r = math.sqrt(d @ d)
            real += q[i] * q[j] * math.erfc(alpha * r) / r
    reciprocal = 0.0
    for a in range(-kmax, kmax + 1):
        for b in range(-kmax, kmax + 1):
            for c in range(-kmax, kmax + 1):
                if a == b == c == 0:
                    continue
                k = 2 * np.pi / length * np.array([a, b, c])
                k2 = k @ k
                phase = x @ k
                s = np.sum(q * np.cos(phase)) ** 2 + np.sum(q * np.sin(phase)) ** 2
                reciprocal += np.exp(-k2 / (4 * alpha**2)) / k2 * s
    reciprocal *= 2 * np.pi / length**3
    return real + reciprocal - alpha / np.sqrt(np.pi) * np.sum(q**2)


def cooling_schedule(x0, energy_scale, t_start, t_end, factor, rng):
    """Simulated annealing of a rugged function; the best state and what was accepted."""

    def energy(x):
        return energy_scale * (x * x + 3 * np.sin(5 * x) + 2)

    x, e = x0, energy(x0)
    best_x, best_e = x, e
    accepted, tried = 0, 0
    t = t_start
    while t > t_end:
        for _ in range(5):
            y = x + rng.normal(0, 0.5)
            de = energy(y) - e
            tried += 1
            if de < 0 or rng.random() < np.exp(-de / t):
                x, e = y, e + de
                accepted += 1
                if e < best_e:
                    best_x, best_e = x, e
        t *= factor
    return best_x, best_e, accepted / tried if tried else 0.0


def _lattice(n, length):
    side = int(np.ceil(np.sqrt(n)))
    grid = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[:n] + 0.5) * length / side
    return np.ascontiguousarray(grid, dtype=float)


def _unit(rng, n):
    d = rng.standard_normal((n, 3))
    return d / np.linalg.norm(d, axis=1, keepdims=True)


CASES = {
    md_cell_box: lambda rng: [
        (_lattice(16, 6.0), 0.1 * rng.standard_normal((16, 2)), 6.0, 2.5, 0.005, 10),
        (_lattice(4, 3.0), np.zeros((4, 2)), 3.0, 1.2, 0.01, 3, False),
        (_lattice(1, 3.0), np.ones((1, 2)), 3.0, 1.0, 0.1, 2),
    ],
    neighbour_pairs: lambda rng: [
        (rng.random((40, 2)) * 5, 5.0, 1.0),
        (rng.random((3, 2)).astype(np.float32), 1.0, 2.0),
        (np.zeros((0, 2)), 1.0, 0.5),
    ],
    radial_distribution: lambda rng: [
        (rng.random((40, 2)) * 5, 5.0, 20),
        (rng.random((5, 2)).astype(np.float32), 1.0, 4, 0.3),
        (np.zeros((1, 2)), 1.0, 3),
    ],
    driven_pendulum: lambda rng: [(0.2, 5.0, 0.01), (1.0, 1.0, 0.02), (0.1, 0.0, 0.1)],
    pendulum_periods: lambda rng: [(0.3, 0.01, 2000), (1, 0.01, 100), (2.5, 0.02, 900, 0.5)],
    ray_trace: lambda rng: [
        (12, 8, np.array([[0, 0, -3.0], [1, 0.5, -4]]), np.array([1.0, 0.7]), rng.random((2, 3)), np.array([1.0, 1, 1])),
        (2, 2, np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)), np.array([0, 1, 0])),
        (3, 2, np.array([[0, 0, -2]]), np.array([1]), np.ones((1, 3)), np.array([0.0, 0, 1]), 4),
    ],
    sph_density_forces: lambda rng: [
        (rng.random((20, 2)), rng.standard_normal((20, 2)), 0.05, 0.3),
        (np.zeros((1, 2)), np.zeros((1, 2)), 1.0, 0.5),
        (rng.random((4, 2)).astype(np.float32), np.zeros((4, 2), np.float32), 1.0, 1.0, 1.0, 0.1),
    ],
    particle_in_cell: lambda rng: [
        (rng.random(300) * 6, rng.standard_normal(300), 32, 6.0, 0.05, 10),
        (rng.random(4), np.zeros(4), 4, 1.0, 0.1, 2),
        (np.zeros(0), np.zeros(0), 4, 1.0, 0.1, 1),
    ],
    photon_slab: lambda rng: [(60, 1.0, 5.0, 0.5), (40, 0.5, 2, 1, 0.8, 7), (0, 1.0, 1.0, 1.0), (5, 1.0, 0.0, 0.0)],
    gillespie_decay: lambda rng: [(30, 1.0, 0.0, 5.0, 3), (2, 0.5, 2.0, 8.0, 1), (0, 1.0, 0.0, 1.0, 1)],
    barnes_hut_1d: lambda rng: [
        (rng.random(30), rng.random(30) + 0.1),
        (np.array([0.5]), np.array([1.0])),
        (np.zeros(0), np.zeros(0)),
    ],
    velocity_rescale: lambda rng: [
        (rng.standard_normal((50, 3)), rng.random(50) + 0.5, 1.5),
        (rng.standard_normal((5, 2)), np.ones(5), 1.0, 0.1),
        (np.zeros((3, 3)), np.ones(3), 1.0),
        (rng.standard_normal((4, 3)).astype(np.float32), np.ones(4, np.float32), 2),
        (np.arange(6).reshape(2, 3), np.ones(2), 1.0),
    ],
    ewald_sum: lambda rng: [
        (np.tile([1.0, -1.0], 5), rng.random((10, 3)) * 4, 4.0, 1.2, 2),
        (np.array([1, -1]), rng.random((2, 3)), 1, 3.0, 1),
        (np.zeros(0), np.zeros((0, 3)), 1.0, 1.0, 1),
    ],
    cooling_schedule: lambda rng: [
        (2.0, 1.0, 5.0, 0.01, 0.95, np.random.default_rng(3)),
        (0, 1, 1.0, 0.5, 0.9, np.random.default_rng(2)),
        (1.0, 1.0, 0.1, 0.5, 0.9, np.random.default_rng(2)),
    ],
}
