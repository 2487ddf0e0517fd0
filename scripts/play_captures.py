#!/usr/bin/env python3
"""Plays the situations that the lab cluster never was in, with real stacks in network namespaces, and captures them.

usage (as root, on Linux): play_captures.py FOLDER

Each host of the lab is a namespace on one bridge, servers are OpenSSL's and Python's, clients are curl; tcpdump
listens on the bridge. FOLDER gets one capture per scene and the authority's certificate, never a private key. The
truth of each flow is in pcaps/truth.yaml.
"""

import contextlib
import datetime
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
HOSTS = {
    "cp1": "10.240.0.10",
    "cp2": "10.240.0.12",
    "node1": "10.240.0.21",
    "outside": "10.240.0.99",
    "pod": "10.244.1.4",
}
BRIDGE = "fabric"
OLD_TLS = "-tls1_2"
"""Where certificates are to be seen."""


class Identity(NamedTuple):
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def of_server(self) -> list[str]:
        """Arguments of openssl."""
        return ["-cert", str(self.certificate), "-key", str(self.key)]

    @property
    def of_client(self) -> list[str]:
        """Arguments of curl."""
        return ["--cert", str(self.certificate), "--key", str(self.key)]


class Authority:
    """Signs certificates and forgets its key."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "played-captures-ca")])
        self.file = folder / "played-ca.crt"
        builder = self._builder(self._name, self._key.public_key(), 3650, self._name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def issue(
        self,
        name: str,
        *names: str,
        group: str = "",
        usages: tuple[x509.ObjectIdentifier, ...] = (SERVER,),
        days_left: int = 3650,
        self_signed: bool = False,
    ) -> Identity:
        """A certificate for the common name and the alternative names."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        parts += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
        subject = x509.Name(parts)
        builder = self._builder(subject, key.public_key(), days_left, subject if self_signed else self._name)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        certificate = builder.sign(key if self_signed else self._key, hashes.SHA256())
        stem = name.replace(":", "-") + f"{days_left}"
        identity = Identity(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        identity.certificate.write_bytes(_pem(certificate))
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        identity.key.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
        return identity

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int, issuer: x509.Name
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        return builder.not_valid_before(NOW - 365 * DAY).not_valid_after(NOW + days * DAY)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)


class Scene(NamedTuple):
    """Who calls whom with what; the address and port are the server's."""

    name: str
    server: str
    port: int
    serve: list[str]
    client: str
    call: list[str]


def scenes(authority: Authority) -> Iterator[Scene]:
    """What the rules look for and no capture of the lab cluster shows."""
    trust = ["--cacert", str(authority.file)]
    asks = ["-CAfile", str(authority.file), "-Verify", "2"]
    both = (SERVER, CLIENT)
    api = authority.issue("kube-apiserver", "10.240.0.10", "kubernetes.default.svc")

    etcd, peer = authority.issue("etcd-cp1", "10.240.0.10", usages=both), authority.issue("etcd-cp2", usages=both)
    serve = tls(2380, etcd, OLD_TLS, *asks, "-verify_return_error")
    yield Scene(
        "i_etcd_peer_mtls_tls12", "cp1", 2380, serve, "cp2", get("10.240.0.10:2380/members", *trust, *peer.of_client)
    )

    manager = authority.issue("kube-controller-manager", "localhost", self_signed=True)
    call = get("10.240.0.10:10257/metrics", "--insecure")
    yield Scene("i_controller_manager_scraped_from_node", "cp1", 10257, tls(10257, manager), "node1", call)

    hook = authority.issue("hook", "hook.default.svc")
    proxy = authority.issue("front-proxy-client", usages=(CLIENT,))
    call = get("hook.default.svc:7443/apis", "--resolve", "hook.default.svc:7443:10.244.1.4", *trust, *proxy.of_client)
    yield Scene("f_aggregated_front_proxy_tls12", "pod", 7443, tls(7443, hook, OLD_TLS, *asks), "cp1", call)

    web = [sys.executable, "-m", "http.server", "8080", "--directory", "/proc/sys/kernel/random"]
    call = ["curl", "--silent", "--user", "admin:only-played", "http://10.240.0.10:8080/api"]
    yield Scene("i_basic_credentials_8080", "cp1", 8080, web, "node1", call)

    kubelet = authority.issue("node1@1700000000", "node1", self_signed=True)
    call = get("10.240.0.21:10250/metrics", "--insecure")
    yield Scene("i_kubelet_scraped_unverified_tls12", "node1", 10250, tls(10250, kubelet, OLD_TLS), "outside", call)

    ending = authority.issue("kube-apiserver", "10.240.0.10", days_left=10)
    call = get("10.240.0.10:6443/livez", *trust)
    yield Scene("i_certificate_expiring_tls12", "cp1", 6443, tls(6443, ending, OLD_TLS), "node1", call)

    ended = authority.issue("system:node:node1", group="system:nodes", usages=(CLIENT,), days_left=-30)
    call = get("10.240.0.10:6443/livez", *trust, *ended.of_client)
    yield Scene("i_client_certificate_expired_tls12", "cp1", 6443, tls(6443, api, OLD_TLS, *asks), "node1", call)

    wrong = authority.issue("kubernetes-client", "10.240.0.10", usages=(CLIENT,))
    call = get("10.240.0.10:6443/livez", "--insecure")
    yield Scene("i_certificate_wrong_usage_tls12", "cp1", 6443, tls(6443, wrong, OLD_TLS), "node1", call)


