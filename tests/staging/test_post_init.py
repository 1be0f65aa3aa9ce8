"""Dataclasses with a `__post_init__`: its control flow is open, as that of an `__init__` is."""

from __future__ import annotations

import dataclasses
from dataclasses import InitVar, dataclass, field
from typing import ClassVar

import numpy as np
import pytest

import hybrid as hy


@dataclass
class Signal:
    samples: np.ndarray
    rate: float = 1.0
    marks: list = field(default_factory=list)
    kind: ClassVar[str] = "signal"
    energy: float = field(init=False)
    peak: float = field(default=-1.0, init=False)

    def __post_init__(self):
        self.energy = float((self.samples**2).sum())
        if self.energy > 10:
            self.peak = float(np.abs(self.samples).max())
        self.marks.append(len(self.samples))


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def __post_init__(self):
        if self.low > self.high:
            low = self.high
            object.__setattr__(self, "high", self.low)
            object.__setattr__(self, "low", low)


@dataclass
class Scaled:
    values: np.ndarray
    factor: InitVar[float] = 2.0
    total: float = 0.0

    def __post_init__(self, factor):
        self.values = self.values * factor
        self.total = float(self.values.sum())


@dataclass
class Checked:
    width: float

    def __post_init__(self):
        if self.width <= 0:
            raise ValueError("width must be positive")


def made(x):
    s = Signal(x, rate=2.0)
    return s.energy, s.peak, s.marks, s.rate, s.kind


def replaced(x):
    s = dataclasses.replace(Signal(x * 0), samples=x * 2, rate=3.0)
    return s.energy, s.peak, s.marks, s.rate


def ordered(x):
    total = 0.0
    for k in range(len(x)):
        span = Interval(float(x[k]), 1.5)
        total += span.high - span.low
    return total


def scaled(x):
    a, b = Scaled(x), Scaled(x, factor=0.5)
    return a.total + b.total, a.values - b.values


@pytest.mark.parametrize("f", [made, replaced, ordered, scaled])
def test_what_it_makes(f):
    g = hy.function(f, strict=True)
    for x in (np.arange(3.0), np.arange(3.0) * 4, np.arange(5.0)):
        assert str(g(x)) == str(f(x))


def test_what_it_raises():
    g = hy.function(lambda x: Checked(x.sum()).width)
    assert g(np.ones(2)) == 2
    with pytest.raises(ValueError, match="width must be positive"):
        g(-np.ones(2))
    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required positional argument"):
        hy.function(lambda x: Checked())(1.0)
