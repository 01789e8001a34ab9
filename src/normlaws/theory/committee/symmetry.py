"""Which order parameters stay equal because students, or teachers, start alike.

Along the exact path they are equal for ever. An integration that carried each of them would part
them by rounding wherever their being alike is unstable, and follow another path from there on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats


@dataclass(frozen=True)
class Orbits:
    """Order parameters of one block by orbit of the permutations that leave the start as it is.

    Attributes:
        first: an order parameter of every orbit, (n,), as a place in ρ (K, M) and then the upper
            triangle of θ.
        members: 1 where an order parameter (rows) is in an orbit (columns), (K M + K (K + 1)/2, n).
    """

    first: Floats
    members: Floats


def overlaps_at_start(
    students: int, teachers: int, variance: float, overlap: float
) -> tuple[Floats, Floats]:
    """Students of one variance, each on the side of one teacher, i mod M: R (K, M), Q (K, K)."""
    x = np.zeros((students, teachers))
    i = np.arange(students)
    x[i, i % teachers] = overlap
    return x, x @ x.T + variance * np.eye(students)


def orbits(students: int, teachers: int, paired: bool) -> Orbits:
    """The orbits of a start.

    Args:
        students: K.
        teachers: M.
        paired: whether student i starts on the side of teacher i mod M; else all students are
            alike, and all teachers.
    """
    own = np.arange(students) % teachers if paired else np.zeros(students, dtype=int)
    many = np.bincount(own, minlength=teachers)  # students of every teacher
    labels: list[tuple[object, ...]] = []
    for i in range(students):
        for n in range(teachers):
            kind = (many[own[i]], many[n], own[i] == n) if paired else ()
            labels.append(("cross", *kind))
    for j, k in zip(*np.triu_indices(students), strict=True):
        ends = sorted((int(many[own[j]]), int(many[own[k]])))
        labels.append(("own", *ends, bool(own[j] == own[k]), bool(j == k)))
    names = list(dict.fromkeys(labels))
    place = np.array([names.index(label) for label in labels])
    return Orbits(np.array([labels.index(name) for name in names]), np.eye(len(names))[place])
