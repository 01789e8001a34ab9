"""Families of studies: those in which the two laws hold, and those in which they do not.

Every family draws its parameters from a seed. None of the curves has the form of the joint fit,
but for ``sum_of_powers``, which shares its left tail. Log norms are measured from where the early
law leaves the error at chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from normlaws.arrays import Floats
from normlaws.curves import Curves
from normlaws.laws.plant.observed import LogError, Observed, observe

Random = np.random.Generator


@dataclass(frozen=True)
class Base:
    """What most families have in common.

    Attributes:
        chance: error before learning.
        knee: sharpness m of the end of the plateau; infinite for a corner.
        gamma1, gamma2, gamma0: the exponents.
        first: ln λ_opt of the smallest size.
        width: log norms before the optimum at which a curve begins to leave the early law.
        rise: slope far beyond the optimum, relative to γ1.
        sizes: training-set sizes.
        past: how far runs go beyond their optimum, in units of ``width``.
    """

    chance: float
    knee: float
    gamma1: float
    gamma2: float
    gamma0: float
    first: float
    width: float
    rise: float
    sizes: tuple[int, ...]
    past: float = 1.6

    @property
    def gamma(self) -> float:
        """γ0 + γ1·γ2."""
        return self.gamma0 + self.gamma1 * self.gamma2

    def p(self, size: float) -> float:
        """ln P over the smallest."""
        return float(np.log(size / self.sizes[0]))

    def optimum(self, size: float) -> float:
        """ln λ_opt."""
        return self.first + self.gamma2 * self.p(size)

    def fallen(self, core: Floats) -> Floats:
        """The curve with its plateau; ``core`` is ln error over chance, above 0 on the left."""
        if not np.isfinite(self.knee):
            found: Floats = np.log(self.chance) + np.minimum(core, 0.0)
            return found
        found = np.log(self.chance) - np.logaddexp(0.0, -self.knee * core) / self.knee
        return found


@dataclass(frozen=True)
class Study:
    """A drawn study and the truth about it.

    Attributes:
        curves: what was recorded.
        truth: ``gamma``, ``gamma0``, ``gamma1``, ``gamma2``; empty where the laws do not hold.
        holds: ``yes``; ``shifted`` (with γ0 ≠ 0); ``no``.
        family: its name.
    """

    curves: Curves
    truth: dict[str, float]
    holds: str
    family: str


Make = Callable[[Base, Random], LogError]


@dataclass(frozen=True)
class Family:
    """How studies of one kind are drawn.

    Attributes:
        holds: ``yes``, ``shifted`` or ``no``.
        make: from the common parameters to exact curves.
        base: common parameters that the family sets: numbers, or ranges to draw from.
        seen: likewise of ``Observed``.
        about: one line.
    """

    holds: str
    make: Make
    about: str
    base: dict[str, object] = field(default_factory=dict)
    seen: dict[str, object] = field(default_factory=dict)


def draw(family: str, generator: int, near_chance: bool = False) -> Study:
    """One study of a family of ``FAMILIES``; the same generator gives the same study.

    Args:
        family: its name.
        generator: seed of all that is drawn.
        near_chance: whether the smallest of six sizes turns within 5 to 40 % of chance and all fall
            slowly, so that hardly any curve leaves the plateau before it turns.
    """
    kind = FAMILIES[family]
    random = np.random.default_rng([generator, *family.encode()])
    if near_chance:
        kind = replace(kind, base=_near_chance(kind, random))
    base = _base(kind, random)
    law = kind.make(base, random)
    how = _observed(base, kind, random)
    truth = {name: getattr(base, name) for name in ("gamma", "gamma0", "gamma1", "gamma2")}
    return Study(observe(law, how, random), truth if kind.holds != "no" else {}, kind.holds, family)


def _drawn(random: Random, value: object) -> object:
    """A number from a pair's range (whole where both ends are), anything else as it is."""
    if not isinstance(value, tuple):
        return value
    low, high = value
    if isinstance(low, int) and isinstance(high, int):
        return int(random.integers(low, high + 1))
    return float(random.uniform(low, high))


