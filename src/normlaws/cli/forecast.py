"""``normlaws forecast``: error and stopping norm at new sizes, or the size for an error."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from normlaws.cli import app
from normlaws.cli.fit import AsJson, Metric, Norm, Places, Resamples


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
    json: AsJson = False,
) -> None:
    """Forecast the best error and the norm to stop at, with 95 % intervals."""
    from normlaws.cli._output import print_json
    from normlaws.curves import Curves
    from normlaws.errors import InputError
    from normlaws.laws import fit

    sizes = list(size or [])
    if not sizes and error is None:
        raise InputError("expected --size N or --error E, got neither")
    curves = Curves.read(path)
    laws = fit(curves, norm, metric, resamples=resamples)
    if error is not None:
        sizes.append(_reachable(laws.size_for_error(error).value, error))
    found = laws.forecast(sizes)
    if json:
        print_json([_entry(item.as_dict(), laws, error) for item in found])
    else:
        _print(found, laws, error)


def _reachable(size: float, error: float) -> float:
    from math import isfinite

    from normlaws.errors import InputError

    if isfinite(size):
        return size
    raise InputError(
        f"expected an error that the fitted law reaches, got {error:g}, which lies below its "
        "irreducible error; ask for a larger one"
    )


def _entry(item: dict[str, Any], laws: Any, error: float | None) -> dict[str, Any]:
    """The forecast; for a target error also the interval of the size it needs."""
    if error is not None and item["size"] == laws.size_for_error(error).value:
        return item | {"size_for_error": laws.size_for_error(error).as_dict()}
    return item


def _print(found: list[Any], laws: Any, error: float | None) -> None:
    from normlaws.cli._output import print_table

    rows = [(f"{item.size:,.0f}", *_cells(item.error), *_cells(item.log_norm)) for item in found]
    header = ("size", "error", "95 %", f"log {laws.norm}", "95 %")
    print_table(f"best {laws.metric} of one run", header, rows)
    if error is not None:
        needed = laws.size_for_error(error)
        span = "" if needed.low is None else f" (95 %: {needed.low:,.0f} to {needed.high:,.0f})"
        typer.echo(f"{laws.metric} {error:g} needs about {needed.value:,.0f} examples{span}")


def _cells(value: Any) -> tuple[str, str]:
    span = "–" if value.low is None else f"{value.low:.4g} – {value.high:.4g}"
    return f"{value.value:.4g}", span
