"""Reads small files of a host without trusting them: bounded, only ordinary files, and a reason where it cannot be."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

# Configuration files and command lines are a few kB; what is larger is none.
LENGTH_LIMIT = 1024 * 1024


class UnreadableError(Exception):
    """Why a file could not be read; the message completes "could not read FILE: …"."""


def read_bytes(file: Path) -> bytes:
    """The file's bytes, or UnreadableError."""
    try:
        # Without O_NONBLOCK a pipe in the place of a file would be waited for.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise UnreadableError(_reason(error)) from error
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableError("is no ordinary file")
        try:
            content = opened.read(LENGTH_LIMIT + 1)
        except OSError as error:
            raise UnreadableError(_reason(error)) from error
    if len(content) > LENGTH_LIMIT:
        raise UnreadableError(f"is longer than {LENGTH_LIMIT} bytes")
    return content


def read_text(file: Path) -> str:
    """The file's text, or UnreadableError."""
    try:
        return read_bytes(file).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 at byte {error.start}") from error


def read_first(files: Iterable[Path]) -> str:
    """The text of the first file that is there; the last reason where none can be read."""
    reason = UnreadableError("no such file")
    for file in files:
        try:
            return read_text(file)
        except UnreadableError as error:
            reason = error
    raise reason


def entries(folder: Path) -> list[Path]:
    """What is in a folder, in order; nothing where it is not there. UnreadableError where it must not be read."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UnreadableError(_reason(error)) from error


def below(root: Path, path: str) -> Path:
    """The host's absolute path as seen from here, its `..` taken out."""
    return root / os.path.normpath("/" + path).lstrip("/")


def _reason(error: OSError | ValueError) -> str:
    reason = (error.strerror if isinstance(error, OSError) else None) or "cannot be opened"
    return reason[:1].lower() + reason[1:]
