"""The three equations of sparse attention, their Jacobian, and when a loss is first reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from normlaws.arrays import Floats
from normlaws.theory._stiff import follow

_POLISH = 8  # Newton's steps on the time of an event


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

        An event of the integration, made exact by Newton's method on integrations that end there.
        """

        def excess(_: float, state: Floats) -> float:
            return float(tested.loss(*state) - level)

        excess.terminal = True  # type: ignore[attr-defined]
        excess.direction = -1  # type: ignore[attr-defined]
        found = solve_ivp(
            lambda _, x: self.speed(x), (0, patience), np.zeros(3), method="Radau",
            jac=lambda _, x: self.jacobian(x), rtol=rtol, atol=atol, events=excess,
        )  # fmt: skip
        if not found.t_events[0].size:
            return float("nan")
        time, before, state = float(found.t_events[0][0]), float(found.t[-2]), found.y[:, -2]
        for _ in range(_POLISH):
            after = follow(
                self.speed, self.jacobian, state, np.array([time - before]), rtol=rtol, atol=atol
            )[0]
            slope = float(tested.loss_gradient(after) @ self.speed(after))
            step = float(excess(time, after) / slope)
            time -= step
            if abs(step) <= 1e-12 * time:
                break
        return time

    def loss_gradient(self, state: Floats) -> Floats:
        """Derivatives of L by (w, w₁, u)."""
        by_rest, by_part, by_attention = self.gradient(state)
        attention, left = self._shares(state[2])
        return np.array([by_rest, by_part, attention * left * by_attention])
