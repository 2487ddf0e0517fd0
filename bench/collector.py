"""Measures the collector's ingest and questions: CPU per event beside the plain cost of decoding, and memory.

The events are those of a capture with other ids and times. The first part of the rows goes through the ingest, batch by
batch; the rest is made of them within the store, since only the questions need it.

    .venv/bin/python bench/collector.py --events 300000 --rows 10000000
"""

import argparse
import datetime
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from observer.collector.batch import Limits, events, unpacked, zstd
from observer.collector.ingest import Delivery, Ingest
from observer.collector.store import FlowFilter, Page, Span
from observer.collector.store.clickhouse import ClickHouse, embedded
from observer.collector.store.schema import Retention

ROOT = Path(__file__).parents[1]
START = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)
START_NS = int(START.timestamp()) * 1_000_000_000
EVENTS_PER_S = 200
NODES = 200
DAY_NS = 86_400 * 1_000_000_000

COPY = """INSERT INTO flows SELECT * REPLACE(
  concat(flows.id, '-', toString({copy:UInt32})) AS id,
  flows.start + toIntervalSecond({shift:UInt32}) AS start, flows.end + toIntervalSecond({shift:UInt32}) AS end
) FROM flows WHERE flows.start < fromUnixTimestamp64Nano({until:Int64}, 'UTC')"""


def captured() -> list[dict[str, Any]]:
    """The flow events of a small cluster."""
    command = [Path(sys.executable).parent / "observer", "analyze", ROOT / "pcaps" / "j_mixed_cluster_fabric.pcap"]
    command += ["--inventory", ROOT / "pcaps/inventory/mixed.yaml", "--ca", ROOT / "pcaps/ca/ca.crt"]
    told = subprocess.run([*command, "-o", "ndjson", "--fail-on", "never"], capture_output=True, check=True).stdout
    return [event for line in told.splitlines() if (event := orjson.loads(line))["kind"] == "flow"]


def batches(count: int, size: int, chance: random.Random) -> Iterator[bytes]:
    """Packed batches as agents send them."""
    templates = captured()
    for first in range(0, count, size):
        yield zstd.compress(b"\n".join(event(templates, number, chance) for number in range(first, first + size)))


def event(templates: list[dict[str, Any]], number: int, chance: random.Random) -> bytes:
    """One event, some seconds out of order as those of many nodes are."""
    start = START + datetime.timedelta(seconds=number / EVENTS_PER_S + chance.random() * 30)
    template = chance.choice(templates)
    end = start + datetime.timedelta(seconds=1)
    times = {"start": f"{start:%Y-%m-%dT%H:%M:%S.%f}000Z", "end": f"{end:%Y-%m-%dT%H:%M:%S.%f}000Z"}
    community = {"network": {**template["network"], "community_id": f"1:{number // 2:x}"}}
    observer = {"cluster": "lab", "node": f"node{number % NODES}", "backend": "ebpf", "version": "0.1.0"}
    changes = {"id": f"{number:024x}", "observer": observer, "flow": {**template["flow"], **times}, **community}
    return orjson.dumps({**template, **changes})


