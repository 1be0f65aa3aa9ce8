"""Particles, fields, oscillators and fractals."""

import math
from typing import NamedTuple

import numpy as np


def nbody_leapfrog(pos, vel, mass, dt, steps, softening=0.01):
    """Kick-drift-kick; positions and velocities move in place."""

    def acceleration():
        acc = np.zeros_like(pos)
        for i in range(len(mass)):
            for j in range(len(mass)):
                if i != j:
                    d = pos[j] - pos[i]
                    r2 = np.dot(d, d) + softening**2
                    acc[i] += mass[j] * d / (r2 * np.sqrt(r2))
        return acc

    acc = acceleration()
    for _ in range(steps):
        vel += 0.5 * dt * acc
        pos += dt * vel
        acc = acceleration()
        vel += 0.5 * dt * acc
    return 0.5 * np.sum(mass[:, None] * vel**2)


def nbody_broadcast(pos, vel, mass, G, dt, steps):
    for _ in range(steps):
        delta = pos[np.newaxis, :, :] - pos[:, np.newaxis, :]
        inv_r3 = (np.sum(delta**2, axis=-1) + 1e-4) ** -1.5
        np.fill_diagonal(inv_r3, 0.0)
        acc = G * np.einsum("ijk,ij,j->ik", delta, inv_r3, mass)
        vel += acc * dt
        pos += vel * dt
    return pos, vel


def lennard_jones(x, epsilon, sigma, box, cutoff):
    """Energy and forces with the minimum image convention."""
    n = x.shape[0]
    forces = np.zeros_like(x)
    energy = 0.0
    for i in range(n - 1):
        for j in range(i + 1, n):
            rij = x[i] - x[j]
            rij = rij - box * np.round(rij / box)
            r2 = np.sum(rij * rij)
            if r2 > cutoff * cutoff:
                continue
            s6 = (sigma * sigma / r2) ** 3
            energy += 4 * epsilon * s6 * (s6 - 1)
            f = 24 * epsilon * s6 * (2 * s6 - 1) / r2 * rij
            forces[i] += f
            forces[j] -= f
    return energy, forces


def verlet_spring(x, v, k, m, dt, n):
    trajectory = np.zeros((n, 2))
    a = -k * x / m
    for i in range(n):
        trajectory[i] = x, v
        x = x + v * dt + 0.5 * a * dt**2
        a_new = -k * x / m
        v = v + 0.5 * (a + a_new) * dt
        a = a_new
    return trajectory


def pendulum_rk4(theta0, omega0, g, length, damping, dt, steps):
    def f(theta, omega):
        return omega, -damping * omega - g / length * math.sin(theta)

    theta, omega = theta0, omega0
    out = np.empty((steps + 1, 2))
    out[0] = theta, omega
    for i in range(1, steps + 1):
        k1t, k1o = f(theta, omega)
        k2t, k2o = f(theta + dt / 2 * k1t, omega + dt / 2 * k1o)
        k3t, k3o = f(theta + dt / 2 * k2t, omega + dt / 2 * k2o)
        k4t, k4o = f(theta + dt * k3t, omega + dt * k3o)
        theta += dt / 6 * (k1t + 2 * k2t + 2 * k3t + k4t)
        omega += dt / 6 * (k1o + 2 * k2o + 2 * k3o + k4o)
        out[i] = theta, omega
    return out


def _lorenz(state, sigma, rho, beta):
    x, y, z = state
    return np.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])


def lorenz(state, dt=0.01, num_steps=200, s=10.0, r=28.0, b=8 / 3):
    xyzs = np.empty((num_steps + 1, 3))
    xyzs[0] = state
    for i in range(num_steps):
        k1 = _lorenz(xyzs[i], s, r, b)
        k2 = _lorenz(xyzs[i] + dt / 2 * k1, s, r, b)
        xyzs[i + 1] = xyzs[i] + dt * k2
    return xyzs


