"""Where a command's result goes: standard output, or a file that appears whole or not at all."""

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from observer.errors import ConfigurationError


@contextmanager
def destination(path: str | None) -> Iterator[BinaryIO]:
    """A file open for writing. An ordinary file is put in place only when the block ends without an error.

    Raises ConfigurationError where it cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    try:
        with _special(path) if _is_special(path) else _replaced(path) as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def text(out: BinaryIO) -> Iterator[TextIO]:
    """The same destination for text: a file is UTF-8, a terminal is what it says it is."""
    encoding = sys.stdout.encoding if out is sys.stdout.buffer else "utf-8"
    wrapper = io.TextIOWrapper(out, encoding=encoding, errors="replace", write_through=True)
    yield wrapper
    wrapper.detach()


def _is_special(path: str) -> bool:
    """Devices and pipes are written to, never replaced."""
    try:
        return not stat.S_ISREG(Path(path).stat().st_mode)
    except FileNotFoundError:
        return False


def _special(path: str) -> BinaryIO:
    return Path(path).open("wb")


@contextmanager
def _replaced(path: str) -> Iterator[BinaryIO]:
    target = Path(path).resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as out:
            yield out
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
