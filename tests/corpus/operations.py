"""Schedulers, queues, caches, automata and trading rules, as operations research and finance courses program them."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict

import numpy as np


def page_faults(requests, frames, policy="lru"):
    """Page faults of a memory with few frames by FIFO, LRU or the clock algorithm, and what is in memory at the end."""
    faults = 0
    if policy == "fifo":
        memory = []
        for page in requests:
            if page not in memory:
                faults += 1
                if len(memory) == frames:
                    memory.pop(0)
                memory.append(page)
        return faults, memory
    if policy == "lru":
        recent = OrderedDict()
        for page in requests:
            if page in recent:
                recent.move_to_end(page)
                continue
            faults += 1
            if len(recent) == frames:
                recent.popitem(last=False)
            recent[page] = True
        return faults, list(recent)
    slots, bits, hand = [-1] * frames, [0] * frames, 0
    for page in requests:
        if page in slots:
            bits[slots.index(page)] = 1
            continue
        faults += 1
        while bits[hand]:
            bits[hand] = 0
            hand = (hand + 1) % frames
        slots[hand], bits[hand] = page, 1
        hand = (hand + 1) % frames
    return faults, slots


def johnson_flowshop(times):
    """Johnson's order of jobs on two machines, with the starts on both and the makespan."""
    front = sorted((j for j in range(len(times)) if times[j][0] < times[j][1]), key=lambda j: times[j][0])
    back = sorted((j for j in range(len(times)) if times[j][0] >= times[j][1]), key=lambda j: times[j][1], reverse=True)
    order = front + back
    t1 = t2 = 0
    starts = []
    for j in order:
        s1 = t1
        t1 += times[j][0]
        s2 = max(t1, t2)
        t2 = s2 + times[j][1]
        starts.append((s1, s2))
    return order, starts, t2


def bin_packing(items, capacity):
    """First fit, best fit and first fit decreasing: the bins' contents."""

    def first_fit(sizes):
        room, bins = [], []
        for s in sizes:
            for b in range(len(room)):
                if room[b] >= s:
                    room[b] -= s
                    bins[b].append(s)
                    break
            else:
                room.append(capacity - s)
                bins.append([s])
        return bins

    def best_fit(sizes):
        room = []
        for s in sizes:
            best = -1
            for b, free in enumerate(room):
                if free >= s and (best < 0 or free < room[best]):
                    best = b
            if best < 0:
                room.append(capacity - s)
            else:
                room[best] -= s
        return room

    ffd = first_fit(sorted(items, reverse=True))
    fullest = max(sum(b) for b in ffd)
    return {"first": len(first_fit(items)), "best": len(best_fit(items)), "decreasing": len(ffd), "fullest": fullest}


def ant_colony(dist, ants=8, rounds=10, alpha=1.0, beta=2.0, rho=0.5, seed=0):
    """Ants on the travelling salesman's graph: roulette by pheromone and nearness, evaporation, deposits."""
    rng = np.random.default_rng(seed)
    n = len(dist)
    tau = np.ones((n, n))
    eta = 1.0 / (dist + np.eye(n))
    best_len, best_tour = np.inf, None
    history = []
    for _ in range(rounds):
        delta = np.zeros_like(tau)
        for _ in range(ants):
            tour = [int(rng.integers(n))]
            unvisited = np.ones(n, dtype=bool)
            unvisited[tour[0]] = False
            while len(tour) < n:
                i = tour[-1]
                w = np.where(unvisited, tau[i] ** alpha * eta[i] ** beta, 0.0)
                j = int(np.searchsorted(np.cumsum(w), rng.random() * w.sum()))
                j = min(j, n - 1)
                tour.append(j)
                unvisited[j] = False
            length = sum(dist[tour[k], tour[(k + 1) % n]] for k in range(n))
            if length < best_len:
                best_len, best_tour = length, tour[:]
            for k in range(n):
                a, b = tour[k], tour[(k + 1) % n]
                delta[a, b] += 1.0 / length
                delta[b, a] += 1.0 / length
        tau = (1 - rho) * tau + delta
        history.append(best_len)
    return best_len, best_tour, np.array(history)


