"""What is said in the cluster: each documented path by real clients on its real port, and what must be said of it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authority import Authority

from .machines import KUBERNETES, LATE_POD, NODE, NODE_6, PLANE, POD, TUNNEL, Cluster, Machine

PEER = Path(__file__).with_name("peer.py")
SSHD = Path("/usr/sbin/sshd")
REQUEST = "GET / HTTP/1.1\r\nHost: server\r\n\r\n"
TLS = Mapping[str, Any]


@dataclass(frozen=True)
class Conversation:
    """Who dials whom and how; `path` and `state` are the truth, `seen` the machines whose interfaces it passes."""

    path: str
    state: str
    client: str
    server: tuple[str, int]
    seen: tuple[str, ...]
    tls: TLS | None = None
    request: str = REQUEST


def certificate(name: str) -> dict[str, str]:
    """Its files, in the test's folder."""
    return {"certificate": f"{name}.crt", "key": f"{name}.key"}


def forwarded(what: str) -> str:
    """A request as the API server's proxy passes it on."""
    return f"GET / HTTP/1.1\r\nHost: cp:6443\r\nUser-Agent: curl/8\r\nX-Forwarded-Uri: /api/v1/{what}/proxy/\r\n\r\n"


ON_BOTH = ("plane", "node")
VERIFYING: TLS = {"authority": "cluster-ca.crt"}
MISLED: TLS = {"authority": "other-ca.crt"}
OLD: TLS = {"version": "1.2"}
KUBELET: TLS = certificate("kubelet")
APISERVER: TLS = certificate("apiserver-kubelet-client")
WEB: TLS = {"protocols": ["h2", "http/1.1"]}
GRPC: TLS = {"protocols": ["h2"]}

SAID = (
    Conversation("node-to-apiserver", "verifiable", "node", (PLANE, 6443), ON_BOTH, {**VERIFYING, **KUBELET, **OLD}),
    Conversation("node-to-apiserver", "aborted", "node", (PLANE, 6443), ON_BOTH, {**MISLED, **KUBELET, **WEB}),
    Conversation("controlplane-to-apiserver", "verifiable", "plane", (PLANE, 6443), ("plane",), {**VERIFYING, **OLD}),
    Conversation("external-to-apiserver", "verifiable", "outside", (PLANE, 6443), ("plane",), {**VERIFYING, **OLD}),
    Conversation("apiserver-to-kubelet", "unverified", "plane", (NODE, 10250), ON_BOTH, {**APISERVER, **WEB}),
    Conversation("apiserver-to-kubelet", "unverified", "plane", (NODE, 10250), ON_BOTH, {**APISERVER, **OLD}),
    Conversation("apiserver-to-kubelet", "aborted", "plane", (NODE, 10250), ON_BOTH, {**APISERVER, **VERIFYING}),
    Conversation("apiserver-to-kubelet", "unverified", "plane", (NODE_6, 10250), ON_BOTH, {**APISERVER}),
    Conversation(
        "apiserver-to-node-proxy", "plaintext", "plane", (NODE, 9100), ON_BOTH, None, forwarded("nodes/node1:9100")
    ),
    Conversation(
        "apiserver-to-pod-proxy",
        "plaintext",
        "plane",
        (POD, 8080),
        ON_BOTH,
        None,
        forwarded("namespaces/default/pods/web:8080"),
    ),
    Conversation("apiserver-to-pod-proxy", "unverified", "plane", (POD, 8443), ON_BOTH, WEB),
    Conversation(
        "apiserver-to-service-proxy",
        "plaintext",
        "plane",
        (POD, 8081),
        ON_BOTH,
        None,
        forwarded("namespaces/default/services/web:80"),
    ),
    Conversation(
        "konnectivity-agent-to-server",
        "verifiable",
        "node",
        (TUNNEL, 8132),
        ("node",),
        {**VERIFYING, **KUBELET, **GRPC, **OLD},
    ),
    Conversation(
        "apiserver-to-konnectivity-server",
        "verifiable",
        "plane",
        (TUNNEL, 8131),
        ("plane",),
        {**VERIFYING, **APISERVER, **OLD},
    ),
    Conversation("kubelet-readonly", "plaintext", "outside", (NODE, 10255), ("node",)),
    Conversation("kubelet-other-client", "unverified", "pod", (NODE, 10250), ("node",), OLD),
    Conversation("pod-to-apiserver", "verifiable", "pod", (KUBERNETES, 443), ("node",), {**VERIFYING, **OLD}),
    # TLS 1.3 hides the certificate; the conversation before has shown the one that has its length.
    Conversation("pod-to-apiserver", "verifiable", "pod", (KUBERNETES, 443), ("node",), {**VERIFYING, **WEB}),
    Conversation("pod-to-apiserver", "verifiable", "late-pod", (KUBERNETES, 443), ("node",), {**VERIFYING, **OLD}),
)


