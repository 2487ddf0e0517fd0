"""What the collector asks of a store: take rows durably, answer a dozen questions. `clickhouse` is one."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec

from observer.collector.lifecycle import Seen, State
from observer.collector.rows import Rows
from observer.collector.silences import Silence


class StoreUnavailable(Exception):  # noqa: N818 - says what is the matter
    """The store cannot answer or commit now; trying again later may help."""


class StoreRefused(Exception):  # noqa: N818
    """The store can never take these rows; the message says why."""


class Span(msgspec.Struct, frozen=True):
    """A time from (inclusive) and to (exclusive), in nanoseconds since 1970."""

    since_ns: int | None = None
    until_ns: int | None = None


class FlowFilter(msgspec.Struct, frozen=True):
    """Which flows; several values of one field mean any of them, several fields mean all. Empty means no matter."""

    span: Span = Span()
    path: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    certainty: tuple[str, ...] = ()
    protocol: tuple[str, ...] = ()
    finding: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    namespace: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    port: tuple[int, ...] = ()
    certificate: tuple[str, ...] = ()
    community_id: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    severity: int = 0
    text: str = ""


class FindingFilter(msgspec.Struct, frozen=True):
    """Which findings, by their states; `span` is of the last time each was seen."""

    span: Span = Span()
    status: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    namespace: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    severity: int = 0
    text: str = ""


class CertificateFilter(msgspec.Struct, frozen=True):
    """Which certificates of which endpoints."""

    address: tuple[str, ...] = ()
    port: tuple[int, ...] = ()
    certificate: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    expires_before_ns: int | None = None
    text: str = ""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: the sorting time in nanoseconds, and the name that tells equal times apart."""

    time_ns: int
    name: str


class Page(msgspec.Struct, frozen=True):
    """Which page: at most `limit` after `after`."""

    limit: int = 100
    after: Position | None = None


class Found(msgspec.Struct, frozen=True):
    """An event as it came, with its place in the order and what names it."""

    position: Position
    event: bytes


class Sum(msgspec.Struct, frozen=True):
    """Flows with equal values of the fields asked for."""

    values: tuple[str, ...]
    flows: int
    packets: int
    bytes: int
    first_ns: int
    last_ns: int


class Shown(msgspec.Struct, frozen=True):
    """A certificate that an endpoint showed; validity in seconds since 1970, null where it was not read."""

    address: str
    port: int
    sha256: str
    nodes: tuple[str, ...]
    name: str
    subject: str
    issuer: str
    not_before_s: int | None
    not_after_s: int | None
    first_ns: int
    last_ns: int


class IssuerChange(msgspec.Struct, frozen=True):
    """An endpoint whose certificates had several issuers: each with its certificates' number, first and last time."""

    address: str
    port: int
    name: str
    issuers: tuple[tuple[str, int, int, int], ...]


class NodeReport(msgspec.Struct, frozen=True):
    """What a node told of itself. `received_ns` is 0 where it never sent anything; `ahead_ns` is its clock's lead."""

    cluster: str
    node: str
    version: str
    backend: str
    received_ns: int
    ahead_ns: int
    flows: int
    lost: dict[str, int]


class DeadLetter(msgspec.Struct, frozen=True):
    """A batch that was refused; `body` is base64 of what came, its start where `truncated`."""

    id: str
    received: str
    node: str
    principal: str
    batch: str
    class_: str = msgspec.field(name="class")
    status: int
    reason: str
    bytes: int
    truncated: bool
    encoding: str
    body: str


class Store(Protocol):
    """Commits rows and answers questions. Safe for several threads; every call may raise `StoreUnavailable`."""

    def insert(self, rows: Iterable[Rows]) -> None:
        """Commit the rows of some batches; what was stored before stays once. Raises `StoreRefused` for bad rows."""

    def keep_dead_letter(self, letter: DeadLetter) -> None:
        """Commit a refused batch."""

    def flows(self, wanted: FlowFilter, page: Page) -> list[Found]:
        """Flows, the newest first."""

    def export(self, wanted: FlowFilter) -> Iterator[bytes]:
        """Every flow that is wanted as lines of JSON, in pieces of any size."""

    def sums(self, wanted: FlowFilter, by: tuple[str, ...], limit: int) -> list[Sum]:
        """Flows counted by fields, the most frequent first."""

    def seen_ends(self, communities: tuple[str, ...], since_ns: int, until_ns: int) -> list[Found]:
        """What any node saw of some conversations that began in a span (both ends included), the oldest first."""

    def findings_seen(self, since_ns: int) -> list[Seen]:
        """The findings of which events came in since then, each with the sums over all its events."""

    def finding_states(self) -> list[State]:
        """The states of all findings."""

    def keep_finding_states(self, states: Iterable[State], *, revision: int) -> None:
        """Commit states; a higher revision replaces a lower one."""

    def seen_clean(self, seen: Seen) -> bool:
        """Whether the same ends were seen on the same path after the finding's last time, and without it."""

    def findings(self, wanted: FindingFilter, page: Page) -> list[tuple[Position, State]]:
        """The states of findings, those that were seen last first."""

    def finding_events(self, key: str, page: Page) -> list[Found]:
        """The events of a finding, the newest first."""

    def silences(self) -> list[Silence]:
        """All silences, the ended ones included."""

    def keep_silence(self, silence: Silence, *, revision: int) -> None:
        """Commit a silence; a higher revision of the same id replaces a lower one."""

    def certificates(self, wanted: CertificateFilter, page: Page) -> list[tuple[Position, Shown]]:
        """Certificates by endpoint, those that were seen last first."""

    def issuer_changes(self, limit: int) -> list[IssuerChange]:
        """The endpoints that showed certificates of several issuers."""

    def nodes(self, span: Span) -> list[NodeReport]:
        """Each node that ever reported, and each that flows name; flows and losses are those of the span."""

    def reporting(self, nodes: tuple[str, ...], since_ns: int) -> bool:
        """Whether every one of some nodes reported since then."""

    def dead_letters(self, page: Page) -> list[tuple[Position, DeadLetter]]:
        """Refused batches without their bodies, the newest first."""

    def dead_letter(self, name: str) -> DeadLetter | None:
        """A refused batch with its body; None where there is none of that id."""

    def alive(self) -> bool:
        """Whether the store answers."""

    def close(self) -> None:
        """Let go of the store."""
