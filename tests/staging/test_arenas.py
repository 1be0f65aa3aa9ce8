"""Instances that loops and branches make live in storage: kept, picked, changed, compared and returned as in Python."""

from __future__ import annotations

import copy
import heapq
import math
import operator
from collections import defaultdict, deque
from dataclasses import dataclass, field

import numpy as np
import pytest

from hybrid import FallbackWarning, function

RNG = np.random.default_rng(5)
DATA = {n: RNG.random(n) for n in (0, 1, 5, 30)}


class Particle:
    scale = 2.0

    def __init__(self, x, v=1.0):
        self.x, self.v = x, v
        self.alive = True

    @classmethod
    def at(cls, x):
        return cls(x, 0.5)

    @property
    def energy(self):
        return 0.5 * self.v * self.v if self.alive else 0.0

    @property
    def speed(self):
        return abs(self.v)

    @speed.setter
    def speed(self, value):
        self.v = value if self.v >= 0 else -value

    def move(self, dt):
        self.x += self.v * dt * self.scale
        if self.x > 1:
            self.v = -self.v
        return self

    def __lt__(self, other):
        return self.x < other.x


class Charged(Particle):
    def __init__(self, x, charge):
        super().__init__(x, 3.0)
        self.charge = charge

    def move(self, dt):
        super().move(dt)
        self.charge += 1
        return self


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


@dataclass
class Item:
    weight: float
    value: float
    taken: bool = False
    marks: list = field(default_factory=list)


@dataclass(frozen=True)
class Vector:
    x: float
    y: float

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def norm(self):
        return math.hypot(self.x, self.y)


@dataclass(order=True)
class Task:
    due: float
    name: int = field(compare=False)


class Tree:
    def __init__(self, key):
        self.key, self.left, self.right = key, None, None


class Link:
    def __init__(self, value, after=None):
        self.value, self.after = value, after


class Cell:
    def __init__(self, i):
        self.i, self.near, self.best = i, [], None


class Shape:
    def __init__(self, size):
        self.size = size

    def grow(self, k):
        self.size *= k
        return self


class Circle(Shape):
    def area(self):
        return math.pi * self.size**2


class Square(Shape):
    def __init__(self, size, height):
        super().__init__(size)
        self.height = height

    def area(self):
        return self.size * self.height

    @property
    def diagonal(self):
        return math.hypot(self.size, self.height) if self.size > 0.3 else 0.0


class Dog:
    def __init__(self, n):
        self.n = n

    def speak(self):
        return self.n + 1


class Cat:
    def __init__(self, n, lives):
        self.lives, self.n = lives, 2 * n

    def speak(self):
        return self.n * self.lives

    def __len__(self):
        return 0


def moved(xs):
    particles = []
    for x in xs:
        particles.append(Particle(x, 0.5 - x))
    for _ in range(7):
        for p in particles:
            p.move(0.1)
    return sum(p.energy for p in particles), [p.x for p in particles]


def aliased(xs):
    everyone = [Particle(x) for x in xs]
    some = [p for p in everyone if p.x > 0.4]
    for p in some:
        p.x = -p.x
        p.speed = 3.0
    return everyone, some


def pairs(xs):
    everyone = [Particle(x) for x in xs]
    met = 0
    for i in range(len(everyone)):
        for j in range(i + 1, len(everyone)):
            a, b = everyone[i], everyone[j]
            if abs(a.x - b.x) < 0.2:
                a.v, b.v = b.v + 1, a.v
                met += 1
    return met, [p.v for p in everyone]


def derived(xs):
    everyone = [Charged(x, 0) for x in xs]
    for p in everyone:
        if p.x > 0.5:
            p.move(0.1).move(0.1)
    return [(p.x, p.charge, p.speed) for p in everyone]


def best_of_them(xs):
    everyone = [Particle.at(x) for x in xs]
    best = None
    for p in everyone:
        if best is None or p.x > best.x:
            best = p
    if best is not None:
        best.v = 100.0
    where = everyone.index(best) if best is not None else -1
    return best, sum(p.v for p in everyone), where, best in everyone


