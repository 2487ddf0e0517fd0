"""The agent's loop around a capture that is given: what it tells of findings, counters and losses, and how it ends."""

import json
from collections.abc import Iterator
from typing import Any

from observer import agent
from observer.agent.findings import Ledger
from observer.agent.teller import Clock, Teller
from observer.analysis import ByteSink
from observer.events import Observer
from observer.model import EventClass
from observer.sinks import Lines, Status

Event = dict[str, Any]


class Kept:
    """A sink that keeps what it is given."""

    name = "kept"

    def __init__(self, lost: dict[EventClass, int] | None = None) -> None:
        self.lines: list[Lines] = []
        self._lost = lost or {}

    def write(self, lines: Lines) -> None:
        self.lines.append(lines)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def status(self) -> Status:
        return Status(lost=self._lost)

    def events(self) -> list[Event]:
        return [json.loads(line) for lines in self.lines for line in lines.data.splitlines()]


class Played:
    """A capture whose counters and reports are given, one for each time they are asked; the last counters stay."""

    observer = Observer("lab", "node1", "ebpf", "0")
    hindrance: str | None = None
    processes_hindrance: str | None = None

    def __init__(self, *counters: dict[str, int], reports: list[bytes] | None = None) -> None:
        self._counters = list(counters)
        self._reports: Iterator[bytes] = iter(reports or [])

    def step(self, timeout_ms: int, flows_out: ByteSink) -> None:
        flows_out.write(next(self._reports, flow(final=False)) if timeout_ms else b"")

    def drain(self, timeout_ms: int, flows_out: ByteSink) -> None:
        flows_out.write(next(self._reports, flow(final=True)) if timeout_ms else b"")

    def counters(self) -> dict[str, int]:
        return self._counters.pop(0) if len(self._counters) > 1 else self._counters[0]


def flow(*causes: str, flow_id: str = "f1", final: bool = False, end: int = 1, server: str = "node1") -> bytes:
    """A flow event with the finding `bad` for each of the causes."""
    found = [{"id": "bad", "severity": "high", "title": "Bad", "cause": cause} for cause in causes]
    event = {
        "schema": "observer/1",
        "kind": "flow",
        "id": flow_id,
        "final": final,
        "client": {"address": "10.0.0.1", "port": 40000, "role": "apiserver", "name": None, "kubernetes": None},
        "server": {"address": "10.0.0.2", "port": 10250, "role": "node", "name": server, "kubernetes": None},
        "flow": {"start": "2026-01-01T00:00:00.000000000Z", "end": f"2026-01-01T00:00:0{end}.000000000Z"},
        "path": {"id": "apiserver-to-kubelet"},
        "verdict": {"state": "unverified"},
        "findings": found,
    }
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def told(watch: Played, steps: int, interval_s: float, sink: Kept | None = None) -> list[Event]:
    sink, answers, seconds = sink or Kept(), iter([*[False] * steps, True]), iter(range(1, 1000))
    clock = Clock(lambda: 0, lambda: float(next(seconds)))
    agent.run(watch, Teller(watch, sink, clock), lambda: next(answers), interval_s=interval_s, clock=clock)
    return sink.events()


def findings(events: list[Event]) -> list[Event]:
    return [event for event in events if event["kind"] == "finding"]


def test_an_agent_that_is_stopped_drains_and_says_a_last_summary() -> None:
    said = told(Played({"frames": 7}), steps=1, interval_s=60)

    assert [(event["kind"], event["final"]) for event in said] == [("flow", False), ("flow", True), ("summary", True)]
    assert said[-1]["counters"]["frames"] == 7
    assert said[-1]["observer"] == {"cluster": "lab", "node": "node1", "backend": "ebpf", "version": "0"}


def test_a_loss_is_told_once_for_its_window() -> None:
    said = told(Played({}, {"ring_dropped": 5}, {"ring_dropped": 5}, {"ring_dropped": 6}), steps=3, interval_s=0.5)

    losses = [event for event in said if event["kind"] == "loss"]
    assert [event["counters"] for event in losses] == [{"ring_dropped": 5}, {"ring_dropped": 1}]
    assert [event["lost"] for event in losses] == [{"ring": 5}, {"ring": 1}]
    summaries = [event for event in said if event["kind"] == "summary"]
    assert [event["counters"].get("ring_dropped") for event in summaries] == [None, 5, 5, 6]
    assert summaries[1]["start"] == summaries[0]["end"]


