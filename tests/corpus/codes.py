"""Codes that pack, mend and hide bytes."""

import heapq
from collections import namedtuple

import numpy as np

MASK32 = 0xFFFFFFFF


ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", dtype=np.uint8)


Run = namedtuple("Run", "value length")


def base64_vectorised(data):
    pad = -len(data) % 3
    padded = np.concatenate([data, np.zeros(pad, dtype=np.uint8)]).reshape(-1, 3).astype(np.uint32)
    words = (padded[:, 0] << 16) | (padded[:, 1] << 8) | padded[:, 2]
    sextets = np.stack([(words >> s) & 63 for s in (18, 12, 6, 0)], axis=1)
    text = ALPHABET[sextets].ravel()
    if pad:
        text[-pad:] = ord("=")
    return bytes(text).decode()


def base64_decode(codes):
    inverse = np.full(256, -1)
    inverse[ALPHABET] = np.arange(64)
    out = []
    buffer = bits = 0
    for c in codes:
        if c == 61:
            break
        v = inverse[c]
        if v < 0:
            raise ValueError(f"bad character {int(c)}")
        buffer = (buffer << 6) | int(v)
        bits += 6
        if bits >= 8:
            bits -= 8
            out.append((buffer >> bits) & 0xFF)
            buffer &= (1 << bits) - 1
    return np.array(out, dtype=np.uint8)


def runs(x):
    if len(x) == 0:
        return []
    out = []
    current, length = x[0], 1
    for v in x[1:]:
        if v == current:
            length += 1
        else:
            out.append(Run(current, length))
            current, length = v, 1
    out.append(Run(current, length))
    return out


def packbits(data):
    """PackBits: runs and literals into one array."""
    out = np.zeros(2 * len(data) + 2, dtype=np.int16)
    n = i = 0
    while i < len(data):
        j = i + 1
        while j < len(data) and data[j] == data[i] and j - i < 128:
            j += 1
        if j - i > 1:
            out[n], out[n + 1] = 1 - (j - i), data[i]
            n += 2
            i = j
        else:
            start = i
            while i < len(data) and i - start < 128 and (i + 1 >= len(data) or data[i] != data[i + 1]):
                i += 1
            out[n] = i - start - 1
            out[n + 1 : n + 1 + i - start] = data[start:i]
            n += 1 + i - start
    return out[:n]


def huffman_lengths(freq):
    """Lengths of codes by a heap of groups."""
    lengths = np.zeros(len(freq), dtype=int)
    heap = [(int(f), [i]) for i, f in enumerate(freq) if f > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1][0]] = 1
    while len(heap) > 1:
        f1, a = heapq.heappop(heap)
        f2, b = heapq.heappop(heap)
        for s in a + b:
            lengths[s] += 1
        heapq.heappush(heap, (f1 + f2, a + b))
    return lengths


def huffman_two_queues(freq):
    """The same by arrays: parents, then depths."""
    n = len(freq)
    order = np.argsort(freq, kind="stable")
    weight = np.zeros(2 * n - 1)
    weight[:n] = freq[order]
    parent = np.zeros(2 * n - 1, dtype=int)
    leaf, node = 0, n
    for new in range(n, 2 * n - 1):
        for _ in range(2):
            if leaf < n and (node >= new or weight[leaf] <= weight[node]):
                child = leaf
                leaf += 1
            else:
                child = node
                node += 1
            parent[child] = new
            weight[new] += weight[child]
    depth = np.zeros(2 * n - 1, dtype=int)
    for i in range(2 * n - 3, -1, -1):
        depth[i] = depth[parent[i]] + 1
    out = np.empty(n, dtype=int)
    out[order] = depth[:n]
    return out


def canonical_codes(lengths):
    count = np.bincount(lengths, minlength=lengths.max() + 1)
    count[0] = 0
    code = 0
    first = np.zeros(len(count) + 1, dtype=int)
    for bits in range(1, len(count)):
        code = (code + count[bits - 1]) << 1
        first[bits] = code
    codes = np.zeros_like(lengths)
    for s, length in enumerate(lengths):
        if length:
            codes[s] = first[length]
            first[length] += 1
    return codes


def lzw(data):
    table = {(i,): i for i in range(256)}
    out = []
    w = ()
    for b in data:
        wb = (*w, int(b))
        if wb in table:
            w = wb
        else:
            out.append(table[w])
            table[wb] = len(table)
            w = wb[-1:]
    if w:
        out.append(table[w])
    return out


def move_to_front(data):
    symbols = list(range(256))
    out = np.empty(len(data), dtype=np.uint8)
    for i, b in enumerate(data):
        k = symbols.index(b)
        out[i] = k
        symbols.insert(0, symbols.pop(k))
    return out


