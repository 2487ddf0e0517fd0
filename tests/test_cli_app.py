"""The program as a whole: its version, its help and its exit codes."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from observer import _core

OBSERVER = Path(sys.executable).parent / "observer"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([OBSERVER, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_the_version_is_the_same_in_package_core_and_command() -> None:
    answer = run("--version")

    assert answer.stdout == f"observer {version('observer')}\n"
    assert _core.version() == version("observer")


def test_help_exits_with_zero() -> None:
    answer = run("--help")

    assert answer.returncode == 0
    assert "Usage: observer" in answer.stdout


def test_an_unknown_command_is_wrong_usage() -> None:
    answer = run("analyse")

    assert answer.returncode == 2
    assert "No such command 'analyse'" in answer.stderr
    assert answer.stdout == ""
