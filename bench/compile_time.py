"""How long the first call takes: tanh-GELU over 2²⁰ float32 in a new process.

Imports are not counted, tracing, compiling and running are. hybrid imports its tracer and its compiler (with llvmlite) when
something compiles, the others theirs with the package; a row of its own shows hybrid with these imports in its first call.
*Cold* has empty caches; *warm* is a second process with the first one's disk cache (Numba's `cache=True`, JAX's persistent
cache and Inductor's are switched on).
"""

from __future__ import annotations

import importlib
import sys
import time

from bench.elementwise import GELU, gelu_numba_cached
from bench.engines import plain
from bench.measure import Fresh

LAZY = "hybrid, imports counted"
ENGINES = {
    **{name: GELU.engines[name] for name in ("hybrid", "JAX", "torch.compile")},
    LAZY: GELU.engines["hybrid"],
    "Numba": plain(gelu_numba_cached),
}
COMMANDS = {name: ("-m", "bench.compile_time", name) for name in ENGINES}
CASES = (Fresh("cold", COMMANDS), Fresh("warm disk cache", COMMANDS, primed=1))


def first_call(engine: str) -> float:
    if engine == "hybrid":
        for module in ("hybrid.staging.compiled", "hybrid.passes.pipeline", "hybrid.runtime.plan", "hybrid.staging.emit"):
            importlib.import_module(module)
    statement, names = ENGINES[engine](*GELU.inputs()).statement()
    start = time.perf_counter()
    eval(statement, names)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(first_call(sys.argv[1]))
