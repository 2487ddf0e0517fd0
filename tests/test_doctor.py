"""What `observer doctor` says of machines that lack something."""

from pathlib import Path

import pytest

from observer.capture.doctor import Check, Health, Machine, can_capture, examine

NET_RAW, BPF, PERFMON, SYS_ADMIN = 1 << 13, 1 << 39, 1 << 38, 1 << 21


def machine(
    root: Path, *, held: int = 0, jit: str = "1", release: str = "6.18.0", others: dict[str, str] | None = None
) -> Machine:
    for path, text in (
        *(others or {}).items(),
        ("proc/self/status", f"Name:\tx\nCapEff:\t{held:016x}\n"),
        ("proc/sys/net/core/bpf_jit_enable", jit),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Machine(root, release, "linux")


def health(machine: Machine) -> dict[str, Health]:
    return {check.name: check.health for check in examine(machine)}


def test_each_capability_is_told_apart(tmp_path: Path) -> None:
    found = health(machine(tmp_path, held=NET_RAW))

    assert (found["CAP_NET_RAW"], found["CAP_BPF"], found["CAP_PERFMON"]) == (Health.GOOD, Health.MISSING, Health.POOR)


def test_the_administrator_needs_no_other_right_for_ebpf(tmp_path: Path) -> None:
    assert health(machine(tmp_path, held=NET_RAW | SYS_ADMIN))["CAP_BPF"] is Health.GOOD


def test_a_kernel_without_a_coarse_clock_for_filters_is_poor(tmp_path: Path) -> None:
    assert health(machine(tmp_path, release="5.10.0-30-amd64"))["kernel"] is Health.POOR
    assert health(machine(tmp_path, release="5.11.0"))["kernel"] is Health.GOOD


@pytest.mark.parametrize(("setting", "expected"), [("0", Health.POOR), ("1", Health.GOOD), ("2", Health.GOOD)])
def test_an_interpreted_filter_is_poor(tmp_path: Path, setting: str, expected: Health) -> None:
    assert health(machine(tmp_path, jit=setting))["BPF compiler (JIT)"] is expected


@pytest.mark.parametrize(("kilobytes", "expected"), [(20_000, Health.POOR), (400_000, Health.GOOD)])
def test_little_memory_for_the_ring_is_poor(tmp_path: Path, kilobytes: int, expected: Health) -> None:
    others = {"proc/meminfo": f"MemTotal: 1 kB\nMemAvailable:   {kilobytes} kB\n"}
    assert health(machine(tmp_path, others=others))["memory for the ring"] is expected


@pytest.mark.parametrize(("source", "expected"), [("tsc", Health.GOOD), ("hpet", Health.POOR)])
def test_a_slow_clock_is_poor(tmp_path: Path, source: str, expected: Health) -> None:
    others = {"sys/devices/system/clocksource/clocksource0/current_clocksource": source}
    assert health(machine(tmp_path, others=others))["clock"] is expected


def test_a_machine_of_which_only_the_loopback_is_up_is_poor(tmp_path: Path) -> None:
    others = {"sys/class/net/lo/operstate": "unknown\n", "sys/class/net/eth0/operstate": "down\n"}
    assert health(machine(tmp_path, others=others))["interfaces that are up"] is Health.POOR
    (tmp_path / "sys/class/net/eth0/operstate").write_text("up\n")
    assert health(machine(tmp_path, others={}))["interfaces that are up"] is Health.GOOD


def test_every_lack_has_a_cost(tmp_path: Path) -> None:
    assert all(check.cost for check in examine(machine(tmp_path, jit="0")))


def test_one_rung_is_enough_to_capture() -> None:
    rungs = [Check("eBPF filter", Health.MISSING, "no right"), Check("classic filter", Health.GOOD, "works")]

    assert can_capture(rungs)
    assert not can_capture(rungs[:1])
