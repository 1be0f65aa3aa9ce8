"""State machines over integers: codes, hashes, sorting, searching, number theory."""

import numpy as np


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= int(byte)
        for _ in range(8):
            if crc & 1:
                crc = (crc >> 1) ^ 0xEDB88320
            else:
                crc >>= 1
    return crc ^ 0xFFFFFFFF


def crc32_table(data):
    """Table first, in uint32 arithmetic."""
    table = np.zeros(256, dtype=np.uint32)
    for i in range(256):
        c = np.uint32(i)
        for _ in range(8):
            c = np.uint32(0xEDB88320) ^ (c >> np.uint32(1)) if c & np.uint32(1) else c >> np.uint32(1)
        table[i] = c
    crc = np.uint32(0xFFFFFFFF)
    for b in data:
        crc = table[(crc ^ b) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)


def lcg(seed, n, a=1103515245, c=12345, m=2**31):
    out = np.empty(n, dtype=np.int64)
    x = seed
    for i in range(n):
        x = (a * x + c) % m
        out[i] = x
    return out


def xorshift32(state, n):
    total = 0
    for _ in range(n):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        total += state
    return state, total


def xorshift64_array(state, n):
    """A generator whose state is an array the caller keeps; wraps around as uint64 does."""
    out = np.empty(n)
    for i in range(n):
        x = state[0]
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
        state[0] = x
        out[i] = (x >> np.uint64(11)) * 2.0**-53
    return out


