"""What the preset ``committee`` shows, and one point of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np

from normlaws.curves import Curves
from normlaws.theory._checks import positive
from normlaws.theory.committee.model import SoftCommittee
from normlaws.theory.committee.simulation import simulate_committee

DIMENSION = 10_000  # that turns the theory's α into sizes
SIZES, RECORDS = 6, 60
LINEAR = 10_000  # eigenvalues of the linear committee, whose laws are clean
FIRST = 3.0  # α of the smallest size of erf units
SHORTEST, LONGEST = 1e-4, 0.3  # α of the linear committee: within the power law


@dataclass(frozen=True)
class CommitteeStudy:
    """Theory and students of erf units, and the theory of linear ones.

    Attributes:
        model: of erf units.
        theory: exact curves of ``model``, each size cutting the same path.
        students: finite committees, over seeds.
        linear: exact curves of one linear unit with a long spectrum.
    """

    model: SoftCommittee
    theory: Curves
    students: Curves
    linear: Curves

    def kinds(self) -> dict[str, Curves]:
        """The three kinds of curve, by title."""
        return {"theory": self.theory, "students": self.students, "linear units": self.linear}


def study(
    student: int = 2,
    teacher: int = 2,
    eigenvalues: int = 8,
    spectrum_exponent: float = 1.0,
    learning_rate: float = 0.5,
    initial_variance: float = 0.01,
    initial_overlap: float = 0.001,
    alpha: float = 200.0,
    seeds: int = 8,
) -> CommitteeStudy:
    """Solve the model and train its students; some fifteen seconds on one core by default.

    Args:
        student: K.
        teacher: M.
        eigenvalues: L.
        spectrum_exponent: β.
        learning_rate: η.
        initial_variance: q0.
        initial_overlap: x0.
        alpha: examples per input at the end.
        seeds: students.

    Raises:
        InputError: a value is out of range.
    """
    model = SoftCommittee(
        student,
        teacher,
        eigenvalues,
        spectrum_exponent,
        learning_rate,
        "erf",
        initial_variance,
        initial_overlap,
    )
    last = float(positive("alpha", alpha))
    linear = replace(
        model, student=1, teacher=1, eigenvalues=LINEAR, activation="linear", initial_overlap=0.0,
        initial_variance=1e-9,
    )  # fmt: skip
    each = max(32, student + teacher)
    return CommitteeStudy(
        model=model,
        theory=model.curves(
            np.geomspace(min(FIRST, last / 30), last, SIZES), dimension=DIMENSION, records=RECORDS
        ),
        students=simulate_committee(
            model, np.geomspace(last / 1000, last, 25), dimension=each * eigenvalues, seeds=seeds
        ),
        linear=linear.curves(
            np.geomspace(SHORTEST * 10, LONGEST, SIZES), dimension=10**8, records=RECORDS
        ),
    )


def values(
    alpha: float,
    student: int = 2,
    teacher: int = 2,
    eigenvalues: int = 8,
    spectrum_exponent: float = 1.0,
    learning_rate: float = 0.5,
    activation: str = "erf",
    initial_variance: float = 0.01,
    initial_overlap: float = 0.001,
) -> dict[str, float | str | None]:
    """Loss, norm and spectral complexity after α examples per input.

    Raises:
        InputError: a value is out of range.
    """
    model = SoftCommittee(
        student,
        teacher,
        eigenvalues,
        spectrum_exponent,
        learning_rate,
        cast(Literal["erf", "linear"], activation),
        initial_variance,
        initial_overlap,
    )
    found = model.solve(alpha)
    names = ("test_loss", "norm", "log_spectral_complexity")
    numbers: dict[str, float | str | None] = {
        name: value if math.isfinite(value := float(getattr(found, name))) else None
        for name in names
    }
    plateau = activation == "erf" and min(student, teacher) > 1
    escape = {"escape_time": model.escape_time() if plateau else None}
    return {"alpha": alpha} | numbers | escape | {"status": str(found.status)}
