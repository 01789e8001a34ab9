"""Learning curves of many runs.

One row per (run, recorded step) in ``frame``, one record per run in ``runs``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from normlaws.curves import files, merge, metrics, names, render
from normlaws.curves.checks import METRICS, as_size, checked_frame, checked_runs, scale_of
from normlaws.curves.metrics import Metric
from normlaws.display.numbers import counted
from normlaws.errors import CorruptFileError, InputError, allowed
from normlaws.storage.reading import reading

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Curves:
    """Learning curves of many runs: what was recorded, and what made it.

    >>> import normlaws as nl, pandas as pd
    >>> table = {"run": "a", "size": 100, "seed": 0, "step": [0, 10], "test_error": [0.9, 0.2]}
    >>> curves = nl.Curves(pd.DataFrame(table | {"log_frobenius": [0.1, 1.2]}))
    >>> curves.norms, curves.metrics, curves.sizes
    (['frobenius'], ['test_error'], [100])

    Attributes:
        frame: one row per recorded step: ``run`` (id), ``size`` (P, training examples, or what
            :attr:`scale` names), ``seed`` (``<NA>`` where the curve has none: averaged over seeds,
            or exact theory), ``step``
            (optimiser steps; ``<NA>`` where points are not steps of a training), ``epoch``, errors
            (fractions in [0, 1]), losses (nats), ``log_<norm>`` (natural logarithm, float64),
            ``seconds``. Rows of a run keep the order in which they were recorded.
        runs: one row per run: ``run``, ``size``, ``seed``, ``status`` (complete, unfinished,
            diverged or failed), ``error`` (message of a failed run, else empty), and the
            dictionaries ``settings``, ``versions``, ``hardware``, ``code``; and any variable of
            your own that has one value per run (parameters, tokens, schedule).

    Args:
        frame: as above; absent measurements are filled with NaN, further numeric columns kept.
        runs: as above; made from ``frame`` by default.

    Raises:
        InputError: a required column is missing, an error lies outside [0, 1], a column is not
            numeric, or the two tables name different runs.
    """

    def __init__(self, frame: pd.DataFrame, runs: pd.DataFrame | None = None) -> None:
        self.frame = checked_frame(frame)
        self.runs = checked_runs(self.frame, runs)

    @property
    def norms(self) -> list[str]:
        """Names of the recorded norms, without their ``log_``."""
        return [name.removeprefix("log_") for name in self.frame.columns if name.startswith("log_")]

    @property
    def metrics(self) -> list[str]:
        """Errors and losses that hold at least one value, and the gaps of metrics of one's own."""
        own = [f"{name}{metrics.GAP}" for name in metrics.declared(self.runs)]
        known = [*METRICS, *(name for name in own if name in self.frame)]
        return [name for name in known if self.frame[name].notna().any()]

    def declare(self, name: str, metric: Metric) -> Curves:
        """The curves with a column of one's own as a metric, fitted as ``<name>_gap``.

        Args:
            name: a column of ``frame``.
            metric: its unit, direction and best value.

        Raises:
            InputError: there is no such column, or a value is better than the best.
        """
        metrics.check_name(name)
        if name not in self.frame:
            raise InputError(
                f"expected a column of the curves, got {name!r}; there are "
                f"{allowed(self.frame.columns)}"
            )
        values = self.frame[name].to_numpy(dtype=float)
        frame = self.frame.assign(**{f"{name}{metrics.GAP}": metric.gap(values, name)})
        before = self.runs.get(metrics.DECLARED, pd.Series([None] * len(self.runs)))
        cells = [{**(cell or {}), **metrics.as_record({name: metric})} for cell in before]
        return Curves(frame, self.runs.assign(**{metrics.DECLARED: cells}))

    @property
    def scale(self) -> str:
        """What ``size`` counts: ``size`` for training examples, else the name it was given."""
        return scale_of(self.runs)

    @property
    def sizes(self) -> list[Any]:
        """The sizes, ascending: ``int`` where they are whole numbers, else ``float``."""
        return sorted(as_size(size) for size in self.runs["size"].unique())

    @property
    def seeds(self) -> list[int]:
        """The seeds, ascending; empty where no curve has one."""
        return sorted(int(seed) for seed in self.runs["seed"].dropna().unique())

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return (
            f"Curves({counted(len(self.runs), 'run')}, {self._sizes_named}, "
            f"{counted(len(self.seeds), 'seed')}, {counted(len(self), 'record')}, "
            f"norms {self.norms})"
        )

    @property
    def _sizes_named(self) -> str:
        return f"sizes {self.sizes}" if self.scale == "size" else f"{self.scale} {self.sizes}"

    def _repr_html_(self) -> str:
        return render.html(self.frame, self.runs, self.norms, self.metrics)

    def select(
        self,
        *,
        sizes: Iterable[float] | None = None,
        seeds: Iterable[int] | None = None,
        status: Iterable[str] | None = None,
        **variables: Iterable[Any],
    ) -> Curves:
        """The runs with the given sizes, seeds and statuses (each: all by default).

        Args:
            sizes: sizes to keep.
            seeds: seeds to keep.
            status: statuses to keep.
            variables: values to keep of any other column of ``runs``, such as ``schedule=["wsd"]``.

        Raises:
            InputError: a variable is no column of ``runs``.
        """
        keep = pd.Series(True, index=self.runs.index)
        wanted_of = {"size": sizes, "seed": seeds, "status": status, **variables}
        for column, wanted in wanted_of.items():
            if column not in self.runs:
                raise InputError(
                    f"expected a variable of the runs, got {column!r}; "
                    f"there are {allowed(self.runs.columns)}"
                )
            if wanted is not None:
                keep &= self.runs[column].isin(list(wanted))
        runs = self.runs[keep]
        return Curves(self.frame[self.frame["run"].isin(runs["run"])], runs)

    @classmethod
    def concat(cls, parts: Iterable[Curves]) -> Curves:
        """Put several sets of curves together; a run met twice with the same rows counts once.

        Raises:
            InputError: two parts hold different curves under one run id, or state different
                conventions for their norms.

        Warns:
            NormlawsWarning: runs of different precision, or of conventions that are not all known.
        """
        tables = ((f"part {n}", (part.frame, part.runs)) for n, part in enumerate(parts, 1))
        return cls._joined(*merge.merged(tables))

    @classmethod
    def read(cls, path: str | Path | Iterable[str | Path]) -> Curves:
        """Read a study folder, a run folder, a Parquet file, a glob pattern, or several of these.

        ``Curves.read("runs/*")`` puts every study below ``runs`` together. A run that is met twice
        counts once; norms that were read in different ways are not mixed.

        Raises:
            DataNotFoundError: nothing recorded is there.
            CorruptFileError: a file is truncated or damaged; the message names it.
            InputError: one run id with two different curves, different conventions, or no path.

        Warns:
            NormlawsWarning: runs of different precision, or of conventions that are not all known.
        """
        return cls._read_all(path, None)

    @classmethod
    def _read_all(cls, path: str | Path | Iterable[str | Path], kept: files.Kept | None) -> Curves:
        paths = [path] if isinstance(path, str | Path) else list(path)
        if not paths:
            raise InputError("expected at least one path or pattern to read, got none")
        found = dict.fromkeys(place for one in paths for place in files.places(one))
        parts = [part for place in found for part in cls._read(place, kept)]
        if len(parts) == 1:
            return parts[0][1]
        return cls._joined(*merge.merged((name, (c.frame, c.runs)) for name, c in parts))

    @classmethod
    def _read(cls, place: Path, kept: files.Kept | None) -> list[tuple[str, Curves]]:
        """What one place holds, by source: all runs of a folder at once where they fit together."""
        with reading("curves", place):
            if place.is_file():
                return [(str(place), cls._named(place, *files.read_parquet(place)))]
            runs = files.read_place(place, kept)
            together = cls._together(runs)
            if together is not None:
                return [(str(place), together)]
            sound, damages = cls._sound(runs)
            files.say_left_out(damages, nothing=not sound)
            together = cls._together(sound)
            if together is not None:
                return [(str(place), together)]
            return [(str(run.source), cls._alone(run)) for run in sound]

    @classmethod
    def _sound(
        cls, runs: list[files.StoredRun]
    ) -> tuple[list[files.StoredRun], list[CorruptFileError]]:
        """The runs that hold curves, and what is wrong with the others.

        They are tried together, then by halves: a few that are damaged are found among thousands.
        """
        if len(runs) == 1:
            try:
                cls._alone(runs[0])
            except CorruptFileError as damage:
                return [], [damage]
            return runs, []
        if cls._together(runs) is not None:
            return runs, []
        half = len(runs) // 2
        parts = [cls._sound(part) for part in (runs[:half], runs[half:])]
        return parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]

    @classmethod
    def _together(cls, runs: list[files.StoredRun]) -> Curves | None:
        """All runs of a folder at once; ``None`` where one of them is not like the others."""
        if not runs or len({str(run.record["run"]) for run in runs}) < len(runs):
            return None
        try:
            return cls(*files.joined(runs))
        except (CorruptFileError, Warning):
            raise
        except Exception:  # whatever one damaged run leads to; each is then read by itself
            return None

    @classmethod
    def _alone(cls, run: files.StoredRun) -> Curves:
        with reading("curves", run.source):
            return cls._named(run.source, *run.tables())

    @classmethod
    def _joined(cls, frame: pd.DataFrame, runs: pd.DataFrame) -> Curves:
        merge.check_conventions(runs)
        return cls(frame, runs)

    @classmethod
    def _named(cls, path: Path, frame: pd.DataFrame, runs: pd.DataFrame | None) -> Curves:
        try:
            return cls(frame, runs)
        except InputError as error:
            raise CorruptFileError(f"{path} does not hold curves: {error}") from None

    def write(self, path: str | Path) -> Path:
        """Write to one Parquet file (``….parquet``) or to the folder form; return the path.

        Raises:
            InputError: the folder form is asked for, and a run id cannot name a folder.
        """
        path = Path(path)
        if path.suffix == ".parquet":
            files.write_parquet(path, self.frame, self.runs)
        else:
            files.write_folder(path, self.frame, self.runs)
        return path

    def default_norm(self) -> str:
        """Spectral complexity where it is recorded, or the only norm recorded.

        Raises:
            InputError: several norms are recorded, none of them spectral complexity; or none.
        """
        return names.default_norm(self.norms)

    def default_metric(self) -> str:
        """The first recorded of test and validation error, test and validation loss, training's.

        Raises:
            InputError: no error and no loss is recorded.
        """
        return names.default_metric(self.metrics)

    def plot(
        self, norm: str | None = None, metric: str | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw an error or loss against a norm for every size, with seed bands; return the axes.

        Args:
            norm: a recorded norm; :meth:`default_norm` by default.
            metric: a recorded error or loss; :meth:`default_metric` by default.
            ax: axes to draw on; those of a new figure by default.

        Raises:
            InputError: the curves hold no such norm or metric.
        """
        from normlaws.report import figures
        from normlaws.report.style import shown_in_notebooks

        with shown_in_notebooks():
            return figures.error_against_norm(
                self,
                norm=norm or self.default_norm(),
                metric=metric or self.default_metric(),
                ax=ax,
            )
