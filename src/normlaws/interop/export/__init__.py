"""Curves for other people's tools, with the norm as x-axis."""

from normlaws.interop.export.mlflow import export_mlflow
from normlaws.interop.export.table import export_table
from normlaws.interop.export.tensorboard import export_tensorboard
from normlaws.interop.export.wandb import export_wandb

__all__ = ["export_mlflow", "export_table", "export_tensorboard", "export_wandb"]
