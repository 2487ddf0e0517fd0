"""What the tests of alerting share: findings, a receiver on a real socket, and files of configuration."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from observer.alerts.change import FindingChange, Status
from observer.analysis import Party
from observer.model import Certainty, Role, Severity, State

from .receiver import ReceiverServer

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
S = 1_000_000_000
START_NS = 1_764_000_000 * S

Change = Callable[..., FindingChange]


@pytest.fixture
def change() -> Change:
    """A finding on node 1, unless other fields are given."""

    def change(key: str = "00000000000000a1", status: Status = Status.NEW, **fields: Any) -> FindingChange:
        usual = {
            "severity": Severity.HIGH,
            "rule": "kubelet-certificate-unverified",
            "path": "apiserver-to-kubelet",
            "title": "The API server does not verify the kubelet's certificate",
            "client": Party("10.240.0.10", Role.APISERVER, "cp1"),
            "server": Party("10.240.0.21", Role.NODE, "node1", 10250),
            "first_ns": START_NS,
            "last_ns": START_NS + S,
            "explanation": "Whoever sits between the two can read and change it.",
            "remediation": "Set `--kubelet-certificate-authority`.",
            "reference": "https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/",
            "cis": "1.2.5",
            "cluster": "lab",
            "nodes": ("node1",),
            "verdict": State.UNVERIFIED,
            "certainty": Certainty.INFERRED,
        }
        return FindingChange(key=key, status=status, **{**usual, **fields})

    return change


@pytest.fixture
def receiver() -> Iterator[ReceiverServer]:
    server = ReceiverServer()
    yield server
    server.close()


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration beside its secret."""

    def written(text: str) -> Path:
        (tmp_path / "secret").write_text(SECRET + "\n")
        (tmp_path / "other-secret").write_text(OTHER_SECRET + "\n")
        (tmp_path / "routing-key").write_text("0123456789abcdef0123456789abcdef\n")
        file = tmp_path / "alerts.yaml"
        file.write_text(text)
        return file

    return written
