"""The report of in-context regression: the general page, and what training tends to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normlaws.report.page import Section, Table
from normlaws.report.solved import _any
from normlaws.theory.registry import solved_study

if TYPE_CHECKING:
    from normlaws.theory.in_context.study import InContextStudy

TITLE = "In-context linear regression"


def lead(solved: InContextStudy) -> list[str]:
    """Short facts below the heading."""
    return _any.lead(solved_study("in-context"), solved)


def sections(solved: InContextStudy) -> list[Section]:
    """The page's sections."""
    rows = [
        [f"{row.length}", f"{row.single_head:.4f}", f"{row.infimum:.4f}", f"{row.debiased:.4f}"]
        for row in solved.levels.itertuples()
    ]
    header = ["L", "one head", "infimum to order 1/L", "debiased descent, exact"]
    table = Table("Risks that training tends to", header, rows, (1, 2, 3))
    own = Section("What training tends to", "levels", [table])
    return [*_any.sections(solved_study("in-context"), solved), own]
