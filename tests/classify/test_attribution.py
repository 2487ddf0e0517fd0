"""Which path a flow is on: roles first, then what the bytes show; ports alone are never enough."""

import pytest

from observer.model import Confidence, Outcome, Presence, Protocol, Role, SshFacts

from .shapes import API, KUBERNETES, NODE1, NODE2, OTHER_SERVICE, OUTSIDE, PLAIN, POD1, POD2, TUNNEL, Cluster, http, tls

MIDSTREAM = {"ja3": None, "offered_protocols": (), "outcome": Outcome.MIDSTREAM, "client_certificate": Presence.UNKNOWN}
SENT = {"client_certificate": Presence.SENT}
GO = SshFacts(client_version="SSH-2.0-Go", negotiation="agreed")
OPENSSH = SshFacts(client_version="SSH-2.0-OpenSSH_9.2p1", negotiation="agreed")
KONNECTIVITY_SERVER = "10.240.0.12"


@pytest.fixture(scope="module")
def plain() -> Cluster:
    return Cluster(PLAIN)


@pytest.fixture(scope="module")
def tunnel() -> Cluster:
    return Cluster(TUNNEL)


def test_clients_of_the_api_server_are_told_apart_by_where_they_are(plain: Cluster) -> None:
    assert plain.path(NODE1, API, 6443, tls(**SENT)) == "node-to-apiserver"
    assert plain.path(POD1, API, 443, tls()) == "pod-to-apiserver"
    assert plain.path(POD1, KUBERNETES, 443, tls()) == "pod-to-apiserver"
    assert plain.path(API, API, 6443, tls(**SENT)) == "controlplane-to-apiserver"
    assert plain.path(OUTSIDE, API, 6443, tls(**SENT)) == "external-to-apiserver"


def test_loopback_is_the_control_plane_only_where_the_capture_was_taken_there() -> None:
    there = Cluster(PLAIN, captured_on=API)

    assert there.path("127.0.0.1", "127.0.0.1", 6443, tls()) == "controlplane-to-apiserver"
    assert there.path("127.0.0.1", "127.0.0.1", 2379, tls()) == "etcd-client"
    assert Cluster(PLAIN).path("127.0.0.1", "127.0.0.1", 6443, tls()) == "unattributed"


def test_a_node_that_is_also_an_api_server_speaks_for_the_control_plane() -> None:
    both = Cluster(PLAIN.replace("nodes:", "nodes:\n- {name: cp1, addresses: [10.240.0.10], pod_cidr: 10.244.0.0/24}"))

    assert both.path(API, API, 6443, tls(**SENT)) == "controlplane-to-apiserver"
    assert both.path("10.244.0.1", POD1, 8080, http("pod")) == "apiserver-to-pod-proxy"
    assert both.path(API, API, 10250, tls(**SENT)) == "apiserver-to-kubelet"


def test_plaintext_on_the_secure_port_stays_on_its_documented_path(plain: Cluster) -> None:
    assert plain.path(NODE1, API, 6443, http()) == "node-to-apiserver"


def test_the_insecure_port_is_the_documented_path_for_nodes_and_pods(plain: Cluster) -> None:
    assert plain.path(NODE1, API, 8080, http()) == "node-to-apiserver"
    assert plain.path(POD1, API, 8080, http()) == "pod-to-apiserver"
    assert plain.path(OUTSIDE, API, 8080, http()) == "apiserver-insecure"
    assert plain.path(OUTSIDE, API, 8080) == "apiserver-insecure"
    assert plain.path(OUTSIDE, API, 8001, http(agent="kubectl")) == "apiserver-insecure"
    assert plain.path(OUTSIDE, API, 8001, http(agent="curl")) == "unattributed"


def test_the_api_server_reaches_kubelets_with_and_without_a_certificate(plain: Cluster) -> None:
    assert plain.path(API, NODE1, 10250, tls(**SENT)) == "apiserver-to-kubelet"
    assert plain.path(API, NODE1, 10250, tls()) == "apiserver-to-kubelet"
    assert plain.path(API, NODE1, 10250) == "apiserver-to-kubelet"


