"""Codes, ciphers and genomes as people write them down: bit strings, tables, fields of 256 elements, trees and dictionaries."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict

import numpy as np


class GF256:
    """Arithmetic in the field of 256 elements with tables of exponents and logarithms."""

    def __init__(self, poly=0x11D):
        self.exp = [0] * 512
        self.log = [0] * 256
        x = 1
        for i in range(255):
            self.exp[i] = x
            self.log[x] = i
            x <<= 1
            if x & 0x100:
                x ^= poly
        for i in range(255, 512):
            self.exp[i] = self.exp[i - 255]

    def mul(self, a, b):
        if a == 0 or b == 0:
            return 0
        return self.exp[self.log[a] + self.log[b]]

    def div(self, a, b):
        if b == 0:
            raise ZeroDivisionError("division by zero in GF(256)")
        return 0 if a == 0 else self.exp[(self.log[a] + 255 - self.log[b]) % 255]

    def poly_eval(self, p, x):
        y = p[0]
        for c in p[1:]:
            y = self.mul(y, x) ^ c
        return y

    def poly_mul(self, p, q):
        out = [0] * (len(p) + len(q) - 1)
        for i, a in enumerate(p):
            for j, b in enumerate(q):
                out[i + j] ^= self.mul(a, b)
        return out


def reed_solomon(message, parity, errors):
    """Encode, corrupt at the places given, and decode by Berlekamp, Massey, Chien and Forney."""
    gf = GF256()
    generator = [1]
    for i in range(parity):
        generator = gf.poly_mul(generator, [1, gf.exp[i]])
    word = list(message) + [0] * parity
    for i in range(len(message)):
        c = word[i]
        if c:
            for j in range(1, len(generator)):
                word[i + j] ^= gf.mul(generator[j], c)
    word = list(message) + word[len(message) :]
    sent = word[:]
    for place, value in errors.items():
        word[place] ^= value
    n = len(word)
    syndromes = [gf.poly_eval(word, gf.exp[i]) for i in range(parity)]
    if not any(syndromes):
        return bytes(word), 0, sent == word
    locator, old = [1], [1]
    for i in range(parity):
        old.append(0)
        delta = syndromes[i]
        for j in range(1, len(locator)):
            delta ^= gf.mul(locator[-(j + 1)], syndromes[i - j])
        if delta:
            if len(old) > len(locator):
                new = [gf.mul(c, delta) for c in old]
                old = [gf.div(c, delta) for c in locator]
                locator = new
            scaled = [gf.mul(c, delta) for c in old]
            padded = [0] * (len(scaled) - len(locator)) + locator
            locator = [a ^ b for a, b in zip(padded, [0] * (len(padded) - len(scaled)) + scaled)]
    while locator and locator[0] == 0:
        locator.pop(0)
    count = len(locator) - 1
    if count * 2 > parity:
        raise ValueError("too many errors to correct")
    places = [n - 1 - i for i in range(n) if gf.poly_eval(locator, gf.exp[(255 - i) % 255]) == 0]
    if len(places) != count:
        raise ValueError(f"found {len(places)} of {count} errors")
    a = np.zeros((count, count + 1), dtype=int)
    for r in range(count):
        for c, place in enumerate(places):
            a[r, c] = gf.exp[((n - 1 - place) * r) % 255]
        a[r, count] = syndromes[r]
    for col in range(count):
        pivot = next(r for r in range(col, count) if a[r, col])
        a[[col, pivot]] = a[[pivot, col]]
        inverse = gf.div(1, int(a[col, col]))
        a[col] = [gf.mul(int(v), inverse) for v in a[col]]
        for r in range(count):
            if r != col and a[r, col]:
                f = int(a[r, col])
                a[r] = [int(v) ^ gf.mul(f, int(p)) for v, p in zip(a[r], a[col])]
    for c, place in enumerate(places):
        word[place] ^= int(a[c, count])
    return bytes(word), count, sent == word


def huffman_archive(text, canonical=False):
    """Build the tree, code the text to bits packed into bytes, read it back and compare."""
    if not text:
        return b"", {}, 0.0
    heap = [[count, symbol, None, None] for symbol, count in sorted(Counter(text).items())]
    heapq.heapify(heap)
    serial = 0
    while len(heap) > 1:
        a, b = heapq.heappop(heap), heapq.heappop(heap)
        serial += 1
        heapq.heappush(heap, [a[0] + b[0], f"\uffff{serial:04d}", a, b])
    codes = {}

    def walk(node, prefix):
        if node[2] is None:
            codes[node[1]] = prefix or "0"
        else:
            walk(node[2], prefix + "0")
            walk(node[3], prefix + "1")

    walk(heap[0], "")
    if canonical:
        value, length = 0, 0
        for symbol in sorted(codes, key=lambda s: (len(codes[s]), s)):
            value <<= len(codes[symbol]) - length
            length = len(codes[symbol])
            codes[symbol] = format(value, f"0{length}b")
            value += 1
    bits = "".join(codes[c] for c in text)
    padded = bits + "0" * (-len(bits) % 8)
    packed = bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8))
    reverse = {code: symbol for symbol, code in codes.items()}
    out, current = [], ""
    for byte in packed:
        for k in range(7, -1, -1):
            current += "1" if byte >> k & 1 else "0"
            if current in reverse:
                out.append(reverse[current])
                current = ""
                if len(out) == len(text):
                    break
    assert "".join(out) == text
    return packed, codes, len(bits) / len(text)


def aes_block(key, blocks, rounds=10):
    """AES-128 with the S-box computed from inverses; state as 4 x 4 arrays of bytes."""

    def xtime(a):
        return ((a << 1) ^ 0x1B) & 0xFF if a & 0x80 else a << 1

    def multiply(a, b):
        r = 0
        while b:
            if b & 1:
                r ^= a
            a, b = xtime(a), b >> 1
        return r

    sbox = np.zeros(256, dtype=np.uint8)
    p = q = 1
    while True:
        p = p ^ xtime(p)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        x = q
        for shift in (1, 2, 3, 4):
            x ^= ((q << shift) | (q >> (8 - shift))) & 0xFF
        sbox[p] = x ^ 0x63
        if p == 1:
            break
    sbox[0] = 0x63
    if len(key) != 16:
        raise ValueError(f"key of {len(key)} bytes")
    words = [list(key[i : i + 4]) for i in range(0, 16, 4)]
    rcon = 1
    for i in range(4, 4 * (rounds + 1)):
        w = list(words[-1])
        if i % 4 == 0:
            w = [int(sbox[b]) for b in w[1:] + w[:1]]
            w[0] ^= rcon
            rcon = xtime(rcon)
        words.append([a ^ b for a, b in zip(words[-4], w)])
    keys = np.array(words, dtype=np.uint8).reshape(rounds + 1, 4, 4).transpose(0, 2, 1)
    out = []
    for block in blocks:
        state = np.frombuffer(bytes(block), dtype=np.uint8).reshape(4, 4).T ^ keys[0]
        for r in range(1, rounds + 1):
            state = sbox[state]
            state = np.stack([np.roll(state[i], -i) for i in range(4)])
            if r != rounds:
                mixed = np.empty_like(state)
                for c in range(4):
                    a = [int(v) for v in state[:, c]]
                    for i in range(4):
                        mixed[i, c] = multiply(a[i], 2) ^ multiply(a[(i + 1) % 4], 3) ^ a[(i + 2) % 4] ^ a[(i + 3) % 4]
                state = mixed
            state = state ^ keys[r]
        out.append(state.T.tobytes().hex())
    return out, int(sbox.astype(int).sum())


def sha256_digest(message, rounds=64):
    """The hash with constants from square and cube roots of primes, on Python integers."""
    primes = []
    n = 2
    while len(primes) < 64:
        if all(n % p for p in primes if p * p <= n):
            primes.append(n)
        n += 1
    mask = 0xFFFFFFFF

    def icbrt(v):
        lo, hi = 0, 1 << 40
        while lo < hi:
            mid = (lo + hi + 1) // 2
            if mid**3 <= v:
                lo = mid
            else:
                hi = mid - 1
        return lo

    def isqrt(v):
        x = v
        y = (x + 1) // 2
        while y < x:
            x, y = y, (y + v // y) // 2
        return x

    k = [icbrt(p << 96) & mask for p in primes]
    h = [isqrt(p << 64) & mask for p in primes[:8]]
    data = bytearray(message.encode() if isinstance(message, str) else message)
    length = 8 * len(data)
    data.append(0x80)
    while len(data) % 64 != 56:
        data.append(0)
    data += length.to_bytes(8, "big")

    def rotr(x, r):
        return ((x >> r) | (x << (32 - r))) & mask

    for start in range(0, len(data), 64):
        w = [int.from_bytes(data[start + 4 * i : start + 4 * i + 4], "big") for i in range(16)]
        for i in range(16, 64):
            s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >> 3)
            s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >> 10)
            w.append((w[i - 16] + s0 + w[i - 7] + s1) & mask)
        a, b, c, d, e, f, g, hh = h
        for i in range(rounds):
            s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)
            t1 = (hh + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i]) & mask
            s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)
            t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) & mask
            hh, g, f, e, d, c, b, a = g, f, e, (d + t1) & mask, c, b, a, (t1 + t2) & mask
        h = [(x + y) & mask for x, y in zip(h, (a, b, c, d, e, f, g, hh))]
    return "".join(f"{x:08x}" for x in h)


def de_bruijn_assembly(reads, k, min_count=1):
    """Assemble short reads: count k-mers, drop rare ones, walk unbranched paths of the graph to contigs."""
    counts = Counter()
    for read in reads:
        for i in range(len(read) - k + 1):
            counts[read[i : i + k]] += 1
    graph, indegree = defaultdict(list), defaultdict(int)
    for kmer in sorted(counts):
        if counts[kmer] >= min_count:
            graph[kmer[:-1]].append(kmer[1:])
            indegree[kmer[1:]] += 1
    contigs, used = [], set()
    for node in sorted(graph):
        if indegree[node] == 1 and len(graph[node]) == 1:
            continue
        for following in graph[node]:
            path = node + following[-1]
            used.add((node, following))
            here = following
            while indegree[here] == 1 and len(graph.get(here, ())) == 1:
                step = graph[here][0]
                if (here, step) in used:
                    break
                used.add((here, step))
                path += step[-1]
                here = step
            contigs.append(path)
    contigs.sort(key=lambda c: (-len(c), c))
    lengths = np.array([len(c) for c in contigs], dtype=int)
    half = lengths.sum() / 2
    n50 = int(lengths[np.searchsorted(np.cumsum(lengths), half)]) if len(lengths) else 0
    spectrum = np.bincount(list(counts.values())) if counts else np.zeros(1, int)
    return contigs, n50, spectrum


class Convolutional:
    """A rate 1/2 code; the trellis is made once."""

    def __init__(self, generators=(0o7, 0o5), memory=2):
        self.memory = memory
        states = 1 << memory
        self.next = np.zeros((states, 2), dtype=int)
        self.output = np.zeros((states, 2, len(generators)), dtype=int)
        for s in range(states):
            for bit in (0, 1):
                register = (bit << memory) | s
                self.next[s, bit] = register >> 1
                for g, mask in enumerate(generators):
                    self.output[s, bit, g] = bin(register & mask).count("1") & 1

    def encode(self, bits):
        state, out = 0, []
        for b in list(bits) + [0] * self.memory:
            out.extend(self.output[state, b])
            state = self.next[state, b]
        return np.array(out)

    def decode(self, received, soft=False):
        n = self.output.shape[2]
        steps = len(received) // n
        states = len(self.next)
        metric = np.full(states, np.inf)
        metric[0] = 0
        back = np.zeros((steps, states, 2), dtype=int)
        for t in range(steps):
            symbol = received[t * n : (t + 1) * n]
            new = np.full(states, np.inf)
            for s in range(states):
                if np.isinf(metric[s]):
                    continue
                for bit in range(2):
                    expected = self.output[s, bit]
                    branch = np.sum((symbol - (1 - 2 * expected)) ** 2) if soft else np.sum(symbol != expected)
                    to = self.next[s, bit]
                    if metric[s] + branch < new[to]:
                        new[to] = metric[s] + branch
                        back[t, to] = s, bit
            metric = new
        state, bits = 0, []
        for t in range(steps - 1, -1, -1):
            state, bit = back[t, state]
            bits.append(int(bit))
        return bits[::-1][: steps - self.memory], metric[0]


def viterbi_channel(bits, flips=(), noise=None, seed=0, **code):
    """Send bits through a channel that flips them or adds noise, and decode."""
    c = Convolutional(**code)
    sent = c.encode(bits)
    if noise is None:
        sent[list(flips)] ^= 1
        decoded, cost = c.decode(sent)
    else:
        received = 1 - 2 * sent + noise * np.random.default_rng(seed).standard_normal(len(sent))
        decoded, cost = c.decode(received, soft=True)
    errors = sum(a != b for a, b in zip(bits, decoded))
    return decoded, float(cost), errors


def lempel_ziv_78(text, limit=None):
    """Pairs of a phrase's number and the next character, a table that may be bounded, and the way back."""
    table, pairs, phrase = {"": 0}, [], ""
    for ch in text:
        if phrase + ch in table:
            phrase += ch
        else:
            pairs.append((table[phrase], ch))
            if limit is None or len(table) < limit:
                table[phrase + ch] = len(table)
            phrase = ""
    if phrase:
        pairs.append((table[phrase], ""))
    phrases, out = [""], []
    for index, ch in pairs:
        word = phrases[index] + ch
        out.append(word)
        if limit is None or len(phrases) < limit:
            phrases.append(word)
    decoded = "".join(out)
    bits = sum(max(1, (min(i + 1, limit or i + 1)).bit_length()) + 8 for i in range(len(pairs)))
    return pairs, decoded == text, bits / max(1, 8 * len(text))


