"""Turns a capture's flow events into all that an agent tells: flows, findings, and once a window what was lost."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec

from observer.agent.findings import JUDGEMENT, NOTHING_FOUND, Ledger
from observer.agent.losses import Losses, by_stage
from observer.events import Event, Observer, line
from observer.model import EventClass
from observer.report.timestamps import rfc3339
from observer.sinks import Lines, Sink

FINAL = b'"final":true'
HEAD_BYTES = 160
"""`final` stands before everything of variable length."""
STATE = b'"verdict":{"state":"'


class Clock(msgspec.Struct, frozen=True):
    """The time that is told, and the one that intervals are measured by: the first may step, the second may not."""

    wall_ns: Callable[[], int] = time.time_ns
    steady_s: Callable[[], float] = time.monotonic


OF_THIS_MACHINE = Clock()


class Seen(Protocol):
    """What a capture says of itself; `pipeline.Watch` is one."""

    observer: Observer
    hindrance: str | None
    processes_hindrance: str | None

    def counters(self) -> dict[str, int]:
        """What was counted, by name."""


class Teller:
    """Takes flow events as whole lines. While `is_shedding` it keeps them to itself, and counts them."""

    def __init__(self, watch: Seen, sink: Sink, clock: Clock = OF_THIS_MACHINE) -> None:
        self._watch, self._sink, self._clock = watch, sink, clock
        self._losses, self._shed = Losses(), 0
        self._start_ns, self._start_s = clock.wall_ns(), clock.steady_s()
        self.ledger = Ledger()
        self.flows = Counter[tuple[str, str]]()
        """Flows that ended, by path and state."""
        self.is_shedding = False

    def age_s(self) -> float:
        """How long this window is open."""
        return self._clock.steady_s() - self._start_s

    def write(self, data: bytes, /) -> int:
        """Take whole lines."""
        now_s, lines = self._clock.steady_s(), data.splitlines(keepends=True)
        for flow in lines:
            if FINAL in flow[:HEAD_BYTES]:
                self.flows[_judgement(flow)] += 1
            if not flow.endswith(NOTHING_FOUND):
                self.ledger.note(flow, now_s)
        if self.is_shedding:
            self._shed += len(lines)
        else:
            self._sink.write(Lines(data, len(lines), EventClass.FLOW))
        return len(data)

    def news(self) -> None:
        """Tell what was found for the first time."""
        if found := self.ledger.news(self._clock.steady_s()):
            self._findings(found, self.counters())

    def close_window(self, *, final: bool) -> None:
        """Tell what was found and lost since the last time, and what was counted since the beginning."""
        now_ns, now_s, counters = self._clock.wall_ns(), self._clock.steady_s(), self.counters()
        self._findings(self.ledger.all(now_s), counters)
        span = {"time": rfc3339(now_ns), "start": rfc3339(self._start_ns), "end": rfc3339(now_ns)}
        if lost := self._losses.since(counters):
            self._write("loss", {**span, "lost": by_stage(lost), "counters": lost})
        capture = {"final": final, "backend": self._watch.observer.backend, "hindrance": self._watch.hindrance}
        capture |= {"processes_hindrance": self._watch.processes_hindrance}
        self._write("summary", {**span, **capture, "counters": dict(sorted(counters.items()))})
        self._losses.mark(counters)
        self._start_ns, self._start_s = now_ns, now_s

    def counters(self) -> dict[str, int]:
        """The capture's counters and our own."""
        lost = self._sink.status().lost
        return self._watch.counters() | {
            "findings_forgotten": self.ledger.forgotten,
            "flow_events_shed": self._shed,
            "flow_events_lost": lost.get(EventClass.FLOW, 0),
            "findings_lost": lost.get(EventClass.FINDING, 0),
        }

    def _findings(self, found: list[Event], counters: dict[str, int]) -> None:
        lost = by_stage(self._losses.since(counters))
        coverage = {"complete": not lost, "lost": lost}
        for event in found:
            self._write("finding", {**event, "time": rfc3339(self._clock.wall_ns()), "coverage": coverage})

    def _write(self, kind: str, event: Event) -> None:
        self._sink.write(Lines(line(kind, self._watch.observer, event), 1, EventClass.FINDING))


def _judgement(flow: bytes) -> tuple[str, str]:
    """Path and state of a flow event, without reading all of it."""
    path = flow.rindex(JUDGEMENT) + len(JUDGEMENT)
    state = flow.index(STATE, path) + len(STATE)
    return flow[path : flow.index(b'"', path)].decode(), flow[state : flow.index(b'"', state)].decode()
