"""Objects with arrays, in lists, and what of them calls change: for tests of such attributes."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from hybrid import FallbackWarning, function


class Body:
    def __init__(self, mass, pos, vel, tag="a"):
        self.m, self.tag = mass, tag
        self.pos, self.vel = np.array(pos, float), np.array(vel, float)
        self.acc, self.best, self.cost = np.zeros(len(pos)), self.pos.copy(), 1e9
        self.alive, self.cell = True, np.array([0, 0])

    def move(self, dt):
        self.pos += self.vel * dt

    def limit(self, most):
        vel = self.vel
        speed = np.linalg.norm(vel)
        if speed > most:
            self.vel = vel / speed * most * 0.9

    @property
    def speed(self):
        return math.sqrt(self.vel @ self.vel)

    def dist(self, other):
        return np.linalg.norm(self.pos - other.pos)


@dataclass
class Plain:
    x: np.ndarray
    w: float = 1.0


@dataclass(slots=True)
class Slotted:
    x: np.ndarray
    w: float = 1.0


def bodies(count=6):
    random = np.random.default_rng(0)
    return [Body(float(random.random() + 0.5), random.random(2), random.random(2) - 0.5) for _ in range(count)]


def records(kind):
    random = np.random.default_rng(0)
    return [kind(random.random(3), float(random.random())) for _ in range(6)]


def changed(change, count=6):
    """Bodies that are not as they were made."""
    made = bodies(count)
    change(made)
    return made


class System:
    def __init__(s, n=5):
        s.bodies = bodies(n)
        s.G = 0.5
        s.t = 0.0
        s.log = 0

    def acc(s, b):
        a = np.zeros(2)
        for o in s.bodies:
            if o is not b:
                d = o.pos - b.pos
                a += s.G * o.m * d / (np.linalg.norm(d) + 0.1) ** 3
        return a

    def step(s, dt):
        for b in s.bodies:
            b.acc = s.acc(b)
        for b in s.bodies:
            b.vel += b.acc * dt
            b.pos += b.vel * dt
        s.t += dt

    def step2(s, dt):
        A = [s.acc(b) for b in s.bodies]
        for b, a in zip(s.bodies, A):
            b.vel += a * dt
            b.pos += b.vel * dt
        s.t += dt

    def energy(s):
        return sum(0.5 * b.m * b.vel @ b.vel for b in s.bodies)


def listed(world):
    return world.bodies if isinstance(world, System) else world


def attributes(one):
    return one.__slots__ if isinstance(one, Slotted) else tuple(vars(one))


def known(world):
    """The objects that were there, and their arrays."""
    found = {id(one): (k, "") for k, one in enumerate(listed(world))}
    arrays = [(k, name, getattr(one, name)) for k, one in enumerate(listed(world)) for name in attributes(one)]
    arrays = [(k, name, x) for k, name, x in arrays if isinstance(x, np.ndarray)]
    for k, name, array in arrays:
        found.setdefault(id(array), (k, name))
    return found, [array for _, _, array in arrays]


def seen(value, found):
    """What something is: which object that was there, and what it holds."""
    if isinstance(value, np.ndarray):
        return "array", value.dtype.str, value.shape, value.strides, found.get(id(value)), rounded(value)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [seen(part, found) for part in value]
    if isinstance(value, (Body, Plain, Slotted)):
        return found.get(id(value)), [(name, seen(getattr(value, name), found)) for name in attributes(value)]
    return type(value).__name__, rounded(value) if isinstance(value, float) else repr(value)


def rounded(value):
    return [float(f"{x:.8e}") for x in np.ravel(value)]


def outcome(function_, world):
    found, before = known(world)
    try:
        result = "returned", seen(function_(world), found)
    except Exception as error:
        result = "raised", type(error).__name__, str(error)
    return result, [seen(one, found) for one in listed(world)], [rounded(array) for array in before]


def check(plain, make, strict=True):
    """Four calls leave and give what those of the undecorated function do."""
    fast, one, other = function(plain), make(), make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for _ in range(4):
            assert outcome(fast, other) == outcome(plain, one)
    if strict and outcome(plain, make())[0][0] != "raised":
        function(plain, strict=True)(make())
