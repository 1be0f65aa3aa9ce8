"""Bodies, discs, atoms, animals and robots as objects that live in lists, stepped in time."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np


# bodies -----------------------------------------------------------------------------------------------------------------
@dataclass
class Body:
    name: str
    mass: float
    pos: np.ndarray
    vel: np.ndarray
    trail: list = field(default_factory=list)

    def kinetic(self):
        return 0.5 * self.mass * np.dot(self.vel, self.vel)


class PlanetarySystem:
    G = 39.478  # AU³ / (year² · solar mass)

    def __init__(self, bodies):
        self.bodies = bodies
        self.time = 0.0
        self.energies = []

    def accelerations(self):
        acc = [np.zeros(3) for _ in self.bodies]
        for i, a in enumerate(self.bodies):
            for j, b in enumerate(self.bodies):
                if i == j:
                    continue
                r = b.pos - a.pos
                acc[i] += self.G * b.mass * r / np.linalg.norm(r) ** 3
        return acc

    def energy(self):
        total = sum(b.kinetic() for b in self.bodies)
        for i, a in enumerate(self.bodies):
            for b in self.bodies[i + 1 :]:
                total -= self.G * a.mass * b.mass / np.linalg.norm(b.pos - a.pos)
        return total

    def step(self, dt):
        acc = self.accelerations()
        for body, a in zip(self.bodies, acc):
            body.vel = body.vel + 0.5 * dt * a
            body.pos = body.pos + dt * body.vel
        acc = self.accelerations()
        for body, a in zip(self.bodies, acc):
            body.vel += 0.5 * dt * a
        self.time += dt

    def run(self, years, dt, record_every=10):
        for n in range(int(round(years / dt))):
            if n % record_every == 0:
                self.energies.append(self.energy())
                for b in self.bodies:
                    b.trail.append(b.pos.copy())
            self.step(dt)


def planets(masses, positions, velocities, years=0.2, dt=0.002):
    """Bodies as objects under each other's gravity; where they went and how the energy drifts."""
    names = ["sun", "earth", "jupiter", "comet"]
    bodies = [Body(names[k], m, p.copy(), v.copy()) for k, (m, p, v) in enumerate(zip(masses, positions, velocities))]
    system = PlanetarySystem(bodies)
    system.run(years, dt)
    drift = (system.energies[-1] - system.energies[0]) / abs(system.energies[0])
    return {b.name: np.array(b.trail) for b in system.bodies}, drift, system.time


class ParticleBox:
    """Discs that bounce off each other and off the walls (after a well-known animation of matplotlib's)."""

    def __init__(self, init_state, bounds=(-2, 2, -2, 2), size=0.04, M=0.05, G=9.8):
        self.init_state = np.asarray(init_state, dtype=float)
        self.M = M * np.ones(self.init_state.shape[0])
        self.size = size
        self.state = self.init_state.copy()
        self.time_elapsed = 0
        self.bounds = bounds
        self.G = G

    def step(self, dt):
        self.time_elapsed += dt
        self.state[:, :2] += dt * self.state[:, 2:]
        delta = self.state[:, None, :2] - self.state[None, :, :2]
        D = np.sqrt((delta**2).sum(-1))
        ind1, ind2 = np.where(D < 2 * self.size)
        unique = ind1 < ind2
        ind1 = ind1[unique]
        ind2 = ind2[unique]
        for i1, i2 in zip(ind1, ind2):
            m1, m2 = self.M[i1], self.M[i2]
            r1, r2 = self.state[i1, :2], self.state[i2, :2]
            v1, v2 = self.state[i1, 2:], self.state[i2, 2:]
            r_rel = r1 - r2
            v_rel = v1 - v2
            v_cm = (m1 * v1 + m2 * v2) / (m1 + m2)
            rr_rel = np.dot(r_rel, r_rel)
            vr_rel = np.dot(v_rel, r_rel)
            v_rel = 2 * r_rel * vr_rel / rr_rel - v_rel
            self.state[i1, 2:] = v_cm + v_rel * m2 / (m1 + m2)
            self.state[i2, 2:] = v_cm - v_rel * m1 / (m1 + m2)
        crossed_x1 = self.state[:, 0] < self.bounds[0] + self.size
        crossed_x2 = self.state[:, 0] > self.bounds[1] - self.size
        crossed_y1 = self.state[:, 1] < self.bounds[2] + self.size
        crossed_y2 = self.state[:, 1] > self.bounds[3] - self.size
        self.state[crossed_x1, 0] = self.bounds[0] + self.size
        self.state[crossed_x2, 0] = self.bounds[1] - self.size
        self.state[crossed_y1, 1] = self.bounds[2] + self.size
        self.state[crossed_y2, 1] = self.bounds[3] - self.size
        self.state[crossed_x1 | crossed_x2, 2] *= -1
        self.state[crossed_y1 | crossed_y2, 3] *= -1
        self.state[:, 3] -= self.M * self.G * dt


