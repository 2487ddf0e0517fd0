"""The queue before a sink: nobody waits, findings outlive flows, and what is given up is counted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from observer.model import EventClass
from observer.sinks import Lines, Status, queue
from observer.sinks.queue import Queued

FLOW, FINDING = EventClass.FLOW, EventClass.FINDING
PATIENCE_S = 10


class Doubtful:
    """A sink that takes lines only while it is open, and fails while it is broken."""

    name = "doubtful"

    def __init__(self) -> None:
        self.open, self.asked = threading.Event(), threading.Event()
        self.broken: OSError | None = None
        self.taken: list[bytes] = []

    def write(self, lines: Lines) -> None:
        self.asked.set()
        assert self.open.wait(PATIENCE_S)
        if self.broken:
            raise self.broken
        self.taken.append(lines.data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def status(self) -> Status:
        return Status(delivered=len(self.taken))


@contextmanager
def queued(sink: Doubtful, said: list[str | None] | None = None) -> Iterator[Queued]:
    told = said if said is not None else []
    behind = Queued(sink, lambda _, trouble: told.append(trouble), flow_bytes=4, finding_bytes=4)
    yield behind
    sink.open.set()
    behind.close(PATIENCE_S)


def test_what_finds_no_room_is_counted_and_findings_have_room_of_their_own() -> None:
    sink = Doubtful()
    with queued(sink) as behind:
        for data in (b"ab", b"cd", b"ef"):
            behind.write(Lines(data, 1, FLOW))
        behind.write(Lines(b"gh", 1, FINDING))
        waiting = behind.status()

    assert (waiting.waiting_bytes, waiting.lost) == (6, {FLOW: 1, FINDING: 0})
    assert sink.taken == [b"ab", b"cd", b"gh"]
    assert behind.status().waiting_bytes == 0


def test_a_finding_waits_for_a_sink_that_fails_and_a_flow_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "RETRY_S", 0.01)
    sink, said = Doubtful(), list[str | None]()
    sink.broken = OSError(28, "No space left on device")
    sink.open.set()
    with queued(sink, said) as behind:
        behind.write(Lines(b"ab", 1, FLOW))
        behind.write(Lines(b"cd", 1, FINDING))
        while behind.status().lost[FLOW] == 0:
            threading.Event().wait(0.01)
        assert behind.status().trouble == "No space left on device"
        sink.broken = None

    assert (sink.taken, behind.status().lost, behind.status().trouble) == ([b"cd"], {FLOW: 1, FINDING: 0}, None)
    assert said == ["No space left on device", None]


def test_what_cannot_be_handed_on_before_the_end_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "RETRY_S", 0.01)
    sink = Doubtful()
    sink.broken = OSError(28, "No space left on device")
    sink.open.set()
    behind = Queued(sink, lambda *_: None)
    behind.write(Lines(b"ab", 3, FINDING))
    behind.write(Lines(b"cd", 2, FINDING))
    behind.close(within_s=0.05)

    assert behind.status().lost[FINDING] == 5


def test_a_reader_that_went_away_is_told_apart_and_not_waited_for() -> None:
    sink = Doubtful()
    sink.broken = BrokenPipeError(32, "Broken pipe")
    with queued(sink) as behind:
        behind.write(Lines(b"ab", 1, FINDING))

    assert (behind.gone, behind.status().lost[FINDING]) == (True, 1)
