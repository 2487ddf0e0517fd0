"""Reads trust anchors from PEM files, each bound to the clients that trust it or to none."""

import functools
from collections.abc import Iterable
from pathlib import Path

import msgspec

from observer.errors import ConfigurationError, Problem
from observer.evidence.chains import Trust
from observer.evidence.reading import attempt
from observer.model import AnchorRole

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class AnchorFile(msgspec.Struct, frozen=True):
    """A file of trust anchors; without a role any client may trust them."""

    path: Path
    role: AnchorRole | None = None


def anchor_file(text: str) -> AnchorFile:
    """`ROLE=FILE` or `FILE`; a name with `=` in it is a file where no role comes before that."""
    role, _, path = text.partition("=")
    known = next((one for one in AnchorRole if path and one == role), None)
    return AnchorFile(Path(path), known) if known else AnchorFile(Path(text))


def load(files: Iterable[AnchorFile]) -> Trust:
    """The anchors of PEM files, several per file; ConfigurationError names each that has none or is unreadable."""
    free, bound = list[bytes](), dict[AnchorRole, list[bytes]]()
    problems, read = list[Problem](), list[str]()
    for file in files:
        try:
            anchors = _anchors_of(file.path.read_bytes())
        except OSError as error:
            problems.append(Problem(str(file.path), 0, 0, "", _said(file, error)))
            continue
        except ValueError as error:
            problems.append(Problem(str(file.path), 0, 0, "", str(error)))
            continue
        read.append(str(file.path))
        (free if file.role is None else bound.setdefault(file.role, [])).extend(anchors)
    if problems:
        raise ConfigurationError.of(problems)
    return Trust(free, read, bound)


def _said(file: AnchorFile, error: OSError) -> str:
    reason = error.strerror or "cannot be read"
    role, equals, _ = str(file.path).partition("=")
    mistaken = equals and "/" not in role
    return f"{reason} (roles are {', '.join(AnchorRole)})" if mistaken else reason


def _anchors_of(pem: bytes) -> list[bytes]:
    from cryptography import x509  # noqa: PLC0415 - see `reading`
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - see `reading`

    found = list[bytes]()
    for number, part in enumerate(pem.split(BEGIN)[1:], 1):
        block = BEGIN + part.partition(END)[0] + END
        certificate = attempt(functools.partial(x509.load_pem_x509_certificate, block))
        if certificate is None:
            line = pem[: pem.index(part)].count(b"\n") + 1
            raise ValueError(f"certificate {number}, line {line}, cannot be read")
        found.append(certificate.public_bytes(Encoding.DER))
    if not found:
        raise ValueError("holds no PEM certificate")
    return found
