"""`observer probe`: one line for each endpoint, in the format that the memory of endpoints reads."""

import sys
from pathlib import Path

import msgspec
import pytest

from observer import pipeline
from observer.cli import main
from observer.evidence.memory import Line
from observer.evidence.probe import Endpoint, ProbeFailedError


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["observer", "probe", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


@pytest.fixture(autouse=True)
def servers(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[Endpoint]:
    asked = list[Endpoint]()
    chain = list(request.getfixturevalue("chain_of")("kubelet-node1-serving"))

    def fetch(endpoint: Endpoint, _: float) -> list[bytes]:
        asked.append(endpoint)
        if endpoint.port == 1:
            raise ProbeFailedError("timed out")
        return chain

    monkeypatch.setattr(pipeline, "fetch", fetch)
    return asked


def test_each_endpoint_is_one_line_with_its_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "probed.ndjson"

    code = run(monkeypatch, "127.0.0.1:10250", "127.0.0.1:1", "-o", "json", "--output", str(target))

    shown, failed = (msgspec.json.decode(text, type=Line) for text in target.read_bytes().splitlines())
    assert code == 0
    assert shown.certificate_length == 8 + 5 + len(shown.chain[0])
    assert (shown.server_name, shown.source, shown.error) == (None, "probed", None)
    assert (failed.chain, failed.error) == ((), "timed out")


def test_a_person_reads_who_they_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "127.0.0.1:10250", "127.0.0.1:1")

    told = capsys.readouterr().out
    assert "CN=system:node:node1" in told
    assert "127.0.0.1:1  timed out" in told


def test_an_inventory_is_asked_through_but_not_one_that_traffic_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, servers: list[Endpoint]
) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text("nodes: [{addresses: [127.0.0.1]}]")
    assert run(monkeypatch, "--inventory", str(file)) == 0
    assert servers == [Endpoint("127.0.0.1", 10250)]

    file.write_text("nodes: [{addresses: [127.0.0.1]}]\ninferred: true")
    assert run(monkeypatch, "--inventory", str(file)) == 2


def test_nothing_to_ask_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch) == 2
