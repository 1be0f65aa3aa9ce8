"""Earth sciences: seismograms, climate records, catchments."""

import math
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np

Pick = namedtuple("Pick", ["on", "off", "peak"])
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def sta_lta(trace, nsta, nlta):
    """The classic ratio of a short to a long average, by recursion."""
    if nsta >= nlta:
        raise ValueError("nsta must be less than nlta")
    csta, clta = 1.0 / nsta, 1.0 / nlta
    sta, lta = 0.0, 1e-99
    cft = np.zeros(len(trace))
    for i in range(1, len(trace)):
        sq = trace[i] ** 2
        sta = csta * sq + (1 - csta) * sta
        lta = clta * sq + (1 - clta) * lta
        cft[i] = sta / lta
        if i < nlta:
            cft[i] = 0.0
    return cft


def trigger_onsets(trace, nsta=5, nlta=50, on=3.0, off=1.5):
    """Pairs of onset and end from the ratio, as named tuples."""
    cft = sta_lta(trace, nsta, nlta)
    picks = []
    start = None
    for i, value in enumerate(cft):
        if start is None:
            if value > on:
                start = i
        elif value < off:
            picks.append(Pick(start, i, float(cft[start:i].max())))
            start = None
    if start is not None:
        picks.append(Pick(start, len(cft) - 1, float(cft[start:].max())))
    return picks


def aic_picker(x):
    """Maeda's AIC: the sample that splits a trace in two best."""
    n = len(x)
    aic = np.full(n, np.inf)
    for k in range(2, n - 2):
        v1, v2 = np.var(x[:k]), np.var(x[k:])
        if v1 <= 0 or v2 <= 0:
            continue
        aic[k] = k * np.log10(v1) + (n - k - 1) * np.log10(v2)
    if not np.isfinite(aic).any():
        return None, aic
    return int(np.argmin(aic)), aic


def beamform(traces, offsets, dt, slownesses):
    """Delay and sum over a grid of slownesses, with linear interpolation."""
    n_sta, n = traces.shape
    power = np.zeros((len(slownesses), len(slownesses)))
    for a, sx in enumerate(slownesses):
        for b, sy in enumerate(slownesses):
            beam = np.zeros(n)
            for s in range(n_sta):
                delay = (sx * offsets[s, 0] + sy * offsets[s, 1]) / dt
                shift = math.floor(delay)
                frac = delay - shift
                for i in range(n):
                    j = i + shift
                    if 0 <= j < n - 1:
                        beam[i] += (1 - frac) * traces[s, j] + frac * traces[s, j + 1]
            beam /= n_sta
            power[a, b] = np.mean(beam**2)
    ia, ib = np.unravel_index(np.argmax(power), power.shape)
    return power, (slownesses[ia], slownesses[ib])


def fk_spectrum(traces, dx, dt):
    """Frequency–wavenumber power with tapers, and the strongest velocity."""
    nx, nt = traces.shape
    taper = np.hanning(nt)[None, :] * np.hanning(nx)[:, None]
    spec = np.abs(np.fft.fftshift(np.fft.fft2((traces - traces.mean()) * taper))) ** 2
    k = np.fft.fftshift(np.fft.fftfreq(nx, dx))
    f = np.fft.fftshift(np.fft.fftfreq(nt, dt))
    best, velocity = -1.0, None
    for i in range(nx):
        for j in range(nt):
            if f[j] <= 0 or k[i] == 0:
                continue
            if spec[i, j] > best:
                best = spec[i, j]
                velocity = f[j] / k[i]
    return spec, velocity


def layered_travel_time(depths, velocities, offset, source_depth=0.0, tol=1e-6, max_iter=100):
    """The ray parameter through flat layers that reaches an offset, by bisection."""
    thick, vel = [], []
    top = 0.0
    for bottom, v in zip(depths, velocities):
        lo = max(top, source_depth)
        if bottom > lo:
            thick.append(bottom - lo)
            vel.append(v)
        top = bottom
    if not thick:
        raise ValueError("the source lies below the model")
    thick, vel = np.array(thick), np.array(vel)

    def reach(p):
        eta = np.sqrt(1.0 / vel**2 - p * p)
        return np.sum(thick * p / eta), np.sum(thick / (vel**2 * eta))

    lo, hi = 0.0, (1 - 1e-9) / vel.max()
    for n in range(max_iter):
        mid = 0.5 * (lo + hi)
        x, t = reach(mid)
        if abs(x - offset) < tol:
            break
        if x < offset:
            lo = mid
        else:
            hi = mid
    return mid, t, n


