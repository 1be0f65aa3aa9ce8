"""Random bits as a function: word i of a stream is a keyed hash of i, so draws are elementwise, and as parallel as any other.

Threefry-2x32 with 20 rounds, from J. Salmon, M. Moraes, R. Dror and D. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011 (their library Random123 gives the known answers that the tests compare with). It passes TestU01's BigCrush.
"""

from __future__ import annotations

import numpy as np

from hybrid.core import dtype as dt
from hybrid.ir.primitive import NO_GRADIENT
from hybrid.ops.family import mapping

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA  # of Skein's key schedule
ROUNDS = 20
WORD = 0xFFFFFFFF


FEW = 8  # words that Python's integers hash sooner than NumPy's hundred calls do


def _rounds(key: np.ndarray, counter: np.ndarray) -> np.ndarray:
    if np.size(counter) <= FEW and np.size(key) == 1:
        one = int(np.reshape(key, ()))
        words = [_word(one, at) for at in np.reshape(counter, -1).tolist()]
        return np.array(words, dt.uint64).reshape(np.broadcast_shapes(np.shape(key), np.shape(counter)))
    shape = np.broadcast_shapes(np.shape(key), np.shape(counter))
    # Never of rank 0: NumPy warns where its scalars wrap, and this is all about wrapping.
    key, counter = (np.atleast_1d(np.asarray(x, dt.uint64)) for x in (key, counter))
    low, high = key.astype(dt.uint32), (key >> 32).astype(dt.uint32)
    keys = low, high, low ^ high ^ dt.uint32.type(PARITY)
    x, y = np.broadcast_arrays(counter.astype(dt.uint32) + low, (counter >> 32).astype(dt.uint32) + high)
    x, y, turned = x.copy(), y.copy(), np.empty(x.shape, dt.uint32)
    for k in range(ROUNDS):
        x += y
        np.right_shift(y, 32 - ROTATIONS[k % 8], out=turned)
        y <<= ROTATIONS[k % 8]
        y |= turned
        y ^= x
        if k % 4 == 3:
            turn = k // 4 + 1
            x += keys[turn % 3]
            y += keys[(turn + 1) % 3] + dt.uint32.type(turn)
    return (x.astype(dt.uint64) | y.astype(dt.uint64) << 32).reshape(shape)


def _word(key: int, counter: int) -> int:
    low, high = key & WORD, key >> 32
    keys = low, high, low ^ high ^ PARITY
    x, y = (counter + low) & WORD, ((counter >> 32) + high) & WORD
    for turn in range(1, ROUNDS // 4 + 1):
        for by in ROTATIONS[4:] if turn % 2 == 0 else ROTATIONS[:4]:
            x = (x + y) & WORD
            y = ((y << by) & WORD | y >> 32 - by) ^ x
        x, y = (x + keys[turn % 3]) & WORD, (y + keys[(turn + 1) % 3] + turn) & WORD
    return x | y << 32


# threefry(key, counter): 64 random bits for each counter, the low word first in all three.
threefry = mapping("threefry", 2, _rounds, NO_GRADIENT, dtypes=(dt.uint64,), cost=100, domain=(0, 9))
