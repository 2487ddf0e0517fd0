"""The BPF programs that this process holds, and how long they ran, as the kernel counts it.

It counts only while `kernel.bpf_stats_enabled` is 1; nothing is told where it does not.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

KINDS = {
    "1": "socket_filter",
    "2": "kprobe",
    "3": "sched_cls",
    "5": "tracepoint",
    "13": "sock_ops",
    "17": "raw_tracepoint",
    "26": "tracing",
}
"""Numbers of linux/bpf.h, of the kinds that may be used here."""


class Program(msgspec.Struct, frozen=True):
    """Programs of one kind: how often and for how long they ran, in all."""

    name: str
    runs: int
    run_ns: int


def programs(folder: Path = Path("/proc/self/fdinfo")) -> list[Program]:
    """What the kernel tells of each kind that ran."""
    runs, run_ns, seen = Counter[str](), Counter[str](), set[str]()
    for fields in _held(folder):
        if fields["prog_id"] not in seen:
            seen.add(fields["prog_id"])
            name = KINDS.get(fields["prog_type"], "other")
            runs[name] += int(fields.get("run_cnt", 0))
            run_ns[name] += int(fields.get("run_time_ns", 0))
    return [Program(name, count, run_ns[name]) for name, count in sorted(runs.items()) if count]


def _held(folder: Path) -> Iterator[dict[str, str]]:
    for file in folder.glob("*"):
        try:
            text = file.read_text(encoding="utf-8")
        except OSError:
            continue  # closed meanwhile
        if "prog_id:" in text:
            yield {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