def test_a_new_finding_is_told_at_once_and_then_once_a_window() -> None:
    reports = [flow("a", flow_id=name) for name in ("f1", "f2", "f3")]
    said = findings(told(Played({}, reports=[*reports, flow("a", flow_id="f4", final=True)]), 3, interval_s=60))

    assert [(event["count"], event["flows"]) for event in said] == [(1, ["f1"]), (3, ["f2", "f3", "f4"])]
    assert len({event["id"] for event in said}) == 2
    assert len({event["key"] for event in said}) == 1


def test_a_flow_that_is_reported_twice_counts_once() -> None:
    said = findings(told(Played({}, reports=[flow("a"), flow("a", final=True, end=9)]), 1, interval_s=60))

    assert [event["count"] for event in said] == [1, 0]
    assert said[1]["last_seen"] == "2026-01-01T00:00:09.000000000Z"


def test_findings_of_other_causes_and_servers_have_keys_of_their_own() -> None:
    reports = [flow("a", "b") + flow("a", server="node2", flow_id="f2"), flow()]
    said = findings(told(Played({}, reports=reports), 1, interval_s=60))

    assert len({event["key"] for event in said}) == len(said) == 3
    assert [event["finding"]["cause"] for event in said] == ["a", "b", "a"]
    assert "port" not in said[0]["client"]
    assert said[0]["server"]["port"] == 10250


def test_a_finding_says_what_was_lost_in_its_window() -> None:
    sink = Kept(lost={EventClass.FLOW: 2})
    said = findings(told(Played({"ring_dropped": 1}, reports=[flow("a"), flow()]), 1, 60, sink))

    assert said[0]["coverage"] == {"complete": False, "lost": {"ring": 1, "sink": 2}}
    assert findings(told(Played({}, reports=[flow("a"), flow()]), 1, 60))[0]["coverage"]["complete"]


def test_only_flow_events_may_be_given_up_for_others() -> None:
    sink = Kept()
    told(Played({"ring_dropped": 1}, reports=[flow("a"), flow()]), 1, 60, sink)

    classes = {json.loads(lines.data)["kind"]: lines.of for lines in sink.lines}
    assert classes == {
        "flow": EventClass.FLOW,
        "finding": EventClass.FINDING,
        "loss": EventClass.FINDING,
        "summary": EventClass.FINDING,
    }


def test_a_full_ledger_forgets_what_was_silent_longest() -> None:
    ledger = Ledger(max_keys=2)
    for cause in ("a", "b", "a", "c"):
        ledger.note(flow(cause), now_s=0)

    assert (len(ledger), ledger.forgotten) == (2, 1)
    assert [event["finding"]["cause"] for event in ledger.all(now_s=0)] == ["a", "c"]
    ledger.note(flow("b"), now_s=0)
    assert [event["finding"]["cause"] for event in ledger.news(now_s=0)] == ["b"]


def test_a_finding_that_was_silent_for_an_hour_is_new_when_it_comes_again() -> None:
    ledger = Ledger()
    ledger.note(flow("a", final=True), now_s=0)
    assert len(ledger.all(now_s=3599)) == 1
    assert (ledger.all(now_s=3600), len(ledger)) == ([], 0)

    ledger.note(flow("a", flow_id="f2", final=True), now_s=3700)
    assert [event["flows"] for event in ledger.news(now_s=3700)] == [["f2"]]


def test_an_open_flow_with_a_finding_is_told_of_now_and_then() -> None:
    ledger = Ledger()
    ledger.note(flow("a"), now_s=0)
    ledger.all(now_s=0)

    assert [len(ledger.all(now_s=second)) for second in (300, 600, 900, 4000)] == [0, 1, 0, 1]
    ledger.note(flow("a", final=True), now_s=4100)
    assert [event["count"] for event in ledger.all(now_s=4200)] == [0]
    assert (ledger.all(now_s=9000), len(ledger)) == ([], 0)
