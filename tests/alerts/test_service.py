"""Alerting as a whole against a real HTTP server; signatures are verified by an independent implementation."""

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from standardwebhooks import Webhook, WebhookVerificationError

from observer.alerts import reading
from observer.alerts.change import FindingChange, Status
from observer.alerts.outbox import Outbox
from observer.alerts.service import Alerts

from .conftest import OTHER_SECRET, SECRET
from .receiver import ReceiverServer, Request

FASTER = 50
"""How much faster the clock of alerting runs here, so that its retries of seconds do not last."""

Written = Callable[[str], Path]


@pytest.fixture
def seed() -> int:
    """The seed of this run's failures, shown where the test fails."""
    seed = int(os.environ.get("OBSERVER_TEST_SEED") or secrets.randbits(32))
    sys.stdout.write(f"OBSERVER_TEST_SEED={seed}\n")
    return seed


def settings(url: str, **route: str) -> str:
    fields = {"group_wait": "1s", "group_interval": "2s", "repeat_interval": "1d", **route}
    return f"""
queue: queue.sqlite
receivers:
  hook: {{url: "{url}", plaintext_allowed: true, secrets: [{{file: secret}}, {{file: other-secret}}]}}
routes:
  - name: all
    receiver: hook
    rate_limit: {{messages: 1000, per: 1s}}
""" + "".join(f"    {name}: {value}\n" for name, value in fields.items())


@contextmanager
def running(file: Path) -> Iterator[Alerts]:
    start_ns = time.time_ns()
    clock_ns = lambda: start_ns + (time.time_ns() - start_ns) * FASTER  # noqa: E731
    alerts = Alerts(
        reading.load(file), structlog.wrap_logger(structlog.PrintLogger()), clock_ns, longest_rest_s=0.02
    ).start()
    try:
        yield alerts
    finally:
        alerts.close()


def verified(request: Request, secret: str = SECRET) -> Any:
    """The body, once `standardwebhooks` accepts its signature."""
    return Webhook(secret).verify(request.body, request.headers)


