"""Linked structures, records with more attributes than fields, class variables, caches: state that programs keep in objects."""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np


class Link:
    def __init__(self, value, after=None):
        self.value, self.after = value, after


def _chain(values):
    head = None
    for value in reversed(values):
        head = Link(value, head)
    return head


def linked_sum(head, weight):
    total, count = 0.0, 0
    while head is not None:
        total = total + weight * head.value
        head = head.after
        count += 1
    return total, count


def linked_reversal(head, limit):
    before = None
    while head is not None:
        head.after, before, head = before, head, head.after
    values = []
    while before is not None and len(values) < limit:
        values.append(before.value)
        before = before.after
    return values


class Branch:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right


def _expression(r, depth):
    if depth == 0:
        return Branch(float(r.uniform(1, 3)))
    return Branch("+*-"[depth % 3], _expression(r, depth - 1), _expression(r, depth - 1))


def expression_tree(node, x):
    def value(node):
        if node.left is None:
            return node.value * x
        left, right = value(node.left), value(node.right)
        if node.value == "+":
            return left + right
        return left * right if node.value == "*" else left - right

    pending, leaves = [node], 0
    while pending:
        node = pending.pop()
        if node.left is None:
            leaves += 1
        else:
            pending += [node.left, node.right]
    return value(node), leaves


@dataclass
class Signal:
    samples: np.ndarray
    rate: float = 1.0

    def __post_init__(self):
        self.energy = float((self.samples**2).sum())
        self.duration = len(self.samples) / self.rate

    @functools.cached_property
    def peak(self):
        return np.abs(self.samples).max()


def signal_pipeline(signal, gain, steps):
    for _ in range(steps):
        signal = dataclasses.replace(signal, samples=np.tanh(gain * signal.samples))
    louder = Signal(signal.samples * 2, signal.rate * 2)
    return signal, louder.energy / max(signal.energy, 1e-12), louder.duration, louder.peak


def signal_annotated(signal):
    signal.note = signal.peak + signal.energy
    signal.samples[0] = signal.note
    return signal, hasattr(signal, "peak")


@dataclass(order=True)
class Task:
    due: float
    work: float
    done: bool = False


def earliest_deadline(tasks, step, rounds):
    late = 0.0
    clock = 0.0
    for _ in range(rounds):
        tasks.sort()
        task = tasks[0]
        task.work -= step
        clock += step
        if task.work <= 0:
            late += max(0.0, clock - task.due)
            task.done = True
            task.due = math.inf
    return late, [task.done for task in tasks]


class Material:
    gravity = 9.81
    damping = 0.1

    def __init__(self, mass, stiffness):
        self.mass, self.stiffness = mass, stiffness

    def force(self, x, v):
        return -self.stiffness * x - self.damping * v - self.mass * self.gravity

    @classmethod
    def steel(cls, mass):
        return cls(mass, 50.0)

    @property
    def frequency(self):
        return math.sqrt(self.stiffness / self.mass)


class Soft(Material):
    damping = 0.4

    def force(self, x, v):
        return super().force(x, v) - 0.1 * x**3


def dropped_masses(masses, x, dt, steps):
    bodies = [Soft.steel(masses[0]), Material.steel(masses[1]), Material(masses[2], 20.0)]
    x = x.copy()
    v = np.zeros_like(x)
    for _ in range(steps):
        for k, body in enumerate(bodies):
            v[k] += dt * body.force(x[k], v[k]) / body.mass
            x[k] += dt * v[k]
    return x, v, [body.frequency for body in bodies]


class Interval(namedtuple("Interval", "low high")):
    def __add__(self, other):
        return Interval(self.low + other.low, self.high + other.high)

    def __mul__(self, other):
        ends = [a * b for a in self for b in other]
        return Interval(min(ends), max(ends))

    @property
    def width(self):
        return self.high - self.low


def interval_horner(coefficients, box):
    total = Interval(0.0, 0.0)
    for c in coefficients:
        total = total * box + Interval(c, c)
    return total, total.width, total.low <= 0 <= total.high


