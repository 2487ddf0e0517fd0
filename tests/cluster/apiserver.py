"""A server that speaks the API's list and watch as kube-apiserver does on the wire, faults included.

Pages with continue tokens, gzip, chunked watches, bookmarks, 410 in both forms, `Retry-After`, answers that break off.
It keeps what it was told and no more; the faults are drawn from a seed.
"""

import contextlib
import gzip
import json
import random
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from observer.inventory.kubernetes.connection import Connection

Json = dict[str, Any]
KINDS = {
    "/api/v1/nodes": ("v1", "Node"),
    "/api/v1/pods": ("v1", "Pod"),
    "/api/v1/services": ("v1", "Service"),
    "/apis/discovery.k8s.io/v1/endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
}
NODES, PODS, SERVICES, SLICES = KINDS
GZIP_FROM = 128 * 1024


class Faults:
    """How often what goes wrong, as a share of requests or of watch events."""

    def __init__(self, seed: int = 0, **shares: float) -> None:
        self._chance, self._shares, self._lock = random.Random(seed), shares, threading.Lock()
        self.happened: dict[str, int] = {}

    def __call__(self, fault: str) -> bool:
        with self._lock:
            happens = self._chance.random() < self._shares.get(fault, 0.0)
            self.happened[fault] = self.happened.get(fault, 0) + happens
            return happens

    def none(self) -> None:
        self._shares = {}


class Api:
    """The objects, their versions, and the recent past."""

    def __init__(self, faults: Faults | None = None, token: str | None = None) -> None:
        self.faults, self.token = faults or Faults(), token
        self.changed = threading.Condition()
        self.objects: dict[str, dict[tuple[str, str], Json]] = {path: {} for path in KINDS}
        self.version, self.oldest = 1, 1
        self.past: list[tuple[int, str, str, Json]] = []
        self.pages: dict[str, tuple[int, list[Json]]] = {}
        self.tokens = 0
        self.requests: list[str] = []
        self.silent = self.away = False

    def put(self, path: str, *objects: Json) -> None:
        with self.changed:
            for one in objects:
                key = (one["metadata"].get("namespace", ""), one["metadata"]["name"])
                kind = "MODIFIED" if key in self.objects[path] else "ADDED"
                self._record(path, kind, key, one)
            self.changed.notify_all()

    def delete(self, path: str, namespace: str, name: str) -> None:
        with self.changed:
            self._record(path, "DELETED", (namespace, name), self.objects[path].pop((namespace, name)))
            self.changed.notify_all()

    def compact(self) -> None:
        """Forget the past: who watches from there is told that it is gone."""
        with self.changed:
            self.oldest, self.past = self.version, []
            self.pages.clear()
            self.changed.notify_all()

    def break_watches(self) -> None:
        with self.changed:
            self.away = True
            self.changed.notify_all()

    def _record(self, path: str, kind: str, key: tuple[str, str], one: Json) -> None:
        self.version += 1
        metadata = {**one["metadata"], "resourceVersion": str(self.version)}
        stamped = {**one, "metadata": metadata}
        if kind != "DELETED":
            self.objects[path][key] = stamped
        self.past.append((self.version, path, kind, stamped))

    def selected(self, path: str, query: dict[str, str]) -> list[Json]:
        return [one for _, one in sorted(self.objects[path].items()) if matches(one, query)]


