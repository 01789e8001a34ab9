"""Classical learning rules: one file each, one interface."""

from __future__ import annotations

from normlaws.errors import InputError, allowed
from normlaws.theory.perceptron.rules._rule import Rule, Trainable
from normlaws.theory.perceptron.rules.bayes import Bayes
from normlaws.theory.perceptron.rules.gibbs import Gibbs
from normlaws.theory.perceptron.rules.hebb import Hebb
from normlaws.theory.perceptron.rules.max_stability import AdaTron, MaximumStability
from normlaws.theory.perceptron.rules.perceptron_rule import PerceptronRule
from normlaws.theory.perceptron.rules.pseudo_inverse import PseudoInverse

RULES: dict[str, type[Rule]] = {
    kind.name: kind
    for kind in (Hebb, PseudoInverse, MaximumStability, AdaTron, Gibbs, Bayes, PerceptronRule)
}
"""The classical rules by name."""

__all__ = [
    "RULES",
    "AdaTron",
    "Bayes",
    "Gibbs",
    "Hebb",
    "MaximumStability",
    "PerceptronRule",
    "PseudoInverse",
    "Rule",
    "Trainable",
    "rule",
]


def rule(name: str, flip_probability: float = 0.0) -> Rule:
    """The learning rule of that name.

    Raises:
        InputError: there is no such rule; the message lists them.
    """
    if name not in RULES:
        raise InputError(f"expected a rule {allowed(RULES)}, got {name!r}")
    return RULES[name](flip_probability)
