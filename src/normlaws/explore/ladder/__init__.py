"""The tab of the collapse: normalised curves along any axis, and where unfinished runs will end."""

from normlaws.explore.ladder.answers import Asked, LadderStudy
from normlaws.explore.ladder.callbacks import register, written
from normlaws.explore.ladder.page import pane

__all__ = ["Asked", "LadderStudy", "pane", "register", "written"]
