"""Shoot-out classics and puzzles: permutations, queens, digits of pi, boards, spirals, words, and sequences of integers."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import cache, reduce
from itertools import accumulate, combinations, groupby, islice, permutations, product
from typing import NamedTuple

import numpy as np

ROMAN = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)


def fannkuch(n):
    maxFlipsCount = 0
    permSign = True
    checksum = 0
    perm1 = list(range(n))
    count = perm1[:]
    rxrange = range(2, n - 1)
    nm = n - 1
    while 1:
        k = perm1[0]
        if k:
            perm = perm1[:]
            flipsCount = 1
            kk = perm[k]
            while kk:
                perm[: k + 1] = perm[k::-1]
                flipsCount += 1
                k = kk
                kk = perm[kk]
            if maxFlipsCount < flipsCount:
                maxFlipsCount = flipsCount
            checksum += flipsCount if permSign else -flipsCount
        if permSign:
            perm1[0], perm1[1] = perm1[1], perm1[0]
            permSign = False
        else:
            perm1[1], perm1[2] = perm1[2], perm1[1]
            permSign = True
            for r in rxrange:
                if count[r]:
                    break
                count[r] = r
                perm0 = perm1[0]
                perm1[: r + 1] = perm1[1 : r + 2]
                perm1[r + 1] = perm0
            else:
                r = nm
                if not count[r]:
                    return checksum, maxFlipsCount
            count[r] -= 1


def fannkuch_arrays(n):
    p = np.arange(n)
    q = np.zeros(n, dtype=np.int64)
    s = np.arange(n)
    sign, maxflips, total = 1, 0, 0
    while True:
        q0 = p[0]
        if q0 != 0:
            for i in range(1, n):
                q[i] = p[i]
            flips = 1
            while True:
                qq = q[q0]
                if qq == 0:
                    total += sign * flips
                    if flips > maxflips:
                        maxflips = flips
                    break
                q[q0] = q0
                if q0 >= 3:
                    i, j = 1, q0 - 1
                    while i < j:
                        q[i], q[j] = q[j], q[i]
                        i += 1
                        j -= 1
                q0 = qq
                flips += 1
        if sign == 1:
            p[0], p[1] = p[1], p[0]
            sign = -1
        else:
            p[1], p[2] = p[2], p[1]
            sign = 1
            for i in range(2, n):
                sx = s[i]
                if sx != 0:
                    s[i] = sx - 1
                    break
                if i == n - 1:
                    return total, maxflips
                s[i] = i
                t = p[0]
                for j in range(i + 1):
                    p[j] = p[j + 1]
                p[i + 1] = t


def eval_A(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def spectral_norm(n):
    def times(v, u, at):
        for i in range(n):
            total = 0.0
            for j in range(n):
                total += at(i, j) * u[j]
            v[i] = total

    u, v, tmp = [1.0] * n, [0.0] * n, [0.0] * n
    for _ in range(6):
        times(tmp, u, eval_A)
        times(v, tmp, lambda i, j: eval_A(j, i))
        times(tmp, v, eval_A)
        times(u, tmp, lambda i, j: eval_A(j, i))
    vBv = vv = 0
    for ue, ve in zip(u, v):
        vBv += ue * ve
        vv += ve * ve
    return math.sqrt(vBv / vv)


def spectral_norm_arrays(n, rounds=6):
    i = np.arange(n)[:, None]
    j = np.arange(n)[None, :]
    A = 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)
    u = np.ones(n)
    for _ in range(rounds):
        v = A.T @ (A @ u)
        u = A.T @ (A @ v)
    return np.sqrt(u @ v / (v @ v))


def queens_bits(n):
    """Solutions on an n × n board, depth first with three bit masks."""

    def solve(cols, diag1, diag2):
        if cols == full:
            return 1
        count = 0
        free = full & ~(cols | diag1 | diag2)
        while free:
            bit = free & -free
            free ^= bit
            count += solve(cols | bit, (diag1 | bit) << 1, (diag2 | bit) >> 1)
        return count

    full = (1 << n) - 1
    return solve(0, 0, 0)


def queens_backtrack(n):
    """The first solution, column by column without recursion."""
    rows = np.full(n, -1)
    col, tried = 0, 0
    while 0 <= col < n:
        rows[col] += 1
        while rows[col] < n:
            safe = True
            for c in range(col):
                if rows[c] == rows[col] or abs(rows[c] - rows[col]) == col - c:
                    safe = False
                    break
            tried += 1
            if safe:
                break
            rows[col] += 1
        if rows[col] < n:
            col += 1
            if col < n:
                rows[col] = -1
        else:
            col -= 1
    return (rows, tried) if col == n else (None, tried)


def pi_digits(n):
    """Gibbons' spigot."""
    digits = []
    q, r, t, k, m, x = 1, 0, 1, 1, 3, 3
    while len(digits) < n:
        if 4 * q + r - t < m * t:
            digits.append(m)
            q, r, m = 10 * q, 10 * (r - m * t), (10 * (3 * q + r)) // t - 10 * m
        else:
            q, r, t, k, m, x = q * k, (2 * q + r) * x, t * x, k + 1, (q * (7 * k + 2) + r * x) // (t * x), x + 2
    return "".join(map(str, digits))


