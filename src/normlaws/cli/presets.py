"""``normlaws presets``: the studies that come with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from normlaws.cli import app
from normlaws.cli._output import print_json, print_table


@app.command("presets")
def presets(
    json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """List the studies that come with the package."""
    from normlaws.studies import presets as load_presets
    from normlaws.theory import solved_studies

    found, solved = load_presets(), solved_studies().values()
    if json:
        described = {name: study.model_dump(mode="json") for name, study in found.items()}
        models = {one.name: {"name": one.name, "description": one.description} for one in solved}
        print_json(described | models)
        return
    rows: list[tuple[object, ...]] = [
        (
            name,
            study.data.name,
            study.model.family,
            _range(study.sizes),
            study.seeds,
            study.description,
        )
        for name, study in found.items()
    ]
    rows += [(one.name, "–", "solved", "–", "–", one.description) for one in solved]
    print_table("Presets", ("name", "data", "model", "sizes", "seeds", "what it is"), rows)


def _range(sizes: tuple[int, ...]) -> str:
    return f"{sizes[0]} … {sizes[-1]} ({len(sizes)})"
