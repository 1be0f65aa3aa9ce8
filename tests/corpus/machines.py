"""Integer state machines: checksums, generators, codes, automata."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

MASK32 = 0xFFFFFFFF


def crc16_ccitt(data, crc=0xFFFF):
    for byte in data:
        crc ^= int(byte) << 8
        for _ in range(8):
            if crc & 0x8000:
                crc = ((crc << 1) ^ 0x1021) & 0xFFFF
            else:
                crc = (crc << 1) & 0xFFFF
    return crc


def crc8_table(poly=0x07):
    table = np.zeros(256, dtype=np.uint8)
    for i in range(256):
        c = i
        for _ in range(8):
            c = (c << 1) ^ poly if c & 0x80 else c << 1
        table[i] = c & 0xFF
    return table


def adler32(data):
    a, b = 1, 0
    for x in data:
        a = (a + int(x)) % 65521
        b = (b + a) % 65521
    return (b << 16) | a


def fletcher16(data):
    s1 = np.cumsum(data.astype(np.int64)) % 255
    s2 = np.cumsum(s1)[-1] % 255 if len(data) else 0
    return int(s2) << 8 | int(s1[-1]) if len(data) else 0


def lfsr16(seed, n, taps=(16, 14, 13, 11)):
    """The bits of a Fibonacci register."""
    state = seed
    out = np.zeros(n, dtype=np.uint8)
    for i in range(n):
        bit = 0
        for t in taps:
            bit ^= state >> (16 - t)
        bit &= 1
        out[i] = state & 1
        state = (state >> 1) | (bit << 15)
    return out, state


def lfsr_period(seed=0xACE1, limit=5000):
    state, period = seed, 0
    while True:
        lsb = state & 1
        state >>= 1
        if lsb:
            state ^= 0xB400
        period += 1
        if state == seed or period >= limit:
            break
    return period


def gold_code(n, poly1, poly2, shift):
    def m_sequence(poly):
        length = 2**n - 1
        register = np.ones(n, dtype=int)
        seq = np.zeros(length, dtype=int)
        for i in range(length):
            seq[i] = register[-1]
            feedback = np.bitwise_xor.reduce(register[poly])
            register = np.roll(register, 1)
            register[0] = feedback
        return seq

    a, b = m_sequence(poly1), m_sequence(poly2)
    return 1 - 2 * (a ^ np.roll(b, shift))


class MersenneLite:
    """MT19937 from its seed."""

    N, M = 624, 397

    def __init__(self, seed):
        self.state = np.zeros(self.N, dtype=np.uint64)
        self.state[0] = seed
        for i in range(1, self.N):
            prev = int(self.state[i - 1])
            self.state[i] = (1812433253 * (prev ^ (prev >> 30)) + i) & MASK32
        self.index = self.N

    def twist(self):
        for i in range(self.N):
            y = (int(self.state[i]) & 0x80000000) | (int(self.state[(i + 1) % self.N]) & 0x7FFFFFFF)
            value = int(self.state[(i + self.M) % self.N]) ^ (y >> 1)
            if y & 1:
                value ^= 0x9908B0DF
            self.state[i] = value
        self.index = 0

    def next(self):
        if self.index >= self.N:
            self.twist()
        y = int(self.state[self.index])
        self.index += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)


def mersenne(seed, n):
    gen = MersenneLite(seed)
    return [gen.next() for _ in range(n)]


def pcg32(state, inc, n):
    """64 bits of state, 32 of output; Python's integers."""
    out = []
    for _ in range(n):
        old = state
        state = (old * 6364136223846793005 + (inc | 1)) & 0xFFFFFFFFFFFFFFFF
        x = (((old >> 18) ^ old) >> 27) & MASK32
        rot = old >> 59
        out.append(((x >> rot) | (x << ((-rot) & 31))) & MASK32)
    return np.array(out, dtype=np.uint32)


def xorshift128(seed, n):
    x, y, z, w = seed
    out = np.empty(n)
    for i in range(n):
        t = x ^ ((x << 11) & MASK32)
        x, y, z = y, z, w
        w = (w ^ (w >> 19)) ^ (t ^ (t >> 8))
        out[i] = w / 2**32
    return out


def murmur3(data, seed=0):
    """Of an array of 32-bit words."""
    h = seed
    for k in data:
        k = int(k)
        k = (k * 0xCC9E2D51) & MASK32
        k = ((k << 15) | (k >> 17)) & MASK32
        k = (k * 0x1B873593) & MASK32
        h ^= k
        h = ((h << 13) | (h >> 19)) & MASK32
        h = (h * 5 + 0xE6546B64) & MASK32
    h ^= len(data) * 4
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & MASK32
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & MASK32
    return h ^ (h >> 16)