def move_to_front_arrays(data):
    table = np.arange(256, dtype=np.uint8)
    out = np.zeros(len(data), dtype=np.uint8)
    for i in range(len(data)):
        k = np.where(table == data[i])[0][0]
        out[i] = k
        table[1 : k + 1] = table[:k].copy()
        table[0] = data[i]
    return out


def burrows_wheeler(data):
    n = len(data)
    doubled = np.concatenate([data, data])
    order = sorted(range(n), key=lambda i: doubled[i : i + n].tolist())
    return np.array([doubled[i + n - 1] for i in order], dtype=data.dtype), order.index(0) if n else -1


def hamming74(nibbles):
    """Encode, flip one bit of each, find and mend it."""
    G = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [1, 0, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    H = np.array([[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]])
    words = nibbles @ G.T % 2
    for i, word in enumerate(words):
        word[i % 7] ^= 1
    syndromes = words @ H.T % 2
    mended = words.copy()
    for i in range(len(words)):
        place = syndromes[i] @ [1, 2, 4]
        if place:
            mended[i, place - 1] ^= 1
    return mended[:, [2, 4, 5, 6]], syndromes


def rc4(key, n):
    S = np.arange(256)
    j = 0
    for i in range(256):
        j = (j + S[i] + key[i % len(key)]) % 256
        S[i], S[j] = S[j], S[i]
    out = np.empty(n, dtype=np.uint8)
    i = j = 0
    for k in range(n):
        i = (i + 1) % 256
        j = (j + S[i]) % 256
        S[i], S[j] = S[j], S[i]
        out[k] = S[(S[i] + S[j]) % 256]
    return out


def tea_encrypt(block, key, rounds=32):
    v0, v1 = int(block[0]), int(block[1])
    total = 0
    for _ in range(rounds):
        total = (total + 0x9E3779B9) & MASK32
        v0 = (v0 + (((v1 << 4) + key[0]) ^ (v1 + total) ^ ((v1 >> 5) + key[1]))) & MASK32
        v1 = (v1 + (((v0 << 4) + key[2]) ^ (v0 + total) ^ ((v0 >> 5) + key[3]))) & MASK32
    return v0, v1


def _raw(rng, n):
    return rng.integers(0, 256, n).astype(np.uint8)


CASES = {
    base64_vectorised: lambda rng: [(_raw(rng, 50),), (_raw(rng, 3),), (np.zeros(0, np.uint8),)],
    base64_decode: lambda rng: [
        (np.frombuffer(b"SGVsbG8gd29ybGQh", np.uint8),),
        (np.frombuffer(b"QQ==", np.uint8),),
        (np.frombuffer(b"Q!==", np.uint8),),
    ],
    runs: lambda rng: [(rng.integers(0, 2, 60),), ("aabbb",), (np.zeros(0),), (np.array([1.5]),)],
    packbits: lambda rng: [(rng.integers(0, 3, 150),), (np.zeros(300, np.uint8),), (np.arange(4),), (np.zeros(0, int),)],
    huffman_lengths: lambda rng: [(rng.integers(0, 50, 20),), (np.array([3]),), (np.zeros(2, int),), ([1.0, 2.0, 3.0],)],
    huffman_two_queues: lambda rng: [(rng.integers(1, 50, 20),), (np.array([3.0]),), (np.array([1, 1]),)],
    canonical_codes: lambda rng: [(np.array([3, 3, 3, 3, 3, 2, 4, 4]),), (np.array([1, 0, 2, 2]),), (np.array([0]),)],
    lzw: lambda rng: [(rng.integers(0, 3, 80).astype(np.uint8),), (b"TOBEORNOTTOBE",), ([],)],
    move_to_front: lambda rng: [(_raw(rng, 60),), (b"banana",), ([],)],
    move_to_front_arrays: lambda rng: [(_raw(rng, 60),), (np.array([7]),), (np.zeros(0, np.uint8),)],
    burrows_wheeler: lambda rng: [(rng.integers(0, 3, 30),), (np.frombuffer(b"banana", np.uint8),), (np.zeros(0, int),)],
    hamming74: lambda rng: [(rng.integers(0, 2, (20, 4)),), (np.zeros((1, 4), int),)],
    rc4: lambda rng: [(_raw(rng, 8), 60), ([1, 2, 3], 4), ([0], 0)],
    tea_encrypt: lambda rng: [(np.array([1, 2]), (3, 4, 5, 6)), (np.array([0xFFFFFFFF, 5], np.uint32), (9, 8, 7, 6), 4)],
}
