"""Gaussian averages of a committee with g(x) = erf(x/√2), or linear, in closed form.

Fields are those of K students, then M teachers, with covariance C (…, K + M, K + M) and
coefficients e = (−c, …; 1/√M, …), so that teacher − student = Σ e_a g(x_a). Formulas: Saad and
Solla, Phys. Rev. E 52 (1995) 4225. All functions take complex C, for derivatives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from normlaws.arrays import Floats

AnyArray = NDArray[Any]  # real, or complex where a derivative is taken


def _diagonal(c: AnyArray) -> AnyArray:
    found: AnyArray = np.einsum("...ii->...i", c)
    return found


def test_loss(c: AnyArray, e: Floats) -> AnyArray:
    """½⟨(teacher − student)²⟩, shape (…)."""
    scale = np.sqrt(1 + _diagonal(c))
    ratio = c / (scale[..., :, None] * scale[..., None, :])
    loss: AnyArray = np.einsum("a,...ab,b->...", e, np.arcsin(ratio), e) / np.pi
    return loss


def linear_loss(c: AnyArray, e: Floats) -> AnyArray:
    """The same for linear g."""
    loss: AnyArray = 0.5 * np.einsum("a,...ab,b->...", e, c, e)
    return loss


def response(c: AnyArray, e: Floats, students: int) -> AnyArray:
    """[A|E]: ⟨δ_u ξ⟩ = Σ_w [A|E]_uw Cov(x_w, ξ), shape (…, K, K + M)."""
    d = 1 + _diagonal(c)
    over = c[..., :students, :]
    root = np.sqrt(d[..., :students, None] * d[..., None, :] - over**2)
    found = (2 / np.pi) * e / root
    own = -(2 / np.pi) * np.sum(e * over / root, axis=-1) / d[..., :students]
    i = np.arange(students)
    found[..., i, i] += own
    result: AnyArray = found
    return result


def fluctuation(c: AnyArray, e: Floats, students: int) -> AnyArray:
    """G = ⟨δ_i δ_k⟩, shape (…, K, K)."""
    d = 1 + _diagonal(c)[..., :students]
    over = c[..., :students, :]
    inner = over[..., :students]
    square = d[..., :, None] * d[..., None, :] - inner**2
    i, k = over[..., :, None, :], over[..., None, :, :]  # C_ia and C_ka
    across = i[..., :, None] * k[..., None, :]
    own = k[..., :, None] * k[..., None, :] * d[..., :, None, None, None]
    other = i[..., :, None] * i[..., None, :] * d[..., None, :, None, None]
    mixed = inner[..., None, None] * (across + np.swapaxes(across, -1, -2))
    top = square[..., None, None] * c[..., None, None, :, :] - own - other + mixed
    scale = np.sqrt(_diagonal(top) + square[..., None])
    ratio = top / (scale[..., :, None] * scale[..., None, :])
    total = np.einsum("a,...ab,b->...", e, np.arcsin(ratio), e)
    found: AnyArray = (4 / np.pi**2) * total / np.sqrt(square)
    return found
