"""Reading, fitting and reporting need no torch, and what does names the extra in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import normlaws as nl
from normlaws.cli import _add_verbs, app
from normlaws.errors import MissingExtraError
from normlaws.extras import needed
from normlaws.laws import plant
from normlaws.laws.surfaces import FAMILIES
from normlaws.storage import provenance

HERE = Path(__file__).parent
ENDS = (
    "needs an optional dependency that is not installed; "
    "install it with: pip install 'normlaws[torch]'"
)
ROOMS = {"norms", "gauges", "problems", "tracking", "training"}
NAMES = ROOMS | {"Measurement", "NormMeter", "Study", "Tracker", "measure"}
FINAL = {  # accuracies in percent
    "cnn": (65.6, 73.1, 79.9, 84.7, 88.2, 90.5),
    "vit": (50.4, 64.6, 73.2, 80.7, 85.9, 90.2),
    "mlp": (58.9, 66.0, 73.0, 76.2, 80.4, 82.7),
}
GROUPED = ("--group", "model")
WORKS = [
    ("--version",),
    ("--help",),
    ("run", "--help"),
    ("presets",),
    ("fit", "study.parquet", "--resamples", "20", "--json"),
    ("forecast", "study.parquet", "--resamples", "20", "--size", "3200"),
    ("forecast", "final.csv", "--size", "64000", *GROUPED),
    ("plan", "study.parquet", "--resamples", "0"),
    ("collapse", "study.parquet", "--json"),
    ("report", "final.csv", *GROUPED),
    ("surface", "losses.csv", "--family", "chinchilla", "--fit", "squares", "--resamples", "0"),
    ("theory", "--alpha", "5", "--norm", "3"),
    ("import", "table", "final.csv", "--out", "final.parquet"),
    ("export", "study.parquet", "--to", "csv", "--out", "study.csv"),
    ("export", "written", "--to", "csv", "--out", "written.csv"),  # by an earlier `normlaws run`
    ("explore", "study.parquet", "--no-browser", "--resamples", "0"),
]
NEEDS_TORCH = [
    ("measure", "weights.safetensors"),
    ("follow", "trained", "--out", "trained.parquet"),
    ("run", "teacher-mlp"),
    ("plan", "teacher-mlp"),
    ("presets", "--json"),
]
REFUSED = [
    ("run", "teacher-mpl"),
    ("measure",),
    ("follow", "trained"),
]  # before it matters that torch is missing


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("commands")
    plant(sizes=[200, 400, 800], seeds=2, records=20).write(root / "study.parquet")
    rows = [
        (model, 500 * 2**doubled, accuracy)
        for model, accuracies in FINAL.items()
        for doubled, accuracy in enumerate(accuracies)
    ]
    pd.DataFrame(rows, columns=["model", "n_train", "acc"]).to_csv(root / "final.csv", index=False)
    shutil.copytree(HERE / "studies/first_version/study", root / "written")
    family = FAMILIES["chinchilla"]
    variables = family.planted_variables()
    losses = pd.DataFrame({**variables, "val_loss": family.loss(family.planted(), variables)})
    losses.to_csv(root / "losses.csv", index=False)
    return root


def without_torch(folder: Path, asked: list[tuple[str, ...]], *more: str) -> dict:
    """What the command lines come to where there is no torch, and ``more``."""
    answer = subprocess.run(
        [sys.executable, HERE / "without_torch.py", *more],
        input=json.dumps(asked),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(nl.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def found(folder):
    return without_torch(folder, [*WORKS, *NEEDS_TORCH, *REFUSED], "modules")


@pytest.fixture(scope="module")
def answers(found):
    """Status, output and errors of every command line."""
    return dict(zip([*WORKS, *NEEDS_TORCH, *REFUSED], found["commands"], strict=True))


@pytest.fixture(scope="module")
def imported(found):
    """What is said instead of importing a module or a name at the top level; nothing of most."""
    return found["modules"]


def test_every_module_is_imported_or_names_the_extra(imported):
    said = {name: text for name, text in imported.items() if text and not name.startswith("nl.")}
    assert {text for text in said.values() if not text.endswith(ENDS)} == set()
    assert {name.split(".")[1] for name in said} == ROOMS | {"studies"}
    free = {name for name in imported if name.startswith("normlaws.studies.")} - set(said)
    assert free >= {"normlaws.studies.inherit", "normlaws.studies.planned"}


def test_names_at_the_top_level_name_the_extra(imported):
    said = {name.removeprefix("nl."): text for name, text in imported.items() if "nl." in name[:3]}
    assert {name for name, text in said.items() if text} == NAMES
    assert said["measure"].startswith("measuring networks needs")
    assert said["Tracker"].startswith("tracking a training needs")
    assert said["Study"].startswith("a study that trains networks needs")


@pytest.mark.parametrize("words", WORKS, ids=" ".join)
def test_verbs_that_need_no_torch_work(answers, words):
    answer = answers[words]
    assert answer["status"] == 0, answer["err"]
    assert answer["out"]


@pytest.mark.parametrize("words", NEEDS_TORCH, ids=" ".join)
def test_verbs_that_need_torch_end_in_one_sentence(answers, words):
    answer = answers[words]
    assert (answer["status"], answer["out"]) == (2, "")
    assert answer["err"].startswith("normlaws: ")
    assert answer["err"].endswith(f"{ENDS}\n")
    assert answer["err"].count("\n") == 1


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_mistakes_are_told_before_a_missing_torch(answers, words):
    answer = answers[words]
    assert answer["status"] == 2
    assert "torch" not in answer["err"]


def test_every_verb_is_tried():
    _add_verbs()
    verbs = {one.name or one.callback.__name__ for one in app.registered_commands}
    assert verbs | {"import"} <= {words[0] for words in [*WORKS, *NEEDS_TORCH]}


def test_the_table_of_an_analyst_becomes_a_comparison_and_a_page(answers, folder):
    forecast = answers["forecast", "final.csv", "--size", "64000", *GROUPED]
    assert "test_error = 1 − acc/100" in forecast["err"]
    assert {"cnn", "vit", "mlp"} <= set(forecast["out"].split())
    assert "<img" in (folder / "final.html").read_text(encoding="utf-8")


def test_the_laws_of_recorded_curves_are_those_with_torch(answers, folder):
    found = json.loads(answers["fit", "study.parquet", "--resamples", "20", "--json"]["out"])
    laws = nl.fit(nl.Curves.read(folder / "study.parquet"), resamples=20)
    assert found["gamma1"]["value"] == pytest.approx(laws.gamma1.value)


@pytest.mark.slow
def test_the_reports_of_curves_and_of_a_study_folder_are_written(folder):
    places = ["study.parquet", "written"]
    found = without_torch(folder, [("report", place) for place in places])["commands"]
    assert [(one["status"], one["err"]) for one in found] == [(0, "")] * 2
    for page in ("study.html", "written/report.html"):
        assert "<img" in (folder / page).read_text(encoding="utf-8")


def test_the_page_of_the_explorer_is_served(answers):
    assert (
        "200 OK" in answers["explore", "study.parquet", "--no-browser", "--resamples", "0"]["out"]
    )


def test_versions_name_what_is_installed(monkeypatch):
    monkeypatch.setattr(provenance, "_PACKAGES", ("numpy", "no-such-package"))
    found = provenance.versions.__wrapped__()
    assert "no-such-package" not in found
    assert found["numpy"] == provenance.version("numpy")


def test_the_missing_package_is_told_with_its_extra():
    with (
        pytest.raises(MissingExtraError, match=r"a thing needs .*'normlaws\[it\]'"),
        needed("a thing", "it", "no_such_package"),
    ):
        pass


def test_an_installed_package_that_is_broken_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_package"),
        needed("a thing", "it", "broken_package"),
    ):
        pass
