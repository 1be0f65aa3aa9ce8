"""Functions of lengths: whatever the length of an array, one trace serves, where undecorated code asks for the number it is."""

import numpy as np
import pytest

from hybrid import function

W = np.arange(3.0)


def stretched(x):
    return np.broadcast_to(W, (len(x), 3)) * 2


def stretched_number(x):
    return (np.broadcast_to(2.0, (len(x),)) + x).sum()


def stretched_one(x):
    return np.broadcast_to(np.zeros(1), len(x)).sum() + x[0]


def stepped(x):
    return np.arange(0.0, len(x) / 2, 0.25)


def fractions(x):
    return np.arange(len(x)) / len(x)


def halves(x):
    return np.arange(1, len(x) + 0.5, 0.5)


def spaced_open(x):
    return np.linspace(-1, 1, len(x) + 1, endpoint=False)


def spaced_whole(x):
    return np.linspace(0, len(x) - 1, len(x)).astype(int)


def spaced_integers(x):
    return np.linspace(0, 10, 2 * len(x), dtype=int)


def spaced_between_elements(x):
    return np.linspace(x[0], x[-1], len(x))


def powers(x):
    return np.logspace(-1, 2, len(x), base=2)


def geometric(x):
    return np.geomspace(1, 1000, len(x)), np.geomspace(-1, -1000, len(x))


def windows(x):
    return np.hamming(len(x)), np.hanning(len(x)), np.blackman(len(x)), np.bartlett(len(x)), np.kaiser(len(x), 8.6)


def frequencies(x):
    return np.fft.fftfreq(len(x), 0.1), np.fft.rfftfreq(len(x), 0.1), np.fft.rfftfreq(len(x)), np.fft.fftfreq(len(x))


def shifted(x):
    return (
        np.fft.fftshift(np.fft.fft(x)),
        np.fft.ifftshift(x),
        np.fft.fftshift(np.outer(x, x)),
        np.fft.fftshift(np.outer(x, x), axes=1),
    )


def transforms(x):
    return (
        np.fft.rfft(x),
        np.fft.rfft(x, len(x) + 3),
        np.fft.fft(x, len(x) // 2),
        np.fft.irfft(np.fft.rfft(x), len(x)),
        np.fft.rfft(x, norm="ortho"),
        np.fft.fft(x, norm="forward"),
    )


def indices(x):
    return np.indices((len(x), 3)), np.indices((2, len(x)), sparse=True), np.indices((len(x),), dtype=float)


def diagonals(x):
    return np.diag_indices(len(x)), np.outer(x, x)[np.diag_indices(len(x))], np.diag_indices(len(x), 3)


def triangles(x):
    return (
        np.tril_indices(len(x)),
        np.triu_indices(len(x), 1),
        np.tril_indices(len(x), -1, 3),
        np.triu_indices_from(np.outer(x, x)),
        np.diag_indices_from(np.outer(x, x)),
    )


def tiled(x):
    return (
        np.tile(x, len(x)),
        np.tile(x, (2, len(x))),
        np.repeat(x, len(x)),
        np.repeat(np.outer(x, x), 2, axis=1),
        np.repeat(x[:, None], len(x), axis=1),
    )


def padded(x):
    return np.pad(x, len(x)), np.pad(x, (1, len(x))), np.pad(np.outer(x, x), ((0, len(x)), (1, 1)), constant_values=3)


def convolved(x):
    k = np.ones(len(x) // 2 + 1)
    return (
        np.convolve(x, k),
        np.convolve(x, k, "same"),
        np.convolve(x, k, "valid"),
        np.correlate(x, k, "full"),
        np.correlate(k, x, "same"),
    )


def slid(x):
    return np.lib.stride_tricks.sliding_window_view(x, len(x) // 3).sum(1), np.lib.stride_tricks.sliding_window_view(x, 2)


def split(x):
    return np.array_split(x, 3), np.array_split(x, 2), [p.sum() for p in np.array_split(np.outer(x, x), 2, axis=1)]


def differences(x):
    return np.gradient(x), np.gradient(np.outer(x, x), axis=1), np.gradient(x, 0.1)


def rolled(x):
    return (
        np.roll(x, len(x) // 2),
        np.roll(x, -(len(x) // 3)),
        np.roll(x, len(x) - 1),
        np.roll(np.outer(x, x), len(x) // 2, axis=1),
        np.roll(x, len(x)),
    )


def interpolated(x):
    return np.interp(np.linspace(0, 1, 2 * len(x)), np.linspace(0, 1, len(x)), x)


def flat(out):
    return [part for one in out for part in flat(one)] if isinstance(out, (tuple, list)) else [out]


PROGRAMS = (
    stretched,
    stretched_number,
    stretched_one,
    stepped,
    fractions,
    halves,
    spaced_open,
    spaced_whole,
    spaced_integers,
    spaced_between_elements,
    powers,
    geometric,
    windows,
    frequencies,
    shifted,
    transforms,
    indices,
    diagonals,
    triangles,
    tiled,
    padded,
    convolved,
    slid,
    split,
    differences,
    rolled,
    interpolated,
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_one_trace_for_all_lengths(program):
    compiled = function(program, strict=True)
    for n in (12, 13, 20, 8, 37):
        x = np.random.default_rng(n).random(n)
        for want, got in zip(flat(program(x)), flat(compiled(x)), strict=True):
            assert type(want) is type(got) and np.shape(want) == np.shape(got)
            assert getattr(want, "dtype", None) == getattr(got, "dtype", None)
            assert np.allclose(want, got, rtol=1e-13, atol=1e-13)
    # Parts of a split differ by what is left over, of which there are three cases.
    assert len(compiled.traces) <= (4 if program is split else 2)


def test_calls_of_more_sizes_than_are_remembered():
    def fits(x, y):
        total = np.zeros(2)
        for k in range(3, len(x)):
            total = total + np.linalg.pinv(x[:k]) @ y[:k]
            if total[0] > 1e9:
                break
        return total

    rng = np.random.default_rng(3)
    compiled = function(fits, strict=True)
    for n in (80, 140, 9):
        x, y = rng.normal(size=(n, 2)), rng.normal(size=n)
        np.testing.assert_allclose(compiled(x, y), fits(x, y), rtol=1e-10)
