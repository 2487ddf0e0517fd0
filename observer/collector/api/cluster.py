"""Answers questions about the cluster: who reports and what was lost, certificates of endpoints, refused batches."""

import base64
from collections.abc import Callable
from typing import Any

import anyio
import msgspec
from starlette.responses import Response

from observer.collector.api import cursors
from observer.collector.api.operations import Call, Fault, encoded
from observer.collector.api.parameters import CertificateList, Count, Listed, Since, page, span
from observer.collector.batch import Refused
from observer.collector.ingest import Delivery, Ingest
from observer.collector.store import DeadLetter, IssuerChange, NodeReport, Shown, Store
from observer.collector.times import milliseconds, rfc3339

SILENT_AFTER_S = 300
"""An agent sends a summary a minute."""

SECOND_NS = 1_000_000_000


class Certificate(msgspec.Struct, frozen=True):
    """A certificate that an endpoint showed, when, and which nodes saw it."""

    address: str
    port: int
    name: str | None
    sha256: str
    subject: str | None
    issuer: str | None
    not_before: str | None
    not_after: str | None
    first_seen: str
    last_seen: str
    nodes: tuple[str, ...]


class Certificates(msgspec.Struct, frozen=True):
    """A page of certificates; `next` is the cursor of the page after, null on the last."""

    items: tuple[Certificate, ...]
    next: str | None


class Issuer(msgspec.Struct, frozen=True):
    """An issuer of an endpoint's certificates."""

    issuer: str
    certificates: int
    first_seen: str
    last_seen: str


class Change(msgspec.Struct, frozen=True):
    """An endpoint whose certificates had several issuers, the earliest first."""

    address: str
    port: int
    name: str | None
    issuers: tuple[Issuer, ...]


class Changes(msgspec.Struct, frozen=True):
    """Endpoints that changed their issuer."""

    items: tuple[Change, ...]


class Node(msgspec.Struct, frozen=True):
    """A node's coverage. `status`: `reporting`, `silent` (it did once) or `unobserved` (named in traffic alone).

    `clock_ahead_s` compares its last report's time with the collector's clock; `lost` counts by stage in the span.
    """

    cluster: str
    node: str
    status: str
    version: str | None
    backend: str | None
    last_received: str | None
    clock_ahead_s: float | None
    flows: int
    lost: dict[str, int]


class Nodes(msgspec.Struct, frozen=True):
    """All nodes."""

    items: tuple[Node, ...]


class Letter(msgspec.Struct, frozen=True):
    """A refused batch. `body` (base64, only of a single one) is what came, its beginning where `truncated`."""

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


class Letters(msgspec.Struct, frozen=True):
    """A page of refused batches; `next` is the cursor of the page after, null on the last."""

    items: tuple[Letter, ...]
    next: str | None


class ClusterQuestions:
    """The operations on certificates, nodes and dead letters."""

    def __init__(self, store: Store, ingest: Ingest, clock_ns: Callable[[], int]) -> None:
        self._store, self._ingest, self._clock_ns = store, ingest, clock_ns

    async def certificates(self, call: Call) -> Response:
        """Certificates by endpoint."""
        query: CertificateList = call.query
        wanted, which = query.filter(self._clock_ns()), page(query.limit, query.cursor)
        found = await anyio.to_thread.run_sync(self._store.certificates, wanted, which)
        following = cursors.written(found[-1][0]) if len(found) == query.limit else None
        return encoded(Certificates(tuple(_certificate(one) for _, one in found), following))

    async def issuer_changes(self, call: Call) -> Response:
        """Endpoints that changed their issuer."""
        query: Count = call.query
        changes = await anyio.to_thread.run_sync(self._store.issuer_changes, query.limit)
        return encoded(Changes(tuple(map(_change, changes))))

    async def nodes(self, call: Call) -> Response:
        """Coverage by node."""
        query: Since = call.query
        now_ns = self._clock_ns()
        reports = await anyio.to_thread.run_sync(self._store.nodes, span(query.since, None, now_ns))
        return encoded(Nodes(tuple(node(report, now_ns) for report in reports)))

    async def dead_letters(self, call: Call) -> Response:
        """Refused batches."""
        query: Listed = call.query
        found = await anyio.to_thread.run_sync(self._store.dead_letters, page(query.limit, query.cursor))
        following = cursors.written(found[-1][0]) if len(found) == query.limit else None
        return encoded({"items": [one for _, one in found], "next": following})

    async def dead_letter(self, call: Call) -> Response:
        """One refused batch with its body."""
        return encoded(await self._letter(call))

    async def retry_dead_letter(self, call: Call) -> Response:
        """Try a refused batch again, for instance after the collector was upgraded."""
        letter = await self._letter(call)
        if letter.truncated:
            raise Fault(409, "only its beginning was kept")
        delivery = Delivery(
            body=base64.b64decode(letter.body),
            encoding=letter.encoding,
            batch=letter.batch,
            node=letter.node,
            class_=letter.class_,
            principal=letter.principal,
            received=milliseconds(self._clock_ns()),
        )
        try:
            return encoded(await anyio.to_thread.run_sync(self._ingest.take, delivery))
        except Refused as refused:
            raise Fault(422, refused.reason) from refused

    async def _letter(self, call: Call) -> DeadLetter:
        letter = await anyio.to_thread.run_sync(self._store.dead_letter, call.path["id"])
        if letter is None:
            raise Fault(404, "there is no dead letter with this id")
        return letter


def _certificate(one: Shown) -> Certificate:
    return Certificate(
        address=one.address,
        port=one.port,
        name=one.name or None,
        sha256=one.sha256,
        subject=one.subject or None,
        issuer=one.issuer or None,
        not_before=_time(one.not_before_s),
        not_after=_time(one.not_after_s),
        first_seen=rfc3339(one.first_ns),
        last_seen=rfc3339(one.last_ns),
        nodes=one.nodes,
    )


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else rfc3339(seconds * SECOND_NS)


def _change(change: IssuerChange) -> Change:
    issuers = tuple(Issuer(name, count, rfc3339(since), rfc3339(until)) for name, count, since, until in change.issuers)
    return Change(change.address, change.port, change.name or None, issuers)


def node(report: NodeReport, now_ns: int) -> Node:
    """A node's coverage as it stands now."""
    status = "unobserved"
    if report.received_ns:
        status = "reporting" if now_ns - report.received_ns < SILENT_AFTER_S * SECOND_NS else "silent"
    told: dict[str, Any] = {
        "version": report.version or None,
        "backend": report.backend or None,
        "last_received": rfc3339(report.received_ns) if report.received_ns else None,
        "clock_ahead_s": round(report.ahead_ns / SECOND_NS, 3) if report.version else None,
    }
    return Node(cluster=report.cluster, node=report.node, status=status, flows=report.flows, lost=report.lost, **told)
