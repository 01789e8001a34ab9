"""The examples in the docstrings of the names at the top level, and what can be reached there."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import pytest

import normlaws as nl

DOCUMENTED = ["Curves", "NormMeter", "Study", "Tracker", "collapse", "fit", "measure"]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_example_of_a_name_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = getattr(nl, name)
    examples = doctest.DocTestFinder(recurse=False).find(found, name, globs={})
    assert examples, f"{name} has no example"
    assert sum(len(one.examples) for one in examples) > 1
    for one in examples:
        assert doctest.DocTestRunner().run(one).failed == 0


@pytest.mark.parametrize("room", ["errors", "explore", "curves", "gauges", "theory", "laws"])
def test_rooms_are_reached_after_importing_the_package(room):
    code = f"import normlaws as nl; print(nl.{room}.__name__)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == f"normlaws.{room}", answer.stderr
    assert importlib.import_module(f"normlaws.{room}").__doc__


def test_forecasts_take_a_number_or_a_sequence():
    laws = nl.fit(nl.laws.plant(sizes=(100, 400, 1600), seeds=2), resamples=0)
    for ask, value in (
        (laws.forecast, 6400.0),
        (laws.stopping_norm, 6400.0),
        (laws.size_for_error, 0.02),
    ):
        one, [several] = ask(value), ask([value])
        assert one == several
