"""python -m bench [question ...] [--quick] [--engines a,b]: measure, print the tables, write docs/benchmarks.md."""

from __future__ import annotations

import argparse

from bench import measure, report

QUESTIONS = [
    "eager_op",
    "call_cost",
    "import_time",
    "compile_time",
    "elementwise",
    "rowwise",
    "matmul",
    "image",
    "control",
    "programs",
    "gradients",
    "functions",
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("questions", nargs="*", metavar="question", help=f"any of {', '.join(QUESTIONS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="one short round, printed only: does everything run and agree?")
    parser.add_argument("--engines", default="", help="only these, separated by commas; printed only")
    options = parser.parse_args()
    if unknown := set(options.questions) - set(QUESTIONS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    engines = frozenset(filter(None, options.engines.split(",")))
    effort = measure.Effort(engines, rounds=1, inner=0.002) if options.quick else measure.Effort(engines)
    sections, wrong = {}, []
    for name in options.questions or QUESTIONS:
        tables = []
        for table in measure.run(f"bench.{name}", effort):
            print(report.markdown(table), end="\n\n", flush=True)
            tables.append(table)
            wrong += [f"{name}, {table.title}: {row.failure}" for row in table.rows if row.engine == "hybrid" and row.failure]
        sections[name] = report.section(name, tables)
        if not (options.quick or engines):
            report.write(sections, QUESTIONS)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
