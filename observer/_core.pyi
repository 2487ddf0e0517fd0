from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from os import PathLike
from typing import final

__all__ = ["Agent", "Analysis", "CaptureError", "LiveError", "ProbeError", "fetch_chain", "trace", "version"]

def fetch_chain(
    address: str | IPv4Address | IPv6Address, port: int, *, server_name: str | None = None, timeout_s: float = 5.0
) -> list[bytes]: ...
def version() -> str: ...
def trace(
    path: str | PathLike[str],
    client: tuple[str | IPv4Address | IPv6Address, int],
    server: tuple[str | IPv4Address | IPv6Address, int],
    first_ns: int,
    last_ns: int,
) -> bytes: ...

class CaptureError(Exception): ...
class ProbeError(Exception): ...
class LiveError(Exception): ...

@final
class Analysis:
    def __new__(cls, *, max_flows: int | None = None, idle_timeout_s: int | None = None) -> Analysis: ...
    def read(
        self, path: str | PathLike[str] | None, progress: Callable[[int, int | None], object] | None = None
    ) -> str | None: ...
    def add_secrets(self, text: bytes) -> int: ...
    def finish(self) -> None: ...
    def survey(self) -> bytes: ...
    def chain_count(self) -> int: ...
    def chain(self, chain: int) -> list[bytes]: ...
    def counters(self) -> dict[str, int]: ...
    def know(
        self,
        address: str | IPv4Address | IPv6Address,
        port: int,
        server_name: str | None,
        chain: Sequence[bytes],
        source: str,
        times_ns: tuple[int, int],
    ) -> None: ...
    def judge(
        self,
        evaluate: Callable[[bytes], tuple[bytes, bytes, bytes, bytes, str, bool]],
        *,
        rows: Sequence[tuple[str | IPv4Address | IPv6Address, int, int, int, bytes]],
        ports: Sequence[int],
        boundaries: Sequence[tuple[Sequence[int], Sequence[str]]],
        cluster: str = "",
        node: str = "",
        write: Callable[[bytes], object] | None = None,
    ) -> bytes: ...

@final
class Agent:
    def __new__(
        cls,
        *,
        interfaces: Sequence[str],
        ports: Sequence[int],
        addresses: Sequence[str | IPv4Address | IPv6Address],
        ring_bytes: int,
        backend: str = "best",
    ) -> Agent: ...
    def backend(self) -> tuple[str, str | None]: ...
    def configure(
        self,
        *,
        rows: Sequence[tuple[str | IPv4Address | IPv6Address, int, int, int, bytes]],
        ports: Sequence[int],
        cluster: str = "",
        node: str = "",
        pods: Sequence[tuple[Sequence[str], int, int, bytes]] = ...,
        node_places: Sequence[int] = ...,
        pod_place: int | None = None,
    ) -> None: ...
    def processes_hindrance(self) -> str | None: ...
    def watch(self, ports: Sequence[int], addresses: Sequence[str | IPv4Address | IPv6Address]) -> None: ...
    def poll(self, timeout_ms: int) -> None: ...
    def pending(self) -> int: ...
    def finish(self) -> None: ...
    def chain_count(self) -> int: ...
    def chain(self, chain: int) -> list[bytes]: ...
    def counters(self) -> dict[str, int]: ...
    def know(
        self,
        address: str | IPv4Address | IPv6Address,
        port: int,
        server_name: str | None,
        chain: Sequence[bytes],
        source: str,
        times_ns: tuple[int, int],
    ) -> None: ...
    def shown(self) -> bytes: ...
    def judge(
        self,
        evaluate: Callable[[bytes], tuple[bytes, bytes, bytes, bytes, str, bool]],
        *,
        boundaries: Sequence[tuple[Sequence[int], Sequence[str]]],
        write: Callable[[bytes], object],
    ) -> bool: ...
