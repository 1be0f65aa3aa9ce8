"""Statistics by computer, money by Monte Carlo, and layers of networks with gradients by hand."""

from __future__ import annotations

import math

import numpy as np


def logistic_irls(X, y, ridge=0.0, tol=1e-8, max_iter=25):
    """A logistic regression by Newton's method: coefficients, standard errors, deviance."""
    n, p = X.shape
    X = np.column_stack([np.ones(n), X])
    beta = np.zeros(p + 1)
    penalty = ridge * np.eye(p + 1)
    penalty[0, 0] = 0.0
    deviance_old = np.inf
    for it in range(1, max_iter + 1):
        eta = X @ beta
        mu = 1 / (1 + np.exp(-eta))
        w = np.clip(mu * (1 - mu), 1e-10, None)
        hess = X.T @ (X * w[:, None]) + penalty
        grad = X.T @ (y - mu) - penalty @ beta
        beta = beta + np.linalg.solve(hess, grad)
        with np.errstate(divide="ignore"):
            deviance = -2 * np.sum(np.where(y == 1, np.log(mu), np.log1p(-mu)))
        if abs(deviance - deviance_old) < tol * (abs(deviance) + 0.1):
            break
        deviance_old = deviance
    se = np.sqrt(np.diag(np.linalg.inv(hess)))
    return {"coef": beta, "se": se, "z": beta / se, "deviance": deviance, "iterations": it}


def eight_schools(y, sigma, draws, burn=100, seed=1):
    """Rubin's hierarchy by Gibbs sampling with a grid for the spread between schools."""
    rng = np.random.default_rng(seed)
    J = len(y)
    theta, mu = np.array(y, dtype=float), float(np.mean(y))
    tau2 = float(np.var(y)) + 1.0
    kept = np.empty((draws, J + 2))
    for s in range(-burn, draws):
        precision = 1 / sigma**2 + 1 / tau2
        mean = (y / sigma**2 + mu / tau2) / precision
        theta = mean + rng.standard_normal(J) / np.sqrt(precision)
        mu = rng.normal(theta.mean(), math.sqrt(tau2 / J))
        ss = np.sum((theta - mu) ** 2)
        tau2 = ss / rng.chisquare(J - 1)
        if s >= 0:
            kept[s, :J] = theta
            kept[s, J:] = mu, math.sqrt(tau2)
    quantiles = np.quantile(kept, [0.05, 0.5, 0.95], axis=0)
    return kept.mean(axis=0), quantiles


