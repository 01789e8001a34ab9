"""Axes that say what they measure, with ticks that can be read."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from normlaws.curves import as_size
from normlaws.display.numbers import raised, unit_of
from normlaws.errors import printable

# exp(700) is close to the largest float64
_LARGEST_LOG = 700.0
_LABEL_WIDTH = 42  # letters
_WIDE, _ROOMY, _MIDDLE, _NARROW = 2.6, 1.7, 0.75, 0.3

Mapping = Callable[[np.ndarray], np.ndarray]


def words(name: str) -> str:
    """``"spectral_complexity"`` → ``"spectral complexity"``."""
    return printable(name.replace("_", " "))


def label(name: str) -> str:
    """A name in a figure, where a dollar would begin a formula: it is shown as it is."""
    return words(name).replace("$", r"\$")


def metric_label(metric: str) -> str:
    """Label of an error, a loss or a metric of one's own, with its unit."""
    return f"{label(metric)} ({unit_of(metric)})"


def norm_axis(ax: Axes, which: str, name: str, log_norms: Iterable[float]) -> Mapping:
    """Prepare the ``"x"`` or ``"y"`` axis for a norm λ.

    Returns what turns natural logarithms into coordinates of the axis. The axis is logarithmic in
    λ itself; where λ would overflow float64 it is linear in ln λ.
    """
    logs = np.asarray(list(log_norms), dtype=float)
    finite = logs[np.isfinite(logs)]
    if finite.size and np.abs(finite).max() > _LARGEST_LOG:
        _axis(ax, which).set_label_text(f"ln λ ({label(name)})")
        return _finite_only
    _axis(ax, which).set_label_text(f"{label(name)} λ")
    log_axis(ax, which, np.exp(finite))
    return _exp


def _finite_only(logs: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(logs), logs, np.nan)


def _exp(logs: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.exp(_finite_only(np.asarray(logs, dtype=float)))
    return found


def _axis(ax: Axes, which: str) -> Axis:
    return ax.xaxis if which == "x" else ax.yaxis


def log_axis(ax: Axes, which: str, values: Iterable[float]) -> None:
    """Make an axis logarithmic, with tick labels that suit the range of ``values``."""
    ax.set(**{f"{which}scale": "log"})
    axis = _axis(ax, which)
    array = np.asarray(list(values), dtype=float)
    array = array[np.isfinite(array) & (array > 0)]
    decades = float(np.log10(array.max() / array.min())) if array.size else _WIDE
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(_decade if decades >= _WIDE else _plain))
    if decades >= _WIDE:
        return
    if decades < _NARROW:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(LogLocator(subs=_digits(decades)))
        axis.set_minor_locator(LogLocator(subs=[float(digit) for digit in range(1, 10)]))


def _digits(decades: float) -> tuple[float, ...]:
    """Leading digits of the labels: the fewer, the more decades share the axis."""
    if decades >= _ROOMY:
        return (1.0, 3.0)
    return (1.0, 2.0, 5.0) if decades >= _MIDDLE else (1.0, 2.0, 3.0, 4.0, 5.0, 7.0)


def _plain(value: float, _: object) -> str:
    """Decimal digits where they are few, else ``"3×10⁵"``; superscripts need no mathtext."""
    if value <= 0:  # a linear locator may offer a tick that a log axis cannot show
        return ""
    if 1e-3 <= value < 1e5:
        return f"{value:,.6g}"
    exponent = int(np.floor(np.log10(value) + 1e-9))
    return f"{value / 10.0**exponent:.3g}×{raised(exponent)}"


def _decade(value: float, _: object) -> str:
    if value <= 0:
        return ""
    exponent = round(float(np.log10(value)))
    return f"{value:,g}" if -3 <= exponent <= 3 else raised(exponent)


def size_axis(ax: Axes, sizes: Iterable[int]) -> None:
    """Log axis of training-set sizes, with as many of them named as have room."""
    ax.set_xlabel("training-set size P (examples)")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(_with_room(sorted({as_size(size) for size in sizes}))))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.xaxis.set_minor_locator(NullLocator())


def _with_room(sizes: list[int]) -> list[int]:
    """The sizes, largest first, that stand a tenth of the axis apart."""
    room = 0.1 * np.log(sizes[-1] / sizes[0])
    named: list[int] = []
    for size in reversed(sizes):
        if not named or np.log(named[-1] / size) >= room:
            named.append(size)
    return named[::-1]


def short(value: float) -> str:
    """``"20k"``, ``"2M"``; other sizes below a million as they are: ``"16,384"``."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= unit and (value >= 1e6 or value % unit == 0):
            return f"{value / unit:.4g}{letter}"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def step_axis(ax: Axes, last: int) -> None:
    """Steps: logarithmic from the first on, linear before it, so that step 0 has a place."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.35)
    ax.set_xlim(left=0, right=1.1 * max(1, last))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda step, _: _decade(step, _) if step else "0"))
    ax.set_xlabel("optimiser step")


def wrapped(label: str) -> str:
    """A label in lines that fit along the shorter axis of a figure."""
    return textwrap.fill(label, _LABEL_WIDTH)


def positive(values: np.ndarray) -> np.ndarray:
    """Values that a log axis can hold; NaN elsewhere."""
    array = np.asarray(values, dtype=float)
    return np.where(np.isfinite(array) & (array > 0), array, np.nan)


def note_left_out(ax: Axes, values: Iterable[float]) -> None:
    """Say below the x axis how many points a log axis cannot hold, where there are any."""
    array = np.asarray(list(values), dtype=float)
    zeros = int((array <= 0).sum())
    if zeros:
        points = "point" if zeros == 1 else "points"
        ax.set_xlabel(
            f"{ax.get_xlabel()}\n({zeros} {points} at zero cannot be drawn on a log axis)"
        )