def test_a_scraper_on_the_api_servers_host_is_not_the_api_server(plain: Cluster) -> None:
    assert plain.path(API, NODE1, 10250, tls(next_protocol="h2")) == "kubelet-other-client"


def test_who_reaches_a_kubelet_without_certificate_is_somebody_else(plain: Cluster) -> None:
    assert plain.path(NODE2, NODE1, 10250, tls()) == "kubelet-other-client"
    assert plain.path(POD1, NODE2, 10250, tls()) == "kubelet-other-client"
    assert plain.path(OUTSIDE, NODE2, 10250, tls(**SENT)) == "kubelet-other-client"


def test_a_client_certificate_from_a_node_is_the_api_server_behind_a_tunnel(plain: Cluster, tunnel: Cluster) -> None:
    assert plain.path(NODE1, NODE2, 10250, tls(**SENT)) == "apiserver-to-kubelet via ssh-tunnel"
    assert tunnel.path(NODE1, NODE2, 10250, tls(**SENT)) == "apiserver-to-kubelet via konnectivity"
    assert tunnel.path(NODE1, NODE1, 10250, tls(**SENT)) == "apiserver-to-kubelet via konnectivity"
    assert tunnel.path(NODE1, NODE2, 10250, tls(next_protocol="h2", **SENT)) == "kubelet-other-client"


def test_a_tunnels_last_hop_is_tentative_where_the_handshake_was_not_seen(tunnel: Cluster) -> None:
    found = tunnel.judge(NODE2, NODE1, 10250, tls(**MIDSTREAM))

    assert found.attribution.path == "apiserver-to-kubelet"
    assert found.attribution.confidence is Confidence.TENTATIVE


def test_the_read_only_port_is_itself_whoever_asks(plain: Cluster) -> None:
    for client in (API, POD1, OUTSIDE):
        assert plain.path(client, NODE1, 10255, http("node")) == "kubelet-readonly"


def test_forwarded_requests_name_the_proxy(plain: Cluster) -> None:
    assert plain.path(API, POD1, 8080, http("pod")) == "apiserver-to-pod-proxy"
    assert plain.path(API, POD1, 8080, http("service")) == "apiserver-to-service-proxy"
    assert plain.path(API, NODE1, 8080, http("node")) == "apiserver-to-node-proxy"


def test_plain_http_that_was_not_forwarded_is_nobodys_path(plain: Cluster) -> None:
    assert plain.path(API, POD1, 8080, http("absent")) == "unattributed"
    assert plain.path(API, NODE1, 22, http("absent")) == "unattributed"
    assert plain.path(API, POD1, 8080, http("other")) == "unattributed"
    assert plain.path(POD1, POD2, 8080, http("absent")) == "unattributed"


def test_upgrades_and_unread_requests_from_the_api_server_are_its_proxy(plain: Cluster) -> None:
    assert plain.path(API, POD1, 8080, http("absent", upgrade="websocket")) == "apiserver-to-pod-proxy"
    assert plain.path(API, POD1, 8080, http("unknown", request_seen=False)) == "apiserver-to-pod-proxy"
    assert plain.path(API, NODE1, 8080, http("unknown", request_seen=False)) == "apiserver-to-node-proxy"


def test_forwarded_requests_from_a_node_come_out_of_a_tunnel(plain: Cluster, tunnel: Cluster) -> None:
    assert tunnel.path(NODE2, POD1, 8080, http("pod")) == "apiserver-to-pod-proxy via konnectivity"
    assert tunnel.path(NODE2, NODE1, 8080, http("node")) == "apiserver-to-node-proxy via konnectivity"
    assert plain.path(NODE2, POD1, 8080, http("service")) == "apiserver-to-service-proxy via ssh-tunnel"
    assert tunnel.path(NODE2, NODE1, 8080, http("absent")) == "unattributed"


def test_tls_from_the_api_server_without_any_name_is_its_proxy(plain: Cluster) -> None:
    assert plain.path(API, POD1, 8443, tls()) == "apiserver-to-pod-proxy"
    assert plain.path(API, NODE1, 8443, tls()) == "apiserver-to-node-proxy"


