"""The queue: order, losses, failures; with workers that do nothing but fail as they are told."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from pathlib import Path

import pytest

from normlaws.errors import StudyConflictError
from normlaws.storage.folder import StudyFolder
from normlaws.studies import Study
from normlaws.studies.devices import Devices, Place, default_processes
from normlaws.studies.execute import MOST_LOSSES, execute, longest_first
from normlaws.studies.perform import AGAIN, Options, perform
from normlaws.studies.workers import LocalWorkers, WorkerLostError
from normlaws.training import RunSettings


class Scripted:
    """One slot that answers each task by a function of its runs."""

    def __init__(self, answer) -> None:
        self._answer = answer
        self.begun: list[list[RunSettings]] = []
        self._task: Future | None = None

    def begin(self, options):
        self.options = options

    def start(self, settings_jsons):
        if self._task is not None and not self._task.done():
            return None
        runs = [RunSettings.model_validate_json(text) for text in settings_jsons]
        self.begun.append(runs)
        self._task = future = Future()
        try:
            future.set_result(self._answer(runs))
        except Exception as error:
            future.set_exception(error)
        return future

    def is_loss(self, error):
        return isinstance(error, WorkerLostError)

    def look_after(self):
        pass

    def describe(self):
        return "one"


def settings(small: dict, **changes) -> list[RunSettings]:
    return Study.load(small | changes).settings.runs()


def do(groups, tmp_path, answer) -> Scripted:
    workers = Scripted(answer)
    folder = StudyFolder(tmp_path)
    execute(groups, folder, Options(tmp_path, lease_seconds=0.3), workers, lambda: None)
    return workers


def complete(runs):
    return ["complete"] * len(runs)


def test_what_trains_on_the_most_images_starts_first(small, tmp_path):
    by_epochs = {"steps": None, "epochs": 3, "batch_size": 16}
    runs = settings(small, sizes=[16, 64, 32], training=small["training"] | by_epochs)
    workers = do([(run,) for run in reversed(runs)], tmp_path, complete)
    assert [group[0].size for group in workers.begun] == [64, 64, 32, 32, 16, 16]
    pair = tuple(run for run in runs if run.size == 32)
    single = next(run for run in runs if run.size == 64)
    assert longest_first([(single,), pair])[0] == (single,), "3 · 64 images to 2 · 3 · 32"
    assert longest_first([(single,), (*pair, pair[0])])[0] == (*pair, pair[0])


def test_a_run_that_kills_every_worker_is_recorded_and_the_study_goes_on(small, tmp_path):
    poison, *others = settings(small)

    def answer(runs):
        if poison in runs:
            raise WorkerLostError
        return complete(runs)

    workers = do([(poison, others[0]), *((run,) for run in others[1:])], tmp_path, answer)
    tried = [poison in group for group in workers.begun].count(True)
    assert tried == MOST_LOSSES + 1
    assert [others[0]] in workers.begun, "its companion is tried alone, and is done"
    record = StudyFolder(tmp_path).run(poison.run_id).read_record()
    assert record["status"] == "failed"
    assert "ended 4 times at the same place" in record["error"]
    assert (record["size"], record["seed"]) == (poison.size, poison.seed)
    assert [run for group in workers.begun for run in group if run != poison].count(others[2]) == 1


def test_losses_count_only_where_a_run_gets_no_further(small, tmp_path):
    run = settings(small)[0]
    folder = StudyFolder(tmp_path).run(run.run_id)
    steps = deque(range(10, 100, 10))

    def answer(runs):
        if not steps:
            return complete(runs)
        folder.write_record({"step": steps.popleft(), "status": "unfinished"})
        raise WorkerLostError

    workers = do([(run,)], tmp_path, answer)
    assert len(workers.begun) == 10
    assert folder.read_record()["status"] == "unfinished", "it was not recorded as failed"


def test_a_run_that_another_worker_has_is_asked_for_again(small, tmp_path):
    first, second, *_ = settings(small)
    answers = deque([["complete", AGAIN], ["complete"]])
    workers = do([(first, second)], tmp_path, lambda runs: answers.popleft())
    assert workers.begun == [[first, second], [second]]


def test_a_second_process_takes_the_study_over_and_the_first_says_so(small, tmp_path):
    folder = StudyFolder(tmp_path)

    def overtaken(runs):
        folder.open_session()
        texts = [run.model_dump_json() for run in runs]
        return perform(texts, workers_options[0])

    workers_options: list[Options] = []

    class Overtaken(Scripted):
        def begin(self, options):
            workers_options.append(options)

    workers = Overtaken(overtaken)
    with pytest.raises(StudyConflictError, match="another one has begun to"):
        execute([(settings(small)[0],)], folder, Options(tmp_path), workers, lambda: None)
    assert folder.session.exists(), "the session of the other goes on"
    assert not list(tmp_path.glob("runs/*"))


def test_two_runs_in_one_process_wait_for_one_another(small, tmp_path, monkeypatch):
    """PyTorch's global generator, which draws initial weights, serves one at a time."""
    from concurrent.futures import ThreadPoolExecutor

    from normlaws.studies import perform as module

    inside, most, lock = [0], [0], threading.Lock()
    train = module.train

    def counted(*arguments):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        curves = train(*arguments)
        with lock:
            inside[0] -= 1
        return curves

    monkeypatch.setattr(module, "train", counted)
    with ThreadPoolExecutor(4) as executor:
        curves = Study.load(small).run(tmp_path, executor=executor, progress=False)
    assert list(curves.runs["status"]) == ["complete"] * 4
    assert most == [1]


ALL = Place("a", None, 2)


def test_gpus_are_dealt_out_one_each_and_given_back():
    devices = Devices("cuda")
    assert [devices.assign(name, ALL) for name in ("w", "x")] == ["cuda:0", "cuda:1"]
    assert devices.assign("w", ALL) == "cuda:0", "asked again, the same"
    devices.release("w")
    assert devices.assign("y", ALL) == "cuda:0"
    assert devices.assign("z", ALL) in ("cuda:0", "cuda:1"), "more workers than GPUs share"
    assert devices.assign("elsewhere", Place("b", None, 2)) == "cuda:0"


def test_workers_that_were_given_their_gpu_keep_it():
    devices = Devices("cuda")
    places = [Place("a", visible, 1) for visible in ("0", "1", "2")]
    assert [devices.assign(place.visible, place) for place in places] == ["cuda:0"] * 3


@pytest.mark.parametrize("device", ["cpu", "mps", "cuda:1"])
def test_any_other_device_is_meant_as_it_is(device):
    devices = Devices(device)
    assert [devices.assign(name, ALL) for name in ("w", "x", "y")] == [device] * 3


def test_without_a_gpu_pytorch_is_left_to_say_so():
    assert Devices("cuda").assign("w", Place("a", None, 0)) == "cuda"


def test_a_process_a_gpu_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert [default_processes(device) for device in ("cpu", "cuda", "cuda:1")] == [None, 3, 1]
    workers = LocalWorkers(4, lambda: None, "cuda")
    workers.begin(Options(Path("x")))
    assert [options.device for options in workers._options] == [
        "cuda:0", "cuda:1", "cuda:2", "cuda:0",
    ]  # fmt: skip
