"""``normlaws plan`` says what its chances leave out."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.laws.plant import draw, plant

_add_verbs()


@pytest.mark.parametrize("in_doubt", [True, False])
def test_chances_are_said_to_be_those_of_studies_without_the_doubt(tmp_path, in_doubt):
    """Near chance γ1 is extrapolated, and no number of seeds settles what rests on it."""
    curves = draw("drifting", 220_003, near_chance=True).curves if in_doubt else plant(seeds=2)
    path = curves.write(tmp_path / "study.parquet")
    answer = CliRunner().invoke(app, ["plan", str(path), "--resamples", "60"])
    assert answer.exit_code == 0, answer.exception
    said = " ".join(answer.stdout.split())
    assert ("chances of studies without the doubt about: " in said) == in_doubt
    assert ("several times below chance" in said) == in_doubt