def _reads(rng, length, count, size):
    genome = "".join(rng.choice(list("ACGT"), length))
    starts = rng.integers(0, length - size + 1, count)
    return [genome[s : s + size] for s in starts]


CASES = {
    reed_solomon: lambda rng: [
        (b"hello world", 8, {2: 0x55, 7: 0x01, 12: 0xFF}),
        (bytes(rng.integers(0, 256, 30, dtype=np.uint8)), 6, {0: 3}),
        (b"abc", 4, {}),
        ([1, 2, 3, 4], 4, {0: 1, 1: 2, 2: 3}),
    ],
    huffman_archive: lambda rng: [("abracadabra alakazam",), ("mississippi river", True), ("aaaa",), ("",)],
    aes_block: lambda rng: [
        (bytes(range(16)), [bytes.fromhex("00112233445566778899aabbccddeeff")]),
        (b"Thats my Kung Fu", [b"Two One Nine Two", bytes(16)], 3),
        (b"short", [bytes(16)]),
    ],
    sha256_digest: lambda rng: [("abc",), (b"", 64), ("x" * 70, 8)],
    de_bruijn_assembly: lambda rng: [
        (["ACGTAC", "GTACGA", "CGATT"], 4),
        (_reads(rng, 60, 40, 12), 6, 2),
        ([], 3),
    ],
    viterbi_channel: lambda rng: [
        ([1, 0, 1, 1, 0, 0, 1, 0], (3, 9)),
        (rng.integers(0, 2, 25).tolist(), (), 0.6, 4),
        (rng.integers(0, 2, 12), (0,), None, 0),
    ],
    lempel_ziv_78: lambda rng: [("tobeornottobeortobeornot",), ("abababababababab" * 3, 6), ("",)],
}  # fmt: skip
