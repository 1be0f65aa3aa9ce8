"""Programs of labs and desks: learners, people and molecules, codons and trees, shapes, parsers."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter, defaultdict, namedtuple
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


def logistic_sgd(x, y, epochs=5, batch=8, lr=0.5, l2=1e-3, seed=3, schedule=None):
    """Mini-batch logistic regression with shuffling, schedule and early stopping on a hold-out."""
    rng = np.random.default_rng(seed)
    n, d = x.shape
    split = int(0.8 * n)
    perm = rng.permutation(n)
    train, hold = perm[:split], perm[split:]
    w, b = np.zeros(d), 0.0
    best, wait = (np.inf, w, b), 0
    history = []
    for epoch in range(epochs):
        eta = lr if schedule is None else schedule(lr, epoch)
        order = rng.permutation(train)
        for start in range(0, split, batch):
            idx = order[start : start + batch]
            p = 1 / (1 + np.exp(-(x[idx] @ w + b)))
            g = p - y[idx]
            w -= eta * (x[idx].T @ g / len(idx) + l2 * w)
            b -= eta * g.mean()
        p = np.clip(1 / (1 + np.exp(-(x[hold] @ w + b))), 1e-12, 1 - 1e-12)
        loss = -np.mean(y[hold] * np.log(p) + (1 - y[hold]) * np.log(1 - p))
        history.append(loss)
        if loss < best[0] - 1e-4:
            best, wait = (loss, w.copy(), b), 0
        else:
            wait += 1
            if wait >= 2:
                break
    acc = ((x[hold] @ best[1] + best[2] > 0) == (y[hold] > 0.5)).mean()
    return best, history, acc


def _decayed(lr, epoch):
    return lr / (1 + epoch)


def logistic_sgd_cases(rng):
    x = rng.normal(size=(50, 3))
    y = (x @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=50) > 0).astype(float)
    return [(x, y), (x, y, 20, 16, 1.0, 0.0, 1, _decayed), (x[:10], y[:10], 3, 4), (x, 1 - y, 2, 50)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class LSTMCell:
    def __init__(self, n_in, n_hidden, rng):
        self.n_hidden = n_hidden
        self.params = {g: (rng.normal(0, 0.3, (n_hidden, n_in + n_hidden)), np.zeros(n_hidden)) for g in "ifog"}
        self.params["f"] = (self.params["f"][0], np.ones(n_hidden))

    def __call__(self, x, state):
        h, c = state
        z = np.concatenate([x, h])
        gate = {g: (np.tanh if g == "g" else sigmoid)(w @ z + b) for g, (w, b) in self.params.items()}
        c = gate["f"] * c + gate["i"] * gate["g"]
        return gate["o"] * np.tanh(c), c


def lstm_sequence(xs, hidden, layers=1, seed=1, mask=None):
    """Stacked LSTM with masking of padded steps."""
    rng = np.random.default_rng(seed)
    cells = [LSTMCell(xs.shape[1] if k == 0 else hidden, hidden, rng) for k in range(layers)]
    states = [(np.zeros(hidden), np.zeros(hidden)) for _ in cells]
    outputs = []
    for t, x in enumerate(xs):
        if mask is not None and not mask[t]:
            outputs.append(outputs[-1] if outputs else np.zeros(hidden))
            continue
        for k, cell in enumerate(cells):
            states[k] = cell(x, states[k])
            x = states[k][0]
        outputs.append(x)
    return np.stack(outputs), states[-1][1]


def lstm_sequence_cases(rng):
    x = rng.normal(size=(7, 3))
    return [
        (x, 4),
        (x, 2, 2),
        (x, 3, 1, 2, [True, True, False, True, False, True, True]),
        (x, 2, 1, 1, np.array([0, 0, 1, 1, 1, 0, 1])),
    ]


def seir_households(days, beta, sizes, seed, lockdown=None):
    """Discrete stochastic SEIR with households as lists, events logged as dicts."""
    rng = np.random.default_rng(seed)
    people = [{"home": h, "state": "S", "since": 0} for h, k in enumerate(sizes) for _ in range(k)]
    people[0]["state"] = "I"
    curve = []
    for day in range(1, days + 1):
        infectious = [p for p in people if p["state"] == "I"]
        at_home = Counter(p["home"] for p in infectious)
        scale = 0.3 if lockdown and lockdown[0] <= day < lockdown[1] else 1.0
        force = beta * scale * len(infectious) / len(people)
        for p in people:
            if p["state"] == "S":
                escape = math.exp(-force) * 0.7 ** at_home[p["home"]]
                if rng.random() > escape:
                    p["state"], p["since"] = "E", day
            elif p["state"] == "E" and day - p["since"] >= 2:
                p["state"], p["since"] = "I", day
            elif p["state"] == "I" and day - p["since"] >= 4:
                p["state"] = "R"
        curve.append(tuple(sum(p["state"] == s for p in people) for s in "SEIR"))
    peak = max(range(len(curve)), key=lambda d: curve[d][2], default=None)
    return curve, peak


def seir_households_cases(rng):
    return [(12, 0.8, [3, 2, 4, 1], 1), (20, 0.5, [4] * 6, 2, (5, 10)), (5, 0.0, [1], 3), (0, 1.0, [2], 1)]


Reaction = namedtuple("Reaction", ["rate", "reactants", "change"])


DIMER = [
    Reaction(1.0, {"M": 2}, {"M": -2, "D": 1}),
    Reaction(0.1, {"D": 1}, {"M": 2, "D": -1}),
    Reaction(5.0, {}, {"M": 1}),
    Reaction(0.2, {"M": 1}, {"M": -1}),
]


def gillespie_named(initial, t_end, seed, reactions=DIMER, max_events=500):
    """Direct method on a dict of species."""
    rng = np.random.default_rng(seed)
    state = dict(initial)
    t, events = 0.0, 0
    times, path = [0.0], {s: [n] for s, n in state.items()}
    fired = [0] * len(reactions)
    while events < max_events:
        props = []
        for r in reactions:
            a = r.rate
            for s, k in r.reactants.items():
                a *= math.comb(state[s], k)
            props.append(a)
        total = sum(props)
        if total == 0:
            break
        t += rng.exponential(1 / total)
        if t > t_end:
            break
        pick, acc = rng.random() * total, 0.0
        for k, a in enumerate(props):
            acc += a
            if pick < acc:
                break
        for s, d in reactions[k].change.items():
            state[s] += d
        fired[k] += 1
        events += 1
        times.append(t)
        for s in path:
            path[s].append(state[s])
    return state, fired, np.array(times), {s: np.array(v) for s, v in path.items()}


def gillespie_named_cases(rng):
    return [
        ({"M": 10, "D": 0}, 2.0, 1),
        ({"M": 0, "D": 5}, 1.0, 2),
        ({"M": 2, "D": 0}, 5.0, 3, DIMER[:1]),
        ({"M": 30, "D": 3}, 3.0, 4, DIMER, 50),
    ]


GENETIC = {
    "ATG": "M",
    "TAA": "*",
    "TAG": "*",
    "TGA": "*",
    "TTT": "F",
    "TTC": "F",
    "GCT": "A",
    "GCC": "A",
    "GGT": "G",
    "GGA": "G",
}


def codon_report(dna, frames=(0, 1, 2), min_length=2):
    """Codon counts, relative usage and ORFs per frame."""
    dna = dna.upper().replace("U", "T")
    if set(dna) - set("ACGT"):
        raise ValueError("not a nucleotide: " + ", ".join(sorted(set(dna) - set("ACGT"))))
    usage = Counter()
    orfs = []
    for frame in frames:
        codons = [dna[i : i + 3] for i in range(frame, len(dna) - 2, 3)]
        usage.update(codons)
        protein, start = None, None
        for k, codon in enumerate(codons):
            aa = GENETIC.get(codon, "X")
            if protein is None:
                if aa == "M":
                    protein, start = "M", frame + 3 * k
            elif aa == "*":
                if len(protein) >= min_length:
                    orfs.append((start, frame + 3 * k + 3, protein))
                protein = None
            else:
                protein += aa
    by_aa = defaultdict(dict)
    for codon, count in usage.items():
        by_aa[GENETIC.get(codon, "X")][codon] = count
    relative = {aa: {c: n / sum(cs.values()) for c, n in sorted(cs.items())} for aa, cs in sorted(by_aa.items()) if aa != "X"}
    gc = (dna.count("G") + dna.count("C")) / len(dna) if dna else 0.0
    return orfs, relative, gc


def codon_report_cases(rng):
    return [
        ("ATGGCTGGTTTCTAAATGTTTGCCTGA",),
        ("augggauaa", (0,)),
        ("",),
        ("ATGNNN",),
        ("".join(rng.choice(list("ACGT"), 60)), (0, 1), 1),
    ]


def upgma_newick(names, d):
    """UPGMA on a dict of pairs; Newick text with branch lengths and cophenetic matrix."""
    clusters = {i: (name, 1, 0.0, [i]) for i, name in enumerate(names)}
    dist = {(i, j): float(d[i, j]) for i in range(len(names)) for j in range(i)}
    coph = np.zeros_like(d)
    nxt = len(names)
    while len(clusters) > 1:
        (i, j), best = min(dist.items(), key=lambda kv: (kv[1], kv[0]))
        ni, si, hi, mi = clusters.pop(i)
        nj, sj, hj, mj = clusters.pop(j)
        h = best / 2
        for a in mi:
            for b in mj:
                coph[a, b] = coph[b, a] = best
        new = {}
        for k, (_, size, _, _) in clusters.items():
            dik = dist[max(i, k), min(i, k)]
            djk = dist[max(j, k), min(j, k)]
            new[nxt, k] = (si * dik + sj * djk) / (si + sj)
        dist = {key: v for key, v in dist.items() if i not in key and j not in key}
        dist.update(new)
        clusters[nxt] = (f"({ni}:{h - hi:.2f},{nj}:{h - hj:.2f})", si + sj, h, mi + mj)
        nxt += 1
    ((text, _, height, _),) = clusters.values()
    return text + ";", height, coph


def upgma_newick_cases(rng):
    d = np.array([[0, 17, 21, 31, 23], [17, 0, 30, 34, 21], [21, 30, 0, 28, 39], [31, 34, 28, 0, 43], [23, 21, 39, 43, 0]], "d")
    r = rng.random((6, 6)) * 10
    return [
        (list("abcde"), d),
        (["x", "y"], np.array([[0.0, 2], [2, 0]])),
        (list("pqrstu"), r + r.T),
        (["one"], np.zeros((1, 1))),
    ]


@dataclass(frozen=True, order=True)
class P2:
    x: float
    y: float

    def __sub__(self, o):
        return P2(self.x - o.x, self.y - o.y)

    def cross(self, o):
        return self.x * o.y - self.y * o.x


def hull_area(points):
    """Andrew's monotone chain on frozen ordered dataclasses; perimeter and area."""
    pts = sorted(set(points))
    if len(pts) < 3:
        return pts, 0.0, 0.0

    def half(seq):
        out = []
        for p in seq:
            while len(out) >= 2 and (out[-1] - out[-2]).cross(p - out[-1]) <= 0:
                out.pop()
            out.append(p)
        return out[:-1]

    hull = half(pts) + half(reversed(pts))
    area = 0.5 * sum(a.cross(b) for a, b in zip(hull, hull[1:] + hull[:1]))
    per = sum(math.hypot(a.x - b.x, a.y - b.y) for a, b in zip(hull, hull[1:] + hull[:1]))
    return [(p.x, p.y) for p in hull], area, per


