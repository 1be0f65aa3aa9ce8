"""Where in the user's program the engine is."""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
from types import FrameType

import numpy as np

from hybrid.ir.graph import Source

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NUMPY = os.path.dirname(np.__file__)
_LIBRARIES = tuple(os.path.join(folder, "") for folder in (_PACKAGE, _NUMPY, os.path.join(os.path.dirname(_NUMPY), "scipy")))
_OURS = _LIBRARIES[0]
_NOT_THE_USERS = (*_LIBRARIES, os.path.join(os.path.dirname(_NUMPY), "numba", ""))


class _Files(dict[str, bool]):
    """By file, whether it is in one of some folders: each operation that is recorded asks for some thirty frames."""

    def __init__(self, folders: tuple[str, ...]):
        self.folders = folders

    def __missing__(self, file: str) -> bool:
        self[file] = found = file.startswith(self.folders)
        return found


_STDLIB = os.path.join(sysconfig.get_path("stdlib"), "")


class _Standard(dict[str, bool]):
    """By file, whether it is one of Python's own library."""

    def __missing__(self, file: str) -> bool:
        self[file] = found = file.startswith(_STDLIB) and f"{os.sep}site-packages{os.sep}" not in file
        return found


_standard = _Standard()
_libraries, _not_the_users = _Files(_LIBRARIES), _Files(_NOT_THE_USERS)


def is_library(file: str) -> bool:
    """Whether code is ours, NumPy's or SciPy's."""
    return _libraries[file]


def is_users(file: str) -> bool:
    """Whether code is neither ours, NumPy's, SciPy's nor Numba's."""
    return not _not_the_users[file]


def user_frame() -> FrameType | None:
    """The innermost frame outside the package, NumPy, SciPy and Numba; in Python's own library only where there is no other."""
    frame: FrameType | None = sys._getframe(1)
    known, standard, other = _not_the_users, _standard, None
    while frame is not None:
        file = frame.f_code.co_filename
        if not known[file]:
            if not standard[file]:
                return frame
            other = other or frame
        frame = frame.f_back
    return other


def user_line() -> Source | None:
    """The line the user wrote that the trace is at."""
    frame = user_frame()
    return None if frame is None else Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def called() -> str | None:
    """The public name of the NumPy or SciPy function, written in Python, that the user's line called and that called us."""
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None and is_library(frame.f_code.co_filename):
        if not frame.f_code.co_filename.startswith(_OURS):
            found = _public(frame) or found  # the outermost: others are how it works
        frame = frame.f_back
    return found


def _public(frame: FrameType) -> str | None:
    parts = frame.f_globals.get("__name__", "").split(".")
    module = ".".join(itertools.takewhile(lambda part: not part.startswith("_"), parts))
    name = frame.f_code.co_name
    return f"{module}.{name}" if callable(getattr(sys.modules.get(module), name, None)) and name[0] != "_" else None