def cpu_s() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def anonymous_mib() -> int:
    """Memory of this process that is no file's."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) // 1024
    return 0


def decoded(packed: list[bytes], count: int) -> float:
    """Microseconds of CPU to unpack and check an event, and no more."""
    began = cpu_s()
    for body in packed:
        events(unpacked(body, "zstd", Limits()), Limits())
    return (cpu_s() - began) / count * 1e6


def ingested(ingest: Ingest, packed: list[bytes], count: int) -> tuple[float, float, list[float]]:
    """Microseconds of CPU for an event until it is committed, events a second by the clock, seconds of each batch."""
    began, began_s, took = cpu_s(), time.monotonic(), list[float]()
    for number, body in enumerate(packed):
        batch_s = time.monotonic()
        ingest.take(Delivery(body, "zstd", f"b{number}", "node1", "flow", "bench", "2026-11-25T15:00:00.000Z"))
        took.append(time.monotonic() - batch_s)
    return (cpu_s() - began) / count * 1e6, count / (time.monotonic() - began_s), took


def filled(store: ClickHouse, count: int, rows: int) -> None:
    """Copies of the first part, each later than the one before."""
    seconds = count // EVENTS_PER_S + 60
    until_ns = START_NS + seconds * 1_000_000_000
    for copy in range(1, rows // count):
        values = {"copy": copy, "shift": copy * seconds, "until": until_ns}
        store._connection.rows(COPY, values)  # noqa: SLF001 - no operator copies events


def questions(store: ClickHouse) -> dict[str, Callable[[], Any]]:
    """What people ask most."""
    everything, page = FlowFilter(), Page(100)
    hour = FlowFilter(span=Span(START_NS + 3 * 3600 * 10**9, START_NS + 4 * 3600 * 10**9))
    day = FlowFilter(span=Span(START_NS, START_NS + DAY_NS))
    return {
        "paths by verdicts, everything": lambda: store.sums(everything, ("path", "verdict"), 1000),
        "paths by verdicts, one hour": lambda: store.sums(hour, ("path", "verdict"), 1000),
        "newest 100": lambda: store.flows(everything, page),
        "newest 100 in plaintext at a path": lambda: store.flows(
            FlowFilter(verdict=("plaintext",), path=("kubelet-readonly",)), page
        ),
        "newest 100 of a node": lambda: store.flows(FlowFilter(node=("node7",)), page),
        "one flow by id": lambda: store.flows(FlowFilter(id=(f"{12345:024x}",)), page),
        "text in one hour": lambda: store.flows(FlowFilter(span=hour.span, text="no-such-text"), page),
        "nodes of one day": lambda: store.nodes(day.span),
        "issuer changes": lambda: store.issuer_changes(100),
    }


def asked(store: ClickHouse, rounds: int) -> Iterator[tuple[str, float, float]]:
    """Median CPU and wall milliseconds of each question."""
    for name, question in questions(store).items():
        cpu, wall = list[float](), list[float]()
        for _ in range(rounds):
            began, began_s = cpu_s(), time.monotonic()
            question()
            cpu.append((cpu_s() - began) * 1e3)
            wall.append((time.monotonic() - began_s) * 1e3)
        yield name, statistics.median(cpu), statistics.median(wall)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    chance = random.Random(1)  # noqa: S311 - the same events each time
    packed = list(batches(told.events, told.batch, chance))
    size = sum(map(len, packed)) / told.events
    print(f"{told.events} events in batches of {told.batch}, {size:.0f} bytes each when packed")
    with tempfile.TemporaryDirectory() as folder:
        store = embedded(Path(folder), Retention())
        ingest = Ingest(store, lambda _: None)
        print(f"decoding alone: {decoded(packed, told.events):.1f} us CPU/event")
        cpu, rate, took = ingested(ingest, packed, told.events)
        print(f"to the commit:  {cpu:.1f} us CPU/event = {1e6 / cpu:.0f} events/s a core; {rate:.0f} events/s wall")
        usual, worst = statistics.median(took) * 1e3, max(took) * 1e3
        print(f"batch: median {usual:.0f} ms, slowest {worst:.0f} ms; at best {told.batch / min(took):.0f} events/s")
        print(f"anonymous memory after ingest: {anonymous_mib()} MiB")
        filled(store, told.events, told.rows)
        parts = "SELECT sum(bytes_on_disk), sum(rows), count() FROM system.parts WHERE active AND table = 'flows'"
        ((disk, rows, count),) = store._connection.rows(parts, {})  # noqa: SLF001
        print(f"{rows} rows in {count} parts, {disk / rows:.0f} bytes on disk each")
        for name, cpu_ms, wall_ms in asked(store, told.rounds):
            print(f"{name:36} {cpu_ms:8.0f} ms CPU {wall_ms:8.0f} ms wall")
        print(f"anonymous memory at the end: {anonymous_mib()} MiB")
        ingest.close()
        store.close()


if __name__ == "__main__":
    main()
