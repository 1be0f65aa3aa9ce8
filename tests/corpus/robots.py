"""Control and robotics: regulators, filters, planners, attitudes, arms."""

import heapq
import math
from dataclasses import dataclass, field

import numpy as np

D8 = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass
class PID:
    kp: float
    ki: float
    kd: float
    limit: tuple = (-math.inf, math.inf)
    integral: float = 0.0
    previous: float | None = None
    log: list = field(default_factory=list)

    def __call__(self, error: float, dt: float) -> float:
        derivative = 0.0 if self.previous is None else (error - self.previous) / dt
        self.previous = error
        raw = self.kp * error + self.ki * (self.integral + error * dt) + self.kd * derivative
        out = min(max(raw, self.limit[0]), self.limit[1])
        if out == raw:
            self.integral += error * dt
        self.log.append(out)
        return out


def pid_tank(setpoints, gains=(2.0, 0.5, 0.1), dt=0.1, area=1.0, outflow=0.3, limit=(0.0, 3.0)):
    """Level control with saturation and anti-windup; overshoot and settling of the last step."""
    pid = PID(*gains, limit=limit)
    level = 0.0
    levels = np.zeros(len(setpoints))
    for k, sp in enumerate(setpoints):
        u = pid(sp - level, dt)
        level += dt / area * (u - outflow * math.sqrt(max(level, 0.0)))
        levels[k] = level
    overshoot = max(0.0, levels.max() - setpoints[-1]) if len(levels) else 0.0
    settled = None
    for k in range(len(levels) - 1, -1, -1):
        if abs(levels[k] - setpoints[-1]) > 0.05 * abs(setpoints[-1]):
            settled = k + 1
            break
    return levels, pid.log, overshoot, settled


def dlqr(a, b, q, r, x0=None, steps=30, tol=1e-10, max_iter=500):
    """Gain from the Riccati recursion, and the closed loop's course with its cost."""
    p = q.copy()
    for it in range(max_iter):
        k = np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)
        new = q + a.T @ p @ (a - b @ k)
        diff = np.max(np.abs(new - p))
        p = new
        if diff < tol:
            break
    else:
        raise RuntimeError("Riccati iteration did not converge")
    x = np.zeros(len(a)) if x0 is None else np.array(x0, float)
    cost, xs = 0.0, [x]
    for _ in range(steps):
        u = -k @ x
        cost += x @ q @ x + u @ r @ u
        x = a @ x + b @ u
        xs.append(x)
    return k, p, np.array(xs), cost, it


def ekf_slam(controls, observations, landmarks, dt=0.1, q=(0.1, 0.05), r=(0.2, 0.05)):
    """Pose and landmarks together; observations are lists of (id, range, bearing)."""
    n = 3 + 2 * landmarks
    mu, sigma = np.zeros(n), np.zeros((n, n))
    sigma[3:, 3:] = np.eye(2 * landmarks) * 1e2
    seen = np.zeros(landmarks, dtype=bool)
    path = []
    for (v, w), observed in zip(controls, observations):
        theta = mu[2]
        mu[0] += v * dt * np.cos(theta)
        mu[1] += v * dt * np.sin(theta)
        mu[2] = (theta + w * dt + np.pi) % (2 * np.pi) - np.pi
        g = np.eye(n)
        g[0, 2], g[1, 2] = -v * dt * np.sin(theta), v * dt * np.cos(theta)
        sigma = g @ sigma @ g.T
        sigma[:3, :3] += np.diag([q[0] ** 2, q[0] ** 2, q[1] ** 2])
        for j, rng_, bearing in observed:
            s = 3 + 2 * j
            if not seen[j]:
                mu[s] = mu[0] + rng_ * np.cos(bearing + mu[2])
                mu[s + 1] = mu[1] + rng_ * np.sin(bearing + mu[2])
                seen[j] = True
            dx, dy = mu[s] - mu[0], mu[s + 1] - mu[1]
            d2 = dx * dx + dy * dy
            d = np.sqrt(d2)
            h = np.zeros((2, n))
            h[0, :3] = -dx / d, -dy / d, 0
            h[1, :3] = dy / d2, -dx / d2, -1
            h[0, s : s + 2] = dx / d, dy / d
            h[1, s : s + 2] = -dy / d2, dx / d2
            innovation = np.array([rng_ - d, bearing - (np.arctan2(dy, dx) - mu[2])])
            innovation[1] = (innovation[1] + np.pi) % (2 * np.pi) - np.pi
            k = sigma @ h.T @ np.linalg.inv(h @ sigma @ h.T + np.diag([r[0] ** 2, r[1] ** 2]))
            mu = mu + k @ innovation
            sigma = (np.eye(n) - k @ h) @ sigma
        path.append(mu[:3].copy())
    return mu, np.diag(sigma), path, seen


