"""Lines to a file that is turned over by size and age, and of whose predecessors only some are kept.

`events.ndjson` is the newest, `events.ndjson.1` the one before. A line is in the file whole or not at all, also where
the disk was full or the process was killed.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from observer.sinks import Lines, Status

OURS = b'{"schema":"observer/'
"""How every event begins."""
TAIL_BYTES = 1024 * 1024
"""No event is longer: of a torn last line the beginning is looked for so far back."""

Clock = Callable[[], float]


class Rotation(msgspec.Struct, frozen=True):
    """When a file is turned over (0: never), and how many older ones are kept."""

    max_bytes: int = 0
    max_age_s: float = 0
    keep: int = 5


class File:
    """Appends lines to a file. OSError where it cannot be opened or written."""

    name = "file"

    def __init__(self, path: Path, rotation: Rotation, clock_s: Clock = time.time) -> None:
        self._path, self._rotation, self._clock_s = path, rotation, clock_s
        self._delivered = 0
        self._born_s = 0.0
        self._file, self._size = self._open()

    def write(self, lines: Lines) -> None:
        """Append the lines, in a new file where the old one is large or old enough."""
        if self._is_due(len(lines.data)):
            self._turn_over()
        self._append(lines.data)
        self._delivered += lines.count

    def flush(self) -> None:
        """Nothing waits: the kernel has all lines already."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def status(self) -> Status:
        """How many events were written."""
        return Status(delivered=self._delivered)

    def _open(self) -> tuple[int, int]:
        """The open file and its size."""
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._born_s = self._clock_s()
        return file, _without_torn_line(file)

    def _is_due(self, more: int) -> bool:
        rotation, age_s = self._rotation, self._clock_s() - self._born_s
        too_large = bool(rotation.max_bytes) and self._size + more > rotation.max_bytes
        too_old = bool(rotation.max_age_s) and age_s >= rotation.max_age_s
        return self._size > 0 and (too_large or too_old)

    def _turn_over(self) -> None:
        """Number the older files one up; the last falls off. The open file is let go only when a new one is there."""
        for number in range(self._rotation.keep, 0, -1):
            older = self._numbered(number - 1) if number > 1 else self._path
            with contextlib.suppress(FileNotFoundError):
                older.replace(self._numbered(number))
        if not self._rotation.keep:
            self._path.unlink(missing_ok=True)
        old = self._file
        self._file, self._size = self._open()
        os.close(old)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _append(self, data: bytes) -> None:
        """All of it or nothing: what a full disk cut short is taken back."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:] if written else data)
        except OSError:
            if written:
                os.ftruncate(self._file, self._size)
            raise
        self._size += written


def _without_torn_line(file: int) -> int:
    """The size of the file once the beginning of an event that a killed agent left behind is cut off.

    An unfinished line that is no event of ours is ended instead.
    """
    size = os.fstat(file).st_size
    start = max(0, size - TAIL_BYTES)
    tail = os.pread(file, size - start, start)
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not torn:
        return size
    if not torn.startswith(OURS[: len(torn)]):
        return size + os.write(file, b"\n")
    os.ftruncate(file, size - len(torn))
    return size - len(torn)
