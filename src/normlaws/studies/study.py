"""``Study``: load, run, resume."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import tomli_w

from normlaws.curves import Curves
from normlaws.errors import InputError, StudyConflictError, allowed
from normlaws.folder import StudyFolder, replace_file
from normlaws.problems import data_root
from normlaws.problems.splits import check_size
from normlaws.studies.execute import Options, execute, local_workers
from normlaws.studies.inherit import preset_files
from normlaws.studies.progress import Progress
from normlaws.studies.scale import scaled
from normlaws.studies.settings import StudySettings, parse_study, read_study
from normlaws.training import RunSettings


def presets() -> dict[str, StudySettings]:
    """The studies that come with the package, by name."""
    return {name: read_study(path) for name, path in preset_files().items()}


class Study:
    """A grid of runs over training-set sizes and seeds.

    Args:
        settings: what to run.
    """

    def __init__(self, settings: StudySettings) -> None:
        self.settings = settings

    @classmethod
    def load(cls, source: str | Path | dict[str, Any]) -> Study:
        """A preset by name, a TOML file by path, or a dictionary of the same form.

        Raises:
            InputError: no such preset or file, or a setting is not accepted.
            CorruptFileError: the file is not TOML.
        """
        if isinstance(source, dict):
            return cls(parse_study(source, "study"))
        path = Path(source)
        if path.suffix == ".toml" and path.is_file():
            return cls(read_study(path))
        known = preset_files()
        if str(source) not in known:
            raise InputError(
                f"expected a preset ({allowed(known)}) or the path of a .toml file, got {source}"
            )
        return cls(read_study(known[str(source)]))

    def scaled(self, factor: float) -> Study:
        """The same study in small, for a trial; see :func:`normlaws.studies.scale.scaled`.

        Raises:
            InputError: ``factor`` is not above 0 and at most 1.
        """
        return Study(scaled(self.settings, factor))

    def __repr__(self) -> str:
        settings = self.settings
        return f"Study({settings.name}: sizes {list(settings.sizes)}, {settings.seeds} seeds)"

    def run(
        self,
        out: str | Path | None = None,
        *,
        workers: int | None = None,
        executor: Executor | None = None,
        device: str = "cpu",
        data_root: str | Path | None = None,
        progress: bool = True,
    ) -> Curves:
        """Run what is not done yet, and return the curves of the whole study.

        A run that is complete or diverged is not run again; one that was interrupted goes on from
        its last checkpoint; one that failed is tried again. Ctrl-C makes every run under way write
        a checkpoint before ``KeyboardInterrupt`` is raised.

        Args:
            out: study folder; default ``runs/<name>``.
            workers: processes of one thread each; default one per core. Curves do not depend on it.
            executor: any ``concurrent.futures.Executor`` to use in place of local processes; its
                workers must see the study folder.
            device: as in PyTorch.
            data_root: folder of downloaded data sets.
            progress: draw a progress bar on stderr.

        Raises:
            InputError: the sizes do not fit the data, or ``workers`` is less than 1.
            StudyConflictError: the folder holds another study, or is being written to.
        """
        folder = StudyFolder(Path(out) if out else Path("runs") / self.settings.name)
        options = Options(folder.root, device, Path(data_root) if data_root else None)
        self._check_data(options)
        with folder.locked():
            self._claim(folder)
            pending = [run for run in self.settings.runs() if not _is_done(folder, run)]
            if pending:
                self._execute(pending, folder, options, workers, executor, progress)
        return Curves.read(folder.root)

    def _execute(
        self,
        pending: list[RunSettings],
        folder: StudyFolder,
        options: Options,
        workers: int | None,
        executor: Executor | None,
        progress: bool,
    ) -> None:
        with Progress(self.settings, folder, visible=progress) as bar:
            if executor is not None:
                execute(pending, folder, options, executor, bar.update)
                return
            with local_workers(workers, len(pending)) as local:
                execute(pending, folder, options, local, bar.update)

    def _check_data(self, options: Options) -> None:
        data = self.settings.data.load(data_root(options.data_root))
        for size in self.settings.sizes:
            check_size(data, size, self.settings.data.validation)
        self.settings.model.build(data.image_shape, data.classes, seed=0)

    def _claim(self, folder: StudyFolder) -> None:
        """Write the study's definition, unless the folder holds another study's."""
        text = tomli_w.dumps(self.settings.model_dump(mode="json", exclude_none=True))
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


def _extends(new: StudySettings, old: StudySettings) -> bool:
    """Whether ``new`` runs all that ``old`` did: the same settings, perhaps more sizes or seeds."""
    grown = {"sizes": new.sizes, "seeds": new.seeds, "description": new.description}
    same = old.model_copy(update=grown) == new
    return same and set(old.sizes) <= set(new.sizes) and old.seeds <= new.seeds


def _is_done(folder: StudyFolder, run: RunSettings) -> bool:
    status = folder.run(run.run_id).read_record().get("status")
    return status in ("complete", "diverged")
