"""Every setting in one typed table. `HYBRID_<NAME>` sets a default at import; `hybrid.config.<name> = value` changes it later.

No other module reads `os.environ`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from hybrid.core.errors import ArgumentError


def _default_cache_dir() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "hybrid")


ENVIRONMENT = os.environ  # for what a user's function reads of it, which is watched

# Called with (name, before, after) on every change, by the rooms whose state follows a setting.
listeners: list[Callable[[str, object, object], None]] = []


@dataclass
class Config:
    """Settings, one field each. Assigning a value of the wrong type raises `ArgumentError`.

    >>> with hy.config.override(threads=1):
    ...     hy.config.threads
    1
    """

    jit: bool = True  # False: every decorated function is plain Python, for pdb
    debug: int = 0  # 1 calls · 2 kernels and times · 3 graph · 4 loops · 5 LLVM · 6 every pass
    backend: str = "llvm"  # llvm · numba · python
    threads: int = 0  # 0: as many as the process may run on
    cache: bool = True  # keep object code on disk
    cache_dir: str = ""  # empty: $XDG_CACHE_HOME/hybrid
    cache_limit_mb: int = 512  # least recently used entries beyond this are dropped
    pool_limit_mb: int = 256  # memory of dead results kept for the next ones; 0: results come from NumPy's allocator
    max_traces: int = 64  # per function; the least recently used trace is dropped
    default_float: str = "float32"  # dtype of Python floats in hybrid.tensor([...])
    verify: bool = False  # check the graph between passes and the loops before code generation
    hide_frames: bool = True  # drop hybrid's own frames from tracebacks
    vector_bits: int = 0  # 0: what the machine has
    disable_passes: str = ""  # comma-separated pass names, for bisecting
    check_nan: bool = False  # raise FloatingPointError at the first operation that makes a NaN of numbers; slow
    check_inf: bool = False  # the same for infinities
    profile: bool = False  # record every kernel from the start

    def __setattr__(self, name: str, value: object) -> None:
        kind = _KINDS.get(name)
        if kind is None:
            raise ArgumentError(f"unknown setting {name!r}", expected=", ".join(_KINDS))
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ArgumentError(f"setting {name!r} is of the wrong type", got=repr(value), expected=kind.__name__)
        choices = _CHOICES.get(name)
        if choices and value not in choices:
            raise ArgumentError(f"setting {name!r} cannot be {value!r}", expected=" · ".join(map(str, choices)))
        if kind is int and value < 0:  # type: ignore[operator]
            raise ArgumentError(f"setting {name!r} cannot be negative", got=value)
        before = getattr(self, name, None)
        object.__setattr__(self, name, value)
        for listener in listeners:
            listener(name, before, value)

    @contextmanager
    def override(self, **settings: object) -> Iterator[Config]:
        """Change settings inside a `with` block and put them back after it."""
        before = {name: getattr(self, name, None) for name in settings}
        for name, value in settings.items():
            setattr(self, name, value)
        try:
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)


_TYPES = {"bool": bool, "int": int, "str": str}
_KINDS: dict[str, type] = {field.name: _TYPES[str(field.type)] for field in fields(Config)}
BACKENDS = ("llvm", "numba", "python")
_CHOICES = {"backend": BACKENDS, "default_float": ("float32", "float64"), "vector_bits": (0, 128, 256, 512)}


def _parse(name: str, text: str) -> object:
    kind = _KINDS[name]
    if kind is bool:
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off", ""):
            return False
        raise ArgumentError(f"HYBRID_{name.upper()} is not a truth value", got=repr(text), expected="0 or 1")
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise ArgumentError(f"HYBRID_{name.upper()} is not a whole number", got=repr(text)) from None
    return text


def from_environment() -> Config:
    """A fresh `Config` with every `HYBRID_*` variable applied."""
    settings = Config()
    for name in _KINDS:
        text = os.environ.get(f"HYBRID_{name.upper()}")
        if text is not None:
            setattr(settings, name, _parse(name, text))
    if not settings.cache_dir:
        settings.cache_dir = _default_cache_dir()
    return settings


config = from_environment()


@contextmanager
def environment_default(**variables: str) -> Iterator[None]:
    """Set environment variables inside a block, for a library that reads them as it is loaded. What the user set stays."""
    mine = {name: text for name, text in variables.items() if name not in os.environ}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            del os.environ[name]


def cpu_count() -> int:
    """Processors this process may use: `config.threads`, or the scheduler's affinity mask."""
    if config.threads:
        return max(1, config.threads)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
