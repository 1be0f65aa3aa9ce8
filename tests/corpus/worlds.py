"""Simulated worlds and learning machines: trees of bodies, cells, rays, grids, and networks with their own backward passes."""

from __future__ import annotations

import math

import numpy as np


class Quad:
    """A cell of a quadtree; leaves hold one body."""

    __slots__ = ("cx", "cy", "size", "mass", "mx", "my", "body", "children")

    def __init__(self, cx, cy, size):
        self.cx, self.cy, self.size = cx, cy, size
        self.mass = self.mx = self.my = 0.0
        self.body = None
        self.children = None

    def insert(self, i, pos, mass, depth=0):
        x, y = pos[i]
        if self.mass == 0:
            self.body = i
        else:
            if self.children is None:
                q = self.size / 4
                self.children = [Quad(self.cx + sx * q, self.cy + sy * q, self.size / 2) for sy in (-1, 1) for sx in (-1, 1)]
                old, self.body = self.body, None
                if depth < 20:
                    self.child(pos[old]).insert(old, pos, mass, depth + 1)
            if depth < 20:
                self.child(pos[i]).insert(i, pos, mass, depth + 1)
        total = self.mass + mass[i]
        self.mx = (self.mx * self.mass + x * mass[i]) / total
        self.my = (self.my * self.mass + y * mass[i]) / total
        self.mass = total

    def child(self, p):
        return self.children[2 * (p[1] > self.cy) + (p[0] > self.cx)]

    def force(self, i, pos, theta, eps):
        if self.mass == 0 or self.body == i:
            return 0.0, 0.0, 0
        dx, dy = self.mx - pos[i, 0], self.my - pos[i, 1]
        r2 = dx * dx + dy * dy + eps * eps
        if self.children is None or self.size * self.size < theta * theta * r2:
            f = self.mass / (r2 * math.sqrt(r2))
            return f * dx, f * dy, 1
        fx = fy = 0.0
        visits = 0
        for c in self.children:
            ax, ay, v = c.force(i, pos, theta, eps)
            fx, fy, visits = fx + ax, fy + ay, visits + v
        return fx, fy, visits


def barnes_hut_quadtree(pos, vel, mass, dt, steps, theta=0.5, eps=0.05):
    """Leapfrog with forces from a quadtree that is built anew at every step."""
    pos, vel = pos.copy(), vel.copy()
    visits = []

    def accelerations():
        lo, hi = pos.min(axis=0), pos.max(axis=0)
        centre = 0.5 * (lo + hi)
        root = Quad(centre[0], centre[1], max(hi - lo) * 1.01)
        for i in range(len(pos)):
            root.insert(i, pos, mass)
        acc = np.zeros_like(pos)
        count = 0
        for i in range(len(pos)):
            ax, ay, v = root.force(i, pos, theta, eps)
            acc[i] = ax, ay
            count += v
        visits.append(count)
        return acc

    acc = accelerations()
    for _ in range(steps):
        vel += 0.5 * dt * acc
        pos += dt * vel
        acc = accelerations()
        vel += 0.5 * dt * acc
    momentum = (mass[:, None] * vel).sum(axis=0)
    return pos, vel, momentum, visits


