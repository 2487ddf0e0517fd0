"""Serves the application with uvicorn: TLS, client certificates, and no patience for clients that dawdle."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from observer.errors import ConfigurationError

HEADERS_BYTES = 32 * 1024
"""A service account token takes some 1.5 KiB."""

KEEP_ALIVE_S = 75
"""Agents send once a minute when little happens."""

CONNECTIONS = 6000
"""An agent holds one; beyond this, 503."""

SHUTDOWN_S = 10


@dataclass(frozen=True)
class Listen:
    """Where and how to listen; without a certificate, in the clear."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    client_authority: Path | None = None
    head_timeout_s: float = 30
    """From the opening of a connection, or the first byte of a later request, to a whole request head."""


class PunctualProtocol(H11Protocol):
    """HTTP/1.1 that drops who does not send a request's head in time, and knows the client's certificate."""

    _head: asyncio.TimerHandle | None = None
    _head_timeout_s = 30.0
    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # there is none before the first request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        session = transport.get_extra_info("ssl_object")
        name = _common_name(session.getpeercert()) if session else None
        self.app_state = {**self.app_state, "peer": name}
        self._head = self.loop.call_later(self._head_timeout_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Each head has its time from its first byte on."""
        if self._head is None and self._between_requests():
            self._head = self.loop.call_later(self._head_timeout_s, self.transport.abort)
        super().data_received(data)
        if self._head is not None and not self._between_requests():
            self._head.cancel()
            self._head = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._head is not None:
            self._head.cancel()
        super().connection_lost(exc)

    def _between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


def _common_name(certificate: dict[str, Any] | None) -> str | None:
    for part in (certificate or {}).get("subject", ()):
        for kind, value in part:
            if kind == "commonName":
                return str(value)
    return None


def configuration(application: Starlette, listen: Listen) -> uvicorn.Config:
    """What uvicorn is told."""
    _read_tls(listen)

    class Protocol(PunctualProtocol):
        """uvicorn makes protocols of a class without arguments of ours."""

        _head_timeout_s = listen.head_timeout_s

    return uvicorn.Config(
        application,
        log_level="warning",
        host=listen.host,
        port=listen.port,
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEADERS_BYTES,
        ssl_certfile=listen.certificate,
        ssl_keyfile=listen.key,
        ssl_ca_certs=listen.client_authority,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if listen.client_authority else ssl.CERT_NONE,
    )


def _read_tls(listen: Listen) -> None:
    """Find what is wrong with the files before anything listens."""
    if listen.certificate is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(listen.certificate, listen.key)
        if listen.client_authority:
            context.load_verify_locations(listen.client_authority)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(file) for file in (listen.certificate, listen.key, listen.client_authority) if file)
        raise ConfigurationError(f"{files}: cannot be used for TLS: {error}") from error


class Server(uvicorn.Server):
    """Tells where it listens, once it does, and that streams must end when it is to stop."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks for the end."""
        self._stopping()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and say so: with port 0 nobody else knows where."""
        await super().startup(sockets)
        for server in self.servers:
            for socket in server.sockets:
                host, port = socket.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                scheme = "https" if self.config.is_ssl else "http"
                logging.getLogger("observer.collector").info("listening on %s://%s:%d", scheme, shown, port)


def serve(application: Starlette, listen: Listen, stopping: Callable[[], None]) -> bool:
    """Serve until SIGTERM or SIGINT, and call `stopping` then; false where nothing could be listened on."""
    server = Server(configuration(application, listen), stopping)
    server.run()
    return server.started
