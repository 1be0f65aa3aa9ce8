"""Astronomy: orbits, photometry, light curves, spectra."""

import math
from dataclasses import dataclass

import numpy as np

DEG = np.pi / 180.0
GM_SUN = 2.9591220828559093e-4  # AU³/day²


@dataclass
class Elements:
    """Osculating elements; angles in radians."""

    a: float
    e: float
    i: float
    node: float
    peri: float
    m0: float = 0.0

    @property
    def mean_motion(self) -> float:
        return math.sqrt(GM_SUN / self.a**3)


def solve_kepler(m: float, e: float, tol: float = 1e-12, max_iter: int = 50) -> tuple[float, int]:
    """Newton from Danby's start."""
    m = math.fmod(m, 2 * math.pi)
    big = m + 0.85 * e * (1 if math.sin(m) >= 0 else -1)
    for k in range(max_iter):
        delta = (big - e * math.sin(big) - m) / (1 - e * math.cos(big))
        big -= delta
        if abs(delta) < tol:
            return big, k + 1
    raise RuntimeError(f"Kepler's equation did not converge for e={e}")


def ephemeris(a, e, i, node, peri, times, m0=0.0):
    """Heliocentric positions of a body at several times."""
    if not 0 <= e < 1:
        raise ValueError("only elliptic orbits")
    body = Elements(a, e, i * DEG, node * DEG, peri * DEG, m0)
    out = np.empty((len(times), 3))
    iterations = []
    cw, sw = math.cos(body.peri), math.sin(body.peri)
    co, so = math.cos(body.node), math.sin(body.node)
    ci, si = math.cos(body.i), math.sin(body.i)
    rot = np.array(
        [
            [co * cw - so * sw * ci, -co * sw - so * cw * ci],
            [so * cw + co * sw * ci, -so * sw + co * cw * ci],
            [sw * si, cw * si],
        ]
    )
    for k, t in enumerate(times):
        big, n = solve_kepler(body.m0 + body.mean_motion * t, body.e)
        iterations.append(n)
        x = body.a * (math.cos(big) - body.e)
        y = body.a * math.sqrt(1 - body.e**2) * math.sin(big)
        out[k] = rot @ np.array([x, y])
    return out, iterations


def state_to_elements(r, v, mu=1.0):
    """Elements from position and velocity, as a dict."""
    r, v = np.asarray(r, dtype=float), np.asarray(v, dtype=float)
    h = np.cross(r, v)
    n = np.cross([0.0, 0.0, 1.0], h)
    rn, vn = np.linalg.norm(r), np.linalg.norm(v)
    evec = ((vn**2 - mu / rn) * r - np.dot(r, v) * v) / mu
    e = np.linalg.norm(evec)
    energy = vn**2 / 2 - mu / rn
    if abs(e - 1.0) > 1e-10:
        a = -mu / (2 * energy)
    else:
        a = np.inf
    inc = np.arccos(h[2] / np.linalg.norm(h))
    node = 0.0
    if np.linalg.norm(n) > 1e-12:
        node = np.arccos(np.clip(n[0] / np.linalg.norm(n), -1, 1))
        if n[1] < 0:
            node = 2 * np.pi - node
    nu = np.arccos(np.clip(np.dot(evec, r) / (e * rn), -1, 1)) if e > 1e-12 else 0.0
    if np.dot(r, v) < 0:
        nu = 2 * np.pi - nu
    return {"a": a, "e": e, "i": inc, "node": node, "nu": nu, "bound": bool(energy < 0)}


def airmass(altitude, model="kasten", horizon=0.0):
    """Airmass of altitudes in degrees; NaN below the horizon."""
    altitude = np.atleast_1d(np.asarray(altitude, dtype=float))
    result = np.full(altitude.shape, np.nan)
    up = altitude > horizon
    z = 90.0 - altitude[up]
    if model == "plane":
        result[up] = 1 / np.cos(z * DEG)
    elif model == "kasten":
        result[up] = 1 / (np.cos(z * DEG) + 0.50572 * (96.07995 - z) ** -1.6364)
    elif model == "young":
        c = np.cos(z * DEG)
        result[up] = (1.002432 * c**2 + 0.148386 * c + 0.0096467) / (c**3 + 0.149864 * c**2 + 0.0102963 * c + 0.000303978)
    else:
        raise ValueError(f"unknown model {model!r}")
    return result


