"""What unfinished runs, and runs of other sizes, are expected to end at along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.laws import Collapse
    from normlaws.laws.collapse import Finish, SizeForecast


def print_ends(
    curves: Curves,
    sizes: Sequence[float],
    *,
    along: str | None,
    metric: str | None,
    end: str,
    floor: str,
    resamples: int,
    json: bool,
) -> None:
    """Forecasts of all unfinished runs and of single new runs of ``sizes``; a table, or a list.

    Raises:
        InputError: no run is unfinished and no size is asked for, or as ``nl.collapse``.
    """
    from normlaws.cli._output import print_json, print_table, say
    from normlaws.errors import InputError
    from normlaws.laws.collapse import collapse
    from normlaws.laws.collapse.render import size_of, value_and_span

    if along is None and not sizes and (curves.runs["status"] == "complete").all():
        raise InputError("expected --size N or --error E, got neither, and no run is unfinished")
    found = collapse(
        curves, along, metric, end=number_or_word(end), floor=number_or_word(floor),
        resamples=resamples,
    )  # fmt: skip
    runs, ahead = found.unfinished(), [found.forecast(size) for size in sizes]
    if json:
        print_json([*map(_entry, runs), *map(_entry, ahead)])
        return
    if runs:
        print_finishes(found, runs)
    if ahead:
        rows = [(size_of(one.size), f"{one.end:.4g}", *value_and_span(one.value)) for one in ahead]
        header = (found.scale, f"end ({found.axis})", f"final {found.metric}", "95 %")
        print_table(f"final {found.metric} of one new run", header, rows)
    if not runs and not ahead:
        raise InputError(
            "expected an unfinished run that is recorded beyond a tenth of its end along "
            f"{found.axis}, got none; ask for a new one with --size N"
        )
    say(found.verdict.text)


def print_finishes(found: Collapse, runs: Sequence[Finish]) -> None:
    """A table of runs: how far each has come, what it is expected to end at, how unusual it is."""
    from normlaws.cli._output import print_table
    from normlaws.laws.collapse.render import finish_header, finish_rows

    title = f"expected final {found.metric} of unfinished runs"
    print_table(title, finish_header(found), finish_rows(runs), spare=(3, 6))


def _entry(one: Finish | SizeForecast) -> dict[str, Any]:
    """The forecast as other forecasts are printed: its value is called ``error``."""
    from normlaws.laws.presented import plain

    entry = one.as_dict()
    del entry["value"]
    return entry | {"error": plain(one.value)}


def number_or_word(text: str) -> float | str:
    """An option that is a number or a name."""
    try:
        return float(text)
    except ValueError:
        return text
