"""What is asked of the curves, one question a finding."""

from normlaws.laws.findings.questions import LEAVE_CHANCE, exact, findings

__all__ = ["LEAVE_CHANCE", "exact", "findings"]
