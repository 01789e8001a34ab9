"""A direct law as text, HTML and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from normlaws.display import cards
from normlaws.display.columns import columns, wrapped
from normlaws.display.numbers import count, fixed, interval, significant
from normlaws.errors import InputError
from normlaws.laws.direct.forms import fit_forms
from normlaws.laws.result import bounds_text

if TYPE_CHECKING:
    from normlaws.laws.direct.result import DirectLaw, Sampled
    from normlaws.laws.result import Forecast

FORECASTS = (2, 4, 10)
STARRED = (
    "* fits worse than the best form, or leaves fewer than two sizes over: not in the interval"
)
HEADER = ("form", "scatter in ln", "back-test", "× 2", "× 4", "× 10")


def one_line(law: DirectLaw) -> str:
    """γ with its interval."""
    return f"γ = {fixed(law.gamma.value)} ({interval(law.gamma)})"


def forecast_rows(law: DirectLaw) -> list[tuple[str, str, str]]:
    """Size, lowest error and interval at two, four and ten times the largest size."""
    return [
        (count(found.size), found.error_text(), interval(found.error, significant))
        for found in _ahead(law)
    ]


def bounds(law: DirectLaw) -> str:
    """What ``≤`` means in those rows; empty where no forecast is a bound."""
    return bounds_text(_ahead(law), size_name(law))


def form_rows(law: DirectLaw) -> list[tuple[str, ...]]:
    """Every form: scatter, error on the hidden largest size, errors beyond."""
    tested = dict(backtest(law.sampled).to_numpy()) if len(law.sizes) > 2 else {}
    return [
        (
            row.name.replace("_", " ") + ("" if row.admitted else " *"),
            significant(row.scatter),
            significant(abs(tested.get(row.name, np.nan))),
            *map(significant, row.errors),
        )
        for row in law.forms().itertuples(index=False)
    ]


def backtest(found: Sampled) -> pd.DataFrame:
    """Ln(predicted/actual) of the largest size from the others, by every form."""
    forms = found.forms
    if len(forms.log_sizes) < 3:
        raise InputError(f"expected three sizes or more, got {len(forms.log_sizes)}")
    earlier = fit_forms(forms.log_sizes[:-1], forms.log_error[:-1])
    last = forms.log_sizes[-1:]
    said = {one.baseline.name: float(one.log_error(last)[0]) for one in earlier.fitted}
    rows = [
        (one.baseline.name, said.get(one.baseline.name, np.nan) - float(forms.log_error[-1]))
        for one in forms.fitted
    ]
    return pd.DataFrame(rows, columns=["name", "log_ratio"])


def size_name(law: DirectLaw) -> str:
    """What sizes are called: P where they count training examples, else their own name."""
    return "P" if law.scale == "size" else law.scale.replace("_", " ")


def summary(law: DirectLaw, width: int | None = None) -> str:
    """A few tables of text."""
    head, forms = f"best {law.metric} against {law.scale}", form_rows(law)
    lines = [head, "-" * len(head), one_line(law), ""]
    lines += columns((size_name(law), law.metric, "95 %"), forecast_rows(law), width, right=(0, 1))
    lines += wrapped(bounds(law), width) if bounds(law) else []
    lines += ["", *columns(HEADER, forms, width, right=range(1, len(HEADER)))]
    lines += wrapped(STARRED, width) if any(row[0].endswith("*") for row in forms) else []
    lines += ["", *wrapped(law.verdict.text, width)]
    lines += wrapped("\n".join(f"Next: {step}." for step in law.verdict.next_steps), width)
    return "\n".join(lines)


def html(law: DirectLaw) -> str:
    """A card for notebooks."""
    return cards.card(
        f"best {law.metric} against {law.scale}: {one_line(law)}",
        cards.table(
            (size_name(law), law.metric, "95 % interval"), forecast_rows(law), numeric=(0, 1, 2)
        ),
        *([cards.text(bounds(law), quiet=True)] if bounds(law) else []),
        cards.table(HEADER, form_rows(law), numeric=range(1, len(HEADER))),
        cards.text(STARRED, quiet=True),
        cards.text(law.verdict.text),
        *(cards.text(f"Next: {step}.") for step in law.verdict.next_steps),
    )


def as_dict(law: DirectLaw) -> dict[str, Any]:
    """The object of ``fit --json``."""
    return {
        "gamma": law.gamma.as_dict(),
        "metric": law.metric,
        "norm": None,
        "scale": law.scale,
        "verdict": law.verdict.text,
        "grade": law.verdict.grade,
        "codes": list(law.verdict.codes),
        "next_steps": list(law.verdict.next_steps),
        "forms": law.forms().to_dict("records"),
        "forecast": [_plain(one) for one in _ahead(law)],
    }


def _ahead(law: DirectLaw) -> list[Forecast]:
    largest = float(law.sizes["size"].max())
    return law.forecast([factor * largest for factor in FORECASTS])


def _plain(one: Forecast) -> dict[str, Any]:
    """A forecast without the norm that no one knows."""
    return {name: value for name, value in one.as_dict().items() if name != "log_norm"}
