"""How much one sender may deliver: so many bytes a second, and a burst. Pure: time is an argument."""

from collections import OrderedDict
from dataclasses import dataclass

SENDERS = 20_000
"""Senders remembered; one that is forgotten starts with a full burst again."""


@dataclass(frozen=True)
class Rate:
    """A thousand events are some 60 KiB packed: a node with 1,000 events a second sends 60 KiB a second."""

    bytes_per_s: float = 2 * 1024 * 1024
    burst_bytes: float = 64 * 1024 * 1024
    """Five minutes of a busy node: what an agent kept while the collector was away must not take long to deliver."""


class Buckets:
    """One bucket for each sender. Not for several threads."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, sender: str, size: int, now_ns: int) -> float:
        """Take so many bytes and answer 0, or take none and answer in how many seconds they may come."""
        rate = self._rate
        left, then_ns = self._left.get(sender, (rate.burst_bytes, now_ns))
        left = min(rate.burst_bytes, left + rate.bytes_per_s * max(0, now_ns - then_ns) / 1e9)
        # One batch of the largest size is always let through by a full bucket.
        missing = min(size, rate.burst_bytes) - left
        self._left[sender] = (left if missing > 0 else left - size, now_ns)
        self._left.move_to_end(sender)
        if len(self._left) > SENDERS:
            self._left.popitem(last=False)
        return max(0.0, missing / rate.bytes_per_s)
