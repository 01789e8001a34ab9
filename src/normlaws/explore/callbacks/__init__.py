"""What happens when something on the page is moved. One way: controls → state → fit → figures."""

from __future__ import annotations

from typing import Any

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
from normlaws.explore.ladder import Asked, LadderStudy
from normlaws.explore.ladder import register as register_collapse
from normlaws.explore.pictures import Pictures


def register(app: Dash, pictures: Pictures) -> None:
    """Put every callback on the app."""
    study = pictures.study
    for drawn in (loading, drawing):
        drawn.register(app, pictures)
    for part in (controls, fitting):
        part.register(app, study)
    perceptron.register(app)
    models.register(app)
    ladder = LadderStudy(study)

    def asked(store: Any) -> Asked | None:
        if not store or store["tab"] != "collapse":
            return None
        return ladder.suited(store["axis"], store["loss"], store["floor"])

    register_collapse(app, ladder, asked)
    browser.register(app)
