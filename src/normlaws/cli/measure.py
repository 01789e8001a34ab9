"""``normlaws measure``: the norms of a file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app
from normlaws.cli._output import print_json, print_table, progress_bar

if TYPE_CHECKING:
    from normlaws.norms import Measurement

_COLUMNS = ("name", "kind", "shape", "log_spectral_norm", "log_group_21", "stable_rank")


@app.command()
def measure(
    file: Annotated[
        Path,
        typer.Argument(
            help="A file of weights (safetensors, or written by torch.save), a folder with one, or "
            "the index.json of shards."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    key: Annotated[
        str | None, typer.Option(help="Where in the file the network is, e.g. state_dict.")
    ] = None,
    norm: Annotated[
        list[str] | None,
        typer.Option(help="Show this norm of each layer, such as frobenius or l1; repeat."),
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="Show the layers where the first norm is largest.")
    ] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Decompose large matrices, too; else iterated to 1e-6.",
        ),
    ] = False,
) -> None:
    """Measure the norms of the weights in FILE, layer by layer and in total.

    Logarithms are natural. Convolutions are read flat, as the paper does; measuring the true
    operator needs the model: `nl.measure(model, conv="operator", example_input=x)`.
    """
    from normlaws.norms import measure_file

    with progress_bar("measuring") as progress:
        result = measure_file(file, key=key, exact=exact, progress=progress)
    if as_json:
        print_json(result.as_dict())
        return
    columns = _columns(result, norm)
    layers = result.layers
    if top is not None:
        layers = layers.nlargest(top, columns[3])
    rows = layers[list(columns)].itertuples(index=False, name=None)
    spare = (1, 2, *range(len(columns) - 1, 3, -1))
    print_table(f"Layers of {file.name}", columns, rows, spare=spare)
    print_table("Total (natural logarithms)", ("norm", "value"), result.total.items())
    if result.uncounted:
        left = [(one.name, one.shape, one.reason) for one in result.uncounted]
        print_table("Not counted", ("name", "shape", "why"), left)


def _columns(result: Measurement, norms: list[str] | None) -> tuple[str, ...]:
    """Name, kind and shape, and the norms that were asked for."""
    from normlaws.errors import InputError, allowed

    if not norms:
        return _COLUMNS
    known = [name.removeprefix("log_") for name in result.layers.columns[4:]]
    for name in norms:
        if name not in known:
            raise InputError(f"expected --norm {allowed(known)}, got {name}")
    return *_COLUMNS[:3], *(name if name == "stable_rank" else f"log_{name}" for name in norms)
