"""Somebody between client and server: a proxy that ends TLS with certificates of its own."""

from pathlib import Path

from authority import Authority

from .network import BEHIND, CLIENT, PORT, SERVER, Network
from .reading import flows, lengths, probe
from .servers import curl, openssl


def test_an_interceptor_shows_another_certificate_than_the_server_does(
    network: Network, authority: Authority, tmp_path: Path, go_peer: Path
) -> None:
    openssl(network, authority.issue("server", "node1", SERVER, BEHIND), BEHIND)
    network.start(go_peer, "-listen", f"{SERVER}:{PORT}", "-upstream", f"{BEHIND}:{PORT}", ready="ready")

    with network.capture(tmp_path / "a.pcap"):
        curl(network)
    there, between = probe(network, f"{BEHIND}:{PORT}", f"{SERVER}:{PORT}")

    assert lengths(tmp_path / "a.pcap") == {between.certificate_length}
    assert there.certificate_length not in lengths(tmp_path / "a.pcap")
    assert [line.certificates[0].issuer for line in (there, between)] == ["CN=cluster-ca", "CN=intercepting-proxy"]


def test_a_client_that_carries_on_through_an_interceptor_is_unverified(
    network: Network, authority: Authority, tmp_path: Path, go_peer: Path
) -> None:
    openssl(network, authority.issue("server", "node1", SERVER, BEHIND), BEHIND)
    listen = ("-listen", f"{SERVER}:{PORT}", "-version", "1.2")
    network.start(go_peer, *listen, "-upstream", f"{BEHIND}:{PORT}", ready="ready")

    with network.capture(tmp_path / "a.pcap"):
        network.run(go_peer, "-version", "1.2", "-dial", f"{SERVER}:{PORT}", "-from", CLIENT)

    (flow,) = flows(tmp_path / "a.pcap", "--ca", authority.file)
    assert (flow["path"]["id"], flow["verdict"]["state"]) == ("apiserver-to-kubelet", "unverified")
    assert flow["tls"]["server"]["certificates"][0]["issuer"] == "CN=intercepting-proxy"
