"""Which of many arrays share memory with one that is written is found as by comparing each with each."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.ours import is_met, share_memory


def _some_view(rng, bases):
    base = bases[rng.integers(len(bases))]
    if base.ndim == 2:
        return base[rng.integers(4)] if rng.random() < 0.5 else base[:, rng.integers(5)]
    first, last = sorted(rng.integers(0, 21, 2))
    part = base[first : last : rng.integers(1, 4)]
    return part[::-1] if rng.random() < 0.3 else part


@pytest.mark.parametrize("seed", range(200))
def test_is_met(seed):
    rng = np.random.default_rng(seed)
    bases = [*(np.zeros(20) for _ in range(3)), np.zeros((4, 5))]
    arrays = {k: _some_view(rng, bases) for k in range(rng.integers(1, 7))}
    written = [k for k in arrays if rng.random() < 0.4]
    met = any(share_memory(arrays[w], other) for w in written for k, other in arrays.items() if k != w)
    assert is_met(written, arrays) is met
