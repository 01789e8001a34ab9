from __future__ import annotations

import os
import subprocess
import sys

import pytest

from normlaws.errors import StudyConflictError
from normlaws.storage.folder import StudyFolder, replace_file


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")

    def half(beside):
        beside.write_text("ne", encoding="utf-8")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_file(path, half)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_process_is_kept_out_and_the_lock_falls_with_the_first(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from normlaws.storage.folder import StudyFolder\n"
        "with StudyFolder(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StudyConflictError, match="another process"), StudyFolder(tmp_path).locked():
        pass
    holder.kill()
    holder.communicate()
    with StudyFolder(tmp_path).locked():
        pass


def test_a_report_is_current_by_what_was_recorded_not_by_the_clock(tmp_path):
    study = StudyFolder(tmp_path)
    run = study.run("a")
    run.write_record({"run": "a", "size": 1, "seed": 0, "status": "unfinished"})
    before = study.contents()
    assert not study.report_is_current(before)
    study.report.write_text("report", encoding="utf-8")
    study.note_report(before)
    os.utime(study.report, (0, 0))
    assert study.report_is_current(study.contents())
    run.write_record({"run": "a", "size": 1, "seed": 0, "status": "failed"})
    os.utime(run.record, (0, 0))
    assert not study.report_is_current(study.contents())
    study.note_report(study.contents())
    study.report.write_text("cut", encoding="utf-8")
    assert not study.report_is_current(study.contents())
