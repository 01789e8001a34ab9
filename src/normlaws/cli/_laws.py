"""What several verbs do with curves: choose the norm, fit, write the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.folder import StudyFolder
    from normlaws.laws import Laws


def default_norm(curves: Curves) -> str:
    """Spectral complexity where it is recorded, or the only norm recorded.

    Raises:
        InputError: several norms are recorded, none of them spectral complexity; or none at all.
    """
    from normlaws.errors import InputError, allowed

    if "spectral_complexity" in curves.norms:
        return "spectral_complexity"
    if len(curves.norms) == 1:
        return curves.norms[0]
    raise InputError(
        f"expected --norm, because spectral_complexity is not recorded; recorded are "
        f"{allowed(curves.norms)}"
        if curves.norms
        else "expected curves with a recorded norm (a column log_…), but there is none"
    )


def fit_or_reason(curves: Curves, norm: str, metric: str) -> tuple[Laws | None, str]:
    """The laws, or the sentence that says why these curves cannot be fitted."""
    from normlaws.errors import InputError
    from normlaws.laws import fit

    try:
        return fit(curves, norm=norm, metric=metric), ""
    except InputError as error:
        return None, str(error)


def finish(curves: Curves, folder: StudyFolder, title: str) -> None:
    """Print the laws of a study; write its report where it is not up to date."""
    norm, metric = default_norm(curves), "test_error"
    laws, reason = fit_or_reason(curves, norm, metric)
    typer.echo(laws.summary() if laws else reason)
    if not folder.report_is_current():
        from normlaws.report import write_report

        write_report(
            curves, laws, folder.report, title=title, norm=norm, metric=metric, reason=reason
        )
    typer.echo(f"Report: {folder.report}")
