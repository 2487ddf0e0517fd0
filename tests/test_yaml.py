"""The strict YAML reader: core types, places of errors, all errors at once."""

from pathlib import Path

import msgspec
import pytest

from observer import yaml
from observer.errors import ConfigurationError


class Leaf(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


class Tree(msgspec.Struct, frozen=True):
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf | None] = {}
    words: dict[str, tuple[str, ...]] = {}


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        yaml.parse(text, "t.yaml", Tree)
    return [str(problem) for problem in caught.value.problems]


def test_values_follow_the_core_schema_of_yaml_1_2() -> None:
    read = yaml.parse("words: {a: [no, 12:30:45, 0755, '7', yes]}", "t.yaml", Tree).value

    assert read.words == {"a": ("no", "12:30:45", "0755", "7", "yes")}


def test_every_problem_is_told_with_line_column_and_field() -> None:
    text = "leaves:\n- number: x\n- text: 5\nby_name:\n  a: {number: 1, txet: b}\n"

    assert problems(text) == [
        "t.yaml:2:11: leaves[0].number: expected `int`, got `str`",
        "t.yaml:3:3: leaves[1]: lacks `number`",
        "t.yaml:3:9: leaves[1].text: expected `str`, got `int`",
        "t.yaml:5:18: by_name.a.txet: no such field; did you mean `text`?",
    ]


def test_a_key_given_twice_is_an_error() -> None:
    assert problems("leaves: []\nleaves: []\n") == ["t.yaml:2:1: leaves: is given twice, first in line 1"]


def test_broken_yaml_names_its_place() -> None:
    assert problems("leaves: [\n  a: {b\n")[0].startswith("t.yaml:3:1: is not YAML")


def test_an_alias_to_its_own_parent_is_an_error_and_no_endless_loop() -> None:
    assert "nested deeper" in problems("leaves: &a [*a]\n")[0]


def test_an_empty_file_is_an_error() -> None:
    assert problems("# nothing\n") == ["t.yaml:1:1: is empty"]


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: No such file"):
        yaml.load(tmp_path / "none.yaml", Tree)


def test_an_optional_struct_may_be_null() -> None:
    assert yaml.parse("by_name: {a: null}", "t.yaml", Tree).value.by_name == {"a": None}
