"""Conservation: whatever breaks, each event that an agent has taken is in the collector's store once, or counted.

Rounds of agents run against one real collector, each over a link of its own, each with faults drawn by chance. A run
repeats with OBSERVER_SEED; OBSERVER_FAULT_RUNS asks for more of them.
"""

import json
import multiprocessing
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import orjson
import pytest
import running

from observer.spool.batch import unpacked

from . import generator
from .links import Link, Links

SEED = int(os.environ.get("OBSERVER_SEED", "20261125"))
RUNS = int(os.environ.get("OBSERVER_FAULT_RUNS", "50"))
TOGETHER = 10
"""Agents in a round."""
FAULTY_S = 2.0
"""How long faults go on; then everything heals, and what waits must arrive."""
DELIVERED_S = 90.0
EVENTS = 360
DAY_NS = 24 * 3600 * 10**9

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([generator.__name__])


@dataclass
class Agent:
    """A run: an agent, what happens to it, and what may be missing because its spool was damaged."""

    run: generator.Run
    link: Link
    faults: list[str]
    process: BaseProcess | None = None
    endangered: set[int] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        return Path(self.run.folder)

    def start(self) -> None:
        self.process = processes.Process(target=generator.main, args=(self.run,))
        self.process.start()

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.join()

    def restart(self) -> None:
        self.kill()
        self.start()

    def damage(self, chance: random.Random) -> None:
        """With the agent gone, change a file of the spool; what is in the spool then may be lost, and is counted."""
        self.kill()
        spool = Path(self.run.spool)
        for name in ("flow.sqlite", "finding.sqlite"):
            self.endangered |= waiting_in(spool / name)
            settle(spool / name)
        harm(spool / chance.choice(["flow.sqlite", "finding.sqlite"]), chance)
        self.start()

    def fill_disk(self) -> None:
        """Take all that is left of the disk of the spool."""
        with suppress(OSError), (Path(self.run.spool) / "filler").open("wb", buffering=0) as filler:
            for size in (65536, 4096, 512):
                fill(filler.write, size)

    def free_disk(self) -> None:
        (Path(self.run.spool) / "filler").unlink(missing_ok=True)


def fill(write: Callable[[bytes], int], size: int) -> None:
    try:
        while write(bytes(size)) == size:
            pass
    except OSError:
        return


