"""Questions about coverage: which nodes report, which are silent, and what was lost."""

from observer.collector.store import NodeReport, Span, conditions
from observer.collector.store.connection import Connection

REPORTS = """SELECT cluster, node, argMax(version, reports.received), argMax(backend, reports.received),
  toUnixTimestamp64Milli(max(reports.received)) * 1000000,
  toUnixTimestamp64Nano(argMax(time, reports.received)), sumMapIf(lost, kind = 'loss' AND {lost})
FROM reports FINAL GROUP BY cluster, node ORDER BY cluster, node"""

FLOWS = """SELECT cluster, node, count(), toUnixTimestamp64Milli(max(flows.received)) * 1000000
FROM flows FINAL {where} GROUP BY cluster, node"""

NAMED = """SELECT DISTINCT cluster, name FROM (
  SELECT DISTINCT cluster, client_name AS name FROM flows {clients}
  UNION ALL SELECT DISTINCT cluster, server_name AS name FROM flows {servers}
) WHERE name != ''"""

REPORTING = """SELECT uniqExact(node) FROM (
  SELECT node FROM reports WHERE node IN {nodes:Array(String)}
    AND received >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
)"""


class Nodes:
    """What `reports` and `flows` say of those who sent them."""

    _connection: Connection

    def nodes(self, span: Span) -> list[NodeReport]:
        """Each node that ever reported, and each that flows name; flows and losses are those of the span."""
        parts, values = conditions.spanned(span, "start")
        lost, _ = conditions.spanned(span, "reports.time")
        where = conditions.where(parts)
        flows = {tuple(row[:2]): row[2:] for row in self._connection.rows(FLOWS.replace("{where}", where), values)}
        told = self._connection.rows(REPORTS.replace("{lost}", " AND ".join(lost) or "true"), values)
        reports = {tuple(row[:2]): row[2:] for row in told}
        sides = {f"{side}s": conditions.where([*parts, f"{side}_role = 'node'"]) for side in ("client", "server")}
        named = {tuple(row) for row in self._connection.rows(NAMED.format(**sides), values)}
        nodes = []
        for cluster, node in sorted({*flows, *reports, *named}):
            count, flowed = flows.get((cluster, node), (0, 0))
            version, backend, received, time, losses = reports.get((cluster, node), ("", "", 0, 0, {}))
            ahead = time - received if received else 0
            nodes.append(NodeReport(cluster, node, version, backend, max(received, flowed), ahead, count, dict(losses)))
        return nodes

    def reporting(self, nodes: tuple[str, ...], since_ns: int) -> bool:
        """Whether every one of some nodes reported since then."""
        values = {"nodes": list(nodes), "since": since_ns}
        return [tuple(row) for row in self._connection.rows(REPORTING, values)] == [(len(set(nodes)),)]
