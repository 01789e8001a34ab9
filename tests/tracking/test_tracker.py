from __future__ import annotations

import contextlib
import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

import normlaws as nl
from normlaws.errors import CorruptFileError, InputError, StudyConflictError


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 2))


def test_due_steps_start_at_zero_and_grow_by_the_ratio(model, tmp_path):
    track = nl.Tracker(model, tmp_path, size=10, growth=1.5)
    due = []
    for step in range(100):
        if track.due(step):
            due.append(step)
            track.record(step, test_error=0.5)
    assert due == [0, 1, 2, 3, 5, 8, 12, 18, 27, 41, 62, 93]


def test_records_are_read_back_with_the_norms_of_their_moment(model, tmp_path):
    expected = []
    with nl.Tracker(model, tmp_path, size=10, seed=3, settings={"width": 8}) as track:
        for step in (0, 1, 5):
            expected.append(nl.measure(model).total["log_spectral_complexity"])
            track.record(step, epoch=step / 2, test_error=0.5 - step / 20, train_loss=1.0)
            with torch.no_grad():
                model[0].weight.mul_(1.5)
    curves = nl.Curves.read(tmp_path)
    np.testing.assert_allclose(curves.frame["log_spectral_complexity"], expected, rtol=1e-6)
    assert list(curves.frame["step"]) == [0, 1, 5]
    assert list(curves.frame["test_error"]) == [0.5, 0.45, 0.25]
    record = curves.runs.iloc[0]
    assert (record["size"], record["seed"], record["status"]) == (10, 3, "complete")
    assert record["settings"] == {"width": 8}


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("boom"), "failed"), (KeyboardInterrupt(), "unfinished")]
)
def test_what_was_recorded_before_an_exception_stays(model, tmp_path, error, status):
    def training():
        with nl.Tracker(model, tmp_path, size=10) as track:
            track.record(0, test_error=0.5)
            raise error

    with pytest.raises(type(error)):
        training()
    curves = nl.Curves.read(tmp_path)
    assert len(curves) == 1
    assert curves.runs["status"].iloc[0] == status


def test_a_metric_that_is_not_finite_means_diverged(model, tmp_path):
    with nl.Tracker(model, tmp_path, size=10) as track:
        track.record(0, train_loss=float("nan"))
    assert nl.Curves.read(tmp_path).runs["status"].iloc[0] == "diverged"


def test_measuring_leaves_the_model_alone(model, tmp_path):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    nl.Tracker(model, tmp_path, size=10).record(0, test_error=0.5)
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def recorded(folder, model, error, **options):
    with nl.Tracker(model, folder, size=10, seed=0, **options) as track:
        if not track.done:
            track.record(0, test_error=error)
    return track


