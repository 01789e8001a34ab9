"""A planted study, its page on a loopback port, and a browser to look at it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial

import plotly.graph_objects as go
import pytest

import normlaws as nl
from normlaws.explore.server import prepare
from normlaws.laws import plant

RESAMPLES = 60
SIZES = (100, 200, 400, 800, 1600)
DESKTOP = {"width": 1440, "height": 1000}


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
def checked():
    """``checked(figure)``: the figure as plotly's own class, which refuses what is unknown."""
    return lambda figure: go.Figure(figure.data, figure.layout)


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
def profile(chromium):
    """One profile for all windows, so that scripts are fetched once."""
    context = chromium.new_context(viewport=DESKTOP)
    context.set_default_timeout(60_000)  # a busy machine is slow, not broken
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
