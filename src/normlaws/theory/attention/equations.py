"""The three equations of sparse attention, their Jacobian, and when a loss is first reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normlaws.arrays import Floats
from normlaws.theory._stiff import follow

_LOOKED = 9  # decades of time in which a level is looked for
_PLACES = 60  # in a decade
_POLISH = 60  # Newton's steps on the time of an event, or halvings of where it can be


@dataclass(frozen=True)
class Setting:
    """L(w, w₁, u) and its flow.

    A = B/(B + (T−B)e^−u), s = (1−p)/d, s₁ = p + s,

    L = ½[(1−A)²(w² + w₁²)/(d(T−B)) + s₁(A w₁ − 1)² + s(A w − √(d−1))²],
    w' = −L_w, w₁' = −L_{w₁}, u' = −pace A(1−A) L_A.
    """

    length: int
    dimension: int
    repeated: int
    shared: float
    pace: float

    @property
    def common(self) -> float:
        """The variance s of a direction, of the relevant token."""
        return (1 - self.shared) / self.dimension

    def attention(self, score: Floats) -> Floats:
        """A."""
        return self._shares(score)[0]

    def _shares(self, score: Floats) -> tuple[Floats, Floats]:
        """A and 1 − A, neither by subtraction."""
        left = (self.length - self.repeated) * np.exp(-np.asarray(score, dtype=float))
        return self.repeated / (self.repeated + left), left / (self.repeated + left)

    @property
    def _spread(self) -> float:
        """The others' mean has this variance per direction."""
        return 1 / (self.dimension * (self.length - self.repeated))

    @property
    def _goal(self) -> float:
        return float(np.sqrt(self.dimension - 1))

    def loss(self, rest: Floats, part: Floats, score: Floats) -> Floats:
        """L."""
        attention, left = self._shares(score)
        noise = left**2 * (rest**2 + part**2) * self._spread
        along = (self.shared + self.common) * (attention * part - 1) ** 2
        return 0.5 * (noise + along + self.common * (attention * rest - self._goal) ** 2)

    def gradient(self, state: Floats) -> Floats:
        """(L_w, L_{w₁}, L_A)."""
        rest, part, score = state
        attention, left = self._shares(score)
        first, common = self.shared + self.common, self.common
        miss, miss1 = attention * rest - self._goal, attention * part - 1
        return np.array(
            [
                left**2 * rest * self._spread + common * attention * miss,
                left**2 * part * self._spread + first * attention * miss1,
                -left * (rest**2 + part**2) * self._spread
                + common * rest * miss
                + first * part * miss1,
            ]
        )

    def speed(self, state: Floats) -> Floats:
        """(w', w₁', u')."""
        by_rest, by_part, by_attention = self.gradient(state)
        attention, left = self._shares(state[2])
        return np.array([-by_rest, -by_part, -self.pace * attention * left * by_attention])

    def jacobian(self, state: Floats) -> Floats:
        """The derivative of ``speed``, (3, 3)."""
        rest, part, score = state
        attention, left = self._shares(score)
        first, common, spread = self.shared + self.common, self.common, self._spread
        turn = attention * left  # dA/du
        by_attention = self.gradient(state)[2]
        rest_a = -2 * left * rest * spread + common * (2 * attention * rest - self._goal)
        part_a = -2 * left * part * spread + first * (2 * attention * part - 1)
        twice = (rest**2 + part**2) * spread + common * rest**2 + first * part**2
        rate = self.pace * turn
        return -np.array(
            [
                [left**2 * spread + common * attention**2, 0.0, turn * rest_a],
                [0.0, left**2 * spread + first * attention**2, turn * part_a],
                [
                    rate * rest_a,
                    rate * part_a,
                    rate * ((left - attention) * by_attention + turn * twice),
                ],
            ]
        )

    def first_below(
        self, level: float, tested: Setting, patience: float, rtol: float, atol: float
    ) -> float:
        """The first time at which the loss of ``tested`` is at ``level``; NaN if not by then.

        Looked for decade by decade, then made exact by Newton's method on integrations that end
        there.
        """
        before, state = 0.0, np.zeros(3)
        for end in patience * 10.0 ** np.arange(1 - _LOOKED, 1):
            times = np.geomspace(max(before, 0.01 * end), end, _PLACES)[1:]
            states = follow(self.speed, self.jacobian, state, times - before, rtol=rtol, atol=atol)
            below = np.flatnonzero(~(tested.loss(*states.T) > level))
            if below.size:
                first = int(below[0])
                if first:
                    before, state = float(times[first - 1]), states[first - 1]
                return self._reached(level, tested, before, state, float(times[first]), rtol, atol)
            before, state = float(end), states[-1]
        return float("nan")

    def _reached(
        self,
        level: float,
        tested: Setting,
        before: float,
        state: Floats,
        after: float,
        rtol: float,
        atol: float,
    ) -> float:
        """Where the loss crosses ``level`` between ``before``, at ``state``, and ``after``."""

        def excess(time: float) -> tuple[float, float]:
            reached = follow(
                self.speed, self.jacobian, state, np.array([time - before]), rtol=rtol, atol=atol
            )[0]
            slope = tested.loss_gradient(reached) @ self.speed(reached)
            return float(tested.loss(*reached) - level), float(slope)

        low, high, time = before, after, 0.5 * (before + after)
        for _ in range(_POLISH):
            value, slope = excess(time)
            low, high = (time, high) if value > 0 else (low, time)
            newton = time - value / slope if slope < 0 else np.nan
            following = float(newton) if low < newton < high else 0.5 * (low + high)
            done, time = abs(following - time) <= 1e-12 * time, following
            if done:
                return time
        return float("nan")

    def loss_gradient(self, state: Floats) -> Floats:
        """Derivatives of L by (w, w₁, u)."""
        by_rest, by_part, by_attention = self.gradient(state)
        attention, left = self._shares(state[2])
        return np.array([by_rest, by_part, attention * left * by_attention])
