"""The report of curves without norms: the direct law, or the laws of several groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from normlaws.display.numbers import count, fixed, interval, significant
from normlaws.laws.direct import Comparison, DirectLaw
from normlaws.laws.direct.render import (
    HEADER,
    STARRED,
    bounds,
    forecast_rows,
    form_rows,
    size_name,
)
from normlaws.report import figures
from normlaws.report.page import Block, Figure, Section, Table, Text, write_page
from normlaws.report.scales import words
from normlaws.version import __version__

_INTERVAL = "95\u00a0% interval"


def write_direct_report(
    found: DirectLaw | Comparison, path: str | Path, *, title: str, more: Sequence[Section] = ()
) -> Path:
    """Write the report of one direct law, or of a comparison, to one HTML file.

    Args:
        found: what was fitted.
        path: the file, replaced in one step.
        title: heading of the page.
        more: sections that follow, such as that of a collapse.

    Returns:
        The path.
    """
    sections = _compared(found) if isinstance(found, Comparison) else _single(found)
    sections = [*sections, *more]
    return write_page(path, title, sections, lead=_facts(found), footer=f"normlaws {__version__}")


def headline(law: DirectLaw) -> str:
    """What twice the data, or twice another size, would bring, in words."""
    largest = law.sizes.loc[law.sizes["size"].idxmax()]
    ahead = law.forecast(2 * float(largest["size"]))
    span = "" if ahead.error.low is None else f", between {interval(ahead.error, significant)}"
    span, value = span.replace(" to ", " and "), significant(ahead.error.value)
    said = f"Twice the {more_of(law)}: {words(law.metric)}"
    if ahead.bounded_by is not None:
        return (
            f"{said} at most {value}, which unfinished runs of {size_name(law)} = "
            f"{count(ahead.bounded_by)} have reached (the law lies above it){span}."
        )
    return f"{said} {significant(float(largest['error']))} → {value}{span}."


def more_of(law: DirectLaw) -> str:
    """What larger sizes have more of."""
    return "data" if law.scale == "size" else words(law.scale)


def _facts(found: DirectLaw | Comparison) -> list[str]:
    laws = list(found.laws.values()) if isinstance(found, Comparison) else [found]
    sizes = sorted({size for law in laws for size in law.sizes["size"]})
    runs = sum(len(law.optima) for law in laws)
    return [
        f"{len(sizes)} sizes, from {count(sizes[0])} to {count(sizes[-1])} {_counted(laws[0])}",
        f"{runs} runs",
        f"metric: {words(laws[0].metric)}",
        "no norm",
    ]


def _counted(law: DirectLaw) -> str:
    return "training examples" if law.scale == "size" else words(law.scale)


def _single(law: DirectLaw) -> list[Section]:
    steps = [str(step) for step in law.verdict.next_steps]
    ahead = Table(
        f"Forecast for more {more_of(law)}", (size_name(law), words(law.metric), _INTERVAL),
        forecast_rows(law), numeric=range(3),
    )  # fmt: skip
    meaning = [Text(bounds(law))] if bounds(law) else []
    verdict: list[Block] = [
        Text(headline(law), tone="verdict"), ahead, *meaning, Text(law.verdict.text),
    ]  # fmt: skip
    forms = Table("Forms side by side", HEADER, form_rows(law), numeric=range(1, len(HEADER)))
    return [
        Section("Verdict", "verdict", [*verdict, *([Text("Next:", steps)] if steps else [])]),
        Section("Direct law", "direct", [_figure({"": law})]),
        Section("Forms", "forms", [forms, Text(STARRED + ".")]),
        Section("Sizes", "sizes", [_sizes(law)]),
    ]


def _compared(found: Comparison) -> list[Section]:
    gammas = [
        (name, fixed(law.gamma.value), interval(law.gamma), headline(law))
        for name, law in found.laws.items()
    ]
    best = ("P", "best", "error", "probability of being best")
    tables = [
        Table("γ of every group", (found.by, "γ", _INTERVAL, "more data"), gammas, numeric=(1, 2)),
        Table("Which is best where", best, found.rows(), numeric=(0, 2, 3)),
    ]
    each = [
        Section(name, f"group-{place}", [Text(law.verdict.text), _sizes(law)])
        for place, (name, law) in enumerate(found.laws.items())
    ]
    first = Section("Comparison", "comparison", [Text(found.sentence(), tone="verdict")])
    return [first, Section("Direct laws", "direct", [_figure(found.laws), *tables]), *each]


def _figure(laws: dict[str, DirectLaw]) -> Figure:
    first = next(iter(laws.values()))
    alt = (
        f"Log–log plot of the lowest {words(first.metric)} against the size for {len(laws)} "
        f"{'groups' if len(laws) > 1 else 'group'}, with fitted laws and forecasts."
    )
    caption = (
        "Lowest error of every size (bars: 95\u00a0% interval of its runs), the law that forecasts "
        "known sizes best, and its prediction interval for one new run. Right of the dotted line "
        "everything is a forecast."
    )
    return Figure(figures.direct_laws(laws), alt, caption, "direct-law")


def _sizes(law: DirectLaw) -> Table:
    rows = [
        (
            count(row.size),
            f"{row.n_runs}" + (f" ({row.n_unfinished} unfinished)" if row.n_unfinished else ""),
            significant(row.error),
            f"{significant(row.error_low)} to {significant(row.error_high)}"
            if row.n_runs > 1
            else "–",
        )
        for row in law.sizes.itertuples(index=False)
    ]
    rows += [
        (count(row.size), f"{row.n_runs} unfinished, not in the fit", significant(row.error), "–")
        for row in law.so_far.itertuples(index=False)
    ]
    header = (size_name(law), "runs", f"lowest {words(law.metric)}", _INTERVAL)
    return Table("The lowest error of every size", header, rows, numeric=range(4))
