"""Questions about flows."""

from collections.abc import Iterator

from observer.collector.store import FlowFilter, Found, Page, Position, Sum, conditions
from observer.collector.store.connection import Connection

EXPORT_PAGE = 5000

GROUPED = {
    "path": "path",
    "verdict": "verdict",
    "certainty": "certainty",
    "protocol": "protocol",
    "node": "node",
    "cluster": "cluster",
    "client": "if(client_name != '', client_name, client_address)",
    "server": "if(server_name != '', server_name, server_address)",
    "port": "toString(server_port)",
    "severity": "toString(severity)",
    "namespace": "if(server_namespace != '', server_namespace, client_namespace)",
    "hour": "formatDateTime(toStartOfHour(start), '%Y-%m-%dT%H:00:00Z')",
    "minute": "formatDateTime(toStartOfMinute(start), '%Y-%m-%dT%H:%i:00Z')",
}
"""What flows can be counted by."""

ENDS = """SELECT toUnixTimestamp64Nano(start), id, event FROM flows FINAL
WHERE community_id IN {communities:Array(String)}
  AND start >= fromUnixTimestamp64Nano({since:Int64}, 'UTC') AND start <= fromUnixTimestamp64Nano({until:Int64}, 'UTC')
ORDER BY start, id"""


class Flows:
    """The table `flows`: each flow once, in its last state."""

    _connection: Connection

    def flows(self, wanted: FlowFilter, page: Page) -> list[Found]:
        """Flows, the newest first."""
        clause, values = conditions.of_flows(wanted, page)
        rows = self._connection.rows(
            "SELECT toUnixTimestamp64Nano(start), id, event FROM flows FINAL "  # noqa: S608 - of this package's own text
            f"{clause} ORDER BY start DESC, id DESC LIMIT {{limit:UInt32}}",
            {**values, "limit": page.limit},
        )
        return [Found(Position(time, name), event.encode()) for time, name, event in rows]

    def export(self, wanted: FlowFilter) -> Iterator[bytes]:
        """Every flow as a line; page after page, so that no answer is held whole."""
        page = Page(limit=EXPORT_PAGE)
        while found := self.flows(wanted, page):
            yield b"".join(one.event + b"\n" for one in found)
            page = Page(page.limit, found[-1].position)

    def sums(self, wanted: FlowFilter, by: tuple[str, ...], limit: int) -> list[Sum]:
        """Flows counted by the fields of `GROUPED`."""
        clause, values = conditions.of_flows(wanted)
        groups = ", ".join(GROUPED[name] for name in by)
        rows = self._connection.rows(
            f"SELECT [{groups}] AS groups, count(), sum(packets), sum(bytes), toUnixTimestamp64Nano(min(start)), "  # noqa: S608
            f"toUnixTimestamp64Nano(max(end)) FROM flows FINAL {clause} "
            "GROUP BY groups ORDER BY count() DESC, groups LIMIT {limit:UInt32}",
            {**values, "limit": limit},
        )
        return [Sum(tuple(groups), *counted) for groups, *counted in rows]

    def seen_ends(self, communities: tuple[str, ...], since_ns: int, until_ns: int) -> list[Found]:
        """What any node saw of some conversations that began in a span (both ends included), the oldest first."""
        values = {"communities": list(communities), "since": since_ns, "until": until_ns}
        rows = self._connection.rows(ENDS, values)
        return [Found(Position(start, name), event.encode()) for start, name, event in rows]
