"""The packets of one flow: numbers as other programs count them, and what each packet told."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from observer import _core

PCAPS = Path(__file__).parents[1] / "pcaps"
CLIENT, SERVER = ("10.240.0.10", 52628), ("10.240.0.21", 10250)


def flows(capture: str) -> list[tuple[str, int, str, int]]:
    fields = ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport")
    command = ["tshark", "-r", str(PCAPS / capture), "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "-T", "fields"]
    out = subprocess.run(
        [*command, *(word for field in fields for word in ("-e", field))], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in out.splitlines())
    return [(client, int(port), server, int(server_port)) for client, port, server, server_port in rows]


def traced(capture: str, flow: tuple[str, int, str, int], until: int = 2**63) -> list[dict[str, Any]]:
    client, port, server, server_port = flow
    frames: list[dict[str, Any]] = json.loads(
        _core.trace(PCAPS / capture, (client, port), (server, server_port), 0, until)
    )
    return frames


def test_frames_have_the_numbers_that_tshark_gives_them() -> None:
    capture = "d_unverified_selfsigned_node1_tls12_all.pcap"
    flow = flows(capture)[-1]

    numbers = [frame["number"] for frame in traced(capture, flow)]

    shown = subprocess.run(
        ["tshark", "-r", str(PCAPS / capture), "-Y", f"tcp.port == {flow[1]}", "-T", "fields", "-e", "frame.number"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert numbers[:10] == [int(number) for number in shown.split()][:10]


def test_each_fact_stands_at_the_packet_that_told_it() -> None:
    capture = "d_unverified_selfsigned_node1_tls12_attach.pcap"
    told = [frame for frame in traced(capture, flows(capture)[0]) if frame["learnt"]]

    facts = [frame["learnt"]["tls"] for frame in told]
    assert (facts[0]["ja4"] is not None, facts[0]["version"]) == (True, None)
    assert [fact["server_chain"] for fact in facts] == sorted(
        (f["server_chain"] for f in facts), key=lambda n: n is not None
    )
    assert facts[-1]["outcome"] == "carried-on"


def test_packets_outside_the_time_of_the_flow_are_none_of_it() -> None:
    capture = "d_unverified_selfsigned_node1_tls12_attach.pcap"

    assert traced(capture, flows(capture)[0], until=1) == []


def test_a_flow_that_is_not_in_the_capture_has_no_packets() -> None:
    assert traced("b_curl_tls12_verified.pcap", ("10.9.9.9", 1, "10.9.9.8", 2)) == []


def test_a_file_that_is_no_capture_is_said() -> None:
    with pytest.raises(_core.CaptureError):
        _core.trace(PCAPS / "README.md", CLIENT, SERVER, 0, 1)
