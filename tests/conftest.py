"""One thread for every test process; where the real data is, and what happens without it."""

from __future__ import annotations

import os
import shutil
from functools import wraps
from pathlib import Path

# Before anything loads a numerical library: tests run in one process per core already.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is slow
hypothesis.settings.load_profile("patient")
os.environ.setdefault("KERAS_BACKEND", "torch")  # read once, when keras is first imported

PATIENCE = 60_000  # milliseconds; a busy machine is slow, not broken
LAUNCH = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
          "--disable-background-networking", "--disable-component-update")  # fmt: skip
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


@pytest.fixture(scope="session")
def scaling(shared_data: Path) -> Path:
    """Folder with published tables and curves of scaling studies."""
    return _required(shared_data.parent / "reference" / "scaling")


@pytest.fixture
def small_perceptron(monkeypatch):
    """The comparison of theory and students over fewer and smaller students."""
    from normlaws.theory import perceptron

    study = perceptron.study

    @wraps(study)
    def small(**options):
        return study(**{"dimension": 60, "samples": 3} | options)

    monkeypatch.setattr(perceptron, "study", small)


@pytest.fixture(scope="session")
def chromium():
    """Debian's chromium or another on the path; CI must have one."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        message = f"none of {', '.join(names)} is installed; with Debian: apt install chromium"
        if os.environ.get("NORMLAWS_REQUIRE_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(LAUNCH))
        yield browser
        browser.close()
