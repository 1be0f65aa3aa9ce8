"""How engines are compared: a process each, results asserted first, then rounds that visit every engine in turn.

A process each, which reports when its threads have gone to sleep, because OpenMP runtimes and BLAS spin for up to 0.1 s after a
parallel loop and would steal the processors from the next engine. In turn, because clock speed and neighbours drift: a slow
minute then falls on every engine alike.
"""

from __future__ import annotations

import copy
import importlib
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

ROUNDS = 15  # measurements per engine; the quartiles then rest on four values each side
INNER = 0.02  # seconds per measurement: 1000 times the timer's own noise
WARM_UP = 0.3  # seconds of calls before the first measurement, for clock speed and lazily started threads
FRESH_ROUNDS = 5  # new processes per engine, for questions about start-up


@dataclass(frozen=True)
class Call:
    """What is timed: `function(*args)`, spelled out in `wait` so that an asynchronous engine finishes inside the timing."""

    function: Callable
    args: tuple
    wait: str = "{}"

    def statement(self) -> tuple[str, dict[str, Any]]:
        names = [f"a{i}" for i in range(len(self.args))]
        return self.wait.format(f"function({', '.join(names)})"), {"function": self.function, **dict(zip(names, self.args))}


@dataclass(frozen=True)
class Case:
    """One table: the same work by every engine. Results must agree with `reference` evaluated by NumPy in float64."""

    title: str
    inputs: Callable[[], tuple[np.ndarray, ...]]
    reference: Callable
    engines: dict[str, Callable[..., Call]]
    rtol: float
    atol: float = 0.0
    threads: tuple[int, ...] = (0,)  # a table for each; 0 is every processor


@dataclass(frozen=True)
class Fresh:
    """One table: a command per engine, run in a new process each time; it prints seconds on its last line.

    The run counts after `primed` runs that share its cache directories, which are new and empty at the first.
    """

    title: str
    commands: dict[str, tuple[str, ...]]
    primed: int = 0


@dataclass(frozen=True)
class Row:
    engine: str
    seconds: tuple[float, ...] = ()
    first: float | None = None
    failure: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) if self.seconds else math.inf

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.seconds) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Table:
    title: str
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Effort:
    """How much is measured: `engines` empty means all, `rounds` 0 the usual number."""

    engines: frozenset[str] = frozenset()
    rounds: int = 0
    inner: float = INNER

    def wants(self, engine: str) -> bool:
        return not self.engines or engine in self.engines


def run(module: str, effort: Effort) -> Iterator[Table]:
    """The tables of one question."""
    for index, case in enumerate(importlib.import_module(module).CASES):
        if isinstance(case, Fresh):
            yield _run_fresh(case, effort)
            continue
        for threads in case.threads:
            yield _run_case(module, index, case, threads, effort)


def _run_case(module: str, index: int, case: Case, threads: int, effort: Effort) -> Table:
    wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in case.inputs()]
    expected = _arrays(case.reference(*wide))
    first: dict[str, float] = {}
    failures: dict[str, str] = {}
    workers: dict[str, Connection] = {}
    processes = []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as caches, _environment(caches), _processors(threads):
        for engine in filter(effort.wants, case.engines):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, module, index, engine, effort.inner), daemon=True)
            process.start()
            there.close()
            processes.append(process)
            # One engine at a time gets ready, so that the first calls do not share the processors either.
            try:
                status, *rest = here.recv()
                if status == "failed":
                    raise RuntimeError(rest[0])
                first[engine], got = rest
                _assert_close(got, expected, case)
                here.send("measure")
                here.recv()
                workers[engine] = here
            except (EOFError, RuntimeError, AssertionError) as error:
                failures[engine] = _reason(error)
                here.close()
        seconds: dict[str, list[float]] = {engine: [] for engine in workers}
        order = list(workers)
        for _ in range(effort.rounds or ROUNDS):
            for engine in order:
                workers[engine].send("measure")
                seconds[engine].append(workers[engine].recv())
            order = order[1:] + order[:1]
        for connection in workers.values():
            connection.close()
        for process in processes:
            process.join()
    rows = [Row(engine, tuple(seconds[engine]), first[engine]) for engine in workers]
    rows += [Row(engine, failure=failure) for engine, failure in failures.items()]
    return Table(case.title + (_thread_note(threads) if case.threads != (0,) else ""), rows)


