"""``normlaws theory``: a solvable model, one point or its whole report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app


@app.command("theory")
def theory(
    model: Annotated[
        str, typer.Option(help="The solvable model; normlaws presets lists them.")
    ] = "perceptron",
    alpha: Annotated[
        float | None, typer.Option(help="Training examples per input dimension, P/N.")
    ] = None,
    norm: Annotated[
        float | None, typer.Option(help="The student's norm; needed by the rule fixed-norm only.")
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            help="fixed-norm (the default), hebb, pseudo-inverse, max-stability, adatron, gibbs, "
            "bayes or perceptron."
        ),
    ] = None,
    flip: Annotated[
        float | None, typer.Option(help="Probability that a training label is wrong; default 0.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter of the model, as name=value; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object alone.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="HTML file to write: theory and simulation compared.")
    ] = None,
) -> None:
    """Solve a model at one point, or write its report.

    --alpha, --norm, --rule and --flip are short for --set alpha=…, norm=…, rule=… and
    flip_probability=….
    """
    from normlaws.theory import solved_study

    study = solved_study(model)
    named = {"alpha": alpha, "norm": norm, "rule": rule, "flip_probability": flip}
    parameters = {name: value for name, value in named.items() if value is not None}
    parameters |= assignments(given or [])
    if report is not None:
        _check_alone(alpha, norm, json)
        from normlaws.report.solved import write_solved_page

        typer.echo(str(write_solved_page(study, study.solve(**parameters), report)))
        return
    values = study.values(**parameters)
    if json:
        from normlaws.cli._output import print_json

        print_json(values)
        return
    from normlaws.cli._output import print_table

    print_table(study.description.partition(":")[0], list(values), [list(values.values())])


def assignments(given: Iterable[str]) -> dict[str, str]:
    """Names and values of ``--set name=value``.

    Raises:
        InputError: an entry is not of that form, or a name comes twice.
    """
    from normlaws.errors import InputError

    found: dict[str, str] = {}
    for entry in given:
        name, equals, value = entry.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals) or name in found:
            raise InputError(f"expected --set name=value, each name once, got {entry!r}")
        found[name] = value.strip()
    return found


def _check_alone(alpha: float | None, norm: float | None, json: bool) -> None:
    from normlaws.errors import InputError

    if alpha is not None or norm is not None or json:
        raise InputError(
            "expected --report without --alpha, --norm and --json, because it covers sizes and "
            "norms of its own; accepted beside it are --flip and --set"
        )
