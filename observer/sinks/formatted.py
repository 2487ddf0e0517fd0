"""A sink that writes events in another format."""

import msgspec

from observer.formats.format import Format, formatted
from observer.sinks import Lines, Sink, Status


class Formatted:
    """Turns the lines for the sink behind it."""

    def __init__(self, sink: Sink, chosen: Format) -> None:
        self.name = sink.name
        self._sink, self._chosen = sink, chosen

    def write(self, lines: Lines) -> None:
        """Write them in the format."""
        self._sink.write(msgspec.structs.replace(lines, data=formatted(lines.data, self._chosen)))

    def flush(self) -> None:
        """Hand on what was taken."""
        self._sink.flush()

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()

    def status(self) -> Status:
        """The sink's."""
        return self._sink.status()
