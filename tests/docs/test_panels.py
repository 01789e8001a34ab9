"""The page of the nine panels says what its committed curves give, and presets run them again."""

from __future__ import annotations

from pathlib import Path

import pytest

from normlaws import Curves
from normlaws.studies import presets

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMITTED = sorted((DOCS / "reproduction" / "panels").glob("*.parquet"))


def test_every_study_of_the_protocol_is_committed():
    planned = {name for name in presets() if name.startswith("repro-")}
    assert {path.stem for path in COMMITTED} == planned


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_preset_runs_the_committed_panel_again(path):
    rows = Curves.read(path).frame.drop_duplicates("run")
    planned = {(run.run_id, run.size, run.seed) for run in presets()[path.stem].runs()}
    assert set(zip(rows["run"], rows["size"], rows["seed"], strict=True)) == planned


@pytest.mark.slow
def test_the_pages_tables_follow_from_the_committed_curves(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "scripts"))
    import nine_panels

    page = nine_panels.PAGE.read_text(encoding="utf-8")
    assert nine_panels.written(nine_panels.committed()) in page
