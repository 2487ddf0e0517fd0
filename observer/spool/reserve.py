"""Space on the disk that is given up when the disk is full, so that what was delivered can still be removed."""

import os
from pathlib import Path

SIZE = 1024 * 1024
"""Removing a batch writes about 20 kB to the write-ahead log, which is put into the file each MiB."""


class Reserve:
    """A file of zeros, or, while the disk is full, none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.held = False
        self.hold()

    def hold(self) -> None:
        """Take the space again if the disk has it."""
        if self.held:
            return
        try:
            with self._file.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            self.held = True
        except OSError:
            self.release()

    def release(self) -> None:
        """Give the space to others."""
        self._file.unlink(missing_ok=True)
        self.held = False
