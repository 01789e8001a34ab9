"""Watches a training that somebody else runs, and writes curves."""
