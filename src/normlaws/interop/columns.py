"""Foreign names and scales become the columns of ``Curves``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from normlaws.curves import ERRORS, METRICS
from normlaws.curves.names import is_plain, metric_of
from normlaws.errors import InputError, allowed

NUMBERED = ("run", "size", "seed", "step", "epoch", "seconds")
PLAIN = ("tokens", "examples", "compute", "flops", "lr", "params", "unique_tokens", "experts",
         "horizon", "width", "depth")  # fmt: skip
ACCURACIES = {name.replace("error", "accuracy"): name for name in ERRORS}
PERCENT = (*ERRORS, *ACCURACIES)
_NORM = re.compile(r"(?:train/)?norm/(?P<name>\w+)/global")
_LOG_NORM = re.compile(r"log_\w+")


@dataclass(frozen=True)
class ColumnMap:
    """What foreign columns or tags are.

    Attributes:
        columns: {name in ``Curves``: their name}. ``log_<norm>`` takes a natural logarithm as it
            is, ``<norm>`` takes λ itself and its logarithm is stored; ``<split>_accuracy`` becomes
            ``<split>_error`` = 1 − accuracy; other names of ``Curves`` and progress variables
            (``tokens``, ``compute``, ``lr``, …) are taken as they are.
        percent: which of the mapped errors and accuracies are percentages.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    percent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.percent if name not in PERCENT]
        if unknown:
            raise InputError(f"expected percent of {allowed(PERCENT)}, got {unknown[0]!r}")

    def usual(self, tag: str) -> str | None:
        """Our name for a tag by the usual names; ``None`` for a tag that means nothing here.

        ``norm/log_<name>/global`` and ``log_<name>`` are natural logarithms of norms, and
        ``norm/<name>/global`` is the norm itself (Hugging Face puts ``train/`` before both).
        Metrics are understood as :func:`normlaws.curves.names.metric_of` says.
        """
        if norm := _NORM.fullmatch(tag):
            return norm["name"]
        if _LOG_NORM.fullmatch(tag) or tag in ("epoch", "seconds"):
            return tag
        if tag == "train/epoch":
            return "epoch"
        return metric_of(tag)

    def find(self, tags: Iterable[str]) -> dict[str, str]:
        """{our name: their tag} for everything that is named or has a usual name.

        Where one metric has several tags, that with a plain name counts (``val_loss``, not
        ``val_nll``).

        Raises:
            InputError: two tags have one usual name.
        """
        tags = sorted(tags, key=lambda tag: not is_plain(tag))
        there = set(tags)
        found = {ours: theirs for ours, theirs in self.columns.items() if theirs in there}
        taken = {_stored(ours) for ours in self.columns}
        used, named = set(found.values()), {_stored(ours): ours for ours in found}
        for tag in tags:
            ours = self.usual(tag)
            if ours is None or tag in used or _stored(ours) in taken:
                continue
            double = named.get(_stored(ours))
            if double is not None and is_plain(found[double]) and not is_plain(tag):
                continue
            if double is not None:
                raise InputError(
                    f"expected one tag for {_stored(ours)}, got {found[double]!r} and {tag!r}; "
                    f"say which with --column {ours}=TAG"
                )
            found[ours] = tag
            used.add(tag)
            named[_stored(ours)] = ours
        return found

    def check_present(self, tags: Iterable[str], source: object) -> None:
        """Refuse a map that names what is not there.

        Raises:
            InputError: a mapped name is not among ``tags``.
        """
        tags = sorted(set(tags))
        missing = [theirs for theirs in self.columns.values() if theirs not in tags]
        if missing:
            raise InputError(
                f"expected a column named {missing[0]!r} in {source}; it has "
                f"{allowed(tags or ['none'])}"
            )

    def convert(self, ours: str, values: pd.Series, source: object) -> tuple[str, pd.Series]:
        """The column's stored name, and its values on the stored scale.

        Raises:
            InputError: values are no numbers, a norm is negative, or an accuracy no fraction.
        """
        if ours == "run":
            return ours, values.astype(str)
        try:
            numbers = pd.to_numeric(values).astype(float)
        except (TypeError, ValueError):
            raise InputError(f"expected numbers for {ours} in {source}, got text") from None
        if ours in self.percent:
            numbers = numbers / 100
        if ours in ACCURACIES:
            return ACCURACIES[ours], _error(ours, numbers, source)
        if is_linear_norm(ours):
            return f"log_{ours}", _logarithm(ours, numbers, source)
        return ours, numbers


def as_column_map(columns: ColumnMap | Mapping[str, str] | None) -> ColumnMap:
    """What a reader was given: a map as it is, a plain dictionary as the columns of one."""
    return columns if isinstance(columns, ColumnMap) else ColumnMap(dict(columns or {}))


def is_linear_norm(name: str) -> bool:
    """Whether a name of the map stands for λ itself."""
    known = (*NUMBERED, *PLAIN, *METRICS, *ACCURACIES, "status")
    return name not in known and not name.startswith("log_")


def _stored(name: str) -> str:
    return ACCURACIES.get(name, f"log_{name}" if is_linear_norm(name) else name)


def _error(name: str, accuracy: pd.Series, source: object) -> pd.Series:
    bad = accuracy[(accuracy < 0) | (accuracy > 1)]
    if len(bad):
        raise InputError(
            f"expected {name} as a fraction in [0, 1] in {source}, got {bad.iloc[0]:g}; "
            f"percentages are converted with --percent {name}"
        )
    return 1 - accuracy


def _logarithm(name: str, norms: pd.Series, source: object) -> pd.Series:
    if (norms < 0).any():
        raise InputError(f"expected norms of 0 or more in {name} of {source}, got {norms.min():g}")
    with np.errstate(divide="ignore"):
        return pd.Series(np.log(norms), index=norms.index)
