"""What a reader does on the page, in headless Chromium; nothing may leave the machine."""

from __future__ import annotations

import math
import re
from io import StringIO
from urllib.parse import parse_qs, urlparse

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

import normlaws as nl
from normlaws.display.numbers import fixed, interval, significant, size_needed
from normlaws.explore.lines import lines_of, table
from normlaws.explore.models import MODELS
from normlaws.explore.state import MODEL_FIGURES, from_query
from normlaws.laws import plant
from normlaws.laws.clocks import clock_sentence
from normlaws.laws.headline import headline

pytestmark = pytest.mark.slow

SIZES = (100, 200, 400, 800, 1600)
FIGURES = ("norm", "step", "error", "optimum", "collapse")
ROWS = ("gamma", "gamma1", "gamma0", "gamma2", "product", "difference")
FOCUSED = "() => { const at = document.activeElement; return at.id || at.ariaLabel; }"
BESIDE = """at => {
  const table = document.querySelector(at);
  return table.scrollWidth - table.clientWidth;
}"""
OVERLAPS = """name => {
  const plot = document.querySelector(`#figure-${name} .js-plotly-plot`);
  const frame = plot.getBoundingClientRect(), bad = [];
  for (const kind of ['.xtick text', '.ytick text', '.xtitle', '.ytitle']) {
    const boxes = [...plot.querySelectorAll(kind)].map(one => [one.textContent,
      one.getBoundingClientRect()]).filter(([, box]) => box.width);
    boxes.forEach(([text, a], at) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 1
          || a.top < frame.top - 1)
        bad.push(`clipped: ${text}`);
      for (const [other, b] of boxes.slice(at + 1))
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1
            && b.top < a.bottom - 1) bad.push(`${text} over ${other}`);
    });
  }
  return bad;
}"""


def opened(window, address, query=""):
    """The page, once every number and every figure is there."""
    window.goto(address + query)
    settled(window)
    for name in FIGURES:
        drawn = f"#figure-{name} .trace, #figure-{name} .annotation"
        expect(window.locator(drawn).first).to_be_attached()
    return window


def settled(window):
    """Until intervals stand beside the exponents."""
    expect(window.locator("#exponents td.number").nth(1)).to_have_text(re.compile(r" to |–"))


def asked(window, name):
    """A value in the page's address."""
    return parse_qs(urlparse(window.url).query).get(name, [None])[0]


def wait_for_address(window, pattern):
    window.wait_for_url(re.compile(pattern))


def traces(window, name):
    """The traces of a figure, without their points."""
    return window.evaluate(
        "name => document.querySelector(`#figure-${name} .js-plotly-plot`)._fullData.map(one => "
        "({...one.meta, selected: one.selectedpoints, x: [...(one.x || [])].map(Number)}))",
        name,
    )


def shown_sizes(window, name):
    return {one["size"] for one in traces(window, name) if one["role"] == "line"}


def pixel(window, name, curve, point):
    """Where a point of a figure is on the screen."""
    return window.evaluate(
        """([name, curve, point]) => {
          const plot = document.querySelector(`#figure-${name} .js-plotly-plot`);
          const { xaxis, yaxis } = plot._fullLayout, one = plot._fullData[curve];
          const box = plot.getBoundingClientRect();
          return [box.left + xaxis._offset + xaxis.d2p(one.x[point]),
                  box.top + yaxis._offset + yaxis.d2p(one.y[point])];
        }""",
        [name, curve, point],
    )


def drag_shape(window, name, shape, pixels):
    """Drag the upright line with that number among a figure's shapes."""
    line = window.locator(f"#figure-{name} .shapelayer path[data-index='{shape}']").last
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    window.mouse.move(x, y)
    window.mouse.down()
    window.mouse.move(x + pixels / 2, y, steps=3)
    window.mouse.move(x + pixels, y, steps=3)
    window.mouse.up()


