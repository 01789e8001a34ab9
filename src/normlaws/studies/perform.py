"""One task, done in the process of a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from normlaws.curves import Curves
from normlaws.errors import CorruptFileError, InputError
from normlaws.problems import DataSet, DataSettings, DataSource, data_root
from normlaws.problems.factory import importable, told
from normlaws.storage.folder import RunFolder, StudyFolder, is_finished
from normlaws.storage.lease import Lease, LeaseLostError, leased
from normlaws.studies.local import arithmetic_threads
from normlaws.training import Execution, RunSettings, train, train_stack

AGAIN = "again"
"""Status of a run that another worker has or has taken over: to be asked for again."""

_one_at_a_time = threading.Lock()  # PyTorch's global generator serves one run


@dataclass(frozen=True)
class Options:
    """What a worker must know beside the settings of its runs.

    Attributes:
        root: the study folder.
        session: of the process that runs the study; the worker stops when another one begins.
        device: as in PyTorch.
        data_root: folder of downloaded data sets.
        threads: of arithmetic; as the process has it where ``None``.
        checkpoint_seconds: between two checkpoints of a run.
        lease_seconds: silence after which the worker that has a run counts as dead.
        modules: folder from which factories of the user's own may be imported.
    """

    root: Path
    session: str = ""
    device: str = "cpu"
    data_root: Path | None = None
    threads: int | None = None
    checkpoint_seconds: float = 30.0
    lease_seconds: float = 60.0
    modules: Path | None = None


def perform(
    settings_jsons: list[str], options: Options, leaving: Callable[[], bool] = lambda: False
) -> list[str]:
    """Do one run, or several together, and return their statuses; one that raises is ``failed``.

    A run is begun only under its lease, and only where nobody has finished it meanwhile. Several
    calls in one process wait for one another.

    Args:
        settings_jsons: :class:`RunSettings` of the runs, as JSON.
        options: what else there is to know.
        leaving: asked about twice a second; when true the runs stop at a checkpoint.

    Raises:
        InputError: the study folder is not to be seen from here.
        OSError: files cannot be read or written; the study cannot go on either.
    """
    study = StudyFolder(options.root)
    if not study.root.is_dir():
        raise InputError(
            f"expected every worker to see the study folder {study.root}, but there is none on "
            "this one; give --out on a file system that they share"
        )
    if not study.in_session(options.session):
        return ["unfinished"] * len(settings_jsons)
    runs = [RunSettings.model_validate_json(text) for text in settings_jsons]
    importable(options.modules)
    with _one_at_a_time, arithmetic_threads(options.threads), ExitStack() as stack:
        leases = {run.run_id: stack.enter_context(_lease(study, run, options)) for run in runs}
        return _Task(study, options, leases, leaving).do(runs)


class _Task:
    """The runs of one task whose leases are held, or are not."""

    def __init__(
        self,
        study: StudyFolder,
        options: Options,
        leases: dict[str, Lease | None],
        leaving: Callable[[], bool],
    ) -> None:
        self._study, self._options, self._leases = study, options, leases
        self._leaving = leaving

    def do(self, runs: list[RunSettings]) -> list[str]:
        statuses = {run.run_id: self._without_training(run) for run in runs}
        remaining = [run for run in runs if statuses[run.run_id] is None]
        if remaining:
            names = (run.run_id for run in remaining)
            statuses |= dict(zip(names, self._train(remaining), strict=True))
        return [status or AGAIN for status in statuses.values()]

    def _without_training(self, run: RunSettings) -> str | None:
        if self._leases[run.run_id] is None:
            return AGAIN
        found = checked(self._folder(run))
        return str(found.record["status"]) if found.done else None

    def _train(self, runs: list[RunSettings]) -> list[str]:
        options = self._options
        execution = Execution(
            options.device, options.data_root, options.checkpoint_seconds, stop=self._stopped
        )
        try:
            data = data_set(runs[0].data.model_dump_json(), options.data_root)
            folders = [self._folder(run) for run in runs]
            if len(runs) > 1:
                curves = train_stack(runs, folders, execution, data)
            else:
                curves = train(runs[0], folders[0], execution, data)
            statuses = [self._status(curves, run) for run in runs]
        except LeaseLostError:
            return [AGAIN] * len(runs)
        except OSError:
            raise
        except Exception as error:
            if len(runs) > 1:  # the fault of one is not to be that of all
                return [status for run in runs for status in self._train([run])]
            return [self._failed(runs[0], error)]
        return statuses

    def _failed(self, run: RunSettings, error: Exception) -> str:
        try:
            write_failure(self._folder(run), run, told(error))
        except LeaseLostError:
            return AGAIN
        return "failed"

    def _status(self, curves: Curves, run: RunSettings) -> str:
        """The status of a run; ``again`` where it stopped, but the study did not."""
        status = str(curves.runs.set_index("run")["status"][run.run_id])
        going_on = self._study.in_session(self._options.session)
        return AGAIN if status == "unfinished" and going_on else status

    def _stopped(self) -> bool:
        lost = any(lease is not None and lease.lost for lease in self._leases.values())
        return lost or self._leaving() or not self._study.in_session(self._options.session)

    def _folder(self, run: RunSettings) -> RunFolder:
        return self._study.run(run.run_id)


@dataclass(frozen=True)
class Checked:
    """A run's files, read once.

    Attributes:
        record: what the record says; nothing where it cannot be read.
        damage: what is wrong with it, or with the curve of a finished run; empty if nothing.
    """

    record: dict[str, Any]
    damage: str

    @property
    def done(self) -> bool:
        """Whether nothing remains to be trained: the run ended, and its curve is as recorded."""
        return is_finished(self.record) and not self.damage


def checked(folder: RunFolder) -> Checked:
    """Read a run's record, and compare the curve of a finished run with it."""
    record: dict[str, Any] = {}
    try:
        record = folder.read_record()
        if is_finished(record):
            folder.checked_curve(record)
    except CorruptFileError as found:
        return Checked(record, str(found))
    return Checked(record, "")


def is_done(folder: RunFolder) -> bool:
    """Whether nothing remains to be trained; see :class:`Checked`."""
    return checked(folder).done


def write_failure(folder: RunFolder, run: RunSettings, message: str) -> None:
    """Record that a run failed, and why."""
    record = {"run": run.run_id, "size": run.size, "seed": run.seed}
    made_by = {"settings": run.model_dump(mode="json")}
    failure = {"status": "failed", "error": message}
    folder.write_record(folder.known_record() | record | made_by | failure)


def _lease(study: StudyFolder, run: RunSettings, options: Options) -> Any:
    folder = study.run(run.run_id).root
    return leased(folder, options.lease_seconds, lambda: not study.in_session(options.session))


@lru_cache(maxsize=2)
def data_set(settings_json: str, root: Path | None) -> DataSet:
    """The data set, held in this process for the next run too."""
    settings: DataSource = TypeAdapter(DataSettings).validate_json(settings_json)
    return settings.load(data_root(root))
