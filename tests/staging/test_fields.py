"""Arrays that are attributes of the caller's objects in lists: read, written into, and known by other names."""

from __future__ import annotations

import warnings
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from hybrid import FallbackWarning, function
from tests.staging.flock import Plain, Slotted, bodies, changed, check, outcome, records

GOAL = np.array([1.0, 2.0])
PROGRAMS = {}


def program(make=bodies):
    def add(made):
        PROGRAMS[made.__name__] = made, make
        return made

    return add


@program()
def reset_slice(bs):
    for b in bs:
        b.acc[:] = 0
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
def collide(bs):
    for i, a in enumerate(bs):
        for b in bs[i + 1 :]:
            d = a.pos - b.pos
            r = np.linalg.norm(d)
            if r < 0.5:
                n = d / r
                p = 2 * np.dot(a.vel - b.vel, n) / (a.m + b.m)
                a.vel -= p * b.m * n
                b.vel += p * a.m * n


@program()
def collide_named(bs):
    for i, a in enumerate(bs):
        for b in bs[i + 1 :]:
            v1 = a.vel
            v2 = b.vel
            v1 -= 0.1 * b.m
            v2 += 0.1 * a.m
    return v1.copy()


@program()
def walls(bs):
    for b in bs:
        b.pos += b.vel
        for k in range(2):
            if b.pos[k] < 0:
                b.pos[k] = -b.pos[k]
                b.vel[k] *= -1
            elif b.pos[k] > 1:
                b.pos[k] = 2 - b.pos[k]
                b.vel[k] = -b.vel[k]


@program()
def walls_named(bs):
    for b in bs:
        p = b.pos
        v = b.vel
        p += v
        for k in range(2):
            if p[k] < 0 or p[k] > 1:
                v[k] *= -1


@program()
def mask(bs):
    for b in bs:
        b.pos += b.vel * 3
        b.pos[b.pos < 0] = 0
        b.pos[b.pos > 1] = 1


@program()
def clip_out(bs):
    for b in bs:
        np.add(b.pos, b.vel, out=b.pos)
        np.clip(b.pos, 0, 1, out=b.pos)


@program()
def fills(bs):
    for b in bs:
        b.acc.fill(2.0)
        b.pos[:] = b.acc
        b.vel[0], b.vel[1] = b.vel[1], b.vel[0]


@program()
def sorts(bs):
    for b in bs:
        b.pos.sort()


@program()
def copyfrom(bs):
    for a, b in pairwise(bs):
        a.pos[:] = b.pos


@program()
def ret_pos(bs):
    return bs[1].pos


@program()
def ret_list(bs):
    return [b.pos for b in bs]


@program()
def ret_copies(bs):
    return [b.pos.copy() for b in bs]


@program()
def gather(bs):
    return np.array([b.pos for b in bs])


@program()
def gather_then(bs):
    P = np.array([b.pos for b in bs])
    V = np.stack([b.vel for b in bs])
    c = P.mean(axis=0)
    for b in bs:
        b.pos -= c
    return P, V, c


@program()
def com(bs):
    M = sum(b.m for b in bs)
    return sum(b.m * b.pos for b in bs) / M


@program()
def mean_list(bs):
    return np.mean([b.pos for b in bs], axis=0), np.sum([b.m * b.vel for b in bs], axis=0)


@program()
def shift_com(bs):
    p = np.zeros(2)
    for b in bs:
        p += b.m * b.vel
    for b in bs:
        b.vel -= p / len(bs) / b.m
    return p


@program()
def nearest(bs):
    best = None
    bd = 1e9
    for b in bs[1:]:
        d = bs[0].dist(b)
        if d < bd:
            bd = d
            best = b
    best.pos += 0.5
    return best, bd


