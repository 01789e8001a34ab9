"""Attributes of elements that speak to screen readers, and to the script of the page."""

from __future__ import annotations

from typing import Any

LIVE: dict[str, Any] = {"aria-live": "polite"}


def labelled(name: str) -> dict[str, Any]:
    """The element's name."""
    return {"aria-label": name}


def data(**values: str) -> dict[str, Any]:
    """``data-…`` attributes; those that are empty are left out."""
    return {f"data-{name}": value for name, value in values.items() if value}
