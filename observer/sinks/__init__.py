"""Where events go: the seam between whoever makes lines and whoever keeps them. One destination a file.

A sink may wait for a disk or a network: `queue.Queued` puts it behind a bounded queue, so that capture never waits.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from observer.model import EventClass


class Lines(msgspec.Struct, frozen=True):
    """Whole lines of one class, each an event as JSON that ends in a line feed; `count` says how many."""

    data: bytes
    count: int
    of: EventClass = EventClass.FLOW


class Status(msgspec.Struct, frozen=True):
    """How a sink stands; counts are since its start.

    `waiting_events`, `waiting_bytes`: taken and not yet handed on. `lost`: given up, by class. `delivered`: handed on.
    `trouble` says in a few words what is wrong now, null where nothing is.
    """

    waiting_events: int = 0
    waiting_bytes: int = 0
    delivered: int = 0
    lost: Mapping[EventClass, int] = msgspec.field(default_factory=dict)
    trouble: str | None = None


class Sink(Protocol):
    """Takes lines. Only one thread calls it, except for `status`, which any may ask at any time."""

    name: str
    """A word for metrics and logs, such as `file`."""

    def write(self, lines: Lines) -> None:
        """Take all of the lines, in their order; OSError where they could not be taken: then none of them was."""

    def flush(self) -> None:
        """Hand on what was taken; called when a pause has come. OSError where that failed."""

    def close(self) -> None:
        """Hand on what can be handed on at once, and let go of files and connections."""

    def status(self) -> Status:
        """How it stands now."""
