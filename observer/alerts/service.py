"""Alerting as it runs: takes changes, keeps them on disk, and delivers in threads of its own.

Whoever uses it never waits for a receiver; the threads end with `close`.
"""

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread
from typing import Any, Protocol, Self

from observer.alerts.alerter import Alerter
from observer.alerts.change import FindingChange
from observer.alerts.configuration import Configuration
from observer.alerts.courier import Courier, Sent
from observer.alerts.message import Message
from observer.alerts.outbox import Outbox

NS_PER_S = 1_000_000_000
LONGEST_REST_S = 5.0
"""A retry that the command line asked for is seen after that, at the latest."""

MOST_UNKEPT = 1_000
"""Messages that wait in memory for a disk that takes nothing."""


class Log(Protocol):
    """Takes what somebody should know; `observer.logs` makes one."""

    def warning(self, event: str, **fields: Any) -> None:
        """What somebody should look at some time."""

    def error(self, event: str, **fields: Any) -> None:
        """What somebody should put right."""


class Alerts:
    """The alerting of one collector or agent; `take` from any thread."""

    def __init__(
        self,
        configuration: Configuration,
        log: Log,
        clock_ns: Callable[[], int] = time.time_ns,
        longest_rest_s: float = LONGEST_REST_S,
    ) -> None:
        """Open the queue and remember what its groups knew. ConfigurationError where the queue cannot be used."""
        self._log, self._clock_ns, self._longest_rest_s = log, clock_ns, longest_rest_s
        self._lock = Lock()
        self._outbox = Outbox(configuration.queue)
        self._alerter = Alerter(configuration, self._outbox.groups())
        self._unkept = list[Message]()
        self._counters = Counter[str]()
        self._stopping, self._woken = Event(), {"": Event()}
        self._threads = [Thread(target=self._schedule, name="alerts", daemon=True)]
        for name, receiver in configuration.receivers.items():
            courier = Courier(name, receiver, self._outbox, clock_ns, random.Random())  # noqa: S311
            self._woken[name] = Event()
            self._threads.append(Thread(target=self._carry, args=(name, courier), name=f"alerts-{name}", daemon=True))
        if self._outbox.set_aside:
            self._log.error("alert queue was damaged and set aside", file=configuration.queue)
        if strangers := self._outbox.bury_strangers(configuration.receivers):
            self._log.error("alerts for receivers that are no longer configured", messages=strangers)

    def start(self) -> Self:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()
        return self

    def take(self, changes: Iterable[FindingChange]) -> None:
        """Note what became of findings; on disk when it returns, unless the disk takes nothing."""
        with self._lock:
            now_ns = self._clock_ns()
            for change in changes:
                self._alerter.take(change, now_ns)
            self._keep()
        self._woken[""].set()

    def standing(self) -> list[FindingChange]:
        """The findings that are held and have not ended, also those of an earlier run."""
        with self._lock:
            return list(self._alerter.standing())

    def counters(self) -> dict[str, int]:
        """What was counted, and how many messages wait or are dead."""
        with self._lock:
            return {**self._counters, **self._alerter.counters, **self._outbox.counts()}

    def alive(self) -> bool:
        """Whether every thread runs; a readiness check asks."""
        return all(thread.is_alive() for thread in self._threads)

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop; what is not delivered is delivered by the next run."""
        self._stopping.set()
        for event in self._woken.values():
            event.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)
        self._outbox.close()

    def _schedule(self) -> None:
        """Turn what is due into messages in the queue."""
        while not self._stopping.is_set():
            with self._lock:
                self._unkept += self._alerter.due(self._clock_ns())
                self._keep()
                next_ns = self._alerter.next_ns()
            self._rest("", next_ns)

    def _keep(self) -> None:
        try:
            self._outbox.keep(self._unkept, self._alerter.unsaved())
        except sqlite3.Error as error:
            self._counters["keep_failed"] += 1
            self._log.error("alert queue cannot be written", reason=str(error))
            self._unkept = self._unkept[-MOST_UNKEPT:]
            return
        self._alerter.saved()
        for message in self._unkept:
            self._woken[message.receiver].set()
        self._unkept = []

    def _carry(self, name: str, courier: Courier) -> None:
        """Deliver to one receiver."""
        while not self._stopping.is_set():
            next_ns = None
            try:
                for sent in courier.step():
                    self._note(name, sent)
                next_ns = courier.next_ns()
            except sqlite3.Error as error:
                self._log.error("alert queue cannot be used", receiver=name, reason=str(error))
            self._rest(name, next_ns)

    def _note(self, name: str, sent: Sent) -> None:
        kind = "delivered" if sent.arrived else "given_up" if sent.given_up else "failed_tries"
        with self._lock:
            self._counters[kind] += 1
        if not sent.arrived:
            level = self._log.error if sent.given_up else self._log.warning
            level("alert not delivered", receiver=name, message=sent.id, outcome=sent.outcome, given_up=sent.given_up)

    def _rest(self, name: str, next_ns: int | None) -> None:
        rest_s = self._longest_rest_s if next_ns is None else (next_ns - self._clock_ns()) / NS_PER_S
        if rest_s > 0:
            self._woken[name].wait(min(rest_s, self._longest_rest_s))
        self._woken[name].clear()