@program()
def cells_in(bs):
    for b in bs:
        b.cell[:] = (b.pos // 0.25).astype(int)
    return sum(b.cell[0] for b in bs)


@program()
def given_arg_in(bs, goal=GOAL):
    for b in bs:
        b.vel += (goal - b.pos) * 0.1


@program()
def speeds(bs):
    return [b.speed for b in bs], max(b.speed for b in bs)


@program()
def sort_by(bs):
    return sorted(bs, key=lambda b: b.pos[0])


@program()
def raises(bs):
    for k, b in enumerate(bs):
        b.pos += 1
        if k == 3:
            raise ValueError("stop")


@program()
def idx_err(bs):
    for b in bs:
        b.pos[5] += 1


@program()
def is_tests(bs):
    return [b.pos is b.best for b in bs], bs[0].pos is not None


@program()
def dist_matrix(bs):
    n = len(bs)
    D = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            D[i, j] = np.sqrt(np.sum((bs[i].pos - bs[j].pos) ** 2))
    return D


@program()
def steps(bs):
    tr = []
    for _ in range(10):
        for b in bs:
            b.vel += -b.pos * 0.1
        for b in bs:
            b.pos += b.vel * 0.1
        tr.append(bs[0].pos.copy())
    return np.array(tr)


@program()
def traj(bs):
    tr = np.zeros((10, len(bs), 2))
    for t in range(10):
        for k, b in enumerate(bs):
            b.vel += -b.pos * 0.1
            b.pos += b.vel * 0.1
            tr[t, k] = b.pos
    return tr


@program(partial(records, Plain))
def dc(ds):
    for d in ds:
        d.x *= d.w
    return sum(d.x.sum() for d in ds)


@program(partial(records, Slotted))
def sl2(ds):
    for d in ds:
        d.x *= d.w
    return ds[0].x.shape, len(ds[0].x)


def shared():
    b = bodies()
    b[2].pos = b[1].pos
    return b


@program(shared)
def shared_pos(bs):
    for b in bs:
        b.pos += 1


def own_alias():
    b = bodies()
    b[2].best = b[2].pos
    return b


@program(own_alias)
def own_alias_pos(bs):
    for b in bs:
        b.pos += 1
    return bs[2].best[0]


def views():
    P = np.arange(12.0).reshape(6, 2)
    b = bodies()
    for k, x in enumerate(b):
        x.pos = P[k]
    return b


@program(views)
def view_pos(bs):
    for b in bs:
        b.pos += 1


def two_d():
    b = bodies()
    for x in b:
        x.pos = np.arange(6.0).reshape(2, 3)
    return b


@program(two_d)
def two_dims(bs):
    for b in bs:
        b.pos[0] += b.pos[1]
        b.pos = b.pos * 2
    return sum(b.pos.sum() for b in bs)


def readonly():
    b = bodies()
    for x in b:
        x.best.flags.writeable = False
    return b


@program(readonly)
def ro(bs):
    for b in bs:
        b.pos += b.best


@program(readonly)
def ro_w(bs):
    for b in bs:
        b.best += 1


@program(partial(bodies, 60))
def big(bs):
    for b in bs:
        for o in bs:
            if b is not o:
                b.acc += (o.pos - b.pos) * o.m
    for b in bs:
        b.vel += b.acc
        b.pos += b.vel
        b.acc[:] = 0


@program()
def while_loop(bs):
    k = 0
    while np.linalg.norm(bs[0].pos) < 5 and k < 100:
        for b in bs:
            b.pos *= 1.1
        k += 1
    return k


@program()
def comp_len(bs):
    return len([b for b in bs if np.linalg.norm(b.pos) > 0.6]), [b for b in bs if b.vel[0] > 0]


@program()
def filtered(bs):
    near = [b for b in bs if b.pos[0] > 0.3]
    for b in near:
        b.vel *= -1
    return near


@program()
def lastpos(bs):
    for b in bs:
        p = b.pos
    return p + 1


@program()
def bestpos(bs):
    best = bs[0].pos
    for b in bs:
        if b.m > 1:
            best = b.pos
    return best + 0


@program()
def bestpos_w(bs):
    best = bs[0].pos
    for b in bs:
        if b.m > 1:
            best = b.pos
        b.pos += 1
    return best + 0


@program(two_d)
def two_dims_T(bs):
    for b in bs:
        b.pos = b.pos.T


@pytest.mark.parametrize("name", PROGRAMS)
def test_arrays_of_objects_are_those_of_python(name):
    check(*PROGRAMS[name])


def marked(made):
    made[3].pos, made[5].pos = made[3].pos.view(np.recarray), made[5].pos.view(np.recarray)


def big_endian(made):
    made[3].pos = made[3].pos.astype(">f8")


def overlapping(made):
    memory = np.arange(8.0)
    for k, one in enumerate(made):
        one.pos = memory[k : k + 2]


def beside_each_other(made):
    memory = np.arange(12.0)
    for k, one in enumerate(made):
        one.pos = memory[2 * k : 2 * k + 2]


def of_two_lengths(made):
    made[4].pos, made[4].vel = np.ones(3), np.ones(3)


def nothing(made):
    pass


def no_array(made):
    made[2].best = None


def read_only(made):
    made[1].pos.flags.writeable = False


OTHERS = (nothing, marked, beside_each_other, big_endian, nothing, overlapping, of_two_lengths, no_array, read_only, nothing)


def push(bs):
    for b in bs:
        b.pos += b.vel[:1]


def replace(bs):
    for b in bs:
        b.pos = b.pos + b.vel[:1]


@pytest.mark.parametrize("plain", [push, replace])
def test_other_arrays_in_later_calls(plain):
    fast = function(plain)
    for first in range(len(OTHERS)):
        for change in (OTHERS[first], *OTHERS):
            one, other = changed(change), changed(change)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FallbackWarning)
                assert outcome(fast, other) == outcome(plain, one)


def push_by(bs, x):
    for b in bs:
        b.pos += x
        x[0] += 1.0


def test_an_array_that_is_an_argument_too():
    """It is seen changed by its other name; views of one matrix are not such arrays."""
    fast = function(push_by)
    for _ in range(2):
        for part in (lambda m: np.ones(2), lambda m: m[2].pos, lambda m: m[2].pos[::-1], lambda m: m[0].vel):
            one, other = bodies(), bodies()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FallbackWarning)
                push_by(one, part(one))
                fast(other, part(other))
            assert outcome(nothing, other) == outcome(nothing, one)


class Wall:
    def __init__(self, pos, push):
        self.pos, self.push = pos, push


def bounce(bs, walls):
    for b in bs:
        for w in walls:
            d = b.pos - w.pos
            if d @ d < 0.2:
                b.pos += w.push * d
                w.pos *= 0.99


def test_lists_of_two_classes():
    """An object of one may have the very array that one of the other has, or a part of it."""
    fast = function(bounce)
    pairs = (lambda m: np.ones(2), lambda m: m[1].pos, lambda m: m[2].vel, lambda m: np.ones(3)[1:], lambda m: m[3].pos[:])
    for first in pairs:
        for part in (first, *pairs):
            one, other = bodies(), bodies()
            walls, others = ([Wall(part(made), 0.5), Wall(np.zeros(2), 0.25)] for made in (one, other))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FallbackWarning)
                bounce(one, walls)
                fast(other, others)
            assert outcome(nothing, other) == outcome(nothing, one)
            assert [w.pos.tolist() for w in others] == [w.pos.tolist() for w in walls]
    function(bounce, strict=True)(bodies(), [Wall(np.ones(2), 0.5), Wall(np.zeros(2), 0.25)])
