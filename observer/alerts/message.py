"""One message to one receiver: a group of findings, those that stand and those that ended. Knows no body's form."""

from enum import StrEnum

import msgspec

from observer.alerts.change import FindingChange
from observer.model import Severity

SEVERITIES = tuple(severity for severity in Severity if severity is not Severity.UNKNOWN)
"""In rising order."""

MOST_TOLD = 100
"""Findings in one message; more are counted. PagerDuty takes 512 KiB, and nobody reads more."""


class Reason(StrEnum):
    """Why a message is sent."""

    NEWS = "news"
    REPEAT = "repeat"
    TEST = "test"
    UNKNOWN = "unknown"


class Message(msgspec.Struct, frozen=True):
    """What a receiver is told. `id` is the same in every try; `group` in every message of the group; times in ns.

    `firing` and `resolved` hold at most `MOST_TOLD` findings together, the worst first; `omitted` counts the others.
    """

    id: str
    route: str
    receiver: str
    group: str
    labels: dict[str, str]
    reason: Reason
    created_ns: int
    firing: tuple[FindingChange, ...] = ()
    resolved: tuple[FindingChange, ...] = ()
    omitted: int = 0
    link: str | None = None

    @property
    def status(self) -> str:
        """`firing` as long as one finding of the group stands, else `resolved`."""
        return "firing" if self.firing else "resolved"

    @property
    def severity(self) -> Severity:
        """The worst of the findings."""
        return max((change.severity for change in self.firing or self.resolved), key=rank, default=Severity.UNKNOWN)


def rank(severity: Severity) -> int:
    """Rises with severity; -1 where it is unknown."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
