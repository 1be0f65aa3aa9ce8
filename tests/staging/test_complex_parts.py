"""Parts of numbers, and bits as another dtype's: they lie in the memory of what else is returned or came in, as undecorated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import hybrid as hy
from hybrid import export
from hybrid.core.errors import TraceError


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


def inverse_root(x):
    i = 0x5F3759DF - (x.view(np.int32) >> 1)
    y = i.view(np.float32)
    return y * (1.5 - 0.5 * x * y * y), i, y


def fields(x):
    bits = x.view("uint32")
    return bits >> 31, (bits >> 23) & 0xFF, bits & 0x7FFFFF, bits[::2]


def signs_flipped(x):
    y = x.copy()
    bits = y.view(np.uint32)
    for k in range(len(x)):
        if x[k] > 1:
            bits[k] ^= np.uint32(1 << 31)
    bits[-1:] = 0
    return y, bits, y[1:].view(np.int32), y


def through_a_transpose(x):
    whole = x.reshape(-1, 2).T
    whole.view(np.int32)[0, 1:] = 7
    return x, whole.view(np.float32), x[0].view(np.int32)


def of_booleans(x):
    mask = x > 2
    return mask.view(np.uint8).sum(), np.diff(mask.view(np.int8)), mask, mask.view(np.uint8)


@pytest.mark.parametrize("program", [inverse_root, fields, signs_flipped, through_a_transpose, of_booleans])
def test_bits_as_another_dtype_are_views(program):
    decorated = hy.function(program, strict=True)
    for size in (6, 8, 20, 6):
        one, two = ((np.arange(size) - 2.5).astype(np.float32) ** 2 for _ in "ab")
        want, got = program(one), decorated(two)
        for a, b in zip((*want, one), (*got, two)):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(b, a)
        assert memory([x for x in (*got, two) if x.ndim]) == memory([x for x in (*want, one) if x.ndim])


@pytest.mark.parametrize("dtype", [np.int64, bool, np.complex64, ">i4", "S4"])
def test_views_of_other_widths_are_python_s(dtype):
    x = np.arange(4, dtype=np.float32)
    with pytest.raises(TraceError):
        hy.function(lambda x: x.view(dtype), strict=True)(x)


def test_parts_of_what_only_a_run_knows_the_size_of():
    def real_roots(c, x):
        r = np.roots(c)
        return r[np.abs(np.imag(r)) < 1e-8], r.imag, np.roots(c)[::-1], np.imag(x[x > 1])

    compiled = hy.function(real_roots, strict=True)
    for c in ([1.0, -6, 11, -6], [0, 1, -3, 2], [1, -3, 2, 0], [0, 0, 1, -3]):
        for got, want in zip(compiled(np.array(c), np.arange(4)), real_roots(np.array(c), np.arange(4))):
            np.testing.assert_array_equal(got, want, strict=True)
            assert got.flags.writeable == want.flags.writeable
