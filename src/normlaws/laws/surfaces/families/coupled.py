"""L = E + (A N^(−α) + B D^(−β))^k: the form of Kaplan et al. (arXiv 2001.08361) with a floor.

k = 1 is the additive form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.laws.surfaces.families.chinchilla import Chinchilla
from normlaws.laws.surfaces.family import Family, Variables

POWERS = (1.0, 0.5, 0.2)


class Coupled(Family):
    """Parameters N and tokens D, each worth less where the other is scarce."""

    name = "coupled"
    variables = ("params", "tokens")
    constants = ("E", "A", "B", "alpha", "beta", "k")
    logged = ("E", "A", "B", "k")
    floor = "E"

    def log_loss(self, theta: NDArray[Any], variables: Variables) -> NDArray[Any]:
        """See the module."""
        _, size, data = Chinchilla._terms(theta, variables)
        return np.asarray(
            np.log(np.exp(theta[:, :1]) + np.exp(np.exp(theta[:, 5:]) * np.log(size + data)))
        )

    def jacobian(self, theta: Floats, variables: Variables) -> Floats:
        """By formula."""
        log_n, log_d = np.log(variables["params"]), np.log(variables["tokens"])
        floor, size, data = Chinchilla._terms(theta, variables)
        power, inner = np.exp(theta[:, 5:]), size + data
        coupled = np.exp(power * np.log(inner))
        total = floor + coupled
        by_inner = power * coupled / inner / total
        shares = [
            floor / total, by_inner * size, by_inner * data, -by_inner * size * log_n,
            -by_inner * data * log_d, coupled / total * power * np.log(inner),
        ]  # fmt: skip
        return np.stack([np.broadcast_to(share, total.shape) for share in shares], axis=-1)

    def starts(self, variables: Variables, loss: Floats) -> Floats:
        """Those of the additive form, with its terms taken to 1 / k."""
        found = []
        for theta in Chinchilla().starts(variables, loss)[:3]:
            e, a, b, alpha, beta = theta
            found += [(e, a / k, b / k, alpha / k, beta / k, np.log(k)) for k in POWERS]
        return np.array(found)

    def planted(self) -> dict[str, float]:
        """Constants like those of a ladder of language models."""
        return {"E": 1.5, "A": 2e6, "B": 3e7, "alpha": 0.8, "beta": 0.7, "k": 0.4}

    def planted_variables(self) -> dict[str, Floats]:
        """As for the additive form."""
        return Chinchilla().planted_variables()
