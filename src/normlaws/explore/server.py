"""Serve the page of one study to this machine."""

from __future__ import annotations

import logging
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from normlaws.errors import InputError, MissingExtraError
from normlaws.explore.address import LOOPBACK, check_host
from normlaws.explore.study import Study
from normlaws.storage.folder import StudyFolder
from normlaws.theory.registry import solved_studies

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from normlaws.curves import Curves


def serve(
    path: str | Path,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    resamples: int = 1000,
    browser: bool = True,
    say: Callable[[str], object] = print,
    read: Callable[[], Curves] | None = None,
) -> None:
    """Show the study at ``path`` until interrupted.

    Args:
        path: study folder, run folder, Parquet file or glob pattern; or the name of a solved
            model, which is solved into ``runs/NAME`` where that folder is not there yet.
        host: 127.0.0.1; every other one is refused.
        port: to listen on; 0 takes a free one.
        resamples: of the seeds, for intervals.
        browser: whether to open the page in the default browser.
        say: called with the page's address once it can be reached.
        read: how ``path`` is read, where it is a table of your own.

    Curves without norms, or with one row per run, are shown with the direct law alone.

    Raises:
        MissingExtraError: the extra ``explore`` is not installed.
        InputError: another host, a port that is taken or out of range, or curves without an error
            and a loss.
        DataNotFoundError: nothing recorded is at ``path``.
        CorruptFileError: a file is damaged.
    """
    server = prepare(path, host=host, port=port, resamples=resamples, read=read, ahead=True)
    address = f"http://{LOOPBACK}:{server.port}/"
    say(address)
    if browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    finally:
        server.server_close()


def prepare(
    path: str | Path,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    resamples: int = 1000,
    read: Callable[[], Curves] | None = None,
    ahead: bool = False,
) -> BaseWSGIServer:
    """A server that listens already and answers when its ``serve_forever`` is called.

    With ``ahead`` it computes what the page shows first while the browser still loads the page.
    """
    host = check_host(host)
    if not 0 <= port <= 65535:
        raise InputError(f"expected a port from 0 (any free one) to 65535, got {port}")
    study = Study(_place(Path(path)), resamples, read)
    try:
        from werkzeug.serving import make_server

        from normlaws.explore.app import build
        from normlaws.explore.pictures import look_ahead
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dash", "plotly", "flask", "werkzeug"):
            raise
        raise MissingExtraError("normlaws explore", "explore") from None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with _listening(host, port) as opened:
        app = build(study).server
        if ahead:
            threading.Thread(target=look_ahead, args=(study,), daemon=True).start()
        return make_server(host, port, app, threaded=True, fd=opened.fileno())


def _place(path: Path) -> Path:
    """The path itself, or the folder of the solved model that it names."""
    solved = solved_studies().get(str(path))
    if solved is None or path.exists():
        return path
    folder = StudyFolder(Path("runs") / solved.name)
    if not folder.run_folders():
        solved.run(folder.root)
    return folder.root


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise InputError(
            f"expected a port that is free, got {port} ({error.strerror}); accepted is another "
            "one, or 0 for any that is free"
        ) from None
