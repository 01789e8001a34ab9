"""Watches a training that somebody else runs, and writes curves."""

from normlaws.extras import needed

with needed("tracking a training", "torch"):
    from normlaws.tracking.tracker import Tracker

__all__ = ["Tracker"]
