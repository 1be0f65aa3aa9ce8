"""Random programs for as long as wanted: `python -m tests.fuzz --seconds 600 --seed N [--backend llvm] [--large|--structured]`.

Failures are shrunk and printed as scripts; exits with 1 if there were any.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import time

from tests.fuzz import structured_checks
from tests.fuzz.checks import failure, report, runs
from tests.fuzz.structured import structured
from tests.fuzz.writer import generate

_VALUES = re.compile(
    r"\b\w+:|np\.\w+\([^)]*\)|\b(u?int|float)\d+\b|\bbool\b|-?\b\d\S*|[\[(].*"
)  # what tells two failures of one kind apart


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", choices=("llvm", "numba", "python"), default="llvm")
    parser.add_argument("--large", action="store_true", help="arrays of some 10 000 elements and more")
    parser.add_argument("--structured", action="store_true", help="functions with branches and loops")
    parser.add_argument("--most", type=int, default=10, help="stop after this many failures")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    seen: dict[str, int] = {}
    count = 0
    for seed in itertools.count(options.seed):
        if time.monotonic() > end or len(seen) >= options.most:
            break
        count += 1
        if options.structured:
            program = structured(seed)
            problem = structured_checks.failure(program, options.backend)[0]
        else:
            program = generate(seed, options.large)
            problem = failure(program, options.backend) if runs(program) else ""
        if problem:
            key = _VALUES.sub("·", problem.partition(", ")[2] if options.structured else problem.split("\n")[0])[:60]
            seen[key] = seen.get(key, 0) + 1
            if seen[key] == 1:
                say = structured_checks.report if options.structured else report
                print(say(program, options.backend), "-" * 100, sep="\n", flush=True)
    print(f"{count} programs from seed {options.seed} on {options.backend}: {sum(seen.values())} failures of {len(seen)} kinds")
    for key, times in seen.items():
        print(f"  {times:4} x {key}")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
