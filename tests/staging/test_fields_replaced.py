"""Attributes of the caller's objects in lists that become other arrays: `bird.velocity = bird.velocity / speed`."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from tests.staging.flock import Body, Slotted, System, bodies, check, records

GOAL = np.array([1.0, 2.0])
PROGRAMS = {}


def program(make=bodies):
    def add(made):
        PROGRAMS[made.__name__] = made, make
        return made

    return add


@program()
def boids(bs, dt=0.1):
    for b in bs:
        c = np.zeros(2)
        s = np.zeros(2)
        a = np.zeros(2)
        k = 0
        for o in bs:
            if o is not b:
                d = np.linalg.norm(b.pos - o.pos)
                if d < 0.6:
                    c += o.pos
                    a += o.vel
                    s += (b.pos - o.pos) / (d * d + 1e-3)
                    k += 1
        if k > 0:
            b.acc = (c / k - b.pos) * 0.01 + (a / k - b.vel) * 0.05 + s * 0.002
        else:
            b.acc = np.zeros(2)
    for b in bs:
        b.vel += b.acc
        n = np.linalg.norm(b.vel)
        if n > 0.4:
            b.vel = b.vel / n * 0.4
        b.pos += b.vel * dt


@program()
def boids_meth(bs):
    for b in bs:
        b.acc *= 0
        for o in bs:
            if o is b:
                continue
            if b.dist(o) < 0.5:
                b.acc += b.pos - o.pos
        b.vel += b.acc
        b.limit(0.31)
        b.move(0.1)


@program()
def verlet(bs, dt=0.01):
    for b in bs:
        b.pos += b.vel * dt + 0.5 * b.acc * dt * dt
    for b in bs:
        old = b.acc
        f = np.zeros(2)
        for o in bs:
            if o is not b:
                d = o.pos - b.pos
                f += o.m * d / (d @ d + 0.1) ** 1.5
        b.acc = f
        b.vel += 0.5 * (old + f) * dt


@program()
def verlet2(bs, dt=0.01):
    for b in bs:
        b.pos += b.vel * dt + 0.5 * b.acc * dt * dt
        old = b.acc
        b.acc = -b.pos
        b.vel += 0.5 * (old + b.acc) * dt


@program()
def reset_zeros(bs):
    for b in bs:
        b.acc = np.zeros(2)
    for i in range(len(bs)):
        for j in range(i + 1, len(bs)):
            d = bs[j].pos - bs[i].pos
            f = d / (np.sum(d**2) + 0.1)
            bs[i].acc += f
            bs[j].acc -= f
    for b in bs:
        b.vel += b.acc * 0.01
        b.pos += b.vel * 0.01


@program()
def collide_new(bs):
    for i, a in enumerate(bs):
        for b in bs[i + 1 :]:
            d = a.pos - b.pos
            r = np.linalg.norm(d)
            if r < 0.5:
                n = d / r
                p = 2 * np.dot(a.vel - b.vel, n) / (a.m + b.m)
                a.vel, b.vel = a.vel - p * b.m * n, b.vel + p * a.m * n


@program()
def pso(bs):
    g = bs[0].best.copy()
    gc = 1e9
    for b in bs:
        c = float(np.sum(b.pos**2))
        if c < b.cost:
            b.cost = c
            b.best = b.pos.copy()
        if c < gc:
            gc = c
            g = b.pos.copy()
    for b in bs:
        b.vel = 0.7 * b.vel + 1.4 * 0.3 * (b.best - b.pos) + 1.4 * 0.6 * (g - b.pos)
        b.pos = b.pos + b.vel
    return g, gc


@program()
def pso_inplace(bs):
    for b in bs:
        b.vel = 0.7 * b.vel + 0.3 * (b.best - b.pos)
        b.pos += b.vel
        c = float(np.sum(b.pos**2))
        if c < b.cost:
            b.cost = c
            b.best = b.pos.copy()
    return min(b.cost for b in bs)


@program()
def pso_alias(bs):
    for b in bs:
        c = float(np.sum(b.pos**2))
        if c < b.cost:
            b.cost = c
            b.best = b.pos
        b.pos += 0.1


@program()
def walls_mixed(bs):
    for b in bs:
        b.pos = b.pos + b.vel
        for k in range(2):
            if b.pos[k] < 0 or b.pos[k] > 1:
                b.vel[k] *= -1


@program()
def swap(bs):
    for a, b in pairwise(bs):
        a.pos, b.pos = b.pos, a.pos


@program()
def cells(bs):
    for b in bs:
        b.cell = (b.pos // 0.25).astype(int)
    return [int(b.cell[0] * 4 + b.cell[1]) for b in bs]


@program()
def other_dtype(bs):
    for b in bs:
        b.cell = b.pos * 2


@program()
def to_none(bs):
    for b in bs:
        if b.pos[0] > 0.5:
            b.best = None


@program()
def new_objs(bs):
    out = []
    for b in bs:
        if b.pos[0] > 0.4:
            out.append(Body(b.m, b.pos * 2, b.vel))
    return out


@program()
def cond_new(bs):
    for b in bs:
        if b.pos[0] > 0.5:
            b.pos = np.array([b.pos[1], b.pos[0]])
    for b in bs:
        b.pos += 1


@program()
def write_then_new(bs):
    for b in bs:
        b.pos += 1
        b.pos = b.pos * 2
        b.pos -= 3


@program()
def old_name(bs):
    for b in bs:
        p = b.pos
        b.pos = p + 1
        p += 10


@program()
def old_read(bs):
    t = 0.0
    for b in bs:
        p = b.pos
        b.pos += 1
        t += p[0]
        b.vel = b.vel * 2
    return t


@program()
def old_read2(bs):
    t = 0.0
    for b in bs:
        p = b.pos
        b.pos = b.pos + 1
        t += p[0]
        b.pos += 1
        t += p[0]
    return t


@program()
def given_arg(bs, goal=GOAL):
    for b in bs:
        b.best = goal


@program()
def same_new(bs):
    z = np.zeros(2)
    for b in bs:
        b.acc = z


@program(partial(records, Slotted))
def sl(ds):
    for d in ds:
        d.x *= d.w
        d.x = d.x + 1
    return sum(d.x.sum() for d in ds)


@program(lambda: System(5))
def system(s):
    s.step(0.1)
    return s.energy()


@program(lambda: System(20))
def system20(s):
    for _ in range(3):
        s.step(0.1)
    return s.energy()


@program(lambda: System(20))
def system_lists(s):
    for _ in range(3):
        s.step2(0.1)
    return s.energy()


@pytest.mark.parametrize("name", PROGRAMS)
def test_arrays_of_objects_are_those_of_python(name):
    check(*PROGRAMS[name], strict=name != "pso_alias")
