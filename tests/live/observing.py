"""Runs the agent inside a namespace while something passes there, and reads what it wrote."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network import Machine

OBSERVER = Path(sys.executable).parent / "observer"
START_S = STOP_S = 10
SETTLE_S = 0.3
"""The kernel hands over a part-filled block of the ring after 50 ms."""

Event = dict[str, Any]


@dataclass
class Heard:
    """What an agent said on its way and, once it has ended, its events."""

    said: str = ""
    events: list[Event] = field(default_factory=list)

    def flows(self, *, final: bool = True) -> list[Event]:
        """The last (or the early) event of each flow, in the order in which they were written."""
        return [event for event in self.events if event["kind"] == "flow" and event["final"] is final]

    def summary(self) -> Event:
        """What was counted at the end."""
        return self.events[-1]


@contextmanager
def observing(machine: Machine, *options: str | Path) -> Iterator[Heard]:
    """An agent that captures until the block ends; its events are there afterwards."""
    heard = Heard()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with machine.start(OBSERVER, "agent", *options, **pipes) as process:
        assert process.stderr
        heard.said = process.stderr.readline().decode()
        assert "capturing with" in heard.said, heard.said
        try:
            yield heard
            time.sleep(SETTLE_S)
        finally:
            process.send_signal(signal.SIGTERM)
            lines, _ = process.communicate(timeout=STOP_S)
    assert process.returncode == 0
    heard.events = [json.loads(line) for line in lines.splitlines()]
