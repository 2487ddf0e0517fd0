"""A day of an agent in compressed time: bounded memory, and windows that no step of the clock changes."""

import json
from typing import Any

from observer.agent.findings import FORGET_S, Ledger
from observer.agent.teller import Clock, Teller
from observer.events import Observer
from observer.sinks import Lines, Status

WINDOW_S, DAY_S = 60, 86_400
NEW_KEYS = 5
"""Findings with a key of their own in each window, such as clients without a name."""


class Taken:
    """A sink that keeps the heads of what it is given."""

    name = "taken"

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def write(self, lines: Lines) -> None:
        self.events += [json.loads(line) for line in lines.data.splitlines()]

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def status(self) -> Status:
        return Status()


class Quiet:
    """A capture that counts nothing."""

    observer = Observer("lab", "node1", "ebpf", "0")
    hindrance: str | None = None
    processes_hindrance: str | None = None

    def counters(self) -> dict[str, int]:
        return {}


def flow(client: int, *, final: bool) -> bytes:
    event = {
        "kind": "flow",
        "id": f"f{client}",
        "final": final,
        "client": {"address": f"10.{client >> 16}.{client >> 8 & 255}.{client & 255}", "port": 4, "role": "external"},
        "server": {"address": "10.9.9.9", "port": 10250, "role": "node", "name": "node1"},
        "flow": {"start": "2026-01-01T00:00:00.000000000Z", "end": "2026-01-01T00:00:01.000000000Z"},
        "path": {"id": "kubelet-other-client"},
        "verdict": {"state": "unknown", "reasons": [f"reason {client % 3000}"]},
        "findings": [{"id": "bad", "severity": "high", "cause": ""}],
    }
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def test_a_day_of_ever_new_findings_keeps_only_those_of_the_last_hour() -> None:
    ledger, clients, largest = Ledger(), 0, 0
    for now_s in range(0, DAY_S, WINDOW_S):
        for client in range(clients, clients + NEW_KEYS):
            ledger.note(flow(client, final=False), now_s)
            ledger.note(flow(client, final=True), now_s)
        clients += NEW_KEYS
        ledger.all(now_s)
        largest = max(largest, len(ledger))

    assert largest <= NEW_KEYS * FORGET_S / WINDOW_S
    assert ledger.known == {("bad", "high"): len(ledger)}
    assert ledger.flows == {("bad", "high"): clients}
    assert ledger.forgotten == 0


def test_a_clock_that_steps_neither_opens_nor_closes_a_window() -> None:
    times_s, steps_ns = {"steady": 0.0}, iter(range(10**18, 0, -3_600_000_000_000))
    sink = Taken()
    teller = Teller(Quiet(), sink, Clock(lambda: next(steps_ns), lambda: times_s["steady"]))
    for second in range(1, 181):
        times_s["steady"] = float(second)
        if teller.age_s() >= WINDOW_S:
            teller.close_window(final=False)

    assert [event["kind"] for event in sink.events] == ["summary"] * 3
