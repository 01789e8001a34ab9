"""The list of verbs: two panels in the order of use, each verb with an example."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from normlaws.cli._quick import lighten

PANELS = {
    "From a study to an answer": {
        "presets": "normlaws presets",
        "run": "normlaws run digits-cnn",
        "fit": "normlaws fit runs/digits-cnn",
        "forecast": "normlaws forecast runs/digits-cnn --size 5000",
        "plan": "normlaws plan runs/digits-cnn",
        "report": "normlaws report runs/digits-cnn",
        "explore": "normlaws explore runs/digits-cnn",
    },
    "Your own trainings, tables and theory": {
        "measure": "normlaws measure model.safetensors",
        "follow": "normlaws follow trained/ --size 50000 --out t.parquet",
        "import": "normlaws import wandb offline-run/ --out curves.parquet",
        "collapse": "normlaws collapse runs/digits-cnn --along step",
        "surface": "normlaws surface losses.csv --family chinchilla",
        "theory": "normlaws theory --alpha 5 --norm 3",
        "export": "normlaws export runs/digits-cnn --to csv --out digits.csv",
    },
}
EXAMPLES = {verb: line for panel in PANELS.values() for verb, line in panel.items()}
KINDS = {
    "deep-norm": "normlaws import deep-norm CNN_MNIST.npy --out curves.parquet",
    "table": "normlaws import table runs.csv --column size=n --out curves.parquet",
    "tensorboard": "normlaws import tensorboard logs/ --size n_train --out curves.parquet",
    "mlflow": "normlaws import mlflow mlruns/ --experiment mine --out curves.parquet",
    "wandb": EXAMPLES["import"],
}


class _Quick:
    """Parameters that are converted without importing pydantic."""

    def get_params(self, ctx: Any) -> Any:
        params = super().get_params(ctx)  # type: ignore[misc]
        lighten(params)
        return params


class Verb(_Quick, TyperCommand):
    """A verb."""


class Kinds(_Quick, TyperGroup):
    """A verb with several forms, as ``import``."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The forms, each with its first sentence and its example."""
        _list(self, "Kinds", KINDS, ctx, formatter)


class Verbs(_Quick, TyperGroup):
    """All verbs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of use."""
        order = list(EXAMPLES)
        return sorted(self.commands, key=lambda verb: order.index(verb) if verb in order else -1)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The panels, each with the first sentence and an example of its verbs."""
        for title, verbs in PANELS.items():
            _list(self, title, verbs, ctx, formatter)


def _list(group: Any, title: str, verbs: dict[str, str], ctx: Any, formatter: Any) -> None:
    with formatter.section(title):
        room = formatter.width - 2 * formatter.current_indent - max(map(len, verbs))
        rows = []
        for verb, example in verbs.items():
            command = group.get_command(ctx, verb)
            if command is not None:
                rows += [(verb, command.get_short_help_str(8 * room)), ("", f"$ {example}")]
        formatter.write_dl(rows)
