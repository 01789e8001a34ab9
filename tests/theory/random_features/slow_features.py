"""An independent, slow solver: the self-consistent equations in the time domain, order by order.

Every response is a causal power series in u = 1/z, the operation "sum over all earlier times", so
no contour and no root is needed, and mode sums are taken term by term. The coefficient of u^j goes
with t^j/j! under flow and with η^j binomial(n, j) after n steps of gradient descent. Extended
precision carries 1e-11 up to t of about 4.
"""

from __future__ import annotations

import math

import numpy as np

REAL = np.longdouble


def multiply(p, q):
    return np.convolve(p, q)[: len(p)]


def multiply2(p, q):
    out = np.zeros_like(p)
    for i, j in np.argwhere(q != 0):
        out[i:, j:] += q[i, j] * p[: p.shape[0] - i, : p.shape[1] - j]
    return out


def divide2(p, q):
    out = np.zeros_like(p)
    for i in range(p.shape[0]):
        for j in range(p.shape[1]):
            known = np.sum(out[: i + 1, : j + 1] * q[i::-1, j::-1])
            out[i, j] = (p[i, j] - known) / q[0, 0]
    return out


class Slow:
    """The model with λ_k = k^−b, p_k = k^−a, k = 1 … M; series to ``order``; rate 0 is flow."""

    def __init__(self, a, b, modes, size, width, noise, order=50, rate=0.0):
        k = np.arange(1, modes + 1).astype(REAL)
        self.variance, self.power = k ** REAL(-b), k ** REAL(-a)
        self.by_size, self.by_width = REAL(1) / REAL(size), REAL(1) / REAL(width)
        self.noise, self.order, self.rate = REAL(noise), order, rate
        self.learned = self._learned()  # λ h of every mode, (M, order)
        self.kept = -self.learned  # κ h
        self.kept[:, 0] += 1
        self.two_time = self._two_time()

    def _learned(self):
        """λ h = λ/(λ + κ), with 1/κ = u (1 − d/P)(1 − d/N), d = Σ λ h: one order at a time."""
        n = self.order
        ridge, learned = np.zeros(n, REAL), np.zeros((len(self.variance), n), REAL)
        left_size, left_width = np.zeros(n, REAL), np.zeros(n, REAL)
        left_size[0] = left_width[0] = 1
        for j in range(1, n):
            ridge[j] = left_size[:j] @ left_width[:j][::-1]
            before = np.einsum("kt,t->k", learned[:, 1:j], ridge[j - 1 : 0 : -1])
            learned[:, j] = self.variance * (ridge[j] - before)
            degrees = learned[:, j].sum()
            left_size[j], left_width[j] = -degrees * self.by_size, -degrees * self.by_width
        return learned

    def _two_time(self):
        """Coefficients of the two-time correlation of the errors, (order, order)."""
        share, keep = self.learned, self.kept
        s2 = share.T @ share
        k_s1, k_t2 = keep.T @ share, (keep.T * self.power) @ share  # κ s1 and κ t2
        both = multiply2(k_s1, k_s1.T) * self.by_size * self.by_width  # κ κ′ s1²/(P N)
        a_size, a_width = -s2 * self.by_size, -s2 * self.by_width
        a_size[0, 0] += 1
        a_width[0, 0] += 1
        bias = (keep.T * self.power) @ keep
        top = multiply2(bias + self.noise * self.by_size * s2, a_width)
        top += self.by_width * multiply2(k_s1.T, k_t2) + self.noise * both
        return divide2(top, multiply2(a_size, a_width) - both)

    def _weights(self, time, shift=0):
        """What F = Σ F_j u^j gives at ``time``, times a further u^shift."""
        j = np.arange(self.order) + shift
        if self.rate:
            steps = round(time / self.rate)
            return np.array([math.comb(steps, int(i)) * REAL(self.rate) ** int(i) for i in j], REAL)
        return np.cumprod(np.concatenate([[REAL(1)], REAL(time) / np.arange(1, j[-1] + 1)]))[j]

    def test_loss(self, time):
        weights = self._weights(time)
        return float(weights @ self.two_time @ weights)

    def _memory(self, time, shift=0):
        """yᵀ e^{−Gt} y/P at shift 0, its integral over time at shift 1."""
        unlearned = self.power @ self.kept
        unlearned[0] += self.noise
        residual = -self.learned.sum(axis=0) * self.by_size
        residual[0] += 1
        return self._weights(time, shift) @ multiply(residual, unlearned)

    def train_loss(self, time):
        return float(self._memory(2 * time))

    def norm(self, time):
        return math.sqrt(2 * self._memory(time, 1) - self._memory(2 * time, 1))
