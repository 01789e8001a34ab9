"""Solvable models: parameters -> exact values and curves."""