def cell_list_dynamics(pos, vel, box, cutoff, dt, steps, thermostat=None):
    """Lennard-Jones in a periodic square: cells in dictionaries, half the neighbours, shifted potential."""
    pos, vel = pos.copy(), vel.copy()
    n = len(pos)
    cells = max(1, int(box // cutoff))
    width = box / cells
    shift = 4 * (cutoff**-12 - cutoff**-6)

    def forces():
        grid = {}
        for i in range(n):
            key = (int(pos[i, 0] / width) % cells, int(pos[i, 1] / width) % cells)
            grid.setdefault(key, []).append(i)
        f = np.zeros_like(pos)
        energy, virial = 0.0, 0.0
        for (cx, cy), inside in grid.items():
            for ox in (-1, 0, 1):
                for oy in (-1, 0, 1):
                    other = grid.get(((cx + ox) % cells, (cy + oy) % cells))
                    if other is None:
                        continue
                    for i in inside:
                        for j in other:
                            if i >= j:
                                continue
                            d = pos[i] - pos[j]
                            d -= box * np.round(d / box)
                            r2 = d[0] * d[0] + d[1] * d[1]
                            if r2 < cutoff * cutoff:
                                s6 = 1 / r2**3
                                g = 24 * (2 * s6 * s6 - s6) / r2
                                f[i] += g * d
                                f[j] -= g * d
                                energy += 4 * (s6 * s6 - s6) - shift
                                virial += g * r2
        return f, energy, virial

    f, energy, virial = forces()
    log = []
    for step in range(steps):
        vel += 0.5 * dt * f
        pos = (pos + dt * vel) % box
        f, energy, virial = forces()
        vel += 0.5 * dt * f
        kinetic = 0.5 * (vel**2).sum()
        if thermostat is not None and step % 5 == 4:
            vel *= math.sqrt(thermostat * n / kinetic)
        log.append((kinetic, energy, (kinetic + virial / 2) / box**2))
    return pos, np.array(log)


def invasion_percolation(size, seed, trapping=False):
    """Grow the cheapest site at the border of the cluster until the far side is reached."""
    import heapq

    rng = np.random.default_rng(seed)
    resistance = rng.random((size, size))
    invaded = np.zeros((size, size), dtype=bool)
    heap = [(resistance[i, 0], i, 0) for i in range(size)]
    heapq.heapify(heap)
    order, largest = [], 0.0
    while heap:
        r, i, j = heapq.heappop(heap)
        if invaded[i, j]:
            continue
        if trapping:
            free = [(i + a, j + b) for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))]
            if all(not (0 <= a < size and 0 <= b < size) or invaded[a, b] for a, b in free):
                continue
        invaded[i, j] = True
        order.append((i, j))
        largest = max(largest, r)
        if j == size - 1:
            break
        for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            if 0 <= i + a < size and 0 <= j + b < size and not invaded[i + a, j + b]:
                heapq.heappush(heap, (resistance[i + a, j + b], i + a, j + b))
    return invaded, largest, np.array(order)


class Sphere:
    def __init__(self, centre, radius, colour, mirror=0.0):
        self.centre = np.array(centre, float)
        self.radius = radius
        self.colour = np.array(colour, float)
        self.mirror = mirror

    def intersect(self, origin, direction):
        oc = origin - self.centre
        b = np.dot(oc, direction)
        c = np.dot(oc, oc) - self.radius**2
        disc = b * b - c
        if disc < 0:
            return math.inf
        root = math.sqrt(disc)
        for t in (-b - root, -b + root):
            if t > 1e-4:
                return t
        return math.inf


def render(scene, light, width, height, depth=2, ambient=0.1):
    """A recursive ray tracer: one ray a pixel, shadows, mirrors."""
    spheres = [Sphere(*s) for s in scene]
    light = np.asarray(light, float)

    def trace(origin, direction, level):
        nearest, hit = math.inf, None
        for s in spheres:
            t = s.intersect(origin, direction)
            if t < nearest:
                nearest, hit = t, s
        if hit is None:
            sky = 0.5 * (direction[1] + 1)
            return (1 - sky) * np.ones(3) + sky * np.array([0.5, 0.7, 1.0])
        point = origin + nearest * direction
        normal = (point - hit.centre) / hit.radius
        to_light = light - point
        distance = np.linalg.norm(to_light)
        to_light /= distance
        shadow = any(s.intersect(point, to_light) < distance for s in spheres if s is not hit)
        diffuse = 0.0 if shadow else max(0.0, float(normal @ to_light))
        colour = hit.colour * (ambient + (1 - ambient) * diffuse)
        if hit.mirror and level > 0:
            reflected = direction - 2 * (direction @ normal) * normal
            colour = (1 - hit.mirror) * colour + hit.mirror * trace(point, reflected, level - 1)
        return colour

    image = np.zeros((height, width, 3), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            d = np.array([(x + 0.5) / width - 0.5, 0.5 - (y + 0.5) / height, 1.0])
            d /= np.linalg.norm(d)
            image[y, x] = np.clip(trace(np.zeros(3), d, depth), 0, 1)
    return (255 * image).astype(np.uint8)


class Layer:
    def parameters(self):
        return []


class Dense(Layer):
    def __init__(self, rng, n_in, n_out):
        self.w = (rng.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)).astype(np.float32)
        self.b = np.zeros(n_out, np.float32)

    def forward(self, x, train=True):
        self.x = x
        return x @ self.w + self.b

    def backward(self, g):
        self.dw = self.x.T @ g
        self.db = g.sum(axis=0)
        return g @ self.w.T

    def parameters(self):
        return [(self, "w"), (self, "b")]


