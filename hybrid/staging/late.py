"""What traces and compiles is imported with the first call: by one thread, and never while another one forks.

A child of fork cannot import what a thread that it does not have was importing.
"""

from __future__ import annotations

import functools
import importlib
import threading
from typing import Any

from hybrid.core import forks

_MODULES = (
    "hybrid.passes.pipeline", "hybrid.passes.worth",
    "hybrid.runtime.cache", "hybrid.runtime.engine", "hybrid.runtime.flags", "hybrid.runtime.native", "hybrid.runtime.plan",
    "hybrid.runtime.program",
    "hybrid.staging.compiled", "hybrid.staging.emit", "hybrid.staging.reads", "hybrid.staging.report", "hybrid.staging.steps",
    "hybrid.staging.tracing",
)  # fmt: skip
_importing = threading.RLock()
forks.free_in_child(_importing)


@functools.cache
def load() -> None:
    """Import all of it."""
    for name in _MODULES:
        module(name)


def module(name: str) -> Any:
    """One of these modules, or another."""
    with _importing:
        return importlib.import_module(name)