class Registers:
    def __init__(self, size):
        self.cells = np.zeros(size)
        self.pointer = 0
        self.overflowed = False

    def push(self, value):
        if self.pointer == len(self.cells):
            self.overflowed = True
            return
        self.cells[self.pointer] = value
        self.pointer += 1

    def pop(self):
        if self.pointer == 0:
            raise IndexError("the stack is empty")
        self.pointer -= 1
        return self.cells[self.pointer]


def reverse_polish(codes, operands, size):
    """Codes: 0 a number, 1 add, 2 subtract, 3 multiply, 4 divide."""
    stack, next_operand = Registers(size), 0
    for code in codes:
        if code == 0:
            stack.push(operands[next_operand])
            next_operand += 1
            continue
        b, a = stack.pop(), stack.pop()
        if code == 1:
            stack.push(a + b)
        elif code == 2:
            stack.push(a - b)
        elif code == 3:
            stack.push(a * b)
        else:
            stack.push(a / b if b != 0 else np.inf)
    return stack.pop(), stack.pointer, stack.overflowed


class Field:
    def __init__(self, n):
        self.now, self.after, self.time = np.zeros((n, n)), np.zeros((n, n)), 0.0
        self.now[n // 2, n // 2] = 1.0

    def step(self, dt, rate):
        u = self.now
        self.after[1:-1, 1:-1] = u[1:-1, 1:-1] + dt * rate * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        )
        self.now, self.after = self.after, self.now
        self.time += dt


def field_in_an_object(n, dt, rate, steps):
    field = Field(n)
    for _ in range(steps):
        field.step(dt, rate)
        if field.now.max() < 0.02:
            break
    return field.now, field.time, field.now.sum()


def swapped_rows(rows, order):
    for k in range(len(order)):
        rows[k], rows[order[k]] = rows[order[k]], rows[k]
    rows[0].append(rows[-1][0] * 2)
    longest = max(rows, key=len)
    return longest, [len(row) for row in rows]


def copies_and_originals(settings, x):
    shallow, deep = copy.copy(settings), copy.deepcopy(settings)
    settings["weights"] += 1
    settings["rate"] = settings["rate"] * 2
    deep["weights"][0] = -x
    shallow["history"].append(copy.deepcopy(settings["rate"]))
    return shallow["weights"] * x, deep, shallow["rate"], settings["history"]


class Matrix2:
    __slots__ = ("a", "b", "c", "d")

    def __init__(self, a, b, c, d):
        self.a, self.b, self.c, self.d = a, b, c, d

    def __matmul__(self, other):
        return Matrix2(
            self.a * other.a + self.b * other.c, self.a * other.b + self.b * other.d,
            self.c * other.a + self.d * other.c, self.c * other.b + self.d * other.d,
        )  # fmt: skip

    def __pow__(self, n):
        out, base = Matrix2(1.0, 0.0, 0.0, 1.0), self
        while n:
            if n & 1:
                out = out @ base
            base = base @ base
            n >>= 1
        return out

    @property
    def trace(self):
        return self.a + self.d


def abcd_resonator(length, radius, trips):
    """Ray matrices of a two-mirror cavity: stable where half the trace of a round trip is within one."""
    free, mirror = Matrix2(1.0, length, 0.0, 1.0), Matrix2(1.0, 0.0, -2.0 / radius, 1.0)
    round_trip = free @ mirror @ free @ mirror
    after = round_trip**trips
    return abs(round_trip.trace / 2) <= 1, after.trace, (after.a, after.b, after.c, after.d)


class Schedule:
    def __init__(self, base, warm):
        self.base, self.warm, self.step = base, warm, 0

    def __call__(self):
        self.step += 1
        scale = self.step / self.warm if self.step < self.warm else (self.warm / self.step) ** 0.5
        return self.base * scale