def hull_area_cases(rng):
    return [
        ([P2(float(a), float(b)) for a, b in rng.random((15, 2))],),
        ([P2(0, 0), P2(1, 0), P2(1, 1), P2(0, 1), P2(0.5, 0.5)],),
        ([P2(1, 2), P2(1, 2)],),
        ([P2(int(a), int(b)) for a, b in rng.integers(0, 5, (20, 2))],),
    ]


class Shape(ABC):
    @abstractmethod
    def hit(self, o, d): ...

    def shade(self, point, light):
        n = self.normal(point)
        to = light - point
        return max(0.0, float(n @ to / np.linalg.norm(to)))


class Ball(Shape):
    def __init__(self, centre, radius):
        self.centre, self.radius = np.asarray(centre, float), radius

    def hit(self, o, d):
        oc = o - self.centre
        b, c = oc @ d, oc @ oc - self.radius**2
        disc = b * b - c
        if disc < 0:
            return None
        t = -b - math.sqrt(disc)
        return t if t > 1e-6 else None

    def normal(self, p):
        return (p - self.centre) / self.radius


class Floor(Shape):
    def __init__(self, level):
        self.level = level

    def hit(self, o, d):
        if abs(d[1]) < 1e-9:
            return None
        t = (self.level - o[1]) / d[1]
        return t if t > 1e-6 else None

    def normal(self, p):
        return np.array([0.0, 1.0, 0.0])


