from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import normlaws as nl
from normlaws.errors import MissingExtraError


@pytest.mark.parametrize(
    ("module", "packages", "extra"),
    [
        ("lightning", ["lightning.pytorch", "pytorch_lightning"], "lightning"),
        ("hf", ["transformers"], "hf"),
        ("keras", ["keras"], "keras"),
    ],
)
def test_a_missing_framework_is_told_with_its_extra(module, packages, extra, monkeypatch):
    monkeypatch.delitem(sys.modules, f"normlaws.tracking.{module}", raising=False)
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'normlaws\[{extra}\]'"):
        importlib.import_module(f"normlaws.tracking.{module}")


def test_the_tracker_loads_no_framework():
    code = "import sys, normlaws.tracking; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(Path(nl.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    frameworks = {"lightning", "pytorch_lightning", "transformers", "keras"}
    assert not frameworks & set(done.stdout.split())
