"""Surfaces: every family recovers itself, and published tables give published constants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.errors import DataNotFoundError, InputError
from normlaws.laws.surfaces.backtest import predicted
from normlaws.laws.surfaces.families import FAMILIES
from normlaws.laws.surfaces.families.schedule import areas
from normlaws.laws.surfaces.table import rows_of


@pytest.fixture(scope="module")
def epoch(scaling):
    return pd.read_csv(scaling / "epoch_chinchilla.csv")


def _planted(name: str, noise: float = 0.0, seed: int = 0) -> pd.DataFrame:
    family = FAMILIES[name]
    variables = family.planted_variables()
    loss = family.loss(family.planted(), variables)
    off = noise * np.random.default_rng(seed).standard_normal(len(loss))
    return pd.DataFrame({**variables, "loss": loss * np.exp(off)})


@pytest.mark.parametrize("name", list(FAMILIES))
class TestFamily:
    """What every family inherits."""

    @pytest.mark.parametrize("fit", ["huber", "lad"])
    def test_recovers_itself(self, name, fit):
        found = nl.surface(_planted(name), name, fit, resamples=0)
        for constant, value in FAMILIES[name].planted().items():
            assert found.constants[constant].value == pytest.approx(value, rel=1e-6), constant
        assert found.rms < 1e-9

    def test_jacobian_is_that_of_differences(self, name):
        family, h = FAMILIES[name], 1e-6
        theta, variables = family.theta(family.planted()), family.planted_variables()
        slopes = family.jacobian(theta, variables)[0]
        for place in range(theta.shape[1]):
            step = h * np.eye(theta.shape[1])[[place]]
            up, down = (family.log_loss(theta + s * step, variables)[0] for s in (1, -1))
            np.testing.assert_allclose(
                slopes[:, place], (up - down) / (2 * h), rtol=2e-4, atol=1e-7
            )

    def test_intervals_hold_the_truth_and_the_law_predicts(self, name):
        family = FAMILIES[name]
        found = nl.surface(_planted(name, noise=0.002, seed=3), name, "huber", resamples=60)
        for estimate in found.constants.values():
            assert estimate.low <= estimate.value <= estimate.high
        variables = {key: values[:3] for key, values in family.planted_variables().items()}
        truth = family.loss(family.planted(), variables)
        np.testing.assert_allclose(found.predict(**variables), truth, rtol=0.01)
        assert set(found.as_dict()["constants"]) == set(family.constants)
        assert name in found.summary()

    def test_needs_its_variables(self, name):
        table = _planted(name).drop(columns=FAMILIES[name].variables[0])
        with pytest.raises(InputError, match=f"{FAMILIES[name].variables[0]} is missing"):
            nl.surface(table, name, resamples=0)


def test_published_points_have_two_optima(epoch):
    lad = nl.surface(epoch, "chinchilla", "lad", drop_highest=5, resamples=0)
    huber = nl.surface(epoch, "chinchilla", "huber", drop_highest=5, resamples=0)
    published = {
        "lad": (1.816864, 482.006, 2085.436, 0.347813, 0.365854),
        "huber": (1.817218, 477.826, 2143.417, 0.347310, 0.367172),
    }
    for found in (lad, huber):
        values = [one.value for one in found.constants.values()]
        assert values == pytest.approx(published[found.fit], rel=1e-5)
    assert lad.objective == pytest.approx(1.12949465, rel=1e-8)
    assert huber.objective <= 1.018275e-3
    best = lad.optimum(5.76e23)
    assert best.params.value == pytest.approx(72.36e9, rel=1e-3)
    assert best.tokens.value == pytest.approx(1.327e12, rel=1e-3)
    assert best.tokens_per_parameter.value == pytest.approx(18.3, abs=0.05)
    assert lad.parabolas().exponent == pytest.approx(0.5, abs=0.03)
    assert lad.frontier().exponent == pytest.approx(0.5, abs=0.03)


def test_published_intervals(epoch):
    found = nl.surface(epoch, "chinchilla", "huber", drop_highest=5, resamples=400).constants
    published = {"E": (1.769, 1.871), "alpha": (0.317, 0.373), "beta": (0.331, 0.415)}
    for name, (low, high) in published.items():
        assert found[name].low == pytest.approx(low, abs=0.1 * (high - low))
        assert found[name].high == pytest.approx(high, abs=0.1 * (high - low))


def test_profile_and_bootstrap_agree_on_normal_noise():
    found = nl.surface(_planted("chinchilla", noise=0.003, seed=1), fit="squares", resamples=200)
    boot, profile = found.constants["alpha"], found.profile("alpha")
    assert profile.low < boot.value < profile.high
    assert profile.high - profile.low == pytest.approx(boot.high - boot.low, rel=0.5)
    with pytest.raises(InputError, match="fitted constant"):
        found.profile("gamma")


def test_repeated_data_by_the_published_constants():
    family = FAMILIES["repeated"]
    variables = {
        "params": np.array([6.34e9, 8.67e9]),
        "tokens": np.array([242e9, 178e9]),
        "unique_tokens": np.array([25e9, 25e9]),
    }
    found = family.loss(family.planted(), variables)
    assert found.tolist() == pytest.approx([2.2256440889984477, 2.2269634075087867], rel=1e-15)


def test_routed_networks(scaling):
    table = pd.read_csv(scaling / "routing_final_S-Base.csv")
    found = nl.surface(table, "routed", "squares", resamples=0)
    value = {name: one.value for name, one in found.constants.items()}
    assert found.rms / np.log(10) <= 3.3e-3
    assert value["a"] == pytest.approx(-0.0830, abs=1e-4)
    assert value["b"] == pytest.approx(-0.1180, abs=1e-4)
    assert value["c"] == pytest.approx(0.0099, abs=1e-4)
    assert value["d"] == pytest.approx(1.1136, abs=1e-4)
    assert value["E_start"] * (1 + value["gap"]) == pytest.approx(238.7, rel=1e-3)


def test_the_coupled_form_is_preferred_on_a_language_ladder(scaling):
    table = pd.read_csv(scaling / "olmo_ladder_final_c4.csv")
    small = table[table["params"] < 3e9]
    coupled, added = (
        nl.surface(small, name, "squares", resamples=0) for name in ("coupled", "chinchilla")
    )
    assert coupled.rms == pytest.approx(0.00105, abs=2e-5)
    assert added.rms == pytest.approx(0.0050, abs=1e-4)
    errors = {}
    for name in ("coupled", "chinchilla"):
        found = nl.surface(table, name, "squares", resamples=0)
        assert "form_preferred" in found.verdict.codes
        length = found.rows.variables["tokens"] / found.rows.variables["params"]
        hidden = predicted(found.problem, found.rows, length > 0.4 * length.max(), "tokens")
        errors[name] = hidden["error"].abs().mean()
    assert errors["coupled"] == pytest.approx(0.0076, abs=2e-4)
    assert errors["chinchilla"] == pytest.approx(0.022, abs=5e-4)


@pytest.mark.parametrize(("model", "error"), [("25M", 0.0016), ("100M", 0.0016)])
def test_other_schedules_are_predicted(scaling, model, error):
    def curves(*names):
        parts = [
            pd.read_csv(scaling / "mpl" / f"{model}_{name}.csv").assign(run=name) for name in names
        ]
        frame = pd.concat(parts).rename(columns={"loss": "val_loss"})
        return Curves(frame.assign(size=1, seed=pd.NA))

    found = nl.surface(
        curves("cosine_24000", "constant_24000", "wsdcon_9"), "schedule", resamples=0
    )
    test = curves(
        "constant_72000", "cosine_72000", "wsd_20000_24000", "wsdcon_18", "wsdcon_3",
        "wsdld_20000_24000",
    )  # fmt: skip
    rows = rows_of(test, FAMILIES["schedule"], None, memory=found.settings["memory"])
    off = np.abs(found.predict(**rows.variables) / rows.loss - 1)
    assert pd.Series(off).groupby(rows.cluster).mean().mean() <= error


def test_areas_by_a_slow_sum():
    rates = np.array([1.0, 1.0, 0.8, 0.5, 0.5, 0.1])
    falls = np.append(0, rates[:-1] - rates[1:])
    slow = np.cumsum(
        [sum(falls[k] * 0.9 ** (i - k) for k in range(i + 1)) for i in range(len(rates))]
    )
    area, annealing = areas(rates, 0.9)
    np.testing.assert_allclose(area, np.cumsum(rates))
    np.testing.assert_allclose(annealing, slow)


def test_an_envelope_lies_below_the_data():
    table = _planted("chinchilla", noise=0.01)
    found = nl.surface(table, "chinchilla", "envelope", resamples=0)
    assert (found.residuals()["residual"] < -1e-9).mean() <= 0.1


def test_what_the_data_cannot_carry_is_said():
    sizes = np.geomspace(1e8, 1e10, 12)
    family = FAMILIES["chinchilla"]
    variables = {"params": sizes, "tokens": 20 * sizes}
    table = pd.DataFrame({**variables, "loss": family.loss(family.planted(), variables)})
    found = nl.surface(table, "chinchilla", "squares", resamples=0)
    assert "one_variable_only" in found.verdict.codes
    no_floor = dict(family.planted(), E=1e-9)
    table = pd.DataFrame(family.planted_variables())
    table["loss"] = family.loss(no_floor, family.planted_variables())
    found = nl.surface(table, "chinchilla", "squares", resamples=0)
    assert "floor_unidentified" in found.verdict.codes


def test_constants_may_be_given():
    found = nl.surface(_planted("chinchilla"), "chinchilla", fixed={"E": 1.7}, resamples=0)
    assert found.constants["E"].value == pytest.approx(1.7)
    with pytest.raises(InputError, match="constant of the family"):
        nl.surface(_planted("chinchilla"), "chinchilla", fixed={"gamma": 1.7})


def test_tokens_come_from_compute_and_curves_from_their_ends():
    table = _planted("chinchilla")
    table["compute"] = 6 * table["params"] * table["tokens"]
    found = nl.surface(table.drop(columns="tokens"), "chinchilla", "squares", resamples=0)
    assert found.constants["alpha"].value == pytest.approx(0.3478, rel=1e-6)
    frame = table.rename(columns={"params": "size", "loss": "test_loss"}).reset_index()
    frame = frame.assign(run=frame["index"].astype(str), seed=pd.NA, step=1)
    runs = frame[["run", "size", "seed"]].assign(scale="params")
    curves = Curves(frame.drop(columns="index"), runs)
    again = nl.surface(curves, "chinchilla", "squares", resamples=0)
    assert again.constants["alpha"].value == pytest.approx(0.3478, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"family": "cubic"}, "a family chinchilla"),
        ({}, {"fit": "cubic"}, "a fit squares"),
        ({}, {"columns": {"loss": "L"}}, "a column named 'L'"),
        ({"loss": -1.0}, {}, "losses above 0"),
        ({"params": 0.0}, {}, "params above 0"),
    ],
)
def test_bad_input_is_refused(change, options, message):
    table = _planted("chinchilla").assign(**change)
    with pytest.raises(InputError, match=message):
        nl.surface(table, **{"family": "chinchilla", **options})


def test_one_compute_and_few_rows_are_refused(tmp_path):
    table = _planted("chinchilla")
    with pytest.raises(InputError, match="the same in every row"):
        nl.surface(table.assign(tokens=1e20 / table["params"]), "chinchilla")
    with pytest.raises(InputError, match="5 rows or more"):
        nl.surface(table[:4], "chinchilla")
    with pytest.raises(DataNotFoundError, match="a table at"):
        nl.surface(tmp_path / "absent.csv")