def phase_fold(time, flux, period, t0=None, bins=10):
    """Folded and binned light curve with the scatter of every bin."""
    if t0 is None:
        t0 = time.min()
    phase = ((time - t0) / period) % 1.0
    order = np.argsort(phase, kind="stable")
    phase, folded = phase[order], flux[order]
    edges = np.linspace(0, 1, bins + 1)
    which = np.digitize(phase, edges) - 1
    mean = np.full(bins, np.nan)
    scatter = np.zeros(bins)
    count = np.zeros(bins, dtype=int)
    for b in range(bins):
        sel = which == b
        count[b] = sel.sum()
        if count[b] == 0:
            continue
        mean[b] = folded[sel].mean()
        if count[b] > 1:
            scatter[b] = folded[sel].std(ddof=1) / np.sqrt(count[b])
    return phase, folded, mean, scatter, count


def lomb_scargle(t, y, dy=None, frequencies=None, normalise=True):
    """Scargle's periodogram, frequency by frequency."""
    t = np.asarray(t, float)
    w = np.ones_like(t) if dy is None else 1.0 / np.asarray(dy) ** 2
    w = w / w.sum()
    if frequencies is None:
        span = t.max() - t.min()
        frequencies = np.arange(1, 3 * len(t)) / (4 * span)
    y = y - np.sum(w * y)
    yy = np.sum(w * y * y)
    power = np.zeros(len(frequencies))
    for k, f in enumerate(frequencies):
        omega = 2 * np.pi * f
        tau = np.arctan2(np.sum(w * np.sin(2 * omega * t)), np.sum(w * np.cos(2 * omega * t))) / (2 * omega)
        c, s = np.cos(omega * (t - tau)), np.sin(omega * (t - tau))
        yc, ys = np.sum(w * y * c), np.sum(w * y * s)
        cc, ss = np.sum(w * c * c), np.sum(w * s * s)
        power[k] = yc * yc / cc + ys * ys / ss
    if normalise:
        power /= yy
    best = int(np.argmax(power))
    return power, frequencies[best]


def box_least_squares(t, y, periods, durations=(0.05, 0.1), oversample=4):
    """The transit search of Kovács: the best period, depth and phase."""
    y = y - np.median(y)
    best = dict(power=-np.inf, period=None, depth=0.0, duration=None, phase=None)
    history = []
    for period in periods:
        phase = (t % period) / period
        top = -np.inf
        for duration in durations:
            step = duration / oversample
            for start in np.arange(0.0, 1.0, step):
                inside = (phase >= start) & (phase < start + duration)
                n = np.count_nonzero(inside)
                if n < 3:
                    continue
                r = n / len(y)
                s = y[inside].sum() / len(y)
                power = s * s / (r * (1 - r)) if r < 1 else 0.0
                top = max(top, power)
                if power > best["power"] and s < 0:
                    best.update(power=power, period=period, depth=-s / (r * (1 - r)), duration=duration, phase=start)
        history.append(top)
    return best, history


def sigma_clip(data, sigma=3.0, maxiters=5, centre="median"):
    """Values left by clipping, and the bounds of the last round."""
    data = np.ravel(data)
    kept = data[np.isfinite(data)]
    low, high = -np.inf, np.inf
    n_iter = 0
    while n_iter < maxiters:
        if kept.size == 0:
            break
        mid = np.median(kept) if centre == "median" else kept.mean()
        std = kept.std()
        low, high = mid - sigma * std, mid + sigma * std
        new = kept[(kept >= low) & (kept <= high)]
        n_iter += 1
        if new.size == kept.size:
            break
        kept = new
    return kept, low, high, n_iter