def expect_laws(window, laws):
    """The page shows exactly these values and intervals."""
    numbers = window.locator("#exponents tbody tr")
    for place, name in enumerate(ROWS):
        found = getattr(laws, name)
        cells = numbers.nth(place).locator("td.number")
        expect(cells.nth(0)).to_have_text(fixed(found.value))
        expect(cells.nth(1)).to_have_text(interval(found))
    expect(window.locator("#verdict .verdict")).to_have_text(headline(laws))
    expect(window.locator("#verdict .caption")).to_have_text(laws.verdict.text)
    answers = window.locator("#findings tbody tr")
    for place, one in enumerate(laws.verdict.findings):
        expect(answers.nth(place)).to_contain_text(one.grade)
    expect(window.locator("#clocks")).to_contain_text(clock_sentence(laws.clocks()))


def until(window, holds):
    """Wait in the browser's time until something holds."""
    for _ in range(600):
        if holds():
            return
        window.wait_for_timeout(100)
    raise AssertionError("did not come about")


def expect_accessible(window, figures):
    """No serious fault, no label over another or cut off, nothing wider than the window."""
    width = window.viewport_size["width"]
    assert window.evaluate("() => document.documentElement.scrollWidth") <= width
    for name in figures:
        assert window.evaluate(OVERLAPS, name) == [], name
    window.evaluate(AXE_SCRIPT)
    found = window.evaluate("() => axe.run()")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_page_opens_with_the_fit_and_the_forecasts_of_the_library(
    window, address, planted, fitted
):
    opened(window, address)
    laws = fitted(planted)
    expect_laws(window, laws)
    expect(window.locator("#facts")).to_have_text(
        "5 sizes, P from 100 to 1,600 · 3 seeds · 15 complete"
    )
    assert window.locator("[data-title*='hare']").count() == 0  # no button that uploads a figure
    expect(window.locator(".still, #first")).to_have_count(0)  # figures stand in their places
    expect(window.locator("#study-pane .late")).to_have_count(0)
    expect_accessible(window, FIGURES)

    window.get_by_label("Forecast at P").fill("50000")
    window.get_by_label("Data needed for an error of").fill("0.004")
    wait_for_address(window, "target=0.004")
    ahead, needed = laws.forecast([50_000])[0], laws.size_for_error(0.004)
    rows = window.locator("#forecast tbody tr")
    expect(rows.nth(0)).to_contain_text("test error at P = 50,000")
    expect(rows.nth(0)).to_contain_text(significant(ahead.error.value))
    expect(rows.nth(0)).to_contain_text(interval(ahead.error, significant))
    expect(rows.nth(1)).to_contain_text(significant(math.exp(ahead.log_norm.value)))
    expect(rows.nth(2)).to_contain_text(size_needed(needed.value))


def test_moving_the_window_moves_the_exponents_to_those_of_that_window(
    window, address, planted, fitted
):
    opened(window, address)
    window.get_by_role("slider", name="Early window, log norm, from").press("ArrowRight")
    wait_for_address(window, "window=")
    expect(window.locator("#window-said")).to_contain_text("set by the user")
    first = asked(window, "window")
    window.get_by_role("slider", name="Early window, log norm, to").press("PageDown")
    window.wait_for_url(lambda url: f"window={first}" not in url)

    def expect_window():
        low, high = map(float, asked(window, "window").split(","))
        expect_laws(window, fitted(planted, window=(low, high)))
        return low, high

    low, high = expect_window()
    drag_shape(window, "norm", 1, 40)  # the lower edge, in the figure
    window.wait_for_url(lambda url: f"window={low:.6g}" not in url)
    moved, kept = expect_window()
    assert moved > low + 0.1
    assert kept == pytest.approx(high, abs=0.01)
    window.get_by_role("button", name="Find it again").click()
    expect(window.locator("#window-said")).to_contain_text("found")
    settled(window)
    expect_laws(window, fitted(planted))
    assert asked(window, "window") is None


