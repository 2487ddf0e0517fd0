"""How long to wait before the next attempt: full jitter, so that agents that failed together return apart."""

import random

import msgspec

from observer.sinks.transport import Failed

MOST_RETRY_AFTER_S = 300.0
"""A receiver that asks for more is asked again anyway."""


class Backoff(msgspec.Struct, frozen=True):
    """Seconds: the first wait at most, any wait at most, and the wait where only a person can help."""

    first_s: float = 0.5
    most_s: float = 60.0
    lasting_s: float = 30.0

    def pause_s(self, failures: int, failed: Failed, chance: random.Random) -> float:
        """The wait after so many failures in a row, the last of which is given."""
        if failed.retry_after_s is not None:
            asked = min(max(failed.retry_after_s, 0.0), MOST_RETRY_AFTER_S)
            return asked + chance.uniform(0, min(self.most_s, max(self.first_s, asked / 2)))
        if failed.lasting:
            return chance.uniform(self.lasting_s / 2, self.lasting_s)
        return chance.uniform(0, min(self.most_s, self.first_s * 2 ** min(failures - 1, 30)))
