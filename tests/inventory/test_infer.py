"""Who is who, told by the traffic alone."""

from collections.abc import Callable

from observer.inventory.file import Inventory
from observer.inventory.infer import Edge, Survey, infer
from observer.model import Forwarded, HttpFacts, Outcome, Presence, Protocol, SshFacts, TlsFacts

ChainOf = Callable[[str], tuple[bytes, ...]]

API, NODE1, NODE2, POD, OUTSIDE = "10.240.0.10", "10.240.0.21", "10.240.0.22", "10.244.1.5", "10.240.0.99"
HELLO = "3590d1b8f63dd1d590f0adea4227443d"


def edge(client: str, server: str, port: int, **facts: object) -> Edge:
    tls = TlsFacts(**({"ja3": HELLO, "outcome": Outcome.CARRIED_ON} | facts))  # type: ignore[arg-type]
    return Edge(client, server, port, protocol=Protocol.TLS, tls=tls)


def http(client: str, server: str, port: int, forwarded: str = "absent", agent: str | None = None) -> Edge:
    facts = HttpFacts(forwarded=Forwarded(forwarded), agent=agent, request_seen=True)
    return Edge(client, server, port, protocol=Protocol.HTTP, http=facts)


def inferred(*edges: Edge, chains: tuple[tuple[bytes, ...], ...] = ()) -> Inventory:
    return infer(Survey(edges), lambda number: list(chains[number]))


def apiservers(inventory: Inventory) -> list[str]:
    return [server.address for server in inventory.apiservers]


def nodes(inventory: Inventory) -> list[str]:
    return [address for node in inventory.nodes for address in node.addresses]


def test_an_inferred_inventory_says_so() -> None:
    assert inferred() == Inventory(inferred=True)


def test_a_certificate_tells_an_api_server_on_any_port(chain_of: ChainOf) -> None:
    found = inferred(edge(OUTSIDE, API, 8443, server_chain=0), chains=(chain_of("apiserver"),))

    assert apiservers(found) == [API]
    assert 8443 in found.apiservers[0].ports


def test_a_kubelets_certificate_names_its_node(chain_of: ChainOf) -> None:
    chains = (chain_of("kubelet-node1-selfsigned"),)

    assert inferred(edge(OUTSIDE, NODE1, 10250, server_chain=0), chains=chains).nodes[0].name == "node1"


def test_who_dials_kubelets_with_a_certificate_is_an_api_server() -> None:
    found = inferred(
        edge(API, NODE1, 10250, client_certificate=Presence.SENT),
        edge(API, NODE2, 10250, client_certificate=Presence.SENT),
    )

    assert (apiservers(found), nodes(found)) == ([API], [NODE1, NODE2])


def test_who_offers_h2_to_a_kubelet_without_a_certificate_is_not() -> None:
    scraper = edge(OUTSIDE, NODE1, 10250, client_certificate=Presence.NONE, offered_protocols=("h2", "http/1.1"))

    assert apiservers(inferred(scraper)) == []


def test_a_node_that_dials_another_with_a_certificate_is_a_tunnels_end_and_no_api_server() -> None:
    found = inferred(
        edge(NODE1, API, 8132, client_certificate=Presence.SENT, offered_protocols=("h2",)),
        edge(NODE1, NODE2, 10250, client_certificate=Presence.SENT),
    )

    assert apiservers(found) == []
    assert nodes(found) == [NODE1, NODE2]
    assert found.konnectivity is not None
    assert found.konnectivity.servers == (API,)


def test_a_port_without_payload_is_no_sign() -> None:
    assert inferred(Edge(OUTSIDE, API, 6443, protocol=Protocol.NONE)) == Inventory(inferred=True)
    assert inferred(Edge(OUTSIDE, NODE1, 10250, protocol=Protocol.UNKNOWN)) == Inventory(inferred=True)


def test_an_idle_connection_of_a_known_api_server_tells_a_kubelet() -> None:
    found = inferred(
        edge(API, NODE1, 10250, client_certificate=Presence.SENT), Edge(API, NODE2, 10250, protocol=Protocol.NONE)
    )

    assert nodes(found) == [NODE1, NODE2]


def test_the_first_address_of_a_customary_service_range_is_the_kubernetes_service() -> None:
    found = inferred(edge(POD, "10.96.0.1", 443))

    assert found.kubernetes_service == "10.96.0.1"
    assert found.pod_cidrs == ("10.244.0.0/16",)
    assert apiservers(found) == []


def test_forwarded_requests_come_from_an_api_server() -> None:
    assert apiservers(inferred(http(API, POD, 8080, "pod"))) == [API]
    assert apiservers(inferred(http(OUTSIDE, POD, 8080, "other"))) == []


def test_a_service_named_at_a_pods_address_is_dialled_by_an_api_server() -> None:
    assert apiservers(inferred(edge(API, POD, 7443, server_name="hook.default.svc"))) == [API]


def test_the_ssh_library_of_the_api_server_tells_both_ends() -> None:
    tunnel = Edge(API, NODE1, 22, protocol=Protocol.SSH, ssh=SshFacts(client_version="SSH-2.0-Go"))
    found = inferred(tunnel)

    assert (apiservers(found), nodes(found)) == ([API], [NODE1])


def test_neighbours_of_the_api_server_are_nodes_only_while_no_node_is_known() -> None:
    alone = inferred(edge(NODE1, API, 6443))
    known = inferred(edge(OUTSIDE, API, 6443), edge(API, NODE1, 10250, client_certificate=Presence.SENT))

    assert nodes(alone) == [NODE1]
    assert nodes(known) == [NODE1]


def test_clients_of_the_insecure_port_are_not_taken_for_nodes() -> None:
    found = inferred(http(OUTSIDE, API, 8080, agent="kubectl"))

    assert (apiservers(found), nodes(found)) == ([API], [])


def test_etcd_is_told_by_its_ports_and_protocol() -> None:
    found = inferred(edge("127.0.0.1", "127.0.0.1", 2379))

    assert [(etcd.address, etcd.ports) for etcd in found.etcd] == [("127.0.0.1", (2379,))]


def test_konnectivitys_two_listeners_together_tell_its_server() -> None:
    one, both = http(OUTSIDE, API, 8133), http(OUTSIDE, API, 8134)

    assert inferred(one).konnectivity is None
    assert inferred(one, both).konnectivity is not None
