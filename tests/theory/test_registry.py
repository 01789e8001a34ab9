"""The registry: every member keeps its promise, and every reader finds it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.errors import InputError, StudyConflictError
from normlaws.explore.server import _place
from normlaws.report.solved import write_solved_page
from normlaws.theory import SolvedStudy, solved_studies, solved_study

MEMBERS = list(solved_studies().values())


@dataclass(frozen=True)
class Planted:
    """A model whose exact curve is λ^-1 + λ/P, and a simulation of it with seed noise."""

    noise: float

    def kinds(self) -> dict[str, Curves]:
        return {"exact line": curves(), "noisy runs": curves(range(3), self.noise)}


def curves(seeds=(None,), noise: float = 0.0) -> Curves:
    random = np.random.default_rng(0)
    norms = np.geomspace(0.5, 100, 25)
    rows = []
    for size in (100, 400, 1600):
        for seed in seeds:
            error = 0.1 * (1 / norms + norms / size) * np.exp(noise * random.normal(size=25))
            table = {"run": f"{size}-{seed}", "size": size, "seed": seed, "step": pd.NA}
            rows.append(pd.DataFrame(table | {"log_length": np.log(norms), "test_error": error}))
    frame = pd.concat(rows, ignore_index=True)
    return Curves(frame.astype({"seed": "Int64", "step": "Int64"}))


def study(noise: float = 0.02) -> Planted:
    return Planted(noise)


def values(size: float, norm: float = 1.0) -> dict[str, float]:
    return {"size": size, "test_error": 0.1 * (1 / norm + norm / size)}


@pytest.fixture
def planted(monkeypatch) -> SolvedStudy:
    monkeypatch.setitem(sys.modules, "planted_model", sys.modules[__name__])
    return SolvedStudy("planted", "A planted model.", "length", "test_error", "planted_model")


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_a_member_offers_what_the_registry_asks_of_it(member):
    assert member.name.replace("-", "").replace("_", "").isalnum()
    assert member.description.endswith(".")
    for name in ("study", "values"):
        for parameter in inspect.signature(member._function(name)).parameters.values():
            assert parameter.kind is not inspect.Parameter.VAR_KEYWORD
    for parameter in inspect.signature(member._function("study")).parameters.values():
        assert parameter.default is not inspect.Parameter.empty, "a study runs by its name alone"


def test_listing_imports_no_numerical_library():
    code = (
        "import sys; from normlaws.theory import solved_studies; assert solved_studies();"
        "print({'numpy', 'scipy', 'pandas'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_study_load_gives_every_member():
    for member in MEMBERS:
        assert nl.Study.load(member.name) is member or nl.Study.load(member.name) == member
    with pytest.raises(InputError, match=r"got 'perceptrn'; did you mean perceptron"):
        nl.Study.load("perceptrn")
    with pytest.raises(InputError, match=r"a solved model \(.*perceptron.*got 'x'"):
        solved_study("x")


def test_first_kind_becomes_the_runs_and_the_others_stand_beside(planted, tmp_path):
    returned = planted.run(tmp_path)
    assert Curves.read(tmp_path).seeds == returned.seeds == []
    assert Curves.read(tmp_path / "noisy-runs.parquet").seeds == [0, 1, 2]
    before = sorted(tmp_path.rglob("*"))
    planted.run(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    other = SolvedStudy("other", "", "length", "test_error", planted.module, runs="noisy runs")
    with pytest.raises(StudyConflictError, match="to hold the other, but it holds another study"):
        other.run(tmp_path)


def test_a_page_without_code_of_its_own(planted, tmp_path):
    text = write_solved_page(planted, planted.solve(), tmp_path / "page.html").read_text("utf-8")
    assert text.count("<figure") == 3  # each kind, and both together
    assert "The laws as nl.fit reads them" in text
    laws = nl.fit(curves(), norm="length", metric="test_error")
    assert f"{laws.gamma2.value:.3f}" in text
    assert text.count(laws.verdict.text[:30]) >= 1


def test_parameters_are_converted_and_checked(planted):
    assert planted.values(size="100", norm="2")["test_error"] == pytest.approx(0.052)
    assert planted.solve(noise="0.5") == Planted(0.5)
    with pytest.raises(InputError, match="expected a value for size of planted"):
        planted.values(norm=2.0)
    with pytest.raises(InputError, match=r"a parameter of planted \(size or norm\), got 'alpha'"):
        planted.values(alpha=1.0)
    with pytest.raises(InputError, match="expected size to be float, got 'big'"):
        planted.values(size="big")


def test_the_explorer_opens_a_model_by_its_name(planted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("normlaws.explore.server.solved_studies", lambda: {"planted": planted})
    assert _place(tmp_path / "elsewhere") == tmp_path / "elsewhere"
    place = _place(tmp_path.__class__("planted"))
    assert Curves.read(place).norms == ["length"]


def test_every_name_can_be_the_first_that_is_imported():
    code = (
        "import sys, importlib\n"
        f"for name in {nl.theory.__all__}:\n"
        "    for loaded in [one for one in sys.modules if one.startswith('normlaws')]:\n"
        "        del sys.modules[loaded]\n"
        "    getattr(importlib.import_module('normlaws.theory'), name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
