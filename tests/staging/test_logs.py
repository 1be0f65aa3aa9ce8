"""Lists and dicts of objects that a function changes, and lists that it appends to: `self.history.append(loss)`."""

from __future__ import annotations

import contextlib
import copy
import heapq
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field

import numpy as np
import pytest

import hybrid as hy


class Run:
    """An object as programs keep their state in."""

    def __init__(self) -> None:
        self.history: list = []
        self.logs: dict = {"loss": [], "steps": []}
        self.params = {"w": np.ones(3), "b": np.zeros(3)}
        self.moments: dict = {}
        self.x, self.n = np.zeros(3), 0


@dataclass
class Record:
    log: list = field(default_factory=list)
    t: int = 0


def appended(run, x):
    run.history.append(float(x.sum()))
    run.n += 1
    return run.n


def appended_arrays(run, x):
    run.x = run.x + x
    run.history.append(run.x)
    run.history.append(run.x.copy())
    return run.history


def by_name(run, x):
    run.logs["loss"].append((x**2).sum())
    if x[0] > 2:
        run.logs["steps"].append((run.n, float(x[0])))
    run.n += 1


def in_a_loop(run, x):
    for i in range(len(x)):
        run.x = run.x * 0.5 + x[i]
        if i % 2 == 0:
            run.history.append((i, float(run.x[0])))


def while_too_large(run, x):
    e = float(x.sum()) + 1
    while e > 0.1:
        e *= 0.5
        run.history.append(e)
    return len(run.logs["loss"])


def extended(run, x):
    run.history.extend(x.tolist())
    run.history += [1, x[0]]
    add = run.history.append
    add(x.max())


def moments(run, x):
    for k in run.params:
        if k not in run.moments:
            run.moments[k] = np.zeros_like(x)
        run.moments[k] = 0.9 * run.moments[k] + 0.1 * x
        run.params[k] -= run.moments[k]
    run.n += 1


def latest(run, x):
    run.history.append(float(x.sum()))
    if len(run.history) > 1 and abs(run.history[-1] - run.history[-2]) < 5:
        run.n += 1
    return run.history[-1], len(run.history), run.n


def last_few(run, x):
    run.history.append(float(x.sum()))
    if len(run.history) > 4:
        run.history.pop(0)
    return sum(run.history) / len(run.history)


def mean_of_all(run, x):
    run.history.append(x.sum())
    return np.mean(run.history), min(run.history)


def raised(run, x):
    run.history.append(x.sum())
    if x[0] > 3:
        raise ValueError("too large")
    run.logs["loss"].append(x[0])


def replaced(run, x):
    run.history.append(1.0)
    run.history = [x.sum()]
    run.history.append(2)


def of_dataclass(record, x):
    record.log.append((record.t, x.mean()))
    record.t += 1


def heaped(run, x):
    heapq.heappush(run.history, -float(x.sum()))
    return heapq.heappop(run.history) if len(run.history) > 3 else None


def argument(history, x):
    for v in x:
        if v > 1:
            history.append(v)
    return history


def shared(a, b, x):
    b.append(x[0])
    a.append(b)


def sizes(vary):
    return [np.arange(float(n if vary else 3)) + k for k, n in enumerate((3, 3, 3, 4, 5, 3, 3))]


def shown(x, seen):
    """What an object holds, and where one is met again."""
    if isinstance(x, (list, dict, deque, np.ndarray, Run, Record)):
        if id(x) in seen:
            return "again", seen[id(x)]
        seen[id(x)] = len(seen)
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.tolist()
    if isinstance(x, (list, tuple, deque)):
        return type(x), getattr(x, "maxlen", None), [shown(part, seen) for part in x]
    if isinstance(x, (Run, Record)):
        x = vars(x)
    return (type(x), [(key, shown(part, seen)) for key, part in x.items()]) if isinstance(x, dict) else (type(x), repr(x))


def outcome(f, state, x):
    try:
        result = f(*state, x)
    except ValueError as error:
        result = str(error)
    seen = {}
    return shown(result, seen), shown(list(state), seen)


def run():
    return (Run(),)


def record():
    return (Record(),)


def windowed(run, x):
    run.window.append(float(x.sum()))
    return sum(run.window) / len(run.window), run.window[0], max(run.window)


def mean_of_last(run, x):
    run.states.append(x)
    return np.mean(run.states, axis=0), len(run.states)


