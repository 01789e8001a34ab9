"""``normlaws report``: the HTML report of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app


@app.command()
def report(
    path: Annotated[str, typer.Argument(help="Study folder, run folder or Parquet file.")],
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write; report.html in the folder by default.")
    ] = None,
    norm: Annotated[
        str | None, typer.Option(help="Recorded norm; spectral_complexity where there is one.")
    ] = None,
    metric: Annotated[str, typer.Option(help="Recorded error or loss.")] = "test_error",
    title: Annotated[str | None, typer.Option(help="Heading of the report.")] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Folder for the figures as PNG and PDF files.")
    ] = None,
) -> None:
    """Write figures, exponents, forecasts and settings to one HTML file that needs no network."""
    from normlaws.curves import Curves
    from normlaws.errors import InputError
    from normlaws.laws import fit
    from normlaws.report import save_figures, write_report
    from normlaws.report.averages import checked_columns

    curves = Curves.read(path)
    norm = norm or default_norm(curves.norms)
    checked_columns(curves, norm, metric)
    laws, reason = None, ""
    try:
        laws = fit(curves, norm=norm, metric=metric)
    except InputError as error:
        reason = str(error)
    target = out or default_target(path)
    write_report(
        curves, laws, target, title=title or default_title(path), norm=norm, metric=metric,
        reason=reason,
    )  # fmt: skip
    typer.echo(str(target))
    if figures is not None:
        for written in save_figures(curves, laws, figures, norm=norm, metric=metric):
            typer.echo(str(written))


def default_norm(norms: list[str]) -> str:
    """The spectral complexity where it was recorded, else the first norm."""
    return "spectral_complexity" if "spectral_complexity" in norms or not norms else norms[0]


def default_target(path: str) -> Path:
    """``report.html`` in a study folder, beside a Parquet file its own name with ``.html``."""
    from normlaws.folder import StudyFolder

    found = Path(path)
    if found.is_dir():
        return StudyFolder(found).report
    return found.with_suffix(".html") if found.is_file() else Path("report.html")


def default_title(path: str) -> str:
    """The study's name, from its folder or file."""
    return f"Norm-based scaling laws: {Path(path).resolve().stem}"
