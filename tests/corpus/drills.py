"""Tables, strings and bits as problem sheets set them: intervals, tilings, squares, games, suffixes, ciphers, machines."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

MASK64 = (1 << 64) - 1


def burst_balloons(nums):
    """The most coins from bursting all balloons: an interval table filled by lengths."""
    a = np.concatenate(([1], nums, [1]))
    n = len(a)
    dp = np.zeros((n, n), dtype=a.dtype)
    for length in range(2, n):
        for left in range(n - length):
            right = left + length
            best = 0
            for k in range(left + 1, right):
                coins = dp[left, k] + a[left] * a[k] * a[right] + dp[k, right]
                if coins > best:
                    best = coins
            dp[left, right] = best
    return dp[0, -1]


def palindromic_subsequence(s):
    """The longest palindromic subsequence with two rolling rows, and how many palindromic substrings there are."""
    n = len(s)
    prev, cur = [0] * (n + 1), [0] * (n + 1)
    is_pal = np.zeros((n, n), dtype=bool)
    count = 0
    for i in range(n - 1, -1, -1):
        cur[i] = 1
        for j in range(i, n):
            if j > i:
                cur[j] = prev[j - 1] + 2 if s[i] == s[j] else max(prev[j], cur[j - 1])
            if s[i] == s[j] and (j - i < 2 or is_pal[i + 1, j - 1]):
                is_pal[i, j] = True
                count += 1
        prev, cur = cur, [0] * (n + 1)
    return prev[n - 1], count


def weighted_intervals(start, finish, weight):
    """Weighted interval scheduling with binary search, and the chosen jobs traced back."""
    order = np.argsort(finish, kind="stable")
    s, f, w = start[order], finish[order], weight[order]
    n = len(s)
    p = [bisect_right(f, s[i]) for i in range(n)]
    best = np.zeros(n + 1, dtype=w.dtype)
    for i in range(1, n + 1):
        best[i] = max(best[i - 1], w[i - 1] + best[p[i - 1]])
    chosen = []
    i = n
    while i > 0:
        if w[i - 1] + best[p[i - 1]] > best[i - 1]:
            chosen.append(int(order[i - 1]))
            i = p[i - 1]
        else:
            i -= 1
    return best[n], chosen[::-1]


def domino_tilings(rows, cols):
    """Tilings of a board with dominoes by broken profiles."""
    size = 1 << cols
    dp = np.zeros(size, dtype=np.int64)
    dp[0] = 1
    for r in range(rows):
        for c in range(cols):
            new = np.zeros_like(dp)
            bit = 1 << c
            for mask in range(size):
                if dp[mask] == 0:
                    continue
                if mask & bit:
                    new[mask & ~bit] += dp[mask]
                else:
                    new[mask | bit] += dp[mask]
                    if c + 1 < cols and not mask & (bit << 1):
                        new[mask | bit << 1] += dp[mask]
            dp = new
    return int(dp[0])


def maximal_square(matrix):
    """The side of the largest square of ones and where it ends, and how many squares there are."""
    m, n = matrix.shape
    dp = np.zeros((m + 1, n + 1), dtype=np.int32)
    side, where = 0, (-1, -1)
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            if matrix[i - 1, j - 1]:
                dp[i, j] = 1 + min(dp[i - 1, j], dp[i, j - 1], dp[i - 1, j - 1])
                if dp[i, j] > side:
                    side = dp[i, j]
                    where = (i - 1, j - 1)
    return side, where, dp.sum()


def pig_values(goal=20, tol=1e-6, sides=6):
    """Optimal play of the dice game Pig by value iteration over the scores of both players and the turn total."""
    p = np.zeros((goal, goal, goal))
    sweeps = 0
    delta = 1.0
    while delta > tol and sweeps < 200:
        delta = 0.0
        for i in range(goal):
            for j in range(goal):
                for k in range(goal - i):
                    old = p[i, j, k]
                    roll = 1.0 - p[j, i, 0]
                    for r in range(2, sides + 1):
                        roll += 1.0 if i + k + r >= goal else p[i, j, k + r]
                    roll /= sides
                    hold = 1.0 - p[j, i + k, 0] if i + k < goal else 1.0
                    p[i, j, k] = max(roll, hold)
                    delta = max(delta, abs(p[i, j, k] - old))
        sweeps += 1
    return p[0, 0, 0], sweeps, p[:, :, 0]


def kasai_lcp(codes):
    """A suffix array by doubling with argsort, and Kasai's array of longest common prefixes."""
    n = len(codes)
    rank = np.asarray(codes).astype(np.int64)
    k = 1
    while True:
        second = np.full(n, -1, dtype=np.int64)
        if k < n:
            second[: n - k] = rank[k:]
        key = rank * (max(rank.max(), n) + 2) + second + 1
        sa = np.argsort(key, kind="stable")
        new = np.zeros(n, dtype=np.int64)
        new[sa[1:]] = np.cumsum(key[sa[1:]] != key[sa[:-1]])
        rank = new
        if rank[sa[-1]] == n - 1:
            break
        k *= 2
    lcp = np.zeros(n, dtype=np.int64)
    h = 0
    for i in range(n):
        if rank[i] > 0:
            j = sa[rank[i] - 1]
            while i + h < n and j + h < n and codes[i + h] == codes[j + h]:
                h += 1
            lcp[rank[i]] = h
            if h > 0:
                h -= 1
        else:
            h = 0
    distinct = n * (n + 1) // 2 - int(lcp.sum())
    return sa, lcp, distinct


