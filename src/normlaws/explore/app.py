"""The Dash app of one study: everything it needs comes from this machine."""

from __future__ import annotations

from pathlib import Path

import flask
from dash import Dash

from normlaws.explore.address import LOOPBACK
from normlaws.explore.callbacks import register
from normlaws.explore.page import shell
from normlaws.explore.study import Study


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
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.index_string = _INDEX
    app.layout = shell()
    register(app, study)
    _confine(app)
    return app


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

    @app.server.after_request
    def restrict(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>
"""
