"""The tables, in the SQL that embedded ClickHouse and a ClickHouse cluster share.

Every table replaces rows of equal sorting key, so a batch that comes again changes nothing: not after a kill between
commit and answer, and not through another collector.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Retention:
    """How long what is kept, in days since it came in: an agent's wrong clock must not make its events vanish."""

    flows_days: int = 30
    findings_days: int = 400
    reports_days: int = 90


@dataclass(frozen=True)
class Placement:
    """Where the tables are: embedded and synced to disk, or replicated on a cluster of that name."""

    cluster: str | None = None
    sync: bool = True

    def engine(self, name: str, *arguments: str) -> str:
        """The engine of a table."""
        return f"{'Replicated' if self.cluster else ''}{name}({', '.join(arguments)})"

    @property
    def on_cluster(self) -> str:
        """Where a definition runs."""
        return f" ON CLUSTER '{self.cluster}'" if self.cluster else ""

    @property
    def settings(self) -> str:
        """A part is acknowledged when it is on disk, not when it is in the page cache."""
        sync = ", fsync_after_insert = 1, fsync_part_directory = 1" if self.sync else ""
        return f"ttl_only_drop_parts = 1{sync}"


TIME = "DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1))"
RECEIVED = "DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))"
WORD = "LowCardinality(String)"

FLOWS = {
    "id": "String",
    "cluster": WORD,
    "node": WORD,
    "start": TIME,
    "end": TIME,
    "received": RECEIVED,
    "final": "Bool",
    "client_address": WORD,
    "client_port": "UInt16",
    "client_role": WORD,
    "client_name": WORD,
    "client_namespace": WORD,
    "server_address": WORD,
    "server_port": "UInt16",
    "server_role": WORD,
    "server_name": WORD,
    "server_namespace": WORD,
    "community_id": "String",
    "protocol": WORD,
    "path": WORD,
    "verdict": WORD,
    "certainty": WORD,
    "severity": "UInt8",
    "findings": f"Array({WORD})",
    "tls_server_name": WORD,
    "certificate": WORD,
    "certificate_subject": WORD,
    "certificate_issuer": WORD,
    "certificate_not_before": "Nullable(DateTime64(0, 'UTC'))",
    "certificate_not_after": "Nullable(DateTime64(0, 'UTC'))",
    "packets": "UInt64",
    "bytes": "UInt64",
    "event": "String CODEC(ZSTD(3))",
}

FINDING_EVENTS = {
    "id": "String",
    "key": "String",
    "cluster": WORD,
    "node": WORD,
    "time": TIME,
    "first_seen": TIME,
    "last_seen": TIME,
    "received": RECEIVED,
    "count": "UInt64",
    "rule": WORD,
    "severity": "UInt8",
    "path": WORD,
    "client_address": WORD,
    "client_namespace": WORD,
    "server_address": WORD,
    "server_port": "UInt16",
    "server_namespace": WORD,
    "event": "String CODEC(ZSTD(3))",
}

REPORTS = {
    "id": "String",
    "kind": WORD,
    "cluster": WORD,
    "node": WORD,
    "backend": WORD,
    "version": WORD,
    "time": TIME,
    "received": RECEIVED,
    "lost": f"Map({WORD}, UInt64)",
    "event": "String CODEC(ZSTD(3))",
}

ENDPOINT_CERTIFICATES = {
    "address": WORD,
    "port": "UInt16",
    "certificate": "String",
    "cluster": WORD,
    "node": WORD,
    "name": "SimpleAggregateFunction(anyLast, String)",
    "subject": "SimpleAggregateFunction(anyLast, String)",
    "issuer": "SimpleAggregateFunction(anyLast, String)",
    "not_before": "SimpleAggregateFunction(anyLast, Nullable(DateTime64(0, 'UTC')))",
    "not_after": "SimpleAggregateFunction(anyLast, Nullable(DateTime64(0, 'UTC')))",
    "first_seen": "SimpleAggregateFunction(min, DateTime64(9, 'UTC'))",
    "last_seen": "SimpleAggregateFunction(max, DateTime64(9, 'UTC'))",
    "received": "SimpleAggregateFunction(max, DateTime64(3, 'UTC'))",
}

