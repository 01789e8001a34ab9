"""mkdocs hook: formulas become MathML when the site is built, so a page needs no script for them.

``pymdownx.arithmatex`` finds the formulas; ``latex2mathml`` translates them. Browsers that follow
MathML Core ignore ``mathvariant``, so letters of other alphabets become the characters themselves.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', flags=re.DOTALL)
_VARIANT = re.compile(r'<mi mathvariant="(double-struck|script)">([A-Z])</mi>')
_TAG = re.compile(r"\\tag\{(.*?)\}")
_LETTER_LIKE = {  # outside the alphabets' own blocks
    "double-struck": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "script": dict(zip("BEFHILMR", "ℬℰℱℋℐℒℳℛ", strict=True)),
}
_FIRST = {"double-struck": 0x1D538, "script": 0x1D49C}


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a page."""
    return _FORMULA.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    _, bracket, escaped = found.groups()
    display = "block" if bracket == "[" else "inline"
    formula = _TAG.sub(r"\\qquad\\text{(\1)}", html.unescape(escaped))
    return _VARIANT.sub(_character, convert(formula, display=display))


def _character(found: re.Match[str]) -> str:
    variant, letter = found.groups()
    plain = chr(_FIRST[variant] + ord(letter) - ord("A"))
    return f"<mi>{_LETTER_LIKE[variant].get(letter, plain)}</mi>"
