"""What the first version wrote (commit 8329971, see ``first_version``) is read as it was meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.curves import Curves
from normlaws.studies import Study

WRITTEN = Path(__file__).parent / "first_version"
NORMS = ["frobenius", "group_21", "l1", "spectral_complexity", "spectral_product"]


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(WRITTEN / "study", tmp_path / "study"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("[!.]*.*")}


def test_folder_and_table_are_read_and_agree():
    study, table = Curves.read(WRITTEN / "study"), Curves.read(WRITTEN / "curves.parquet")
    pd.testing.assert_frame_equal(study.frame, table.frame)
    assert study.norms == NORMS
    assert (study.sizes, study.seeds, len(study)) == ([16, 32, 64], [0, 1], 60)
    assert set(study.runs["status"]) == {"complete"}
    assert study.runs["code"][0]["commit"].startswith("8329971")


def test_values_are_those_that_were_written():
    path = sorted((WRITTEN / "study").glob("runs/*/curve.parquet"))[0]
    raw = pd.read_parquet(path)
    rows = Curves.read(WRITTEN / "study").frame.query("run == @path.parent.name")
    for name in ("step", "test_error", "val_loss", *(f"log_{norm}" for norm in NORMS)):
        assert np.array_equal(rows[name].to_numpy(dtype=float), raw[name].to_numpy(dtype=float))


def test_running_the_finished_study_adds_nothing(folder):
    before = contents(folder)
    curves = Study.load(WRITTEN / "small.toml").run(folder, workers=1, progress=False)
    assert len(curves) == 60
    after = contents(folder)
    assert set(after) == set(before)
    assert {name for name in before if after[name] != before[name]} <= {"study.toml"}


def test_the_command_on_the_finished_folder_adds_the_report_alone(folder):
    _add_verbs()
    before = contents(folder)
    told = CliRunner().invoke(app, ["run", str(WRITTEN / "small.toml"), "--out", str(folder)])
    assert told.exit_code == 0, told.exception
    after = contents(folder)
    assert set(after) - set(before) == {"report.html"}
    assert all(after[name] == before[name] for name in before if name.startswith("runs/"))


def test_runs_of_presets_have_the_ids_that_they_had():
    known = json.loads((WRITTEN / "ids.json").read_text(encoding="utf-8"))
    for name, ids in known.items():
        assert set(ids) <= {run.run_id for run in Study.load(name).settings.runs()}, name
