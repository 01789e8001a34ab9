"""``Curves``: the one type that passes between rooms; read, write, merge."""

from normlaws.curves.checks import ERRORS, LOSSES, METRICS, STATUSES
from normlaws.curves.curves import Curves

__all__ = ["ERRORS", "LOSSES", "METRICS", "STATUSES", "Curves"]
