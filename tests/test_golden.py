"""What well-known functions become, stage by stage: a change of the compiler shows here as a diff to read."""

import numpy as np
import pytest

from hybrid.core.spec import Spec
from hybrid.staging.function import function


def gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layernorm(x, scale, shift):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-5) * scale + shift


ROWS, ROW = Spec((64, 512)), Spec(512)
CASES = [(gelu, (Spec(4096),)), (softmax, (ROWS,)), (layernorm, (ROWS, ROW, ROW))]


@pytest.mark.parametrize(("f", "specs"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_stages(f, specs, golden):
    compiled = function(f)
    stages = {"traced": compiled.trace(*specs), "simplified": compiled.graph(*specs), "loops": compiled.loops(*specs)}
    golden(f.__name__, "\n\n".join(f"# {name}\n{text}" for name, text in stages.items()))
