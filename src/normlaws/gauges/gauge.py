"""The interface of every gauge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from normlaws.errors import InputError
from normlaws.norms.definitions.distance import log


class Gauge(ABC):
    """A quantity of one training, measured at its records.

    The first measurement, before the first step, is the start that later ones refer to: use one
    object for one run. Measuring twice at the same weights gives the same values.

    Attributes:
        names: of the values, without their ``log_``.
    """

    names: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def begun(self) -> bool:
        """Whether the start is known, or none is needed."""

    @abstractmethod
    def measure(self, model: nn.Module, step: int | None = None) -> dict[str, float]:
        """Measure now, and leave the model as it is.

        Args:
            model: in any mode; it is read in evaluation mode.
            step: optimiser steps done; needed only where a learning rate was given by itself.

        Returns:
            Natural logarithms, keyed ``log_<name>``; −inf for zero, NaN where undefined.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed training needs to record the same values; empty before the start."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a saved state.

        Raises:
            InputError: the state belongs to another gauge or model.
        """

    def _values(self, *values: float) -> dict[str, float]:
        """The logarithms of what was measured, in the order of :attr:`names`."""
        pairs = zip(self.names, values, strict=True)
        return {f"log_{name}": log(value) for name, value in pairs}


def below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries of a state whose keys start with ``prefix``, which is taken off."""
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }


def check_state(gauge: object, state: Mapping[str, Any], expected: set[str]) -> None:
    """Refuse a state that lacks or holds other top-level entries than ``expected``.

    Raises:
        InputError: it does.
    """
    found = {key.partition(".")[0] for key in state}
    if found != expected:
        raise InputError(
            f"expected the state of a {type(gauge).__name__} with the entries {sorted(expected)}, "
            f"got {sorted(found)}"
        )
