"""Findings of one route that are told together, and what their receiver knows of them. Decides when, sends nothing."""

import msgspec

from observer.alerts.change import FindingChange
from observer.alerts.configuration import Route
from observer.alerts.message import MOST_TOLD, rank
from observer.model import Severity


class Held(msgspec.Struct):
    """A finding of a group, and as what it was told last: `told` with that severity, or not at all."""

    change: FindingChange
    told: Severity | None = None

    @property
    def firing(self) -> bool:
        """Whether it stands and is to be told."""
        return self.change.firing and not self.change.silenced

    @property
    def ended(self) -> bool:
        """Whether it was told and stands no more; silence does not keep an end back."""
        return not self.change.firing and self.told is not None

    @property
    def news(self) -> bool:
        """Whether the receiver does not know."""
        if self.change.firing:
            return self.firing and (self.told is None or rank(self.change.severity) > rank(self.told))
        return self.ended


class Group(msgspec.Struct):
    """The findings by key. `flush_ns`: when news are told; `sent_ns`: when something was told last."""

    id: str
    route: str
    labels: dict[str, str]
    held: dict[str, Held] = {}
    flush_ns: int | None = None
    sent_ns: int | None = None

    def schedule(self, route: Route, now_ns: int) -> None:
        """Set when the news are told: after the wait of a first message, or the interval between two."""
        if self.flush_ns is None and any(held.news for held in self.held.values()):
            later = now_ns + route.group_wait.ns
            self.flush_ns = later if self.sent_ns is None else max(now_ns, self.sent_ns + route.group_interval.ns)

    def next_ns(self, route: Route) -> int | None:
        """When the group has something to say; null as long as nothing stands."""
        if self.flush_ns is not None or self.sent_ns is None:
            return self.flush_ns
        standing = any(held.firing and held.told is not None for held in self.held.values())
        return self.sent_ns + route.repeat_interval.ns if standing else None

    def selected(self) -> list[Held]:
        """What the next message tells: news first, then the worst. What has no room stays news for the next."""
        told = [held for held in self.held.values() if held.firing or held.ended]
        told.sort(key=lambda held: (not held.news, not held.firing, -rank(held.change.severity), held.change.key))
        return told[:MOST_TOLD]

    def worth_telling(self, route: Route, told: list[Held], now_ns: int) -> bool:
        """Whether there are news, or it is time to say the same again."""
        repeated = self.sent_ns is not None and self.sent_ns + route.repeat_interval.ns <= now_ns
        return any(held.news for held in told) or (repeated and bool(told))

    def note_sent(self, told: list[Held], now_ns: int) -> list[str]:
        """Remember what was told, and forget what ended; answers with the keys of those."""
        for held in told:
            held.told = held.change.severity if held.firing else None
        gone = [key for key, held in self.held.items() if not held.change.firing and held.told is None]
        for key in gone:
            del self.held[key]
        self.flush_ns, self.sent_ns = None, now_ns
        return gone
