"""A study that is finished is told so without what trains, and never where anything is missing."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.curves.followed import Followed
from normlaws.laws import plant
from normlaws.storage import provenance
from normlaws.storage.folder import StudyFolder
from normlaws.studies import planned
from normlaws.studies.planned import Planned

DEFINITION = 'name = "small"\nsizes = [16, 64]\n'


@pytest.fixture(autouse=True)
def unchanged_code(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(provenance, "state", lambda: ("1", "versions"))


@pytest.fixture
def finished(tmp_path):
    """A study file that was run before, and the folder of its finished study."""
    file, folder = tmp_path / "small.toml", StudyFolder(tmp_path / "out")
    file.write_text(DEFINITION, encoding="utf-8")
    curves = plant(sizes=(16, 64), seeds=2, records=5)
    curves.write(folder.root)
    folder.study.write_text(DEFINITION, encoding="utf-8")
    planned.keep(file, 1.0, "small", DEFINITION, list(curves.runs["run"]))
    return file, folder


def test_it_has_the_curves_and_the_digest_of_the_long_way(finished):
    file, folder = finished
    curves, contents = Planned.of(file, 1.0).finished(folder)
    pd.testing.assert_frame_equal(curves.frame, Curves.read(folder.root).frame)
    assert contents == folder.contents()


def _altered(folder, run):
    found = bytearray(run.curve.read_bytes())
    found[len(found) // 2] ^= 1
    run.curve.write_bytes(found)


def _unfinished(folder, run):
    run.write_record(run.read_record() | {"status": "unfinished"})


def _another_definition(folder, run):
    folder.study.write_text(folder.study.read_text(encoding="utf-8") + "\n", encoding="utf-8")


HARMS = {
    "an altered curve": _altered,
    "no curve": lambda folder, run: run.curve.unlink(),
    "no run": lambda folder, run: shutil.rmtree(run.root),
    "no record": lambda folder, run: run.record.unlink(),
    "a damaged record": lambda folder, run: run.record.write_bytes(b"{"),
    "an unfinished run": _unfinished,
    "another definition": _another_definition,
    "no definition": lambda folder, run: folder.study.unlink(),
    "no study": lambda folder, run: shutil.rmtree(folder.root),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_where_anything_is_missing_or_damaged_it_is_not_finished(finished, harm):
    file, folder = finished
    harm(folder, folder.run_folders()[1])
    assert Planned.of(file, 1.0).finished(folder) is None


def test_another_file_scale_or_code_is_another_plan(finished, tmp_path, monkeypatch):
    file, _ = finished
    other = tmp_path / "other.toml"
    other.write_text(file.read_text(encoding="utf-8").replace("64", "65"), encoding="utf-8")
    assert Planned.of(other, 1.0) is None
    assert Planned.of(file, 0.5) is None
    monkeypatch.setattr(provenance, "state", lambda: ("2", "versions"))
    assert Planned.of(file, 1.0) is None
    monkeypatch.setattr(provenance, "state", lambda: ())  # code was changed: nothing is kept
    planned.keep(file, 1.0, "small", "", [])
    assert Planned.of(file, 1.0) is None


@pytest.mark.parametrize("held", [b"", b"[]", b"{}", b'{"name": 1, "definition": 2, "runs": 3}'])
def test_a_plan_that_is_damaged_is_none(finished, held):
    file, _ = finished
    planned.SHELF.put(held, *planned._key(file, 1.0))
    assert Planned.of(file, 1.0) is None


def test_it_needs_no_torch(finished):
    file, folder = finished
    code = (
        "import json, sys; from pathlib import Path; from normlaws.storage import provenance; "
        "provenance.state = lambda: ('1', 'versions'); "
        "from normlaws.storage.folder import StudyFolder; "
        "from normlaws.studies.planned import Planned; "
        "found = Planned.of(Path(sys.argv[1]), 1.0).finished(StudyFolder(Path(sys.argv[2]))); "
        "print(json.dumps([found is not None, 'torch' in sys.modules]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, file, folder.root], capture_output=True, check=True
    )
    assert json.loads(said.stdout) == [True, False]


def test_what_was_read_is_not_read_again_for_the_digest(finished, monkeypatch):
    _, folder = finished
    followed = Followed(folder.root)
    followed.read()
    expected = folder.contents()
    monkeypatch.setattr("normlaws.storage.folder.content", None)
    assert followed.contents() == expected
