"""Dynamic programming over sequences and tables."""

import functools
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np

Alignment = namedtuple("Alignment", "score first second")
GAP = -1
CODES = {"A": 0, "C": 1, "G": 2, "T": 3}


def encode(text):
    return np.array([CODES[c] for c in text], dtype=np.int8)


def needleman_wunsch(a, b, match=1, mismatch=-1, gap=-2):
    """The matrix of scores, then the way back; gaps are -1."""
    n, m = len(a), len(b)
    F = np.zeros((n + 1, m + 1), dtype=int)
    F[:, 0] = gap * np.arange(n + 1)
    F[0, :] = gap * np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            diagonal = F[i - 1, j - 1] + (match if a[i - 1] == b[j - 1] else mismatch)
            F[i, j] = max(diagonal, F[i - 1, j] + gap, F[i, j - 1] + gap)
    left, right = [], []
    i, j = n, m
    while i > 0 or j > 0:
        if i > 0 and j > 0 and F[i, j] == F[i - 1, j - 1] + (match if a[i - 1] == b[j - 1] else mismatch):
            left.append(int(a[i - 1]))
            right.append(int(b[j - 1]))
            i -= 1
            j -= 1
        elif i > 0 and F[i, j] == F[i - 1, j] + gap:
            left.append(int(a[i - 1]))
            right.append(GAP)
            i -= 1
        else:
            left.append(GAP)
            right.append(int(b[j - 1]))
            j -= 1
    return Alignment(F[n, m], left[::-1], right[::-1])


def align_strings(s, t):
    """Needleman–Wunsch on characters, the result two strings."""
    score = [[0] * (len(t) + 1) for _ in range(len(s) + 1)]
    for i in range(len(s) + 1):
        score[i][0] = -i
    for j in range(len(t) + 1):
        score[0][j] = -j
    for i in range(1, len(s) + 1):
        for j in range(1, len(t) + 1):
            bonus = 1 if s[i - 1] == t[j - 1] else -1
            score[i][j] = max(score[i - 1][j - 1] + bonus, score[i - 1][j] - 1, score[i][j - 1] - 1)
    i, j = len(s), len(t)
    top = bottom = ""
    while i and j:
        bonus = 1 if s[i - 1] == t[j - 1] else -1
        if score[i][j] == score[i - 1][j - 1] + bonus:
            top, bottom, i, j = s[i - 1] + top, t[j - 1] + bottom, i - 1, j - 1
        elif score[i][j] == score[i - 1][j] - 1:
            top, bottom, i = s[i - 1] + top, "-" + bottom, i - 1
        else:
            top, bottom, j = "-" + top, t[j - 1] + bottom, j - 1
    return s[:i] + "-" * j + top, "-" * i + t[:j] + bottom


def gotoh(a, b, substitution, open_gap=10.0, extend=0.5):
    """Affine gaps: three tables."""
    n, m = len(a), len(b)
    M = np.full((n + 1, m + 1), -np.inf)
    X = np.full((n + 1, m + 1), -np.inf)
    Y = np.full((n + 1, m + 1), -np.inf)
    M[0, 0] = 0
    for i in range(1, n + 1):
        X[i, 0] = -open_gap - (i - 1) * extend
    for j in range(1, m + 1):
        Y[0, j] = -open_gap - (j - 1) * extend
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            s = substitution[a[i - 1], b[j - 1]]
            M[i, j] = max(M[i - 1, j - 1], X[i - 1, j - 1], Y[i - 1, j - 1]) + s
            X[i, j] = max(M[i - 1, j] - open_gap, X[i - 1, j] - extend)
            Y[i, j] = max(M[i, j - 1] - open_gap, Y[i, j - 1] - extend)
    return max(M[n, m], X[n, m], Y[n, m])


def hirschberg_row(a, b, gap=-2):
    """The last row of scores in two rows of memory."""
    prev = [j * gap for j in range(len(b) + 1)]
    for x in a:
        row = [prev[0] + gap]
        for j, y in enumerate(b):
            row.append(max(prev[j] + (2 if x == y else -1), prev[j + 1] + gap, row[j] + gap))
        prev = row
    return prev


