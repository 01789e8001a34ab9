"""What ``nl.fit`` says of exact curves where the laws stop: each model for its own reason."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.theory import RandomFeatures, SoftCommittee, SparseAttention


def verdict(curves):
    return nl.fit(curves, norm="frobenius", metric="test_loss", resamples=0).verdict


def established(found, name):
    return next(one for one in found.findings if one.name == name).grade == "established"


def test_an_easy_target_has_no_laws():
    """a > 1 + b: the norm saturates and is no clock."""
    sizes = np.geomspace(1e5, 1e8, 5).round().astype(int)
    found = verdict(RandomFeatures(3.0, 1.5).curves(sizes, records=30))
    assert "laws_hold" not in found.codes
    assert not established(found, "power_law")


def test_without_noise_a_hard_spectrum_has_no_optimum():
    """a ≥ b: the loss falls for ever."""
    sizes = np.geomspace(100, 1e5, 5).round().astype(int)
    found = verdict(RandomFeatures(1.8, 1.5, noise=0.0).curves(sizes, records=40))
    assert "no_optimum" in found.codes
    assert "laws_hold" not in found.codes


@pytest.mark.filterwarnings("ignore::normlaws.errors.NormlawsWarning")
def test_one_pass_cuts_the_same_curve():
    linear = SoftCommittee(1, 1, 10**4, 1.0, 0.5, "linear", 1e-9, 0.0)
    found = verdict(linear.curves(np.geomspace(1e-3, 0.3, 6), dimension=10**8))
    assert "optima_censored" in found.codes
    assert "laws_hold" not in found.codes


@pytest.mark.parametrize("lengths", [(32, 64, 128, 256), (128, 256, 512, 1024)])
def test_no_early_law_from_a_sliver_of_norm(lengths):
    curves = SparseAttention(lengths[0], 16).curves(lengths)
    found = verdict(curves)
    assert not established(found, "power_law")
    assert "laws_hold" not in found.codes
