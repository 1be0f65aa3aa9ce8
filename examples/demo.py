"""Every example, undecorated and decorated, in one table: `python -m examples.demo`."""

from __future__ import annotations

from examples import black_scholes, digits, image_pipeline, pendulum_fit, train_digits
from examples.compare import table
from hybrid import __version__

NEXT = """\
Every row first asserted that both versions agree (types, dtypes, values). Where to look next:

  fast.explain()          why it was traced, and what ran eagerly
  fast.stats()            traces, calls, kernels, compile time
  fast.loops(*args)       the fused loops, as above; fast.graph, fast.llvm and fast.asm go on from there
  fast.verify(*args)      eager against compiled, op by op
  docs/tutorial.md        from the first decorated function to looking inside
"""


def main() -> None:
    print(f"hybrid {__version__}: the same functions, undecorated and decorated\n")
    print(table(black_scholes.run() + image_pipeline.run() + digits.run() + train_digits.run() + pendulum_fit.run()))
    print("\n" + "\n".join(f"wrote {path}" for path in image_pipeline.develop_all()))
    points, _ = digits.load()
    print("\nWhat digits.kmeans_step became:\n")
    print(digits.fast_kmeans_step.loops(points, points[:10]))
    print("\n" + NEXT, end="")


if __name__ == "__main__":
    main()