def lyndon_factors(s):
    """Duval's factorisation of a sequence, and its least rotation by Booth."""
    n = len(s)
    cuts = []
    i = 0
    while i < n:
        j, k = i + 1, i
        while j < n and s[k] <= s[j]:
            k = i if s[k] < s[j] else k + 1
            j += 1
        while i <= k:
            cuts.append(i)
            i += j - k
    fail = [-1] * (2 * n)
    least = 0
    for j in range(1, 2 * n):
        i = fail[j - least - 1]
        while i != -1 and s[j % n] != s[(least + i + 1) % n]:
            if s[j % n] < s[(least + i + 1) % n]:
                least = j - i - 1
            i = fail[i]
        if i == -1 and s[j % n] != s[(least + i + 1) % n]:
            if s[j % n] < s[(least + i + 1) % n]:
                least = j
            fail[j - least] = -1
        else:
            fail[j - least] = i + 1
    return cuts, least


def gf2_rank(rows, width):
    """Elimination over two elements with rows as integers; the rank, a basis and the null vectors' count."""
    basis = []
    pivots = []
    for r in rows:
        cur = int(r)
        for b in basis:
            cur = min(cur, cur ^ b)
        if cur:
            basis.append(cur)
            basis.sort(reverse=True)
            pivots.append(cur.bit_length() - 1)
    span = 0
    for x in range(1 << min(width, 10)):
        y = x
        for b in basis:
            if y ^ b < y:
                y ^= b
        span += y == 0
    return len(basis), basis, sorted(pivots), span


def walsh_hadamard(values, inverse=False):
    """The fast Walsh-Hadamard transform in place on a copy, and the xor-convolution of a vector with itself."""

    def fwht(a):
        h = 1
        while h < len(a):
            for i in range(0, len(a), h * 2):
                for j in range(i, i + h):
                    x, y = a[j], a[j + h]
                    a[j] = x + y
                    a[j + h] = x - y
            h *= 2
        return a

    a = np.array(values)
    spectrum = fwht(a.copy())
    if inverse:
        spectrum = spectrum / len(a)
    conv = fwht(fwht(a.copy()) ** 2) // len(a)
    return spectrum, conv


def xoshiro256(seed, count, bounds=(0.0, 1.0)):
    """xoshiro256** seeded by splitmix64, all in Python integers with masks."""

    def splitmix(x):
        x = (x + 0x9E3779B97F4A7C15) & MASK64
        z = x
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return x, z ^ (z >> 31)

    def rotl(x, k):
        return ((x << k) | (x >> (64 - k))) & MASK64

    s = []
    for _ in range(4):
        seed, z = splitmix(seed)
        s.append(z)
    out = np.empty(count)
    lo, hi = bounds
    for i in range(count):
        result = (rotl((s[1] * 5) & MASK64, 7) * 9) & MASK64
        t = (s[1] << 17) & MASK64
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        out[i] = lo + (hi - lo) * (result >> 11) * (1.0 / (1 << 53))
    return out, s


