"""What a function reads of objects, modules and closures, and rebinds or finds changed: it comes and goes with every call."""

import dataclasses
import io
import threading

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, TraceError
from hybrid.export import load, save
from hybrid.staging.debugger import debug

V = np.linspace(1.0, 2.0, 4)
SCALE, COUNT, TABLE = 1.0, 0, np.zeros(4)


class Adam:
    """As in a hundred notebooks; `inplace` writes into its moments, `step` makes new ones."""

    rate = 0.1  # of the class, until somebody sets another

    def __init__(self, n):
        self.t, self.m, self.v = 0, np.zeros(n), np.zeros(n)

    def step(self, w, g):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.99 * self.v + 0.01 * g * g
        return w - self.rate * self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.99**self.t)) + 1e-8)

    def inplace(self, w, g):
        self.t += 1
        self.m *= 0.9
        self.m += 0.1 * g
        self.v[:] = 0.99 * self.v + 0.01 * g * g
        w -= self.rate * self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.99**self.t)) + 1e-8)

    def scheduled(self, w, g):
        return w - self.rate * g


def state_of(x):
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in vars(x).items()}


@pytest.mark.parametrize("method", ["step", "inplace", "scheduled"])
def test_methods_that_rebind_and_write_attributes(method):
    plain, ours = Adam(4), Adam(4)
    compiled = hy.function(getattr(Adam, method), strict=True)
    a, b = V.copy(), V.copy()
    for k in range(12):
        if k == 5:
            plain.rate = ours.rate = 0.05
        if k > 8:
            plain.rate = ours.rate = 0.01 * k
        a, b = (
            new if new is not None else old
            for new, old in ((getattr(plain, method)(a, V * k), a), (compiled(ours, b, V * k), b))
        )
        np.testing.assert_allclose(b, a, rtol=1e-14)
        want, got = state_of(plain), state_of(ours)
        assert want.keys() == got.keys() and type(got["t"]) is int and got["t"] == want["t"]
        for name in ("m", "v"):
            np.testing.assert_allclose(got[name], want[name], rtol=1e-14)
    assert len(compiled.traces) <= 3
    assert compiled.stats()["native_calls"] >= 8


def test_objects_of_one_class_have_states_of_their_own():
    compiled, pair = hy.function(Adam.step, strict=True), (Adam(4), Adam(4))
    for k in range(6):
        compiled(pair[k % 2], V, V)
    assert [one.t for one in pair] == [3, 3]


def count(x):
    global COUNT
    COUNT += 1
    return x + COUNT


def scale(x):
    return x * SCALE


def write(x):
    TABLE[1:] += x[1:]
    TABLE[0] = TABLE.sum()
    return TABLE


def counting():
    n, last = 0, None

    def f(x):
        nonlocal n, last
        n += 1
        before, last = last, x * n
        return x if before is None else before

    return f


def test_globals(monkeypatch):
    monkeypatch.setitem(globals(), "COUNT", 0)
    compiled = hy.function(count, strict=True)
    for k in range(1, 6):
        np.testing.assert_array_equal(compiled(V), V + k)
        assert k == COUNT and type(COUNT) is int
    scaled = hy.function(scale, strict=True)
    for k in range(6):
        monkeypatch.setitem(globals(), "SCALE", float(k))
        np.testing.assert_array_equal(scaled(V), V * k)
    assert len(scaled.traces) == 2 and "global `SCALE` changed 0.0 -> 1.0" in scaled.explain()


def test_arrays_of_modules_are_written_in_place(monkeypatch):
    monkeypatch.setitem(globals(), "TABLE", np.zeros(4))
    compiled, want, table = hy.function(write, strict=True), np.zeros(4), TABLE
    for _ in range(5):
        want[1:] += V[1:]
        want[0] = want.sum()
        assert compiled(V) is table
        np.testing.assert_allclose(TABLE, want, rtol=1e-14)
    monkeypatch.setitem(globals(), "TABLE", np.ones(4))
    assert compiled(V) is TABLE and table is not TABLE
    np.testing.assert_allclose(table, want, rtol=1e-14)


def test_variables_of_closures_that_change_their_class():
    plain, compiled = counting(), hy.function(counting(), strict=True)
    for k in range(6):
        np.testing.assert_array_equal(compiled(V + k), plain(V + k))


class Walk:
    def __init__(self):
        self.position, self.steps, self.path = (0.0, 0.0), 0, None

    def run(self, moves):
        for dx, dy in moves:
            x, y = self.position
            self.position = x + dx, y + dy
            self.steps += 1
        self.path = np.cumsum(moves, axis=0)
        return self.steps


def test_loops_rebind_attributes_and_tuples_are_state():
    plain, ours = Walk(), Walk()
    compiled = hy.function(Walk.run, strict=True)
    moves = np.random.default_rng(0).random((40, 2))
    for _ in range(4):
        assert compiled(ours, moves) == plain.run(moves)
        assert type(ours.position) is tuple and ours.position == pytest.approx(plain.position)
        np.testing.assert_array_equal(ours.path, plain.path)


def test_a_call_that_fails_leaves_everything_as_python_leaves_it():
    class Box:
        def __init__(self):
            self.n, self.held = 0, np.zeros(3)

        def put(self, k, x):
            self.n += 1
            self.held[k] = x
            self.n += 1

    plain, ours = Box(), Box()
    compiled = hy.function(Box.put)
    for k in (0, 1, 2, 5, 1, -4, 0):
        for box, f in ((plain, Box.put), (ours, compiled)):
            try:
                f(box, k, 1.5)
            except IndexError:
                continue
        assert ours.n == plain.n
        np.testing.assert_array_equal(ours.held, plain.held)


