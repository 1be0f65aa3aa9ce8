"""One program of the corpus, undecorated against decorated: what comes back, what is written, what is said, how long it takes.

A program is a key of a field's `CASES`; its value makes the arguments of several calls from a random generator. They are made
anew for every call, so that arrays which are one another's views, or one array passed twice, stay so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import itertools
import time
import types
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import hybrid as hy
from hybrid.core.errors import HybridError
from hybrid.staging.fallback import describe

FIELDS = (
    "stencils", "linear", "dynamic", "signals", "physics", "finance", "graphs",
    "inference", "networks", "integers", "numerics", "mutation",
    "images", "filters", "alignments", "routes", "flows", "machines", "codes",
    "waves", "krylov", "trajectories", "methods", "optimisation",
    "particles", "lattices", "pricing", "layers", "training", "models", "sampling",
    "polyhedra", "weather", "shootout", "recipes", "exercises", "sequences",
    "astronomy", "earth", "neurons", "molecules", "genomes", "markets", "robots", "terrain", "audio",
    "puzzles", "controllers", "parsers", "heaps", "learners", "contours", "workbench", "ledgers",
    "kernels", "classes", "samplers", "elements", "scripts", "structures", "iterations",
    "fields", "factors", "orbits", "seekers", "routines", "frames", "receivers", "estimates", "worlds", "decoders",
    "solvers", "counters", "instruments", "samples", "handouts", "lectures", "studies", "forwards", "benches",
    "textbooks", "lessons", "practicals", "gists", "notebooks",
    "continua", "imaging", "likelihoods",
    "syllabus", "drills", "almanacs", "bourses", "contests", "connections", "tabulations", "theorems", "operations",
    "coursework", "seminars", "theses", "repositories", "agents", "pilots", "trainees", "surveys", "bureaus", "cabinets",
    "workshops", "codices", "expeditions", "lotteries", "soundings", "bearings", "decodings", "producers",
)  # fmt: skip
# By bytes of the smallest real number among arguments and results, for each element and relative to the largest: reductions may
# be more accurate than NumPy's, solvers carry the difference on, and a float64 computed from float32 is no better than that.
TOLERANCE = {2: 1e-2, 4: 1e-5, 8: 1e-10}
# Programs that return what is left when nearly equal numbers are subtracted, an error estimate or a small spread: its last
# digits are the rounding of these numbers, to the largest of which it is compared.
CANCELLING = frozenset(
    (
        "gmres", "gauss_kronrod", "kabsch", "pendulum_periods", "langmuir_fit", "quasi_newton", "restarted_gmres",
        "matrix_free_poisson", "cluster_run", "sylvester_triangular", "vortex_panels", "graphene_bands", "scf_two_electrons",
        "jenks_breaks", "gps_position", "train_with_early_stopping",
    )
)  # fmt: skip
# Programs whose steps make rounding grow, a thousandfold and more: NumPy's own results differ from processor to processor.
# They end within a tolerance of their own, and are compared to that.
# Adam makes full steps out of gradients that are 0 but for rounding: those of a bias before a batch normalisation.
# A gradient by differences of 1e-6 turns one rounding of f into 1e-10, which BFGS carries on.
STEERED = {"ik_damped": 1e-6, "train_with_early_stopping": 1e-9, "train_classifier": 1e-2, "augmented_lagrangian": 1e-6}
# Programs that give an eigenvector with the sign of a rounding error: they solve systems that are singular but for that.
UNSIGNED = frozenset(("rayleigh_quotient_iteration",))
TIMED_SECONDS = 0.2  # for the repetitions of one timing
OURS = (hy.FallbackWarning, hy.RetraceWarning)


@dataclass(frozen=True)
class Program:
    name: str
    field: str
    function: Callable
    cases: Callable

    def arguments(self) -> list[tuple]:
        """The arguments of every call, equal each time and shared with no other call."""
        return self.cases(np.random.default_rng(zlib.crc32(self.name.encode())))

    def fresh(self) -> Callable:
        """The function once more, with memory of its own in module globals it writes: none of the programs has any."""
        f = self.function
        made = types.FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
        made.__kwdefaults__, made.__module__, made.__qualname__ = f.__kwdefaults__, f.__module__, f.__qualname__
        return made


def programs() -> dict[str, Program]:
    """All programs by name, field by field."""
    found: dict[str, Program] = {}
    for name in FIELDS:
        module = importlib.import_module(f"tests.corpus.{name}")
        for function, cases in module.CASES.items():
            assert function.__name__ not in found, f"two programs are called {function.__name__}"
            found[function.__name__] = Program(function.__name__, name, function, cases)
    return found


# one call ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Outcome:
    """What a call did, as far as its caller can see."""

    arguments: tuple
    result: Any = None
    error: BaseException | None = None
    printed: str = ""
    warned: frozenset = frozenset()
    reports: tuple[str, ...] = ()  # of hybrid's own: fallbacks and retraces
    seconds: float = 0.0


def call(function: Callable, arguments: tuple) -> Outcome:
    result, error, printed = None, None, io.StringIO()
    np.random.seed(20)
    with warnings.catch_warnings(record=True) as record, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        start = time.perf_counter()
        try:
            result = function(*arguments)
        except Exception as raised:
            error = raised
        seconds = time.perf_counter() - start
    said = frozenset(
        (w.category.__name__, str(w.message), f"{Path(w.filename).name}:{w.lineno}")
        for w in record
        if not issubclass(w.category, OURS)
    )
    reports = tuple(str(w.message) for w in record if issubclass(w.category, OURS))
    return Outcome(arguments, result, error, printed.getvalue(), said, reports, seconds)


def difference(want: Outcome, got: Outcome, name: str = "") -> str | None:
    """The first thing that tells two calls of a program apart."""
    if (want.error is None) != (got.error is None) or type(want.error) is not type(got.error):
        return f"raised {_short(got.error)}, not {_short(want.error)}"
    if str(want.error) != str(got.error):
        return f"message {str(got.error)!r}, not {str(want.error)!r}"
    largest = _largest(want.result) if name in CANCELLING else 0.0
    tolerance = STEERED.get(name) or TOLERANCE[_precision((want.arguments, want.result))]
    compare = Comparison(tolerance, largest, name in UNSIGNED)
    found = compare(want.result, got.result, "result")
    for k, (a, b) in enumerate(zip(want.arguments, got.arguments)):
        found = found or compare(a, b, f"argument {k}")
    if found:
        return found
    if want.printed != got.printed:
        return f"printed {got.printed[:80]!r}, not {want.printed[:80]!r}"
    if want.warned != got.warned:
        return f"warned {sorted(got.warned)}, not {sorted(want.warned)}"
    if want.error is None and _relations(want) != _relations(got):
        return f"shared memory: {_first_change(_relations(want), _relations(got))}"
    return None


def _short(error: BaseException | None) -> str:
    return "nothing" if error is None else f"{type(error).__name__}: {error}"[:300]


def _largest(value: Any) -> float:
    """Of the numbers in a result."""
    if isinstance(value, dict):
        return _largest(tuple(value.values()))
    if isinstance(value, (tuple, list)):
        return max(map(_largest, value), default=0.0)
    real = isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size)
    return float(np.max(np.abs(value))) if real else 0.0


def _precision(value: Any) -> int:
    """The bytes of the smallest real number among the arrays and scalars in a value."""
    if isinstance(value, dict):
        return _precision(tuple(value.values()))
    if isinstance(value, (tuple, list)):
        return min(map(_precision, value), default=8)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fc":
        return value.dtype.itemsize // (2 if value.dtype.kind == "c" else 1)
    return 8


@dataclass(frozen=True)
class Comparison:
    """Equal in type, and in value within the tolerance; integers, strings and everything else to the letter."""

    tolerance: float
    largest: float = 0.0  # of the numbers that the result was subtracted from
    unsigned: bool = False  # whether an array may be the negative of what is wanted

    def __call__(self, want: Any, got: Any, path: str) -> str | None:
        """What is not equal, and where; None where all is."""
        if type(want) is not type(got):
            return f"{path} is a {type(got).__name__} ({str(got)[:60]}), not a {type(want).__name__} ({str(want)[:60]})"
        if isinstance(want, dict):
            if list(want) != list(got):
                return f"{path} has the keys {list(got)}, not {list(want)}"
            return next(filter(None, (self(want[k], got[k], f"{path}[{k!r}]") for k in want)), None)
        if isinstance(want, (tuple, list)):
            if len(want) != len(got):
                return f"{path} has the length {len(got)}, not {len(want)}"
            return next(filter(None, (self(a, b, f"{path}[{k}]") for k, (a, b) in enumerate(zip(want, got)))), None)
        if isinstance(want, np.random.Generator):
            return None if str(want.bit_generator.state) == str(got.bit_generator.state) else f"{path} drew other numbers"
        if isinstance(want, (np.ndarray, np.generic)):
            if want.dtype != got.dtype or want.shape != got.shape:
                return f"{path} is {got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}"
            return None if self.close(want, got) else f"{path} is {self.sample(want, got)}"
        if isinstance(want, (float, complex)):
            return None if self.close(np.asarray(want), np.asarray(got)) else f"{path} is {got!r}, not {want!r}"
        if want is None or isinstance(want, (bool, int, str, bytes)):
            return None if want == got else f"{path} is {got!r}, not {want!r}"
        if dataclasses.is_dataclass(want) and not isinstance(want, type):
            return self(vars(want), vars(got), path)
        return None  # objects without a value of their own: functions

    def close(self, want: np.ndarray, got: np.ndarray) -> bool:
        if want.dtype.kind not in "fc":
            return np.array_equal(want, got)
        with np.errstate(all="ignore"):
            finite = np.abs(want[np.isfinite(want)])
            atol = self.tolerance * float(finite.max(initial=self.largest))
            either = (got, -got) if self.unsigned else (got,)
            return any(np.allclose(one, want, rtol=self.tolerance, atol=atol, equal_nan=True) for one in either)

    def sample(self, want: np.ndarray, got: np.ndarray) -> str:
        w, g = np.ravel(want), np.ravel(got)
        k = next((k for k in range(w.size) if not self.close(w[k : k + 1], g[k : k + 1])), 0)
        return f"{g[k]!r}, not {w[k]!r} (element {k} of {w.size})"


def _arrays(value: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from _arrays(v, f"{path}[{k!r}]")
    elif isinstance(value, (tuple, list)):
        for k, v in enumerate(value):
            yield from _arrays(v, f"{path}[{k}]")


def _relations(outcome: Outcome) -> dict[tuple[str, str], str]:
    """Which arrays are the same object, and which lie in one another's memory, how far apart and with which steps."""
    found = {}
    named = [*_arrays(outcome.result, "result"), *_arrays(outcome.arguments, "arguments")]
    for (p, a), (q, b) in itertools.combinations(named, 2):
        if not p.startswith("result"):
            break
        if a is b:
            found[p, q] = "the same object"
        elif np.may_share_memory(a, b) and np.shares_memory(a, b):
            found[p, q] = f"{a.ctypes.data - b.ctypes.data} bytes apart, strides {_steps(a)} and {_steps(b)}"
    return found


