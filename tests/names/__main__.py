"""The names as a table: `python -m tests.names [--write FILE]`: what becomes of each way in which programs use them."""

from __future__ import annotations

import argparse
import copy
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import hybrid as hy
from hybrid.core.errors import HybridError
from hybrid.export import load, save
from tests.names.against import differs
from tests.names.table import function, on_tensors, operands, read

HEAD = """# Names

What becomes of the names of NumPy (`np`), SciPy's special functions (`sp`), signals (`sg`) and images (`nd`), Python's `math`
and the methods of arrays in a decorated function. Made by `make names` from the expressions in `tests/names/`, each of which
is compiled by itself and compared with NumPy; the numbers count expressions, which differ in arguments and keywords. *Native*
is compiled to loops, to calls that machine code makes, or to constants; a *host call* is compiled, too, loops and saved graphs
included, but computed by NumPy or SciPy; those of SciPy, but for ufuncs of `scipy.special`, are said once, and refused by
`strict=True`; an *island* is called between compiled parts and refused by `strict=True`; *Python*
makes the whole function plain. *Eager*: the expression takes tensors for arrays; *differentiable*: `hybrid.grad` of the
compiled expression gives a derivative (–: no floats go in or come out); *exported*: saved by `hybrid.export.save` and loaded,
it gives the same.

Sorting is native by NumPy's own functions of C, which machine code calls; where this NumPy has none that sort alike, and of
bfloat16, it is a host call. So are Fourier transforms and linear algebra, by the loops of NumPy's
own ufuncs. What stays a host call, and why: `np.roots` and what goes by it, whose results are real or complex as values say;
`np.linalg.tensorsolve` and its kin; SciPy's transforms and LAPACK, and `sg.convolve` of so many elements that SciPy transforms
them; a `pinv` of complex numbers or of stacks.
In which order `np.partition`, `np.argpartition` and `np.unique_values` leave elements is NumPy's own, from processor to
processor. Powers of complex numbers, `np.emath.power` of negative ones among them, are as exact as NumPy's branches for whole
exponents make them, and `math.fsum` rounds the exact sum once.
`scipy.special` is native where SciPy offers a function of C that never waits for the GIL: `betainc`, `stdtr`, `elliprf`,
`hyp1f1` and their kin may report errors under it, `zeta`, and `polygamma` with it, are not offered, complex ones (`wofz`,
`lambertw`) have no loops. `math.gamma` is not SciPy's: they differ by up to nine units in the last place. Of `scipy.ndimage`
and `scipy.signal`, splines, labels and distances are SciPy's loops, which nobody has written as ours, as are filters with more
than 64 weights (25 for medians, 49 for other windows), of complex numbers, or into an array that is there.
"""
ORDER = ("native", "host call", "island", "Python")


def name_of(text: str) -> str:
    """The name that an expression is about."""
    found = re.search(r"\b(?:np|math|sp|sg|nd)(?:\.[A-Za-z_]\w*)+", text)
    if found:
        return found.group()
    method = re.search(r"\b[a-z](\.[a-z_]\w*)", text)
    return f"ndarray{method.group(1)}" if method else text