def monthly_anomalies(values, months, base=None, min_count=3):
    """Departures from the mean of each calendar month; missing values are NaN."""
    values = np.asarray(values, dtype=float)
    climatology = {}
    for m in range(1, 13):
        sel = (months == m) & ~np.isnan(values)
        if base is not None:
            sel[: base[0]] = False
            sel[base[1] :] = False
        if sel.sum() >= min_count:
            climatology[m] = values[sel].mean()
    anomalies = np.full_like(values, np.nan)
    for i, (v, m) in enumerate(zip(values, months)):
        if m in climatology:
            anomalies[i] = v - climatology[m]
    return anomalies, climatology


def running_mean_gaps(x, window, min_valid=None):
    """Centred mean that skips what is missing."""
    if window % 2 == 0:
        raise ValueError(f"window must be odd, not {window}")
    min_valid = window // 2 + 1 if min_valid is None else min_valid
    half = window // 2
    out = np.empty(len(x), dtype=np.result_type(x.dtype, np.float32))
    for i in range(len(x)):
        total, count = 0.0, 0
        for j in range(max(0, i - half), min(len(x), i + half + 1)):
            if not np.isnan(x[j]):
                total += x[j]
                count += 1
        out[i] = total / count if count >= min_valid else np.nan
    return out


def eof_analysis(field, lat, n_modes=2):
    """Empirical orthogonal functions of a (time, lat, lon) field, weighted by area."""
    nt, ny, nx = field.shape
    weights = np.sqrt(np.cos(np.deg2rad(lat)))
    anomalies = (field - field.mean(axis=0)) * weights[None, :, None]
    matrix = anomalies.reshape(nt, ny * nx)
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    explained = s**2 / np.sum(s**2)
    modes = []
    for k in range(n_modes):
        pattern = vt[k].reshape(ny, nx) / weights[:, None]
        pc = u[:, k] * s[k]
        if pattern.flat[np.abs(pattern).argmax()] < 0:
            pattern, pc = -pattern, -pc
        scale = pc.std()
        modes.append({"pattern": pattern * scale, "pc": pc / scale, "explained": explained[k]})
    return modes


def degree_days(tmin, tmax, base=10.0, cap=30.0, method="sine"):
    """Accumulated growing degree days, and the day on which 100 are passed."""
    total = 0.0
    series = np.zeros(len(tmin))
    reached = None
    for day, (lo, hi) in enumerate(zip(tmin, tmax)):
        if hi < lo:
            raise ValueError(f"day {day}: the minimum is above the maximum")
        hi = min(hi, cap)
        lo = min(lo, cap)
        mean, amp = (hi + lo) / 2, (hi - lo) / 2
        if lo >= base:
            dd = mean - base
        elif hi <= base:
            dd = 0.0
        elif method == "simple":
            dd = max(0.0, mean - base)
        else:
            theta = np.arcsin((base - mean) / amp)
            dd = ((mean - base) * (np.pi / 2 - theta) + amp * np.cos(theta)) / np.pi
        total += dd
        series[day] = total
        if reached is None and total >= 100:
            reached = day
    return series, reached


def mann_kendall(x, alpha=0.05):
    """Trend test with ties, and Sen's slope."""
    n = len(x)
    s = 0
    slopes = []
    for i in range(n - 1):
        for j in range(i + 1, n):
            s += np.sign(x[j] - x[i])
            slopes.append((x[j] - x[i]) / (j - i))
    _, ties = np.unique(x, return_counts=True)
    var = (n * (n - 1) * (2 * n + 5) - np.sum(ties * (ties - 1) * (2 * ties + 5))) / 18
    if s > 0:
        z = (s - 1) / np.sqrt(var)
    elif s < 0:
        z = (s + 1) / np.sqrt(var)
    else:
        z = 0.0
    p = math.erfc(abs(z) / math.sqrt(2))
    trend = "none" if p > alpha else ("up" if z > 0 else "down")
    return trend, p, np.median(slopes)


