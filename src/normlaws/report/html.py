"""The report of a study: one HTML file that needs nothing else, and figures as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from normlaws.curves import Curves
from normlaws.curves.averages import checked_columns
from normlaws.display.numbers import count, counted
from normlaws.laws.headline import headline
from normlaws.laws.render import CLOCKS_MEAN
from normlaws.report import law_tables, run_tables
from normlaws.report.drawn import Missing, Subject, axes_of, draw
from normlaws.report.page import Block, Figure, Section, Text, figure_of, laid_out, write_page
from normlaws.report.scales import words
from normlaws.storage.folder import replace_file
from normlaws.version import __version__

if TYPE_CHECKING:
    from normlaws.laws import Laws

_DPI = 300


def write_report(
    curves: Curves,
    laws: Laws | None,
    path: str | Path,
    *,
    title: str = "Norm-based scaling laws",
    norm: str | None = None,
    metric: str | None = None,
    reason: str = "",
    settings: Mapping[str, Any] | None = None,
    more: Sequence[Section] = (),
) -> Path:
    """Write the report of a study to one self-contained HTML file.

    Args:
        curves: what was recorded.
        laws: what was fitted to them; ``None`` where nothing could be.
        path: the file, replaced in one step.
        title: heading of the page.
        norm: norm to draw where there are no laws, by default that of ``fit``.
        metric: error or loss to draw where there are no laws, by default that of ``fit``.
        reason: why there are no laws, in a sentence.
        settings: what defines the study as a whole, shown beside the settings of the runs.
        more: sections that follow the two laws, such as that of a collapse.

    Returns:
        The path.

    Raises:
        InputError: there are no laws, and the curves hold no such norm or metric.
    """
    subject = _subject(curves, laws, norm, metric)
    drawn = list(draw(subject))
    sections = [
        Section("Verdict", "verdict", _verdict(laws, reason)),
        Section("The two laws", "laws", _overview(laws, drawn)),
        *more,
        Section("Does the norm do better than the step?", "clocks", _clocks(laws)),
        Section("Exponents", "exponents", _exponents(laws, drawn)),
        Section("Data needed", "needed", _needed(laws)),
        Section("Robustness", "robustness", _robustness(laws)),
        Section("Training", "training", _training(drawn)),
        Section("Runs", "runs", _runs(curves, laws, subject.metric)),
        Section("Settings", "settings", _settings(curves, settings)),
        Section("Conventions", "conventions", [_conventions(subject)]),
    ]
    return write_page(path, title, sections, lead=_facts(subject), footer=_footer())


def save_figures(
    curves: Curves,
    laws: Laws | None,
    folder: str | Path,
    *,
    norm: str | None = None,
    metric: str | None = None,
) -> list[Path]:
    """Write every figure as PNG (300 dpi) and PDF to ``folder``; return the paths.

    Raises:
        InputError: there are no laws, and the curves hold no such norm or metric.
    """
    written = []
    for name, axes in axes_of(_subject(curves, laws, norm, metric)).items():
        figure = laid_out(figure_of(axes))
        for form in ("png", "pdf"):
            path = Path(folder) / f"{name}.{form}"
            replace_file(path, partial(figure.savefig, format=form, dpi=_DPI))
            written.append(path)
    return written


def _subject(curves: Curves, laws: Laws | None, norm: str | None, metric: str | None) -> Subject:
    if laws is not None:
        norm, metric = laws.norm, laws.metric
    norm, metric = norm or curves.default_norm(), metric or curves.default_metric()
    checked_columns(curves, norm, metric)
    return Subject(curves, laws, norm, metric)


def _facts(subject: Subject) -> list[str]:
    curves = subject.curves
    sizes = [count(size) for size in curves.sizes]
    span = f"P from {sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"P = {sizes[0]}"
    seeds = len(curves.seeds)
    return [
        f"{counted(len(sizes), 'size')}, {span}",
        counted(seeds, "seed") if seeds else "no seeds: averaged or exact curves",
        counted(len(curves.runs), "run"),
        f"norm: {words(subject.norm)}",
        f"metric: {words(subject.metric)}",
    ]


def _verdict(laws: Laws | None, reason: str) -> list[Block]:
    """The headline, the forecast, the reasons, the findings, and what to run next."""
    if laws is None:
        because = f": {reason}" if reason else "."
        return [Text(f"The laws could not be fitted{because}", tone="verdict")]
    ahead, bounds = law_tables.forecasts(laws)
    blocks: list[Block] = [Text(headline(laws), tone="verdict"), ahead]
    blocks += [Text(text) for text in (bounds, laws.verdict.text) if text]
    if laws.verdict.findings:
        blocks.append(law_tables.findings(laws))
    steps = [str(step) for step in laws.verdict.next_steps]
    return [*blocks, Text("What to run next:", steps)] if steps else blocks


def _clocks(laws: Laws | None) -> list[Block]:
    if laws is None or laws.curves is None:
        return []
    table, sentence = law_tables.clocks(laws)
    return [Text(sentence), table, Text(CLOCKS_MEAN)]


def _of(drawn: list[Figure | Missing], *starts: str) -> list[Block]:
    """The figures whose name starts so."""
    return [one for one in drawn if isinstance(one, Figure) and one.name.startswith(starts)]


def _overview(laws: Laws | None, drawn: list[Figure | Missing]) -> list[Block]:
    blocks = _of(drawn, "error-against-norm", "collapse", "crossover")
    if laws is not None and laws.crossover is None:
        blocks.append(Text("No crossover curve could be fitted to all runs together."))
    return blocks


def _exponents(laws: Laws | None, drawn: list[Figure | Missing]) -> list[Block]:
    if laws is None:
        return []
    sized = _of(drawn, "error-against-size", "norm-against-size")
    first = [law_tables.exponents(laws), *_no_intervals(laws)]
    return [*first, *sized, law_tables.optima(laws)]


def _no_intervals(laws: Laws) -> list[Block]:
    if laws.gamma.low is not None:
        return []
    return [
        Text(
            "There are no intervals: they come from resampling seeds, of which these curves have "
            "too few."
        )
    ]


def _needed(laws: Laws | None) -> list[Block]:
    return [] if laws is None else _present(law_tables.needed(laws))


def _present(*blocks: Block | None) -> list[Block]:
    return [block for block in blocks if block is not None]


def _robustness(laws: Laws | None) -> list[Block]:
    """Other estimators, other windows, other sizes, other models."""
    if laws is None:
        return []
    return [
        law_tables.estimators(laws),
        law_tables.baselines(laws),
        Text(
            "Fit error: root mean square of ln(fitted/actual). Back-test error: mean "
            "|ln(predicted/actual)| over the largest third of the sizes, hidden from the fit."
        ),
        law_tables.windows(laws),
        law_tables.influence(laws),
    ]


def _training(drawn: list[Figure | Missing]) -> list[Block]:
    missing: dict[str, list[str]] = {}
    for one in drawn:
        if isinstance(one, Missing) and one.name.endswith("step"):
            missing.setdefault(one.reason, []).append(one.name)
    said = [Text(f"No figure of {' and '.join(n)}: {reason}.") for reason, n in missing.items()]
    return [*_of(drawn, "norm-against-step", "loss-against-step", "error-against-step"), *said]


def _runs(curves: Curves, laws: Laws | None, metric: str) -> list[Block]:
    return _present(
        run_tables.run_counts(curves),
        run_tables.troubled_runs(curves),
        run_tables.all_runs(curves, laws, metric),
    )


def _settings(curves: Curves, settings: Mapping[str, Any] | None) -> list[Block]:
    parts = [run_tables.records("Study", [settings])] if settings else []
    for column in ("settings", "versions", "hardware", "code"):
        caption = {"settings": "Settings of the runs", "code": "Code"}.get(column, column.title())
        parts.append(run_tables.records(caption, curves.runs[column]))
    return _present(*parts) or [Text("These curves carry no settings, versions or hardware.")]


def _conventions(subject: Subject) -> Text:
    return Text(items=[
        *_selection(subject),
        "Errors are fractions of misclassified examples, losses are in nats per example.",
        "Logarithms are natural; the norm λ has no unit and is held as ln λ.",
        "P is the number of training examples; stopping norms, those at the optimum, are averaged "
        "geometrically.",
        f"Norms recorded in these curves: {', '.join(map(words, subject.curves.norms))}.",
    ])  # fmt: skip


def _selection(subject: Subject) -> list[str]:
    if subject.laws is None:
        return []
    splits = sorted(set(subject.laws.optima["selected_on"].dropna().astype(str)))
    chosen = " or ".join(words(split) for split in splits) or "no split"
    text = (
        f"The optimum of each run was selected on {chosen} and scored on {words(subject.metric)}."
    )
    if subject.metric in splits:
        text += " Selecting and scoring on one split makes the lowest value slightly too low."
    return [text]


def _footer() -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"Written by normlaws {__version__} on {now}."
