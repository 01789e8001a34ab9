"""Sparse attention: a plateau, then emergence, on fresh data (arXiv 2505.17863)."""

from normlaws.theory.attention.model import AttentionFlow, SparseAttention
from normlaws.theory.attention.simulation import simulate_attention

__all__ = ["AttentionFlow", "SparseAttention", "simulate_attention"]