class BatchNorm(Layer):
    def __init__(self, n, momentum=0.9):
        self.g, self.b = np.ones(n, np.float32), np.zeros(n, np.float32)
        self.mean, self.var = np.zeros(n, np.float32), np.ones(n, np.float32)
        self.momentum = momentum

    def forward(self, x, train=True):
        if train:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mu
            self.var = self.momentum * self.var + (1 - self.momentum) * var
        else:
            mu, var = self.mean, self.var
        self.inv = 1 / np.sqrt(var + 1e-5)
        self.hat = (x - mu) * self.inv
        return self.g * self.hat + self.b

    def backward(self, g):
        self.dg, self.db = (g * self.hat).sum(axis=0), g.sum(axis=0)
        h = g * self.g
        return self.inv * (h - h.mean(axis=0) - self.hat * (h * self.hat).mean(axis=0))

    def parameters(self):
        return [(self, "g"), (self, "b")]


class ReLU(Layer):
    def forward(self, x, train=True):
        self.mask = x > 0
        return x * self.mask

    def backward(self, g):
        return g * self.mask


def train_classifier(x, y, hidden, epochs, batch, lr=1e-2, seed=0, patience=None, verbose=False):
    """Dense, batch normalisation, ReLU, softmax; Adam over attributes named by strings; early stopping on a held-out part."""
    rng = np.random.default_rng(seed)
    classes = int(y.max()) + 1
    sizes = [x.shape[1], *hidden]
    net = []
    for a, b in zip(sizes, sizes[1:]):
        net += [Dense(rng, a, b), BatchNorm(b), ReLU()]
    net.append(Dense(rng, sizes[-1], classes))
    split = int(0.8 * len(x))
    order = rng.permutation(len(x))
    train, held = order[:split], order[split:]
    moments = {}
    history = {"loss": [], "accuracy": []}
    best, waited, t = math.inf, 0, 0
    for epoch in range(epochs):
        shuffled = rng.permutation(train)
        for start in range(0, len(train), batch):
            index = shuffled[start : start + batch]
            out = x[index]
            for layer in net:
                out = layer.forward(out)
            p = np.exp(out - out.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            p[np.arange(len(index)), y[index]] -= 1
            g = p / len(index)
            for layer in reversed(net):
                g = layer.backward(g)
            t += 1
            for number, layer in enumerate(net):
                for owner, name in layer.parameters():
                    grad = getattr(owner, "d" + name)
                    m, v = moments.get((number, name), (0.0, 0.0))
                    m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
                    moments[number, name] = m, v
                    update = lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
                    setattr(owner, name, getattr(owner, name) - update.astype(np.float32))
        out = x[held]
        for layer in net:
            out = layer.forward(out, train=False)
        shifted = out - out.max(axis=1, keepdims=True)
        logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = float(-logp[np.arange(len(held)), y[held]].mean())
        accuracy = float((out.argmax(axis=1) == y[held]).mean())
        history["loss"].append(loss)
        history["accuracy"].append(accuracy)
        if verbose:
            print(f"epoch {epoch + 1}/{epochs}: loss {loss:.4f} accuracy {accuracy:.2%}")
        if loss < best:
            best, waited = loss, 0
        elif patience is not None:
            waited += 1
            if waited >= patience:
                break
    return history, [layer.w for layer in net if isinstance(layer, Dense)]


class CachedAttention:
    """Multi-head attention that keeps keys and values of the positions it has seen."""

    def __init__(self, weights, heads, max_len):
        self.wq, self.wk, self.wv, self.wo = weights
        d = self.wq.shape[0]
        self.heads, self.size = heads, d // heads
        self.keys = np.zeros((heads, max_len, self.size), self.wq.dtype)
        self.values = np.zeros_like(self.keys)
        self.length = 0

    def __call__(self, x):
        t = x.shape[0]
        q = (x @ self.wq).reshape(t, self.heads, self.size).transpose(1, 0, 2)
        k = (x @ self.wk).reshape(t, self.heads, self.size).transpose(1, 0, 2)
        v = (x @ self.wv).reshape(t, self.heads, self.size).transpose(1, 0, 2)
        end = self.length + t
        self.keys[:, self.length : end] = k
        self.values[:, self.length : end] = v
        scores = q @ self.keys[:, :end].transpose(0, 2, 1) / np.sqrt(self.size)
        mask = np.triu(np.full((t, end), -np.inf), k=1 + self.length)
        scores = scores + mask
        scores -= scores.max(axis=-1, keepdims=True)
        weights = np.exp(scores)
        weights /= weights.sum(axis=-1, keepdims=True)
        self.length = end
        return (weights @ self.values[:, :end]).transpose(1, 0, 2).reshape(t, -1) @ self.wo


def generate_with_cache(params, prompt, new_tokens, heads=2, temperature=0.0, top_k=None, seed=0, eos=None):
    """A decoder of pre-norm blocks that generates token by token from a cache; greedy or sampled."""
    rng = np.random.default_rng(seed)
    table, blocks, max_len = params["wte"], params["blocks"], params["wpe"].shape[0]
    if len(prompt) + new_tokens > max_len:
        raise ValueError("prompt too long")

    def norm(x, eps=1e-5):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    attend = [CachedAttention(b["attention"], heads, max_len) for b in blocks]
    tokens = list(prompt)
    fresh = tokens
    position = 0
    scores = []
    for _ in range(new_tokens):
        x = table[fresh] + params["wpe"][position : position + len(fresh)]
        for block, attention in zip(blocks, attend):
            x = x + attention(norm(x))
            x = x + gelu(norm(x) @ block["up"]) @ block["down"]
        position += len(fresh)
        logits = norm(x[-1]) @ table.T
        if temperature == 0:
            token = int(np.argmax(logits))
        else:
            logits = logits / temperature
            if top_k is not None:
                cut = np.sort(logits)[-top_k]
                logits = np.where(logits < cut, -np.inf, logits)
            p = np.exp(logits - logits.max())
            p /= p.sum()
            token = int(rng.choice(len(p), p=p))
        scores.append(float(logits[token]))
        tokens.append(token)
        if token == eos:
            break
        fresh = [token]
    return tokens, scores


def _planar(rng, n):
    return rng.standard_normal((n, 2)), 0.1 * rng.standard_normal((n, 2)), rng.uniform(0.5, 2, n)


def _square(rng, k, spacing=1.2):
    x, y = np.meshgrid(np.arange(k), np.arange(k))
    pos = spacing * np.stack([x.ravel(), y.ravel()], axis=1) + 0.05 * rng.standard_normal((k * k, 2))
    return pos % (spacing * k), 0.3 * rng.standard_normal((k * k, 2)), spacing * k


_SCENE = [((0, 0, 4), 1.0, (1, 0.2, 0.2), 0.3), ((1.2, 0.3, 3), 0.5, (0.2, 0.2, 1)), ((0, -51, 4), 50.0, (0.5, 0.8, 0.5), 0.1)]


def _decoder(rng, vocab, d, layers, length, dtype=np.float32):
    def w(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(dtype)

    blocks = [{"attention": [w(d, d) for _ in range(4)], "up": w(d, 2 * d), "down": w(2 * d, d)} for _ in range(layers)]
    return {"wte": w(vocab, d), "wpe": w(length, d), "blocks": blocks}


CASES = {
    barnes_hut_quadtree: lambda rng: [
        (*_planar(rng, 12), 0.05, 3),
        (*_planar(rng, 7), 0.1, 2, 1.0, 0.1),
        (*_planar(rng, 2), 0.1, 0),
    ],
    cell_list_dynamics: lambda rng: [
        (*_square(rng, 5), 2.0, 0.005, 6),
        (*_square(rng, 4), 1.5, 0.002, 10, 0.8),
        (*_square(rng, 2), 3.0, 0.01, 3),
    ],
    invasion_percolation: lambda rng: [(8, 1), (12, 5, True), (1, 3)],
    render: lambda rng: [(_SCENE, (5, 5, -5), 12, 9), (_SCENE[:1], [0.0, 10.0, 0.0], 8, 8, 0, 0.2), ([], (0, 0, 0), 3, 2)],
    train_classifier: lambda rng: [
        (rng.standard_normal((60, 5)).astype(np.float32), rng.integers(0, 3, 60), [8], 3, 16),
        (rng.standard_normal((40, 4)).astype(np.float32), rng.integers(0, 2, 40), (6, 5), 4, 10, 0.05, 2, 1, True),
        (rng.standard_normal((20, 3)), rng.integers(0, 2, 20), [], 2, 20),
    ],
    generate_with_cache: lambda rng: [
        (_decoder(rng, 17, 8, 2, 16), [3, 1, 4], 6),
        (_decoder(rng, 11, 12, 1, 10, np.float64), (1, 2), 5, 3, 0.8, 4, 5, 7),
        (_decoder(rng, 5, 4, 1, 6), [0], 3, 2, 1.0),
        (_decoder(rng, 5, 4, 1, 6), [0, 1, 2], 9),
    ],
}
