"""Studies that were planned before: told to be finished without importing what trains.

What a study file comes to (its runs' ids, and the definition that is written beside them) depends
on nothing but its contents and the code. It is kept in the user's cache, and a study all of whose
runs are there, with their curves as they were recorded, needs nothing else.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from normlaws.curves import Curves
from normlaws.curves.followed import Followed
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.storage import provenance
from normlaws.storage.folder import StudyFolder
from normlaws.storage.kept import Shelf
from normlaws.storage.reading import json_value
from normlaws.studies.inherit import read_values

SHELF = Shelf("studies", most=64)
WHAT = "what a study was planned to be"


@dataclass(frozen=True)
class Planned:
    """What is known of a study that was run before.

    Attributes:
        name: what it is called.
        definition: its settings, as they are written into its folder.
        runs: ids of its runs.
    """

    name: str
    definition: str
    runs: frozenset[str]

    @classmethod
    def of(cls, file: Path, scale: float) -> Planned | None:
        """What is known of a study file at a scale; ``None`` where it was not run before."""
        key = _key(file, scale)
        found = SHELF.get(*key) if key else None
        if found is None:
            return None
        try:
            held = json_value(found, WHAT, SHELF.path(*key))
            return cls(str(held["name"]), str(held["definition"]), frozenset(held["runs"]))
        except (CorruptFileError, KeyError, TypeError):
            return None

    def finished(self, folder: StudyFolder) -> tuple[Curves, str] | None:
        """The curves of a study of which nothing remains to be done, and what they were read from.

        ``None`` where something remains, is damaged, or is not as this study would have left it.

        Raises:
            StudyConflictError: another process is writing to the study.
        """
        try:
            if folder.study.read_text(encoding="utf-8") != self.definition:
                return None
        except (OSError, ValueError):
            return None
        followed = Followed(folder.root)
        with folder.locked(), warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                curves = followed.read()
            except (CorruptFileError, DataNotFoundError, InputError, Warning):
                return None
            return (curves, followed.contents()) if self.runs <= followed.finished() else None


def keep(file: Path, scale: float, name: str, definition: str, runs: Sequence[str]) -> None:
    """Keep what a study file comes to at a scale."""
    if key := _key(file, scale):
        held = {"name": name, "definition": definition, "runs": list(runs)}
        SHELF.put(json.dumps(held).encode(), *key)


def _key(file: Path, scale: float) -> tuple[str, ...]:
    """What the plan depends on; nothing where the package's own code was changed."""
    code = provenance.state()
    try:
        values = json.dumps(read_values(file), sort_keys=True, default=str)
    except (CorruptFileError, InputError, RecursionError, ValueError):
        return ()
    return (values, str(scale), *code) if code else ()
