"""What probes learn, held against TLS 1.3 flows of real servers and clients."""

import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from authority import Authority

from observer.evidence.memory import read

from .network import BEHIND, CLIENT, PORT, SERVER, Network, stop
from .reading import INVENTORY, OBSERVER, flows, remembered
from .servers import curl, nginx, openssl


def findings(flow: dict[str, Any]) -> set[str]:
    """The findings that tell of two authorities."""
    return {finding["id"] for finding in flow["findings"]} & {
        "certificate-foreign-beside-trusted",
        "certificate-authority-changed",
    }


def judged(flow: dict[str, Any]) -> tuple[str, str | None]:
    return flow["verdict"]["state"], flow["tls"]["server"]["certificates_source"]


@pytest.mark.parametrize("server", [openssl, nginx])
def test_a_probed_certificate_is_given_to_the_flows_that_hide_it(
    network: Network, authority: Authority, tmp_path: Path, server: Any
) -> None:
    server(network, authority.issue("server", "node1", SERVER))
    with network.capture(tmp_path / "a.pcap"):
        curl(network, "--cacert", authority.file)
    memory = remembered(network, tmp_path / "probed.ndjson")
    stranger = Authority(tmp_path, "stranger")

    (hidden,) = flows(tmp_path / "a.pcap", "--ca", authority.file)
    (trusted,) = flows(tmp_path / "a.pcap", "--ca", authority.file, "--memory", memory)
    (foreign,) = flows(tmp_path / "a.pcap", "--ca", stranger.file, "--memory", memory)

    assert judged(hidden) == ("unknown", None)
    assert judged(trusted) == ("verifiable", "probed")
    assert judged(foreign) == ("unverified", "probed")
    assert {flow["verdict"]["certainty"] for flow in (trusted, foreign)} == {"inferred"}


def test_a_renewed_certificate_of_the_same_authority_says_nothing(
    network: Network, authority: Authority, tmp_path: Path
) -> None:
    told = _one_after_the_other(network, tmp_path, authority, authority)

    found, trusted = (
        [flow for name in "ab" for flow in flows(tmp_path / f"{name}.pcap", *told, *more)]
        for more in ((), ("--ca", authority.file))
    )
    assert [findings(flow) for flow in (*found, *trusted)] == [set()] * 4
    assert [judged(flow) for flow in trusted] == [("verifiable", "probed")] * 2


def test_a_second_authority_is_found(network: Network, authority: Authority, tmp_path: Path) -> None:
    told = _one_after_the_other(network, tmp_path, authority, Authority(tmp_path, "second-ca"))

    (first,) = flows(tmp_path / "a.pcap", *told)
    (second,) = flows(tmp_path / "b.pcap", *told)
    (beside,) = flows(tmp_path / "b.pcap", *told, "--ca", authority.file)

    assert (findings(first), findings(second)) == (set(), {"certificate-authority-changed"})
    assert findings(beside) == {"certificate-foreign-beside-trusted"}


def _one_after_the_other(network: Network, folder: Path, *authorities: Authority) -> list[str | Path]:
    """Captures `a` and `b` of a server that changes its certificate, and the memories of both."""
    memories = list[str | Path]()
    for name, authority in zip("ab", authorities, strict=True):
        # Certificates of one length would not be told apart.
        more = ("node1.longer",) if name == "b" else ()
        server = openssl(network, authority.issue(name, "node1", SERVER, names=more))
        with network.capture(folder / f"{name}.pcap"):
            curl(network)
        memories += ["--memory", remembered(network, folder / f"{name}.ndjson")]
        stop(server)
    return memories


def test_an_interceptor_is_noticed_by_its_length_and_found_by_the_next_probe(
    network: Network, authority: Authority, tmp_path: Path, go_peer: Path
) -> None:
    files = authority.issue("server", "node1", SERVER, BEHIND)
    server = openssl(network, files)
    before = remembered(network, tmp_path / "before.ndjson")
    stop(server)
    openssl(network, files, BEHIND)
    network.start(go_peer, "-listen", f"{SERVER}:{PORT}", "-upstream", f"{BEHIND}:{PORT}", ready="ready")
    with network.capture(tmp_path / "a.pcap"):
        curl(network)
    after = remembered(network, tmp_path / "after.ndjson")

    (noticed,) = flows(tmp_path / "a.pcap", "--ca", authority.file, "--memory", before)
    (found,) = flows(tmp_path / "a.pcap", "--ca", authority.file, "--memory", before, "--memory", after)

    assert noticed["verdict"]["state"] == "unknown"
    assert any(reason.startswith("certificate-not-known") for reason in noticed["verdict"]["reasons"])
    assert (judged(found), findings(found)) == (("unverified", "probed"), {"certificate-foreign-beside-trusted"})
    assert found["tls"]["server"]["certificates"][0]["issuer"] == "CN=intercepting-proxy"


def test_the_agent_uses_and_keeps_what_endpoints_showed(
    network: Network, authority: Authority, tmp_path: Path, go_peer: Path
) -> None:
    files = authority.issue("server", "node1", SERVER)
    serve = ("-listen", f"{SERVER}:{PORT}", "-cert", files[0], "-key", files[1], "-version")
    older = network.start(go_peer, *serve, "1.2", ready="ready")
    learns = agent(network, tmp_path, authority)
    network.run(go_peer, "-version", "1.2", "-dial", f"{SERVER}:{PORT}", "-from", CLIENT)
    (clear,) = ended(learns, tmp_path)
    stop(older)

    network.start(go_peer, *serve, "1.3", ready="ready")
    knows = agent(network, tmp_path, authority)
    network.run(go_peer, "-dial", f"{SERVER}:{PORT}", "-from", CLIENT)
    (hidden,) = ended(knows, tmp_path)

    assert judged(clear) == ("verifiable", "clear")
    assert judged(hidden) == ("verifiable", "earlier")
    (kept,) = read(str(tmp_path / "memory.ndjson"))
    assert (kept.address, kept.port, kept.flows) == (SERVER, PORT, 1)


def agent(network: Network, folder: Path, authority: Authority) -> subprocess.Popen[str]:
    (folder / "inventory.yaml").write_text(INVENTORY)
    given = ("--inventory", folder / "inventory.yaml", "--ca", authority.file, "--memory", folder / "memory.ndjson")
    where = ("--interface", "lo", "--output", folder / "events.ndjson")
    return network.start(OBSERVER, "agent", *given, *where, ready="capturing with")


def ended(process: subprocess.Popen[str], folder: Path) -> list[dict[str, Any]]:
    """The last event of each flow with application data, taken out of the file."""
    time.sleep(0.5)
    stop(process)
    file = folder / "events.ndjson"
    events = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    file.unlink()
    return [event for event in events if event["kind"] == "flow" and event["final"] and event["protocol"] == "tls"]