def counted(run, x):
    run.counts["calls"] += 1
    run.named["loss"].append(x.max())
    if x[0] > 2:
        run.named["late"].append(len(run.named["loss"]))
    return run.counts["nothing"]


def in_order(given, x):
    for key in given:
        given[key] = given[key] * 0.5 + x
    given.move_to_end("a")
    return list(given)


def with_containers():
    run = Run()
    run.window, run.states, run.counts, run.named = deque(maxlen=3), deque(maxlen=2), Counter(), defaultdict(list)
    return (run,)


def ordered():
    return (OrderedDict(a=np.zeros(3), b=np.ones(3)),)


def lists():
    return [], []


def one_list():
    return ([],)


PROGRAMS = [
    (appended, run, 1), (appended_arrays, run, 1), (by_name, run, 1), (in_a_loop, run, 0), (while_too_large, run, 1),
    (extended, run, 0), (moments, run, 0), (latest, run, 0), (last_few, run, 0), (mean_of_all, run, 0), (replaced, run, 1),
    (of_dataclass, record, 0), (heaped, run, 0), (argument, one_list, 0), (shared, lists, 1), (windowed, with_containers, 0),
    (mean_of_last, with_containers, 0),
]  # fmt: skip


@pytest.mark.parametrize(("program", "state", "vary"), PROGRAMS, ids=lambda value: getattr(value, "__name__", None))
def test_what_objects_hold_is_what_undecorated_calls_leave(program, state, vary):
    f, own, others = hy.function(program, strict=True), state(), state()
    for x in sizes(vary and program not in (appended_arrays,)):
        assert outcome(f, own, x) == outcome(program, others, x)
    assert sum(trace.native_calls for trace in f.traces) >= 3


def test_a_call_that_raises_leaves_what_it_had_appended():
    f, own, others = hy.function(raised), Run(), Run()
    for x in sizes(0):
        assert outcome(f, (own,), x) == outcome(raised, (others,), x)
    assert len(own.history) == 7 and len(own.logs["loss"]) == 4


def test_one_trace_for_histories_of_all_lengths():
    f, own = hy.function(appended, strict=True), Run()
    for _ in range(200):
        f(own, np.ones(3))
    assert len(f.traces) == 1 and f.traces[0].native_calls == 199
    assert own.history == [3.0] * 200 and own.n == 200


def test_lists_that_are_read_too_have_one_trace_for_all_lengths_but_the_first():
    f, own = hy.function(latest, strict=True), Run()
    for k in range(60):
        assert f(own, np.full(3, float(k)))[:2] == (3.0 * k, k + 1)
    assert len(f.traces) <= 3


def test_objects_that_share_a_list_append_to_one():
    def both(a, b, x):
        a.history.append(x[0])
        b.history.append(x[1])

    f, one, other = hy.function(both, strict=True), Run(), Run()
    other.history = one.history
    for _ in range(4):
        f(one, other, np.arange(3.0))
    assert one.history == [0.0, 1.0] * 4
    other.history = []
    for _ in range(4):
        f(one, other, np.arange(3.0))
    assert one.history == [0.0, 1.0] * 4 + [0.0] * 4 and other.history == [1.0] * 4


def test_a_list_that_is_given_in_two_places():
    def both(a, b, x):
        a.append(x[0])
        b.append(x[1])

    f, items = hy.function(both), []
    for k in range(6):
        f(items, items if k % 2 else [], np.arange(2.0))
    assert items == [0.0, 0.0, 1.0] * 3


def test_a_history_that_its_owner_replaces():
    f, own = hy.function(appended), Run()
    for k in range(9):
        if k == 3:
            own.history = ["of another kind"]
        if k == 6:
            own.history.clear()
        f(own, np.ones(2))
    assert own.history == [2.0] * 3 and own.n == 9


def test_lists_of_the_module_and_of_closures():
    known: list = []

    def noted(x):
        known.append(x.max())
        MODULE.append((len(x), x.min()))
        return x * 2

    MODULE.clear()
    f = hy.function(noted, strict=True)
    for n in (2, 3, 4, 5):
        np.testing.assert_array_equal(f(np.arange(float(n))), 2 * np.arange(float(n)))
    assert known == [1.0, 2.0, 3.0, 4.0] and MODULE == [(2, 0.0), (3, 0.0), (4, 0.0), (5, 0.0)]


MODULE: list = []


