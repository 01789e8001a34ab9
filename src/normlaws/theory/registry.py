"""The registry of solved studies: models whose curves are computed rather than trained.

A member is one file, ``normlaws/theory/solved/NAME.py``, that holds a :class:`SolvedStudy` called
``STUDY`` and imports nothing else, so that listing all members is cheap. The member names the
module of its model, which is imported when something is asked of it and offers two functions:

``study(**options)``
    Computes what the study shows. The result is of any type with a method ``kinds()``, which
    returns the curves by a short title, such as ``{"theory": …, "simulation": …}``. Curves without
    seeds count as exact and are drawn as lines; curves with seeds as points with error bars.
``values(**parameters)``
    The model's main quantities at one point, as numbers by name; ``normlaws theory --model NAME``
    prints them. The parameters are annotated with ``float``, ``int``, ``str`` or ``bool`` (or an
    optional one of these), which is how text from the command line is converted.

``normlaws run``, ``normlaws presets``, ``normlaws theory``, ``normlaws explore`` and
``nl.Study.load`` find every member here. A page of its own is optional:
``normlaws/report/solved/NAME.py``, see :mod:`normlaws.report.solved`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, get_args, get_type_hints

from normlaws.errors import InputError, StudyConflictError, allowed

if TYPE_CHECKING:
    from normlaws.curves import Curves

Value = float | int | str | bool | None
MEMBERS = "normlaws.theory.solved"
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


class Solved(Protocol):
    """What ``study()`` of a model returns."""

    def kinds(self) -> dict[str, Curves]:
        """The curves by a short title, in reading order."""


@dataclass(frozen=True)
class SolvedStudy:
    """A study that is solved instead of trained.

    Attributes:
        name: what a user types, such as ``"perceptron"``.
        description: one line for ``normlaws presets``.
        norm: the norm along which its curves are fitted, without ``log_``.
        metric: the error or loss that is fitted.
        module: where ``study`` and ``values`` are.
        runs: the kind of curve that becomes the runs of a study folder; the others stand beside
            them as Parquet files. The first kind by default.
    """

    name: str
    description: str
    norm: str
    metric: str
    module: str
    runs: str = ""

    def solve(self, **options: Value) -> Solved:
        """Compute everything that the study shows.

        Args:
            **options: of the model's own ``study``; text is converted.

        Raises:
            InputError: there is no such option, or a value is out of range.
        """
        function = self._function("study")
        solved: Solved = function(**self._accepted(function, options))
        return solved

    def values(self, **parameters: Value) -> dict[str, Any]:
        """The model's main quantities at one point, by name.

        Raises:
            InputError: a parameter is missing, unknown or out of range.
        """
        function = self._function("values")
        accepted = self._accepted(function, parameters)
        needed = [
            name
            for name, one in inspect.signature(function).parameters.items()
            if one.default is inspect.Parameter.empty and name not in accepted
        ]
        if needed:
            raise InputError(f"expected a value for {allowed(needed)} of {self.name}, got none")
        found: dict[str, Any] = function(**accepted)
        return found

    def scaled(self, factor: float) -> SolvedStudy:
        """Itself at factor 1; nothing is trained, so there is nothing to make smaller.

        Raises:
            InputError: the factor is not 1.
        """
        if factor != 1:
            raise InputError(
                f"expected no --scale for {self.name}, which trains no network, got {factor}"
            )
        return self

    def run(self, out: str | Path | None = None) -> Curves:
        """Solve, write a study folder, and return its curves.

        Args:
            out: the folder; default ``runs/<name>``.

        Raises:
            StudyConflictError: the folder holds another study, or is being written to.
        """
        return self.write(self.solve(), out)

    def write(self, solved: Solved, out: str | Path | None = None) -> Curves:
        """Write what was solved as a study folder; return the curves that became its runs.

        The same options give the same runs, so writing twice adds nothing.

        Raises:
            StudyConflictError: the folder holds another study, or is being written to.
        """
        from normlaws.storage.folder import StudyFolder

        folder = StudyFolder(Path(out) if out else Path("runs") / self.name)
        kinds = dict(solved.kinds())
        chosen = self.runs or next(iter(kinds))
        curves = kinds.pop(chosen)
        with folder.locked():
            there = {run.root.name for run in folder.run_folders()}
            if folder.study.exists() or not there <= set(curves.runs["run"]):
                raise StudyConflictError(
                    f"expected {folder.root} to be new or to hold the {self.name}, but it holds "
                    "another study; give another --out"
                )
            curves.write(folder.root)
            for title, beside in kinds.items():
                beside.write(folder.root / f"{slug(title)}.parquet")
        return curves

    def _function(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(importlib.import_module(self.module), name)
        return function

    def _accepted(
        self, function: Callable[..., Any], given: Mapping[str, Value]
    ) -> dict[str, Value]:
        known = list(inspect.signature(function).parameters)
        hints = get_type_hints(function)
        for name in given:
            if name not in known:
                raise InputError(
                    f"expected a parameter of {self.name} ({allowed(known)}), got {name!r}"
                )
        return {name: _converted(name, value, hints.get(name)) for name, value in given.items()}


def solved_studies() -> dict[str, SolvedStudy]:
    """Every solved study, by name."""
    package = importlib.import_module(MEMBERS)
    modules = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    studies = [importlib.import_module(f"{MEMBERS}.{name}").STUDY for name in modules]
    return {study.name: study for study in studies}


def solved_study(name: str) -> SolvedStudy:
    """The solved study of a name.

    Raises:
        InputError: there is none; the message lists them.
    """
    known = solved_studies()
    if name not in known:
        raise InputError(f"expected a solved model ({allowed(known)}), got {name!r}")
    return known[name]


def slug(title: str) -> str:
    """A title as the stem of a file: ``"fixed norm"`` → ``"fixed-norm"``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _converted(name: str, value: Value, hint: Any) -> Value:
    """Text as the type of a parameter; anything that is no text as it is."""
    if not isinstance(value, str):
        return value
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind in (float, int, bool, str)]
    for kind in kinds:
        try:
            return _TRUTHS[value.lower()] if kind is bool else kind(value)
        except (ValueError, KeyError):
            continue
    wanted = " or ".join(kind.__name__ for kind in kinds) or "set in Python"
    raise InputError(f"expected {name} to be {wanted}, got {value!r}")
