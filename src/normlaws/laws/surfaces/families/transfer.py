"""From one loss or error to another: e_down = k e_up^a + c, the second step of a chain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from normlaws.arrays import Floats
from normlaws.laws.surfaces.family import Family, Variables


class Transfer(Family):
    """The upstream loss or error."""

    name = "transfer"
    variables = ("upstream",)
    constants = ("c", "k", "a")
    logged = ("c", "k")
    floor = "c"

    def log_loss(self, theta: NDArray[Any], variables: Variables) -> NDArray[Any]:
        """See the module."""
        c, k, a = (theta[:, i, None] for i in range(3))
        return np.asarray(np.log(np.exp(c) + np.exp(k + a * np.log(variables["upstream"]))))

    def starts(self, variables: Variables, loss: Floats) -> Floats:
        """Linear fits of k and c for a few exponents."""
        logs, found = np.log(variables["upstream"]), []
        for a in (0.3, 1.0, 2.0, 4.0, 8.0):
            basis = np.exp(a * (logs - logs.mean()))
            design = np.stack([np.ones_like(loss), basis], axis=1) / loss[:, None]
            c, k = np.log(np.maximum(nnls(design, np.ones_like(loss))[0], 1e-4 * loss.mean()))
            found.append([c, k - a * logs.mean(), a])
        return np.array(found)

    def planted(self) -> dict[str, float]:
        """A task that gains fast."""
        return {"c": 0.1, "k": 0.05, "a": 2.5}

    def planted_variables(self) -> dict[str, Floats]:
        """Twelve losses."""
        return {"upstream": np.linspace(1.8, 3.5, 12)}
