"""Programs of the corpus on real sizes: plain NumPy, the same decorated, and written by hand for Numba and for JAX.

The NumPy source is what its author would have written, and what hybrid is given. Numba's has the loops written out, JAX's has
`fori_loop`, `scan` and `at[].set` where the other writes in place. One processor: hand-written loops are serial. None of them
may round in another way than NumPy does (`fastmath`).
"""

from __future__ import annotations

import numba
import numpy as np

from bench.engines import hybrid, jax, plain
from bench.measure import Case


def _random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


# a stencil in a time loop ------------------------------------------------------------------------------------------------
def heat(start):
    u = start.copy()
    for _ in range(100):
        u[1:-1, 1:-1] += 0.2 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1])
    return u


@numba.njit
def heat_loops(start):
    u, v = start.copy(), start.copy()
    for _ in range(100):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                v[i, j] = u[i, j] + 0.2 * (u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4 * u[i, j])
        u, v = v, u
    return u


def heat_jax():
    from jax import lax

    def step(_, u):
        change = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        return u.at[1:-1, 1:-1].add(0.2 * change)

    return lambda start: lax.fori_loop(0, 100, step, start)


# bodies that attract each other ------------------------------------------------------------------------------------------
def n_body(position, velocity, mass):
    x, v = position.copy(), velocity.copy()
    for _ in range(20):
        d = x[None, :, :] - x[:, None, :]
        r2 = (d**2).sum(axis=2) + 1e-2
        a = (d * (mass / (r2 * np.sqrt(r2)))[:, :, None]).sum(axis=1)
        v += 0.01 * a
        x += 0.01 * v
    return x


@numba.njit
def n_body_loops(position, velocity, mass):
    x, v = position.copy(), velocity.copy()
    n = x.shape[0]
    for _ in range(20):
        for i in range(n):
            ax = ay = az = 0.0
            for j in range(n):
                dx, dy, dz = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
                r2 = dx * dx + dy * dy + dz * dz + 1e-2
                w = mass[j] / (r2 * np.sqrt(r2))
                ax, ay, az = ax + w * dx, ay + w * dy, az + w * dz
            v[i, 0] += 0.01 * ax
            v[i, 1] += 0.01 * ay
            v[i, 2] += 0.01 * az
        for i in range(n):
            for k in range(3):
                x[i, k] += 0.01 * v[i, k]
    return x


def n_body_jax():
    import jax.numpy as jnp
    from jax import lax

    def run(position, velocity, mass):
        def step(_, state):
            x, v = state
            d = x[None, :, :] - x[:, None, :]
            r2 = (d**2).sum(axis=2) + 1e-2
            v = v + 0.01 * (d * (mass / (r2 * jnp.sqrt(r2)))[:, :, None]).sum(axis=1)
            return x + 0.01 * v, v

        return lax.fori_loop(0, 20, step, (position, velocity))[0]

    return run


def bodies():
    rng = _random(2)
    return rng.standard_normal((200, 3)), np.zeros((200, 3)), rng.random(200)


# a solver that ends when it has arrived ----------------------------------------------------------------------------------
def conjugate_gradient(a, b):
    x = np.zeros_like(b)
    r = b - a @ x
    p = r.copy()
    rr = r @ r
    while rr > 1e-20:
        ap = a @ p
        alpha = rr / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        new = r @ r
        p = r + (new / rr) * p
        rr = new
    return x


conjugate_gradient_loops = numba.njit(conjugate_gradient)


def conjugate_gradient_jax():
    import jax.numpy as jnp
    from jax import lax

    def run(a, b):
        def step(state):
            x, r, p, rr = state
            ap = a @ p
            alpha = rr / (p @ ap)
            r = r - alpha * ap
            new = r @ r
            return x + alpha * p, r, r + (new / rr) * p, new

        return lax.while_loop(lambda state: state[3] > 1e-20, step, (jnp.zeros_like(b), b, b, b @ b))[0]

    return run


def system():
    a = _random(3).standard_normal((400, 400))
    return a @ a.T / 400 + np.eye(400), _random(4).standard_normal(400)


