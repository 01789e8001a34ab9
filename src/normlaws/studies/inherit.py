"""Study files that extend a preset: only what differs is written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from normlaws.errors import InputError, allowed, meant
from normlaws.storage.reading import content, reading

KINDS = {"data": "name", "model": "family"}
LENGTHS = {"steps", "epochs"}
_MAX_STUDY = 2**20  # bytes


def preset_files() -> dict[str, Path]:
    """The files of the presets that come with the package, by name."""
    folder = Path(str(files("normlaws.studies"))) / "presets"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def study_file(name: str, solved: Iterable[str] = ()) -> Path:
    """The file of a study: a ``.toml`` file itself, or that of a preset.

    Args:
        name: what the user typed.
        solved: names of solved models, which would be accepted as well.

    Raises:
        InputError: neither is there.
    """
    path, known = Path(name), preset_files()
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise InputError(f"expected a study file, but there is no {name}")
    if name not in known:
        others = " or the path of a .toml file"
        raise InputError(f"expected {_preset_but(name, [*known, *solved], others)}")
    return known[name]


def _preset_but(name: str, known: Iterable[str], others: str = "") -> str:
    alike = meant(name, known)
    listed = "normlaws presets lists them" if alike else f"one of {allowed(known)}"
    return f"a preset ({listed}){others}, got {name!r}{alike}"


def read_values(path: Path) -> dict[str, Any]:
    """The contents of a study file, its ``extends`` resolved.

    Raises:
        CorruptFileError: the file is not TOML.
        InputError: it extends a preset that does not exist.
    """
    with reading("a TOML file", path):
        values = tomllib.loads(content(path, "a TOML file", _MAX_STUDY).decode("utf-8"))
    return resolved(values, str(path))


def resolved(values: dict[str, Any], source: str) -> dict[str, Any]:
    """``values`` over those of the preset that their key ``extends`` names, table by table.

    A data set of another ``name`` or a model of another ``family`` replaces its table as a whole,
    and ``steps`` replace ``epochs``.

    Raises:
        InputError: there is no such preset; the message lists them.
    """
    own = dict(values)
    base = own.pop("extends", None)
    if base is None:
        return own
    known = preset_files()
    if not isinstance(base, str) or base not in known:
        raise InputError(f"{source}: expected extends to be {_preset_but(str(base), known)}")
    merged = read_values(known[base])
    for key, value in own.items():
        below = merged.get(key)
        tables = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = _over(key, value, below or {}) if tables else value
    return merged


def _over(key: str, table: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS.get(key)
    if kind and table.get(kind, base.get(kind)) != base.get(kind):
        return table
    dropped = LENGTHS if LENGTHS & set(table) else set()
    return {name: value for name, value in base.items() if name not in dropped} | table