def matches(one: Json, query: dict[str, str]) -> bool:
    field = query.get("fieldSelector")
    if field and one["spec"].get("nodeName") != field.removeprefix("spec.nodeName="):
        return False
    label = re.fullmatch(r"(\S+) in \((.*)\)", query.get("labelSelector", ""))
    return label is None or one["metadata"].get("labels", {}).get(label[1]) in label[2].split(",")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A small answer must not wait for the acknowledgement of the one before.
    disable_nagle_algorithm = True
    api: Api

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self._answer()

    def _answer(self) -> None:
        parts, api = urlsplit(self.path), self.api
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        api.requests.append(self.path)
        if api.token is not None and self.headers.get("Authorization") != f"Bearer {api.token}":
            return self._status(401, "Unauthorized", "Unauthorized")
        if api.away or api.faults("error"):
            return self._status(500, "InternalError", "etcdserver: leader changed")
        if api.faults("busy"):
            return self._status(429, "TooManyRequests", "too many requests", {"Retry-After": "0"})
        if parts.path not in KINDS:
            return self._status(404, "NotFound", "the server could not find the requested resource")
        return self._watch(parts.path, query) if "watch" in query else self._list(parts.path, query)

    def _status(self, code: int, reason: str, message: str, headers: dict[str, str] | None = None) -> None:
        self._send(code, json.dumps(status(code, reason, message)).encode(), headers or {})

    def _send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        if len(body) > GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, headers = gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip"}
        self.send_response(code)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if code == 200 and self.api.faults("list_cut"):
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    def _list(self, path: str, query: dict[str, str]) -> None:
        api = self.api
        with api.changed:
            if "continue" in query and (query["continue"] not in api.pages or api.faults("page_gone")):
                return self._status(410, "Expired", "The provided continue parameter is too old")
            fresh = (api.version, api.selected(path, query)) if "continue" not in query else None
            version, items = fresh or api.pages.pop(query["continue"])
            size = int(query.get("limit", len(items) or 1))
            metadata = {"resourceVersion": str(version)}
            if len(items) > size:
                api.tokens += 1
                metadata["continue"] = f"{version}-{api.tokens}"
                api.pages[metadata["continue"]] = (version, items[size:])
        group, kind = KINDS[path]
        page = {"kind": f"{kind}List", "apiVersion": group, "metadata": metadata, "items": items[:size] or None}
        return self._send(200, json.dumps(page).encode(), {})

    def _watch(self, path: str, query: dict[str, str]) -> None:
        api, version = self.api, int(query["resourceVersion"])
        with api.changed:
            gone = version < api.oldest
        if gone and api.faults("gone_as_status"):
            return self._status(410, "Expired", "too old resource version")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self._events(path, query, version):
            if not self._event(event):
                self.close_connection = True
                return None
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _events(self, path: str, query: dict[str, str], version: int) -> Iterator[Json]:
        """What happens from that version on, a bookmark after a silence, until something goes wrong."""
        api = self.api
        while True:
            with api.changed:
                news = [entry for entry in api.past if entry[0] > version]
                told = bool(news) or api.changed.wait(0.2)
                gone, away, last = version < api.oldest, api.away, api.version
            if gone:
                yield {"type": "ERROR", "object": status(410, "Expired", "too old resource version: 1 (2)")}
            if away or gone or api.faults("watch_end"):
                return
            for number, where, kind, one in news:
                version = number
                if where == path and matches(one, query):
                    yield {"type": kind, "object": one}
            if not told and not news and not api.silent:
                yield bookmark(path, last)

    def _event(self, event: Json) -> bool:
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        if self.api.faults("watch_cut"):
            self.wfile.write(b"%x\r\n%s" % (len(line), line[: len(line) // 2]))
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        # A proxy may cut the stream anywhere.
        pieces = [line] if not self.api.faults("watch_split") else [line[:7], line[7:20], line[20:]]
        for piece in filter(None, pieces):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        return True


def status(code: int, reason: str, message: str) -> Json:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def bookmark(path: str, version: int) -> Json:
    group, kind = KINDS[path]
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    return {
        "type": "BOOKMARK",
        "object": {"kind": kind, "apiVersion": group, "metadata": metadata, "spec": {"containers": None}, "status": {}},
    }


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextlib.contextmanager
def serving(api: Api, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Server]:
    server = Server(("127.0.0.1", port), type("Bound", (Handler,), {"api": api}))
    if tls is not None:
        # Handshakes belong to the thread of each connection.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        api.break_watches()
        server.shutdown()
        server.server_close()
        thread.join()


def plain(server: Server) -> Connection:
    return Connection(f"http://127.0.0.1:{server.port}", name="lab")