def _serve(pipe: Connection, module: str, index: int, engine: str, inner: float) -> None:
    """The worker: prepare one engine, report its first call and result, then measure whenever asked."""
    try:
        case = importlib.import_module(module).CASES[index]
        statement, names = case.engines[engine](*case.inputs()).statement()
        code = compile(statement, engine, "eval")
        start = time.perf_counter()
        result = eval(code, names)
        first = time.perf_counter() - start
        pipe.send(("ready", first, _arrays(result)))
    except Exception as error:  # a peer may fail in any way; the table says how
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
        return
    del result
    timer = timeit.Timer(statement, globals=names)
    number = 0
    # Which pages of memory arrays lie on makes up to a quarter of a time: each round has the arguments somewhere else.
    try:
        while pipe.recv() == "measure":
            if not number:
                number = _calibrate(timer, inner)
            names.update({name: copy.deepcopy(value) for name, value in names.items() if name != "function"})
            seconds = timer.timeit(number) / number
            _settle()
            pipe.send(seconds)
    except EOFError:
        return


def _settle() -> None:
    """Wait until no thread of this process computes, a second at most."""
    for _ in range(200):
        before = time.process_time()
        time.sleep(0.005)
        if time.process_time() - before < 0.001:
            return


def _calibrate(timer: timeit.Timer, inner: float) -> int:
    deadline, number, elapsed = time.perf_counter() + WARM_UP, 1, 0.0
    while elapsed < inner or time.perf_counter() < deadline:
        elapsed = timer.timeit(number)
        if elapsed < inner:
            number = max(number + 1, min(number * 10, math.ceil(1.1 * number * inner / max(elapsed, 1e-9))))
    return number


def _run_fresh(case: Fresh, effort: Effort) -> Table:
    seconds: dict[str, list[float]] = {engine: [] for engine in filter(effort.wants, case.commands)}
    failures: dict[str, str] = {}
    for _ in range(effort.rounds or FRESH_ROUNDS):
        for engine in [engine for engine in seconds if engine not in failures]:
            with tempfile.TemporaryDirectory() as caches, _environment(caches):
                command = sys.executable, *case.commands[engine]
                keeps = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
                for _ in range(1 + case.primed):
                    done = subprocess.run(command, capture_output=True, text=True, check=False, env=keeps)
            if done.returncode:
                failures[engine] = _reason(done.stderr)
            else:
                seconds[engine].append(float(done.stdout.split()[-1]))
    rows = [Row(engine, tuple(times)) for engine, times in seconds.items() if engine not in failures]
    return Table(case.title, rows + [Row(engine, failure=failure) for engine, failure in failures.items()])


@contextmanager
def _environment(caches: str) -> Iterator[None]:
    """Every engine's disk cache in one new directory, JAX's switched on for kernels of any size."""
    settings = {
        "HYBRID_CACHE_DIR": f"{caches}/hybrid",
        "NUMBA_CACHE_DIR": f"{caches}/numba",
        "TORCHINDUCTOR_CACHE_DIR": f"{caches}/torch",
        "JAX_COMPILATION_CACHE_DIR": f"{caches}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_PLATFORMS": "cpu",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _processors(threads: int) -> Iterator[None]:
    """Workers started inside may run on that many processors: a limit that every thread pool respects."""
    if not threads:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _thread_note(threads: int) -> str:
    threads = threads or processors()
    return f", {threads} thread{'s' if threads > 1 else ''}"


def _arrays(result: Any) -> list[np.ndarray]:
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in _arrays(part)]
    return [np.asarray(result.detach() if hasattr(result, "detach") else result)]


def _assert_close(got: list[np.ndarray], expected: list[np.ndarray], case: Case) -> None:
    assert len(got) == len(expected), f"{len(got)} results, {len(expected)} expected"
    for g, e in zip(got, expected):
        assert g.shape == e.shape, f"shape {g.shape}, {e.shape} expected"
        np.testing.assert_allclose(g, e, rtol=case.rtol, atol=case.atol)


def _reason(error: object) -> str:
    """The telling line of a failure: the first of a message, the last of a traceback."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return line.strip()[:160].replace("|", "/")