def particle_box(n, steps, seed=0, size=0.04, dt=1.0 / 30):
    rng = np.random.default_rng(seed)
    init_state = -0.5 + rng.random((n, 4))
    init_state[:, :2] *= 3.9
    box = ParticleBox(init_state, size=size)
    heights = np.zeros(steps)
    for k in range(steps):
        box.step(dt)
        heights[k] = box.state[:, 1].mean()
    return box.state, heights, box.time_elapsed


# molecules --------------------------------------------------------------------------------------------------------------
@dataclass
class ArgonBox:
    positions: np.ndarray
    velocities: np.ndarray
    length: float
    cutoff: float = 2.5
    skin: float = 0.3
    neighbours: list = field(default_factory=list)
    log: dict = field(default_factory=lambda: {"potential": [], "kinetic": [], "temperature": []})

    def __post_init__(self):
        self.update_neighbours()
        self.forces, self.potential = self.compute()

    def minimum_image(self, d):
        return d - self.length * np.round(d / self.length)

    def update_neighbours(self):
        n = len(self.positions)
        self.neighbours = [[] for _ in range(n)]
        for i in range(n - 1):
            d = self.minimum_image(self.positions[i] - self.positions[i + 1 :])
            close = np.where((d**2).sum(axis=1) < (self.cutoff + self.skin) ** 2)[0]
            self.neighbours[i] = list(close + i + 1)
        self.reference = self.positions.copy()

    def compute(self):
        forces, potential = np.zeros_like(self.positions), 0.0
        for i, others in enumerate(self.neighbours):
            for j in others:
                d = self.minimum_image(self.positions[i] - self.positions[j])
                r2 = d @ d
                if r2 > self.cutoff**2:
                    continue
                s6 = 1.0 / r2**3
                potential += 4 * (s6 * s6 - s6)
                f = 24 * (2 * s6 * s6 - s6) / r2 * d
                forces[i] += f
                forces[j] -= f
        return forces, potential

    def step(self, dt, target=None, coupling=0.1):
        self.velocities += 0.5 * dt * self.forces
        self.positions = (self.positions + dt * self.velocities) % self.length
        moved = self.minimum_image(self.positions - self.reference)
        if np.sqrt((moved**2).sum(axis=1)).max() > self.skin / 2:
            self.update_neighbours()
        self.forces, self.potential = self.compute()
        self.velocities += 0.5 * dt * self.forces
        kinetic = 0.5 * np.sum(self.velocities**2)
        temperature = 2 * kinetic / (3 * len(self.positions))
        if target is not None:
            self.velocities *= np.sqrt(1 + coupling * (target / temperature - 1))
        self.log["potential"].append(self.potential)
        self.log["kinetic"].append(kinetic)
        self.log["temperature"].append(temperature)


def argon_run(positions, velocities, length, steps, dt=0.004, target=None):
    """Argon in reduced units: neighbour lists as lists, a Berendsen thermostat, a log in a dictionary."""
    box = ArgonBox(positions.copy(), velocities.copy(), length)
    for _ in range(steps):
        box.step(dt, target)
    return box.positions, {k: np.array(v) for k, v in box.log.items()}, [len(n) for n in box.neighbours]


# biology ----------------------------------------------------------------------------------------------------------------
@dataclass
class Repressilator:
    alpha: float = 216.0
    alpha0: float = 0.2
    beta: float = 5.0
    n: float = 2.0

    def __call__(self, t, y):
        m, p = y[:3], y[3:]
        repressor = np.roll(p, 1)
        dm = -m + self.alpha / (1 + repressor**self.n) + self.alpha0
        dp = -self.beta * (p - m)
        return np.concatenate([dm, dp])


class Trajectory:
    def __init__(self):
        self.t, self.y, self.events = [], [], {}

    def append(self, t, y):
        self.t.append(t)
        self.y.append(y)

    def mark(self, name, t):
        self.events.setdefault(name, []).append(t)


