"""What a decorated function says: refusals, retraces and their reasons, each once, with the user's names."""

from __future__ import annotations

import inspect
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hybrid.core import tree
from hybrid.core.config import config
from hybrid.core.errors import DTypeError, HybridError, IndexingError, ShapeError, TraceError
from hybrid.ir.graph import Source
from hybrid.staging.fallback import FallbackWarning, Refusal, RetraceWarning, describe, warn
from hybrid.staging.signature import Leaf, StaticLeaf

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled
    from hybrid.staging.parameters import Parameters
    from hybrid.staging.state import State

_PLACE = re.compile(r"\([^()]*:\d+")  # in a reason: the line that it is about
_NUMPYS = (IndexingError, ShapeError, DTypeError)  # errors that NumPy raises of itself
MANY = 8  # traces for one changing value, or calls refused for one reason: time to say so, and to try no more
# Traces for one new object after another, before the next calls with a new one are Python's. Where none of these traces has
# served a second call, a new object is sooner left to Python until it comes again: those that are made for each call never do.
RENEWED, UNUSED, OTHERS = 32, MANY, 3
LOST = 5.0  # seconds for traces that served one call each, after which fewer of them are enough
REMEMBERED = 64  # kinds of calls that have come once


def name_of(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)


class Reports:
    """The part of a decorated function that speaks."""

    function: Callable
    parameters: Parameters
    strict: bool
    _traces: OrderedDict[Any, Compiled]
    _log: list[str]
    _fallbacks: OrderedDict[Any, str]
    _refused: Counter[str]
    _passing: Counter[str]
    _asked: dict[tree.Structure, dict[int, str]]
    _changes: Counter[str]
    _met: OrderedDict[Any, None]
    _state: State

    def _refuse(self, key: Any, error: Exception) -> Refusal:
        """Plain Python for calls with this key; raised where the function is strict."""
        # An error of the user's own, or one that NumPy has too, comes from Python itself, after whatever the function writes
        # before it.
        if self.strict and isinstance(error, HybridError) and not isinstance(error, _NUMPYS):
            raise error
        return Refusal(key, describe(error), error)

    def _report(self, refusal: Refusal) -> None:
        """Python could do what tracing could not: remember that, and say so once per reason."""
        reason = self._placed(refusal.reason)
        if self.strict:
            if isinstance(refusal.error, HybridError):
                raise refusal.error
            # What a library raises of a traced value says nothing of what is wrong: Python had no error.
            raise TraceError(reason, fix="leave `strict` out, which makes such a call plain Python") from refusal.error
        if config.debug:
            from hybrid.staging.report import say_plain

            say_plain(self, reason)  # type: ignore[arg-type]  # a decorated function
        if refusal.key is not None and refusal.key not in self._fallbacks:
            self._fallbacks[refusal.key] = reason
            self._refused[reason] += 1
            if len(self._fallbacks) > config.max_traces:
                self._fallbacks.popitem(last=False)
        elif refusal.key is None and (reason in self._passing or len(self._passing) < config.max_traces):
            self._passing[reason] += 1
        message = f"{name_of(self.function)} runs as plain Python: {reason}"
        self._say(message)

    def _placed(self, reason: str) -> str:
        """A reason with a line of the user's: that of the function where none is to blame."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        if code is None or _PLACE.search(reason):
            return reason
        return f"{reason} ({Source(code.co_filename, code.co_firstlineno, code.co_name)})"

    def _say(self, message: str) -> None:
        """Warn once."""
        if message not in self._log:
            self._log.append(message)
            warn(message, FallbackWarning)

    def _why(self, known: Compiled) -> tuple[str, list[str]]:
        """Why a trace does not hold any more: what it read is something else now."""
        changed = known.reads.changed()
        return (changed[1], [changed[0]]) if changed else ("it changed while it was traced", [])

    def _reason(self, structure: tree.Structure, leaves: tuple[Leaf, ...]) -> tuple[str, list[str]]:
        """Why there is a new trace: the first one, or what differs from the nearest; and the static values that do."""
        if not self._traces:
            return "first call", []
        others = [other for nesting, other in self._traces if nesting == structure]
        if not others:
            return self._state.reason if len(structure.children) > 2 else self._regrouped(structure), []
        names = [f"`{name}`" for name in self.parameters.names(structure)]
        differing = [[k for k, (a, b) in enumerate(zip(other, leaves)) if a != b] for other in others]
        changed, nearest = min(zip(differing, others), key=lambda pair: len(pair[0]))
        text = ", ".join(f"{names[k]} changed {nearest[k]} -> {leaves[k]}" for k in changed)
        return text or "the trace had been dropped", [names[k] for k in changed if isinstance(leaves[k], StaticLeaf)]

    def _regrouped(self, structure: tree.Structure) -> str:
        """Why arguments have another structure than those of the latest trace."""
        before, now = (
            {re.match(r"\w*", name)[0]: None for name in self.parameters.names(one)}  # type: ignore[index]
            for one in (next(reversed(self._traces))[0], structure)
        )
        given = [f"`{name}` is given" for name in now if name not in before]
        left_out = [f"`{name}` is left out" for name in before if name not in now]
        return ", ".join(given + left_out) or "the arguments are nested differently"

    def _count(self, structure: tree.Structure, changed: list[str]) -> None:
        """Say so where one value makes trace after trace."""
        names = [f"`{name}`" for name in self.parameters.names(structure)]
        for name in changed:
            self._changes[name] += 1
            if self._changes[name] == MANY:
                asked = self._asked.get(structure, {}).get(names.index(name)) if name in names else None
                why = f"{asked} asked for its value" if asked else "its value is part of the compiled code"
                message = f"{name_of(self.function)} was traced {MANY} times for new values of {name}: {why}"
                self._log.append(message)
                warn(message, RetraceWarning)

    def _renewed(self, structure: tree.Structure, leaves: tuple[Leaf, ...]) -> str | None:
        """An argument that has been another object in call after call: a lambda made for each of them, say."""
        names = self.parameters.names(structure)
        objects = (f"`{names[k]}`" for k in _objects(leaves))
        return next((name for name in objects if self._changes[name] >= RENEWED), None)

    def _is_one_of_many(self, key: Any) -> bool:
        """Whether a call is the first of a kind, where kinds come but once: objects, texts, lists of any length, dicts."""
        unused = [made for made in self._traces.values() if made.calls + made.native_calls <= 1]
        of_objects = [made for (_, leaves), made in self._traces.items() if _objects(leaves)]
        names = [f"`{name}`" for name in self.parameters.names(key[0])]
        others = max((self._changes[names[k]] for k in _objects(key[1])), default=0)
        if others < OTHERS or any(made not in unused for made in of_objects):
            if len(unused) < UNUSED or (len(unused) < RENEWED and sum(made.cost for made in unused) < LOST):
                return False
        # By their ids alone, which another object may have one day: then a trace is made that need not have been.
        known = key[0], tuple((leaf.python, leaf.key) if k in _objects(key[1]) else leaf for k, leaf in enumerate(key[1]))
        if known in self._met:
            del self._met[known]
            return False
        self._met[known] = None
        if len(self._met) > REMEMBERED:
            self._met.popitem(last=False)
        return True

    def _announce(self, compiled: Compiled) -> None:
        if config.debug:
            from hybrid.staging.report import announce

            announce(self, compiled)  # type: ignore[arg-type]  # a decorated function


def _objects(leaves: tuple[Leaf, ...]) -> list[int]:
    """The leaves that are one object and no other."""
    return [k for k, leaf in enumerate(leaves) if isinstance(leaf, StaticLeaf) and leaf.by_identity]