def test_webhooks_and_aggregated_apis_are_told_from_the_proxy_by_name_and_certificate(plain: Cluster) -> None:
    named = tls(server_name="hook.default.svc")

    assert plain.path(API, POD1, 7443, named) == "apiserver-to-webhook"
    assert plain.path(API, OTHER_SERVICE, 443, named) == "apiserver-to-webhook"
    assert plain.path(API, POD1, 7443, tls(**SENT)) == "apiserver-to-aggregated-api"


def test_the_proxy_is_only_tentative_where_no_handshake_was_seen(plain: Cluster) -> None:
    found = plain.judge(API, POD1, 8443, tls(**MIDSTREAM))

    assert found.attribution.path == "apiserver-to-pod-proxy"
    assert found.attribution.confidence is Confidence.TENTATIVE


def test_tls_from_another_node_to_a_pod_is_the_proxy_only_with_konnectivity(plain: Cluster, tunnel: Cluster) -> None:
    assert tunnel.path(NODE1, POD2, 8443, tls()) == "apiserver-to-pod-proxy via konnectivity"
    assert tunnel.path(NODE1, POD1, 8443, tls()) == "unattributed"
    assert plain.path(NODE1, POD2, 8443, tls()) == "unattributed"


def test_ssh_from_the_api_server_to_a_node_is_a_tunnel(plain: Cluster) -> None:
    assert plain.path(API, NODE1, 22, GO) == "ssh-tunnel"
    assert plain.path(API, NODE1, 2222, OPENSSH) == "ssh-tunnel"
    assert plain.path(OUTSIDE, NODE1, 22, OPENSSH) == "unattributed"
    assert plain.path(API, NODE1, 22, protocol=Protocol.UNKNOWN) == "ssh-tunnel"


def test_konnectivity_is_told_by_its_servers_ports(tunnel: Cluster) -> None:
    assert tunnel.path(NODE1, KONNECTIVITY_SERVER, 8132, tls(**SENT)) == "konnectivity-agent-to-server"
    assert tunnel.path(API, KONNECTIVITY_SERVER, 8131, tls(**SENT)) == "apiserver-to-konnectivity-server"
    assert tunnel.path(OUTSIDE, KONNECTIVITY_SERVER, 8133, http()) == "konnectivity-admin"
    assert tunnel.path(OUTSIDE, KONNECTIVITY_SERVER, 8134, http()) == "konnectivity-health"


def test_a_konnectivity_agents_own_listeners_are_on_its_node(tunnel: Cluster) -> None:
    assert tunnel.path(OUTSIDE, NODE1, 8093, http()) == "konnectivity-health"
    assert tunnel.path(OUTSIDE, NODE1, 8094) == "konnectivity-admin"


def test_the_control_planes_other_ports_have_their_own_paths(plain: Cluster) -> None:
    assert plain.path(NODE1, API, 2379, tls()) == "etcd-client"
    assert plain.path(API, API, 2380, tls()) == "etcd-peer"
    assert plain.path(POD1, API, 10257, tls()) == "controlplane-metrics"


def test_roles_are_those_of_the_path(plain: Cluster) -> None:
    kubelet = plain.judge(API, NODE1, 10250, tls(**SENT)).attribution
    etcd = plain.judge(NODE1, API, 2379, tls()).attribution

    assert (kubelet.client_role, kubelet.server_role) == (Role.APISERVER, Role.NODE)
    assert (etcd.client_role, etcd.server_role) == (Role.NODE, Role.ETCD)


def test_reasons_name_roles_and_what_was_seen(plain: Cluster) -> None:
    found = plain.judge(API, POD1, 8080, http("pod")).attribution

    assert found.reasons == (
        "X-Forwarded-Uri names a pod proxy of the API",
        "inventory: roles apiserver to pod (addresses, port 8080)",
        "packets: X-Forwarded-Uri pod (HTTP request)",
    )


def test_nothing_is_certain_with_inferred_roles() -> None:
    inferred = Cluster(PLAIN + "inferred: true\n")

    assert inferred.judge(API, NODE1, 10250, tls(**SENT)).attribution.confidence is Confidence.LIKELY


def test_without_an_inventory_nothing_is_attributed() -> None:
    assert Cluster("cluster: nothing").path(API, NODE1, 10250, tls(**SENT)) == "unattributed"
