"""``normlaws presets``: the studies that come with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from normlaws.cli import app
from normlaws.cli._output import print_json, print_table

COLUMNS = ("name", "data", "model", "sizes", "seeds", "what it is")


@app.command("presets")
def presets(
    json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """List the studies that come with the package."""
    from normlaws.theory import solved_studies

    solved = solved_studies().values()
    if json:
        from normlaws.studies import presets as load_presets

        described = {name: one.model_dump(mode="json") for name, one in load_presets().items()}
        models = {one.name: {"name": one.name, "description": one.description} for one in solved}
        print_json(described | models)
        return
    rows = _rows()
    rows += [(one.name, "–", "solved", "–", "–", one.description) for one in solved]
    print_table("Presets", COLUMNS, rows, spare=(1, 2, 4, 3))


def _rows() -> list[tuple[object, ...]]:
    """Read from the files alone: loading the studies would import what trains them."""
    from normlaws.studies.inherit import preset_files, read_values

    rows: list[tuple[object, ...]] = []
    for name, path in preset_files().items():
        study = read_values(path)
        sizes = sorted(study["sizes"])
        ladder = f"{sizes[0]} … {sizes[-1]} ({len(sizes)})"
        kinds = (study["data"]["name"], study["model"]["family"])
        rows.append((name, *kinds, ladder, study["seeds"], study.get("description", "")))
    return rows
