"""What is asked of the curves, one question a finding."""

from normlaws.laws.findings.questions import exact, findings

__all__ = ["exact", "findings"]
