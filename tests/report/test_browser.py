"""The report in headless Chromium, wide and narrow: nothing is cut off, and axe-core is content."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT

import normlaws as nl
from normlaws.laws import plant
from normlaws.report import write_report

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_report_is_accessible_and_fits_the_window(chromium, tmp_path_factory, width, scheme):
    curves = plant(sizes=(100, 200, 400, 800), seeds=3, records=20)
    path = write_report(
        curves, nl.fit(curves, resamples=50), tmp_path_factory.mktemp("report") / "report.html"
    )
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(26, 26, 26)"}[scheme]
    forecast = page.locator("table:has-text('Forecast for more data')").bounding_box()
    assert width < 1000 or forecast["y"] + forecast["height"] < 900  # above the fold
    page.emulate_media(media="print")
    folded = page.locator("details table")
    assert folded.count()
    assert all(table.bounding_box()["height"] > 20 for table in folded.all())
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    page.set_viewport_size({"width": 680, "height": 900})  # A4 within its margins
    for table in page.locator("table").all():
        box = table.bounding_box()
        assert box["x"] + box["width"] <= 681, table.inner_text()[:80]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(media="screen")
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    for region in page.locator(".scroll").all():
        beyond = region.evaluate("one => one.scrollWidth - one.clientWidth")
        assert beyond <= 1, region.get_attribute("aria-label")  # nothing scrolls sideways
    for picture in page.locator("figure img").all():
        box = picture.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.evaluate("() => [...document.images].every(one => one.naturalWidth > 0)")
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("() => axe.run()")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    context.close()
