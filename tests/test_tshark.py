"""What is read of every capture agrees with Wireshark's fields, and where it does not, the reason stands here."""

import hashlib
import io
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from test_truth import LAB
from truth import PCAPS, End, Folder, Party

from observer import iana, pipeline

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark to compare with")

FIELDS = (
    "tcp.stream",
    "ip.src",
    "tcp.srcport",
    "ip.dst",
    "tcp.dstport",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.ciphersuite",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str",
    "tls.handshake.certificate",
    "ssh.protocol",
    "http.request.method",
    "http2.headers.method",
)
CONTENT_FIRST = ("-o", "tcp.try_heuristic_first:TRUE")
DECODE_AS = {
    "i_etcd_plaintext.pcap": ("-d", "tcp.port==2379,http2"),
    "i_h2c_prior_knowledge_6443.pcap": ("-d", "tcp.port==6443,http2"),
}
"""tshark recognises HTTP/2 only where an upgrade or ALPN announces it."""
VERSIONS = {"0x0301": "1.0", "0x0302": "1.1", "0x0303": "1.2", "0x0304": "1.3"}
SERVER_HELLO = "2"

EXPLAINED = {
    ("i_garbage_to_ports.pcap", "ssh_client"): "an SSH banner sent to other ports: tshark knows SSH by port 22 alone",
}
"""By capture and fact: why tshark reads something else."""


class Facts(NamedTuple):
    """What both can say of a connection."""

    tls_version: str | None = None
    cipher: str | None = None
    server_name: str | None = None
    next_protocol: str | None = None
    server_certificates: tuple[str, ...] = ()
    client_certificates: tuple[str, ...] = ()
    ssh_client: str | None = None
    ssh_server: str | None = None
    method: str | None = None


class Digest(msgspec.Struct):
    sha256: str


class TlsSide(msgspec.Struct):
    certificates: tuple[Digest, ...]
    server_name: str | None = None
    certificates_source: str | None = None

    @property
    def shown(self) -> tuple[str, ...]:
        """What this flow itself showed; tshark does not remember."""
        own = self.certificates_source in ("clear", "decrypted", None)
        return tuple(one.sha256 for one in self.certificates) if own else ()


class Tls(msgspec.Struct):
    version: str | None
    cipher: str | None
    next_protocol: str | None
    client: TlsSide
    server: TlsSide


class Ssh(msgspec.Struct):
    client_version: str | None
    server_version: str | None


class Http(msgspec.Struct):
    method: str | None


class Period(msgspec.Struct):
    start: str


class Event(msgspec.Struct):
    client: Party
    server: Party
    flow: Period
    tls: Tls | None
    ssh: Ssh | None
    http: Http | None


def ours(event: Event) -> Facts:
    facts = Facts(method=event.http.method if event.http else None)
    if event.ssh:
        facts = facts._replace(ssh_client=event.ssh.client_version, ssh_server=event.ssh.server_version)
    if event.tls:
        tls = event.tls
        facts = facts._replace(tls_version=tls.version, cipher=tls.cipher, next_protocol=tls.next_protocol)
        facts = facts._replace(server_name=tls.client.server_name)
        facts = facts._replace(server_certificates=tls.server.shown, client_certificates=tls.client.shown)
    return facts


Row = dict[str, list[str]]


def theirs(rows: list[Row], server: End) -> Facts:
    """What tshark reads of one connection."""
    by_server, by_client = list[Row](), list[Row]()
    for row in rows:
        (by_server if (row["ip.src"][0], int(row["tcp.srcport"][0])) == server else by_client).append(row)
    # The last one: what comes before it is a HelloRetryRequest.
    hello = [row for row in by_server if SERVER_HELLO in row["tls.handshake.type"]][-1:]
    version = first(hello, "tls.handshake.extensions.supported_version") or first(hello, "tls.handshake.version")
    cipher = first(hello, "tls.handshake.ciphersuite")
    return Facts(
        tls_version=VERSIONS[version] if version else None,
        cipher=iana.cipher_suite(int(cipher, 16)) if cipher else None,
        server_name=first(by_client, "tls.handshake.extensions_server_name"),
        next_protocol=first(by_server, "tls.handshake.extensions_alpn_str"),
        server_certificates=tuple(digests(by_server)),
        client_certificates=tuple(digests(by_client)),
        ssh_client=first(by_client, "ssh.protocol"),
        ssh_server=first(by_server, "ssh.protocol"),
        method=first(by_client, "http.request.method") or first(by_client, "http2.headers.method"),
    )