def settle(file: Path) -> None:
    """Put the write-ahead log into the file: what is newer in the log would cover the damage."""
    if file.exists():
        with closing(sqlite3.connect(file)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def waiting_in(file: Path) -> set[int]:
    """Numbers of the events in a spool's file; read from a copy, so that the file stays as it was left."""
    copy = file.parent.parent / f"{file.name}.copy"
    for ending in ("", "-wal"):
        if (source := Path(f"{file}{ending}")).exists():
            shutil.copy(source, f"{copy}{ending}")
    with closing(sqlite3.connect(copy)) as db:
        try:
            bodies = [body for (body,) in db.execute("SELECT body FROM batch")]
        except sqlite3.OperationalError:  # it was killed before it had made its tables
            bodies = []
    for ending in ("", "-wal", "-shm"):
        Path(f"{copy}{ending}").unlink(missing_ok=True)
    lines = [line for body in bodies for line in unpacked(body).splitlines()]
    return {int(orjson.loads(line)["id"].rpartition("-")[2]) for line in lines}


def harm(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes()) if file.exists() else bytearray()
    if not content:
        return
    match chance.randrange(3):
        case 0:
            del content[chance.randrange(len(content)) :]
        case 1:
            start = chance.randrange(len(content)) // 4096 * 4096
            content[start : start + 4096] = chance.randbytes(4096)
        case 2:
            content[chance.randrange(len(content))] ^= 255
    file.write_bytes(content)


Moment = tuple[float, Callable[[], None]]


class Script:
    """When what happens to an agent. Faults that the agent is started with happen by themselves."""

    def __init__(self, agent: Agent, chance: random.Random) -> None:
        self._agent, self._chance = agent, chance
        self.moments: list[Moment] = []
        for fault in agent.faults:
            FAULTS[fault](self)

    def kill_agent(self) -> None:
        self._once(self._agent.restart)
        self._once(self._agent.restart)

    def cut(self) -> None:
        self._between(self._agent.link.cut, self._agent.link.heal)

    def drop(self) -> None:
        for _ in range(4):
            self._once(self._agent.link.drop)

    def slow(self) -> None:
        self._between(self._agent.link.slow, self._agent.link.heal)

    def lose_answers(self) -> None:
        self._between(self._agent.link.lose_answers, self._agent.link.heal)

    def fill_disk(self) -> None:
        self._between(self._agent.fill_disk, self._agent.free_disk)

    def damage_spool(self) -> None:
        chance = random.Random(self._chance.random())
        start = self._chance.uniform(0.1, FAULTY_S - 1.0)
        damage = (start + 0.6, lambda: self._agent.damage(chance))  # of a spool in which something waits
        self.moments.extend([(start, self._agent.link.cut), damage, (start + 0.7, self._agent.link.heal)])

    def nothing(self) -> None:
        pass

    def _once(self, what: Callable[[], None]) -> None:
        self.moments.append((self._chance.uniform(0.2, FAULTY_S), what))

    def _between(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        start = self._chance.uniform(0.1, FAULTY_S - 0.5)
        self.moments.extend([(start, begin), (start + self._chance.uniform(0.2, 1.0), end)])


FAULTS = {
    "kill agent": Script.kill_agent,
    "cut": Script.cut,
    "drop": Script.drop,
    "slow": Script.slow,
    "lost answers": Script.lose_answers,
    "full disk": Script.fill_disk,
    "damaged spool": Script.damage_spool,
    "small spool": Script.nothing,
    "skewed clock": Script.nothing,
    "repeats": Script.nothing,
}


@pytest.fixture
def small_disks(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes file systems of 5 MiB; where that is not allowed, folders."""
    mounted: list[Path] = []

    def disk(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(folder)]
        if os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0:
            mounted.append(folder)
        return folder

    yield disk
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.slow
def test_every_event_is_stored_once_or_counted_whatever_breaks(
    tmp_path: Path, small_disks: Callable[[str], Path]
) -> None:
    sys.stdout.write(f"OBSERVER_SEED={SEED} OBSERVER_FAULT_RUNS={RUNS}\n")
    chance, links, agents = random.Random(SEED), Links(), list[Agent]()
    store = tmp_path / "collector"
    store.mkdir()
    with running.collector(store) as collector:
        links.target = collector.url
        for first in range(0, RUNS, TOGETHER):
            together = [
                made(number, collector, links.link(), small_disks, tmp_path, chance)
                for number in range(first, min(first + TOGETHER, RUNS))
            ]
            play(together, collector, links, chance)
            agents += together
        links.close()
    stored = read_store(store)
    for agent in agents:
        check(agent, [row for row in stored if row[0] == agent.run.node])
    tell(agents, len(stored))


def made(
    number: int,
    collector: running.Collector,
    link: Link,
    small_disks: Callable[[str], Path],
    folder: Path,
    chance: random.Random,
) -> Agent:
    faults, node = chance.sample(list(FAULTS), chance.randint(1, 4)), f"node{number}"
    (folder / node).mkdir()
    # Without the right to mount, the disk cannot be filled without filling the machine's.
    disk = small_disks(f"{node}-disk")
    if not disk.is_mount() and "full disk" in faults:
        faults.remove("full disk")
    run = generator.Run(
        node=node,
        url=link.url,
        folder=str(folder / node),
        spool=str(disk / "spool"),
        ca_file=str(collector.authority.file),
        token=collector.tokens["write"],
        events=EVENTS,
        flow_bytes=3000 if "small spool" in faults else 1 << 24,
        repeat=0.3 if "repeats" in faults else 0.0,
        skew_ns=chance.choice([-400, -2, 30]) * DAY_NS if "skewed clock" in faults else 0,
        seed=chance.randrange(1 << 30),
    )
    return Agent(run, link, faults)


def play(agents: list[Agent], collector: running.Collector, links: Links, chance: random.Random) -> None:
    """A round: start, let things break, mend them, wait until all is delivered."""

    def restart() -> None:
        collector.kill()
        collector.start()
        links.target = collector.url

    moments = [moment for agent in agents for moment in Script(agent, chance).moments]
    moments.append((chance.uniform(0.3, FAULTY_S), restart))
    for agent in agents:
        agent.start()
    start_s = time.monotonic()
    for at_s, what in sorted(moments, key=lambda moment: moment[0]):
        time.sleep(max(0.0, at_s - (time.monotonic() - start_s)))
        what()
    for agent in agents:
        agent.link.heal()
        agent.free_disk()
    until_s = time.monotonic() + DELIVERED_S
    for agent in agents:
        assert agent.process
        agent.process.join(max(0.1, until_s - time.monotonic()))
        finished = agent.process.exitcode
        if finished is None:
            agent.kill()
        assert finished == 0, f"{agent.run.node} {agent.faults}: not delivered, exit code {finished}"


QUERY = """
import json, sys
from pathlib import Path
import clickhouse_connect
client = clickhouse_connect.get_client(dsn=f"chdb://{Path(sys.argv[1]).resolve() / 'events'}")
for table, order in (("flows", "start"), ("finding_events", "time")):
    for row in client.query(f"SELECT node, id, event FROM {table} FINAL ORDER BY {order}, id").result_rows:
        print(json.dumps(row))
"""


def read_store(folder: Path) -> list[tuple[str, str, str]]:
    """Node, id and event of all that is stored, flows first, each in the order of time."""
    out = subprocess.run([sys.executable, "-c", QUERY, folder], check=True, capture_output=True, text=True).stdout
    return [tuple(json.loads(line)) for line in out.splitlines()]


def tell(agents: list[Agent], stored: int) -> None:
    """What the runs went through (shown with `pytest -rP`); a fault that never bites proves nothing."""
    total = Counter[str]()
    for agent in agents:
        tally = orjson.loads((agent.folder / "done").read_bytes())
        written, acknowledged = ledger(agent.folder / "ledger")
        total.update(written=len(written), acknowledged=len(acknowledged), set_aside=tally["files_set_aside"])
        for of in ("flow", "finding"):
            total.update({f"{fate} {of}s": events for fate, events in tally[of].items()})
    sys.stdout.write(f"{len(agents)} runs, {stored} events stored: {dict(total)}\n")
    if RUNS >= 50:
        assert total["shed flows"]
        assert total["set_aside"]


def check(agent: Agent, rows: list[tuple[str, str, str]]) -> None:
    what = f"{agent.run.node} {agent.faults} (OBSERVER_SEED={SEED})"
    written, acknowledged = ledger(agent.folder / "ledger")
    tally = orjson.loads((agent.folder / "done").read_bytes())
    stored = Counter(int(name.rpartition("-")[2]) for _, name, _ in rows)
    missing = acknowledged - set(stored)

    assert [number for number, count in stored.items() if count > 1] == [], f"{what}: stored twice"
    for _, name, event in rows:
        number = int(name.rpartition("-")[2])
        assert event.encode() + b"\n" == generator.event(agent.run.node, number, written[number]), f"{what}: {name}"
    lost = {of: tally[of]["shed"] + tally[of]["damaged"] + tally[of]["refused"] for of in ("flow", "finding")}
    missing_findings = {number for number in missing if generator.kind(number) == "finding"}
    assert missing_findings <= agent.endangered, f"{what}: findings are missing"
    assert len(missing_findings) <= lost["finding"] or tally["files_set_aside"], f"{what}: findings are not counted"
    assert (tally["finding"]["shed"], tally["finding"]["refused"]) == (0, 0), f"{what}: findings were given up"
    if not agent.endangered:
        assert len(missing - missing_findings) <= lost["flow"], f"{what}: flows are missing and not counted"
        sent = tally["flow"]["sent"] + tally["finding"]["sent"]
        assert len(stored) == sent, f"{what}: {len(stored)} stored, {sent} sent"
        assert len(acknowledged) <= len(stored) + lost["flow"]
    if "skewed clock" not in agent.faults:
        for of in ("flow", "finding"):
            numbers = [number for number in stored if generator.kind(number) == of]
            assert numbers == sorted(numbers), f"{what}: order"


def ledger(file: Path) -> tuple[dict[int, int], set[int]]:
    """Of each number written its time, and the numbers that were acknowledged."""
    written, acknowledged = dict[int, int](), set[int]()
    for line in file.read_text(encoding="utf-8").splitlines():
        match json.loads(line):
            case ["written", number, time_ns]:
                written[number] = time_ns
            case ["acknowledged", last, first]:
                acknowledged.update(range(first, last + 1))
    return written, acknowledged