class Aperture:
    """A circular aperture with an annulus for the sky; pixels are counted by subsamples."""

    def __init__(self, x, y, r, r_in=None, r_out=None, sub=3):
        assert r > 0, "radius must be positive"
        self.x, self.y, self.r = x, y, r
        self.r_in = r_in if r_in is not None else 1.5 * r
        self.r_out = r_out if r_out is not None else 2.5 * r
        self.sub = sub

    def weight(self, i, j):
        inside = 0
        for a in range(self.sub):
            for b in range(self.sub):
                dx = j + (b + 0.5) / self.sub - 0.5 - self.x
                dy = i + (a + 0.5) / self.sub - 0.5 - self.y
                if dx * dx + dy * dy <= self.r**2:
                    inside += 1
        return inside / self.sub**2

    def photometry(self, image):
        ny, nx = image.shape
        total, area = 0.0, 0.0
        sky = []
        for i in range(ny):
            for j in range(nx):
                d = math.hypot(j - self.x, i - self.y)
                if d < self.r + 1:
                    w = self.weight(i, j)
                    total += w * image[i, j]
                    area += w
                elif self.r_in <= d <= self.r_out:
                    sky.append(image[i, j])
        background = float(np.median(sky)) if sky else 0.0
        return total - background * area, area, background


def aperture_photometry(image, sources, r=2.0):
    """A table of fluxes and magnitudes."""
    table = []
    for x, y in sources:
        flux, area, sky = Aperture(x, y, r).photometry(image)
        mag = -2.5 * math.log10(flux) if flux > 0 else float("nan")
        table.append((flux, area, sky, mag))
    return table


def centroid_windowed(image, x0, y0, sigma=1.5, tol=1e-4, max_iter=30):
    """Iterated Gaussian-weighted centroid, SExtractor's way."""
    yy, xx = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    x, y = float(x0), float(y0)
    trail = [(x, y)]
    for _ in range(max_iter):
        w = np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * sigma**2)) * image
        total = w.sum()
        if total <= 0:
            return None
        dx = 2 * (w * (xx - x)).sum() / total
        dy = 2 * (w * (yy - y)).sum() / total
        x, y = x + dx, y + dy
        trail.append((x, y))
        if dx * dx + dy * dy < tol**2:
            break
    return x, y, trail


def luminosity_distance(z, h0=70.0, om=0.3, ol=None, steps=64):
    """Distances in Mpc by Simpson's rule, whatever the curvature."""
    c = 299792.458
    ol = 1.0 - om if ol is None else ol
    ok = 1.0 - om - ol
    z = np.asarray(z, dtype=float)
    flat = z.ravel()
    result = np.empty_like(flat)
    for k in range(flat.size):
        if flat[k] < 0:
            raise ValueError(f"negative redshift {flat[k]:.3f}")
        h = flat[k] / steps
        total = 0.0
        for j in range(steps + 1):
            zz = j * h
            weight = 1 if j in (0, steps) else (4 if j % 2 else 2)
            total += weight / math.sqrt(om * (1 + zz) ** 3 + ok * (1 + zz) ** 2 + ol)
        dc = total * h / 3
        if ok > 1e-12:
            dc = math.sinh(math.sqrt(ok) * dc) / math.sqrt(ok)
        elif ok < -1e-12:
            dc = math.sin(math.sqrt(-ok) * dc) / math.sqrt(-ok)
        result[k] = (1 + flat[k]) * dc * c / h0
    return result.reshape(z.shape)


