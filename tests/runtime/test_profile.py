"""Profiles: what ran, where the time went, and that looking changes nothing."""

import json
import threading

import numpy as np
import pytest

from hybrid.runtime import profile as profiling
from hybrid.runtime.profile import Profile, profile, record
from hybrid.staging.function import function


def rowwise(x, w):
    y = x @ w
    z = np.partition(y, 24, axis=-1)
    return (z * z).sum(axis=-1)


def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((64, 40)).astype("f"), rng.standard_normal((40, 48)).astype("f")


@pytest.fixture
def compiled():
    f = function(rowwise)
    f(*data())
    return f


def test_every_kernel_is_timed_at_the_users_line(compiled):
    x, w = data()
    first = rowwise.__code__.co_firstlineno
    with profile() as p:
        result = compiled(x, w)
        compiled(x, w)
    np.testing.assert_allclose(result, rowwise(x, w), rtol=1e-4)
    rows = {row.line: row for row in p.rows()}
    assert set(rows) == {f"test_profile.py:{first + k}" for k in (1, 2, 3)}
    assert {row.calls for row in rows.values()} == {2}
    assert rows[f"test_profile.py:{first + 2}"].kernel == "host library"
    assert rows[f"test_profile.py:{first + 1}"].bytes == 2 * 4 * (64 * 40 + 40 * 48 + 64 * 48)
    assert rows[f"test_profile.py:{first + 3}"].bytes == 2 * 4 * (64 * 48 + 64)
    assert sum(row.share for row in p.rows()) == pytest.approx(1)
    assert all(row.total_us > 0 and row.gb_per_s == pytest.approx(row.bytes / row.total_us / 1e3) for row in rows.values())


def test_native_entries_step_aside_and_come_back():
    f, x = function(lambda x: x * 2), np.ones(8)
    f(x), f(x)
    assert f.stats()["native_calls"] == 1
    with profile() as p:
        f(x)
    assert len(p.events) == 1 and f.stats()["native_calls"] == 1
    f(x)
    assert len(p.events) == 1 and f.stats()["native_calls"] == 2


def test_profiles_nest_and_overlap():
    with profile() as outer:
        record("a", "f.py:1", 0, 10, 1)
        with profile() as inner:
            record("b", "f.py:2", 10, 30, 1)
        record("c", "f.py:3", 30, 40, 1)
    record("d", "f.py:4", 40, 50, 1)
    assert [e.name for e in outer.events] == ["a", "b", "c"] and [e.name for e in inner.events] == ["b"]
    first, second = Profile(), Profile()
    first.__enter__(), second.__enter__()
    first.__exit__()
    record("e", "", 0, 1, 0)
    second.__exit__()
    assert not first.events and len(second.events) == 1 and not profiling.active


def test_a_profile_sees_every_thread(compiled):
    x, w = data()
    with profile() as p:
        together = threading.Barrier(3)  # the number of a thread that has ended is given to another
        threads = [threading.Thread(target=lambda: [together.wait(), *(compiled(x, w) for _ in range(5))]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {row.calls for row in p.rows()} == {15} and len({e.thread for e in p.events}) > 1


def test_a_profile_closes_when_the_block_raises():
    with pytest.raises(ZeroDivisionError), profile():
        1 / 0
    assert profiling.active == ()


def test_listeners_hear_of_profiles_that_were_open_before():
    heard = []
    with profile():
        profiling.listen(heard.append)
        with profile():
            pass
    profiling.listeners.remove(heard.append)
    assert heard == [1, 1, -1, -1]


def test_rows_by_kernel_and_by_line():
    with profile() as p:
        for start, name, line in ((0, "k0", "f.py:1"), (10, "k1", "f.py:1"), (40, "k0", "f.py:1"), (90, "k2", "f.py:2")):
            record(name, line, start, start + 10, 100)
    assert [(row.kernel, row.calls, row.bytes, row.gb_per_s) for row in p.rows()] == [
        ("k0", 2, 200, 10),
        ("k1", 1, 100, 10),
        ("k2", 1, 100, 10),
    ]
    assert [(row.kernel, row.line, row.share) for row in p.lines()] == [("k0, k1", "f.py:1", 0.75), ("k2", "f.py:2", 0.25)]
    widths = {len(line) for line in str(p).splitlines()}
    assert len(widths) == 1 and str(p).splitlines()[-1].startswith("total")
    assert str(Profile()) == "no kernel ran"


def test_chrome_trace(tmp_path, compiled):
    with profile() as p:
        compiled(*data())
    p.save(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == 3 and min(e["ts"] for e in events) == 0
    assert all(e["ph"] == "X" and e["dur"] > 0 and e["args"]["bytes"] > 0 and e["args"]["line"] for e in events)
    Profile().save(tmp_path / "empty.json")
    assert json.loads((tmp_path / "empty.json").read_text())["traceEvents"] == []