def pi_spigot_array(n):
    """Rabinowitz and Wagon's spigot, with an array of remainders."""
    size = 10 * n // 3 + 1
    a = np.full(size, 2, dtype=np.int64)
    digits = []
    nines, predigit = 0, 0
    for _ in range(n + 1):
        q = 0
        for i in range(size - 1, -1, -1):
            x = 10 * a[i] + q * (i + 1)
            a[i] = x % (2 * i + 1)
            q = x // (2 * i + 1)
        a[0] = q % 10
        q = q // 10
        if q == 9:
            nines += 1
        elif q == 10:
            digits.append(predigit + 1)
            digits.extend([0] * nines)
            predigit, nines = 0, 0
        else:
            digits.append(predigit)
            digits.extend([9] * nines)
            predigit, nines = q, 0
    return [int(d) for d in digits[1:]]


def knights_tour(n, row, col):
    """Warnsdorff's rule."""
    moves = [(1, 2), (2, 1), (2, -1), (1, -2), (-1, -2), (-2, -1), (-2, 1), (-1, 2)]
    board = np.zeros((n, n), int)

    def degree(r, c):
        count = 0
        for dr, dc in moves:
            if 0 <= r + dr < n and 0 <= c + dc < n and board[r + dr, c + dc] == 0:
                count += 1
        return count

    board[row, col] = 1
    for step in range(2, n * n + 1):
        best, best_degree = None, 9
        for dr, dc in moves:
            r, c = row + dr, col + dc
            if 0 <= r < n and 0 <= c < n and not board[r, c]:
                d = degree(r, c)
                if d < best_degree:
                    best, best_degree = (r, c), d
        if best is None:
            return board, False
        row, col = best
        board[row, col] = step
    return board, True


