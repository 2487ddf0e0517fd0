"""How safe a flow is: one test for each way a rule of the design answers, and for each trap."""

from collections.abc import Callable

import pytest

from observer.classify import Classified
from observer.model import Alert, AnchorRole, Certainty, ChainSource, Outcome, Presence, Protocol, SshFacts, State

from .shapes import API, NODE1, NODE2, OTHER_SERVICE, PLAIN, POD1, POD2, SET, TUNNEL, UNSET, Cluster, http, tls

ChainOf = Callable[[str], tuple[bytes, ...]]

SENT = Presence.SENT
KONNECTIVITY_SERVER = "10.240.0.12"


def state(found: Classified) -> tuple[State, Certainty]:
    return found.verdict.state, found.verdict.certainty


@pytest.fixture(scope="module")
def plain() -> Cluster:
    return Cluster(PLAIN)


@pytest.fixture
def cluster(chain_of: ChainOf) -> Callable[..., Cluster]:
    """A cluster in which chain 0 is the named certificate and the cluster's authority is trusted."""

    def build(certificate: str, text: str = PLAIN, anchors: str | None = "ca", files: tuple[str, ...] = ()) -> Cluster:
        return Cluster(text, chain_of(anchors) if anchors else (), [chain_of(certificate)], files=files)

    return build


def test_readable_http_is_plaintext(plain: Cluster) -> None:
    found = plain.judge(NODE1, API, 6443, http())

    assert state(found) == (State.PLAINTEXT, Certainty.PROVEN)
    assert found.verdict.reasons == ("packets: readable HTTP/1.1 (payload)",)


def test_readable_http_of_an_unknown_version_is_plaintext(plain: Cluster) -> None:
    found = plain.judge(NODE1, API, 6443, http(version=None))

    assert found.verdict.reasons == ("packets: readable HTTP (payload)",)


def test_text_of_an_unrecognised_protocol_is_plaintext(plain: Cluster) -> None:
    found = plain.judge(NODE1, API, 6443, protocol=Protocol.UNKNOWN, readable=True)

    assert state(found) == (State.PLAINTEXT, Certainty.PROVEN)


def test_bytes_that_nobody_can_read_are_no_plaintext(plain: Cluster) -> None:
    assert state(plain.judge(NODE1, API, 6443, protocol=Protocol.UNKNOWN))[0] is State.UNKNOWN


def test_a_refusal_of_the_client_is_aborted_with_its_alert(plain: Cluster) -> None:
    alert = Alert("client", 2, 48, encrypted=False)
    found = plain.judge(POD1, API, 6443, tls(outcome=Outcome.CLIENT_REFUSED, alert=alert))

    assert state(found) == (State.ABORTED, Certainty.PROVEN)
    assert found.verdict.reasons == ("packets: client refused with alert 48 unknown_ca (TLS handshake)",)


def test_an_encrypted_refusal_is_aborted_without_a_reason(plain: Cluster) -> None:
    alert = Alert("client", None, None, encrypted=True)
    found = plain.judge(NODE1, API, 6443, tls(outcome=Outcome.CLIENT_REFUSED, alert=alert))

    assert found.verdict.reasons == ("packets: client refused with an encrypted alert (TLS handshake)",)


@pytest.mark.parametrize(("client", "server", "port"), [(POD1, API, 6443), (NODE1, API, 6443), (API, NODE1, 10250)])
def test_closing_unused_after_a_complete_handshake_is_unknown(
    plain: Cluster, client: str, server: str, port: int
) -> None:
    found = plain.judge(client, server, port, tls(outcome=Outcome.FINISHED_NO_DATA))

    assert state(found)[0] is State.UNKNOWN


def test_a_servers_refusal_is_aborted_only_where_it_can_be_read(plain: Cluster) -> None:
    clear = tls(outcome=Outcome.SERVER_REFUSED, alert=Alert("server", 2, 42, encrypted=False))
    hidden = tls(outcome=Outcome.SERVER_REFUSED, alert=Alert("server", None, None, encrypted=True))

    assert state(plain.judge(NODE1, API, 2379, clear))[0] is State.ABORTED
    assert state(plain.judge(NODE1, API, 2379, hidden))[0] is State.UNKNOWN


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ((), State.RESUMED),
        ((State.UNKNOWN,), State.RESUMED),
        ((State.VERIFIABLE,), State.VERIFIABLE),
        ((State.VERIFIABLE, State.UNKNOWN), State.RESUMED),
        ((State.VERIFIABLE, State.ABORTED), State.VERIFIABLE),
        ((State.ABORTED,), State.RESUMED),
        ((State.UNVERIFIED,), State.UNVERIFIED),
        ((State.UNVERIFIED, State.VERIFIABLE), State.RESUMED),
    ],
)
def test_a_resumed_session_inherits_what_earlier_handshakes_agree_on(
    plain: Cluster, earlier: tuple[State, ...], expected: State
) -> None:
    assert state(plain.judge(NODE1, API, 6443, tls(resumed=True), earlier=earlier))[0] is expected


