"""What the agent does with few rights: one filter after the other, then a clear refusal."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OBSERVER = Path(sys.executable).parent / "observer"
STOP_S = 10

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="not root: there are no rights to give up"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="not installed: setpriv"),
]


def agent(held: str, *options: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was said, and the last summary of an agent that holds only these capabilities."""
    rights = ("setpriv", f"--bounding-set=-all{held}", f"--inh-caps=-all{held}")
    command: list[str | Path] = [*rights, OBSERVER, "agent", "--interface", "lo", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr
        said = process.stderr.readline().decode()
        if "capturing with" in said:
            process.send_signal(signal.SIGTERM)
        lines, _ = process.communicate(timeout=STOP_S)
    return process.returncode, said, json.loads(lines.splitlines()[-1]) if lines else {}


def test_two_capabilities_are_enough_for_ebpf_and_the_third_tells_processes() -> None:
    code, _, summary = agent(",+net_raw,+bpf")

    assert (code, summary["backend"], summary["hindrance"]) == (0, "ebpf", None)
    assert "CAP_PERFMON" in summary["processes_hindrance"]

    code, _, summary = agent(",+net_raw,+bpf,+perfmon")

    assert (code, summary["backend"], summary["processes_hindrance"]) == (0, "ebpf", None)


def test_without_ebpf_the_classic_filter_is_used_and_the_reason_told() -> None:
    code, said, summary = agent(",+net_raw")

    assert (code, summary["backend"]) == (0, "classic")
    assert "CAP_BPF" in summary["hindrance"]
    assert "CAP_BPF" in said


def test_whoever_wants_ebpf_or_nothing_gets_nothing() -> None:
    code, said, _ = agent(",+net_raw", "--backend", "ebpf")

    assert (code, "CAP_BPF" in said) == (2, True)


def test_without_the_right_to_capture_the_refusal_names_it() -> None:
    assert agent("")[:2] == (2, "observer: packets cannot be captured: CAP_NET_RAW is missing\n")
