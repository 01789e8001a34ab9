"""The report: every number is the laws', every figure is there, every trouble is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.display.numbers import fixed, power, significant
from normlaws.errors import InputError
from normlaws.laws.clocks import clock_sentence
from normlaws.laws.headline import NAMES, headline
from normlaws.laws.result import Forecasts
from normlaws.report import save_figures, write_report

GAMMA1, GAMMA2 = 0.8, 1.0  # of the planted curves in conftest.py
FIGURES = [
    "error-against-norm",
    "collapse-by-optimum",
    "collapse-by-exponents",
    "crossover",
    "error-against-size",
    "norm-against-size",
    "norm-against-step",
    "loss-against-step",
]


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def table(page: str, caption: str) -> list[list[str]]:
    """Rows of the table with this caption, its header first."""
    found = re.search(rf"<caption[^>]*>{re.escape(caption)}.*?</table>", page, re.S)
    assert found, f"no table {caption}"
    rows = re.findall(r"<tr>(.*?)</tr>", found[0], re.S)
    return [[text_of(c) for c in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)] for row in rows]


def number(text: str) -> float:
    """``"4.69×10⁻⁴"`` or ``"1,024"``."""
    plain = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace("×10", "e")
    return float(plain.replace(",", ""))


def write(tmp_path, curves, laws, **settings) -> str:
    return write_report(curves, laws, tmp_path / "r.html", **settings).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(curves, laws, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("report")
    return write(folder, curves, laws, title="Digits", settings={"preset": "digits-cnn"})


@pytest.fixture
def quick(page, monkeypatch):
    """Figures are drawn but not rendered: for tests that read words and tables."""
    monkeypatch.setattr("normlaws.report.page.embed", lambda axes: "data:image/png;base64,AA==")


def test_every_figure_is_there_once_in_order(page):
    assert re.findall(r'<figure id="figure-([\w-]+)">', page) == FIGURES
    assert page.count("<img ") == len(FIGURES)


def test_no_column_is_nameless(page):
    headers = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)
    assert len(headers) > 40
    assert all(headers)


def test_alternative_text_tells_the_result(page, laws):
    alts = [unescape(alt) for alt in re.findall(r'alt="([^"]*)"', page)]
    assert "6 sizes from 32 to 1,024" in alts[0]
    assert "The lowest test error goes from 0.0" in alts[0]
    assert any(f"Slope γ₂ = {laws.gamma2.value:.3f}" in alt for alt in alts)


def span(estimate, write=fixed) -> str:
    return f"{write(estimate.low)} to {write(estimate.high)}"


def test_exponents_are_those_of_the_laws(page, laws):
    rows = {row[0]: row[1:3] for row in table(page, "Exponents of the two laws")[1:]}
    names = {
        "γ": "gamma",
        "γ₁": "gamma1",
        "γ₀": "gamma0",
        "γ₂": "gamma2",
        "γ₀ + γ₁·γ₂": "product",
        "γ₀ + γ₁·γ₂ − γ": "difference",
    }
    assert rows.pop("collapse")[0] == significant(laws.collapse)
    assert rows == {
        symbol: [fixed(getattr(laws, name).value), span(getattr(laws, name))]
        for symbol, name in names.items()
    }
    assert float(rows["γ"][0]) == pytest.approx(GAMMA1 * GAMMA2, abs=0.05)  # as planted
    assert float(rows["γ₂"][0]) == pytest.approx(GAMMA2, abs=0.05)
    assert float(rows["γ₁"][0]) == pytest.approx(GAMMA1, abs=0.08)


def test_verdict_and_next_steps_come_first(page, laws):
    text = text_of(page.split("<main>")[1])
    first, verdict = (" ".join(one.split()) for one in (headline(laws), laws.verdict.text))
    flat = " ".join(text.split())
    assert flat.startswith(f"Verdict {first} Forecast for more data")
    assert 0 < flat.index(verdict, len(first)) < flat.index("The two laws")
    steps = [str(step) for step in laws.verdict.next_steps]
    assert ("What to run next: " + " ".join(steps) in text) == bool(steps)


def test_findings_have_figure_interval_bounds_and_grade(page, laws):
    rows = table(page, "Findings")
    assert rows[0][:6] == [
        "finding", "answer", "figure", "95 % interval", "established", "contradicted",
    ]  # fmt: skip
    for row, one in zip(rows[1:], laws.verdict.findings, strict=True):
        assert row[:3] == [NAMES[one.name], one.grade, significant(one.figure.value)]
        assert one.question in row[-1]
        assert row[3] == span(one.figure, significant)
    assert rows[1][4:6] == ["≥ 0.5", "< 0.35"]


def test_clocks_stand_beside_each_other_with_their_sentence(page, laws):
    rows, found = table(page, "Clocks"), laws.clocks()
    assert [row[0].replace(" ", "_") for row in rows[1:]] == list(found["clock"])
    assert {"spectral_complexity", "step", "train_loss"} <= set(found["clock"])
    for row, share in zip(rows[1:], found["common_share"], strict=True):
        assert row[1] == significant(share)
    assert " ".join(clock_sentence(found).split()) in text_of(page)


def test_optimum_of_every_size(page, laws):
    rows = table(page, "The optimum of every size")[1:]
    assert [row[0] for row in rows] == ["32", "64", "128", "256", "512", "1,024"]
    errors = [float(row[2]) for row in rows]
    assert errors == pytest.approx(list(laws.sizes["error"]), rel=5e-3)
    norms = [float(row[4].replace(",", "")) for row in rows]
    assert norms == pytest.approx(list(np.exp(laws.sizes["log_norm"])), rel=5e-3)


def test_forecast_beyond_the_largest_size(page, laws):
    rows = table(page, "Forecast for more data")[1:]
    assert [row[0] for row in rows] == ["2,048", "4,096", "10,240"]
    ahead = laws.forecast(2048)
    assert rows[0][1:3] == [significant(ahead.error.value), span(ahead.error, significant)]
    assert rows[0][3:] == [power(ahead.log_norm.value), span(ahead.log_norm, power)]


def test_examples_needed_for_a_lower_error(page, laws):
    rows = table(page, "Examples needed for a lower error")[1:]
    best = laws.sizes["error"].min()
    wanted = [best / 2, best / 4, best / 10]
    assert [number(row[0]) for row in rows] == pytest.approx(wanted, rel=5e-3)
    needed = [found.value for found in laws.size_for_error(wanted)]
    assert [number(row[2]) for row in rows] == pytest.approx(needed, rel=5e-3)


def test_other_estimators_models_windows_and_sizes(page, laws):
    rows = table(page, "The same exponents by other estimators")[1:]
    gamma, gamma2 = laws.collapse_exponents()
    joint = laws.crossover
    assert rows[0] == [
        "γ", fixed(laws.gamma.value), fixed(joint.gamma), fixed(gamma.value), span(gamma),
    ]  # fmt: skip
    assert rows[1][:3] == ["γ₁", fixed(laws.gamma1.value), fixed(joint.gamma1)]
    assert rows[3][3:] == [fixed(gamma2.value), span(gamma2)]
    rows = table(page, "Extrapolations of the lowest error, side by side")[1:]
    assert [row[0] for row in rows] == [name.replace("_", " ") for name in laws.baselines()["name"]]
    rows = table(page, "How the early exponents move with the window")[1:]
    [chosen] = [row for row in rows if row[-1] == "yes"]
    windows = laws.window_table()
    assert chosen[1:3] == [
        fixed(float(windows.loc[windows["chosen"], name].iloc[0])) for name in ("gamma1", "gamma0")
    ]
    rows = table(page, "How the exponents move when one size is left out")[1:]
    assert [row[0] for row in rows] == ["none", "32", "64", "128", "256", "512", "1,024"]
    assert rows[0][1] == fixed(laws.gamma.value)


def test_settings_versions_hardware_code(page):
    assert table(page, "Study") == [["name", "value"], ["preset", "digits-cnn"]]
    settings = table(page, "Settings of the runs")
    assert settings[1:] == [["lr", "0.001"], ["size", "32; 64; 128; 256; 512; 1024"]]
    assert table(page, "Versions")[1] == ["torch", "2.14"]
    assert table(page, "Hardware")[1] == ["cpu", "test-cpu"]
    assert table(page, "Code")[1] == ["commit", "abc123"]


@pytest.mark.usefixtures("quick")
def test_conventions_name_the_selecting_split(page, curves, laws, tmp_path):
    assert "selected on val error and scored on test error." in text_of(page)
    same = replace(laws, optima=laws.optima.assign(selected_on="test_error"))
    assert "makes the lowest value slightly too low" in text_of(write(tmp_path, curves, same))


@pytest.mark.usefixtures("quick")
def test_a_forecast_that_is_a_bound_says_so(page, curves, laws, tmp_path, monkeypatch):
    assert "≤: the law" not in text_of(page)
    given = type(laws).forecast

    def bounded(self, sizes):
        found = given(self, sizes)
        if not isinstance(found, list):
            return replace(found, bounded_by=512.0)
        return Forecasts([found[0], *(replace(one, bounded_by=512.0) for one in found[1:])])

    monkeypatch.setattr(type(laws), "forecast", bounded)
    marked = write(tmp_path, curves, laws)
    ahead = [row[1] for row in table(marked, "Forecast for more data")[1:]]
    assert [cell.startswith("≤") for cell in ahead] == [False, True, True]
    assert "≤: the law lies above what runs of P = 512, not yet at" in text_of(marked)
    assert "which P = 512 reached" in text_of(marked)


@pytest.mark.usefixtures("quick")
def test_trouble_is_shown_with_its_message(plain_curves, laws, tmp_path):
    curves = plain_curves()
    runs = curves.runs.copy()
    runs.loc[0, ["status", "error"]] = ["failed", "<b>out of memory</b>"]
    runs.loc[1, "status"] = "diverged"
    runs.loc[2, "status"] = "unfinished"
    page = write(tmp_path, Curves(curves.frame, runs), laws)
    rows = table(page, "Runs that did not complete")[1:]
    assert [row[3] for row in rows] == ["failed", "diverged", "unfinished"]
    assert rows[0][5] == "<b>out of memory</b>"
    assert "<b>" not in page
    counts = table(page, "Runs of every size, by how they ended")
    assert counts[1] == ["32", "3", "0", "1", "1", "1"]
    runs["status"] = "complete"
    counts = table(write(tmp_path, Curves(curves.frame, runs), laws), "Runs of every size")
    assert counts[:2] == [["P", "runs", "complete"], ["32", "3", "3"]]


@pytest.mark.usefixtures("quick")
def test_hostile_settings_are_only_text(plain_curves, laws, tmp_path):
    curves = plain_curves()
    bad = '"><img src=x onerror=alert(1)>'
    runs = curves.runs.assign(settings=[{bad: bad}] * len(curves.runs))
    page = write(tmp_path, Curves(curves.frame, runs), laws, title=bad)
    assert "<img src=x" not in page
    assert table(page, "Settings of the runs")[1] == [bad, bad]


@pytest.mark.usefixtures("quick")
def test_without_laws_the_curves_and_the_reason_are_shown(curves, tmp_path):
    page = write(tmp_path, curves, None, reason="expected two sizes, got 1")
    assert "The laws could not be fitted: expected two sizes, got 1" in text_of(page)
    assert re.findall(r'<figure id="figure-([\w-]+)">', page) == [
        "error-against-norm",
        "norm-against-step",
        "loss-against-step",
    ]
    assert "Exponents of the two laws" not in page


@pytest.mark.usefixtures("quick")
def test_without_seeds_intervals_are_dashes_and_it_is_said(curves, laws, tmp_path):
    names = ("gamma", "gamma0", "gamma1", "gamma2", "product", "difference")
    bare = {n: getattr(laws, n)._replace(low=None, high=None) for n in names}
    page = write(tmp_path, Curves(curves.frame.assign(seed=pd.NA)), replace(laws, **bare))
    assert {row[2] for row in table(page, "Exponents of the two laws")[1:]} == {"–"}
    assert "There are no intervals" in text_of(page)
    assert "no seeds: averaged or exact curves" in text_of(page)


@pytest.mark.usefixtures("quick")
def test_without_a_crossover_it_is_said(curves, laws, tmp_path):
    page = write(tmp_path, curves, replace(laws, crossover=None))
    assert "figure-crossover" not in page
    assert "No crossover curve could be fitted" in text_of(page)


@pytest.mark.usefixtures("quick")
def test_without_steps_it_is_said(curves, laws, tmp_path):
    page = write(tmp_path, Curves(curves.frame.assign(step=pd.NA)), laws)
    assert "norm-against-step" not in page
    assert text_of(page).count("optimiser steps, got none") == 1


def test_unknown_norm_is_named(curves, tmp_path):
    with pytest.raises(InputError, match="spectral_complexity"):
        write_report(curves, None, tmp_path / "r.html", norm="fisher")
    assert not list(tmp_path.iterdir())


def test_figures_as_files(curves, laws, tmp_path, monkeypatch):
    monkeypatch.setattr("normlaws.report.html._DPI", 40)
    written = save_figures(curves, laws, tmp_path / "figures")
    assert sorted(path.name for path in written) == sorted(
        f"{name}.{form}" for name in FIGURES for form in ("png", "pdf")
    )
    for path in written:
        start = b"\x89PNG" if path.suffix == ".png" else b"%PDF"
        assert path.read_bytes().startswith(start)
