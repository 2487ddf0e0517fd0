"""The agent's loop: writes what passes on the interfaces as events, until it is told to stop.

Between the flow events it says now and then what was counted (`summary`) and what was lost (`loss`).
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from observer.analysis import ByteSink
from observer.report.timestamps import rfc3339
from observer.results import SCHEMA

POLL_MS = 200
"""How long a stop or a settled flow waits at most."""

DRAIN_MS = 100
"""The kernel hands over a part-filled block of the ring after 50 ms."""

LOSSES = (
    "ring_dropped",
    "kernel_passed_uncounted",
    "evicted_flows",
    "unfollowed_conversations",
    "abandoned_conversations",
    "facts_without_room",
)
"""Counters that say that something is missing from the events."""

Clock = Callable[[], int]


class Watched(Protocol):
    """A capture that runs; `pipeline.Watch` is one."""

    backend: str
    hindrance: str | None

    def step(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Wait at most so long for packets, and write what is known then."""

    def drain(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Take in what has come so far, end every flow and write it."""

    def counters(self) -> dict[str, int]:
        """What was counted, by name."""


class Sink(ByteSink, Protocol):
    """Takes lines, and hands them on when it is told to."""

    def flush(self) -> None:
        """Hand on what was written."""


def run(
    watch: Watched, out: Sink, stopping: Callable[[], bool], *, interval_s: float, clock_ns: Clock = time.time_ns
) -> None:
    """Write events until `stopping`; then drain, and write the last summary."""
    window = _Window(watch, out, clock_ns)
    while not stopping():
        watch.step(POLL_MS, out)
        if clock_ns() - window.start_ns >= interval_s * 1e9:
            window.close(final=False)
        out.flush()
    watch.drain(DRAIN_MS, out)
    window.close(final=True)
    out.flush()


class _Window:
    """The time between two summaries."""

    def __init__(self, watch: Watched, out: Sink, clock_ns: Clock) -> None:
        self._watch, self._out, self._clock_ns = watch, out, clock_ns
        self._lost = dict.fromkeys(LOSSES, 0)
        self.start_ns = clock_ns()

    def close(self, *, final: bool) -> None:
        """Say what was lost since the last time and what was counted since the beginning."""
        now_ns, counters = self._clock_ns(), self._watch.counters()
        span = {"time": rfc3339(now_ns), "start": rfc3339(self.start_ns), "end": rfc3339(now_ns)}
        lost = {name: counters.get(name, 0) for name in LOSSES}
        news = {name: count - self._lost[name] for name, count in lost.items() if count > self._lost[name]}
        if news:
            self._write({"kind": "loss", **span, "counters": news})
        capture = {"backend": self._watch.backend, "hindrance": self._watch.hindrance}
        self._write({"kind": "summary", **span, "final": final, **capture, "counters": dict(sorted(counters.items()))})
        self._lost, self.start_ns = lost, now_ns

    def _write(self, event: dict[str, Any]) -> None:
        self._out.write(orjson.dumps({"schema": SCHEMA, **event}) + b"\n")
