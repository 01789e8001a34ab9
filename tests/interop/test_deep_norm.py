"""Published files become curves; hostile ones are refused."""

from __future__ import annotations

import os

import numpy as np
import pytest

import normlaws as nl
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.interop import panels_of, read_deep_norm

PANELS = {"CNN_MNIST": 0.545, "CNN_CIFAR10": 0.245, "ResNet_CIFAR10": 0.564, "ViT_MNIST": 0.538}
ABLATIONS = {"CNN_CIFAR10_wd": 3, "CNN_CIFAR10_norms": 4}


def trusted(path):
    """What numpy's own unpickler reads: the files of shared/ are known to be harmless."""
    return np.load(path, allow_pickle=True).item()


@pytest.mark.parametrize("name", PANELS)
def test_arrays_are_those_of_the_file(deep_norm, name):
    path = deep_norm / f"{name}.npy"
    curves, known = read_deep_norm(path), trusted(path)
    assert curves.sizes == known["P_arr"].tolist()
    assert curves.seeds == []
    for size, row in zip(known["P_arr"], known["mean_val_error_arr"], strict=True):
        mine = curves.frame[curves.frame["size"] == size]
        inside = np.isfinite(row)
        np.testing.assert_array_equal(mine["test_error"], row[inside])
        np.testing.assert_allclose(
            mine["log_spectral_complexity"], np.log(known["log_x_grid"][inside]), rtol=1e-15
        )


@pytest.mark.parametrize("name", PANELS)
def test_direct_gamma_is_that_of_the_published_optima(deep_norm, name):
    path = deep_norm / f"{name}.npy"
    known = trusted(path)
    lowest = np.nanmin(known["mean_val_error_arr"], axis=1)
    slope = np.polyfit(np.log(known["P_arr"]), np.log(lowest), 1)[0]
    gamma = nl.fit(read_deep_norm(path)).gamma.value
    assert gamma == pytest.approx(-slope, abs=1e-3)
    assert gamma == pytest.approx(PANELS[name], abs=1e-3)


@pytest.mark.parametrize(("name", "panels"), ABLATIONS.items())
def test_every_panel_of_an_ablation_is_read_and_fitted(deep_norm, name, panels):
    path = deep_norm / f"{name}.npy"
    assert panels_of(path) == panels
    known = trusted(path)
    for panel in range(panels):
        curves = read_deep_norm(path, panel)
        lowest = np.nanmin(known["mean_val_error_arr"][panel], axis=1)
        slope = np.polyfit(np.log(known["P_arr"]), np.log(lowest), 1)[0]
        laws = nl.fit(curves, norm=curves.norms[0])
        assert laws.gamma.value == pytest.approx(-slope, abs=1e-3)


def test_norm_ablation_holds_a_column_for_each_norm(deep_norm):
    curves = read_deep_norm(deep_norm / "CNN_CIFAR10_norms.npy")
    assert set(curves.norms) == {"l1", "frobenius", "group_21", "spectral_product"}
    assert "runs_left_out" not in nl.fit(curves, norm="frobenius").verdict.codes


def test_a_panel_that_is_not_there_is_named(deep_norm):
    with pytest.raises(InputError, match="panel from 0 to 2"):
        read_deep_norm(deep_norm / "CNN_CIFAR10_wd.npy", 3)


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def save(path, value):
    np.save(path, np.array(value, dtype=object), allow_pickle=True)
    return path


def test_hostile_pickle_is_refused_and_does_not_run(tmp_path):
    marker = tmp_path / "ran"
    path = save(tmp_path / "hostile.npy", {"P_arr": Hostile(marker)})
    with pytest.raises(CorruptFileError, match=r"refused to load the name .*mkdir"):
        read_deep_norm(path)
    assert not marker.exists()


@pytest.mark.parametrize("module", ["builtins", "numpy", "numpy.core.multiarray", "os"])
def test_no_other_name_is_looked_up(tmp_path, module):
    header = np.lib.format.magic(1, 0)
    path = tmp_path / "named.npy"
    np.save(path, np.array({}, dtype=object), allow_pickle=True)
    start = path.read_bytes()[: path.read_bytes().index(b"\n") + 1]
    assert start.startswith(header)
    path.write_bytes(start + f"c{module}\nfromstring\n.".encode())
    with pytest.raises(CorruptFileError, match="refused"):
        read_deep_norm(path)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(DataNotFoundError, match="there is none"):
        read_deep_norm(tmp_path / "absent.npy")
    text = tmp_path / "text.npy"
    text.write_text("not an array")
    with pytest.raises(CorruptFileError, match=r"expected a \.npy file"):
        read_deep_norm(text)
    np.save(tmp_path / "plain.npy", np.zeros(3))
    with pytest.raises(CorruptFileError, match="plain array"):
        read_deep_norm(tmp_path / "plain.npy")
    with pytest.raises(CorruptFileError, match="P_arr is missing"):
        read_deep_norm(
            save(
                tmp_path / "other.npy",
                {"log_x_grid": np.ones(2)} | {"mean_val_error_arr": np.ones((1, 2))},
            )
        )
    whole = save(tmp_path / "whole.npy", {"P_arr": np.arange(1000)})
    cut = tmp_path / "cut.npy"
    cut.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(CorruptFileError, match="damaged"):
        read_deep_norm(cut)
