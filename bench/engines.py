"""How each engine is called. `build` returns the function a user of that engine would write, importing it on the way."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from bench.measure import Call

Engine = Callable[..., Call]


def plain(function: Callable) -> Engine:
    """NumPy as it stands, or a Numba function that its decorator has already wrapped."""
    return lambda *arrays: Call(function, arrays)


def hybrid(function: Callable) -> Engine:
    def prepare(*arrays):
        import hybrid as hy

        return Call(hy.function(function), arrays)

    return prepare


def both(function: Callable) -> dict[str, Engine]:
    """The same NumPy function, decorated by hybrid and left alone."""
    return {"hybrid": hybrid(function), "NumPy": plain(function)}


ALL = "__import__('jax').block_until_ready({})"  # for functions of several results


def jax(build: Callable[[], Callable], *, jit: bool = True, wait: str = "{}.block_until_ready()") -> Engine:
    """Device arrays in; the timing ends when the result is there."""

    def prepare(*arrays):
        import jax

        jax.config.update("jax_enable_x64", any(a.dtype == np.float64 for a in arrays))
        function = jax.jit(build()) if jit else build()
        return Call(function, tuple(jax.device_put(a) for a in arrays), wait)

    return prepare


def _torch(build: Callable[[], Callable], compiled: bool) -> Engine:
    def prepare(*arrays):
        import torch

        torch.set_grad_enabled(False)
        function = torch.compile(build()) if compiled else build()
        return Call(function, tuple(torch.from_numpy(a) for a in arrays))

    return prepare


def torch(build: Callable[[], Callable]) -> dict[str, Engine]:
    return {"PyTorch": _torch(build, compiled=False), "torch.compile": _torch(build, compiled=True)}


def torch_eager(build: Callable[[], Callable]) -> Engine:
    return _torch(build, compiled=False)


def numexpr(build: Callable[[], Callable]) -> Engine:
    def prepare(*arrays):
        import numexpr

        numexpr.set_num_threads(len(os.sched_getaffinity(0)))
        return Call(build(), arrays)

    return prepare
