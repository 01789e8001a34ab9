"""What a run is expected to end at, while it goes on."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from torch import nn

import normlaws as nl
from normlaws.curves import Curves
from normlaws.errors import InputError

SHARES = np.linspace(0.02, 1, 50)


def curve(size, seed):
    """L = 1 + t^−1/2 + p^−1/2 to t = p, where sizes collapse; a run's noise stays with it."""
    step = np.unique(np.round(SHARES * size).astype(int))
    noise = np.exp(0.02 * np.random.default_rng([size, seed]).standard_normal())
    return step, 1 + noise * (step**-0.5 + size**-0.5)


def ladder():
    rows = []
    for size in (500, 1000, 2000, 4000):
        for seed in range(3):
            step, loss = curve(size, seed)
            run = {"run": f"{size}-{seed}", "size": size, "seed": seed}
            rows.append(pd.DataFrame(run | {"step": step, "test_loss": loss}))
    return Curves(pd.concat(rows, ignore_index=True))


def test_every_record_says_what_the_run_is_expected_to_end_at(tmp_path, capsys):
    found = nl.collapse(ladder(), along="step", metric="test_loss", resamples=0)
    steps, losses = curve(8000, 5)
    track = nl.Tracker(
        nn.Linear(2, 2),
        tmp_path,
        size=8000,
        seed=5,
        expect=lambda curves: found.finish(curves, end=float(steps[-1])),
    )
    for place in np.linspace(0, 0.6 * len(steps), 12).astype(int):
        track.record(int(steps[place]), test_loss=float(losses[place]))
    lines = capsys.readouterr().out.splitlines()
    assert 0 < len(lines) < 12  # too short a curve says nothing
    form = r"step \d+: expected final value 1\.\d+ ± [\d.e-]+ \(from x = 0\.\d\d\), residual [+-]"
    assert all(re.match(form, line) for line in lines)
    assert abs(track.expected.value.value / losses[-1] - 1) < 0.02


def test_what_is_too_early_to_say_is_not_said(tmp_path, capsys):
    def refuse(curves):
        raise InputError("expected a longer curve")

    track = nl.Tracker(nn.Linear(2, 2), tmp_path, size=5, expect=refuse)
    track.record(0, test_loss=1.0)
    assert track.expected is None
    assert not capsys.readouterr().out
