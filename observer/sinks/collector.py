"""Batches to a collector: `POST /api/v1/events` over TLS, and what its answers mean."""

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader

from observer.errors import ConfigurationError
from observer.sinks.credentials import Credentials
from observer.sinks.transport import Answer, Failed, Refused, Taken, TooLarge
from observer.spool.batch import Batch

SCHEMA = "observer/1"
EVENTS = "/api/v1/events"
CONNECT_S = 10.0
ANSWER_S = 60.0
"""The collector answers after its store has committed, which takes seconds where it merges."""
ANSWER_BYTES = 64 * 1024
REASON_CHARACTERS = 300

NEVER = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
LATER = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class Receipt(msgspec.Struct, frozen=True):
    """What the collector says of a batch that it has committed."""

    accepted: int
    duplicates: int


class _Complaint(msgspec.Struct, frozen=True):
    error: str


class CollectorTransport:
    """One collector."""

    name = "collector"

    def __init__(self, url: str, node: str, credentials: Credentials) -> None:
        self._url, self._node, self._credentials = endpoint(url, EVENTS), _header_safe(node), credentials
        credentials.check()
        self._version = credentials.version()
        self._pool = self._connections()

    def send(self, batch: Batch) -> Answer:
        """Post the batch."""
        try:
            headers = self._headers(batch)
            self._renew()
        except (OSError, ValueError) as error:
            return Failed(f"credentials: {error}", lasting=True)
        try:
            response = self._pool.request(
                "POST", self._url, body=batch.body, headers=headers, redirect=False, preload_content=False
            )
            try:
                body = response.read(ANSWER_BYTES)
            finally:
                response.release_conn()
        except (HTTPError, OSError) as error:
            return Failed(_told(error))
        return answer(response.status, response.headers, body)

    def close(self) -> None:
        """Close connections."""
        self._pool.clear()

    def _headers(self, batch: Batch) -> dict[str, str]:
        token = self._credentials.bearer()
        return {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
            "Observer-Schema": SCHEMA,
            "Observer-Batch": batch.id,
            "Observer-Node": self._node,
            "Observer-Class": batch.event_class,
            "Observer-Sequence": str(batch.sequence),
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }

    def _renew(self) -> None:
        """New connections where certificates were renewed."""
        version = self._credentials.version()
        if version != self._version:
            fresh = self._connections()
            self._pool.clear()
            self._pool, self._version = fresh, version

    def _connections(self) -> urllib3.PoolManager:
        timeout = urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S)
        if self._url.startswith("http:"):
            return urllib3.PoolManager(num_pools=1, timeout=timeout, retries=False)
        context, name = self._credentials.context(), self._credentials.server_name
        return urllib3.PoolManager(
            num_pools=1, timeout=timeout, retries=False, ssl_context=context, server_hostname=name
        )


def answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """What a collector's answer to a batch means."""
    if status == HTTPStatus.OK:
        return _receipt(body)
    reason = f"{status}: {_complaint(body)}"
    if status in NEVER:
        return Refused(reason)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(reason)
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        reason = f"{reason} (sent {SCHEMA}; the collector takes {headers.get('Observer-Accept', 'something else')})"
    later = status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    about_batch = later and status not in LATER
    return Failed(reason, _retry_after_s(headers) if later else None, lasting=not later, about_batch=about_batch)


def _receipt(body: bytes) -> Answer:
    """Anything may answer 200, a proxy's login page too."""
    try:
        return Taken(msgspec.json.decode(body, type=Receipt).duplicates)
    except msgspec.DecodeError:
        return Failed("200, but the answer is no collector's", lasting=True)


def _complaint(body: bytes) -> str:
    try:
        text = msgspec.json.decode(body, type=_Complaint).error
    except msgspec.DecodeError:
        text = body.decode(errors="replace")
    return "".join(character if character.isprintable() else " " for character in text[:REASON_CHARACTERS]).strip()


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After")
    try:
        return None if value is None else float(urllib3.Retry().parse_retry_after(value))
    except (InvalidHeader, OverflowError, ValueError):
        return None


def _told(error: Exception) -> str:
    """The cause behind what the library wraps around it."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLError | OSError):
        return str(cause)
    return str(error)


def endpoint(url: str, path: str) -> str:
    """The address of a path at a collector's URL. Without TLS only this machine: a token would be open to all."""
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ConfigurationError(f"collector: {url!r} is no https:// address")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise ConfigurationError(f"collector: {url!r}: without TLS only this machine's own loopback is allowed")
    if parts.username or parts.query or parts.fragment:
        raise ConfigurationError("collector: the address may hold host, port and path only")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{path}"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _header_safe(node: str) -> str:
    return "".join(character if character.isascii() and character.isprintable() else "_" for character in node)
