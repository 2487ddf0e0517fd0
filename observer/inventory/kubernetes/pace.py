"""How long to wait after faults: longer each time, by chance within bounds, so that many agents do not come at once."""

import random

FIRST_S = 0.5
LONGEST_S = 30.0
"""A client of Kubernetes' own waits as long; an API server that comes back must not be met by everybody at once."""


class Pace:
    """Counts consecutive faults; `chance` makes it repeatable in tests."""

    def __init__(self, chance: random.Random, longest_s: float = LONGEST_S) -> None:
        self._chance, self._longest_s, self._faults = chance, longest_s, 0

    def went_well(self) -> None:
        """The next fault is the first again."""
        self._faults = 0

    def after_fault(self, asked_s: float = 0.0) -> float:
        """Seconds to wait; never less than the server asked for."""
        longest = min(self._longest_s, FIRST_S * float(1 << min(self._faults, 10)))
        self._faults += 1
        return max(asked_s, longest * self._chance.uniform(0.5, 1.0))

    def between(self, shortest_s: float) -> float:
        """A pause that differs from agent to agent, up to half as long again."""
        return shortest_s * self._chance.uniform(1.0, 1.5)
