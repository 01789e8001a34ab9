"""A planted study, its page on a loopback port, and a browser to look at it."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from functools import partial

import pytest

import normlaws as nl
from normlaws.explore.server import prepare
from normlaws.laws import plant

RESAMPLES = 60
SIZES = (100, 200, 400, 800, 1600)
DESKTOP = {"width": 1440, "height": 1000}
PATIENCE = 60_000  # milliseconds; a busy machine is slow, not broken
LAUNCH = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
          "--disable-background-networking", "--disable-component-update")  # fmt: skip


@contextmanager
def _served(path):
    server = prepare(path, resamples=RESAMPLES)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def served():
    """``with served(path) as address:`` the page of another study."""
    return _served


@pytest.fixture(scope="session")
def fitted():
    """The library's fit, with as many resamples as the page takes here."""
    return partial(nl.fit, resamples=RESAMPLES)


@pytest.fixture(scope="session")
def planted():
    return plant(sizes=SIZES, seeds=3, records=25)


@pytest.fixture(scope="session")
def folder(planted, tmp_path_factory):
    return planted.write(tmp_path_factory.mktemp("studies") / "planted")


@pytest.fixture(scope="session")
def address(folder):
    with _served(folder) as found:
        yield found


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


@pytest.fixture(scope="session")
def profile(chromium):
    """One profile for all windows, so that scripts are fetched once."""
    context = chromium.new_context(viewport=DESKTOP)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def window(profile):
    """A browser window that may not fail, nor ask any other machine for anything."""
    page = profile.new_page()
    asked, broken = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda said: said.type == "error" and broken.append(said.text))
    yield page
    page.close()
    assert not broken
    assert not [url for url in asked if not url.startswith(("http://127.0.0.1:", "blob:"))]
