"""The strict reading of a path: what is against the rules in it.

Most of it some verifier lets pass, so none of it is ever held against a client; `docs/certificate-shapes.md` shows what
real verifiers do with each.
"""

import functools
import ipaddress
import itertools
from collections.abc import Iterator

from observer.evidence import extensions, reading
from observer.evidence.reading import CACHE_SIZE
from observer.model import Fault

Chain = tuple[bytes, ...]

SERVER_USAGE = "1.3.6.1.5.5.7.3.1"
# "Any", and what Netscape and Microsoft once wrote for servers, which OpenSSL still takes for it.
SERVER_USAGES = frozenset({SERVER_USAGE, "2.5.29.37.0", "2.16.840.1.113730.4.1", "1.3.6.1.4.1.311.10.3.3"})
WEAK_DIGESTS = frozenset({"md2", "md4", "md5", "sha1"})
SHORTEST_RSA_KEY = 2048
SHORTEST_CURVE = 256
SIGNING_USES = frozenset({"digitalSignature", "keyAgreement"})


# With one of these Go and OpenSSL both refuse, or (name constraints) may: such a chain satisfies nobody for sure.
REFUSED = frozenset(
    {
        Fault.NOT_AN_AUTHORITY,
        Fault.PATH_TOO_LONG,
        Fault.AUTHORITY_USAGE,
        Fault.NAMES_CONSTRAINED,
        Fault.UNKNOWN_CRITICAL,
        Fault.AUTHORITY_EXPIRED,
        Fault.AUTHORITY_NOT_YET_VALID,
    }
)


@functools.lru_cache(CACHE_SIZE)
def faults(path: Chain, *, anchored: bool) -> tuple[Fault, ...]:
    """What is wrong with a path, leaf first; `anchored`: its last certificate is a trust anchor. Time is not judged."""
    pairs = itertools.pairwise(path)
    found = (
        *_of_leaf(path[0]),
        *(fault for one in path for fault in _of_any(one, anchor=anchored and one is path[-1])),
        *(fault for child, authority in pairs for fault in _of_link(child, authority)),
        *(fault for depth, one in enumerate(path[1:]) for fault in _of_authority(one, depth)),
    )
    return tuple(fault for fault in Fault if fault in found)


def _of_leaf(leaf: bytes) -> Iterator[Fault]:
    names, uses, limits = extensions.names(leaf), extensions.key_usage(leaf), extensions.constraints(leaf)
    if not names.dns and not names.addresses:
        yield Fault.NO_NAMES
    if any(map(is_address, names.dns)):
        yield Fault.ADDRESS_AS_NAME
    if any(name.endswith(".") or "*" in name.removeprefix("*.") for name in names.dns):
        yield Fault.ODD_NAME
    if not reading.subject(leaf) and not extensions.names_critical(leaf):
        yield Fault.NAMES_NOT_CRITICAL
    if limits is not None and limits.authority:
        yield Fault.AUTHORITY_AS_SERVER
    if uses is not None and not SIGNING_USES & set(uses):
        yield Fault.KEY_USAGE


def _of_any(certificate: bytes, *, anchor: bool) -> Iterator[Fault]:
    read = reading.parsed(certificate)
    if read is None:
        return
    if reading.attempt(lambda: read.version.value) != 2:
        yield Fault.OLD_VERSION
    digest = reading.attempt(lambda: read.signature_hash_algorithm)
    # Nobody needs the signature of an anchor.
    if digest is not None and digest.name in WEAK_DIGESTS and not anchor:
        yield Fault.WEAK_SIGNATURE
    if _short(certificate):
        yield Fault.SHORT_KEY
    if extensions.unknown_critical(certificate):
        yield Fault.UNKNOWN_CRITICAL


def _short(certificate: bytes) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415 - see `reading`

    read = reading.parsed(certificate)
    key = read and reading.attempt(read.public_key)
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size < SHORTEST_RSA_KEY
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < SHORTEST_CURVE


def _of_link(child: bytes, authority: bytes) -> Iterator[Fault]:
    wanted, own = extensions.authority_key_id(child), extensions.key_id(authority)
    if wanted is None:
        yield Fault.NO_AUTHORITY_KEY_ID
    if own is None:
        yield Fault.NO_KEY_ID
    if wanted and own and wanted != own:
        yield Fault.KEY_IDS_DIFFER


def _of_authority(authority: bytes, depth: int) -> Iterator[Fault]:
    limits, uses = extensions.constraints(authority), extensions.key_usage(authority)
    if not _may_sign(authority):
        yield Fault.NOT_AN_AUTHORITY
    if limits is None:
        yield Fault.NO_CONSTRAINTS
    elif not limits.critical:
        yield Fault.CONSTRAINTS_NOT_CRITICAL
    if limits is not None and limits.path_length is not None and depth > limits.path_length:
        yield Fault.PATH_TOO_LONG
    if uses is None:
        yield Fault.NO_KEY_USAGE
    if not for_servers(authority):
        yield Fault.AUTHORITY_USAGE
    if extensions.constrains_names(authority):
        yield Fault.NAMES_CONSTRAINED


def _may_sign(authority: bytes) -> bool:
    """Whether Go or OpenSSL let it sign: by its basic constraints, else by its key usage or its old version."""
    limits, uses = extensions.constraints(authority), extensions.key_usage(authority)
    if uses is not None and "keyCertSign" not in uses:
        return False
    if limits is not None:
        return limits.authority
    read = reading.parsed(authority)
    old = read is not None and reading.attempt(lambda: read.version.value) != 2
    return uses is not None or (old and bool(reading.signed_by(authority, authority)))


def for_servers(certificate: bytes) -> bool:
    """Whether a server may use it, or sign for one; a certificate without the extension is for anything."""
    usages = extensions.extended_key_usage(certificate)
    return usages is None or bool(usages & SERVER_USAGES)


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
