"""The symmetric plateau of erf units, and how fast students leave it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root

from normlaws.arrays import Floats
from normlaws.errors import InputError
from normlaws.theory.committee.flow import Blocks
from normlaws.theory.committee.symmetry import orbits, overlaps_at_start

APPROACH = 50.0  # η α of the path that leads to the plateau
ACCURACY = 1e-9  # of its equations
VARIANCE, OVERLAP = 1e-4, 1e-8  # of the start of the path that leaves it
LEAVING = (1e-5, 1e-2)  # |R_11 − R_12| for two students, 2/K of it for K
RECORDS, SPARE = 24, 12.0  # of that path; e-fold times that it is followed beyond the escape


def escape_time(blocks: Blocks) -> float:
    """The e-fold time, in α, of the departure from the plateau along a path that visits it.

    Students start almost alike. That of their differences which does not favour a teacher,
    Q_11 − Q_12, decays much more slowly than the others grow, and with many eigenvalues neither
    have all blocks come to rest when the escape is over, so that the rate at the fixed point
    (:func:`escape_rate`) is not quite the one that is seen.

    Raises:
        InputError: there is no plateau at this learning rate, or nothing leaves it.
    """
    k, m = blocks.students, blocks.teachers
    low, high = (np.log(2 / k * level) for level in LEAVING)
    last = (high - np.log(OVERLAP) + SPARE) / escape_rate(blocks)
    alphas = np.linspace(0, last, RECORDS)
    begin = blocks.alike(*overlaps_at_start(k, m, VARIANCE, OVERLAP))
    path = blocks.integrate(begin, alphas, orbits(k, m, paired=True))
    both = blocks.covariance(*blocks.unpack(path))
    apart = np.log(np.abs(both[:, 0, k] - both[:, 0, k + 1]))
    if not np.nanmax(apart) > high:
        raise InputError(
            f"expected students that leave the symmetric plateau, got none by α = {last:.3g} at "
            f"learning_rate {blocks.learning_rate:g}; smaller ones do"
        )
    at = [_crossing(alphas, apart, level) for level in (low, high)]
    return float((at[1] - at[0]) / (high - low))


def _crossing(alphas: Floats, values: Floats, level: float) -> float:
    """Where values that start below ``level`` first exceed it, linear in between."""
    k = int(np.argmax(values > level))
    share = (level - values[k - 1]) / (values[k] - values[k - 1])
    return float(alphas[k - 1] + share * (alphas[k] - alphas[k - 1]))


def escape_rate(blocks: Blocks) -> float:
    """The largest growth rate of small deviations from the fixed point, per α."""
    rates = np.linalg.eigvals(blocks.jacobian(blocks.alike(*plateau(blocks))))
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
