"""Watches a training that somebody else runs, and writes curves."""

from normlaws.tracking.tracker import Tracker

__all__ = ["Tracker"]
