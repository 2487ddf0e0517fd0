"""The forms for other programs, from the command line: whole files, exit codes, the same bytes every time."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

PCAPS = Path(__file__).parents[1] / "pcaps"
RUN = (
    *("analyze", PCAPS / "d_unverified_selfsigned_node1_tls12_attach.pcap"),
    *("--inventory", PCAPS / "inventory" / "default.yaml", "--ca", PCAPS / "ca" / "ca.crt"),
)

Observer = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("form", ["html", "sarif", "junit"])
def test_each_form_exits_as_the_table_does_and_is_the_same_every_time(observer: Observer, form: str) -> None:
    first = observer(*RUN, "-o", form)

    assert first[0] == 1
    assert first[2] == ""
    assert observer(*RUN, "-o", form) == first


def test_what_is_written_can_be_read(observer: Observer, tmp_path: Path) -> None:
    for form in ("sarif", "junit", "html"):
        assert observer(*RUN, "-o", form, "--output", tmp_path / form, "--fail-on", "never") == (0, "", "")

    assert json.loads((tmp_path / "sarif").read_bytes())["version"] == "2.1.0"
    assert fromstring((tmp_path / "junit").read_bytes()).get("failures") == "0"  # noqa: S314  # our own output
    assert (tmp_path / "html").read_bytes().startswith(b"<!doctype html>")


def test_rules_of_ones_own_are_the_rules_of_the_document(observer: Observer, tmp_path: Path) -> None:
    shutil.copytree(PCAPS.parent / "rules" / "paths", tmp_path / "paths")
    (tmp_path / "findings").mkdir()
    shutil.copy(PCAPS.parent / "rules" / "findings" / "old-tls.yaml", tmp_path / "findings")

    document = json.loads(observer(*RUN, "-o", "sarif", "--rules", tmp_path)[1])

    assert [rule["id"] for rule in document["runs"][0]["tool"]["driver"]["rules"]] == ["old-tls"]
