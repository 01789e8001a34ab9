"""``Study``: load, run, resume."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning, StudyConflictError
from normlaws.problems import DataSet
from normlaws.problems import data_root as _data_root
from normlaws.problems.factory import importable, told
from normlaws.problems.models.custom import CustomModel
from normlaws.problems.splits import check_size, split
from normlaws.storage.folder import StudyFolder, replace_file
from normlaws.studies.cluster import cluster_workers
from normlaws.studies.devices import check_device, default_processes
from normlaws.studies.execute import execute
from normlaws.studies.inherit import preset_files, study_file
from normlaws.studies.layout import Group, Speed, plan_layout
from normlaws.studies.live import View
from normlaws.studies.local import available_cores, local_workers
from normlaws.studies.perform import Checked, Options, checked
from normlaws.studies.progress import Watch
from normlaws.studies.scale import scaled
from normlaws.studies.settings import StudySettings, parse_study, read_study
from normlaws.studies.speed import measured_speed
from normlaws.studies.workers import ExecutorWorkers, Workers, processes
from normlaws.theory.registry import SolvedStudy, solved_studies
from normlaws.training import RunSettings
from normlaws.training.evaluate import fitting_batch
from normlaws.training.losses import check_loss

if TYPE_CHECKING:
    from torch import nn


def presets() -> dict[str, StudySettings]:
    """The studies that come with the package, by name."""
    return {name: read_study(path) for name, path in preset_files().items()}


class Study:
    """A grid of runs over training-set sizes and seeds.

    >>> import normlaws as nl
    >>> study = nl.Study.load("digits-cnn").scaled(0.1)  # study.run() trains it
    >>> study.name
    'digits-cnn-scale-0.1'
    >>> nl.Study.load("perceptron").description  # solved, not trained
    'The solvable perceptron: exact theory, students at fixed norm, descent from zero.'

    Args:
        settings: what to run.
        folder: of the study's file; ``module:function`` in it may name a module there.
    """

    def __init__(self, settings: StudySettings, folder: Path | None = None) -> None:
        self.settings = settings
        self.folder = folder

    @classmethod
    def load(cls, source: str | Path | dict[str, Any]) -> Study | SolvedStudy:
        """A preset by name, a TOML file by path, or a dictionary of the same form.

        The name of a solved model gives its :class:`~normlaws.theory.registry.SolvedStudy`, which
        runs in the same way.

        Raises:
            InputError: no such preset or file, or a setting is not accepted.
            CorruptFileError: the file is not TOML.
        """
        if isinstance(source, dict):
            return cls(parse_study(source, "study"))
        solved = solved_studies()
        if str(source) in solved:
            return solved[str(source)]
        path = study_file(str(source), solved)
        return cls(read_study(path), path.resolve().parent)

    @property
    def name(self) -> str:
        """What the study is called."""
        return self.settings.name

    def definition(self) -> str:
        """The settings as TOML, as they are written into the study's folder."""
        return tomli_w.dumps(self.settings.model_dump(mode="json", exclude_none=True))

    def scaled(self, factor: float) -> Study:
        """The same study in small, for a trial; see :func:`normlaws.studies.scale.scaled`.

        Raises:
            InputError: ``factor`` is not above 0 and at most 1.
        """
        return Study(scaled(self.settings, factor), self.folder)

    def __repr__(self) -> str:
        settings = self.settings
        return f"Study({settings.name}: sizes {list(settings.sizes)}, {settings.seeds} seeds)"

    def run(
        self,
        out: str | Path | None = None,
        *,
        workers: int | None = None,
        executor: Executor | None = None,
        cluster: Any = None,
        device: str = "cpu",
        data_root: str | Path | None = None,
        progress: bool = True,
        stack: bool = True,
    ) -> Curves:
        """Run what is not done yet, and return the curves of the whole study.

        A run that is complete or diverged is not run again; one that was interrupted goes on from
        its last checkpoint; one that failed is tried again. Ctrl-C makes every run under way write
        a checkpoint before ``KeyboardInterrupt`` is raised.

        Args:
            out: study folder; default ``runs/<name>``.
            workers: processes of one thread each, no more than cores. By default one per core, or a
                single one with all threads, whichever a measurement finds faster; one per GPU.
            executor: any ``concurrent.futures.Executor`` to use in place of local processes; its
                workers must see the study folder.
            cluster: address of a dask scheduler (``"tcp://host:8786"``), name of a batch system
                (``"slurm"``, ``"pbs"``, ``"lsf"``, ``"sge"``) or a cluster object of dask (extra
                ``cluster``). A study with a table ``[cluster]`` runs there where neither
                ``workers`` nor ``executor`` nor ``cluster`` is given.
            device: as in PyTorch; with ``"cuda"`` every process takes a GPU of its own, in turn.
            data_root: folder of downloaded data sets.
            progress: show on stderr how far the runs are.
            stack: train runs that differ in seed or size only together, where a measurement finds
                that faster; their curves then differ by rounding (``docs/training.md``).

        Raises:
            InputError: the sizes do not fit the data, ``workers`` is less than 1, there is no such
                device, or a factory of the user's own fails.
            StudyConflictError: the folder holds another study, or is being written to.
            ClusterError: the scheduler or its workers are not there.
            MissingExtraError: a cluster needs an extra that is not installed.
        """
        folder = StudyFolder(Path(out) if out else Path("runs") / self.settings.name)
        if workers is not None and cluster is not None:
            raise InputError("expected workers of this machine or a cluster, got both")
        place = _data_root(Path(data_root) if data_root else None).resolve()
        options = Options(
            folder.root.resolve(), device=device, data_root=place, modules=self.folder
        )
        here = executor is None and cluster is None and self.settings.cluster is None
        runs = {run.run_id: run for run in self.settings.runs()}
        known = all(folder.run(name).record.exists() for name in runs)
        loaded = None if known else self._checked_data(options, here)
        with folder.locked():
            self._claim(folder)
            found = [(run, checked(folder.run(name))) for name, run in runs.items()]
            pending = [run for run, files in found if not files.done]
            _say_what_is_damaged(files for _, files in found)
            if pending:
                data = loaded or self._checked_data(options, here)
                groups, chosen = self._spread(
                    pending, data, workers, executor, cluster, device, stack
                )
                self._execute(groups, folder, options, chosen, progress)
        return Curves.read(folder.root)

    def _execute(
        self,
        groups: Sequence[Group],
        folder: StudyFolder,
        options: Options,
        workers: AbstractContextManager[Workers],
        progress: bool,
    ) -> None:
        watch = Watch(self.settings.runs(), folder)
        with workers as ready, View(self.settings.name, watch, ready.describe, progress) as view:
            execute(groups, folder, options, ready, view.update)

    def _spread(
        self,
        pending: list[RunSettings],
        data: DataSet,
        workers: int | None,
        executor: Executor | None,
        cluster: Any,
        device: str,
        stack: bool,
    ) -> tuple[Sequence[Group], AbstractContextManager[Workers]]:
        """Which runs go together, and who does them."""
        alone = [(run,) for run in pending]
        if executor is not None:
            return alone, nullcontext(ExecutorWorkers(executor))
        table = self.settings.cluster
        if cluster is None and workers is None and table is not None:
            cluster = table.kind
        if cluster is not None:
            return alone, cluster_workers(cluster, table, device)
        cores = available_cores()

        def speed() -> Speed | None:
            if device != "cpu":
                return None
            try:
                return measured_speed(pending, data, cores)
            except Exception:  # each run says so itself
                return None

        if workers is None:
            workers = default_processes(device)
        layout = plan_layout(pending, workers, cores, speed, stack)
        start = partial(local_workers, 1, layout.threads)
        return layout.groups, processes(layout.processes, start, device)

    def _checked_data(self, options: Options, here: bool) -> DataSet:
        """The data, once sizes, loss and model fit it, and the device where runs are done here."""
        if here:
            check_device(options.device)
        importable(options.modules)
        data = self.settings.data.load(_data_root(options.data_root))
        for size in self.settings.sizes:
            check_size(data, size, self.settings.data.validation)
        check_loss(self.settings.training.loss, data)
        try:
            model = self.settings.model.build(data.image_shape, data.classes, seed=0)
        except (MemoryError, RuntimeError) as error:  # of widths that no memory holds
            raise InputError(f"expected a model that can be built, but {told(error)}") from None
        if isinstance(self.settings.model, CustomModel):
            self._try(self.settings.model.factory, model, data)
        return data

    def _try(self, factory: str, model: nn.Module, data: DataSet) -> None:
        """Pass one image through a model of the user's own, before any run is begun."""
        settings = self.settings.data
        parts = split(data, size=min(self.settings.sizes), validation=settings.validation, seed=0)
        try:
            fitting_batch(model, parts.train)
        except Exception as error:
            raise InputError(
                f"expected the model of {factory!r} to take images of shape {data.image_shape}, "
                f"but {told(error)}"
            ) from error

    def _claim(self, folder: StudyFolder) -> None:
        """Write the study's definition, unless the folder holds another study's."""
        text = self.definition()
        if folder.study.exists():
            if not _extends(self.settings, read_study(folder.study)):
                raise StudyConflictError(
                    f"expected {folder.root} to be new or to hold this study, but it holds another "
                    f"one ({folder.study} differs beyond more sizes or seeds); give another --out"
                )
        elif folder.run_folders():
            raise StudyConflictError(
                f"expected {folder.root} to be new or to hold this study, but it holds runs "
                "that no study.toml describes; give another --out"
            )
        replace_file(folder.study, lambda path: path.write_text(text, encoding="utf-8"))


def _say_what_is_damaged(runs: Iterable[Checked]) -> None:
    for files in runs:
        if files.damage:
            warnings.warn(f"{files.damage}; the run starts again", NormlawsWarning, stacklevel=3)


def _extends(new: StudySettings, old: StudySettings) -> bool:
    """Whether ``new`` runs all that ``old`` did: the same settings, perhaps more sizes or seeds."""
    free = ("sizes", "seeds", "description", "cluster")
    grown = {name: getattr(new, name) for name in free}
    same = old.model_copy(update=grown) == new
    return same and set(old.sizes) <= set(new.sizes) and old.seeds <= new.seeds
