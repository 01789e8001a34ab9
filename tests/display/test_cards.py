"""Cards for notebooks and the plots beside them: what they hold, and nothing that can run."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from itertools import pairwise
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure

import normlaws as nl
from normlaws.display import cards as notebook
from normlaws.errors import InputError
from normlaws.laws.plant import plant
from normlaws.report import figures

EVIL = "<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Every tag that a browser would see, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        assert {name for name, _ in attrs} <= {"style", "class"}
        self.seen.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


LAYOUT = {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}


def read(page: str) -> Tags:
    tags = Tags(page)
    assert set(tags.seen) <= LAYOUT
    assert not tags.open
    return tags


def test_every_string_of_a_card_is_escaped():
    page = notebook.card(EVIL, notebook.table([EVIL], [[EVIL]]), notebook.text(EVIL))
    assert read(page).text == EVIL * 4


def test_minus_signs_of_numbers_are_true_ones_and_names_stay():
    tags = read(notebook.table(["run", "value"], [["a-b", "-0.5"]], numeric=[1]))
    assert tags.text == "runvaluea-b−0.5"


def curves(norm="spectral_complexity"):
    return plant(sizes=[100, 200, 400], seeds=3, norm=norm)


def test_the_card_of_curves():
    recorded = curves(EVIL)
    recorded.runs["settings"] = [{"conv": EVIL}] * len(recorded.runs)
    text = read(recorded._repr_html_()).text
    assert f"log {EVIL}" in text
    assert f"Conventions: conv {EVIL}." in text
    assert "3 complete" in text


def test_the_card_of_laws():
    laws = nl.fit(curves(EVIL), norm=EVIL, resamples=20)
    text = read(laws._repr_html_()).text
    assert f"test_error against {EVIL}" in text
    assert f"{laws.gamma1.value:.3f}" in text
    assert laws.verdict.text in text
    assert "optimum selected on test_error and scored on test_error" in text
    assert "intervals from resampling 3 seeds" in text


def test_the_card_of_laws_without_seeds_says_so():
    laws = nl.fit(plant(sizes=[100, 200, 400], seeds=0))
    assert "no intervals: too few seeds" in read(laws._repr_html_()).text


class Named(torch.nn.Module):
    """A model whose layer has a name that is markup."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module(EVIL.replace(".", ""), torch.nn.Linear(3, 2))
        self.add_module("cost_$x$", torch.nn.Linear(2, 2))


def test_the_card_of_a_measurement():
    measured = nl.measure(Named())
    text = read(measured._repr_html_()).text
    assert EVIL in text
    assert "2 × 3" in text
    assert "conv flat" in text
    assert f"{measured.total['log_l1']:.4g}".replace("-", "−") in text


@pytest.mark.parametrize("norm", ["spectral_norm", "group_21"])
def test_bars_are_the_norms_of_the_layers(norm):
    measured = nl.measure(Named())
    ax = measured.plot(norm)
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_array_equal(widths, measured.layers[f"log_{norm}"])
    assert [label.get_text() for label in ax.get_yticklabels()] == [EVIL, r"cost_\$x\$"]
    ax.figure.draw_without_rendering()


def test_given_axes_are_drawn_on_and_returned():
    one, two, three = Figure().subplots(3)
    assert nl.measure(torch.nn.Linear(2, 2)).plot(ax=one) is one
    assert curves().plot(ax=two) is two
    assert nl.fit(curves(), resamples=0).plot(three) is three
    one.figure.draw_without_rendering()


def test_layers_without_a_finite_norm_are_named_and_unknown_norms_refused():
    layers = pd.DataFrame({"name": ["a", "b", "c"], "log_l1": [1.0, -np.inf, np.nan]})
    ax = figures.layer_norms(layers, norm="l1")
    assert len(ax.patches) == 1
    assert [text.get_text().strip() for text in ax.texts] == ["zero", "not finite"]
    with pytest.raises(InputError, match=r"norm of layers \(l1\), got 'x'"):
        figures.layer_norms(layers, norm="x")


def test_names_of_many_layers_have_room():
    count = 200
    layers = pd.DataFrame({"name": [f"{'block.' * 9}{n}" for n in range(count)], "log_l1": 1.0})
    ax = figures.layer_norms(layers, norm="l1")
    ax.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    edges = sorted((box.y0, box.y1) for box in boxes)
    assert all(upper[0] >= lower[1] for lower, upper in pairwise(edges))
    assert min(box.x0 for box in boxes) >= 0
    assert len(ax.patches) == count


def test_a_notebook_shows_what_plot_draws_and_nothing_else(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    before = pyplot.get_fignums()
    drawn = figures.error_against_norm(curves())
    assert pyplot.get_fignums() == before
    axes = [curves().plot(), nl.measure(torch.nn.Linear(2, 2)).plot(), drawn]
    numbers = [number for number in pyplot.get_fignums() if number not in before]
    assert [pyplot.figure(number).axes[0] for number in numbers] == axes[:2]
    for number in numbers:
        pyplot.close(number)
