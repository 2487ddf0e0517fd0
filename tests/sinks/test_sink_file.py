"""The file sink: whole lines under rotation, restarts and full disks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from observer.sinks import Lines
from observer.sinks.file import File, Rotation


def lines(*numbers: int, width: int = 0) -> Lines:
    data = b"".join(b'{"schema":"observer/1","n":%d%s}\n' % (number, b" " * width) for number in numbers)
    return Lines(data, len(numbers))


def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    for number in (1, 2):
        file = File(tmp_path / "events", Rotation())
        file.write(lines(number))
        file.close()

    assert (tmp_path / "events").read_bytes() == lines(1, 2).data


def test_a_file_is_turned_over_before_it_grows_too_large_and_the_oldest_falls_off(tmp_path: Path) -> None:
    size = len(lines(1).data)
    file = File(tmp_path / "events", Rotation(max_bytes=2 * size, keep=2))
    for number in range(9):
        file.write(lines(number))
    file.close()

    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"events": lines(8).data, "events.1": lines(6, 7).data, "events.2": lines(4, 5).data}


def test_a_file_is_turned_over_by_its_age(tmp_path: Path) -> None:
    now_s = [0.0]
    file = File(tmp_path / "events", Rotation(max_age_s=60), lambda: now_s[0])
    for now_s[0] in (0, 59, 60, 61):
        file.write(lines(int(now_s[0])))
    file.close()

    assert (tmp_path / "events.1").read_bytes() == lines(0, 59).data
    assert (tmp_path / "events").read_bytes() == lines(60, 61).data


def test_the_line_that_a_killed_agent_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(lines(1).data + lines(2).data[:17])
    file = File(tmp_path / "events", Rotation())
    file.write(lines(3))
    file.close()

    assert (tmp_path / "events").read_bytes() == lines(1, 3).data


def test_the_unfinished_line_of_somebody_else_stays_and_is_ended(tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(b"not an event")
    file = File(tmp_path / "notes", Rotation())
    file.write(lines(1))
    file.close()

    assert (tmp_path / "notes").read_bytes() == b"not an event\n" + lines(1).data


FILL = """
import os, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from observer.sinks.file import File, Rotation
from test_sink_file import lines
file, taken = File(Path("events"), Rotation()), 0
for number in range(100):
    try:
        file.write(lines(number, width=3000))
        taken += 1
    except OSError as error:
        assert error.errno == 28, error
        break
print(taken)
os.remove("ballast")
file.write(lines(1000))
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="not root: no small disk can be made")
def test_a_full_disk_leaves_whole_lines_and_room_again_takes_more(tmp_path: Path) -> None:
    script = FILL.format(tests=str(Path(__file__).parent))
    disk = 'mount -t tmpfs -o size=64k tmpfs . && cd "$PWD" && head -c 20000 /dev/zero > ballast'
    shell = disk + ' && "$0" -c "$1" && cat events'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", shell, sys.executable, script], cwd=tmp_path, capture_output=True, check=True
    )

    taken, _, events = done.stdout.partition(b"\n")
    assert 0 < int(taken) < 20
    assert events == b"".join(lines(number, width=3000).data for number in range(int(taken))) + lines(1000).data
