"""Rows that were decoded before: the same curves as without, and nothing damaged goes unnoticed."""

from __future__ import annotations

import hashlib
import shutil

import pandas as pd
import pytest

from normlaws import Curves
from normlaws.curves import decoded, files
from normlaws.errors import CorruptFileError, NormlawsWarning
from normlaws.storage.folder import StudyFolder

RUNS = 70  # enough for the rows to be kept


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Folder in which decoded rows are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return decoded.SHELF.folder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A large study."""
    rows = [{"run": f"r{seed}", "size": 10, "seed": seed, "step": step, "test_error": seed / 100}
            for seed in range(RUNS) for step in (0, 1)]  # fmt: skip
    return Curves(pd.DataFrame(rows)).write(tmp_path_factory.mktemp("written") / "s")


@pytest.fixture
def study(written, tmp_path, kept):
    """A copy of it, read once."""
    place = shutil.copytree(written, tmp_path / "s")
    first = Curves.read(place)
    assert len(list(kept.iterdir())) == 1
    return StudyFolder(place), first


@pytest.fixture
def unpacked(monkeypatch):
    """The paths of the curves that are decoded."""
    read, seen = files.read_parquet_table, []
    monkeypatch.setattr(
        files, "read_parquet_table", lambda found, path: seen.append(path) or read(found, path)
    )
    return seen


def _same(curves, first):
    pd.testing.assert_frame_equal(curves.frame, first.frame)
    pd.testing.assert_frame_equal(curves.runs, first.runs)


def test_no_curve_is_decoded_twice(study, unpacked):
    folder, first = study
    _same(Curves.read(folder.root), first)
    assert not unpacked


def test_only_what_is_new_is_decoded(study, unpacked):
    folder, _ = study
    run = folder.run("r3")
    frame = pd.read_parquet(run.curve).assign(test_error=0.9)
    run.write_record(run.read_record() | {"curve": run.write_curve(frame)})
    curves = Curves.read(folder.root)
    assert unpacked == [run.curve]
    assert (curves.frame.query("run == 'r3'")["test_error"] == 0.9).all()


def _altered(run, other):
    whole = run.curve.read_bytes()
    run.curve.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])


def _cut(run, other):
    run.curve.write_bytes(run.curve.read_bytes()[:-20])


def _exchanged(run, other):
    run.curve.write_bytes(other.curve.read_bytes())


def _deleted(run, other):
    run.curve.unlink()


@pytest.mark.parametrize("harm", [_altered, _cut, _exchanged, _deleted])
def test_a_curve_that_was_harmed_is_left_out(study, harm):
    folder, first = study
    harm(folder.run("r3"), folder.run("r4"))
    with pytest.warns(NormlawsWarning, match="a run is left out"):
        curves = Curves.read(folder.root)
    assert set(first.runs["run"]) - set(curves.runs["run"]) == {"r3"}


def _flipped(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:900] + bytes([whole[900] ^ 4]) + whole[901:])


def _short(path):
    path.write_bytes(path.read_bytes()[:10])


def _no_rows(path):
    path.write_bytes(hashlib.sha256(b"x").digest() + b"x")


@pytest.mark.parametrize("harm", [_flipped, _short, _no_rows])
def test_kept_rows_that_are_damaged_are_not_used(study, kept, unpacked, harm):
    folder, first = study
    harm(next(kept.iterdir()))
    _same(Curves.read(folder.root), first)
    assert len(unpacked) == RUNS


def test_the_rows_of_a_few_studies_are_kept(study, kept):
    folder, _ = study
    for index in range(20):
        (kept / f"{index}.kept").write_bytes(b"")
    _flipped(max(kept.iterdir(), key=lambda path: path.stat().st_size))
    Curves.read(folder.root)
    assert len(list(kept.iterdir())) == 16


def test_a_home_that_cannot_be_written_costs_nothing_else(study, monkeypatch, tmp_path):
    folder, first = study
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    _same(Curves.read(folder.root), first)


def test_a_study_of_damaged_curves_alone_is_refused(study):
    folder, _ = study
    for run in folder.run_folders():
        _cut(run, run)
    with pytest.raises(CorruptFileError):
        Curves.read(folder.root)
