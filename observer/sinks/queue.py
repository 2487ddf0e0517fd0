"""Puts a sink behind a thread and a bounded queue: whoever writes never waits, and what finds no room is counted.

Flows go first: they are given up when the queue is full or the sink fails; findings have room of their own, and wait
for a sink that fails.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable

import msgspec

from observer.model import EventClass
from observer.sinks import Lines, Sink, Status

FLOW_BYTES = 8 * 1024 * 1024
FINDING_BYTES = 4 * 1024 * 1024
"""Some thousands of findings: what a cluster's first minute tells while a disk is full."""
RETRY_S = 1.0

Complain = Callable[[str, str | None], None]


class Queued:
    """A sink that takes lines at once and hands them on as fast as `sink` takes them.

    `complain` is told in few words what is wrong with a sink, and null when that is over; it runs in the sink's thread.
    `gone`: nobody reads any more, so there is no use in going on.
    """

    def __init__(
        self, sink: Sink, complain: Complain, *, flow_bytes: int = FLOW_BYTES, finding_bytes: int = FINDING_BYTES
    ) -> None:
        self.name, self.gone = sink.name, False
        self._sink, self._complain = sink, complain
        self._room = {EventClass.FLOW: flow_bytes, EventClass.FINDING: finding_bytes}
        self._used = Counter[EventClass]()
        self._lost = Counter[EventClass]()
        self._lines = deque[Lines]()
        self._in_hand: Lines | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._deadline_s = 0.0
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._hand_on, name=f"sink-{sink.name}", daemon=True)
        self._thread.start()

    def write(self, lines: Lines) -> None:
        """Take the lines, or count them as lost where their class has no room left."""
        with self._changed:
            if self._closing or self._used[lines.of] + len(lines.data) > self._room[lines.of]:
                self._lost[lines.of] += lines.count
                return
            self._used[lines.of] += len(lines.data)
            self._lines.append(lines)
            self._changed.notify()

    def flush(self) -> None:
        """Nothing: lines are handed on as they come."""

    def close(self, within_s: float = 5.0) -> None:
        """Hand on what waits, for at most so long; the rest is counted as lost."""
        with self._changed:
            self._closing, self._deadline_s = True, time.monotonic() + within_s
            self._changed.notify()
        self._thread.join(within_s)
        with self._changed:
            for lines in self._waiting():
                self._lost[lines.of] += lines.count
            self._lines.clear()

    def status(self) -> Status:
        """The sink's own, and what waits before it."""
        inner = self._sink.status()
        with self._changed:
            waiting = sum(lines.count for lines in self._waiting())
            lost = {of: inner.lost.get(of, 0) + self._lost[of] for of in EventClass}
            return msgspec.structs.replace(
                inner,
                waiting_events=inner.waiting_events + waiting,
                waiting_bytes=inner.waiting_bytes + self._used.total(),
                lost=lost,
                trouble=self._trouble or inner.trouble,
            )

    def _waiting(self) -> list[Lines]:
        return [*([self._in_hand] if self._in_hand else []), *self._lines]

    def _hand_on(self) -> None:
        while (lines := self._next()) is not None:
            self._deliver(lines)
            with self._changed:
                self._used[lines.of] -= len(lines.data)
                self._in_hand = None
        self._try(self._sink.close)

    def _next(self) -> Lines | None:
        """The next lines; none at the end. A pause flushes."""
        with self._changed:
            if not self._lines and not self._closing:
                self._changed.release()
                self._try(self._sink.flush)
                self._changed.acquire()
            self._changed.wait_for(lambda: self._lines or self._closing)
            self._in_hand = self._lines.popleft() if self._lines else None
            return self._in_hand

    def _deliver(self, lines: Lines) -> None:
        """Flows are tried once; findings until they are taken or the end has come."""
        while not self._try(lambda: self._sink.write(lines)):
            with self._changed:
                ended = self._closing and time.monotonic() + RETRY_S > self._deadline_s
                if lines.of is EventClass.FLOW or ended or self.gone:
                    self._lost[lines.of] += lines.count
                    return
                self._changed.wait(RETRY_S)

    def _try(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except BrokenPipeError:
            self.gone = True
            self._say("its reader went away")
            return False
        except OSError as error:
            self._say(error.strerror or str(error))
            return False
        if self._trouble:
            self._say(None)
        return True

    def _say(self, trouble: str | None) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._complain(self.name, trouble)
