"""What configuration does to a verdict: it accuses only where nothing else fits, and the packets contradict it."""

from collections.abc import Callable

import pytest

from observer.classify import Classified
from observer.model import Certainty, Presence, State

from .shapes import API, NODE1, NODE2, PLAIN, SET, UNSET, Cluster, tls

ChainOf = Callable[[str], tuple[bytes, ...]]
SKIPS = "{user: kubelet, host: node1, file: /k.conf, insecure_skip_tls_verify: true, client_certificate: true}"
PROXY = "{user: kube-proxy, host: node1, file: /p.conf, certificate_authority: embedded}"
ADMIN = "{user: admin, host: node1, file: /a.conf, client_certificate: true}"
SELF_MADE = "node1: {tls_cert_file: null, server_tls_bootstrap: false}"


def cluster(components: str, **given: object) -> Cluster:
    return Cluster(f"{PLAIN}components: {components}\n", **given)  # type: ignore[arg-type]


def state(found: Classified) -> tuple[State, Certainty]:
    return found.verdict.state, found.verdict.certainty


def said(found: Classified) -> str:
    return " | ".join(found.verdict.reasons)


def test_a_kubelet_that_skips_verification_is_unverified_by_its_kubeconfig() -> None:
    judged = cluster(f"{{kubeconfigs: [{SKIPS}, {PROXY}, {ADMIN}]}}").judge(
        NODE1, API, 6443, tls(client_certificate=Presence.SENT)
    )

    assert state(judged) == (State.UNVERIFIED, Certainty.INFERRED)
    assert judged.verdict.reasons == ("configuration: insecure-skip-tls-verify true (/k.conf)",)


@pytest.mark.parametrize("certificate", [Presence.NONE, Presence.UNKNOWN])
def test_where_another_client_of_the_host_may_be_meant_nobody_is_accused(certificate: Presence) -> None:
    judged = cluster(f"{{kubeconfigs: [{SKIPS}, {PROXY}]}}").judge(
        NODE1, API, 6443, tls(client_certificate=certificate)
    )

    assert judged.verdict.state is State.UNKNOWN


def test_a_client_that_skips_among_others_is_named_as_a_reason() -> None:
    judged = cluster(f"{{kubeconfigs: [{SKIPS}, {PROXY}]}}").judge(
        NODE1, API, 6443, tls(client_certificate=Presence.UNKNOWN)
    )

    assert "insecure-skip-tls-verify true, of one of several clients (/k.conf)" in said(judged)


def test_another_nodes_kubeconfig_says_nothing() -> None:
    judged = cluster(f"{{kubeconfigs: [{SKIPS}]}}").judge(NODE2, API, 6443, tls(client_certificate=Presence.SENT))

    assert judged.verdict.state is State.UNKNOWN


def test_a_readable_client_certificate_says_whose_kubeconfig_counts(chain_of: ChainOf) -> None:
    admin = [chain_of("apiserver-kubelet-client")]
    kubelet = [chain_of("kubelet-node1-client")]
    facts = tls(client_chain=0, version="1.2", client_certificate=Presence.SENT)
    two = f"{{kubeconfigs: [{SKIPS}, {SKIPS.replace('kubelet', 'kube-proxy').replace('true, cl', 'false, cl')}]}}"

    assert state(cluster(two, chains=kubelet).judge(NODE1, API, 6443, facts))[0] is State.UNVERIFIED
    assert state(cluster(two, chains=admin).judge(NODE1, API, 6443, facts))[0] is not State.UNVERIFIED


def test_a_flag_that_is_not_set_is_told_with_its_source() -> None:
    fact = "components.kube-apiserver.kubelet_certificate_authority"
    text = f"{UNSET}sources: {{cp1: {{{fact}: 'process 7: not given'}}, cp2: {{{fact}: 'process 9: not given'}}}}\n"

    judged = Cluster(text).judge(API, NODE1, 10250, tls())

    assert "not set (cp1 process 7: not given and 1 more)" in said(judged)


def test_a_certificate_without_anchor_beats_a_flag_that_is_set_and_says_so(chain_of: ChainOf) -> None:
    server = chain_of("kubelet-otherca")
    judged = Cluster(SET, chain_of("ca"), [server]).judge(API, NODE1, 10250, tls(version="1.2", server_chain=0))

    assert judged.verdict.state is State.UNVERIFIED
    assert "insecureSkipTLSVerifyBackend, or an interception" in said(judged)


def test_a_kubeconfig_that_verifies_is_noted_beside_a_certificate_without_anchor(chain_of: ChainOf) -> None:
    checks = SKIPS.replace("true, client", "false, client")
    judged = cluster(
        f"{{kubeconfigs: [{checks}]}}", anchors=chain_of("ca"), chains=[chain_of("kubelet-otherca")]
    ).judge(NODE1, API, 6443, tls(version="1.2", server_chain=0, client_certificate=Presence.SENT))

    assert judged.verdict.state is State.UNVERIFIED
    assert "kubeconfig verifies the server (/k.conf); yet it carried on" in said(judged)


def test_a_kubelet_that_makes_its_own_certificate_is_a_reason_and_no_verdict() -> None:
    judged = cluster(f"{{kubelet: {{{SELF_MADE}}}}}").judge(API, NODE1, 10250, tls())
    other = cluster(f"{{kubelet: {{{SELF_MADE}}}}}").judge(API, NODE2, 10250, tls())

    assert judged.verdict.state is State.UNKNOWN
    assert "which nobody can verify" in said(judged)
    assert "which nobody can verify" not in said(other)


@pytest.mark.parametrize(
    ("components", "server", "port", "reason"),
    [
        ("{konnectivity-agent: {ca_cert: /c.crt}}", "10.240.0.12", 8132, "--ca-cert /c.crt"),
        (
            "{kube-apiserver: {egress_selector: {cluster: {transport: tcp, ca_bundle: null}}}}",
            "10.240.0.12",
            8131,
            "egress selector's caBundle not set: the system's authorities",
        ),
        ("{kube-apiserver: {etcd_cafile: /etcd.crt}}", API, 2379, "--etcd-cafile /etcd.crt"),
    ],
)
def test_authorities_of_other_paths_are_reasons(components: str, server: str, port: int, reason: str) -> None:
    text = f"{PLAIN}konnectivity: {{servers: [10.240.0.12]}}\ncomponents: {components}\n"
    client = NODE1 if port == 8132 else API

    judged = Cluster(text).judge(client, server, port, tls(next_protocol="h2"))

    assert reason in said(judged)
    assert judged.verdict.state is State.UNKNOWN


def test_hosts_of_equal_configuration_share_a_place() -> None:
    both = SKIPS + ", " + SKIPS.replace("node1", "node2")

    assert len(cluster(f"{{kubeconfigs: [{both}]}}").table.places) == len(Cluster(PLAIN).table.places)
