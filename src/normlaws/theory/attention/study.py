"""The study ``sparse-attention``: the flow at several lengths, and training beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.theory.attention.model import SparseAttention
from normlaws.theory.attention.simulation import simulate_attention

LENGTHS = (32, 64, 128)
STUDENTS = (32, 64)
REPEATED = (1, 4)
SCALING = ((256, 16), (256, 256), (4096, 16), (4096, 256))
LEVEL = 0.1  # of the loss, 20 % of the initial one


@dataclass(frozen=True)
class AttentionStudy:
    """Theory, training, and the time of emergence against in-context repetition.

    Attributes:
        theory: the flow at several lengths.
        students: stochastic gradient descent of the model itself.
        emergence: columns ``repeated``, ``flow``, ``reduced``, ``sgd`` (mean over seeds) and
            ``sgd_error`` (its standard error): times to L = .1.
        scaling: columns ``length``, ``dimension``, ``plateau``, ``law``.
    """

    theory: Curves
    students: Curves
    emergence: pd.DataFrame
    scaling: pd.DataFrame

    def kinds(self) -> dict[str, Curves]:
        """The curves by a short title."""
        return {"theory": self.theory, "students": self.students}


def study(dimension: int = 16, seeds: int = 4) -> AttentionStudy:
    """Compute what the preset shows.

    Args:
        dimension: d.
        seeds: of training.
    """
    parts = []
    for length in STUDENTS:
        model = SparseAttention(length, dimension)
        steps = int(3 * model.plateau())
        parts.append(simulate_attention(model, steps=steps, seeds=seeds, every=max(1, steps // 40)))
    return AttentionStudy(
        SparseAttention(LENGTHS[0], dimension).curves(LENGTHS),
        Curves.concat(parts),
        _emergence(dimension, seeds),
        _scaling(),
    )


def values(
    length: int, dimension: int, repeated: int = 1, shared: float = 0.0, clock: str = "flow",
    level: float = 0.2,
) -> dict[str, float]:  # fmt: skip
    """The plateau of one model.

    Args:
        length: T.
        dimension: d.
        repeated: B.
        shared: p.
        clock: ``"flow"`` or ``"reduced"``.
        level: fraction of the initial loss that ends the plateau.
    """
    model = SparseAttention(length, dimension, repeated, shared, clock)  # type: ignore[arg-type]
    time = model.plateau(level)
    there = model.flow(time)
    return {
        "length": length,
        "dimension": dimension,
        "repeated": repeated,
        "shared": shared,
        "plateau": time,
        "plateau_law": model.plateau_law(),
        "norm": float(there.norm),
        "score": float(there.score),
    }


def _emergence(dimension: int, seeds: int) -> pd.DataFrame:
    rows, length = [], STUDENTS[-1]
    for repeated in REPEATED:
        model = SparseAttention(length, dimension, repeated)
        flow = model.plateau()
        frame = simulate_attention(model, steps=int(1.5 * flow), seeds=2 * seeds).frame
        times = frame[frame.test_loss < LEVEL].groupby("seed").time.min()
        rows.append(
            {
                "repeated": repeated,
                "flow": flow,
                "reduced": SparseAttention(length, dimension, repeated, clock="reduced").plateau(),
                "sgd": float(times.mean()),
                "sgd_error": float(times.std(ddof=1) / np.sqrt(len(times))),
            }
        )
    return pd.DataFrame(rows)


def _scaling() -> pd.DataFrame:
    rows = []
    for length, dimension in SCALING:
        model = SparseAttention(length, dimension)
        plateau, law = model.plateau(), model.plateau_law()
        rows.append({"length": length, "dimension": dimension, "plateau": plateau, "law": law})
    return pd.DataFrame(rows)
