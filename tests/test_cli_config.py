"""`observer config` shows what an agent would run with."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from observer.cli.config import command
from observer.errors import ConfigurationError


def test_flags_variables_and_the_file_are_shown_as_the_origin_of_their_values(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("# mine\nring_mib: 8\nsummary_every_s: 5\n")
    environment = {"OBSERVER_CONFIG": str(file), "OBSERVER_SUMMARY_EVERY_S": "7"}
    shown = CliRunner().invoke(command, ["-o", "json", "--interface", "eth0"], env=environment)

    told = json.loads(shown.stdout)
    assert told["ring_mib"] == {"value": 8, "origin": f"{file}:2"}
    assert told["summary_every_s"] == {"value": 7.0, "origin": "OBSERVER_SUMMARY_EVERY_S"}
    assert told["interfaces"] == {"value": ["eth0"], "origin": "--interface"}
    assert told["backend"] == {"value": "best", "origin": "default"}


def test_a_misspelt_variable_is_told_beside() -> None:
    shown = CliRunner().invoke(command, [], env={"OBSERVER_RING_MB": "1"})

    assert shown.stderr == "observer: OBSERVER_RING_MB is no setting; did you mean OBSERVER_RING_MIB?\n"
    assert shown.exit_code == 0


@pytest.mark.parametrize("listen", ["nonsense", "localhost:1", "127.0.0.1", ":99999"])
def test_what_cannot_be_listened_on_is_refused(listen: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--listen: "):
        CliRunner().invoke(command, ["--listen", listen], catch_exceptions=False)
