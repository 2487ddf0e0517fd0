"""The captures that come with the project are whole, small and free of secrets."""

from pathlib import Path

import pytest
import yaml

from observer.inventory.file import load

PCAPS = Path(__file__).parent.parent / "pcaps"
CAPTURES = yaml.load((PCAPS / "truth.yaml").read_bytes(), Loader=yaml.CSafeLoader)["captures"]
MIXED = "j_mixed_cluster_fabric.pcap"


def test_every_capture_has_its_truth_and_every_truth_its_capture() -> None:
    assert sorted(capture["capture"] for capture in CAPTURES) == sorted(file.name for file in PCAPS.glob("*.pcap"))


def test_captures_are_small() -> None:
    assert {file.name for file in PCAPS.glob("*.pcap") if file.stat().st_size > 100_000} == {MIXED}
    assert (PCAPS / MIXED).stat().st_size <= 2_000_000


def test_every_capture_names_flows_and_an_inventory_that_is_there() -> None:
    inventories = {file.name for file in (PCAPS / "inventory").glob("*.yaml")}

    assert all(capture["flows"] for capture in CAPTURES)
    assert {capture["inventory"] for capture in CAPTURES} == inventories


@pytest.mark.parametrize("file", sorted((PCAPS / "inventory").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_inventory_can_be_read(file: Path) -> None:
    assert load(file).apiservers


def test_only_public_certificates_are_here() -> None:
    files = [file for file in (PCAPS / "ca").iterdir() if file.is_file()]

    assert files
    assert all(b"PRIVATE KEY" not in file.read_bytes() for file in files)