def damerau(a, b):
    """Edit distance with transpositions."""
    d = np.zeros((len(a) + 1, len(b) + 1), dtype=np.int32)
    d[:, 0] = range(len(a) + 1)
    d[0, :] = range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return d[-1, -1]


def lcs_string(x, y):
    """The subsequence itself, as a list."""
    L = np.zeros((len(x) + 1, len(y) + 1), dtype=np.int64)
    for i, p in enumerate(x, 1):
        for j, q in enumerate(y, 1):
            if p == q:
                L[i, j] = L[i - 1, j - 1] + 1
            else:
                L[i, j] = max(L[i - 1, j], L[i, j - 1])
    out = []
    i, j = len(x), len(y)
    while i > 0 and j > 0:
        if x[i - 1] == y[j - 1]:
            out.append(x[i - 1])
            i, j = i - 1, j - 1
        elif L[i - 1, j] >= L[i, j - 1]:
            i -= 1
        else:
            j -= 1
    out.reverse()
    return out


def longest_common_substring(a, b):
    best, end = 0, 0
    prev = np.zeros(len(b) + 1, dtype=int)
    for i in range(1, len(a) + 1):
        cur = np.zeros(len(b) + 1, dtype=int)
        for j in range(1, len(b) + 1):
            if a[i - 1] == b[j - 1]:
                cur[j] = prev[j - 1] + 1
                if cur[j] > best:
                    best = cur[j]
                    end = i
        prev = cur
    return a[end - best : end]


def longest_palindrome(s):
    """The bounds of the longest run that reads the same backwards."""
    n = len(s)
    if n == 0:
        return 0, 0
    start, length = 0, 1
    for centre in range(n):
        for left, right in ((centre, centre), (centre, centre + 1)):
            while left >= 0 and right < n and s[left] == s[right]:
                left -= 1
                right += 1
            if right - left - 1 > length:
                start, length = left + 1, right - left - 1
    return start, start + length


def knapsack_items(values, weights, capacity):
    """Which items are taken."""
    n = len(values)
    K = np.zeros((n + 1, capacity + 1))
    for i in range(1, n + 1):
        w, v = weights[i - 1], values[i - 1]
        for c in range(capacity + 1):
            K[i, c] = K[i - 1, c]
            if w <= c and K[i - 1, c - w] + v > K[i, c]:
                K[i, c] = K[i - 1, c - w] + v
    chosen = []
    c = capacity
    for i in range(n, 0, -1):
        if K[i, c] != K[i - 1, c]:
            chosen.append(i - 1)
            c -= weights[i - 1]
    return K[n, capacity], chosen[::-1]


def knapsack_vector(values, weights, capacity):
    """One row, all capacities at once."""
    best = np.zeros(capacity + 1)
    for v, w in zip(values, weights):
        if w > capacity:
            continue
        best[w:] = np.maximum(best[w:], best[: capacity + 1 - w] + v)
    return best


def rod_cutting(prices, n):
    revenue = [0] * (n + 1)
    first = [0] * (n + 1)
    for length in range(1, n + 1):
        best = -1
        for cut in range(1, min(length, len(prices)) + 1):
            if prices[cut - 1] + revenue[length - cut] > best:
                best = prices[cut - 1] + revenue[length - cut]
                first[length] = cut
        revenue[length] = best
    pieces = []
    while n > 0:
        pieces.append(first[n])
        n -= first[n]
    return revenue, pieces


def matrix_chain_order(dims):
    n = len(dims) - 1
    cost = np.zeros((n, n), dtype=np.int64)
    split = np.zeros((n, n), dtype=int)
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            cost[i, j] = np.iinfo(np.int64).max
            for k in range(i, j):
                q = cost[i, k] + cost[k + 1, j] + dims[i] * dims[k + 1] * dims[j + 1]
                if q < cost[i, j]:
                    cost[i, j] = q
                    split[i, j] = k

    def show(i, j):
        if i == j:
            return f"A{i}"
        k = split[i, j]
        return f"({show(i, k)}{show(k + 1, j)})"

    return cost[0, n - 1], show(0, n - 1)