def test_the_cut_leaves_sizes_out_of_the_fit_and_hiding_does_not(window, address, planted, fitted):
    opened(window, address)
    window.get_by_role("slider", name="Sizes in the fit, from").press("ArrowRight")
    wait_for_address(window, "cut=200,1600")
    settled(window)
    expect_laws(window, fitted(planted.select(sizes=SIZES[1:])))
    drag_shape(window, "error", 3, -70)  # the upper edge, over one size
    wait_for_address(window, "cut=200,800")
    settled(window)
    expect_laws(window, fitted(planted.select(sizes=SIZES[1:4])))
    expect(window.locator("#cut-said")).to_have_text("3 of 5: P from 200 to 800")

    window.get_by_role("checkbox", name="400").uncheck()
    wait_for_address(window, "hidden=400")
    for name, sizes in (("norm", SIZES), ("step", SIZES), ("collapse", SIZES[1:4])):
        until(window, lambda n=name, s=sizes: shown_sizes(window, n) == set(s) - {400})
    expect_laws(window, fitted(planted.select(sizes=SIZES[1:4])))
    window.get_by_role("checkbox", name="400").check()
    until(window, lambda: shown_sizes(window, "step") == set(SIZES))


def test_what_is_pointed_at_or_selected_in_one_figure_is_so_in_the_other(window, address):
    opened(window, address)
    x, y = pixel(window, "norm", 2, 23)
    window.mouse.move(x - 2, y)
    window.mouse.move(x, y, steps=2)

    def ringed():
        ring = next(one for one in traces(window, "step") if one["role"] == "ring")
        return ring["x"] == [traces(window, "step")[2]["x"][23]]

    until(window, ringed)
    window.mouse.move(5, 5)
    until(window, lambda: not traces(window, "step")[-1]["x"])

    window.locator("#figure-step .modebar-btn[data-val=select]").click()
    (x0, y0), (x1, y1) = pixel(window, "step", 1, 14), pixel(window, "step", 1, 19)
    window.mouse.move(x0 - 3, min(y0, y1) - 6)
    window.mouse.down()
    window.mouse.move(x1, max(y0, y1), steps=4)
    window.mouse.move(x1 + 3, max(y0, y1) + 6, steps=2)
    window.mouse.up()
    until(window, lambda: set(range(14, 20)) <= set(traces(window, "norm")[1]["selected"] or []))

    def selected(name):
        return [one["selected"] for one in traces(window, name) if one["role"] == "line"]

    until(window, lambda: selected("norm") == selected("step"))


def test_a_link_restores_everything(window, address, planted, fitted):
    query = (
        "?norm=spectral_complexity&metric=test_error&runs=single&seeds=0,2&hidden=400"
        "&cut=200,1600&window=0.5,4.25&size=9000&target=0.003&rescale=exponents"
        "&gammas=0.1,0.4,1.2&alpha=7.5&radius=20&axis=spectral_complexity&loss=test_error"
        "&zoom=norm,0,1.5,-2,-0.5"
    )
    opened(window, address, query)
    wait_for_address(window, "zoom=")
    assert from_query(urlparse(window.url).query, planted) == from_query(query, planted)
    chosen = planted.select(sizes=SIZES[1:], seeds=[0, 2])
    expect_laws(window, fitted(chosen, window=(0.5, 4.25)))
    expect(window.get_by_role("radio", name="single runs")).to_be_checked()
    expect(window.get_by_role("checkbox", name="400")).not_to_be_checked()
    expect(window.get_by_label("Forecast at P")).to_have_value("9000")
    expect(window.locator("#gamma1-said")).to_have_text(" = 0.400")
    ranges = window.evaluate(
        "() => { const at = document.querySelector('#figure-norm .js-plotly-plot')._fullLayout;"
        " return [...at.xaxis.range, ...at.yaxis.range]; }"
    )
    assert ranges == [0, 1.5, -2, -0.5]
    window.get_by_role("button", name="Fitted values").click()
    window.wait_for_url(lambda url: "gammas" not in url)
    window.get_by_role("button", name="Show the whole of error against norm").click()
    window.wait_for_url(lambda url: "zoom" not in url)


