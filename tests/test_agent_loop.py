"""The agent's loop around a capture that is given: what it says of counters and losses, and how it ends."""

import io
import json
from collections.abc import Iterator
from typing import Any

from observer import agent
from observer.analysis import ByteSink

SECOND = 1_000_000_000


class Played:
    """A capture whose counters are given, one set for each time they are asked."""

    backend = "ebpf"
    hindrance: str | None = None

    def __init__(self, *counters: dict[str, int]) -> None:
        self._counters: Iterator[dict[str, int]] = iter(counters)

    def step(self, timeout_ms: int, flows_out: ByteSink) -> None:
        flows_out.write(b'{"kind":"flow","final":false}\n' if timeout_ms else b"")

    def drain(self, timeout_ms: int, flows_out: ByteSink) -> None:
        flows_out.write(b'{"kind":"flow","final":true}\n' if timeout_ms else b"")

    def counters(self) -> dict[str, int]:
        return next(self._counters)


def events(watch: Played, steps: int, interval_s: float) -> list[dict[str, Any]]:
    out, answers = io.BytesIO(), iter([*[False] * steps, True])
    seconds = iter(range(1, 100))
    agent.run(watch, out, lambda: next(answers), interval_s=interval_s, clock_ns=lambda: next(seconds) * SECOND)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_agent_that_is_stopped_drains_and_says_a_last_summary() -> None:
    said = events(Played({"frames": 7}), steps=1, interval_s=60)

    assert [(event["kind"], event["final"]) for event in said] == [("flow", False), ("flow", True), ("summary", True)]
    assert (said[-1]["backend"], said[-1]["counters"]) == ("ebpf", {"frames": 7})


def test_a_loss_is_told_once_for_its_window() -> None:
    said = events(Played({"ring_dropped": 5}, {"ring_dropped": 5}, {"ring_dropped": 6}), steps=2, interval_s=0.5)

    assert [event["counters"] for event in said if event["kind"] == "loss"] == [
        {"ring_dropped": 5},
        {"ring_dropped": 1},
    ]
    summaries = [event for event in said if event["kind"] == "summary"]
    assert [(event["final"], event["counters"]["ring_dropped"]) for event in summaries] == [
        (False, 5),
        (False, 5),
        (True, 6),
    ]
    assert summaries[1]["start"] == summaries[0]["end"]
