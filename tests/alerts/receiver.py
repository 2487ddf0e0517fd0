"""A real HTTP server that receives webhooks, keeps them, and fails when it is told to."""

import random
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson
import pytest


class Request(NamedTuple):
    """A request as the receiver got it; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class ReceiverServer:
    """A real HTTP server. `answer` decides the status and the headers of an answer; by default all is well."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.refused: list[Request] = []
        self.answer: Callable[[Request], tuple[int, dict[str, str]]] = lambda _: (204, {})
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.path, headers, body)
                status, fields = receiver.answer(request)
                if status == 0:
                    self.close_connection = True
                    return
                with receiver.arrived:
                    (receiver.requests if status < 300 else receiver.refused).append(request)
                    receiver.arrived.notify_all()
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def wait(self, fulfilled: Callable[["ReceiverServer"], bool], timeout_s: float = 20) -> None:
        with self.arrived:
            if not self.arrived.wait_for(lambda: fulfilled(self), timeout_s):
                pytest.fail(f"waited in vain; {len(self.requests)} messages came, {len(self.refused)} were refused")

    def fail_at_random(self, seed: int, share: float) -> None:
        chance = random.Random(seed)

        def answer(_: Request) -> tuple[int, dict[str, str]]:
            if chance.random() >= share:
                return 200, {}
            return chance.choice([(0, {}), (500, {}), (503, {"Retry-After": "0"}), (429, {"Retry-After": "0"})])

        self.answer = answer

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
