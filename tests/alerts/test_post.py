"""One delivery: verified TLS, no redirects, bounded in time and size, and nothing of the URL in what is told."""

import random
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from authority import Authority

from observer.alerts import courier
from observer.alerts.post import LONGEST_BODY, Answer, Target, post, retry_after_s

from .receiver import ReceiverServer


def sent(url: str, body: bytes = b"{}", **fields: Any) -> Answer:
    return post(Target(url, {"content-type": "application/json"}, **{"timeout_s": 5.0, **fields}), body)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def with_tls(receiver: ReceiverServer, files: tuple[Path, Path], clients: Path | None = None) -> Iterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    context.load_cert_chain(*files)
    context.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    yield receiver.url.replace("http:", "https:")


def test_a_receiver_with_a_trusted_certificate_gets_the_message(receiver: ReceiverServer, authority: Authority) -> None:
    with with_tls(receiver, authority.issue("server", "hook", "127.0.0.1")) as url:
        answer = sent(url, b'{"a":1}', ca=str(authority.file))

    assert answer == Answer(204, "answered 204", None)
    assert receiver.requests[0].body == b'{"a":1}'


@pytest.mark.parametrize("fault", ["another authority", "another name"])
def test_nothing_is_sent_to_whom_the_certificate_does_not_prove(
    receiver: ReceiverServer, authority: Authority, tmp_path: Path, fault: str
) -> None:
    trusted = Authority(tmp_path, "other-ca") if fault == "another authority" else authority
    address = "127.0.0.1" if fault == "another authority" else "192.0.2.7"
    with with_tls(receiver, authority.issue("server", "hook", address)) as url:
        answer = sent(url, ca=str(trusted.file))

    assert answer.status is None
    assert answer.outcome.startswith("the receiver's certificate is not accepted")
    assert not receiver.requests


def test_a_client_certificate_is_shown_where_one_is_given(receiver: ReceiverServer, authority: Authority) -> None:
    certificate, key = authority.issue("client", "observer", "127.0.0.1")
    with with_tls(receiver, authority.issue("server", "hook", "127.0.0.1"), authority.file) as url:
        answer = sent(url, ca=str(authority.file), certificate=str(certificate), key=str(key))

    assert answer.status == 204


def test_redirects_are_not_followed_and_not_tried_again(receiver: ReceiverServer) -> None:
    receiver.answer = lambda _: (307, {"Location": receiver.url + "/elsewhere"})

    answer = sent(receiver.url)

    assert answer.status == 307
    assert [request.path for request in receiver.refused] == ["/hook"]
    assert courier.hopeless(answer)


@contextmanager
def trickling(answer: bytes) -> Iterator[str]:
    """A server that sends its answer byte by byte until the client goes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for byte in answer:
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    return
                stop.wait(0.05)

    stop, thread = threading.Event(), threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        stop.set()
        thread.join()
        listener.close()


def test_an_answer_that_trickles_ends_with_the_time_of_the_try() -> None:
    with trickling(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 60_000) as url:
        assert sent(url, timeout_s=0.5) == Answer(None, "no answer within 0.5 s")


def test_what_is_told_of_a_failure_has_nothing_of_the_url(receiver: ReceiverServer) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    receiver.answer = lambda _: (0, {})

    outcomes = [
        sent(f"http://127.0.0.1:{port}/services/SECRET").outcome,
        sent(receiver.url + "?token=SECRET").outcome,
        sent("https://name.invalid/SECRET").outcome,
        sent(receiver.url.replace("http:", "https:") + "/SECRET").outcome,
    ]

    assert all(outcome and "SECRET" not in outcome for outcome in outcomes), outcomes


def test_a_message_that_is_too_large_is_not_sent_and_not_tried_again(receiver: ReceiverServer) -> None:
    answer = sent(receiver.url, b"x" * (LONGEST_BODY + 1))

    assert courier.hopeless(answer)
    assert not receiver.requests


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120.0), ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", None)],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, 10.0) == seconds


def test_retries_wait_longer_and_never_much_too_long() -> None:
    waits = [courier.backoff_s(tries, random.Random(1)) for tries in range(200)]

    assert waits[0] >= courier.FIRST_RETRY_S / 2
    assert waits[3] > waits[0]
    assert max(waits) <= courier.LAST_RETRY_S
