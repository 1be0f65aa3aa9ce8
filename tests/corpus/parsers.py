"""Strings: suffixes, matching, expressions, codes and parsimony."""

import numpy as np


def suffix_array(s):
    n = len(s)
    rank = [ord(c) for c in s]
    sa = list(range(n))
    k = 1
    while True:
        key = lambda i: (rank[i], rank[i + k] if i + k < n else -1)
        sa.sort(key=key)
        new = [0] * n
        for a in range(1, n):
            new[sa[a]] = new[sa[a - 1]] + (key(sa[a]) != key(sa[a - 1]))
        rank = new
        if n == 0 or rank[sa[-1]] == n - 1:
            return sa
        k *= 2


def z_function(s):
    n = len(s)
    z = [0] * n
    l = r = 0
    for i in range(1, n):
        if i < r:
            z[i] = min(r - i, z[i - l])
        while i + z[i] < n and s[z[i]] == s[i + z[i]]:
            z[i] += 1
        if i + z[i] > r:
            l, r = i, i + z[i]
    return z


def manacher(s):
    t = "|" + "|".join(s) + "|"
    n = len(t)
    p = [0] * n
    c = r = 0
    for i in range(n):
        if i < r:
            p[i] = min(r - i, p[2 * c - i])
        while i - p[i] - 1 >= 0 and i + p[i] + 1 < n and t[i - p[i] - 1] == t[i + p[i] + 1]:
            p[i] += 1
        if i + p[i] > r:
            c, r = i, i + p[i]
    k = max(range(n), key=lambda i: p[i])
    return s[(k - p[k]) // 2 : (k + p[k]) // 2]


def wildcard_match(text, pattern):
    m, n = len(text), len(pattern)
    dp = [[False] * (n + 1) for _ in range(m + 1)]
    dp[0][0] = True
    for j in range(1, n + 1):
        if pattern[j - 1] == "*":
            dp[0][j] = dp[0][j - 1]
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            if pattern[j - 1] == "*":
                dp[i][j] = dp[i - 1][j] or dp[i][j - 1]
            elif pattern[j - 1] in ("?", text[i - 1]):
                dp[i][j] = dp[i - 1][j - 1]
    return dp[m][n]


def shunting_yard(expr):
    prec = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}
    out, ops = [], []
    for tok in expr.split():
        if tok in prec:
            while ops and ops[-1] != "(" and (prec[ops[-1]] > prec[tok] or (prec[ops[-1]] == prec[tok] and tok != "^")):
                out.append(ops.pop())
            ops.append(tok)
        elif tok == "(":
            ops.append(tok)
        elif tok == ")":
            while ops[-1] != "(":
                out.append(ops.pop())
            ops.pop()
        else:
            out.append(tok)
    while ops:
        out.append(ops.pop())
    return out


def lz77(data, window=32):
    i = 0
    out = []
    n = len(data)
    while i < n:
        best_len, best_off = 0, 0
        for j in range(max(0, i - window), i):
            k = 0
            while i + k < n - 1 and data[j + k] == data[i + k]:
                k += 1
            if k > best_len:
                best_len, best_off = k, i - j
        out.append((best_off, best_len, data[i + best_len]))
        i += best_len + 1
    return out


def elias_gamma(numbers):
    bits = []
    for n in numbers:
        b = bin(n)[2:]
        bits += [0] * (len(b) - 1) + [int(c) for c in b]
    out = []
    k = 0
    while k < len(bits):
        z = 0
        while bits[k] == 0:
            z += 1
            k += 1
        v = 0
        for _ in range(z + 1):
            v = 2 * v + bits[k]
            k += 1
        out.append(v)
    return bits, out


def fitch_parsimony(tree, states):
    """tree: (left, right) for each inner node, leaves first."""
    n = len(states)
    sets = [1 << s for s in states]
    score = 0
    for l, r in tree:
        both = sets[l] & sets[r]
        if both == 0:
            both = sets[l] | sets[r]
            score += 1
        sets.append(both)
    return score, sets[n:]


def caesar_break(text):
    freq = [
        8.2,
        1.5,
        2.8,
        4.3,
        12.7,
        2.2,
        2.0,
        6.1,
        7.0,
        0.15,
        0.77,
        4.0,
        2.4,
        6.7,
        7.5,
        1.9,
        0.095,
        6.0,
        6.3,
        9.1,
        2.8,
        0.98,
        2.4,
        0.15,
        2.0,
        0.074,
    ]
    counts = np.zeros(26)
    for c in text.lower():
        if "a" <= c <= "z":
            counts[ord(c) - 97] += 1
    expected = np.array(freq) / 100 * counts.sum()
    chi = [((np.roll(counts, -s) - expected) ** 2 / expected).sum() for s in range(26)]
    shift = int(np.argmin(chi))
    return shift, "".join(chr((ord(c) - 97 - shift) % 26 + 97) if c.isalpha() else c for c in text.lower())


CASES = {
    suffix_array: lambda r: [("mississippi",), ("a",), ("banana" * 5,)],
    z_function: lambda r: [("aabxaabxcaabxaabxay",), ("",), ("aaaaa",)],
    manacher: lambda r: [("babadabacabadab",), ("x",), ("abba",)],
    wildcard_match: lambda r: [("adceb", "*a*b"), ("acdcb", "a*c?b"), ("", "")],
    shunting_yard: lambda r: [("3 + 4 * 2 / ( 1 - 5 ) ^ 2 ^ 3",), ("1",)],
    lz77: lambda r: [(list(b"abracadabra abracadabra"),), (r.integers(0, 2, 60),), ([5],), ([],)],
    elias_gamma: lambda r: [([1, 5, 17, 9, 1],), ([int(v) for v in r.integers(1, 300, 20)],)],
    fitch_parsimony: lambda r: [([(0, 1), (2, 3), (4, 5)], [0, 1, 0, 2]), ([], [1]), ([(0, 1)], r.integers(0, 4, 2))],
    caesar_break: lambda r: [("wklv lv d vhfuhw phvvdjh wkdw qrergb fdq uhdg",), ("The End",)],
}
