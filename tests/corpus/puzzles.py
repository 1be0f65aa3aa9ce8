"""Puzzles of grids, machines and lists, as programmers solve them each December."""

from collections import defaultdict, deque

import numpy as np


def visible_trees(grid):
    """AoC 2022 day 8."""
    h, w = grid.shape
    visible = 0
    best = 0
    for i in range(h):
        for j in range(w):
            t = grid[i, j]
            views = [grid[i, :j][::-1], grid[i, j + 1 :], grid[:i, j][::-1], grid[i + 1 :, j]]
            if any((v < t).all() for v in views):
                visible += 1
            score = 1
            for v in views:
                blocked = np.nonzero(v >= t)[0]
                score *= blocked[0] + 1 if len(blocked) else len(v)
            best = max(best, score)
    return visible, best


def bingo_winner(draws, boards):
    marked = np.zeros(boards.shape, dtype=bool)
    won = np.zeros(len(boards), dtype=bool)
    scores = []
    for d in draws:
        marked |= boards == d
        full = marked.all(axis=1).any(axis=1) | marked.all(axis=2).any(axis=1)
        for b in np.flatnonzero(full & ~won):
            scores.append(int(boards[b][~marked[b]].sum()) * int(d))
        won |= full
        if won.all():
            break
    return scores[0], scores[-1]


def octopus_flashes(grid, steps):
    g = grid.copy()
    total = 0
    h, w = g.shape
    for _ in range(steps):
        g += 1
        stack = [(int(i), int(j)) for i, j in zip(*np.where(g > 9))]
        flashed = set(stack)
        while stack:
            i, j = stack.pop()
            for di in (-1, 0, 1):
                for dj in (-1, 0, 1):
                    y, x = i + di, j + dj
                    if 0 <= y < h and 0 <= x < w:
                        g[y, x] += 1
                        if g[y, x] > 9 and (y, x) not in flashed:
                            flashed.add((y, x))
                            stack.append((y, x))
        for i, j in flashed:
            g[i, j] = 0
        total += len(flashed)
    return total, g


