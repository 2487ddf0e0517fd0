"""The agent on real traffic between two namespaces says what `analyze` says of a capture of the same traffic."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from network import INVENTORY, LINK, Machine, cluster, hindrance
from traffic import CONVERSATIONS, LARGE_BYTES, certificates, play, servers

from observer import pipeline
from observer.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]

OBSERVER = Path(sys.executable).parent / "observer"
AGENTS = {
    "ebpf": ("--interface", LINK),
    "ebpf-everywhere": (),
    "ebpf-and-loopback": ("--interface", LINK, "--interface", "lo"),
    "classic": ("--interface", LINK, "--backend", "classic"),
}
STOP_S = 10
PAYLOAD_BYTES = 64 * 1024
"""What the kernel hands over of each direction."""
SAME = ("protocol", "tls", "ssh", "http", "path", "verdict", "findings")

TWICE_TAGGED = ("10.99.7.1", 40002, "10.99.7.2", 10255)

Event = dict[str, Any]
Events = dict[str, list[Event]]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Events:
    """The events of each agent and, as `analyze`, those of the capture."""
    if reason := hindrance():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("live")
    certificates(folder)
    (folder / "inventory.yaml").write_text(INVENTORY)
    with cluster() as (plane, node), servers(node, folder), _observers(node, folder):
        play(plane, folder)
        time.sleep(0.3)
    events = {name: _lines(folder / f"{name}.ndjson") for name in AGENTS}
    out = folder / "analyze.ndjson"
    with out.open("wb") as file:
        pipeline.analyze([str(folder / "capture.pcap")], flows_out=file, **_settings(folder))
    return {**events, "analyze": _lines(out)}


def _settings(folder: Path) -> dict[str, Any]:
    return {"inventory": str(folder / "inventory.yaml"), "ca": [str(folder / "ca.crt")]}


def _lines(file: Path) -> list[Event]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


@contextmanager
def _observers(node: Machine, folder: Path) -> Iterator[None]:
    """All agents and tcpdump at once; the end asks each to stop and waits for it."""
    command: tuple[str | Path, ...] = (OBSERVER, "agent", "--inventory", "inventory.yaml", "--ca", "ca.crt")
    dump = ("tcpdump", "-i", LINK, "-U", "-w", "capture.pcap", "-B", "16384")
    commands: list[tuple[str | Path, ...]] = [
        (*command, "--output", f"{name}.ndjson", *options) for name, options in AGENTS.items()
    ]
    with ExitStack() as stack:
        started = [node.start(*command, cwd=folder, stderr=subprocess.PIPE) for command in (*commands, dump)]
        processes = [stack.enter_context(process) for process in started]
        try:
            for process in processes:
                first = process.stderr.readline() if process.stderr else b""
                assert b"capturing with" in first or b"listening on" in first, first
            yield
            time.sleep(1)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(STOP_S) for process in processes]
    assert codes == [0] * len(processes)


def _finals(events: list[Event]) -> dict[tuple[Any, ...], Event]:
    flows = [event for event in events if event["kind"] == "flow" and event["final"]]
    by_ends = {
        tuple(flow[side][part] for side in ("client", "server") for part in ("address", "port")): flow for flow in flows
    }
    assert len(by_ends) == len(flows)
    return by_ends


def _counts(flow: Event) -> dict[str, Any]:
    """Without the times, which tcpdump rounds to microseconds, and the gaps of a large flow, whose rest is withheld."""
    is_large = flow["flow"]["server_bytes"] > PAYLOAD_BYTES
    return {
        name: value
        for name, value in flow["flow"].items()
        if name not in ({"start", "end"} | ({"gaps"} if is_large else set()))
    }


def test_the_traffic_shows_what_it_is_meant_to(heard: Events) -> None:
    flows = list(_finals(heard["analyze"]).values())
    assert len(flows) == CONVERSATIONS
    seen = {(flow["protocol"], flow["path"]["id"], flow["verdict"]["state"]) for flow in flows}
    assert ("tls", "apiserver-to-kubelet", "verifiable") in seen
    assert ("tls", "apiserver-to-kubelet", "aborted") in seen
    assert ("http", "kubelet-readonly", "plaintext") in seen
    assert {flow["tls"]["version"] for flow in flows if flow["tls"]} == {"1.2", "1.3"}
    assert {flow["network"]["type"] for flow in flows} == {"ipv4", "ipv6"}


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_says_of_each_flow_what_a_capture_of_it_says(heard: Events, agent: str) -> None:
    expected, found = _finals(heard["analyze"]), _finals(heard[agent])
    if agent == "classic":
        expected.pop(TWICE_TAGGED)  # classic filters see through one tag only
    assert found.keys() == expected.keys()
    for ends, flow in expected.items():
        assert {name: found[ends][name] for name in SAME} == {name: flow[name] for name in SAME}, ends
        assert _counts(found[ends]) == _counts(flow), ends


@pytest.mark.parametrize("agent", AGENTS)
def test_a_verdict_is_told_before_the_end_and_under_the_same_id(heard: Events, agent: str) -> None:
    early = {event["id"]: event for event in heard[agent] if event["kind"] == "flow" and not event["final"]}
    finals = {event["id"]: event for event in _finals(heard[agent]).values()}
    assert early.keys() <= finals.keys()
    settled = {key: event["verdict"] for key, event in early.items() if event["verdict"]["state"] != "unknown"}
    assert settled  # one that was unknown may be known once another flow has shown the certificate
    assert settled == {key: finals[key]["verdict"] for key in settled}
    carried_on = [key for key, event in finals.items() if event["tls"] and event["tls"]["outcome"] == "carried-on"]
    assert carried_on
    assert set(carried_on) <= early.keys()


@pytest.mark.parametrize("agent", AGENTS)
def test_nothing_is_lost_and_the_filter_is_named(heard: Events, agent: str) -> None:
    last = heard[agent][-1]
    assert (last["kind"], last["final"], last["backend"]) == ("summary", True, agent.split("-", maxsplit=1)[0])
    assert {event["observer"]["backend"] for event in heard[agent]} == {last["backend"]}
    assert last["counters"]["ring_dropped"] == 0
    assert not [event for event in heard[agent] if event["kind"] == "loss"]


@pytest.mark.parametrize("agent", AGENTS)
def test_each_finding_of_the_flows_is_told_once_under_its_key(heard: Events, agent: str) -> None:
    told = [event for event in heard[agent] if event["kind"] == "finding"]
    in_flows: dict[tuple[str, str, str, int], set[str]] = {}
    for flow in (event for event in heard[agent] if event["kind"] == "flow"):
        for finding in flow["findings"]:
            place = (finding["id"], finding["cause"], flow["server"]["name"], flow["server"]["port"])
            in_flows.setdefault(place, set()).add(flow["id"])
    assert in_flows
    counted: dict[tuple[str, str, str, int], int] = {}
    for event in told:
        place = (event["finding"]["id"], event["finding"]["cause"], event["server"]["name"], event["server"]["port"])
        counted[place] = counted.get(place, 0) + event["count"]
        assert set(event["flows"]) <= in_flows[place]
    assert counted == {place: len(flows) for place, flows in in_flows.items()}
    assert len({event["key"] for event in told}) == len(in_flows)
    assert all(event["coverage"] == {"complete": True, "lost": {}} for event in told)


def test_most_of_a_large_transfer_is_counted_without_leaving_the_kernel(heard: Events) -> None:
    counters = heard["ebpf"][-1]["counters"]
    assert max(flow["flow"]["server_bytes"] for flow in _finals(heard["ebpf"]).values()) > LARGE_BYTES
    assert counters["kernel_counted_only"] > counters["kernel_passed"] > 0


def test_an_interface_that_is_not_there_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["observer", "agent", "--interface", "nowhere0"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (2, "observer: nowhere0: there is no such interface\n")
