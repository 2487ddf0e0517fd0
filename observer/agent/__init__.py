"""The agent's loop: writes what passes on the interfaces as events, until it is told to stop.

Beside the flow events it tells each finding, and now and then what was counted (`summary`) and lost (`loss`).
"""

import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from observer.agent.findings import NOTHING_FOUND, Ledger
from observer.agent.losses import Losses, by_stage
from observer.analysis import ByteSink
from observer.events import Event, Observer, line
from observer.model import EventClass
from observer.report.timestamps import rfc3339
from observer.sinks import Lines, Sink

POLL_MS = 200
"""How long a stop or a settled flow waits at most."""

DRAIN_MS = 100
"""The kernel hands over a part-filled block of the ring after 50 ms."""


class Clock(msgspec.Struct, frozen=True):
    """The time that is told, and the one that intervals are measured by: the first may step, the second may not."""

    wall_ns: Callable[[], int] = time.time_ns
    steady_s: Callable[[], float] = time.monotonic


OF_THIS_MACHINE = Clock()


class Watched(Protocol):
    """A capture that runs; `pipeline.Watch` is one."""

    observer: Observer
    hindrance: str | None

    def step(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Wait at most so long for packets, and write what is known then."""

    def drain(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Take in what has come so far, end every flow and write it."""

    def counters(self) -> dict[str, int]:
        """What was counted, by name."""


def run(
    watch: Watched, sink: Sink, stopping: Callable[[], bool], *, interval_s: float, clock: Clock = OF_THIS_MACHINE
) -> None:
    """Write events until `stopping`; then drain, and write the last summary."""
    told = Told(watch, sink, clock)
    while not stopping():
        watch.step(POLL_MS, told)
        told.news()
        if told.age_s() >= interval_s:
            told.close_window(final=False)
    watch.drain(DRAIN_MS, told)
    told.close_window(final=True)


class Told:
    """What is told of a capture: its flows as they come, and of each window what was found, lost and counted."""

    def __init__(self, watch: Watched, sink: Sink, clock: Clock) -> None:
        self._watch, self._sink, self._clock = watch, sink, clock
        self._ledger, self._losses = Ledger(), Losses()
        self._start_ns, self._start_s = clock.wall_ns(), clock.steady_s()

    def age_s(self) -> float:
        """How long this window is open."""
        return self._clock.steady_s() - self._start_s

    def write(self, data: bytes, /) -> int:
        """Take whole lines of flow events."""
        lines = data.splitlines(keepends=True)
        now_s = self._clock.steady_s()
        for flow in lines:
            if not flow.endswith(NOTHING_FOUND):
                self._ledger.note(flow, now_s)
        self._sink.write(Lines(data, len(lines), EventClass.FLOW))
        return len(data)

    def news(self) -> None:
        """Tell what was found for the first time."""
        if found := self._ledger.news(self._clock.steady_s()):
            self._findings(found, self._counters())

    def close_window(self, *, final: bool) -> None:
        """Tell what was found and lost since the last time, and what was counted since the beginning."""
        now_ns, now_s, counters = self._clock.wall_ns(), self._clock.steady_s(), self._counters()
        self._findings(self._ledger.all(now_s), counters)
        span = {"time": rfc3339(now_ns), "start": rfc3339(self._start_ns), "end": rfc3339(now_ns)}
        if lost := self._losses.since(counters):
            self._write("loss", {**span, "lost": by_stage(lost), "counters": lost})
        capture = {"final": final, "backend": self._watch.observer.backend, "hindrance": self._watch.hindrance}
        self._write("summary", {**span, **capture, "counters": dict(sorted(counters.items()))})
        self._losses.mark(counters)
        self._start_ns, self._start_s = now_ns, now_s

    def _findings(self, found: list[Event], counters: dict[str, int]) -> None:
        lost = by_stage(self._losses.since(counters))
        coverage = {"complete": not lost, "lost": lost}
        for event in found:
            self._write("finding", {**event, "time": rfc3339(self._clock.wall_ns()), "coverage": coverage})

    def _counters(self) -> dict[str, int]:
        return self._watch.counters() | self._own_losses()

    def _own_losses(self) -> dict[str, int]:
        lost = self._sink.status().lost
        return {
            "findings_forgotten": self._ledger.forgotten,
            "flow_events_lost": lost.get(EventClass.FLOW, 0),
            "findings_lost": lost.get(EventClass.FINDING, 0),
        }

    def _write(self, kind: str, event: Event) -> None:
        self._sink.write(Lines(line(kind, self._watch.observer, event), 1, EventClass.FINDING))