def ising_metropolis(spins, beta, sweeps):
    """Single spin flips with NumPy's global generator; the lattice changes in place."""
    n, m = spins.shape
    magnetisation = []
    for _ in range(sweeps):
        for _ in range(n * m):
            i = np.random.randint(n)
            j = np.random.randint(m)
            s = spins[i, j]
            nb = spins[(i + 1) % n, j] + spins[i, (j + 1) % m] + spins[(i - 1) % n, j] + spins[i, (j - 1) % m]
            cost = 2 * s * nb
            if cost < 0 or np.random.rand() < np.exp(-cost * beta):
                spins[i, j] = -s
        magnetisation.append(spins.mean())
    return np.array(magnetisation)


def ising_checkerboard(spins, beta, sweeps, rng):
    mask = np.indices(spins.shape).sum(axis=0) % 2 == 0
    for _ in range(sweeps):
        for parity in (mask, ~mask):
            nb = np.roll(spins, 1, 0) + np.roll(spins, -1, 0) + np.roll(spins, 1, 1) + np.roll(spins, -1, 1)
            flip = (rng.random(spins.shape) < np.exp(-2 * beta * spins * nb)) & parity
            spins[flip] *= -1
    return spins.sum()


def random_walk(n, rng):
    """Steps left, right, up, down until the path is n long; the farthest point too."""
    path = np.zeros((n, 2), dtype=int)
    farthest = 0
    for i in range(1, n):
        direction = rng.integers(4)
        path[i] = path[i - 1]
        if direction == 0:
            path[i, 0] += 1
        elif direction == 1:
            path[i, 0] -= 1
        elif direction == 2:
            path[i, 1] += 1
        else:
            path[i, 1] -= 1
        farthest = max(farthest, path[i, 0] ** 2 + path[i, 1] ** 2)
    return path, farthest


