"""What cannot be read or is written down wrong ends the real command with one clear line, exit code 2 and no output."""

import gzip
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from truth import PCAPS

OBSERVER = str(Path(sys.executable).parent / "observer")
GOOD = PCAPS / "b_curl_tls12_verified.pcap"
WHOLE = GOOD.read_bytes()
HEADER = WHOLE[:24]

Answer = subprocess.CompletedProcess[bytes]


def observe(folder: Path, *arguments: str, given: bytes = b"") -> Answer:
    return subprocess.run([OBSERVER, "analyze", *arguments], cwd=folder, input=given, capture_output=True, check=False)


def record(captured: int, original: int) -> bytes:
    return struct.pack("<IIII", 1_700_000_000, 0, captured, original)


BAD_CAPTURES = {
    "empty": (b"", "is empty"),
    "text": (b"nothing to see\n", 'is not a pcap or pcapng capture: it starts with 6e 6f 74 68 ("noth")'),
    "header cut": (HEADER[:20], "ends at byte 20, inside the header of the capture"),
    "header cut in gzip": (gzip.compress(HEADER[:20], mtime=0), "ends at byte 20, inside the header of the capture"),
    "absurd packet": (HEADER + record(0xFFFF_FFFF, 0xFFFF_FFFF), "is damaged at byte 24: a packet of 4294967295 bytes"),
    "absurd block": (struct.pack("<III", 0x0A0D0D0A, 0xFFFF_FFF0, 0x1A2B3C4D), "is damaged at byte 0"),
    "unknown link type": (
        HEADER[:20] + struct.pack("<I", 147) + WHOLE[24:],
        "holds only packets of link type 147: Ethernet, Linux cooked, raw IP and loopback are read",
    ),
    "unknown version": (HEADER[:4] + struct.pack("<HH", 9, 9) + HEADER[8:], "pcap version 9.9 is not supported"),
}


def assert_one_line(answer: Answer, line: str) -> None:
    assert answer.stderr.decode().startswith(f"observer: {line}")
    assert answer.stderr.count(b"\n") == 1
    assert answer.stdout == b""
    assert answer.returncode == 2


@pytest.mark.parametrize("kind", BAD_CAPTURES)
def test_a_bad_capture_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    content, line = BAD_CAPTURES[kind]
    (tmp_path / "bad.pcap").write_bytes(content)

    assert_one_line(observe(tmp_path, "bad.pcap", "-o", "json"), f"bad.pcap: {line}")


@pytest.mark.parametrize("kind", ["empty", "text", "unknown link type"])
def test_a_bad_capture_on_standard_input_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    content, line = BAD_CAPTURES[kind]

    assert_one_line(observe(tmp_path, "-", given=content), f"standard input: {line}")


def folder(place: Path) -> None:
    place.mkdir()


def nothing(_: Path) -> None:
    pass


def forbidden(place: Path) -> None:
    place.write_bytes(WHOLE)
    place.chmod(0)


def text(content: bytes) -> Callable[[Path], object]:
    return lambda place: place.write_bytes(content)


Make = Callable[[Path], object]
UNREADABLE: dict[str, tuple[Make, list[str], str]] = {
    "a folder": (folder, ["bad"], "bad: is a directory, not a capture"),
    "a missing file": (nothing, ["bad"], "bad: cannot be opened: No such file or directory"),
    "a bad capture behind a good one": (text(b""), [str(GOOD), "bad"], "bad: is empty"),
    "an inventory that is no YAML": (text(b"nodes: [\n"), [str(GOOD), "--inventory", "bad"], "bad:2:1: is not YAML"),
    "an inventory with an unknown field": (
        text(b"cluster: lab\nnods: []\n"),
        [str(GOOD), "--inventory", "bad"],
        "bad:2:1: nods: no such field; did you mean `nodes`?",
    ),
    "an inventory with a wrong value": (
        text(b"apiservers: [{address: here}]\n"),
        [str(GOOD), "--inventory", "bad"],
        "bad:1:24: apiservers[0].address:",
    ),
    "an inventory that is no text": (text(b"\xff\xfe"), [str(GOOD), "--inventory", "bad"], "bad: is not UTF-8"),
    "an empty inventory": (text(b""), [str(GOOD), "--inventory", "bad"], "bad:1:1: is empty"),
    "a missing inventory": (nothing, [str(GOOD), "--inventory", "bad"], "bad: No such file or directory"),
    "an authority that is no certificate": (text(b"?"), [str(GOOD), "--ca", "bad"], "bad: holds no PEM certificate"),
    "a missing authority": (nothing, [str(GOOD), "--ca", "bad"], "bad: No such file or directory"),
    "missing rules": (nothing, [str(GOOD), "--rules", "bad"], "bad/paths: holds no rule"),
    "rules that are a file": (text(b""), [str(GOOD), "--rules", "bad"], "bad/paths: holds no rule"),
    "an output in a missing folder": (nothing, [str(GOOD), "--output", "bad/out"], "bad/out: cannot be written"),
    "an output that is a folder": (folder, [str(GOOD), "--output", "bad"], "bad: cannot be written: Is a directory"),
    "an address that is none": (nothing, [str(GOOD), "--captured-on", "bad"], "Invalid value for '--captured-on'"),
    "an unknown option": (nothing, [str(GOOD), "--bad"], "No such option '--bad'"),
    "no capture": (nothing, [], "Missing argument 'CAPTURE...'"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_used_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    make, arguments, line = UNREADABLE[kind]
    make(tmp_path / "bad")

    assert_one_line(observe(tmp_path, *arguments, "-o", "json"), line)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("option", [[], ["--inventory"], ["--ca"]], ids=str)
def test_a_file_without_permission_is_one_clear_line(tmp_path: Path, option: list[str]) -> None:
    forbidden(tmp_path / "bad")

    answer = observe(tmp_path, *([str(GOOD), *option] if option else []), "bad")

    assert_one_line(answer, "bad: ")
    assert b"Permission denied" in answer.stderr


@pytest.mark.parametrize("form", ["table", "json", "ndjson"])
def test_a_run_that_fails_leaves_no_output_file(tmp_path: Path, form: str) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"")

    assert_one_line(observe(tmp_path, str(GOOD), "bad.pcap", "-o", form, "--output", "out"), "bad.pcap: is empty")
    assert [file.name for file in tmp_path.iterdir()] == ["bad.pcap"]


def test_a_capture_cut_in_a_packet_is_analysed_to_the_cut_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(WHOLE[:-10])

    table, ndjson = observe(tmp_path, "cut.pcap"), observe(tmp_path, "cut.pcap", "-o", "ndjson")

    assert (table.returncode, table.stderr) == (ndjson.returncode, ndjson.stderr) == (0, b"")
    assert b"Note: cut.pcap ends early: ends in the middle of the record at byte 5156" in table.stdout
    flow, summary = map(json.loads, ndjson.stdout.splitlines())
    assert flow["tls"]["version"] == "1.2"
    assert summary["captures"][0]["cut"] == "ends in the middle of the record at byte 5156"


def test_findings_before_the_cut_decide_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes((PCAPS / "i_basic_credentials_8080.pcap").read_bytes()[:-10])

    assert observe(tmp_path, "cut.pcap").returncode == 1