def cast_rays(shapes, width, height, light=(5.0, 5.0, -5.0)):
    """Ray casting of a scene of polymorphic shapes with shadows."""
    eye = np.array([0.0, 0.0, -3.0])
    light = np.array(light)
    image = np.zeros((height, width))
    for j in range(height):
        for i in range(width):
            d = np.array([(i + 0.5) / width - 0.5, 0.5 - (j + 0.5) / height, 1.0])
            d /= np.linalg.norm(d)
            best, shape = math.inf, None
            for s in shapes:
                t = s.hit(eye, d)
                if t is not None and t < best:
                    best, shape = t, s
            if shape is None:
                continue
            p = eye + best * d
            l = light - p
            l /= np.linalg.norm(l)
            shadow = any(s.hit(p + 1e-4 * shape.normal(p), l) for s in shapes if s is not shape)
            image[j, i] = 0.1 if shadow else 0.1 + 0.9 * shape.shade(p, light)
    return image


def cast_rays_cases(rng):
    return [
        ([Ball((0, 0, 0), 0.7), Floor(-0.7)], 8, 6),
        ([Ball((0.5, 0, 0), 0.5), Ball((-0.5, 0, 1), 0.5), Floor(-1.0)], 10, 8, (0.0, 5.0, -2.0)),
        ([], 3, 3),
        ([Floor(-0.5)], 4, 4),
    ]


