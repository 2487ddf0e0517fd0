"""The events of a running agent for whoever looks on.

Who comes late is told the newest findings first; who is slow misses some.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from observer.model import EventClass
from observer.sinks import Lines, Sink, Status

REMEMBERED = 512
"""Findings, summaries and losses that a newcomer is told."""
QUEUE_BYTES = 4 * 1024 * 1024
"""Of each listener, before it misses something."""


class Listener:
    """One who looks on: takes lines from one thread and gives them to another."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = deque(lines)
        self._bytes = sum(map(len, lines))
        self._came = threading.Condition()

    def tell(self, data: bytes) -> None:
        """Add lines, unless too many wait already."""
        with self._came:
            if self._bytes + len(data) <= QUEUE_BYTES:
                self._lines.append(data)
                self._bytes += len(data)
                self._came.notify()

    def wait(self, timeout_s: float) -> bytes:
        """What came since the last time; an empty line where nothing did, so that a listener who left is noticed."""
        with self._came:
            self._came.wait_for(lambda: self._lines, timeout_s)
            told = b"".join(self._lines)
            self._lines.clear()
            self._bytes = 0
        return told or b"\n"


class Broadcast:
    """A sink before another one: passes all lines on, and tells them to those who look on."""

    def __init__(self, sink: Sink) -> None:
        self.name, self._sink = sink.name, sink
        self._listeners: list[Listener] = []
        self._remembered = deque[bytes](maxlen=REMEMBERED)
        self._lock = threading.Lock()

    def write(self, lines: Lines) -> None:
        """Pass the lines on; this costs next to nothing while nobody looks on."""
        self._sink.write(lines)
        with self._lock:
            if lines.of is EventClass.FINDING:
                self._remembered.append(lines.data)
            for listener in self._listeners:
                listener.tell(lines.data)

    def flush(self) -> None:
        """Pass it on."""
        self._sink.flush()

    def close(self) -> None:
        """Pass it on."""
        self._sink.close()

    def status(self) -> Status:
        """That of the sink behind."""
        return self._sink.status()

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """One who looks on from now until the block ends."""
        with self._lock:
            listener = Listener(list(self._remembered))
            self._listeners.append(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.remove(listener)