def spi_like(precip, scale=3):
    """Standardised precipitation: ranks of moving sums turned into normal scores."""
    n = len(precip)
    sums = np.array([precip[i - scale + 1 : i + 1].sum() for i in range(scale - 1, n)])
    ranks = np.empty(len(sums))
    ranks[np.argsort(sums, kind="stable")] = np.arange(1, len(sums) + 1)
    prob = (ranks - 0.44) / (len(sums) + 0.12)
    scores = np.empty_like(prob)
    for i, p in enumerate(prob):
        q = p if p <= 0.5 else 1 - p
        t = np.sqrt(-2 * np.log(q))
        z = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t**3)
        scores[i] = -z if p <= 0.5 else z
    longest = run = 0
    for z in scores:
        run = run + 1 if z < -1 else 0
        longest = max(longest, run)
    return scores, longest


@dataclass
class Bucket:
    """Soil store with field capacity, percolation and a groundwater store behind it."""

    capacity: float = 150.0
    k_perc: float = 0.05
    k_base: float = 0.02
    soil: float = 75.0
    ground: float = 20.0
    log: list = field(default_factory=list)

    def step(self, rain: float, pet: float) -> float:
        et = pet * min(1.0, self.soil / (0.6 * self.capacity))
        self.soil += rain
        et = min(et, self.soil)
        self.soil -= et
        quick = 0.0
        if self.soil > self.capacity:
            quick = self.soil - self.capacity
            self.soil = self.capacity
        perc = self.k_perc * self.soil
        self.soil -= perc
        self.ground += perc
        base = self.k_base * self.ground
        self.ground -= base
        self.log.append((self.soil, self.ground, et))
        return quick + base


def bucket_model(rain, pet, capacity=150.0, warmup=0):
    """Daily flows, the stores' history and the balance."""
    model = Bucket(capacity=capacity)
    flow = np.zeros(len(rain))
    for day in range(len(rain)):
        flow[day] = model.step(rain[day], pet[day])
    soil = np.array([row[0] for row in model.log[warmup:]])
    balance = sum(rain) - sum(row[2] for row in model.log) - flow.sum() - (model.soil - 75.0) - (model.ground - 20.0)
    assert abs(balance) < 1e-2, "water is lost"
    return flow, soil


def snow_degree_day(temp, precip, threshold=0.5, ddf=3.0, retention=0.1):
    """Snow pack with liquid water and refreezing."""
    swe, liquid = 0.0, 0.0
    melt = np.zeros_like(precip)
    pack = np.zeros_like(precip)
    for i in range(len(temp)):
        if temp[i] < threshold:
            swe += precip[i]
            refreeze = min(liquid, 0.05 * ddf * (threshold - temp[i]))
            swe += refreeze
            liquid -= refreeze
            out = 0.0
        else:
            m = min(swe, ddf * (temp[i] - threshold))
            swe -= m
            liquid += m + precip[i]
            hold = retention * swe
            out = max(0.0, liquid - hold)
            liquid -= out
        melt[i] = out
        pack[i] = swe + liquid
    return melt, pack


def unit_hydrograph(excess, area, tp, dt=1.0, shape=3.5):
    """Direct runoff: rain excess through a gamma unit hydrograph."""
    n = int(5 * tp / dt) + 1
    t = np.arange(n) * dt
    uh = (t / tp) ** (shape - 1) * np.exp((shape - 1) * (1 - t / tp))
    uh /= uh.sum()
    q = np.zeros(len(excess) + n - 1)
    for i, p in enumerate(excess):
        if p <= 0:
            continue
        q[i : i + n] += p * uh
    return q * area / 3.6, q.argmax() * dt


def muskingum(inflow, k, x, dt, reaches=1, initial=None):
    """Flood routing through several reaches; a warning where the scheme may oscillate."""
    if not 0 <= x <= 0.5:
        raise ValueError("x must lie in [0, 0.5]")
    denom = 2 * k * (1 - x) + dt
    c0, c1, c2 = (dt - 2 * k * x) / denom, (dt + 2 * k * x) / denom, (2 * k * (1 - x) - dt) / denom
    stable = min(c0, c1, c2) >= 0
    flow = np.array(inflow, dtype=float)
    for _ in range(reaches):
        out = np.empty_like(flow)
        out[0] = flow[0] if initial is None else initial
        for t in range(1, len(flow)):
            out[t] = c0 * flow[t] + c1 * flow[t - 1] + c2 * out[t - 1]
        flow = out
    return flow, stable