def ordered(xs):
    everyone = [Particle(x) for x in xs]
    everyone.sort()
    by_key = sorted(everyone, key=operator.attrgetter("v", "x"), reverse=True)
    least = min(everyone, key=lambda p: abs(p.x - 0.5), default=None)
    if least is not None:
        least.v = -3.0
    return [p.x for p in everyone], [p.v for p in by_key]


def selected(xs):
    items = [Item(x, x * x + 1) for x in xs]
    items.sort(key=lambda item: item.value / (item.weight + 1), reverse=True)
    left = 2.0
    for k, item in enumerate(items):
        if item.weight <= left:
            item.taken = True
            left -= item.weight
            item.marks.append(k)
    return sum(item.value for item in items if item.taken), items


def queued(xs):
    queue, n = deque(Item(x, 0.0) for x in xs), 0
    while queue and n < 60:
        first = queue.popleft()
        first.weight -= 0.25
        n += 1
        if first.weight > 0:
            queue.append(first)
    return n, list(queue)


def heaped(xs):
    heap, order = [], []
    for k, x in enumerate(xs):
        heapq.heappush(heap, Task(x, k))
    while heap:
        task = heapq.heappop(heap)
        order.append(task.name)
        if task.due < 0.3:
            heapq.heappush(heap, Task(task.due + 0.45, task.name + 100))
    return order


def slotted(xs):
    cells = []
    for x in xs:
        if x > 0.3:
            cells.append(Slots(x, None))
    for k, cell in enumerate(cells):
        if k % 2:
            cell.b = k
    return cells, [cell.b is None for cell in cells]


def frozen(xs):
    points = [Vector(x, -x) for x in xs]
    total = Vector(0.0, 0.0)
    for k in range(3):
        for i in range(len(points)):
            points[i] = points[i] + Vector(1.0, k)
            total = total + points[i]
    return total, sum(p.norm() for p in points), total == Vector(0.0, 0.0)


def searched(xs):
    root, steps = None, 0
    for x in xs:
        node = Tree(float(x))
        if root is None:
            root = node
            continue
        here = root
        while True:
            steps += 1
            if x < here.key:
                if here.left is None:
                    here.left = node
                    break
                here = here.left
            else:
                if here.right is None:
                    here.right = node
                    break
                here = here.right
    return steps, root


def linked(xs):
    head = None
    for x in xs:
        head = Link(x, head)
    before = None
    while head:
        after = head.after
        head.after = before
        before, head = head, after
    out = []
    while before is not None:
        out.append(before.value)
        before = before.after
    return out


def neighbours(xs):
    cells = [Cell(i) for i in range(len(xs))]
    for i in range(len(cells) - 1):
        if xs[i] > 0.3:
            cells[i].near.append(cells[i + 1])
            cells[i + 1].near.append(cells[i])
            cells[i].best = cells[i + 1]
    chain, at = 0, cells[0] if cells else None
    while at is not None:
        chain += at.i
        at = at.best
    return chain, sum(other.i * cell.i for cell in cells for other in cell.near)


def grouped(xs):
    groups = defaultdict(list)
    for x in xs:
        groups[int(x * 3)].append(Particle(x))
    return {k: sum(p.x for p in group) for k, group in groups.items()}


def as_keys(xs):
    everyone = [Particle(x) for x in xs]
    places = {}
    for k, p in enumerate(everyone):
        places[p] = k
    return sum(places[p] for p in everyone if p.x > 0.3)


def reached(xs):
    cells = [Cell(i) for i in range(len(xs))]
    for i, x in enumerate(xs):
        j = int(x * len(xs))
        cells[i].near.append(cells[j])
        cells[j].near.append(cells[i])
    seen, far, queue, order = set(), {}, deque(cells[:1]), []
    for cell in cells[:1]:
        seen.add(cell)
        far[cell] = 0
    while queue:
        cell = queue.popleft()
        order.append(cell.i)
        for other in cell.near:
            if other not in seen:
                seen.add(other)
                far[other] = far[cell] + 1
                queue.append(other)
    return order, len(seen), sum(far.values())


