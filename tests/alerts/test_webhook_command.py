"""`observer webhook`: faults with their places, test messages, dead letters and their second chance."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from observer.alerts import reading
from observer.alerts.service import Alerts

from .receiver import ReceiverServer

Command = Callable[..., tuple[int, str, str]]

HOOK = 'receivers: {hook: {url: "%s", plaintext_allowed: true, secrets: [{file: secret}]}}\n'
ROUTE = "routes: [{name: all, receiver: hook, group_wait: 0s}]\nqueue: queue.sqlite\n"


def test_a_sound_configuration_is_counted(observer: Command, written: Any) -> None:
    file = written(HOOK % "http://127.0.0.1:1/" + ROUTE)

    assert observer("webhook", "check", "--alerts", file) == (0, "1 routes to 1 receivers are sound\n", "")


def test_every_fault_is_told_with_its_place(observer: Command, written: Any) -> None:
    file = written(
        """\
receivers:
  plain: {url: "http://example.org/", secrets: [{file: secret}]}
  unsigned: {url: "https://example.org/"}
  pager: {body: pagerduty}
  both: {url: "https://u:p@example.org/", secrets: [{file: secret, env: X}]}
routes:
- {name: a, receiver: nobody}
- {name: a, receiver: plain, repeat_interval: 0s}
"""
    )

    code, _, errors = observer("webhook", "check", "--alerts", file)

    assert code == 2
    assert [line.split("alerts.yaml:")[1] for line in errors.splitlines()] == [
        "2:16: receivers.plain.url: is not https; `plaintext_allowed: true` allows it",
        "3:13: receivers.unsigned: lacks `secrets`: a generic message is signed",
        "4:10: receivers.pager: `routing_key` belongs to `body: pagerduty`, and only there",
        "5:15: receivers.both.url: must have neither user nor fragment",
        "5:53: receivers.both.secrets[0]: give `file` or `env`",
        "7:23: routes[0].receiver: no receiver is called nobody",
        "8:10: routes[1].name: a is the name of an earlier route",
        "8:47: routes[1].repeat_interval: must be longer than nothing",
    ]


@pytest.mark.parametrize("secret", ["c2hvcnQ=", "whsec_$$$", ""])
def test_a_secret_that_cannot_sign_is_a_fault_and_is_not_shown(
    observer: Command, written: Any, tmp_path: Path, secret: str
) -> None:
    file = written(HOOK % "http://127.0.0.1:1/" + ROUTE)
    (tmp_path / "secret").write_text(secret)

    code, _, errors = observer("webhook", "check", "--alerts", file)

    assert code == 2
    assert "alerts.yaml:1:" in errors
    assert not secret or secret not in errors


def test_a_test_message_and_its_end_go_over_each_route(
    observer: Command, written: Any, receiver: ReceiverServer
) -> None:
    code, told, _ = observer("webhook", "test", "--alerts", written(HOOK % receiver.url + ROUTE))

    assert code == 0
    assert [request.json["type"] for request in receiver.requests] == [
        "observer.alert.firing",
        "observer.alert.resolved",
    ]
    assert all(request.json["data"]["reason"] == "test" for request in receiver.requests)
    assert told.count("answered 204") == 2


def test_a_test_that_does_not_arrive_is_exit_code_1(observer: Command, written: Any, receiver: ReceiverServer) -> None:
    receiver.answer = lambda _: (403, {})

    code, told, _ = observer("webhook", "test", "all", "--alerts", written(HOOK % receiver.url + ROUTE))

    assert code == 1
    assert "answered 403" in told


class _Quiet:
    def warning(self, event: str, **fields: Any) -> None:
        """Nothing."""

    error = warning


def test_a_dead_letter_is_listed_and_delivered_after_a_retry(
    observer: Command, written: Any, receiver: ReceiverServer, change: Any
) -> None:
    file = written(HOOK % receiver.url + ROUTE)
    receiver.answer = lambda _: (400, {})
    alerts = Alerts(reading.load(file), _Quiet(), longest_rest_s=0.02).start()
    alerts.take([change()])
    receiver.wait(lambda r: len(r.refused) == 1)
    while not alerts.counters()["dead"]:
        time.sleep(0.01)
    _, listed, _ = observer("webhook", "dead-letters", "--alerts", file)
    name = listed.split()[0]

    receiver.answer = lambda _: (200, {})
    code, told, _ = observer("webhook", "retry", name, "--alerts", file)
    receiver.wait(lambda r: len(r.requests) == 1)
    alerts.close()

    assert "hook  1 tries  answered 400" in listed
    assert "[high] The API server does not verify the kubelet's certificate (lab), 1 firing" in listed
    assert (code, told) == (0, "1 messages wait for delivery\n")
    assert receiver.requests[0].headers["webhook-id"] == name
    assert observer("webhook", "dead-letters", "--alerts", file)[1] == ""


def test_an_unknown_dead_letter_is_a_clear_error(observer: Command, written: Any) -> None:
    file = written(HOOK % "http://127.0.0.1:1/" + ROUTE)

    assert observer("webhook", "retry", "msg_0", "--alerts", file) == (
        2,
        "",
        "observer: no dead letter is called msg_0\n",
    )