def rrt(start, goal, obstacles, rng, step=0.5, bias=0.1, max_nodes=300, bounds=(0.0, 10.0)):
    """A rapidly exploring tree among discs; the path as an array, or None."""
    nodes = [np.array(start, float)]
    parents = [-1]
    goal = np.array(goal, float)

    def free(p):
        for cx, cy, radius in obstacles:
            if (p[0] - cx) ** 2 + (p[1] - cy) ** 2 <= radius**2:
                return False
        return True

    for _ in range(max_nodes):
        target = goal if rng.random() < bias else rng.uniform(*bounds, 2)
        nearest = min(range(len(nodes)), key=lambda k: np.sum((nodes[k] - target) ** 2))
        d = target - nodes[nearest]
        length = np.linalg.norm(d)
        new = nodes[nearest] + d / length * min(step, length) if length > 0 else nodes[nearest]
        if not free(new):
            continue
        nodes.append(new)
        parents.append(nearest)
        if np.linalg.norm(new - goal) < step:
            path, k = [goal], len(nodes) - 1
            while k != -1:
                path.append(nodes[k])
                k = parents[k]
            return np.array(path[::-1]), len(nodes)
    return None, len(nodes)


def grid_astar(grid, start, goal, diagonal=False):
    """Shortest way over costs, with a heap; arrays for what is known of every cell."""
    rows, cols = grid.shape
    g = np.full(grid.shape, np.inf)
    came = np.full((*grid.shape, 2), -1)
    closed = np.zeros(grid.shape, dtype=bool)
    g[start] = 0.0
    heap = [(0.0, start)]
    moves = D8 if diagonal else ((-1, 0), (0, -1), (0, 1), (1, 0))
    while heap:
        _, cell = heapq.heappop(heap)
        if cell == goal:
            break
        if closed[cell]:
            continue
        closed[cell] = True
        for di, dj in moves:
            i, j = cell[0] + di, cell[1] + dj
            if not (0 <= i < rows and 0 <= j < cols) or grid[i, j] < 0:
                continue
            cost = g[cell] + grid[i, j] * math.hypot(di, dj)
            if cost < g[i, j]:
                g[i, j] = cost
                came[i, j] = cell
                heapq.heappush(heap, (cost + math.hypot(goal[0] - i, goal[1] - j), (i, j)))
    if not np.isfinite(g[goal]):
        return None
    path = [goal]
    while path[-1] != start:
        path.append(tuple(int(v) for v in came[path[-1]]))
    return path[::-1], float(g[goal])


def ik_ccd(lengths, target, angles=None, tol=1e-3, max_iter=50):
    """Cyclic coordinate descent of a planar arm."""
    n = len(lengths)
    theta = np.zeros(n) if angles is None else np.array(angles, float)

    def joints(th):
        pts = np.zeros((n + 1, 2))
        total = 0.0
        for k in range(n):
            total += th[k]
            pts[k + 1] = pts[k] + lengths[k] * np.array([np.cos(total), np.sin(total)])
        return pts

    target = np.asarray(target, float)
    errors = []
    for _ in range(max_iter):
        for k in range(n - 1, -1, -1):
            pts = joints(theta)
            to_end, to_target = pts[-1] - pts[k], target - pts[k]
            turn = np.arctan2(to_target[1], to_target[0]) - np.arctan2(to_end[1], to_end[0])
            theta[k] += (turn + np.pi) % (2 * np.pi) - np.pi
        errors.append(float(np.linalg.norm(joints(theta)[-1] - target)))
        if errors[-1] < tol:
            break
    return theta, errors, errors[-1] < tol if errors else False


def ik_damped(lengths, target, theta0, damping=0.1, iters=60):
    """Damped least squares with the Jacobian's transpose; angles stay within ±π."""
    theta = np.array(theta0, dtype=float)
    for it in range(iters):
        cum = np.cumsum(theta)
        x, y = np.sum(lengths * np.cos(cum)), np.sum(lengths * np.sin(cum))
        e = np.array([target[0] - x, target[1] - y])
        if np.hypot(*e) < 1e-6:
            break
        jac = np.zeros((2, len(theta)))
        for k in range(len(theta)):
            jac[0, k] = -np.sum(lengths[k:] * np.sin(cum[k:]))
            jac[1, k] = np.sum(lengths[k:] * np.cos(cum[k:]))
        theta += jac.T @ np.linalg.solve(jac @ jac.T + damping**2 * np.eye(2), e)
        theta = (theta + np.pi) % (2 * np.pi) - np.pi
    return theta, it


