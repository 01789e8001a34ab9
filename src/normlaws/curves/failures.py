"""What most of the runs that failed say."""

from __future__ import annotations

from normlaws.curves.curves import Curves


def commonest_failure(curves: Curves) -> str:
    """Of runs that failed: how many, and what most of them say; empty where none did."""
    failed = curves.runs[curves.runs["status"] == "failed"]
    if failed.empty:
        return ""
    said = failed["error"].astype(str).value_counts()
    share = f"{len(failed)} of {len(curves.runs)} runs failed"
    often = "all" if len(said) == 1 else f"{said.iloc[0]} of them"
    return f"{share}, {often} with: {said.index[0]}"