def certificates(folder: Path) -> None:
    """The cluster's authority and what it signed; a kubelet's self-made pair; an authority that signed nothing."""
    cluster_ca = Authority(folder, "cluster-ca")
    cluster_ca.issue("apiserver", "kube-apiserver", PLANE, KUBERNETES, names=("kubernetes.default.svc",))
    cluster_ca.issue("kubelet", "system:node:node1")
    cluster_ca.issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client")
    cluster_ca.issue("tunnel", "konnectivity-server", TUNNEL)
    Authority(folder, "node1-ca@1700000000").issue("serving", "node1@1700000000", names=("node1",))
    Authority(folder, "web").issue("web", "web")
    Authority(folder, "other-ca")


def serve(cluster: Cluster, folder: Path) -> None:
    """Everybody who is called answers from now on."""
    asks = {**VERIFYING, "optional": True}
    apiserver = {**certificate("apiserver"), **asks}
    kubelet = {**certificate("serving"), **asks, "port": 10250}
    tunnel = {**certificate("tunnel"), **asks, "address": TUNNEL, **GRPC}
    listeners: dict[str, list[dict[str, Any]]] = {
        "plane": [{**apiserver, "address": PLANE, "port": 6443, **WEB}],
        "tunnel": [{**tunnel, "port": 8131}, {**tunnel, "port": 8132}],
        "node": [
            {**kubelet, "address": NODE},
            {**kubelet, "address": NODE_6},
            {"address": NODE, "port": 9100},
            {"address": NODE, "port": 10255},
        ],
        "pod": [
            {"address": POD, "port": 8080},
            {"address": POD, "port": 8081},
            {**certificate("web"), "address": POD, "port": 8443, **WEB},
        ],
    }
    for name, ends in listeners.items():
        cluster.machines[name].start(sys.executable, PEER, json.dumps(ends), ready="ready", folder=folder)


def play(cluster: Cluster, folder: Path) -> None:
    """Every conversation, one after the other; the late pod comes only when it has something to say."""
    for conversation in SAID:
        if conversation.client not in cluster.machines:
            cluster.pod(conversation.client, LATE_POD)
        _dial(cluster.machines[conversation.client], conversation, folder)
    if SSHD.exists():
        _tunnel(cluster, folder)


def _dial(client: Machine, conversation: Conversation, folder: Path) -> None:
    address, port = conversation.server
    tls = dict(conversation.tls or {})
    paths = {name: str(folder / tls[name]) for name in ("certificate", "key", "authority") if name in tls}
    call = {"address": address, "port": port, "tls": conversation.tls is not None, "request": conversation.request}
    client.run(sys.executable, PEER, json.dumps({**tls, **paths, **call}))


def _tunnel(cluster: Cluster, folder: Path) -> None:
    """OpenSSH from the control plane to the node, ignoring host keys as the API server does."""
    node, plane = cluster.machines["node"], cluster.machines["plane"]
    key, host_key = folder / "tunnel-key", folder / "host-key"
    for file in (key, host_key):
        node.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
    settings = (
        "-o", f"ListenAddress={NODE}", "-o", f"AuthorizedKeysFile={key}.pub", "-o", "StrictModes=no", "-o", "UsePAM=no"
    )  # fmt: skip
    Path("/run/sshd").mkdir(exist_ok=True)
    sshd = (SSHD, "-D", "-e", "-f", "/dev/null", "-h", host_key, "-p", "22", *settings)
    node.start(*sshd, ready="Server listening", folder=folder)
    known = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes")
    plane.run("ssh", "-F", "none", "-i", key, *known, f"root@{NODE}", "true")


TUNNEL_SAID = Conversation("ssh-tunnel", "unknown", "plane", (NODE, 22), ON_BOTH)
