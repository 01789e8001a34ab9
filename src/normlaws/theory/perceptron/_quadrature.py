"""Quadrature for the saddle point: nodes in v = P(x), clustered where the integrands vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from normlaws.arrays import Floats
from normlaws.theory.perceptron._prox import prox, sigmoid, softplus

TAIL = 8.5  # standard deviations; φ(8.5) is 2e-16 of φ(0)
DECAY = 40.0  # e^−40 is below rounding
WIDTH = 4.0  # widest scale in v: the strip in which e^−x² of x = v − χe^−v decays allows no more
CLEAN, NOISY = 96, 192  # nodes; see benchmarks/theory.py for the error against their number
ROOT_2PI = np.sqrt(2 * np.pi)


@dataclass(frozen=True)
class Nodes:
    """Nodes and weights; every array has shape (points, nodes)."""

    v: Floats
    shift: Floats  # q = v − x
    response: Floats  # y = χℓ''/(1 + χℓ'')
    x: Floats
    fresh: Floats  # weights of E over x = λt, noise included
    fresh_tilt: Floats  # ∂ fresh / ∂a
    orthogonal: Floats  # weights of E_z at x = λ sin θ z


def sine_and_cosine(log_tangent: Floats) -> tuple[Floats, Floats]:
    """Sin θ and cos θ, each to full relative precision."""
    tangent = np.exp(log_tangent)
    secant = np.hypot(1.0, tangent)
    return tangent / secant, 1.0 / secant


def make_nodes(norm: Floats, a: Floats, b: Floats, flip: float, refine: int = 1) -> Nodes:
    """Nodes for (points,) arrays of λ, a = ln tan θ, b = ln χ.

    The trapezoid rule in τ with v = P(0) + w sinh τ: the integrands are analytic in a strip about
    real τ and vanish at both ends, so the error falls exponentially with the number of nodes.
    """
    sine, _ = sine_and_cosine(a)
    centre, low, high, width = _window(norm, sine, b, flip)
    count = refine * (NOISY if flip else CLEAN)
    spacing = (high - low) / (count - 1)
    grow = np.exp(low[:, None] + spacing[:, None] * np.arange(count))
    v = centre[:, None] + (0.5 * width)[:, None] * (grow - 1.0 / grow)
    dv = (0.5 * width * spacing)[:, None] * (grow + 1.0 / grow)
    return _weigh(v, dv, norm[:, None], a[:, None], b[:, None], flip)


def _window(norm: Floats, sine: Floats, b: Floats, flip: float) -> tuple[Floats, ...]:
    """Centre, ends in τ, and width of the map; left of it the teacher's label rules fields out."""
    reach = TAIL * norm
    fields = np.stack([0.0 * norm, -reach if flip else -reach * sine, reach])
    centre, left, right = prox(fields, b)
    right = np.minimum(right, centre + DECAY)
    width = np.minimum(norm * sine / (1.0 + centre * sigmoid(centre)), WIDTH)
    return centre, np.arcsinh((left - centre) / width), np.arcsinh((right - centre) / width), width


def _weigh(v: Floats, dv: Floats, norm: Floats, a: Floats, b: Floats, flip: float) -> Nodes:
    decay = np.exp(-np.abs(v))
    shift = np.exp(b - np.maximum(v, 0.0)) / (1.0 + decay)  # χσ(−v)
    curvature = shift * np.where(v > 0, 1.0, decay) / (1.0 + decay)  # χℓ''(v)
    x = v - shift
    u = x / norm * np.exp(-a)  # the fresh margin's density is 2φ(t)Φ(u), u = t cot θ
    gauss = np.exp(-0.5 * (x / norm) ** 2) * (2 / ROOT_2PI) * (1.0 + curvature) * dv / norm
    steep = gauss * np.exp(-0.5 * u**2) / ROOT_2PI
    keep = 1.0 - 2.0 * flip
    return Nodes(
        v=v,
        shift=shift,
        response=curvature / (1.0 + curvature),
        x=x,
        fresh=gauss * (flip + keep * ndtr(u)),
        fresh_tilt=-keep * steep * u,
        orthogonal=steep * (0.5 * ROOT_2PI) / sine_and_cosine(a)[0],
    )


def fresh_loss(norm: Floats, a: Floats, flip: float) -> Floats:
    """E[ℓ(λt)] over fresh examples with their noise; (points,) arrays."""
    sine, _ = sine_and_cosine(a)
    width = np.minimum(sine, 1.0 / norm)
    low = -np.arcsinh(TAIL / width)
    tau = low[:, None] * np.linspace(1.0, -1.0, 2 * NOISY)
    t = width[:, None] * np.sinh(tau)
    weight = np.exp(-0.5 * t**2) * width[:, None] * np.cosh(tau) * (tau[:, 1:2] - tau[:, :1])
    density = flip + (1.0 - 2.0 * flip) * ndtr(t * np.exp(-a)[:, None])
    values = weight * (2 / ROOT_2PI) * density * softplus(-norm[:, None] * t)
    return np.asarray(values.sum(axis=1))