def test_downloads_hold_what_is_shown(window, address, planted, folder):
    opened(window, address, "?hidden=100,200&runs=single&seeds=1")
    with window.expect_download() as waiting:
        window.get_by_role("button", name="Download the data of error against norm").click()
    assert waiting.value.suggested_filename == "planted-norm.csv"
    found = pd.read_csv(waiting.value.path())
    state = from_query("?hidden=100,200&runs=single&seeds=1", planted)
    expected = table(lines_of(nl.Curves.read(folder), state), state)
    expected = pd.read_csv(StringIO(expected.to_csv(index=False)))
    pd.testing.assert_frame_equal(found, expected)
    assert set(found["size"]) == {400, 800, 1600}

    for form, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with window.expect_download() as waiting:
            window.get_by_role("button", name=f"Download error against norm as {form}").click()
        content = waiting.value.path().read_bytes()
        assert content.startswith(start)
        assert form == "PNG" or b"P = 400" in content  # a figure elsewhere needs its legend


def test_the_theory_tab_is_the_theory(window, address):
    window.goto(f"{address}?tab=theory&alpha=5&radius=10")
    value = window.locator("#solved tbody tr td.number")
    expect(value.nth(0)).to_have_text("0.084043")  # published value, THEORY
    window.get_by_label("α = P/N").fill("12")
    wait_for_address(window, "alpha=12")
    window.get_by_role("slider", name="Decimal logarithm of norm of the student").press("ArrowLeft")
    wait_for_address(window, "radius=9.77")
    theory = nl.theory.FixedNormPerceptron()
    expect(value.nth(0)).to_have_text(f"{theory.generalization_error(12.0, 9.77):.6f}")
    expect(value.nth(1)).to_have_text(f"{theory.overlap(12.0, 9.77):.6f}")
    expect(value.nth(2)).to_have_text(f"{theory.optimum(12.0).norm:.6g}")
    for place, name in enumerate(("hebb", "gibbs", "max-stability", "bayes")):
        exact = nl.theory.rule(name).generalization_error(12.0)
        expect(value.nth(4 + place)).to_have_text(f"{exact:.6f}")
    for width in (1440, 390):
        window.set_viewport_size({"width": width, "height": 900})
        until(window, lambda: window.evaluate(OVERLAPS, "theory") == [])
        expect_accessible(window, ["theory"])


def test_new_rows_of_a_running_study_appear(window, served, tmp_path):
    first = plant(sizes=(100, 200, 400), seeds=2, records=20)
    runs = first.runs.copy()
    runs.loc[runs["run"] == "400-1", "status"] = "unfinished"
    runs.loc[runs["run"] == "200-1", ["status", "error"]] = ["diverged", "loss is nan"]
    frame = first.frame.copy()
    frame.loc[(frame["run"] == "200-1") & (frame["step"] > 8), "test_error"] = np.nan
    folder = nl.Curves(frame, runs).write(tmp_path / "running")
    with served(folder) as address:
        opened(window, address)
        expect(window.locator("#facts")).to_contain_text("1 unfinished")
        expect(window.locator("#troubled")).to_contain_text("loss is nan")
        assert "cross" in {one["role"] for one in traces(window, "norm")}
        window.get_by_role("checkbox", name="200").uncheck()
        wait_for_address(window, "hidden=200")
        plant(sizes=(800,), seeds=2, records=20).write(folder)
        window.get_by_role("button", name="Reload").click()
        expect(window.locator("#facts")).to_contain_text("4 sizes, P from 100 to 800")
        expect(window.get_by_role("checkbox", name="800")).to_be_checked()
        expect(window.get_by_role("checkbox", name="200")).not_to_be_checked()
        plant(sizes=(1600,), seeds=2, records=20).write(folder)
        window.get_by_role("checkbox", name="follow a running study").check()
        expect(window.locator("#facts")).to_contain_text("5 sizes")
        window.goto("about:blank")  # ends the polling


def test_curves_that_were_imported_are_shown(window, served, tmp_path):
    exact = nl.theory.FixedNormPerceptron().curves([1, 2, 4, 8], np.geomspace(0.03, 80, 25))
    path = exact.write(tmp_path / "exact.parquet")
    with served(path) as address:
        opened(window, address)
        expect(window.locator("#facts")).to_contain_text("no seeds")
        expect(window.locator("#figure-step")).to_contain_text("carry no optimiser steps")
        expect(window.locator("#figure-norm .scatterlayer .trace")).not_to_have_count(0)


