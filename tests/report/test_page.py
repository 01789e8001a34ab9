"""The page: self-contained, escaped, accessible."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure as MplFigure

from normlaws.report import page
from normlaws.report.page import Figure, Section, Table, Text, render_page, write_page

HOSTILE = "<script>alert('x')</script> \" onload=\"x' {{ 7*7 }} {% raise %} & </style></title>"
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Elements(HTMLParser):
    """Every start tag with its attributes; unbalanced tags raise."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def named(self, tag):
        return [attrs for name, attrs in self.found if name == tag]


def drawn(points=10):
    ax = MplFigure(figsize=(2, 2)).add_subplot()
    ax.scatter(np.arange(points), np.random.default_rng(0).normal(size=points))
    return ax


def hostile_page():
    blocks = [
        Text(HOSTILE, [HOSTILE]),
        Figure(drawn(), HOSTILE, HOSTILE),
        Table(HOSTILE, (HOSTILE, "b"), [(HOSTILE, "1")], numeric=(1,)),
        Table(HOSTILE, ("a",), [(HOSTILE,)], folded=True),
    ]
    section = Section(HOSTILE, "one", blocks)
    return render_page(HOSTILE, [section], lead=[HOSTILE], footer=HOSTILE)


def test_hostile_strings_are_only_text():
    text = hostile_page()
    elements = Elements(text)
    assert not elements.named("script")
    assert not [attrs for _, attrs in elements.found if "onload" in attrs]
    assert "{{ 7*7 }}" in text
    assert text.count("&lt;script&gt;") >= 9
    assert elements.named("img")[0]["alt"] == HOSTILE


def test_nothing_is_fetched():
    text = hostile_page()
    for tag, attrs in Elements(text).found:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert re.match(r"(data:image/(svg\+xml|png);base64,|#)", attrs.get(name, "#")), tag
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_svg_holds_no_outside_reference():
    source = page.embed(drawn())
    svg = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode()
    assert "<script" not in svg
    assert not re.findall(r'href="(?!#)', svg)


def test_large_drawings_become_png():
    source = page.embed(drawn(points=5_000))
    assert source.startswith("data:image/png;base64,")
    assert base64.b64decode(source.split(",")[1]).startswith(b"\x89PNG")


def test_accessible_structure():
    elements = Elements(hostile_page())
    assert elements.named("html") == [{"lang": "en"}]
    assert [len(elements.named(tag)) for tag in ("h1", "main", "header", "footer", "nav")] == [
        1
    ] * 5
    assert all(attrs.get("alt") for attrs in elements.named("img"))
    assert {attrs["scope"] for attrs in elements.named("th")} == {"col", "row"}
    assert len(elements.named("caption")) == len(elements.named("table")) == 2
    viewport = [attrs for attrs in elements.named("meta") if attrs.get("name") == "viewport"]
    assert viewport[0]["content"] == "width=device-width, initial-scale=1"


def test_links_lead_to_sections_and_empty_ones_are_left_out():
    sections = [Section("Full", "full", [Text("here")]), Section("Empty", "empty", [])]
    elements = Elements(render_page("t", sections))
    assert [attrs["href"] for attrs in elements.named("a")] == ["#full"]
    assert [attrs["id"] for attrs in elements.named("section")] == ["full"]


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return np.dot(linear, (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["ink", "muted", "accent"])
def test_text_contrast_is_at_least_wcag_aa(name, dark):
    css = render_page("t", []).split("(prefers-color-scheme: dark)")[dark]
    found = {"paper": "#ffffff"} | dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css))
    text = _luminance(found[name])
    for paper in (_luminance(found["paper"]), _luminance(found["tint"])):
        assert (max(text, paper) + 0.05) / (min(text, paper) + 0.05) >= 4.5


def test_written_in_one_step(tmp_path):
    path = write_page(tmp_path / "new" / "page.html", "t", [Section("S", "s", [Text("x")])])
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]


def test_a_table_too_wide_for_a_phone_has_labelled_cells():
    narrow = Table("narrow", ("P", "error"), [("100", "0.1")], numeric=(0, 1))
    wide = Table("wide", ("run", "lowest test error"), [("r" * 60, "a sentence")], numeric=(0,))
    assert (narrow.cards, wide.cards) == (False, True)
    text = render_page("page", [Section("tables", "tables", [narrow, wide])])
    cells = [attrs for name, attrs in Elements(text).found if name in ("th", "td")]
    labels = [attrs["data-label"] for attrs in cells if "data-label" in attrs]
    assert labels == ["run", "lowest test error"]
