"""Neural scaling laws along the norm of the weights.

Names are imported when they are first used, so ``import normlaws`` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from normlaws.version import __version__ as __version__

if TYPE_CHECKING:
    from normlaws import (
        curves,
        errors,
        explore,
        gauges,
        interop,
        laws,
        norms,
        problems,
        report,
        studies,
        theory,
        tracking,
        training,
    )
    from normlaws.curves import Curves
    from normlaws.laws import Laws, fit
    from normlaws.laws.collapse import Collapse, collapse
    from normlaws.laws.surfaces import Surface, surface
    from normlaws.norms import Measurement, NormMeter, measure
    from normlaws.studies import Study
    from normlaws.tracking import Tracker


_HOMES = {
    "Collapse": "normlaws.laws.collapse",
    "Curves": "normlaws.curves",
    "Laws": "normlaws.laws",
    "Measurement": "normlaws.norms",
    "NormMeter": "normlaws.norms",
    "Study": "normlaws.studies",
    "Surface": "normlaws.laws.surfaces",
    "Tracker": "normlaws.tracking",
    "collapse": "normlaws.laws.collapse",
    "fit": "normlaws.laws",
    "measure": "normlaws.norms",
    "surface": "normlaws.laws.surfaces",
}
_ROOMS = (
    "curves",
    "errors",
    "explore",
    "gauges",
    "interop",
    "laws",
    "norms",
    "problems",
    "report",
    "studies",
    "theory",
    "tracking",
    "training",
)

__all__ = [
    "Collapse",
    "Curves",
    "Laws",
    "Measurement",
    "NormMeter",
    "Study",
    "Surface",
    "Tracker",
    "collapse",
    "curves",
    "errors",
    "explore",
    "fit",
    "gauges",
    "interop",
    "laws",
    "measure",
    "norms",
    "problems",
    "report",
    "studies",
    "surface",
    "theory",
    "tracking",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"normlaws.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(
        f"module 'normlaws' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
