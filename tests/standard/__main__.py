"""The array-API suite on hybrid, eager and compiled, and on NumPy beside: `python -m tests.standard SUITE [--write FILE]`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
XFAILS = HERE / "xfails.txt"
VERSION = "2024.12"
MODES = {"eager": "hybrid", "compiled": "tests.standard.compiled", "NumPy": "numpy"}
OUTCOMES = ("passed", "failed", "xfailed", "xpassed", "skipped")
HEAD = """# The array-API standard

`import hybrid as hy` is a namespace of the [array-API standard](https://data-apis.org/array-api/2024.12/) 2024.12 with its
`linalg` and `fft` extensions: `x.__array_namespace__()` gives it, `hy.__array_namespace_info__()` tells what it can do. So
libraries that are written for the standard (scikit-learn with `array_api_dispatch=True`, SciPy with `SCIPY_ARRAY_API=1`)
take tensors.

Where the standard leaves room, functions mean what NumPy users expect, and where NumPy 2 does not follow the standard, they
follow NumPy. `hy.clip`, `hy.sort` and `hy.argsort` take the standard's keywords (`min`, `max`, `descending`) beside NumPy's,
and the order that `hy.argsort` gives is stable unless it is asked not to be; `np.sort` and the others, called with tensors,
are NumPy's. `hy.unique_values` and its kin give the elements in order. The default dtypes are float32
(`hy.config.default_float`), complex64 with it, and int64.

einops takes tensors after `import hybrid.einops`, its module `einops.array_api` without. pandas and matplotlib take tensors for
data; where they ask for a NumPy array (a mask in `frame[mask]`, `pd.unique`), and in `np.testing.assert_equal` of two tensors,
`x.numpy()` is one. Data with a gradient have to be detached first.

Made by `make standard`, which fetches the public suite ([array-api-tests](https://github.com/data-apis/array-api-tests)) and
runs it with {examples} examples for each property: eager; *compiled*, with every call that a test makes through
`hybrid.function` (functions, operators, items, see `tests/standard/compiled.py`); and on NumPy {numpy} for comparison.
"""


def run(suite: Path, mode: str, examples: int, extra: list[str], folder: Path) -> tuple[dict, dict, float]:
    """The outcome of each test, what compiled calls did, and the seconds it took."""
    report, calls = folder / f"{mode}.json", folder / f"{mode}-calls.json"
    environment = {**os.environ, "ARRAY_API_TESTS_MODULE": MODES[mode], "ARRAY_API_TESTS_VERSION": VERSION,
                   "PYTHONPATH": str(HERE.parent.parent), "HYBRID_STANDARD_REPORT": str(calls)}  # fmt: skip
    # Options with paths in one word: pytest takes lone paths for tests, and looks for its settings beside them.
    command = [sys.executable, "-m", "pytest", "array_api_tests", "-q", "--tb=short", "-p", "no:cacheprovider",
               "--disable-deadline", f"--max-examples={examples}", "--json-report", f"--json-report-file={report}",
               "--json-report-omit=warnings", *extra]  # fmt: skip
    if mode != "NumPy":
        command.append(f"--xfails-file={XFAILS}")
    start = time.perf_counter()
    with (folder / f"{mode}.log").open("w", encoding="utf-8") as log:
        subprocess.run(command, cwd=suite, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    seconds = time.perf_counter() - start
    if not report.exists():
        raise SystemExit((folder / f"{mode}.log").read_text(encoding="utf-8"))
    tests = json.loads(report.read_text(encoding="utf-8"))["tests"]
    outcomes = {test["nodeid"]: "failed" if test["outcome"] == "error" else test["outcome"] for test in tests}
    if mode != "NumPy" and "failed" in outcomes.values():
        print((folder / f"{mode}.log").read_text(encoding="utf-8"))
    return outcomes, json.loads(calls.read_text(encoding="utf-8")) if calls.exists() else {}, seconds


def reasons() -> list[tuple[str, list[str]]]:
    """The groups of the file of known failures: the reason, and the tests."""
    groups: list[tuple[str, list[str]]] = []
    for block in XFAILS.read_text(encoding="utf-8").split("\n\n")[1:]:
        lines = block.strip().splitlines()
        reason = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
        groups.append((reason, [line for line in lines if not line.startswith("#")]))
    return groups


def page(outcomes: dict[str, dict], calls: dict, seconds: dict[str, float], examples: int) -> str:
    """The page of the documentation."""
    out = [HEAD.format(examples=examples, numpy=np.__version__)]
    out += ["| | " + " | ".join(OUTCOMES) + " | minutes |", "|---" * (len(OUTCOMES) + 2) + "|"]
    for mode, each in outcomes.items():
        count = Counter(each.values())
        out.append(f"| {mode} | " + " | ".join(str(count[o]) for o in OUTCOMES) + f" | {seconds[mode] / 60:.0f} |")
    if calls:
        total = sum(row["calls"] for row in calls.values())
        stayed = Counter()
        for row in calls.values():
            stayed.update({reason.partition(" (")[0]: n for reason, n in row["refused"].items()})
        out += ["", f"The compiled run made {total:,} calls of {len(calls)} functions and operators.".replace(",", " ")
                + (" What stayed plain Python, by reason:" if stayed else " None of them stayed plain Python.")]  # fmt: skip
        out += ["", *(f"- {reason}: {n}" for reason, n in stayed.most_common())] if stayed else []
    out += [
        "",
        "## What fails",
        "",
        "*xfailed* in hybrid, *failed* in NumPy, as counted in one run, where what is drawn decides about some.",
        "Skipped is what the suite has for later versions of the standard, and five tests that it calls flaky itself.",
        "",
    ]
    for reason, tests in reasons():
        failed = [sum(each.get(test) in ("failed", "xfailed") for test in tests) for each in outcomes.values()]
        text = ", ".join(f"{mode} {n}" for mode, n in zip(outcomes, failed))
        out += [f"{reason} Of {len(tests)} tests: {text}.", "", *(f"- `{test.partition('::')[2]}`" for test in tests), ""]
    known = {test for _, tests in reasons() for test in tests}
    new = {mode: [test for test, o in each.items() if o == "failed" and test not in known] for mode, each in outcomes.items()}
    for mode, tests in new.items():
        if tests:
            out += [f"## What else fails in {mode}", "", *(f"- `{test.partition('::')[2]}`" for test in tests), ""]
    return "\n".join(out).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standard", description=__doc__)
    parser.add_argument("suite", type=Path, help="a checkout of array-api-tests")
    parser.add_argument("--examples", type=int, default=200, help="how many of each property")
    parser.add_argument("--mode", choices=MODES, action="append", help="run in this mode only (may be given several times)")
    parser.add_argument("--write", type=Path, help="write the page to this file")
    options, extra = parser.parse_known_args()
    outcomes, seconds, calls = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for mode in options.mode or MODES:
            outcomes[mode], said, seconds[mode] = run(options.suite, mode, options.examples, extra, Path(folder))
            calls = calls or said
            count = Counter(outcomes[mode].values())
            print(f"{mode}: " + ", ".join(f"{count[o]} {o}" for o in OUTCOMES) + f" in {seconds[mode]:.0f} s", flush=True)
    if options.write:
        options.write.write_text(page(outcomes, calls, seconds, options.examples), encoding="utf-8")
    if any("failed" in outcomes[mode].values() for mode in outcomes if mode != "NumPy"):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
