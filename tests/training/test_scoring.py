"""How many examples are scored, and which."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from normlaws.problems import load_data_set
from normlaws.training import RunSettings, log_spaced_steps, train
from normlaws.training.scoring import (
    FEWEST,
    TRAINING_COST,
    scored_numbers,
    scored_splits,
    scored_test_examples,
)


def settings(size: int = 40, seed: int = 0, data=None, **training) -> RunSettings:
    return RunSettings.model_validate(
        {
            "data": {"name": "digits", "validation": 60} | (data or {}),
            "model": {"family": "perceptron"},
            "training": {"steps": 30, "batch_size": 16} | training,
            "size": size,
            "seed": seed,
        }
    )


@given(
    size=st.integers(1, 60_000),
    steps=st.integers(1, 200_000),
    batch=st.integers(1, 512),
    records=st.integers(2, 100),
    share=st.floats(0.01, 0.9),
)
def test_scoring_takes_its_share_or_the_least(size, steps, batch, records, share):
    run = settings(size, steps=steps, batch_size=batch, records=records, evaluation_share=share)
    numbers = scored_numbers(run, validation=5_000, test=10_000)
    scored = sum(numbers.values()) * len(log_spaced_steps(steps, records))
    passes = TRAINING_COST * steps * min(batch, size)
    available = {"train": size, "validation": 5_000, "test": 10_000}
    for name, number in numbers.items():
        assert min(FEWEST, available[name]) <= number <= available[name]
    if numbers["test"] > FEWEST:
        assert scored <= share * (scored + passes) * (1 + 1e-9)


def test_the_papers_cnn_spends_a_tenth_at_its_smallest_size_and_scores_all_at_large_ones():
    from normlaws.studies import presets

    study = presets()["paper-cnn-mnist"]
    runs = {run.size: run for run in study.runs() if run.seed == 0}
    small = scored_numbers(runs[375], study.data.validation, 10_000)
    assert small == {"train": 375, "validation": 400, "test": 503}
    cost = sum(small.values()) * len(log_spaced_steps(runs[375].steps, 50))
    assert cost / (cost + TRAINING_COST * runs[375].steps * 128) < 0.1
    large = scored_numbers(runs[12_000], study.data.validation, 10_000)
    assert large == {"train": 9_375, "validation": 5_000, "test": 10_000}


def test_a_share_of_one_scores_everything_and_named_numbers_are_taken_as_they_are():
    every = scored_numbers(settings(size=700, evaluation_share=1), 800, 900)
    assert every == {"train": 700, "validation": 800, "test": 900}
    named = settings(size=700, data={"scored_train": 30, "scored_test": 4_000})
    assert scored_numbers(named, 800, 900) == {"train": 30, "validation": 400, "test": 900}


def test_test_examples_are_known_where_settings_tell():
    from normlaws.studies import presets

    known = {name: scored_test_examples(study.runs()) for name, study in presets().items()}
    assert known["teacher-mlp-clean"] == 10_000  # named
    assert known["diagonal-regression"] == 2_000  # drawn, all scored
    assert known["digits-cnn"] is None  # read, all scored
    for name in ("repro-cnn-mnist", "repro-cnn-cifar10"):  # read, cut by the scoring's share
        first = presets()[name].runs()[0]
        assert known[name] == scored_numbers(first, 2_000, 10_000)["test"] < 10_000


def rows(examples) -> set[bytes]:
    return {image.numpy().tobytes() for image in examples.images}


def test_samples_are_drawn_by_the_seed_and_named_ones_are_the_first(monkeypatch):
    monkeypatch.setattr("normlaws.training.scoring.FEWEST", 50)
    data = load_data_set("digits")
    _, (_, validation, test) = scored_splits(settings(seed=1), data, "cpu")
    _, (_, again, test_again) = scored_splits(settings(seed=1, size=80), data, "cpu")
    _, (_, _, other) = scored_splits(settings(seed=2), data, "cpu")
    assert len(validation) == len(test) == 50
    assert torch.equal(validation.images, again.images)
    assert torch.equal(test.images, test_again.images)
    assert rows(test) != rows(other)
    assert len(rows(test)) > 45  # without repetition: digits hold few duplicates
    _, (_, _, first) = scored_splits(settings(seed=2, data={"scored_test": 30}), data, "cpu")
    assert torch.equal(first.labels, data.test_labels[:30])


def test_the_record_says_how_many_were_scored():
    record = train(settings(), data=load_data_set("digits")).runs.iloc[0]
    assert record["scored"] == {"train": 40, "validation": 60, "test": 400}


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_is_a_fraction(share):
    with pytest.raises(ValueError, match="evaluation_share"):
        settings(evaluation_share=share)
