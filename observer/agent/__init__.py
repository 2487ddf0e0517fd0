"""The agent's loop: writes what passes on the interfaces as events, until it is told to stop."""

from collections.abc import Callable, Sequence
from typing import Protocol

from observer.agent.teller import OF_THIS_MACHINE, Clock, Seen, Teller
from observer.analysis import ByteSink

POLL_MS = 200
"""How long a stop or a settled flow waits at most."""

DRAIN_MS = 100
"""The kernel hands over a part-filled block of the ring after 50 ms."""

Chore = Callable[[float], None]
"""Something small that is done between two steps; it is told the time of the steady clock, in seconds."""


class Watched(Seen, Protocol):
    """A capture that runs; `pipeline.Watch` is one."""

    def step(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Wait at most so long for packets, and write what is known then."""

    def drain(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """Take in what has come so far, end every flow and write it."""


def run(
    watch: Watched,
    teller: Teller,
    stopping: Callable[[], bool],
    *,
    interval_s: float,
    chores: Sequence[Chore] = (),
    clock: Clock = OF_THIS_MACHINE,
) -> None:
    """Write events until `stopping`; then drain, and write the last summary."""
    while not stopping():
        watch.step(POLL_MS, teller)
        teller.news()
        if teller.age_s() >= interval_s:
            teller.close_window(final=False)
        now_s = clock.steady_s()
        for chore in chores:
            chore(now_s)
    watch.drain(DRAIN_MS, teller)
    teller.close_window(final=True)