def verdict(text: str, folder: Path, k: int) -> str:
    """What becomes of an expression."""
    f, used = function([text], folder, f"case{k}")

    def call(**options: object) -> object:
        compiled = hy.function(f, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled(*(copy.deepcopy(operands()[name]) for name in used))
        return compiled

    try:
        try:
            said = call(strict=True).explain()
        except HybridError:
            said = call().explain()  # what SciPy computes is no less a part of graphs and loops
            if not all(line.endswith(": SciPy computes it") for line in said.splitlines() if line.startswith("  island ")):
                raise
            if "plain Python" in said or "\n  island " not in said:
                raise
        return "host call" if re.search(r"^  host |host call in a loop", said, re.MULTILINE) else "native"
    except HybridError:
        return "island" if "\n  island " in call().explain() else "Python"


def eager(text: str, folder: Path, k: int) -> str:
    """Whether an expression of eager tensors gives what NumPy gives."""
    f, used = function([text], folder, f"eager{k}")
    given = operands()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = on_tensors(f(*(copy.deepcopy(given[name]) for name in used)))
        try:
            arguments = (given[name] for name in used)
            got = on_tensors(f(*(hy.asarray(x) if isinstance(x, np.ndarray) else x for x in arguments)))
        except Exception:
            return "no"
    return "no" if differs(got, want) else "yes"


def differentiable(text: str, folder: Path, k: int) -> str:
    """Whether the floats of a result have a derivative with respect to the floats among the operands, if there are any."""
    f, used = function([text], folder, f"grad{k}")
    given = [copy.deepcopy(operands()[name]) for name in used]
    places = [k for k, x in enumerate(given) if np.asarray(x).dtype.kind == "f"]

    def floats(result: Any) -> list:
        if isinstance(result, (tuple, list)):
            return [part for item in result for part in floats(item)]
        kind = "f" if type(result) is float else getattr(getattr(result, "dtype", None), "kind", "")
        return [result] if kind in ("f", "c") else []

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not places or not floats(f(*copy.deepcopy(given))):
            return "–"
        compiled = hy.function(f)

        def loss(*args: Any) -> Any:
            return sum(np.sum(np.real(part)) for part in floats(compiled(*args)))

        try:
            gradients = hy.grad(loss, places)(*given)
        except Exception:
            return "no"
    return "yes" if len(gradients) == len(places) else "no"


def exported(text: str, folder: Path, k: int) -> str:
    """Whether the graph of an expression gives the same after it was saved and loaded."""
    f, used = function([text], folder, f"saved{k}")
    path = folder / f"saved{k}.hy"

    def given() -> list:
        return [copy.deepcopy(operands()[name]) for name in used]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            save(hy.function(f), path, *given())
            got = load(path)(*given())
        except Exception:
            return "no"
        wanted = leaves(f(*given()))  # named tuples come back as tuples, and what was written comes behind
        return "no" if differs(leaves(got)[: len(wanted)], wanted) else "yes"


def leaves(value: Any) -> list:
    """What tuples and lists hold, in order."""
    return [part for item in value for part in leaves(item)] if isinstance(value, (tuple, list)) else [value]


def told(answers: Counter) -> str:
    """One cell: what all uses of a name have in common, else how many can it."""
    asked = answers["yes"] + answers["no"]
    if not asked:
        return "–"
    return "yes" if not answers["no"] else "no" if not answers["yes"] else f"{answers['yes']} of {asked}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.names", description=__doc__)
    parser.add_argument("--write", type=Path, help="write the table to this file")
    options = parser.parse_args()
    table: dict[str, Counter] = defaultdict(Counter)
    also: dict[str, dict[str, Counter]] = {column: defaultdict(Counter) for column in COLUMNS}
    with tempfile.TemporaryDirectory() as folder:
        for k, text in enumerate([*read("cases.txt"), *read("refused.txt")]):
            table[name_of(text)][verdict(text, Path(folder), k)] += 1
            for column, question in COLUMNS.items():
                also[column][name_of(text)][question(text, Path(folder), k)] += 1
    rows = []
    for name in sorted(table, key=lambda name: (name.partition(".")[0] != "np", name)):
        counts = [(word, table[name][word]) for word in ORDER if table[name][word]]
        what = counts[0][0] if len(counts) == 1 else ", ".join(f"{word} {count}" for word, count in counts)
        rows.append(f"| `{name}` | {told(also['eager'][name])} | {what} | {told(also['differentiable'][name])} "
                    f"| {told(also['exported'][name])} |")  # fmt: skip
    total = sum(table.values(), Counter())
    summary = ", ".join(f"{total[word]} {word}" for word in ORDER if total[word])
    text = "\n".join([HEAD, "| name | eager | compiled | differentiable | exported |", "|---|---|---|---|---|", *rows, "",
                      f"{len(table)} names, {sum(total.values())} expressions: {summary}."])  # fmt: skip
    print(text)
    if options.write:
        options.write.write_text(text + "\n", encoding="utf-8")


COLUMNS = {"eager": eager, "differentiable": differentiable, "exported": exported}

if __name__ == "__main__":
    main()