def game_of_life(grid, steps):
    for _ in range(steps):
        n = sum(np.roll(np.roll(grid, i, 0), j, 1) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
        grid = ((n == 3) | ((grid == 1) & (n == 2))).astype(grid.dtype)
    return grid


def game_of_life_loops(Z):
    rows, cols = len(Z), len(Z[0])
    N = np.zeros(Z.shape, dtype=Z.dtype)
    for x in range(1, rows - 1):
        for y in range(1, cols - 1):
            N[x, y] = Z[x - 1, y - 1 : y + 2].sum() + Z[x, y - 1] + Z[x, y + 1] + Z[x + 1, y - 1 : y + 2].sum()
    for x in range(1, rows - 1):
        for y in range(1, cols - 1):
            if Z[x, y] == 1 and (N[x, y] < 2 or N[x, y] > 3):
                Z[x, y] = 0
            elif Z[x, y] == 0 and N[x, y] == 3:
                Z[x, y] = 1


def mandelbrot_scalar(width, height, max_iter):
    out = np.zeros((height, width), dtype=np.int32)
    for row in range(height):
        for col in range(width):
            c = complex(-2.0 + 3.0 * col / width, -1.0 + 2.0 * row / height)
            z = 0j
            n = 0
            while abs(z) <= 2 and n < max_iter:
                z = z * z + c
                n += 1
            out[row, col] = n
    return out


def mandelbrot_masked(c, max_iter):
    z = np.zeros_like(c)
    counts = np.zeros(c.shape, dtype=int)
    alive = np.ones(c.shape, dtype=bool)
    for _ in range(max_iter):
        z[alive] = z[alive] ** 2 + c[alive]
        escaped = np.abs(z) > 2
        alive &= ~escaped
        if not alive.any():
            break
        counts[alive] += 1
    return counts


def julia(z, c, max_iter=40):
    shape = z.shape
    z = z.flatten()
    out = np.full(z.size, max_iter)
    for i in range(z.size):
        zi = z[i]
        for n in range(max_iter):
            if zi.real * zi.real + zi.imag * zi.imag > 4.0:
                out[i] = n
                break
            zi = zi * zi + c
    return out.reshape(shape)


class Hit(NamedTuple):
    distance: np.ndarray
    normal: np.ndarray


def ray_sphere(origins, directions, centre, radius):
    """Nearest intersections; infinity where there is none."""
    oc = origins - centre
    b = np.einsum("ij,ij->i", oc, directions)
    c = (oc * oc).sum(axis=1) - radius**2
    disc = b * b - c
    distance = np.full(len(origins), np.inf)
    hit = disc >= 0
    root = np.sqrt(disc[hit])
    near, far = -b[hit] - root, -b[hit] + root
    distance[hit] = np.where(near > 0, near, np.where(far > 0, far, np.inf))
    normal = np.zeros_like(directions)
    ok = np.isfinite(distance)
    normal[ok] = (oc[ok] + distance[ok, None] * directions[ok]) / radius
    return Hit(distance, normal)


def double_pendulum(state, n, dt, L1=1.0, L2=1.0, m1=1.0, m2=1.0, g=9.8):
    def derivatives(s):
        d = np.zeros_like(s)
        d[0] = s[1]
        delta = s[2] - s[0]
        den1 = (m1 + m2) * L1 - m2 * L1 * np.cos(delta) * np.cos(delta)
        d[1] = (
            m2 * L1 * s[1] * s[1] * np.sin(delta) * np.cos(delta)
            + m2 * g * np.sin(s[2]) * np.cos(delta)
            + m2 * L2 * s[3] * s[3] * np.sin(delta)
            - (m1 + m2) * g * np.sin(s[0])
        ) / den1
        d[2] = s[3]
        den2 = (L2 / L1) * den1
        d[3] = (
            -m2 * L2 * s[3] * s[3] * np.sin(delta) * np.cos(delta)
            + (m1 + m2) * g * np.sin(s[0]) * np.cos(delta)
            - (m1 + m2) * L1 * s[1] * s[1] * np.sin(delta)
            - (m1 + m2) * g * np.sin(s[2])
        ) / den2
        return d

    y = np.empty((n, 4))
    y[0] = state
    for i in range(1, n):
        y[i] = y[i - 1] + derivatives(y[i - 1]) * dt
    return y


def logistic_map(r_values, x0, burn_in, keep):
    """The bifurcation diagram: `keep` iterates for each r after the transient."""
    x = np.full(r_values.shape, x0)
    points = np.empty((keep, r_values.size))
    for i in range(burn_in + keep):
        x = r_values * x * (1 - x)
        if i >= burn_in:
            points[i - burn_in] = x
    return points


def langevin(x0, n, dt, gamma, kT, rng):
    """Euler–Maruyama in a double well."""
    x = np.empty(n)
    x[0] = x0
    noise = np.sqrt(2 * kT * dt / gamma) * rng.standard_normal(n - 1)
    for i in range(n - 1):
        force = 4 * x[i] * (1 - x[i] ** 2)
        x[i + 1] = x[i] + force * dt / gamma + noise[i]
    crossings = np.count_nonzero(np.sign(x[1:]) != np.sign(x[:-1]))
    return x, crossings


def ideal_gas_collisions(x, v, box, dt, steps):
    """Free flight with reflecting walls; counts the bounces."""
    bounces = 0
    for _ in range(steps):
        x += v * dt
        low = x < 0
        high = x > box
        x[low] = -x[low]
        x[high] = 2 * box - x[high]
        v[low | high] *= -1
        bounces += int(low.sum() + high.sum())
    return bounces


CASES = {
    nbody_leapfrog: lambda rng: [
        (rng.random((6, 3)), rng.random((6, 3)), rng.random(6), 0.01, 8),
        (rng.random((2, 2)), np.zeros((2, 2)), np.ones(2), 0.1, 3, 0.5),
        (rng.random((1, 3)), rng.random((1, 3)), np.ones(1), 0.1, 2),
    ],
    nbody_broadcast: lambda rng: [
        (rng.random((20, 3)), rng.random((20, 3)), rng.random(20), 1.0, 0.01, 10),
        (rng.random((1, 2)), rng.random((1, 2)), rng.random(1), 1.0, 0.01, 2),
    ],
    lennard_jones: lambda rng: [(8 * rng.random((14, 3)), 1.0, 1.0, 8.0, 2.5), (rng.random((1, 3)), 1.0, 1.0, 8.0, 2.5)],
    verlet_spring: lambda rng: [(1.0, 0.0, 2.0, 0.5, 0.01, 200), (np.float32(1.0), np.float32(0.5), 1.0, 1.0, 0.1, 3)],
    pendulum_rk4: lambda rng: [(1.0, 0.0, 9.81, 1.5, 0.1, 0.01, 150), (1, 0, 10, 1, 0, 0.1, 0)],
    lorenz: lambda rng: [(np.array([0.0, 1.0, 1.05]),), ((1.0, 2.0, 3.0), 0.001, 10)],
    ising_metropolis: lambda rng: [(rng.choice([-1, 1], (8, 8)), 0.4, 3), (np.ones((2, 2), np.int8), 1.0, 1)],
    ising_checkerboard: lambda rng: [
        (rng.choice([-1, 1], (16, 16)), 0.4, 5, np.random.default_rng(3)),
        (rng.choice([-1, 1], (4, 6)).astype(np.int8), 0.1, 2, np.random.default_rng(4)),
    ],
    random_walk: lambda rng: [(100, np.random.default_rng(1)), (1, np.random.default_rng(1))],
    game_of_life: lambda rng: [(rng.integers(0, 2, (20, 24)), 8), (rng.integers(0, 2, (3, 3)).astype(np.uint8), 1)],
    game_of_life_loops: lambda rng: [(rng.integers(0, 2, (16, 18)),), (np.ones((2, 2), int),)],
    mandelbrot_scalar: lambda rng: [(24, 16, 40), (1, 1, 5)],
    mandelbrot_masked: lambda rng: [
        (rng.uniform(-2, 1, (20, 20)) + 1j * rng.uniform(-1, 1, (20, 20)), 30),
        (np.full(3, 2 + 2j), 5),
    ],
    julia: lambda rng: [
        (rng.uniform(-1.5, 1.5, (10, 12)) + 1j * rng.uniform(-1.5, 1.5, (10, 12)), -0.4 + 0.6j),
        (np.zeros((1, 1), complex), 0.3, 5),
    ],
    ray_sphere: lambda rng: [
        (
            rng.standard_normal((50, 3)) * 3,
            (lambda d: d / np.linalg.norm(d, axis=1, keepdims=True))(rng.standard_normal((50, 3))),
            np.array([0.5, 0.0, 0.0]),
            1.5,
        ),
        (np.zeros((1, 3)) + 9, np.array([[1.0, 0, 0]]), np.zeros(3), 1.0),
    ],
    double_pendulum: lambda rng: [(np.array([2.0, 0.0, -0.2, 0.0]), 120, 0.01), ([1.0, 0.0, 0.0, 0.0], 2, 0.1)],
    logistic_map: lambda rng: [(np.linspace(2.5, 4.0, 300), 0.2, 50, 20), (np.array([3.9]), 0.5, 0, 4)],
    langevin: lambda rng: [
        (-1.0, 300, 0.01, 1.0, 0.5, np.random.default_rng(5)),
        (0.0, 2, 0.1, 1, 1, np.random.default_rng(5)),
    ],
    ideal_gas_collisions: lambda rng: [
        (rng.random(200), rng.standard_normal(200), 1.0, 0.1, 30),
        (rng.random((3, 2)).astype(np.float32), rng.standard_normal((3, 2)).astype(np.float32), 1.0, 0.3, 4),
        (np.zeros(0), np.zeros(0), 1.0, 0.1, 2),
    ],
}
