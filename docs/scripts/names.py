"""mkdocs hook: keys, options and names of presets are not broken at their hyphens on a phone."""

from __future__ import annotations

import re
from typing import Any

_NAME = re.compile(r"<code>([^\s<]{1,30})</code>")


def on_page_content(content: str, **_: Any) -> str:
    """Mark short inline code without spaces, which site.css keeps in one line."""
    return _NAME.sub(r'<code class="name">\1</code>', content)
