"""Reads files again when they change or when it is asked to, and keeps the old where the new are wrong.

Reading takes a thread of its own, so that packets do not wait for a large inventory; what was read is put in force
between two steps of the loop.
"""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from observer.errors import ObserverError
from observer.logs import Log

K = TypeVar("K")
Mark = tuple[tuple[str, int, int, int], ...]


class Reloads(msgspec.Struct, frozen=True):
    """How often files were read again; `trouble` is what is wrong with the newest, null where they are in force."""

    succeeded: int = 0
    failed: int = 0
    trouble: str | None = None


class Reloader(Generic[K]):
    """Watches the files that `files` names of what is in force; `read` reads them all, `apply` puts that in force.

    `ended` is called after each attempt, whatever came of it.
    """

    def __init__(
        self,
        known: K,
        *,
        files: Callable[[K], Iterable[Path]],
        read: Callable[[], K],
        apply: Callable[[K], None],
        ended: Callable[[], None],
        log: Log,
        every_s: float,
    ) -> None:
        self._known, self._files, self._read, self._apply = known, files, read, apply
        self._ended, self._log, self._every_s = ended, log, every_s
        self._last_read = self._seen = self._mark()
        self._looked_s = 0.0
        self._asked = False
        self._outcome: K | ObserverError | None = None
        self._thread: threading.Thread | None = None
        self.reloads = Reloads()

    def ask(self) -> None:
        """Read again at the next step, changed or not; safe in a signal handler."""
        self._asked = True

    def tick(self, now_s: float) -> None:
        """Put in force what was read meanwhile, or look whether there is something to read."""
        if self._thread:
            if not self._thread.is_alive():
                self._thread = None
                self._finish()
                self._ended()
        elif self._asked or self._have_changed(now_s):
            self._asked = False
            self._last_read = self._seen = self._mark()
            self._thread = threading.Thread(target=self._try, name="reload", daemon=True)
            self._thread.start()

    def _try(self) -> None:
        try:
            self._outcome = self._read()
        except ObserverError as error:
            self._outcome = error

    def _finish(self) -> None:
        outcome, self._outcome = self._outcome, None
        if outcome is None or isinstance(outcome, ObserverError):
            self._fail(str(outcome or "the files could not be read"))
            return
        self._known = outcome
        self._apply(outcome)
        self._also_of_new_names()
        self.reloads = Reloads(self.reloads.succeeded + 1, self.reloads.failed)
        self._log.info("files read again: the new are in force")

    def _fail(self, trouble: str) -> None:
        self.reloads = Reloads(self.reloads.succeeded, self.reloads.failed + 1, trouble)
        self._log.error("files read again: the old stay in force", trouble=trouble)

    def _have_changed(self, now_s: float) -> bool:
        """Whether they are other files than those last read, and were the same twice: nobody is writing them now."""
        if not self._every_s or now_s - self._looked_s < self._every_s:
            return False
        self._looked_s = now_s
        before, self._seen = self._seen, self._mark()
        return self._seen != self._last_read and self._seen == before

    def _also_of_new_names(self) -> None:
        """The files may name others; where one changed while it was read, it is read once more."""
        now = self._mark()
        if set(self._last_read) <= set(now):
            self._last_read = self._seen = now

    def _mark(self) -> Mark:
        """What tells whether a file is another: a mounted ConfigMap changes by new files behind the same names."""
        return tuple(sorted(mark for place in self._files(self._known) for mark in _marks(place)))


def _marks(place: Path) -> Iterable[tuple[str, int, int, int]]:
    for file in [place, *sorted(place.rglob("*.yaml"))] if place.is_dir() else [place]:
        try:
            status = file.stat()
        except OSError:
            continue
        yield str(file), status.st_ino, status.st_mtime_ns, status.st_size