# dynamic programming over rows -------------------------------------------------------------------------------------------
def viterbi(log_start, log_move, log_emit):
    steps, states = log_emit.shape
    score = log_start + log_emit[0]
    back = np.zeros((steps, states), dtype=np.int64)
    for t in range(1, steps):
        total = score[:, None] + log_move
        back[t] = total.argmax(axis=0)
        score = total.max(axis=0) + log_emit[t]
    path = np.zeros(steps, dtype=np.int64)
    path[-1] = score.argmax()
    for t in range(steps - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


@numba.njit
def viterbi_loops(log_start, log_move, log_emit):
    steps, states = log_emit.shape
    score, after = log_start + log_emit[0], np.empty(states)
    back = np.zeros((steps, states), dtype=np.int64)
    for t in range(1, steps):
        for j in range(states):
            best, at = score[0] + log_move[0, j], 0
            for i in range(1, states):
                value = score[i] + log_move[i, j]
                if value > best:
                    best, at = value, i
            back[t, j] = at
            after[j] = best + log_emit[t, j]
        score, after = after, score
    path = np.zeros(steps, dtype=np.int64)
    path[-1] = score.argmax()
    for t in range(steps - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


def viterbi_jax():
    import jax.numpy as jnp
    from jax import lax

    def run(log_start, log_move, log_emit):
        def forward(score, emit):
            total = score[:, None] + log_move
            return total.max(axis=0) + emit, total.argmax(axis=0)

        score, back = lax.scan(forward, log_start + log_emit[0], log_emit[1:])
        last = score.argmax()
        _, path = lax.scan(lambda state, row: (row[state], state), last, back, reverse=True)
        first = back[0][path[0]]
        return jnp.concatenate([first[None], path])

    return run


def chain():
    rng = _random(5)
    return tuple(np.log(rng.dirichlet(np.ones(32), size)).astype(np.float64) for size in (None, 32, 1000))


# clusters ----------------------------------------------------------------------------------------------------------------
def k_means(points, start):
    centres = start.copy()
    for _ in range(10):
        distance = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        label = distance.argmin(axis=1)
        for k in range(len(centres)):
            members = points[label == k]
            if len(members):
                centres[k] = members.mean(axis=0)
    return centres


@numba.njit
def k_means_loops(points, start):
    centres = start.copy()
    n, d = points.shape
    count, total = np.empty(len(centres)), np.empty_like(centres)
    for _ in range(10):
        count[:], total[:] = 0, 0
        for i in range(n):
            best, at = np.inf, 0
            for k in range(len(centres)):
                distance = 0.0
                for j in range(d):
                    distance += (points[i, j] - centres[k, j]) ** 2
                if distance < best:
                    best, at = distance, k
            count[at] += 1
            for j in range(d):
                total[at, j] += points[i, j]
        for k in range(len(centres)):
            if count[k]:
                centres[k] = total[k] / count[k]
    return centres


def k_means_jax():
    import jax
    import jax.numpy as jnp
    from jax import lax

    def run(points, start):
        def step(_, centres):
            distance = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
            member = jax.nn.one_hot(distance.argmin(axis=1), len(start), dtype=points.dtype)
            count = member.sum(axis=0)[:, None]
            return jnp.where(count > 0, (member.T @ points) / jnp.maximum(count, 1), centres)

        return lax.fori_loop(0, 10, step, start)

    return run


def points():
    return _random(6).standard_normal((5000, 8)), _random(7).standard_normal((8, 8))


# an option that may be exercised early -----------------------------------------------------------------------------------
def american_put(strikes):
    steps, out = 1000, np.zeros(len(strikes))
    up = np.exp(0.2 * np.sqrt(1 / steps))
    grow, p = np.exp(0.05 / steps), (np.exp(0.05 / steps) - 1 / up) / (up - 1 / up)
    for k in range(len(strikes)):
        price = 100.0 * up ** (2.0 * np.arange(steps + 1) - steps)
        value = np.maximum(strikes[k] - price, 0)
        for n in range(steps, 0, -1):
            price = price[1 : n + 1] / up
            value = np.maximum(strikes[k] - price, (p * value[1 : n + 1] + (1 - p) * value[:n]) / grow)
        out[k] = value[0]
    return out


@numba.njit
def american_put_loops(strikes):
    steps, out = 1000, np.zeros(len(strikes))
    up = np.exp(0.2 * np.sqrt(1 / steps))
    grow, p = np.exp(0.05 / steps), (np.exp(0.05 / steps) - 1 / up) / (up - 1 / up)
    price, value = np.empty(steps + 1), np.empty(steps + 1)
    for k in range(len(strikes)):
        for j in range(steps + 1):
            price[j] = 100.0 * up ** (2.0 * j - steps)
            value[j] = max(strikes[k] - price[j], 0.0)
        for n in range(steps, 0, -1):
            for j in range(n):
                price[j] = price[j + 1] / up
                value[j] = max(strikes[k] - price[j], (p * value[j + 1] + (1 - p) * value[j]) / grow)
        out[k] = value[0]
    return out


def american_put_jax():
    import jax
    import jax.numpy as jnp
    from jax import lax

    steps = 1000
    up = np.exp(0.2 * np.sqrt(1 / steps))
    grow, p = np.exp(0.05 / steps), (np.exp(0.05 / steps) - 1 / up) / (up - 1 / up)

    def one(strike):
        price = 100.0 * up ** (2.0 * jnp.arange(steps + 1) - steps)

        def step(_, state):  # of one length: what lies beyond the tree is computed, too
            price, value = state
            price = jnp.roll(price, -1) / up
            return price, jnp.maximum(strike - price, (p * jnp.roll(value, -1) + (1 - p) * value) / grow)

        return lax.fori_loop(0, steps, step, (price, jnp.maximum(strike - price, 0)))[1][0]

    return jax.vmap(one)


def strikes():
    return (np.array([90.0, 100.0, 110.0, 120.0]),)


# a recurrent network -----------------------------------------------------------------------------------------------------
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, u, b):
    steps, batch, _ = x.shape
    size = u.shape[0]
    h, c = np.zeros((batch, size), x.dtype), np.zeros((batch, size), x.dtype)
    for t in range(steps):
        z = x[t] @ w + h @ u + b
        i, f, g, o = (
            sigmoid(z[:, :size]),
            sigmoid(z[:, size : 2 * size]),
            np.tanh(z[:, 2 * size : 3 * size]),
            sigmoid(z[:, 3 * size :]),
        )
        c = f * c + i * g
        h = o * np.tanh(c)
    return h


@numba.njit
def lstm_loops(x, w, u, b):
    steps, batch, _ = x.shape
    size = u.shape[0]
    h, c = np.zeros((batch, size), x.dtype), np.zeros((batch, size), x.dtype)
    for t in range(steps):
        z = x[t] @ w + h @ u
        for r in range(batch):
            for k in range(size):
                i = 1 / (1 + np.exp(-z[r, k] - b[k]))
                f = 1 / (1 + np.exp(-z[r, size + k] - b[size + k]))
                g = np.tanh(z[r, 2 * size + k] + b[2 * size + k])
                o = 1 / (1 + np.exp(-z[r, 3 * size + k] - b[3 * size + k]))
                c[r, k] = f * c[r, k] + i * g
                h[r, k] = o * np.tanh(c[r, k])
    return h


def lstm_jax():
    import jax
    import jax.numpy as jnp
    from jax import lax

    def run(x, w, u, b):
        def step(state, now):
            h, c = state
            i, f, g, o = jnp.split(now @ w + h @ u + b, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((x.shape[1], u.shape[0]), x.dtype)
        return lax.scan(step, (zeros, zeros), x)[0][0]

    return run


def sequence():
    rng = _random(9)
    return tuple(rng.standard_normal(shape).astype(np.float32) / 8 for shape in ((100, 16, 64), (64, 256), (64, 256), (256,)))


# cells -------------------------------------------------------------------------------------------------------------------
def life(start):
    board = start.copy()
    for _ in range(50):
        around = np.zeros_like(board)
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                if di or dj:
                    around += np.roll(board, (di, dj), axis=(0, 1))
        board = ((around == 3) | ((board == 1) & (around == 2))).astype(board.dtype)
    return board


@numba.njit
def life_loops(start):
    board, after = start.copy(), start.copy()
    n, m = board.shape
    for _ in range(50):
        for i in range(n):
            up, down = i - 1 if i else n - 1, i + 1 if i < n - 1 else 0
            for j in range(m):
                left, right = j - 1 if j else m - 1, j + 1 if j < m - 1 else 0
                around = (
                    board[up, left] + board[up, j] + board[up, right] + board[i, left] + board[i, right]
                    + board[down, left] + board[down, j] + board[down, right]
                )  # fmt: skip
                after[i, j] = 1 if around == 3 or (board[i, j] == 1 and around == 2) else 0
        board, after = after, board
    return board


def life_jax():
    import jax.numpy as jnp
    from jax import lax

    def step(_, board):
        around = sum(jnp.roll(board, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
        return ((around == 3) | ((board == 1) & (around == 2))).astype(board.dtype)

    return lambda start: lax.fori_loop(0, 50, step, start)


PROGRAMS = (
    ("heat equation, 100 steps of 300 × 300", lambda: (_random(1).random((300, 300)),), heat, heat_loops, heat_jax, 1e-9),
    ("200 bodies, 20 steps", bodies, n_body, n_body_loops, n_body_jax, 1e-9),
    ("conjugate gradients, 400 unknowns", system, conjugate_gradient, conjugate_gradient_loops, conjugate_gradient_jax, 1e-6),
    ("Viterbi, 1000 steps, 32 states", chain, viterbi, viterbi_loops, viterbi_jax, 0.0),
    ("k-means, 10 rounds of 5000 points, 8 clusters", points, k_means, k_means_loops, k_means_jax, 1e-9),
    ("American put, 1000 steps, 4 strikes", strikes, american_put, american_put_loops, american_put_jax, 1e-9),
    ("LSTM, 100 steps, batch 16, 64 units, float32", sequence, lstm, lstm_loops, lstm_jax, 1e-4),
    ("game of life, 50 generations of 256 × 256",
     lambda: ((_random(8).random((256, 256)) < 0.3).astype(np.int64),), life, life_loops, life_jax, 0.0),
)  # fmt: skip

CASES = tuple(
    Case(
        title, inputs, program,
        {"hybrid": hybrid(program), "Numba": plain(loops), "JAX": jax(build), "NumPy": plain(program)},
        rtol=rtol, atol=rtol, threads=(1,),
    )
    for title, inputs, program, loops, build, rtol in PROGRAMS
)  # fmt: skip
