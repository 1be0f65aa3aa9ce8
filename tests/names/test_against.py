"""A sample of `tests/sweeps/sweep_names.py`: NumPy's names on operands of all kinds, eager and compiled, against NumPy."""

from __future__ import annotations

import pytest

from tests.names import against
from tests.names.known import KNOWN

GROUPS, AT_ONCE = 8, 12


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.filterwarnings("ignore")
def test_as_numpy(seed, tmp_path):
    for how, texts in against.sampled(seed, GROUPS, AT_ONCE):
        found = against.compare_compiled(texts, how, tmp_path)
        found |= {f"eager {text}": why for text in texts if (why := against.compare_eager(text, how, tmp_path))}
        found = {text: why for text, why in found.items() if not any(known.covers(text, how) for known in KNOWN)}
        assert not found, "\n".join(f"{text} of {how}: {why}" for text, why in found.items())


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.text)
def test_what_is_known_to_differ_does(known, tmp_path):
    assert against.compare_compiled([known.text], known.how, tmp_path)
