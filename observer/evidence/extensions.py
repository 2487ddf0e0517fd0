"""Reads the extensions of certificates: names, uses, authority and key ids. An unreadable one counts as absent."""

import functools
from typing import TYPE_CHECKING, TypeVar

import msgspec

from observer.evidence.reading import CACHE_SIZE, attempt, parsed

if TYPE_CHECKING:
    from cryptography import x509

E = TypeVar("E", bound="x509.ExtensionType")

# RFC 5280 4.2.1.3, in the order of its bits; `encipher_only` and `decipher_only` qualify key agreement alone.
KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
# RFC 5280 4.2.1.12; others are shown by their number.
EXTENDED_KEY_USAGES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}


class Names(msgspec.Struct, frozen=True):
    """Alternative names by their kind; `shown` has all that can be shown as text, in the certificate's order."""

    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


class Constraints(msgspec.Struct, frozen=True):
    """The basic constraints."""

    authority: bool
    path_length: int | None
    critical: bool


@functools.lru_cache(CACHE_SIZE)
def names(der: bytes) -> Names:
    """The subject's alternative names; other kinds than DNS, address, URI and e-mail are left out."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    extension = _extension(der, x509.SubjectAlternativeName)
    found = list(extension.value) if extension else []
    textual = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier, x509.RFC822Name)
    return Names(
        dns=tuple(name.value for name in found if isinstance(name, x509.DNSName)),
        addresses=tuple(str(name.value) for name in found if isinstance(name, x509.IPAddress)),
        shown=tuple(str(name.value) for name in found if isinstance(name, textual)),
    )


def names_critical(der: bytes) -> bool:
    """Whether there are alternative names that no verifier may overlook."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    extension = _extension(der, x509.SubjectAlternativeName)
    return extension is not None and extension.critical


def extended_key_usage(der: bytes) -> frozenset[str] | None:
    """Object identifiers of what the certificate is for; None where that is not limited."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    extension = _extension(der, x509.ExtendedKeyUsage)
    return frozenset(usage.dotted_string for usage in extension.value) if extension else None


def key_usage(der: bytes) -> tuple[str, ...] | None:
    """What the key may do, in the words of RFC 5280; None where that is not limited."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    extension = _extension(der, x509.KeyUsage)
    if extension is None:
        return None
    return tuple(name for field, name in KEY_USAGES.items() if getattr(extension.value, field))


def constraints(der: bytes) -> Constraints | None:
    """Whether it may sign certificates; None where it does not say."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    extension = _extension(der, x509.BasicConstraints)
    if extension is None:
        return None
    return Constraints(extension.value.ca, extension.value.path_length, extension.critical)


def key_id(der: bytes) -> str | None:
    """The subject key identifier in hexadecimal."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    extension = _extension(der, x509.SubjectKeyIdentifier)
    return None if extension is None else extension.value.digest.hex()


def authority_key_id(der: bytes) -> str | None:
    """The key identifier of the authority in hexadecimal."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    extension = _extension(der, x509.AuthorityKeyIdentifier)
    identifier = extension and extension.value.key_identifier
    return identifier.hex() if identifier else None


def constrains_names(der: bytes) -> bool:
    """Whether it limits the names of the certificates that it signs."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    return _extension(der, x509.NameConstraints) is not None


def unknown_critical(der: bytes) -> bool:
    """Whether it holds an extension that a verifier must know, and that none of those measured does."""
    from cryptography import x509  # noqa: PLC0415 - see `reading`

    certificate = parsed(der)
    extensions = certificate and attempt(lambda: certificate.extensions)
    return any(one.critical and isinstance(one.value, x509.UnrecognizedExtension) for one in extensions or ())


@functools.lru_cache(CACHE_SIZE)
def _extension(der: bytes, kind: type[E]) -> "x509.Extension[E] | None":
    certificate = parsed(der)
    return None if certificate is None else attempt(lambda: certificate.extensions.get_extension_for_class(kind))
