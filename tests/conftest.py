"""What several test files share: golden files, and real certificates of the lab cluster as chains of DER bytes."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from observer import pipeline
from observer.analysis import Analysis
from observer.cli import main
from observer.report import documents

CERTIFICATES = Path(__file__).parent / "data" / "certificates"
PCAPS = Path(__file__).parents[1] / "pcaps"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def chain_of() -> Callable[[str], tuple[bytes, ...]]:
    def read(name: str) -> tuple[bytes, ...]:
        pem = (CERTIFICATES / f"{name}.crt").read_bytes()
        return tuple(c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(pem))

    return read


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a file of tests/golden; WRITE_GOLDEN=1 writes the file instead, to be read and committed."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if os.environ.get("WRITE_GOLDEN"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


class Lines:
    """Takes flow events."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def write(self, data: bytes, /) -> int:
        self.bytes.extend(data)
        return len(data)


Run = Callable[..., tuple[Analysis, bytes]]


@pytest.fixture(scope="session")
def analyzed() -> Run:
    """Analyses a capture of the repository as if in its folder: no path of this machine comes into golden files."""

    @functools.cache
    def analyzed(capture: str, inventory: str = "default.yaml") -> tuple[Analysis, bytes]:
        files = {"inventory": str(PCAPS / "inventory" / inventory), "ca": [str(PCAPS / "ca" / "ca.crt")]}
        flows = Lines()
        analysis = pipeline.analyze([str(PCAPS / capture)], **files, flows_out=flows)  # type: ignore[arg-type]
        notes = tuple(msgspec.structs.replace(note, name=capture) for note in analysis.captures)
        return msgspec.structs.replace(analysis, captures=notes, inventory=inventory), bytes(flows.bytes)

    return analyzed


@pytest.fixture
def saved(analyzed: Run, tmp_path: Path) -> Callable[..., Path]:
    """Writes the result of a capture as `-o ndjson` or `-o json` does."""

    def saved(capture: str, inventory: str = "default.yaml", *, form: str = "ndjson") -> Path:
        analysis, flows = analyzed(capture, inventory)
        file = tmp_path / f"{Path(capture).stem}.{form}"
        with file.open("wb") as out:
            if form == "ndjson":
                out.write(flows + documents.summary(analysis) + b"\n")
            else:
                document = documents.Document(out)
                document.write(flows)
                document.close(analysis)
        return file

    return saved


@pytest.fixture
def observer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process; answers with exit code, output and errors."""

    def observer(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["observer", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, *capfd.readouterr()

    return observer