def scheduled_descent(a, b, base, warm, steps):
    rate, w = Schedule(base, warm), np.zeros(a.shape[1])
    losses = np.zeros(steps)
    for k in range(steps):
        error = a @ w - b
        losses[k] = error @ error / len(b)
        w -= rate() * 2 * a.T @ error / len(b)
    return w, losses, rate.step


CASES = {
    linked_sum: lambda r: [
        (_chain([1.0, 2.5, -3.0]), 2.0),
        (_chain([1, 2]), 3),
        (_chain([np.arange(3.0), np.ones(3)]), 0.5),
        (None, 1.0),
    ],
    linked_reversal: lambda r: [(_chain([1.0, 2.0, 3.0]), 9), (_chain([5, 6]), 1), (None, 3)],
    expression_tree: lambda r: [
        (_expression(r, 3), 1.5), (_expression(r, 1), 2), (_expression(r, 2), np.float32(0.5)), (Branch(2.0), 3.0),
    ],
    signal_pipeline: lambda r: [
        (Signal(r.standard_normal(50)), 1.5, 3),
        (Signal(r.standard_normal(8).astype(np.float32), 2.0), 0.5, 1),
        (Signal(np.zeros(3)), 1.0, 0),
    ],
    signal_annotated: lambda r: [(Signal(r.standard_normal(20)),), (Signal(np.arange(4)),), (Signal(np.ones(1), 0.5),)],
    earliest_deadline: lambda r: [
        ([Task(3.0, 1.0), Task(1.0, 2.0), Task(2.0, 0.5)], 0.5, 6),
        ([Task(1.0, 0.1)], 1.0, 1),
        ([Task(2.0, 1.0), Task(1.0, 1.0)], 0.25, 3),
    ],
    dropped_masses: lambda r: [
        (np.array([1.0, 2.0, 0.5]), np.array([0.1, 0.0, -0.2]), 0.01, 60),
        (np.array([1.0, 1.0, 1.0]), np.zeros(3), 0.02, 5),
        ([1.0, 2.0, 3.0], np.ones(3), 0.001, 20),
    ],
    interval_horner: lambda r: [
        ([1.0, -3.0, 2.0], Interval(0.5, 1.5)),
        ([2.0], Interval(-1.0, 1.0)),
        (r.standard_normal(6), Interval(-0.5, 2.0)),
    ],
    reverse_polish: lambda r: [
        (np.array([0, 0, 1, 0, 3, 0, 2]), np.array([2.0, 3.0, 4.0, 5.0]), 4),
        (np.array([0, 0, 4]), np.array([1.0, 0.0]), 2),
        (np.array([0, 0, 0, 1, 1]), np.array([1.0, 2.0, 3.0]), 8),
        (np.array([0, 1]), np.array([1.0]), 3),
    ],
    field_in_an_object: lambda r: [(16, 0.1, 1.0, 30), (9, 0.2, 0.5, 7), (5, 0.25, 1.0, 200)],
    swapped_rows: lambda r: [
        ([[1.0], [2.0, 3.0], [4.0, 5.0, 6.0]], [2, 0, 1]),
        ([[1.0, 2.0], [3.0]], [1, 1]),
        ([[7.0]], [0]),
    ],
    copies_and_originals: lambda r: [
        ({"weights": np.arange(3.0), "rate": 0.5, "history": [1.0]}, 2.0),
        ({"weights": np.ones(2), "rate": 2, "history": []}, 3.0),
        ({"weights": np.ones(1, np.float32), "rate": 0.1, "history": [0.0]}, 1.5),
    ],
    abcd_resonator: lambda r: [(0.5, 1.0, 9), (3.0, 1.0, 2), (1, 2, 0), (0.25, 0.4, 40)],
    scheduled_descent: lambda r: [
        (r.standard_normal((40, 4)), r.standard_normal(40), 0.1, 5, 60),
        (r.standard_normal((8, 2)), r.standard_normal(8), 0.05, 2, 3),
        (np.eye(3), np.arange(3.0), 0.2, 4, 10),
    ],
}  # fmt: skip
