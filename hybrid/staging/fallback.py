"""When a call runs as plain Python: why, at which line of the user's, said once; and errors without our own frames."""

from __future__ import annotations

import os
import sys
import sysconfig
import warnings
from dataclasses import dataclass
from types import FrameType, FunctionType, TracebackType
from typing import Any

import numpy as np

from hybrid.core.config import config
from hybrid.core.errors import HybridError
from hybrid.ir.graph import Source

_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_SITE = os.path.dirname(os.path.dirname(np.__file__))
_LIBRARIES = (_OURS, os.path.join(_SITE, "numpy", ""), os.path.join(_SITE, "scipy", ""))
_STDLIB = os.path.join(sysconfig.get_path("stdlib"), "")


class FallbackWarning(UserWarning):
    """A decorated function, or a call of it, runs as plain Python; the message says why.

    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore", category=hy.FallbackWarning):
    ...     hy.function(lambda x: x.tobytes().hex())(np.zeros(1, "uint8"))
    '00'
    """


class RetraceWarning(UserWarning):
    """A decorated function is traced again and again; the message says what keeps changing.

    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore", category=hy.RetraceWarning):
    ...     hy.function(lambda x: x.sum())(np.ones(3))
    np.float64(3.0)
    """


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not compiled. `key`: the calls this holds for, None where only this one; `error`: what tracing raised."""

    key: Any
    reason: str
    error: BaseException | None = None


def describe(error: BaseException) -> str:
    """An error in one line, with the user's line it comes from."""
    if isinstance(error, HybridError):
        what, at = error.what, error.at if isinstance(error.at, Source) else None
    else:
        text = _text(error)
        by = _by_library(error)
        by = f"while it is traced, {by}() raises" if by else "while it is traced, it raises"
        what, at = f"{by} {type(error).__name__}{f': {text}' if text else ''}", None
    at = at or _user_line(error)
    if at is None:
        return what
    # Branches and loops are converted from source: without one they are what a function typed in at a prompt fails at.
    return f"{what} ({at}: {at.text})" if at.text else f"{what} ({at}, of which there is no source)"


def _text(error: BaseException) -> str:
    """What an error says; nothing where that is traced values, whose text is not known, or for the user's code to say."""
    if isinstance(getattr(type(error), "__str__", None), FunctionType):
        return ""
    try:
        return str(error)
    except Exception:
        return ""


def _by_library(error: BaseException) -> str:
    """The function of Python's library that the user's line calls, and that raises."""
    found, step = "", error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if _is_standard(frame.f_code.co_filename):
            found = found or f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}".removesuffix(".__init__")
        elif not frame.f_code.co_filename.startswith(_OURS):
            found = ""
        step = step.tb_next
    return found


def _is_standard(file: str) -> bool:
    return file.startswith(_STDLIB) and "site-packages" not in file


def _user_line(error: BaseException) -> Source | None:
    """The innermost line of the error's traceback that is the user's; in code of Python's library only where none is."""
    found, other, step = None, None, error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if not code.co_filename.startswith(_LIBRARIES):
            source = Source(code.co_filename, step.tb_lineno, code.co_name)
            inside = _is_standard(code.co_filename)
            found, other = (found, source) if inside else (source, other)
        step = step.tb_next
    return found or other


def warn(message: str, category: type[Warning]) -> None:
    """A warning at the line that called the decorated function."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    if frame is None:
        warnings.warn(message, category, stacklevel=2)
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    where = frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__", "<unknown>")
    warnings.warn_explicit(message, category, *where, registry)


def without_our_frames(error: BaseException) -> BaseException:
    """The error with a traceback that shows the user's frames only, unless `config.hide_frames` is off; so those behind it."""
    pending: list[BaseException] = [error]
    seen: set[int] = set()
    while config.hide_frames and pending:
        _trim(pending.pop(), pending, seen)
    return error


def _trim(error: BaseException, pending: list[BaseException], seen: set[int]) -> None:
    if id(error) not in seen:
        seen.add(id(error))
        pending += [behind for behind in (error.__cause__, error.__context__) if behind is not None]
        frames = []
        step = error.__traceback__
        while step is not None:
            if not step.tb_frame.f_code.co_filename.startswith(_OURS):
                frames.append(step)
            step = step.tb_next
        trimmed: TracebackType | None = None
        for step in reversed(frames):
            # A signal's handler may raise where a function begins, on no line of it.
            line = step.tb_frame.f_code.co_firstlineno if step.tb_lineno is None else step.tb_lineno
            trimmed = TracebackType(trimmed, step.tb_frame, step.tb_lasti, line)
        error.__traceback__ = trimmed
