"""Takes batches from a spool to a transport, one after the other, and does what the answers ask for."""

import random
from collections import Counter

import msgspec

from observer.sinks.backoff import Backoff
from observer.sinks.transport import Answer, Failed, Refused, Taken, TooLarge, Transport
from observer.spool.batch import Batch
from observer.spool.shelf import DiskError
from observer.spool.spool import Spool

TRIES_OF_ONE = 3
"""Failures of one batch that may be its own fault, before others are tried first."""

PUT_OFF_NS = 60 * 1_000_000_000
"""How long such a batch stands back."""


class Sent(msgspec.Struct, frozen=True):
    """What was sent since the start (`duplicates`: events the receiver had before), and attempts that failed."""

    batches: int = 0
    events: int = 0
    duplicates: int = 0
    retries: int = 0


class Sender:
    """The next batch, its answer, and how long to wait then. One thread uses it."""

    def __init__(self, spool: Spool, transport: Transport, backoff: Backoff) -> None:
        self._spool, self._transport, self._backoff = spool, transport, backoff
        self._chance = random.SystemRandom()
        self._failures = 0
        self._tries = Counter[int]()
        self._put_off: dict[int, float] = {}
        self.trouble: str | None = None
        self.sent = Sent()

    def step(self, now_ns: int) -> float | None:
        """Try one batch. Seconds to wait before the next one, None if nothing waits to be sent."""
        try:
            batch = self._spool.next({sequence for sequence, until_ns in self._put_off.items() if until_ns > now_ns})
            if batch is None:
                return None
            try:
                return self._heed(batch, self._transport.send(batch), now_ns)
            finally:
                self._spool.release(batch)
        except DiskError as error:
            return self._failed(Failed(str(error)))

    def _heed(self, batch: Batch, answer: Answer, now_ns: int) -> float:
        match answer:
            case Failed():
                return self._failed_of(batch, answer, now_ns)
            case TooLarge() if batch.events > 1:
                self._spool.split(batch, now_ns)
                return 0.0
            case TooLarge(reason) | Refused(reason):
                self._spool.refuse(batch, reason, now_ns)
            case Taken(duplicates):
                self._spool.sent(batch)
                self._count(batch, duplicates)
        self._forget(batch)
        return 0.0

    def _count(self, batch: Batch, duplicates: int) -> None:
        sent = self.sent
        self.sent = msgspec.structs.replace(
            sent,
            batches=sent.batches + 1,
            events=sent.events + batch.events,
            duplicates=sent.duplicates + duplicates,
        )

    def _forget(self, batch: Batch) -> None:
        """The receiver answers: nothing is wrong now."""
        self._failures, self.trouble = 0, None
        self._tries.pop(batch.sequence, None)
        self._put_off.pop(batch.sequence, None)

    def _failed_of(self, batch: Batch, failed: Failed, now_ns: int) -> float:
        if failed.about_batch:
            self._tries[batch.sequence] += 1
            if self._tries[batch.sequence] >= TRIES_OF_ONE:
                self._put_off[batch.sequence] = now_ns + PUT_OFF_NS
        return self._failed(failed)

    def _failed(self, failed: Failed) -> float:
        self._failures += 1
        self.trouble = failed.reason
        self.sent = msgspec.structs.replace(self.sent, retries=self.sent.retries + 1)
        return self._backoff.pause_s(self._failures, failed, self._chance)