def _base(kind: Family, random: Random) -> Base:
    set_by = {name: _drawn(random, value) for name, value in kind.base.items()}
    number = int(set_by.pop("number", random.integers(5, 10)))  # type: ignore[call-overload]
    ratio = float(random.choice([2.0, 2.0, 2.5, 3.0]))
    smallest = float(random.choice([100, 250, 500, 1000]))
    sizes = tuple(round(smallest * ratio**k) for k in range(number))
    gamma1 = float(set_by.pop("gamma1", random.uniform(0.25, 0.9)))  # type: ignore[arg-type]
    gamma = random.uniform(0.2, 0.55)
    fall = random.uniform(0.9, 1.6)
    gamma2 = gamma / gamma1
    base = Base(
        chance=float(random.choice([0.9, 0.9, 0.5, 0.98])),
        knee=float(random.uniform(2.0, 8.0)),
        gamma1=gamma1,
        gamma2=gamma2,
        gamma0=0.0,
        first=fall / gamma1,
        width=random.uniform(0.25, 0.5) * fall / gamma1,
        rise=random.uniform(0.3, 1.0),
        sizes=sizes,
    )
    return replace(base, **set_by)  # type: ignore[arg-type]


def _near_chance(kind: Family, random: Random) -> dict[str, object]:
    gamma1 = _drawn(random, kind.base.get("gamma1", (0.25, 0.9)))
    assert isinstance(gamma1, float)
    fall, width = random.uniform(0.05, 0.5), random.uniform(0.25, 0.5)
    return {
        "number": 6,
        **kind.base,
        "gamma1": gamma1,
        "gamma2": random.uniform(0.1, 0.35) / gamma1,
        "first": fall / gamma1,
        "width": width * max(fall, 0.3) / gamma1,
        "past": random.uniform(-0.5, 1.6),
    }


def _observed(base: Base, kind: Family, random: Random) -> Observed:
    last = tuple(base.optimum(size) + base.past * base.width for size in base.sizes)
    start = -random.uniform(0.1, 0.5) * base.first
    scale = base.width / 2  # log norms are in units of the descent, so that γ1 sets no noise
    how = Observed(
        sizes=base.sizes,
        start=start,
        ends=last,
        seeds=int(random.integers(4, 8)),
        records=int(random.integers(30, 61)),
        spacing=random.uniform(0.8, 1.3),
        run_scatter=random.uniform(0.005, 0.04),
        norm_scatter=random.uniform(0.01, 0.12) * scale,
        drift=random.uniform(0.005, 0.03),
        memory=random.uniform(0.5, 6.0),
        unequal=random.uniform(0.0, 0.3) * scale,
        test_examples=int(random.choice([2_000, 5_000, 10_000, 20_000])),
        shared=random.uniform(0.3, 1.0),
    )
    changed = {name: _drawn(random, value) for name, value in kind.seen.items()}
    return replace(how, **changed)  # type: ignore[arg-type]


# Shapes of the turn: added to the early law, g(u) with u = ln λ − ln λ_opt, g′(0) = γ1.


def parabola(base: Base, random: Random) -> Callable[[Floats], Floats]:
    """A corner at −width, then a parabola, then a straight rise."""
    h, end = base.width, base.rise * base.width

    def g(u: Floats) -> Floats:
        bent = np.clip(u, -h, end) + h
        beyond = np.maximum(u - end, 0.0) * base.gamma1 * (1 + base.rise)
        return np.asarray(base.gamma1 / (2 * h) * bent**2 + beyond)

    return g