def _cdf(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def _ppf(p):
    low, high = -10.0, 10.0
    for _ in range(80):
        mid = 0.5 * (low + high)
        if _cdf(mid) < p:
            low = mid
        else:
            high = mid
    return 0.5 * (low + high)


def copula_tranches(n_names, spreads, rho, T, attachments, sims, recovery=0.4, seed=3, antithetic=True):
    """Expected losses of a CDO's tranches under a one-factor Gaussian copula."""
    rng = np.random.default_rng(seed)
    hazard = np.asarray(spreads) / (1 - recovery)
    pd = 1 - np.exp(-hazard * T)
    threshold = np.array([_ppf(p) for p in pd])
    losses = np.zeros(sims)
    half = sims // 2 if antithetic else sims
    for s in range(half):
        m = rng.standard_normal()
        e = rng.standard_normal(n_names)
        x = math.sqrt(rho) * m + math.sqrt(1 - rho) * e
        losses[s] = (1 - recovery) * np.mean(x < threshold)
        if antithetic:
            losses[half + s] = (1 - recovery) * np.mean(-x < threshold)
    table = {}
    for low, high in zip(attachments[:-1], attachments[1:]):
        tranche = np.clip(losses - low, 0, high - low) / (high - low)
        table[f"{low:.0%}-{high:.0%}"] = (float(tranche.mean()), float((tranche > 0).mean()))
    return table, np.histogram(losses, bins=10, range=(0, 1 - recovery))[0]


def libor_market_model(forwards, vols, strike, sims, tau=0.5, correlation_decay=0.1, seed=4):
    """A payer swaption under the spot measure: log-Euler paths of all forward rates, with correlations."""
    rng = np.random.default_rng(seed)
    n = len(forwards)
    i = np.arange(n)
    corr = np.exp(-correlation_decay * np.abs(i[:, None] - i[None, :]))
    L = np.linalg.cholesky(corr)
    expiry = n // 2
    total = total_sq = 0.0
    for _ in range(sims):
        f = forwards.copy()
        numeraire = 1.0
        for t in range(expiry):
            numeraire *= 1 + tau * f[t]
            z = L @ rng.standard_normal(n)
            drift = np.zeros(n)
            for j in range(t + 1, n):
                s = 0.0
                for k in range(t + 1, j + 1):
                    s += corr[j, k] * vols[k] * tau * f[k] / (1 + tau * f[k])
                drift[j] = vols[j] * s
            f[t + 1 :] *= np.exp((drift[t + 1 :] - 0.5 * vols[t + 1 :] ** 2) * tau + vols[t + 1 :] * np.sqrt(tau) * z[t + 1 :])
        discount = np.cumprod(1 / (1 + tau * f[expiry:]))
        annuity = tau * discount.sum()
        rate = (1 - discount[-1]) / annuity
        payoff = max(rate - strike, 0) * annuity / numeraire
        total += payoff
        total_sq += payoff**2
    mean = total / sims
    return mean, math.sqrt(max(total_sq / sims - mean**2, 0) / sims)


def _labels(rng, n, p):
    X = rng.normal(size=(n, p))
    return X, (rng.random(n) < 1 / (1 + np.exp(-X @ rng.normal(size=p)))).astype(int)


SCHOOLS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]), np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def vae_step(params, x, eps, beta=1.0):
    """A variational autoencoder's loss and the gradients of all its weights, by hand."""
    W1, b1 = params["W1"], params["b1"]
    h = np.tanh(x @ W1 + b1)
    mu = h @ params["Wm"] + params["bm"]
    logvar = h @ params["Wv"] + params["bv"]
    std = np.exp(0.5 * logvar)
    z = mu + std * eps
    d = np.maximum(z @ params["W2"] + params["b2"], 0)
    logits = d @ params["W3"] + params["b3"]
    n = x.shape[0]
    bce = np.sum(np.maximum(logits, 0) - logits * x + np.log1p(np.exp(-np.abs(logits)))) / n
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / n
    grads = {}
    dlogits = (1 / (1 + np.exp(-logits)) - x) / n
    grads["W3"], grads["b3"] = d.T @ dlogits, dlogits.sum(0)
    dd = dlogits @ params["W3"].T * (d > 0)
    grads["W2"], grads["b2"] = z.T @ dd, dd.sum(0)
    dz = dd @ params["W2"].T
    dmu = dz + beta * mu / n
    dlogvar = dz * eps * 0.5 * std + beta * 0.5 * (np.exp(logvar) - 1) / n
    grads["Wm"], grads["bm"] = h.T @ dmu, dmu.sum(0)
    grads["Wv"], grads["bv"] = h.T @ dlogvar, dlogvar.sum(0)
    dh = (dmu @ params["Wm"].T + dlogvar @ params["Wv"].T) * (1 - h**2)
    grads["W1"], grads["b1"] = x.T @ dh, dh.sum(0)
    return bce + beta * kl, {"bce": bce, "kl": kl}, grads


def causal_dilated(x, filters, skips, residuals, dilations):
    """WaveNet's stack: gated dilated causal convolutions with residual and skip connections."""
    total = 0
    h = x
    for (wf, wg), ws, wr, d in zip(filters, skips, residuals, dilations):
        k = wf.shape[0]
        padded = np.pad(h, ((0, 0), ((k - 1) * d, 0), (0, 0)))
        t = h.shape[1]
        f = sum(padded[:, i * d : i * d + t] @ wf[i] for i in range(k))
        g = sum(padded[:, i * d : i * d + t] @ wg[i] for i in range(k))
        out = np.tanh(f) * (1.0 / (1.0 + np.exp(-g)))
        total = total + out @ ws
        h = h + out @ wr
    logits = np.maximum(total, 0)
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def realnvp(x, layers, inverse=False):
    """Affine coupling layers with alternating masks: the other side and the log determinant."""
    logdet = np.zeros(len(x), dtype=x.dtype)
    order = list(enumerate(layers))
    if inverse:
        order = order[::-1]
    for i, p in order:
        mask = np.arange(x.shape[1]) % 2 == i % 2
        kept = x * mask
        h = np.tanh(kept @ p["w1"] + p["b1"])
        s = np.tanh(h @ p["ws"]) * ~mask
        t = (h @ p["wt"]) * ~mask
        if inverse:
            x = kept + ~mask * ((x - t) * np.exp(-s))
            logdet -= s.sum(axis=1)
        else:
            x = kept + ~mask * (x * np.exp(s) + t)
            logdet += s.sum(axis=1)
    return x, logdet