def test_the_page_is_used_by_keyboard_alone(window, address, planted, fitted):
    """Tab order, menus, edges of the window, a number that cannot be one; in the dark."""
    window.emulate_media(color_scheme="dark")
    opened(window, address)
    expect_accessible(window, FIGURES)
    reached = []
    for _ in range(40):
        window.keyboard.press("Tab")
        reached.append(window.evaluate(FOCUSED))
    order = ["reload", "copy", "norm", "metric", "Early window, log norm, from", "find-window"]
    assert [one for one in reached if one in order] == order
    menu = window.get_by_role("button", name="Error or loss")
    menu.focus()
    window.keyboard.press("Enter")
    expect(window.locator("[role=option] :focus")).to_have_count(1)  # the menu is open
    window.keyboard.press("ArrowDown")
    window.keyboard.press("Enter")
    expect(menu).to_contain_text(re.compile("error|loss"))
    edge = window.get_by_role("slider", name="Early window, log norm, from")
    edge.focus()
    window.keyboard.press("ArrowRight")
    wait_for_address(window, "window=")
    size = window.get_by_label("Forecast at P")
    size.focus()
    window.keyboard.press("Control+a")
    window.keyboard.type("-3")
    expect(window.get_by_text("Expected a number above 0")).to_be_visible()
    target = window.get_by_label("Data needed for an error of")
    target.fill("2")
    expect(window.locator("#refused")).to_contain_text("at most 1, got 2")


def test_every_tab_is_accessible_and_reached_by_keyboard(window, address):
    """From tab to tab with the arrow keys; in each, axe-core, the width, and a way to its controls.

    A window of 1280 pixels shows all tabs in one line.
    """
    window.set_viewport_size({"width": 1280, "height": 900})
    opened(window, address)
    expect(window.locator("#findings td").first).to_be_attached()
    assert window.evaluate(BESIDE, "#findings .scroll") <= 1
    tops = window.evaluate(
        "() => [...document.querySelectorAll('#tab label')].map(one => one.offsetTop)"
    )
    assert len(set(tops)) == 1
    window.get_by_role("radio", name="Study", exact=True).focus()
    for tab, figures, control in (
        ("collapse", ("normalised", "deviation", "residuals"), "axis"),
        ("theory", ("theory",), "alpha"),
        *((name, MODEL_FIGURES, None) for name in MODELS),
    ):
        window.keyboard.press("ArrowRight")
        wait_for_address(window, f"tab={tab}")
        for figure in figures:
            drawn = f"#figure-{figure} .trace, #figure-{figure} .annotation"
            expect(window.locator(drawn).first).to_be_attached()
        until(window, lambda: window.get_by_text("fitting …").locator("visible=true").count() == 0)
        for scheme in ("light", "dark"):
            window.emulate_media(color_scheme=scheme)
            expect_accessible(window, figures)
        back = window.evaluate("() => document.activeElement.value")
        reached = []
        for _ in range(12):
            window.keyboard.press("Tab")
            reached.append(window.evaluate(FOCUSED))
        assert any((control or '"type":"knob"') in (one or "") for one in reached), reached
        window.locator(f"#tab input[value='{back}']").focus()


def test_a_phone_shows_all_of_it_with_the_controls_folded(window, address):
    window.set_viewport_size({"width": 390, "height": 844})
    opened(window, address, "?rescale=exponents&target=0.003")
    expect_accessible(window, FIGURES)
    assert window.evaluate(BESIDE, "#findings .scroll") <= 1
    expect(window.get_by_label("Norm", exact=True)).not_to_be_visible()
    expect(window.locator(".legend")).to_have_text(re.compile("1,600"))
    window.get_by_text("Controls", exact=True).first.press("Enter")
    expect(window.get_by_role("checkbox", name="400")).to_be_visible()
    expect_accessible(window, FIGURES)
