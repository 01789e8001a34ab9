"""Logging packages, imported where they are needed; the error names the extra.

Trackers report on their users by themselves: MLflow sends events, wandb errors. Both ask the
environment first whether they may, when they are imported, so the answer is put there before.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from normlaws.errors import MissingExtraError

EXTRA = "loggers"
_SILENT = {
    "mlflow": {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
    "wandb": {"WANDB_ERROR_REPORTING": "false", "DO_NOT_TRACK": "true"},
}
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
"""Without these an address at which nothing answers takes minutes; what a user sets counts."""


def optional(module: str, feature: str) -> Any:
    """Import a module of an optional package, after its reports about the user are switched off.

    Raises:
        MissingExtraError: the package is not installed.
    """
    package = module.partition(".")[0]
    os.environ.update(_SILENT.get(package, {}))
    if package == "mlflow":
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(feature, EXTRA) from None