def speck_encrypt(blocks, key, rounds=27):
    """The Speck 64/128 block cipher over arrays of unsigned words, with its key schedule, and back again."""

    def ror(x, r):
        return (x >> np.uint32(r)) | (x << np.uint32(32 - r))

    def rol(x, r):
        return (x << np.uint32(r)) | (x >> np.uint32(32 - r))

    key = np.asarray(key, dtype=np.uint32)
    k, l = key[:1].copy(), [key[1:2], key[2:3], key[3:4]]
    schedule = np.zeros(rounds, dtype=np.uint32)
    for i in range(rounds):
        schedule[i] = k[0]
        new = (ror(l[i % 3], 8) + k) ^ np.uint32(i)
        l[i % 3] = new
        k = rol(k, 3) ^ new
    x, y = blocks[:, 1].copy(), blocks[:, 0].copy()
    for rk in schedule:
        x = (ror(x, 8) + y) ^ rk
        y = rol(y, 3) ^ x
    cipher = np.stack([y, x], axis=1)
    for rk in schedule[::-1]:
        y = ror(y ^ x, 3)
        x = rol((x ^ rk) - y, 8)
    assert np.array_equal(x, blocks[:, 1]) and np.array_equal(y, blocks[:, 0])
    return cipher


def sha1_words(message):
    """SHA-1 of a byte array: padding, the schedule of eighty words and five registers in Python integers."""

    def rotl(v, n):
        return ((v << n) | (v >> (32 - n))) & 0xFFFFFFFF

    n = len(message)
    padded = np.zeros((n + 8) // 64 * 64 + 64, dtype=np.uint8)
    padded[:n] = message
    padded[n] = 0x80
    bits = n * 8
    for i in range(8):
        padded[-1 - i] = bits >> (8 * i) & 0xFF
    h = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    for start in range(0, len(padded), 64):
        chunk = padded[start : start + 64]
        w = [0] * 80
        for i in range(16):
            w[i] = int(chunk[4 * i]) << 24 | int(chunk[4 * i + 1]) << 16 | int(chunk[4 * i + 2]) << 8 | int(chunk[4 * i + 3])
        for i in range(16, 80):
            w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1)
        a, b, c, d, e = h
        for i in range(80):
            if i < 20:
                f, k = (b & c) | (~b & d), 0x5A827999
            elif i < 40:
                f, k = b ^ c ^ d, 0x6ED9EBA1
            elif i < 60:
                f, k = (b & c) | (b & d) | (c & d), 0x8F1BBCDC
            else:
                f, k = b ^ c ^ d, 0xCA62C1D6
            temp = (rotl(a, 5) + (f & 0xFFFFFFFF) + e + k + w[i]) & 0xFFFFFFFF
            a, b, c, d, e = temp, a, rotl(b, 30), c, d
        h = [(x + y) & 0xFFFFFFFF for x, y in zip(h, (a, b, c, d, e))]
    return "".join(f"{x:08x}" for x in h)


def busy_beaver(rules, tape_length=200, max_steps=100000):
    """A Turing machine from a dictionary of rules, run on a fixed tape until it halts."""
    tape = np.zeros(tape_length, dtype=np.int8)
    head = tape_length // 2
    state = "A"
    steps = 0
    while state != "H" and steps < max_steps:
        write, move, state = rules[state, int(tape[head])]
        tape[head] = write
        head += 1 if move == "R" else -1
        if not 0 <= head < tape_length:
            raise IndexError("off the tape")
        steps += 1
    return steps, int(tape.sum()), tape


def margolus_gas(grid, steps):
    """Billiard-ball rules on alternating blocks of two by two."""
    g = grid.copy()
    n, m = g.shape
    history = []
    for t in range(steps):
        o = t % 2
        for i in range(o, n - 1, 2):
            for j in range(o, m - 1, 2):
                block = g[i : i + 2, j : j + 2]
                s = block.sum()
                if s == 1:
                    g[i : i + 2, j : j + 2] = block[::-1, ::-1]
                elif s == 2 and block[0, 0] == block[1, 1]:
                    g[i : i + 2, j : j + 2] = 1 - block
        history.append(int(g.sum()))
    return g, history


def traffic_bml(size, density, steps, seed=1):
    """Biham, Middleton and Levine's traffic: east on even, south on odd steps, with np.roll and masks."""
    rng = np.random.default_rng(seed)
    u = rng.random((size, size))
    cars = np.zeros((size, size), dtype=np.uint8)
    cars[u < density / 2] = 1
    cars[(u >= density / 2) & (u < density)] = 2
    moved = np.zeros(steps, dtype=int)
    for t in range(steps):
        kind, axis = (1, 1) if t % 2 == 0 else (2, 0)
        free = np.roll(cars, -1, axis=axis) == 0
        go = (cars == kind) & free
        cars[go] = 0
        cars[np.roll(go, 1, axis=axis)] = kind
        moved[t] = go.sum()
        if moved[t] == 0 and t > 0 and moved[t - 1] == 0:
            return cars, moved[: t + 1], "jammed"
    return cars, moved, "flowing"


