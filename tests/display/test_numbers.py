"""Numbers in tables: as people read them, for every magnitude a norm can have."""

from __future__ import annotations

import math

import pytest

from normlaws.display.numbers import count, fixed, interval, power, significant, size_needed
from normlaws.laws import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.14, "0.140"), (0.02926, "0.0293"), (12.345, "12.3"), (1234.5, "1,234"),
        (-0.5, "−0.500"), (4.69e-4, "4.69×10⁻⁴"), (9e-4, "9.00×10⁻⁴"), (9.999e-5, "1.00×10⁻⁴"),
        (-2.5e7, "−2.50×10⁷"), (None, "–"), (math.nan, "–"), (math.inf, "–"),
    ],
)  # fmt: skip
def test_significant(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(
    ("log_value", "text"),
    [
        (0.0, "1.00"), (math.log(3159), "3,159"), (-math.inf, "0"), (math.nan, "–"), (None, "–"),
        (1000.0, "1.97×10⁴³⁴"), (-1000.0, "5.08×10⁻⁴³⁵"),
    ],
)  # fmt: skip
def test_power_of_any_magnitude(log_value, text):
    assert power(log_value) == text


def test_exponents_counts_and_intervals():
    assert fixed(-0.0341) == "−0.034"
    assert count(10240) == "10,240"
    assert count(1e15) == "1.00×10¹⁵"
    assert interval(Estimate(0.8, 0.7771, 0.823)) == "0.777 to 0.823"
    assert interval(Estimate(0.8)) == "–"


def test_sizes_needed_and_printed_estimates():
    said = [size_needed(value) for value in (1_082_328.0, 950.4, math.inf, None)]
    assert said == ["1,080,000", "950", "out of reach", "–"]
    assert str(Estimate(0.443, 0.32, 0.561)) == "0.443 (95 %: 0.320 to 0.561)"
    assert (str(Estimate(-0.2)), str(Estimate(math.inf))) == ("−0.200", "inf")
