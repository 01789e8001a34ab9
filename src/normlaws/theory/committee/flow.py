"""The order parameters of every eigenvalue block, integrated in the number of examples."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from normlaws.arrays import Floats
from normlaws.theory._stiff import follow
from normlaws.theory.committee.moments import AnyArray, fluctuation, response
from normlaws.theory.committee.symmetry import Orbits

RELATIVE, ABSOLUTE = 1e-11, 1e-15  # tolerances of LSODA on every order parameter
TINY = 1e-30  # of the complex step: derivatives without differences


@dataclass(frozen=True)
class Blocks:
    """The equations of motion; a state is ρ (L, K, M) and the upper triangles of θ, in one vector.

    Attributes:
        students: K.
        teachers: M.
        variance: λ_l, (L,), of mean 1.
        learning_rate: η.
    """

    students: int
    teachers: int
    variance: Floats
    learning_rate: float
    upper: tuple[Floats, Floats] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "upper", np.triu_indices(self.students))

    @property
    def share(self) -> float:
        """n_l = 1/L."""
        return 1 / len(self.variance)

    @property
    def scale(self) -> float:
        """c = √M/K, of the student's output."""
        return float(np.sqrt(self.teachers) / self.students)

    @property
    def coefficients(self) -> Floats:
        """e = (−c, …; 1/√M, …)."""
        return np.concatenate(
            [
                np.full(self.students, -self.scale),
                np.full(self.teachers, 1 / np.sqrt(self.teachers)),
            ]
        )

    def alike(self, overlap: Floats, gram: Floats) -> Floats:
        """The state (D,) whose blocks are alike: R (K, M) and Q (K, K) in equal shares."""
        ones = np.full((len(self.variance), 1, 1), self.share)
        found: Floats = self.pack(ones * overlap, ones * gram)
        return found

    def pack(self, rho: AnyArray, theta: AnyArray) -> AnyArray:
        """ρ (…, L, K, M) and θ (…, L, K, K) to states (…, D)."""
        lead = rho.shape[:-3]
        flat = rho.reshape(*lead, -1), theta[..., *self.upper].reshape(*lead, -1)
        return np.concatenate(flat, axis=-1)

    def unpack(self, state: AnyArray) -> tuple[AnyArray, AnyArray]:
        """States (…, D) to ρ and θ."""
        count, k, m = len(self.variance), self.students, self.teachers
        lead = state.shape[:-1]
        rho = state[..., : count * k * m].reshape(*lead, count, k, m)
        half = state[..., count * k * m :].reshape(*lead, count, -1)
        theta = np.empty((*lead, count, k, k), dtype=state.dtype)
        i, j = self.upper
        theta[..., i, j] = half
        theta[..., j, i] = half
        return rho, theta

    def covariance(self, rho: AnyArray, theta: AnyArray) -> AnyArray:
        """C = [[Q, R], [Rᵀ, T]], (…, K + M, K + M)."""
        q = np.tensordot(theta, self.variance, (-3, 0))
        r = np.tensordot(rho, self.variance, (-3, 0))
        return self._joined(q, r)

    def _joined(self, q: AnyArray, r: AnyArray) -> AnyArray:
        k, m = self.students, self.teachers
        c = np.zeros((*q.shape[:-2], k + m, k + m), dtype=q.dtype)
        c[..., :k, :k], c[..., :k, k:] = q, r
        c[..., k:, :k] = np.swapaxes(r, -1, -2)
        c[..., k:, k:] = np.eye(m)
        return c

    def speed(self, state: Floats) -> Floats:
        """d state/dα, (D,)."""
        rho, theta = self.unpack(state)
        c = self.covariance(rho, theta)
        e, k = self.coefficients, self.students
        return self._speed(rho, theta, response(c, e, k), fluctuation(c, e, k))

    def _speed(self, rho: Floats, theta: Floats, answer: AnyArray, noise: AnyArray) -> AnyArray:
        """Speeds at ρ, θ for given averages [A|E] (…, K, K + M) and G (…, K, K)."""
        rate = self.learning_rate * self.scale
        a, e = answer[..., None, :, : self.students], answer[..., None, :, self.students :]
        of_rho = rate * self.variance[:, None, None] * (a @ rho + self.share * e)
        half = a @ theta + e @ np.swapaxes(rho, -1, -2)
        of_theta = (
            rate
            * self.variance[:, None, None]
            * (half + np.swapaxes(half, -1, -2) + rate * self.share * noise[..., None, :, :])
        )
        return self.pack(of_rho, of_theta)

    def jacobian(self, state: Floats) -> Floats:
        """∂ speed/∂ state, (D, D): one small matrix per block, and what goes through Q and R."""
        rho, theta = self.unpack(state)
        c, e, k = self.covariance(rho, theta), self.coefficients, self.students
        d, count = len(state), len(self.variance)
        held_answer, held_noise = response(c, e, k), fluctuation(c, e, k)
        blocks = np.eye(d // count)
        one = Blocks(self.students, self.teachers, np.ones(1), self.learning_rate)
        r1, t1 = one.unpack(blocks)
        constant = np.zeros_like(held_noise)
        without = one._speed(r1 * 0, t1 * 0, held_answer, constant)
        single = (one._speed(r1, t1, held_answer, constant) - without).T
        found = np.zeros((d, d))
        for block, places in enumerate(self._places()):
            found[np.ix_(places, places)] = self.variance[block] * single
        moved = self._joined(*(part[:, 0] for part in (t1, r1))) - self._joined(
            np.zeros((1, k, k)), np.zeros((1, k, self.teachers))
        )
        shifted = c + 1j * TINY * moved
        answers, noises = response(shifted, e, k), fluctuation(shifted, e, k)
        through = self._speed(rho, theta, answers.imag / TINY, noises.imag / TINY)
        for block, places in enumerate(self._places()):
            found[:, places] += self.variance[block] * through.T
        return found

    def _places(self) -> Floats:
        """Where the state holds every block: (L, D/L) indices, in the order of a single block."""
        count, k, m = len(self.variance), self.students, self.teachers
        half = k * (k + 1) // 2
        cross = np.arange(count)[:, None] * k * m + np.arange(k * m)
        own = count * k * m + np.arange(count)[:, None] * half + np.arange(half)
        return np.concatenate([cross, own], axis=1)

    def integrate(self, start: Floats, alphas: Floats, alike: Orbits) -> Floats:
        """States (T, D) at ascending ``alphas``, where steps end; NaN from a failure on.

        Args:
            start: (D,), at α = 0.
            alphas: α ≥ 0.
            alike: order parameters that are equal at the start, of which one is followed.
        """
        places, count = self._places(), len(self.variance)

        def whole(reduced: Floats) -> Floats:
            state = np.empty((*reduced.shape[:-1], places.size))
            state[..., places] = reduced.reshape(*reduced.shape[:-1], count, -1) @ alike.members.T
            return state

        followed = places[:, alike.first].ravel()

        def speed(reduced: Floats) -> Floats:
            found: Floats = self.speed(whole(reduced))[followed]
            return found

        def jacobian(reduced: Floats) -> Floats:
            rows = self.jacobian(whole(reduced))[followed]
            found: Floats = (rows[:, places] @ alike.members).reshape(len(followed), -1)
            return found

        return whole(follow(speed, jacobian, start[followed], alphas, rtol=RELATIVE, atol=ABSOLUTE))
