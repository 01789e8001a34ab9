"""The page is served to this machine alone, and asks nothing of another."""

from __future__ import annotations

import socket
import sys
import urllib.error
import urllib.request

import pytest

from normlaws.errors import DataNotFoundError, InputError, MissingExtraError
from normlaws.explore.server import prepare, serve


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_other_hosts_are_refused(folder, host):
    with pytest.raises(InputError, match=r"expected the host 127\.0\.0\.1"):
        serve(folder, host=host, browser=False)


def test_it_listens_on_loopback_at_a_free_port(folder):
    server = prepare(folder)
    try:
        assert server.socket.getsockname()[0] == "127.0.0.1"
        assert server.port > 0
    finally:
        server.server_close()


def test_a_port_that_is_taken_is_named(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"expected a port that is free, got {port}"):
            prepare(folder, port=port)
    with pytest.raises(InputError, match="65535"):
        prepare(folder, port=70000)


def test_a_path_without_curves_is_refused(tmp_path):
    with pytest.raises(DataNotFoundError, match="expected recorded curves"):
        prepare(tmp_path / "nothing")


def test_without_the_extra_it_is_named(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "normlaws.explore.app", raising=False)
    monkeypatch.setitem(sys.modules, "dash", None)
    with pytest.raises(MissingExtraError, match=r"normlaws\[explore\]"):
        prepare(folder)


def test_another_name_for_this_machine_is_not_answered(address):
    """A web page elsewhere that points its own name at 127.0.0.1 gets nothing."""
    request = urllib.request.Request(address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400


def test_pages_forbid_the_browser_to_reach_out(address):
    with urllib.request.urlopen(address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert "https://" not in text


def test_serving_says_where_and_ends_with_the_interrupt(folder, monkeypatch):
    class Interrupted:
        port = 1234

        def serve_forever(self):
            raise KeyboardInterrupt

        def server_close(self):
            said.append("closed")

    said = []
    monkeypatch.setattr("normlaws.explore.server.prepare", lambda *_, **__: Interrupted())
    monkeypatch.setattr("webbrowser.open", said.append)
    with pytest.raises(KeyboardInterrupt):
        serve(folder, say=said.append)
    assert said == ["http://127.0.0.1:1234/", "http://127.0.0.1:1234/", "closed"]
