"""Pages of the solved models.

``normlaws/report/solved/NAME.py`` (a hyphen in the name of the study is an underscore there) may
hold the page of a member of :mod:`normlaws.theory.registry`: ``TITLE``, ``lead(solved)`` with
short facts, and ``sections(solved)``. A member without a page gets the one of
:mod:`normlaws.report.solved._any`, with every kind of curve and its laws.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from normlaws.theory.registry import Solved, SolvedStudy


def write_solved_page(study: SolvedStudy, solved: Solved, path: str | Path) -> Path:
    """Write what a solved study shows as one self-contained HTML file; return its path."""
    from normlaws.report.page import write_page
    from normlaws.report.solved import _any
    from normlaws.version import __version__

    own = f"{__name__}.{study.name.replace('-', '_')}"
    footer = f"Written by normlaws {__version__}."
    if find_spec(own) is None:
        lead, sections = _any.lead(study, solved), _any.sections(study, solved)
        return write_page(path, _any.title(study), sections, lead=lead, footer=footer)
    page = import_module(own)
    sections, lead = page.sections(solved), page.lead(solved)
    return write_page(path, page.TITLE, sections, lead=lead, footer=footer)