def optimal_bst(p):
    n = len(p)
    total = np.concatenate(([0.0], np.cumsum(p)))
    e = np.zeros((n + 1, n + 1))
    root = -np.ones((n + 1, n + 1), dtype=int)
    for length in range(1, n + 1):
        for i in range(n - length + 1):
            j = i + length
            costs = [e[i, r] + e[r + 1, j] for r in range(i, j)]
            r = int(np.argmin(costs))
            e[i, j] = costs[r] + total[j] - total[i]
            root[i, j] = i + r
    return e[0, n], root


def forward_backward(obs, start, transition, emission):
    T, N = len(obs), len(start)
    alpha = np.zeros((T, N))
    scale = np.zeros(T)
    alpha[0] = start * emission[:, obs[0]]
    scale[0] = alpha[0].sum()
    alpha[0] /= scale[0]
    for t in range(1, T):
        alpha[t] = (alpha[t - 1] @ transition) * emission[:, obs[t]]
        scale[t] = alpha[t].sum()
        alpha[t] /= scale[t]
    beta = np.ones((T, N))
    for t in range(T - 2, -1, -1):
        beta[t] = transition @ (emission[:, obs[t + 1]] * beta[t + 1]) / scale[t + 1]
    gamma = alpha * beta
    return gamma / gamma.sum(axis=1, keepdims=True), np.log(scale).sum()


@dataclass
class Hmm:
    start: np.ndarray
    transition: np.ndarray
    emission: np.ndarray
    cache: dict = field(default_factory=dict)

    def path(self, obs):
        with np.errstate(divide="ignore"):
            log_t = np.log(self.transition)
            log_e = np.log(self.emission)
            score = np.log(self.start) + log_e[:, obs[0]]
        back = []
        for o in obs[1:]:
            all_scores = score[:, None] + log_t
            back.append(all_scores.argmax(axis=0))
            score = all_scores.max(axis=0) + log_e[:, o]
        states = [int(score.argmax())]
        for pointers in reversed(back):
            states.append(int(pointers[states[-1]]))
        return states[::-1], score.max()


def viterbi_object(obs, start, transition, emission):
    return Hmm(np.asarray(start), np.asarray(transition), np.asarray(emission)).path(obs)


def dtw_window(x, y, window=None, dist=lambda a, b: abs(a - b)):
    """With a band; the cost and the path."""
    n, m = len(x), len(y)
    w = max(n, m) if window is None else max(window, abs(n - m))
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(max(1, i - w), min(m, i + w) + 1):
            D[i, j] = dist(x[i - 1], y[j - 1]) + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    path = []
    i, j = n, m
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        step = np.argmin((D[i - 1, j - 1], D[i - 1, j], D[i, j - 1]))
        if step == 0:
            i, j = i - 1, j - 1
        elif step == 1:
            i -= 1
        else:
            j -= 1
    return D[n, m], path[::-1]


def cyk(word, unary, binary, n_symbols):
    """Whether a grammar in normal form makes the word; rules are rows of symbols."""
    n = len(word)
    table = np.zeros((n, n, n_symbols), dtype=bool)
    for s, terminal in enumerate(word):
        for head, t in unary:
            if t == terminal:
                table[0, s, head] = True
    for length in range(2, n + 1):
        for start in range(n - length + 1):
            for part in range(1, length):
                for head, left, right in binary:
                    if table[part - 1, start, left] and table[length - part - 1, start + part, right]:
                        table[length - 1, start, head] = True
    return table[n - 1, 0, 0], table.sum()


def subset_sum(numbers, target):
    reachable = np.zeros(target + 1, dtype=bool)
    reachable[0] = True
    for x in numbers:
        shifted = np.zeros_like(reachable)
        if x <= target:
            shifted[x:] = reachable[: target + 1 - x]
        reachable |= shifted
        if reachable[target]:
            return True
    return False


