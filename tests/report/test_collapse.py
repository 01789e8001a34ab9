"""The collapse in the report: figures, residuals, unfinished runs."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.laws.collapse import plant_ladder
from normlaws.report.collapse import collapse_section
from normlaws.report.page import Figure, Table

SIZES = (100, 300, 1000, 3000, 10000)


@pytest.fixture(scope="module")
def found():
    whole = plant_ladder(SIZES, floor=1.0, seeds=2, noise=0.004)
    largest = whole.runs["size"] == SIZES[-1]
    cut = (whole.frame["size"] == SIZES[-1]) & (whole.frame["step"] > 200)
    runs = whole.runs.assign(status=np.where(largest, "unfinished", "complete"))
    return nl.collapse(Curves(whole.frame[~cut], runs), along="compute", resamples=30)


def test_the_section_holds_every_figure_and_run(found):
    blocks = collapse_section(found, found.unfinished()).blocks
    assert [one.name for one in blocks if isinstance(one, Figure)] == [
        "normalised", "deviation", "residuals",
    ]  # fmt: skip
    tables = {one.caption: one for one in blocks if isinstance(one, Table)}
    assert [row[0] for row in tables["What the curves show"].rows] == [
        "L0", "share", "ratio", "onset d", "rms Δ",
    ]  # fmt: skip
    assert len(tables["Residuals of the runs from the collapsed curve"].rows) == 8
    assert len(tables["Expected final test loss of unfinished runs"].rows) == 2
    places = tables["Δ and σ̄ along training"].rows
    assert [row[0] for row in places] == ["0.1", "0.2", "0.3", "0.5", "0.7", "0.9"]
    assert blocks[0].body == found.verdict.text


def test_words_follow_the_axis(found):
    said = " ".join(
        [collapse_section(found).heading]
        + [f"{one.alt} {one.caption}" for one in collapse_section(found).blocks
           if isinstance(one, Figure)]
    )  # fmt: skip
    assert "along compute" in said
    assert "norm " not in said.replace("normalised", "")
