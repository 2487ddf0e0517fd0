"""Asking endpoints for certificates: pace, memory, failures; and real handshakes on loopback."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from authority import Authority, chain_in

from observer import _core
from observer.errors import ConfigurationError
from observer.evidence.memory import message_length
from observer.evidence.probe import Endpoint, ProbeFailedError, Prober, line
from observer.inventory.endpoints import listed, named
from observer.inventory.file import parse
from observer.pipeline import fetch

ONE, TWO = Endpoint("127.0.0.1", 1), Endpoint("127.0.0.1", 2, "two.test")
Serve = Callable[..., Endpoint]


class Servers:
    """Answers for endpoints, and counts how often each was asked."""

    def __init__(self, **given: object) -> None:
        self.asked = list[Endpoint]()
        self.now_ns = 10**18
        self.slept = list[float]()
        self.prober = Prober(self.fetch, clock_ns=lambda: self.now_ns, sleep=self.slept.append, **given)  # type: ignore[arg-type]

    def fetch(self, endpoint: Endpoint, timeout_s: float) -> list[bytes]:  # noqa: ARG002 - the seam's shape
        self.asked.append(endpoint)
        if endpoint.port == 2:
            raise ProbeFailedError("connection refused")
        return [b"leaf", b"issuer"]


def test_an_endpoint_is_asked_once_and_failures_are_results() -> None:
    servers = Servers()

    results = list(servers.prober.probe([ONE, TWO, ONE]))

    assert [(result.endpoint, result.chain, result.error) for result in results] == [
        (ONE, (b"leaf", b"issuer"), None),
        (TWO, (), "connection refused"),
    ]
    assert len(servers.asked) == 2


def test_what_was_shown_is_kept_for_an_hour_and_failures_are_not() -> None:
    servers = Servers()

    for seconds in (0, 3000, 3000):
        servers.now_ns += seconds * 10**9
        list(servers.prober.probe([ONE, TWO]))

    assert (servers.asked.count(ONE), servers.asked.count(TWO)) == (2, 3)


def test_questions_are_a_gap_apart() -> None:
    servers = Servers(per_second=4)

    list(servers.prober.probe(Endpoint("127.0.0.1", port) for port in range(10, 15)))

    assert len(servers.asked) == 5
    assert sorted(servers.slept) == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.1)


def test_an_odd_certificate_is_told_not_raised() -> None:
    servers = Servers()

    told = line(servers.prober.ask(ONE))

    assert (told.source, told.certificate_length) == ("probed", 8 + 5 + 4 + 5 + 6)
    assert [certificate.error for certificate in told.certificates] == ["is no certificate that can be read"] * 2


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:6443", Endpoint("127.0.0.1", 6443)),
        ("[::1]:10250", Endpoint("::1", 10250)),
        ("https://127.0.0.1:6443", Endpoint("127.0.0.1", 6443)),
    ],
)
def test_endpoints_are_read_as_people_write_them(text: str, endpoint: Endpoint) -> None:
    assert named(text) == [endpoint]


def test_a_host_name_is_asked_under_itself_unless_told_otherwise() -> None:
    assert {endpoint.server_name for endpoint in named("localhost:6443")} == {"localhost"}
    assert {endpoint.server_name for endpoint in named("localhost:6443", "kubernetes")} == {"kubernetes"}


@pytest.mark.parametrize("text", ["", "127.0.0.1", ":1", "127.0.0.1:0", "127.0.0.1:70000", "a b:1:2", "[::1:1"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        named(text)


def test_an_inventory_lists_api_servers_kubelets_konnectivity_and_etcd() -> None:
    inventory = parse(
        "apiservers: [{address: 10.0.0.1, ports: [6443]}]\n"
        "nodes: [{addresses: [10.0.0.2, 'fd00::2'], kubelet_port: 10250}]\n"
        "konnectivity: {servers: [10.0.0.3], ports: {server: [], agent: [8132]}}\n"
        "etcd: [{address: 10.0.0.1, ports: [2379]}]\n"
        "pods: [{namespace: d, name: p, address: 10.1.0.1}]\n"
    )

    told = [(endpoint.address, endpoint.port) for endpoint in listed(inventory)]

    assert told == [
        ("10.0.0.1", 6443),
        ("10.0.0.2", 10250),
        ("fd00::2", 10250),
        ("10.0.0.3", 8132),
        ("10.0.0.1", 2379),
    ]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    return Authority(folder, "below", Authority(folder, "above"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("server", "node1", "127.0.0.1")


@pytest.fixture
def serve(server: tuple[Path, Path]) -> Iterator[Serve]:
    """Starts TLS servers on loopback; each takes one connection and notes the data it gets."""
    with contextlib.ExitStack() as stack:

        def start(address: str = "127.0.0.1", **settings: object) -> Endpoint:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*server)
            for name, value in settings.items():
                setattr(context, name, value)
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = stack.enter_context(socket.create_server((address, 0), family=family))
            thread = threading.Thread(target=_answer, args=(listener, context))
            thread.start()
            stack.callback(thread.join)
            return Endpoint(address, listener.getsockname()[1])

        yield start


received = list[bytes]()


def _answer(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as session:
        received.append(session.recv(100))


MODERN = {"minimum_version": ssl.TLSVersion.TLSv1_3}
OLD = {"maximum_version": ssl.TLSVersion.TLSv1_2}
MUTUAL = {"verify_mode": ssl.CERT_REQUIRED}


@pytest.mark.parametrize("settings", [MODERN, OLD, MODERN | MUTUAL, OLD | MUTUAL])
def test_the_whole_chain_is_fetched_as_it_was_sent(
    serve: Serve, server: tuple[Path, Path], settings: dict[str, object]
) -> None:
    received.clear()

    chain = fetch(serve(**settings), 5)

    assert chain == chain_in(server[0])
    assert len(chain) == 2


def test_nothing_is_sent_but_the_handshake(serve: Serve) -> None:
    received.clear()
    endpoint = serve()
    fetch(endpoint, 5)

    # The server's thread is joined before it is known what it received.
    with contextlib.suppress(OSError):
        socket.create_connection((endpoint.address, endpoint.port), 1).close()
    for thread in threading.enumerate():
        if thread.name.startswith("Thread-"):
            thread.join(5)
    assert received == [b""]


def test_ipv6_works(serve: Serve, server: tuple[Path, Path]) -> None:
    assert fetch(serve("::1"), 5) == chain_in(server[0])


def test_the_name_decides_the_certificate_and_none_is_sent_without_one(serve: Serve) -> None:
    asked = list[str | None]()

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        asked.append(name)

    for name in ("kubernetes", None):
        fetch(serve(sni_callback=note), 5) if name is None else _core.fetch_chain(
            *_socket(serve(sni_callback=note)), server_name=name
        )

    assert asked == ["kubernetes", None]


def _socket(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.address, endpoint.port


def test_who_does_not_answer_is_told() -> None:
    with pytest.raises(ProbeFailedError, match="connection refused"):
        fetch(Endpoint("127.0.0.1", 1), 5)
    with pytest.raises(ProbeFailedError, match="no host name"):
        fetch(Endpoint("127.0.0.1", 1, "no name"), 5)


def test_the_length_is_that_of_the_message_on_the_wire(server: tuple[Path, Path]) -> None:
    leaf, issuer = chain_in(server[0])

    assert message_length([leaf, issuer]) == 8 + 5 + len(leaf) + 5 + len(issuer)
