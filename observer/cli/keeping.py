"""Keeps the agent's memory of what endpoints showed in a file, whole or not at all; read again at its next start."""

from pathlib import Path

from observer.cli.output import destination
from observer.errors import ConfigurationError
from observer.evidence.memory import written
from observer.logs import Log
from observer.pipeline import Watch


def files(memory: str | None) -> list[str]:
    """The memory to read, where it is there yet."""
    return [memory] if memory and Path(memory).exists() else []


class Keeper:
    """Writes a memory now and then and at the end; that it cannot be written ends no capture."""

    def __init__(self, watch: Watch, memory: str | None, log: Log, *, every_s: float) -> None:
        self._watch, self._memory, self._log, self._every_s = watch, memory, log, every_s
        self._due_s: float | None = None

    def tick(self, now_s: float) -> None:
        """Write where it is time."""
        if self._due_s is None:
            self._due_s = now_s + self._every_s
        if now_s >= self._due_s:
            self._due_s = now_s + self._every_s
            self.write()

    def write(self) -> None:
        """Write what was known and what passed since."""
        if self._memory is None:
            return
        try:
            with destination(self._memory) as out:
                out.writelines(written(self._watch.remembered()))
        except ConfigurationError as error:
            self._log.error("memory is not kept", trouble=str(error))
