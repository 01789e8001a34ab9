"""Figures (matplotlib axes in, axes out) and the HTML report."""