def nash_sutcliffe(observed, simulated, log=False, eps=1e-3):
    """Efficiency, bias and Kling–Gupta efficiency of the days with data."""
    ok = np.isfinite(observed) & np.isfinite(simulated)
    if not ok.any():
        return {"nse": np.nan, "bias": np.nan, "kge": np.nan, "n": 0}
    o, s = observed[ok], simulated[ok]
    if log:
        o, s = np.log(o + eps), np.log(s + eps)
    nse = 1 - np.sum((o - s) ** 2) / np.sum((o - o.mean()) ** 2)
    r = np.corrcoef(o, s)[0, 1]
    kge = 1 - np.sqrt((r - 1) ** 2 + (s.std() / o.std() - 1) ** 2 + (s.mean() / o.mean() - 1) ** 2)
    return {"nse": nse, "bias": (s.sum() - o.sum()) / o.sum(), "kge": kge, "n": int(ok.sum())}


def baseflow(q, alpha=0.925, passes=3):
    """Lyne–Hollick filter forwards and backwards."""
    base = np.array(q, dtype=float)
    for p in range(passes):
        series = base if p % 2 == 0 else base[::-1]
        quick = np.zeros(len(series))
        result = np.empty(len(series))
        result[0] = series[0]
        for i in range(1, len(series)):
            quick[i] = alpha * quick[i - 1] + (1 + alpha) / 2 * (series[i] - series[i - 1])
            result[i] = series[i] - quick[i] if quick[i] > 0 else series[i]
        base = result if p % 2 == 0 else result[::-1]
    return base, base.sum() / np.sum(q)


def flood_frequency(peaks, return_periods=(2, 10, 100)):
    """Gumbel by L-moments; the quantiles as a dict."""
    x = np.sort(peaks)
    n = len(x)
    b0 = x.mean()
    b1 = sum(i * x[i] for i in range(n)) / (n * (n - 1))
    l2 = 2 * b1 - b0
    scale = l2 / math.log(2)
    loc = b0 - 0.5772156649 * scale
    return {t: loc - scale * math.log(-math.log(1 - 1 / t)) for t in return_periods}


