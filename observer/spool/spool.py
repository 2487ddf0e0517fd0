"""What waits for one receiver: findings and flows on two shelves in one folder. Several threads may use it."""

import fcntl
import threading
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import msgspec

from observer.errors import ConfigurationError
from observer.model import EventClass
from observer.spool.batch import Batch, new_id, packed
from observer.spool.rows import Count, Fate
from observer.spool.shelf import DiskError, Limits, Shelf

MIB = 1024 * 1024


class SpoolLimits(msgspec.Struct, frozen=True):
    """How much of each class may wait."""

    findings: Limits = Limits(bytes=64 * MIB)
    flows: Limits = Limits(bytes=256 * MIB, age_s=24 * 3600)


class Spool:
    """Keeps batches until they are delivered; see `Shelf` for what each method promises."""

    def __init__(self, folder: Path, limits: SpoolLimits) -> None:
        self._lock = threading.RLock()
        self._claim = _claimed(folder)
        try:
            self._shelves = {
                EventClass.FINDING: Shelf(folder / "finding.sqlite", EventClass.FINDING, limits.findings),
                EventClass.FLOW: Shelf(folder / "flow.sqlite", EventClass.FLOW, limits.flows),
            }
        except DiskError as error:
            raise ConfigurationError(f"{folder}: cannot be the spool: {error}") from error
        self._sequence = max(shelf.last_sequence() for shelf in self._shelves.values())

    def append(self, event_class: EventClass, lines: bytes, now_ns: int) -> None:
        """Keep events (whole lines) as one batch. DiskError: nothing was kept."""
        events, body = lines.count(b"\n"), packed(lines)
        with self._lock:
            batch = Batch(self._next_sequence(now_ns), new_id(), event_class, now_ns, events, body)
            self._shelves[event_class].append(batch)

    def next(self, skipped: Collection[int] = ()) -> Batch | None:
        """The oldest batch of findings, else of flows; it is held until `release`."""
        with self._lock:
            for shelf in self._shelves.values():
                batch = shelf.next(skipped)
                if batch is not None:
                    shelf.held = batch.sequence
                    return batch
        return None

    def release(self, batch: Batch) -> None:
        """The batch is not being sent any more and may be shed."""
        with self._lock:
            self._shelves[batch.event_class].held = None

    def sent(self, batch: Batch) -> None:
        """Forget a batch: the receiver has it."""
        with self._lock:
            self._shelves[batch.event_class].sent(batch)

    def refuse(self, batch: Batch, reason: str, now_ns: int) -> None:
        """Set a batch that will never be accepted aside."""
        with self._lock:
            self._shelves[batch.event_class].refuse(batch, reason, now_ns)

    def split(self, batch: Batch, now_ns: int) -> None:
        """Put two halves of a batch of several events in its place."""
        lines = batch.lines()
        half = len(lines) // 2
        with self._lock:
            parts = [self._part(batch, lines[:half], now_ns), self._part(batch, lines[half:], now_ns)]
            self._shelves[batch.event_class].replace(batch, parts)

    def expire(self, now_ns: int) -> None:
        """Shed what is too old."""
        with self._lock:
            for shelf in self._shelves.values():
                shelf.expire(now_ns)

    def waiting(self) -> dict[EventClass, Count]:
        """How much waits, by class."""
        with self._lock:
            return {event_class: shelf.waiting() for event_class, shelf in self._shelves.items()}

    def tally(self) -> dict[EventClass, dict[Fate, Count]]:
        """What became of all batches, by class."""
        with self._lock:
            return {event_class: shelf.tally() for event_class, shelf in self._shelves.items()}

    def refused(self) -> list[tuple[str, str, bytes]]:
        """Id, reason and body of the refused batches that are kept."""
        with self._lock:
            return [row for shelf in self._shelves.values() for row in shelf.refused()]

    def oldest_ns(self) -> int | None:
        """When the oldest waiting batch was made."""
        with self._lock:
            return min((ns for shelf in self._shelves.values() if (ns := shelf.oldest_ns()) is not None), default=None)

    def files_set_aside(self) -> int:
        """How many damaged files were replaced since the start."""
        return sum(shelf.files_set_aside for shelf in self._shelves.values())

    def close(self) -> None:
        """Put everything into the files and give the folder free."""
        with self._lock:
            for shelf in self._shelves.values():
                shelf.close()
            self._claim.close()

    def _part(self, batch: Batch, lines: list[bytes], now_ns: int) -> Batch:
        sequence = self._next_sequence(now_ns)
        return Batch(sequence, new_id(), batch.event_class, batch.made_ns, len(lines), packed(b"".join(lines)))

    def _next_sequence(self, now_ns: int) -> int:
        """Ascending even when the spool was lost: not below the time in milliseconds."""
        self._sequence = max(self._sequence + 1, now_ns // 1_000_000)
        return self._sequence


def _claimed(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be the spool: {error.strerror or error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ConfigurationError(f"{folder}: another agent uses this spool") from None
    return lock
