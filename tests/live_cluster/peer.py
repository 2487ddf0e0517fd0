"""Serves and dials with Python's own TLS; a program of its own, since it runs inside a namespace.

Its one argument is a list of listeners or one call, as JSON: `address`, `port`, and for TLS `certificate`, `key`,
`authority` (whom to verify by; none: nobody is verified), `version`, `protocols`.
"""

import contextlib
import json
import socket
import ssl
import sys
import threading
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
TIMEOUT_S = 5


def context(end: dict[str, Any], purpose: int) -> ssl.SSLContext:
    """What this end insists on."""
    made = ssl.SSLContext(purpose)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED if end.get("authority") else ssl.CERT_NONE
    if end.get("authority"):
        made.load_verify_locations(end["authority"])
    if end.get("certificate"):
        made.load_cert_chain(end["certificate"], end["key"])
    if end.get("protocols"):
        made.set_alpn_protocols(end["protocols"])
    if version := VERSIONS.get(end.get("version", "")):
        made.minimum_version = made.maximum_version = version
    return made


def answer(peer: socket.socket, tls: ssl.SSLContext | None) -> None:
    """One request, one answer."""
    try:
        peer.settimeout(TIMEOUT_S)
        with tls.wrap_socket(peer, server_side=True) if tls else peer as stream:
            stream.recv(4096)
            stream.sendall(ANSWER)
    except OSError:
        peer.close()


def serve(end: dict[str, Any]) -> None:
    """Answers whoever comes, one thread each."""
    tls = context(end, ssl.PROTOCOL_TLS_SERVER) if end.get("certificate") else None
    if tls and end.get("optional"):
        tls.verify_mode = ssl.CERT_OPTIONAL
    family = socket.AF_INET6 if ":" in end["address"] else socket.AF_INET
    server = socket.create_server((end["address"], end["port"]), family=family)

    def accept() -> None:
        while True:
            threading.Thread(target=answer, args=(server.accept()[0], tls), daemon=True).start()

    threading.Thread(target=accept).start()


def dial(end: dict[str, Any]) -> None:
    """Sends one request and reads to the end; a refusal is an end, too."""
    peer = socket.create_connection((end["address"], end["port"]), timeout=TIMEOUT_S)
    tls = context(end, ssl.PROTOCOL_TLS_CLIENT) if end.get("tls") else None
    with contextlib.suppress(ssl.SSLError), tls.wrap_socket(peer) if tls else peer as stream:
        stream.sendall(end["request"].encode())
        while stream.recv(4096):
            pass


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    if isinstance(task, list):
        for listener in task:
            serve(listener)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    else:
        dial(task)