def _steps(a: np.ndarray) -> list[int | None]:
    """Its strides; along an axis of one element any would do."""
    return [stride if size > 1 else None for size, stride in zip(a.shape, a.strides)]


def _first_change(want: dict, got: dict) -> str:
    pair = next(k for k in (*want, *got) if want.get(k) != got.get(k))
    return f"{pair[0]} and {pair[1]}: {got.get(pair, 'apart')}, not {want.get(pair, 'apart')}"


# one program ------------------------------------------------------------------------------------------------------------
@dataclass
class Verdict:
    """What was found out about one program."""

    name: str
    field: str
    wrong: list[str] = field(default_factory=list)
    refused: str = ""  # why strict=True raises; empty where it does not
    path: str = "plain"  # how the calls after the first went: native, plan or plain
    compile_seconds: float = 0.0
    plain_seconds: float = 0.0
    warm_seconds: float = 0.0


def judge(program: Program, timed: bool = True, strict: bool = True, few: bool = False) -> Verdict:
    """Every case undecorated, decorated twice, and decorated with strict=True unless nobody asks what that says.

    Where nothing is timed, strict=True is tried only if the decorated function has said that it runs as plain Python: it
    refuses nothing else.

    Args:
        few: only the first case, and one of the others that the program's name decides: each takes a trace.
    """
    verdict = Verdict(program.name, program.field)
    decorated = hy.function(program.fresh())
    wants, said = {}, False
    count = len(program.arguments())
    for k in (0, 1 + zlib.crc32(program.name.encode()) % (count - 1)) if few and count > 1 else range(count):
        wants[k] = want = call(program.function, program.arguments()[k])
        for turn in ("first", "second"):
            got = call(decorated, program.arguments()[k])
            said = said or bool(got.reports)
            if k == 0 and turn == "first":
                verdict.compile_seconds = got.seconds
            problem = difference(want, got, program.name)
            if problem:
                verdict.wrong.append(f"case {k}, {turn} call: {problem}")
                break
    if strict and (timed or said):
        _judge_strict(program, wants, verdict)
    if timed:
        verdict.plain_seconds = _median(program, program.function)
        before = decorated.stats()
        verdict.warm_seconds = _median(program, decorated)
        after = decorated.stats()
        if after["calls"] > before["calls"]:
            verdict.path = "native" if after["native_calls"] > before["native_calls"] else "plan"
        problem = difference(*(call(f, program.arguments()[0]) for f in (program.function, decorated)), program.name)
        if problem:
            verdict.wrong.append(f"case 0, after many calls: {problem}")
    return verdict


