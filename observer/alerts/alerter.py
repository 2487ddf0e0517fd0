"""Turns changes of findings into messages: grouped, once, not too many, again after a while, and when they end.

Pure: time is an argument, and the groups can be taken out and put back.
"""

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from observer.alerts.change import FindingChange, Status
from observer.alerts.configuration import Configuration, Route
from observer.alerts.group import Group, Held
from observer.alerts.message import Message, Reason
from observer.alerts.routing import group_id, labels_of, routes_of

MOST_HELD = 100_000
"""Findings held in all groups, some 100 MB; a cluster has some thousands."""

ID_DIGITS = 32


class Alerter:
    """The groups of a configuration's routes. Not for several threads at once."""

    def __init__(self, configuration: Configuration, groups: Iterable[Group] = ()) -> None:
        """`groups` are those of an earlier run; what no route knows any more is left out."""
        self._link = configuration.link
        self._routes = {route.name: route for route in configuration.routes}
        self._groups = {group.id: group for group in groups if group.route in self._routes}
        self._holders = defaultdict[str, set[str]](set)
        self._sent = defaultdict[str, deque[int]](deque)
        self._touched = dict[str, set[str]]()
        self._count = sum(len(group.held) for group in self._groups.values())
        self.counters = Counter[str]()
        for group in self._groups.values():
            for key in group.held:
                self._holders[key].add(group.id)

    def take(self, change: FindingChange, now_ns: int) -> None:
        """Note what became of a finding."""
        wanted = {}
        for route in routes_of(change, self._routes.values()) if change.firing else ():
            labels = labels_of(change, route)
            wanted[group_id(route, labels)] = (route, labels)
        for name in sorted(self._holders.get(change.key, set()) - wanted.keys()):
            # A finding that moved to another group has ended for the receivers of this one.
            self._hold(self._groups[name], msgspec.structs.replace(change, status=Status.RESOLVED), now_ns)
        for name, (route, labels) in wanted.items():
            self._hold(self._groups.get(name) or Group(name, route.name, labels), change, now_ns)

    def due(self, now_ns: int) -> list[Message]:
        """The messages that are to be sent now; they count as told."""
        due = [group for group in self._groups.values() if (self._next(group) or now_ns + 1) <= now_ns]
        return [message for group in due for message in self._flush(group, now_ns)]

    def next_ns(self) -> int | None:
        """When the next message is due, as far as known."""
        return min((time for group in self._groups.values() if (time := self._next(group)) is not None), default=None)

    def standing(self) -> Iterator[FindingChange]:
        """What is held and has not ended."""
        for key, names in self._holders.items():
            changes = (self._groups[name].held[key].change for name in sorted(names))
            yield from islice((change for change in changes if change.firing), 1)

    def unsaved(self) -> dict[str, tuple[Group | None, set[str]]]:
        """Which groups changed since `saved`, null where gone, and which of their findings, by key."""
        return {name: (self._groups.get(name), set(keys)) for name, keys in self._touched.items()}

    def saved(self) -> None:
        """What `unsaved` told is kept somewhere."""
        self._touched.clear()

    def _next(self, group: Group) -> int | None:
        return group.next_ns(self._routes[group.route])

    def _hold(self, group: Group, change: FindingChange, now_ns: int) -> None:
        held = group.held.get(change.key)
        if held is None:
            if self._count >= MOST_HELD:
                self.counters["shed"] += 1
                return
            held = group.held[change.key] = Held(change)
            self._groups[group.id] = group
            self._holders[change.key].add(group.id)
            self._count += 1
        held.change = change
        self._touch(group, change.key)
        route = self._routes[group.route]
        if not change.firing and (held.told is None or not route.resolved):
            # Nobody was told that it stands, or wants to know that it ended.
            del group.held[change.key]
            self._release(group, change.key)
        group.schedule(route, now_ns)

    def _flush(self, group: Group, now_ns: int) -> Iterator[Message]:
        route = self._routes[group.route]
        told = group.selected()
        self._touch(group)
        if not group.worth_telling(route, told, now_ns):
            group.flush_ns = None
        elif not self._allowed(route, now_ns):
            group.flush_ns = self._sent[route.name][0] + route.rate_limit.per.ns
            self.counters["postponed"] += 1
        else:
            self._sent[route.name].append(now_ns)
            yield self._message(group, route, told, now_ns)
            self._touch(group, *(held.change.key for held in told))
            for key in group.note_sent(told, now_ns):
                self._release(group, key)
            group.schedule(route, now_ns)

    def _release(self, group: Group, key: str) -> None:
        self._count -= 1
        self._holders[key].discard(group.id)
        if not self._holders[key]:
            del self._holders[key]
        if not group.held:
            self._groups.pop(group.id, None)

    def _allowed(self, route: Route, now_ns: int) -> bool:
        sent = self._sent[route.name]
        while sent and sent[0] + route.rate_limit.per.ns <= now_ns:
            sent.popleft()
        return len(sent) < route.rate_limit.messages

    def _message(self, group: Group, route: Route, told: list[Held], now_ns: int) -> Message:
        name = hashlib.sha256(f"{group.id} {now_ns}".encode()).hexdigest()[:ID_DIGITS]
        return Message(
            id=f"msg_{name}",
            route=route.name,
            receiver=route.receiver,
            group=group.id,
            labels=group.labels,
            reason=Reason.NEWS if any(held.news for held in told) else Reason.REPEAT,
            created_ns=now_ns,
            firing=tuple(held.change for held in told if held.firing),
            resolved=tuple(held.change for held in told if not held.firing),
            omitted=sum(held.firing or held.ended for held in group.held.values()) - len(told),
            link=self._link,
        )

    def _touch(self, group: Group, *keys: str) -> None:
        self._touched.setdefault(group.id, set()).update(keys)
