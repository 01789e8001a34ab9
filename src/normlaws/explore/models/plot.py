"""What a tab of a solvable model is made of, as plain values: controls, lines, a map, a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.arrays import Floats

Values = dict[str, float]


@dataclass(frozen=True)
class Knob:
    """A parameter with a slider.

    Attributes:
        name: unique within its model.
        label: what it is called, with its symbol.
        low: the smallest value.
        high: the largest value.
        value: at the start.
        log: whether the slider moves its decimal logarithm.
        whole: whether it is a whole number.
    """

    name: str
    label: str
    low: float
    high: float
    value: float
    log: bool = False
    whole: bool = False

    def within(self, value: float) -> float:
        """``value``, moved into the range, and to the nearest whole number where one is asked."""
        inside = min(max(float(value), self.low), self.high)
        return float(round(inside)) if self.whole else inside

    def place(self, value: float) -> float:
        """Where the slider is at a value."""
        return math.log10(value) if self.log else value

    def at(self, place: float) -> float:
        """The value at a place of the slider, to three digits."""
        return self.within(float(f"{10.0**place:.3g}") if self.log else round(place, 3))

    @property
    def step(self) -> float:
        """Of the slider."""
        return 1.0 if self.whole and not self.log else 0.01


@dataclass(frozen=True)
class Line:
    """Points that are drawn as a line, or as markers where ``symbol`` names one."""

    name: str
    x: Floats
    y: Floats
    colour: str
    dash: str = "solid"
    symbol: str = ""


@dataclass(frozen=True)
class Field:
    """Values over a plane, (len(y), len(x)), drawn as filled contours."""

    name: str
    x: Floats
    y: Floats
    z: Floats


@dataclass(frozen=True)
class Plot:
    """One figure.

    Attributes:
        x: title of the horizontal axis.
        y: title of the vertical axis.
        lines: in drawing order.
        field: below the lines.
        log: whether the axes are logarithmic, (x, y).
        notes: texts at (x, y) in the plane.
    """

    x: str
    y: str
    lines: tuple[Line, ...]
    field: Field | None = None
    log: tuple[bool, bool] = (True, True)
    notes: tuple[tuple[float, float, str], ...] = ()

    def table(self) -> pd.DataFrame:
        """All points: ``line``, ``x``, ``y``; of a field also its value."""
        parts = [pd.DataFrame({"line": one.name, "x": one.x, "y": one.y}) for one in self.lines]
        if self.field is not None:
            x, y = np.meshgrid(self.field.x, self.field.y)
            inside = {"x": x.ravel(), "y": y.ravel(), "value": self.field.z.ravel()}
            parts.append(pd.DataFrame({"line": self.field.name, **inside}))
        return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class Shown:
    """What a model shows at one set of parameters: two figures, and values by name."""

    plots: tuple[Plot, Plot]
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Model:
    """A tab.

    Attributes:
        name: of the solved study.
        title: of the tab.
        knobs: parameters.
        headings: of the two figures.
        captions: below them.
        about: one sentence beside the controls.
        solve: parameters by name to what is shown.
    """

    name: str
    title: str
    knobs: tuple[Knob, ...]
    headings: tuple[str, str]
    captions: tuple[str, str]
    about: str
    solve: Callable[[Values], Shown]

    def values(self, given: Sequence[tuple[str, float]]) -> Values:
        """The parameters: those that are given as ``model.knob``, the others at their start."""
        asked = dict(given)
        return {
            knob.name: knob.within(asked.get(f"{self.name}.{knob.name}", knob.value))
            for knob in self.knobs
        }


def point(x: float, y: float, name: str, colour: str, symbol: str = "diamond") -> Line:
    """A single marker."""
    return Line(name, np.array([x]), np.array([y]), colour, symbol=symbol)


def upright(x: float, low: float, high: float, name: str, colour: str) -> Line:
    """An upright dotted line."""
    return Line(name, np.array([x, x]), np.array([low, high]), colour, dash="dot")


def level(y: float, x: Floats, name: str, colour: str, dash: str = "dash") -> Line:
    """A level line across the range of ``x``."""
    ends = np.array([np.min(x), np.max(x)])
    return Line(name, ends, np.array([y, y]), colour, dash=dash)
