"""Tables, strings, tries and bits as they are solved at a blackboard or in a contest, and machines that run on integers."""

from __future__ import annotations

import numpy as np


def regex_match(text, pattern):
    """Whether a pattern with `.` and `*` matches the whole text."""
    m, n = len(text), len(pattern)
    dp = [[False] * (n + 1) for _ in range(m + 1)]
    dp[0][0] = True
    for j in range(2, n + 1):
        if pattern[j - 1] == "*":
            dp[0][j] = dp[0][j - 2]
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            if pattern[j - 1] == "*":
                dp[i][j] = dp[i][j - 2]
                if pattern[j - 2] == "." or pattern[j - 2] == text[i - 1]:
                    dp[i][j] = dp[i][j] or dp[i - 1][j]
            elif pattern[j - 1] == "." or pattern[j - 1] == text[i - 1]:
                dp[i][j] = dp[i - 1][j - 1]
    return dp[m][n]


def aho_corasick(text, words):
    """Where any of several words occur: a trie of dicts, failure links breadth first, one walk over the text."""
    goto = [{}]
    out = [[]]
    for index, word in enumerate(words):
        state = 0
        for ch in word:
            if ch not in goto[state]:
                goto.append({})
                out.append([])
                goto[state][ch] = len(goto) - 1
            state = goto[state][ch]
        out[state].append(index)
    fail = [0] * len(goto)
    queue = list(goto[0].values())
    while queue:
        r = queue.pop(0)
        for ch, s in goto[r].items():
            queue.append(s)
            f = fail[r]
            while f and ch not in goto[f]:
                f = fail[f]
            fail[s] = goto[f].get(ch, 0)
            if fail[s] == s:
                fail[s] = 0
            out[s] = out[s] + out[fail[s]]
    hits = []
    state = 0
    for i, ch in enumerate(text):
        while state and ch not in goto[state]:
            state = fail[state]
        state = goto[state].get(ch, 0)
        for w in out[state]:
            hits.append((i - len(words[w]) + 1, w))
    return hits, len(goto)


def suffix_automaton(codes):
    """Different substrings and the longest that occurs twice, by a suffix automaton over small integers."""
    nxt = [{}]
    link, length, count = [-1], [0], [0]
    last = 0
    for c in codes:
        cur = len(nxt)
        nxt.append({})
        length.append(length[last] + 1)
        link.append(0)
        count.append(1)
        p = last
        while p != -1 and c not in nxt[p]:
            nxt[p][c] = cur
            p = link[p]
        if p == -1:
            link[cur] = 0
        else:
            q = nxt[p][c]
            if length[p] + 1 == length[q]:
                link[cur] = q
            else:
                clone = len(nxt)
                nxt.append(nxt[q].copy())
                length.append(length[p] + 1)
                link.append(link[q])
                count.append(0)
                while p != -1 and nxt[p].get(c) == q:
                    nxt[p][c] = clone
                    p = link[p]
                link[q] = link[cur] = clone
        last = cur
    for v in sorted(range(1, len(nxt)), key=lambda v: -length[v]):
        if link[v] >= 0:
            count[link[v]] += count[v]
    distinct = sum(length[v] - length[link[v]] for v in range(1, len(nxt)))
    repeated = max((length[v] for v in range(1, len(nxt)) if count[v] >= 2), default=0)
    return distinct, repeated


def supersequence(a, b):
    """The shortest common supersequence of two strings, built backwards from the table."""
    m, n = len(a), len(b)
    dp = np.zeros((m + 1, n + 1), dtype=int)
    dp[:, 0] = np.arange(m + 1)
    dp[0, :] = np.arange(n + 1)
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            if a[i - 1] == b[j - 1]:
                dp[i, j] = dp[i - 1, j - 1] + 1
            else:
                dp[i, j] = min(dp[i - 1, j], dp[i, j - 1]) + 1
    i, j = m, n
    out = []
    while i > 0 and j > 0:
        if a[i - 1] == b[j - 1]:
            out.append(a[i - 1])
            i, j = i - 1, j - 1
        elif dp[i - 1, j] < dp[i, j - 1]:
            out.append(a[i - 1])
            i -= 1
        else:
            out.append(b[j - 1])
            j -= 1
    while i > 0:
        out.append(a[i - 1])
        i -= 1
    while j > 0:
        out.append(b[j - 1])
        j -= 1
    return "".join(reversed(out)), int(dp[m, n])


