"""The page of curves without norms, and of tables with one row per run: the direct law alone."""

from normlaws.explore.direct.callbacks import register
from normlaws.explore.direct.page import shell
from normlaws.explore.direct.study import DirectStudy, only_direct

__all__ = ["DirectStudy", "only_direct", "register", "shell"]
