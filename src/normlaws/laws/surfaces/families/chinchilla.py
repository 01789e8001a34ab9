"""L = E + A N^(−α) + B D^(−β) (Hoffmann et al. 2022, arXiv 2203.15556, equation 2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from normlaws.arrays import Floats
from normlaws.laws.surfaces.family import Family, Variables

EXPONENTS = np.geomspace(0.05, 1.5, 10)
KEPT = 6
SMALL = 1e-4  # of the loss: what a start uses for a constant that came out zero


class Chinchilla(Family):
    """Parameters N and tokens D, their effects added."""

    name = "chinchilla"
    variables = ("params", "tokens")
    constants = ("E", "A", "B", "alpha", "beta")
    logged = ("E", "A", "B")
    floor = "E"

    def log_loss(self, theta: NDArray[Any], variables: Variables) -> NDArray[Any]:
        """See the module."""
        floor, size, data = self._terms(theta, variables)
        return np.asarray(np.log(floor + size + data))

    def jacobian(self, theta: Floats, variables: Variables) -> Floats:
        """By formula."""
        floor, size, data = self._terms(theta, variables)
        total = floor + size + data
        log_n, log_d = np.log(variables["params"]), np.log(variables["tokens"])
        shares = [np.broadcast_to(floor, total.shape), size, data, -size * log_n, -data * log_d]
        return np.stack([share / total for share in shares], axis=-1)

    def starts(self, variables: Variables, loss: Floats) -> Floats:
        """Linear fits of E, A and B on a grid of both exponents; the best few."""
        log_n, log_d = np.log(variables["params"]), np.log(variables["tokens"])
        found = []
        for alpha in EXPONENTS:
            for beta in EXPONENTS:
                scaled = np.stack(
                    [
                        np.ones_like(loss),
                        np.exp(-alpha * (log_n - log_n.mean())),
                        np.exp(-beta * (log_d - log_d.mean())),
                    ],
                    axis=1,
                )
                linear, rest = nnls(scaled / loss[:, None], np.ones_like(loss))
                e, a, b = np.log(np.maximum(linear, SMALL * loss.mean()))
                theta = (e, a + alpha * log_n.mean(), b + beta * log_d.mean(), alpha, beta)
                found.append((rest, theta))
        found.sort(key=lambda one: one[0])
        return np.array([theta for _, theta in found[:KEPT]])

    def planted(self) -> dict[str, float]:
        """The published constants."""
        return {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}

    def planted_variables(self) -> dict[str, Floats]:
        """Five sizes at six numbers of tokens."""
        params, tokens = np.meshgrid(np.geomspace(1e8, 1e10, 5), np.geomspace(1e9, 1e12, 6))
        return {"params": params.ravel(), "tokens": tokens.ravel()}

    @staticmethod
    def _terms(
        theta: NDArray[Any], variables: Variables
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        log_n, log_d = np.log(variables["params"]), np.log(variables["tokens"])
        e, a, b, alpha, beta = (theta[:, i, None] for i in range(5))
        return np.exp(e), np.exp(a - alpha * log_n), np.exp(b - beta * log_d)
