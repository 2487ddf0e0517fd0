"""The probe against real servers: it fetches what they show, and its length is the one that flows show."""

from collections.abc import Callable
from pathlib import Path

import pytest
from authority import Authority, chain_in

from .network import CLIENT, PORT, SERVER, Network, stop
from .reading import flows, lengths, probe
from .servers import Files, curl, nginx, openssl

Start = Callable[[Network, Files], object]


def bound(network: Network, capture: Path) -> tuple[set[int | None], int | None]:
    """Lengths that clients were shown, and the one that the probe expects."""
    with network.capture(capture):
        curl(network)
    (line,) = probe(network)
    assert line.error is None
    return lengths(capture), line.certificate_length


@pytest.mark.parametrize("start", [openssl, nginx])
def test_the_probed_certificate_has_the_length_that_flows_show(
    network: Network, authority: Authority, tmp_path: Path, start: Start
) -> None:
    start(network, authority.issue("server", "node1", SERVER))

    shown, expected = bound(network, tmp_path / "a.pcap")

    assert shown == {expected}


@pytest.mark.parametrize("mutual", [(), ("-mutual",)])
def test_a_go_server_shows_its_whole_chain_even_where_it_wants_the_clients(
    network: Network, tmp_path: Path, go_peer: Path, mutual: tuple[str, ...]
) -> None:
    files = Authority(tmp_path, "below", Authority(tmp_path, "above")).issue("server", "node1", SERVER)
    network.start(go_peer, "-listen", f"{SERVER}:{PORT}", "-cert", files[0], "-key", files[1], *mutual, ready="ready")

    (line,) = probe(network)

    assert len(line.chain) == len(chain_in(files[0])) == 2
    if not mutual:
        with network.capture(tmp_path / "a.pcap"):
            network.run(go_peer, "-dial", f"{SERVER}:{PORT}", "-from", CLIENT)
        assert lengths(tmp_path / "a.pcap") == {line.certificate_length}


def test_a_probe_looks_like_a_connection_that_came_to_nothing(
    network: Network, authority: Authority, tmp_path: Path
) -> None:
    openssl(network, authority.issue("server", "node1", SERVER))

    with network.capture(tmp_path / "a.pcap"):
        # The kernel would choose the server's own address as the client's.
        network.run("ip", "route", "replace", "local", SERVER, "dev", "lo", "table", "local", "src", CLIENT)
        probe(network)

    (flow,) = flows(tmp_path / "a.pcap", "--ca", authority.file)
    assert (flow["client"]["address"], flow["verdict"]["state"]) == (CLIENT, "unknown")
    assert flow["verdict"]["reasons"][0].startswith("no-data")


def test_another_certificate_is_not_bound_to_flows_of_the_first(
    network: Network, authority: Authority, tmp_path: Path, go_peer: Path
) -> None:
    first = authority.issue("first", "node1", SERVER)
    second = authority.issue("second", "node1", SERVER, names=("node1.example",))
    serve = ("-listen", f"{SERVER}:{PORT}")
    server = network.start(go_peer, *serve, "-cert", first[0], "-key", first[1], ready="ready")
    before, expected = bound(network, tmp_path / "before.pcap")
    stop(server)
    network.start(go_peer, *serve, "-cert", second[0], "-key", second[1], ready="ready")

    after, _ = bound(network, tmp_path / "after.pcap")

    assert before == {expected}
    assert expected not in after
