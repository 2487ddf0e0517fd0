"""Serves a chDB database over ClickHouse's HTTP protocol, so that the real client speaks to a real engine over a wire.

It has what clickhouse-connect sends: queries and inserts by POST, settings and typed parameters in the query string.
No replication, no sharding, no users.
"""

import gzip
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb

TRANSPORT = {
    "database", "query", "compress", "decompress", "wait_end_of_query", "session_id", "query_id", "buffer_size",
    "client_protocol_version", "enable_http_compression", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close", "default_format",
}  # fmt: skip
CODE = re.compile(r"Code: (\d+)")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connection_: Any
    lock = Lock()

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        told = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self._body()
        query = (told.get("query", "").encode() + b"\n" + body) if "query" in told else body
        parameters = {name[6:]: value for name, value in told.items() if name.startswith("param_")}
        settings = {name: value for name, value in told.items() if name not in TRANSPORT and "param_" not in name}
        try:
            with self.lock:
                for name, value in settings.items():
                    self.connection_.query(f"SET {name} = '{value}'")
                wanted = self.headers.get("X-ClickHouse-Format") or told.get("default_format", "TabSeparated")
                answer = self.connection_.query(query.decode(), wanted, params=parameters).bytes()
            self._answer(200, bytes(answer))
        except Exception as error:  # noqa: BLE001 - the engine raises RuntimeError of any kind, and the client must hear it
            code = CODE.search(str(error))
            self._answer(500, str(error).encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "1002"})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    Handler.connection_ = chdb.connect(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201 - the test reads it
    server.serve_forever()
