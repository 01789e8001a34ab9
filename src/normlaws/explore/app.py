"""The Dash app of one study: everything it needs comes from this machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import flask
import plotly
from dash import Dash, ctx, no_update, set_props
from dash.fingerprint import build_fingerprint
from werkzeug.exceptions import HTTPException

from normlaws.errors import NormlawsError
from normlaws.explore import direct, still, theme
from normlaws.explore.address import LOOPBACK
from normlaws.explore.callbacks import register
from normlaws.explore.direct import DirectStudy, only_direct
from normlaws.explore.ladder import LadderStudy
from normlaws.explore.page import FIGURES, facts, shell
from normlaws.explore.pictures import Pictures
from normlaws.explore.state import State, from_query
from normlaws.explore.study import Study
from normlaws.storage.reading import reason


def build(study: Study) -> Dash:
    """The app; ``build(study).server`` is a WSGI application."""
    pictures = Pictures(study)
    alone = only_direct(study.curves)
    app = _Page(
        (lambda: "") if alone else partial(first_sight, pictures),
        __name__,
        title=f"{study.path.resolve().stem} · normlaws",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        serve_locally=True,
        suppress_callback_exceptions=True,
        add_log_handler=False,
        on_error=said,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.index_string = _index(app)
    if alone:
        law, name = DirectStudy(study.curves, study.resamples), study.path.resolve().stem
        ladder = LadderStudy(study)
        app.layout = direct.shell(name, law, ladder)
        direct.register(app, law, name, ladder)
    else:
        app.layout = shell()
        register(app, pictures)
    _confine(app)
    _answer_all(app)
    return app


class _Page(Dash):
    """A Dash whose page holds something to see before any script has run.

    Args:
        sight: makes it, as HTML, when the page is asked for.
        *args, **settings: of Dash.
    """

    def __init__(self, sight: Callable[[], str], *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._sight = sight

    def interpolate_index(self, *args: Any, **parts: Any) -> Any:
        """The page's frame, filled in."""
        parts["app_entry"] = self._sight() + parts["app_entry"]
        return super().interpolate_index(*args, **parts)  # type: ignore[no-untyped-call]


def first_sight(pictures: Pictures) -> str:
    """Stills of the first figures, of the state that the address asks for; empty elsewhere."""
    study = pictures.study
    try:
        state = from_query(flask.request.query_string.decode(), study.curves)
        if state.tab != "study":
            return ""
        drawn = {name: (FIGURES[name], one) for name, one in pictures.first(state).items()}
        return still.outline(study.path.resolve().stem, facts(study), drawn)
    except Exception:  # the page says why
        return ""


def said(error: Exception) -> Any:
    """What a callback answers that failed: the reason, in its figures and where it writes text."""
    text = reason(error)
    if not isinstance(error, NormlawsError):
        text = f"This cannot be shown: {text}"
    outputs = ctx.outputs_list
    several = isinstance(outputs, list)
    answers = [_in_place_of(one, text) for one in (outputs if several else [outputs])]
    if all(answer is no_update for answer in answers):
        set_props("notice", {"children": text})
        return None
    return answers if several else answers[0]


def _in_place_of(output: Any, text: str) -> Any:
    name, prop = output.get("id"), output.get("property")
    if prop == "figure":
        figure = str(name).removeprefix("figure-")
        return theme.message(theme.blank(figure, State(), "", ""), text)
    return text if prop == "children" and name != "page" else no_update


def _answer_all(app: Dash) -> None:
    """A sentence for what no page of ours sends, in place of a traceback."""
    app.server.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST

    def refuse(error: Exception) -> flask.Response | HTTPException:
        if isinstance(error, HTTPException):
            return error
        text = f"expected a request as the page sends it, got another: {reason(error)}"
        return flask.Response(text, 400, mimetype="text/plain")

    app.server.register_error_handler(Exception, refuse)


MAX_REQUEST = 4 * 2**20
"""Bytes that the page may send at once."""


def _confine(app: Dash) -> None:
    """Answer to this machine's name only, and let the page load from and talk to it alone."""
    app.server.config["TRUSTED_HOSTS"] = [LOOPBACK, "localhost"]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {' '.join(app.csp_hashes())}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )

    def restrict(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    app.server.after_request(restrict)


def _index(app: Dash) -> str:
    """The page's frame, which asks at once for what Dash asks for when it is about to draw.

    Plotly's name holds its version, so that a browser keeps it for good.
    """
    suites = app.get_relative_path("/_dash-component-suites")
    changed = int((Path(plotly.__file__).parent / PLOTLY).stat().st_mtime)
    plotly_js = f"{suites}/{build_fingerprint(f'plotly/{PLOTLY}', plotly.__version__, changed)}"
    parts = "".join(
        f'<link rel="preload" as="script" href="{suites}/dash/dcc/async-{part}.js">'
        for part in ("graph", "dropdown", "slider")
    )
    return _INDEX.replace("{%parts%}", parts).replace("{%plotly%}", plotly_js)


PLOTLY = "package_data/plotly.min.js"

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}{%parts%}
<script defer src="{%plotly%}"></script></head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>
"""
