"""Runs that differ in more than size and seed are not seeds of one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import InputError

OWN = {"run", "size", "seed", "status", "error", "settings", "versions", "hardware", "code"}
TOLD = ("model", "architecture", "data", "dataset", "optimizer", "loss")
LISTED = 4


def check_alike(curves: Curves) -> None:
    """Refuse curves that would be pooled as seeds although they are different things.

    Runs of one size are compared in every variable that is text (a column ``model`` of a table)
    and in the settings ``model``, ``data``, ``optimizer`` and ``loss``, of their own or of the
    training; what names a seed is left out.

    Raises:
        InputError: runs of one size differ in one of these; the message names it and its values.
    """
    differing = _told(curves)
    if not differing:
        return
    name, values = next(iter(differing.items()))
    shown = ", ".join([*values[:LISTED], *(["…"] if len(values) > LISTED else [])])
    if name in curves.runs:
        what = name
        way_out = f"compare them with --group {name} (nl.laws.compare), or keep one with "
        way_out += "curves.select"
    else:
        what, way_out = f"the setting {name}", "fit one or the other alone"
    raise InputError(
        f"expected runs that differ in size and seed, but those of one size differ in {what} "
        f"({shown}); {way_out}"
    )


def _told(curves: Curves) -> dict[str, list[str]]:
    """{variable: its values} of what differs between the runs of a size."""
    rows = [
        {"size": record["size"]} | _variables(record) for record in curves.runs.to_dict("records")
    ]
    table = pd.DataFrame(rows)
    if len(table) < 2:
        return {}
    names = [name for name in table.columns if name != "size"]
    differs = table.groupby("size")[names].nunique(dropna=True).max() > 1
    return {name: sorted(table[name].dropna().unique()) for name in names if differs[name]}


def _variables(record: Mapping[Any, Any]) -> dict[str, str]:
    """Text variables of a run, and the settings that say what was trained on what."""
    found = {
        str(name): value
        for name, value in record.items()
        if name not in OWN and isinstance(value, str)
    }
    settings = record.get("settings")
    if not isinstance(settings, Mapping):
        return found
    training = settings.get("training")
    for place in (settings, training if isinstance(training, Mapping) else {}):
        for name in TOLD:
            if name in place:
                found[f"settings.{name}"] = _written(place[name])
    return found


def _written(value: Any) -> str:
    """A setting as text, without seeds."""
    if isinstance(value, Mapping):
        kept = {str(k): v for k, v in sorted(value.items()) if "seed" not in str(k)}
        return ", ".join(f"{name} {_written(item)}" for name, item in kept.items())
    return str(value)
