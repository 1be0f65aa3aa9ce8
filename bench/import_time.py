"""How long the import takes.

In a new process with a warm disk, on top of NumPy, which is imported before the clock starts.
"""

from __future__ import annotations

from bench.measure import Fresh


def timed(statement: str) -> tuple[str, str]:
    return "-c", f"import time, numpy; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"


CASES = (
    Fresh(
        "import",
        {
            "hybrid": timed("import hybrid"),
            "Numba": timed("import numba"),
            "JAX": timed("import jax, jax.numpy"),
            "PyTorch": timed("import torch"),
            "numexpr": timed("import numexpr"),
        },
        primed=1,  # the first run writes bytecode
    ),
)
