"""A small HTTP server beside the loop: /healthz, /readyz, /metrics, and /events for whoever looks on from this machine.

Bounded: some connections at once, each with a time limit and one request. It never touches the capture.
"""

import ipaddress
import json
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from observer.agent.broadcast import Broadcast
from observer.errors import ConfigurationError

MAX_CONNECTIONS = 16
"""A scraper, two probes and some who look on."""
REQUEST_TIMEOUT_S = 5.0
PAUSE_S = 1.0
JSON, LINES = "application/json", "application/x-ndjson"


class Condition(msgspec.Struct, frozen=True):
    """Whether the agent is fit, and of what each part says: `ok`, or what is wrong with it."""

    is_fit: bool
    parts: dict[str, str]


class Answers(msgspec.Struct, frozen=True):
    """What is asked for at each request, from a thread of the server."""

    health: Callable[[], Condition]
    readiness: Callable[[], Condition]
    metrics: Callable[[], bytes]
    events: Broadcast


class Server:
    """Serves until it is closed; ConfigurationError where the address cannot be listened on."""

    def __init__(self, host: str, port: int, answers: Answers) -> None:
        everywhere = not host and socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if ":" in host or everywhere else socket.AF_INET
        kind = type("Bound", (_Server,), {"address_family": family, "answers": answers})
        try:
            self._server = kind((host, port), _Handler)
        except OSError as error:
            raise ConfigurationError(f"--listen {host}:{port}: {error.strerror or error}") from None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more requests; those under way end by themselves."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    answers: Answers

    def __init__(self, *arguments: Any) -> None:
        self._room = threading.Semaphore(MAX_CONNECTIONS)
        super().__init__(*arguments)

    def server_bind(self) -> None:
        """Of IPv6 also take IPv4, so that `:9478` is every address."""
        if self.address_family == socket.AF_INET6 and not self.server_address[0]:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, as long as there is room."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the room back at the end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's fault."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_TIMEOUT_S
    server_version, sys_version = "observer", ""

    def do_GET(self) -> None:
        """Answer one request."""
        answers, path = self.server.answers, self.path.partition("?")[0]
        if path == "/healthz":
            self._condition(answers.health())
        elif path == "/readyz":
            self._condition(answers.readiness())
        elif path == "/metrics":
            self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, answers.metrics())
        elif path == "/events":
            self._events(answers.events)
        else:
            self._answer(HTTPStatus.NOT_FOUND, JSON, b'{"error":"there are /healthz, /readyz, /metrics and /events"}\n')

    def log_message(self, *_: Any) -> None:
        """Nobody reads a log of probes."""

    def _condition(self, condition: Condition) -> None:
        status = HTTPStatus.OK if condition.is_fit else HTTPStatus.SERVICE_UNAVAILABLE
        told = {"status": "ok" if condition.is_fit else "unfit", "parts": condition.parts}
        self._answer(status, JSON, json.dumps(told).encode() + b"\n")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _events(self, events: Broadcast) -> None:
        """Lines as they come, to this machine alone: who talks to whom is nobody else's business."""
        if not _is_this_machine(str(self.client_address[0])):
            self._answer(HTTPStatus.FORBIDDEN, JSON, b'{"error":"events are told on this machine alone"}\n')
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", LINES)
        self.end_headers()
        with events.listener() as listener:
            while self.wfile.write(listener.wait(PAUSE_S)):
                pass


def _is_this_machine(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
