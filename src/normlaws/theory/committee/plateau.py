"""The symmetric plateau of erf units, and how fast students leave it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.theory.committee.flow import Blocks
from normlaws.theory.committee.symmetry import orbits

APPROACH = 50.0  # η α of the path that leads to the plateau
ACCURACY = 1e-9  # of its equations


def escape_rate(blocks: Blocks) -> float:
    """The largest growth rate of small deviations from the plateau, per α."""
    rho, theta = plateau(blocks)
    ones = np.full((len(blocks.variance), 1, 1), blocks.share)
    rates = np.linalg.eigvals(blocks.jacobian(blocks.pack(ones * rho, ones * theta)))
    return float(rates.real.max())


def plateau(blocks: Blocks) -> tuple[Floats, Floats]:
    """R (K, M) and Q (K, K) of the fixed point where all students and all teachers are alike.

    Its blocks are alike, too, so it is that of a single eigenvalue.
    """
    one = Blocks(blocks.students, blocks.teachers, np.ones(1), blocks.learning_rate)

    def matrices(values: Floats) -> tuple[Floats, Floats]:
        overlap, own, other = values
        k = blocks.students
        theta = np.full((k, k), other)
        np.fill_diagonal(theta, own)
        return np.full((k, blocks.teachers), overlap), theta

    def speeds(values: Floats) -> Floats:
        rho, theta = matrices(values)
        moved, grown = one.unpack(one.speed(one.pack(rho[None], theta[None])))
        return np.array([moved[0, 0, 0], grown[0, 0, 0], grown[0, 0, 1]]) / one.learning_rate

    begin = one.pack(*(part[None] for part in matrices(np.array([0.0, 0.01, 0.0]))))
    alike = orbits(blocks.students, blocks.teachers, paired=False)
    path = one.integrate(begin, np.array([APPROACH / one.learning_rate]), alike)
    rho, theta = (part[0, 0] for part in one.unpack(path))
    guess = np.array([rho.mean(), np.diag(theta).mean(), theta[0, 1]])
    found = root(speeds, guess, tol=1e-13)
    if not np.max(np.abs(found.fun)) < ACCURACY:
        raise InputError(
            f"expected a learning_rate at which the symmetric plateau exists, "
            f"got {blocks.learning_rate:g}; smaller ones have it"
        )
    return matrices(found.x)
