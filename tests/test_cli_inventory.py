"""`observer inventory infer`: what it writes is an inventory file."""

import sys
from pathlib import Path

import pytest

from observer import pipeline
from observer.cli import main
from observer.inventory.file import Address, ApiServer, Inventory, Network, Node, load

INFERRED = Inventory(
    apiservers=(ApiServer(address=Address("10.240.0.10"), ports=(6443,)),),
    nodes=(Node(addresses=(Address("fd00::21"),), name="node1", pod_cidr=Network("10.244.1.0/24")),),
    inferred=True,
)


def test_what_was_inferred_can_be_given_back_as_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "inventory.yaml"
    monkeypatch.setattr(pipeline, "infer", lambda *_, **__: INFERRED)
    monkeypatch.setattr(sys, "argv", ["observer", "inventory", "infer", "a.pcap", "--output", str(target)])

    with pytest.raises(SystemExit) as leaving:
        main()

    assert leaving.value.code == 0
    assert load(target) == INFERRED
    assert target.read_text().startswith("# Who is who")
    assert "null" not in target.read_text()
