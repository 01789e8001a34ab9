"""A grid of runs: presets, planning, executing, resuming."""

from normlaws.studies.settings import StudySettings
from normlaws.studies.study import Study, presets

__all__ = ["Study", "StudySettings", "presets"]
