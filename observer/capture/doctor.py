"""Looks at what live capture needs, one thing at a time, and says what each lack costs. Changes nothing."""

import os
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from observer import _core

MINIMUM_KERNEL = (5, 11)

CAPABILITIES = {
    "CAP_NET_RAW": (13, "no packet can be captured at all"),
    "CAP_BPF": (39, "no eBPF: every byte of the chosen ports is copied to user space"),
    "CAP_PERFMON": (38, "the process and the pod behind a connection are not told"),
    "CAP_SYS_ADMIN": (21, "nothing where CAP_BPF is there"),
}
"""Number in linux/capability.h, and what its absence costs."""

RING_BYTES = 16 * 1024 * 1024
ROOM = 4
"""So many times the ring should be free: the ring itself, and what the agent keeps of flows."""


class Health(StrEnum):
    """How one thing stands."""

    GOOD = "ok"
    POOR = "poor"
    MISSING = "missing"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at, what was found, and what its lack costs."""

    name: str
    health: Health
    found: str
    cost: str = ""


class Machine(msgspec.Struct, frozen=True):
    """Where to look; another root and another release for tests."""

    root: Path = Path("/")
    release: str = os.uname().release
    platform: str = sys.platform

    def text(self, path: str) -> str:
        """A file's content, empty where it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except OSError:
            return ""


def examine(machine: Machine) -> Iterator[Check]:
    """Everything but the attempt itself."""
    yield _kernel(machine)
    yield _btf(machine)
    yield from _capabilities(machine)
    yield _jit(machine)
    yield _memory(machine)
    yield _clock(machine)
    yield _interfaces(machine)


def attempt() -> Iterator[Check]:
    """Open each rung of the ladder on the loopback interface for a moment."""
    yield _rung("eBPF filter", "ebpf", "the classic filter is used in its place: a cost for each byte")
    yield _rung("classic filter", "classic", "no live capture; observer analyze still reads captures")


def can_capture(checks: list[Check]) -> bool:
    """Whether any rung of the ladder holds."""
    return any(check.health is Health.GOOD for check in checks if check.name.endswith(" filter"))


def _version(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release)[:2])


def _kernel(machine: Machine) -> Check:
    is_linux = machine.platform == "linux"
    health = Health.MISSING if not is_linux else Health.GOOD
    if is_linux and _version(machine.release) < MINIMUM_KERNEL:
        health = Health.POOR
    return Check("kernel", health, machine.release, "eBPF needs Linux 5.11; live capture needs Linux")


def _btf(machine: Machine) -> Check:
    there = (machine.root / "sys/kernel/btf/vmlinux").exists()
    found = "/sys/kernel/btf/vmlinux" if there else "none"
    return Check(
        "kernel types (BTF)",
        Health.GOOD if there else Health.POOR,
        found,
        "the process and the pod behind a connection are not told",
    )


def _capabilities(machine: Machine) -> Iterator[Check]:
    line = re.search(r"^CapEff:\s*([0-9a-f]+)$", machine.text("proc/self/status"), re.MULTILINE)
    held = int(line[1], 16) if line else 0
    has_all = held >> CAPABILITIES["CAP_SYS_ADMIN"][0] & 1
    for name, (bit, cost) in CAPABILITIES.items():
        health = Health.GOOD if held >> bit & 1 else Health.MISSING
        stands_in = name in {"CAP_BPF", "CAP_PERFMON"} and has_all
        if health is Health.MISSING and (stands_in or name in {"CAP_SYS_ADMIN", "CAP_PERFMON"}):
            health = Health.POOR if name != "CAP_BPF" else Health.GOOD
        yield Check(name, health, "held" if held >> bit & 1 else "not held", cost)


def _jit(machine: Machine) -> Check:
    setting = machine.text("proc/sys/net/core/bpf_jit_enable").strip()
    health = Health.GOOD if setting in {"1", "2"} else Health.POOR
    return Check("BPF compiler (JIT)", health, setting or "unknown", "the filter runs several times slower")


def _memory(machine: Machine) -> Check:
    """The ring is memory that cannot be swapped out; a control group may allow less than the machine has."""
    line = re.search(r"^MemAvailable:\s*([0-9]+) kB$", machine.text("proc/meminfo"), re.MULTILINE)
    cost = "packets find no room in a burst, or the agent is ended by the kernel"
    if not line:
        return Check("memory for the ring", Health.POOR, "unknown", cost)
    available = int(line[1]) * 1024
    health = Health.GOOD if available >= ROOM * RING_BYTES else Health.POOR
    return Check("memory for the ring", health, f"{available // 1024 // 1024} MiB available", cost)


def _clock(machine: Machine) -> Check:
    """Packets bear the kernel's time, so the times of two nodes agree no better than their clocks."""
    source = machine.text("sys/devices/system/clocksource/clocksource0/current_clocksource").strip()
    slow = {"hpet", "acpi_pm", "jiffies", "refined-jiffies"}
    health = Health.POOR if not source or source in slow else Health.GOOD
    return Check("clock", health, source or "unknown", "each packet's time stamp costs more than the filter itself")


def _interfaces(machine: Machine) -> Check:
    folder = machine.root / "sys/class/net"
    names = sorted(place.name for place in folder.iterdir()) if folder.is_dir() else []
    up = [name for name in names if machine.text(f"sys/class/net/{name}/operstate").strip() in {"up", "unknown"}]
    health = Health.GOOD if set(up) - {"lo"} else Health.POOR
    cost = "only this machine's traffic with itself is seen; in a container, hostNetwork shows the host's"
    return Check("interfaces that are up", health, ", ".join(up) or "none", cost)


def _rung(name: str, backend: str, cost: str) -> Check:
    if not hasattr(_core, "Agent"):
        return Check(name, Health.MISSING, "only on Linux", cost)
    try:
        _core.Agent(interfaces=["lo"], ports=[1], addresses=[], ring_bytes=RING_BYTES, backend=backend)
    except _core.LiveError as error:
        return Check(name, Health.MISSING, str(error), cost)
    return Check(name, Health.GOOD, f"works, with a ring of {RING_BYTES // 1024 // 1024} MiB")
