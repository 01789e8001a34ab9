"""A trial of a large study: everything that costs time, shrunk together."""

from __future__ import annotations

from normlaws.errors import InputError
from normlaws.studies.settings import StudySettings

SMALLEST_SIZE, FEWEST_SEEDS, FEWEST_STEPS = 16, 2, 10
FEWEST_VALIDATION, FEWEST_SCORED, USUAL_TEST = 100, 500, 10_000


def scaled(settings: StudySettings, factor: float) -> StudySettings:
    """The study with about ``factor`` times its sizes, seeds, steps and weights.

    Sizes keep their ratios. A length given in epochs stays, as fewer examples then mean fewer
    steps; one given in steps, and a warm-up, shrink by ``factor``. Widths shrink by its root, so
    that the number of weights shrinks by ``factor``. What is held out and scored shrinks likewise.
    The floors: sizes of 16, two seeds, 10 steps, 100 validation and 500 test examples.

    Raises:
        InputError: ``factor`` is not above 0 and at most 1.
    """
    if not 0 < factor <= 1:
        raise InputError(f"expected a scale above 0 and at most 1, got {factor}")
    if factor == 1:
        return settings
    steps, warmup = settings.training.steps, settings.optimizer.warmup_steps
    training = {"steps": _times(steps, factor, FEWEST_STEPS) if steps else None}
    update = {
        "name": f"{settings.name}-scale-{factor:g}",
        "sizes": tuple(sorted({_times(size, factor, SMALLEST_SIZE) for size in settings.sizes})),
        "seeds": _times(settings.seeds, factor, FEWEST_SEEDS),
        "data": settings.data.model_copy(update=_scored(settings, factor)),
        "model": settings.model.shrunk(factor),
        "optimizer": settings.optimizer.model_copy(update={"warmup_steps": round(warmup * factor)}),
        "training": settings.training.model_copy(update=training),
    }
    return settings.model_copy(update=update)


def _scored(settings: StudySettings, factor: float) -> dict[str, int | None]:
    data = settings.data
    return {
        "validation": _times(data.validation, factor, FEWEST_VALIDATION),
        "scored_train": data.scored_train and _times(data.scored_train, factor, FEWEST_SCORED),
        "scored_test": _times(data.scored_test or USUAL_TEST, factor, FEWEST_SCORED),
    }


def _times(number: int, factor: float, floor: int) -> int:
    """Rounded, at least ``floor``, and never more than it was."""
    return min(number, max(floor, round(number * factor)))
