"""What happens when something on the page is moved. One way: controls → state → fit → figures."""

from __future__ import annotations

from dash import Dash

from normlaws.explore.callbacks import (
    browser,
    controls,
    drawing,
    fitting,
    loading,
    models,
    perceptron,
)
from normlaws.explore.study import Study


def register(app: Dash, study: Study) -> None:
    """Put every callback on the app."""
    for part in (loading, controls, fitting, drawing, perceptron):
        part.register(app, study)
    models.register(app)
    browser.register(app)
