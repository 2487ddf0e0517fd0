"""Questions about findings: their events, their states, and what silences them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from observer.collector.lifecycle import Resolution, Seen, State, Status
from observer.collector.silences import Matcher, Silence
from observer.collector.store import FindingFilter, Found, Page, Position, conditions
from observer.collector.store.connection import Connection
from observer.collector.times import milliseconds, rfc3339

SEEN = """SELECT key, count(), sum(finding_events.count),
  toUnixTimestamp64Nano(min(first_seen)), toUnixTimestamp64Nano(max(last_seen)),
  toUnixTimestamp64Milli(max(finding_events.received)) * 1000000, arraySort(groupUniqArray(node)),
  argMax(cluster, time), argMax(rule, time), argMax(severity, time), argMax(path, time), argMax(client_address, time),
  argMax(client_namespace, time), argMax(server_address, time), argMax(server_port, time),
  argMax(server_namespace, time), argMax(event, time)
FROM finding_events FINAL
WHERE key IN (
  SELECT key FROM finding_events WHERE received >= fromUnixTimestamp64Nano({since:Int64}, 'UTC')
)
GROUP BY key ORDER BY key"""

STATES = """SELECT key, events, count, toUnixTimestamp64Nano(first_seen), toUnixTimestamp64Nano(last_seen),
  toUnixTimestamp64Milli(last_received) * 1000000, nodes, cluster, rule, severity, path,
  client_address, client_namespace,
  server_address, server_port, server_namespace, event,
  status, toUnixTimestamp64Milli(changed) * 1000000, episode, resolution
FROM finding_states FINAL"""

# A flow that says less than the one that showed the finding (midstream, resumed, unread) shows no mend.
CLEAN = """SELECT 1 FROM flows FINAL
WHERE path = {path:String} AND server_address = {server:String} AND server_port = {port:UInt16}
  AND client_address = {client:String} AND start > fromUnixTimestamp64Nano({since:Int64}, 'UTC')
  AND final AND NOT has(findings, {rule:String}) AND protocol NOT IN ('none', 'unknown')
  AND NOT JSONExtractBool(event, 'flow', 'midstream')
  AND (verdict IN ('verified', 'verifiable') OR verdict = {verdict:String})
LIMIT 1"""

SILENCES = """SELECT id, owner, comment, matcher, toUnixTimestamp64Milli(created) * 1000000,
  toUnixTimestamp64Milli(starts) * 1000000, toUnixTimestamp64Milli(ends) * 1000000
