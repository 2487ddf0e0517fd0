"""What a person wants to see of a running agent: counts by path, rates, the newest findings. Shows nothing itself."""

from collections import Counter, deque
from typing import Any

import msgspec

from observer.report.words import printable

RATE_S = 10.0
NEWEST = 50


class PathRow(msgspec.Struct, frozen=True):
    """One path: flows that ended, by state, and how many a second lately."""

    path: str
    states: dict[str, int]
    flows: int
    rate: float


class FindingRow(msgspec.Struct, frozen=True):
    """One finding as it was told last."""

    severity: str
    title: str
    path: str
    client: str
    server: str
    flows: int
    last_seen: str


class Board:
    """Takes events in any order; times are of a steady clock."""

    def __init__(self) -> None:
        self._states: dict[str, Counter[str]] = {}
        self._ends = deque[tuple[float, str]]()
        self._findings: dict[str, FindingRow] = {}
        self.observer = ""
        self.lost = Counter[str]()
        self.unread = 0

    def take(self, line: bytes, now_s: float) -> None:
        """One line; what is no event is counted."""
        if not line.strip():
            return
        try:
            event = msgspec.json.decode(line)
            self._take(event, now_s)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            self.unread += 1

    def paths(self, now_s: float) -> list[PathRow]:
        """The busiest first."""
        while self._ends and now_s - self._ends[0][0] > RATE_S:
            self._ends.popleft()
        lately = Counter(path for _, path in self._ends)
        rows = [PathRow(path, dict(of), of.total(), lately[path] / RATE_S) for path, of in self._states.items()]
        return sorted(rows, key=lambda row: (-row.flows, row.path))

    def findings(self) -> list[FindingRow]:
        """The newest first."""
        return list(reversed(self._findings.values()))[:NEWEST]

    def _take(self, event: dict[str, Any], now_s: float) -> None:
        if event["kind"] == "flow" and event["final"]:
            path = printable(event["path"]["id"])
            self._states.setdefault(path, Counter())[event["verdict"]["state"]] += 1
            self._ends.append((now_s, path))
        elif event["kind"] == "finding":
            self._found(event)
        elif event["kind"] == "loss":
            self.lost.update(event["lost"])
        if seen := event.get("observer"):
            self.observer = printable(f"{seen['node']} · {seen['cluster'] or 'no cluster'} · {seen['backend']}")

    def _found(self, event: dict[str, Any]) -> None:
        old = self._findings.pop(event["key"], None)
        finding, server = event["finding"], event["server"]
        self._findings[event["key"]] = FindingRow(
            finding["severity"],
            printable(finding["title"]),
            printable(event["path"]["id"]),
            printable(event["client"]["name"] or event["client"]["address"]),
            printable(f"{server['name'] or server['address']}:{server['port']}"),
            event["count"] + (old.flows if old else 0),
            event["last_seen"][11:19],
        )