def tls(port: int, identity: Identity, *options: str) -> list[str]:
    """A server that answers HTTP with a page about the connection."""
    return ["openssl", "s_server", "-accept", str(port), "-www", "-quiet", *identity.of_server, *options]


def get(url: str, *options: str) -> list[str]:
    """A client that asks once."""
    return ["curl", "--silent", "--http1.1", *options, f"https://{url}"]


def inside(host: str, *command: str) -> list[str]:
    """The command in a host's namespace."""
    return ["ip", "netns", "exec", f"played-{host}", *command]


def run(*command: str) -> None:
    """Run what must succeed."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def hosts() -> Iterator[None]:
    """The namespaces on their bridge, taken away at the end."""
    try:
        run("ip", "netns", "add", f"played-{BRIDGE}")
        run(*inside(BRIDGE, "ip", "link", "add", "br0", "type", "bridge"))
        run(*inside(BRIDGE, "ip", "link", "set", "br0", "up"))
        for host, address in HOSTS.items():
            run("ip", "netns", "add", f"played-{host}")
            ends = [
                "eth0",
                "netns",
                f"played-{host}",
                "type",
                "veth",
                "peer",
                "name",
                host,
                "netns",
                f"played-{BRIDGE}",
            ]
            run("ip", "link", "add", *ends)
            run(*inside(BRIDGE, "ip", "link", "set", host, "master", "br0", "up"))
            run(*inside(host, "ip", "address", "add", f"{address}/8", "dev", "eth0"))
            run(*inside(host, "ip", "link", "set", "eth0", "up"))
        yield
    finally:
        for host in [BRIDGE, *HOSTS]:
            subprocess.run(["ip", "netns", "del", f"played-{host}"], check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[None]:
    """A program in the background, given a second to start and another to finish its work."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(1)
        yield
        time.sleep(1)
        process.terminate()


def play(scene: Scene, capture: Path) -> None:
    """One scene, from before its first packet until after its last."""
    listen = ["tcpdump", "-i", "br0", "-U", "-Z", "root", "-w", str(capture), f"tcp port {scene.port}"]
    with running(inside(BRIDGE, *listen)), running(inside(scene.server, *scene.serve)):
        run(*inside(scene.client, *scene.call))


def main() -> None:
    """Play every scene."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as secret, hosts():
        authority = Authority(Path(secret))
        for scene in scenes(authority):
            play(scene, folder / f"{scene.name}.pcap")
        (folder / authority.file.name).write_bytes(authority.file.read_bytes())


if __name__ == "__main__":
    main()