def palindrome_cuts(s):
    """The fewest cuts that leave only palindromes, growing them around their centres."""
    n = len(s)
    cuts = list(range(-1, n))
    for centre in range(n):
        for odd in (0, 1):
            i, j = centre, centre + odd
            while i >= 0 and j < n and s[i] == s[j]:
                cuts[j + 1] = min(cuts[j + 1], cuts[i] + 1)
                i -= 1
                j += 1
    return cuts[n]


def digit_count(low, high, divisor):
    """Numbers in a range that are divisible by `divisor` and whose digits are, too: digit by digit with a dict for a memory."""

    def upto(number):
        digits = [int(d) for d in str(number)]
        memo = {}

        def go(pos, rest, total, tight):
            if pos == len(digits):
                return 1 if rest == 0 and total % divisor == 0 else 0
            key = (pos, rest, total, tight)
            if key in memo:
                return memo[key]
            limit = digits[pos] if tight else 9
            ways = 0
            for d in range(limit + 1):
                ways += go(pos + 1, (rest * 10 + d) % divisor, total + d, tight and d == limit)
            memo[key] = ways
            return ways

        return go(0, 0, 0, True)

    return upto(high) - upto(low - 1)


def hull_trick(x, cost):
    """Stations along a road: dp[i] = cost[i] + min_j dp[j] + (x[i] - x[j])², by a queue of lines."""
    n = len(x)
    dp = np.zeros(n)
    lines = []
    head = 0

    def value(line, q):
        return line[0] * q + line[1]

    def useless(l1, l2, l3):
        return (l3[1] - l1[1]) * (l1[0] - l2[0]) <= (l2[1] - l1[1]) * (l1[0] - l3[0])

    dp[0] = cost[0]
    lines.append((-2.0 * x[0], dp[0] + x[0] ** 2))
    for i in range(1, n):
        while head + 1 < len(lines) and value(lines[head + 1], x[i]) <= value(lines[head], x[i]):
            head += 1
        dp[i] = cost[i] + x[i] ** 2 + value(lines[head], x[i])
        new = (-2.0 * x[i], dp[i] + x[i] ** 2)
        while len(lines) - head >= 2 and useless(lines[-2], lines[-1], new):
            lines.pop()
        lines.append(new)
    return dp


def exact_cover(matrix):
    """Knuth's dancing links: how many sets of rows have a single 1 in every column, and the first of them."""
    rows, cols = matrix.shape
    left = list(range(-1, cols))
    right = list(range(1, cols + 2))
    left[0], right[cols] = cols, 0
    up, down = list(range(cols + 1)), list(range(cols + 1))
    column, row_of = list(range(cols + 1)), [-1] * (cols + 1)
    size = [0] * (cols + 1)
    for r in range(rows):
        first = -1
        for c in range(cols):
            if not matrix[r, c]:
                continue
            node = len(up)
            header = c + 1
            up.append(up[header])
            down.append(header)
            down[up[header]] = node
            up[header] = node
            column.append(header)
            row_of.append(r)
            size[header] += 1
            if first < 0:
                first = node
                left.append(node)
                right.append(node)
            else:
                left.append(left[first])
                right.append(first)
                right[left[first]] = node
                left[first] = node

    def cover(c):
        right[left[c]], left[right[c]] = right[c], left[c]
        i = down[c]
        while i != c:
            j = right[i]
            while j != i:
                down[up[j]], up[down[j]] = down[j], up[j]
                size[column[j]] -= 1
                j = right[j]
            i = down[i]

    def uncover(c):
        i = up[c]
        while i != c:
            j = left[i]
            while j != i:
                size[column[j]] += 1
                down[up[j]] = up[down[j]] = j
                j = left[j]
            i = up[i]
        right[left[c]] = left[right[c]] = c

    chosen, first_found = [], []

    def search():
        if right[0] == 0:
            if not first_found:
                first_found.extend(chosen)
            return 1
        best, c = right[0], right[right[0]]
        while c != 0:
            if size[c] < size[best]:
                best = c
            c = right[c]
        cover(best)
        found = 0
        r = down[best]
        while r != best:
            chosen.append(row_of[r])
            j = right[r]
            while j != r:
                cover(column[j])
                j = right[j]
            found += search()
            j = left[r]
            while j != r:
                uncover(column[j])
                j = left[j]
            chosen.pop()
            r = down[r]
        uncover(best)
        return found

    return search(), sorted(first_found)


