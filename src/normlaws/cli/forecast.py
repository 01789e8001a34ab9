"""``normlaws forecast``: error and stopping norm at new sizes, or the size for an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from normlaws.cli import app
from normlaws.cli._curves import Columns, Group
from normlaws.cli.collapse import Along, End, Floor
from normlaws.cli.fit import AsJson, Metric, Norm, Places, Resamples

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.laws import Comparison, DirectLaw, Forecast, Laws

FAR = 100  # times the largest size, beyond which a forecast is warned about


@app.command("forecast")
def forecast(
    path: Places,
    size: Annotated[
        list[float] | None, typer.Option("--size", help="training examples; repeat for several")
    ] = None,
    error: Annotated[
        float | None, typer.Option("--error", help="target error; prints the size it needs")
    ] = None,
    norm: Norm = None,
    metric: Metric = None,
    resamples: Resamples = 1000,
    along: Along = None,
    end: End = "last",
    floor: Floor = "fit",
    json: AsJson = False,
    column: Columns = None,
    group: Group = None,
) -> None:
    """Forecast the lowest error and the norm to stop at, with 95 % intervals.

    With --along, or without --size and --error: what unfinished runs will end at, from their
    curves so far and the collapsed curve of the finished sizes.
    """
    from normlaws.cli._curves import read_curves
    from normlaws.cli._ends import print_ends
    from normlaws.cli._output import print_json
    from normlaws.errors import InputError
    from normlaws.laws import compare, fit

    sizes = list(size or [])
    curves = read_curves(path, column)
    nothing = not sizes and error is None and group is None and norm is None
    if along is not None or nothing:
        _check_ends({"--error": error, "--group": group, "--norm": norm})
        print_ends(
            curves, sizes, along=along, metric=metric, end=end, floor=floor, resamples=resamples,
            json=json,
        )  # fmt: skip
        return
    if not sizes and error is None:
        raise InputError("expected --size N or --error E, got neither")
    if group is not None:
        compared = compare(curves, group, metric, resamples=resamples)
        target = None if error is None else _fraction(error, metric or curves.default_metric())
        _print_groups(compared, sizes, target, json)
        return
    _hint(curves)
    laws = fit(curves, norm, metric, resamples=resamples)
    if error is not None:
        sizes.append(_reachable(laws.size_for_error(_fraction(error, laws.metric)).value, error))
    found = laws.forecast(sizes)
    if json:
        print_json([_entry(item.as_dict(), laws, error) for item in found])
    else:
        _print(found, laws, error)


def _hint(curves: Curves) -> None:
    """Say on stderr how runs that are not finished are forecast one by one."""
    from normlaws.cli._output import say

    going = int((curves.runs["status"] == "unfinished").sum())
    if going:
        say(
            f"normlaws: {going} {'run is' if going == 1 else 'runs are'} unfinished; "
            "--along AXIS forecasts the end of each from its curve so far",
            err=True,
        )


def _check_ends(others: dict[str, object]) -> None:
    """Refuse what means nothing for the ends of runs."""
    from normlaws.errors import InputError

    given = [name for name, value in others.items() if value is not None]
    if given:
        raise InputError(
            f"expected --size, --end or --floor beside --along, got {given[0]}; a norm is an axis "
            "as well: --along spectral_complexity"
        )


def _fraction(error: float, metric: str) -> float:
    from normlaws.errors import InputError

    if metric.endswith("error") and error > 1:
        raise InputError(
            f"expected a target {metric} as a fraction, at most 1, got {error:g}; "
            "divide percentages by 100"
        )
    return error


def _reachable(size: float, error: float) -> float:
    from math import isfinite

    from normlaws.errors import InputError

    if isfinite(size):
        return size
    raise InputError(
        f"expected an error that the fitted law reaches, got {error:g}, which lies below its "
        "irreducible error; ask for a larger one"
    )


def _entry(item: dict[str, Any], laws: Laws | DirectLaw, error: float | None) -> dict[str, Any]:
    """The forecast; for a target error also the interval of the size it needs."""
    if error is not None and item["size"] == laws.size_for_error(error).value:
        return item | {"size_for_error": laws.size_for_error(error).as_dict()}
    return item


def _print(found: list[Forecast], laws: Laws | DirectLaw, error: float | None) -> None:
    from normlaws.cli._output import print_table, say
    from normlaws.display.numbers import count, interval, significant, size_needed
    from normlaws.laws.result import bounds_text

    largest = float(laws.sizes["size"].max())
    norm = getattr(laws, "norm", None)
    scale = getattr(laws, "scale", "size")
    header = [scale, "of the largest", "error", "95 %", *([f"log {norm}", "95 %"] if norm else [])]
    rows = [
        (
            count(item.size), _times(item.size / largest), item.error_text(),
            interval(item.error, significant), *(_cells(item.log_norm) if norm else ()),
        )
        for item in found
    ]  # fmt: skip
    print_table(f"lowest {laws.metric} of one run", header, rows, spare=(1,))
    if bounds := bounds_text(found, "P" if scale == "size" else scale):
        say(bounds)
    if error is not None:
        needed = laws.size_for_error(error)
        span = "" if needed.low is None else f" (95 %: {interval(needed, size_needed)})"
        unit = "examples" if scale == "size" else scale
        say(f"{laws.metric} {error:g} needs about {size_needed(needed.value)} {unit}{span}")
    say(laws.verdict.text)
    _warn_far([item.size / largest for item in found])


def _print_groups(found: Comparison, sizes: list[float], error: float | None, json: bool) -> None:
    """Every group at every size; for a target error, the size that each group needs."""
    from normlaws.cli._output import print_json, print_table, say
    from normlaws.display.numbers import count, interval, size_needed
    from normlaws.laws.direct.verdict import certain
    from normlaws.laws.result import bounds_text

    needed = {name: law.size_for_error(error) for name, law in found.laws.items()} if error else {}
    table = found.table(sizes)
    if json:
        sized = {name: one.as_dict() for name, one in needed.items()}
        print_json({"table": table.to_dict("records"), "size_for_error": sized})
        return
    largest = max(float(law.sizes["size"].max()) for law in found.laws.values())
    if sizes:
        ahead = [found.laws[name].forecast(size) for size in sizes for name in found.laws]
        rows = [
            (count(size), _times(size / largest), name, one.error_text(),
             f"{low:.3g} to {high:.3g}", certain(best))
            for one, (size, name, _, low, high, best, _) in zip(
                ahead, table.itertuples(index=False), strict=True
            )
        ]  # fmt: skip
        header = ("size", "of the largest", found.by, "error", "95 %", "chance of being best")
        print_table("lowest error of one run", header, rows, spare=(1,))
        if bounds := bounds_text(ahead):
            say(bounds)
    if needed:
        each = [(name, size_needed(one.value), interval(one, size_needed))
                for name, one in needed.items()]  # fmt: skip
        print_table(f"examples needed for {error:g}", (found.by, "size", "95 %"), each)
    say(found.sentence())
    _warn_far([size / largest for size in sizes])


def _warn_far(factors: list[float]) -> None:
    """Say on stderr that a forecast lies far beyond the data."""
    from normlaws.cli._output import say

    if factors and max(factors) > FAR:
        say(
            f"normlaws: {max(factors):,.3g} times the largest size is far beyond the data; no "
            "interval covers a law that changes on the way",
            err=True,
        )


def _times(factor: float) -> str:
    return f"× {factor:,.3g}"


def _cells(value: Any) -> tuple[str, str]:
    span = "–" if value.low is None else f"{value.low:.3g} to {value.high:.3g}"
    return f"{value.value:.3g}", span
