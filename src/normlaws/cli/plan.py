"""``normlaws plan``: what would settle an undecided verdict, and at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app
from normlaws.cli.fit import AsJson, Metric, Norm, Resamples
from normlaws.display.numbers import percent

if TYPE_CHECKING:
    from normlaws.laws import Laws
    from normlaws.laws.planning import Plan

HOUR, MINUTE = 3600.0, 60.0


@app.command("plan")
def plan(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY | PATH…]",
            help="recorded curves, or a study that was not run yet: a preset's name or a TOML file",
        ),
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(help="training-set sizes, for example 500,1000,2000,4000")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="seeds of every size, with --sizes")] = 5,
    test_examples: Annotated[
        int | None, typer.Option(min=1, help="that score the error, with --sizes")
    ] = None,
    norm: Norm = None,
    metric: Metric = None,
    resamples: Resamples = 1000,
    json: AsJson = False,
) -> None:
    """Say which sizes, seeds, steps and test examples would settle the verdict, and at what cost.

    Recorded curves are fitted first. Without any, planted studies of as many sizes and seeds tell
    the chance that the two laws are established where they hold.
    """
    from normlaws.cli._output import print_json

    laws, found = _planned(what or [], sizes, (seeds, test_examples), (norm, metric), resamples)
    if json:
        print_json(found.as_dict())
    else:
        _print(found, laws)


def _planned(
    what: list[str],
    sizes: str | None,
    given: tuple[int, int | None],
    names: tuple[str | None, str | None],
    resamples: int,
) -> tuple[Laws | None, Plan]:
    """The fit, where there are curves, and the plan."""
    import glob

    from normlaws.curves import Curves
    from normlaws.errors import InputError
    from normlaws.laws import fit
    from normlaws.laws.planning import plan, plan_sizes

    if (sizes is None) == (not what):
        raise InputError("expected curves, a study, or --sizes, one of them")
    if sizes is not None:
        return None, plan_sizes(_numbers(sizes), *given)
    recorded = [place for place in what if _recorded(place) or glob.glob(place)]
    if recorded:
        curves = Curves.read(what)
        laws = fit(curves, names[0] or curves.default_norm(), names[1], resamples=resamples)
        return laws, plan(laws)
    from normlaws.studies import Study
    from normlaws.training.scoring import scored_test_examples

    study = Study.load(what[0])
    if not isinstance(study, Study):
        raise InputError(f"expected a study that trains networks, got the solved model {what[0]}")
    asked = study.settings
    return None, plan_sizes(asked.sizes, asked.seeds, scored_test_examples(asked.runs()))


def _recorded(place: str) -> bool:
    """Whether a place is something to read curves from, rather than the plan of a study."""
    return Path(place).exists() and Path(place).suffix != ".toml"


def _numbers(text: str) -> list[int]:
    from normlaws.errors import InputError

    try:
        return [int(float(part)) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise InputError(f"expected sizes such as 500,1000,2000, got {text}") from error


def _print(found: Plan, laws: Laws | None) -> None:
    from normlaws.cli._output import print_table, say
    from normlaws.display.numbers import count
    from normlaws.laws.headline import NAMES

    span = f"P = {count(found.sizes[0])} … {count(found.sizes[-1])}"
    scored = f", {count(found.test_examples)} test examples" if found.test_examples else ""
    took = f"; its runs took {_time(found.seconds)}" if found.seconds else ""
    say(f"{len(found.sizes)} sizes, {span}, {found.seeds} seeds{scored}{took}.")
    if laws is not None:
        from normlaws.laws.headline import headline

        say(headline(laws))
    if found.needs:
        print_table("Open", ("finding", "figure", "95 % interval", "to settle it"), _open(found))
    if found.options:
        rows = [
            (
                one.change,
                ", ".join(one.settles) or "–",
                str(one.runs),
                _time(one.seconds),
                percent(one.chance),
            )
            for one in found.options
        ]
        print_table(
            "What to run", ("change", "would settle", "runs", "time of one core", "chance"), rows
        )
    elif found.needs:
        say("Neither seeds, nor sizes, nor test examples within reason would settle these.")
    elif found.grade:
        say(f"No finding is open; the laws are {found.grade}.")
    today = found.today
    say(
        f"Chance: that the laws are established where they hold, by {today.studies} planted "
        f"studies of each kind. As it stands: {percent(today.established)}; where they do not "
        f"hold, {percent(today.false)}."
    )
    doubted = [NAMES[one.finding.name] for one in found.needs if one.finding.unsettled]
    if doubted:
        say(f"These are chances of studies without the doubt about: {', '.join(doubted)}.")


def _open(found: Plan) -> list[tuple[str, ...]]:
    from normlaws.display.numbers import interval, significant
    from normlaws.laws.headline import NAMES

    return [
        (
            NAMES[one.finding.name],
            significant(one.finding.figure.value),
            interval(one.finding.figure, significant),
            one.instead or _narrower(one.shrink),
        )
        for one in found.needs
    ]


def _narrower(shrink: float) -> str:
    if shrink != shrink:
        return "the figure lies between the bounds: it may stay open"
    return f"an interval {percent(shrink)} as wide"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds >= HOUR:
        return f"{seconds / HOUR:.1f} h"
    return f"{seconds / MINUTE:.1f} min" if seconds >= MINUTE else f"{seconds:.0f} s"
