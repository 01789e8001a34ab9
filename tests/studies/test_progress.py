"""What is seen of a study under way, from records that a test writes."""

from __future__ import annotations

import io
import os

import pytest
from rich.console import Console

from normlaws.storage.folder import StudyFolder
from normlaws.studies import Study, live, progress
from normlaws.studies.live import View, duration, summary, table
from normlaws.studies.progress import Rate, RunState, StudyState, Watch
from normlaws.training.schedule import log_spaced_steps
from normlaws.training.scoring import TRAINING_COST

LAST = {"test_error": 0.0421, "log_spectral_complexity": 12.345}


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets, for the watcher and for the times of its records."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def tell(folder, run, clock, **record):
    """What a worker that has the run writes at this time."""
    place = folder.run(run.run_id)
    place.write_record(record)
    place.lease.mkdir(exist_ok=True)
    os.utime(place.record, (clock[0], clock[0]))


def test_rates_time_left_and_runs_come_from_the_records_alone(small, tmp_path, clock):
    runs, folder = Study.load(small).settings.runs(), StudyFolder(tmp_path)
    watch = Watch(runs, folder)
    first = watch.look()
    assert (first.total, first.ended, first.share, first.under_way) == (4, 0, 0.0, [])
    assert first.images_per_second is first.seconds_left is None
    tell(folder, runs[0], clock, status="unfinished", step=0)
    watch.look()
    clock[0] += 10
    tell(folder, runs[0], clock, status="unfinished", step=30, last=LAST)
    state = watch.look()
    assert state.under_way == [RunState(64, 0, 30, 60, 48.0, 0.0421, 12.345)]
    assert state.images_per_second == 30 * 16 / 10
    assert state.share == 30 / 240
    assert state.seconds_left == 210 * 16 / 48
    tell(folder, runs[1], clock, status="diverged", step=20)
    tell(folder, runs[2], clock, status="failed", step=0)
    assert (watch.look().ended, watch.look().failed) == (2, 1)
    assert watch.look().share == (30 + 2 * 60) / 240, "nothing is left of what has ended"


def test_the_time_left_counts_what_records_score(small, tmp_path, clock):
    runs, folder = Study.load(small).settings.runs(), StudyFolder(tmp_path)
    records = log_spaced_steps(runs[0].steps, runs[0].training.records)
    record = 540 / TRAINING_COST  # training images that its scoring costs
    spent = [step * 16 + record * (1 + index) for index, step in enumerate(records)]
    watch, left = Watch(runs, folder), []
    for index, step in enumerate(records[:-1]):
        clock[0] += (spent[index] - (spent[index - 1] if index else 0)) / 100
        tell(
            folder, runs[0], clock, status="unfinished", step=step,
            scored={"train": 40, "test": 500},
        )  # fmt: skip
        left.append((watch.look().seconds_left or 0) - (4 * spent[-1] - spent[index]) / 100)
    assert len(left) > 5
    assert left[1:] == pytest.approx([0] * (len(left) - 1), abs=1e-6)


def test_what_failed_before_is_tried_again_and_what_is_done_counts(small, tmp_path, clock):
    runs, folder = Study.load(small).settings.runs(), StudyFolder(tmp_path)
    tell(folder, runs[0], clock, status="failed")
    tell(folder, runs[1], clock, status="complete", step=60)
    watch = Watch(runs, folder)
    clock[0] += 5
    state = watch.look()
    assert (state.ended, state.failed, state.share) == (1, 0, 0.25)
    assert state.images_per_second == 0, "what was done before is no throughput"


def test_a_rate_is_that_of_the_last_minute_and_begins_anew_after_a_fall():
    rate = Rate()
    for now in range(0, 200, 10):
        rate.add(now, now**2)
    assert rate.value == pytest.approx((190**2 - 130**2) / 60)
    rate.add(200, 5)
    assert rate.value is None
    rate.add(210, 25)
    assert rate.value == 2


RUNS = [RunState(16_384 // 2**i, i, 100 * i, 20_000, 1234.5, 0.5, -3.25) for i in range(20)]
STATE = StudyState(30, 8, 2, 0.3, 3456.7, 7260, RUNS)


def drawn(width: int, height: int = 40) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(table("digits-cnn", STATE, "3 workers of tcp://10.0.0.1:8786", width, height))
    return console.file.getvalue().splitlines()


def test_a_wide_terminal_shows_every_run_with_its_last_error_and_norm():
    lines = drawn(120)
    assert lines[0] == (
        "digits-cnn: 8/30 runs, 2 failed, 3,457 images/s, 2 h 1 min left; "
        "3 workers of tcp://10.0.0.1:8786"
    )
    assert lines[2].split() == ["P", "seed", "step", "error", "log", "norm", "images/s"]
    assert lines[4].split() == ["8,192", "1", "100/20,000", "0.5000", "-3.25", "1,234"]
    assert lines[-1] == "and 8 more"


@pytest.mark.parametrize("width", [24, 40, 63, 80])
def test_no_terminal_is_too_narrow_or_too_low(width):
    assert max(len(line) for line in drawn(width)) <= width
    assert len(drawn(width, height=10)) <= 10
    assert drawn(40)[5].split() == ["8,192", "1", "0%", "0.5000"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (100_000, "1 d 3 h")],
)
def test_durations_are_read_at_a_glance(seconds, text):
    assert duration(seconds) == text
    assert text in summary(StudyState(1, 0, 0, 0.0, 1.0, seconds, []))


def test_a_log_gets_a_line_a_minute_and_a_silent_study_none(small, tmp_path, capfd, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    watch = Watch(Study.load(small).settings.runs(), StudyFolder(tmp_path))
    for visible, lines in ((True, 2), (False, 0)):
        now[0] = 0.0
        with View("small", watch, lambda: "2 processes", visible) as view:
            for _ in range(150):
                now[0] += 1
                view.update()
        shown = capfd.readouterr().err.splitlines()
        assert len(shown) == lines
        assert all(line.startswith("small: 0/4 runs") for line in shown)
        assert all(line.endswith("(2 processes)") for line in shown)
