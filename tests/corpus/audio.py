"""Sound and its analysis: spectra, filters, pitch, synthesis."""

import cmath
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def stft(x, frame=64, hop=16, window="hann", pad=True):
    """Frames of the short-time transform, one row each."""
    if hop <= 0:
        raise ValueError("hop must be positive")
    windows = {"hann": np.hanning, "hamming": np.hamming, "rect": np.ones}
    w = windows[window](frame)
    if pad:
        x = np.pad(x, frame // 2)
    count = 1 + (len(x) - frame) // hop if len(x) >= frame else 0
    out = np.zeros((count, frame // 2 + 1), dtype=complex)
    for k in range(count):
        out[k] = np.fft.rfft(x[k * hop : k * hop + frame] * w)
    return out


def griffin_lim(magnitude, frame, hop, iterations, rng):
    """Phases that fit magnitudes, found by going there and back."""
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape))
    w = np.hanning(frame)
    frames = magnitude.shape[0]
    length = (frames - 1) * hop + frame
    losses = []
    for _ in range(iterations):
        x, norm = np.zeros(length), np.zeros(length)
        for k in range(frames):
            x[k * hop : k * hop + frame] += np.fft.irfft(magnitude[k] * phase[k], frame) * w
            norm[k * hop : k * hop + frame] += w**2
        x /= np.maximum(norm, 1e-8)
        spec = stft(x, frame, hop, pad=False)
        losses.append(np.linalg.norm(np.abs(spec) - magnitude) / np.linalg.norm(magnitude))
        phase = spec / np.maximum(np.abs(spec), 1e-12)
    return x, losses


@lru_cache(maxsize=8)
def mel_filterbank(n_mels, n_fft, rate):
    """Triangles on the mel scale."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    points = [700 * (10 ** (m / 2595) - 1) for m in np.linspace(0, top, n_mels + 2)]
    bins = np.floor((n_fft + 1) * np.array(points) / rate).astype(int)
    bank = np.zeros((n_mels, n_fft // 2 + 1))
    for m in range(1, n_mels + 1):
        left, centre, right = bins[m - 1 : m + 2]
        for k in range(left, centre):
            bank[m - 1, k] = (k - left) / (centre - left)
        for k in range(centre, right):
            bank[m - 1, k] = (right - k) / (right - centre)
    return bank


def mfcc(x, rate=8000, frame=128, hop=64, n_mels=12, n_ceps=6, preemphasis=0.97):
    """Cepstral coefficients with deltas."""
    x = np.append(x[0], x[1:] - preemphasis * x[:-1])
    spec = np.abs(stft(x, frame, hop, "hamming", pad=False)) ** 2
    energies = np.log(np.maximum(spec @ mel_filterbank(n_mels, frame, rate).T, 1e-10))
    k, n = np.arange(n_ceps)[:, None], np.arange(n_mels)[None, :]
    dct = np.cos(np.pi * k * (2 * n + 1) / (2 * n_mels)) * np.sqrt(2 / n_mels)
    ceps = energies @ dct.T
    delta = np.zeros_like(ceps)
    for t in range(len(ceps)):
        for d in (1, 2):
            delta[t] += d * (ceps[min(t + d, len(ceps) - 1)] - ceps[max(t - d, 0)])
    return np.hstack([ceps, delta / 10])


def pitch_track(x, rate, frame=200, hop=100, fmin=80.0, fmax=500.0, threshold=0.3):
    """Pitch by autocorrelation with parabolic peaks; 0 where nothing is voiced, and the notes."""
    lo, hi = int(rate / fmax), int(rate / fmin)
    pitches, notes = [], []
    for start in range(0, len(x) - frame + 1, hop):
        seg = x[start : start + frame] - x[start : start + frame].mean()
        energy = np.dot(seg, seg)
        if energy < 1e-8:
            pitches.append(0.0)
            notes.append("-")
            continue
        r = np.zeros(hi + 2)
        for lag in range(lo - 1, min(hi + 2, frame)):
            r[lag] = np.dot(seg[: frame - lag], seg[lag:]) / energy
        best = lo + int(np.argmax(r[lo : hi + 1]))
        if r[best] < threshold:
            pitches.append(0.0)
            notes.append("-")
            continue
        a, b, c = r[best - 1], r[best], r[best + 1]
        shift = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c != 0 else 0.0
        f = rate / (best + shift)
        midi = int(round(69 + 12 * math.log2(f / 440)))
        pitches.append(f)
        notes.append(f"{NOTES[midi % 12]}{midi // 12 - 1}")
    return np.array(pitches), notes


@dataclass
class BiquadSection:
    b: tuple
    a: tuple
    z1: float = 0.0
    z2: float = 0.0

    @classmethod
    def design(cls, kind, f0, q, rate, gain=0.0):
        w = 2 * math.pi * f0 / rate
        alpha, c = math.sin(w) / (2 * q), math.cos(w)
        if kind == "lowpass":
            b, a = ((1 - c) / 2, 1 - c, (1 - c) / 2), (1 + alpha, -2 * c, 1 - alpha)
        elif kind == "highpass":
            b, a = ((1 + c) / 2, -(1 + c), (1 + c) / 2), (1 + alpha, -2 * c, 1 - alpha)
        elif kind == "peak":
            g = 10 ** (gain / 40)
            b, a = (1 + alpha * g, -2 * c, 1 - alpha * g), (1 + alpha / g, -2 * c, 1 - alpha / g)
        else:
            raise ValueError(f"unknown kind {kind!r}")
        return cls(tuple(v / a[0] for v in b), tuple(v / a[0] for v in a))

    def process(self, x):
        y = np.empty_like(x)
        for n in range(len(x)):
            v = x[n]
            out = self.b[0] * v + self.z1
            self.z1 = self.b[1] * v - self.a[1] * out + self.z2
            self.z2 = self.b[2] * v - self.a[2] * out
            y[n] = out
        return y


def filter_chain(x, sections, rate=8000):
    """Biquads one after another, by name; blocks keep their state."""
    chain = [BiquadSection.design(*s[:1], *s[1:3], rate, *s[3:]) for s in sections]
    out = []
    for block in np.array_split(x, 3):
        for section in chain:
            block = section.process(block)
        out.append(block)
    return np.concatenate(out), [(s.z1, s.z2) for s in chain]


def freq_response(b, a, n=16):
    """The response of b/a around the unit circle by Horner's rule, in dB and unwrapped phase."""
    mag, phase = np.zeros(n), np.zeros(n)
    for k in range(n):
        z = cmath.exp(-1j * math.pi * k / n)
        num = den = 0j
        for c in reversed(b):
            num = num * z + c
        for c in reversed(a):
            den = den * z + c
        h = num / den
        mag[k] = 20 * math.log10(abs(h)) if h != 0 else -math.inf
        phase[k] = cmath.phase(h)
    for k in range(1, n):
        while phase[k] - phase[k - 1] > math.pi:
            phase[k] -= 2 * math.pi
        while phase[k] - phase[k - 1] < -math.pi:
            phase[k] += 2 * math.pi
    return mag, phase


def goertzel_bank(x, rate, targets, block=None):
    """Power at several frequencies in every block, and the strongest of each."""
    block = len(x) if block is None else block
    powers, strongest = [], []
    for start in range(0, len(x) - block + 1, max(block, 1)):
        row = {}
        for f in targets:
            coeff = 2 * math.cos(2 * math.pi * f / rate)
            s1 = s2 = 0.0
            for n in range(start, start + block):
                s1, s2 = x[n] + coeff * s1 - s2, s1
            row[f] = float(s1 * s1 + s2 * s2 - coeff * s1 * s2)
        powers.append(row)
        strongest.append(max(row, key=row.get))
    return powers, strongest


def lpc_formants(x, order=8, rate=8000):
    """Levinson–Durbin coefficients, gain and the formants from the roots."""
    n = len(x)
    r = np.array([np.dot(x[: n - k], x[k:]) for k in range(order + 1)])
    if r[0] == 0:
        return None
    a = np.zeros(order + 1)
    a[0] = 1.0
    err = r[0]
    reflection = []
    for i in range(1, order + 1):
        acc = r[i]
        for j in range(1, i):
            acc += a[j] * r[i - j]
        k = -acc / err
        reflection.append(k)
        prev = a.copy()
        for j in range(1, i):
            a[j] = prev[j] + k * prev[i - j]
        a[i] = k
        err *= 1 - k * k
    roots = np.roots(a)
    angles = np.angle(roots[roots.imag > 0])
    return a, reflection, err, np.sort(angles * rate / (2 * np.pi))


def lpc_synthesis(coefficients, excitation, gain=1.0, memory=None):
    """All-pole synthesis with a memory that is updated in place."""
    order = len(coefficients)
    memory = np.zeros(order) if memory is None else memory
    out = np.zeros(len(excitation))
    for n in range(len(excitation)):
        value = gain * excitation[n]
        for k in range(order):
            value -= coefficients[k] * memory[k]
        for k in range(order - 1, 0, -1):
            memory[k] = memory[k - 1]
        if order:
            memory[0] = value
        out[n] = value
    return out, memory


def sinc_resample(x, ratio, taps=8):
    """Band-limited resampling with a windowed sinc at every output."""
    if ratio <= 0:
        raise ValueError("ratio must be positive")
    n_out = int(len(x) * ratio)
    out = np.zeros(n_out, dtype=x.dtype)
    cut = min(1.0, ratio)
    for m in range(n_out):
        t = m / ratio
        base = int(math.floor(t))
        acc = 0.0
        for k in range(base - taps + 1, base + taps + 1):
            if k < 0 or k >= len(x):
                continue
            u = t - k
            w = 0.5 + 0.5 * math.cos(math.pi * u / taps)
            s = 1.0 if u == 0 else math.sin(math.pi * cut * u) / (math.pi * cut * u)
            acc += x[k] * s * cut * w
        out[m] = acc
    return out


class Envelope:
    """ADSR in seconds."""

    def __init__(self, attack=0.01, decay=0.05, sustain=0.7, release=0.1, *, rate=8000):
        self.stages = attack, decay, sustain, release
        self.rate = rate

    def __call__(self, held):
        attack, decay, sustain, release = self.stages
        a, d, r = int(attack * self.rate), int(decay * self.rate), int(release * self.rate)
        hold = int(held * self.rate)
        env = np.empty(hold + r)
        for n in range(hold):
            if n < a:
                env[n] = n / a
            elif n < a + d:
                env[n] = 1 - (1 - sustain) * (n - a) / d
            else:
                env[n] = sustain
        last = env[hold - 1] if hold else 0.0
        env[hold:] = last * (1 - np.arange(r) / r)
        return env


def synthesise(score, rate=2000, wave="sine", detune=0.0, **adsr):
    """A tune from (note, start, length); mixed, clipped softly and measured."""
    shapes = {
        "sine": np.sin,
        "square": lambda p: np.sign(np.sin(p)),
        "saw": lambda p: 2 * ((p / (2 * np.pi)) % 1.0) - 1,
    }
    shape = shapes[wave]
    envelope = Envelope(rate=rate, **adsr)
    total = max((s + d for _, s, d in score), default=0.0)
    mix = np.zeros(int((total + 0.2) * rate))
    for name, start, length in score:
        pitch, octave = name[:-1], int(name[-1])
        f = 440.0 * 2 ** ((NOTES.index(pitch) - 9) / 12 + octave - 4)
        env = envelope(length)
        t = np.arange(len(env)) / rate
        tone = shape(2 * np.pi * f * t)
        if detune:
            tone = 0.5 * (tone + shape(2 * np.pi * f * (1 + detune) * t))
        at = int(start * rate)
        room = min(len(env), len(mix) - at)
        mix[at : at + room] += 0.5 * (env * tone)[:room]
    peak = np.abs(mix).max(initial=0.0)
    return np.tanh(mix), peak, float(np.sqrt(np.mean(mix**2)))


def compressor(x, threshold=-20.0, ratio=4.0, attack=0.01, release=0.1, rate=1000, makeup=True):
    """Feed-forward dynamic compression with a smoothed gain; the most reduction."""
    ga, gr = math.exp(-1 / (attack * rate)), math.exp(-1 / (release * rate))
    smooth, worst = 0.0, 0.0
    out = np.empty(len(x))
    for n, v in enumerate(x):
        level = 20 * math.log10(max(abs(v), 1e-6))
        over = level - threshold
        if 2 * over < -6:
            reduce = 0.0
        elif 2 * abs(over) <= 6:
            reduce = (1 / ratio - 1) * (over + 3) ** 2 / 12
        else:
            reduce = over * (1 / ratio - 1)
        coef = ga if reduce < smooth else gr
        smooth = coef * smooth + (1 - coef) * reduce
        worst = min(worst, smooth)
        out[n] = v * 10 ** (smooth / 20)
    if makeup and len(x):
        out *= np.max(np.abs(x)) / max(np.max(np.abs(out)), 1e-12)
    return out, worst


def karplus_strong(freq, seconds, rate=4000, damping=0.996, seed=0, stretch=0.5):
    """A plucked string with a ring buffer."""
    rng = np.random.default_rng(seed)
    n = max(2, int(rate / freq))
    ring = rng.uniform(-1, 1, n)
    out = np.zeros(int(seconds * rate))
    p = 0
    for k in range(len(out)):
        out[k] = ring[p]
        q = (p + 1) % n
        ring[p] = damping * (stretch * ring[p] + (1 - stretch) * ring[q])
        p = q
    return out


def onset_beats(x, rate=1000, frame=64, hop=32, sensitivity=1.5, bpm_range=(60, 180)):
    """Spectral flux, its peaks and the tempo by autocorrelation."""
    mags = np.abs(stft(x, frame, hop, pad=False))
    flux = np.zeros(len(mags))
    for k in range(1, len(mags)):
        diff = mags[k] - mags[k - 1]
        flux[k] = diff[diff > 0].sum()
    onsets = []
    for k in range(1, len(flux) - 1):
        local = flux[max(0, k - 4) : k + 5]
        if flux[k] == local.max() and flux[k] > sensitivity * local.mean():
            onsets.append(k * hop / rate)
    best_bpm, best_score = None, -np.inf
    centred = flux - flux.mean() if len(flux) else flux
    for bpm in range(*bpm_range, 5):
        lag = int(round(60 / bpm * rate / hop))
        if 0 < lag < len(centred):
            score = np.dot(centred[:-lag], centred[lag:]) / (len(centred) - lag)
            if score > best_score:
                best_bpm, best_score = bpm, score
    return flux, onsets, best_bpm


def echo_canceller(far, mic, taps=16, mu=0.5, delta=1e-3, hold=5):
    """NLMS with a double-talk detector that freezes adaptation."""
    w = np.zeros(taps)
    buf = np.zeros(taps)
    err = np.zeros(len(mic))
    frozen, frozen_total = 0, 0
    for n in range(len(mic)):
        buf[1:] = buf[:-1].copy()
        buf[0] = far[n]
        err[n] = mic[n] - w @ buf
        if abs(mic[n]) > 2 * np.max(np.abs(buf)):
            frozen = hold
        if frozen > 0:
            frozen -= 1
            frozen_total += 1
            continue
        w += mu * err[n] * buf / (buf @ buf + delta)
    erle = 10 * np.log10((np.sum(mic**2) + 1e-12) / (np.sum(err**2) + 1e-12))
    return w, err, erle, frozen_total


def _voice(rng, n, f=200.0, rate=8000):
    t = np.arange(n) / rate
    return np.sin(2 * np.pi * f * t) + 0.5 * np.sin(4 * np.pi * f * t) + rng.normal(0, 0.02, n)


def _clicks(rng, n):
    x = rng.normal(0, 0.01, n)
    x[::400] += 1.0
    return x


CASES = {
    stft: lambda rng: [
        (_voice(rng, 400),),
        (_voice(rng, 100).astype(np.float32), 32, 8, "hamming", False),
        (np.arange(10), 16, 4, "rect", False),
        (np.zeros(8), 4, 0),
        (np.zeros(8), 4, 2, "kaiser"),
    ],
    griffin_lim: lambda rng: [
        (np.abs(stft(_voice(rng, 200), 32, 8, pad=False)), 32, 8, 5, np.random.default_rng(1)),
        (np.ones((1, 5)), 8, 4, 1, np.random.default_rng(2)),
    ],
    mfcc: lambda rng: [(_voice(rng, 800),), (_voice(rng, 300), 4000, 64, 32, 6, 3, 0.9), (np.zeros(128),), (np.zeros(0),)],
    pitch_track: lambda rng: [
        (_voice(rng, 1000), 8000),
        (np.concatenate([np.zeros(300), rng.normal(size=300)]), 4000, 100, 50),
        (np.zeros(10), 8000),
    ],
    filter_chain: lambda rng: [
        (_voice(rng, 300), [("lowpass", 500.0, 0.7), ("peak", 1000.0, 1.0, 6.0)]),
        (np.ones(5, np.float32), [("highpass", 100.0, 0.7)], 1000),
        (np.zeros(2), []),
        (np.zeros(2), [("notch", 1.0, 1.0)]),
    ],
    freq_response: lambda rng: [
        ([0.1, 0.2, 0.1], [1.0, -0.8, 0.3]),
        (np.array([1, -1]), np.array([1]), 8),
        ([0.0], [1.0], 2),
        ([1.0], [0.0], 2),
    ],
    goertzel_bank: lambda rng: [
        (_voice(rng, 400), 8000, (100, 200, 400, 1000), 100),
        (np.arange(8), 8, [1, 2]),
        (np.zeros(0), 8, (1.0,)),
    ],
    lpc_formants: lambda rng: [(_voice(rng, 240),), (np.arange(10.0), 2, 100), (np.zeros(20),), (np.ones(6, int), 1)],
    lpc_synthesis: lambda rng: [
        (np.array([-1.2, 0.6]), rng.normal(size=200)),
        ([0.5], [1, 0, 0], 2.0, np.ones(1)),
        ([], [1.0, 2.0]),
        (np.array([0.5, 0.1]), np.ones(3), 1.0, np.zeros(1)),
    ],
    sinc_resample: lambda rng: [
        (_voice(rng, 120), 1.5),
        (_voice(rng, 50).astype(np.float32), 0.5, 4),
        (np.arange(6), 2.0, 2),
        (np.zeros(0), 2.0),
        (np.zeros(3), -1.0),
    ],
    synthesise: lambda rng: [
        ([("A4", 0.0, 0.2), ("C#5", 0.1, 0.3), ("E5", 0.2, 0.2)],),
        ([("C3", 0.0, 0.1)], 1000, "square", 0.01),
        ([("G4", 0.0, 0.05)], 1000, "saw"),
        ([("H4", 0.0, 0.1)],),
        ([],),
    ],
    compressor: lambda rng: [
        (_voice(rng, 500) * np.linspace(0, 1, 500),),
        ([0.5, -1, 0, 0.01], -10, 2.0, 0.1, 0.2, 100, False),
        (np.zeros(4, np.float32),),
        (np.zeros(0),),
    ],
    karplus_strong: lambda rng: [(220.0, 0.1), (3000, 0.01, 4000, 0.9, 3), (100.0, 0.0)],
    onset_beats: lambda rng: [(_clicks(rng, 3000),), (_clicks(rng, 300), 500, 32, 16, 1.1, (100, 140)), (np.zeros(10),)],
    echo_canceller: lambda rng: [
        (rng.normal(size=300), rng.normal(size=300) * 0.5),
        (np.ones(5), np.array([1, 9, 1, 1, 1]), 2, 0.1, 1e-3, 1),
        (np.zeros(0), np.zeros(0)),
        (np.ones(2), np.ones(3)),
    ],
}