def rolling_hash(text, pattern, base=256, mod=1000003):
    """Rabin–Karp: all places."""
    n, m = len(text), len(pattern)
    if m == 0 or m > n:
        return []
    power = pow(base, m - 1, mod)
    hp = ht = 0
    for i in range(m):
        hp = (hp * base + int(pattern[i])) % mod
        ht = (ht * base + int(text[i])) % mod
    places = []
    for i in range(n - m + 1):
        if hp == ht and all(text[i + k] == pattern[k] for k in range(m)):
            places.append(i)
        if i < n - m:
            ht = ((ht - int(text[i]) * power) * base + int(text[i + m])) % mod
    return places


def multiply_hash(keys, buckets, multiplier=2654435761):
    """uint32 arithmetic that wraps."""
    h = keys.astype(np.uint32) * np.uint32(multiplier)
    place = (h >> np.uint32(16)) % np.uint32(buckets)
    return np.bincount(place, minlength=buckets)


@dataclass
class Table:
    keys: np.ndarray
    values: np.ndarray
    used: int = 0

    def slot(self, key):
        i = key % len(self.keys)
        probes = 0
        while self.keys[i] != -1 and self.keys[i] != key:
            i = (i + 1) % len(self.keys)
            probes += 1
            if probes > len(self.keys):
                raise MemoryError("full")
        return i

    def add(self, key, value=1):
        i = self.slot(key)
        if self.keys[i] == -1:
            self.keys[i] = key
            self.used += 1
        self.values[i] += value


def open_addressing(data, capacity):
    t = Table(np.full(capacity, -1), np.zeros(capacity, dtype=int))
    for x in data:
        t.add(x)
    return t.keys, t.values, t.used


def life_sparse(cells, steps):
    """Conway's game on a set of pairs."""
    alive = {(int(y), int(x)) for y, x in cells}
    for _ in range(steps):
        counts = Counter((y + dy, x + dx) for y, x in alive for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)
        alive = {c for c, k in counts.items() if k == 3 or (k == 2 and c in alive)}
    return sorted(alive)


