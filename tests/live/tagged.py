"""Sends, on the interface named, a request and its answer inside one VLAN tag, and another inside two.

A program of its own: it runs inside a namespace. Kernels without VLAN devices can be sent tagged frames all the same.
"""

import socket
import struct
import sys

SYN, ACK, FIN = 2, 16, 1
CLIENT, SERVER = "10.99.7.1", "10.99.7.2"
TAGS = {40001: [0x0007], 40002: [0x4007, 0x6008]}
"""Tags by client port; with these priorities a tag looks like the start of an IP header."""


def frame(tags: list[int], ends: list[tuple[str, int]], flags: int, numbers: tuple[int, int], payload: bytes) -> bytes:
    """One TCP segment in an Ethernet frame; nobody checks its sums."""
    (source, source_port), (destination, destination_port) = ends
    tcp = struct.pack("!HHIIBBHHH", source_port, destination_port, *numbers, 0x50, flags, 500, 0, 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), numbers[0] & 0xFFFF, 0, 64, 6, 0)
    ip = head + socket.inet_aton(source) + socket.inet_aton(destination)
    return (
        b"\xff" * 6 + b"\x02" * 6 + b"".join(struct.pack("!HH", 0x8100, tag) for tag in tags) + b"\x08\x00" + ip + tcp
    )


def conversation(port: int) -> list[bytes]:
    """A request in the clear and its answer, from the first SYN to the last FIN."""
    there = [(CLIENT, port), (SERVER, 10255)]
    request, answer = b"GET /pods HTTP/1.1\r\nHost: n\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    asked, told = 101 + len(request), 501 + len(answer)
    steps = [
        (there, SYN, (100, 0), b""),
        (there[::-1], SYN | ACK, (500, 101), b""),
        (there, ACK, (101, 501), request),
        (there[::-1], ACK, (501, asked), answer),
        (there, FIN | ACK, (asked, told), b""),
        (there[::-1], FIN | ACK, (told, asked + 1), b""),
    ]
    return [frame(TAGS[port], *step) for step in steps]


if __name__ == "__main__":
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((sys.argv[1], 0))
        for port in TAGS:
            for bytes_on_wire in conversation(port):
                link.send(bytes_on_wire)
