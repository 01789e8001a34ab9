"""The report of sparse attention: the general page, emergence and the law of the plateau."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normlaws.report.page import Section, Table
from normlaws.report.solved import _any
from normlaws.theory.registry import solved_study

if TYPE_CHECKING:
    from normlaws.theory.attention.study import AttentionStudy

TITLE = "Sparse attention"


def lead(solved: AttentionStudy) -> list[str]:
    """Short facts below the heading."""
    return _any.lead(solved_study("sparse-attention"), solved)


def sections(solved: AttentionStudy) -> list[Section]:
    """The page's sections."""
    tables = [_emergence(solved), _plateaus(solved)]
    own = Section("Time to emergence", "emergence", tables)
    return [*_any.sections(solved_study("sparse-attention"), solved), own]


def _emergence(solved: AttentionStudy) -> Table:
    rows = [
        [f"{row.repeated}", f"{row.flow:.1f}", f"{row.reduced:.1f}", f"{row.sgd:.1f}",
         f"{row.sgd_error:.1f}"]
        for row in solved.emergence.itertuples()
    ]  # fmt: skip
    header = ["B", "flow", "reduced clock", "training", "standard error"]
    return Table("Time to L = 0.1 against repetition in the context", header, rows, (1, 2, 3, 4))


def _plateaus(solved: AttentionStudy) -> Table:
    rows = [
        [f"{row.length}", f"{row.dimension}", f"{row.plateau:.1f}", f"{row.law:.1f}"]
        for row in solved.scaling.itertuples()
    ]
    header = ["T", "d", "flow", "two terms"]
    return Table("The plateau's length and its law", header, rows, (1, 2, 3))
