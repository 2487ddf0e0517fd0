"""A sink that keeps events in a spool and delivers them from there, in a thread of its own.

`write` and `flush` touch memory and the spool's disk, never the network.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from observer.model import EventClass
from observer.sinks import Lines, Status
from observer.sinks.backoff import Backoff
from observer.sinks.sender import Sender
from observer.sinks.transport import Transport
from observer.spool.rows import Fate
from observer.spool.shelf import DiskError
from observer.spool.spool import Spool

LOST = (Fate.SHED, Fate.REFUSED, Fate.DAMAGED)


class Batching(msgspec.Struct, frozen=True):
    """When gathered events become a batch, and how long `close` goes on delivering."""

    most_bytes: int = 512 * 1024
    linger_s: float = 1.0
    drain_s: float = 3.0


Complain = Callable[[str, str | None], None]
"""Is told in few words what is wrong with a sink, and null when that is over; it runs in the sink's thread."""


def _to_nobody(_: str, __: str | None) -> None:
    """The troubles can be asked for."""


BATCHING, BACKOFF = Batching(), Backoff()


class Spooled:
    """Gathers lines to batches; a batch that `write` or `flush` has put into the spool outlives the process."""

    def __init__(
        self,
        spool: Spool,
        transport: Transport,
        batching: Batching = BATCHING,
        backoff: Backoff = BACKOFF,
        complain: Complain = _to_nobody,
    ) -> None:
        self.name = transport.name
        self._spool, self._transport, self._batching = spool, transport, batching
        self._complain = complain
        self._said: str | None = None
        self._sender = Sender(spool, transport, backoff)
        self._clock_ns = steady_clock()
        self._gathered = {event_class: bytearray() for event_class in EventClass}
        self._since_s = 0.0
        self._lost_before = self._lost()
        self._disk_trouble: str | None = None
        self._last_status: Status | None = None
        self._lock = threading.Lock()
        self._news, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._deliver, name=f"deliver-{self.name}", daemon=True)
        self._thread.start()

    def write(self, lines: Lines) -> None:
        """Take lines. DiskError: as many as one batch holds are gathered already and cannot be put into the spool."""
        with self._lock:
            gathered = self._gathered[lines.of]
            if len(gathered) >= self._batching.most_bytes:
                self._put(lines.of)
            if not any(self._gathered.values()):
                self._since_s = time.monotonic()
            gathered += lines.data
            if len(gathered) >= self._batching.most_bytes:
                self._try_put(lines.of)

    def flush(self) -> None:
        """Put findings into the spool; flows wait a little longer for company."""
        with self._lock:
            self._put(EventClass.FINDING)

    def sync(self) -> None:
        """Put everything into the spool."""
        with self._lock:
            for event_class in EventClass:
                self._put(event_class)

    def close(self) -> None:
        """Put everything into the spool, deliver for a moment, and leave the rest to the next start."""
        self._closing.set()
        self._news.set()
        self._thread.join(self._batching.drain_s)
        with self._lock:
            for event_class in EventClass:
                self._try_put(event_class)
        if self._thread.is_alive():
            return  # It waits for an answer; what it sends stays in the spool.
        self._last_status = self.status()
        self._transport.close()
        self._spool.close()

    def status(self) -> Status:
        """How it stands; what the spool shed, refused or found damaged is lost."""
        if self._last_status:
            return self._last_status
        waiting = self._spool.waiting().values()
        with self._lock:
            gathered = [(len(lines), lines.count(b"\n")) for lines in self._gathered.values()]
        return Status(
            waiting_events=sum(count.events for count in waiting) + sum(events for _, events in gathered),
            waiting_bytes=sum(count.bytes for count in waiting) + sum(size for size, _ in gathered),
            delivered=self._sender.sent.events,
            lost={of: events - self._lost_before[of] for of, events in self._lost().items()},
            trouble=self._disk_trouble or self._sender.trouble,
        )

    def _lost(self) -> dict[EventClass, int]:
        tally = self._spool.tally()
        return {of: sum(fates[fate].events for fate in LOST) for of, fates in tally.items()}

    def _put(self, event_class: EventClass) -> None:
        gathered = self._gathered[event_class]
        if gathered:
            self._spool.append(event_class, bytes(gathered), self._clock_ns())
            gathered.clear()
            self._news.set()

    def _try_put(self, event_class: EventClass) -> None:
        try:
            self._put(event_class)
            self._disk_trouble = None
        except DiskError as error:
            self._disk_trouble = str(error)

    def _deliver(self) -> None:
        """The thread: until everything is sent after `close`, or something is in the way then."""
        try:
            while True:
                is_last = self._closing.is_set()
                pause_s = self._step()
                if is_last and pause_s != 0:
                    return
                self._rest(pause_s)
        finally:
            if not self._closing.is_set():
                self._disk_trouble = "delivery has ended through a fault of this program"

    def _step(self) -> float | None:
        self._put_what_lingers()
        now_ns = self._clock_ns()
        with suppress(DiskError):  # the next append says so
            self._spool.expire(now_ns)
        pause_s = self._sender.step(now_ns)
        self._say(self._disk_trouble or self._sender.trouble)
        return pause_s

    def _say(self, trouble: str | None) -> None:
        if trouble != self._said:
            self._said = trouble
            self._complain(self.name, trouble)

    def _rest(self, pause_s: float | None) -> None:
        """Wait for news where nothing waits; else for the time to pass, and go on gathering meanwhile."""
        if pause_s is None:
            self._news.wait(self._batching.linger_s)
            self._news.clear()
            return
        until_s = time.monotonic() + pause_s
        while (left_s := until_s - time.monotonic()) > 0:
            if self._closing.wait(min(left_s, self._batching.linger_s)):
                return
            self._put_what_lingers()

    def _put_what_lingers(self) -> None:
        with self._lock:
            if time.monotonic() - self._since_s >= self._batching.linger_s or self._closing.is_set():
                for event_class in EventClass:
                    self._try_put(event_class)


def steady_clock() -> Callable[[], int]:
    """Nanoseconds since 1970 as they were when it was made; steps of the machine's clock do not move it."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    return lambda: time.monotonic_ns() + offset_ns
