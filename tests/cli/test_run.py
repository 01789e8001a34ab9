"""The command line as a person uses it: in processes of its own, killed and interrupted."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

import normlaws
from normlaws import Curves
from normlaws.cli import main
from normlaws.cli._solved import run_solved
from normlaws.cli.run import _terminated_as_interrupted
from normlaws.errors import NormlawsWarning
from normlaws.studies import Study
from normlaws.theory import solved_study

SOURCE = str(Path(normlaws.__file__).parents[1])
COMMAND = [sys.executable, "-m", "normlaws"]
STUDY = {
    "name": "small",
    "sizes": [16, 64, 256],
    "seeds": 1,
    "data": {"name": "digits", "validation": 100},
    "model": {"family": "mlp", "hidden": [32], "init_scale": 0.3},
    "training": {"steps": 3000, "batch_size": 16, "records": 20},  # runs of seconds
}


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": SOURCE}


def normlaws_command(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        **options,
    )


def values(folder: Path) -> pd.DataFrame:
    return Curves.read(folder).frame.drop(columns="seconds")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("study") / "small.toml"
    path.write_text(tomli_w.dumps(STUDY), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def undisturbed(study) -> Path:
    out = study.parent / "undisturbed"
    answer = normlaws_command("run", study, "--out", out, "--no-stack")
    assert answer.returncode == 0, answer.stderr
    assert "γ1" in answer.stdout
    assert str(out / "report.html") in answer.stdout
    return out


def wait_for(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def start(study: Path, out: Path) -> subprocess.Popen[str]:
    command = [*COMMAND, "run", str(study), "--out", str(out), "--no-stack"]
    return subprocess.Popen(
        command,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with Ctrl-C ignored, and the tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(study: Path, out: Path) -> None:
    """Run again, in a thread of this process: the curves do not depend on who goes on."""
    with ThreadPoolExecutor(1) as executor:
        Study.load(study).run(out, executor=executor, progress=False)


def half_way(out: Path):
    """Whether a run is complete and another one has most of its steps before it."""

    def reached() -> bool:
        paths = out.glob("runs/*/run.json")
        records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        done = [record for record in records if record["status"] == "complete"]
        early = [record for record in records if record["step"] < STUDY["training"]["steps"] / 3]
        return bool(done and early)

    return reached


@pytest.mark.slow
def test_killed_half_way_and_run_again_gives_the_undisturbed_curves(study, undisturbed, tmp_path):
    out = tmp_path / "killed"
    process = start(study, out)
    wait_for(half_way(out))
    process.kill()
    process.communicate()
    assert not (out / "report.html").exists()
    finish(study, out)
    pd.testing.assert_frame_equal(values(out), values(undisturbed))


@pytest.mark.slow
def test_ctrl_c_keeps_a_checkpoint_and_the_next_run_goes_on(study, undisturbed, tmp_path):
    out = tmp_path / "interrupted"
    process = start(study, out)
    wait_for(half_way(out))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Run it again to go on" in stderr
    assert list(out.glob("runs/*/checkpoint.safetensors"))
    finish(study, out)
    assert not list(out.glob("runs/*/checkpoint.safetensors"))
    pd.testing.assert_frame_equal(values(out), values(undisturbed))


def test_a_batch_systems_notice_is_taken_as_ctrl_c():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), _terminated_as_interrupted():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.slow
def test_the_same_command_again_adds_nothing(study, undisturbed):
    curves = {path: path.stat().st_mtime_ns for path in undisturbed.glob("runs/*/*")}
    assert normlaws_command("run", study, "--out", undisturbed).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in undisturbed.glob("runs/*/*")} == curves


@pytest.fixture
def bad(capsys, monkeypatch):
    """Run a command that must be refused, in this process; return its one line on stderr."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["normlaws", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return refusal(end.value.code, *capsys.readouterr())

    return run


def refusal(status: object, stdout: str, stderr: str) -> str:
    assert status == 2
    assert stdout == ""
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    return lines[0]


def test_unknown_preset_verb_and_option(bad):
    assert "digits-cnn" in bad("run", "digits-cmm")
    assert "No such command 'rnu'" in bad("rnu")
    assert "--wrokers" in bad("run", "digits-cnn", "--wrokers", "2")


def test_misspelt_key_sizes_beyond_the_data_and_no_seeds(bad, tmp_path):
    for change, expected in (
        ({"sede": 1}, "got the key 'sede'"),
        ({"sizes": [16, 10_000]}, "between 1 and 1247"),
        ({"seeds": 0}, "greater than or equal to 1, got 0"),
    ):
        path = tmp_path / "study.toml"
        path.write_text(tomli_w.dumps(STUDY | change), encoding="utf-8")
        assert expected in bad("run", path, "--out", tmp_path / "out")


def test_a_scale_that_is_none_or_has_no_meaning(bad, tmp_path):
    assert "at most 1, got 2.0" in bad("run", "digits-cnn", "--scale", 2, "--out", tmp_path)
    assert "no --scale for perceptron" in bad("run", "perceptron", "--scale", 0.5)


@pytest.mark.slow
def test_a_folder_that_holds_another_study(bad, undisturbed):
    before = values(undisturbed)
    assert "give another --out" in bad("run", "digits-mlp", "--out", undisturbed)
    pd.testing.assert_frame_equal(values(undisturbed), before)


@pytest.mark.slow
def test_a_truncated_parquet_file_is_named(bad, undisturbed, tmp_path):
    curves = Curves.read(undisturbed)
    curves.write(tmp_path)
    victim = next(tmp_path.glob("runs/*/curve.parquet"))
    victim.write_bytes(victim.read_bytes()[:-20])
    with pytest.warns(NormlawsWarning, match=re.escape(str(victim))):
        assert len(Curves.read(tmp_path).runs) == len(curves.runs) - 1
    assert str(victim) in bad("fit", victim.parent)


@pytest.mark.slow
def test_a_full_disk_ends_with_one_sentence_and_keeps_what_is_recorded(study, tmp_path):
    small = tmp_path / "small.toml"
    small.write_text(tomli_w.dumps(STUDY | {"sizes": [16], "seeds": 1}), encoding="utf-8")
    out = tmp_path / "out"
    finish(small, out)
    before = values(out)

    def no_room():  # writing beyond this fails as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    answer = normlaws_command("run", study, "--out", out, "--workers", 1, preexec_fn=no_room)
    assert "the system said" in refusal(answer.returncode, answer.stdout, answer.stderr)
    pd.testing.assert_frame_equal(values(out)[lambda rows: rows["size"] == 16], before)


def test_presets_as_json():
    answer = normlaws_command("presets", "--json")
    assert set(json.loads(answer.stdout)) >= {"digits-cnn", "digits-mlp", "mnist-cnn", "perceptron"}


@pytest.mark.slow
@pytest.mark.usefixtures("small_perceptron")
def test_the_perceptron_is_a_preset_whose_folder_every_verb_reads(bad, tmp_path, capsys):
    run_solved(solved_study("perceptron"), tmp_path / "perceptron")
    printed = capsys.readouterr().out
    assert printed.count("γ0 + γ1·γ2") >= 3
    assert str(tmp_path / "perceptron" / "report.html") in printed
    assert Curves.read(tmp_path / "perceptron").norms == ["frobenius"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "study.toml").touch()
    assert "holds another study" in bad("run", "perceptron", "--out", tmp_path / "other")
