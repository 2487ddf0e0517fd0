"""Judges a certificate chain in the laxest way that some client could: path, time, usage and name, each apart.

A strict verifier would call chains bad that real clients accept, and a wrong `unverified` is the worst mistake here.
"""

import functools
import ipaddress
from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

from observer.errors import ConfigurationError, Problem
from observer.evidence import certificates

Chain = tuple[bytes, ...]

# Go and OpenSSL give up long before; the bound is for chains made to be expensive.
DEPTH_LIMIT = 8
CHAIN_LIMIT = 16
CACHE_SIZE = 16_384

SERVER_USAGE = "1.3.6.1.5.5.7.3.1"
ANY_USAGE = "2.5.29.37.0"


class Time(StrEnum):
    """Where an instant lies in a certificate's validity."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    UNKNOWN = "unknown"


class Wanted(msgspec.Struct, frozen=True):
    """The names a client may have asked for: the SNI it sent, else any address of the host it dialled.

    `translated` says that the address on the wire may not be the one that was dialled.
    """

    server_name: str | None = None
    addresses: frozenset[str] = frozenset()
    translated: bool = True


class Judgement(msgspec.Struct, frozen=True):
    """What was found; None where it cannot be told."""

    anchored: bool | None
    time: Time
    usage: bool
    name: bool | None


class Trust:
    """The trust anchors given, each with the file it is from."""

    def __init__(self, anchors: Iterable[bytes] = (), files: Collection[str] = ()) -> None:
        self.anchors = tuple(dict.fromkeys(anchors))
        self.files = frozenset(files)
        self._anchored = functools.lru_cache(CACHE_SIZE)(self._find_anchor)

    def judge(self, chain: Chain, wanted: Wanted, time_ns: int) -> Judgement:
        """The judgement of a server's chain at an instant."""
        leaf = chain[0] if chain else b""
        anchored = self._anchored(chain[:CHAIN_LIMIT])
        return Judgement(anchored, time_of(leaf, time_ns), for_servers(leaf), named(leaf, wanted))

    def _find_anchor(self, chain: Chain) -> bool | None:
        """Whether any path of names and signatures leads from the first certificate to an anchor."""
        if not self.anchors or not chain or certificates.parsed(chain[0]) is None:
            return None
        issuers = (*self.anchors, *chain)
        reached, edge, doubt = {chain[0]}, [chain[0]], False
        for _ in range(DEPTH_LIMIT):
            if any(certificate in self.anchors for certificate in edge):
                return True
            links = [(issuer, certificates.signed_by(child, issuer)) for child in edge for issuer in issuers]
            doubt = doubt or any(link is None for _, link in links)
            edge = list(dict.fromkeys(issuer for issuer, link in links if link and issuer not in reached))
            reached.update(edge)
        return None if doubt else False


@functools.lru_cache(CACHE_SIZE)
def named(leaf: bytes, wanted: Wanted) -> bool | None:
    """Whether the certificate bears a name the client may have asked for."""
    if certificates.parsed(leaf) is None:
        return None
    names = certificates.alternative_names(leaf) or tuple(filter(None, [certificates.common_name(leaf)]))
    if wanted.server_name is not None:
        return any(_matches(name, wanted.server_name) for name in names)
    if wanted.addresses & set(names):
        return True
    # A client that dialled an address sends no SNI; behind a translation it was another address than ours.
    return None if wanted.translated and any(map(_is_address, names)) else False


def time_of(leaf: bytes, time_ns: int) -> Time:
    """Where the instant lies in the certificate's validity, give or take the skew of clocks."""
    times = certificates.validity(leaf)
    if times is None:
        return Time.UNKNOWN
    if time_ns < times[0] - certificates.CLOCK_SKEW_NS:
        return Time.NOT_YET_VALID
    if time_ns >= times[1] + certificates.CLOCK_SKEW_NS:
        return Time.EXPIRED
    return Time.EXPIRING if time_ns >= times[1] - certificates.EXPIRY_NOTICE_NS else Time.VALID


def for_servers(leaf: bytes) -> bool:
    """Whether a server may use it; a certificate without the extension is for anything."""
    usages = certificates.usages(leaf)
    return usages is None or bool(usages & {SERVER_USAGE, ANY_USAGE})


def load_anchors(files: Iterable[Path]) -> Trust:
    """Trust anchors of PEM files, several per file; ConfigurationError names each that has none or is unreadable."""
    anchors, problems, read = list[bytes](), list[Problem](), list[str]()
    for file in files:
        try:
            anchors += _anchors_of(file.read_bytes())
            read.append(str(file))
        except OSError as error:
            problems.append(Problem(str(file), 0, 0, "", error.strerror or "cannot be read"))
        except ValueError as error:
            problems.append(Problem(str(file), 0, 0, "", str(error)))
    if problems:
        raise ConfigurationError.of(problems)
    return Trust(anchors, read)


def _anchors_of(pem: bytes) -> list[bytes]:
    from cryptography import x509  # noqa: PLC0415 - see `certificates`
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - see `certificates`

    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    found = list[bytes]()
    for number, part in enumerate(pem.split(begin)[1:], 1):
        block = begin + part.partition(end)[0] + end
        certificate = certificates.attempt(functools.partial(x509.load_pem_x509_certificate, block))
        if certificate is None:
            line = pem[: pem.index(part)].count(b"\n") + 1
            raise ValueError(f"certificate {number}, line {line}, cannot be read")
        found.append(certificate.public_bytes(Encoding.DER))
    if not found:
        raise ValueError("holds no PEM certificate")
    return found


def _matches(pattern: str, name: str) -> bool:
    """RFC 6125 6.4.3: a star stands for the whole first label."""
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if pattern.startswith("*."):
        return "." in name and name.split(".", 1)[1] == pattern[2:]
    return pattern == name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
