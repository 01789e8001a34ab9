"""A few hostile requests; `python benchmarks/explorer.py` sends a thousand."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from normlaws.errors import InputError
from normlaws.explore.callbacks.fitting import Turns
from normlaws.explore.state import from_query

_SOURCE = Path(__file__).parents[2] / "benchmarks" / "explorer.py"


@pytest.fixture(scope="module")
def explorer():
    spec = spec_from_file_location("normlaws_explorer_fuzz", _SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def opened(explorer, tmp_path_factory):
    return explorer.server(tmp_path_factory.mktemp("hostile"), resamples=0)


@pytest.mark.filterwarnings("ignore")
def test_hostile_posts_and_extreme_states_are_answered(explorer, opened):
    app, study = opened
    found = [*explorer.posts(app, from_query("", study.curves), 40, 1)]
    found += explorer.states(app, study, 12, 1)
    for name, status, text in found:
        assert status < 500, (name, text)
        assert "Traceback" not in text


def test_a_failing_figure_says_why(explorer, opened, monkeypatch):
    app, study = opened
    monkeypatch.setattr("normlaws.explore.pictures.lines_of", lambda *_: 1 / 0)
    texts = [text for _, _, text in explorer.states(app, study, 4, 2)]
    assert any("cannot be shown: division by zero" in text for text in texts)


def test_more_pages_than_may_wait_are_told_so():
    turns = Turns(0)
    with pytest.raises(InputError, match="wait for intervals"):
        turns.take("a", lambda: turns.take("b", lambda: None))
    assert turns.take("c", lambda: None)
    assert not turns._latest