def transit_model(t, params, limb=(0.4, 0.3), rings=40):
    """Flux of a star that a planet crosses, by rings of a darkened disc."""
    period, t0, b, rp, a = params["period"], params["t0"], params["b"], params["rp"], params.get("a", 10.0)
    u1, u2 = limb
    flux = np.ones(t.shape, dtype=t.dtype)
    radii = (np.arange(rings) + 0.5) / rings
    mu = np.sqrt(1 - radii**2)
    intensity = 1 - u1 * (1 - mu) - u2 * (1 - mu) ** 2
    weight = intensity * 2 * np.pi * radii / rings
    norm = weight.sum()
    for k in range(t.size):
        phi = 2 * np.pi * (t[k] - t0) / period
        if np.cos(phi) < 0:
            continue
        d = np.hypot(a * np.sin(phi), b * np.cos(phi))
        if d >= 1 + rp:
            continue
        lost = 0.0
        for q in range(rings):
            r = radii[q]
            if d + r <= rp:
                cover = 1.0
            elif r + rp <= d or r >= d + rp:
                cover = 0.0
            else:
                cover = np.arccos(np.clip((d * d + r * r - rp * rp) / (2 * d * r), -1, 1)) / np.pi
            lost += weight[q] * cover
        flux[k] -= lost / norm
    return flux


def moon_phase_events(times, tol=1e-3):
    """Where the elongation passes multiples of 90°, refined by bisection."""

    def elongation(t):
        mm = (134.963 + 13.064993 * t) * DEG
        ms = (357.529 + 0.98560028 * t) * DEG
        d = 297.850 + 12.190749 * t
        return (d + 6.289 * math.sin(mm) - 2.100 * math.sin(ms)) % 360.0

    names = ("new", "first quarter", "full", "last quarter")
    events = []
    for t0, t1 in zip(times[:-1], times[1:]):
        q0, q1 = int(elongation(t0) // 90), int(elongation(t1) // 90)
        if q0 == q1:
            continue
        lo, hi = t0, t1
        while hi - lo > tol:
            mid = (lo + hi) / 2
            if int(elongation(mid) // 90) == q0:
                lo = mid
            else:
                hi = mid
        events.append((names[q1], hi))
    return events


def spectrum_lines(wave, flux, threshold=5.0, window=7):
    """Emission lines above a running median: centre, width, equivalent width."""
    n = len(flux)
    half = window // 2
    continuum = np.array([np.median(flux[max(0, i - half) : i + half + 1]) for i in range(n)])
    resid = flux - continuum
    noise = 1.4826 * np.median(np.abs(resid - np.median(resid))) if n else 0.0
    lines = []
    i = 0
    while i < n:
        if resid[i] > threshold * noise and noise > 0:
            j = i
            while j + 1 < n and resid[j + 1] > threshold * noise:
                j += 1
            part = slice(i, j + 1)
            total = resid[part].sum()
            lines.append({"centre": (wave[part] * resid[part]).sum() / total, "pixels": j - i + 1, "peak": resid[part].max()})
            i = j + 1
        else:
            i += 1
    return lines, noise


def _stars(rng, n=24):
    yy, xx = np.mgrid[0:n, 0:n]
    image = rng.normal(10, 0.5, (n, n))
    for x, y, f in ((7.3, 8.1, 200.0), (16.0, 15.5, 90.0)):
        image += f / (2 * np.pi * 1.5**2) * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * 1.5**2))
    return image


def _curve(rng, n, period=2.3):
    t = np.sort(rng.uniform(0, 20, n))
    return t, 1 + 0.3 * np.sin(2 * np.pi * t / period) + rng.normal(0, 0.05, n)


def _transits(rng, n):
    t = np.linspace(0, 12, n)
    return t, np.where((t % 3.0) < 0.2, 0.99, 1.0) + rng.normal(0, 1e-3, n)


ORBIT = {"period": 3.0, "t0": 0.0, "b": 0.3, "rp": 0.1}

