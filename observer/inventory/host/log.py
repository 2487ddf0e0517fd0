"""What reading a host found out about itself: where each fact stands, and what could not be read."""

from observer.inventory.components import Unread
from observer.inventory.host.commands import Command
from observer.inventory.host.reading import UnreadableError, read_first


class Log:
    """Collected while a host is read; the host's name is known only at the end."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self._unread: dict[tuple[str, str], None] = {}

    def could_not_read(self, what: str, reason: object) -> None:
        """One thing that could not be read, told once."""
        self._unread[what, str(reason)] = None

    def note(self, prefix: str, sources: dict[str, str]) -> None:
        """Where facts stand; the first place told stays."""
        for fact, where in sources.items():
            self.sources.setdefault(f"{prefix}.{fact}", where)

    def text(self, command: Command, path: str) -> str | None:
        """A file that a command names, or None and a word about it."""
        try:
            return read_first(command.places(path))
        except UnreadableError as error:
            self.could_not_read(path, error)
            return None

    def unread(self, host: str) -> tuple[Unread, ...]:
        """What could not be read, in the order it was tried."""
        return tuple(Unread(host=host, what=what, reason=reason) for what, reason in self._unread)
