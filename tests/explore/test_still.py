"""A still shows the curves of its figure where the figure will have them."""

from __future__ import annotations

import re
from urllib.request import urlopen
from xml.etree import ElementTree

import numpy as np
import pytest

import normlaws as nl
from normlaws.explore import figures, still
from normlaws.explore.lines import lines_of
from normlaws.explore.pictures import Pictures
from normlaws.explore.state import State
from normlaws.explore.study import Study
from normlaws.laws import Planted, plant
from normlaws.report.style import size_colours

STATE = State(norm="spectral_complexity", metric="test_error")
NUMBER = re.compile(r"[ML](-?\d+) (-?\d+)")


@pytest.fixture
def drawn(folder):
    return Pictures(Study(folder)).first(STATE)


def paths(figure):
    """Element by trace, of those that are lines or bands."""
    root = ElementTree.fromstring(still.picture(figure).replace("<svg", "<svg ", 1))
    return root.findall(".//path")


@pytest.mark.parametrize("name", ["norm", "step"])
def test_every_point_stands_where_its_axes_say(drawn, name):
    figure = drawn[name]
    lines = [trace for trace in figure.data if "lines" in trace["mode"]]
    found = paths(figure)
    assert len(found) == len(lines)
    logs = [[np.log10(np.asarray(trace[which])) for trace in lines] for which in "xy"]
    for trace, path in zip(lines, found, strict=True):
        at = np.array(NUMBER.findall(path.get("d")), dtype=float)
        for place, which, every in ((at[:, 0], "x", logs[0]), (1000 - at[:, 1], "y", logs[1])):
            low, high = (end(np.concatenate(every)) for end in (np.min, np.max))
            expected = 50 + 900 * (np.log10(np.asarray(trace[which])) - low) / (high - low)
            known = {(round(one)) for one in expected}
            assert all(min(abs(one - other) for other in known) <= 1 for one in place)
        colour = path.get("fill") if trace.get("fill") == "toself" else path.get("stroke")
        assert colour == trace.get("fillcolor", trace["line"].get("color"))


def test_a_gap_stays_a_gap(planted):
    state = State(**STATE.as_dict() | {"runs": "single"})
    figure = figures.error_against_step(
        lines_of(planted, state), size_colours(planted.sizes), state
    )
    starts = [path.get("d").count("M") for path in paths(figure)]
    assert starts == [3] * len(planted.sizes)  # one for every run


def test_zoom_is_that_of_the_figure(folder):
    state = State(**STATE.as_dict() | {"zoom": (("norm", 0.0, 1.0, -2.0, -1.0),)})
    text = still.picture(Pictures(Study(folder)).first(state)["norm"])
    assert '<span class="x" style="left:0.00%">' in text


def test_a_norm_beyond_float64_has_no_still():
    huge = plant(Planted(log_k2=800.0), sizes=(100, 200), seeds=2, records=9)
    lines = lines_of(huge, STATE)
    drawn = figures.error_against_norm(lines, None, None, size_colours(huge.sizes), STATE)
    assert still.picture(drawn) == ""


def test_names_cannot_be_markup(folder):
    drawn = Pictures(Study(folder)).first(STATE)
    drawn["norm"].layout["xaxis"]["title"]["text"] = "<script>"
    text = still.outline("<b>", "&", {"norm": ("<i>", drawn["norm"])})
    assert "<script>" not in text
    assert "<i>" not in text
    assert "<h1>&lt;b&gt;</h1>" in text


@pytest.mark.parametrize(("query", "stills"), [("", 2), ("?hidden=400", 2), ("?tab=theory", 0)])
def test_the_page_holds_the_stills_of_its_address(address, query, stills):
    with urlopen(address + query) as answer:
        text = answer.read().decode()
    assert text.count('class="still"') == stills
    hidden = size_colours(nl.laws.plant(sizes=(100, 200, 400, 800, 1600)).sizes)[400]
    assert (f'stroke="{hidden}"' in text) == (query == "")
