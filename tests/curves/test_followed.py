"""Studies that are read again and again, and studies of which a few runs are damaged."""

from __future__ import annotations

import pandas as pd
import pytest

from normlaws import Curves
from normlaws.curves import files
from normlaws.curves.followed import Followed
from normlaws.errors import CorruptFileError, NormlawsWarning


@pytest.fixture
def study(tmp_path):
    rows = [{"run": f"r{seed}", "size": 10, "seed": seed, "step": step, "test_error": 0.5}
            for seed in range(9) for step in (0, 1)]  # fmt: skip
    return Curves(pd.DataFrame(rows)).write(tmp_path / "s")


def _replace(study, run, **columns):
    folder = files.StudyFolder(study).run(run)
    frame = pd.read_parquet(folder.curve).assign(**columns)
    folder.write_record(folder.read_record() | {"curve": folder.write_curve(frame)})


def test_a_run_is_read_again_only_after_it_changed(study, monkeypatch):
    read, seen = files._read_run, []
    monkeypatch.setattr(
        files, "_read_run", lambda folder, *more: seen.append(folder) or read(folder, *more)
    )
    followed = Followed(study)
    assert len(followed.read()) == 18
    assert len(seen) == 9
    followed.read()
    assert len(seen) == 9
    _replace(study, "r4", test_error=0.25)
    curves = followed.read()
    assert len(seen) == 10
    assert (curves.frame.query("run == 'r4'")["test_error"] == 0.25).all()
    pd.testing.assert_frame_equal(curves.frame, Curves.read(study).frame)


def test_damaged_runs_are_found_by_halves(study, monkeypatch):
    _replace(study, "r2", test_error=2.0)
    _replace(study, "r7", test_error=-1.0)
    with pytest.warns(NormlawsWarning) as said:
        curves = Curves.read(study)
    assert sorted(curves.runs["run"]) == ["r0", "r1", "r3", "r4", "r5", "r6", "r8"]
    assert sum("is left out" in str(one.message) for one in said) == 2


def test_a_study_of_damaged_runs_alone_is_refused(study):
    for seed in range(9):
        _replace(study, f"r{seed}", test_error=2.0)
    with pytest.raises(CorruptFileError, match="fraction"):
        Curves.read(study)
