"""What a family of surfaces is: a loss as a function of several variables and some constants."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats

Variables = Mapping[str, Floats]
STEP = 1e-30  # of the complex step: exact derivatives of analytic formulas


class Family(ABC):
    """One form L(variables; constants).

    Positive constants are fitted as their logarithms, so a vector θ is free of bounds.

    Attributes:
        name: as users type it.
        variables: columns a table must have.
        constants: names, in the order of θ.
        logged: those whose logarithm θ holds.
        floor: name of the irreducible part, if the form has one.
    """

    name: ClassVar[str]
    variables: ClassVar[tuple[str, ...]]
    constants: ClassVar[tuple[str, ...]]
    logged: ClassVar[tuple[str, ...]]
    floor: ClassVar[str | None] = None

    @abstractmethod
    def log_loss(self, theta: NDArray[Any], variables: Variables) -> NDArray[Any]:
        """Ln L for θ of shape (B, P): (B, n). Analytic in θ, so that θ may be complex."""

    @abstractmethod
    def starts(self, variables: Variables, loss: Floats) -> Floats:
        """Where the search begins: (S, P)."""

    @abstractmethod
    def planted(self) -> dict[str, float]:
        """Constants of a law of this family, to try a fit on."""

    @abstractmethod
    def planted_variables(self) -> dict[str, Floats]:
        """Variables of the runs that go with them."""

    def jacobian(self, theta: Floats, variables: Variables) -> Floats:
        """Derivatives of ln L by θ, (B, n, P), by a complex step where no formula is given."""
        columns = []
        for place in range(theta.shape[1]):
            moved = theta.astype(complex)
            moved[:, place] += 1j * STEP
            columns.append(self.log_loss(moved, variables).imag / STEP)
        return np.stack(columns, axis=-1)

    def named(self, theta: Floats) -> dict[str, Floats]:
        """Constants by name, each (B,), from θ (B, P)."""
        with np.errstate(over="ignore"):
            return {
                name: np.exp(theta[:, i]) if name in self.logged else theta[:, i]
                for i, name in enumerate(self.constants)
            }

    def theta(self, constants: Mapping[str, float]) -> Floats:
        """θ (1, P) from constants by name."""
        with np.errstate(divide="ignore"):
            return np.array(
                [
                    [
                        np.log(constants[name]) if name in self.logged else constants[name]
                        for name in self.constants
                    ]
                ]
            )

    def loss(self, constants: Mapping[str, float], variables: Variables) -> Floats:
        """L at ``variables`` for constants by name. (n,)."""
        return np.asarray(np.exp(self.log_loss(self.theta(constants), variables)[0]))
