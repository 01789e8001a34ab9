"""Curves -> optimum, early law, late law, collapse, forecast."""
