"""Studies of diagonal networks, sparse attention and in-context regression, made small."""

from __future__ import annotations

import numpy as np

from normlaws.theory import solved_study
from normlaws.theory.attention import study as attention
from normlaws.theory.diagonal import study as diagonal
from normlaws.theory.in_context import study as in_context


def test_diagonal_networks(monkeypatch):
    for name, value in {"SCALES": (0.1, 10.0), "SIZES": (10, 20), "STUDENTS": (10,)}.items():
        monkeypatch.setattr(diagonal, name, value)
    monkeypatch.setattr(diagonal, "TRANSITION", (10, 20))
    found = diagonal.study(dimension=12, sparsity=2, seeds=1, width=30)
    kinds = found.kinds()
    assert list(kinds) == ["flow at scale 0.1", "flow at scale 10", "descent at scale 0.1"]
    assert set(found.transition["size"]) == {10, 20}
    flow = kinds["flow at scale 0.1"].select(sizes=[10]).frame
    for row in kinds["descent at scale 0.1"].frame.itertuples():
        exact = np.interp(np.log(row.time), np.log(flow.time), flow.log_frobenius)
        assert abs(row.log_frobenius - exact) < 0.1


def test_sparse_attention(monkeypatch):
    monkeypatch.setattr(attention, "LENGTHS", (8, 16))
    monkeypatch.setattr(attention, "STUDENTS", (8,))
    monkeypatch.setattr(attention, "REPEATED", (2,))
    monkeypatch.setattr(attention, "SCALING", ((64, 16),))
    found = attention.study(dimension=4, seeds=2)
    assert list(found.kinds()) == ["theory", "students"]
    assert found.kinds()["students"].seeds == [0, 1]
    row = found.emergence.iloc[0]
    assert row.reduced < row.flow


def test_in_context_regression(monkeypatch):
    monkeypatch.setattr(in_context, "LENGTHS", (200,))
    monkeypatch.setattr(in_context, "TIMES", np.array([3.0, 30.0]))
    found = in_context.study(contexts=300, seeds=3)
    theory = found.theory.frame
    for _, rows in found.sampled.frame.groupby("step"):
        mean, error = rows.test_loss.mean(), rows.test_loss.std() / np.sqrt(3)
        exact = np.interp(rows.log_frobenius.iloc[0], theory.log_frobenius, theory.test_loss)
        assert abs(mean - exact) < 6 * error + 0.05


def test_points():
    point = solved_study("sparse-attention").values(length="32", dimension="4")
    assert point["plateau"] > 0
    point = solved_study("in-context").values(dimension="5", length="40", noise="0.1")
    assert point["single_head_mu"] == 1.6276947001983886
    point = solved_study("diagonal-network").values(init_scale="1")
    assert abs(point["potential"] - 0.24514384755981378) < 1e-14
