"""The progress bar: only for a person who waits."""

import io
import sys

import pytest

from observer.cli.progress import progress


class Terminal(io.StringIO):
    """Standard error at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("took_s", "shown"), [(0.4, False), (2.5, True)])
def test_the_bar_appears_only_when_it_takes_a_while(
    monkeypatch: pytest.MonkeyPatch, took_s: float, shown: bool
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    times = iter([0.0, took_s, took_s])

    with progress(lambda: next(times)) as report:
        assert report
        report(500_000, 1_000_000)

    assert ("0.5/1.0 MB" in terminal.getvalue()) == shown


def test_nothing_is_shown_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    with progress() as report:
        assert report is None