def test_a_resumed_session_is_not_the_api_servers_own_whose_clients_never_resume() -> None:
    for client, server, port in ((API, NODE1, 10250), (API, POD1, 8443)):
        found = Cluster(UNSET).judge(client, server, port, tls(resumed=True, client_certificate=SENT))

        assert state(found) == (State.RESUMED, Certainty.INFERRED)


def test_an_anonymous_key_exchange_is_proof_that_nothing_was_verified(plain: Cluster) -> None:
    assert state(plain.judge(NODE1, API, 6443, tls(version="1.2", cipher=0x6C))) == (
        State.UNVERIFIED,
        Certainty.PROVEN,
    )


def test_carrying_on_with_a_foreign_authority_is_unverified(cluster: Callable[..., Cluster]) -> None:
    found = cluster("kubelet-otherca").judge(API, NODE1, 10250, tls(server_chain=0, client_certificate=SENT))

    assert state(found) == (State.UNVERIFIED, Certainty.INFERRED)


def test_it_is_proven_where_the_clients_own_anchors_were_given(cluster: Callable[..., Cluster]) -> None:
    given = cluster("kubelet-otherca", SET, files=("/etc/kubernetes/pki/ca.crt",))

    assert state(given.judge(API, NODE1, 10250, tls(server_chain=0, client_certificate=SENT))) == (
        State.UNVERIFIED,
        Certainty.PROVEN,
    )


def test_expiry_and_usage_are_proven_too_where_the_clients_own_anchors_were_given(
    cluster: Callable[..., Cluster],
) -> None:
    for certificate in ("kubelet-expired", "kubelet-node1-client"):
        given = cluster(certificate, SET, files=("/etc/kubernetes/pki/ca.crt",))
        found = given.judge(API, NODE1, 10250, tls(server_chain=0, client_certificate=SENT))

        assert state(found) == (State.UNVERIFIED, Certainty.PROVEN)


def test_configuration_that_contradicts_what_was_accepted_is_noted(cluster: Callable[..., Cluster]) -> None:
    found = cluster("kubelet-otherca", SET).judge(API, NODE1, 10250, tls(server_chain=0, client_certificate=SENT))

    assert state(found)[0] is State.UNVERIFIED
    assert "a request with insecureSkipTLSVerifyBackend, or an interception" in found.verdict.reasons[1]


def test_carrying_on_with_an_expired_certificate_is_unverified_without_any_anchor(
    cluster: Callable[..., Cluster],
) -> None:
    found = cluster("kubelet-expired", anchors=None).judge(API, NODE2, 10250, tls(server_chain=0))

    assert state(found)[0] is State.UNVERIFIED
    assert found.verdict.reasons == ("certificate: validity expired (server's certificate)",)


def test_carrying_on_with_a_client_certificate_for_a_server_is_unverified(cluster: Callable[..., Cluster]) -> None:
    found = cluster("kubelet-node1-client").judge(NODE1, API, 6443, tls(server_chain=0))

    assert state(found)[0] is State.UNVERIFIED


def test_a_kubelets_self_made_certificate_can_be_verified_by_nobody(cluster: Callable[..., Cluster]) -> None:
    found = cluster("kubelet-node1-selfsigned", anchors=None).judge(API, NODE1, 10250, tls(server_chain=0))

    assert state(found) == (State.UNVERIFIED, Certainty.INFERRED)


def test_webhooks_have_their_own_authority_so_a_foreign_one_says_nothing(cluster: Callable[..., Cluster]) -> None:
    named = tls(server_chain=0, server_name="hook.default.svc")
    found = cluster("webhook").judge(API, POD1, 7443, named)

    assert state(found)[0] is State.UNKNOWN
    assert state(cluster("webhook").judge(POD2, POD1, 7443, named))[0] is State.UNKNOWN


def test_etcd_has_its_own_authority_so_the_clusters_says_nothing(cluster: Callable[..., Cluster]) -> None:
    found = cluster("etcd-server").judge(API, API, 2379, tls(server_chain=0, client_certificate=SENT))

    assert state(found)[0] is State.UNKNOWN


