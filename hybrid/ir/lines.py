"""Where in the user's program the engine is."""

from __future__ import annotations

import os
import sys
from types import FrameType

import numpy as np

from hybrid.ir.graph import Source

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NUMPY = os.path.dirname(np.__file__)
_LIBRARIES = tuple(os.path.join(folder, "") for folder in (_PACKAGE, _NUMPY, os.path.join(os.path.dirname(_NUMPY), "scipy")))


def is_library(file: str) -> bool:
    """Whether code is ours, NumPy's or SciPy's."""
    return file.startswith(_LIBRARIES)


def user_frame() -> FrameType | None:
    """The innermost frame outside the package and NumPy."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame = frame.f_back
    return frame


def user_line() -> Source | None:
    """The line the user wrote that the trace is at."""
    frame = user_frame()
    return None if frame is None else Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
