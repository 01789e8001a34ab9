"""Runs of a plan, done by the workers of any ``concurrent.futures.Executor``."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from normlaws.errors import InputError
from normlaws.folder import StudyFolder
from normlaws.problems import DataSet, DataSettings, DataSource, data_root
from normlaws.training import Execution, RunSettings, train

POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Options:
    """What a worker must know beside the run's settings."""

    root: Path
    device: str = "cpu"
    data_root: Path | None = None


def execute(
    pending: list[RunSettings],
    folder: StudyFolder,
    options: Options,
    executor: Executor,
    on_poll: Callable[[], None],
) -> None:
    """Do the runs in the given order; on an exception or Ctrl-C, stop the others in good order."""
    folder.stop.unlink(missing_ok=True)
    futures = [executor.submit(perform, run.model_dump_json(), options) for run in pending]
    try:
        _watch(futures, on_poll)
    except BaseException:
        folder.stop.touch()
        for future in futures:
            future.cancel()
        wait(futures)
        raise
    finally:
        folder.stop.unlink(missing_ok=True)


def _watch(futures: list[Future[str]], on_poll: Callable[[], None]) -> None:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        on_poll()


def perform(settings_json: str, options: Options) -> str:
    """Do one run in this process and return its status; a run that raises is recorded as failed.

    Raises:
        OSError: its files cannot be written; the study cannot go on either.
    """
    settings = RunSettings.model_validate_json(settings_json)
    study = StudyFolder(options.root)
    folder = study.run(settings.run_id)
    execution = Execution(options.device, options.data_root, stop=study.stop.exists)
    try:
        data = _data_set(settings.data.model_dump_json(), options.data_root)
        return str(train(settings, folder, execution, data).runs["status"].iloc[0])
    except OSError:
        raise
    except Exception as error:
        record = {"run": settings.run_id, "size": settings.size, "seed": settings.seed}
        failure = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        made_by = {"settings": settings.model_dump(mode="json")}
        folder.write_record(folder.read_record() | record | made_by | failure)
        return "failed"


@lru_cache(maxsize=2)
def _data_set(settings_json: str, root: Path | None) -> DataSet:
    settings: DataSource = TypeAdapter(DataSettings).validate_json(settings_json)
    return settings.load(data_root(root))


@contextmanager
def local_workers(workers: int | None, tasks: int) -> Iterator[Executor]:
    """Processes of one thread each, which end when this process does.

    Raises:
        InputError: ``workers`` is less than 1.
    """
    from loky import ProcessPoolExecutor

    if workers is not None and workers < 1:
        raise InputError(f"expected at least 1 worker, got {workers}; leave it out for one a core")
    count = min(workers or available_cores(), tasks)
    pool = ProcessPoolExecutor(
        count, initializer=_start_worker, initargs=(os.getpid(),), env={"OMP_NUM_THREADS": "1"}
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker(parent: int) -> None:
    """One thread of arithmetic; leave Ctrl-C to the parent, and end when the parent is gone."""
    import signal

    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