def _judge_strict(program: Program, wants: dict[int, Outcome], verdict: Verdict) -> None:
    try:
        strict = hy.function(program.fresh(), strict=True)
    except HybridError as error:
        verdict.refused = _reason(error)
        return
    for k, want in wants.items():
        got = call(strict, program.arguments()[k])
        if want.error is not None and isinstance(got.error, type(want.error)):
            continue  # of the same kind: what strict=True reports of it is an error met while tracing, in hybrid's words
        if isinstance(got.error, HybridError) or (got.error and not want.error):
            verdict.refused = verdict.refused or f"case {k}: {_reason(got.error)}"
        elif problem := difference(want, got, program.name):
            verdict.wrong.append(f"case {k}, strict: {problem}")


def _reason(error: BaseException) -> str:
    """An error in one line, with the program's line where there is one."""
    return describe(error).split(f" ({Path(__file__).name}:")[0]


def _median(program: Program, function: Callable) -> float:
    """The median time of the first case. Arguments are made outside the clock, and warnings left out: NumPy gives those."""
    times: list[float] = []
    end = time.monotonic() + TIMED_SECONDS
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        while len(times) < 3 or (time.monotonic() < end and len(times) < 200):
            arguments = program.arguments()[0]
            start = time.perf_counter()
            with contextlib.suppress(Exception):
                function(*arguments)
            times.append(time.perf_counter() - start)
    return float(np.median(times))
