"""Curves -> optimum, early law, late law, collapse, forecast."""

from normlaws.laws.fit import Laws, fit
from normlaws.laws.plant import plant
from normlaws.laws.result import Estimate, Forecast, PowerLaw, Verdict

__all__ = ["Estimate", "Forecast", "Laws", "PowerLaw", "Verdict", "fit", "plant"]
