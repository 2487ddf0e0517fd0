"""What others may ask of a running agent from other threads: its last snapshot, and whether it is fit."""

from collections.abc import Callable, Mapping

from observer.agent.metrics import Snapshot
from observer.agent.reload import Reloads
from observer.agent.server import Condition
from observer.agent.teller import Seen, Teller
from observer.sinks import Status

EVERY_S = 1.0
STALL_S = 30.0
"""No step of the loop takes so long: it hangs."""


class State:
    """Made between two steps of the loop, once a second; asked at any time."""

    def __init__(
        self,
        watch: Seen,
        teller: Teller,
        reloads: Callable[[], Reloads],
        sinks: Callable[[], Mapping[str, Status]],
        steady_s: Callable[[], float],
    ) -> None:
        self._watch, self._teller, self._reloads, self._sinks, self._steady_s = watch, teller, reloads, sinks, steady_s
        self._stepped_s = steady_s()
        self._is_ready = False
        self._stopping = False
        self._snapshot = Snapshot(watch.observer)
        self._made_s = float("-inf")

    def tick(self, now_s: float) -> None:
        """A step has ended."""
        self._stepped_s, self._is_ready = now_s, True
        if now_s - self._made_s >= EVERY_S:
            self._made_s, self._snapshot = now_s, self._made()

    def stop(self) -> None:
        """The end has begun: not ready any more."""
        self._stopping = True

    def snapshot(self) -> Snapshot:
        """The last one."""
        return self._snapshot

    def health(self) -> Condition:
        """Whether the loop goes round."""
        silent_s = self._steady_s() - self._stepped_s
        stalls = silent_s > STALL_S
        return Condition(not stalls, {"loop": f"no step for {silent_s:.0f} s" if stalls else "ok"})

    def readiness(self) -> Condition:
        """Whether packets are captured. Wrong files and sinks in trouble are told, and do not make it unready."""
        health = self.health()
        capture = "is ending" if self._stopping else "ok" if self._is_ready else "has not begun"
        parts = {
            **health.parts,
            "capture": capture,
            "backend": self._watch.observer.backend,
            "files": self._reloads().trouble or "ok",
            **{f"sink {name}": status.trouble or "ok" for name, status in self._sinks().items()},
        }
        return Condition(health.is_fit and capture == "ok", parts)

    def _made(self) -> Snapshot:
        teller = self._teller
        return Snapshot(
            self._watch.observer,
            teller.counters(),
            dict(teller.flows),
            dict(teller.ledger.known),
            dict(teller.ledger.flows),
            self._reloads(),
            teller.is_shedding,
        )
