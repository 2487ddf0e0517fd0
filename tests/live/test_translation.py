"""A service's address before and after the node has translated it, by the kernel's real nftables."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from network import Machine, hindrance
from observing import Event, observing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]

TALK = Path(__file__).parent / "talk.py"
SERVICE = ("10.96.0.1", 443)
POD, NODE, APISERVER = "10.98.1.2", "10.98.2.1", "10.98.2.2"
RULES = f"""
table ip services {{
  chain in {{ type nat hook prerouting priority dstnat; ip daddr {SERVICE[0]} tcp dport 443 dnat to {APISERVER}:6443; }}
  chain out {{ type nat hook postrouting priority srcnat; MASQUERADE }}
}}
"""


@contextmanager
def routed() -> Iterator[tuple[Machine, Machine, Machine]]:
    """A pod, its node, and an API server beyond the node."""
    pod, node, plane = (Machine(f"obs-{role}-{os.getpid()}") for role in ("pod", "hop", "far"))
    try:
        for machine in (pod, node, plane):
            ip("netns", "add", machine.name)
        for number, machine in enumerate((pod, plane), 1):
            link = ("link", "add", "up0", "netns", machine.name, "type", "veth")
            ip(*link, "peer", "name", f"down{number}", "netns", node.name)
            raise_link(machine, "up0", f"10.98.{number}.2")
            raise_link(node, f"down{number}", f"10.98.{number}.1")
            ip("-n", machine.name, "route", "add", "default", "via", f"10.98.{number}.1")
        node.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        yield pod, node, plane
    finally:
        for machine in (pod, node, plane):
            subprocess.run(["ip", "netns", "del", machine.name], capture_output=True, check=False)


def raise_link(machine: Machine, link: str, address: str) -> None:
    """Give an interface its address."""
    ip("-n", machine.name, "address", "add", f"{address}/24", "dev", link)
    ip("-n", machine.name, "link", "set", link, "up")


def ip(*arguments: str) -> None:
    """Run `ip`; it must succeed."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


@pytest.fixture(params=[("", POD), ("masquerade;", NODE)], ids=["client kept", "client masqueraded"])
def halves(request: pytest.FixtureRequest) -> tuple[list[Event], str]:
    """The node's flows of one conversation; and who calls, as the API server sees it."""
    reason = hindrance() or (None if shutil.which("nft") else "not installed: nft")
    if reason:
        pytest.skip(reason)
    rule, caller = request.param
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with routed() as (pod, node, plane):
        loaded = node.run("nft", "-f", "-", said=RULES.replace("MASQUERADE", rule).encode())
        assert loaded.returncode == 0, loaded.stderr
        with plane.start(sys.executable, TALK, "serve", APISERVER, "6443", APISERVER, **quiet) as server:
            await_listener(plane)
            with observing(node) as heard:
                called = pod.run(sys.executable, TALK, "call", SERVICE[0], str(SERVICE[1]), POD)
            server.kill()
    assert called.returncode == 0, called.stderr
    return heard.flows(), caller


def await_listener(machine: Machine) -> None:
    """Wait until something listens there."""
    deadline = time.monotonic() + 5
    while not machine.run("ss", "-Hltn").stdout:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)


def ends(of: Event) -> list[tuple[str, int]]:
    """Address and port of client and server."""
    return [(of[side]["address"], of[side]["port"]) for side in ("client", "server")]


def test_each_half_of_a_services_connection_names_the_other_and_has_the_same_processes(
    halves: tuple[list[Event], str],
) -> None:
    flows, caller = halves
    by_server = {ends(flow)[1]: flow for flow in flows}
    assert by_server.keys() == {SERVICE, (APISERVER, 6443)}
    service, behind = by_server[SERVICE], by_server[APISERVER, 6443]

    for half, other in ((service, behind), (behind, service)):
        translated = half["network"]["translated"]
        assert ends(translated) == ends(other)
        assert translated["community_id"] == other["network"]["community_id"]
    assert ends(service)[0][0] == POD
    assert ends(behind)[0][0] == caller
    for side in ("client", "server"):
        assert service[side]["process"]
        assert service[side]["process"] == behind[side]["process"]
