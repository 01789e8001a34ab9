"""Curves without norms and tables of final errors: the page of the direct law."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.display.numbers import significant
from normlaws.explore.direct import DirectStudy, only_direct
from normlaws.explore.direct.callbacks import _asked, _forecast, _query
from normlaws.explore.direct.study import NO_GROUP
from normlaws.explore.figures.direct import direct_laws
from normlaws.explore.server import prepare
from normlaws.interop import read_table

LAWS = {"cnn": (3.0, 0.4), "vit": (9.0, 0.55)}


@pytest.fixture(scope="module")
def final(tmp_path_factory):
    """Six final errors of each of two models, under names of one's own."""
    random, rows = np.random.default_rng(0), []
    for model, (scale, gamma) in LAWS.items():
        for size in 1000 * 2 ** np.arange(6):
            error = scale * size**-gamma * np.exp(0.02 * random.normal())
            rows.append({"model": model, "n_train": size, "err": error})
    path = tmp_path_factory.mktemp("final") / "final.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def study(final):
    with pytest.warns(nl.errors.NormlawsWarning, match="size = n_train"):
        return DirectStudy(read_table(final, guess=True), resamples=20)


def test_which_curves_have_this_page(study):
    planted = nl.laws.plant(sizes=(100, 200), seeds=1, records=5)
    assert only_direct(study.curves)
    assert not only_direct(planted)
    assert only_direct(nl.Curves(planted.frame.drop(columns="log_spectral_complexity")))
    assert only_direct(nl.Curves(planted.frame.groupby("run").last().reset_index()))


def test_what_differs_between_runs_of_a_size_is_compared_at_once(study):
    assert study.groups == ["model"]
    assert study.start == "model"
    found = study.answer("test_error", "model")
    for model, (_, gamma) in LAWS.items():
        assert found.laws[model].gamma.value == pytest.approx(gamma, abs=0.03)
    assert "differ in model (cnn, vit)" in study.answer("test_error", NO_GROUP)


def test_one_model_is_a_law_of_its_own(study, checked):
    alone = DirectStudy(study.curves.select(model=["cnn"]), resamples=20)
    assert alone.start == NO_GROUP
    law = alone.answer("test_error", NO_GROUP)
    drawn = checked(direct_laws({"": law}, 1e6)).data
    roles = [trace.meta["role"] for trace in drawn]
    assert roles == ["interval", "law", "sizes"]
    assert max(drawn[1].x) == pytest.approx(1e6)


def test_bad_input_is_said_and_not_used():
    (size, target), said = _asked(-5, 2, "test_error")
    assert (size, target) == (None, None)
    assert "P above 0, got -5" in said
    assert "at most 1, got 2" in said
    assert _asked(5, 2, "test_loss") == ((5, 2), "")


def test_a_link_holds_what_is_not_at_its_start(study):
    assert _query(study, "test_error", "model", 4.0 * 32_000, None) == ""
    assert _query(study, "test_error", NO_GROUP, 7, 0.1) == (
        "?group=all+runs+together&size=7&target=0.1"
    )


def go_to(window, option):
    """Arrow up to the option of an open menu, which sets the focus itself while it opens."""
    here = window.locator(f"[role=option] input[value='{option}']:focus")
    for _ in range(50):
        if not here.count():
            window.keyboard.press("ArrowUp")
        window.wait_for_timeout(300)
        if here.count():
            return
    pytest.fail(f"the keyboard does not reach {option}")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_in_the_browser_by_keyboard(final, study, chromium, scheme):
    from axe_playwright_python.base import AXE_SCRIPT
    from playwright.sync_api import expect

    server = prepare(final, resamples=20, read=lambda: study.curves)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(60_000)
    window = context.new_page()
    try:
        window.goto(f"http://127.0.0.1:{server.port}/?target=0.01")
        expect(window.locator("#verdict")).to_contain_text("Lowest error: cnn")
        expect(window.locator("#figure-direct .legend")).to_contain_text("vit, γ = 0.5")
        law = nl.laws.direct_law(study.curves.select(model=["vit"]), resamples=0)
        forecast = significant(law.forecast(128_000).error.value)
        expect(window.locator("#forecast")).to_contain_text(forecast)
        expect(window.locator("#forecast")).to_contain_text("vit: P needed for 0.0100")
        window.evaluate(AXE_SCRIPT)
        found = window.evaluate("() => axe.run()")["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
        menu = window.get_by_role("button", name="Compare groups of runs by")
        menu.focus()
        window.keyboard.press("Enter")
        go_to(window, "all runs together")
        window.keyboard.press("Enter")
        expect(window.locator("#verdict")).to_contain_text("differ in model (cnn, vit)")
    finally:
        context.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_sizes_with_unfinished_runs_are_hollow(checked):
    curves = nl.laws.plant(sizes=(100, 200, 400, 800), seeds=2, records=20)
    runs = curves.runs.copy()
    runs.loc[runs["run"] == "800-1", "status"] = "unfinished"
    law = nl.laws.direct_law(nl.Curves(curves.frame, runs))
    points = next(
        one for one in checked(direct_laws({"": law})).data if one.meta["role"] == "sizes"
    )
    assert list(points.marker.symbol) == ["circle"] * 4 + ["circle-open"]
    assert "1 unfinished" in points.customdata[4][4]


def test_a_bound_is_marked_in_the_readout():
    """The largest size is unfinished and already far below the law of the others."""
    curves = nl.laws.plant(sizes=(100, 200, 400, 800), seeds=2, records=20)
    runs, frame = curves.runs.copy(), curves.frame.copy()
    runs.loc[runs["size"] == 800, "status"] = "unfinished"
    frame.loc[frame["size"] == 800, "test_error"] *= 0.2
    law = nl.laws.direct_law(nl.Curves(frame, runs))
    marked, free = str(_forecast(law, 1600.0, None)), str(_forecast(law, 400.0, None))
    assert "'≤\\xa0" in marked
    assert "≤: the law lies above what runs of P = 800" in marked
    assert "≤" not in free
