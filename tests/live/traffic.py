"""What is said between the two machines: real TLS by OpenSSL, HTTP in the clear and SSH banners."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from network import LINK, Machine

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
LARGE_BYTES = 5_000_000
START_S = 5

FILES = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=10255, bind='10.99.0.2')"
BANNERS = """
import socket
server = socket.create_server(("10.99.0.2", 22))
while True:
    peer, _ = server.accept()
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\\r\\n")
    peer.recv(100)
    peer.close()
"""
FETCH = "import sys, urllib.request as r; print(len(r.urlopen(sys.argv[1], timeout=5).read()))"
GREET = """
import socket
peer = socket.create_connection(("10.99.0.2", 22), timeout=5)
peer.recv(100)
peer.sendall(b"SSH-2.0-Go\\r\\n")
peer.recv(100)
"""


def certificates(folder: Path) -> None:
    """`ca`, and by it `node` and `client`; and `other`, by nobody else."""
    for name in ("ca", "other"):
        _openssl(folder, "req", "-x509", "-subj", f"/CN={name}", *_key(name), "-out", f"{name}.crt", "-days", "400")
    for name in ("node", "client"):
        names = ("-addext", "subjectAltName=IP:10.99.0.2,IP:fd99::2")
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-days", "300")
        _openssl(folder, "req", "-x509", "-subj", f"/CN={name}", *_key(name), *names, *signed, "-out", f"{name}.crt")


def _key(name: str) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@contextmanager
def servers(node: Machine, folder: Path) -> Iterator[None]:
    """Kubelets on two addresses, a read-only port with a large file, and something that greets like SSH."""
    (folder / "large").write_bytes(bytes(LARGE_BYTES))
    tls = ("openssl", "s_server", "-cert", "node.crt", "-key", "node.key", "-www", "-quiet", "-verify", "1")
    commands: list[tuple[str, ...]] = [
        (*tls, "-CAfile", "ca.crt", "-accept", "10.99.0.2:10250"),
        (*tls, "-CAfile", "ca.crt", "-accept", "[fd99::2]:10250"),
        (sys.executable, "-c", FILES),
        (sys.executable, "-c", BANNERS),
    ]
    with ExitStack() as stack:
        for command in commands:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
            process = stack.enter_context(node.start(*command, cwd=folder, **quiet))
            stack.callback(process.kill)
        _await_listeners(node, len(commands))
        yield


def _await_listeners(node: Machine, count: int) -> None:
    deadline = time.monotonic() + START_S
    while len(node.run("ss", "-Hltn").stdout.splitlines()) < count:
        assert time.monotonic() < deadline, "the servers did not start"
        time.sleep(0.05)


def play(plane: Machine, folder: Path) -> None:
    """Every conversation, one after the other."""
    client = ("-cert", str(folder / "client.crt"), "-key", str(folder / "client.key"))
    _tls(plane, "10.99.0.2:10250", "-tls1_3")
    _tls(plane, "10.99.0.2:10250", "-tls1_2")
    _tls(plane, "10.99.0.2:10250", "-tls1_3", *client)
    _tls(plane, "10.99.0.2:10250", "-tls1_2", *client)
    _tls(plane, "10.99.0.2:10250", "-tls1_2", "-verify_return_error", "-CAfile", str(folder / "other.crt"))
    _tls(plane, "10.99.0.2:10250", "-tls1_3", "-verify_return_error", "-CAfile", str(folder / "other.crt"))
    plane.run(sys.executable, Path(__file__).parent / "tagged.py", LINK)
    _tls(plane, "[fd99::2]:10250", "-tls1_3")
    _tls(plane, "[fd99::2]:10250", "-tls1_2")
    plane.run(sys.executable, "-c", FETCH, "http://10.99.0.2:10255/ca.crt")
    plane.run(sys.executable, "-c", FETCH, "http://10.99.0.2:10255/large")
    plane.run(sys.executable, "-c", GREET)
    plane.run("openssl", "s_client", "-connect", "10.99.0.2:10257")


CONVERSATIONS = 14


def _tls(plane: Machine, to: str, *options: str) -> None:
    plane.run("openssl", "s_client", "-connect", to, "-quiet", *options, said=REQUEST)
