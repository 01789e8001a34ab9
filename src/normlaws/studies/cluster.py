"""Workers of a dask.distributed cluster: one run at a time on each of its processes."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from normlaws.errors import ClusterError, InputError, MissingExtraError, NormlawsWarning
from normlaws.storage.folder import StudyFolder
from normlaws.studies.devices import Devices, Place
from normlaws.studies.jobqueue import KINDS, ClusterSettings, start_cluster
from normlaws.studies.perform import Options, perform
from normlaws.studies.workers import Statuses, WorkerLostError

REFRESH_SECONDS = 1.0
STATUS_SECONDS = 10.0
SAID_SECONDS = 60.0
"""What keeps a study waiting for so long is said: no worker is there, or one is paused."""
RESCALE_SECONDS = 60.0
LOGGERS = ("distributed", "tornado.application")


class DaskWorkers:
    """The processes of a cluster, as they come and go.

    A task is pinned to one idle process, so that a run whose process dies is known exactly, takes
    no other along, and has a GPU to itself.

    Args:
        client: connected to the scheduler.
        device: dealt out among the workers of each machine, see :class:`Devices`.
        rescale: called once a minute, to replace jobs that ended.
    """

    def __init__(
        self, client: Any, device: str, rescale: Callable[[], None] = lambda: None
    ) -> None:
        self._client, self._devices, self._rescale = client, Devices(device), rescale
        self._address = client.scheduler.address
        self._places: dict[str, _Place] = {}
        self._options: Options | None = None
        self._next_look, self._next_rescale = 0.0, time.monotonic() + RESCALE_SECONDS
        self._waits = _Waits(self._address)
        self._next_status = 0.0

    def begin(self, options: Options) -> None:
        """Remember what every task gets; arithmetic takes one thread."""
        self._options = replace(options, threads=1)

    def start(self, settings_jsons: list[str]) -> Statuses | None:
        """Begin a task on an idle worker that has been found fit."""
        assert self._options is not None
        for address, place in self._places.items():
            if place.is_idle():
                device = self._devices.assign(address, place.found.result())
                place.task = self._submit(
                    address, _perform, settings_jsons, replace(self._options, device=device)
                )
                return place.task
        return None

    def is_loss(self, error: BaseException) -> bool:
        """Whether the worker, or the connection to it, went away."""
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        return isinstance(error, WorkerLostError | KilledWorker | CommClosedError)

    def look_after(self) -> None:
        """Once a second: greet new workers, give up the tasks of those that are gone.

        Raises:
            ClusterError: the scheduler is gone, or no worker is fit.

        Warns:
            NormlawsWarning: no worker has been there, or one has been paused by its memory limit,
                for :data:`SAID_SECONDS`.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + REFRESH_SECONDS
        if now >= self._next_rescale:
            self._next_rescale = now + RESCALE_SECONDS
            self._rescale()
        present = self._present()
        if present is not None:
            lost = {name for name, place in self._places.items() if place.is_lost()}
            self._forget(lost | (set(self._places) - present))
            self._greet(present - set(self._places))
            self._check_fit()
            self._say_what_waits(present, now)

    def describe(self) -> str:
        """How many workers there are."""
        count = len(self._places)
        if not count:
            return f"waiting for workers of {self._address}"
        return f"{count} worker{'s' if count > 1 else ''} of {self._address}"

    def _present(self) -> set[str] | None:
        """Addresses of the connected workers; ``None`` while the client reconnects."""
        if self._client.status == "connecting":
            return None
        try:
            return set(self._client.nthreads())
        except Exception as error:  # closed client, closed connection, time-out: by many types
            if self._client.status == "connecting":
                return None
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> ClusterError:
        return ClusterError(
            f"expected the scheduler at {self._address} to go on, but the connection to it was "
            f"lost ({_first_line(error)}); start it again and repeat the command: what is done "
            "is kept, and the runs under way go on from their last checkpoint"
        )

    def _say_what_waits(self, present: set[str], now: float) -> None:
        self._waits.look("", not present, now)
        if now < self._next_status:
            return
        self._next_status = now + STATUS_SECONDS
        try:
            known = self._client.scheduler_info(n_workers=-1)["workers"]
        except Exception:  # the connection is looked after elsewhere
            return
        for address in present:
            status = known.get(address, {}).get("status")
            self._waits.look(address, status == "paused", now)

    def _greet(self, addresses: set[str]) -> None:
        assert self._options is not None
        for address in addresses:
            self._places[address] = _Place(self._submit(address, _introduce, self._options))

    def _forget(self, addresses: set[str]) -> None:
        for address in addresses:
            place = self._places.pop(address)
            self._devices.release(address)
            for future in (place.found, place.task):
                if future is not None:
                    _settle(future, error=WorkerLostError(address))

    def _check_fit(self) -> None:
        faults = [place.fault() for place in self._places.values()]
        if faults and all(faults):
            raise ClusterError(
                f"expected workers of {self._address} that can run the study, but all of them "
                f"failed to start: {_first_line(faults[0])}; each needs normlaws, and the study "
                "folder and the data on a file system that it shares with this machine"
            )

    def _submit(self, address: str, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        try:
            theirs = self._client.submit(function, *arguments, workers=[address], pure=False)
        except Exception as error:  # by many types: lost since the last look
            if self._client.status == "running":
                raise
            raise self._lost(error) from None
        ours: Future[Any] = Future()
        theirs.add_done_callback(lambda done: _transfer(done, ours))
        ours.add_done_callback(lambda _: theirs.release())
        return ours


class _Waits:
    """Since when workers take no runs; each wait is said once."""

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler
        self._since: dict[str, float] = {}
        self._said: set[str] = set()

    def look(self, address: str, waits: bool, now: float) -> None:
        """Note whether a worker waits; the address is empty where none is there."""
        if not waits:
            self._since.pop(address, None)
            self._said.discard(address)
            return
        since = self._since.setdefault(address, now)
        if address not in self._said and now - since >= SAID_SECONDS:
            self._said.add(address)
            self._say(address)

    def _say(self, address: str) -> None:
        if address:
            message = (
                f"the worker {address} has been paused by its memory limit for {SAID_SECONDS:.0f} "
                "s and takes no run; start it with a larger --memory-limit, or lower "
                "training.batch_size"
            )
        else:
            message = (
                f"the scheduler at {self._scheduler} has had no worker for {SAID_SECONDS:.0f} s; "
                "the study goes on when one is there"
            )
        warnings.warn(message, NormlawsWarning, stacklevel=4)


class _Place:
    """A worker: what it found out about itself, and its present task."""

    def __init__(self, found: Future[Place]) -> None:
        self.found = found
        self.task: Statuses | None = None

    def is_idle(self) -> bool:
        fit = self.found.done() and self.found.exception() is None
        return fit and (self.task is None or self.task.done())

    def is_lost(self) -> bool:
        return isinstance(self.fault(), WorkerLostError)

    def fault(self) -> BaseException | None:
        return self.found.exception() if self.found.done() else None


def _introduce(options: Options) -> Place:
    """Asked of a new worker: whether it sees the study, and which GPUs."""
    if not StudyFolder(options.root).in_session(options.session):
        raise InputError(f"the study folder {options.root} is not to be seen from there")
    return Place.here()


def _perform(settings_jsons: list[str], options: Options) -> list[str]:
    """On a worker: a task that stops at a checkpoint when the worker is about to end."""
    from distributed import get_worker

    worker = get_worker()
    return perform(settings_jsons, options, leaving=lambda: worker.status.name != "running")


_settling = threading.Lock()


def _settle(future: Future[Any], result: Any = None, error: BaseException | None = None) -> None:
    """Set what is not set yet: a worker may be given up at the moment in which it answers."""
    with _settling:
        if not future.done():
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def _transfer(theirs: Any, ours: Future[Any]) -> None:
    if theirs.status == "finished":
        _settle(ours, result=theirs.result())
    elif theirs.status == "error":
        _settle(ours, error=theirs.exception())
    else:
        _settle(ours, error=WorkerLostError("cancelled"))


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def cluster_workers(
    cluster: Any, settings: ClusterSettings | None, device: str
) -> Iterator[DaskWorkers]:
    """The workers of a cluster, connected for as long as the block lasts.

    Args:
        cluster: address of a scheduler; the name of a batch system, whose jobs are started and
            ended here; or a cluster object of dask.
        settings: the study file's table, for a batch system.
        device: as in PyTorch; ``"cuda"`` gives each worker a GPU of its own.

    Raises:
        MissingExtraError: dask.distributed is not installed.
        ClusterError: nothing answers at the address.
        InputError: ``settings`` are those of another batch system.
    """
    try:
        import distributed
    except ImportError:
        raise MissingExtraError("running on a cluster", "cluster") from None
    with _quiet():
        if cluster not in KINDS:
            with _connected(distributed, cluster) as client:
                yield DaskWorkers(client, device)
            return
        chosen = _of_kind(cluster, settings)
        with start_cluster(chosen) as jobs, _connected(distributed, jobs) as client:
            jobs.scale(jobs=chosen.jobs)
            yield DaskWorkers(client, device, lambda: jobs.scale(jobs=chosen.jobs))


def _of_kind(kind: str, settings: ClusterSettings | None) -> ClusterSettings:
    if settings is not None and settings.kind != kind:
        raise InputError(
            f"expected --cluster {settings.kind}, as the study file's [cluster] says, got {kind}"
        )
    return settings or ClusterSettings.model_validate({"kind": kind})


@contextmanager
def _connected(distributed: Any, cluster: Any) -> Iterator[Any]:
    try:
        client = distributed.Client(cluster, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"expected a dask scheduler at {cluster}, but {_first_line(error)}; give its address, "
            f"such as tcp://host:8786, or the name of a batch system ({', '.join(KINDS)})"
        ) from None
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """What dask logs about lost connections is told by our own messages."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
