"""Lists of the caller's objects that a function changes: objects come and go, are sorted, and change places."""

from __future__ import annotations

import warnings

import pytest

from hybrid import FallbackWarning, function


class Particle:
    def __init__(self, x, v, life=5):
        self.x, self.v, self.life = x, v, life

    def step(self):
        self.x += self.v
        self.life -= 1


P = Particle


class World:
    def __init__(self, count=6):
        self.ps, self.t = particles(count), 0


def particles(count=6):
    return [Particle(float(k), 0.5 * k, 3 + k % 3) for k in range(count)]


PROGRAMS = {}


def program(make):
    def add(made):
        PROGRAMS[made.__name__] = made, make
        return made

    return add


@program(World)
def filt_self(world):
    for p in world.ps:
        p.step()
    world.ps = [p for p in world.ps if p.life > 0]
    return len(world.ps)


@program(World)
def append_self(world):
    world.ps.append(P(1.0, 2.0))
    for p in world.ps:
        p.step()


@program(World)
def emit(world):
    new = []
    for p in world.ps:
        p.step()
        if p.life == 2:
            new.append(P(p.x, -p.v))
    world.ps.extend(new)


@program(World)
def emit2(world):
    for p in world.ps:
        p.step()
    world.ps = [p for p in world.ps if p.life > 0] + [P(0.0, 1.0)]


@program(World)
def sort_self(world):
    world.ps.sort(key=lambda p: -p.x)


@program(particles)
def sort_arg(ps):
    ps.sort(key=lambda p: -p.x)


@program(particles)
def remove_arg(ps):
    for p in ps[:]:
        if p.life == 3:
            ps.remove(p)


@program(particles)
def append_arg(ps):
    ps.append(P(9.0, 9.0))


@program(particles)
def pop_arg(ps):
    p = ps.pop()
    return p.x


@program(particles)
def elite(ps):
    ps = sorted(ps, key=lambda p: p.v)[:3]
    return [P(p.x * 2, p.v) for p in ps]


@program(particles)
def slice_assign(ps):
    ps[:] = [p for p in ps if p.life > 3]


@program(World)
def swap(world):
    world.ps[0], world.ps[1] = world.ps[1], world.ps[0]


@program(World)
def replace(world):
    world.ps[2] = P(3.0, 4.0)


@program(World)
def del_while(world):
    i = 0
    while i < len(world.ps):
        if world.ps[i].life <= 3:
            del world.ps[i]
        else:
            i += 1


@program(World)
def sim(world):
    for _ in range(4):
        for p in world.ps:
            p.step()
        world.ps = [p for p in world.ps if p.life > 0]
        world.t += 1
    return sum(p.x for p in world.ps)


def listed(world):
    return world.ps if isinstance(world, World) else world


def seen(value, known):
    """What something is: which of the objects that were there, and what it holds."""
    if isinstance(value, Particle):
        return known.get(id(value)), list(vars(value).items())
    if isinstance(value, World):
        return value.t, [seen(one, known) for one in value.ps]
    return [seen(one, known) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("count", [3, 6, 40])
@pytest.mark.parametrize("name", PROGRAMS)
def test_lists_of_objects_that_change(name, count):
    plain, make = PROGRAMS[name]
    one, other = make(count), make(count)
    known = {id(particle): k for made in (one, other) for k, particle in enumerate(listed(made))}
    kept, fast = [*listed(one), *listed(other)], function(plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for _ in range(3):
            lists = listed(one), listed(other)
            given = fast(other)
            assert seen(given, known) == seen(plain(one), known)
            assert seen(other, known) == seen(one, known)
            assert (lists[0] is listed(one)) == (lists[1] is listed(other))
            known.update((id(p), len(known) + k) for k, p in enumerate(listed(one)) if id(p) not in known)
            known.update((id(q), known[id(p)]) for p, q in zip(listed(one), listed(other)) if id(q) not in known)
            kept += [*listed(one), *listed(other)]
    function(plain, strict=True)(make(count))


class Fountain(World):
    def step(self):
        self.ps.append(Particle(float(self.t), 1.0, 5 + self.t % 17))
        for p in self.ps:
            p.step()
        self.ps = [p for p in self.ps if p.life > 0]
        self.t += 1
        return len(self.ps), sum(p.x for p in self.ps)


def test_objects_come_and_go_for_long():
    """Python may make some of these calls, where it is quicker; nobody can tell."""
    one, other, step = Fountain(20), Fountain(20), function(Fountain.step)
    for _ in range(120):
        assert step(other) == one.step()
    assert [vars(p) for p in other.ps] == [vars(p) for p in one.ps]
