"""Real processes are read: programs that bear the names and flags of components."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from observer.inventory.host.commands import Command
from observer.inventory.host.processes import running

FLAGS = ("--advertise-address=127.0.0.9", "--egress-selector-config-file", "/etc/hostname", "--anonymous-auth=false")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that calls itself kube-apiserver and says when it has that name."""
    script = 'exec -a /usr/local/bin/kube-apiserver bash -c "echo; read -r" bash "$@"'
    command = ("bash", "-c", script, "bash", *FLAGS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.communicate(b"\n")


def test_a_process_that_runs_is_found_with_its_flags(process: subprocess.Popen[bytes]) -> None:
    found = [part for part in running(Path("/proc"), Path("/")) if part.where == f"process {process.pid}"]

    (command,) = found
    assert isinstance(command, Command)
    assert command.component == "kube-apiserver"
    assert command.flags.text("advertise-address") == "127.0.0.9"
    assert command.flags.switch("anonymous-auth") is False
    assert command.places("/etc/hostname")[0] == Path(f"/proc/{process.pid}/root/etc/hostname")