def test_a_script_that_is_run_again_keeps_what_is_complete_and_adds_what_is_new(model, tmp_path):
    recorded(tmp_path, model, 0.5, if_complete="skip")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    track = nl.Tracker(model, tmp_path, size=10, seed=0, if_complete="skip")
    assert track.done
    assert not track.due(0)
    with track:
        track.record(0, test_error=0.1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before
    with nl.Tracker(model, tmp_path, size=20, seed=0, if_complete="skip") as larger:
        larger.record(0, test_error=0.4)
    assert nl.Curves.read(tmp_path).frame["test_error"].tolist() == [0.5, 0.4]


def test_a_complete_run_is_replaced_where_that_is_asked_for(model, tmp_path):
    recorded(tmp_path, model, 0.5)
    assert not recorded(tmp_path, model, 0.3, if_complete="replace").done
    assert nl.Curves.read(tmp_path).frame["test_error"].tolist() == [0.3]


def test_an_unfinished_run_goes_on_whatever_is_done_with_complete_ones(model, tmp_path):
    nl.Tracker(model, tmp_path, size=10, seed=0).record(0, test_error=0.5)
    with nl.Tracker(model, tmp_path, size=10, seed=0, if_complete="skip") as track:
        assert not track.done
        track.record(1, test_error=0.4)
    assert nl.Curves.read(tmp_path).frame["step"].tolist() == [0, 1]


def test_a_complete_run_that_was_changed_is_not_taken_for_done(model, tmp_path):
    recorded(tmp_path, model, 0.5)
    next(tmp_path.rglob("curve.parquet")).write_bytes(b"")
    with pytest.raises(CorruptFileError, match=r"curve\.parquet"):
        nl.Tracker(model, tmp_path, size=10, seed=0, if_complete="skip")
    with pytest.raises(InputError, match="expected if_complete"):
        nl.Tracker(model, tmp_path, size=10, if_complete="continue")


def test_a_complete_run_is_not_written_over(model, tmp_path):
    with nl.Tracker(model, tmp_path, size=10) as track:
        track.record(0, test_error=0.5)
    with pytest.raises(StudyConflictError, match="not complete, but"):
        nl.Tracker(model, tmp_path, size=10)
    nl.Tracker(model, tmp_path, size=10, seed=1)


def trained(model: nn.Module, tracker: nl.Tracker | None = None, steps: int = 12) -> nn.Module:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with tracker or contextlib.nullcontext():
        for _ in range(steps):
            model.train()
            model(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            if tracker:
                tracker.step()
    return model


def test_step_counts_records_zero_and_the_last_and_calls_evaluate(model, tmp_path):
    seen = []

    def evaluate(handed):
        seen.append((handed is model, handed.training, torch.is_grad_enabled()))
        return {"test_loss": 1.0}

    trained(model, nl.Tracker(model, tmp_path, size=10, steps=[2, 5], evaluate=evaluate))
    assert list(nl.Curves.read(tmp_path).frame["step"]) == [0, 2, 5, 12]
    assert seen == [(True, False, False)] * 4


def test_a_tracked_training_is_the_untracked_one_bit_by_bit(model, tmp_path):
    twin = copy.deepcopy(model)

    def evaluate(handed):
        return {"test_loss": handed(torch.randn(3, 4)).square().mean().item()}

    torch.manual_seed(1)
    trained(model, nl.Tracker(model, tmp_path, size=10, evaluate=evaluate))
    torch.manual_seed(1)
    trained(twin)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    "context", [lambda: torch.autocast("cpu", torch.bfloat16), torch.inference_mode, torch.no_grad]
)
@pytest.mark.parametrize("conv", ["flat", "operator"])
def test_norms_are_exact_under_autocast_and_inference_mode(tmp_path, context, conv):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 70, 3, padding=1), nn.Flatten(), nn.Linear(70 * 64, 90))
    batch = torch.zeros(1, 3, 8, 8)
    exact = nl.measure(model, conv=conv, example_input=batch).total
    track = nl.Tracker(model, tmp_path, size=10, conv=conv, example_input=batch)
    with context():
        found = track.measure()
    tolerance = 1e-6 if conv == "flat" else 1e-4
    for name, value in found.items():
        assert value == pytest.approx(exact[name], abs=4 * tolerance), name


def test_a_compiled_model_is_recorded_under_its_own_names(model, tmp_path):
    compiled = torch.compile(model, backend="eager")
    track = nl.Tracker(compiled, tmp_path, size=10)
    track.record(0, test_error=0.5)
    assert {name.rpartition("/")[2] for name in track.scalars()} == {"global", "0", "3"}


def test_scalars_hold_the_norm_of_the_network_and_of_each_layer_alone(model, tmp_path):
    track = nl.Tracker(model, tmp_path, size=10)
    assert track.scalars() == {}
    track.measure()
    found, exact = track.scalars(), nl.measure(model)
    for name in nl.norms.DATA_FREE_NORMS:
        total = exact.total[f"log_{name}"]
        assert found[f"norm/log_{name}/global"] == pytest.approx(total, abs=1e-6)
        alone = nl.measure(model[0]).total[f"log_{name}"]
        assert found[f"norm/log_{name}/0"] == pytest.approx(alone, abs=1e-6)
    assert len(found) == 3 * len(nl.norms.DATA_FREE_NORMS)
    assert not (tmp_path / "runs").joinpath(track._files.folder.root.name, "run.json").exists()


def test_only_the_wanted_norms_are_recorded(model, tmp_path):
    track = nl.Tracker(model, tmp_path, size=10, norms=("l1", "frobenius"))
    track.record(0, test_error=0.5)
    curves = nl.Curves.read(tmp_path)
    assert curves.norms == ["frobenius", "l1"]
    assert curves.runs["conventions"].iloc[0]["norms"] == ["l1", "frobenius"]


