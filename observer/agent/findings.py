"""What the agent found, one entry for each key: told at once when it is new, then once a window while it goes on.

Reads the flow events themselves. Bounded: the key that was silent longest is forgotten first, and is new when it comes
again.
"""

import hashlib
from collections import Counter
from typing import Any

import msgspec

from observer import keys
from observer.results import Endpoint, party

MAX_KEYS = 32_768
"""Each takes about a kilobyte; an API server with 5,000 nodes has some for each of them."""
MAX_OPEN_FLOWS = 131_072
"""As many as the core follows conversations; of a flow beyond it each report counts as a flow of its own."""
MAX_JUDGEMENTS = 1024
"""A cluster has some dozens of shapes."""
FORGET_S = 3600.0
"""A key that was silent so long is forgotten, unless a flow that shows it is open."""
REMIND_S = 600.0
"""So often is told that flows which are open go on, where nothing else is heard of them."""
EXAMPLES = 5
"""Flows named in an event."""
DIGITS = 24
NOTHING_FOUND = b'"findings":[]}\n'
"""How the event of a flow without findings ends. Quotes of the traffic's own are escaped, so no text of it ends so."""
JUDGEMENT = b'"path":{"id":"'
"""Where in an event begins what all flows of one shape share."""

Event = dict[str, Any]
Kind = tuple[str, str]
"""Rule and severity."""


class _Times(msgspec.Struct, frozen=True):
    start: str
    end: str


class _Flow(msgspec.Struct, frozen=True):
    """The part of a flow event that is the flow's own."""

    id: str
    final: bool
    flow: _Times
    client: msgspec.Raw
    server: msgspec.Raw


class _Path(msgspec.Struct, frozen=True):
    id: str


class _Named(msgspec.Struct, frozen=True):
    id: str
    severity: str = ""
    cause: str = ""


class _Judged(msgspec.Struct, frozen=True):
    """The part that flows of one shape share; `Raw` is told as it was read."""

    path: msgspec.Raw
    verdict: msgspec.Raw
    findings: tuple[msgspec.Raw, ...]


class _Entry:
    """One key: what is always the same of it, and what is new since it was last told."""

    def __init__(self, flow: _Flow, kind: Kind) -> None:
        self.kind = kind
        self.client, self.server = bytes(flow.client), bytes(flow.server)
        self.first_seen, self.last_seen = flow.flow.start, flow.flow.end
        self.count = self.open = 0
        self.flows: list[str] = []
        self.is_new = True
        self.heard_s = self.told_s = 0.0

    def add(self, flow: _Flow, judged: _Judged, finding: msgspec.Raw, *, is_new_flow: bool) -> None:
        """Note one report of a flow; the newest says how sure the verdict is."""
        self.judged, self.finding = judged, finding
        self.first_seen, self.last_seen = min(self.first_seen, flow.flow.start), max(self.last_seen, flow.flow.end)
        self.count += is_new_flow
        if is_new_flow and len(self.flows) < EXAMPLES:
            self.flows.append(flow.id)

    def told(self, key: str, now_s: float) -> Event:
        """The members of its event; from here on nothing of it is new."""
        client, server = msgspec.json.decode(self.client), msgspec.json.decode(self.server)
        del client["port"]  # another in each flow
        event = {
            "id": _event_id(key, self.last_seen, self.count, self.flows),
            "key": key,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
            "count": self.count,
            "client": client,
            "server": server,
            "path": msgspec.json.decode(self.judged.path),
            "verdict": msgspec.json.decode(self.judged.verdict),
            "finding": msgspec.json.decode(self.finding),
            "flows": self.flows,
        }
        self.count, self.flows, self.is_new, self.told_s = 0, [], False, now_s
        return event


class Ledger:
    """Takes flow events and gives the findings that are to be told; times are of a clock that never steps."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._entries: dict[str, _Entry] = {}
        self._untold: dict[str, _Entry] = {}
        self._open: set[tuple[str, str]] = set()
        self._judged: dict[bytes, _Judged] = {}
        self.known, self.flows = Counter[Kind](), Counter[Kind]()
        """The keys that are known now, and the flows that showed them."""
        self.forgotten = 0
        """How many keys were forgotten with something of them untold."""

    def note(self, line: bytes, now_s: float) -> None:
        """Take in the event of a flow that has findings."""
        flow, judged = msgspec.json.decode(line, type=_Flow), self._judgement(line)
        client = party(msgspec.json.decode(flow.client, type=Endpoint), server=False)
        server = party(msgspec.json.decode(flow.server, type=Endpoint), server=True)
        path = msgspec.json.decode(judged.path, type=_Path).id
        for finding in judged.findings:
            named = msgspec.json.decode(finding, type=_Named)
            key = keys.of(named.id, named.cause, path, client, server)
            entry = self._entry(key, flow, (named.id, named.severity), now_s)
            is_new_flow = self._is_new_flow(key, entry, flow)
            entry.add(flow, judged, finding, is_new_flow=is_new_flow)
            self.flows[entry.kind] += is_new_flow

    def news(self, now_s: float) -> list[Event]:
        """What was never told before."""
        return self._tell([key for key, entry in self._untold.items() if entry.is_new], now_s)

    def all(self, now_s: float) -> list[Event]:
        """Everything of which something was seen since it was last told, and now and then what merely goes on."""
        self._forget(now_s)
        for key, entry in self._entries.items():
            if entry.open and now_s - entry.told_s >= REMIND_S:
                self._untold[key] = entry
        return self._tell(list(self._untold), now_s)

    def __len__(self) -> int:
        return len(self._entries)

    def _tell(self, told: list[str], now_s: float) -> list[Event]:
        return [self._untold.pop(key).told(key, now_s) for key in told]

    def _forget(self, now_s: float) -> None:
        silent = (key for key, entry in self._entries.items() if now_s - entry.heard_s >= FORGET_S and not entry.open)
        for key in list(silent):
            self._drop(key)

    def _drop(self, key: str) -> None:
        self.known[self._entries.pop(key).kind] -= 1

    def _judgement(self, line: bytes) -> _Judged:
        shared = line[line.rindex(JUDGEMENT) : -len(b"\n")]
        if shared not in self._judged:
            if len(self._judged) >= MAX_JUDGEMENTS:
                self._judged.clear()
            self._judged[shared] = msgspec.json.decode(b"{" + shared, type=_Judged)
        return self._judged[shared]

    def _entry(self, key: str, flow: _Flow, kind: Kind, now_s: float) -> _Entry:
        """The entry of a key, now the youngest."""
        entry = self._entries.pop(key, None)
        if entry is None:
            entry = _Entry(flow, kind)
            self.known[kind] += 1
        if len(self._entries) >= self._max_keys:
            oldest = next(iter(self._entries))
            self._drop(oldest)
            self.forgotten += self._untold.pop(oldest, None) is not None
        self._entries[key] = self._untold[key] = entry
        entry.heard_s = now_s
        return entry

    def _is_new_flow(self, key: str, entry: _Entry, flow: _Flow) -> bool:
        """Whether no earlier report of this flow was counted for the key."""
        known = (key, flow.id) in self._open
        if flow.final and known:
            self._open.discard((key, flow.id))
            entry.open = max(0, entry.open - 1)
        elif not flow.final and not known and len(self._open) < MAX_OPEN_FLOWS:
            self._open.add((key, flow.id))
            entry.open += 1
        return not known


def _event_id(*told: object) -> str:
    """Another for each event: of two events of a key one counts flows, or a time, that the other does not."""
    return hashlib.sha256(repr(told).encode()).hexdigest()[:DIGITS]
