"""The program as a whole: its version, its help and its exit codes."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from observer import _core
from observer.cli.app import COMMANDS

OBSERVER = Path(sys.executable).parent / "observer"


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    variables = os.environ | (environment or {})
    command = [str(OBSERVER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=variables)


def test_the_version_is_the_same_in_package_core_and_command() -> None:
    answer = run("--version")

    assert answer.stdout == f"observer {version('observer')}\n"
    assert _core.version() == version("observer")


def test_help_lists_every_command_and_loads_none() -> None:
    program = "import sys; from observer.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"

    answer = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True)

    assert all(f"  {command} " in answer.stdout for command in COMMANDS)
    loaded = set(answer.stderr.split())
    assert not loaded & {"msgspec", "rich", "cryptography", "observer.pipeline", "observer._core"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    answer = run(command, "--help")

    assert answer.returncode == 0
    assert f"Usage: observer {command}" in answer.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str) -> None:
    answer = run(environment={"_OBSERVER_COMPLETE": f"{shell}_source"})

    assert answer.returncode == 0
    assert "_OBSERVER_COMPLETE" in answer.stdout


def test_an_unknown_command_is_wrong_usage() -> None:
    answer = run("analyse")

    assert answer.returncode == 2
    assert "No such command 'analyse'" in answer.stderr
    assert answer.stdout == ""
