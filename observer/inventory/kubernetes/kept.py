"""Objects as far as they are remembered, by name; what is gone stays for a while where late flows may need it."""

import collections
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from observer.inventory.kubernetes import wire
from observer.inventory.kubernetes.reflector import Key

T = TypeVar("T", bound=wire.Object)
V = TypeVar("V")

REMEMBERED_S = 600.0
"""A flow is told at most some minutes after its last packet; see the engine's idle time-outs."""
MOST_REMEMBERED = 4096


class Departed(Generic[V]):
    """What is gone, the oldest first, for a time and up to a number."""

    def __init__(self, clock: Callable[[], float], remembered_s: float = REMEMBERED_S) -> None:
        self._clock, self._remembered_s = clock, remembered_s
        self._gone: collections.deque[tuple[float, V]] = collections.deque(maxlen=MOST_REMEMBERED)

    def add(self, value: V) -> None:
        """Something has just gone."""
        self._gone.append((self._clock(), value))

    def values(self) -> tuple[V, ...]:
        """What went not too long ago."""
        while self._gone and self._gone[0][0] < self._clock() - self._remembered_s:
            self._gone.popleft()
        return tuple(value for _, value in self._gone)


class Room(Generic[V]):
    """How much may be kept; what finds none is counted, and known by less."""

    def __init__(self, limit: int, weigh: Callable[[V], int]) -> None:
        self._limit, self._weigh, self._taken = limit, weigh, 0
        self.refusals = 0

    def take(self, value: V, before: V | None) -> bool:
        """Whether there is room for it in the place of what was there before."""
        more = self._weigh(value) - (self._weigh(before) if before is not None else 0)
        if more > 0 and self._taken + more > self._limit:
            self.refusals += 1
            return False
        self._taken += more
        return True

    def give_back(self, value: V) -> None:
        """It is kept no longer."""
        self._taken -= self._weigh(value)


class Kept(Generic[T, V]):
    """A `reflector.Keeper` that keeps of each object what `summarise` makes of it; None: nothing."""

    def __init__(
        self,
        summarise: Callable[[T], V | None],
        lock: threading.RLock,
        departed: Departed[V] | None = None,
        same: Callable[[V, V], bool] | None = None,
        room: "Room[V] | None" = None,
    ) -> None:
        self._summarise, self._lock, self._departed, self._same = summarise, lock, departed, same
        self._room = room
        self._values: dict[Key, V] = {}
        self._listed: set[Key] | None = None
        self.changes = 0

    def values(self) -> tuple[V, ...]:
        """All, in the order of their names."""
        with self._lock:
            return tuple(value for _, value in sorted(self._values.items(), key=_by_name))

    def begin(self) -> None:
        """A list begins."""
        self._listed = set()

    def put(self, found: T) -> None:
        """An object as it is now."""
        key = _key(found)
        if self._listed is not None:
            self._listed.add(key)
        value = self._summarise(found)
        if value is None:
            self._forget(key)
        else:
            self._keep(key, value)

    def remove(self, found: T) -> None:
        """An object is gone; its last state may tell more than we knew."""
        value = self._summarise(found)
        if value is not None:
            self._keep(_key(found), value)
        self._forget(_key(found))

    def end(self) -> int:
        """What the list lacks is gone."""
        listed, self._listed = self._listed or set(), None
        with self._lock:
            for key in self._values.keys() - listed:
                self._forget(key)
        return len(listed)

    def _keep(self, key: Key, value: V) -> None:
        with self._lock:
            before = self._values.get(key)
            if before == value:
                return
            if self._room is not None and not self._room.take(value, before):
                self._forget(key)
                return
            if before is not None and self._departed and self._same and not self._same(before, value):
                # Gone and come again under the same name while nobody looked.
                self._departed.add(before)
            self._values[key] = value
            self.changes += 1

    def _forget(self, key: Key) -> None:
        with self._lock:
            before = self._values.pop(key, None)
            if before is None:
                return
            self.changes += 1
            if self._room is not None:
                self._room.give_back(before)
            if self._departed is not None:
                self._departed.add(before)


def _key(found: wire.Object) -> Key:
    return found.metadata.namespace, found.metadata.name


def _by_name(item: tuple[Key, object]) -> Key:
    return item[0]
