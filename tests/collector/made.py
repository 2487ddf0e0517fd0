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
