"""What a function that runs as plain Python says: what its line calls, in the user's words; and files, never frozen."""

from __future__ import annotations

import fractions
import json
import logging
import os
import subprocess
import time
import warnings

import numpy as np
import pytest
import scipy.io

import hybrid as hy
from hybrid.core.errors import TraceError
from hybrid.staging.fallback import FallbackWarning

X = np.arange(1.0, 5.0)
LOG = logging.getLogger(__name__)


def logs(x):
    LOG.warning("sum %f", x.sum())
    return x + 1


def runs(x):
    return x * len(subprocess.run(["true"], check=False).args)


def looks(x):
    return x + len(os.listdir("/")) + os.path.exists("/nothing")


def waits(x):
    return x + 0 * time.time()


def writes(x):
    with open(os.devnull, "w", encoding="utf-8") as out:
        out.write("a")
    return x


def texts(x):
    return json.dumps({"a": float(x.sum())})


def parts(x):
    return fractions.Fraction(int(x[1]), 3)


def draws(x, rng=np.random.default_rng(0)):  # noqa: B008
    y = np.empty(4)
    rng.random(out=y)
    return (y > 2) + x


REASONS = {
    draws: (r"Generator\.random\(\) into an array that is there", 2),
    logs: (r"it calls logging\.Logger\.warning\(\)", 1), runs: (r"it calls subprocess\.run\(\)", 1),
    looks: (r"it calls os\.listdir\(\)", 1), waits: (r"it calls time\.time\(\)", 1),
    writes: (r"it calls open\(\)", 1), texts: (r"json\.dumps\(\) raises TypeError", 1),
    parts: (r"\.numerator needs a value", 1),
}  # fmt: skip


@pytest.mark.parametrize("f", REASONS, ids=lambda f: f.__name__)
def test_the_reason_names_what_the_users_line_calls(f):
    reason, line = REASONS[f][0], f.__code__.co_firstlineno + REASONS[f][1]
    decorated = hy.function(f)
    with pytest.warns(FallbackWarning, match=rf"{reason}.*test_told_reasons\.py:{line}") as said:
        for _ in range(2):
            assert repr(decorated(X)) == repr(f(X))
    assert len(said) == 1
    with pytest.raises(TraceError, match=reason):
        hy.function(f, strict=True)(X)


def _numbers(path, k):
    np.save(f"{path}.npy", np.full(4, float(k)))
    np.savetxt(f"{path}.txt", np.full(4, float(k)))
    np.full(4, float(k)).tofile(f"{path}.bin")
    scipy.io.savemat(f"{path}.mat", {"a": np.full(4, float(k))})


READERS = {
    "load": lambda x, path: x + np.load(f"{path}.npy"),
    "loadtxt": lambda x, path: x + np.loadtxt(f"{path}.txt"),
    "genfromtxt": lambda x, path: x + np.genfromtxt(f"{path}.txt"),
    "fromfile": lambda x, path: x + np.fromfile(f"{path}.bin"),
    "memmap": lambda x, path: x + np.memmap(f"{path}.bin", float),
    "loadmat": lambda x, path: x + scipy.io.loadmat(f"{path}.mat")["a"][0],
}


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_numpy_reads_is_read_at_every_call(name, tmp_path):
    f, path = hy.function(READERS[name]), str(tmp_path / "a")
    with pytest.warns(FallbackWarning, match=rf"{name}\(\) reads or writes a file"):
        for k in range(4):
            _numbers(path, k)
            assert f(X, path).tolist() == (X + k).tolist()
    with pytest.raises(TraceError, match="reads or writes a file"):
        hy.function(READERS[name], strict=True)(X, path)


@pytest.mark.parametrize("way", ["save", "tofile"])
def test_a_file_that_numpy_writes_is_written_at_every_call(way, tmp_path):
    table, path = np.arange(3.0), str(tmp_path / "b.npy")

    def f(x):
        if way == "save":
            np.save(path, table)
        else:
            table.tofile(path)
        return x * 2

    decorated = hy.function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            if os.path.exists(path):
                os.remove(path)
            decorated(X)
            assert os.path.exists(path)