def first(rows: list[Row], field: str) -> str | None:
    return next((value for row in rows for value in row[field]), None)


def digests(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        yield from (hashlib.sha256(bytes.fromhex(der)).hexdigest() for der in row["tls.handshake.certificate"])


def streams(file: Path) -> dict[frozenset[End], list[list[Row]]]:
    """Connections as tshark tells them, by their two ends, in the order in which they began."""
    wanted = [word for field in FIELDS for word in ("-e", field)]
    command = ["tshark", "-n", "-r", str(file), *CONTENT_FIRST, *DECODE_AS.get(file.name, ())]
    command += ["-Y", "tcp and ip", "-T", "fields", *wanted]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    connections: dict[str, list[Row]] = defaultdict(list)
    for line in lines:
        values = [value.split(",") if value else [] for value in line.split("\t")]
        row = dict(zip(FIELDS, values, strict=True))
        connections[row["tcp.stream"][0]].append(row)
    found: dict[frozenset[End], list[list[Row]]] = defaultdict(list)
    for _, rows in sorted(connections.items(), key=lambda item: int(item[0])):
        found[ends(rows[0])].append(rows)
    return found


def ends(row: Row) -> frozenset[End]:
    pairs = (("ip.src", "tcp.srcport"), ("ip.dst", "tcp.dstport"))
    return frozenset((row[address][0], int(row[port][0])) for address, port in pairs)


def flows(file: Path) -> dict[frozenset[End], list[Event]]:
    """Our flows in the same way."""
    out = io.BytesIO()
    pipeline.analyze([str(file)], flows_out=out)
    found: dict[frozenset[End], list[Event]] = defaultdict(list)
    events = [msgspec.json.decode(line, type=Event) for line in out.getvalue().splitlines()]
    for event in sorted(events, key=lambda event: event.flow.start):
        found[frozenset((side.address, side.port) for side in (event.client, event.server))].append(event)
    return found


def disagreements(name: str, event: Event, rows: list[Row]) -> Iterator[str]:
    we = ours(event)
    they = theirs(rows, (event.server.address, event.server.port))
    if we.tls_version == "1.3" and they.next_protocol is None:
        # Encrypted: we tell it by the length of its record, tshark does not. Truth files have the decrypted one.
        we = we._replace(next_protocol=None)
    for fact, mine, other in zip(Facts._fields, we, they, strict=True):
        if mine != other and (name, fact) not in EXPLAINED:
            yield f"{event.client.address}:{event.client.port}: {fact}: {mine}, tshark {other}"


def captures() -> Iterator[Path]:
    own = [Folder(PCAPS).file(capture) for capture in Folder(PCAPS).captures]
    yield from own
    known = {hashlib.sha256(file.read_bytes()).digest() for file in own}
    if LAB.is_dir():
        files = (Folder(LAB).file(capture) for capture in Folder(LAB).captures)
        yield from (file for file in files if hashlib.sha256(file.read_bytes()).digest() not in known)


@pytest.mark.parametrize("file", [*captures()], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_tshark_reads_the_same(file: Path) -> None:
    connections, our_flows = streams(file), flows(file)

    assert {pair: len(found) for pair, found in our_flows.items()} == {
        pair: len(found) for pair, found in connections.items()
    }
    pairs = (
        (event, rows) for pair in connections for event, rows in zip(our_flows[pair], connections[pair], strict=True)
    )
    assert [words for event, rows in pairs for words in disagreements(file.name, event, rows)] == []
