"""A grid of runs: presets, planning, executing, resuming.

Names are imported when they are first used, so that presets can be listed without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normlaws.lazy import lazy_names

if TYPE_CHECKING:
    from normlaws.studies.settings import StudySettings
    from normlaws.studies.study import Study, presets

__all__ = ["Study", "StudySettings", "presets"]

__getattr__, __dir__ = lazy_names(
    __name__, {"settings": ("StudySettings",), "study": ("Study", "presets")}
)
