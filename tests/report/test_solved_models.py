"""Presets of the solved models: their folders, pages and points, over few and small students."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.report.solved import write_solved_page
from normlaws.theory import RandomFeatures, SoftCommittee, solved_study

_add_verbs()


def page_of(name, tmp_path, **options):
    study = solved_study(name)
    solved = study.solve(**options)
    study.write(solved, tmp_path)
    return solved, write_solved_page(study, solved, tmp_path / "report.html").read_text("utf-8")


def test_random_features_write_a_study_and_its_page(tmp_path, monkeypatch):
    page = "normlaws.report.solved.random_features"
    monkeypatch.setattr(f"{page}.WIDTHS", (10, 100))
    monkeypatch.setattr(f"{page}.DECADES", (1e4,))
    monkeypatch.setattr("normlaws.theory.random_features.comparison.COUNT", 3)
    solved, text = page_of(
        "random-features", tmp_path, sizes=(16, 32, 64), modes=100, seeds=3, records=9
    )
    assert list(solved.kinds()) == ["theory", "students", "large sizes"]
    assert Curves.read(tmp_path).seeds == [0, 1, 2]
    assert Curves.read(tmp_path / "theory.parquet").seeds == []
    for words in ("Linear random features", "regime: noisy", "Exponents of the optimum", "0.333"):
        assert words in text
    assert text.count("<figure") == 5


def test_committees_write_a_study_and_its_page(tmp_path, monkeypatch):
    page = "normlaws.report.solved.committee"
    monkeypatch.setattr(f"{page}.COUNTS", (1, 2))
    monkeypatch.setattr(f"{page}.MORE", (1, 2))
    solved, text = page_of("committee", tmp_path, alpha=6.0, eigenvalues=2, seeds=2)
    assert list(solved.kinds()) == ["theory", "students", "linear units"]
    assert len(Curves.read(tmp_path).sizes) == 6
    for words in ("Soft committees in one pass", "Escape from the symmetric plateau", "censored"):
        assert words in text
    assert text.count("<figure") == 4


def ask(*arguments):
    return CliRunner().invoke(app, ["theory", *map(str, arguments), "--json"])


def test_one_point_of_random_features():
    asked = ask(
        "--model", "random-features", "--set", "size=100", "--set", "time=10", "--set", "width=150",
        "--set", "spectrum_exponent=1.25", "--set", "noise=0", "--set", "modes=1000",
    )  # fmt: skip
    found = json.loads(asked.stdout)
    assert found["test_loss"] == pytest.approx(0.6206429124958319, rel=1e-9)
    best = solved_study("random-features").values(size=1000)
    exact = RandomFeatures(1.5, 1.5).optimum(1000)
    assert (best["time"], best["status"]) == (exact.time, "at the best time")
    none = solved_study("random-features").values(size=100, target_exponent=1.8, noise=0)
    assert none["status"] == "no optimum: at the end"
    with pytest.raises(InputError, match="target_exponent greater than 1"):
        solved_study("random-features").values(size=100, target_exponent=1)


def test_one_point_of_a_committee():
    asked = ask("--model", "committee", "--set", "alpha=10", "--set", "eigenvalues=4")
    found = json.loads(asked.stdout)
    model = SoftCommittee(2, 2, 4, 1.0, 0.5, "erf", 0.01, 0.001)
    assert found["test_loss"] == pytest.approx(0.01430304165, rel=1e-8)
    assert found["escape_time"] == pytest.approx(model.escape_time())
    assert solved_study("committee").values(alpha=1, activation="linear")["escape_time"] is None
