"""Tabs of the solvable models: one file each, all drawn and steered by the same code."""

from __future__ import annotations

from functools import lru_cache

from normlaws.explore.models import (
    committee,
    diagonal_network,
    in_context,
    random_features,
    sparse_attention,
)
from normlaws.explore.models.plot import Knob, Model, Shown

MODELS: dict[str, Model] = {
    one.MODEL.name: one.MODEL
    for one in (random_features, committee, diagonal_network, sparse_attention, in_context)
}
KNOBS: dict[str, Knob] = {
    f"{model.name}.{knob.name}": knob for model in MODELS.values() for knob in model.knobs
}

__all__ = ["KNOBS", "MODELS", "Knob", "Model", "Shown", "shown"]

Given = tuple[tuple[str, float], ...]


@lru_cache(maxsize=64)
def shown(name: str, given: Given) -> Shown:
    """What the tab of a model shows; ``given`` are parameters as ``model.knob``.

    Raises:
        InputError: the parameters do not go together; the page shows the sentence.
    """
    model = MODELS[name]
    return model.solve(model.values(given))


def suited_knobs(given: Given) -> Given:
    """Known parameters, within their ranges, without those at their start."""
    kept = [(name, KNOBS[name].within(value)) for name, value in given if name in KNOBS]
    return tuple(sorted((name, value) for name, value in kept if value != KNOBS[name].value))
