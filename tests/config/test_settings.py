"""Settings come from four layers, each over the one before, and say where each value came from."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest

from observer.config import Location, Secret, Settings, showing
from observer.config.reading import Layered, load
from observer.errors import ConfigurationError


class Small(msgspec.Struct, frozen=True):
    """Settings of every kind."""

    size_mib: Annotated[int, msgspec.Meta(ge=1, extra={"flag": "--size"})] = 16
    names: tuple[str, ...] = ()
    place: Location | None = Location("-")
    is_quick: bool = False
    token: Secret | None = None


def loaded(
    tmp_path: Path, text: str | None = None, environment: dict[str, str] | None = None, **flags: Any
) -> Layered[Small]:
    file = None
    if text is not None:
        file = tmp_path / "settings.yaml"
        file.write_text(text)
    return load(Small, file=file, environment=environment or {}, flags=flags)


def test_each_layer_goes_before_the_one_below_and_is_named(tmp_path: Path) -> None:
    text, environment = (
        "names: [a]\nsize_mib: 2\nis_quick: true\n",
        {"OBSERVER_SIZE_MIB": "3", "OBSERVER_NAMES": "b, c"},
    )
    layered = loaded(tmp_path, text, environment, size_mib=4)

    assert layered.value == Small(size_mib=4, names=("b", "c"), is_quick=True)
    assert layered.origins == {
        "size_mib": "--size",
        "names": "OBSERVER_NAMES",
        "place": "default",
        "is_quick": f"{tmp_path}/settings.yaml:3",
        "token": "default",
    }


def test_everything_that_is_wrong_with_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        loaded(tmp_path, "size_mib: 0\nnmaes: [a]\nis_quick: maybe\n")

    file = f"{tmp_path}/settings.yaml"
    assert str(wrong.value).splitlines() == [
        f"{file}:1:11: size_mib: expected `int` >= 1",
        f"{file}:2:1: nmaes: no such field; did you mean `names`?",
        f"{file}:3:11: is_quick: expected `bool`, got `str`",
    ]


@pytest.mark.parametrize(("value", "expected"), [("0", ">= 1"), ("many", "got `str`")])
def test_a_wrong_variable_is_named(tmp_path: Path, value: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^OBSERVER_SIZE_MIB: .*{expected}$"):
        loaded(tmp_path, environment={"OBSERVER_SIZE_MIB": value})


def test_a_misspelt_variable_is_told_and_those_of_services_are_not(tmp_path: Path) -> None:
    environment = {"OBSERVER_SIZE_MB": "3", "OBSERVER_COLLECTOR_SERVICE_HOST": "10.96.0.7", "OBSERVER_PORT": "tcp://x"}

    assert loaded(tmp_path, environment=environment).doubts == (
        "OBSERVER_SIZE_MB is no setting; did you mean OBSERVER_SIZE_MIB?",
    )


def test_a_file_named_in_a_file_is_found_beside_it(tmp_path: Path) -> None:
    assert loaded(tmp_path, "place: here.yaml\n").value.place == f"{tmp_path}/here.yaml"
    assert loaded(tmp_path, "place: /there.yaml\n").value.place == "/there.yaml"
    assert loaded(tmp_path, "place: '-'\n").value.place == "-"
    assert Location("etcd=here.crt").beside(tmp_path) == f"etcd={tmp_path}/here.crt"


def test_an_empty_variable_takes_an_optional_value_away(tmp_path: Path) -> None:
    assert loaded(tmp_path, environment={"OBSERVER_PLACE": "", "OBSERVER_NAMES": ""}).value.place is None


def test_a_secret_is_told_by_its_origin_alone(tmp_path: Path) -> None:
    layered = loaded(tmp_path, environment={"OBSERVER_TOKEN": "hunter2"})

    assert layered.value.token == "hunter2"  # noqa: S105 - the test's own
    shown = showing.as_yaml(layered) + showing.as_json(layered).decode() + repr(layered.value)
    assert "hunter2" not in shown
    assert "OBSERVER_TOKEN" in shown


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    layered = loaded(tmp_path, environment={"OBSERVER_NAMES": "a,b", "OBSERVER_SIZE_MIB": "5"})

    assert loaded(tmp_path, showing.as_yaml(layered)).value == layered.value


def test_the_defaults_of_the_agent_can_be_read_again(tmp_path: Path) -> None:
    defaults = load(Settings, file=None, environment={}, flags={})
    (tmp_path / "agent.yaml").write_text(showing.as_yaml(defaults))

    assert load(Settings, file=tmp_path / "agent.yaml", environment={}, flags={}).value == defaults.value
