"""A few mutations of every format; `python benchmarks/fuzz.py` does four hundred of each."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_SOURCE = Path(__file__).parent.parent / "benchmarks" / "fuzz.py"
_spec = spec_from_file_location("normlaws_fuzz", _SOURCE)
assert _spec is not None
assert _spec.loader is not None
fuzz = module_from_spec(_spec)
sys.modules[_spec.name] = fuzz
_spec.loader.exec_module(fuzz)


@pytest.mark.parametrize("name", list(fuzz.FORMATS))
def test_a_mutated_file_ends_in_an_answer_or_in_one_sentence(name, tmp_path):
    found = [said for _, said, _ in fuzz.trials(fuzz.FORMATS[name], 6, 7, tmp_path) if said]
    assert not found, found[0]
