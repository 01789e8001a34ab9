"""A plan: what shrinks intervals, what it costs, and the chance by planted studies."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import normlaws as nl
from normlaws.cli import _add_verbs, app
from normlaws.errors import InputError
from normlaws.laws.planning import plan, plan_sizes, power, power_table
from normlaws.laws.planning.needs import Widths, needs
from normlaws.laws.plant import plant
from normlaws.laws.result import Estimate

_add_verbs()
SIZES = (100, 200, 400, 800, 1600, 3200)


@pytest.fixture(scope="module")
def laws() -> nl.Laws:
    curves = plant(sizes=SIZES, seeds=4, records=30)
    curves.frame["seconds"] = curves.frame["size"] / 100 * (curves.frame["step"] + 1) / 30
    return nl.fit(curves, resamples=60)


def with_finding(laws: nl.Laws, name: str, figure: Estimate) -> nl.Laws:
    """The same laws with one finding left open at a figure of one's own."""
    changed = [
        replace(one, figure=figure, grade="undecided")
        if one.name == name
        else replace(one, grade="established")
        for one in laws.verdict.findings
    ]
    return replace(laws, verdict=replace(laws.verdict, findings=tuple(changed), codes=()))


def test_a_cell_of_the_table_comes_back():
    for row in power_table().to_dict("records"):
        found = power(row["sizes"], row["seeds"], row["test_examples"])
        assert found.established == pytest.approx(row["established"])
        assert found.false == pytest.approx(row["false"])


def test_beyond_the_table_its_edge_counts():
    table = power_table()
    most = {name: int(table[name].max()) for name in ("sizes", "seeds", "test_examples")}
    assert power(*(10 * value for value in most.values())) == power(*most.values())


def test_more_seeds_raise_the_chance():
    assert power(6, 10, 10_000).established > power(6, 2, 10_000).established + 0.1


def test_the_interval_must_shrink_to_its_bound(laws):
    # from 0.1 to 0.3 about 0.15; the bound is at 0.2, so a third of its upper arm is allowed
    [need] = needs(with_finding(laws, "laws_meet", Estimate(0.15, 0.1, 0.3)))
    assert need.shrink == pytest.approx((0.2 - 0.15) / 0.15)
    assert need.can_settle


def test_a_finding_in_doubt_is_not_settled_by_a_narrower_interval(laws):
    doubted = with_finding(laws, "laws_meet", Estimate(0.15, 0.1, 0.3))
    meet = next(one for one in doubted.verdict.findings if one.grade == "undecided")
    in_doubt = replace(meet, unsettled=True, next_step="train longer")
    findings = tuple(in_doubt if one is meet else one for one in doubted.verdict.findings)
    [need] = needs(replace(doubted, verdict=replace(doubted.verdict, findings=findings)))
    assert not need.can_settle
    assert need.instead == "train longer"


def test_a_figure_between_the_bounds_may_stay_open(laws):
    [need] = needs(with_finding(laws, "collapse", Estimate(0.05, 0.03, 0.07)))
    assert not need.can_settle


def test_the_scatter_of_the_late_law_falls_with_its_noise(laws):
    # 0.12² = 0.08² + noise², and 0.08² + (noise · shrink)² = 0.1²
    noise = np.sqrt(0.12**2 - 0.08**2)
    figure = Estimate(0.12, 0.12 - noise, 0.12 + noise)
    [need] = needs(with_finding(laws, "late_law", figure))
    assert need.shrink == pytest.approx(np.sqrt(0.1**2 - 0.08**2) / noise)


def test_widths_fall_with_the_root_of_seeds_and_the_spread_of_sizes():
    wide = Widths(np.geomspace(100, 3200, 6), seeds=100, freedom=10_000, counted={})
    assert wide.ratio("collapse", seeds=400) == pytest.approx(0.5, rel=1e-3)
    twice = np.geomspace(100, 100 * 32**2, 6)  # twice the range of ln P
    assert wide.ratio("laws_meet", sizes=twice) == pytest.approx(0.5, rel=1e-3)
    assert wide.ratio("collapse", test=4.0) == pytest.approx(1.0)


def test_seeds_cannot_remove_the_noise_of_a_shared_test_set():
    wide = Widths(np.geomspace(100, 3200, 6), seeds=5, freedom=10_000, counted={"collapse": 0.5})
    assert wide.ratio("collapse", seeds=10**6) == pytest.approx(np.sqrt(0.5), rel=1e-3)


def test_an_option_settles_what_is_open_and_costs_what_its_runs_take(laws):
    found = plan(with_finding(laws, "laws_meet", Estimate(0.1, -0.02, 0.22)))
    seeds = next(one for one in found.options if "seeds" in one.change)
    assert seeds.settles == ("the laws meet",)
    more = int(seeds.change.split()[0]) - 4
    assert seeds.runs == more * len(SIZES)
    assert seeds.seconds == pytest.approx(more * sum(SIZES) / 100)
    assert found.seconds == pytest.approx(4 * sum(SIZES) / 100)
    larger = next(one for one in found.options if "more size" in one.change)
    new = [6400 * 2**k for k in range(larger.runs // 4)]
    assert larger.seconds == pytest.approx(4 * sum(new) / 100, rel=1e-6)


def test_where_nothing_is_open_nothing_is_proposed(laws):
    settled = [replace(one, grade="established") for one in laws.verdict.findings]
    done = replace(laws, verdict=replace(laws.verdict, findings=tuple(settled), codes=()))
    assert plan(done).options == ()


def test_sizes_alone_give_the_chance():
    found = plan_sizes(SIZES, 3)
    assert found.today == power(6, 3)
    assert any(one.change.startswith("5 seeds") and one.runs == 12 for one in found.options)
    with pytest.raises(InputError, match="two or more sizes"):
        plan_sizes([100], 3)


def test_the_verb_takes_curves_a_study_or_sizes(tmp_path):
    path = plant(sizes=SIZES[:4], seeds=2, records=25).write(tmp_path / "few.parquet")
    for words in (
        [str(path), "--resamples", "40"],
        ["teacher-mlp"],
        ["repro-cnn-cifar10"],
        ["--sizes", "100,200,400,800"],
    ):
        answer = CliRunner().invoke(app, ["plan", *words])
        assert answer.exit_code == 0, answer.output
        assert "where they hold" in " ".join(answer.stdout.split())
        found = json.loads(CliRunner().invoke(app, ["plan", *words, "--json"]).stdout)
        assert set(found) >= {"today", "open", "options", "sizes", "seeds"}
    answer = CliRunner().invoke(app, ["plan"])
    assert isinstance(answer.exception, InputError)
