"""What is said about a flow, and where there is nothing to say."""

from collections.abc import Callable

from observer import ruleset
from observer.model import Certainty, HttpFacts, Outcome, Presence, Severity, SshFacts, TlsFacts

from .shapes import API, NODE1, OUTSIDE, PLAIN, POD1, TUNNEL, UNSET, Cluster, http, tls

ChainOf = Callable[[str], tuple[bytes, ...]]
Content = TlsFacts | HttpFacts | SshFacts | None


def found(client: str, server: str, port: int, content: Content, text: str = PLAIN) -> set[str]:
    return {finding.id for finding in Cluster(text).judge(client, server, port, content).findings}


def test_nothing_is_said_about_a_connection_that_is_in_order(chain_of: ChainOf) -> None:
    cluster = Cluster(PLAIN, chain_of("ca"), [chain_of("apiserver")])

    assert cluster.judge(NODE1, API, 6443, tls(server_chain=0, client_certificate=Presence.SENT)).findings == ()


def test_plaintext_and_the_token_in_it_are_told() -> None:
    assert found(NODE1, API, 6443, http(credentials="bearer")) == {"plaintext", "bearer-token-in-clear"}
    assert found(POD1, OUTSIDE, 80, http(credentials="basic")) == {"basic-credentials-in-clear"}


def test_the_most_severe_finding_comes_first() -> None:
    findings = Cluster(PLAIN).judge(NODE1, API, 8080, http(credentials="bearer")).findings

    assert findings[0].severity is Severity.CRITICAL


def test_an_unverified_kubelet_names_flag_and_benchmark() -> None:
    findings = Cluster(UNSET).judge(API, NODE1, 10250, tls(client_certificate=Presence.SENT)).findings

    assert [(finding.id, finding.cis) for finding in findings] == [("kubelet-certificate-unverified", "1.2.5")]
    assert "--kubelet-certificate-authority" in findings[0].remediation


def test_a_kubelet_whose_verification_is_not_known_is_only_mentioned() -> None:
    assert found(API, NODE1, 10250, tls(client_certificate=Presence.SENT)) == {"kubelet-verification-not-shown"}


def test_the_proxy_is_told_in_plain_and_in_unverified_form() -> None:
    assert found(API, POD1, 8080, http("pod")) == {"proxy-plain-http"}
    assert found(API, POD1, 8443, tls()) == {"proxy-unverified-https"}


def test_old_and_weak_tls_are_told() -> None:
    assert found(NODE1, API, 6443, tls(version="1.1", cipher=0x2F)) == {"old-tls", "weak-cipher"}
    assert found(NODE1, API, 6443, tls(version="1.2", cipher=0x05)) == {"broken-cipher", "weak-cipher"}
    assert found(NODE1, API, 6443, tls(version="1.2", cipher=0xC02F)) == set()


def test_a_refusal_is_a_hint_about_the_server_only() -> None:
    findings = Cluster(PLAIN).judge(NODE1, API, 6443, tls(outcome=Outcome.CLIENT_REFUSED)).findings

    assert [(finding.id, finding.severity) for finding in findings] == [("certificate-refused", Severity.INFO)]


def test_an_expired_certificate_is_told_even_where_it_was_refused(chain_of: ChainOf) -> None:
    cluster = Cluster(PLAIN, (), [chain_of("kubelet-expired")])
    refused = tls(version="1.2", server_chain=0, outcome=Outcome.CLIENT_REFUSED)

    assert "certificate-expired" in {f.id for f in cluster.judge(API, "10.240.0.22", 10250, refused).findings}


def test_a_tunnel_and_its_weak_algorithms_are_told() -> None:
    weak = SshFacts(key_exchange="diffie-hellman-group14-sha1", cipher="aes128-cbc", negotiation="agreed")
    good = SshFacts(key_exchange="curve25519-sha256", cipher="aes256-gcm@openssh.com", negotiation="agreed")

    assert found(API, NODE1, 22, weak) == {"ssh-tunnel-in-use", "weak-ssh-algorithms"}
    assert found(API, NODE1, 22, good) == {"ssh-tunnel-in-use"}


def test_direct_traffic_in_a_cluster_with_konnectivity_bypasses_it() -> None:
    handshake = tls(client_certificate=Presence.SENT)

    assert "konnectivity-bypass" in found(API, NODE1, 10250, handshake, TUNNEL)
    assert "konnectivity-bypass" not in found("10.240.0.22", NODE1, 10250, handshake, TUNNEL)
    assert "konnectivity-bypass" not in found(API, NODE1, 10250, handshake, PLAIN)


def test_ports_that_should_be_closed_are_told() -> None:
    assert found(OUTSIDE, NODE1, 10255, http()) == {"kubelet-readonly-port"}
    assert found(POD1, NODE1, 10250, tls()) == {"kubelet-reached-directly"}
    assert found(NODE1, API, 2379, http()) == {"etcd-plaintext", "etcd-exposed"}
    assert found(POD1, API, 10257, tls()) == {"controlplane-component-exposed"}
    assert found(OUTSIDE, API, 8080, http()) == {"apiserver-insecure-port"}


def test_an_open_port_that_was_only_tried_is_not_told() -> None:
    assert found(OUTSIDE, NODE1, 10255, None) == set()


def test_a_finding_about_the_verdict_rests_on_what_the_verdict_rests_on() -> None:
    judged = Cluster(UNSET).judge(API, NODE1, 10250, tls(client_certificate=Presence.SENT))

    assert judged.findings[0].cause == "unverified"
    assert judged.findings[0].reasons == judged.verdict.reasons
    assert judged.findings[0].certainty is judged.verdict.certainty


def test_a_finding_about_a_fact_rests_on_that_fact_alone() -> None:
    old, weak = Cluster(PLAIN).judge(NODE1, API, 6443, tls(version="1.1", cipher=0x2F)).findings

    assert (old.cause, old.certainty) == ("tls_version=1.1", Certainty.PROVEN)
    assert old.reasons == ("packets: TLS version 1.1 (TLS handshake)",)
    assert weak.cause == "cipher=cbc-sha1 no-forward-secrecy"


def test_a_finding_about_the_path_is_as_sure_as_the_path() -> None:
    judged = Cluster(TUNNEL).judge(API, NODE1, 10250, tls(client_certificate=Presence.SENT))
    bypass = next(finding for finding in judged.findings if finding.id == "konnectivity-bypass")

    assert (bypass.cause, bypass.certainty) == ("", Certainty.PROVEN)
    assert bypass.reasons == judged.attribution.reasons


def test_every_rule_of_ours_says_how_to_check_its_mend() -> None:
    assert [rule.id for rule in ruleset.load().findings if not rule.check] == []
