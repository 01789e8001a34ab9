"""A plan: what is open, what would settle it, at what cost, and with what chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from normlaws.arrays import Floats
from normlaws.display.numbers import count
from normlaws.errors import InputError
from normlaws.laws.headline import NAMES
from normlaws.laws.planning.needs import Need, Widths, needs, widths
from normlaws.laws.planning.power import Power, power

if TYPE_CHECKING:
    from normlaws.laws.fitting import Laws

MOST_SEEDS, MOST_SIZES, MOST_TEST = 50, 4, 64
FIRST_SEEDS = 5  # where curves carry none
LONGER = 2.0  # factor on steps where optima were not reached


@dataclass(frozen=True)
class Option:
    """One thing that can be run.

    Attributes:
        change: in words.
        settles: the open findings that it would settle.
        runs: to be run, those of the study again where they cannot be kept.
        seconds: of runs, one after another; None where none were recorded.
        chance: of being established where the laws hold, with the sizes, seeds and test examples
            that the study then has.
    """

    change: str
    settles: tuple[str, ...]
    runs: int
    seconds: float | None
    chance: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "change": self.change,
            "settles": list(self.settles),
            "runs": self.runs,
            "seconds": self.seconds,
            "chance": self.chance,
        }


@dataclass(frozen=True)
class Plan:
    """What to run next.

    Attributes:
        sizes: training-set sizes of the study.
        seeds: of each.
        test_examples: that score the error, where known.
        seconds: that its runs took, one after another; None where unknown.
        grade: of the verdict; empty where nothing was run yet.
        today: how studies of such sizes, seeds and test examples fare.
        needs: the open findings.
        options: what would settle them, the cheapest first.
    """

    sizes: tuple[int, ...]
    seeds: int
    test_examples: int | None
    seconds: float | None
    grade: str
    today: Power
    needs: tuple[Need, ...]
    options: tuple[Option, ...]

    def as_dict(self) -> dict[str, Any]:
        """The object of ``normlaws plan --json``."""
        return {
            "sizes": list(self.sizes),
            "seeds": self.seeds,
            "test_examples": self.test_examples,
            "seconds": self.seconds,
            "grade": self.grade,
            "today": self.today._asdict(),
            "open": [
                {"finding": one.finding.name, "shrink": one.shrink, "instead": one.instead}
                for one in self.needs
            ],
            "options": [one.as_dict() for one in self.options],
        }


def plan(laws: Laws) -> Plan:
    """What would settle the verdict of a fit.

    Widths are taken to fall with the square root of seeds (less the share that the shared test set
    brings, which falls with its size) and, for slopes, with the spread of ln P.
    """
    sizes = [int(size) for size in laws.samples.panel.sizes]
    seeds, examples = int(np.median(laws.sizes["n_seeds"])), laws.samples.panel.examples
    found, cost = needs(laws), _Cost.of(laws)
    options: list[Option] = []
    if found and laws.gamma.low is not None:
        wide = widths(laws)
        options += _more_seeds(found, wide, cost, examples)
        options += _more_sizes(found, wide, cost, examples)
        options += _more_test(found, wide, cost, examples)
        options += _more_of_both(found, wide, cost, examples, options)
    elif found:
        chance = power(len(sizes), FIRST_SEEDS, examples).established
        words = f"{FIRST_SEEDS} seeds of every size"
        runs = FIRST_SEEDS * len(sizes)
        options.append(Option(words, (), runs, cost.seeds(FIRST_SEEDS), chance))
    if {"optima_censored", "no_optimum"} & set(laws.verdict.codes):
        seconds = cost.again(LONGER)
        chance = power(len(sizes), max(seeds, 2), examples).established
        longer = f"{LONGER:g} times as many steps in every run"
        options.append(Option(longer, ("optima",), cost.runs, seconds, chance))
    return Plan(
        sizes=tuple(sizes),
        seeds=seeds,
        test_examples=examples,
        seconds=cost.again(1.0),
        grade=laws.verdict.grade,
        today=power(len(sizes), max(seeds, 2), examples),
        needs=found,
        options=tuple(sorted(options, key=lambda one: (one.seconds or 0.0, one.runs))),
    )


def plan_sizes(sizes: Sequence[int], seeds: int, test_examples: int | None = None) -> Plan:
    """What a study that was not run yet can settle, and what more seeds or sizes would bring.

    Raises:
        InputError: fewer than two sizes, or no seed.
    """
    ordered = sorted({int(size) for size in sizes})
    if len(ordered) < 2 or ordered[0] < 1 or seeds < 1:
        raise InputError(
            f"expected two or more sizes and a seed or more, got sizes {ordered}, {seeds} seeds"
        )
    options = [
        Option(_seeds_in_words(more, seeds), (), (more - seeds) * len(ordered), None,
               power(len(ordered), more, test_examples).established)
        for more in (3, 5, 8, 12)
        if more > seeds
    ]  # fmt: skip
    for extra in (1, 2):
        new = _beyond(np.array(ordered, dtype=float), extra)
        chance = power(len(new), seeds, test_examples).established
        options.append(Option(_sizes_in_words(new[-extra:]), (), extra * seeds, None, chance))
    today = power(len(ordered), seeds, test_examples)
    return Plan(tuple(ordered), seeds, test_examples, None, "", today, (), tuple(options))


@dataclass(frozen=True)
class _Cost:
    """What runs cost: their number, and their seconds by size where recorded."""

    runs: int
    sizes: Floats
    by_size: Floats  # mean seconds of a run; NaN where not recorded

    @classmethod
    def of(cls, laws: Laws) -> _Cost:
        sizes = laws.samples.panel.sizes
        if laws.curves is None:
            return cls(len(laws.optima), sizes, np.full(len(sizes), np.nan))
        last = laws.curves.frame.groupby(["size", "run"])["seconds"].max()
        mean = last.groupby("size").mean()
        return cls(len(laws.optima), sizes, mean.reindex(sizes).to_numpy(dtype=float))

    def seeds(self, more: int) -> float | None:
        """Of ``more`` runs of every size."""
        return _known(more * self.by_size.sum())

    def beyond(self, sizes: Floats, seeds: int) -> float | None:
        """Of runs at larger sizes, by a power law of the seconds in P."""
        if not np.isfinite(self.by_size).all() or (self.by_size <= 0).any():
            return None
        slope, at = np.polyfit(np.log(self.sizes), np.log(self.by_size), 1)
        return float(seeds * np.exp(at + slope * np.log(sizes)).sum())

    def again(self, factor: float) -> float | None:
        """Of all runs, each ``factor`` times as long."""
        return _known(factor * self.runs / len(self.sizes) * self.by_size.sum())


def _known(seconds: float) -> float | None:
    return float(seconds) if np.isfinite(seconds) and seconds > 0 else None


def _settled(found: Sequence[Need], ratio: Any) -> tuple[str, ...]:
    """The needs whose interval becomes narrow enough; ``ratio`` is called with a name."""
    return tuple(
        NAMES[one.finding.name]
        for one in found
        if one.can_settle and ratio(one.finding.name) <= one.shrink
    )


def _more_seeds(
    found: Sequence[Need], wide: Widths, cost: _Cost, examples: int | None
) -> list[Option]:
    """For each number of findings that seeds can settle, the fewest seeds that do."""
    options, best = [], 0
    for seeds in range(wide.seeds + 1, MOST_SEEDS + 1):
        settles = _settled(found, lambda name, n=seeds: wide.ratio(name, seeds=n))
        if len(settles) > best:
            best, more = len(settles), seeds - wide.seeds
            chance = power(len(wide.sizes), seeds, examples).established
            words = _seeds_in_words(seeds, wide.seeds)
            runs = more * len(wide.sizes)
            options.append(Option(words, settles, runs, cost.seeds(more), chance))
    return options


def _more_sizes(
    found: Sequence[Need], wide: Widths, cost: _Cost, examples: int | None
) -> list[Option]:
    options, best = [], 0
    for extra in range(1, MOST_SIZES + 1):
        sizes = _beyond(wide.sizes, extra)
        settles = _settled(found, lambda name, new=sizes: wide.ratio(name, sizes=new))
        if len(settles) > best:
            best, new = len(settles), sizes[-extra:]
            chance = power(len(sizes), wide.seeds, examples).established
            seconds = cost.beyond(new, wide.seeds)
            options.append(
                Option(_sizes_in_words(new), settles, extra * wide.seeds, seconds, chance)
            )
    return options


def _more_test(
    found: Sequence[Need], wide: Widths, cost: _Cost, examples: int | None
) -> list[Option]:
    """The least power of two of the test examples that settles most."""
    options, best, factor = [], 0, 2
    while examples is not None and factor <= MOST_TEST:
        settles = _settled(found, lambda name, by=factor: wide.ratio(name, test=by))
        if len(settles) > best:
            best = len(settles)
            chance = power(len(wide.sizes), wide.seeds, examples * factor).established
            words = f"{count(examples * factor)} test examples in place of {count(examples)}"
            options.append(Option(words, settles, cost.runs, cost.again(1.0), chance))
        factor *= 2
    return options


def _more_of_both(
    found: Sequence[Need],
    wide: Widths,
    cost: _Cost,
    examples: int | None,
    alone: Sequence[Option],
) -> list[Option]:
    """Seeds and test examples by one factor, where neither settles as much alone."""
    best = max((len(one.settles) for one in alone), default=0)
    options: list[Option] = []
    factor = 2
    while examples is not None and factor * wide.seeds <= MOST_SEEDS:
        seeds, scored = factor * wide.seeds, factor * examples
        settles = _settled(
            found, lambda n, by=factor: wide.ratio(n, seeds=by * wide.seeds, test=by)
        )
        if len(settles) > best:
            best = len(settles)
            chance = power(len(wide.sizes), seeds, scored).established
            words = f"{_seeds_in_words(seeds, wide.seeds)}, and {count(scored)} test examples"
            runs = seeds * len(wide.sizes)
            options.append(Option(words, settles, runs, cost.seeds(seeds), chance))
        factor += 1
    return options


def _beyond(sizes: Floats, extra: int) -> Floats:
    """The sizes and ``extra`` larger ones, as far apart as the others are in the median."""
    step = float(np.exp(np.median(np.diff(np.log(sizes)))))
    return np.concatenate([sizes, sizes[-1] * step ** np.arange(1, extra + 1)]).round()


def _seeds_in_words(seeds: int, now: int) -> str:
    return f"{seeds} seeds of every size in place of {now}"


def _sizes_in_words(sizes: Floats) -> str:
    return f"{len(sizes)} more size{'s' * (len(sizes) > 1)}: P = {', '.join(map(count, sizes))}"
