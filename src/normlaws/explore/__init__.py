"""A local web page to look around in a study; needs the extra ``explore``."""

from normlaws.explore.address import check_host
from normlaws.explore.server import serve
from normlaws.explore.state import State

__all__ = ["State", "check_host", "serve"]
