"""Makes events as agents write them."""

from typing import Any

import orjson

KUBELET = {"address": "10.0.0.21", "port": 10250, "role": "node", "name": "node1", "kubernetes": None}
APISERVER = {"address": "10.0.0.10", "port": 40000, "role": "apiserver", "name": "cp1", "kubernetes": None}


def flow(number: int, *, node: str = "node1", second: int = 0, **changes: Any) -> dict[str, Any]:
    """A flow that began so many seconds after noon."""
    start = f"2026-11-22T12:{second // 60:02d}:{second % 60:02d}"
    return {
        "schema": "observer/1",
        "kind": "flow",
        "id": f"{node}-{number}",
        "time": f"{start}.900000000Z",
        "final": True,
        "observer": {"cluster": "lab", "node": node, "backend": "ebpf", "version": "0.1.0"},
        "client": APISERVER,
        "server": KUBELET,
        "network": {"transport": "tcp", "type": "ipv4", "community_id": f"1:{number}"},
        "flow": {
            "start": f"{start}.123456789Z",
            "end": f"{start}.900000000Z",
            "state": "closed",
            "client_packets": 3,
            "client_bytes": 300,
            "server_packets": 2,
            "server_bytes": 200,
        },
        "protocol": "tls",
        "path": {"id": "apiserver-to-kubelet", "documented": True, "confidence": "certain", "reasons": []},
        "verdict": {"state": "unknown", "certainty": "unknown", "reasons": []},
        "findings": [],
    } | changes


def lines(*events: dict[str, Any]) -> bytes:
    """Events as a batch has them."""
    return b"".join(orjson.dumps(event) + b"\n" for event in events)


def finding(number: int, key: str = "k1", *, node: str = "node1", minute: int = 0, **changes: Any) -> dict[str, Any]:
    """An event of a finding, seen so many minutes after noon."""
    seen = f"2026-11-22T{12 + minute // 60:02d}:{minute % 60:02d}:00.000000000Z"
    return {
        "schema": "observer/1",
        "kind": "finding",
        "id": f"{node}-{key}-{number}",
        "key": key,
        "time": seen,
        "first_seen": seen,
        "last_seen": seen,
        "count": 1,
        "observer": {"cluster": "lab", "node": node, "backend": "ebpf", "version": "0.1.0"},
        "client": {"address": "10.0.0.10", "role": "apiserver", "name": "cp1", "kubernetes": None},
        "server": KUBELET,
        "path": {"id": "apiserver-to-kubelet", "documented": True, "confidence": "certain", "reasons": []},
        "verdict": {"state": "unverified", "certainty": "proven", "reasons": []},
        "finding": {
            "id": "kubelet-certificate-unverified",
            "severity": "high",
            "title": "Kubelet's certificate is not verified",
            "explanation": "Anyone between them can read and change it.",
            "remediation": "Set --kubelet-certificate-authority.",
            "reference": "https://kubernetes.io/",
            "cis": "1.2.5",
            "cause": "unverified",
        },
        "flows": ["f1"],
        "coverage": {"complete": True, "lost": {}},
    } | changes


def summary(node: str = "node1", *, minute: int = 0) -> dict[str, Any]:
    """What an agent says once a minute."""
    return {
        "schema": "observer/1",
        "kind": "summary",
        "time": f"2026-11-22T{12 + minute // 60:02d}:{minute % 60:02d}:00.000000000Z",
        "observer": {"cluster": "lab", "node": node, "backend": "ebpf", "version": "0.1.0"},
        "counters": {"packets": 5},
    }


def loss(node: str = "node1", **lost: int) -> dict[str, Any]:
    """What an agent says where something was lost."""
    return summary(node) | {"kind": "loss", "lost": lost, "counters": {"ring_dropped": 1}}
