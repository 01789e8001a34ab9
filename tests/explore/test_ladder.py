"""The tab of the collapse: what it asks, draws and says of unfinished runs."""

from __future__ import annotations

import numpy as np
import pytest

from normlaws.curves import Curves
from normlaws.explore.figures import ladder as figures
from normlaws.explore.ladder import Asked, LadderStudy, written
from normlaws.explore.ladder.answers import ordered_axes
from normlaws.explore.ladder.callbacks import shown_data
from normlaws.explore.study import Study
from normlaws.laws.collapse import plant_ladder

SIZES = (100, 300, 1000, 3000, 10000)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A ladder on disk whose largest runs are cut at half of their end."""
    whole = plant_ladder(SIZES, floor=1.0, seeds=2, noise=0.004)
    largest = whole.runs["size"] == SIZES[-1]
    cut = (whole.frame["size"] == SIZES[-1]) & (whole.frame["step"] > 200)
    runs = whole.runs.assign(status=np.where(largest, "unfinished", "complete"))
    path = tmp_path_factory.mktemp("ladders") / "running.parquet"
    return Curves(whole.frame[~cut], runs).write(path), whole


@pytest.fixture(scope="module")
def ladder(running):
    return LadderStudy(Study(running[0], resamples=30))


def test_the_usual_axis_comes_first_and_single_records_have_none(ladder):
    assert ladder.axes[0] == "compute"
    assert {"tokens", "step"} < set(ladder.axes)
    frame = ladder.study.curves.frame.groupby("run").last().reset_index()
    assert ordered_axes(Curves(frame)) == []


def test_what_the_curves_do_not_have_is_as_at_the_start(ladder):
    assert ladder.suited("nowhere", "nothing", "much") == Asked("compute", "test_loss", None)
    assert ladder.suited("tokens", "test_loss", 1) == Asked("tokens", "test_loss", 1.0)


def test_unfinished_runs_have_a_line_each(ladder, running):
    answer = ladder.answer(ladder.suited(None, None, None))
    lines = written(answer)
    assert len(lines) == 2
    assert "expected final value 1.0" in lines[0]
    assert "(from x = 0.46), residual" in lines[0]
    truth = running[1].frame.groupby("run")["test_loss"].last()
    for one in answer.running:
        assert one.value.low < truth[one.run] < one.value.high


def test_figures_show_every_run_and_the_interval(ladder, checked):
    answer = ladder.answer(ladder.suited(None, None, None))
    normalised = checked(figures.normalised(answer.found, answer.running))
    dashes = [trace.line.dash for trace in normalised.data]
    assert (dashes.count("solid"), dashes.count("dot"), dashes.count("dash")) == (8, 2, 1)
    names = [trace.name for trace in checked(figures.deviation(answer.found)).data]
    assert names == [None, "Δ", "σ̄"]
    assert len(checked(figures.residuals(answer.found)).data) == 4 + 1
    assert len(shown_data("normalised", answer)) == 8 * len(answer.found.x)
    assert list(shown_data("residuals", answer)["run"]) == list(answer.found.order.table["run"])
    assert "deviation" in shown_data("deviation", answer)


def test_a_refusal_is_a_sentence(ladder):
    assert "would be negative" in ladder.answer(Asked("compute", "test_loss", 10.0))


@pytest.mark.slow
def test_the_page_follows_a_running_ladder(running, served, window):
    from playwright.sync_api import expect

    path, whole = running
    with served(path) as address:
        window.goto(address)
        expect(window.locator("#ladder-runs")).to_contain_text("from x = 0.46", timeout=60_000)
        expect(window.locator("#ladder-verdict")).to_contain_text("The curves")
        window.get_by_text("follow a running study").click()
        cut = (whole.frame["size"] == SIZES[-1]) & (whole.frame["step"] > 300)
        status = np.where(whole.runs["size"] == SIZES[-1], "unfinished", "complete")
        Curves(whole.frame[~cut], whole.runs.assign(status=status)).write(path)
        expect(window.locator("#ladder-runs")).to_contain_text("from x = 0.7", timeout=60_000)
        window.locator("#floor").fill("50")
        expect(window.locator("#ladder-verdict")).to_contain_text("would be negative")
        assert "floor=50" in window.url
        window.goto("about:blank")  # ends the polling
