"""``normlaws measure``: the norms of a file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app
from normlaws.cli._output import print_json, print_table

_COLUMNS = ("name", "kind", "shape", "log_spectral_norm", "log_group_21", "stable_rank")


@app.command()
def measure(
    file: Annotated[Path, typer.Argument(help="A .safetensors file, or a .pt state dict.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the norms of the weights in FILE, layer by layer and in total.

    Logarithms are natural. Convolutions are read flat, as the paper does; measuring the true
    operator needs the model: `nl.measure(model, conv="operator", example_input=x)`.
    """
    from normlaws.norms import measure_file

    result = measure_file(file)
    if as_json:
        print_json(result.as_dict())
        return
    rows = result.layers[list(_COLUMNS)].itertuples(index=False, name=None)
    print_table(f"Layers of {file.name}", _COLUMNS, rows)
    print_table("Total (natural logarithms)", ("norm", "value"), result.total.items())