def smoke_basins(height):
    h, w = height.shape
    padded = np.pad(height, 1, constant_values=9)
    risk = 0
    sizes = []
    seen = np.zeros_like(padded, dtype=bool)
    for i in range(1, h + 1):
        for j in range(1, w + 1):
            c = padded[i, j]
            if c < padded[i - 1, j] and c < padded[i + 1, j] and c < padded[i, j - 1] and c < padded[i, j + 1]:
                risk += c + 1
                size = 0
                queue = [(i, j)]
                while queue:
                    y, x = queue.pop()
                    if seen[y, x] or padded[y, x] == 9:
                        continue
                    seen[y, x] = True
                    size += 1
                    queue += [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
                sizes.append(size)
    sizes.sort(reverse=True)
    return risk, np.prod(sizes[:3])


def intcode(program, value):
    mem = list(program)
    ip = 0
    out = []
    while True:
        op = mem[ip] % 100
        if op == 99:
            break
        m1 = mem[ip] // 100 % 10
        m2 = mem[ip] // 1000 % 10
        if op == 3:
            mem[mem[ip + 1]] = value
            ip += 2
            continue
        a = mem[ip + 1] if m1 else mem[mem[ip + 1]]
        if op == 4:
            out.append(a)
            ip += 2
            continue
        b = mem[ip + 2] if m2 else mem[mem[ip + 2]]
        if op == 1:
            mem[mem[ip + 3]] = a + b
            ip += 4
        elif op == 2:
            mem[mem[ip + 3]] = a * b
            ip += 4
        elif op == 5:
            ip = b if a != 0 else ip + 3
        elif op == 6:
            ip = b if a == 0 else ip + 3
        elif op == 7:
            mem[mem[ip + 3]] = 1 if a < b else 0
            ip += 4
        elif op == 8:
            mem[mem[ip + 3]] = 1 if a == b else 0
            ip += 4
        else:
            raise ValueError("bad opcode")
    return out


def probe_launcher(x0, x1, y0, y1):
    hits = 0
    top = 0
    for vx0 in range(0, x1 + 1):
        for vy0 in range(y0, -y0 + 1):
            x = y = 0
            vx, vy = vx0, vy0
            peak = 0
            while x <= x1 and y >= y0:
                x += vx
                y += vy
                peak = max(peak, y)
                if vx > 0:
                    vx -= 1
                vy -= 1
                if x0 <= x <= x1 and y0 <= y <= y1:
                    hits += 1
                    top = max(top, peak)
                    break
    return hits, top


def power_grid(serial):
    y, x = np.mgrid[1:101, 1:101]
    rack = x + 10
    power = (rack * y + serial) * rack // 100 % 10 - 5
    sat = power.cumsum(0).cumsum(1)
    sat = np.pad(sat, ((1, 0), (1, 0)))
    best = (-(10**9), 0, 0, 0)
    for s in range(1, 20):
        sums = sat[s:, s:] - sat[:-s, s:] - sat[s:, :-s] + sat[:-s, :-s]
        k = sums.argmax()
        i, j = divmod(k, sums.shape[1])
        if sums[i, j] > best[0]:
            best = (sums[i, j], j + 1, i + 1, s)
    return best


def marble_game(players, last):
    scores = [0] * players
    circle = deque([0])
    for m in range(1, last + 1):
        if m % 23 == 0:
            circle.rotate(7)
            scores[m % players] += m + circle.pop()
            circle.rotate(-1)
        else:
            circle.rotate(-1)
            circle.append(m)
    return max(scores)


def memory_banks(banks):
    banks = list(banks)
    seen = {}
    steps = 0
    while tuple(banks) not in seen:
        seen[tuple(banks)] = steps
        k = banks.index(max(banks))
        blocks = banks[k]
        banks[k] = 0
        while blocks:
            k = (k + 1) % len(banks)
            banks[k] += 1
            blocks -= 1
        steps += 1
    return steps, steps - seen[tuple(banks)]


def spoken_number(start, turns):
    last = {}
    for i, n in enumerate(start[:-1]):
        last[n] = i + 1
    cur = start[-1]
    for t in range(len(start), turns):
        nxt = t - last[cur] if cur in last else 0
        last[cur] = t
        cur = nxt
    return cur


def spiral_memory(target):
    grid = {(0, 0): 1}
    x = y = 0
    dx, dy = 1, 0
    run = 1
    while True:
        for _ in range(2):
            for _ in range(run):
                x += dx
                y += dy
                v = 0
                for i in (-1, 0, 1):
                    for j in (-1, 0, 1):
                        v += grid.get((x + i, y + j), 0)
                if v > target:
                    return v
                grid[x, y] = v
            dx, dy = -dy, dx
        run += 1


def seat_rule(grid, tolerance):
    h, w = grid.shape
    cur = grid.copy()
    while True:
        p = np.pad(cur == 2, 1).astype(int)
        n = sum(p[1 + i : h + 1 + i, 1 + j : w + 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
        nxt = cur.copy()
        nxt[(cur == 1) & (n == 0)] = 2
        nxt[(cur == 2) & (n >= tolerance)] = 1
        if (nxt == cur).all():
            return int((cur == 2).sum())
        cur = nxt


def crane_stacks(stacks, moves):
    stacks = [list(s) for s in stacks]
    for n, a, b in moves:
        for _ in range(n):
            stacks[b].append(stacks[a].pop())
    return [s[-1] for s in stacks]


def sand_fall(rock, source):
    cave = rock.copy()
    h, w = cave.shape
    grains = 0
    while True:
        y, x = 0, source
        if cave[y, x]:
            return grains, cave
        while True:
            if y + 1 >= h:
                return grains, cave
            if not cave[y + 1, x]:
                y += 1
            elif x > 0 and not cave[y + 1, x - 1]:
                y, x = y + 1, x - 1
            elif x + 1 < w and not cave[y + 1, x + 1]:
                y, x = y + 1, x + 1
            else:
                break
        cave[y, x] = 2
        grains += 1


def monkey_business(items, mult, add, div, yes, no, rounds):
    items = [list(r) for r in items]
    seen = [0] * len(items)
    for _ in range(rounds):
        for m in range(len(items)):
            for old in items[m]:
                new = (old * mult[m] + add[m]) // 3
                seen[m] += 1
                if new % div[m] == 0:
                    items[yes[m]].append(new)
                else:
                    items[no[m]].append(new)
            items[m] = []
    seen.sort()
    return seen[-1] * seen[-2]


def cathode_ray(program):
    x = 1
    cycle = 0
    total = 0
    screen = np.zeros((6, 40), dtype=np.int8)
    for op, arg in program:
        for _ in range(2 if op == "addx" else 1):
            if cycle < 240 and abs(cycle % 40 - x) <= 1:
                screen[cycle // 40, cycle % 40] = 1
            cycle += 1
            if cycle % 40 == 20:
                total += cycle * x
        if op == "addx":
            x += arg
    return total, screen


def polymer(template, rules, n):
    pairs = defaultdict(int)
    letters = defaultdict(int)
    for a, b in zip(template, template[1:]):
        pairs[a + b] += 1
    for c in template:
        letters[c] += 1
    for _ in range(n):
        new = defaultdict(int)
        for p, k in pairs.items():
            c = rules[p]
            letters[c] += k
            new[p[0] + c] += k
            new[c + p[1]] += k
        pairs = new
    return max(letters.values()) - min(letters.values())


CASES = {
    visible_trees: lambda r: [(r.integers(0, 10, (12, 14)),), (np.ones((1, 1), int),)],
    bingo_winner: lambda r: [
        (r.permutation(75), np.array([r.permutation(75)[:25].reshape(5, 5) for _ in range(6)])),
        (np.arange(25), np.arange(25).reshape(1, 5, 5)),
    ],
    octopus_flashes: lambda r: [(r.integers(0, 10, (10, 10)), 20), (np.full((2, 2), 9), 1), (np.zeros((3, 3), int), 0)],
    smoke_basins: lambda r: [
        (r.integers(0, 10, (14, 15)),),
        (np.array([[2, 1, 9], [3, 9, 8], [9, 8, 7]]),),
        (np.full((2, 2), 9),),
    ],
    intcode: lambda r: [
        (
            [
                3,
                21,
                1008,
                21,
                8,
                20,
                1005,
                20,
                22,
                107,
                8,
                21,
                20,
                1006,
                20,
                31,
                1106,
                0,
                36,
                98,
                0,
                0,
                1002,
                21,
                125,
                20,
                4,
                20,
                1105,
                1,
                46,
                104,
                999,
                1105,
                1,
                46,
                1101,
                1000,
                1,
                20,
                4,
                20,
                1105,
                1,
                46,
                98,
                99,
            ],
            7,
        ),
        ([3, 9, 8, 9, 10, 9, 4, 9, 99, -1, 8], 8),
        ([1, 0, 0, 0, 99], 1),
        ([77], 1),
    ],
    probe_launcher: lambda r: [(20, 30, -10, -5), (5, 6, -3, -2), (0, 1, -1, -1)],
    power_grid: lambda r: [(18,), (42,)],
    marble_game: lambda r: [(9, 25), (10, 800), (1, 0)],
    memory_banks: lambda r: [([0, 2, 7, 0],), ([int(x) for x in r.integers(0, 9, 8)],), ((1, 1),)],
    spoken_number: lambda r: [([0, 3, 6], 300), ([1, 3, 2], 2020), ([2], 1)],
    spiral_memory: lambda r: [(800,), (1,), (50000,)],
    seat_rule: lambda r: [(r.integers(0, 2, (12, 13)), 4), (np.zeros((3, 3), int), 4)],
    crane_stacks: lambda r: [
        (["ZN", "MCD", "P"], [(1, 1, 0), (3, 0, 2), (2, 1, 0), (1, 0, 1)]),
        (["A", "B"], []),
        (["A", ""], [(2, 0, 1)]),
    ],
    sand_fall: lambda r: [
        ((r.random((20, 21)) < 0.15).astype(int), 10),
        (np.zeros((3, 3), int), 1),
        (np.concatenate([np.zeros((5, 11), int), np.ones((1, 11), int)]), 5),
    ],
    monkey_business: lambda r: [
        (
            [[79, 98], [54, 65, 75, 74], [79, 60, 97], [74]],
            [19, 1, 3, 1],
            [0, 6, 0, 3],
            [23, 19, 13, 17],
            [2, 2, 1, 0],
            [3, 0, 3, 1],
            20,
        ),
        ([[1], [2]], [1, 1], [1, 2], [2, 3], [1, 0], [1, 0], 0),
    ],
    cathode_ray: lambda r: [([("addx", int(k)) if k % 3 else ("noop", 0) for k in r.integers(-8, 9, 130)],), ([],)],
    polymer: lambda r: [
        (
            "NNCB",
            {
                "CH": "B",
                "HH": "N",
                "CB": "H",
                "NH": "C",
                "HB": "C",
                "HC": "B",
                "HN": "C",
                "NN": "C",
                "BH": "H",
                "NC": "B",
                "NB": "B",
                "BN": "B",
                "BB": "N",
                "BC": "B",
                "CC": "N",
                "CN": "C",
            },
            10,
        ),
        ("AB", {"AB": "A", "AA": "B", "BA": "B", "BB": "A"}, 3),
    ],
}
