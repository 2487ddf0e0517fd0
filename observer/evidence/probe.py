"""Asks servers for their certificates: paced, a few at a time, each endpoint once. Judges nothing.

What is asked are endpoints that a person or an inventory named, never ones that only traffic did.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from observer.evidence import certificates
from observer.evidence.memory import Line, message_length

NANOSECONDS = 1_000_000_000
# Each waits for one server at a time; more would gain nothing at the default rate.
WORKERS = 8
# Endpoints of a large cluster; a longer list is asked anew when it comes round.
CACHE_SIZE = 16_384
# The certificates of a server change by the day at most; a kubelet writes a line into its log for each question.
KEEP_S = 3600.0


class Endpoint(msgspec.Struct, frozen=True):
    """Where to ask, and under which name (SNI); None sends none, as clients do that dial an address."""

    address: str
    port: int
    server_name: str | None = None


class Probed(msgspec.Struct, frozen=True):
    """What an endpoint showed (DER, leaf first, exactly as sent) and when, or why it showed nothing."""

    endpoint: Endpoint
    time_ns: int
    took_ns: int
    chain: tuple[bytes, ...] = ()
    error: str | None = None


class ProbeFailedError(Exception):
    """Why an endpoint showed no certificate."""


Fetch = Callable[[Endpoint, float], list[bytes]]
"""Fetches a chain within some seconds; raises ProbeFailedError."""


class Prober:
    """Asks endpoints and remembers for an hour what they showed. May be used by several threads."""

    def __init__(
        self,
        fetch: Fetch,
        *,
        timeout_s: float = 5.0,
        per_second: float = 20.0,
        clock_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._fetch, self._timeout_s, self._clock_ns, self._sleep = fetch, timeout_s, clock_ns, sleep
        self._gap_s = 1 / per_second
        self._next_s = 0.0
        self._lock = threading.Lock()
        self._cache: dict[Endpoint, Probed] = {}

    def probe(self, endpoints: Iterable[Endpoint]) -> Iterator[Probed]:
        """The results in the order of the endpoints, each as soon as it and those before it are there."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most runs ask nobody

        pool = ThreadPoolExecutor(WORKERS, "probe")
        try:
            yield from pool.map(self.ask, dict.fromkeys(endpoints))
        finally:
            pool.shutdown(cancel_futures=True)

    def ask(self, endpoint: Endpoint) -> Probed:
        """One result; what failed is asked again the next time."""
        known = self._cache.get(endpoint)
        if known is not None and self._clock_ns() - known.time_ns < KEEP_S * NANOSECONDS:
            return known
        self._wait()
        result = self._asked(endpoint)
        if result.chain:
            self._keep(result)
        return result

    def _asked(self, endpoint: Endpoint) -> Probed:
        time_ns, started_ns = self._clock_ns(), time.monotonic_ns()
        try:
            chain, error = tuple(self._fetch(endpoint, self._timeout_s)), None
        except ProbeFailedError as failure:
            chain, error = (), str(failure)
        return Probed(endpoint, time_ns, time.monotonic_ns() - started_ns, chain, error)

    def _keep(self, result: Probed) -> None:
        with self._lock:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[result.endpoint] = result

    def _wait(self) -> None:
        """Until this question's turn: turns are a fixed gap apart, also when servers are slow."""
        with self._lock:
            now_s = time.monotonic()
            turn_s = max(now_s, self._next_s)
            self._next_s = turn_s + self._gap_s
        if turn_s > now_s:
            self._sleep(turn_s - now_s)


def line(probed: Probed) -> Line:
    """A result as it is written."""
    endpoint, chain = probed.endpoint, probed.chain
    return Line(
        endpoint.address,
        endpoint.port,
        endpoint.server_name,
        "probed",
        probed.time_ns,
        probed.time_ns,
        took_ms=round(probed.took_ns / 1e6, 1),
        certificate_length=message_length(chain) if chain else None,
        chain=chain,
        certificates=tuple(map(certificates.describe, chain)),
        error=probed.error,
    )
