"""Delivers what the outbox has for one receiver: signs, sends, and decides what an answer means."""

import random
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from observer.alerts import bodies, credentials, signature
from observer.alerts.configuration import Receiver
from observer.alerts.message import Message
from observer.alerts.outbox import Entry, Outbox
from observer.alerts.post import Answer, Target, post, retry_after_s
from observer.alerts.reading import url_faults

NS_PER_S = 1_000_000_000
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 600.0
LONGEST_RETRY_AFTER_S = 3_600.0

HOPELESS = frozenset({400, 405, 410, 413, 414, 415, 422, 501, 505})
"""Answers that the same message would get again. 401, 403 and 404 are not: a person may mend the receiver."""


class Sent(NamedTuple):
    """One try: the message's id, whether it arrived, whether it is given up, and what happened."""

    id: str
    arrived: bool
    given_up: bool
    outcome: str


class Courier:
    """Brings messages to one receiver, one after the other."""

    def __init__(
        self, name: str, receiver: Receiver, outbox: Outbox, clock_ns: Callable[[], int], chance: random.Random
    ) -> None:
        """`chance` spreads the retries."""
        self._name, self._receiver, self._outbox = name, receiver, outbox
        self._clock_ns, self._chance = clock_ns, chance

    def step(self) -> list[Sent]:
        """Try everything that may be sent now, once."""
        return [self._try(entry) for entry in self._outbox.ready(self._name, self._clock_ns())]

    def next_ns(self) -> int | None:
        """When there is something to do; null where nothing waits."""
        return self._outbox.next_ns(self._name)

    def _try(self, entry: Entry) -> Sent:
        try:
            message = entry.read()
        except msgspec.MsgspecError:
            return self._give_up(entry, "cannot be read: another version wrote it")
        answer = deliver(message, self._receiver, self._clock_ns())
        if arrived(answer):
            self._outbox.delivered(entry)
            return Sent(entry.id, arrived=True, given_up=False, outcome=answer.outcome)
        if hopeless(answer):
            return self._give_up(entry, answer.outcome)
        return self._postpone(entry, answer)

    def _postpone(self, entry: Entry, answer: Answer) -> Sent:
        now_ns = self._clock_ns()
        if now_ns - entry.created_ns >= self._receiver.give_up_after.ns:
            return self._give_up(entry, f"{answer.outcome}; given up after {self._receiver.give_up_after}")
        asked_s = min(retry_after_s(answer.retry_after, now_ns / NS_PER_S) or 0.0, LONGEST_RETRY_AFTER_S)
        wait_s = max(asked_s, backoff_s(entry.tries, self._chance))
        self._outbox.postpone(entry, now_ns + int(wait_s * NS_PER_S), answer.outcome)
        return Sent(entry.id, arrived=False, given_up=False, outcome=answer.outcome)

    def _give_up(self, entry: Entry, outcome: str) -> Sent:
        self._outbox.bury(entry, outcome)
        return Sent(entry.id, arrived=False, given_up=True, outcome=outcome)


def deliver(message: Message, receiver: Receiver, now_ns: int) -> Answer:
    """Send a message once; secrets are read now, and a missing one is an answer."""
    try:
        routing_key = credentials.read(receiver.routing_key) if receiver.routing_key else None
        body, content_type = bodies.written(message, receiver.body, routing_key)
        headers = {"content-type": content_type, "user-agent": "observer"}
        if receiver.bearer_token:
            headers["authorization"] = f"Bearer {credentials.read(receiver.bearer_token)}"
        if keys := [credentials.signing_key(credentials.read(secret)) for secret in receiver.secrets]:
            headers |= signature.headers(message.id, now_ns // NS_PER_S, body, keys)
        url = receiver.url or (credentials.read(receiver.url_from) if receiver.url_from else "")
    except credentials.UnusableError as error:
        return Answer(None, f"a secret cannot be used: {error}")
    for fault in url_faults(url, receiver):
        return Answer(None, f"the URL {fault}")
    return post(Target(url, headers, receiver.timeout.seconds, receiver.ca, receiver.certificate, receiver.key), body)


def arrived(answer: Answer) -> bool:
    """Whether the receiver took the message."""
    return answer.status is not None and 200 <= answer.status < 300


def hopeless(answer: Answer) -> bool:
    """Whether another try would end the same; redirects are not followed, so they do."""
    return answer.status is not None and (300 <= answer.status < 400 or answer.status in HOPELESS)


def backoff_s(tries: int, chance: random.Random) -> float:
    """Longer from try to try, at random from half of it to the whole, so that many senders do not come at once."""
    return min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(tries, 20)) * chance.uniform(0.5, 1.0)
