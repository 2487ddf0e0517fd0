"""Lines to a stream that is already open, such as standard output. A reader that went away ends it with OSError."""

from typing import BinaryIO

from observer.sinks import Lines, Status


class Stream:
    """Writes lines as they are, to a pipe, a terminal or a device."""

    name = "stdout"

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._delivered = 0

    def write(self, lines: Lines) -> None:
        """Write the lines; a slow reader is waited for."""
        self._out.write(lines.data)
        self._delivered += lines.count

    def flush(self) -> None:
        """Hand on what a buffer holds."""
        self._out.flush()

    def close(self) -> None:
        """Hand on the rest; the stream stays open, since it is not ours."""
        self.flush()

    def status(self) -> Status:
        """How many events were written."""
        return Status(delivered=self._delivered)