class Quaternion:
    """Rotations as (w, x, y, z)."""

    __slots__ = ("w", "x", "y", "z")

    def __init__(self, w, x, y, z):
        self.w, self.x, self.y, self.z = w, x, y, z

    def __mul__(self, o):
        return Quaternion(
            self.w * o.w - self.x * o.x - self.y * o.y - self.z * o.z,
            self.w * o.x + self.x * o.w + self.y * o.z - self.z * o.y,
            self.w * o.y - self.x * o.z + self.y * o.w + self.z * o.x,
            self.w * o.z + self.x * o.y - self.y * o.x + self.z * o.w,
        )

    def normalised(self):
        n = math.sqrt(self.w**2 + self.x**2 + self.y**2 + self.z**2)
        if n == 0:
            raise ZeroDivisionError("a quaternion of norm zero")
        return Quaternion(self.w / n, self.x / n, self.y / n, self.z / n)

    def matrix(self):
        w, x, y, z = self.w, self.x, self.y, self.z
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )


def gyro_integration(rates, dt, q0=(1.0, 0.0, 0.0, 0.0)):
    """Attitude from body rates; matrix and Euler angles at the end."""
    q = Quaternion(*q0).normalised()
    for wx, wy, wz in rates:
        angle = math.sqrt(wx * wx + wy * wy + wz * wz) * dt
        if angle < 1e-12:
            continue
        s = math.sin(angle / 2) / (angle / dt)
        q = (q * Quaternion(math.cos(angle / 2), wx * s, wy * s, wz * s)).normalised()
    roll = math.atan2(2 * (q.w * q.x + q.y * q.z), 1 - 2 * (q.x**2 + q.y**2))
    pitch = math.asin(max(-1.0, min(1.0, 2 * (q.w * q.y - q.z * q.x))))
    return q.matrix(), (roll, pitch), (q.w, q.x, q.y, q.z)


def slerp_path(q0, q1, n):
    """Spherical interpolation between unit quaternions given as arrays."""
    q0, q1 = q0 / np.linalg.norm(q0), q1 / np.linalg.norm(q1)
    dot = float(q0 @ q1)
    if dot < 0:
        q1, dot = -q1, -dot
    out = np.empty((n, 4))
    for k, t in enumerate(np.linspace(0, 1, n)):
        if dot > 0.9995:
            q = q0 + t * (q1 - q0)
            out[k] = q / np.linalg.norm(q)
        else:
            theta = math.acos(dot)
            out[k] = (math.sin((1 - t) * theta) * q0 + math.sin(t * theta) * q1) / math.sin(theta)
    return out


def mpc_box(a, b, x0, horizon, steps, u_max, q=1.0, r=0.1, iters=80):
    """Receding horizon with bounded inputs: the QP by projected gradients, warm-started."""
    n, m = b.shape
    phi = np.zeros((horizon * n, n))
    gamma = np.zeros((horizon * n, horizon * m))
    power = np.eye(n)
    for i in range(horizon):
        power = a @ power
        phi[i * n : (i + 1) * n] = power
        for j in range(i + 1):
            gamma[i * n : (i + 1) * n, j * m : (j + 1) * m] = np.linalg.matrix_power(a, i - j) @ b
    hessian = 2 * (q * gamma.T @ gamma + r * np.eye(horizon * m))
    lipschitz = np.linalg.norm(hessian, 2)
    x = np.array(x0, float)
    u = np.zeros(horizon * m)
    states, inputs, solves = [x], [], []
    for _ in range(steps):
        f = 2 * q * gamma.T @ (phi @ x)
        for it in range(iters):
            new = np.clip(u - (hessian @ u + f) / lipschitz, -u_max, u_max)
            if np.linalg.norm(new - u) < 1e-8:
                break
            u = new
        solves.append(it)
        x = a @ x + b @ u[:m]
        inputs.append(u[:m].copy())
        states.append(x)
        u = np.concatenate([u[m:], np.zeros(m)])
    return np.array(states), np.array(inputs), solves


def occupancy_grid(scans, size=20, cell=0.5, hit=0.85, miss=-0.4):
    """Log odds along Bresenham's lines from poses to what was hit."""
    logodds = np.zeros((size, size))
    for x, y, theta, ranges in scans:
        x0, y0 = int(x / cell), int(y / cell)
        for k, rng_ in enumerate(ranges):
            angle = theta + 2 * math.pi * k / len(ranges)
            x1, y1 = int((x + rng_ * math.cos(angle)) / cell), int((y + rng_ * math.sin(angle)) / cell)
            i, j = x0, y0
            dx, dy = abs(x1 - i), -abs(y1 - j)
            sx, sy = (1 if i < x1 else -1), (1 if j < y1 else -1)
            err = dx + dy
            while True:
                inside = 0 <= i < size and 0 <= j < size
                if i == x1 and j == y1:
                    if inside:
                        logodds[i, j] += hit
                    break
                if inside:
                    logodds[i, j] += miss
                e2 = 2 * err
                if e2 >= dy:
                    err += dy
                    i += sx
                if e2 <= dx:
                    err += dx
                    j += sy
    return 1 - 1 / (1 + np.exp(np.clip(logodds, -10, 10)))