def job_shop(jobs, machines, rule="spt"):
    """A job shop by dispatching: a heap of machine releases, the rule picks among the jobs that wait."""
    done = [0] * len(jobs)
    waiting = [[] for _ in range(machines)]
    busy = [False] * machines
    finish = [0] * len(jobs)
    events = []
    clock = 0
    log = []
    for j, ops in enumerate(jobs):
        waiting[ops[0][0]].append(j)

    def start(m):
        if busy[m] or not waiting[m]:
            return
        if rule == "spt":
            j = min(waiting[m], key=lambda j: (jobs[j][done[j]][1], j))
        else:
            j = max(waiting[m], key=lambda j: (sum(t for _, t in jobs[j][done[j] :]), -j))
        waiting[m].remove(j)
        busy[m] = True
        heapq.heappush(events, (clock + jobs[j][done[j]][1], m, j))

    for m in range(machines):
        start(m)
    while events:
        clock, m, j = heapq.heappop(events)
        log.append((j, m, clock))
        busy[m] = False
        done[j] += 1
        if done[j] < len(jobs[j]):
            waiting[jobs[j][done[j]][0]].append(j)
        else:
            finish[j] = clock
        for k in range(machines):
            start(k)
    return clock, finish, log


def trailing_stop(high, low, close, fast=3, slow=8, stop=0.05, fee=0.001):
    """A crossover system with a trailing stop, bar by bar, with the trades it made."""
    n = len(close)
    equity = np.ones(n)
    position, entry, peak, cash = 0, 0.0, 0.0, 1.0
    trades = []
    sums_fast = sums_slow = 0.0
    above = False
    for t in range(n):
        sums_fast += close[t] - (close[t - fast] if t >= fast else 0.0)
        sums_slow += close[t] - (close[t - slow] if t >= slow else 0.0)
        if t < slow:
            equity[t] = cash
            continue
        was, above = above, sums_fast / fast > sums_slow / slow
        if position:
            peak = max(peak, high[t])
            level = peak * (1 - stop)
            if low[t] < level or (was and not above):
                price = level if low[t] < level else close[t]
                gain = price / entry * (1 - fee) - 1
                cash *= 1 + gain
                trades.append((t, "stop" if low[t] < level else "cross", gain))
                position = 0
        elif above and not was:
            position, entry, peak = 1, close[t] * (1 + fee), high[t]
        equity[t] = cash * (close[t] / entry if position else 1.0)
    wins = [g for _, _, g in trades if g > 0]
    return equity, trades, len(wins) / len(trades) if trades else 0.0


def renko(prices, brick, reversal=2):
    """Renko bricks of a series of prices: directions, and the index at which each was laid."""
    bricks, where = [], []
    level = prices[0]
    direction = 0
    for i in range(1, len(prices)):
        move = prices[i] - level
        while abs(move) >= brick:
            sign = 1 if move > 0 else -1
            need = brick if direction in (0, sign) else reversal * brick
            if abs(move) < need:
                break
            level += sign * need
            direction = sign
            bricks.append(sign)
            where.append(i)
            move = prices[i] - level
    runs = Counter()
    length = 0
    for i, b in enumerate(bricks):
        length += 1
        if i + 1 == len(bricks) or bricks[i + 1] != b:
            runs[length] += 1
            length = 0
    return np.array(bricks, dtype=np.int8), where, dict(runs)


def best_trades(prices, k, fee=0):
    """The best profit from at most k purchases and sales of a share, and the days on which they happen."""
    n = len(prices)
    hold = [[-np.inf] * (k + 1) for _ in range(n + 1)]
    free = [[-np.inf] * (k + 1) for _ in range(n + 1)]
    free[0][0] = 0.0
    for d in range(n):
        for t in range(k + 1):
            hold[d + 1][t] = max(hold[d][t], free[d][t] - prices[d])
            free[d + 1][t] = free[d][t]
            if t > 0:
                free[d + 1][t] = max(free[d + 1][t], hold[d][t - 1] + prices[d] - fee)
    t = int(np.argmax(free[n]))
    best = free[n][t]
    days = []
    holding = False
    for d in range(n, 0, -1):
        if not holding:
            if t > 0 and free[d][t] != free[d - 1][t]:
                days.append(("sell", d - 1))
                t -= 1
                holding = True
        elif hold[d][t] != hold[d - 1][t]:
            days.append(("buy", d - 1))
            holding = False
    return best, days[::-1]


