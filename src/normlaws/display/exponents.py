"""The exponents of the laws in words: one table for summaries, reports and the explorer."""

from __future__ import annotations

from dataclasses import dataclass

_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Exponent:
    """How an exponent is shown.

    Attributes:
        symbol: in plain digits, for terminals: ``"γ1"``.
        meaning: in a few words.
        law: the law that it belongs to, as a sentence would say it.
    """

    symbol: str
    meaning: str
    law: str

    @property
    def typeset(self) -> str:
        """The symbol with lowered digits: ``"γ₁"``."""
        return self.symbol.translate(_LOWERED)


EXPONENTS = {
    "gamma": Exponent(
        "γ",
        "lowest error against P, direct",
        "direct: the lowest error falls as P to the power −γ",
    ),
    "gamma0": Exponent(
        "γ0",
        "early curves against P",
        "early law: its height falls as P to the power −γ₀; 0 where all P share it",
    ),
    "gamma1": Exponent(
        "γ1",
        "error against norm, early window",
        "early law: the error falls as λ to the power −γ₁",
    ),
    "gamma2": Exponent(
        "γ2",
        "stopping norm against P",
        "late law: the stopping norm grows as P to the power γ₂",
    ),
    "product": Exponent(
        "γ0 + γ1·γ2",
        "what the two laws predict for γ",
        "predicted from the two laws; to be compared with γ",
    ),
    "difference": Exponent(
        "γ0 + γ1·γ2 − γ",
        "0 where the two laws explain γ",
        "the test of the two laws: 0 where they explain γ",
    ),
}