FINDING_STATES = {
    "key": "String",
    "revision": "UInt64",
    "status": WORD,
    "changed": "DateTime64(3, 'UTC')",
    "resolution": WORD,
    "episode": "UInt32",
    "events": "UInt64",
    "count": "UInt64",
    "first_seen": "DateTime64(9, 'UTC')",
    "last_seen": "DateTime64(9, 'UTC')",
    "last_received": "DateTime64(3, 'UTC')",
    "cluster": WORD,
    "rule": WORD,
    "severity": "UInt8",
    "path": WORD,
    "client_address": WORD,
    "client_namespace": WORD,
    "server_address": WORD,
    "server_port": "UInt16",
    "server_namespace": WORD,
    "nodes": f"Array({WORD})",
    "event": "String CODEC(ZSTD(3))",
}

SILENCES = {
    "id": "String",
    "revision": "UInt64",
    "owner": "String",
    "comment": "String",
    "created": "DateTime64(3, 'UTC')",
    "starts": "DateTime64(3, 'UTC')",
    "ends": "DateTime64(3, 'UTC')",
    "matcher": "String",
}

DEAD_LETTERS = {
    "id": "String",
    "received": "DateTime64(3, 'UTC')",
    "node": WORD,
    "principal": WORD,
    "batch": "String",
    "class": WORD,
    "status": "UInt16",
    "reason": "String",
    "bytes": "UInt64",
    "truncated": "Bool",
    "encoding": WORD,
    "body": "String CODEC(NONE)",
}


def definitions(placement: Placement, retention: Retention) -> list[str]:
    """What makes the tables where they are missing; each statement may run again."""
    flows = _table(
        placement,
        "flows",
        FLOWS,
        engine=("ReplacingMergeTree", "final"),
        partition="toDate(start)",
        order="start, cluster, node, id",
        days=retention.flows_days,
        extra=(
            "INDEX ids id TYPE bloom_filter(0.01) GRANULARITY 1",
            "INDEX conversations community_id TYPE bloom_filter(0.01) GRANULARITY 1",
        ),
    )
    return [
        flows,
        _table(
            placement,
            "finding_events",
            FINDING_EVENTS,
            engine=("ReplacingMergeTree",),
            partition="toYYYYMM(time)",
            order="key, cluster, node, id",
            days=retention.findings_days,
        ),
        _table(
            placement,
            "reports",
            REPORTS,
            engine=("ReplacingMergeTree",),
            partition="toYYYYMM(time)",
            order="cluster, node, time, id",
            days=retention.reports_days,
        ),
        _table(
            placement,
            "endpoint_certificates",
            ENDPOINT_CERTIFICATES,
            engine=("AggregatingMergeTree",),
            partition="tuple()",
            order="address, port, certificate, cluster, node",
            days=retention.findings_days,
        ),
        _certificates_of_flows(placement),
        _table(
            placement,
            "finding_states",
            FINDING_STATES,
            engine=("ReplacingMergeTree", "revision"),
            partition="tuple()",
            order="key",
        ),
        _table(
            placement, "silences", SILENCES, engine=("ReplacingMergeTree", "revision"), partition="tuple()", order="id"
        ),
        _table(
            placement,
            "dead_letters",
            DEAD_LETTERS,
            engine=("ReplacingMergeTree",),
            partition="toYYYYMM(received)",
            order="id",
            days=retention.reports_days,
        ),
    ]


def _table(  # noqa: PLR0913 - what makes a table
    placement: Placement,
    name: str,
    columns: dict[str, str],
    *,
    engine: tuple[str, ...],
    partition: str,
    order: str,
    days: int | None = None,
    extra: tuple[str, ...] = (),
) -> str:
    told = ",\n  ".join([*(f"`{column}` {kind}" for column, kind in columns.items()), *extra])
    expiry = f"\nTTL toDateTime(received) + INTERVAL {days} DAY" if days else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {name}{placement.on_cluster} (\n  {told}\n)\n"
        f"ENGINE = {placement.engine(*engine)}\nPARTITION BY {partition}\nORDER BY ({order}){expiry}\n"
        f"SETTINGS {placement.settings}"
    )


def _certificates_of_flows(placement: Placement) -> str:
    """Fills the endpoints' memory; minimum and maximum take a repeated batch without harm."""
    return f"""CREATE MATERIALIZED VIEW IF NOT EXISTS certificates_of_flows{placement.on_cluster}
TO endpoint_certificates AS SELECT
  server_address AS address, server_port AS port, certificate, cluster, node,
  anyLast(server_name) AS name, anyLast(certificate_subject) AS subject, anyLast(certificate_issuer) AS issuer,
  anyLast(certificate_not_before) AS not_before, anyLast(certificate_not_after) AS not_after,
  min(start) AS first_seen, max(flows.end) AS last_seen, max(flows.received) AS received
FROM flows WHERE certificate != ''
GROUP BY address, port, certificate, cluster, node"""
