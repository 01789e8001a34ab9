"""What several verbs do with curves: fit, write the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.laws import Laws
    from normlaws.storage.folder import StudyFolder


def fit_or_reason(curves: Curves, norm: str, metric: str) -> tuple[Laws | None, str]:
    """The laws, or the sentence that says why these curves cannot be fitted."""
    from normlaws.errors import InputError
    from normlaws.laws import fit

    try:
        return fit(curves, norm=norm, metric=metric), ""
    except InputError as error:
        return None, str(error)


def check_any_ran(curves: Curves) -> None:
    """Refuse a study of which nothing is recorded, and say why.

    Raises:
        InputError: no run has a record, and some failed.
    """
    from normlaws.curves.failures import commonest_failure
    from normlaws.errors import InputError

    if not len(curves) and (why := commonest_failure(curves)):
        raise InputError(why)


def _say_failures(curves: Curves) -> None:
    from normlaws.cli._output import say
    from normlaws.curves.failures import commonest_failure

    check_any_ran(curves)
    if why := commonest_failure(curves):
        say(f"normlaws: {why}", err=True)


def finish(curves: Curves, folder: StudyFolder, title: str) -> None:
    """Print the laws of a study; write its report where it is not up to date."""
    from normlaws.cli._output import say, width
    from normlaws.laws.render import clock_text

    _say_failures(curves)
    contents = folder.contents()
    norm, metric = curves.default_norm(), curves.default_metric()
    laws, reason = fit_or_reason(curves, norm, metric)
    if laws:
        typer.echo(f"{laws.summary(width())}\n\n{clock_text(laws, width())}")
    else:
        say(reason)
    if not folder.report_is_current(contents):
        from normlaws.report import write_report

        write_report(
            curves, laws, folder.report, title=title, norm=norm, metric=metric, reason=reason
        )
        folder.note_report(contents)
    typer.echo(f"Report: {folder.report}")
