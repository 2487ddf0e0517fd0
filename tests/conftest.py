"""Real certificates of the lab cluster, as chains of DER bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

CERTIFICATES = Path(__file__).parent / "data" / "certificates"


@pytest.fixture(scope="session")
def chain_of() -> Callable[[str], tuple[bytes, ...]]:
    def read(name: str) -> tuple[bytes, ...]:
        pem = (CERTIFICATES / f"{name}.crt").read_bytes()
        return tuple(c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(pem))

    return read
