"""A network namespace of the test's own: real servers and clients, a capture of what they say, nothing outside."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CLIENT, SERVER, BEHIND = "10.99.0.10", "10.99.0.21", "10.99.1.21"
PORT = 10250
GO_PEER = Path(__file__).parent.parent / "go" / "peer"
PATIENCE_S = 10.0
END = "end-of-capture"


def needed(*programs: str) -> None:
    """Skips the test where a program is missing, and says which."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@contextlib.contextmanager
def namespace() -> Iterator["Network"]:
    """Made for one test and removed after it; skips where that is not allowed."""
    needed("ip", "ss", "tcpdump")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    name = f"observer-test-{os.getpid()}-{time.monotonic_ns() % 10**9}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no network namespace: {made.stderr.strip()}")
    try:
        with contextlib.ExitStack() as started:
            yield Network(name, started)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


class Network:
    """One namespace with the addresses of a client, a server, and a place behind an interceptor; no way out of it."""

    def __init__(self, name: str, started: contextlib.ExitStack) -> None:
        self._name, self._started = name, started
        self.run("ip", "link", "set", "lo", "up")
        for address in (CLIENT, SERVER, BEHIND):
            self.run("ip", "address", "add", f"{address}/32", "dev", "lo")

    def run(self, *words: str | Path) -> str:
        """The output of a program that runs in the namespace and ends well."""
        command = ["ip", "netns", "exec", self._name, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def start(self, *words: str | Path, ready: str | None = None) -> subprocess.Popen[str]:
        """A program that runs until the test ends or stops it; waits until it has said that it is ready."""
        command = ["ip", "netns", "exec", self._name, *map(str, words)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._started.callback(stop, process)
        assert process.stdout is not None
        while ready is not None and ready not in (said := process.stdout.readline()):
            assert said, f"{words[0]} ended"
        return process

    def listening(self, address: str = SERVER, port: int = PORT) -> None:
        """Waits until somebody listens there."""
        deadline = time.monotonic() + PATIENCE_S
        while f"{address}:{port}" not in self.run("ss", "-Hltn"):
            assert time.monotonic() < deadline, f"nobody listens on {address}:{port}"
            time.sleep(0.02)

    @contextlib.contextmanager
    def capture(self, file: Path) -> Iterator[None]:
        """Captures what is said meanwhile on the way between client and server."""
        filter_ = f"(tcp and host {CLIENT}) or udp port 9"
        words = ("tcpdump", "-i", "lo", "-U", "--immediate-mode", "-Z", "root", "-w", file, filter_)
        process = self.start(*words, ready="listening on")
        yield
        self.run("bash", "-c", f"echo {END} > /dev/udp/{SERVER}/9")
        deadline = time.monotonic() + PATIENCE_S
        while END.encode() not in file.read_bytes():
            assert time.monotonic() < deadline, "the capture does not come to its end"
            time.sleep(0.02)
        stop(process, signal.SIGINT)


def stop(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> None:
    """Ends a program of this test."""
    if process.poll() is None:
        process.send_signal(how)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
