"""What whoever keeps findings (a collector, or an agent alone) says of one: the input of alerting."""

from enum import StrEnum

import msgspec

from observer.analysis import Party
from observer.model import Certainty, Severity, State


class Status(StrEnum):
    """What became of a finding."""

    NEW = "new"
    AGAIN = "again"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    UNKNOWN = "unknown"
    """Counts as `again`: it never opens or closes anything that another status would not."""


class FindingChange(msgspec.Struct, frozen=True):
    """A finding and what became of it; times are nanoseconds since 1970.

    `key` is that of `observer.keys`; `namespace` the one of the pod or service it is about, null for hosts; `nodes`
    name who saw it; `count` is of flows since it was first seen. A `silenced` finding is remembered and not told.
    """

    key: str
    status: Status
    severity: Severity
    rule: str
    path: str
    title: str
    client: Party
    server: Party
    first_ns: int
    last_ns: int
    explanation: str = ""
    remediation: str = ""
    reference: str | None = None
    cis: str | None = None
    namespace: str | None = None
    cluster: str | None = None
    nodes: tuple[str, ...] = ()
    count: int = 1
    verdict: State = State.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    silenced: bool = False

    @property
    def firing(self) -> bool:
        """Whether the finding stands."""
        return self.status is not Status.RESOLVED
