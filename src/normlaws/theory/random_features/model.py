"""Linear random features under gradient flow, solved for many examples and features."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Flags, Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning
from normlaws.theory._checks import whole
from normlaws.theory._contour import Nodes, cotangent
from normlaws.theory._modes import Modes, power_law
from normlaws.theory.random_features import laws as closed
from normlaws.theory.random_features.edges import at_the_end, diverges, largest_rate, last_time
from normlaws.theory.random_features.frontier import best_widths
from normlaws.theory.random_features.observables import RELATIVE, Tests, Trains, tests, trains
from normlaws.theory.random_features.optimum import best
from normlaws.theory.random_features.resolvent import Ridge, Track, ridge
from normlaws.theory.random_features.results import (
    EnsembleLoss,
    FeatureLaws,
    FeatureLimit,
    FeatureOptimum,
    FeatureSolution,
    Frontier,
)

FIRST_STEPS = 10  # of gradient descent: fewer are outside the contour's reach
FIRST_TIME = 1e-2  # at which the search for an optimum begins


@dataclass(frozen=True)
class RandomFeatures:
    """A linear student of random features that learns a power-law target under gradient flow.

    Modes k = 1 … M have variance k^−b and carry the target's power k^−a; P examples have labels
    with noise of variance σ²; the student is w·Aψ/√N with Gaussian A (N × M), from w = 0, and
    follows the gradient of half the mean squared error. Exact for P, N and M large at any time.
    Equations: docs/theory/random-features.md; Bordelon, Atanasov, Pehlevan, arXiv 2402.01092.

    Solved values are accurate to 1e-8 relative; what double precision does not carry is NaN, and
    ``status`` says so.

    Args:
        target_exponent: a > 1; the target's power in mode k is k^−a.
        spectrum_exponent: b > 1; the variance of mode k is k^−b.
        modes: M.
        width: N, features; infinite is kernel regression.
        noise: σ², variance of the label noise.
        learning_rate: η of gradient descent; 0 is flow. Then time t = η × steps, from 10 steps on
            (time 0 aside); between whole steps the value is interpolated by the same formula.

    Raises:
        InputError: a value is out of range; by methods, a size below 1, a time below 0 or fewer
            than 10 steps, or a learning rate at which training overshoots.
    """

    target_exponent: float
    spectrum_exponent: float
    modes: int = 10**8
    width: float = math.inf
    noise: float = 1.0
    learning_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("target_exponent", "spectrum_exponent"):
            value = getattr(self, name)
            if not (1 < value < math.inf):
                raise InputError(
                    f"expected {name} greater than 1 and finite, got {value}; "
                    "at 1 or less its sum over the modes diverges"
                )
        whole("modes", self.modes)
        if not self.width >= 1:
            raise InputError(
                f"expected width to be at least 1, got {self.width}; inf is kernel regression"
            )
        for name, text in (("noise", "is a variance"), ("learning_rate", "is 0 for flow")):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(
                    f"expected {name}, which {text}, to be at least 0 and finite, "
                    f"got {getattr(self, name)}"
                )

    def solve(self, size: ArrayLike, time: ArrayLike) -> FeatureSolution:
        """Solve at scalars or arrays that broadcast against each other; P may be infinite."""
        sizes, times = np.broadcast_arrays(_sizes(size), checked_times(time))
        flat = self._solve_all(sizes.ravel(), times.ravel())
        _warn_beyond(sizes, times, flat["status"])
        shaped = {name: value.reshape(sizes.shape)[()] for name, value in flat.items()}
        return FeatureSolution(size=sizes[()], time=times[()], **shaped)

    def ensemble(
        self, size: ArrayLike, time: ArrayLike, *, data_sets: int = 1, projections: int = 1
    ) -> EnsembleLoss:
        """Test loss of the mean of students over data sets, projections, or both.

        Args:
            size: P of every student.
            time: t, broadcast against ``size``.
            data_sets: D independent data sets (bagging).
            projections: E independent feature matrices (ensembling); D E students in all.
        """
        d, e = whole("data_sets", data_sets), whole("projections", projections)
        one = self.solve(size, time)
        loss = one.bias + one.data_variance / d + one.feature_variance / e
        loss = loss + one.joint_variance / (d * e)
        return EnsembleLoss(one.size, one.time, d, e, loss, one.status)

    def limit(self, size: ArrayLike) -> FeatureLimit:
        """The end of training, t → ∞, at a scalar or array of P."""
        sizes = _sizes(size)
        ridges = [self._ridge(float(p)) for p in sizes.ravel()]
        rows = [at_the_end(of, self.noise) for of in ridges]
        shaped: dict[str, Any] = {
            name: np.array([row[name] for row in rows]).reshape(sizes.shape)[()] for name in rows[0]
        }
        status = np.array(["diverges" if diverges(of) else "solved" for of in ridges])
        return FeatureLimit(size=sizes[()], status=status.reshape(sizes.shape)[()], **shaped)

    def optimum(self, size: ArrayLike) -> FeatureOptimum:
        """Time, loss and norm where the test loss is lowest, at a scalar or array of P."""
        sizes = _sizes(size)
        first = max(FIRST_TIME, FIRST_STEPS * self.learning_rate)
        found = np.array([self._best(float(p), first) for p in sizes.ravel()])
        time, loss, norm = (column.reshape(sizes.shape) for column in found.reshape(-1, 3).T)
        status = np.where(np.isnan(time), "no optimum", "solved")
        return FeatureOptimum(sizes[()], time[()], loss[()], norm[()], status[()])

    def laws(self) -> FeatureLaws:
        """Exponents and prefactors in closed form, for P → ∞ at infinite width.

        Width and compute exponents are those of fresh data, P = ∞.
        """
        return closed.laws(self.target_exponent, self.spectrum_exponent, self.noise)

    def early_law(self, norm: ArrayLike) -> Floats:
        """Test loss at ‖w‖ = ``norm`` before the training set is felt, for any P and σ²."""
        return closed.early_law(self.target_exponent, self.spectrum_exponent, norm)

    def frontier(self, compute: ArrayLike) -> Frontier:
        """The width of lowest test loss at each compute C = N t, under flow on fresh data."""
        if self.learning_rate:
            raise InputError(
                f"expected learning_rate 0 for a compute frontier, got {self.learning_rate}; "
                "compute is width times time of the flow"
            )
        return best_widths(self._spectrum, self.target_exponent, self.spectrum_exponent, compute)

    def curves(
        self,
        sizes: Iterable[int],
        times: Iterable[float] | None = None,
        *,
        records: int = 60,
    ) -> Curves:
        """Learning curves as ``Curves``: one run per size, no seed, no steps.

        Args:
            sizes: P, whole numbers.
            times: recorded times, the same at every size; by default ``records`` times per size,
                from 0.1 to 30 times the best, or to the end of training where there is none.
            records: how many, where no times are given.

        Returns:
            ``test_loss``, ``train_loss`` (squared errors, NaN beyond precision),
            ``log_frobenius``, and ``time``.
        """
        from normlaws.theory.random_features.records import curves_of

        wanted = [whole("sizes", size) for size in sizes]
        given = None if times is None else checked_times(list(times))
        grids = [given if given is not None else self.times(size, records) for size in wanted]
        return curves_of(self, wanted, grids)

    def times(self, size: int, records: int = 60) -> Floats:
        """The times that :meth:`curves` records at P = ``size`` by default."""
        first = max(0.1, FIRST_STEPS * self.learning_rate)
        time = float(self.optimum(size).time)
        last = last_time(self._ridge(float(size))) if math.isnan(time) else 30 * time
        return np.geomspace(first, max(last, 10 * first), whole("records", records))

    @cached_property
    def _spectrum(self) -> Modes:
        return power_law(self.target_exponent, self.spectrum_exponent, self.modes)

    def _ridge(self, size: float) -> Ridge:
        of = ridge(self._spectrum, size, float(self.width))
        if self.learning_rate:
            edge = largest_rate(of)
            if self.learning_rate * edge >= 1:
                raise InputError(
                    f"expected a learning_rate below {1 / edge:.4g}, the inverse of the largest "
                    f"rate at size {size:g}, got {self.learning_rate:g}; "
                    "beyond it gradient descent overshoots"
                )
        return of

    def _track(self, size: float, low: float, high: float) -> Track:
        nodes = Nodes(cotangent(), self.learning_rate)
        return Track(self._ridge(size), nodes, low, high)

    def _best(self, size: float, first: float) -> tuple[float, float, float]:
        last = last_time(self._ridge(size))
        return best(self._track(size, first, 2 * last), self.noise, first)

    def _solve_all(self, sizes: Floats, times: Floats) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for size in np.unique(sizes):
            here = np.flatnonzero(sizes == size)
            for name, values in self._solve_size(float(size), times[here]).items():
                empty = np.empty(sizes.shape, dtype="U40" if name == "status" else float)
                found.setdefault(name, empty)[here] = values
        return found

    def _solve_size(self, size: float, times: Floats) -> dict[str, np.ndarray]:
        start = _at_start(self._spectrum, self.noise, len(times))
        later = times > 0
        if not later.any():
            return start
        moving = times[later]
        if moving.min() < FIRST_STEPS * self.learning_rate * (1 - 1e-12):
            raise InputError(
                f"expected time 0 or at least {FIRST_STEPS} steps, which is "
                f"{FIRST_STEPS * self.learning_rate:g}, got {moving.min():g}"
            )
        track = self._track(size, moving.min(), 2 * moving.max())
        with np.errstate(all="ignore"):
            test, found = tests(track, self.noise, moving)
            train, found_too = trains(track, self.noise, moving)
            values = _checked(test, train, found & found_too)
        for name, value in values.items():
            start[name][later] = value
        return start


def _sizes(value: ArrayLike) -> Floats:
    sizes = np.asarray(value, dtype=float)
    if not np.all(sizes >= 1):
        raise InputError(
            f"expected sizes of at least 1, got {sizes[~(sizes >= 1)].flat[0]:g}; "
            "inf is the population"
        )
    return sizes


def checked_times(value: ArrayLike) -> Floats:
    """``value`` as float64; raises where a time is negative or not finite."""
    times = np.asarray(value, dtype=float)
    bad = times[~((times >= 0) & np.isfinite(times))]
    if bad.size:
        raise InputError(
            f"expected times of at least 0 and finite, got {bad.flat[0]:g}; "
            "limit() answers for the end of training"
        )
    return times


def _at_start(modes: Modes, noise: float, count: int) -> dict[str, np.ndarray]:
    power = modes.total_power
    values = dict.fromkeys(FeatureSolution.__dataclass_fields__, 0.0) | {
        "test_loss": power,
        "bias": power,
        "train_loss": power + noise,
        "norm_exponent": 1.0,
    }
    del values["size"], values["time"], values["status"]
    arrays: dict[str, np.ndarray] = {name: np.full(count, value) for name, value in values.items()}
    return arrays | {"status": np.full(count, "solved", dtype="U40")}


def _checked(test: Tests, train: Trains, found: Flags) -> dict[str, np.ndarray]:
    """Values by name; NaN where their rounding error passes 1e-8, which the status tells."""
    good = {
        "test_loss": found & (test.error <= RELATIVE * test.total),
        "train_loss": found & (train.loss_error <= RELATIVE * train.loss),
        "norm": found & (train.norm_error <= RELATIVE * train.squared_norm),
    }
    norm_exponent = train.norm_slope / (2 * train.squared_norm)
    time_exponent = test.slope / test.total
    values = {
        "test_loss": (test.total, good["test_loss"]),
        "train_loss": (train.loss, good["train_loss"]),
        "norm": (np.sqrt(train.squared_norm), good["norm"]),
        "bias": (test.bias, good["test_loss"]),
        "data_variance": (test.data, good["test_loss"]),
        "feature_variance": (test.features, good["test_loss"]),
        "joint_variance": (test.joint, good["test_loss"]),
        "time_exponent": (time_exponent, good["test_loss"]),
        "norm_exponent": (norm_exponent, good["norm"]),
        "early_exponent": (
            -time_exponent / norm_exponent,
            good["test_loss"] & good["norm"] & (norm_exponent > 1e-8),
        ),
    }
    checked = {name: np.where(fine, value, np.nan) for name, (value, fine) in values.items()}
    return checked | {"status": _status(good)}


def _status(good: dict[str, np.ndarray]) -> np.ndarray:
    lacking = np.stack([~fine for fine in good.values()], axis=1)
    names = np.array(list(good))
    told = [
        "solved" if not row.any() else f"{', '.join(names[row])} beyond precision"
        for row in lacking
    ]
    return np.where(lacking.all(axis=1), "beyond precision", np.array(told, dtype="U60"))


def _warn_beyond(size: Floats, time: Floats, status: np.ndarray) -> None:
    beyond = np.flatnonzero(status == "beyond precision")
    if beyond.size:
        warnings.warn(
            f"{beyond.size} of {size.size} points are beyond double precision and are NaN, "
            f"the first at size {size.flat[beyond[0]]:g}, time {time.flat[beyond[0]]:g}",
            NormlawsWarning,
            stacklevel=3,
        )