CART = (np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[0.005], [0.1]]))

CASES = {
    pid_tank: lambda rng: [
        (np.repeat([1.0, 2.0, 1.5], 7),),
        ([1] * 20, (5, 0, 0), 0.2, 2.0, 0.1, (-1, 1)),
        (np.zeros(3, np.float32),),
        ([],),
    ],
    dlqr: lambda rng: [
        (*CART, np.eye(2), np.eye(1), [1.0, 0.0]),
        (np.array([[2.0]]), np.array([[1.0]]), np.eye(1), np.eye(1), None, 3),
        (np.array([[1.1]]), np.zeros((1, 1)), np.eye(1), np.eye(1)),
        (np.array([[1]]), np.array([[1]]), np.array([[1]]), np.array([[1]]), [2], 2),
    ],
    ekf_slam: lambda rng: [
        (
            [(1.0, 0.2)] * 15,
            [[(k % 3, 2.0 + 0.1 * k, 0.3 * (k % 3) + 0.01 * k)] for k in range(15)],
            3,
        ),
        ([(0.5, 0.0), (0.5, 1.0)], [[], [(0, 1.0, 0.5), (0, 1.1, 0.4)]], 1, 1.0),
        ([], [], 0),
    ],
    rrt: lambda rng: [
        ((1, 1), (9, 9), [(5.0, 5.0, 1.5)], np.random.default_rng(1)),
        ((0.0, 0.0), (0.2, 0.2), [], np.random.default_rng(2)),
        ((1, 1), (9, 9), [(5.0, 5.0, 50.0)], np.random.default_rng(3), 0.5, 0.1, 20),
    ],
    grid_astar: lambda rng: [
        (np.where(rng.random((12, 12)) < 0.2, -1, rng.integers(1, 5, (12, 12))), (0, 0), (11, 11)),
        (np.ones((5, 6)), (0, 0), (4, 5), True),
        (np.array([[1, -1, 1]]), (0, 0), (0, 2)),
        (np.ones((2, 2)), (0, 0), (0, 0)),
    ],
    ik_ccd: lambda rng: [
        ([2.0, 1.5, 1.0], (2.0, 2.0)),
        (np.array([1.0, 1.0]), [5.0, 0.0], [0.3, 0.2], 1e-3, 8),
        ([1], [0, 1]),
        ([1.0], [0.0, 1.0], None, 1e-3, 0),
    ],
    ik_damped: lambda rng: [
        (np.array([2.0, 1.5, 1.0]), (2.0, 2.0), [0.1, 0.2, 0.3]),
        (np.array([1.0, 1.0]), np.array([5.0, 0.0]), np.array([1, 1]), 0.5, 10),
        (np.array([1.0]), (1.0, 0.0), [0.0]),
    ],
    gyro_integration: lambda rng: [
        (rng.normal(0, 1, (80, 3)), 0.01),
        ([(0, 0, 0), (1, 0, 0)], 0.5, (0.5, 0.5, 0.5, 0.5)),
        (np.zeros((0, 3)), 0.1),
        ([], 0.1, (0.0, 0.0, 0.0, 0.0)),
    ],
    slerp_path: lambda rng: [
        (rng.normal(size=4), rng.normal(size=4), 12),
        (np.array([1.0, 0, 0, 0]), np.array([1.0, 0.001, 0, 0]), 3),
        (np.array([1, 0, 0, 0]), np.array([0, 1, 0, 0]), 1),
        (np.ones(4, np.float32), -np.ones(4, np.float32), 2),
    ],
    mpc_box: lambda rng: [
        (*CART, [1.0, 0.0], 8, 15, 0.5),
        (np.array([[1.2]]), np.array([[1.0]]), [3.0], 2, 4, 1.0, 1.0, 1.0, 5),
        (*CART, [0, 0], 1, 2, 1),
    ],
    occupancy_grid: lambda rng: [
        ([(5.0, 5.0, 0.1 * k, rng.uniform(1, 4, 12)) for k in range(4)],),
        ([(0.2, 0.2, 0.0, [3.0, 0.0, 50.0])], 4, 1.0),
        ([], 3),
    ],
}
