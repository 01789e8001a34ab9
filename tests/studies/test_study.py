from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from normlaws import Curves
from normlaws.curves import files as curve_files
from normlaws.errors import CorruptFileError, InputError, NormlawsWarning, StudyConflictError
from normlaws.storage.folder import StudyFolder
from normlaws.studies import Study
from normlaws.training import train


def values(curves: Curves) -> pd.DataFrame:
    return curves.frame.drop(columns="seconds")


def run(values: dict, out, **options) -> Curves:
    """In a thread of this process, which needs no start-up, unless told otherwise."""
    with ThreadPoolExecutor(1) as executor:
        if "workers" not in options:
            options["executor"] = executor
        return Study.load(values).run(out, progress=False, **options)


def files(folder) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("run*/**/*.*")}


@pytest.mark.slow
def test_workers_give_the_curves_of_a_plain_loop_and_a_second_time_adds_nothing(small, tmp_path):
    curves = run(small, tmp_path / "study", workers=2)
    plain = Curves.concat(train(settings) for settings in Study.load(small).settings.runs())
    in_order = sorted(plain.runs["run"])
    expected = pd.concat([values(plain)[values(plain)["run"] == name] for name in in_order])
    pd.testing.assert_frame_equal(values(curves), expected.reset_index(drop=True))
    before = files(tmp_path / "study")
    again = run(small, tmp_path / "study")
    pd.testing.assert_frame_equal(again.frame, curves.frame)
    assert files(tmp_path / "study") == before