def fnv1a(data):
    h = 0xCBF29CE484222325
    for b in data:
        h ^= int(b)
        h = (h * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def collatz_longest(limit):
    best, best_length = 1, 1
    for start in range(2, limit):
        n, length = start, 1
        while n != 1:
            n = 3 * n + 1 if n % 2 else n // 2
            length += 1
        if length > best_length:
            best, best_length = start, length
    return best, best_length


def gcd(a, b):
    while b:
        a, b = b, a % b
    return abs(a)


def extended_gcd(a, b):
    x0, x1, y0, y1 = 1, 0, 0, 1
    while b != 0:
        q, a, b = a // b, b, a % b
        x0, x1 = x1, x0 - q * x1
        y0, y1 = y1, y0 - q * y1
    return a, x0, y0


def power_mod(base, exponent, modulus):
    if modulus <= 0:
        raise ValueError("modulus must be positive")
    result = 1
    base %= modulus
    while exponent > 0:
        if exponent & 1:
            result = result * base % modulus
        base = base * base % modulus
        exponent >>= 1
    return result


def sieve(n):
    is_prime = np.ones(n + 1, dtype=bool)
    is_prime[:2] = False
    i = 2
    while i * i <= n:
        if is_prime[i]:
            is_prime[i * i :: i] = False
        i += 1
    return np.nonzero(is_prime)[0]


def sieve_counts(n):
    """Smallest prime factors, then Euler's totient from them."""
    spf = np.arange(n + 1)
    for i in range(2, int(n**0.5) + 1):
        if spf[i] == i:
            for j in range(i * i, n + 1, i):
                if spf[j] == j:
                    spf[j] = i
    phi = np.ones(n + 1, dtype=np.int64)
    for i in range(2, n + 1):
        p = spf[i]
        q = i // p
        phi[i] = phi[q] * (p if q % p == 0 else p - 1)
    return spf, phi


def encode_base64(data):
    """Three bytes to four sixes; the padding is 64."""
    out = []
    for i in range(0, len(data), 3):
        chunk = data[i : i + 3]
        value = 0
        for k in range(3):
            value = (value << 8) | (int(chunk[k]) if k < len(chunk) else 0)
        sixes = [(value >> shift) & 63 for shift in (18, 12, 6, 0)]
        for k in range(3 - len(chunk)):
            sixes[3 - k] = 64
        out.extend(sixes)
    return np.array(out, dtype=np.uint8)


def run_length_encode(x):
    """Into preallocated buffers; returns the parts in use."""
    values = np.empty_like(x)
    counts = np.zeros(len(x), dtype=np.int32)
    used = 0
    i = 0
    while i < len(x):
        j = i
        while j < len(x) and x[j] == x[i]:
            j += 1
        values[used] = x[i]
        counts[used] = j - i
        used += 1
        i = j
    return values[:used], counts[:used]


def run_length_decode(values, counts):
    out = np.empty(counts.sum(), dtype=values.dtype)
    pos = 0
    for v, c in zip(values, counts):
        out[pos : pos + c] = v
        pos += c
    return out


def bubble_sort(a):
    n = len(a)
    swaps = 0
    for i in range(n):
        swapped = False
        for j in range(n - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
                swapped = True
                swaps += 1
        if not swapped:
            break
    return swaps


def insertion_sort(a):
    for i in range(1, len(a)):
        key = a[i]
        j = i - 1
        while j >= 0 and a[j] > key:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = key
    return a


def heap_sort(a):
    def sift(root, end):
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and a[child] < a[child + 1]:
                child += 1
            if a[root] >= a[child]:
                return
            a[root], a[child] = a[child], a[root]
            root = child

    n = len(a)
    for start in range(n // 2 - 1, -1, -1):
        sift(start, n)
    for end in range(n - 1, 0, -1):
        a[0], a[end] = a[end], a[0]
        sift(0, end)


def quicksort(a, lo=0, hi=None):
    """Hoare's partition, recursive, in place."""
    if hi is None:
        hi = len(a) - 1
    if lo >= hi:
        return a
    pivot = a[(lo + hi) // 2]
    i, j = lo, hi
    while i <= j:
        while a[i] < pivot:
            i += 1
        while a[j] > pivot:
            j -= 1
        if i <= j:
            a[i], a[j] = a[j], a[i]
            i += 1
            j -= 1
    quicksort(a, lo, j)
    quicksort(a, i, hi)
    return a


def counting_sort(a, k):
    count = np.zeros(k, dtype=np.intp)
    for v in a:
        count[v] += 1
    out = np.empty_like(a)
    position = np.cumsum(count) - count
    for v in a:
        out[position[v]] = v
        position[v] += 1
    return out


def merge_sorted(a, b):
    out = np.empty(len(a) + len(b), dtype=np.result_type(a, b))
    i = j = 0
    for k in range(len(out)):
        if j >= len(b) or (i < len(a) and a[i] <= b[j]):
            out[k] = a[i]
            i += 1
        else:
            out[k] = b[j]
            j += 1
    return out


def binary_search(x, v):
    lo, hi = 0, len(x) - 1
    while lo <= hi:
        mid = (lo + hi) // 2
        if x[mid] == v:
            return mid
        if x[mid] < v:
            lo = mid + 1
        else:
            hi = mid - 1
    return -1


def elementary_automaton(rule, cells, steps):
    """Wolfram's one-dimensional rules on a ring."""
    table = np.array([(rule >> k) & 1 for k in range(8)], dtype=np.uint8)
    history = np.zeros((steps + 1, len(cells)), dtype=np.uint8)
    history[0] = cells
    for t in range(steps):
        row = history[t]
        index = 4 * np.roll(row, 1) + 2 * row + np.roll(row, -1)
        history[t + 1] = table[index]
    return history


def popcount(x):
    counts = np.zeros(x.shape, dtype=np.int64)
    for i in range(x.size):
        v = x[i]
        while v:
            v &= v - 1
            counts[i] += 1
    return counts


def gray_code_walk(bits):
    """All Gray codes, and the bit that changes at every step."""
    codes = [k ^ (k >> 1) for k in range(1 << bits)]
    flips = np.zeros(len(codes) - 1, dtype=int)
    for k in range(1, len(codes)):
        diff = codes[k] ^ codes[k - 1]
        position = 0
        while diff > 1:
            diff >>= 1
            position += 1
        flips[k - 1] = position
    return codes, flips


def levenshtein_within(word, text, k):
    """Ends of approximate matches, by a column of counters (Sellers' automaton)."""
    m = len(word)
    column = list(range(m + 1))
    ends = []
    for pos, ch in enumerate(text):
        previous, column[0] = column[0], 0
        for i in range(1, m + 1):
            cost = previous if word[i - 1] == ch else 1 + min(previous, column[i], column[i - 1])
            previous, column[i] = column[i], cost
        if column[m] <= k:
            ends.append(pos)
    return ends


def kmp_search(text, pattern):
    fail = np.zeros(len(pattern), dtype=int)
    j = 0
    for i in range(1, len(pattern)):
        while j > 0 and pattern[i] != pattern[j]:
            j = fail[j - 1]
        if pattern[i] == pattern[j]:
            j += 1
        fail[i] = j
    j = 0
    for i in range(len(text)):
        while j > 0 and text[i] != pattern[j]:
            j = fail[j - 1]
        if text[i] == pattern[j]:
            j += 1
        if j == len(pattern):
            return i - j + 1
    return -1


def parse_brackets(tokens):
    """Depth at every token; raises at the first unmatched bracket."""
    depth = 0
    out = np.zeros(len(tokens), dtype=int)
    for i, t in enumerate(tokens):
        if t == 1:
            depth += 1
        elif t == 2:
            depth -= 1
            if depth < 0:
                raise ValueError(f"unmatched bracket at {i}")
        out[i] = depth
    return out


def _bytes(rng, n):
    return rng.integers(0, 256, n).astype(np.uint8)


CASES = {
    crc32: lambda rng: [(_bytes(rng, 200),), (b"123456789",), (np.zeros(0, np.uint8),)],
    crc32_table: lambda rng: [(_bytes(rng, 60),), (np.zeros(0, np.uint8),)],
    lcg: lambda rng: [(42, 200), (0, 3, 5, 3, 16), (1, 0)],
    xorshift32: lambda rng: [(2463534242, 200), (1, 0)],
    xorshift64_array: lambda rng: [(np.array([88172645463325252], np.uint64), 100), (np.array([1], np.uint64), 0)],
    fnv1a: lambda rng: [(_bytes(rng, 200),), (b"",)],
    collatz_longest: lambda rng: [(150,), (2,)],
    gcd: lambda rng: [(832040, 514229), (0, 0), (np.int64(-48), np.int64(18)), (-7, 3)],
    extended_gcd: lambda rng: [(240, 46), (np.int64(17), np.int64(0)), (5, -3)],
    power_mod: lambda rng: [(3, 200, 1000003), (2, 0, 1), (5, 3, 0), (np.int32(7), 5, 13)],
    sieve: lambda rng: [(2000,), (1,), (2,)],
    sieve_counts: lambda rng: [(300,), (1,)],
    encode_base64: lambda rng: [(_bytes(rng, 62),), (b"a",), (b"",)],
    run_length_encode: lambda rng: [(rng.integers(0, 3, 200),), (np.array([1.5, 1.5, np.nan]),), (np.zeros(0, np.int8),)],
    run_length_decode: lambda rng: [
        (rng.integers(0, 9, 30), rng.integers(0, 6, 30)),
        (np.array([0.5]), np.array([3])),
        (np.zeros(0), np.zeros(0, int)),
    ],
    bubble_sort: lambda rng: [(rng.permutation(50),), (np.arange(6.0),), (np.zeros(0),)],
    insertion_sort: lambda rng: [(rng.random(100),), (rng.integers(0, 4, 9).astype(np.int16),), (np.zeros(1),)],
    heap_sort: lambda rng: [(rng.random(60),), (rng.integers(0, 9, 5),), (np.zeros(0),)],
    quicksort: lambda rng: [(rng.random(60),), (np.array([3, 1, 2]),), (np.zeros(0),)],
    counting_sort: lambda rng: [(rng.integers(0, 20, 200), 20), (np.array([0, 1, 0], np.uint8), 2), (np.array([3]), 2)],
    merge_sorted: lambda rng: [
        (np.sort(rng.random(60)), np.sort(rng.random(50))),
        (np.array([1, 3]), np.array([2.5])),
        (np.zeros(0), np.zeros(2)),
    ],
    binary_search: lambda rng: [
        (np.arange(0, 2000, 3), 999),
        (np.arange(0, 30, 3), 4),
        (np.array([0.5]), 0.5),
        (np.zeros(0), 1.0),
    ],
    elementary_automaton: lambda rng: [(110, rng.integers(0, 2, 60), 30), (30, np.array([1], np.uint8), 2)],
    popcount: lambda rng: [(rng.integers(0, 1 << 20, 60),), (np.array([255, 0], np.uint8),)],
    gray_code_walk: lambda rng: [(6,), (1,)],
    levenshtein_within: lambda rng: [("survey", "the surgery was surveyed", 2), ([1, 2], [2, 1, 2], 0), ("", "ab", 0)],
    kmp_search: lambda rng: [
        (rng.integers(0, 2, 300), np.array([0, 1, 0, 0, 1, 0, 1])),
        ("abcabcabd", "abcabd"),
        (np.array([1, 2]), np.array([3])),
    ],
    parse_brackets: lambda rng: [
        (np.array([1, 0, 1, 1, 2, 0, 2, 2]),),
        (np.array([1, 2, 2, 1]),),
        (np.zeros(0, int),),
    ],
}
