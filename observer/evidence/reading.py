"""Parses certificates and holds signatures against keys, leniently: what cannot be read is None, never an error.

`cryptography` is imported on first use: it costs a fifth of a second that a capture without TLS need not pay.
"""

import functools
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from cryptography import x509

T = TypeVar("T")

# More distinct certificates than the captures of a large cluster show; evicted ones are read again.
CACHE_SIZE = 16_384
# Longer certificates than any in use are not worth parsing.
LENGTH_LIMIT = 64 * 1024


@functools.lru_cache(CACHE_SIZE)
def parsed(der: bytes) -> "x509.Certificate | None":
    """The certificate as `cryptography` reads it, or None."""
    from cryptography import x509  # noqa: PLC0415 - see above

    return attempt(lambda: x509.load_der_x509_certificate(der)) if len(der) <= LENGTH_LIMIT else None


def attempt(read: Callable[[], T]) -> T | None:
    """What `read` returns, or None where the certificate is too odd: its parts are parsed only when asked for."""
    from cryptography import exceptions, x509  # noqa: PLC0415 - see above

    try:
        with warnings.catch_warnings():
            # A certificate that breaks the rules is nothing to tell on standard error.
            warnings.simplefilter("ignore")
            return read()
    except (
        ValueError,
        TypeError,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.ExtensionNotFound,
        x509.UnsupportedGeneralNameType,
        exceptions.UnsupportedAlgorithm,
    ):
        return None


@functools.lru_cache(CACHE_SIZE)
def subject(der: bytes) -> str | None:
    """The subject as RFC 4514 writes it."""
    certificate = parsed(der)
    return None if certificate is None else attempt(lambda: certificate.subject.rfc4514_string())  # noqa: PLW0108 - the name is parsed within


@functools.lru_cache(CACHE_SIZE)
def issuer(der: bytes) -> str | None:
    """The issuer as RFC 4514 writes it."""
    certificate = parsed(der)
    return None if certificate is None else attempt(lambda: certificate.issuer.rfc4514_string())  # noqa: PLW0108 - the name is parsed within


def canonical(name: str) -> str:
    """A name as OpenSSL compares it: case, blanks and the kind of string do not count."""
    return " ".join(name.casefold().split())


def signed_by(der: bytes, authority: bytes) -> bool | None:
    """Whether `authority`'s name and key stand behind the certificate; None where that cannot be computed.

    Nothing else is asked of the authority: a strict reading refuses chains that Go and OpenSSL accept.
    """
    names = issuer(der), subject(authority)
    if names[0] is None or names[1] is None:
        return None
    return canonical(names[0]) == canonical(names[1]) and signature_holds(der, authority)


@functools.lru_cache(CACHE_SIZE)
def signature_holds(der: bytes, authority: bytes) -> bool | None:
    """Whether the authority's key made the certificate's signature."""
    from cryptography import exceptions  # noqa: PLC0415 - see above

    child, parent = parsed(der), parsed(authority)
    if child is None or parent is None:
        return None
    try:
        _verify(child, parent)
    except exceptions.UnsupportedAlgorithm:
        return None
    except (ValueError, TypeError, exceptions.InvalidSignature):
        return False
    return True


def _verify(child: "x509.Certificate", parent: "x509.Certificate") -> None:
    """Holds the signature against the key; `verify_directly_issued_by` would compare the names byte by byte."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa  # noqa: PLC0415

    key, how, digest = parent.public_key(), child.signature_algorithm_parameters, child.signature_hash_algorithm
    signed = child.signature, child.tbs_certificate_bytes
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and digest is None:
        key.verify(*signed)
    elif isinstance(key, rsa.RSAPublicKey) and digest and isinstance(how, padding.PKCS1v15 | padding.PSS):
        key.verify(*signed, how, digest)
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
        key.verify(*signed, how)
    elif isinstance(key, dsa.DSAPublicKey) and digest:
        key.verify(*signed, digest)
    else:
        raise TypeError("the key is not of the signature's kind")
