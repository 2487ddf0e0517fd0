"""What is missing from an agent's events, by counter and by stage. Only sums."""

from collections import Counter
from collections.abc import Mapping

STAGES = {
    "ring_dropped": "ring",
    "kernel_passed_uncounted": "map",
    "evicted_flows": "flows",
    "unfollowed_conversations": "reassembly",
    "abandoned_conversations": "reassembly",
    "facts_without_room": "facts",
    "findings_forgotten": "findings",
    "flow_events_shed": "shed",
    "flow_events_lost": "sink",
    "findings_lost": "sink",
}
"""The counters that say that something is missing, and the stage at which it went."""


class Losses:
    """Counters of what is lost, held against those of the time before."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def since(self, counters: Mapping[str, int]) -> dict[str, int]:
        """What grew since the last `mark`, by counter."""
        grown = {name: counters.get(name, 0) - self._before.get(name, 0) for name in STAGES}
        return {name: count for name, count in grown.items() if count > 0}

    def mark(self, counters: Mapping[str, int]) -> None:
        """From now on these are the time before."""
        self._before = {name: counters.get(name, 0) for name in STAGES}


def by_stage(lost: Mapping[str, int]) -> dict[str, int]:
    """The same counts by stage."""
    stages = Counter[str]()
    for name, count in lost.items():
        stages[STAGES[name]] += count
    return dict(sorted(stages.items()))
