"""Runs a collector for tests: the real command in its own process, with real TLS, on a port that the kernel chose."""

import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from authority import Authority

from observer.collector import tokens
from observer.collector.tokens import Scope

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from backports import zstd

COMMAND = Path(sys.executable).parent / "observer"
LISTENING = re.compile(r"listening on (https?://\S+)")


@dataclass
class Collector:
    """A collector that can be started, killed and started again on the same folder."""

    folder: Path
    authority: Authority
    options: tuple[str, ...] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[str] | None" = None
    url: str = ""

    def start(self, listen: str = "127.0.0.1:0") -> None:
        certificate, key = self.folder / "server.crt", self.folder / "server.key"
        if not certificate.exists():
            self.authority.issue(str(self.folder / "server"), "collector", "127.0.0.1")
        command = [str(COMMAND), "collector", "--data", str(self.folder), "--listen", listen]
        command += ["--tls-certificate", str(certificate), "--tls-key", str(key), *self.options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        told = []
        for line in self.process.stderr:
            told.append(line)
            if found := LISTENING.search(line):
                self.url = found[1]
                return
        raise AssertionError("".join(told))

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process and self.process.stderr:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process.stderr.close()
            self.process = None

    def client(self, scope: str | None, **headers: str) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=str(self.authority.file))
        bearer = {"Authorization": f"Bearer {self.tokens[scope]}"} if scope else {}
        return httpx.Client(base_url=self.url, verify=trusted, headers={**bearer, **headers}, timeout=60)

    def deliver(self, lines: bytes, batch: str, node: str = "node1", token: str = "write") -> httpx.Response:  # noqa: S107
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
            "Observer-Schema": "observer/1",
            "Observer-Batch": batch,
            "Observer-Node": node,
            "Observer-Class": "flow",
        }
        with self.client(token) as client:
            return client.post("/api/v1/events", content=zstd.compress(lines), headers=headers)


@contextmanager
def collector(folder: Path, *options: str) -> Iterator[Collector]:
    """A collector that listens, with a token of each scope by the scope's name."""
    made, known = {}, []
    for scope in Scope:
        secret, digest = tokens.created()
        made[scope.value] = secret
        known.append(tokens.Token(scope.value, frozenset({scope}), digest))
    tokens.write(folder / "tokens", known)
    running = Collector(folder, Authority(folder), options, made)
    running.start()
    try:
        yield running
    finally:
        running.stop()