def partition_counts(n):
    """The number of partitions of all integers up to n."""
    ways = [1] + [0] * n
    for part in range(1, n + 1):
        for total in range(part, n + 1):
            ways[total] += ways[total - part]
    return ways


def egg_drop(eggs, floors):
    m = 0
    reach = np.zeros(eggs + 1, dtype=np.int64)
    while reach[eggs] < floors:
        m += 1
        for e in range(eggs, 0, -1):
            reach[e] = reach[e] + reach[e - 1] + 1
    return m


def grid_paths(grid):
    """The cheapest way from corner to corner, and where it goes."""
    rows, cols = grid.shape
    cost = grid.astype(float)
    cost[0] = np.cumsum(cost[0])
    cost[:, 0] = np.cumsum(cost[:, 0])
    for r in range(1, rows):
        for c in range(1, cols):
            cost[r, c] += min(cost[r - 1, c], cost[r, c - 1], cost[r - 1, c - 1])
    r, c = rows - 1, cols - 1
    way = [(r, c)]
    while (r, c) != (0, 0):
        moves = []
        if r > 0:
            moves.append((cost[r - 1, c], r - 1, c))
        if c > 0:
            moves.append((cost[r, c - 1], r, c - 1))
        if r > 0 and c > 0:
            moves.append((cost[r - 1, c - 1], r - 1, c - 1))
        _, r, c = min(moves)
        way.append((r, c))
    return cost[-1, -1], way[::-1]


def text_wrap(lengths, width):
    """Minimum raggedness: breaks and cost."""
    n = len(lengths)
    cost = [0.0] + [float("inf")] * n
    breaks = [0] * (n + 1)
    for j in range(1, n + 1):
        used = -1
        for i in range(j, 0, -1):
            used += lengths[i - 1] + 1
            if used > width:
                break
            penalty = cost[i - 1] + (width - used) ** 2
            if penalty < cost[j]:
                cost[j], breaks[j] = penalty, i - 1
    if cost[n] == float("inf"):
        raise ValueError("a word is longer than the line")
    return breaks, cost[n]


def held_karp(dist):
    """The shortest round trip, over all subsets."""
    n = dist.shape[0]
    full = 1 << (n - 1)
    best = np.full((full, n - 1), np.inf)
    for k in range(n - 1):
        best[1 << k, k] = dist[0, k + 1]
    for mask in range(1, full):
        for last in range(n - 1):
            if not mask & (1 << last) or best[mask, last] == np.inf:
                continue
            for nxt in range(n - 1):
                if mask & (1 << nxt):
                    continue
                new = mask | (1 << nxt)
                value = best[mask, last] + dist[last + 1, nxt + 1]
                if value < best[new, nxt]:
                    best[new, nxt] = value
    return min(best[full - 1, k] + dist[k + 1, 0] for k in range(n - 1))


def catalan_memo(n, limit=60):
    if n > limit:
        raise OverflowError("too many")

    @functools.cache
    def c(k):
        return 1 if k < 2 else sum(c(i) * c(k - 1 - i) for i in range(k))

    return [c(k) for k in range(n)]


def _hmm(rng, n, m, t):
    rows = lambda *shape: (lambda a: a / a.sum(-1, keepdims=True))(rng.random(shape))
    return rng.integers(0, m, t), rows(n), rows(n, n), rows(n, m)


