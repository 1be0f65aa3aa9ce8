"""The corpus as a table: `python -m tests.corpus [name or field …] [--seconds N] [--jobs N] [--write FILE] [--ratchet FILE]`.

Programs run in a process of their own, which is ended and replaced when one of them takes too long or takes it down.
Exits with 1 if any program is wrong.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.corpus.run import Verdict, programs
from tests.corpus.worker import Worker

TITLES = "| program | right | strict | path | ms NumPy | ms decorated | ratio |"
SLOW_COMPILE = 2.0  # seconds
HEAD = """# The corpus

Programs of the standard repertoire of scientific computing, each written as it would be without hybrid (`tests/corpus/`), run
undecorated and decorated: the same results, types, writes, views, warnings and errors are *right*; compiled as a whole is
*strict*. Made by `make corpus`. Times are medians of the first case of each program, in milliseconds, on one shared machine:
the ratios carry. The path of the timed calls is *native* (guards and kernels in machine code), *plan* (kernels run one by one
from Python) or *plain* (not compiled).
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("names", nargs="*", help="programs or fields; all by default")
    parser.add_argument("--seconds", type=float, default=60, help="the most a program may take")
    parser.add_argument("--jobs", type=int, default=1, help="programs at a time: times are then those of a busy machine")
    parser.add_argument("--untimed", action="store_true", help="no timings")
    parser.add_argument("--write", type=Path, help="write the table to this file")
    parser.add_argument("--ratchet", type=Path, help="add the names of programs that are strict to this file")
    options = parser.parse_args()
    known = programs()
    chosen = [p.name for p in known.values() if not options.names or {p.name, p.field} & set(options.names)]
    unknown = set(options.names) - {p.name for p in known.values()} - {p.field for p in known.values()}
    if unknown:
        parser.error(f"no such program or field: {', '.join(sorted(unknown))}")

    def judge(first: int) -> dict[str, Verdict]:
        found = {}
        with Worker(not options.untimed) as worker:
            for name in chosen[first :: options.jobs]:
                found[name] = worker.judge(name, known[name].field, options.seconds)
                print(row(found[name]), flush=True)
        return found

    with ThreadPoolExecutor(options.jobs) as pool:
        judged = {name: verdict for found in pool.map(judge, range(options.jobs)) for name, verdict in found.items()}
    verdicts = [judged[name] for name in chosen]
    text = summary(verdicts)
    print("\n" + text)
    if options.write:
        table = "\n".join([TITLES, "|---|---|---|---|---:|---:|---:|"])
        rows = "\n".join(row(v) for v in verdicts)
        options.write.write_text(f"{HEAD}\n{table}\n{rows}\n\n{text}\n", encoding="utf-8")
    if options.ratchet:
        names = set(options.ratchet.read_text(encoding="utf-8").split()) if options.ratchet.exists() else set()
        names |= {v.name for v in verdicts if not v.wrong and not v.refused}
        options.ratchet.write_text("".join(f"{name}\n" for name in sorted(names)), encoding="utf-8")
    return 1 if any(v.wrong for v in verdicts) else 0


def row(v: Verdict) -> str:
    right = "WRONG" if v.wrong else "yes"
    strict = (v.refused[:150] or "yes").replace("|", "\\|")
    ratio = v.plain_seconds / v.warm_seconds if v.warm_seconds else 0
    times = f"{v.plain_seconds * 1e3:.3f} | {v.warm_seconds * 1e3:.3f} | {ratio:.2f}"
    return f"| {v.name} | {right} | {strict} | {v.path} | {times} |"


def cause(refused: str) -> str:
    """A reason without the case and the line it comes from, so that equal ones can be counted."""
    return re.sub(r"^case \d+: | \(\S+\.py:\d+.*$", "", refused)[:110]


def summary(verdicts: list[Verdict]) -> str:
    right, strict = sum(not v.wrong for v in verdicts), sum(not v.refused for v in verdicts)
    parts = [f"{len(verdicts)} programs: {right} right, {strict} strict."]
    wrong = [f"- {v.name}: {problem}" for v in verdicts for problem in v.wrong]
    slow = [f"- {v.name}: {v.compile_seconds:.1f} s" for v in verdicts if v.compile_seconds > SLOW_COMPILE]
    slower = [v for v in verdicts if v.warm_seconds > v.plain_seconds * 1.1]
    slower.sort(key=lambda v: v.plain_seconds / v.warm_seconds)
    reasons = Counter(cause(v.refused) for v in verdicts if v.refused)
    lists = {
        "Wrong": wrong,
        "First calls above two seconds": slow,
        "Why not strict": [f"- {n} × {reason}" for reason, n in reasons.most_common()],
        "Slower than undecorated": [f"- {v.name}: {v.plain_seconds / v.warm_seconds:.2f}" for v in slower],
    }
    parts += [f"## {title}\n\n" + "\n".join(lines) for title, lines in lists.items() if lines]
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
