"""Sparse attention: one softmax head that must find the relevant of T tokens, solved exactly."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, allowed
from normlaws.theory._checks import positive, whole
from normlaws.theory._runs import as_curves, run_of
from normlaws.theory._stiff import follow
from normlaws.theory.attention.equations import Setting

RTOL = 1e-12
ATOL = 1e-15  # of w and u, which are of order 1 where anything happens
CLOCKS = ("flow", "reduced")
PATIENCE = 1e4  # in units of the plateau: where a level that is not reached by then is given up


@dataclass(frozen=True)
class AttentionFlow:
    """The gradient flow at given times; all arrays (times,).

    Attributes:
        time: t, a step of gradient descent at learning rate 1 being one unit.
        norm: |W|, Frobenius.
        score: u, the score of relevant tokens above that of others.
        attention: A, on all relevant tokens together.
        rest: w, the part of W along W* across the repeated direction.
        repeated: w₁, along the repeated direction.
        train_loss: the loss that is descended.
        test_loss: the loss without repetition across examples, p = 0.
        status: ``"solved"``, or ``"beyond precision"`` where the values are NaN.
    """

    time: Floats
    norm: Floats
    score: Floats
    attention: Floats
    rest: Floats
    repeated: Floats
    train_loss: Floats
    test_loss: Floats
    status: np.ndarray


class SparseAttention:
    """y = W Σ softmax(a)_t x_t learns y* = W* x_T from fresh data; arXiv 2505.17863.

    Tokens x_t ~ N(0, 1_d/d), t = 1 … T; the columns of W* have norm 1; a(0) = 0, W(0) = 0;
    gradient flow on L = ½E|y − y*|². Equations: docs/theory/sparse-attention.md.

    Args:
        length: T, tokens of a context.
        dimension: d of a token.
        repeated: B, positions at which the relevant token stands (in-context repetition).
        shared: p, probability that it is one fixed vector (cross-sample repetition); below 1.
        clock: ``"flow"``, the gradient flow of the T scores; or ``"reduced"``, that of the
            difference u as a parameter of its own, as published, which at B > 1 is another model.

    Raises:
        InputError: a value is out of range.
    """

    def __init__(
        self,
        length: int,
        dimension: int,
        repeated: int = 1,
        shared: float = 0.0,
        clock: Literal["flow", "reduced"] = "flow",
    ) -> None:
        self.length, self.dimension = whole("length", length), whole("dimension", dimension)
        self.repeated = whole("repeated", repeated)
        if self.repeated >= self.length:
            raise InputError(
                f"expected repeated to be less than the length {self.length}, got {repeated}"
            )
        if not 0 <= shared < 1:
            raise InputError(
                f"expected shared to be a probability of at least 0 and less than 1, got {shared}"
            )
        if clock not in CLOCKS:
            raise InputError(f"expected a clock {allowed(CLOCKS)}, got {clock!r}")
        self.shared, self.clock = float(shared), clock
        pace = 1 / self.repeated + 1 / (self.length - self.repeated) if clock == "flow" else 1.0
        self._train = Setting(self.length, self.dimension, self.repeated, self.shared, pace)
        self._test = Setting(self.length, self.dimension, self.repeated, 0.0, pace)

    def __repr__(self) -> str:
        return (
            f"SparseAttention(length={self.length}, dimension={self.dimension}, "
            f"repeated={self.repeated}, shared={self.shared:g}, clock={self.clock!r})"
        )

    def loss(self, w: ArrayLike, u: ArrayLike, along: ArrayLike | None = None) -> Floats:
        """The training loss L.

        Args:
            w: |W|, with W along W*, the only direction that training takes at p = 0; or, where
                ``along`` is given, the part across the repeated direction.
            u: score of relevant tokens above that of others, broadcast against ``w``.
            along: w₁, the part along the repeated direction.
        """
        weight, score = np.asarray(w, dtype=float), np.asarray(u, dtype=float)
        if along is None:
            share = 1 / np.sqrt(self.dimension)
            rest, part = weight * np.sqrt(1 - share**2), weight * share
        else:
            rest, part = weight, np.asarray(along, dtype=float)
        return self._train.loss(rest, part, score)[()]

    def flow(self, times: ArrayLike) -> AttentionFlow:
        """The gradient flow from W = 0, a = 0.

        Args:
            times: not negative, in any order.

        Raises:
            InputError: a time is negative or not finite.

        Warns:
            NormlawsWarning: the integration does not reach every time; values are NaN there.
        """
        asked = np.asarray(times, dtype=float)
        if not np.all(np.isfinite(asked) & (asked >= 0)):
            raise InputError("expected times to be finite and at least 0")
        order, inverse = np.unique(asked.ravel(), return_inverse=True)
        rest, part, score = self._states(order)[inverse.ravel()].T.reshape(3, *asked.shape)
        solved = np.isfinite(score)
        if not np.all(solved):
            warnings.warn(
                f"{np.sum(~solved)} of {solved.size} times are beyond what can be integrated in "
                "double precision and are NaN",
                NormlawsWarning,
                stacklevel=2,
            )
        return AttentionFlow(
            time=asked[()],
            norm=np.hypot(rest, part),
            score=score[()],
            attention=self._train.attention(score),
            rest=rest[()],
            repeated=part[()],
            train_loss=self._train.loss(rest, part, score),
            test_loss=self._test.loss(rest, part, score),
            status=np.where(solved, "solved", "beyond precision"),
        )

    def plateau(self, level: float = 0.2) -> float:
        """Time at which the test loss (p = 0) first falls to ``level`` of its initial value ½.

        Args:
            level: fraction of the initial loss, between 0 and 1; .2 is L = .1.

        Raises:
            InputError: the level is out of range.

        Warns:
            NormlawsWarning: the loss is above the level as long as is looked; the time is NaN.
        """
        if not 0 < level < 1:
            raise InputError(
                f"expected a level between 0 and 1, a fraction of the initial loss, got {level}"
            )
        time = self._train.first_below(0.5 * level, self._test, self._patience(level), RTOL, ATOL)
        if not np.isfinite(time):
            warnings.warn(
                f"the loss does not fall to {level:g} of its initial value in "
                f"{self._patience(level):.3g} units of time; the time is NaN",
                NormlawsWarning,
                stacklevel=2,
            )
        return time

    def plateau_law(self, terms: int = 2) -> float:
        """The time of emergence for long contexts, in closed form.

        √(π/2) √d T/(√B √(1 + (d−1)p²)), and for p = 0 the next term (1 − π/4) T/B. The reduced
        clock, which lacks the factor 1/B in the speed of the scores, has another 1/√B in the
        first term and 1/B in the second.

        Args:
            terms: 1 or 2; the second is known at p = 0, and left out elsewhere.

        Raises:
            InputError: another number of terms is asked for.
        """
        if terms not in (1, 2):
            raise InputError(f"expected 1 or 2 terms, got {terms}")
        slow = 1.0 if self.clock == "flow" else float(self.repeated)
        growth = np.sqrt(1 + (self.dimension - 1) * self.shared**2)
        leading = (
            np.sqrt(np.pi / 2) * np.sqrt(self.dimension / (self.repeated * slow))
            * self.length / growth
        )  # fmt: skip
        known = terms == 2 and self.shared == 0
        next_term = (1 - np.pi / 4) * self.length / (self.repeated * slow) if known else 0.0
        return float(leading + next_term)

    def curves(
        self, lengths: Iterable[int] | None = None, times: ArrayLike | None = None
    ) -> Curves:
        """Loss against norm and time at several context lengths; the size is T, not P.

        Data are fresh at every step, so there is no training set, and no two laws to find.

        Args:
            lengths: T; that of this model by default.
            times: recorded times; by default eighty up to ten times each length's plateau.

        Returns:
            One run per length, without seed: ``log_frobenius`` (ln |W|), ``score``,
            ``attention``, ``time``, ``train_loss``, and ``test_loss`` at p = 0.

        Raises:
            InputError: a value is out of range.
        """
        parts = []
        for length in [self.length] if lengths is None else lengths:
            model = SparseAttention(length, self.dimension, self.repeated, self.shared, self.clock)
            span = model.plateau_law()
            when = span * np.geomspace(1e-3, 10, 80) if times is None else positive("times", times)
            parts.append(model._recorded(np.unique(when)))
        return Curves.concat(parts)

    def settings(self) -> dict[str, object]:
        """What defines the model, for the record of a run."""
        return {
            "model": "sparse attention", "length": self.length, "dimension": self.dimension,
            "repeated": self.repeated, "shared": self.shared, "clock": self.clock,
        }  # fmt: skip

    def _recorded(self, times: Floats) -> Curves:
        found = self.flow(times)
        columns = {
            "log_frobenius": np.log(found.norm),
            "score": found.score,
            "attention": found.attention,
            "time": found.time,
            "train_loss": found.train_loss,
            "test_loss": found.test_loss,
        }
        run = run_of(self.length, None, self.settings() | {"training": "gradient flow"})
        return as_curves([run], {name: value[None] for name, value in columns.items()})

    def _states(self, times: Floats) -> Floats:
        return follow(
            self._train.speed, self._train.jacobian, np.zeros(3), times, rtol=RTOL, atol=ATOL
        )

    def _patience(self, level: float) -> float:
        """The late loss is 1/(4 pace t), and rare tokens are learnt at the speed 1 − p."""
        late = 1 / (self._train.pace * level)
        return PATIENCE * (self.plateau_law() + late + self.dimension) / (1 - self.shared)
