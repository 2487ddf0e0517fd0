"""The components that run on a host, by the command lines of its processes. Environments are not looked at."""

from pathlib import Path

from observer.inventory.host.commands import Command, Hidden, recognise
from observer.inventory.host.flags import Argument
from observer.inventory.host.reading import UnreadableError, entries, read_bytes


def running(proc: Path, root: Path) -> list[Command | Hidden]:
    """What runs, in the order of process ids. UnreadableError where the list itself cannot be read.

    A process that ends meanwhile was not there. Anybody may call a process by any name: whoever reads must not take
    one that contradicts another for the truth.
    """
    if not proc.is_dir():
        raise UnreadableError("no such directory")
    numbers = sorted(int(entry.name) for entry in entries(proc) if entry.name.isdigit())
    return [found for number in numbers for found in _read(proc / str(number), number, root)]


def _read(process: Path, number: int, root: Path) -> list[Command | Hidden]:
    try:
        words = read_bytes(process / "cmdline").rstrip(b"\0").split(b"\0")
    except UnreadableError:
        return []
    where = f"process {number}"
    arguments = [Argument(word.decode("utf-8", "replace"), where) for word in words]
    return recognise(arguments, where, (process / "root", root))
