"""NumPy's names over dtypes, shapes, memory orders, keywords and special values, eager and compiled, against NumPy.

    python tests/sweeps/sweep_names.py [--seed N] [--seconds S] [--only REGEX]

Draws expressions and operands until the time is up, prints what differs and exits with 1 if anything does that is not known
to (`tests/names/known.py`), or if what is known to differ no longer does.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.names import against
from tests.names.known import KNOWN

AT_ONCE = 12  # expressions compiled as one function


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--only", default="", help="only expressions in which this is found")
    options = parser.parse_args()
    rng, kinds = random.Random(options.seed), list(against.all_operands())
    texts = [text for text in against.expressions() if re.search(options.only, text)]
    end, compared, different = time.monotonic() + options.seconds, 0, set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while time.monotonic() < end:
            how, some = rng.choice(kinds), rng.sample(texts, min(AT_ONCE, len(texts)))
            found = {("compiled", text): why for text, why in against.compare_compiled(some, how, folder).items()}
            found |= {("eager", text): why for text in some if (why := against.compare_eager(text, how, folder))}
            compared += 2 * len(some)
            for (mode, text), why in found.items():
                if any(known.covers(text, how) for known in KNOWN):
                    continue
                different.add((mode, text))
                print(f"{mode}: {text} of {how}: {why}", flush=True)
        for known in KNOWN:
            if re.search(options.only, known.text) and not against.compare_compiled([known.text], known.how, folder):
                different.add(("known", known.text))
                print(f"known: {known.text} of {known.how} no longer differs", flush=True)
    print(f"{compared} compared, {len(different)} expressions differ, seed {options.seed}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
