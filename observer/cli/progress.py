"""A progress bar on standard error, for a person who waits: only at a terminal, and only once it takes a while."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE_S = 1.0
"""Shorter work ends before anybody wonders."""

Report = Callable[[int, int | None], None]
"""Takes the bytes read so far and their number in all, where that is known."""


@contextmanager
def progress(clock: Callable[[], float] = time.monotonic) -> Iterator[Report | None]:
    """What the work reports to, or None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(clock)
    try:
        yield bar.report
    finally:
        bar.stop()


class _Bar:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._appears_at = clock() + PATIENCE_S
        self._progress: Progress | None = None

    def report(self, done: int, total: int | None) -> None:
        """Show how far the work is."""
        if self._progress is None and self._clock() >= self._appears_at:
            self._start()
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=done, total=total)

    def stop(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._progress.add_task("", total=None)
        self._progress.start()
