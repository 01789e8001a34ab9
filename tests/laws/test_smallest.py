"""The smallest size: one range for all exponents, chosen where small sizes are off the laws."""

from __future__ import annotations

import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning
from normlaws.laws.plant import plant

SIZES = [100 * 2**i for i in range(6)]


@pytest.fixture(scope="module")
def bent():
    """The two smallest sizes have errors below their law."""
    curves = plant(sizes=SIZES, seeds=4, records=40)
    frame = curves.frame.copy()
    for size, factor in ((100, 0.8), (200, 0.9)):
        frame.loc[frame["size"] == size, "test_error"] *= factor
    return Curves(frame, curves.runs)


def test_the_scan_leaves_out_sizes_that_are_off_the_laws(bent):
    laws = nl.fit(bent, smallest="auto", resamples=0)
    assert laws.sizes["size"].tolist() == SIZES[2:]
    assert laws.gamma.value == pytest.approx(0.5, rel=0.06)


def test_a_scan_has_all_exponents_on_one_range_a_row():
    table = nl.fit(plant(sizes=SIZES[:5], seeds=3), resamples=0).scan()
    assert table["smallest"].tolist() == [100, 200]
    assert table["sizes"].tolist() == [5, 4]
    assert table["chosen"].tolist() == [True, False]
    assert (table["gamma1_low"] < table["gamma1"]).all()


def test_a_smallest_size_that_is_given_is_kept_to(bent):
    assert nl.fit(bent, smallest=400, resamples=0).sizes["size"].tolist() == SIZES[2:]
    with pytest.raises(InputError, match="above 0"):
        nl.fit(bent, smallest=-1)
    with pytest.raises(InputError, match="at most 3200"):
        nl.fit(bent, smallest=1e9)


def test_without_seeds_all_sizes_are_kept(bent):
    average = plant(sizes=SIZES[:5], seeds=1)
    runs = average.runs.assign(seed=None)
    with pytest.warns(NormlawsWarning, match="without seeds"):
        found = nl.fit(Curves(average.frame.assign(seed=None), runs), smallest="auto", resamples=0)
    assert len(found.sizes) == 5
