"""Every sample of every row of the primitive table on every back end, Numba included, against eager execution.

    python tests/sweeps/sweep_table.py [--seed N] [--backend llvm] [row ...]

Prints the rows that differ and exits with 1 if there are any. Numba compiles for some minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from hybrid.ir.graph import evaluate
from hybrid.ir.primitive import TABLE, Primitive
from tests import tools

BATCH = 24  # equations in one graph: Numba compiles those that share a shape as one kernel


def wrong(row: Primitive, samples: list, backend: str) -> list[int]:
    """The samples whose result is not within the row's bound."""
    on_slices = all(np.asarray(a).size or a.ndim for operands, _ in samples for a in operands) and row.kind.value != "opaque"
    graph, arrays = tools.application_on_slices([(row, s) for s in samples]) if on_slices else tools.application(row, samples)
    got, want = tools.execute(graph, arrays, backend), evaluate(graph, *arrays)
    if not on_slices:
        pairs = zip(tools.by_equation(graph, got), tools.by_equation(graph, want), strict=True)
    else:
        pairs = (((a,), (np.asarray(b),)) for a, b in zip(got, want, strict=True))
    out = []
    for k, (sample, (gots, wants)) in enumerate(zip(samples, pairs, strict=True)):
        if not all(tools.agree(row, sample, a, b) for a, b in zip(gots, wants, strict=True)):
            out.append(k)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"one of {', '.join(TABLE)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=tools.BACKENDS, help="only this one")
    options = parser.parse_args()
    failures = 0
    for name in options.rows or [name for name in TABLE if name not in ("bind", "check", "again")]:  # which give no result
        row = TABLE[name]
        samples = list(row.sample(np.random.default_rng(options.seed)))
        for backend in [options.backend] if options.backend else tools.BACKENDS:
            start = time.perf_counter()
            bad = [k + at for at in range(0, len(samples), BATCH) for k in wrong(row, samples[at : at + BATCH], backend)]
            failures += len(bad)
            seconds = time.perf_counter() - start
            print(
                f"{name:>14} {backend:>6}: {len(samples):3} samples, {seconds:6.2f} s{f', wrong: {bad}' if bad else ''}",
                flush=True,
            )
    print(f"{failures} results out of bounds, seed {options.seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
