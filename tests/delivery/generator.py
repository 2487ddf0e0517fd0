"""An agent's delivery with a generator of known events in front of it: what the conservation test starts and kills.

The ledger says what was written (before it is) and what was acknowledged (after `sync`): one JSON list a line.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import orjson

from observer.model import EventClass
from observer.sinks import Lines
from observer.sinks.backoff import Backoff
from observer.sinks.collector import CollectorTransport
from observer.sinks.credentials import Credentials
from observer.sinks.spooled import Batching, Spooled
from observer.sinks.transport import Answer, Transport
from observer.spool.batch import Batch
from observer.spool.shelf import Limits
from observer.spool.spool import Spool, SpoolLimits

BURST = 6
"""Events written at once: flows, and one finding."""
PAUSE_S = 0.01
BACKOFF = Backoff(first_s=0.05, most_s=0.3, lasting_s=0.3)
BATCHING = Batching(most_bytes=8 * 1024, linger_s=0.1, drain_s=1.0)


class Run(msgspec.Struct, frozen=True):
    """One agent, from its first event until its spool is empty."""

    node: str
    url: str
    folder: str
    spool: str
    ca_file: str
    token: str
    events: int
    flow_bytes: int
    repeat: float
    skew_ns: int
    seed: int


class Repeating:
    """Sends batches again that were sent before: at once, or after younger ones."""

    name = "collector"

    def __init__(self, transport: Transport, chance: random.Random, share: float) -> None:
        self._transport, self._chance, self._share = transport, chance, share
        self._earlier: list[Batch] = []

    def send(self, batch: Batch) -> Answer:
        while self._earlier and self._chance.random() < self._share:
            self._transport.send(self._chance.choice(self._earlier))
        self._earlier.append(batch)
        return self._transport.send(batch)

    def close(self) -> None:
        self._transport.close()


def event(node: str, number: int, time_ns: int) -> bytes:
    """Every sixth is a finding. The same arguments give the same bytes."""
    told = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time_ns // 10**9))}.{time_ns % 10**9:09d}Z"
    ends = {
        "client": {"address": "10.0.0.1", "port": 1024 + number % 60_000},
        "server": {"address": "10.0.0.2", "port": 10250},
    }
    shared = {"observer": {"cluster": "lab", "node": node}, "path": {"id": "apiserver-to-kubelet"}, **ends}
    verdict = {"verdict": {"state": "unknown", "certainty": "unknown"}}
    name = {"schema": "observer/1", "kind": kind(number), "id": f"{node}-{number}", "time": told}
    if kind(number) == "finding":
        found = {"id": "kubelet-readonly-port", "severity": "high"}
        seen = {"key": f"{node}-{number}", "first_seen": told, "last_seen": told, "count": 1, "finding": found}
        return orjson.dumps({**name, **shared, **verdict, **seen}) + b"\n"
    return orjson.dumps({**name, **shared, **verdict, "flow": {"start": told, "end": told}, "findings": []}) + b"\n"


def kind(number: int) -> str:
    return "finding" if number % BURST == 0 else "flow"


class Ledger:
    """Outlives kill -9 line by line."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, *words: Any) -> None:
        os.write(self._file, json.dumps(words).encode() + b"\n")


def next_number(file: Path) -> int:
    lines = file.read_bytes().splitlines() if file.exists() else []
    return 1 + max((json.loads(line)[1] for line in lines if line.startswith(b'["written"')), default=0)


def main(run: Run) -> None:
    """Write what is left to write, deliver all, and leave the spool's tally in `done`."""
    real_ns = time.time_ns
    time.time_ns = lambda: real_ns() + run.skew_ns
    folder = Path(run.folder)
    ledger, number = Ledger(folder / "ledger"), next_number(folder / "ledger")
    spool = Spool(Path(run.spool), SpoolLimits(Limits(1 << 24), Limits(run.flow_bytes, age_s=24 * 3600)))
    transport = CollectorTransport(run.url, run.node, Credentials(ca_file=run.ca_file, token=run.token))
    chance = random.Random(run.seed + number)
    sink = Spooled(spool, Repeating(transport, chance, run.repeat), BATCHING, BACKOFF)
    while number <= run.events:
        number = burst(run.node, number, sink, ledger)
        time.sleep(PAUSE_S)
    while not synced(sink) or sink.status().waiting_events:
        time.sleep(0.05)
    tally = {
        of.value: {fate.value: count.events for fate, count in fates.items()} for of, fates in spool.tally().items()
    }
    (folder / "tally").write_bytes(orjson.dumps({**tally, "files_set_aside": spool.files_set_aside()}))
    sink.close()
    (folder / "tally").rename(folder / "done")


def burst(node: str, number: int, sink: Spooled, ledger: Ledger) -> int:
    """The number after the last one written. A full disk is waited for, as the queue before a sink does."""
    first = number
    for _ in range(BURST):
        now_ns = time.time_ns()
        ledger.note("written", number, now_ns)
        while not taken(sink, Lines(event(node, number, now_ns), 1, EventClass(kind(number)))):
            time.sleep(0.05)
        number += 1
    if synced(sink):
        ledger.note("acknowledged", number - 1, first)
    return number


def taken(sink: Spooled, lines: Lines) -> bool:
    try:
        sink.write(lines)
    except OSError:
        return False
    return True


def synced(sink: Spooled) -> bool:
    try:
        sink.sync()
    except OSError:
        return False
    return True