def test_the_record_says_what_made_the_run(model, tmp_path):
    nl.Tracker(model, tmp_path, size=10, packages=["scipy"]).record(0, test_error=0.5)
    record = nl.Curves.read(tmp_path).runs.iloc[0]
    assert {"python", "normlaws", "torch", "scipy"} <= set(record["versions"])
    assert record["hardware"]["device"] == "cpu"
    assert record["hardware"]["processes"] == 1


def test_studies_of_separate_scripts_are_read_together_and_fitted(tmp_path):
    planted = nl.laws.plant(sizes=(100, 200, 400, 800), seeds=3).frame
    for (size, seed), rows in planted.groupby(["size", "seed"]):
        model = nn.Linear(2, 2, bias=False)
        out = tmp_path / "runs" / f"job-{size}"
        with nl.Tracker(model, out, size=int(size), seed=int(seed), norms=["frobenius"]) as track:
            for step, row in enumerate(rows.itertuples()):
                with torch.no_grad():
                    model.weight.fill_(np.exp(row.log_spectral_complexity - 10) / 2)
                track.record(step, test_error=row.test_error)
    curves = nl.Curves.read(f"{tmp_path}/runs/*")
    assert (curves.sizes, curves.seeds) == ([100, 200, 400, 800], [0, 1, 2])
    found = nl.fit(curves, norm="frobenius", resamples=0)
    expected = nl.fit(nl.Curves(planted), norm="spectral_complexity", resamples=0)
    assert found.gamma2.value == pytest.approx(expected.gamma2.value, rel=1e-3)


def test_mistakes_with_evaluate_are_told(model, tmp_path):
    with pytest.raises(InputError, match="a Tracker with evaluate=, which step"):
        nl.Tracker(model, tmp_path, size=1).step()
    track = nl.Tracker(model, tmp_path, size=2, evaluate=lambda _: 0.5)
    with pytest.raises(InputError, match="evaluate to return a dictionary .* got a float"):
        track.record(0)
    track = nl.Tracker(model, tmp_path, size=3, evaluate=lambda _: {"test_error": 0.5})
    with pytest.raises(InputError, match="record of step 0 before the first step"):
        track.step()
    with track:
        pass
    with pytest.raises(StudyConflictError, match="an open tracker .* but it was closed"):
        track.record(9)


def test_mistakes_are_told(model, tmp_path):
    track = nl.Tracker(model, tmp_path, size=10)
    with pytest.raises(InputError, match="expected metrics among train_error.*got accuracy"):
        track.record(0, accuracy=0.9)
    with pytest.raises(InputError, match="got none"):
        track.record(0)
    with pytest.raises(InputError, match=r"fraction in \[0, 1\], got 50"):
        track.record(0, test_error=50.0)
    track.record(3, test_error=0.5)
    with pytest.raises(InputError, match="a step above 3, the last recorded, got 3"):
        track.record(3, test_error=0.5)
    assert len(nl.Curves.read(tmp_path)) == 1
    with pytest.raises(InputError, match="at least 1 training example, got 0"):
        nl.Tracker(model, tmp_path, size=0)
    with pytest.raises(InputError, match="plain JSON values"):
        nl.Tracker(model, tmp_path, size=1, settings={"model": model})


def test_errors_a_rounding_outside_are_clipped(model, tmp_path):
    with nl.Tracker(model, tmp_path, size=10) as track:
        track.record(0, test_error=1.0000001)
        track.record(1, test_error=-1.2e-7)
        with pytest.raises(InputError, match=r"\[0, 1\], got 37.5; divide percentages by 100"):
            track.record(2, test_error=37.5)
    assert nl.Curves.read(tmp_path).frame.test_error.tolist() == [1.0, 0.0]


def test_what_is_no_whole_number_is_refused_before_it_is_written(model, tmp_path):
    track = nl.Tracker(model, tmp_path, size=10)
    track.record(0, test_error=0.5)
    for step in (3.5, math.nan, math.inf, "4a", None):
        with pytest.raises(InputError, match="step as a whole number"):
            track.record(step, test_error=0.5)
    track.record(np.int64(4), test_error=0.5)
    track.record(8.0, test_error=0.5)
    assert nl.Curves.read(tmp_path).frame.step.tolist() == [0, 4, 8]
    for wrong in ({"size": 10.5}, {"size": 10, "seed": 0.5}, {"size": "many"}):
        with pytest.raises(InputError, match="as a whole number"):
            nl.Tracker(model, tmp_path / "other", **wrong)