FROM silences FINAL ORDER BY created, id"""


class StateRow(msgspec.Struct, frozen=True):
    """A row of `finding_states`."""

    key: str
    revision: int
    status: str
    changed: str
    resolution: str
    episode: int
    events: int
    count: int
    first_seen: str
    last_seen: str
    last_received: str
    cluster: str
    rule: str
    severity: int
    path: str
    client_address: str
    client_namespace: str
    server_address: str
    server_port: int
    server_namespace: str
    nodes: tuple[str, ...]
    event: msgspec.Raw


class SilenceRow(msgspec.Struct, frozen=True):
    """A row of `silences`."""

    id: str
    revision: int
    owner: str
    comment: str
    matcher: str
    created: str
    starts: str
    ends: str


class _Verdict(msgspec.Struct, frozen=True):
    state: str = "unknown"


class _Judged(msgspec.Struct, frozen=True):
    verdict: _Verdict | None = None


_judged = msgspec.json.Decoder(_Judged)
_matcher = msgspec.json.Decoder(Matcher)


class Findings:
    """The tables `finding_events`, `finding_states` and `silences`."""

    _connection: Connection

    def findings_seen(self, since_ns: int) -> list[Seen]:
        """The findings of which events came in since then, each with the sums over all its events."""
        rows = self._connection.rows(SEEN, {"since": since_ns})
        return [_seen(row) for row in rows]

    def finding_states(self) -> list[State]:
        """The states of all findings."""
        return [_state(row) for row in self._connection.rows(STATES, {})]

    def keep_finding_states(self, states: Iterable[State], *, revision: int) -> None:
        """Commit states; a higher revision replaces a lower one."""
        self._connection.insert("finding_states", [_state_row(state, revision) for state in states])

    def seen_clean(self, seen: Seen) -> bool:
        """Whether the same ends were seen on the same path after the finding's last time, and without it."""
        judged = _judged.decode(seen.event).verdict
        values = {
            "path": seen.path,
            "server": seen.server_address,
            "port": seen.server_port,
            "client": seen.client_address,
            "since": seen.last_ns,
            "rule": seen.rule,
            "verdict": "unknown" if judged and judged.state == "unknown" else "verified",
        }
        return bool(self._connection.rows(CLEAN, values))

    def findings(self, wanted: FindingFilter, page: Page) -> list[tuple[Position, State]]:
        """The states of findings, those that were seen last first."""
        clause, values = conditions.of_findings(wanted, page)
        rows = self._connection.rows(
            f"{STATES} {clause} ORDER BY last_seen DESC, key DESC LIMIT {{limit:UInt32}}",
            {**values, "limit": page.limit},
        )
        states = map(_state, rows)
        return [(Position(state.seen.last_ns, state.seen.key), state) for state in states]

    def finding_events(self, key: str, page: Page) -> list[Found]:
        """The events of a finding, the newest first."""
        values: dict[str, Any] = {"key": key, "limit": page.limit}
        parts = ["key = {key:String}", *conditions.after(page, "time", "id", values)]
        rows = self._connection.rows(
            "SELECT toUnixTimestamp64Nano(time), id, event FROM finding_events FINAL "  # noqa: S608 - own text
            f"{conditions.where(parts)} ORDER BY time DESC, id DESC LIMIT {{limit:UInt32}}",
            values,
        )
        return [Found(Position(time, name), event.encode()) for time, name, event in rows]

    def silences(self) -> list[Silence]:
        """All silences, the ended ones included."""
        rows = self._connection.rows(SILENCES, {})
        return [
            Silence(name, owner, comment, _matcher.decode(told), *times) for name, owner, comment, told, *times in rows
        ]

    def keep_silence(self, silence: Silence, *, revision: int) -> None:
        """Commit a silence; a higher revision of the same id replaces a lower one."""
        row = SilenceRow(
            id=silence.id,
            revision=revision,
            owner=silence.owner,
            comment=silence.comment,
            matcher=msgspec.json.encode(silence.matcher).decode(),
            created=milliseconds(silence.created_ns),
            starts=milliseconds(silence.starts_ns),
            ends=milliseconds(silence.ends_ns),
        )
        self._connection.insert("silences", [row])


def _seen(row: Any) -> Seen:
    key, events, count, first, last, received, nodes, *rest = row
    return Seen(key, events, count, first, last, received, tuple(nodes), *rest)


def _state(row: Any) -> State:
    *seen, status, changed, episode, resolution = row
    return State(_seen(seen), Status(status), changed, episode, Resolution(resolution))


def _state_row(state: State, revision: int) -> StateRow:
    seen = state.seen
    return StateRow(
        key=seen.key,
        revision=revision,
        status=state.status.value,
        changed=milliseconds(state.changed_ns),
        resolution=state.resolution.value,
        episode=state.episode,
        events=seen.events,
        count=seen.count,
        first_seen=rfc3339(seen.first_ns),
        last_seen=rfc3339(seen.last_ns),
        last_received=milliseconds(seen.received_ns),
        cluster=seen.cluster,
        rule=seen.rule,
        severity=seen.severity,
        path=seen.path,
        client_address=seen.client_address,
        client_namespace=seen.client_namespace,
        server_address=seen.server_address,
        server_port=seen.server_port,
        server_namespace=seen.server_namespace,
        nodes=seen.nodes,
        event=msgspec.Raw(seen.event.encode()),
    )
