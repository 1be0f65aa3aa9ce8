"""Dicts, counters and sets whose keys are names of which only a run knows which: `counts["up" if v > 0 else "down"] += 1`."""

from __future__ import annotations

import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function
from tests.staging.conftest import same as alike

X = np.random.default_rng(5).standard_normal(20)
CASES = X, np.array([1.0, -1.0, 2.0, 0.6]), -np.ones(4), np.array([])


def label(v):
    return "high" if v > 1 else "middle" if v > -0.5 else None


def asked(x):
    counts = {}
    for v in x:
        counts[label(v)] = counts.get(label(v), 0) + 1
    return counts, "high" in counts, "nowhere" in counts, counts.get("nowhere", -1), len(counts)


def made_by_branches(x):
    counts = defaultdict(int)
    for v in x:
        if v > 1:
            counts["high"] += 1
        elif v < -1:
            counts["low"] += 1
    return dict(counts)


def counted(x):
    counts = Counter()
    for v in x:
        counts[label(v) or "none"] += 1
    return counts, counts["high"], counts["other"], counts.most_common(1), counts.most_common(), sorted(counts.items())


def grouped(x):
    groups, pairs = {"yes": [], "no": []}, defaultdict(list)
    for i, v in enumerate(x):
        groups["yes" if v > 0 else "no"].append(i)
        pairs[(label(v), i % 2)].append(v)
    return groups, pairs


def set_by_default(x):
    groups = {}
    for i, v in enumerate(x):
        groups.setdefault(label(v), []).append(i)
    return groups


def deleted(x):
    found = {}
    for v in x:
        key = label(v)
        if key in found:
            del found[key]
        else:
            found[key] = v
    return found


def added_later(x):
    sums = {"high": 0.0, "middle": 1.0}
    for v in x:
        sums["high" if v > 0 else "middle"] += v
        if v > 1.9:
            sums["rare"] = v
    return sums, sums["high"]


def read_and_written(x):
    weights, total = {"a": 1.0, "b": 2.0, "c": 3.5}, 0.0
    for v in x:
        key = "a" if v < 0 else "b" if v < 1 else "c"
        total += weights[key] * v
        weights[key] = weights[key] + 0.1
    return total, weights


def transitions(x):
    state, found = "idle", Counter()
    for v in x:
        new = "run" if v > 0.5 else "idle" if v > -0.5 else "stop"
        if new != state:
            found[(state, new)] += 1
        state = new
    return state, found


def ranges(x):
    found = {}
    for v in x:
        key = "p" if v > 0 else "n"
        low, high = found.get(key, (v, v))
        found[key] = (min(low, v), max(high, v))
    return found


def seen(x):
    found, again = set(), 0
    for v in x:
        again += label(v) in found
        found.add(label(v))
    return again, len(found)


def ordered(x):
    found = set()
    for v in x:
        found.add("b" if v > 0 else "a")
    last = OrderedDict()
    for v in x:
        last["p" if v > 0 else "n"] = v
    names = ["a", "b", "c"]
    counts = dict.fromkeys(names, 0)
    for v in x:
        counts[names[int(abs(v) * 10) % 3]] += 1
    return sorted(found), last, counts


@dataclass
class Book:
    position: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    fills: Counter = field(default_factory=Counter)

    def fill(self, name, amount):
        self.position[name] = self.position.get(name, 0.0) + amount
        self.log.append((name, amount))
        self.fills[name] += 1


class Register:
    def __init__(self):
        self.sums = {}
        self.seen = set()
        self.last = deque()
        self.counts = defaultdict(int)

    def put(self, key, v):
        self.seen.add(key)
        self.last.append(v)
        if key in self.sums:
            self.sums[key] += v
        else:
            self.sums[key] = v
            self.counts["new"] += 1


def in_objects(x):
    book, register = Book(), Register()
    for i, v in enumerate(x):
        if v > 0.5:
            book.fill("A", v)
        elif v < -0.5:
            book.fill("B", v)
        if v > 0:
            register.put(i % 3, v)
    return book.position, book.log, book.fills, register.sums, register.last, len(register.seen), dict(register.counts)


@pytest.mark.parametrize(
    "f",
    [asked, made_by_branches, counted, grouped, set_by_default, deleted, added_later, read_and_written, transitions, ranges,
     seen, ordered, in_objects],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_names_are_keys(f):
    compiled = function(f, strict=True)
    for x in CASES:
        assert alike(compiled(x), f(x)), x


def test_formatted_numbers_are_keys():
    def table(a, levels):
        found = {"sum": a.sum()}
        for k in range(len(levels) - 1):
            low, high = levels[k], levels[k + 1]
            found[f"{low:.0%}-{high:.0%}"] = a[0] * low
        found.setdefault(f"{levels[0]:.3f}", 1)
        return found, found.get(f"{levels[0]:.2f}"), {f"{x:g}": x for x in levels}

    compiled = function(table, strict=True)
    for levels in ((0.0, 0.03, 0.07), (0.0, 0.5, 0.75), [0.0, 0.03, 0.07]):
        assert compiled(np.arange(3.0) + 1, levels) == table(np.arange(3.0) + 1, levels)


def test_texts_and_dicts_are_asked_about_a_letter_that_only_a_run_knows():
    rewards = {"a": 10.0, "c": -10.0}

    def f(x):
        out, total = np.zeros(6), 0.0
        for i in range(len(x)):
            letter = "abcd"[int(x[i] * 4)]
            out["dcba".index(letter)] += 1
            out["abc".find(letter)] += 10
            out[4] += "abba".count(letter)
            total += rewards.get(letter, -1.0) + {"b": 2.0}.get(letter, 0.0)
            if letter != "d":
                out["cba".index(letter)] += 100  # which has no "d"
            if "bad".startswith(letter):
                out[5] += 1
        return out, total

    x = np.random.default_rng(4).random(40)
    for want, got in zip(f(x), function(f, strict=True)(x), strict=True):
        np.testing.assert_allclose(got, want)


def test_a_letter_that_a_text_does_not_have_is_pythons_error():
    def f(x):
        return ["abc".index("abcd"[int(v * 4)]) for v in x]

    compiled = function(f)
    assert compiled(np.array([0.1, 0.3, 0.6, 0.1, 0.3])) == [0, 1, 2, 0, 1]
    with warnings.catch_warnings(), pytest.raises(ValueError, match="substring not found"):
        warnings.simplefilter("ignore", FallbackWarning)
        compiled(np.array([0.1, 0.3, 0.9, 0.1, 0.3]))


def test_a_table_that_gets_further_names_is_filled_anew():
    """What stood in it was not taken out: it was full after a few names, and the search for a place had no end."""

    def f(x, names):
        table = {name: float(v) for name, v in zip(names, x) if abs(v) > 0.1}
        return table, {name for name, v in zip(names, x) if v > 0.1}, [name for name in names if name in table]

    x, names = np.array([1.0, -2.0, 3.0, 4.0, 0.0]), [f"x{k}" for k in range(5)]
    compiled = function(f, strict=True)
    for values in (x, -x, 0 * x):
        assert compiled(values, names) == f(values, names)
