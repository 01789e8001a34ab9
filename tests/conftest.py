"""One thread for every test process; where the real data is, and what happens without it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

# Before anything loads a numerical library: tests run in one process per core already.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")  # read once, when keras is first imported

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def _required(path: Path) -> Path:
    if path.exists():
        return path
    message = f"{path} is not here; set NORMLAWS_DATA to the folder that holds MNIST/raw"
    if os.environ.get("NORMLAWS_REQUIRE_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real MNIST and CIFAR-10."""
    return _required(Path(os.environ.get("NORMLAWS_DATA", BESIDE)))


@pytest.fixture(scope="session")
def deep_norm(shared_data: Path) -> Path:
    """Folder with the published curves."""
    return _required(shared_data.parent / "reference" / "deep_norm")


@pytest.fixture
def small_perceptron(monkeypatch):
    """The comparison of theory and students over fewer and smaller students."""
    from normlaws import theory

    small = partial(theory.study, dimension=60, samples=3)
    monkeypatch.setattr(theory, "study", small)