def _vae(rng, nin, hidden, latent, dtype=np.float64):
    shapes = {"W1": (nin, hidden), "Wm": (hidden, latent), "Wv": (hidden, latent), "W2": (latent, hidden), "W3": (hidden, nin)}
    params = {name: (rng.normal(size=shape) / np.sqrt(shape[0])).astype(dtype) for name, shape in shapes.items()}
    for name, size in (("b1", hidden), ("bm", latent), ("bv", latent), ("b2", hidden), ("b3", nin)):
        params[name] = np.zeros(size, dtype=dtype)
    return params


def _stack(rng, c, layers, dtype=np.float32):
    def w(*shape):
        return (0.3 * rng.normal(size=shape)).astype(dtype)

    filters = [(w(2, c, c), w(2, c, c)) for _ in range(layers)]
    return filters, [w(c, 2 * c) for _ in range(layers)], [w(c, c) for _ in range(layers)], [2**i for i in range(layers)]


def _couplings(rng, d, hidden, layers, dtype=np.float64):
    shapes = {"w1": (d, hidden), "b1": (hidden,), "ws": (hidden, d), "wt": (hidden, d)}
    return [{k: (0.2 * rng.normal(size=s)).astype(dtype) for k, s in shapes.items()} for _ in range(layers)]


CASES = {
    logistic_irls: lambda rng: [
        (*_labels(rng, 5000, 8),),
        (*_labels(rng, 100, 3), 0.5),
        (rng.normal(size=(20, 2)).astype(np.float32), (np.arange(20) > 9), 1.0, 1e-6, 8),
    ],
    eight_schools: lambda rng: [(*SCHOOLS, 200), (*SCHOOLS, 50, 0, 7), (rng.normal(size=4), np.ones(4), 80, 20)],
    copula_tranches: lambda rng: [
        (125, rng.uniform(0.005, 0.03, 125), 0.3, 5.0, (0, 0.03, 0.07, 0.15, 0.6), 500),
        (20, np.full(20, 0.02), 0.1, 3.0, (0.0, 0.1, 0.6), 101, 0.4, 1, False),
        (10, [0.01] * 10, 0.9, 1.0, [0, 0.3], 50, 0.0),
    ],
    libor_market_model: lambda rng: [
        (np.full(10, 0.05), np.full(10, 0.2), 0.05, 40),
        (np.linspace(0.01, 0.04, 6), np.linspace(0.3, 0.1, 6), 0.02, 30, 0.25),
        (np.full(4, 0.03), np.zeros(4), 0.01, 5),
    ],
    vae_step: lambda rng: [
        (_vae(rng, 196, 64, 8), rng.random((100, 196)), rng.normal(size=(100, 8))),
        (_vae(rng, 12, 8, 2), (rng.random((5, 12)) > 0.5).astype(float), rng.normal(size=(5, 2)), 0.5),
        (_vae(rng, 6, 4, 1, np.float32), rng.random((3, 6), dtype=np.float32), rng.normal(size=(3, 1)).astype(np.float32), 2),
    ],
    causal_dilated: lambda rng: [
        (rng.normal(size=(4, 300, 16)).astype(np.float32), *_stack(rng, 16, 3)),
        (rng.normal(size=(1, 20, 4)), *_stack(rng, 4, 3, np.float64)),
        (rng.normal(size=(2, 9, 3)).astype(np.float32), *_stack(rng, 3, 1)),
    ],
    realnvp: lambda rng: [
        (rng.normal(size=(1000, 16)), _couplings(rng, 16, 32, 3)),
        (rng.normal(size=(10, 3)), _couplings(rng, 3, 5, 2), True),
        (rng.normal(size=(7, 4)).astype(np.float32), _couplings(rng, 4, 6, 3, np.float32)),
    ],
}