def test_with_an_authority_bound_to_etcd_a_certificate_without_a_path_counts(chain_of: ChainOf) -> None:
    bound = {AnchorRole.ETCD: chain_of("ca")}
    cluster = Cluster(PLAIN, (), [chain_of("kubelet-otherca"), chain_of("kubelet-node1-serving")], bound=bound)

    wrong = cluster.judge(API, API, 2379, tls(server_chain=0, client_certificate=SENT))
    right = cluster.judge(API, API, 2379, tls(server_chain=1, client_certificate=SENT))

    assert state(wrong) == (State.UNVERIFIED, Certainty.INFERRED)
    assert right.verdict.reasons[0] == "certificate: signature path to a trust anchor given (server's certificate)"


def test_even_with_a_bound_authority_a_client_that_always_verifies_is_never_accused(chain_of: ChainOf) -> None:
    bound = {AnchorRole.KONNECTIVITY: chain_of("ca")}
    cluster = Cluster(TUNNEL, (), [chain_of("kubelet-otherca")], bound=bound)

    assert state(cluster.judge(NODE1, KONNECTIVITY_SERVER, 8132, tls(server_chain=0)))[0] is State.UNKNOWN


def test_a_konnectivity_agent_always_verifies_so_it_is_never_called_unverified(
    cluster: Callable[..., Cluster],
) -> None:
    found = cluster("kubelet-expired", TUNNEL).judge(NODE1, KONNECTIVITY_SERVER, 8132, tls(server_chain=0))

    assert state(found)[0] is State.UNKNOWN
    assert "documentation: client always verifies the server (its source)" in found.verdict.reasons


def test_the_proxy_never_verifies(plain: Cluster) -> None:
    assert state(plain.judge(API, POD1, 8443, tls())) == (State.UNVERIFIED, Certainty.INFERRED)
    assert state(plain.judge(API, NODE1, 8443, tls())) == (State.UNVERIFIED, Certainty.INFERRED)


def test_a_tentative_proxy_is_not_accused() -> None:
    assert state(Cluster(TUNNEL).judge(NODE1, POD2, 8443, tls()))[0] is State.UNKNOWN


def test_a_webhook_dialled_by_its_address_is_not_accused_as_the_proxys(plain: Cluster) -> None:
    assert state(plain.judge(API, POD1, 7443, tls(offered_protocols=("http/1.1",))))[0] is State.UNKNOWN


def test_probes_of_a_control_plane_nodes_kubelet_are_not_accused_as_the_proxys() -> None:
    both = Cluster(PLAIN.replace("nodes:", "nodes:\n- {name: cp1, addresses: [10.240.0.10], pod_cidr: 10.244.0.0/24}"))

    assert state(both.judge(API, "10.244.0.7", 8443, tls()))[0] is State.UNKNOWN


def test_packets_older_than_the_certificate_show_a_wrong_clock_and_accuse_nobody(
    cluster: Callable[..., Cluster],
) -> None:
    found = cluster("apiserver").judge(NODE1, API, 6443, tls(server_chain=0), time=0)

    assert state(found)[0] is State.UNKNOWN
    assert found.verdict.reasons[0].startswith("not-yet-valid")


def test_an_api_server_trusts_the_certificate_it_made_for_loopback(cluster: Callable[..., Cluster]) -> None:
    own = tls(server_chain=0, server_name="apiserver-loopback-client")

    assert state(cluster("podweb-selfsigned").judge(API, API, 6443, own))[0] is State.UNKNOWN


def test_a_named_handshake_is_not_accused_as_the_proxys(plain: Cluster) -> None:
    assert state(plain.judge(API, POD1, 7443, tls(server_name="hook.default.svc")))[0] is State.UNKNOWN
    assert state(plain.judge(API, OTHER_SERVICE, 443, tls()))[0] is State.UNKNOWN


def test_the_kubelet_is_unverified_where_the_flag_is_known_to_be_unset() -> None:
    handshake = tls(client_certificate=SENT)

    assert state(Cluster(UNSET).judge(API, NODE1, 10250, handshake)) == (State.UNVERIFIED, Certainty.INFERRED)
    assert state(Cluster(UNSET).judge(NODE2, NODE1, 10250, handshake))[0] is State.UNVERIFIED


def test_the_kubelet_is_not_accused_where_the_flag_is_set_or_not_known(plain: Cluster) -> None:
    handshake = tls(client_certificate=SENT)

    assert state(plain.judge(API, NODE1, 10250, handshake))[0] is State.UNKNOWN
    assert state(Cluster(SET).judge(API, NODE1, 10250, handshake))[0] is State.UNKNOWN
    assert state(Cluster(UNSET).judge(NODE2, NODE1, 10250, tls()))[0] is State.UNKNOWN


