"""Layouts: nothing lost, no core oversubscribed, and the fastest of what was measured."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from normlaws.errors import InputError, NormlawsWarning
from normlaws.problems import load_data_set
from normlaws.studies import Study, speed
from normlaws.studies.layout import Speed, makespan, plan_layout
from normlaws.training import RunSettings, stack_key


def run(seed: int = 0, size: int = 40, **changes) -> RunSettings:
    base = {
        "data": {"name": "digits", "validation": 60},
        "model": {"family": "perceptron"},
        "training": {"steps": 100, "batch_size": 16},
        "size": size,
        "seed": seed,
    }
    return RunSettings.model_validate(base | changes)


FAST_STACKS = Speed(1.0, 1.0, {2: 0.6, 4: 0.4, 8: 0.45})
SLOW_STACKS = Speed(1.0, 1.0, {2: 0.97})
ALL_THREADS = Speed(1.0, 0.4)


@given(
    seeds=st.integers(1, 40),
    sizes=st.sets(st.integers(8, 100), min_size=1, max_size=3),
    cores=st.integers(1, 9),
    workers=st.none() | st.integers(1, 9),
    speed=st.sampled_from([FAST_STACKS, SLOW_STACKS, ALL_THREADS, None]),
)
@pytest.mark.filterwarnings("ignore:expected at most")
def test_every_run_is_in_one_group_and_no_core_has_two_threads(seeds, sizes, cores, workers, speed):
    pending = [run(seed, size) for size in sizes for seed in range(seeds)]
    layout = plan_layout(pending, workers, cores, lambda: speed)
    assert sorted(r.run_id for g in layout.groups for r in g) == sorted(r.run_id for r in pending)
    assert layout.processes * layout.threads <= cores
    assert 1 <= layout.processes <= min(len(layout.groups), workers or cores)
    for group in layout.groups:
        assert len(group) <= (4 if speed is FAST_STACKS else 1)
        assert len({stack_key(r) for r in group}) == 1
    if speed is not None:
        costs = [speed.of_group(group) for group in layout.groups]
        assert costs == sorted(costs, reverse=True)


def test_groups_keep_all_processes_busy():
    layout = plan_layout([run(seed) for seed in range(6)], None, 2, lambda: FAST_STACKS)
    assert (layout.processes, layout.threads) == (2, 1)
    assert [len(group) for group in layout.groups] == [3, 3]


def test_one_process_has_all_cores_where_that_ends_first():
    many = plan_layout([run(seed) for seed in range(4)], None, 2, lambda: ALL_THREADS)
    assert (many.processes, many.threads, len(many.groups)) == (1, 2, 4)
    asked_for = plan_layout([run(seed) for seed in range(4)], 2, 2, lambda: ALL_THREADS)
    assert (asked_for.processes, asked_for.threads) == (2, 1)
    rather_two = Speed(1.0, 0.6)
    assert plan_layout([run(0), run(1)], None, 2, lambda: rather_two).processes == 2
    assert plan_layout([run(0)], None, 2, lambda: rather_two).threads == 2


def test_stacks_are_for_those_that_fit_and_can_be_declined():
    dropout = [run(seed, model={"family": "mlp", "dropout": 0.5}) for seed in range(4)]
    assert all(len(g) == 1 for g in plan_layout(dropout, None, 2, lambda: FAST_STACKS).groups)
    plain = [run(seed) for seed in range(4)]
    declined = plan_layout(plain, None, 2, lambda: FAST_STACKS, stack=False)
    assert all(len(group) == 1 for group in declined.groups)


def test_too_many_workers_are_cut_to_the_cores_and_too_few_refused():
    pending = [run(seed) for seed in range(9)]
    with pytest.warns(NormlawsWarning, match="at most 2 workers, one for each core .*, got 5"):
        assert plan_layout(pending, 5, 2, lambda: None).processes == 2
    with pytest.raises(InputError, match="at least 1 worker, got 0"):
        plan_layout(pending, 0, 2, lambda: None)


@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=30), st.integers(1, 5))
def test_the_makespan_is_within_its_bounds(costs, processes):
    """At least the mean load and the longest task; at most both together (Graham 1966)."""
    longest, mean = max(costs), sum(costs) / processes
    found = makespan(sorted(costs, reverse=True), processes)
    assert max(longest, mean) <= found * (1 + 1e-9)
    assert found <= (mean + longest) * (1 + 1e-9)


def test_the_speed_is_measured_once_kept_and_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(speed, "SECONDS", 0.0)
    monkeypatch.setattr(speed, "WORTH_MEASURING", 0.0)
    pending, data = [run(seed) for seed in range(3)], load_data_set("digits")
    threads, generator = torch.get_num_threads(), torch.get_rng_state()
    first = speed.measured_speed(pending, data, cores=2)
    assert first.alone > 0
    assert set(first.stacked) >= {2}
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), generator)
    monkeypatch.setattr(speed, "stepper", None)  # nothing is measured again
    assert speed.measured_speed(pending, data, cores=2) == first
    next(tmp_path.rglob("*.json")).write_text("{", encoding="utf-8")
    with pytest.raises(TypeError):
        speed.measured_speed(pending, data, cores=2)


def test_long_steps_are_measured_on_all_cores_and_not_stacked(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name, value in (("SECONDS", 0.0), ("WORTH_MEASURING", 0.0), ("SHORT_STEP", 0.0)):
        monkeypatch.setattr(speed, name, value)
    found = speed.measured_speed([run()], load_data_set("digits"), cores=2)
    assert found.stacked == {}
    assert found.shared > 0


def test_what_takes_no_time_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert speed.measured_speed([run(training={"steps": 1})], load_data_set("digits"), 2) is None
    assert not list(tmp_path.rglob("*"))


@pytest.mark.slow
def test_a_stacked_study_gives_the_curves_of_a_plain_one(tmp_path, monkeypatch):
    """Through worker processes, records and folders; to the tolerance of the arithmetic."""
    import numpy as np

    values = {
        "name": "small",
        "sizes": [20, 40],
        "seeds": 3,
        "data": {"name": "digits", "validation": 60},
        "model": {"family": "cnn", "channels": [4], "hidden": [8]},
        "training": {"steps": 60, "batch_size": 16, "records": 5},
    }
    study = Study.load(values)
    monkeypatch.setattr("normlaws.studies.study.measured_speed", lambda *arguments: FAST_STACKS)
    stacked = study.run(tmp_path / "stacked", progress=False)
    plain = study.run(tmp_path / "plain", progress=False, stack=False)
    assert {hardware["stacked"] for hardware in stacked.runs["hardware"]} == {3}
    assert {hardware["stacked"] for hardware in plain.runs["hardware"]} == {1}
    index = ["run", "step"]
    one, other = (curves.frame.sort_values(index).set_index(index) for curves in (stacked, plain))
    assert list(one.index) == list(other.index)
    for name in ("train_loss", "val_loss", "test_loss", *stacked.norms):
        column = name if name in one else f"log_{name}"
        np.testing.assert_allclose(one[column], other[column], rtol=1e-4, atol=1e-5)