def sudoku(grid):
    """Backtracking over the empty cells; the grid is filled in place."""
    empty = [(r, c) for r in range(9) for c in range(9) if grid[r, c] == 0]

    def allowed(r, c, d):
        if d in grid[r] or d in grid[:, c]:
            return False
        r0, c0 = 3 * (r // 3), 3 * (c // 3)
        return d not in grid[r0 : r0 + 3, c0 : c0 + 3]

    at = 0
    while 0 <= at < len(empty):
        r, c = empty[at]
        d = grid[r, c] + 1
        grid[r, c] = 0
        while d <= 9 and not allowed(r, c, d):
            d += 1
        if d <= 9:
            grid[r, c] = d
            at += 1
        else:
            at -= 1
    return at >= 0


def sudoku_valid(grid):
    for i in range(9):
        row = grid[i][grid[i] > 0]
        col = grid[:, i][grid[:, i] > 0]
        r, c = divmod(i, 3)
        box = grid[3 * r : 3 * r + 3, 3 * c : 3 * c + 3]
        box = box[box > 0]
        for part in (row, col, box):
            if len(np.unique(part)) != len(part):
                return False
    return True


def life_roll(board, generations):
    for _ in range(generations):
        neighbours = sum(np.roll(np.roll(board, i, 0), j, 1) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
        board = ((neighbours == 3) | ((board == 1) & (neighbours == 2))).astype(board.dtype)
    return board


def langton(size, steps, rule="RL"):
    """An ant on a torus, for rules of any length."""
    grid = np.zeros((size, size), dtype=np.uint8)
    turns = [1 if c == "R" else -1 for c in rule]
    dx = (0, 1, 0, -1)
    dy = (-1, 0, 1, 0)
    x = y = size // 2
    heading = 0
    for _ in range(steps):
        state = grid[y, x]
        heading = (heading + turns[state]) % 4
        grid[y, x] = (state + 1) % len(turns)
        x = (x + dx[heading]) % size
        y = (y + dy[heading]) % size
    return grid, (x, y, heading)


def spiral_matrix(n):
    dx, dy = 1, 0
    x, y = 0, 0
    myarray = [[None] * n for j in range(n)]
    for i in range(n**2):
        myarray[x][y] = i
        nx, ny = x + dx, y + dy
        if 0 <= nx < n and 0 <= ny < n and myarray[nx][ny] is None:
            x, y = nx, ny
        else:
            dx, dy = -dy, dx
            x, y = x + dx, y + dy
    return myarray


def spiral_array(rows, cols):
    out = np.zeros((rows, cols), dtype=int)
    top, bottom, left, right = 0, rows - 1, 0, cols - 1
    k = 0
    while top <= bottom and left <= right:
        for j in range(left, right + 1):
            out[top, j] = k
            k += 1
        top += 1
        for i in range(top, bottom + 1):
            out[i, right] = k
            k += 1
        right -= 1
        if top <= bottom:
            for j in range(right, left - 1, -1):
                out[bottom, j] = k
                k += 1
            bottom -= 1
        if left <= right:
            for i in range(bottom, top - 1, -1):
                out[i, left] = k
                k += 1
            left += 1
    return out


def to_roman(n):
    if not 0 < n < 4000:
        raise ValueError(f"no Roman numeral for {n}")
    out = ""
    for value, letters in ROMAN:
        while n >= value:
            out += letters
            n -= value
    return out


def from_roman(text):
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for this, following in zip(text, text[1:] + " "):
        v = values[this]
        total += -v if values.get(following, 0) > v else v
    return total


def look_and_say(n, start="1"):
    terms = [start]
    for _ in range(n - 1):
        terms.append("".join(str(len(list(g))) + k for k, g in groupby(terms[-1])))
    return terms


def look_and_say_array(digits, n):
    for _ in range(n):
        change = np.flatnonzero(np.diff(digits)) + 1
        starts = np.concatenate(([0], change))
        ends = np.concatenate((change, [len(digits)]))
        out = np.empty(2 * len(starts), digits.dtype)
        out[0::2] = ends - starts
        out[1::2] = digits[starts]
        digits = out
    return digits


def hanoi(n, source="A", target="C", spare="B"):
    if n == 0:
        return []
    return hanoi(n - 1, source, spare, target) + [(source, target)] + hanoi(n - 1, spare, target, source)


def magic_square(n):
    if n % 2 == 0:
        raise ValueError("only odd orders")
    square = np.zeros((n, n), dtype=int)
    i, j = 0, n // 2
    for k in range(1, n * n + 1):
        square[i, j] = k
        up, right = (i - 1) % n, (j + 1) % n
        if square[up, right]:
            i = (i + 1) % n
        else:
            i, j = up, right
    assert (square.sum(axis=0) == n * (n * n + 1) // 2).all()
    return square


def josephus(n, k):
    prisoners = list(range(n))
    order = []
    at = 0
    while prisoners:
        at = (at + k - 1) % len(prisoners)
        order.append(prisoners.pop(at))
    return order


def josephus_last(n, k):
    survivor = 0
    for m in range(2, n + 1):
        survivor = (survivor + k) % m
    return survivor


class Cell(NamedTuple):
    row: int
    col: int


def flood_distances(maze, start):
    """Steps from the start through open cells, breadth first."""
    dist = np.full(maze.shape, -1)
    queue = deque([Cell(*start)])
    dist[start] = 0
    while queue:
        here = queue.popleft()
        for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            there = Cell(here.row + dr, here.col + dc)
            if 0 <= there.row < maze.shape[0] and 0 <= there.col < maze.shape[1]:
                if maze[there] == 0 and dist[there] < 0:
                    dist[there] = dist[here] + 1
                    queue.append(there)
    return dist


@dataclass
class Tally:
    hits: int = 0
    words: list = field(default_factory=list)

    def add(self, word):
        self.hits += 1
        self.words.append(word)


def anagrams(words):
    groups = {}
    for word in words:
        groups.setdefault("".join(sorted(word)), []).append(word)
    tally = Tally()
    for group in groups.values():
        if len(group) > 1:
            for word in group:
                tally.add(word)
    return tally.hits, sorted(tally.words), Counter(map(len, groups.values())).most_common()


def subset_pairs(values, target):
    """Pairs and triples that sum to the target."""
    pairs = [(a, b) for a, b in combinations(values, 2) if a + b == target]
    triples = [t for t in combinations(sorted(values), 3) if sum(t) == target]
    best = max(permutations(values[:4]), key=lambda p: sum(i * v for i, v in enumerate(p)), default=())
    return pairs, triples, best, list(accumulate(values)), list(islice(product(values, repeat=2), 3))


@cache
def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def ackermann_table(m, n):
    return [[ackermann(i, j) for j in range(n)] for i in range(m)]


def sierpinski(n):
    size = 2**n
    carpet = np.ones((1, 1), dtype=bool)
    for _ in range(n):
        carpet = np.block([[carpet, np.zeros_like(carpet)], [carpet, carpet]])
    return carpet, carpet.sum() == 3**n, size


def bracket_depth(text):
    return reduce(lambda d, c: d + (c == "(") - (c == ")"), text, 0), max(accumulate((c == "(") - (c == ")") for c in text))


PUZZLE = np.array(
    [
        [int(c) for c in row]
        for row in (
            "530070000",
            "600195000",
            "098000060",
            "800060003",
            "400803001",
            "700020006",
            "060000280",
            "000419005",
            "000080079",
        )
    ]
)

CASES = {
    fannkuch: lambda r: [(6,), (3,), (5,)],
    fannkuch_arrays: lambda r: [(6,), (3,), (5,)],
    spectral_norm: lambda r: [(24,), (1,), (0,), (7,)],
    spectral_norm_arrays: lambda r: [(60,), (1,), (0,), (7, 2), (3, 0)],
    queens_bits: lambda r: [(6,), (1,), (0,), (4,)],
    queens_backtrack: lambda r: [(8,), (1,), (0,), (3,), (6,)],
    pi_digits: lambda r: [(30,), (1,), (0,)],
    pi_spigot_array: lambda r: [(30,), (1,), (0,)],
    knights_tour: lambda r: [(6, 0, 0), (1, 0, 0), (4, 1, 2), (5, 2, 2)],
    sudoku: lambda r: [
        (PUZZLE.copy(),),
        (np.where(np.arange(81).reshape(9, 9) % 11 == 1, 0, PUZZLE),),
        (np.where(np.arange(81).reshape(9, 9) == 2, 8, PUZZLE),),
    ],
    sudoku_valid: lambda r: [
        (PUZZLE.copy(),),
        (np.where(np.arange(81).reshape(9, 9) == 2, 8, PUZZLE),),
        (np.zeros((9, 9), np.int8),),
    ],
    life_roll: lambda r: [
        (r.integers(0, 2, (40, 30)), 6),
        (np.ones((1, 1), np.uint8), 2),
        (r.integers(0, 2, (5, 4)).astype(np.float32), 0),
    ],
    langton: lambda r: [(20, 600), (9, 200, "LLRR"), (1, 3), (5, 0)],
    spiral_matrix: lambda r: [(12,), (1,), (0,), (5,)],
    spiral_array: lambda r: [(12, 17), (1, 1), (0, 3), (5, 1), (1, 4)],
    to_roman: lambda r: [(1987,), (3999,), (1,), (0,), (4000,)],
    from_roman: lambda r: [("MCMLXXXVII",), ("",), ("IV",), ("A",)],
    look_and_say: lambda r: [(10,), (1,), (3, "22")],
    look_and_say_array: lambda r: [(np.array([1]), 10), (np.array([2, 2]), 3), (np.array([3], np.int8), 0)],
    hanoi: lambda r: [(5,), (0,), (3, "x", "y", "z")],
    magic_square: lambda r: [(9,), (1,), (4,), (5,)],
    josephus: lambda r: [(41, 3), (1, 1), (0, 2), (7, 10)],
    josephus_last: lambda r: [(410, 3), (1, 1), (0, 2), (7, 10)],
    flood_distances: lambda r: [
        ((r.random((20, 30)) < 0.3).astype(int), (0, 0)),
        (np.zeros((1, 1)), (0, 0)),
        (np.ones((3, 3)), (1, 1)),
    ],
    anagrams: lambda r: [(["listen", "silent", "enlist", "abc", "cab", "x"],), ([],), (("a", "b"),)],
    subset_pairs: lambda r: [([3, 5, 2, 8, 1, 9], 10), ([], 1), ([1], 1), ((2, 2, 2, 4), 6)],
    ackermann_table: lambda r: [(3, 4), (0, 2), (2, 1)],
    sierpinski: lambda r: [(5,), (0,), (1,)],
    bracket_depth: lambda r: [("(()(()))",), ("())",), ("",)],
}