def test_a_kubelets_certificate_without_its_addresses_is_unverified(cluster: Callable[..., Cluster]) -> None:
    found = cluster("kubelet-wrongsan").judge(API, NODE2, 10250, tls(server_chain=0, client_certificate=SENT))

    assert state(found) == (State.UNVERIFIED, Certainty.INFERRED)
    assert found.verdict.reasons == ("certificate: names not the one dialled (server's certificate)",)


def test_a_wrong_server_name_is_unverified(cluster: Callable[..., Cluster]) -> None:
    found = cluster("apiserver").judge(POD1, API, 6443, tls(server_chain=0, server_name="wrong.example"))

    assert state(found)[0] is State.UNVERIFIED


def test_an_api_server_behind_a_translated_address_is_not_accused(cluster: Callable[..., Cluster]) -> None:
    elsewhere = PLAIN.replace("10.240.0.10", "10.9.9.9").replace("kubernetes_service: 10.96.0.1", "")
    found = cluster("apiserver", elsewhere).judge(NODE1, "10.9.9.9", 6443, tls(server_chain=0))

    assert state(found) == (State.VERIFIABLE, Certainty.INFERRED)


def test_a_good_certificate_is_verifiable_and_never_verified(cluster: Callable[..., Cluster]) -> None:
    found = cluster("apiserver").judge(NODE1, API, 6443, tls(server_chain=0, client_certificate=SENT))

    assert state(found) == (State.VERIFIABLE, Certainty.PROVEN)


def test_an_encrypted_certificate_is_unknown(plain: Cluster) -> None:
    found = plain.judge(NODE1, API, 6443, tls())

    assert state(found) == (State.UNKNOWN, Certainty.UNKNOWN)
    assert found.verdict.reasons[0].startswith("tls1.3-certificate-encrypted")


@pytest.mark.parametrize("source", [ChainSource.REMEMBERED, ChainSource.PROBED, ChainSource.EARLIER])
def test_a_certificate_that_only_its_length_binds_is_likely_and_never_proof(
    cluster: Callable[..., Cluster], source: ChainSource
) -> None:
    bound: dict[str, object] = {"remembered_chain": 0, "remembered_source": source}
    given = {"text": SET, "files": ("/etc/kubernetes/pki/ca.crt",)}
    mutual = tls(client_certificate=SENT)

    wrong = cluster("kubelet-otherca", **given).judge(API, NODE1, 10250, mutual, **bound)
    right = cluster("kubelet-node1-serving", **given).judge(API, NODE1, 10250, mutual, **bound)

    assert state(wrong) == (State.UNVERIFIED, Certainty.INFERRED)
    assert state(right) == (State.VERIFIABLE, Certainty.INFERRED)
    assert "at this endpoint" in wrong.verdict.reasons[0]
    assert wrong.certificate_source is source


def test_what_the_flow_itself_shows_counts_before_what_is_remembered(chain_of: ChainOf) -> None:
    cluster = Cluster(PLAIN, chain_of("ca"), [chain_of("kubelet-node1-serving"), chain_of("kubelet-otherca")])
    found = cluster.judge(API, NODE1, 10250, tls(server_chain=0, client_certificate=SENT), remembered_chain=1)

    assert state(found) == (State.VERIFIABLE, Certainty.PROVEN)


def test_a_certificate_without_anchors_to_judge_it_by_is_unknown(cluster: Callable[..., Cluster]) -> None:
    found = cluster("apiserver", anchors=None).judge(NODE1, API, 6443, tls(version="1.2", server_chain=0))

    assert found.verdict.reasons[0].startswith("no-trust-anchor")


@pytest.mark.parametrize(
    "outcome", [Outcome.MIDSTREAM, Outcome.INCOMPLETE, Outcome.NO_SERVER_HELLO, Outcome.PLAINTEXT_ANSWER]
)
def test_without_a_finished_handshake_nothing_is_claimed(plain: Cluster, outcome: Outcome) -> None:
    found = plain.judge(API, POD1, 8443, tls(outcome=outcome))

    assert state(found)[0] is State.UNKNOWN
    assert found.verdict.reasons[0].startswith(outcome.value)


def test_ssh_is_unknown_since_host_keys_are_checked_out_of_sight(plain: Cluster) -> None:
    assert state(plain.judge(API, NODE1, 22, SshFacts(negotiation="agreed")))[0] is State.UNKNOWN


def test_a_flow_without_payload_is_unknown(plain: Cluster) -> None:
    assert plain.judge(API, NODE1, 10250).verdict.reasons[0].startswith("no-payload")
