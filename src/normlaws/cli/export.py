"""``normlaws export``: curves for other people's tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from normlaws.cli import app
from normlaws.cli._curves import Columns
from normlaws.cli.fit import Norm, Places


class Target(StrEnum):
    """What curves can be written as."""

    csv = "csv"
    parquet = "parquet"
    tensorboard = "tensorboard"
    mlflow = "mlflow"
    wandb = "wandb"


@app.command("export")
def export(
    path: Places,
    to: Annotated[Target, typer.Option("--to", help="form to write")],
    out: Annotated[
        str, typer.Option("--out", help="file, folder, or tracking URI of MLflow, to write to")
    ],
    norm: Norm = None,
    name: Annotated[
        str, typer.Option(help="MLflow experiment or Weights & Biases project")
    ] = "normlaws",
    column: Columns = None,
) -> None:
    """Write curves as a long table, or for a tracker with the norm as x-axis.

    Nothing is sent anywhere but to an MLflow server named as --out.
    """
    from normlaws.cli._curves import read_curves
    from normlaws.errors import InputError
    from normlaws.interop import export as write

    curves = read_curves(path, column)
    match to:
        case Target.csv | Target.parquet:
            if Path(out).suffix != f".{to}":
                raise InputError(f"expected --out ending .{to}, got {out}")
            written = [str(write.export_table(curves, out))]
        case Target.tensorboard:
            written = [str(write.export_tensorboard(curves, out, norm=norm))]
        case Target.mlflow:
            written = [write.export_mlflow(curves, out, experiment=name, norm=norm)]
        case Target.wandb:
            found = write.export_wandb(curves, out, project=name, norm=norm)
            written = [str(file.parent) for file in found]
    for line in written:
        typer.echo(line)
