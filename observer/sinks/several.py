"""Several destinations as one sink."""

from collections import Counter
from collections.abc import Mapping, Sequence

from observer.model import EventClass
from observer.sinks import Lines, Status
from observer.sinks.queue import Queued


class Several:
    """Gives every line to every destination; each has a queue of its own, so that none waits for another."""

    name = "all"

    def __init__(self, sinks: Sequence[Queued]) -> None:
        self.sinks = tuple(sinks)

    @property
    def gone(self) -> bool:
        """Whether nobody takes events any more."""
        return all(sink.gone for sink in self.sinks)

    def write(self, lines: Lines) -> None:
        """Take the lines."""
        for sink in self.sinks:
            sink.write(lines)

    def flush(self) -> None:
        """Nothing: lines are handed on as they come."""

    def close(self, within_s: float = 5.0) -> None:
        """Hand on what waits, for at most so long at each."""
        for sink in self.sinks:
            sink.close(within_s)

    def each(self) -> Mapping[str, Status]:
        """How each stands, by its name."""
        return {sink.name: sink.status() for sink in self.sinks}

    def status(self) -> Status:
        """All of them together."""
        statuses = [sink.status() for sink in self.sinks]
        lost = Counter[EventClass]()
        for status in statuses:
            lost.update(status.lost)
        return Status(
            waiting_events=sum(status.waiting_events for status in statuses),
            waiting_bytes=sum(status.waiting_bytes for status in statuses),
            delivered=sum(status.delivered for status in statuses),
            lost=lost,
            trouble=next((status.trouble for status in statuses if status.trouble), None),
        )
