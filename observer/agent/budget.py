"""Whether the agent uses more than it may. What it does then is not decided here."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

CHECK_S = 1.0
RELIEF = 0.8
"""Below this part of the budget it is kept again: a little below, so that shedding does not flicker."""
PAGES = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    pages = int(PAGES.read_text(encoding="ascii").split()[1])
    return pages * 4096


class Allowance(msgspec.Struct, frozen=True):
    """What the agent may use; 0: as much as it likes."""

    cpu_cores: float = 0.0
    memory_bytes: int = 0


class Budget:
    """Compares what was used since the last look with what may be used."""

    def __init__(
        self,
        allowance: Allowance,
        cpu_s: Callable[[], float] = time.process_time,
        memory_bytes: Callable[[], int] = resident_bytes,
    ) -> None:
        self._allowance, self._cpu_s, self._memory_bytes = allowance, cpu_s, memory_bytes
        self._looked_s: float | None = None
        self._used_s = 0.0
        self.is_exceeded = False

    def tick(self, now_s: float) -> None:
        """Look again, once a second."""
        if self._looked_s is None:
            self._looked_s, self._used_s = now_s, self._cpu_s()
        elif now_s - self._looked_s >= CHECK_S:
            used_s = self._cpu_s()
            cores = (used_s - self._used_s) / (now_s - self._looked_s)
            self._looked_s, self._used_s = now_s, used_s
            limit = RELIEF if self.is_exceeded else 1.0
            self.is_exceeded = self._share(cores) > limit

    def _share(self, cores: float) -> float:
        """How much of the scarcer of the two is used."""
        cpu, memory = self._allowance.cpu_cores, self._allowance.memory_bytes
        return max(cores / cpu if cpu else 0.0, self._memory_bytes() / memory if memory else 0.0)
