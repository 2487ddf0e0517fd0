#!/usr/bin/env python3
"""Cuts a pcap file down to whole TCP flows of every kind in it; tshark says which packet is of which flow.

Flows are of one kind where client address, server address and server port agree. One flow of each kind is taken in
turn, the smallest first, as long as it fits; so the choice is the same each time. Packets that are not TCP are left
out. Which end is the server is guessed by the lower port, which is enough for a choice.
"""

import argparse
import itertools
import struct
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FILE_HEADER = 24
RECORD_HEADER = struct.Struct("<IIII")
FIELDS = ("frame.number", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "frame.len")

End = tuple[str, int]


class Packet(NamedTuple):
    """One packet as tshark reads it."""

    number: int
    source: End
    destination: End
    length: int


def packets(capture: Path, display_filter: str) -> Iterator[Packet]:
    """The TCP packets of the capture that pass the filter."""
    wanted = f"tcp and ip and ({display_filter})" if display_filter else "tcp and ip"
    fields = [word for field in FIELDS for word in ("-e", field)]
    command = ["tshark", "-n", "-r", str(capture), "-Y", wanted, "-T", "fields", "-E", "occurrence=f", *fields]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        number, source, source_port, destination, destination_port, length = line.split("\t")
        ends = (source, int(source_port)), (destination, int(destination_port))
        yield Packet(int(number), *ends, int(length))


def choose(capture: Path, display_filter: str, most_bytes: int) -> set[int]:
    """The numbers of the packets to keep.

    A flow is known by its client's end alone: where a service address is translated on the way, both halves stay.
    """
    flows: dict[End, list[Packet]] = defaultdict(list)
    kinds: dict[tuple[str, End], dict[End, None]] = defaultdict(dict)
    for packet in packets(capture, display_filter):
        server, client = sorted((packet.source, packet.destination), key=lambda end: end[1])
        flows[client].append(packet)
        kinds[client[0], server][client] = None
    sizes = {client: sum(packet.length + RECORD_HEADER.size for packet in flow) for client, flow in flows.items()}
    turns = itertools.zip_longest(*(sorted(clients, key=lambda end: (sizes[end], end)) for clients in kinds.values()))
    kept: set[int] = set()
    room = most_bytes - FILE_HEADER
    for client in (end for turn in turns for end in turn if end):
        numbers = {packet.number for packet in flows[client]}
        if sizes[client] <= room and not numbers & kept:
            room -= sizes[client]
            kept |= numbers
    return kept


def records(capture: bytes) -> Iterator[bytes]:
    """Each packet with its header, as it stands in a little-endian pcap file."""
    offset = FILE_HEADER
    while offset < len(capture):
        end = offset + RECORD_HEADER.size + RECORD_HEADER.unpack_from(capture, offset)[2]
        yield capture[offset:end]
        offset = end


def main() -> None:
    """Read the command line and write the smaller file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=Path)
    parser.add_argument("smaller", type=Path)
    parser.add_argument("--most-bytes", type=int, default=100_000)
    parser.add_argument("--filter", default="", help="tshark display filter of what may stay")
    arguments = parser.parse_args()
    kept = choose(arguments.capture, arguments.filter, arguments.most_bytes)
    capture = arguments.capture.read_bytes()
    numbered = enumerate(records(capture), start=1)
    arguments.smaller.write_bytes(capture[:FILE_HEADER] + b"".join(r for number, r in numbered if number in kept))


if __name__ == "__main__":
    main()