def in_dicts(xs):
    everyone = {i: Particle(x) for i, x in enumerate(xs)}
    for k, p in everyone.items():
        if p.x > 0.5:
            p.v = k
    return sum(p.v for p in everyone.values()), everyone


def nested(xs):
    def build(lo, hi):
        node = Tree(0.0)
        if hi - lo <= 1:
            node.key = xs[lo]
        else:
            middle = (lo + hi) // 2
            node.left, node.right = build(lo, middle), build(middle, hi)
            node.key = node.left.key + node.right.key
        return node

    return build(0, len(xs)).key if len(xs) else 0.0


def made_here(xs):
    class Local:
        def __init__(self, x):
            self.x = x

    everyone = [Local(x) for x in xs]
    for one in everyone:
        one.x *= 2
    return sum(one.x for one in everyone)


def of_other_classes(xs):
    """An attribute that is an integer here and a float there, None or a text."""
    everyone = [Particle(0, None) for _ in xs]
    for p, x in zip(everyone, xs):
        if x > 0.5:
            p.x += x
            p.v = "hot"
    return everyone, sum(1 for p in everyone if p.v == "hot")


PROGRAMS = (
    moved, aliased, pairs, derived, best_of_them, ordered, selected, queued, heaped, slotted, frozen, searched, linked,
    neighbours, grouped, as_keys, reached, in_dicts, nested, made_here, of_other_classes,
)  # fmt: skip