def _trace(rng, n=400):
    x = rng.normal(0, 0.1, n)
    x[n // 2 : n // 2 + n // 8] += np.sin(np.arange(n // 8)) * 2
    return x


def _holes(rng, n):
    x = rng.normal(size=n)
    x[rng.random(n) < 0.2] = np.nan
    return x


CASES = {
    trigger_onsets: lambda rng: [
        (_trace(rng),),
        (_trace(rng, 80).astype(np.float32), 2, 10, 2.0),
        (np.zeros(10), 2, 5),
        (np.ones(3), 5, 2),
        (np.array([0, 0, 0, 0, 1, 5, 9, 7]), 1, 3, 2.0, 0.1),
    ],
    aic_picker: lambda rng: [(_trace(rng, 120),), (np.zeros(8),), (np.arange(3),), (_trace(rng, 40).astype(np.float32),)],
    beamform: lambda rng: [
        (rng.normal(size=(4, 60)), rng.normal(size=(4, 2)), 0.1, np.linspace(-0.4, 0.4, 5)),
        (np.ones((1, 3)), np.zeros((1, 2)), 1.0, [0.0, 0.5]),
        (np.ones((2, 5), np.float32), np.ones((1, 2)), 1.0, [0.1]),
    ],
    fk_spectrum: lambda rng: [
        (rng.normal(size=(8, 32)), 10.0, 0.01),
        (np.arange(12).reshape(3, 4), 1.0, 1.0),
        (rng.normal(size=(1, 4)), 1.0, 1.0),
    ],
    layered_travel_time: lambda rng: [
        ([5.0, 15.0, 30.0], [4.0, 6.0, 7.5], 20.0),
        ([5.0, 15.0], [4.0, 6.0], 8.0, 7.0),
        ([5.0], [4.0], 8.0, 7.0),
        ([1.0, 2.0], [3, 4], 0.5, 0.5, 1e-3, 10),
    ],
    monthly_anomalies: lambda rng: [
        (_holes(rng, 120), np.arange(120) % 12 + 1),
        (np.arange(30), np.arange(30) % 12 + 1, (0, 24), 2),
        (np.zeros(0), np.zeros(0, int)),
        ([1.0, 2.0], np.array([1, 1]), None, 1),
    ],
    running_mean_gaps: lambda rng: [
        (_holes(rng, 100), 5),
        (_holes(rng, 20).astype(np.float32), 3, 1),
        (np.arange(6), 3),
        (np.zeros(0), 3),
        (np.ones(5), 4),
    ],
    eof_analysis: lambda rng: [
        (rng.normal(size=(12, 4, 6)), np.linspace(-60, 60, 4)),
        (rng.normal(size=(5, 2, 2)).astype(np.float32), np.array([10, 20]), 1),
        (rng.normal(size=(3, 1, 2)), np.array([0.0]), 5),
    ],
    degree_days: lambda rng: [
        (rng.uniform(-2, 14, 60), rng.uniform(14, 34, 60)),
        ([5, 12, 2], [20, 35, 8], 10, 30, "simple"),
        (np.zeros(0), np.zeros(0)),
        (np.array([5.0, 9.0], np.float32), np.array([12.0, 3.0], np.float32)),
    ],
    mann_kendall: lambda rng: [
        (np.arange(40) * 0.05 + rng.normal(size=40),),
        (np.array([3, 3, 2, 2, 1, 0, -1, -1]),),
        (np.array([1.0, 2.0, 1.0], np.float32),),
        (np.array([1.0, 1.0]),),
    ],
    spi_like: lambda rng: [(rng.gamma(2.0, 20.0, 60),), (np.array([1, 5, 2, 8, 0]), 2), (np.arange(3.0), 1)],
    bucket_model: lambda rng: [
        (rng.gamma(0.3, 15.0, 20), rng.uniform(1, 5, 20)),
        ([100.0, 200.0, 0.0], [2.0, 2.0, 2.0], 80.0, 1),
        (np.zeros(5, np.float32), np.ones(5, np.float32)),
        (np.zeros(0), np.zeros(0)),
        (np.ones(3), np.ones(2)),
    ],
    snow_degree_day: lambda rng: [
        (rng.normal(0, 5, 90), rng.gamma(0.5, 5.0, 90)),
        (np.array([-3, -2, 4], np.float32), np.array([10, 5, 2], np.float32)),
        (np.array([-3.0, 5.0]), np.array([10, 5])),
        (np.zeros(0), np.zeros(0)),
    ],
    unit_hydrograph: lambda rng: [
        (rng.gamma(0.5, 4.0, 24), 120.0, 6.0),
        (np.array([0, 5, 0, 2]), 10.0, 2.0, 0.5, 2.0),
        ([], 10.0, 1.0),
        ([1.0, -1.0], 3.6, 0.1),
    ],
    muskingum: lambda rng: [
        (10 + 90 * np.exp(-(((np.arange(40) - 10) / 4.0) ** 2)), 2.0, 0.2, 1.0),
        ([10, 20, 50, 30], 1.0, 0.1, 1.0, 3, 8.0),
        (np.ones(3), 1.0, 0.7, 1.0),
        (np.zeros(0), 1.0, 0.2, 1.0),
    ],
    nash_sutcliffe: lambda rng: [
        (rng.gamma(2, 3, 50), rng.gamma(2, 3, 50)),
        (_holes(rng, 30) + 9, _holes(rng, 30) + 9, True),
        (np.full(3, np.nan), np.ones(3)),
        (np.array([1, 2, 3]), np.array([1.0, 2.5, 3.0])),
    ],
    baseflow: lambda rng: [(rng.gamma(2, 3, 100),), ([5, 9, 3, 4], 0.9, 1), (np.ones(1), 0.9, 2), (np.zeros(0),)],
    flood_frequency: lambda rng: [(rng.gumbel(100, 30, 40),), ([5, 9, 3, 7], (5, 50)), (np.array([4.0]),)],
}
