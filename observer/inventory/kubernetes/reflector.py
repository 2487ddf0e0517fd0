"""Keeps one kind of object as the API server has it: lists in pages, watches from there, and begins again after faults.

What is known stays while the server is away. Knows nothing of what the objects mean.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec
import urllib3

from observer.inventory.kubernetes import wire
from observer.inventory.kubernetes.connection import Connection
from observer.inventory.kubernetes.lines import lines
from observer.inventory.kubernetes.pace import LONGEST_S, Pace

T = TypeVar("T", bound=wire.Object)
T_contra = TypeVar("T_contra", bound=wire.Object, contravariant=True)
Key = tuple[str, str]

PAGE = 250
"""Objects a request: a node with its images is some 20 kB, so a page is 5 MB at most."""
CONNECT_S, READ_S = 10.0, 150.0
"""The server sends a bookmark about once a minute; from one that is silent for longer we go away."""
WATCH_S = 300
GONE = 410


class Query(msgspec.Struct, Generic[T], frozen=True):
    """Which objects: `few` are those of one node or one label, which the server answers from its memory at once."""

    name: str
    path: str
    kind: type[T]
    selectors: dict[str, str] = {}
    few: bool = False
    watched_up_to: int | None = None
    """With more objects than this the list is only read again now and then: their heartbeats are too many to watch."""


class Keeper(Protocol[T_contra]):
    """Takes what the API says; `begin` and `end` stand around a whole list, and what it lacks is gone."""

    def begin(self) -> None:
        """A list begins."""

    def put(self, found: T_contra) -> None:
        """An object as it is now."""

    def remove(self, found: T_contra) -> None:
        """An object as it last was."""

    def end(self) -> int:
        """A list has ended; says how many objects there are."""


class Standing(msgspec.Struct):
    """How it goes: `synced` once a list was read whole; `fault` is the last one while it lasts."""

    synced: bool = False
    lists: int = 0
    watches: int = 0
    events: int = 0
    faults: int = 0
    unread: int = 0
    """Objects that were not what the API promises."""
    fault: str | None = None


class RefusedError(Exception):
    """The server, or the way to it, did not do what was asked."""

    def __init__(self, message: str, code: int = 0, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.code, self.wait_s = code, wait_s


class Reflector(Generic[T]):
    """Runs until `stopping`, in a thread of its own."""

    def __init__(
        self, query: Query[T], connection: Connection, keeper: Keeper[T], stopping: threading.Event, pace: Pace
    ) -> None:
        self.query, self.standing = query, Standing()
        self._connection, self._keeper, self._stopping, self._pace = connection, keeper, stopping, pace
        kind: Any = query.kind
        self._page = msgspec.json.Decoder(wire.Page[kind])
        self._object = msgspec.json.Decoder(query.kind)
        self._event = msgspec.json.Decoder(wire.Event)
        self._version = ""
        self._stale = True
        self._answer: urllib3.BaseHTTPResponse | None = None

    def run(self) -> None:
        """Keep the objects until told to stop."""
        while not self._stopping.is_set():
            try:
                self._once()
            except RefusedError as error:
                self._refused(error)

    def read_once(self) -> None:
        """Read the list a single time; RefusedError where that fails."""
        with self._connected() as pool:
            self._list(pool)

    def interrupt(self) -> None:
        """End a read that waits, once `stopping` is set."""
        answer = self._answer
        if answer is not None:
            answer.shutdown()

    def _refused(self, error: RefusedError) -> None:
        if error.code == GONE and not self._stale:
            # Too old a version is nobody's fault: begin again at once, and only then more slowly.
            self._stale = True
            return
        self._stale = self._stale or error.code == GONE
        if error.code == GONE or "resource version" in str(error).lower():
            # Another server is behind the one that told us this version: ask for whatever it has.
            self._version = ""
        self.standing.faults += 1
        self.standing.fault = f"{self.query.name}: {error}"
        self._stopping.wait(self._pace.after_fault(error.wait_s))

    def _once(self) -> None:
        with self._connected() as pool:
            if self._stale:
                count = self._list(pool)
                if self.query.watched_up_to is not None and count > self.query.watched_up_to:
                    self._stopping.wait(self._pace.between(WATCH_S))
                    return
            self._stale = False
            self._watch(pool)

    @contextmanager
    def _connected(self) -> Iterator[urllib3.HTTPConnectionPool]:
        try:
            pool = self._connection.open(urllib3.Timeout(connect=CONNECT_S, read=READ_S))
        except (OSError, ValueError) as error:
            # Authorities that are being renewed may be half written.
            raise RefusedError(f"cannot connect: {error}") from error
        try:
            yield pool
        finally:
            pool.close()

    def _list(self, pool: urllib3.HTTPConnectionPool) -> int:
        self._keeper.begin()
        following, version = "", ""
        while not self._stopping.is_set():
            page: wire.Page[T] = self._decoded(self._page, self._get(pool, self._page_of(following)))
            for found in page.items or ():
                self._keeper.put(found)
            version, following = page.metadata.resource_version, page.metadata.continue_
            if not following:
                return self._listed(version)
        raise RefusedError("was told to stop")

    def _listed(self, version: str) -> int:
        self._version = version
        self.standing.lists += 1
        self.standing.synced, self.standing.fault = True, None
        self._pace.went_well()
        return self._keeper.end()

    def _page_of(self, following: str) -> dict[str, str]:
        if self.query.few:
            # From the server's memory, no older than what we have seen.
            known = {"resourceVersion": self._version or "0"}
            return {**known, "resourceVersionMatch": "NotOlderThan"}
        return {"limit": str(PAGE), **({"continue": following} if following else {})}

    def _get(self, pool: urllib3.HTTPConnectionPool, parameters: dict[str, str]) -> bytes:
        with self._answering(pool, parameters) as answer:
            return b"".join(self._chunks(answer))

    def _watch(self, pool: urllib3.HTTPConnectionPool) -> None:
        parameters = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(int(self._pace.between(WATCH_S))),
        }
        seen = self.standing.events
        with self._answering(pool, parameters) as answer:
            self.standing.watches += 1
            for line in lines(self._chunks(answer)):
                self._take(line)
        if self.standing.events == seen and not self._stopping.is_set():
            raise RefusedError("the watch ended without a word")

    def _take(self, line: bytes | None) -> None:
        if not line:
            self.standing.unread += line is None
            return
        event: wire.Event = self._decoded(self._event, line)
        if event.type == "ERROR":
            status = self._decoded(msgspec.json.Decoder(wire.Status), bytes(event.object))
            raise RefusedError(status.message or status.reason, GONE if status.reason == "Expired" else status.code)
        self.standing.events += 1
        self.standing.fault = None
        self._pace.went_well()
        try:
            found = self._object.decode(event.object)
        except msgspec.MsgspecError:
            self.standing.unread += 1
            return
        if event.type == "DELETED":
            self._keeper.remove(found)
        elif event.type in ("ADDED", "MODIFIED"):
            self._keeper.put(found)
        self._version = found.metadata.resource_version or self._version

    def _decoded(self, decoder: "msgspec.json.Decoder[Any]", text: bytes) -> Any:
        try:
            return decoder.decode(text)
        except msgspec.MsgspecError as error:
            raise RefusedError(f"was not understood: {error}") from error

    @contextmanager
    def _answering(
        self, pool: urllib3.HTTPConnectionPool, parameters: dict[str, str]
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        answer = self._asked(pool, parameters)
        self._answer = answer
        try:
            if answer.status != 200:
                raise self._refusal(answer)
            yield answer
        finally:
            self._answer = None
            answer.close()

    def _asked(self, pool: urllib3.HTTPConnectionPool, parameters: dict[str, str]) -> urllib3.BaseHTTPResponse:
        path = f"{self._connection.path(self.query.path)}?{urlencode({**self.query.selectors, **parameters})}"
        try:
            headers = {**pool.headers, **self._connection.authorization()}
            return pool.urlopen("GET", path, headers=headers, preload_content=False, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise RefusedError(f"cannot be reached: {error}") from error

    def _refusal(self, answer: urllib3.BaseHTTPResponse) -> RefusedError:
        asked = answer.headers.get("Retry-After", "")
        wait_s = min(float(asked), LONGEST_S) if asked.isdigit() else 0.0
        body = b"".join(self._chunks(answer))
        try:
            message = msgspec.json.decode(body, type=wire.Status).message
        except msgspec.MsgspecError:
            message = ""
        return RefusedError(f"HTTP {answer.status}{': ' if message else ''}{message}", answer.status, wait_s)

    def _chunks(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from answer.stream(65536, decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RefusedError(f"the answer broke off: {error}") from error
