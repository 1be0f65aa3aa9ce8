"""Errors that teach: what happened, what was received, what was expected, and how to fix it.

Every error the engine raises on purpose derives from `HybridError` *and* from the built-in class that NumPy or Python would
have raised (`TypeError`, `ValueError`, `IndexError`), so that decorating a function never changes which `except` clause runs.
"""

from __future__ import annotations

from typing import Any


class HybridError(Exception):
    """Base of all errors raised by hybrid: a one-line statement followed by `got`, `expected` and `fix` where known."""

    def __init__(self, what: str, *, got: object = None, expected: object = None, fix: object = None, at: object = None):
        self.what, self.got, self.expected, self.fix, self.at = what, got, expected, fix, at
        rows = (("got", got), ("expected", expected), ("fix", fix), ("at", at))
        super().__init__("\n".join([what, *(f"  {name + ':':<10}{text}" for name, text in rows if text is not None)]))

    def __reduce__(self):
        return _rebuild, (type(self), self.what, self.got, self.expected, self.fix, self.at)


def _rebuild(cls, what, got, expected, fix, at):
    return cls(what, got=got, expected=expected, fix=fix, at=at)


class ShapeError(HybridError, ValueError):
    """Shapes that cannot go together."""


class DTypeError(HybridError, TypeError):
    """A dtype that an operation cannot take, or a value of the wrong type."""


class ArgumentError(HybridError, ValueError):
    """A value outside what a function accepts."""


class IndexingError(HybridError, IndexError):
    """An index out of bounds, or of a kind that cannot index."""


class NotFiniteError(HybridError, FloatingPointError):
    """A NaN or an infinity came up, which `config.check_nan` or `config.check_inf` asks to hear of."""


class GraphError(HybridError, ValueError):
    """A graph, graph text or graph file that is malformed."""


class TraceError(HybridError, TypeError):
    """Python code asked of a traced value what only a concrete value can answer.

    `again`: which loops a trace may write out that does better, as `ir.requests.Writing`; None where none would.
    `saw`: what that was concluded from, as `ir.requests.Saw`; None where another attempt may end otherwise.
    """

    again: Any = None
    saw: Any = None


class EscapeError(TraceError):
    """A traced tensor was used after the call that traced it had ended."""


class DebuggerError(HybridError, RuntimeError):
    """Traced code would stop in a debugger, which is for Python to do: like an error of the user's, it ends only its way."""


class AssumptionError(TraceError):
    """An assumption of a trace does not hold for the values of this call: Python has to make it."""


class RoomError(AssumptionError):
    """A container has more items than a trace made room for: the next one makes more."""


ROOM = "there is room in a container"  # the assumption whose failure a RoomError tells


class VariesError(AssumptionError):
    """A call of a function gave arrays of other sizes than while tracing; `site` says where, so that the next trace can ask."""

    def __init__(self, what: str, site: str, **details: Any):
        super().__init__(what, **details)
        self.site = site


class EmptyError(AssumptionError):
    """A list that is returned as an array has no items: the next trace leaves it to NumPy what becomes of it."""


EMPTY = "a list that is returned as an array is not empty"  # the assumption whose failure an EmptyError tells


class WarnedError(AssumptionError):
    """A library warns of the values of this call: Python has to make it, and the warning at the user's line."""


SILENT = "no library warns"  # the assumption whose failure a WarnedError tells


class GradientError(HybridError, RuntimeError):
    """A derivative that does not exist, or can no longer be computed."""


class NoLeafError(GradientError):
    """`backward` in a decorated function comes to no leaf: those among its arguments were passed as plain tensors."""


class CompileError(HybridError, RuntimeError):
    """A loop nest or machine-code problem; the message names the kernel."""


class MissingExtra(HybridError, ImportError):
    """An optional dependency is not installed; the message names the extra."""