CASES = {
    encode: lambda rng: [("GATTACA",), ("",), ("GAX",)],
    needleman_wunsch: lambda rng: [
        (rng.integers(0, 4, 30), rng.integers(0, 4, 25)),
        (encode("GATTACA"), encode("GCATGCT"), 2, -1, -1),
        (np.zeros(0, int), np.arange(2)),
    ],
    align_strings: lambda rng: [("GATTACA", "GCATGCTA"), ("", "AC"), ("A", "")],
    gotoh: lambda rng: [
        (rng.integers(0, 4, 20), rng.integers(0, 4, 25), rng.normal(size=(4, 4))),
        (np.array([0, 1]), np.array([1]), np.eye(2, dtype=np.float32), 1.0, 0.5),
        (np.zeros(0, int), np.zeros(0, int), np.eye(2)),
    ],
    hirschberg_row: lambda rng: [(rng.integers(0, 4, 15), rng.integers(0, 4, 12)), ("AGT", "GTT"), ([], [1])],
    damerau: lambda rng: [(rng.integers(0, 3, 25), rng.integers(0, 3, 20)), ("ca", "abc"), ("", "")],
    lcs_string: lambda rng: [(rng.integers(0, 4, 20), rng.integers(0, 4, 25)), ("AGGTAB", "GXTXAYB"), ([], [1])],
    longest_common_substring: lambda rng: [(rng.integers(0, 2, 30), rng.integers(0, 2, 30)), ("abcdxyz", "xyzabcd"), ("", "a")],
    longest_palindrome: lambda rng: [(rng.integers(0, 2, 50),), ("forgeeksskeegfor",), (np.zeros(0, int),), (np.ones(4),)],
    knapsack_items: lambda rng: [
        (rng.random(12), rng.integers(1, 9, 12), 30),
        ([60, 100, 120], [10, 20, 30], 50),
        (np.zeros(0), np.zeros(0, int), 3),
    ],
    knapsack_vector: lambda rng: [(rng.random(20), rng.integers(1, 9, 20), 40), ([3, 4], [9, 2], 5), ([], [], 2)],
    rod_cutting: lambda rng: [([1, 5, 8, 9, 10, 17, 17, 20], 8), (rng.integers(1, 20, 6), 12), ([2], 0)],
    matrix_chain_order: lambda rng: [([30, 35, 15, 5, 10, 20, 25],), (rng.integers(1, 30, 6),), ([3, 4],)],
    optimal_bst: lambda rng: [
        ((lambda p: p / p.sum())(rng.random(12)),),
        (np.array([0.5, 0.5], np.float32),),
        (np.array([1]),),
    ],
    forward_backward: lambda rng: [_hmm(rng, 4, 5, 40), _hmm(rng, 2, 2, 1), _hmm(rng, 1, 3, 5)],
    viterbi_object: lambda rng: [
        _hmm(rng, 4, 5, 40),
        _hmm(rng, 2, 2, 1),
        ([0, 1], [1.0, 0.0], [[0.5, 0.5], [0, 1]], np.eye(2)),
    ],
    dtw_window: lambda rng: [
        (rng.random(25), rng.random(20)),
        (rng.random(8), rng.random(10), 1),
        ([1, 2, 3], [1, 3]),
        (np.zeros(0), np.ones(2)),
    ],
    cyk: lambda rng: [
        ([0, 0, 1, 1], [(1, 0), (2, 1)], [(0, 1, 2), (0, 1, 3), (3, 0, 2)], 4),
        (rng.integers(0, 2, 8), np.array([[1, 0], [2, 1]]), np.array([[0, 1, 2], [0, 2, 1], [0, 0, 0]]), 3),
        ([1], [(0, 1)], [], 1),
    ],
    subset_sum: lambda rng: [(rng.integers(5, 40, 15), 111), ([2, 4, 6], 7), ([], 0), ([], 1)],
    partition_counts: lambda rng: [(40,), (0,), (1,)],
    egg_drop: lambda rng: [(3, 1000), (1, 10), (2, 0)],
    grid_paths: lambda rng: [
        (rng.random((15, 12)),),
        (rng.integers(0, 9, (4, 1)),),
        (np.ones((1, 1)),),
        (np.ones((3, 3), np.float32),),
    ],
    text_wrap: lambda rng: [(rng.integers(1, 8, 30), 20), ([3, 2, 2, 5], 6), ([9], 5), ([], 4)],
    held_karp: lambda rng: [(rng.random((8, 8)),), (rng.integers(1, 9, (3, 3)),), (np.array([[0.0, 2.0], [3.0, 0.0]]),)],
    catalan_memo: lambda rng: [(12,), (0,), (61,)],
}
