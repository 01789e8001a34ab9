"""A training that was stopped and goes on writes the curve of one that was not."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import nn

import normlaws as nl
from normlaws.errors import InputError, StudyConflictError

STEPS = 30


class Training:
    """A small script with checkpoints of its own; layers large enough to be iterated."""

    def __init__(self, folder) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(80, 90), nn.ReLU(), nn.Linear(90, 70))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-2)
        self.track = nl.Tracker(self.model, folder, size=10, seed=1, evaluate=self.evaluate)
        self.done = 0

    @staticmethod
    def evaluate(model):
        return {"test_loss": model(torch.ones(1, 80)).square().mean().item()}

    def run(self, until: int = STEPS, stop_at: int | None = None, save_at=None, path=None):
        with self.track:
            while self.done < until:
                if self.done == stop_at:
                    raise KeyboardInterrupt
                self.step()
                if self.done == save_at:
                    torch.save(self.state_dict(), path)

    def step(self):
        generator = torch.Generator().manual_seed(self.done)
        inputs = torch.randn(16, 80, generator=generator)
        self.optimizer.zero_grad()
        (self.model(inputs) - 1).square().mean().backward()
        self.optimizer.step()
        self.done += 1
        self.track.step()

    def state_dict(self):
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "done": self.done,
            "track": self.track.state_dict(),
        }

    def load(self, path, *, tracker: bool):
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done = state["done"]
        if tracker:
            self.track.load_state_dict(state["track"])


def curve(folder) -> pd.DataFrame:
    return nl.Curves.read(folder).frame.drop(columns=["seconds"])


@pytest.fixture
def undisturbed(tmp_path):
    Training(tmp_path / "undisturbed").run()
    return curve(tmp_path / "undisturbed")


def test_a_resumed_training_continues_its_curve_bit_by_bit(undisturbed, tmp_path):
    out, saved = tmp_path / "out", tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        Training(out).run(stop_at=20, save_at=8, path=saved)
    before = nl.Curves.read(out)
    assert before.runs["status"].iloc[0] == "unfinished"
    assert before.frame["step"].max() > 8
    again = Training(out)
    again.load(saved, tracker=True)
    again.run()
    pd.testing.assert_frame_equal(curve(out), undisturbed, check_exact=True)
    after = nl.Curves.read(out)
    assert after.runs["status"].iloc[0] == "complete"
    assert after.frame["seconds"].is_monotonic_increasing


def test_without_the_trackers_state_it_goes_on_from_the_first_step_it_hears_of(
    undisturbed, tmp_path
):
    out, saved = tmp_path / "out", tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        Training(out).run(stop_at=20, save_at=8, path=saved)
    again = Training(out)
    again.load(saved, tracker=False)
    for step in range(8, STEPS):
        if again.track.due(step):
            again.track.record(step, **again.evaluate(again.model))
        _train_only(again)
    again.track.record(STEPS, **again.evaluate(again.model))
    again.track.close()
    pd.testing.assert_frame_equal(curve(out), undisturbed, rtol=1e-6)


def _train_only(training):
    counted, training.track.step = training.track.step, lambda: None
    training.step()
    training.track.step = counted


def test_a_training_that_starts_afresh_replaces_the_rows_after_step_zero(undisturbed, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        Training(out).run(stop_at=20)
    Training(out).run()
    pd.testing.assert_frame_equal(curve(out), undisturbed, rtol=1e-6)


def test_state_comes_before_the_first_record(tmp_path):
    training = Training(tmp_path)
    training.track.record(0, test_loss=1.0)
    with pytest.raises(InputError, match="before the first record, got it after step 0"):
        training.track.load_state_dict(training.track.state_dict())


def test_a_curve_is_not_continued_under_another_reading(tmp_path):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    nl.Tracker(model, tmp_path, size=1).record(0, test_error=0.5)
    with pytest.raises(StudyConflictError, match="norms measured as .*'flat'.*'operator'"):
        nl.Tracker(model, tmp_path, size=1, conv="operator", example_input=torch.zeros(1, 1, 8, 8))


def test_an_earlier_tracker_of_the_same_process_is_told_that_it_was_replaced(tmp_path):
    first = Training(tmp_path).track
    first.record(0, test_loss=1.0)
    second = Training(tmp_path).track
    with pytest.raises(StudyConflictError, match="a later tracker of the same run has taken over"):
        first.record(1, test_loss=1.0)
    second.record(1, test_loss=1.0)
    assert list(curve(tmp_path)["step"]) == [0, 1]