def test_nothing_traced_stays_in_objects():
    class Model:
        slope = 2.0  # of the class: a trace must not leave one with the instance

    model = Model()
    compiled = hy.function(lambda x: x * model.slope)
    for slope in (2.0, 3.0, 4.0):
        Model.slope = slope
        np.testing.assert_array_equal(compiled(V), V * slope)
    assert vars(model) == {}
    broken = hy.function(lambda x: (setattr(model, "slope", x.sum()), {}[model.slope]))
    with pytest.raises(KeyError):
        broken(V)
    assert type(model.slope) is np.float64


def test_what_has_rules_of_its_own_is_left_to_python():
    class Guarded:
        def __init__(self):
            object.__setattr__(self, "n", 0)

        def __setattr__(self, name, value):
            object.__setattr__(self, name, value * 10)

    guarded = Guarded()

    def f(x):
        guarded.n = guarded.n + 1
        return x * guarded.n

    compiled = hy.function(f)
    with pytest.warns(hy.FallbackWarning, match=r"it changes `guarded\.n`"):
        for want in (10, 110, 1110):
            np.testing.assert_array_equal(compiled(V), V * want)


def test_verify_and_debug_leave_state_alone():
    adam = Adam(4)
    compiled = hy.function(Adam.step, strict=True)
    compiled(adam, V, V)
    before = state_of(adam)
    verdict = compiled.verify(adam, V, V)
    assert verdict and verdict.compared == 1
    (trace,) = compiled.traces
    replayed = debug(compiled.__hybrid__, trace, (adam, V, V), {}, ["continue"], io.StringIO())
    assert adam.t == before["t"]
    np.testing.assert_allclose(replayed, Adam.step(adam, V, V), rtol=1e-14)


def test_threads_take_turns():
    adam, compiled = Adam(4), hy.function(Adam.inplace)
    workers = [threading.Thread(target=lambda: [compiled(adam, V.copy(), V) for _ in range(20)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert type(adam.t) is int and type(adam.m) is np.ndarray


@dataclasses.dataclass
class Filter:
    """An exponential average."""

    decay: float
    value: float = 0.0
    seen: int = 0

    def update(self, x):
        self.seen += 1
        self.value = self.decay * self.value + (1 - self.decay) * float(x.mean())
        return self.value / (1 - self.decay**self.seen)


def test_dataclasses_that_methods_change():
    plain, ours = Filter(0.9), Filter(0.9)
    compiled = hy.function(Filter.update)
    for k in range(6):
        assert compiled(ours, V * k) == pytest.approx(plain.update(V * k), rel=1e-14)
        assert (ours.seen, ours.value) == (plain.seen, pytest.approx(plain.value, rel=1e-14))


def test_a_saved_graph_has_state_as_it_is(monkeypatch, tmp_path):
    compiled = hy.function(scale, strict=True)
    for k in (1.0, 2.0, 3.0):
        monkeypatch.setitem(globals(), "SCALE", k)
        compiled(V)
    save(compiled, tmp_path / "scale.hy", V)
    np.testing.assert_array_equal(load(tmp_path / "scale.hy")(V), V * 3)
    with pytest.raises(ArgumentError, match="COUNT"):
        save(hy.function(count), tmp_path / "count.hy", V)


def test_attributes_that_a_class_gets_while_an_object_is_read():
    class Base:
        slope = 2

    class Line(Base):
        pass

    def steeper(x, line):
        type(line).slope = 7
        return x * line.slope

    line = Line()
    with pytest.warns(match="slope"):
        out = hy.function(steeper)(V, line)
    assert np.array_equal(out, V * 7) and Line.slope == 7 and Base.slope == 2 and not vars(line)
    del Line.slope
    with pytest.raises(TraceError, match="slope"):
        hy.function(steeper, strict=True)(V, line)
    assert "slope" not in vars(Line) and not vars(line)

    def counted(x):
        type(line).slope += 1
        return x * Base.slope

    with pytest.warns(match="slope"):
        assert np.array_equal(hy.function(counted)(V), V * 2)
    assert (Line.slope, Base.slope) == (3, 2)


class Counting:
    """A descriptor that checks what it is given, and counts."""

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, holder, kind=None):
        holder.reads += 1
        return getattr(holder, self.name)

    def __set__(self, holder, value):
        holder.sets += 1
        setattr(holder, self.name, value)


class Gauge:
    level = Counting()

    def __init__(self):
        self._x, self.sets, self.reads, self.deleted = 1.0, 0, 0, 0
        self.level = 2.0

    @property
    def x(self):
        return self._x

    @x.setter
    def x(self, value):
        self._x = max(0.0, value)
        self.sets += 1

    @x.deleter
    def x(self):
        self._x = 0.5
        self.deleted += 1


class Noting:
    """A class that notes which attributes are set."""

    def __init__(self):
        object.__setattr__(self, "noted", [])
        self.x = 0.0

    def __setattr__(self, name, value):
        self.noted.append(name)
        object.__setattr__(self, name, value)


def through_setters(gauge, v):
    gauge.x = gauge.x + v
    gauge.x += 1
    if v > 2:
        del gauge.x
    return gauge.x


def through_descriptors(gauge, v):
    gauge.level = gauge.level + v
    return gauge.level


def noted(noting, v):
    noting.x = noting.x + v
    noting.y = v


@pytest.mark.parametrize(
    ("program", "make"), [(through_setters, Gauge), (through_descriptors, Gauge), (noted, Noting)], ids=lambda x: x.__name__
)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_setters_of_users_do_besides_is_done_once_in_each_call(program, make):
    f, own, other = hy.function(program), make(), make()
    for v in (1.0, 3.0, 1.0, -5.0, 2.0, 4.0):
        assert f(own, v) == program(other, v)
        assert vars(own) == vars(other)
