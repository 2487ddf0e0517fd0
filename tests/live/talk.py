"""One end of a conversation, as a program of its own: `talk.py serve|fork|share|call|wait SERVER PORT CLIENT [GROUP…]`.

Prints its process number once it is in the control groups named, and listens or is connected.
"""

import os
import socket
import sys
from pathlib import Path

REQUEST = b"GET / HTTP/1.1\r\nHost: n\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def ready() -> None:
    """Tell the number of this process."""
    os.write(sys.stdout.fileno(), b"%d\n" % os.getpid())


def serve(server: socket.socket) -> None:
    """Answer whoever calls, one after the other."""
    ready()
    while True:
        peer, _ = server.accept()
        with peer:
            while peer.recv(1000):
                peer.sendall(ANSWER)


def fork(server: socket.socket) -> None:
    """A parent that listens, and a child that accepts and answers."""
    if os.fork() == 0:
        serve(server)
    os.wait()


def call(peer: socket.socket) -> None:
    """Ask and be answered."""
    ready()
    peer.sendall(REQUEST)
    peer.recv(1000)


def wait(peer: socket.socket) -> None:
    """Connect, and ask once standard input says so."""
    ready()
    sys.stdin.readline()
    peer.sendall(REQUEST)
    peer.recv(1000)


def share(peer: socket.socket) -> None:
    """The same, with a child that holds the connection, too."""
    if os.fork() == 0:
        wait(peer)
    os.wait()


if __name__ == "__main__":
    role, address, port, own, *groups = sys.argv[1:]
    for group in groups:
        Path(group, "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    ends = (address, int(port))
    if role in {"serve", "fork"}:
        globals()[role](socket.create_server(ends))
    else:
        globals()[role](socket.create_connection(ends, timeout=10, source_address=(own, 0)))
