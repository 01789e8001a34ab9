"""Parts of a state that parts of the page depend on; each is drawn anew where its part changes."""

from __future__ import annotations

from typing import Any

from normlaws.explore.models import MODELS
from normlaws.explore.state import State

SLICES = {
    "view": ("norm", "metric", "runs", "seeds", "hidden", "cut"),
    "question": ("norm", "metric", "seeds", "cut", "window"),
    "drawn": ("hidden",),
    "ahead": ("size", "target"),
    "scale": ("rescale", "gammas"),
    "ladder": ("tab", "axis", "loss", "floor"),
    "point": ("tab", "alpha", "radius"),
    "model": ("tab", "knobs"),
}
_OF_TABS = {"ladder": ("collapse",), "point": ("theory",), "model": tuple(MODELS)}


def slice_of(state: State, name: str, version: int, moving: bool) -> dict[str, Any]:
    """The part of a state that one part of the page depends on, as its store holds it."""
    part = {field: _listed(getattr(state, field)) for field in SLICES[name]}
    if name in ("view", "question", "ladder"):
        part["version"] = version
    return part | {"moving": moving} if name == "question" else part


def first_slices(state: State, version: int, drawn: bool) -> dict[str, Any]:
    """What the stores hold as the page is built: nothing where a callback has work to do at once.

    Args:
        state: of the page.
        version: of the curves.
        drawn: whether the page comes with the curves drawn.
    """
    waiting = {"question"} | {name for name, tabs in _OF_TABS.items() if state.tab in tabs}
    waiting |= set() if drawn else {"view"}
    return {
        name: None if name in waiting else slice_of(state, name, version, moving=False)
        for name in SLICES
    }


def _listed(value: Any) -> Any:
    return [_listed(one) for one in value] if isinstance(value, tuple) else value
