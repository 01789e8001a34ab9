"""What is drawn: values, marks and words, read back from the axes."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.figure import Figure

import normlaws as nl
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws import Planted, fit, plant
from normlaws.report import figures
from normlaws.report.page import figure_of
from normlaws.report.scales import log_axis
from normlaws.report.style import size_colours

SIZES = [32, 64, 128, 256, 512, 1024]
OF_LAWS = {
    "collapse_by_exponents": ("rescaled norm", "rescaled error"),
    "collapse_by_optimum": ("", "test error over\nits lowest"),
    "crossover_fit": ("", "test error (fraction)"),
    "error_against_size": ("training-set size P (examples)", "lowest test error (fraction)"),
    "laws_overview": ("spectral complexity λ", "test error (fraction)"),
    "norm_against_size": (
        "training-set size P (examples)",
        "stopping norm: spectral complexity λ",
    ),
}
OF_CURVES = {
    "error_against_norm": ("spectral complexity λ", "test error (fraction)"),
    "losses_against_step": ("optimiser step", "loss (nats)"),
    "norm_against_step": ("optimiser step", "spectral complexity λ"),
}


def lines(ax, size):
    return [line for line in ax.get_lines() if line.get_label() == f"_P={size}"]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def discs(ax):
    """Offsets of the large outlined markers."""
    found = [c for c in ax.collections if isinstance(c, PathCollection) and c.get_sizes()[0] > 30]
    return np.concatenate([np.asarray(c.get_offsets()) for c in found])


@pytest.mark.parametrize("name", [*OF_LAWS, *OF_CURVES])
def test_axes_are_labelled_and_drawable(name, curves, laws):
    ax = getattr(figures, name)(laws if name in OF_LAWS else curves)
    x, y = (OF_LAWS | OF_CURVES)[name]
    assert ax.get_xlabel().startswith(x)
    assert ax.get_ylabel().startswith(y)
    figure_of(ax).draw_without_rendering()


@pytest.mark.parametrize("name", [*OF_LAWS, *OF_CURVES])
def test_draws_on_the_axes_it_is_given(name, curves, laws):
    ax = Figure(layout="constrained").subplots(1, 2)[1]
    assert getattr(figures, name)(laws if name in OF_LAWS else curves, ax=ax) is ax


OF_LAYERS = {"layer_norms"}  # in tests/test_notebook.py
OF_DIRECT_LAWS = {"direct_laws"}


def test_direct_laws_of_one_group_and_of_two(curves):
    law = nl.laws.direct_law(curves, resamples=20)
    ax = figures.direct_laws({"": law})
    assert legend(ax)[0] == f"γ = {law.gamma.value:.2f}"
    assert ax.get_ylabel() == "lowest test error (fraction)"
    figure_of(ax).draw_without_rendering()
    drawn = Figure(layout="constrained").subplots()
    assert figures.direct_laws({"cnn": law, "mlp": law}, drawn) is drawn
    assert [text.split(",")[0] for text in legend(drawn)] == ["cnn", "mlp"]


def test_every_function_of_the_package_is_tested():
    assert set(figures.__all__) == {*OF_LAWS, *OF_CURVES, *OF_LAYERS, *OF_DIRECT_LAWS}


def test_mean_line_is_the_mean_over_seeds_at_equal_step(curves):
    line = lines(figures.error_against_norm(curves), 64)[0]
    at = curves.frame[curves.frame["size"] == 64].groupby("step")
    assert line.get_xdata() == pytest.approx(np.exp(at["log_spectral_complexity"].mean()))
    assert line.get_ydata() == pytest.approx(at["test_error"].mean())


def test_band_is_one_standard_error(curves):
    ax = figures.error_against_norm(curves.select(sizes=[64]))
    (band,) = [c for c in ax.collections if isinstance(c, PolyCollection)]
    at = curves.frame[curves.frame["size"] == 64].groupby("step")["test_error"]
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx((at.mean() + at.sem()).max())
    assert heights.min() == pytest.approx((at.mean() - at.sem()).min())


def test_one_seed_or_none_has_no_band(plain_curves):
    one = plain_curves(seeds=(0,))
    none = Curves(one.frame.assign(seed=pd.NA))
    for curves in (one, none):
        ax = figures.error_against_norm(curves)
        assert not [c for c in ax.collections if isinstance(c, PolyCollection)]
        assert len(lines(ax, 32)[0].get_xdata()) == 30


def test_runs_that_did_not_complete_leave_the_mean_alone(plain_curves):
    curves = plain_curves()
    frame = curves.frame.copy()
    bad = "p64s2"
    frame.loc[frame["run"] == bad, "test_error"] = 0.9
    runs = curves.runs.copy()
    runs.loc[runs["run"] == bad, "status"] = "diverged"
    drawn = lines(figures.error_against_norm(Curves(frame, runs)), 64)[0]
    rest = lines(figures.error_against_norm(curves.select(seeds=[0, 1])), 64)[0]
    assert drawn.get_ydata() == pytest.approx(rest.get_ydata())


def test_one_mark_per_size_at_its_optimum(laws):
    marks = discs(figures.laws_overview(laws))
    assert sorted(marks[:, 0]) == pytest.approx(sorted(np.exp(laws.sizes["log_norm"])))
    assert sorted(marks[:, 1]) == pytest.approx(sorted(laws.sizes["error"]))


def test_sizes_still_falling_are_hollow_and_said_to_be(laws):
    sizes = laws.sizes.assign(n_censored=[0, 0, 0, 0, 2, 3])
    ax = figures.laws_overview(replace(laws, sizes=sizes))
    hollow = [
        c for c in ax.collections
        if isinstance(c, PathCollection) and len(c.get_offsets()) and c.get_facecolor().min() == 1
    ]  # fmt: skip
    assert [len(c.get_offsets()) for c in hollow] == [2]
    assert "still falling at the end" in legend(ax)


def test_early_window_and_law_stand_where_the_fit_has_them(laws):
    ax = figures.laws_overview(laws)
    assert "early window" in legend(ax)
    (span,) = [patch for patch in ax.patches if patch.get_label() == "early window"]
    box = span.get_path().transformed(span.get_patch_transform()).get_extents()
    assert np.log([box.x0, box.x1]) == pytest.approx(laws.early_window)
    (law,) = [line for line in ax.get_lines() if line.get_label().startswith("early law")]
    logs = np.log(law.get_xdata())
    at_largest = -laws.gamma0.value * np.log(1024 / laws.reference_size)
    plain, drawn = laws.early_law.log(logs) + at_largest, np.log(law.get_ydata())
    assert drawn == pytest.approx(laws.crossover.from_chance(plain))
    assert drawn[plain < -1] == pytest.approx(plain[plain < -1], abs=1e-3)
    assert (drawn < plain)[plain > -1].all()


def test_no_window_no_mark(laws):
    ax = figures.laws_overview(replace(laws, early_window=None))
    assert legend(ax) == ["optimum"]


def test_every_rescaled_curve_passes_through_one_one(laws):
    ax = figures.collapse_by_optimum(laws)
    for size in SIZES:
        line = lines(ax, size)[0]
        at = np.interp(0, np.log(line.get_xdata()), np.log(line.get_ydata()))
        assert at == pytest.approx(0, abs=0.15)


def test_rescaling_by_the_planted_exponents_gives_one_curve(laws):
    planted = replace(
        laws, gamma=laws.gamma._replace(value=0.8), gamma2=laws.gamma2._replace(value=1)
    )
    ax = figures.collapse_by_exponents(planted)
    grid = np.linspace(-2, 0, 9)
    heights = [
        np.interp(grid, np.log(line.get_xdata()), np.log(line.get_ydata()))
        for size in SIZES
        for line in lines(ax, size)
    ]
    assert np.ptp(heights, axis=0).max() < 0.06  # what the planted noise of 3 % leaves


def test_fit_lines_have_the_slopes_of_the_laws(laws):
    ax = figures.error_against_size(laws)
    slopes = {
        line.get_label(): np.diff(np.log(line.get_ydata()))[0]
        / np.diff(np.log(line.get_xdata()))[0]
        for line in ax.get_lines()
    }
    gamma, product = laws.gamma.value, laws.product.value
    assert slopes == pytest.approx(
        {
            f"direct fit, γ = {gamma:.2f}": -gamma,
            f"predicted slope, γ₀+γ₁γ₂ = {product:.2f}": -product,
        }
    )
    (late,) = figures.norm_against_size(laws).get_lines()
    assert np.log(late.get_ydata()) == pytest.approx(laws.late_law.log(np.log(late.get_xdata())))


def test_a_predicted_slope_leaves_the_plateau_at_chance():
    """A straight line would rise above chance, and look contradicted by errors that do not."""
    near_chance = plant(Planted(plateau=0.9, log_k=2.5))
    laws = nl.fit(near_chance, resamples=0)
    (line,) = (one for one in figures.error_against_size(laws).get_lines() if one.get_ls() == "--")
    used = laws.sizes[laws.sizes["used"]]
    drawn = np.interp(np.log(used["size"]), np.log(line.get_xdata()), np.log(line.get_ydata()))
    assert np.exp(laws.crossover.log_chance) > line.get_ydata().max()
    np.testing.assert_allclose(drawn, np.log(used["error"]), atol=0.03)
    assert drawn.mean() == pytest.approx(np.log(used["error"]).mean(), abs=2e-3)


def test_sizes_left_out_of_the_fit_are_named(laws):
    sizes = laws.sizes.assign(used=[False, True, True, True, True, True])
    ax = figures.error_against_size(replace(laws, sizes=sizes))
    assert legend(ax)[:3] == ["one seed", "used in the fit", "left out of the fit"]
    assert len(discs(ax)) == 6


def test_exponents_without_value_draw_no_line(laws):
    nan = laws.gamma._replace(value=float("nan"))
    law = laws.direct_law.__class__(float("nan"), float("nan"))
    none = replace(laws, gamma=nan, product=nan, gamma2=nan, direct_law=law, late_law=law)
    assert not figures.error_against_size(none).get_lines()
    assert not figures.norm_against_size(none).get_lines()


def residuals(ax):
    """The axes of residuals below ``ax``, and their dots by size."""
    (below,) = [one for one in figure_of(ax).axes if one.get_label() == "residuals"]
    return below, [line for line in below.get_lines() if line.get_marker() == "."]


def test_residuals_are_ln_error_over_fit(laws):
    fitted = laws.crossover

    def doubled(logs, size):
        return 2 * fitted.predict(logs, size)

    double = SimpleNamespace(**vars(fitted), predict=doubled)
    below, dots = residuals(figures.crossover_fit(laws))
    assert len(dots) == 6
    means = laws.mean_curves
    for line, size in zip(dots, SIZES, strict=True):
        logs = np.log(line.get_xdata())
        rows = means[means["size"] == size]
        errors = np.interp(logs, rows["log_norm"], rows["error"])
        assert line.get_ydata() == pytest.approx(np.log(errors / fitted.predict(logs, size)))
    _, halved = residuals(figures.crossover_fit(replace(laws, crossover=double)))
    for line, lower in zip(dots, halved, strict=True):
        assert lower.get_ydata() == pytest.approx(line.get_ydata() - np.log(2))
    assert below.get_xlabel() == "spectral complexity λ"
    assert below.get_ylabel() == "ln(error / fit)"


def test_points_left_out_of_the_crossover_are_pale_and_have_no_residual(laws):
    part = replace(laws.crossover, lower=2.0, upper={1024: 6.0})
    ax = figures.crossover_fit(replace(laws, crossover=part))
    _, (dots,) = residuals(ax)
    assert np.log(dots.get_xdata()).min() >= 2
    assert np.log(dots.get_xdata()).max() <= 6
    pale = [line for line in ax.get_lines() if line.get_alpha() == 0.3]
    assert sum(len(line.get_xdata()) > 0 for line in pale) == 6


def test_the_mean_over_fewer_seeds_is_pale(laws):
    means = laws.mean_curves.dropna(subset=["error"]).reset_index(drop=True)
    means["n_seeds"] = 3
    count = means.groupby("size").size()
    last = means.groupby("size").tail(10).index
    means.loc[last, "n_seeds"] = 2
    ax = figures.laws_overview(replace(laws, mean_curves=means))
    for size in SIZES:
        known = np.isfinite(lines(ax, size)[0].get_ydata())
        assert (known.sum(), known[-10:].any()) == (count[size] - 10, False)
    pale = [line for line in ax.get_lines() if line.get_alpha() == 0.3]
    assert [int(np.isfinite(line.get_ydata()).sum()) for line in pale] == [11] * 6


def test_no_crossover_is_said(laws):
    with pytest.raises(InputError, match="fitted crossover, got none"):
        figures.crossover_fit(replace(laws, crossover=None))


def test_zero_errors_and_zero_norms_are_left_out_and_counted(plain_curves):
    curves = plain_curves(seeds=(0,), sizes=(32, 64))
    frame = curves.frame.copy()
    frame.loc[[3, 4], "test_error"] = 0.0
    frame.loc[[10], "log_spectral_complexity"] = -np.inf
    ax = figures.error_against_norm(Curves(frame))
    assert "(2 points at zero cannot be drawn on a log axis)" in ax.get_xlabel()
    figure_of(ax).draw_without_rendering()
    assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all()


def test_norms_beyond_float64_are_drawn_as_logarithms(plain_curves):
    curves = plain_curves()
    frame = curves.frame.assign(
        log_spectral_complexity=curves.frame["log_spectral_complexity"] * 300
    )
    ax = figures.error_against_norm(Curves(frame))
    assert ax.get_xlabel() == "ln λ (spectral complexity)"
    assert ax.get_xscale() == "linear"
    assert np.isfinite(lines(ax, 1024)[0].get_xdata()).all()


def test_rescaled_axes_say_when_they_hold_logarithms(laws):
    means = laws.mean_curves.assign(log_norm=laws.mean_curves["log_norm"] * 300)
    sizes = laws.sizes.assign(log_norm=laws.sizes["log_norm"] * 300)
    ax = figures.collapse_by_optimum(replace(laws, mean_curves=means, sizes=sizes))
    (below,) = [one for one in figure_of(ax).axes if one.get_label() == "residuals"]
    assert below.get_xlabel().startswith("ln of the norm over stopping norm")


def test_long_names_are_wrapped_not_clipped(laws):
    ax = figures.norm_against_size(replace(laws, norm="distance_from_initialisation_operator_norm"))
    figure = figure_of(ax)
    figure.draw_without_rendering()
    box = ax.yaxis.label.get_window_extent()
    assert box.y0 >= 0
    assert box.y1 <= figure.bbox.height


def test_step_zero_has_a_place(curves):
    ax = figures.norm_against_step(curves)
    figure_of(ax).draw_without_rendering()
    assert min(lines(ax, 32)[0].get_xdata()) == 0
    assert ax.get_xlim()[0] == 0


def test_losses_of_both_splits_are_told_apart(curves):
    ax = figures.losses_against_step(curves)
    assert legend(ax) == ["test loss", "train loss"]
    test, train = lines(ax, 256)
    assert (test.get_linestyle(), train.get_linestyle()) == ("-", ":")
    assert test.get_ydata() == pytest.approx(2 * train.get_ydata())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: figures.error_against_norm(c, norm="fisher"), "recorded norm .*got 'fisher'"),
        (lambda c: figures.error_against_norm(c, metric="val_loss"), "got 'val_loss'"),
        (lambda c: figures.losses_against_step(c, kind="margin"), "train_margin or test_margin"),
    ],
)
def test_what_was_not_recorded_is_said(call, message, curves):
    with pytest.raises(InputError, match=message):
        call(curves)


def test_curves_without_steps_have_no_figure_against_steps(curves):
    averaged = Curves(curves.frame.assign(step=pd.NA))
    with pytest.raises(InputError, match="optimiser steps"):
        figures.norm_against_step(averaged)


def test_size_key_names_every_size(curves):
    ax = figures.error_against_norm(curves)
    (key,) = [child for child in ax.child_axes if child.get_label() == "sizes"]
    names = [text.get_text() for text in key.get_yticklabels()]
    assert names == ["32", "64", "128", "256", "512", "1,024"]


@pytest.mark.parametrize("count", [1, 2, 6, 12, 30])
def test_more_examples_are_always_darker_also_in_grey(count):
    colours = size_colours(range(100, 100 + count))
    grey = [np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)) for colour in colours.values()]
    assert all(np.diff(grey) < 0)
    assert max(grey) < 0.62, "the lightest line still stands out from white paper"
    assert rgb_to_hsv(to_rgb(colours[100]))[1] > 0.3


@pytest.mark.parametrize(
    "sizes", [[375, 750, 1500, 30000, 36000, 42000, 48000], SIZES, [1, 2], list(range(1, 40))]
)
def test_named_sizes_never_overlap(sizes, plain_curves, laws):
    from normlaws.report.scales import size_axis

    ax = Figure(figsize=(4.9, 3.7), layout="constrained").add_subplot()
    ax.plot(sizes, sizes)
    size_axis(ax, sizes)
    figure = figure_of(ax)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.get_xticklabels() if text.get_text()]
    assert len(boxes) >= 2
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


@pytest.mark.parametrize("name", [*OF_LAWS, *OF_CURVES])
def test_nothing_is_clipped(name, curves, laws):
    ax = getattr(figures, name)(laws if name in OF_LAWS else curves)
    figure = figure_of(ax)
    figure.draw_without_rendering()
    tight = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert tight.x0 >= -0.01
    assert tight.y0 >= -0.01
    assert tight.x1 <= width + 0.01
    assert tight.y1 <= height + 0.01


def test_no_pyplot_and_safe_in_threads(curves):
    failures = []

    def draw():
        try:
            figure_of(figures.error_against_norm(curves)).draw_without_rendering()
        except Exception as error:  # a thread swallows what it raises
            failures.append(error)

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.002, 0.9], ["0.01", "0.1"]),
        ([0.02, 0.9], ["0.02", "0.05", "0.1", "0.2", "0.5"]),
        ([0.3, 0.9], ["0.3", "0.4", "0.5", "0.7"]),
        ([1e4, 1e40], ["10²²"]),
        ([0.52, 0.58], ["0.54", "0.57"]),
        ([2e6, 9e6], ["5×10⁶"]),
    ],
)
def test_ticks_suit_their_range(values, ticks):
    ax = Figure(figsize=(4.9, 3.7)).add_subplot()
    ax.plot(values, values)
    log_axis(ax, "y", values)
    figure_of(ax).draw_without_rendering()
    low, high = ax.get_ylim()  # older locators have ticks beyond the axis
    inside = [text for text in ax.get_yticklabels() if low <= text.get_position()[1] <= high]
    shown = [text.get_text() for text in inside]
    assert set(ticks) <= set(shown)
    assert len([text for text in shown if text]) <= 14


def test_a_tick_that_a_log_axis_cannot_hold_has_no_name():
    ax = Figure().add_subplot()
    for values in ([0.52, 0.58], [1e-9, 1.0]):
        log_axis(ax, "x", values)
        assert ax.xaxis.get_major_formatter()(0.0, 0) == ""


def test_curves_and_laws_plot_themselves():
    curves = plant(sizes=(100, 200, 400), seeds=2, records=15)
    laws = fit(curves, resamples=20)
    ax = Figure().add_subplot()
    assert laws.plot(ax=ax) is ax
    assert len(discs(ax)) == 3
    assert len([line for line in curves.plot().get_lines() if len(line.get_xdata()) == 15]) == 3
