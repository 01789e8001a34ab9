"""Studies of the crossover model, with exact curves or simple noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats
from normlaws.curves import Curves

SIZES = (100, 200, 400, 800, 1600, 3200, 6400, 12800)


@dataclass(frozen=True)
class Planted:
    """The law behind a synthetic study.

    With u = ln λ − ln k2 − γ2 ln P, the error is
    ln ε = ln k − γ ln P + (1/s) ln(e^(−s γ1 u) + e^(s δ u)) with γ = γ0 + γ1 γ2: the early law far
    below the crossover, a rise with slope δ far above it, sharpness s between.

    Attributes:
        gamma1, gamma2, gamma0: the exponents.
        sharpness: s.
        rise: δ, the slope of overfitting; 0 saturates, negative keeps falling.
        plateau: error before learning, ε → plateau as λ → 0 (none where infinite).
        irreducible: added to every error.
        log_k, log_k2: constants.
        early_spread: P-dependence of the slope of the early curves; 0 where the law holds.
    """

    gamma1: float = 0.5
    gamma2: float = 1.0
    gamma0: float = 0.0
    sharpness: float = 2.0
    rise: float = 0.3
    plateau: float = float("inf")
    irreducible: float = 0.0
    log_k: float = -0.5
    log_k2: float = 0.0
    early_spread: float = 0.0

    @property
    def gamma(self) -> float:
        """γ0 + γ1·γ2."""
        return self.gamma0 + self.gamma1 * self.gamma2

    def log_error(self, log_norm: Floats, size: float) -> Floats:
        """Noise-free ln ε. ``log_norm``: (n,)."""
        p = np.log(size)
        u = log_norm - self.log_k2 - self.gamma2 * p
        s = self.sharpness
        slope = self.gamma1 * (1 + self.early_spread * (p - np.log(SIZES).mean()))
        crossover = np.logaddexp(-s * slope * u, s * self.rise * u) / s
        y = self.log_k - self.gamma * p + crossover
        if np.isfinite(self.plateau):
            y = -np.logaddexp(-4 * y, -4 * np.log(self.plateau)) / 4
        found: Floats = np.logaddexp(y, np.log(self.irreducible)) if self.irreducible > 0 else y
        return found

    def log_norm_opt(self, size: float) -> float:
        """Noise-free ln λ_opt without plateau; infinite where the error never rises."""
        if self.rise <= 0:
            return float("inf")
        turn = np.log(self.gamma1 / self.rise) / (self.sharpness * (self.gamma1 + self.rise))
        return float(self.log_k2 + self.gamma2 * np.log(size) + turn)


def plant(
    law: Planted | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    seeds: int = 5,
    records: int = 50,
    noise: float = 0.03,
    start: float = -4.0,
    past: float = 2.0,
    censored: float = 0.0,
    jitter: float = 0.05,
    generator: int = 0,
    norm: str = "spectral_complexity",
) -> Curves:
    """Make a study that obeys ``law`` up to noise.

    Args:
        law: what is planted.
        sizes: training-set sizes.
        seeds: runs per size; 0 makes one exact curve per size without a seed.
        records: records per run, even in log norm.
        noise: standard deviation of ln error at a record; half its variance is shared by a run.
        start: log norm at which runs start, below the smallest size's crossover.
        past: how far beyond its crossover each run goes, in log norm; negative censors.
        censored: share of the sizes, the largest, whose runs end before their crossover.
        jitter: standard deviation over seeds of where a run ends, and of its crossover.
        generator: seed of the noise.
        norm: the recorded norm's name.
    """
    law = law or Planted()
    random = np.random.default_rng(generator)
    first = law.log_k2 + law.gamma2 * np.log(min(sizes)) + start
    frames = []
    cut = len(sizes) - round(censored * len(sizes))
    for k, size in enumerate(sizes):
        reach = past if k < cut else -0.5
        for seed in range(max(seeds, 1)):
            scale = noise / np.sqrt(2) if seeds else 0.0
            wobble = jitter if seeds else 0.0
            end = law.log_k2 + law.gamma2 * np.log(size) + reach + wobble * random.normal()
            x = np.linspace(first, end, records)
            y = law.log_error(x + wobble * random.normal() * (x - first) / (end - first), size)
            y = y + scale * (random.normal() + random.normal(size=records))
            frames.append(
                pd.DataFrame(
                    {
                        "run": f"{size}-{seed}",
                        "size": size,
                        "seed": seed if seeds else pd.NA,
                        "step": np.arange(records),
                        "test_error": np.exp(np.minimum(y, 0.0)),
                        f"log_{norm}": x,
                    }
                )
            )
    return Curves(pd.concat(frames, ignore_index=True))
