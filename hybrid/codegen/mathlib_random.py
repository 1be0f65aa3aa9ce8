"""Threefry-2x32 with 20 rounds (see `ops/random.py`): additions, rotations and exclusive ors of 32-bit words."""

from __future__ import annotations

from hybrid.core import dtype as dt
from hybrid.loops.nest import Const, Expr, convert

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA


def threefry(key: Expr, counter: Expr) -> Expr:
    low, high = _halves(key)
    keys = low, high, low ^ high ^ Const(PARITY, dt.uint32)
    x, y = _halves(counter)
    x, y = x + keys[0], y + keys[1]
    for k in range(20):
        turn = ROTATIONS[k % 8]
        x = x + y
        y = ((y << Const(turn, dt.uint32)) | (y >> Const(32 - turn, dt.uint32))) ^ x
        if k % 4 == 3:
            block = k // 4 + 1
            x, y = x + keys[block % 3], y + (keys[(block + 1) % 3] + Const(block, dt.uint32))
    return convert(x, dt.uint64) | (convert(y, dt.uint64) << Const(32, dt.uint64))


def _halves(word: Expr) -> tuple[Expr, Expr]:
    return convert(word, dt.uint32), convert(word >> Const(32, dt.uint64), dt.uint32)
