"""What a run over captures says as a whole: totals by path and verdict, findings, and what to know beside them.

Aggregates only, never single flows: those leave as events while the captures are read.
"""

from collections.abc import Collection, Iterable
from typing import Protocol

import msgspec

from observer.model import Certainty, Certificate, Role, Severity, State


class ByteSink(Protocol):
    """Where a run writes its flow events, as whole lines of JSON."""

    def write(self, data: bytes, /) -> int:
        """Take all of the bytes."""


class CaptureNote(msgspec.Struct, frozen=True):
    """One capture file; `cut` says where and why it ends early, else null."""

    name: str
    packets: int
    cut: str | None = None


class Party(msgspec.Struct, frozen=True):
    """One end of a conversation. `port` is null for clients, whose ports mean nothing."""

    address: str
    role: Role
    name: str | None = None
    port: int | None = None


class Tally(msgspec.Struct, frozen=True):
    """How much was seen; bytes are TCP payload, both directions."""

    flows: int
    packets: int
    bytes: int


class PathTotals(msgspec.Struct, frozen=True):
    """The flows of one path by the state of their verdicts; states that do not occur are absent."""

    id: str
    documented: bool
    states: dict[State, Tally]


class FindingGroup(msgspec.Struct, frozen=True):
    """One finding on one path between one client and one server, however many flows show it.

    `key` is the same in every capture of the same cause between the same two; `new` says whether a baseline lacks it,
    null where none was given.
    """

    id: str
    severity: Severity
    title: str
    explanation: str
    remediation: str
    path: str
    client: Party
    server: Party
    certainty: Certainty
    reasons: tuple[str, ...]
    flows: int
    first_ns: int
    last_ns: int
    reference: str | None = None
    cis: str | None = None
    key: str = ""
    cause: str = ""
    check: str | None = None
    new: bool | None = None


class CertificateUse(msgspec.Struct, frozen=True):
    """A certificate that was shown as the first of its chain, by which side, and where."""

    certificate: Certificate
    side: str
    paths: tuple[str, ...]
    flows: int


class Analysis(msgspec.Struct, frozen=True):
    """The whole of a run.

    `inventory` is the file that says who is who, null where it was inferred from the traffic; `anchors` counts the
    trust anchors given. `counters` names what was left out or lost, by stage (`packet.fragment`); times are
    nanoseconds since 1970, null without a packet. `paths` is `in_page_order`.
    """

    captures: tuple[CaptureNote, ...]
    paths: tuple[PathTotals, ...]
    findings: tuple[FindingGroup, ...]
    counters: dict[str, int]
    flows: int
    first_ns: int | None = None
    last_ns: int | None = None
    inventory: str | None = None
    anchors: int = 0
    certificates: tuple[CertificateUse, ...] = ()


def with_baseline(analysis: Analysis, known: Collection[str]) -> Analysis:
    """The analysis, with each finding marked as new or as one of the keys that are known."""
    findings = (msgspec.structs.replace(finding, new=finding.key not in known) for finding in analysis.findings)
    return msgspec.structs.replace(analysis, findings=tuple(findings))


PAGE_ORDER = (
    "node-to-apiserver",
    "pod-to-apiserver",
    "controlplane-to-apiserver",
    "apiserver-to-kubelet",
    "apiserver-to-node-proxy",
    "apiserver-to-pod-proxy",
    "apiserver-to-service-proxy",
    "ssh-tunnel",
    "konnectivity-agent-to-server",
    "apiserver-to-konnectivity-server",
)
"""The documented paths as the page tells them."""

UNATTRIBUTED = "unattributed"
"""Not a path: traffic the rules say nothing about, such as pods talking to each other."""


def in_page_order(paths: Iterable[PathTotals]) -> tuple[PathTotals, ...]:
    """The documented paths first, as the page tells them; then the others by name, and what is on no path last."""
    places = {path: place for place, path in enumerate(PAGE_ORDER)}

    def key(totals: PathTotals) -> tuple[bool, bool, int, str]:
        return totals.id == UNATTRIBUTED, not totals.documented, places.get(totals.id, len(places)), totals.id

    return tuple(sorted(paths, key=key))


SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO, Severity.UNKNOWN)
"""The gravest first."""


def gravest_first(findings: Iterable[FindingGroup]) -> list[FindingGroup]:
    """The findings as they are shown: the gravest first, then by path, kind, frequency and address."""
    places = {path: place for place, path in enumerate(PAGE_ORDER)}

    def key(finding: FindingGroup) -> tuple[int, bool, int, str, str, int, str, str, int]:
        return (
            SEVERITIES.index(finding.severity),
            finding.path == UNATTRIBUTED,
            places.get(finding.path, len(places)),
            finding.path,
            finding.id,
            -finding.flows,
            finding.client.address,
            finding.server.address,
            finding.server.port or 0,
        )

    return sorted(findings, key=key)


def by_rule(findings: Iterable[FindingGroup]) -> list[list[FindingGroup]]:
    """The findings of each rule together, in the order of their gravest and first."""
    groups: dict[str, list[FindingGroup]] = {}
    for finding in gravest_first(findings):
        groups.setdefault(finding.id, []).append(finding)
    return list(groups.values())


def reaches(findings: Iterable[FindingGroup], threshold: Severity) -> bool:
    """Whether some finding is at or above the threshold; what a baseline already holds does not count."""
    limit = SEVERITIES.index(threshold)
    return any(SEVERITIES.index(finding.severity) <= limit for finding in findings if finding.new is not False)
