"""Other people's records, in and out."""

from normlaws.interop.columns import ColumnMap
from normlaws.interop.deep_norm import panels_of, read_deep_norm
from normlaws.interop.export import (
    export_mlflow,
    export_table,
    export_tensorboard,
    export_wandb,
)
from normlaws.interop.identity import Identity
from normlaws.interop.mlflow import read_mlflow
from normlaws.interop.table import read_table
from normlaws.interop.tensorboard import read_tensorboard
from normlaws.interop.wandb import read_wandb

__all__ = [
    "ColumnMap",
    "Identity",
    "export_mlflow",
    "export_table",
    "export_tensorboard",
    "export_wandb",
    "panels_of",
    "read_deep_norm",
    "read_mlflow",
    "read_table",
    "read_tensorboard",
    "read_wandb",
]