_BEAVER3 = {("A", 0): (1, "R", "B"), ("A", 1): (1, "R", "H"), ("B", 0): (0, "R", "C"), ("B", 1): (1, "R", "B"),
            ("C", 0): (1, "L", "C"), ("C", 1): (1, "L", "A")}  # fmt: skip
_BEAVER4 = {("A", 0): (1, "R", "B"), ("A", 1): (1, "L", "B"), ("B", 0): (1, "L", "A"), ("B", 1): (0, "L", "C"),
            ("C", 0): (1, "R", "H"), ("C", 1): (1, "L", "D"), ("D", 0): (1, "R", "D"), ("D", 1): (0, "R", "A")}  # fmt: skip


def _letters(rng, n, k=4):
    return "".join(chr(97 + int(c)) for c in rng.integers(0, k, n))


def _jobs(rng, n, dtype=np.int64):
    start = rng.integers(0, 5 * n, n)
    return start, start + rng.integers(1, 12, n), rng.integers(1, 30, n).astype(dtype)


CASES = {
    burst_balloons: lambda rng: [(rng.integers(1, 9, 10),), (rng.uniform(0, 2, 5),), (np.array([], dtype=int),)],
    palindromic_subsequence: lambda rng: [(_letters(rng, 14),), (rng.integers(0, 3, 9),), ("a",)],
    weighted_intervals: lambda rng: [_jobs(rng, 12), _jobs(rng, 5, float), _jobs(rng, 1, np.float32)],
    domino_tilings: lambda rng: [(4, 5), (3, 3), (2, 6)],
    maximal_square: lambda rng: [(rng.random((8, 9)) < 0.7,), (rng.integers(0, 2, (5, 4)),), (np.zeros((2, 2), bool),)],
    pig_values: lambda rng: [(8,), (5, 1e-3), (6, 1e-4, 4)],
    kasai_lcp: lambda rng: [
        (rng.integers(0, 3, 14),),
        (np.frombuffer(b"banana", dtype=np.uint8),),
        (np.array([5], dtype=np.int32),),
    ],
    lyndon_factors: lambda rng: [(_letters(rng, 14, 3),), (rng.integers(0, 3, 10),), ([2, 1, 2, 1],)],
    gf2_rank: lambda rng: [(rng.integers(0, 64, 8), 6), ([1, 2, 3], 2), ([0, 0], 3)],
    walsh_hadamard: lambda rng: [(rng.integers(-5, 9, 16),), ([1, 0, 2, 3], True), (rng.standard_normal(8), True)],
    xoshiro256: lambda rng: [(42, 20), (0xDEADBEEFCAFEBABE, 5, (-1.0, 1.0)), (7, 0)],
    speck_encrypt: lambda rng: [
        (rng.integers(0, 2**32, (6, 2), dtype=np.uint32), [0x03020100, 0x0B0A0908, 0x13121110, 0x1B1A1918]),
        (rng.integers(0, 2**32, (1, 2), dtype=np.uint32), rng.integers(0, 2**32, 4), 10),
        (np.array([[0x7475432D, 0x3B726574]], dtype=np.uint32), [0x03020100, 0x0B0A0908, 0x13121110, 0x1B1A1918]),
    ],
    sha1_words: lambda rng: [
        (np.frombuffer(b"abc", dtype=np.uint8),),
        (rng.integers(0, 256, 70, dtype=np.uint8),),
        (np.zeros(0, dtype=np.uint8),),
    ],
    busy_beaver: lambda rng: [(_BEAVER4,), (_BEAVER3, 40), (_BEAVER4, 12)],
    margolus_gas: lambda rng: [
        (rng.integers(0, 2, (8, 8)), 4),
        ((rng.random((6, 5)) < 0.3).astype(np.uint8), 5),
        (np.zeros((4, 4), int), 1),
    ],
    traffic_bml: lambda rng: [(16, 0.4, 20), (8, 0.9, 30, 5), (10, 0.1, 6, 2)],
}
