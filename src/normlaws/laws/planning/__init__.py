"""What to run next: which sizes, seeds, steps and test examples would settle a verdict."""

from normlaws.laws.planning.planner import Option, Plan, plan, plan_sizes
from normlaws.laws.planning.power import Power, power, power_table

__all__ = ["Option", "Plan", "Power", "plan", "plan_sizes", "power", "power_table"]
