"""The names as a table: `python -m tests.names [--write FILE]`: what becomes of each way in which programs use them."""

from __future__ import annotations

import argparse
import copy
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import hybrid as hy
from hybrid.core.errors import HybridError
from tests.names.table import function, operands, read

HEAD = """# Names

What becomes of the names of NumPy (`np`), SciPy's special functions (`sp`), Python's `math` and the methods of arrays in a
decorated function. Made by `make names` from the expressions in `tests/names/`, each of which is compiled by itself and
compared with NumPy; the numbers count expressions, which differ in arguments and keywords. *Native* is compiled to loops, to
calls that machine code makes, or to constants; a *host call* is compiled, too, loops and saved graphs included, but computed
by NumPy or SciPy; an *island* is called between compiled parts and refused by `strict=True`; *Python* makes the whole
function plain. Eager, all names of NumPy take tensors for arrays.
"""
ORDER = ("native", "host call", "island", "Python")


def name_of(text: str) -> str:
    """The name that an expression is about."""
    found = re.search(r"\b(?:np|math|sp)(?:\.[A-Za-z_]\w*)+", text)
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
        said = call(strict=True).explain()
        return "host call" if re.search(r"^  host |host call in a loop", said, re.MULTILINE) else "native"
    except HybridError:
        return "island" if "\n  island " in call().explain() else "Python"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.names", description=__doc__)
    parser.add_argument("--write", type=Path, help="write the table to this file")
    options = parser.parse_args()
    table: dict[str, Counter] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as folder:
        for k, text in enumerate([*read("cases.txt"), *read("refused.txt")]):
            table[name_of(text)][verdict(text, Path(folder), k)] += 1
    rows = []
    for name in sorted(table, key=lambda name: (name.partition(".")[0] != "np", name)):
        counts = [(word, table[name][word]) for word in ORDER if table[name][word]]
        what = counts[0][0] if len(counts) == 1 else ", ".join(f"{word} {count}" for word, count in counts)
        rows.append(f"| `{name}` | {what} |")
    total = sum(table.values(), Counter())
    summary = ", ".join(f"{total[word]} {word}" for word in ORDER if total[word])
    text = "\n".join([HEAD, "| name | compiled |", "|---|---|", *rows, "",
                      f"{len(table)} names, {sum(total.values())} expressions: {summary}."])  # fmt: skip
    print(text)
    if options.write:
        options.write.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
