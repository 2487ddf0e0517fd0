"""The same capture gives the same bytes, however it is stored and however it comes in."""

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from truth import PCAPS

OBSERVER = str(Path(sys.executable).parent / "observer")
CAPTURE = PCAPS / "h_konn_bypass_direct.pcap"
OPTIONS = ["--inventory", str(PCAPS / "inventory/konnectivity.yaml"), "--ca", str(PCAPS / "ca/ca.crt")]


def output(folder: Path, capture: str, form: str, given: bytes = b"") -> bytes:
    command = [OBSERVER, "analyze", capture, "-o", form, "--fail-on", "never", *OPTIONS]
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, check=True).stdout


def zstd(content: bytes) -> bytes:
    """RFC 8878 3.1.1: one frame of one raw block, so that no compressor is needed."""
    block = 1 | len(content) << 3
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(content)) + struct.pack("<I", block)[:3] + content


@pytest.mark.parametrize("form", ["table", "json", "ndjson"])
def test_the_same_capture_gives_the_same_bytes(tmp_path: Path, form: str) -> None:
    content = CAPTURE.read_bytes()
    outputs = set()

    for stored in (content, content, gzip.compress(content), zstd(content)):
        (tmp_path / "capture").write_bytes(stored)
        outputs.add(output(tmp_path, "capture", form))
    # But for its name.
    outputs.add(
        output(tmp_path, "-", form, content).replace(b'"name":"-"', b'"name":"capture"').replace(b"-:", b"capture:", 1)
    )

    assert len(outputs) == 1