def alike(a, b, known):
    """Whether two results are equal, in their classes, and one object wherever the other is."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (int, float, str, np.generic, type(None))):
        return a == b or math.isclose(a, b, rel_tol=1e-12)
    if id(a) in known:
        return known[id(a)] is b
    if not isinstance(a, tuple):
        known[id(a)] = b
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(alike(x, y, known) for x, y in zip(a, b))
    names = list(a) if isinstance(a, dict) else [*getattr(a, "__dict__", getattr(a, "__slots__", ()))]
    if isinstance(a, dict):
        return names == list(b) and all(alike(a[name], b[name], known) for name in names)
    return all(alike(getattr(a, name), getattr(b, name), known) for name in names)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_instances_in_storage_are_those_of_python(program):
    decorated = function(program, strict=True)
    for xs in (DATA[30], DATA[30].tolist(), DATA[5], DATA[1], DATA[0]):
        for _ in range(2):
            assert alike(program(xs), decorated(xs), {})


def test_many_instances_are_made_by_one_trace():
    decorated = function(moved, strict=True)
    for n in (20, 40, 300, 500):
        xs = RNG.random(n)
        assert alike(moved(xs), decorated(xs), {})
    assert decorated.explain().count("reason") <= 3


def test_two_names_of_one_instance():
    def f(xs, k):
        first = Particle(xs[0])
        everyone = [first]
        for x in xs:
            everyone.append(Particle(x))
        everyone.append(first)
        everyone[k].x += 10
        return first.x, everyone[0] is everyone[-1], everyone[k] is first

    decorated = function(f, strict=True)
    for k in (0, -1, 2, np.int64(0)):
        assert decorated(DATA[5], k) == f(DATA[5], k)


def test_an_instance_that_may_be_none():
    def f(xs):
        hit = None
        for x in xs:
            if x > 0.9 and hit is None:
                hit = Particle(x)
        return hit.x

    decorated = function(f)
    assert decorated(np.array([0.1, 0.95])) == 0.95
    with pytest.raises(AttributeError):
        decorated(np.array([0.1, 0.2]))


def shapes(xs):
    found = [Circle(x) if x > 0.5 else Square(x, 2.0) for x in xs]
    for shape in found:
        shape.grow(1.5)
    round_ones = sum(1 for shape in found if isinstance(shape, Circle))
    diagonals = sum(shape.diagonal for shape in found if isinstance(shape, Square))
    largest = max(found, key=lambda shape: shape.area(), default=None)
    return sum(shape.area() for shape in found), round_ones, diagonals, largest, found


def animals(xs):
    last, total, zoo = None, 0.0, []
    for i, x in enumerate(xs):
        if x > 0.7:
            last = Dog(x)
        elif x > 0.4:
            last = Cat(x, i)
        elif last is not None:
            last.n = 0.0
        if last is not None:
            zoo.append(last)
            total += last.speak() + (100 if last else 0)
    kinds = [type(animal) is Dog for animal in zoo]
    return last, last is None, total, kinds, [zoo[0] is zoo[-1], zoo[0] == zoo[-1], zoo.index(last)] if zoo else []


@pytest.mark.parametrize("program", [shapes, animals], ids=lambda program: program.__name__)
def test_instances_of_several_classes(program):
    decorated = function(program, strict=True)
    for xs in (DATA[30], DATA[30].tolist(), DATA[5], DATA[1], DATA[0]):
        for _ in range(2):
            assert alike(program(xs), decorated(xs), {})


def test_an_instance_that_its_class_hands_out_is_pythons():
    known = []

    class Registered:
        def __init__(self, x):
            self.x = x
            known.append(self)

    def f(xs):
        return sum(one.x for one in [Registered(x) for x in xs])

    with pytest.warns(FallbackWarning):
        assert math.isclose(function(f)(DATA[30]), sum(DATA[30]))
    assert len(known) == 30


def test_arrays_of_instances_in_storage_are_not_written_in_place():
    class Body:
        def __init__(self, x):
            self.position = np.array([x, -x])

    def rebound(xs):
        bodies = [Body(x) for x in xs]
        for _ in range(3):
            for body in bodies:
                body.position = body.position + 1.0
        return sum(np.sum(body.position**2) for body in bodies)

    def written(xs):
        bodies = [Body(x) for x in xs]
        kept = [body.position for body in bodies]
        for body in bodies:
            body.position += 1.0
        return sum(np.sum(position) for position in kept)

    assert math.isclose(function(rebound, strict=True)(DATA[30]), rebound(DATA[30]))
    assert math.isclose(function(written)(DATA[30]), written(DATA[30]))


def test_a_record_of_a_caller_and_a_copy_stay_apart():
    def f(xs):
        first = [Particle(x) for x in xs]
        second = [copy.copy(p) for p in first]
        for p in second:
            p.x += 1
        return sum(p.x for p in first), sum(p.x for p in second)

    assert function(f)(DATA[5]) == f(DATA[5])


def test_frozen_instances_cannot_be_written():
    def f(xs):
        points = [Vector(x, x) for x in xs]
        for point in points:
            point.x = 1.0
        return len(points)

    with pytest.raises(AttributeError):
        function(f)(DATA[30])


def test_an_attribute_that_is_made_later_is_pythons():
    def f(xs):
        everyone = [Particle(x) for x in xs]
        for p in everyone:
            p.extra = p.x
        return sum(p.extra for p in everyone)

    xs = RNG.random(3000)
    with pytest.warns(FallbackWarning):
        assert math.isclose(function(f)(xs), sum(xs))


def test_a_property_with_a_branch_in_a_comprehension():
    class Charge:
        def __init__(self, x):
            self.x = x

        @property
        def positive(self):
            return self.x if self.x > 0.5 else 0.0

    def f(a, b, y):
        charges = (a, b)
        for charge in charges:
            charge.x = charge.x + y
        return sum(c.positive for c in charges), [c.positive for c in charges]

    assert function(f, strict=True)(Charge(0.1), Charge(0.7), 0.2) == f(Charge(0.1), Charge(0.7), 0.2)


def test_keys_that_a_call_makes_are_its_own():
    def f(xs):
        cells = [Cell(i) for i in range(len(xs))]
        return {cell: cell.i for cell in cells}

    decorated = function(f, strict=True)
    first, second = decorated(DATA[5]), decorated(DATA[5])
    assert [cell.i for cell in first] == list(first.values()) == list(range(5))
    assert set(first).isdisjoint(second)


def test_a_method_of_a_frozen_class_that_writes_all_the_same():
    @dataclass(frozen=True)
    class Counter:
        n: float

        def add(self, x):
            object.__setattr__(self, "n", self.n + x)

    def f(xs):
        counters = [Counter(x) for x in xs]
        for k, counter in enumerate(counters):
            counter.add(k)
        return [counter.n for counter in counters]

    assert function(f, strict=True)(DATA[30]) == f(DATA[30])
