"""What the preset ``random-features`` shows, and one point of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from normlaws.curves import Curves
from normlaws.theory._checks import whole
from normlaws.theory.random_features.model import RandomFeatures
from normlaws.theory.random_features.simulation import simulate_features

SIZES = (64, 128, 256, 512, 1024)
LARGE = (1e5, 1e8)  # sizes at which the exponents are near their limits
COUNT = 8  # of large sizes


@dataclass(frozen=True)
class FeatureStudy:
    """Theory beside finite students at small sizes, and theory at large ones.

    Attributes:
        model: with all its modes.
        theory: exact curves with the students' modes, at their sizes.
        students: finite, over seeds, at the same times.
        large: exact curves of ``model`` from P = 1e5 to 1e8.
    """

    model: RandomFeatures
    theory: Curves
    students: Curves
    large: Curves

    def kinds(self) -> dict[str, Curves]:
        """The three kinds of curve, by title."""
        return {"theory": self.theory, "students": self.students, "large sizes": self.large}


def study(
    target_exponent: float = 1.5,
    spectrum_exponent: float = 1.5,
    noise: float = 1.0,
    sizes: Sequence[int] = SIZES,
    modes: int = 2000,
    seeds: int = 8,
    records: int = 40,
) -> FeatureStudy:
    """Solve the model and train its students; some twenty seconds on one core by default.

    Args:
        target_exponent: a.
        spectrum_exponent: b.
        noise: σ², of the labels.
        sizes: P of the students.
        modes: M of the students.
        seeds: students per size.
        records: times recorded per run.

    Raises:
        InputError: a value is out of range.
    """
    model = RandomFeatures(target_exponent, spectrum_exponent, noise=noise)
    small = replace(model, modes=whole("modes", modes))
    large = np.geomspace(*LARGE, COUNT).round().astype(int)
    return FeatureStudy(
        model=model,
        theory=small.curves(sizes, records=records),
        students=simulate_features(model, sizes, modes=modes, seeds=seeds, records=records),
        large=model.curves([int(size) for size in large]),
    )


def values(
    size: float,
    time: float | None = None,
    target_exponent: float = 1.5,
    spectrum_exponent: float = 1.5,
    noise: float = 1.0,
    width: float = math.inf,
    modes: int = 10**8,
    learning_rate: float = 0.0,
) -> dict[str, float | str | None]:
    """Losses, norm and local exponents at one point; at the best time where none is given.

    Raises:
        InputError: a value is out of range.
    """
    model = RandomFeatures(
        target_exponent,
        spectrum_exponent,
        modes=modes,
        width=width,
        noise=noise,
        learning_rate=learning_rate,
    )
    status = "at the given time"
    if time is None:
        best = model.optimum(size)
        status, time = "at the best time", float(best.time)
        if math.isnan(time):
            end = model.limit(size)
            ending: dict[str, float | str | None] = {
                name: float(getattr(end, name)) for name in ("test_loss", "train_loss", "norm")
            }
            return {"size": size, "time": None} | ending | {"status": "no optimum: at the end"}
    found = model.solve(size, time)
    names = (
        "test_loss",
        "train_loss",
        "norm",
        "bias",
        "data_variance",
        "feature_variance",
        "joint_variance",
        "time_exponent",
        "norm_exponent",
    )
    numbers: dict[str, float | str | None] = {
        name: value if math.isfinite(value := float(getattr(found, name))) else None
        for name in names
    }
    if found.status != "solved":
        status = str(found.status)
    return {"size": size, "time": time} | numbers | {"status": status}