def repressilator_cycles(model, y0, t_end=20.0, dt=0.02, threshold=20.0):
    """Three genes that repress one another in a ring; when each protein rises through a threshold."""
    traj = Trajectory()
    y, t = np.array(y0, dtype=float), 0.0
    traj.append(t, y)
    for _ in range(int(round(t_end / dt))):
        k1 = model(t, y)
        k2 = model(t + dt / 2, y + dt / 2 * k1)
        k3 = model(t + dt / 2, y + dt / 2 * k2)
        k4 = model(t + dt, y + dt * k3)
        y_new = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        for g, name in enumerate(("lacI", "tetR", "cI")):
            if y[3 + g] < threshold <= y_new[3 + g]:
                traj.mark(name, t + dt * (threshold - y[3 + g]) / (y_new[3 + g] - y[3 + g]))
        t += dt
        y = y_new
        traj.append(t, y)
    return np.array(traj.t), np.array(traj.y), traj.events


class Animal:
    def __init__(self, x, y, energy):
        self.x, self.y, self.energy, self.alive = x, y, energy, True

    def move(self, rng, size):
        self.x = int((self.x + rng.integers(-1, 2)) % size)
        self.y = int((self.y + rng.integers(-1, 2)) % size)
        self.energy -= 1


class Sheep(Animal):
    gain = 4

    def eat(self, grass):
        if grass[self.y, self.x] <= 0:
            grass[self.y, self.x] = 10
            self.energy += self.gain


class Wolf(Animal):
    gain = 20

    def eat(self, sheep):
        for s in sheep:
            if s.alive and s.x == self.x and s.y == self.y:
                s.alive = False
                self.energy += self.gain
                return


def wolves_and_sheep(size, n_sheep, n_wolves, steps, reproduce=(0.06, 0.05), seed=0):
    """Agents on a torus of grass that grows back: populations at each step."""
    rng = np.random.default_rng(seed)
    grass = rng.integers(-10, 10, (size, size))
    sheep = [Sheep(int(rng.integers(size)), int(rng.integers(size)), int(rng.integers(1, 8))) for _ in range(n_sheep)]
    wolves = [Wolf(int(rng.integers(size)), int(rng.integers(size)), int(rng.integers(1, 40))) for _ in range(n_wolves)]
    populations = []
    for _ in range(steps):
        for s in sheep:
            s.move(rng, size)
            s.eat(grass)
        for w in wolves:
            w.move(rng, size)
            w.eat(sheep)
        for herd, chance in ((sheep, reproduce[0]), (wolves, reproduce[1])):
            for animal in list(herd):
                if rng.random() < chance:
                    animal.energy //= 2
                    herd.append(type(animal)(animal.x, animal.y, animal.energy))
        sheep = [s for s in sheep if s.alive and s.energy >= 0]
        wolves = [w for w in wolves if w.energy >= 0]
        grass -= 1
        populations.append((len(sheep), len(wolves), int((grass <= 0).sum())))
    return populations, grass


# robots -----------------------------------------------------------------------------------------------------------------
class SlamParticle:
    def __init__(self, n_landmarks, weight):
        self.w = weight
        self.x = self.y = self.yaw = 0.0
        self.lm = np.zeros((n_landmarks, 2))
        self.lmP = np.zeros((n_landmarks * 2, 2))
        self.seen = np.zeros(n_landmarks, dtype=bool)


