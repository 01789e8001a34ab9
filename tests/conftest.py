"""Where tests find the real data, and what happens where it is not there."""

from __future__ import annotations

import os
from pathlib import Path

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