def post_system(word, rules, deletion=2, limit=500):
    """A tag system: read the first symbol, cut some off, append its rule; the lengths on the way and what is left."""
    lengths = []
    tape = list(word)
    steps = 0
    while len(tape) >= deletion and steps < limit:
        head = tape[0]
        if head not in rules:
            break
        tape = tape[deletion:] + list(rules[head])
        lengths.append(len(tape))
        steps += 1
    return steps, lengths, "".join(tape)


def rating_losses(ratings, exposure, matrix, years, seed=0, recovery=0.4):
    """Losses of a loan book whose ratings migrate by a Markov chain, year by year, by inverse transform."""
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(matrix, axis=1)
    default = matrix.shape[0] - 1
    state = np.array(ratings)
    losses = np.zeros(years)
    census = np.zeros((years, default + 1), dtype=np.int64)
    for y in range(years):
        u = rng.random(len(state))
        for i in range(len(state)):
            if state[i] == default:
                continue
            new = 0
            while new < default and u[i] > cumulative[state[i], new]:
                new += 1
            if new == default:
                losses[y] += exposure[i] * (1 - recovery)
            state[i] = new
        census[y] = np.bincount(state, minlength=default + 1)
    return losses, census, state


_MIGRATION = np.array([[0.9, 0.08, 0.02], [0.1, 0.75, 0.15], [0.0, 0.0, 1.0]])


def _bars(rng, n, dtype=float):
    close = (100 * np.exp(np.cumsum(rng.normal(0, 0.03, n)))).astype(dtype)
    spread = (1 + np.abs(rng.normal(0, 0.01, n))).astype(dtype)
    return close * spread, close / spread, close


def _distances(rng, n):
    p = rng.random((n, 2))
    return np.sqrt(((p[:, None] - p[None]) ** 2).sum(-1))


def _shop(rng, jobs, machines):
    return [[(int(m), int(rng.integers(1, 9))) for m in rng.permutation(machines)] for _ in range(jobs)]


CASES = {
    page_faults: lambda rng: [
        (rng.integers(0, 7, 30).tolist(), 3),
        (rng.integers(0, 7, 30).tolist(), 3, "fifo"),
        (rng.integers(0, 5, 20), 3, "clock"),
        ([1, 2, 1], 1),
    ],
    johnson_flowshop: lambda rng: [
        ([(3, 2), (1, 4), (6, 5), (2, 2)],),
        (rng.integers(1, 9, (8, 2)),),
        (rng.uniform(1, 9, (5, 2)).tolist(),),
    ],
    bin_packing: lambda rng: [
        (rng.integers(1, 9, 15).tolist(), 10),
        ([0.5, 0.7, 0.5, 0.2, 0.4, 0.2], 1.0),
        ((4, 8, 1, 4, 2, 1), 10),
    ],
    ant_colony: lambda rng: [
        (_distances(rng, 7), 4, 4),
        (_distances(rng, 5), 3, 2, 2.0, 1.0, 0.1, 9),
        (_distances(rng, 4), 1, 1),
    ],
    job_shop: lambda rng: [(_shop(rng, 4, 3), 3), (_shop(rng, 3, 2), 2, "mwr"), ([[(0, 2)]], 1)],
    trailing_stop: lambda rng: [_bars(rng, 60), (*_bars(rng, 30), 2, 5, 0.02), _bars(rng, 25, np.float32), _bars(rng, 5)],
    renko: lambda rng: [
        (100 + np.cumsum(rng.normal(0, 1, 50)), 1.5),
        (rng.integers(90, 110, 20), 4, 1),
        ((50 + np.cumsum(rng.normal(0, 1, 20))).astype(np.float32), 1.0),
    ],
    best_trades: lambda rng: [(rng.uniform(5, 15, 15), 3), ([3, 2, 6, 5, 0, 3], 2), (rng.integers(1, 20, 10), 2, 1)],
    post_system: lambda rng: [
        ("aaaaaaa", {"a": "bc", "b": "a", "c": "aaa"}),
        ("baa", {"a": "ccbaH", "b": "cca", "c": "cc"}),
        ("ab", {"b": "a"}, 1),
    ],
    rating_losses: lambda rng: [
        (rng.integers(0, 2, 30), rng.uniform(1, 5, 30), _MIGRATION, 5),
        ([0, 1, 2], [1.0, 2.0, 3.0], _MIGRATION, 2, 7, 0.2),
        (np.zeros(4, np.int32), np.ones(4, np.float32), _MIGRATION, 3),
    ],
}
