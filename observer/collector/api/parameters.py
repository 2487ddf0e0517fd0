"""What clients may ask with: the query strings of the interface as structs, and what they mean to the store."""

from typing import Annotated, Literal

import msgspec

from observer.collector.api import cursors
from observer.collector.api.operations import Fault
from observer.collector.rows import rank
from observer.collector.store import CertificateFilter, FindingFilter, FlowFilter, Page, Span
from observer.collector.times import nanoseconds

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
TIME = r"^(\d{1,9}[smhd]|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))$"
Time = Annotated[
    str, msgspec.Meta(pattern=TIME, max_length=40, description="RFC 3339, or an age such as 15m, 24h or 7d")
]
Cursor = Annotated[str, msgspec.Meta(max_length=700, description="`next` of the page before")]
Words = Annotated[tuple[Word, ...], msgspec.Meta(max_length=64, description="Any of these; repeat the parameter")]
SPECIAL = frozenset({"span", "severity"})
"""Fields of a filter that are no plain list of words."""

Severity = Literal["info", "low", "medium", "high", "critical"]
Field = Literal[
    "path", "verdict", "certainty", "protocol", "node", "cluster", "client", "server", "port", "severity", "namespace",
    "hour", "minute",
]  # fmt: skip


class Flows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which flows."""

    since: Time | None = None
    until: Time | None = None
    path: Words = ()
    verdict: Words = ()
    certainty: Words = ()
    protocol: Words = ()
    finding: Words = ()
    node: Words = ()
    cluster: Words = ()
    namespace: Words = ()
    address: Words = ()
    port: Annotated[tuple[Port, ...], msgspec.Meta(max_length=64)] = ()
    certificate: Words = ()
    community_id: Words = ()
    id: Words = ()
    severity: Annotated[Severity, msgspec.Meta(description="At least so severe")] | None = None
    text: Annotated[str, msgspec.Meta(max_length=256, description="Anywhere in the event, in any case")] = ""

    def filter(self, now_ns: int) -> FlowFilter:
        """What the store is asked for."""
        words = {name: getattr(self, name) for name in FlowFilter.__struct_fields__ if name not in SPECIAL}
        return FlowFilter(span=span(self.since, self.until, now_ns), severity=rank(self.severity or "unknown"), **words)


class FlowPage(Flows, frozen=True, forbid_unknown_fields=True):
    """Which flows, and which page of them."""

    limit: Limit = 100
    cursor: Cursor | None = None


class Aggregate(Flows, frozen=True, forbid_unknown_fields=True):
    """Which flows, and what they are counted by."""

    by: Annotated[tuple[Field, ...], msgspec.Meta(max_length=4, description="Repeat the parameter")] = (
        "path",
        "verdict",
    )
    limit: Limit = 1000


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page."""

    limit: Limit = 100
    cursor: Cursor | None = None


class Conversations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the conversations that began in a span; the last hour unless told."""

    since: Time = "1h"
    until: Time | None = None
    path: Words = ()
    community_id: Words = ()
    address: Words = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    cursor: Cursor | None = None


class FindingList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which findings; `since` and `until` are of the last time each was seen."""

    since: Time | None = None
    until: Time | None = None
    status: Annotated[tuple[Literal["open", "resolved"], ...], msgspec.Meta(max_length=2)] = ()
    rule: Words = ()
    path: Words = ()
    node: Words = ()
    cluster: Words = ()
    namespace: Words = ()
    address: Words = ()
    key: Words = ()
    severity: Annotated[Severity, msgspec.Meta(description="At least so severe")] | None = None
    text: Annotated[str, msgspec.Meta(max_length=256, description="Anywhere in the latest event, in any case")] = ""
    limit: Limit = 100
    cursor: Cursor | None = None

    def filter(self, now_ns: int) -> FindingFilter:
        """What the store is asked for."""
        words = {name: getattr(self, name) for name in FindingFilter.__struct_fields__ if name not in SPECIAL}
        return FindingFilter(
            span=span(self.since, self.until, now_ns), severity=rank(self.severity or "unknown"), **words
        )


class CertificateList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which certificates of which endpoints."""

    address: Words = ()
    port: Annotated[tuple[Port, ...], msgspec.Meta(max_length=64)] = ()
    certificate: Words = ()
    node: Words = ()
    cluster: Words = ()
    expires_before: Annotated[str, msgspec.Meta(min_length=2, max_length=40, description="RFC 3339")] | None = None
    text: Annotated[str, msgspec.Meta(max_length=256, description="In name, subject or issuer")] = ""
    limit: Limit = 100
    cursor: Cursor | None = None

    def filter(self, now_ns: int) -> CertificateFilter:
        """What the store is asked for."""
        return CertificateFilter(
            address=self.address,
            port=self.port,
            certificate=self.certificate,
            node=self.node,
            cluster=self.cluster,
            expires_before_ns=span(None, self.expires_before, now_ns).until_ns,
            text=self.text,
        )


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Limit = 100


class Since(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when on."""

    since: Time = "24h"


def span(since: str | None, until: str | None, now_ns: int) -> Span:
    """A span of time as asked for."""
    try:
        return Span(
            nanoseconds(since, now_ns) if since is not None else None,
            nanoseconds(until, now_ns) if until is not None else None,
        )
    except (ValueError, OverflowError) as error:
        raise Fault(400, str(error)) from error


def page(limit: int, cursor: str | None) -> Page:
    """A page as asked for."""
    return Page(limit, cursors.read(cursor) if cursor is not None else None)