class Tok(IntEnum):
    NUM, OP, LP, RP, NAME, END = range(6)


class Parser:
    """Recursive descent: + - * / ^ unary minus, parentheses, functions and variables."""

    FUNCS = {"sin": math.sin, "sqrt": math.sqrt, "max": max, "abs": abs}
    PATTERN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?)|([a-z]\w*)|(.))")

    def __init__(self, text, variables):
        self.tokens = []
        for num, name, op in self.PATTERN.findall(text):
            if num:
                self.tokens.append((Tok.NUM, float(num)))
            elif name:
                self.tokens.append((Tok.NAME, name))
            elif op.strip():
                self.tokens.append((Tok.LP if op == "(" else Tok.RP if op == ")" else Tok.OP, op))
        self.tokens.append((Tok.END, None))
        self.pos = 0
        self.variables = variables

    def take(self):
        self.pos += 1
        return self.tokens[self.pos - 1]

    def peek(self, *ops):
        return self.tokens[self.pos][1] in ops

    def expr(self):
        v = self.term()
        while self.peek("+", "-"):
            v = v + self.term() if self.take()[1] == "+" else v - self.term()
        return v

    def term(self):
        v = self.power()
        while self.peek("*", "/"):
            v = v * self.power() if self.take()[1] == "*" else v / self.power()
        return v

    def power(self):
        if self.peek("-"):
            self.take()
            return -self.power()
        v = self.atom()
        if self.peek("^"):
            self.take()
            return v ** self.power()
        return v

    def atom(self):
        kind, value = self.take()
        if kind == Tok.NUM:
            return value
        if kind == Tok.NAME:
            if self.peek("("):
                self.take()
                args = [self.expr()]
                while self.peek(","):
                    self.take()
                    args.append(self.expr())
                self.take()
                return self.FUNCS[value](*args)
            return self.variables[value]
        if kind == Tok.LP:
            v = self.expr()
            if self.take()[0] != Tok.RP:
                raise SyntaxError("missing )")
            return v
        raise SyntaxError(f"unexpected {value!r}")


def evaluate_formula(text, xs, name="x"):
    return [Parser(text, {name: x}).expr() for x in xs]


def evaluate_formula_cases(rng):
    return [
        ("2*x^2 - 3*x + 1", [0.0, 1.0, 2.5]),
        ("sqrt(abs(-x)) / max(x, 2)", [1.0, 4.0]),
        ("(x + 1", [1.0]),
        ("x / 0", [1.0]),
        ("2 ^ 3 ^ 2 - y", [10.0], "y"),
    ]


CASES = {
    logistic_sgd: logistic_sgd_cases,
    lstm_sequence: lstm_sequence_cases,
    seir_households: seir_households_cases,
    gillespie_named: gillespie_named_cases,
    codon_report: codon_report_cases,
    upgma_newick: upgma_newick_cases,
    hull_area: hull_area_cases,
    cast_rays: cast_rays_cases,
    evaluate_formula: evaluate_formula_cases,
}
