"""A sample of `tests/sweeps/sweep_names.py`: NumPy's names on operands of all kinds, eager and compiled, against NumPy."""

from __future__ import annotations

import pytest

from tests.names import against

GROUPS, AT_ONCE = 8, 12


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.filterwarnings("ignore")
def test_as_numpy(seed, tmp_path):
    for how, texts in against.sampled(seed, GROUPS, AT_ONCE):
        found = against.compare_compiled(texts, how, tmp_path)
        found |= {f"eager {text}": why for text in texts if (why := against.compare_eager(text, how, tmp_path))}
        assert not found, "\n".join(f"{text} of {how}: {why}" for text, why in found.items())
