"""Figures (matplotlib axes in, axes out) and the HTML report."""

from normlaws.report import figures
from normlaws.report.html import save_figures, write_report
from normlaws.report.page import Figure, Section, Table, Text, render_page, write_page

__all__ = [
    "Figure",
    "Section",
    "Table",
    "Text",
    "figures",
    "render_page",
    "save_figures",
    "write_page",
    "write_report",
]