def exponential(base: Base, random: Random) -> Callable[[Floats], Floats]:
    """An exponential departure, straight beyond a slope of γ1 (1 + rise)."""
    b = 2.2 / base.width
    turn = np.log(1 + base.rise) / b

    def g(u: Floats) -> Floats:
        bent = base.gamma1 / b * np.exp(b * np.minimum(u, turn))
        return np.asarray(bent + np.maximum(u - turn, 0.0) * base.gamma1 * (1 + base.rise))

    return g


def powers(base: Base, random: Random) -> Callable[[Floats], Floats]:
    """Two powers joined with some sharpness: the crossover of the joint fit."""
    w = base.gamma1 * (1 + base.rise)
    sharp = 2.5 / (base.width * w)
    centre = np.log(base.gamma1 / (w - base.gamma1)) / (sharp * w)

    def g(u: Floats) -> Floats:
        return np.asarray(np.logaddexp(0.0, sharp * w * (u + centre)) / sharp)

    return g


def levelling(base: Base, random: Random) -> Callable[[Floats], Floats]:
    """A parabola down to the optimum, and a rise that saturates beyond it."""
    h = base.width
    height = 0.5 * base.rise * base.gamma1 * h
    length = np.sqrt(2 * height * h / base.gamma1)

    def g(u: Floats) -> Floats:
        before = base.gamma1 / (2 * h) * (np.clip(u, -h, 0) + h) ** 2
        late = np.maximum(u, 0.0)
        return np.asarray(
            before + base.gamma1 * late + height * (1 - np.exp(-((late / length) ** 2)))
        )

    return g


TURNS = (parabola, exponential, powers, levelling)


def _law(base: Base, random: Random, turn: Callable[..., Callable[[Floats], Floats]]) -> LogError:
    g = turn(base, random)

    def log_error(x: Floats, size: float) -> Floats:
        core = -base.gamma1 * x - base.gamma0 * base.p(size) + g(x - base.optimum(size))
        return base.fallen(core)

    return log_error


def _any(base: Base, random: Random) -> LogError:
    return _law(base, random, TURNS[int(random.integers(len(TURNS)))])


def _with(turn: Callable[..., Callable[[Floats], Floats]]) -> Make:
    return lambda base, random: _law(base, random, turn)


# Families in which the laws do not hold.


def _common(base: Base, common: Callable[[Floats], Floats], random: Random) -> LogError:
    """A common curve that is no power law, left by each size at its own optimum."""
    turn = TURNS[int(random.integers(len(TURNS)))]

    def log_error(x: Floats, size: float) -> Floats:
        at = np.array([base.optimum(size)])
        slope = float(-(common(at + 1e-4) - common(at - 1e-4))[0] / 2e-4)
        g = turn(replace(base, gamma1=max(slope, 1e-3)), random)
        beyond = slope * np.maximum(x - at, 0.0)  # along its tangent, so that the error can rise
        found: Floats = np.log(base.chance) + common(np.minimum(x, at)) - beyond + g(x - at)
        return found

    return log_error


def _bent_exponential(base: Base, random: Random) -> LogError:
    return _stretched(base, 1.0 / base.optimum(base.sizes[-1]) * 3.0, random)


def _stretched_exponential(base: Base, random: Random) -> LogError:
    reach = base.optimum(base.sizes[-1])
    return _stretched(base, random.uniform(1.0, 2.5) / reach, random)


def _stretched(base: Base, power: float, random: Random) -> LogError:
    """ln ε = −A λ^power."""
    deepest = base.gamma1 * base.optimum(base.sizes[-1])
    scale = deepest * np.exp(-power * base.optimum(base.sizes[-1]))
    return _common(base, lambda x: -scale * np.exp(power * x), random)


def _bent(base: Base, random: Random) -> LogError:
    """A common curve whose slope changes by a factor of 2.5 to 5 from end to end, either way."""
    ratio = random.uniform(2.5, 5.0)
    reach = base.optimum(base.sizes[-1])
    first = 2 * base.gamma1 / (1 + ratio)
    slopes = (first, first * ratio) if random.random() < 0.5 else (first * ratio, first)

    def common(x: Floats) -> Floats:
        z = np.clip(x, 0.0, None)
        return np.asarray(-slopes[0] * z - (slopes[1] - slopes[0]) * z**2 / (2 * reach))

    return _common(base, common, random)


