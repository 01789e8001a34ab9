"""Size, seed and id of a foreign run: from its parameters, its columns or its name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from normlaws.errors import InputError, allowed, printable

SIZE_KEYS = (
    "size", "n_train", "train_size", "num_train", "num_train_samples", "max_train_samples", "P",
)  # fmt: skip
SEED_KEYS = ("seed", "random_seed", "random_state")
OWN_NAME = re.compile(r"P(?P<size>\d+)-s(?P<seed>\d+)")
_KEYS_NAMED = 12
_LARGEST = 2**53  # beyond it a float is no exact count


@dataclass(frozen=True)
class Identity:
    """How to find P and the seed of a run.

    In this order: the named groups of ``run_pattern`` in the run's name, where a pattern is given;
    the parameter or constant column ``size_key`` / ``seed_key``, where given; else the first of
    the usual parameters (``size``, ``n_train``, ``train_size``, …; ``seed``, …); else a name like
    ``P1000-s3``. A run without a seed has none.

    Attributes:
        size_key: name of the parameter or column that holds P.
        seed_key: name of the one that holds the seed.
        run_pattern: regular expression with a group ``(?P<size>…)`` or ``(?P<seed>…)`` or both.
    """

    size_key: str | None = None
    seed_key: str | None = None
    run_pattern: str | None = None

    def __post_init__(self) -> None:
        if self.run_pattern is None:
            return
        try:
            groups = re.compile(self.run_pattern).groupindex
        except re.error as error:
            raise InputError(
                f"expected a regular expression, but {self.run_pattern!r} has {error}"
            ) from None
        if not {"size", "seed"} & set(groups):
            raise InputError(
                "expected a pattern with a group (?P<size>…) or (?P<seed>…), "
                f"got {self.run_pattern!r}"
            )

    def size(self, name: str, values: Mapping[str, Any], source: object) -> int:
        """The training-set size P of a run.

        Raises:
            InputError: it is nowhere to be found, or no whole number of 1 or more.
        """
        found = self._find("size", name, values, source, self.size_key, SIZE_KEYS)
        if found is None:
            keys = sorted(values)[:_KEYS_NAMED]
            raise InputError(
                f"expected a training-set size for run {name!r} of {source}, but none of "
                f"{allowed(SIZE_KEYS)} is there; name it with --size KEY (it has "
                f"{allowed(keys or ['no parameters'])}) or --run-pattern '…(?P<size>[0-9]+)…'"
            )
        if found < 1:
            raise InputError(f"expected a size of 1 or more for run {name!r}, got {found}")
        return found

    def seed(self, name: str, values: Mapping[str, Any], source: object) -> int | None:
        """The seed of a run; ``None`` where it has none.

        Raises:
            InputError: it is no whole number.
        """
        return self._find("seed", name, values, source, self.seed_key, SEED_KEYS)

    def _find(
        self, what: str, name: str, values: Mapping[str, Any], source: object,
        key: str | None, usual: Iterable[str],
    ) -> int | None:  # fmt: skip
        if self.run_pattern and what in re.compile(self.run_pattern).groupindex:
            match = re.search(self.run_pattern, name)
            if match is None or match[what] is None:
                raise InputError(
                    f"expected a run name with a {what} as in {self.run_pattern!r}, got {name!r} "
                    f"in {source}"
                )
            return _whole(what, match[what], name)
        if key is not None:
            if key not in values:
                raise InputError(
                    f"expected {key!r} in run {name!r} of {source}; it has "
                    f"{allowed(sorted(values)[:_KEYS_NAMED] or ['no parameters'])}"
                )
            return _whole(what, values[key], name)
        for one in usual:
            if one in values:
                return _whole(what, values[one], name)
        own = OWN_NAME.search(name)
        return _whole(what, own[what], name) if own else None


def _whole(what: str, value: Any, name: str) -> int | None:
    """A whole number, also from text and floats; ``None`` from what says that there is none."""
    if value is None or value in ("", "None", "null", "<NA>"):
        return None
    try:
        number = float(value)
        if not math.isfinite(number) or number != int(number) or abs(number) > _LARGEST:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"expected a whole number as {what} of run {name!r}, got {str(value)[:60]!r}"
        ) from None
    return int(number)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested parameters under dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def folder_name(name: str) -> str:
    """A run's name as an id that can name a folder."""
    plain = printable(re.sub(r"[/\\:\x00-\x1f]+", "-", name)).replace("\\", "-")
    return plain.strip().lstrip(".-") or "run"
