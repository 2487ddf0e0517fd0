"""Tells what happens to those who listen now: flows that were committed and what becomes of findings."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from observer.collector.rows import FlowRow, Rows

QUEUE = 1000
"""Messages that wait for one listener: some megabytes at most."""

LISTENERS = 100

Wanted = Callable[[FlowRow], bool]
Message = tuple[str, bytes]
"""What kind it is, and its JSON."""


@dataclass(eq=False)
class Listener:
    """One who listens, in the event loop that made it; `missed` counts what it was too slow for."""

    loop: asyncio.AbstractEventLoop
    wanted: Wanted
    queue: "asyncio.Queue[Message | None]" = field(default_factory=lambda: asyncio.Queue(QUEUE))
    missed: int = 0

    def offer(self, message: Message | None) -> None:
        """Take a message or count it; to be called in the loop."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.missed += 1


class Live:
    """Who listens. `tell` and `committed` may be called by any thread."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()

    def join(self, wanted: Wanted) -> Listener | None:
        """Listen from now on; None where too many do."""
        listener = Listener(asyncio.get_running_loop(), wanted)
        with self._lock:
            if len(self._listeners) >= LISTENERS:
                return None
            self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        with self._lock:
            self._listeners.discard(listener)

    def committed(self, rows: Rows) -> None:
        """Flows are in the store."""
        for listener in self._now():
            for row in rows.flows:
                if listener.wanted(row):
                    listener.loop.call_soon_threadsafe(listener.offer, ("flow", _line(bytes(row.event))))

    def tell(self, kind: str, message: bytes) -> None:
        """Something else happened, for all."""
        for listener in self._now():
            listener.loop.call_soon_threadsafe(listener.offer, (kind, _line(message)))

    def close(self) -> None:
        """End all listening."""
        for listener in self._now():
            listener.loop.call_soon_threadsafe(_end, listener)

    def _now(self) -> list[Listener]:
        with self._lock:
            return list(self._listeners)


def _line(event: bytes) -> bytes:
    """Between the words of JSON a carriage return may stand, and in a stream of events it would end a line."""
    return event.replace(b"\r", b" ")


def _end(listener: Listener) -> None:
    while listener.queue.full():
        listener.queue.get_nowait()
    listener.queue.put_nowait(None)
