"""The collapse of a ladder in a report: figures, residuals of every run, what will finish where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from normlaws.laws.collapse import render
from normlaws.report.figures.normalised import (
    deviation_and_noise,
    normalised_curves,
    residuals_by_size,
)
from normlaws.report.page import Block, Figure, Section, Table, Text
from normlaws.report.scales import words

if TYPE_CHECKING:
    from normlaws.laws import Collapse
    from normlaws.laws.collapse import Finish

_IN_VIEW = 16  # rows of residuals; more are folded


def collapse_section(found: Collapse, running: tuple[Finish, ...] = ()) -> Section:
    """Verdict, figures with intervals, curves, Δ beside σ̄, residuals, unfinished runs.

    Args:
        found: what was compared.
        running: forecasts of its unfinished runs.
    """
    heading = f"Collapse along {words(found.axis)}"
    return Section(heading, "scaling-collapse", [*_verdict(found), *_runs(running, found),
                                                 *_figures(found), *_residuals(found)])  # fmt: skip


def _verdict(found: Collapse) -> list[Block]:
    rows = render.figures(found)
    blocks: list[Block] = [
        Text(found.verdict.text, tone="verdict"),
        Table("What the curves show", rows.header, rows.rows, numeric=(1, 2)),
    ]
    steps = [str(step) for step in found.verdict.next_steps]
    return [*blocks, Text("What to run next:", steps)] if steps else blocks


def _runs(running: tuple[Finish, ...], found: Collapse) -> list[Block]:
    if not running:
        return []
    said = (
        "Each curve up to now is aligned with the collapsed curve of the nearest finished size. "
        "The interval comes from doing the same to the largest finished sizes; the residual is the "
        "distance from what the finished sizes alone would say."
    )
    caption = f"Expected final {words(found.metric)} of unfinished runs"
    return [
        Table(
            caption, render.finish_header(found), render.finish_rows(running), (1, 2, 3, 4, 6, 7)
        ),
        Text(said),
    ]


def _figures(found: Collapse) -> list[Block]:
    many, axis = len(found.ladder.counts), words(found.axis)
    curves = Figure(
        normalised_curves(found),
        f"Log–log plot of {len(found.ladder.group)} normalised curves of {many} groups against the "
        f"share of their {axis}, with their mean.",
        f"Every run over its own end: reducible {words(found.metric)} over what it is at the end, "
        f"against {axis} over its end. Where the ladder collapses, the lines are one.",
        "normalised",
    )
    deviation = Figure(
        deviation_and_noise(found),
        f"Deviation between the normalised curves{_beside(found)}, against x.",
        "Δ is how far the normalised curves lie apart, σ̄ how far seeds of one size do before they "
        "are normalised. Δ below σ̄ is supercollapse. Shaded: 95\u00a0% of the resamples of seeds, "
        "and of the sizes that the floor is fitted to.",
        "deviation",
    )
    places = Table("Δ and σ̄ along training", render.PLACES_HEADER, render.place_rows(found),
                   numeric=range(5))  # fmt: skip
    return [curves, deviation, places]


def _beside(found: Collapse) -> str:
    return " beside the noise between seeds" if found.ladder.seeded else "; no seeds tell the noise"


def _residuals(found: Collapse) -> list[Block]:
    rows = render.residual_rows(found)
    header = render.residual_header(found)
    said = str(found.order)
    figure = Figure(
        residuals_by_size(found),
        f"Residual of every run against {words(found.scale)}: {said}.",
        f"How far each run lies from the mean curve, averaged over .1 < x < 1, against "
        f"{words(found.scale)}, with its straight line: {said}.",
        "residuals",
    )
    caption = "Residuals of the runs from the collapsed curve"
    table = Table(caption, header, rows, range(1, len(header)), folded=len(rows) > _IN_VIEW)
    return [figure, table]