def _pi_2_pi(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _observe(particle, z, Q):
    r, b, k = z[0], z[1], int(z[2])
    if not particle.seen[k]:
        s, c = np.sin(_pi_2_pi(particle.yaw + b)), np.cos(_pi_2_pi(particle.yaw + b))
        particle.lm[k] = particle.x + r * c, particle.y + r * s
        Gz = np.array([[c, -r * s], [s, r * c]])
        particle.lmP[2 * k : 2 * k + 2] = Gz @ Q @ Gz.T
        particle.seen[k] = True
        return
    xf, Pf = particle.lm[k].reshape(2, 1), particle.lmP[2 * k : 2 * k + 2]
    dx, dy = xf[0, 0] - particle.x, xf[1, 0] - particle.y
    d2 = dx**2 + dy**2
    d = np.sqrt(d2)
    zp = np.array([d, _pi_2_pi(np.arctan2(dy, dx) - particle.yaw)])
    Hf = np.array([[dx / d, dy / d], [-dy / d2, dx / d2]])
    Sf = Hf @ Pf @ Hf.T + Q
    dz = np.array([r - zp[0], _pi_2_pi(b - zp[1])]).reshape(2, 1)
    particle.w *= float(np.exp(-0.5 * (dz.T @ np.linalg.inv(Sf) @ dz)[0, 0]) / (2 * np.pi * np.sqrt(np.linalg.det(Sf))))
    K = Pf @ Hf.T @ np.linalg.inv(Sf)
    particle.lm[k] = (xf + K @ dz)[:, 0]
    particle.lmP[2 * k : 2 * k + 2] = (np.eye(2) - K @ Hf) @ Pf


def fast_slam(controls, observations, n_landmarks, n_particles=12, dt=0.5, seed=0):
    """FastSLAM: particles with a Kalman filter for every landmark, resampled with copies of the good ones."""
    rng = np.random.default_rng(seed)
    Q, R = np.diag([0.3, 0.1]) ** 2, np.array([0.1, 0.05])
    particles = [SlamParticle(n_landmarks, 1.0 / n_particles) for _ in range(n_particles)]
    path, resampled = [], 0
    for u, zs in zip(controls, observations):
        for p in particles:
            v, omega = u + R * rng.standard_normal(2)
            p.x += dt * np.cos(p.yaw) * v
            p.y += dt * np.sin(p.yaw) * v
            p.yaw = _pi_2_pi(p.yaw + dt * omega)
            for z in zs:
                _observe(p, z, Q)
        total = sum(p.w for p in particles)
        for p in particles:
            p.w /= total
        pw = np.array([p.w for p in particles])
        if 1.0 / (pw @ pw) < n_particles / 1.5:
            cumulative = np.cumsum(pw)
            cumulative[-1] = 1.0
            base = np.arange(n_particles) / n_particles + rng.random() / n_particles
            indices, i = [], 0
            for b in base:
                while b > cumulative[i]:
                    i += 1
                indices.append(i)
            particles = [copy.deepcopy(particles[i]) for i in indices]
            for p in particles:
                p.w = 1.0 / n_particles
            resampled += 1
        path.append([sum(p.w * p.x for p in particles), sum(p.w * p.y for p in particles)])
    best = max(particles, key=lambda p: p.w)
    return np.array(path), best.lm, resampled


def _orbits(n):
    masses = [1.0, 3e-6, 9.5e-4, 1e-10][:n]
    positions = np.array([[0, 0, 0], [1, 0, 0], [0, 5.2, 0.1], [-2.0, 0.5, 0.3]])[:n]
    velocities = np.array([[0, 0, 0], [0, 6.28, 0], [-2.75, 0, 0], [1.0, 4.0, 0.5]])[:n]
    return masses, positions.astype(float), velocities.astype(float)


def _lattice(rng, cells, length):
    grid = np.arange(cells) * length / cells + 0.2
    x = np.array(np.meshgrid(grid, grid, grid)).reshape(3, -1).T + 0.03 * rng.normal(size=(cells**3, 3))
    v = rng.normal(size=(cells**3, 3))
    return x, v - v.mean(axis=0), length


def _drive(rng, n, landmarks):
    x = y = yaw = 0.0
    marks = rng.uniform(-8, 8, (landmarks, 2))
    controls, observations = [], []
    for _ in range(n):
        u = np.array([1.0, 0.15])
        x, y, yaw = x + 0.5 * np.cos(yaw), y + 0.5 * np.sin(yaw), yaw + 0.075
        d = marks - [x, y]
        r, b = np.hypot(d[:, 0], d[:, 1]), np.arctan2(d[:, 1], d[:, 0]) - yaw
        observations.append(np.stack([r, b, np.arange(landmarks)], axis=1)[r < 10])
        controls.append(u)
    return controls, observations, landmarks


CASES = {
    planets: lambda rng: [
        (*_orbits(4),),
        (*_orbits(2), 0.05),
        (*_orbits(3), 0.06, 0.003),
    ],
    particle_box: lambda rng: [
        (40, 60),
        (20, 30, 3, 0.1),
        (50, 20, 1, 0.08, 0.02),
    ],
    repressilator_cycles: lambda rng: [
        (Repressilator(), [0.0, 0.0, 0.0, 2.0, 1.0, 3.0], 4.0),
        (Repressilator(100.0, 0.1, 1.0, 3.0), rng.random(6) * 20, 4.0),
        (Repressilator(beta=0.2), np.ones(6, dtype=np.float32), 4.0),
    ],
    wolves_and_sheep: lambda rng: [
        (4, 3, 1, 3),
        (5, 2, 1, 2, (0.2, 0.0), 3),
        (6, 0, 2, 3),
    ],
    argon_run: lambda rng: [
        (*_lattice(rng, 3, 5.5), 6),
        (*_lattice(rng, 2, 4.0), 12, 0.002, 1.0),
        (*_lattice(rng, 3, 6.0), 3, 0.01, 0.7),
    ],
    fast_slam: lambda rng: [
        (*_drive(rng, 4, 2), 3),
        (*_drive(rng, 2, 2), 3, 0.4, 3),
        (*_drive(rng, 2, 1), 2),
    ],
}
