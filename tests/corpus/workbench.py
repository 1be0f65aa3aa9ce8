"""A laboratory's small programs: readings rounded for a report, sensors, optics, heat, chemistry, bits on wires."""

import math
from collections import Counter, defaultdict, namedtuple
from dataclasses import dataclass

import numpy as np


def uncertainty_table(readings, names):
    table = []
    for name, row in zip(names, readings):
        mean = float(row.mean())
        error = float(row.std(ddof=1)) / math.sqrt(len(row))
        digits = 0
        while error > 0 and error * 10**digits < 2 and digits < 6:
            digits += 1
        table.append((name, round(mean, 3), round(error, 4), digits))
    return table


def hamming_distance_matrix(words):
    n = len(words)
    out = np.zeros((n, n), dtype=np.int64)
    for i in range(n):
        for j in range(i + 1, n):
            out[i, j] = out[j, i] = (int(words[i]) ^ int(words[j])).bit_count()
    return out


def gray_decode(codes):
    out = []
    for g in codes.tolist():
        b = g
        shift = 1
        while shift < max(g.bit_length(), 1):
            b ^= b >> shift
            shift <<= 1
        out.append(b)
    return out


def uart_frames(samples, per_bit):
    frames = []
    i = 0
    while i + 10 * per_bit <= len(samples):
        if samples[i]:
            i += 1
            continue
        byte = 0
        ones = 0
        for k in range(8):
            bit = int(samples[i + per_bit * (k + 1) + per_bit // 2])
            byte |= bit << k
            ones += bit
        stop = bool(samples[i + 9 * per_bit + per_bit // 2])
        frames.append((byte, ones % 2, stop))
        i += 10 * per_bit
    return frames


def debounce(edges, hold):
    state = 0
    since = -hold
    kept = []
    for t, level in edges:
        if level != state and t - since >= hold:
            kept.append((t, level))
            state, since = level, t
    return kept


def thermistor(resistances, a=1.129e-3, b=2.341e-4, c=8.775e-8):
    out = []
    for r in resistances:
        l = math.log(r)
        t = 1.0 / (a + b * l + c * l**3) - 273.15
        out.append(round(t, 1))
    return out


def fabry_perot(wavelengths, thickness, n=1.5, reflectivity=0.8):
    finesse = 4 * reflectivity / (1 - reflectivity) ** 2
    delta = 4 * np.pi * n * thickness / wavelengths
    t = 1 / (1 + finesse * np.sin(delta / 2) ** 2)
    peaks = [k for k in range(1, len(t) - 1) if t[k] > t[k - 1] and t[k] >= t[k + 1]]
    return t, peaks, len(peaks)


def thin_film_stack(n_layers, d_layers, wavelength, n_in=1.0, n_out=1.52):
    m = np.eye(2, dtype=complex)
    for n, d in zip(n_layers, d_layers):
        phase = 2 * np.pi * n * d / wavelength
        layer = np.array([[np.cos(phase), 1j * np.sin(phase) / n], [1j * n * np.sin(phase), np.cos(phase)]])
        m = m @ layer
    b, c = m @ np.array([1.0, n_out])
    r = (n_in * b - c) / (n_in * b + c)
    return abs(r) ** 2


def fin_temperature(n, steps, h=0.3, hot=100.0, air=20.0):
    t = np.full(n, air)
    t[0] = hot
    for _ in range(steps):
        t[1:-1] += 0.4 * (t[2:] - 2 * t[1:-1] + t[:-2]) - h * 0.05 * (t[1:-1] - air)
        t[-1] = t[-2]
    half = next((k for k in range(n) if t[k] < (hot + air) / 2), None)
    return t, half


def titration_endpoint(volumes, ph):
    best, at = -1.0, None
    for (v0, p0), (v1, p1) in zip(zip(volumes, ph), zip(volumes[1:], ph[1:])):
        slope = (p1 - p0) / (v1 - v0)
        if slope > best:
            best = slope
            at = (v0 + v1) / 2
    return at, best


Reading = namedtuple("Reading", "time channel value")


def split_channels(times, channels, values, count):
    logs = [[] for _ in range(count)]
    for t, c, v in zip(times, channels, values):
        logs[c].append(Reading(float(t), int(c), float(v)))
    return [(len(log), sum(r.value for r in log) if log else None) for log in logs]


def running_mode(x):
    counts = defaultdict(int)
    best, out = None, []
    for v in x.tolist():
        counts[v] += 1
        if best is None or counts[v] > counts[best] or (counts[v] == counts[best] and v < best):
            best = v
        out.append(best)
    return out


def bits_histogram(x):
    lengths = Counter()
    for v in x:
        lengths[int(v).bit_length()] += 1
    return sorted(lengths.items())


def quantised_levels(x, step):
    levels = {}
    for v in x.tolist():
        k = int(v // step)
        levels[k] = levels.get(k, 0) + 1
    top = max(levels, key=lambda k: (levels[k], -k))
    return len(levels), top, levels[top]


@dataclass
class Spring:
    k: float
    rest: float
    damping: float = 0.1

    def force(self, x, v):
        return -self.k * (x - self.rest) - self.damping * v


def spring_lab(k, rest, dt, n):
    s = Spring(k, rest)
    x, v = rest + 1.0, 0.0
    trace = np.empty(n)
    crossings = 0
    for i in range(n):
        v += s.force(x, v) * dt
        new = x + v * dt
        if (x - s.rest) * (new - s.rest) < 0:
            crossings += 1
        x = new
        trace[i] = x
    return trace, crossings, round(x, 6)


def steady_window(x, width, tol):
    for start in range(len(x) - width + 1):
        part = x[start : start + width]
        if part.max() - part.min() < tol:
            return start, float(part.mean())
    else:
        return None


def calibration_curve(x, y, order):
    a = np.vander(x, order + 1)
    q, r = np.linalg.qr(a)
    c = np.linalg.solve(r, q.T @ y)
    fitted = a @ c
    ss = float(((y - fitted) ** 2).sum())
    r2 = 1 - ss / float(((y - y.mean()) ** 2).sum())
    return c, round(r2, 5)


def dead_time_correct(counts, tau, dt):
    rate = counts / dt
    true = rate / (1 - rate * tau)
    true[rate * tau >= 1] = np.nan
    return true, int(np.isnan(true).sum())


def spectral_centroid_track(x, size, hop):
    out = []
    window = np.hanning(size)
    freqs = np.arange(size // 2 + 1) / size
    for start in range(0, len(x) - size + 1, hop):
        mag = np.abs(np.fft.rfft(x[start : start + size] * window))
        total = mag.sum()
        out.append(float((mag * freqs).sum() / total) if total > 0 else 0.0)
    return out


def crystal_planes(limit, a):
    found = []
    for h in range(limit):
        for k in range(h + 1):
            for l in range(k + 1):
                s = h * h + k * k + l * l
                if s == 0 or len({h % 2, k % 2, l % 2}) > 1:
                    continue
                found.append((round(a / math.sqrt(s), 4), (h, k, l)))
    found.sort(reverse=True)
    return found


def decay_chain(lambdas, n0, t_end, steps):
    n = np.zeros(len(lambdas) + 1)
    n[0] = n0
    dt = t_end / steps
    history = [n.copy()]
    for _ in range(steps):
        flow = n[:-1] * lambdas * dt
        n[:-1] -= flow
        n[1:] += flow
        history.append(n.copy())
    return np.array(history)


def lock_in(signal, f, fs, tau):
    alpha = 1 - math.exp(-1 / (fs * tau))
    x = y = 0.0
    out = np.empty(len(signal))
    for k, s in enumerate(signal):
        w = 2 * math.pi * f * k / fs
        x += alpha * (2 * s * math.cos(w) - x)
        y += alpha * (-2 * s * math.sin(w) - y)
        out[k] = math.hypot(x, y)
    return out


def seven_segment(digits):
    table = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)
    lit, rows = 0, []
    for d in digits:
        code = table[int(d)]
        rows.append([(code >> s) & 1 for s in range(7)])
        lit += code.bit_count()
    return lit, rows


def stepper_ramp(steps, v_max, accel):
    times, t, v = [], 0.0, 0.0
    for k in range(steps):
        left = steps - k
        v = min(v_max, math.sqrt(2 * accel * (k + 1)), math.sqrt(2 * accel * left))
        t += 1 / v
        times.append(round(t, 9))
    return times, v


def peak_pairs(x, threshold):
    peaks = [(k, v) for k, v in enumerate(x) if v > threshold]
    gaps = [b[0] - a[0] for a, b in zip(peaks, peaks[1:])]
    return len(peaks), sum(gaps), max(gaps, default=0)


def balance_equation(matrix):
    m = [[int(v) for v in row] for row in matrix]
    rows, cols = len(m), len(m[0])
    pivot_row = 0
    for c in range(cols):
        p = next((r for r in range(pivot_row, rows) if m[r][c] != 0), None)
        if p is None:
            continue
        m[pivot_row], m[p] = m[p], m[pivot_row]
        for r in range(rows):
            if r != pivot_row and m[r][c]:
                a, b = m[pivot_row][c], m[r][c]
                m[r] = [a * x - b * y for x, y in zip(m[r], m[pivot_row])]
        pivot_row += 1
        if pivot_row == rows:
            break
    return m


def wire_checksum(data):
    total = 0
    for i, b in enumerate(data):
        total += int(b) << 8 if i % 2 == 0 else int(b)
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def sensor_vote(a, b, c, tol):
    out, faults = np.empty(len(a)), [0, 0, 0]
    for k, (x, y, z) in enumerate(zip(a, b, c)):
        m = sorted((x, y, z))[1]
        for i, v in enumerate((x, y, z)):
            if abs(v - m) > tol:
                faults[i] += 1
        out[k] = m
    return out, faults


def slope_runs(y):
    runs, sign, length = [], 0, 0
    for a, b in zip(y, y[1:]):
        s = (b > a) - (b < a)
        if s == sign:
            length += 1
        else:
            if length:
                runs.append((sign, length))
            sign, length = s, 1
    runs.append((sign, length))
    return runs


def temperature_report(celsius):
    worst = None
    warm = cold = 0
    for day, t in enumerate(celsius.tolist(), start=1):
        f = round(t * 9 / 5 + 32, 1)
        if f >= 86.0:
            warm += 1
        elif f < 32:
            cold += 1
        if worst is None or abs(f - 68) > abs(worst[1] - 68):
            worst = (day, f)
    return warm, cold, worst


def _edges(r, n):
    t = np.cumsum(r.integers(1, 9, n))
    return [(int(a), k % 2) for k, a in enumerate(t, start=1)]


def _frames(r, count, per_bit):
    bits = [1] * 7
    for byte in r.integers(0, 256, count):
        bits += [0] * per_bit
        for k in range(8):
            bits += [int(byte) >> k & 1] * per_bit
        bits += [1] * (per_bit + int(r.integers(0, 4)))
    return np.array(bits + [1] * 20)


CASES = {
    uncertainty_table: lambda r: [(r.normal(3, 0.1, (2, 9)), ["a", "b"])],
    hamming_distance_matrix: lambda r: [(r.integers(0, 2**40, 9),), (r.integers(0, 9, 5),)],
    gray_decode: lambda r: [(r.integers(0, 2**20, 60),), (np.arange(9),), (np.zeros(0, int),)],
    uart_frames: lambda r: [(_frames(r, 6, 4), 4), (_frames(r, 3, 8), 8), (np.ones(12, int), 4)],
    debounce: lambda r: [(_edges(r, 30), 5), (_edges(r, 5), 1)],
    thermistor: lambda r: [(r.uniform(1e3, 5e4, 20),), (r.uniform(1e3, 5e4, 7).tolist(),)],
    fabry_perot: lambda r: [(np.linspace(500, 700, 90), 5000.0), (np.linspace(400, 450, 40), 900.0)],
    thin_film_stack: lambda r: [(r.uniform(1.3, 2.4, 6), r.uniform(50, 150, 6), 550.0), ([1.38], [99.6], 550.0)],
    fin_temperature: lambda r: [(20, 300), (8, 3)],
    titration_endpoint: lambda r: [(np.linspace(0, 50, 40), np.sort(r.uniform(2, 12, 40))), (np.arange(3.0), np.arange(3.0))],
    split_channels: lambda r: [(np.arange(30.0), r.integers(0, 3, 30), r.normal(size=30), 4)],
    running_mode: lambda r: [(r.integers(0, 6, 20),)],
    bits_histogram: lambda r: [(r.integers(0, 5000, 70),)],
    quantised_levels: lambda r: [(r.normal(size=60), 0.25)],
    spring_lab: lambda r: [(40.0, 0.2, 0.01, 300), (1.0, 0.0, 0.05, 10)],
    steady_window: lambda r: [(np.cumsum(r.normal(size=80) * 0.1), 6, 0.3), (np.arange(9.0), 3, 0.5)],
    calibration_curve: lambda r: [(np.linspace(0, 4, 20), r.normal(size=20), 2), (np.arange(6.0), r.random(6), 1)],
    dead_time_correct: lambda r: [(r.integers(10, 900, 20).astype(float), 1e-3, 0.5), (np.array([1e3, 3e3]), 1e-3, 1.0)],
    spectral_centroid_track: lambda r: [(r.normal(size=400), 64, 32), (np.zeros(128), 64, 64)],
    crystal_planes: lambda r: [(4, 3.61)],
    decay_chain: lambda r: [(np.array([0.5, 0.2, 0.05]), 100.0, 8.0, 60), (np.array([1.0]), 5.0, 1.0, 4)],
    lock_in: lambda r: [(np.sin(np.arange(300) * 0.4) + r.normal(size=300), 10.0, 157.0, 0.1)],
    seven_segment: lambda r: [(r.integers(0, 10, 20),)],
    stepper_ramp: lambda r: [(80, 12.0, 3.0), (4, 100.0, 1.0)],
    peak_pairs: lambda r: [(r.normal(size=90), 1.0), (np.zeros(5), 1.0), (r.normal(size=90), 9.0)],
    balance_equation: lambda r: [(np.array([[1, 0, -1], [4, 0, 0], [0, 2, -2]]),), (r.integers(-3, 4, (3, 4)),)],
    wire_checksum: lambda r: [(r.integers(0, 256, 65),), (bytes(range(40)),)],
    sensor_vote: lambda r: [(*(np.sin(np.arange(40) / 9) + r.normal(size=(3, 40)) * 0.1), 0.15)],
    slope_runs: lambda r: [(r.normal(size=50),), (np.arange(5),), (r.integers(0, 3, 40),)],
    temperature_report: lambda r: [(r.normal(15, 15, 60),), (np.array([20.0]),)],
}
