"""From typed events to rows of the tables: what can be asked for becomes a column, the event stays whole."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from observer.collector.batch import Line
from observer.collector.wire import Certificate, Finding, Flow, Observer, Report

SEVERITIES = ("unknown", "info", "low", "medium", "high", "critical")
"""In rising order; a column holds the position."""


class FlowRow(msgspec.Struct, frozen=True):
    """A row of `flows`."""

    id: str
    cluster: str
    node: str
    start: str
    end: str
    received: str
    final: bool
    client_address: str
    client_port: int
    client_role: str
    client_name: str
    client_namespace: str
    server_address: str
    server_port: int
    server_role: str
    server_name: str
    server_namespace: str
    community_id: str
    protocol: str
    path: str
    verdict: str
    certainty: str
    severity: int
    findings: tuple[str, ...]
    tls_server_name: str
    certificate: str
    certificate_subject: str
    certificate_issuer: str
    certificate_not_before: str | None
    certificate_not_after: str | None
    packets: int
    bytes: int
    event: msgspec.Raw


class FindingRow(msgspec.Struct, frozen=True):
    """A row of `finding_events`."""

    id: str
    key: str
    cluster: str
    node: str
    time: str
    first_seen: str
    last_seen: str
    received: str
    count: int
    rule: str
    severity: int
    path: str
    client_address: str
    client_namespace: str
    server_address: str
    server_port: int
    server_namespace: str
    event: msgspec.Raw


class ReportRow(msgspec.Struct, frozen=True):
    """A row of `reports`."""

    id: str
    kind: str
    cluster: str
    node: str
    backend: str
    version: str
    time: str
    received: str
    lost: dict[str, int]
    event: msgspec.Raw


class Rows(msgspec.Struct, frozen=True):
    """The rows of one batch, by table, each event once; `repeated` counts the lines that came twice in it."""

    flows: tuple[FlowRow, ...] = ()
    findings: tuple[FindingRow, ...] = ()
    reports: tuple[ReportRow, ...] = ()
    repeated: int = 0


def of(lines: Iterable[Line], *, node: str, received: str) -> Rows:
    """Rows of a batch; `node` is who sent it, for events that do not say who saw them."""
    flows: dict[tuple[str, str, bool], FlowRow] = {}
    findings: dict[tuple[str, str], FindingRow] = {}
    reports: dict[tuple[str, str], ReportRow] = {}
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007 - the last number is how many there were
        event, raw = line.event, msgspec.Raw(line.raw)
        if isinstance(event, Flow):
            flow = _flow(event, raw, node, received)
            flows[flow.node, flow.id, flow.final] = flow
        elif isinstance(event, Finding):
            finding = _finding(event, raw, node, received)
            findings[finding.node, finding.id] = finding
        else:
            report = _report(event, raw, node, received)
            reports[report.node, report.id] = report
    repeated = count - len(flows) - len(findings) - len(reports)
    return Rows(tuple(flows.values()), tuple(findings.values()), tuple(reports.values()), repeated)


def _flow(event: Flow, raw: msgspec.Raw, node: str, received: str) -> FlowRow:
    client, server, flow = event.client, event.server, event.flow
    shown = event.tls.server.certificates if event.tls else ()
    leaf = shown[0] if shown else Certificate("")
    return FlowRow(
        id=event.id,
        **_seen_by(event.observer, node),
        start=flow.start,
        end=flow.end,
        received=received,
        final=event.final,
        client_address=client.address,
        client_port=client.port or 0,
        client_role=client.role,
        client_name=client.name or "",
        client_namespace=client.namespace,
        server_address=server.address,
        server_port=server.port or 0,
        server_role=server.role,
        server_name=server.name or "",
        server_namespace=server.namespace,
        community_id=event.network.community_id or "",
        protocol=event.protocol or "none",
        path=event.path.id,
        verdict=event.verdict.state,
        certainty=event.verdict.certainty,
        severity=max((rank(found.severity) for found in event.findings), default=0),
        findings=tuple(found.id for found in event.findings),
        tls_server_name=(event.tls.client.server_name if event.tls else None) or "",
        certificate=leaf.sha256,
        certificate_subject=leaf.subject or "",
        certificate_issuer=leaf.issuer or "",
        certificate_not_before=leaf.not_before,
        certificate_not_after=leaf.not_after,
        packets=flow.client_packets + flow.server_packets,
        bytes=flow.client_bytes + flow.server_bytes,
        event=raw,
    )


def _finding(event: Finding, raw: msgspec.Raw, node: str, received: str) -> FindingRow:
    return FindingRow(
        id=event.id,
        key=event.key,
        **_seen_by(event.observer, node),
        time=event.time,
        first_seen=event.first_seen,
        last_seen=event.last_seen,
        received=received,
        count=event.count,
        rule=event.finding.id,
        severity=rank(event.finding.severity),
        path=event.path.id,
        client_address=event.client.address,
        client_namespace=event.client.namespace,
        server_address=event.server.address,
        server_port=event.server.port or 0,
        server_namespace=event.server.namespace,
        event=raw,
    )


def _report(event: Report, raw: msgspec.Raw, node: str, received: str) -> ReportRow:
    return ReportRow(
        id=event.id or hashlib.sha256(bytes(raw)).hexdigest()[:32],
        kind=event.kind,
        **_seen_by(event.observer, node),
        backend=event.observer.backend or "",
        version=event.observer.version or "",
        time=event.time,
        received=received,
        lost=_lost(event),
        event=raw,
    )


def _seen_by(observer: Observer, node: str) -> dict[str, str]:
    return {"cluster": observer.cluster or "", "node": observer.node or node}


def _lost(event: Report) -> dict[str, int]:
    """What a `loss` event counts; a summary's counters run since the agent's start and are no loss by themselves."""
    told: Mapping[str, Any] = event.lost or (event.counters if event.kind == "loss" else {})
    return {stage: count for stage, count in told.items() if type(count) is int and 0 <= count < 2**63}


def rank(severity: str) -> int:
    """The position of a severity; a word that is not one is `unknown`."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0
