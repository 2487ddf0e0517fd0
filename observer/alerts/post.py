"""One try to deliver one message by HTTP: verified TLS, no redirects, bounded in time and size. Decides no retry."""

import contextlib
import email.utils
import socket
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from threading import Timer
from typing import NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_READ = 4_096
"""Bytes of an answer that are read; nothing in them is used."""

LONGEST_BODY = 512 * 1024
"""Bytes of a message: what PagerDuty takes, the least of all."""


TOO_LARGE = 413


class Target(NamedTuple):
    """Where to and how. None of it is logged: URL and headers are secrets."""

    url: str
    headers: Mapping[str, str]
    timeout_s: float
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class Answer(NamedTuple):
    """What came back: a status, or why there is none; `retry_after` as the receiver wrote it."""

    status: int | None
    outcome: str
    retry_after: str | None = None


def post(target: Target, body: bytes) -> Answer:
    """Send once. Every failure is an answer, and none tells the URL."""
    if len(body) > LONGEST_BODY:
        return Answer(TOO_LARGE, f"the message has more than {LONGEST_BODY} bytes")
    try:
        connection = _connection(target)
    except OSError as error:
        return Answer(None, f"certificate files cannot be used: {error.strerror or type(error).__name__}")
    with contextlib.closing(connection), _deadline(connection, target.timeout_s) as late:
        try:
            return _exchange(connection, target, body, late)
        except ssl.SSLCertVerificationError as error:
            return Answer(None, f"the receiver's certificate is not accepted: {error.verify_message}")
        except (OSError, ValueError, HTTPException, urllib3.exceptions.HTTPError) as error:
            return Answer(None, f"no answer within {target.timeout_s:g} s" if late else _reason(error))


def retry_after_s(text: str | None, now_s: float) -> float | None:
    """Seconds from a `Retry-After` header, which has seconds or a date; null where it has neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now_s)
    except ValueError:
        return None


def tls_context(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """A context that verifies; OSError where a file cannot be used."""
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def _connection(target: Target) -> HTTPConnection:
    parts = urlsplit(target.url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=target.timeout_s)
    context = tls_context(target.ca, target.certificate, target.key)
    return HTTPSConnection(host, parts.port, timeout=target.timeout_s, ssl_context=context)


def _exchange(connection: HTTPConnection, target: Target, body: bytes, late: list[bool]) -> Answer:
    parts = urlsplit(target.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.connect()
    if late:
        raise TimeoutError
    connection.request("POST", path, body=body, headers=dict(target.headers), preload_content=False)
    answer = connection.getresponse()
    with contextlib.suppress(OSError, HTTPException, urllib3.exceptions.HTTPError):
        answer.read(MOST_READ, decode_content=False)
    return Answer(answer.status, f"answered {answer.status}", answer.headers.get("Retry-After"))


@contextlib.contextmanager
def _deadline(connection: HTTPConnection, timeout_s: float) -> Iterator[list[bool]]:
    """Ends the connection when its time is over, however slowly bytes trickle; the list says that it did."""
    late: list[bool] = []

    def end() -> None:
        late.append(True)
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _reason(error: Exception) -> str:
    """What happened in words without host, path or content."""
    cause = error
    while cause.__cause__ is not None and isinstance(cause.__cause__, Exception):
        cause = cause.__cause__
    return getattr(cause, "strerror", None) or type(cause).__name__
