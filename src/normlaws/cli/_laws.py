"""What several verbs do with curves: fit, write the report."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.laws import Laws
    from normlaws.storage.folder import StudyFolder
    from normlaws.storage.kept import Shelf


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


def finish(curves: Curves, folder: StudyFolder, title: str, contents: str = "") -> None:
    """Print the laws of a study; write its report where it is not up to date.

    What was printed is kept by the digest of all that was recorded, so that nothing is fitted
    again where nothing is new.

    Args:
        curves: of the study.
        folder: where it lies.
        title: of the report.
        contents: the digest of what ``curves`` were read from, where it is known.
    """
    _say_failures(curves)
    contents = contents or folder.contents()
    norm, metric = curves.default_norm(), curves.default_metric()
    key = _key(contents, norm, metric)
    known = printed().get(*key) if key and folder.report_is_current(contents) else None
    typer.echo(known.decode() if known else _fitted(curves, folder, title, contents, key))
    typer.echo(f"Report: {folder.report}")


def printed() -> Shelf:
    """What was printed before."""
    from normlaws.storage.kept import Shelf

    return Shelf("laws", most=64)


def _key(contents: str, norm: str, metric: str) -> tuple[str, ...]:
    """What the printed laws depend on; nothing where the package's own code was changed."""
    from normlaws.cli._output import width
    from normlaws.storage import provenance

    made_by = provenance.state()
    return (contents, norm, metric, *made_by, str(width())) if made_by else ()


def _fitted(
    curves: Curves, folder: StudyFolder, title: str, contents: str, key: tuple[str, ...]
) -> str:
    """Fit, and write the report where it is not up to date; what is to be printed."""
    from normlaws.cli._output import width
    from normlaws.display.columns import wrapped
    from normlaws.errors import NormlawsWarning
    from normlaws.laws.render import clock_text

    norm, metric = curves.default_norm(), curves.default_metric()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default", NormlawsWarning)
        laws, reason = fit_or_reason(curves, norm, metric)
        room = width()
        text = (
            f"{laws.summary(room)}\n\n{clock_text(laws, room)}"
            if laws
            else "\n".join(wrapped(reason, room))
        )
    for one in warned:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if not folder.report_is_current(contents):
        from normlaws.report import write_report

        write_report(
            curves, laws, folder.report, title=title, norm=norm, metric=metric, reason=reason
        )
        folder.note_report(contents)
    if key and not warned:
        printed().put(text.encode(), *key)
    return text
