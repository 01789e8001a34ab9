"""Loss when data are repeated (Muennighoff et al. 2023, arXiv 2305.16264, equations 5 and 6).

D̃ = U (1 + R*_D (1 − e^(−R_D / R*_D))) with R_D = D / U − 1 repetitions of U unique tokens, and
likewise Ñ with U_N = min(N, N_opt(U)), the parameters that are optimal for U; L is the additive
form of Ñ and D̃.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.laws.surfaces.families.chinchilla import Chinchilla
from normlaws.laws.surfaces.family import Family, Variables


class Repeated(Family):
    """Parameters N, tokens D and unique tokens U."""

    name = "repeated"
    variables = ("params", "tokens", "unique_tokens")
    constants = ("E", "A", "B", "alpha", "beta", "R_D", "R_N")
    logged = ("E", "A", "B", "R_D", "R_N")
    floor = "E"

    def log_loss(self, theta: NDArray[Any], variables: Variables) -> NDArray[Any]:
        """See the module."""
        params, unique = variables["params"], variables["unique_tokens"]
        e, a, b, alpha, beta, log_rd, log_rn = (theta[:, i, None] for i in range(7))
        tokens = np.maximum(variables["tokens"], unique)
        log_ratio = (a - b + np.log(alpha) - np.log(beta)) / (alpha + beta)
        log_best = log_ratio + beta / alpha * (np.log(unique) + log_ratio)
        useful = np.where(log_best.real < np.log(params), np.exp(log_best), params)
        data = _worth(unique, tokens / unique - 1, np.exp(log_rd))
        size = _worth(useful, params / useful - 1, np.exp(log_rn))
        return np.asarray(
            np.log(np.exp(e) + np.exp(a - alpha * np.log(size)) + np.exp(b - beta * np.log(data)))
        )

    def starts(self, variables: Variables, loss: Floats) -> Floats:
        """Those of the additive form, with a few worths of repetition."""
        plain = Chinchilla().starts(variables, loss)[:3]
        plain[:, 3:] = np.maximum(plain[:, 3:], 0.1)
        return np.array(
            [
                [*theta, np.log(repeats), np.log(excess)]
                for theta in plain
                for repeats in (5.0, 20.0)
                for excess in (5.0,)
            ]
        )

    def planted(self) -> dict[str, float]:
        """The published constants."""
        return {
            "E": float(np.exp(0.6254804)), "A": float(np.exp(6.255414)),
            "B": float(np.exp(7.3049974)), "alpha": 0.3526596, "beta": 0.3526596,
            "R_D": 15.387756, "R_N": 5.309743,
        }  # fmt: skip

    def planted_variables(self) -> dict[str, Floats]:
        """Sizes, tokens and unique tokens on a grid, each seen at least once."""
        params, repeats, unique = np.meshgrid(
            np.geomspace(1e8, 1e10, 4), [1.0, 4.0, 16.0, 64.0], np.geomspace(1e8, 1e11, 4)
        )
        return {
            "params": params.ravel(),
            "tokens": (repeats * unique).ravel(),
            "unique_tokens": unique.ravel(),
        }


def _worth(unique: NDArray[Any], repeats: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
    """What ``unique`` items seen 1 + ``repeats`` times are worth in fresh ones."""
    return np.asarray(unique * (1 + scale * (1 - np.exp(-repeats / scale))))
