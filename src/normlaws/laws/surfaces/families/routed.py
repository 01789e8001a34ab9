"""Loss of routed networks (Clark et al. 2022, arXiv 2202.01169, equation 7), in log10.

log L = a log N + b log Ê + c log N log Ê + d with
1/Ê = 1/(E − 1 + (1/E_start − 1/E_max)^(−1)) + 1/E_max.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats
from normlaws.laws.surfaces.family import Family, Variables

TEN = np.log(10.0)


class Routed(Family):
    """Parameters N of the dense part and number of experts E.

    ``gap`` is E_max / E_start − 1, which keeps E_start below E_max.
    """

    name = "routed"
    variables = ("params", "experts")
    constants = ("a", "b", "c", "d", "E_start", "gap")
    logged = ("E_start", "gap")

    def log_loss(self, theta: NDArray[Any], variables: Variables) -> NDArray[Any]:
        """See the module."""
        log_n = np.log10(variables["params"])
        a, b, c, d, log_start, log_gap = (theta[:, i, None] for i in range(6))
        log_e = _effective(variables["experts"], np.exp(log_start), np.exp(log_gap))
        return np.asarray(TEN * (a * log_n + b * log_e + c * log_n * log_e + d))

    def starts(self, variables: Variables, loss: Floats) -> Floats:
        """Linear fits of a … d for a few ranges of experts."""
        log_n, found = np.log10(variables["params"]), []
        for start in (1.1, 2.0, 4.0):
            for largest in (100.0, 300.0, 1000.0):
                gap = largest / start - 1
                log_e = _effective(variables["experts"], start, gap)
                design = np.stack([log_n, log_e, log_n * log_e, np.ones_like(log_n)], axis=1)
                linear = np.linalg.lstsq(design, np.log10(loss), rcond=None)[0]
                found.append([*linear, np.log(start), np.log(gap)])
        return np.array(found)

    def planted(self) -> dict[str, float]:
        """Constants like the published ones."""
        return {"a": -0.083, "b": -0.118, "c": 0.0099, "d": 1.1136, "E_start": 2.07, "gap": 114.3}

    def planted_variables(self) -> dict[str, Floats]:
        """Five sizes with one to 512 experts."""
        params, experts = np.meshgrid(np.geomspace(1e7, 1e9, 5), 2.0 ** np.arange(10))
        return {"params": params.ravel(), "experts": experts.ravel()}


def _effective(experts: Any, start: Any, gap: Any) -> Any:
    """Log10 Ê of E experts."""
    largest = start * (1 + gap)
    begins = start * largest / (largest - start)
    return -np.log10(1 / (experts - 1 + begins) + 1 / largest)