CASES = {
    ephemeris: lambda rng: [
        (1.52, 0.093, 1.85, 49.6, 286.5, np.linspace(0, 700, 40)),
        (17.8, 0.967, 162.3, 58.4, 111.3, [0.0, 100.0, 5000.0], 0.1),
        (1.0, 0.0, 0.0, 0.0, 0.0, np.zeros(0)),
        (1.0, 1.2, 0.0, 0.0, 0.0, [1.0]),
    ],
    state_to_elements: lambda rng: [
        ([1.0, 0.1, 0.2], [0.1, 0.9, -0.1]),
        (np.array([1, 0, 0]), np.array([0, 1, 0])),
        (np.array([1.0, 0.0, 0.1]), np.array([-0.3, 2.0, 0.4]), 2.0),
        (np.array([1.0, -2.0, 0.5], np.float32), np.array([0.3, 0.4, -0.2], np.float32)),
    ],
    airmass: lambda rng: [
        (rng.uniform(-10, 90, 50),),
        (45,),
        (np.array([10, 30, 90], np.float32), "young"),
        ([5.0, -3.0], "plane", 1.0),
        (30.0, "magic"),
    ],
    phase_fold: lambda rng: [
        (*_curve(rng, 80), 2.3),
        (*_curve(rng, 5), 1.7, 0.5, 20),
        (np.array([1.0]), np.array([2], dtype=np.int64), 0.7, 0.0, 3),
        (np.zeros(0), np.zeros(0), 1.0),
    ],
    lomb_scargle: lambda rng: [
        (*_curve(rng, 60),),
        (*_curve(rng, 20), rng.uniform(0.1, 0.2, 20), np.linspace(0.1, 1, 30), False),
        (np.array([0, 1, 3, 4]), np.array([1, 2, 0, 1])),
    ],
    box_least_squares: lambda rng: [
        (*_transits(rng, 200), np.linspace(2.5, 3.5, 11)),
        (*_transits(rng, 40), [3.0], (0.1,), 2),
        (np.arange(4.0), np.ones(4), [1.0, 2.0]),
    ],
    sigma_clip: lambda rng: [
        (np.concatenate([rng.normal(size=200), [30.0, -25.0, np.nan]]),),
        (rng.normal(size=(10, 10)).astype(np.float32), 2.0, 3, "mean"),
        (np.array([1, 1, 1, 50]), 1.0),
        (np.zeros(0),),
    ],
    aperture_photometry: lambda rng: [
        (_stars(rng), [(7.3, 8.1), (16.0, 15.5)]),
        (_stars(rng, 20).astype(np.float32), np.array([[7.0, 8.0]]), 1.2),
        (np.zeros((5, 5)), [(2.0, 2.0)]),
        (np.ones((4, 4), int), [], 1.0),
        (np.ones((4, 4)), [(1, 1)], 0),
    ],
    centroid_windowed: lambda rng: [
        (_stars(rng) - 10, 7, 8),
        (_stars(rng, 20), 15.0, 14.0, 2.0, 1e-2),
        (np.zeros((4, 4)), 1, 1),
        (np.arange(9).reshape(3, 3), 1, 1, 1.0, 1e-3, 4),
    ],
    luminosity_distance: lambda rng: [
        (np.linspace(0, 2, 9),),
        (0.5,),
        (np.array([[0.1, 1.0]]), 67.0, 0.31, 0.5, 16),
        ([1.0], 70.0, 0.4, 0.9),
        ([0.2, -0.1],),
    ],
    transit_model: lambda rng: [
        (np.linspace(-0.3, 0.3, 80), ORBIT),
        (np.linspace(-1.5, 1.5, 25).astype(np.float32), ORBIT | {"a": 5.0, "b": 0.0}, (0.0, 0.0), 10),
        (np.zeros(0), ORBIT),
        (np.zeros(3), {"period": 1.0}),
    ],
    moon_phase_events: lambda rng: [(np.arange(0.0, 60.0),), ([0.0, 5.0, 20.0], 0.1), ([1.0],)],
    spectrum_lines: lambda rng: [
        (np.arange(100.0), rng.normal(1, 0.05, 100) + 5 * np.exp(-((np.arange(100.0) - 40) ** 2) / 4)),
        (np.arange(6.0), np.array([0, 1, 0, 9, 0, 1]), 2.0, 3),
        (np.zeros(0), np.zeros(0)),
        (np.arange(5.0), np.ones(5, np.float32)),
    ],
}
