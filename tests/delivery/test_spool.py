"""The spool against killed processes, damaged files and full disks."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from observer.errors import ConfigurationError
from observer.model import EventClass
from observer.spool.batch import Batch, packed
from observer.spool.rows import Fate
from observer.spool.shelf import DiskError, Limits, Shelf
from observer.spool.spool import Spool, SpoolLimits

SECOND = 1_000_000_000
ROOMY = Limits(bytes=1 << 30)


def batch(sequence: int, *, size: int = 10, made_ns: int = 0) -> Batch:
    body = random.Random(sequence).randbytes(size)
    return Batch(sequence, f"{sequence:032x}", EventClass.FLOW, made_ns, 3, body)


def drained(shelf: Shelf) -> list[Batch]:
    batches = []
    while found := shelf.next():
        batches.append(found)
        shelf.sent(found)
    return batches


def balances(shelf: Shelf) -> bool:
    fates, waiting = shelf.tally(), shelf.waiting()
    gone = sum(fates[fate].events for fate in Fate if fate is not Fate.APPENDED)
    return fates[Fate.APPENDED].events == gone + waiting.events


def test_batches_come_back_in_order_with_the_bytes_that_went_in(tmp_path: Path) -> None:
    shelf, batches = Shelf(tmp_path / "s", EventClass.FLOW, ROOMY), [batch(n, size=9000) for n in (1, 2, 5)]
    for one in batches:
        shelf.append(one)

    assert drained(shelf) == batches
    assert (shelf.tally()[Fate.SENT].batches, shelf.waiting().batches) == (3, 0)


def test_what_has_no_more_room_is_shed_oldest_first_and_counted(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "s", EventClass.FLOW, Limits(bytes=35))
    for number in range(1, 6):
        shelf.append(batch(number))

    assert [one.sequence for one in drained(shelf)] == [3, 4, 5]
    assert (shelf.tally()[Fate.SHED].batches, shelf.tally()[Fate.SHED].events) == (2, 6)


def test_what_is_being_sent_is_not_shed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "s", EventClass.FLOW, Limits(bytes=25))
    shelf.append(batch(1))
    shelf.held = 1
    for number in (2, 3, 4):
        shelf.append(batch(number))

    assert [one.sequence for one in drained(shelf)] == [1, 4]


def test_what_is_too_old_is_shed_and_counted(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "s", EventClass.FLOW, Limits(bytes=1000, age_s=10))
    shelf.append(batch(1, made_ns=1 * SECOND))
    shelf.append(batch(2, made_ns=5 * SECOND))

    shelf.expire(12 * SECOND)

    assert [one.sequence for one in drained(shelf)] == [2]
    assert shelf.tally()[Fate.SHED].events == 3


def test_a_refused_batch_is_kept_with_its_reason_and_does_not_stand_in_the_way(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "s", EventClass.FLOW, ROOMY)
    shelf.append(batch(1))
    shelf.append(batch(2))

    shelf.refuse(batch(1), "line 1: no JSON", 0)

    assert shelf.refused() == [(batch(1).id, "line 1: no JSON", batch(1).body)]
    assert [one.sequence for one in drained(shelf)] == [2]
    assert balances(shelf)


def test_changed_bytes_of_a_row_cost_that_row_alone(tmp_path: Path) -> None:
    file = tmp_path / "s"
    shelf, batches = Shelf(file, EventClass.FLOW, ROOMY), [batch(n, size=20_000) for n in range(1, 6)]
    for one in batches:
        shelf.append(one)
    shelf.close()
    content = bytearray(file.read_bytes())
    content[content.index(batches[2].body[9000:9100])] ^= 1
    file.write_bytes(content)

    assert drained(Shelf(file, EventClass.FLOW, ROOMY)) == [one for one in batches if one.sequence != 3]
    assert Shelf(file, EventClass.FLOW, ROOMY).tally()[Fate.DAMAGED].events == 3


@pytest.mark.parametrize("seed", range(30))
def test_a_file_damaged_anywhere_gives_nothing_wrong_and_goes_on(tmp_path: Path, seed: int) -> None:
    file, chance = tmp_path / "s", random.Random(seed)
    batches = [batch(n, size=chance.choice([50, 3000, 20_000])) for n in range(1, 60)]
    shelf = Shelf(file, EventClass.FLOW, ROOMY)
    for one in batches:
        shelf.append(one)
    shelf.close()
    damage(file, chance)

    shelf = Shelf(file, EventClass.FLOW, ROOMY)
    shelf.append(batch(100))
    out = drained(shelf)

    assert out == [one for one in [*batches, batch(100)] if one in out]
    assert out[-1] == batch(100)
    assert balances(shelf)
    assert drained(shelf) == []


def damage(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    match chance.randrange(3):
        case 0:
            del content[chance.randrange(len(content)) :]
        case 1:
            start = chance.randrange(len(content) // 4096) * 4096
            content[start : start + 4096] = chance.randbytes(4096)
        case 2:
            for _ in range(20):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def test_a_bad_page_costs_no_more_than_what_lay_on_it_and_every_lost_event_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "s"
    shelf, batches = Shelf(file, EventClass.FLOW, ROOMY), [batch(n, size=500) for n in range(1, 200)]
    for one in batches:
        shelf.append(one)
    shelf.close()
    content = bytearray(file.read_bytes())
    page = content.index(batches[100].body) // 4096
    content[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
    file.write_bytes(content)

    shelf = Shelf(file, EventClass.FLOW, ROOMY)
    out = drained(shelf)

    assert 0 < len(batches) - len(out) < 10
    assert shelf.tally()[Fate.DAMAGED].batches == len(batches) - len(out)
    assert shelf.files_set_aside == 1
    assert (tmp_path / "s.damaged-1").exists()


WRITER = """
import sys
from pathlib import Path
from observer.model import EventClass
from observer.spool.spool import Spool, SpoolLimits
spool = Spool(Path(sys.argv[1]), SpoolLimits())
for number in range(10**9):
    spool.append(EventClass.FINDING if number % 3 else EventClass.FLOW, b'{"number":%d}\\n' % number, 0)
    print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = [int(next(writer.stdout)) for _ in range(300)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    writer.stdout.close()

    spool, found = Spool(tmp_path, SpoolLimits()), []
    while one := spool.next():
        found += [int(line[10:-2]) for line in one.lines()]
        spool.sent(one)
    spool.close()

    # One more may have been kept whose acknowledgement was cut off.
    assert len(found) == len(set(found)) <= len(acknowledged) + 1
    assert set(acknowledged) <= set(found)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("may not mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def filled(shelf: Shelf) -> Iterator[int]:
    for number in range(1, 100):
        try:
            shelf.append(batch(number, size=50_000))
        except DiskError:
            return
        yield number
    pytest.fail("the disk never was full")


def test_a_full_disk_refuses_new_batches_keeps_the_old_ones_and_takes_new_ones_once_they_are_sent(
    small_disk: Path,
) -> None:
    shelf = Shelf(small_disk / "s", EventClass.FLOW, ROOMY)
    kept = list(filled(shelf))

    for number in kept[:5]:
        found = shelf.next()
        assert found == batch(number, size=50_000)
        shelf.sent(found)
    shelf.append(batch(200, size=50_000))

    assert [one.sequence for one in drained(shelf)] == [*kept[5:], 200]
    assert balances(shelf)
    shelf.close()


def spooled(folder: Path) -> Spool:
    return Spool(folder, SpoolLimits(findings=Limits(bytes=10_000), flows=Limits(bytes=100)))


def test_flows_are_shed_and_findings_stay(tmp_path: Path) -> None:
    spool = spooled(tmp_path)
    for number in range(20):
        spool.append(EventClass.FINDING, b'{"finding":%d}\n' % number, 0)
        spool.append(EventClass.FLOW, b'{"flow":%d}\n' % number, 0)

    waiting = spool.waiting()
    spool.close()

    assert waiting[EventClass.FINDING].events == 20
    assert 0 < waiting[EventClass.FLOW].events < 20


def test_sequences_ascend_over_restarts_lost_spools_and_clocks_that_go_back(tmp_path: Path) -> None:
    sequences: list[int] = []
    for folder, now_ns in ((tmp_path / "a", 5 * SECOND), (tmp_path / "a", 1 * SECOND), (tmp_path / "b", 9 * SECOND)):
        spool = spooled(folder)
        spool.append(EventClass.FLOW, b"{}\n", now_ns)
        found = spool.next({*sequences})
        assert found is not None
        sequences.append(found.sequence)
        spool.close()

    assert sequences == sorted(set(sequences))


def test_a_split_batch_waits_as_two_with_new_ids_and_the_same_events(tmp_path: Path) -> None:
    spool = spooled(tmp_path)
    spool.append(EventClass.FINDING, b"1\n2\n3\n", 0)
    whole = spool.next()
    assert whole is not None

    spool.split(whole, 0)

    parts = []
    while part := spool.next():
        parts.append(part)
        spool.sent(part)
    spool.close()
    assert [part.lines() for part in parts] == [[b"1\n"], [b"2\n", b"3\n"]]
    assert len({whole.id, *(part.id for part in parts)}) == 3


def test_one_spool_serves_one_agent(tmp_path: Path) -> None:
    spool = spooled(tmp_path)

    with pytest.raises(ConfigurationError, match="another agent uses this spool"):
        spooled(tmp_path)

    spool.close()


def test_packed_lines_come_back() -> None:
    assert Batch(1, "a", EventClass.FLOW, 0, 2, packed(b"1\n2\n")).lines() == [b"1\n", b"2\n"]
