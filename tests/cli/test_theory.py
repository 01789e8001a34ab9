"""``normlaws theory``: one point, the rules, and the report."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.report.solved import write_solved_page
from normlaws.theory import Descent, solved_study, study

_add_verbs()


def ask(*arguments):
    return CliRunner().invoke(app, ["theory", *arguments])


def test_json_of_the_fixed_norm_student():
    found = json.loads(ask("--alpha", "5", "--norm", "10", "--json").stdout)
    assert set(found) == {"alpha", "norm", "rule", "generalization_error", "overlap"}
    assert found["generalization_error"] == pytest.approx(0.08404273, rel=1e-7)
    assert (found["alpha"], found["norm"], found["rule"]) == (5, 10, "fixed-norm")


def test_set_is_the_long_form_of_every_option():
    short = ask("--alpha", "5", "--norm", "10", "--flip", "0.1", "--json").stdout
    named = ("alpha=5", "norm=10", "flip-probability=0.1")
    long = ask("--model", "perceptron", *(x for one in named for x in ("--set", one)), "--json")
    assert json.loads(long.stdout) == json.loads(short)


@pytest.mark.parametrize(
    ("rule", "error"),
    [("hebb", 0.16261440), ("bayes", 0.08393517), ("max-stability", 0.09382701)],
)
def test_json_of_a_rule(rule, error):
    found = json.loads(ask("--alpha", "5", "--rule", rule, "--json").stdout)
    assert found["generalization_error"] == pytest.approx(error, rel=1e-7)
    assert found["norm"] is None


def test_table():
    assert "fixed-norm" in ask("--alpha", "5", "--norm", "10").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--alpha", "5"], "expected --alpha, and --norm for the rule fixed-norm"),
        (["--norm", "5"], "expected --alpha, and --norm"),
        (["--alpha", "5", "--report", "x.html"], "expected --report without --alpha"),
        (["--alpha", "0", "--norm", "1"], "expected alpha to be positive"),
        (["--alpha", "5", "--norm", "1", "--flip", "0.5"], "less than 1/2"),
        (["--alpha", "5", "--rule", "svm"], "rule to be fixed-norm, hebb, .* got 'svm'"),
        (["--alpha", "1e-6", "--norm", "1e6"], "can solve, got alpha 1e-06, norm 1e\\+06"),
        (["--model", "perceptrn"], "a solved model .*perceptron.*, got 'perceptrn'"),
        (["--set", "beta=1"], "a parameter of perceptron .*alpha, norm, rule.*got 'beta'"),
        (["--set", "alpha=one"], "expected alpha to be float, got 'one'"),
        (["--set", "alpha"], "expected --set name=value"),
        (["--set", "alpha=1", "--set", "alpha=2"], "each name once"),
        (["--alpha", "9", "--rule", "max-stability", "--flip", "0.1"], "cannot be separated"),
    ],
)
def test_mistakes(arguments, message):
    answer = ask(*arguments)
    assert isinstance(answer.exception, InputError)
    with pytest.raises(InputError, match=message):
        raise answer.exception


def test_study_folder_holds_curves_and_a_page_of_one_file(tmp_path):
    descent = Descent("normalized-gd", 0.2, steps=50, records=8)
    comparison = study([1, 2, 3], dimension=30, samples=2, norms=[0.1, 1, 3, 10], descent=descent)
    perceptron = solved_study("perceptron")
    perceptron.write(comparison, tmp_path)
    page = write_solved_page(perceptron, comparison, tmp_path / "report.html")
    text = page.read_text(encoding="utf-8")
    assert text.count("<figure") == 3 + 1 + 2
    assert 'src="http' not in text
    assert "The laws as nl.fit reads them" in text
    assert sorted(Curves.read(tmp_path).runs["run"]) == sorted(comparison.descent.runs["run"])
    assert len(Curves.read(tmp_path / "theory.parquet")) == len(comparison.theory)
    assert len(Curves.read(tmp_path / "fixed-norm.parquet")) == len(comparison.fixed_norm)
