"""Namespaces, authorities, and the Go peer, built once for all workers."""

import fcntl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority

from .network import GO_PEER, Network, namespace, needed


@pytest.fixture
def network() -> Iterator[Network]:
    with namespace() as made:
        yield made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "cluster-ca")


@pytest.fixture(scope="session")
def go_peer(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The program of tests/go/peer; the first worker that needs it builds it."""
    needed("go")
    folder = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    program = folder / "peer"
    with (folder / "peer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            command = ["go", "build", "-o", str(program), "."]
            subprocess.run(command, cwd=GO_PEER, check=True, timeout=300)
    return program