def test_verify_and_explain_know_of_logs():
    f, own = hy.function(by_name), Run()
    for k in range(3):
        f(own, np.arange(3.0) + k)
    before = shown(own, {})
    assert f.verify(own, np.arange(3.0))
    assert shown(own, {}) == before
    assert "a list that it appends to" in str(f.explain())


def test_lists_that_hold_themselves_are_pythons():
    def into_itself(a, x):
        a.append(a)
        return x + len(a)

    f, a = hy.function(lambda a, x: x + a[0]), [1.0]
    a.append(a)
    with pytest.warns(hy.FallbackWarning, match="holds itself"):
        np.testing.assert_array_equal(f(a, np.ones(2)), [2.0, 2.0])
    g, b = hy.function(into_itself), []
    with pytest.warns(hy.FallbackWarning):
        for k in range(3):
            np.testing.assert_array_equal(g(b, np.zeros(1)), [k + 1.0])
    assert all(each is b for each in b)


def kept_for_later(run, x):
    run.out = np.tanh(x) * 2
    run.inputs = x
    run.parts = {"n": len(x), "halves": [x[:1], x[1:]]}
    run.losses = [v * 2 for v in x]
    return run.out


def averaged(run, x):
    if not hasattr(run, "average"):
        run.average = np.zeros_like(x)
    run.average = 0.9 * run.average + 0.1 * x
    run.count = getattr(run, "count", 0) + 1
    return run.average


@pytest.mark.parametrize("program", [kept_for_later, averaged])
def test_attributes_that_the_first_call_makes(program):
    f, own, others = hy.function(program, strict=True), Run(), Run()
    for x in (np.linspace(k, k + 1, 3) for k in range(6)):
        np.testing.assert_allclose(f(own, x), program(others, x))
        assert list(vars(own)) == list(vars(others))
        for name, value in vars(others).items():
            got = getattr(own, name)
            assert type(got) is type(value)
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(got, value)
    assert len(f.traces) == 2 and sum(trace.native_calls for trace in f.traces) >= 4
    if program is averaged:
        del own.average
        np.testing.assert_allclose(f(own, np.ones(3)), 0.1)
        assert own.count == 7
    else:
        assert own.inputs is x and np.shares_memory(own.parts["halves"][1], x)


def test_a_call_that_raises_makes_the_attributes_that_it_had_made():
    def f(run, x):
        run.cache = x * 2
        if x[0] > 2:
            raise KeyError("too large")
        run.done = True

    g = hy.function(f)
    for start, made in ((5.0, ["cache"]), (0.0, ["cache", "done"])):
        run = Run()
        with pytest.raises(KeyError, match="too large") if start else contextlib.nullcontext():
            g(run, np.full(2, start))
        assert list(vars(run))[6:] == made


@pytest.mark.filterwarnings("ignore:counted:hybrid.FallbackWarning")
@pytest.mark.parametrize(("program", "state"), [(counted, with_containers), (in_order, ordered)])
def test_dicts_of_other_classes(program, state):
    f, own, others = hy.function(program, strict=program is in_order), state(), state()
    for k in range(6):
        assert outcome(f, own, np.arange(3.0) + k) == outcome(program, others, np.arange(3.0) + k)


def test_what_a_defaultdict_makes_and_how_many_items_a_deque_has_at_most_count():
    def f(table, recent, x):
        table["a"] += x.sum()
        recent.append(x[0])
        return table["missing"], recent.maxlen

    g = hy.function(f)
    tables, queues = [defaultdict(float), defaultdict(int)], [deque(maxlen=2), deque(maxlen=300), deque()]
    others, theirs = copy.deepcopy(tables), copy.deepcopy(queues)
    for k in range(18):
        x = np.arange(3.0) + k
        got, want = g(tables[k % 2], queues[k % 3], x), f(others[k % 2], theirs[k % 3], x)
        assert got == want and type(got[0]) is type(want[0])
        assert tables == others and queues == theirs


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_a_list_under_two_names_that_is_read_under_one():
    def both(own, x):
        own.history.append(x * 2)
        own.also.append(x * 3)
        return len(own.history), own.history[-1], own.also[0]

    f, one, other = hy.function(both), Run(), Run()
    one.also, other.also = one.history, other.history
    for k in range(9):
        if k == 4:
            one.also, other.also = [0.0], [0.0]
        if k == 6:
            one.also, other.also = one.history, other.history
        assert f(one, float(k)) == both(other, float(k))
    assert one.history == other.history