def told(requests: list[Request]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Reason and findings of each message, each message once."""
    once = {request.headers["webhook-id"]: verified(request)["data"] for request in requests}
    return [(d["reason"], [(f["key"], f["status"]) for f in d["findings"]]) for d in once.values()]


def test_grouped_repeated_and_resolved_messages_arrive_signed(
    receiver: ReceiverServer, written: Written, change: Any
) -> None:
    with running(written(settings(receiver.url, repeat_interval="10s"))) as alerts:
        alerts.take([change("a"), change("b")])
        receiver.wait(lambda r: len(r.requests) >= 2)
        alerts.take([change("a", Status.RESOLVED), change("b", Status.RESOLVED)])
        receiver.wait(lambda r: r.requests[-1].json["type"] == "observer.alert.resolved")

    messages = told(receiver.requests)
    assert messages[0] == ("news", [("a", "firing"), ("b", "firing")])
    assert messages[1] == ("repeat", [("a", "firing"), ("b", "firing")])
    assert messages[-1] == ("news", [("a", "resolved"), ("b", "resolved")])


def test_each_secret_signs_and_no_other(receiver: ReceiverServer, written: Written, change: Any) -> None:
    with running(written(settings(receiver.url))) as alerts:
        alerts.take([change("a")])
        receiver.wait(lambda r: len(r.requests) == 1)
    (request,) = receiver.requests

    assert verified(request, SECRET) == verified(request, OTHER_SECRET)
    with pytest.raises(WebhookVerificationError):
        verified(request, "whsec_" + "A" * 32)
    with pytest.raises(WebhookVerificationError):
        verified(request._replace(body=request.body.replace(b"kubelet", b"cubelet")))


def test_a_receiver_that_fails_at_random_gets_every_message_in_the_order_of_its_group(
    receiver: ReceiverServer, written: Written, change: Any, seed: int
) -> None:
    receiver.fail_at_random(seed, share=0.5)
    keys = [f"{number:02}" for number in range(12)]

    with running(written(settings(receiver.url, group_by="[finding]", group_interval="1s"))) as alerts:
        alerts.take(change(key) for key in keys)
        receiver.wait(lambda r: len({q.headers["webhook-id"] for q in r.requests}) == len(keys))
        alerts.take(change(key, Status.RESOLVED) for key in keys)
        receiver.wait(lambda r: len({q.headers["webhook-id"] for q in r.requests}) == 2 * len(keys))

    fates: dict[str, list[str]] = {key: [] for key in keys}
    for _, findings in told(receiver.requests):
        for key, status in findings:
            fates[key].append(status)
    assert fates == {key: ["firing", "resolved"] for key in keys}
    assert receiver.refused


def test_the_same_message_keeps_its_id_and_body_in_every_try(
    receiver: ReceiverServer, written: Written, change: Any
) -> None:
    answers = iter([500, 429, 200])
    receiver.answer = lambda _: (next(answers), {})

    with running(written(settings(receiver.url))) as alerts:
        alerts.take([change("a")])
        receiver.wait(lambda r: len(r.requests) == 1)

    tries = [*receiver.refused, *receiver.requests]
    assert len({(request.headers["webhook-id"], request.body) for request in tries}) == 1
    assert len(tries) == 3


KILLED = """
import sys, time, msgspec, structlog
from pathlib import Path
from observer.alerts import reading
from observer.alerts.change import FindingChange
from observer.alerts.service import Alerts

log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
alerts = Alerts(reading.load(Path(sys.argv[1])), log).start()
for line in sys.stdin.buffer:
    change = msgspec.json.decode(line, type=FindingChange)
    alerts.take([change])
    print(change.key, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_what_was_taken_is_told_although_the_process_is_killed(
    receiver: ReceiverServer, written: Written, change: Any, seed: int
) -> None:
    chance = random.Random(seed)
    receiver.fail_at_random(seed, share=0.2)
    file = written(settings(receiver.url, group_by="[finding]", group_wait="0s", group_interval="1s"))
    changes = [change(f"{number:03}") for number in range(60)]
    taken: Counter[str] = Counter()

    while len(taken) < len(changes):
        left = [change for change in changes if change.key not in taken]
        taken.update(_killed_after(file, left, chance.randint(5, 40)))
    with running(file) as alerts:
        receiver.wait(lambda r: {f["key"] for q in r.requests for f in q.json["data"]["findings"]} == set(taken))
        assert {held.key for held in alerts.standing()} == set(taken)

    assert len(taken) == 60


def _killed_after(file: Path, changes: list[FindingChange], count: int) -> list[str]:
    """The keys that a process said it took before it was killed."""
    lines = b"".join(msgspec.json.encode(change) + b"\n" for change in changes)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(lines)
        process.stdin.flush()
        keys = [process.stdout.readline().decode().strip() for _ in range(min(count, len(changes)))]
        process.send_signal(signal.SIGKILL)
        keys += process.stdout.read().decode().split()
    return keys


def test_a_damaged_queue_is_set_aside_and_alerting_goes_on(
    receiver: ReceiverServer, written: Written, change: Any, tmp_path: Path
) -> None:
    file = written(settings(receiver.url))
    (tmp_path / "queue.sqlite").write_bytes(b"this is no database at all" * 1000)

    with running(file) as alerts:
        alerts.take([change("a")])
        receiver.wait(lambda r: len(r.requests) == 1)

    assert (tmp_path / "queue.sqlite.damaged").exists()


def test_neither_urls_nor_secrets_are_stored(
    receiver: ReceiverServer, written: Written, change: Any, tmp_path: Path
) -> None:
    receiver.answer = lambda _: (500, {})

    with running(written(settings(receiver.url))) as alerts:
        alerts.take([change("a")])
        receiver.wait(lambda r: len(r.refused) == 1)

    stored = b"".join(part.read_bytes() for part in tmp_path.glob("queue.sqlite*"))
    assert b"kubelet-certificate-unverified" in stored
    assert SECRET.removeprefix("whsec_").encode() not in stored
    assert receiver.url.encode() not in stored
    assert (tmp_path / "queue.sqlite").stat().st_mode & 0o077 == 0


def test_messages_for_a_receiver_that_is_gone_become_dead_letters(
    receiver: ReceiverServer, written: Written, change: Any, tmp_path: Path
) -> None:
    receiver.answer = lambda _: (500, {})
    text = settings(receiver.url)
    with running(written(text)) as alerts:
        alerts.take([change("a")])
        receiver.wait(lambda r: len(r.refused) == 1)

    with running(written(text.replace("hook:", "other:").replace("receiver: hook", "receiver: other"))) as alerts:
        assert alerts.counters()["dead"] == 1

    (entry,) = Outbox(str(tmp_path / "queue.sqlite")).dead_letters()
    assert entry.outcome == "no receiver is called hook any more"
