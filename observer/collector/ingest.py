"""Takes batches in: checks them, commits several at once, and remembers them so that a repeat costs nothing.

The store keeps each event once by itself; the memory here only spares it the work.
"""

import base64
import hashlib
import logging
import queue
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import msgspec

from observer.collector import batch, rows
from observer.collector.batch import Limits, Line, Refused
from observer.collector.rows import Rows
from observer.collector.store import DeadLetter, Store, StoreRefused

COMMIT_EVENTS = 100_000
"""Events in one commit at most; agents' batches that wait together are committed together."""

REMEMBERED_BATCHES = 100_000
KEPT_BODY_BYTES = 1024 * 1024
"""Of a refused batch; agents' batches are smaller, what is larger is no agent's."""

logger = logging.getLogger(__name__)

Committed = Callable[[Rows], None]


@dataclass(frozen=True)
class Delivery:
    """A request to take events."""

    body: bytes
    encoding: str
    batch: str
    node: str
    class_: str
    principal: str
    received: str
    bound: str | None = None
    """The only node that the sender may speak for."""


class Answer(msgspec.Struct, frozen=True):
    """How many events were taken, and how many of the request were there already."""

    accepted: int
    duplicates: int


@dataclass
class _Waiting:
    rows: Rows
    done: "Future[None]" = field(default_factory=Future)


class Ingest:
    """Checks in the caller's thread, commits in its own. `committed` hears of what is in the store."""

    def __init__(self, store: Store, committed: Committed, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self._store, self._committed, self._limits = store, committed, limits
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue()
        self._known: OrderedDict[tuple[str, bytes], int] = OrderedDict()
        self._lock = threading.Lock()
        self.counters = Counter[str]()
        self._thread = threading.Thread(target=self._commit_all, name="commit", daemon=True)
        self._thread.start()

    def take(self, delivery: Delivery) -> Answer:
        """Commit a batch and say so. Raises `Refused`, after it is kept as a dead letter, or `StoreUnavailable`."""
        name = (delivery.batch, hashlib.sha256(delivery.body).digest())
        with self._lock:
            known = self._known.get(name)
        if known is not None:
            self.counters["repeated_batches"] += 1
            return Answer(0, known)
        try:
            return self._taken(delivery, name)
        except (Refused, StoreRefused) as error:
            refused = error if isinstance(error, Refused) else Refused(422, str(error))
            self._keep(delivery, refused)
            raise refused from error

    def close(self) -> None:
        """Commit what waits, then stop."""
        self._waiting.put(None)
        self._thread.join()

    def _taken(self, delivery: Delivery, name: tuple[str, bytes]) -> Answer:
        text = batch.unpacked(delivery.body, delivery.encoding, self._limits)
        lines = batch.events(text, self._limits)
        _check_node(lines, delivery.bound)
        waiting = _Waiting(rows.of(lines, node=delivery.node, received=delivery.received))
        self._waiting.put(waiting)
        waiting.done.result()
        with self._lock:
            self._known[name] = len(lines)
            if len(self._known) > REMEMBERED_BATCHES:
                self._known.popitem(last=False)
        self.counters["batches"] += 1
        self.counters["events"] += len(lines)
        return Answer(len(lines) - waiting.rows.repeated, waiting.rows.repeated)

    def _keep(self, delivery: Delivery, refused: Refused) -> None:
        self.counters["refused_batches"] += 1
        digest = hashlib.sha256(delivery.body).hexdigest()[:16]
        kept = delivery.body[:KEPT_BODY_BYTES]
        letter = DeadLetter(
            id=f"{delivery.batch or 'none'}-{digest}",
            received=delivery.received,
            node=delivery.node,
            principal=delivery.principal,
            batch=delivery.batch,
            class_=delivery.class_,
            status=refused.status,
            reason=refused.reason,
            bytes=len(delivery.body),
            truncated=len(kept) < len(delivery.body),
            encoding=delivery.encoding,
            body=base64.b64encode(kept).decode(),
        )
        self._store.keep_dead_letter(letter)

    def _commit_all(self) -> None:
        while first := self._waiting.get():
            together, ended = self._gathered(first)
            self._commit(together)
            if ended:
                return

    def _gathered(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What waits already; nothing is waited for, so a lone batch is committed at once."""
        together, events = [first], _size(first.rows)
        while events < COMMIT_EVENTS:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return together, True
            together.append(following)
            events += _size(following.rows)
        return together, False

    def _commit(self, together: list[_Waiting]) -> None:
        fault = self._fault(together)
        if isinstance(fault, StoreRefused) and len(together) > 1:
            # One batch of them is bad: the others must not suffer for it.
            for one in together:
                self._commit([one])
            return
        for one in together:
            if fault:
                one.done.set_exception(fault)
            else:
                one.done.set_result(None)
                self._tell(one.rows)

    def _tell(self, taken: Rows) -> None:
        try:
            self._committed(taken)
        except Exception:
            # The rows are in the store: whoever listens has a fault, and the next batch must still be committed.
            logger.exception("a fault of who hears of committed events")

    def _fault(self, together: list[_Waiting]) -> Exception | None:
        try:
            self._store.insert(one.rows for one in together)
        except Exception as error:  # noqa: BLE001 - who waits must hear of any fault, and the thread must go on
            return error
        return None


def _check_node(lines: list[Line], bound: str | None) -> None:
    for number, line in enumerate(lines, 1):
        told = line.event.observer.node
        if bound is not None and told not in {None, bound}:
            raise Refused(422, f"line {number}: the sender speaks for node {bound} and not for {told}")


def _size(taken: Rows) -> int:
    return len(taken.flows) + len(taken.findings) + len(taken.reports)
