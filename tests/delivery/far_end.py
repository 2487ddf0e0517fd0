"""A far end that keeps what it is sent and answers as a test says: a real HTTP server, with or without TLS."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import orjson

from observer.spool.batch import unpacked

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        return unpacked(self.body).splitlines()

    def reply(self) -> Reply:
        return 200, {}, orjson.dumps({"accepted": len(self.lines), "duplicates": 0})


@dataclass
class FarEnd:
    """`answers` are given in turn; after them, and without any, every batch is taken."""

    url: str = ""
    posts: list[Posted] = field(default_factory=list)
    taken: list[Posted] = field(default_factory=list)
    answers: list[Callable[[Posted], Reply] | Reply] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def reply(self, posted: Posted) -> Reply:
        with self.changed:
            self.posts.append(posted)
            answer = self.answers.pop(0) if self.answers else posted.reply()
            self.changed.notify_all()
        reply = answer if isinstance(answer, tuple) else answer(posted)
        with self.changed:
            if reply[0] == 200:
                self.taken.append(posted)
            self.changed.notify_all()
        return reply

    def lines(self) -> list[bytes]:
        return [line for posted in self.taken for line in posted.lines]

    def wait_for(self, reached: Callable[[], bool]) -> None:
        """Also for what no post announces."""
        until_s = time.monotonic() + 20
        with self.changed:
            while not reached():
                assert time.monotonic() < until_s, f"{len(self.posts)} posts, {len(self.taken)} taken"
                self.changed.wait(0.02)


@contextmanager
def far_end(*answers: Callable[[Posted], Reply] | Reply, tls: ssl.SSLContext | None = None) -> Iterator[FarEnd]:
    end = FarEnd(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout: ClassVar[float] = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, content = end.reply(Posted(self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that breaks off is part of the test."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        end.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield end
        server.shutdown()
        thread.join()
