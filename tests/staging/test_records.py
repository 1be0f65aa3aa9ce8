"""Records in containers that branches and loops change: dicts whose keys are names, and instances of dataclasses."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function
from tests.staging.conftest import same as alike

X = np.random.default_rng(3).standard_normal(60)
PEAKED = np.array([0.5, -1.0, 2.0, 1.5, -3.0])


@dataclass
class Trade:
    at: int
    price: float
    side: str

    def signed(self):
        return self.price if self.side == "sell" else -self.price


def found(x):
    out = []
    for i in range(len(x)):
        if x[i] > 0:
            out.append({"i": i, "v": x[i], "kind": "high" if x[i] > 1 else "low"})
    return out


def same(f, *cases):
    """Compiled as a whole, a function gives what it gives undecorated."""
    compiled = function(f, strict=True)
    for case in cases or ((X,), (PEAKED,)):
        assert alike(compiled(*case), f(*case)), case


def test_records_are_appended():
    def nested(x):
        out = []
        for v in x:
            if v < 0:
                out.append({"at": (len(out), v), "more": {"twice": 2 * v, "name": "n"}})
        return out

    def history(x):
        log, y = [], x.copy()
        for k in range(50):
            y = 0.5 * y
            error = np.abs(y).max()
            log.append({"k": k, "error": error, "done": error < 1e-3})
            if error < 1e-3:
                break
        return log, y

    def rows(x):
        groups = [[] for _ in range(3)]
        for i in range(len(x)):
            groups[int(abs(x[i])) % 3].append({"i": i, "v": x[i]})
        return groups

    def arrays(x):
        out = []
        for i in range(len(x)):
            if x[i] > 0:
                out.append({"i": i, "w": x[i] * np.ones(3)})
        return out

    def latest(x):
        out = deque(maxlen=3)
        for i in range(len(x)):
            if x[i] > 0:
                out.append({"i": i})
        return out

    def by_number(x):
        sums = {}
        for v in x:
            key = int(10 * abs(v))
            if key not in sums:
                sums[key] = {"n": 0, "sum": 0.0}
            sums[key] = {"n": sums[key]["n"] + 1, "sum": sums[key]["sum"] + v}
        return sums

    for f in (found, nested, history, rows, arrays, latest, by_number):
        same(f)
    same(found, (X,), (-np.ones(4),), (np.ones(70),))


def test_records_are_read():
    def total(x):
        out = found(x)
        return sum(r["v"] for r in out), max((r["v"] for r in out), default=0.0), [r["i"] for r in out], len(out)

    def asked(x):
        out = found(x)
        return sum(1 for r in out if "v" in r and r["kind"] == "high"), len(out[0]), list(out[0]), isinstance(out[-1], dict)

    def ordered(x):
        out = found(x)
        out.sort(key=lambda r: r["v"], reverse=True)
        return out[:2]

    def chosen(x):
        return [r for r in found(x) if r["v"] > 0.3]

    def renewed(x):
        return [{**r, "double": 2 * r["v"]} for r in found(x)]

    def counted(x):
        out = found(x)
        return out, len([r for r in out if r["v"] > 0.3])

    for f in (total, asked, ordered, chosen, renewed, counted):
        same(f)


def test_one_record_or_another():
    def largest(x):
        return max(found(x), key=lambda r: r["v"])

    def first(x):
        out = found(x)
        best = out[0]
        for r in out[1:]:
            if r["v"] > best["v"]:
                best = r
        return best["i"], best["v"]

    def perhaps(x):
        best = None
        for r in found(x):
            if best is None or r["v"] < best["v"]:
                best = r
        return best

    for f in (largest, first, perhaps):
        same(f)
    same(perhaps, (X,), (-np.ones(4),))


def test_instances_of_dataclasses_are_records():
    def trades(x, limit):
        out, inside = [], False
        for t in range(1, len(x)):
            if not inside and x[t] > limit:
                out.append(Trade(t, float(x[t]), "buy"))
                inside = True
            elif inside and x[t] < -limit:
                out.append(Trade(t, float(x[t]), "sell"))
                inside = False
        return out

    def gain(x, limit):
        total = 0.0
        for trade in trades(x, limit):
            total += trade.signed()
        return total

    same(trades, (X, 0.5), (X, 9.0))
    same(gain, (X, 0.5), (X, 9.0))


def changed_later(x):
    out = []
    rec = None
    for i in range(len(x)):
        if x[i] > 0:
            rec = {"i": i, "v": x[i]}
            out.append(rec)
            rec["v"] = 2 * x[i]
    return out


def twice(x):
    rec, out = {"v": 0.5}, []
    for v in x:
        if v > 0:
            out.append(rec)
    rec["v"] = 1.0
    return out


def in_two_lists(x):
    a, b = [], []
    for v in x:
        rec = {"v": v}
        if v > 0:
            a.append(rec)
        if v > 1:
            b.append(rec)
    return a, b


def with_its_list(x):
    out = found(x)
    return out, max(out, key=lambda r: r["v"])


def first_and_last(x):
    out = found(x)
    return out[0], out[-1]


def selected_too(x):
    out = found(x)
    return out, [r for r in out if r["v"] > 1]


def popped(x):
    out = found(x)
    r = out.pop()
    r["v"] = 0.0
    return r, len(out)


def is_one(x):
    out = found(x)
    return max(out, key=lambda r: r["v"]) is out[0]


def kept_by_the_caller(x):
    rec = {"v": 1.0}
    return rec, [rec], np.abs(x)


@pytest.mark.parametrize(
    "f",
    [changed_later, twice, in_two_lists, with_its_list, first_and_last, selected_too, popped, is_one, kept_by_the_caller],
    ids=lambda f: f.__name__,
)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_would_be_two_objects_is_pythons(f):
    compiled = function(f)
    for x in (X, PEAKED, X):
        got, want = compiled(x), f(x)
        assert alike(got, want) and _identities(got) == _identities(want)


def _identities(value):
    """For each record among a result, the place where it is first met."""
    seen, out, pending = {}, [], [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            out.append(seen.setdefault(id(one), len(seen)))
        elif isinstance(one, (list, tuple)):
            pending += one
    return out


def test_what_is_changed_in_a_list_is_refused_with_a_reason():
    def doubled(x):
        out = found(x)
        for r in out:
            r["v"] *= 2
        return out

    with pytest.warns(FallbackWarning, match="a record in a list or dict is changed"):
        assert alike(function(doubled)(X), doubled(X))


@dataclass(order=True)
class Event:
    time: float
    kind: str = field(compare=False)
    site: int = 0


class Silent(Event):
    """One that is ordered as its class above is."""


@pytest.mark.parametrize("kind", [Event, Silent])
def test_dataclasses_that_have_an_order(kind):
    def heap(x):
        events, order = [], []
        for i in range(len(x)):
            heapq.heappush(events, kind(round(float(x[i]), 1), "first", i))
        while events:
            event = heapq.heappop(events)
            order.append((event.time, event.kind, event.site))
            if event.kind == "first" and event.time > 0:
                heapq.heappush(events, kind(event.time + 0.25, "second", event.site))
        return order

    def ordered(x):
        events = [kind(float(v > 0), "any", int(v * 4)) for v in x]
        events.sort()
        return [e.site for e in events], events[0] <= events[1], events[0] > events[1]

    def extremes(x):
        events = []
        for v in x:
            if v > -1.5:
                events.append(kind(float(v > 0), "any", int(v * 4)))
        return min(events).site, max(events).time

    same(heap)
    same(ordered)
    same(extremes)