def _floored(base: Base, random: Random) -> LogError:
    """A common power law onto a common floor of the error, near what the largest size reaches."""
    floor = base.gamma1 * base.optimum(base.sizes[len(base.sizes) // 3])

    def common(x: Floats) -> Floats:
        return np.asarray(np.logaddexp(-base.gamma1 * np.maximum(x, 0.0), -floor))

    return _common(base, common, random)


def _same_optimum(base: Base, random: Random) -> LogError:
    """λ_opt independent of P, the error shifted down with P."""
    gamma = random.uniform(0.2, 0.5)
    still = replace(base, gamma2=0.0, first=base.first * 1.3)
    g = TURNS[int(random.integers(len(TURNS)))](still, random)
    early = random.random() < 0.5  # shifted from the beginning, or with slopes that open with P

    def log_error(x: Floats, size: float) -> Floats:
        p = base.p(size)
        shift = gamma * p if early else gamma * p * np.clip(x / still.first, 0.0, None)
        return base.fallen(-base.gamma1 * x - shift + g(x - still.first))

    return log_error


def _fan(base: Base, random: Random) -> LogError:
    """Slopes that open with P from chance on."""
    opening = random.uniform(0.5, 2.0) / base.p(base.sizes[-1])
    turn = TURNS[int(random.integers(len(TURNS)))]

    def log_error(x: Floats, size: float) -> Floats:
        mine = replace(base, gamma1=base.gamma1 * (1 + opening * base.p(size)))
        g = turn(mine, random)
        return mine.fallen(-mine.gamma1 * x + g(x - base.optimum(size)))

    return log_error


def _logistic(base: Base, random: Random) -> LogError:
    """Logistic curves in ln λ whose middle and lower end move with P."""
    gamma, moves = random.uniform(0.2, 0.5), random.uniform(-0.6, 0.1) * base.gamma2
    steep = random.uniform(2.0, 5.0) / base.first
    rise = random.uniform(0.05, 0.2)

    def log_error(x: Floats, size: float) -> Floats:
        p = base.p(size)
        middle = 0.6 * base.first + moves * p
        depth = base.gamma1 * base.first + gamma * p
        late = np.maximum(x - base.optimum(size), 0.0) * rise
        found: Floats = np.log(base.chance) - depth / (1 + np.exp(-steep * (x - middle))) + late
        return found

    return log_error


def _only_time(base: Base, random: Random) -> LogError:
    """A law in time; the norm grows with time at a rate that depends on P."""
    g = TURNS[int(random.integers(len(TURNS)))](base, random)
    slower = random.uniform(0.12, 0.25) * float(random.choice([-1, 1]))

    def log_error(x: Floats, size: float) -> Floats:
        time = x * np.exp(slower * base.p(size)) / np.exp(slower * base.p(base.sizes[-1]) / 2)
        return base.fallen(-base.gamma1 * time + g(time - base.optimum(size)))

    return log_error


def _drifting_exponent(base: Base, random: Random) -> LogError:
    """γ2 changes by a factor of 2.5 to 5 from the smallest size to the largest, either way."""
    ratio = np.log(random.uniform(2.5, 5.0)) * random.choice([-1, 1])
    last = base.p(base.sizes[-1])
    g = TURNS[int(random.integers(len(TURNS)))](base, random)

    def log_error(x: Floats, size: float) -> Floats:
        share = np.expm1(ratio * base.p(size) / last) / np.expm1(ratio)
        at = base.first + base.gamma2 * last * share
        return base.fallen(-base.gamma1 * x + g(x - at))

    return log_error


def _two_populations(base: Base, random: Random) -> LogError:
    """Easy and hard examples, mixed, each with laws of its own."""
    slower, share = random.uniform(0.15, 0.3), random.uniform(0.1, 0.3)
    easy = replace(base, gamma1=base.gamma1 * 1.6)
    hard = replace(base, gamma1=slower * base.gamma1, gamma2=base.gamma2 * random.uniform(1.2, 1.8))
    laws = [_any(kind, random) for kind in (easy, hard)]

    def log_error(x: Floats, size: float) -> Floats:
        each = [law(x, size) for law in laws]
        found: Floats = np.logaddexp(np.log(1 - share) + each[0], np.log(share) + each[1])
        return found

    return log_error


def _other_clock(base: Base, random: Random) -> LogError:
    """The laws hold in a clock to which the norm of every size stands in a relation of its own."""
    law = _any(base, random)
    knots = np.linspace(-1.0, 3.0, 9) * base.optimum(base.sizes[-1])
    clock = {}
    for size in base.sizes:
        rates = np.exp(random.uniform(0.4, 0.8) * random.normal(size=len(knots) - 1))
        ticks = np.concatenate([[0.0], np.cumsum(rates * np.diff(knots))])
        clock[size] = ticks - np.interp(0.0, knots, ticks)

    def log_error(x: Floats, size: float) -> Floats:
        return law(np.interp(x, knots, clock[int(size)]), size)

    return log_error


def _monotone(base: Base, random: Random) -> LogError:
    """A random falling curve for every size; the last errors fall with P as a power."""
    knots = np.linspace(0, 1, 7)
    gamma = random.uniform(0.2, 0.5)
    falls = {
        size: np.concatenate([[0.0], np.cumsum(random.dirichlet(np.full(6, 0.8)))])
        for size in base.sizes
    }

    def log_error(x: Floats, size: float) -> Floats:
        depth = base.gamma1 * base.first + gamma * base.p(size)
        fallen = np.interp(x / base.optimum(size), knots, falls[int(size)])
        late = np.maximum(x - base.optimum(size), 0.0) * 0.3 * base.gamma1
        found: Floats = np.log(base.chance) - depth * fallen + late
        return found

    return log_error


def _never_common(base: Base, random: Random) -> LogError:
    """Curves that collapse after rescaling but part at chance already."""
    gamma = random.uniform(0.25, 0.5)

    def log_error(x: Floats, size: float) -> Floats:
        p = base.p(size)
        share = x / base.optimum(size)
        depth = base.gamma1 * base.first + gamma * p
        bent = depth * (np.clip(share, 0, None) - 0.5 * np.clip(share, 0, None) ** 2) * 2
        found: Floats = np.log(base.chance) - bent
        return found

    return log_error


def _saturating(base: Base, random: Random) -> LogError:
    """No optimum: the error levels off where each size would turn."""

    def log_error(x: Floats, size: float) -> Floats:
        level = base.gamma1 * base.optimum(size)
        sharp = 4 / base.first / base.gamma1
        core = np.logaddexp(-sharp * base.gamma1 * x, -sharp * level) / sharp
        return base.fallen(core)

    return log_error


def _no_gain(base: Base, random: Random) -> LogError:
    """Nothing gained from data: one curve and one optimum for every size."""
    return _law(replace(base, gamma2=0.0), random, TURNS[int(random.integers(len(TURNS)))])


def _wild_optimum(base: Base, random: Random) -> LogError:
    """ln λ_opt off its power law by a third of its range, the errors on theirs."""
    reach = base.gamma2 * base.p(base.sizes[-1])
    off = {size: random.uniform(0.25, 0.45) * reach * random.choice([-1, 1]) for size in base.sizes}
    turn = TURNS[int(random.integers(len(TURNS)))]
    g = turn(base, random)

    def log_error(x: Floats, size: float) -> Floats:
        at = max(base.optimum(size) + off[int(size)], 1.2 * base.width)
        return base.fallen(-base.gamma1 * x + g(x - at))

    return log_error


def _own_shape(base: Base, random: Random) -> LogError:
    """The width of the turn grows fast with P: no collapse."""
    turn = TURNS[int(random.integers(len(TURNS)))]
    grows = random.uniform(0.35, 0.6)

    def log_error(x: Floats, size: float) -> Floats:
        wider = base.width * 0.5 * np.exp(grows * base.p(size))
        mine = replace(base, width=min(wider, 0.95 * base.optimum(size)))
        return base.fallen(-base.gamma1 * x + turn(mine, random)(x - base.optimum(size)))

    return log_error


def _shifted(base: Base, random: Random) -> LogError:
    return _any(base, random)


FAMILIES: dict[str, Family] = {
    "parabola": Family("yes", _with(parabola), "a corner, then a parabola"),
    "exponential_turn": Family("yes", _with(exponential), "an exponential departure"),
    "sum_of_powers": Family("yes", _with(powers), "two powers"),
    "levelling": Family("yes", _with(levelling), "a rise that saturates"),
    "corner_at_chance": Family("yes", _any, "a plateau that ends in a corner", {"knee": np.inf}),
    "soft_plateau": Family("yes", _any, "a plateau with a soft end", {"knee": (1.3, 2.2)}),
    "small_test_set": Family(
        "yes",
        _any,
        "counting noise that all runs share",
        {},
        {"test_examples": (800, 2000), "shared": (0.7, 1.0)},
    ),
    "seeds_of_the_norm": Family(
        "yes",
        _any,
        "seeds differ in their norm",
        {"gamma1": (0.3, 0.6)},
        {"norm_scatter": (0.1, 0.2), "run_scatter": (0.0, 0.02)},
    ),
    "drifting": Family(
        "yes",
        _any,
        "errors that wander, runs of unequal length",
        {},
        {"drift": (0.03, 0.06), "memory": (3.0, 10.0), "unequal": (0.2, 0.5)},
    ),
    "shallow": Family("yes", _any, "γ1 small, as on CIFAR", {"gamma1": (0.2, 0.3)}),
    "few": Family("yes", _any, "few sizes and seeds", {"number": (4, 5)}, {"seeds": (3, 3)}),
    "shifted": Family("shifted", _shifted, "γ0 ≠ 0", {"gamma0": (0.12, 0.3)}),
    "common_exponential": Family("no", _bent_exponential, "ln ε = −A λ^c, common, steep"),
    "stretched_exponential": Family("no", _stretched_exponential, "ln ε = −A λ^c, common"),
    "bent": Family("no", _bent, "a common curve that bends"),
    "floored": Family("no", _floored, "a common floor of the error"),
    "same_optimum": Family("no", _same_optimum, "λ_opt independent of P"),
    "fan": Family("no", _fan, "slopes open with P"),
    "fan_two_seeds": Family("no", _fan, "slopes open with P, two seeds", {}, {"seeds": 2}),
    "logistic": Family("no", _logistic, "logistic curves"),
    "only_time": Family("no", _only_time, "a law in time, not in the norm"),
    "monotone": Family("no", _monotone, "random falling curves"),
    "never_common": Family("no", _never_common, "curves part at chance", {"knee": np.inf}),
    "saturating": Family("no", _saturating, "the error levels off", {"past": 3.0}),
    "censored": Family("no", _any, "runs end before their optimum", {"past": -0.5}),
    "no_gain": Family("no", _no_gain, "nothing gained from data"),
    "wild_optimum": Family("no", _wild_optimum, "ln λ_opt off its law", {"past": 4.0}),
    "own_shape": Family("no", _own_shape, "the turn's width changes with P"),
    "drifting_exponent": Family("no", _drifting_exponent, "γ2 changes with P", {"number": (6, 9)}),
    "two_populations": Family("no", _two_populations, "easy and hard examples mixed"),
    "other_clock": Family("no", _other_clock, "laws in a clock that is not the norm"),
    "three_sizes": Family("no", _any, "three sizes are not enough", {"number": (3, 3)}),
}
