"""The direct law ε_opt ∝ P^−γ alone: for curves without norms, and tables of final errors."""

from normlaws.laws.direct.comparison import Comparison, compare
from normlaws.laws.direct.fitting import direct_law
from normlaws.laws.direct.result import DirectLaw

__all__ = ["Comparison", "DirectLaw", "compare", "direct_law"]
