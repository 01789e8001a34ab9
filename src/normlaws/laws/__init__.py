"""Curves -> optimum, early law, late law, collapse, forecast."""

from normlaws.laws.collapse import Collapse
from normlaws.laws.direct import Comparison, DirectLaw, compare, direct_law
from normlaws.laws.estimators.crossover import Crossover
from normlaws.laws.fitting import Laws, fit
from normlaws.laws.forecasts.backtest import Backtest
from normlaws.laws.planning import Plan, plan, plan_sizes
from normlaws.laws.plant import Planted, plant
from normlaws.laws.result import Estimate, Finding, Forecast, PowerLaw, Verdict
from normlaws.laws.surfaces import Surface

__all__ = [
    "Backtest",
    "Collapse",
    "Comparison",
    "Crossover",
    "DirectLaw",
    "Estimate",
    "Finding",
    "Forecast",
    "Laws",
    "Plan",
    "Planted",
    "PowerLaw",
    "Surface",
    "Verdict",
    "compare",
    "direct_law",
    "fit",
    "plan",
    "plan_sizes",
    "plant",
]
