"""The verdict on a collapse: what the curves show, in words and codes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from normlaws.arrays import Floats
from normlaws.display.numbers import percent
from normlaws.laws.collapse.floor import SizeLaw
from normlaws.laws.collapse.ladder import SAME_HORIZON, SAME_SCHEDULE, Ladder
from normlaws.laws.collapse.measure import Measured
from normlaws.laws.collapse.residuals import Residuals
from normlaws.laws.estimators.least_squares import one_line
from normlaws.laws.result import Estimate, Verdict

SUPER_ONSET = 0.25  # Δ stays below σ̄ for at least the last quarter of training
ORDERED = 0.01  # the same where the residuals follow size
MARGIN = 1.15  # Δ over what noise alone makes of it
SEEDLESS = 0.02  # rms Δ of a collapse where no seeds tell the noise

Finding = tuple[str, str, str]


def judge(
    ladder: Ladder, measured: Measured, law: SizeLaw, floor: Estimate, order: Residuals
) -> Verdict:
    """Say whether the curves collapse, and what stands in the way of saying so."""
    findings = [_main(ladder, measured, order), *_caveats(ladder, law, floor)]
    return Verdict(
        text=" ".join(sentence for _, sentence, _ in findings),
        codes=tuple(code for code, _, _ in findings),
        next_steps=tuple(step for _, _, step in findings if step),
    )


def _main(ladder: Ladder, measured: Measured, order: Residuals) -> Finding:
    ratio, onset, rms = (float(v[0]) for v in (measured.ratio, measured.onset, measured.rms))
    if np.isnan(ratio) and np.isnan(rms):
        return _not("the curves share no stretch of training to compare them on", order)
    if np.isnan(ratio):
        off = percent(rms, 2)
        size = f"normalised curves differ by {off} (rms of Δ), without seeds to compare with"
        if rms <= (ORDERED if order.ordered else SEEDLESS):
            return "collapse", f"The curves collapse: {size}.", ""
        return _not(f"{size}", order)
    size = f"Δ is {ratio:.2f} times the noise between seeds (rms over .1 < x < 1)"
    if ratio < 1 and onset >= SUPER_ONSET:
        return (
            "supercollapse",
            f"The curves show supercollapse: {size} and stays below it for the last "
            f"{percent(onset)} of training{_if_the_floor_moves(measured)}.",
            "",
        )
    if ratio <= MARGIN * _of_noise(ladder) and (ratio <= 1 or not order.ordered):
        return "collapse", f"The curves collapse: {size}.", ""
    return _not(size, order)


def _of_noise(ladder: Ladder) -> float:
    """Largest Δ/σ that noise alone makes: independent at x and at the end, n seeds per group.

    The variance of a difference is 2 σ², and means over n seeds differ by 1/n of it once more.
    """
    return float(np.sqrt(2 * (1 + np.mean(1 / ladder.counts[ladder.counts > 1]))))


def _if_the_floor_moves(measured: Measured) -> str:
    """What the resamples, floors of other sizes among them, leave of Δ < σ."""
    rest = measured.ratio[1:]
    if not len(rest) or not (rest >= 1).mean() > 0.025:
        return ""
    return (
        f" ({percent((rest < 1).mean())} of the resamples agree: the floor depends on which sizes "
        "it is fitted to)"
    )


def _not(size: str, order: Residuals) -> Finding:
    step = {
        "short": "train the larger models longer, relative to the smaller ones: the horizon's "
        "exponent is too small (see exponent())",
        "long": "train the larger models less long, relative to the smaller ones: the horizon's "
        "exponent is too large (see exponent())",
        "none": "look at residuals(): which run lies apart",
    }[order.direction]
    return "no_collapse", f"The curves do not collapse: {size}; {order}.", step


def _caveats(ladder: Ladder, law: SizeLaw, floor: Estimate) -> Iterator[Finding]:
    if _unidentified(ladder, law, floor):
        yield (
            "floor_unidentified",
            f"The final values hardly determine the irreducible part ({_span(floor)}), and with "
            "it every normalised curve.",
            "add smaller or larger sizes, or give the floor",
        )
    if _horizons_differ(ladder):
        yield (
            "horizons_differ",
            "Runs of one size have different horizons, or the horizons follow no power of size; "
            "each is its own group.",
            "compare runs of one kind of horizon: curves.select(…)",
        )
    if schedules_differ(ladder):
        yield (
            "schedules_differ",
            "The learning-rate schedules differ as functions of x, so the curves need not collapse "
            "and each schedule has its own floor.",
            "compare runs of one schedule: curves.select(…)",
        )
    if not ladder.seeded:
        yield (
            "no_seeds",
            "No size has two seeds, so the noise is not known and Δ alone is judged.",
            "run two more seeds of the smaller sizes",
        )


def _unidentified(ladder: Ladder, law: SizeLaw, floor: Estimate) -> bool:
    if law.fit is None:
        return False
    if law.status != "converged" or len(ladder.counts) < 4:
        return True
    if floor.low is None or floor.high is None:
        return False
    above = float(law.finals[0].min()) - floor.value
    return (floor.high - floor.low) / 4 > above


def _span(floor: Estimate) -> str:
    if floor.low is None or floor.high is None:
        return f"{floor.value:.4g}"
    return f"{floor.value:.4g}, {floor.low:.4g} to {floor.high:.4g}"


def _horizons_differ(ladder: Ladder) -> bool:
    if any(
        np.ptp(np.log(ladder.ends[ladder.sizes == size])) > SAME_HORIZON for size in ladder.sizes
    ):
        return True
    if ladder.is_norm or len(ladder.sizes) < 3:
        return False
    log_sizes, log_ends = np.log(ladder.sizes), np.log(ladder.ends)
    constant, slope = one_line(log_sizes, log_ends)
    return bool(np.abs(log_ends - constant - slope * log_sizes).max() > np.log(1.5))


def schedules_differ(ladder: Ladder) -> bool:
    """Whether the recorded learning rates, over their peaks, are different functions of x."""
    labels = {track.label.split("|", 1)[-1] for track in ladder.finished}
    by_name = len(np.unique(ladder.sizes)) < len(ladder.sizes) and len(labels) > 1
    found = [track.rate_on(ladder.grid) for track in ladder.finished]
    rates: list[Floats] = [rate for rate in found if rate is not None]
    if len(rates) < 2:
        return by_name and not _horizons_differ(ladder)
    inside = np.stack(rates)[:, ladder.window]
    return bool(np.ptp(inside, axis=0).mean() > SAME_SCHEDULE)