def life_generations(board, max_steps=30):
    """Until the board repeats one it has been."""
    seen = {}
    for step in range(max_steps):
        key = board.tobytes()
        if key in seen:
            return step, step - seen[key], board
        seen[key] = step
        n = sum(np.roll(np.roll(board, i, 0), j, 1) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
        board = ((n == 3) | ((board == 1) & (n == 2))).astype(board.dtype)
    return max_steps, 0, board


def langtons_ant(size, steps):
    grid = np.zeros((size, size), dtype=np.uint8)
    y = x = size // 2
    dy, dx = -1, 0
    for _ in range(steps):
        if grid[y, x]:
            dy, dx = -dx, dy
        else:
            dy, dx = dx, -dy
        grid[y, x] ^= 1
        y, x = (y + dy) % size, (x + dx) % size
    return grid, (y, x)


def wireworld(world, steps=1):
    rows, cols = world.shape
    for _ in range(steps):
        new = world.copy()
        for r in range(rows):
            for c in range(cols):
                match world[r, c]:
                    case 1:
                        new[r, c] = 2
                    case 2:
                        new[r, c] = 3
                    case 3:
                        heads = np.count_nonzero(world[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2] == 1)
                        if heads in (1, 2):
                            new[r, c] = 1
        world = new
    return world


def sandpile(grid):
    topples = 0
    while (grid >= 4).any():
        for y, x in np.argwhere(grid >= 4):
            grid[y, x] -= 4
            topples += 1
            if y > 0:
                grid[y - 1, x] += 1
            if y < grid.shape[0] - 1:
                grid[y + 1, x] += 1
            if x > 0:
                grid[y, x - 1] += 1
            if x < grid.shape[1] - 1:
                grid[y, x + 1] += 1
    return topples


def collatz_lengths(n):
    """All at once, with those that go on."""
    values = np.arange(1, n + 1)
    steps = np.zeros(n, dtype=int)
    active = values > 1
    while active.any():
        odd = active & (values % 2 == 1)
        even = active & ~odd
        values[odd] = 3 * values[odd] + 1
        values[even] //= 2
        steps[active] += 1
        active &= values > 1
    return steps


def collatz_cached(n):
    cache = {1: 1}

    def length(k):
        if k not in cache:
            cache[k] = 1 + length(k // 2 if k % 2 == 0 else 3 * k + 1)
        return cache[k]

    return max(range(1, n + 1), key=length, default=None)


def smallest_factors(n):
    spf = np.arange(n + 1)
    i = 2
    while i * i <= n:
        if spf[i] == i:
            for j in range(i * i, n + 1, i):
                if spf[j] == j:
                    spf[j] = i
        i += 1
    return spf


def factorise(x, spf):
    factors = {}
    while x > 1:
        p = int(spf[x])
        while x % p == 0:
            factors[p] = factors.get(p, 0) + 1
            x //= p
    return factors


def segmented_sieve(limit, size=50):
    root = int(limit**0.5) + 1
    base = np.ones(root + 1, dtype=bool)
    base[:2] = False
    for i in range(2, int(root**0.5) + 1):
        if base[i]:
            base[i * i :: i] = False
    small = np.flatnonzero(base)
    found = []
    for low in range(2, limit + 1, size):
        high = min(low + size, limit + 1)
        segment = np.ones(high - low, dtype=bool)
        for p in small:
            first = max(p * p, (low + p - 1) // p * p)
            segment[first - low :: p] = False
        found.extend((np.flatnonzero(segment) + low).tolist())
    return found


def miller_rabin(n, bases=(2, 3, 5, 7)):
    if n < 2:
        return False
    for p in bases:
        if n % p == 0:
            return n == p
    d, s = n - 1, 0
    while d % 2 == 0:
        d //= 2
        s += 1
    for a in bases:
        x = pow(a, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def pollard_rho(n, c=1):
    if n % 2 == 0:
        return 2
    x = y = 2
    d = 1
    while d == 1:
        x = (x * x + c) % n
        y = (y * y + c) % n
        y = (y * y + c) % n
        d = np.gcd(abs(x - y), n)
    return None if d == n else d


def n_queens(n):
    """Solutions by a search on bits."""
    full = (1 << n) - 1

    def place(cols, left, right):
        if cols == full:
            return 1
        count = 0
        free = full & ~(cols | left | right)
        while free:
            bit = free & -free
            free ^= bit
            count += place(cols | bit, (left | bit) << 1, (right | bit) >> 1)
        return count

    return place(0, 0, 0)


def isqrt_newton(n):
    if n < 0:
        raise ValueError("negative")
    if n == 0:
        return 0
    x = 1 << ((n.bit_length() + 1) // 2)
    while True:
        y = (x + n // x) // 2
        if y >= x:
            return x
        x = y


def _raw(rng, n):
    return rng.integers(0, 256, n).astype(np.uint8)


CASES = {
    crc16_ccitt: lambda rng: [(_raw(rng, 100),), (b"123456789",), (np.zeros(0, np.uint8), 0), ([1, 2, 3],)],
    crc8_table: lambda rng: [(), (0x31,)],
    adler32: lambda rng: [(_raw(rng, 200),), (b"Wikipedia",), ([],)],
    fletcher16: lambda rng: [(_raw(rng, 100),), (np.array([1, 2, 3]),), (np.zeros(0, np.uint8),)],
    lfsr16: lambda rng: [(0xACE1, 200), (1, 5, (16, 15)), (7, 0)],
    lfsr_period: lambda rng: [(), (1, 10)],
    gold_code: lambda rng: [(5, [4, 2], [4, 3, 2, 1], 3), (3, np.array([2, 1]), np.array([2, 0]), 0)],
    mersenne: lambda rng: [(5489, 10), (1, 3)],
    pcg32: lambda rng: [(42, 54, 50), (0, 0, 0)],
    xorshift128: lambda rng: [((123456789, 362436069, 521288629, 88675123), 200), ((1, 2, 3, 4), 1)],
    murmur3: lambda rng: [(rng.integers(0, 2**32, 100).astype(np.uint32),), ([1, 2], 7), (np.zeros(0, np.uint32),)],
    rolling_hash: lambda rng: [(rng.integers(0, 2, 100), rng.integers(0, 2, 4)), (b"abracadabra", b"abra"), (b"a", b"")],
    multiply_hash: lambda rng: [(rng.integers(0, 10**6, 300), 16), (np.arange(3), 2), (np.zeros(0, int), 4)],
    open_addressing: lambda rng: [(rng.integers(0, 40, 100), 64), (np.array([5, 5, 1]), 4), (np.arange(5), 3)],
    life_sparse: lambda rng: [
        (rng.integers(0, 8, (20, 2)), 5),
        (np.array([[0, 0], [0, 1], [0, 2]]), 1),
        (np.zeros((0, 2), int), 2),
    ],
    life_generations: lambda rng: [
        (rng.integers(0, 2, (8, 8)),),
        (np.zeros((3, 3), np.uint8),),
        (rng.integers(0, 2, (5, 5)), 2),
    ],
    langtons_ant: lambda rng: [(20, 500), (3, 1), (4, 0)],
    wireworld: lambda rng: [(rng.integers(0, 4, (12, 12)), 3), (np.array([[1, 2, 3, 3]]), 1), (np.zeros((0, 2)),)],
    sandpile: lambda rng: [
        (rng.integers(0, 6, (9, 9)),),
        (np.array([[4]]),),
        (np.zeros((2, 2), int),),
        (np.full((3, 3), 4.0),),
    ],
    collatz_lengths: lambda rng: [(200,), (1,), (0,)],
    collatz_cached: lambda rng: [(60,), (1,), (0,)],
    smallest_factors: lambda rng: [(300,), (1,), (4,)],
    factorise: lambda rng: [(360, smallest_factors(400)), (1, smallest_factors(3)), (97, smallest_factors(100))],
    segmented_sieve: lambda rng: [(300,), (2,), (1,), (60, 7)],
    miller_rabin: lambda rng: [(1000003,), (561,), (7,), (1,), (25326001,)],
    pollard_rho: lambda rng: [(8051,), (10,), (13,)],
    n_queens: lambda rng: [(6,), (1,), (3,)],
    isqrt_newton: lambda rng: [(10**10,), (0,), (17,), (-1,)],
}