def test_any_executor_will_do_and_progress_is_told(small, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stderr for a terminal
    with ThreadPoolExecutor(1) as executor:
        curves = Study.load(small).run(tmp_path, executor=executor, progress=True)
    assert list(curves.runs["status"]) == ["complete"] * 4
    assert "small" in capfd.readouterr().err


def test_a_study_may_grow_and_keeps_what_is_done(small, tmp_path):
    run(small | {"sizes": [16], "seeds": 1}, tmp_path)
    before = files(tmp_path)
    grown = run(small, tmp_path)
    assert len(grown.runs) == 4
    assert before.items() <= files(tmp_path).items()
    with pytest.raises(StudyConflictError, match="differs beyond more sizes or seeds"):
        run(small | {"seeds": 1}, tmp_path)


def test_what_a_run_read_last_need_not_be_decoded_again(small, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(curve_files, "_MANY", 2)
    curves = run(small, tmp_path / "study")
    monkeypatch.setattr(curve_files, "read_parquet_table", None)
    pd.testing.assert_frame_equal(Curves.read(tmp_path / "study").frame, curves.frame)


@pytest.mark.parametrize(
    ("name", "content"), [("curve.parquet", b""), ("curve.parquet", None), ("run.json", b"{")]
)
def test_a_finished_run_that_was_damaged_is_said_and_trained_again(small, tmp_path, name, content):
    whole = run(small, tmp_path)
    victim = tmp_path / "runs" / whole.runs["run"].iloc[1] / name
    victim.unlink() if content is None else victim.write_bytes(content)
    with pytest.warns(NormlawsWarning, match=rf"a run is left out: .*{name}"):
        assert len(Curves.read(tmp_path).runs) == 3
    with pytest.warns(NormlawsWarning, match=rf"{name}.*; the run starts again"):
        mended = run(small, tmp_path)
    pd.testing.assert_frame_equal(values(mended), values(whole))


def test_a_folder_of_another_study_is_left_alone(small, tmp_path):
    run(small | {"sizes": [16], "seeds": 1}, tmp_path)
    before = files(tmp_path)
    other = small | {"training": small["training"] | {"steps": 61}}
    with pytest.raises(StudyConflictError, match="holds another .*give another --out"):
        run(other, tmp_path)
    assert files(tmp_path) == before


def test_a_folder_of_unplanned_runs_is_left_alone(small, tmp_path):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StudyConflictError, match=r"no study\.toml describes"):
        run(small, tmp_path)


def test_a_study_under_way_keeps_a_second_one_out(small, tmp_path):
    with (
        StudyFolder(tmp_path).locked(),
        pytest.raises(StudyConflictError, match="another process is running a study there"),
    ):
        run(small, tmp_path)


def test_a_run_that_raises_is_recorded_and_the_study_goes_on(small, tmp_path, monkeypatch):
    from normlaws.studies import perform

    def flaky(settings, *arguments):
        if settings.size == 64 and settings.seed == 0:
            raise RuntimeError("out of memory")
        return train(settings, *arguments)

    monkeypatch.setattr(perform, "train", flaky)
    curves = run(small, tmp_path)
    assert sorted(curves.runs["status"]) == ["complete"] * 3 + ["failed"]
    failed = curves.runs[curves.runs["status"] == "failed"].iloc[0]
    assert re.fullmatch(r"RuntimeError: out of memory \(.*test_study\.py:\d+\)", failed["error"])
    assert (failed["size"], failed["seed"]) == (64, 0)
    monkeypatch.undo()
    mended = run(small, tmp_path)
    assert list(mended.runs["status"]) == ["complete"] * 4


def test_a_disk_that_cannot_be_written_ends_the_study_and_keeps_what_is_done(
    small, tmp_path, monkeypatch
):
    from normlaws.studies import perform

    done = run(small | {"seeds": 1}, tmp_path)
    full = threading.Event()

    def filling(*arguments):
        full.set()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(perform, "train", filling)
    with pytest.raises(OSError, match="No space left"):
        run(small, tmp_path)
    assert full.is_set()
    pd.testing.assert_frame_equal(Curves.read(tmp_path).frame, done.frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [16, 5000]}, "between 1 and 1247 .*got 5000"),
        ({"seeds": 0}, "'seeds': Input should be greater than or equal to 1, got 0"),
        ({"sizes": []}, "'sizes'"),
        ({"sizes": [16, 16]}, "sizes must differ"),
        ({"sede": 3}, "one of the keys name, .* got the key 'sede'"),
        (
            {"model": {"family": "mlp", "width": 3}},
            "keys init_scale, .* or family, got .*width",
        ),
        ({"model": {"family": "gan"}}, "'perceptron', 'mlp', 'cnn'"),
        ({"optimizer": {"name": "lion"}}, "'adam', 'adamw' or 'sgd', got 'lion'"),
        ({"training": {"batch_size": 3}}, "'training'.* steps or epochs must be given"),
        (
            {"data": {"name": "minst", "validation": 5}},
            "data.name .* 'digits', .*, got 'minst'",
        ),
        ({"name": "../elsewhere"}, "'name'"),
        ({"optimizer": {"learning_rate": float("inf")}}, "'optimizer.learning_rate'.* finite"),
        ({"extends": ["digits-mlp"]}, "extends to be a preset"),
        ({"model": {"family": "mlp", "hidden": [10**10]}}, "model that can be built"),
    ],
)
def test_bad_settings_get_one_sentence(small, tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        run(small | change, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_names_those_alike():
    with pytest.raises(InputError, match=r"got 'digits-cmm'.* digits-mlp, digits-cnn"):
        Study.load("digits-cmm")


def test_a_file_that_is_not_toml_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text("sizes = [1,", encoding="utf-8")
    with pytest.raises(CorruptFileError, match=r"TOML file at .*bad\.toml"):
        Study.load(tmp_path / "bad.toml")


def test_no_workers_is_refused(small, tmp_path):
    with pytest.raises(InputError, match="at least 1 worker, got 0"):
        run(small, tmp_path, workers=0)


@pytest.mark.slow
def test_an_unfinished_study_is_reported_and_fitted_as_far_as_it_is(small, tmp_path):
    """As while it runs: some complete, one under way with what its last checkpoint recorded."""
    from typer.testing import CliRunner

    from normlaws.cli import _add_verbs, app
    from normlaws.studies import perform
    from normlaws.training import Execution

    study = small | {"sizes": [16, 32, 64, 128], "seeds": 3}
    runs = Study.load(study).settings.runs()
    folder = StudyFolder(tmp_path)
    for settings in runs[1:-2]:
        train(settings, folder.run(settings.run_id))
    train(runs[0], folder.run(runs[0].run_id), Execution(stop=lambda: True))
    perform.write_failure(folder.run(runs[-1].run_id), runs[-1], "RuntimeError: no reason")
    folder.run(runs[-2].run_id).lease.mkdir(parents=True)  # taken, nothing recorded yet
    curves = Curves.read(tmp_path)
    assert sorted(curves.runs["status"]) == ["complete"] * 9 + ["failed", "unfinished"]
    _add_verbs()
    report = CliRunner().invoke(app, ["report", str(tmp_path)], catch_exceptions=False)
    assert report.exit_code == 0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "unfinished" in text
    assert "no reason" in text
    fit = CliRunner().invoke(app, ["fit", str(tmp_path), "--json"], catch_exceptions=False)
    assert fit.exit_code == 0
    assert json.loads(fit.stdout)["gamma"]["value"] is not None
