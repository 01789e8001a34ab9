"""A figure as plain values, which plotly.js takes as they are.

Plotly's own class checks every value as it is set, which takes longer than everything else on the
way to a drawn figure; the tests have it check these figures.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
import pandas as pd

Values = dict[str, Any]


class Figure:
    """Traces over a layout.

    Args:
        layout: of plotly.js.
    """

    def __init__(self, layout: Values) -> None:
        self.data: list[Values] = []
        self.layout = layout

    def add_scatter(self, **trace: Any) -> None:
        """Lines or markers; what is None is left out."""
        given = {name: value for name, value in trace.items() if value is not None}
        self.data.append({"type": "scatter", **given})

    def add_contour(self, **trace: Any) -> None:
        """Filled contours."""
        self.data.append({"type": "contour", **trace})

    def add_shape(self, **shape: Any) -> None:
        """A line or a rectangle."""
        self.layout.setdefault("shapes", []).append(shape)

    def add_annotation(self, **note: Any) -> None:
        """A text."""
        self.layout.setdefault("annotations", []).append(note)

    def update_layout(self, **values: Any) -> None:
        """Change parts of the layout, also within parts."""
        _merge(self.layout, values)

    def update_axis(self, which: str, **values: Any) -> None:
        """Change parts of the axis ``"x"`` or ``"y"``."""
        _merge(self.layout[f"{which}axis"], values)

    def to_plotly_json(self) -> Values:
        """As it is sent to the page."""
        return {"data": _packed(self.data), "layout": _packed(self.layout)}


def _merge(into: Values, values: Values) -> None:
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _packed(value: Any) -> Any:
    """Numbers in arrays as the base64 of their doubles, which a browser need not parse."""
    if isinstance(value, dict):
        return {name: _packed(one) for name, one in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_packed(one) for one in value]
    if not isinstance(value, np.ndarray | pd.Series):
        return value
    array = np.asarray(value)
    if not array.size or array.dtype.kind not in "fiub":
        return array.tolist()
    packed = b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode()
    shape = {"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {}
    return {"dtype": "f8", "bdata": packed, **shape}
