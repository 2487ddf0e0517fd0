"""What several test files share: golden files, and real certificates of the lab cluster as chains of DER bytes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

CERTIFICATES = Path(__file__).parent / "data" / "certificates"
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