def de_bruijn(k, n):
    """A cyclic sequence of k symbols with every word of length n once: Lyndon words glued together by recursion."""
    a = [0] * k * n
    sequence = []

    def db(t, p):
        if t > n:
            if n % p == 0:
                sequence.extend(a[1 : p + 1])
        else:
            a[t] = a[t - p]
            db(t + 1, p)
            for j in range(a[t - p] + 1, k):
                a[t] = j
                db(t + 1, t)

    db(1, 1)
    return sequence


def grundy(n, moves, heaps):
    """Sprague-Grundy values of a subtraction game whose heaps may also be halved, and who wins."""
    g = np.zeros(n + 1, dtype=np.int64)
    for size in range(1, n + 1):
        reachable = {int(g[size - m]) for m in moves if m <= size}
        if size > 1:
            reachable.add(int(g[size // 2]))
        mex = 0
        while mex in reachable:
            mex += 1
        g[size] = mex
    total = 0
    for h in heaps:
        total ^= int(g[h])
    return g, ("first" if total else "second")


def mt19937(seed, count):
    """The Mersenne twister by its reference code: seeding, twisting, tempering."""
    mt = [0] * 624
    mt[0] = seed & 0xFFFFFFFF
    for i in range(1, 624):
        mt[i] = (1812433253 * (mt[i - 1] ^ (mt[i - 1] >> 30)) + i) & 0xFFFFFFFF
    index = 624
    out = np.empty(count, dtype=np.uint32)
    for t in range(count):
        if index >= 624:
            for i in range(624):
                y = (mt[i] & 0x80000000) + (mt[(i + 1) % 624] & 0x7FFFFFFF)
                mt[i] = mt[(i + 397) % 624] ^ (y >> 1)
                if y % 2 != 0:
                    mt[i] ^= 0x9908B0DF
            index = 0
        y = mt[index]
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        y ^= y >> 18
        index += 1
        out[t] = y
    return out


def fenwick_inversions(values):
    """Inversions by a Fenwick tree over compressed values, and for every element how many before it are larger."""
    ranks = {v: i + 1 for i, v in enumerate(sorted(set(values.tolist())))}
    tree = [0] * (len(ranks) + 1)

    def add(i):
        while i < len(tree):
            tree[i] += 1
            i += i & -i

    def prefix(i):
        s = 0
        while i > 0:
            s += tree[i]
            i -= i & -i
        return s

    larger = np.zeros(len(values), dtype=np.int64)
    for k, v in enumerate(values.tolist()):
        larger[k] = k - prefix(ranks[v])
        add(ranks[v])
    return int(larger.sum()), larger


def lazy_segments(values, operations):
    """A segment tree with lazy additions: adds over ranges, maxima of ranges."""
    n = len(values)
    tree = np.zeros(4 * n, dtype=values.dtype)
    lazy = np.zeros(4 * n, dtype=values.dtype)

    def build(node, lo, hi):
        if lo == hi:
            tree[node] = values[lo]
            return
        mid = (lo + hi) // 2
        build(2 * node, lo, mid)
        build(2 * node + 1, mid + 1, hi)
        tree[node] = max(tree[2 * node], tree[2 * node + 1])

    def add(node, lo, hi, a, b, x):
        if a > hi or b < lo:
            return
        if a <= lo and hi <= b:
            tree[node] += x
            lazy[node] += x
            return
        mid = (lo + hi) // 2
        add(2 * node, lo, mid, a, b, x)
        add(2 * node + 1, mid + 1, hi, a, b, x)
        tree[node] = max(tree[2 * node], tree[2 * node + 1]) + lazy[node]

    def query(node, lo, hi, a, b):
        if a > hi or b < lo:
            return -(10**9)
        if a <= lo and hi <= b:
            return tree[node]
        mid = (lo + hi) // 2
        return max(query(2 * node, lo, mid, a, b), query(2 * node + 1, mid + 1, hi, a, b)) + lazy[node]

    build(1, 0, n - 1)
    answers = []
    for kind, a, b, x in operations:
        if kind == 0:
            add(1, 0, n - 1, a, b, x)
        else:
            answers.append(query(1, 0, n - 1, a, b))
    return answers


def chip8(rom, steps):
    """A part of the CHIP-8 virtual machine: memory, sixteen registers, a stack, sprites drawn by exclusive or."""
    memory = np.zeros(4096, dtype=np.uint8)
    memory[0x200 : 0x200 + len(rom)] = rom
    screen = np.zeros((32, 64), dtype=np.uint8)
    v = [0] * 16
    stack = []
    pc, i = 0x200, 0
    for _ in range(steps):
        op = int(memory[pc]) << 8 | int(memory[pc + 1])
        pc += 2
        x, y, n, nn, nnn = op >> 8 & 15, op >> 4 & 15, op & 15, op & 255, op & 0xFFF
        kind = op >> 12
        if op == 0x00E0:
            screen[:] = 0
        elif op == 0x00EE:
            pc = stack.pop()
        elif kind == 1:
            pc = nnn
        elif kind == 2:
            stack.append(pc)
            pc = nnn
        elif kind == 3:
            pc += 2 if v[x] == nn else 0
        elif kind == 4:
            pc += 2 if v[x] != nn else 0
        elif kind == 6:
            v[x] = nn
        elif kind == 7:
            v[x] = (v[x] + nn) & 255
        elif kind == 8:
            if n == 0:
                v[x] = v[y]
            elif n == 1:
                v[x] |= v[y]
            elif n == 2:
                v[x] &= v[y]
            elif n == 3:
                v[x] ^= v[y]
            elif n == 4:
                total = v[x] + v[y]
                v[x], v[15] = total & 255, int(total > 255)
            elif n == 5:
                flag = int(v[x] >= v[y])
                v[x], v[15] = (v[x] - v[y]) & 255, flag
        elif kind == 10:
            i = nnn
        elif kind == 13:
            v[15] = 0
            for r in range(n):
                bits = int(memory[i + r])
                for c in range(8):
                    if bits >> (7 - c) & 1:
                        px, py = (v[x] + c) % 64, (v[y] + r) % 32
                        if screen[py, px]:
                            v[15] = 1
                        screen[py, px] ^= 1
        elif kind == 15 and nn == 0x1E:
            i = (i + v[x]) & 0xFFF
        else:
            raise ValueError(f"unknown instruction {op:04x}")
    return screen, v, pc


def stack_machine(code, limit=10000):
    """A little stack machine over tuples of an operation's name and its operand."""
    stack, calls = [], []
    pc = steps = 0
    memory = {}
    while pc < len(code) and steps < limit:
        op, arg = code[pc]
        pc += 1
        steps += 1
        if op == "push":
            stack.append(arg)
        elif op == "add":
            b, a = stack.pop(), stack.pop()
            stack.append(a + b)
        elif op == "sub":
            b, a = stack.pop(), stack.pop()
            stack.append(a - b)
        elif op == "mul":
            b, a = stack.pop(), stack.pop()
            stack.append(a * b % 1000003)
        elif op == "dup":
            stack.append(stack[-1])
        elif op == "swap":
            stack[-1], stack[-2] = stack[-2], stack[-1]
        elif op == "store":
            memory[arg] = stack.pop()
        elif op == "load":
            stack.append(memory.get(arg, 0))
        elif op == "jz":
            if stack.pop() == 0:
                pc = arg
        elif op == "jmp":
            pc = arg
        elif op == "call":
            calls.append(pc)
            pc = arg
        elif op == "ret":
            pc = calls.pop()
        elif op == "halt":
            break
    return stack, memory, steps


_CHIP8 = np.array(
    [0x60, 1, 0x61, 2, 0xA2, 0x14, 0xD0, 0x15, 0x70, 3, 0x40, 61, 0x22, 0x16, 0x81, 4, 0x12, 0x06, 0, 0,
     0xF0, 0x90, 0x60, 1, 0x81, 3, 0, 0xEE],
    np.uint8,
)  # fmt: skip
_FACTORIAL = [
    ("push", 10), ("store", 0), ("push", 1), ("store", 1),
    ("load", 0), ("jz", 15),
    ("load", 1), ("load", 0), ("mul", 0), ("store", 1),
    ("load", 0), ("push", 1), ("sub", 0), ("store", 0), ("jmp", 4),
    ("load", 1), ("halt", 0),
]  # fmt: skip


def _word(rng, n, letters="ab"):
    return "".join(rng.choice(list(letters), n))


def _cover(rng, n, m):
    """Rows that cover m columns in at least two ways, among others."""
    a = (rng.random((n, m)) < 0.3).astype(int)
    a[0], a[1] = np.arange(m) % 2, (np.arange(m) + 1) % 2
    a[2], a[3] = np.arange(m) < m // 2, np.arange(m) >= m // 2
    return a


CASES = {
    regex_match: lambda rng: [("aab", "c*a*b"), ("mississippi", "mis*is*p*."), (_word(rng, 20), "(a*b*)".strip("()") + ".*")],
    aho_corasick: lambda rng: [
        ("ahishers" * 2, ["he", "she", "his", "hers"]),
        (_word(rng, 30), ["ab", "bab", "bb"]),
        ("abc", ["x"]),
    ],
    suffix_automaton: lambda rng: [
        (rng.integers(0, 3, 25).tolist(),),
        ([0, 1, 0, 1, 1],),
        (rng.integers(0, 2, 12),),
    ],
    supersequence: lambda rng: [(_word(rng, 14, "acgt"), _word(rng, 11, "acgt")), ("abac", "cab"), ("", "ab")],
    palindrome_cuts: lambda rng: [(_word(rng, 20),), ("aab",), (rng.integers(0, 2, 15),)],
    digit_count: lambda rng: [(1, 3000, 7), (10, 99, 2), (5, 1234, 11)],
    hull_trick: lambda rng: [
        (np.sort(rng.uniform(0, 50, 25)), rng.uniform(0, 30, 25)),
        (np.arange(8), rng.integers(1, 20, 8)),
        (np.sort(rng.uniform(0, 9, 6)).astype(np.float32), np.ones(6, np.float32)),
    ],
    exact_cover: lambda rng: [(_cover(rng, 10, 6),), (_cover(rng, 6, 4).astype(bool),), (np.array([[1, 0], [1, 1]]),)],
    de_bruijn: lambda rng: [(2, 4), (3, 3), (4, 1)],
    grundy: lambda rng: [(30, (1, 3, 4), [7, 12, 30]), (12, [2, 5], [3, 3]), (9, np.array([1, 2]), rng.integers(1, 9, 3))],
    mt19937: lambda rng: [(5489, 30), (1, 3), (2**32 - 1, 0)],
    fenwick_inversions: lambda rng: [
        (rng.integers(0, 20, 25),),
        (rng.standard_normal(12),),
        (np.arange(5)[::-1].astype(np.int8),),
    ],
    lazy_segments: lambda rng: [
        (rng.integers(0, 20, 12), [(0, 2, 7, 5), (1, 0, 11, 0), (0, 0, 3, -4), (1, 2, 5, 0), (1, 8, 8, 0)]),
        (rng.uniform(0, 1, 5), [(1, 0, 4, 0.0), (0, 1, 2, 3.0), (1, 0, 1, 0.0)]),
        (np.array([3, 1, 2], np.int32), [(0, 0, 2, 1), (1, 1, 2, 0)]),
    ],
    chip8: lambda rng: [(_CHIP8, 60), (_CHIP8, 9), (np.array([0x80, 0x0F], np.uint8), 2)],
    stack_machine: lambda rng: [
        (_FACTORIAL,),
        ([("push", 3), ("call", 4), ("store", 7), ("halt", 0), ("dup", 0), ("add", 0), ("ret", 0)],),
        ([("add", 0)],),
    ],
}
