"""``normlaws report``: the HTML report of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app
from normlaws.cli._curves import Columns, Group
from normlaws.cli._laws import fit_or_reason
from normlaws.cli.collapse import Along
from normlaws.cli.fit import Metric, Norm, Places

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.report import Section


@app.command()
def report(
    path: Places,
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write; by default report.html in the folder")
    ] = None,
    norm: Norm = None,
    metric: Metric = None,
    title: Annotated[str | None, typer.Option(help="heading of the report")] = None,
    figures: Annotated[
        Path | None, typer.Option(help="folder for the figures as PNG and PDF files")
    ] = None,
    along: Along = None,
    column: Columns = None,
    group: Group = None,
) -> None:
    """Write figures, exponents, forecasts and settings to one HTML file that needs no network.

    With --along, and without norms by itself: whether the normalised curves of the ladder collapse.
    """
    from normlaws.cli._curves import read_curves
    from normlaws.curves.averages import checked_columns
    from normlaws.report import save_figures, write_report

    curves = read_curves(path, column)
    target = out or default_target(path)
    if group is not None or (norm is None and not curves.norms):
        more = [] if group else _collapse(curves, along, metric)
        typer.echo(str(_direct(curves, metric, group, target, title or default_title(path), more)))
        return
    more = [] if along is None else _collapse(curves, along, metric)
    norm, metric = norm or curves.default_norm(), metric or curves.default_metric()
    checked_columns(curves, norm, metric)
    laws, reason = fit_or_reason(curves, norm, metric)
    write_report(
        curves, laws, target, title=title or default_title(path), norm=norm, metric=metric,
        reason=reason, more=more,
    )  # fmt: skip
    typer.echo(str(target))
    if figures is not None:
        for written in save_figures(curves, laws, figures, norm=norm, metric=metric):
            typer.echo(str(written))


def _direct(
    curves: Curves,
    metric: str | None,
    group: str | None,
    target: Path,
    title: str,
    more: list[Section],
) -> Path:
    """The report of the direct law alone, or of groups beside each other; of a collapse as well."""
    from normlaws.cli._output import say
    from normlaws.errors import InputError
    from normlaws.laws import compare, direct_law
    from normlaws.report import write_page
    from normlaws.report.direct import write_direct_report

    named = title.replace("Norm-based scaling laws", "Scaling with data")
    try:
        found = compare(curves, group, metric) if group else direct_law(curves, metric)
    except InputError as error:
        if not more:
            raise
        say(f"normlaws: without the direct law: {error}", err=True)
        return write_page(target, named, more)
    return write_direct_report(found, target, title=named, more=more)


def _collapse(curves: Curves, along: str | None, metric: str | None) -> list[Section]:
    """Whether the ladder collapses, where that can be told; where it was asked for, or why not.

    Raises:
        InputError: an axis was asked for, and the curves cannot be followed along it.
    """
    from normlaws.errors import InputError
    from normlaws.laws.collapse import collapse
    from normlaws.report.collapse import collapse_section

    try:
        found = collapse(curves, along, metric)
    except InputError:
        if along is not None:
            raise
        return []
    return [collapse_section(found, found.unfinished())]


def default_target(paths: list[str]) -> Path:
    """``report.html`` in a study folder; a file's own name with ``.html``; else ``report.html``.

    The last is for patterns and for several paths, whose report belongs to none of them.
    """
    from normlaws.storage.folder import StudyFolder

    path = Path(paths[0])
    if len(paths) == 1 and path.is_dir():
        return StudyFolder(path).report
    return path.with_suffix(".html") if len(paths) == 1 and path.is_file() else Path("report.html")


def default_title(paths: list[str]) -> str:
    """The studies' names, from their folders or files."""
    names = ", ".join(Path(path).resolve().stem for path in paths)
    return f"Norm-based scaling laws: {names}"
