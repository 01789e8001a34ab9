"""``normlaws import``: other people's records become curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from normlaws.cli import app
from normlaws.cli._help import Kinds

if TYPE_CHECKING:
    from normlaws.curves import Curves
    from normlaws.interop import ColumnMap

importer = typer.Typer(
    help="Turn other people's records into curves.", cls=Kinds, no_args_is_help=True
)
app.add_typer(importer, name="import")

Out = Annotated[Path, typer.Option("--out", help="Parquet file (….parquet) or folder to write")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=THEIRS",
        help="what a column or tag is, e.g. size=n_train, test_accuracy=acc, "
        "log_spectral_complexity=lnR, or spectral_complexity=R where R is no logarithm; repeat",
    ),
]
Percent = Annotated[
    list[str] | None,
    typer.Option("--percent", metavar="NAME", help="this error or accuracy is in percent; repeat"),
]
Size = Annotated[
    str | None, typer.Option("--size", metavar="KEY", help="parameter or column that holds P")
]
Seed = Annotated[
    str | None, typer.Option("--seed", metavar="KEY", help="parameter or column of the seed")
]
RunPattern = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="reads run names, e.g. 'n=(?P<size>[0-9]+).*rep(?P<seed>[0-9]+)'",
    ),
]


@importer.command("deep-norm")
def deep_norm(
    file: Annotated[Path, typer.Argument(metavar="FILE.npy", help="a published .npy file")],
    out: Out,
    panel: Annotated[
        int | None, typer.Option(min=0, help="which panel of an ablation file, from 0")
    ] = None,
) -> None:
    """Published curves of arXiv 2505.13230, read without running anything they contain."""
    from normlaws.interop import panels_of, read_deep_norm

    curves = read_deep_norm(file, panel)
    _keep(curves, out)
    found = panels_of(file)
    if found > 1 and panel is None and len(curves.norms) == 1:
        typer.echo(f"panel 0 of {found}; --panel chooses another")


@importer.command("table")
def table(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="a .csv, .tsv, .parquet, .json or .jsonl file")
    ],
    out: Out,
    column: Columns = None,
    percent: Percent = None,
    run_pattern: RunPattern = None,
) -> None:
    """A table of your own: one row per run and recorded step, or one row per run.

    Columns are recognised by their names, and what each was read as is said; --column overrules.
    """
    from normlaws.cli._curves import notes
    from normlaws.interop import Identity, read_table

    identity = Identity(run_pattern=run_pattern) if run_pattern else None
    with notes():
        curves = read_table(file, column_map(column, percent), identity, guess=True)
    _keep(curves, out)


@importer.command("tensorboard")
def tensorboard(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="log folder; each folder in it is a run")
    ],
    out: Out,
    column: Columns = None,
    percent: Percent = None,
    size: Size = None,
    seed: Seed = None,
    run_pattern: RunPattern = None,
) -> None:
    """TensorBoard event files."""
    from normlaws.interop import Identity, read_tensorboard

    columns = column_map(column, percent)
    curves = read_tensorboard(folder, columns, Identity(size, seed, run_pattern))
    _keep(curves, out)


@importer.command("mlflow")
def mlflow(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="mlruns folder, or a tracking URI")
    ],
    out: Out,
    experiment: Annotated[str | None, typer.Option(help="name of one experiment")] = None,
    column: Columns = None,
    percent: Percent = None,
    size: Size = None,
    seed: Seed = None,
    run_pattern: RunPattern = None,
) -> None:
    """MLflow runs; a folder is read without MLflow."""
    from normlaws.interop import Identity, read_mlflow

    columns = column_map(column, percent)
    identity = Identity(size, seed, run_pattern)
    curves = read_mlflow(source, columns, identity, experiment=experiment)
    _keep(curves, out)


@importer.command("wandb")
def wandb(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="offline runs (….wandb or a folder of them), or exported histories "
            "(.csv, .parquet, .jsonl)",
        ),
    ],
    out: Out,
    configs: Annotated[
        Path | None,
        typer.Option(help="JSON {run name: configuration}, or the CSV of the runs table"),
    ] = None,
    column: Columns = None,
    percent: Percent = None,
    size: Size = None,
    seed: Seed = None,
    run_pattern: RunPattern = None,
) -> None:
    """Weights & Biases runs, offline or exported."""
    from normlaws.interop import Identity, read_wandb

    columns = column_map(column, percent)
    identity = Identity(size, seed, run_pattern)
    curves = read_wandb(path, columns, identity, configs=configs)
    _keep(curves, out)


def _keep(curves: Curves, out: Path) -> None:
    from normlaws.cli._output import say

    say(f"{curves.write(out)}: {curves!r}")
    if not curves.norms:
        say(
            "normlaws: no norm is recorded, so the direct law alone can be fitted; a column that "
            "holds one is named with --column spectral_complexity=THEIRS",
            err=True,
        )
    say(f"Next: normlaws fit {out}, or normlaws report {out}")


def column_map(column: Sequence[str] | None, percent: Sequence[str] | None = None) -> ColumnMap:
    """What ``--column`` and ``--percent`` say.

    Raises:
        InputError: a ``--column`` without a name, an equals sign or their name.
    """
    from normlaws.interop import ColumnMap

    return ColumnMap(_pairs(column), tuple(percent or ()))


def _pairs(column: Sequence[str] | None) -> dict[str, str]:
    from normlaws.errors import InputError

    columns = {}
    for pair in column or []:
        name, equals, theirs = pair.partition("=")
        if not (name and equals and theirs):
            raise InputError(f"expected --column NAME=THEIRS, got {pair!r}")
        columns[name] = theirs
    return columns
