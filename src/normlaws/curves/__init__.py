"""``Curves``: the one type that passes between rooms; read, write, merge."""

from normlaws.curves.checks import ERRORS, LOSSES, METRICS, STATUSES, as_size
from normlaws.curves.curves import Curves
from normlaws.curves.metrics import Metric

__all__ = ["ERRORS", "LOSSES", "METRICS", "STATUSES", "Curves", "Metric", "as_size"]
