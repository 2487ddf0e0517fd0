"""Measures `observer analyze` beside its peers and the floor, as ratios of one interleaved run.

usage: python bench/run.py [--scale F] [--rounds N] [--keep DIR] [--certificates]

CPU is user and system time of the whole process; the machine's speed drifts, so every round runs each command once
and the medians of a column belong together. Peers that are not installed are said so.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CERTIFICATES = ("certificate-1", "certificate-1000")
KINDS = ("handshakes", "bulk", "smallpkts", "mixed")
OBSERVER = Path(sys.executable).with_name("observer")
INVENTORY = "apiservers: [{address: 10.96.0.1}]\nnodes: [{addresses: [10.96.0.2]}]\npod_cidrs: [10.128.0.0/9]\n"
# A mapped file counts as resident in the floor: its memory says nothing.
MAPPED = ("floor w", "floor t")


@dataclass(frozen=True)
class Cost:
    """One run of one command."""

    cpu_s: float
    peak_mib: float


def cost(command: Sequence[str]) -> Cost:
    """Run a command to its end, its output thrown away; a failure ends the measurement."""
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def commands(capture: Path, floor: Path, inventory: Path) -> dict[str, list[str]]:
    """What is run over a capture, by the name of its row."""
    rows = {
        "floor t": [str(floor), str(capture), "t"],
        "observer": _analyze(capture, inventory),
        "floor w": [str(floor), str(capture), "w"],
        "tcpdump": ["tcpdump", "-r", str(capture), "-w", os.devnull, "tcp port 10250"],
        "ndpiReader": ["ndpiReader", "-q", "-i", str(capture)],
    }
    return {name: row for name, row in rows.items() if Path(row[0]).is_absolute() or shutil.which(row[0])}


def measure(rows: dict[str, list[str]], rounds: int) -> dict[str, Cost]:
    """Medians over the rounds; a first round warms the caches and does not count."""
    costs: dict[str, list[Cost]] = {name: [] for name in rows}
    for number in range(rounds + 1):
        for name, row in rows.items():
            once = cost(row)
            if number:
                costs[name].append(once)
    return {
        name: Cost(statistics.median(c.cpu_s for c in runs), max(c.peak_mib for c in runs))
        for name, runs in costs.items()
    }


def counted(capture: Path, inventory: Path) -> tuple[int, int]:
    """Packets and flows of a capture, as the program counts them in its last line."""
    command = [str(OBSERVER), "analyze", str(capture), "--inventory", str(inventory), "-o", "ndjson"]
    last = b"{}"
    with subprocess.Popen([*command, "--fail-on", "never"], stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            last = line
    counters = json.loads(last)["counters"]
    return counters["frames"], counters["flows"]


def report(kind: str, medians: dict[str, Cost], packets: int, flows: int) -> None:
    """One table: each row against the floor that tracks flows."""
    floor = medians["floor t"].cpu_s
    print(f"\n{kind}: {packets:,} packets, {flows:,} flows")
    print(f"{'':12}{'CPU s':>9}{'x floor t':>11}{'packets/s':>13}{'flows/s':>11}{'peak MiB':>10}")
    for name, median in medians.items():
        rates = f"{packets / median.cpu_s:>13,.0f}{flows / median.cpu_s:>11,.0f}"
        memory = "mapped" if name in MAPPED else f"{median.peak_mib:.0f}"
        print(f"{name:12}{median.cpu_s:>9.3f}{median.cpu_s / floor:>11.2f}{rates}{memory:>10}")


def compare_certificates(captures: dict[str, Path], inventory: Path, rounds: int) -> None:
    """What many different certificates cost beside one, of otherwise equal captures."""
    rows = {kind: _analyze(capture, inventory) for kind, capture in captures.items()}
    medians = measure(rows, rounds)
    one, many = (medians[kind].cpu_s for kind in captures)
    flows = counted(next(iter(captures.values())), inventory)[1]
    print(
        f"\n{flows:,} flows to 1,000 kubelets: one certificate {one:.3f} s, 1,000 different ones {many:.3f} s, ", end=""
    )
    print(f"{(many / one - 1) * 100:+.1f} %")


def _analyze(capture: Path, inventory: Path) -> list[str]:
    analyze = [str(OBSERVER), "analyze", str(capture), "--inventory", str(inventory), "--fail-on", "never"]
    return [*analyze, "-o", "ndjson"]


def make(kind: str, capture: Path, scale: float) -> None:
    """Generate a capture in a process of its own: Linux counts the memory of whoever starts a process as its peak."""
    call = f"import pathlib, generate; generate.generate({kind!r}, pathlib.Path({str(capture)!r}), scale={scale})"
    subprocess.run([sys.executable, "-c", call], check=True, cwd=HERE)


def main() -> None:
    """Make the captures, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.05, help="1 is the full size, gigabytes a capture")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--certificates", action="store_true", help="compare one certificate with 1,000 instead")
    parser.add_argument("--keep", type=Path, help="make the captures there, or take those that are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        floor, inventory = Path(temporary) / "floor", Path(temporary) / "inventory.yaml"
        inventory.write_text(INVENTORY)
        subprocess.run(["cc", "-O3", "-march=native", "-w", "-o", str(floor), str(HERE / "floor.c")], check=True)
        kinds = CERTIFICATES if options.certificates else KINDS
        captures = {kind: folder / f"{kind}-{options.scale:g}.pcap" for kind in kinds}
        for kind, capture in captures.items():
            if not capture.exists():
                make(kind, capture.absolute(), options.scale)
        if options.certificates:
            compare_certificates(captures, inventory, options.rounds)
            return
        for kind, capture in captures.items():
            rows = commands(capture, floor, inventory)
            report(kind, measure(rows, options.rounds), *counted(capture, inventory))
        absent = [peer for peer in ("tcpdump", "ndpiReader") if not shutil.which(peer)]
        print(f"\nnot installed: {', '.join(absent)}" if absent else "")


main()
