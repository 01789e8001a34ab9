"""``normlaws report``: the HTML report of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app
from normlaws.cli._curves import Columns, Group
from normlaws.cli._laws import fit_or_reason
from normlaws.cli.fit import Metric, Norm, Places

if TYPE_CHECKING:
    from normlaws.curves import Curves


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
    column: Columns = None,
    group: Group = None,
) -> None:
    """Write figures, exponents, forecasts and settings to one HTML file that needs no network."""
    from normlaws.cli._curves import read_curves
    from normlaws.curves.averages import checked_columns
    from normlaws.report import save_figures, write_report

    curves = read_curves(path, column)
    if group is not None or (norm is None and not curves.norms):
        typer.echo(str(_direct(curves, metric, group, out or default_target(path), title, path)))
        return
    norm, metric = norm or curves.default_norm(), metric or curves.default_metric()
    checked_columns(curves, norm, metric)
    laws, reason = fit_or_reason(curves, norm, metric)
    target = out or default_target(path)
    write_report(
        curves, laws, target, title=title or default_title(path), norm=norm, metric=metric,
        reason=reason,
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
    title: str | None,
    paths: list[str],
) -> Path:
    """The report of the direct law alone, or of groups beside each other."""
    from normlaws.laws import compare, direct_law
    from normlaws.report.direct import write_direct_report

    found = compare(curves, group, metric) if group else direct_law(curves, metric)
    named = title or default_title(paths).replace("Norm-based scaling laws", "Scaling with data")
    return write_direct_report(found, target, title=named)


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
