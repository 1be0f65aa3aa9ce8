"""Real and imaginary parts that are returned lie in the memory of what else is returned, or came in, as undecorated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import hybrid as hy
from hybrid import export


def of_an_argument(z):
    return z.real, np.imag(z)


def beside_the_argument(z):
    return z.imag, z


def of_a_new_array(z):
    w = z * 2
    return w, w.real, w.imag


def of_a_view(z):
    return z[1:, ::2].T.imag[:2], z


def written_afterwards(z):
    part = z.real
    z *= 2
    part[0] = 7
    return part


def alone(z):
    return (z * 2).real


def beside_a_view(z):
    w = z + 1
    return w[0], w.real[0], w[0].real


def memory(arrays):
    pairs = [(a, b, np.shares_memory(a, b)) for a, b in itertools.combinations(arrays, 2)]
    return [(a is b, a.flags.writeable, a.ctypes.data - b.ctypes.data if shared else None) for a, b, shared in pairs]


@pytest.mark.parametrize("dtype", [complex, np.complex64])
@pytest.mark.parametrize(
    "program", [of_an_argument, beside_the_argument, of_a_new_array, of_a_view, written_afterwards, alone, beside_a_view]
)
def test_they_are_views(program, dtype):
    decorated = hy.function(program, strict=True)
    for rows in (3, 4, 5, 3):
        one, two = (np.arange(rows * 4, dtype=dtype).reshape(rows, 4) * (1 + 2j) for _ in "ab")
        want, got = program(one), decorated(two)
        want, got = (out if isinstance(out, tuple) else (out,) for out in (want, got))
        for a, b in zip((*want, one), (*got, two)):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(b, a)
        assert memory((*got, two)) == memory((*want, one))


def test_an_exported_program_gives_their_values(tmp_path):
    z = np.arange(3) * (1 - 2j)
    export.save(hy.function(of_a_new_array), tmp_path / "parts.hy", z)
    for want, got in zip(of_a_new_array(z), export.load(tmp_path / "parts.hy")(z)):
        np.testing.assert_array_equal(got, want)
