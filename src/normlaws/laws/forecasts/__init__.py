"""Sizes not yet run, unfinished runs, and what a forecast has to beat."""
