"""The Dash app of one study: everything it needs comes from this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask
from dash import Dash, ctx, no_update, set_props
from werkzeug.exceptions import HTTPException

from normlaws.errors import NormlawsError
from normlaws.explore import direct, theme
from normlaws.explore.address import LOOPBACK
from normlaws.explore.callbacks import register
from normlaws.explore.direct import DirectStudy, only_direct
from normlaws.explore.ladder import LadderStudy
from normlaws.explore.page import shell
from normlaws.explore.state import State
from normlaws.explore.study import Study
from normlaws.storage.reading import reason


def build(study: Study) -> Dash:
    """The app; ``build(study).server`` is a WSGI application."""
    app = Dash(
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
    app.index_string = _INDEX.replace("{%plotly%}", app.get_relative_path(_PLOTLY))
    if only_direct(study.curves):
        alone, name = DirectStudy(study.curves, study.resamples), study.path.resolve().stem
        ladder = LadderStudy(study)
        app.layout = direct.shell(name, alone, ladder)
        direct.register(app, alone, name, ladder)
    else:
        app.layout = shell()
        register(app, study)
    _confine(app)
    _answer_all(app)
    return app


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


_PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js"
"""Asked for at once: Dash itself asks for it when the first figure is about to be drawn."""

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}
<script defer src="{%plotly%}"></script></head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>
"""
