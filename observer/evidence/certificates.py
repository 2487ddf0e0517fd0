"""Reads certificates leniently: what cannot be read is said in `error`, never raised. Trust is judged in `chains`.

`cryptography` is imported on first use: it costs a fifth of a second that a capture without TLS need not pay.
"""

import datetime
import functools
import hashlib
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from observer.model import Certificate, Purpose

if TYPE_CHECKING:
    from cryptography import x509

T = TypeVar("T")

NANOSECONDS = 1_000_000_000
# Renewal by hand needs notice; kubeadm's and the kubelet's own renewal comes earlier.
EXPIRY_NOTICE_NS = 30 * 86_400 * NANOSECONDS
# The clock of the capture is not that of the client; both may be a little wrong.
CLOCK_SKEW_NS = 300 * NANOSECONDS
# More distinct certificates than the captures of a large cluster show; evicted ones are read again.
CACHE_SIZE = 16_384
# Longer certificates than any in use are not worth parsing.
LENGTH_LIMIT = 64 * 1024

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# client-go's GenerateSelfSignedCertKey names both certificates after the host and the second they were made.
GENERATED = re.compile(r"(?P<host>.+)@(?P<epoch>[0-9]{9,11})")
API_SERVER_NAMES = frozenset({"kubernetes.default.svc", "kubernetes.default"})
BY_COMMON_NAME = {
    "kube-apiserver": Purpose.APISERVER,
    "kube-apiserver-kubelet-client": Purpose.APISERVER_KUBELET_CLIENT,
    "kube-apiserver-etcd-client": Purpose.APISERVER_ETCD_CLIENT,
    "front-proxy-client": Purpose.FRONT_PROXY_CLIENT,
    "system:kube-controller-manager": Purpose.CONTROLPLANE,
    "system:kube-scheduler": Purpose.CONTROLPLANE,
    "konnectivity-server": Purpose.KONNECTIVITY,
    "system:konnectivity-server": Purpose.KONNECTIVITY,
    "system:konnectivity-agent": Purpose.KONNECTIVITY,
    "kube-etcd": Purpose.ETCD,
    "kube-etcd-peer": Purpose.ETCD,
}


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
def describe(der: bytes) -> Certificate:
    """The certificate as events show it."""
    fingerprint = hashlib.sha256(der).hexdigest()
    certificate = parsed(der)
    if certificate is None:
        return Certificate(fingerprint, error="is no certificate that can be read")
    times = validity(der)
    return Certificate(
        fingerprint,
        subject=_rfc4514(attempt(lambda: certificate.subject)),
        issuer=_rfc4514(attempt(lambda: certificate.issuer)),
        serial=attempt(lambda: format(certificate.serial_number, "x")),
        not_before=times and _rfc3339(times[0]),
        not_after=times and _rfc3339(times[1]),
        san=alternative_names(der),
        self_signed=signed_by(der, der),
        key=attempt(lambda: _key(certificate)),
        signature_algorithm=attempt(lambda: _signature_algorithm(certificate)),
        purpose=purpose(der),
    )


def signed_by(der: bytes, issuer: bytes) -> bool | None:
    """Whether `issuer`'s name and key stand behind the certificate; None where that cannot be computed.

    Nothing else is asked of the issuer: a strict reading refuses chains that Go and OpenSSL accept.
    """
    from cryptography import exceptions  # noqa: PLC0415 - see above

    child, parent = parsed(der), parsed(issuer)
    if child is None or parent is None:
        return None
    try:
        child.verify_directly_issued_by(parent)
    except exceptions.UnsupportedAlgorithm:
        return None
    except (ValueError, TypeError, exceptions.InvalidSignature):
        return False
    return True


def validity(der: bytes) -> tuple[int, int] | None:
    """First and last instant of validity in nanoseconds since 1970."""
    certificate = parsed(der)
    if certificate is None:
        return None
    return attempt(lambda: (_ns(certificate.not_valid_before_utc), _ns(certificate.not_valid_after_utc)))


def alternative_names(der: bytes) -> tuple[str, ...]:
    """Its DNS names and IP addresses, in its own order."""
    from cryptography import x509  # noqa: PLC0415 - see above

    certificate = parsed(der)
    if certificate is None:
        return ()
    extension = attempt(lambda: certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName))
    names = extension.value if extension else ()
    return tuple(str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress))


def usages(der: bytes) -> frozenset[str] | None:
    """Object identifiers of its extended key usage; None where it is not limited."""
    from cryptography import x509  # noqa: PLC0415 - see above

    certificate = parsed(der)
    if certificate is None:
        return None
    extension = attempt(lambda: certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage))
    return frozenset(usage.dotted_string for usage in extension.value) if extension else None


def common_name(der: bytes) -> str | None:
    """The subject's common name."""
    return _names(der)[0]


@functools.lru_cache(CACHE_SIZE)
def purpose(der: bytes) -> Purpose:
    """What the certificate is for, by the names in it."""
    name, organizations, issuer = _names(der)
    if name is None:
        return Purpose.APISERVER if API_SERVER_NAMES & set(alternative_names(der)) else Purpose.UNKNOWN
    if _generated(name, issuer):
        return Purpose.SELF_GENERATED
    if name in BY_COMMON_NAME:
        return BY_COMMON_NAME[name]
    if API_SERVER_NAMES & set(alternative_names(der)):
        return Purpose.APISERVER
    if name.startswith("system:node:") and "system:nodes" in organizations:
        return Purpose.NODE
    return Purpose.ADMINISTRATOR if "system:masters" in organizations else Purpose.UNKNOWN


def node_name(der: bytes) -> str | None:
    """The node a kubelet's certificate names, self-made or from the cluster's CA."""
    name, _, issuer = _names(der)
    if name is None:
        return None
    if name.startswith("system:node:"):
        return name.removeprefix("system:node:")
    generated = GENERATED.fullmatch(name)
    return generated["host"] if generated and _generated(name, issuer) else None


def boundaries(chain: list[bytes]) -> list[int]:
    """Instants (ns), in order, from which on a judgement of the chain's first certificate may be another one."""
    times = validity(chain[0]) if chain else None
    if times is None:
        return []
    return sorted({times[0] - CLOCK_SKEW_NS, times[1] - EXPIRY_NOTICE_NS, times[1] + CLOCK_SKEW_NS})


def _generated(name: str, issuer: str | None) -> bool:
    own = GENERATED.fullmatch(name)
    return own is not None and issuer == f"{own['host']}-ca@{own['epoch']}"


def _names(der: bytes) -> tuple[str | None, frozenset[str], str | None]:
    """Common name, organizations, and the issuer's common name."""
    from cryptography.x509 import NameOID  # noqa: PLC0415 - see above

    certificate = parsed(der)
    subject = attempt(lambda: certificate.subject) if certificate else None
    issuer = attempt(lambda: certificate.issuer) if certificate else None
    own = [str(item.value) for item in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] if subject else []
    made = [str(item.value) for item in issuer.get_attributes_for_oid(NameOID.COMMON_NAME)] if issuer else []
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) if subject else []
    return next(iter(own), None), frozenset(str(item.value) for item in groups), next(iter(made), None)


def _rfc4514(name: "x509.Name | None") -> str | None:
    return None if name is None else name.rfc4514_string()


def _ns(instant: datetime.datetime) -> int:
    return (instant - EPOCH) // datetime.timedelta(microseconds=1) * 1000


def _rfc3339(ns: int) -> str:
    return (EPOCH + datetime.timedelta(seconds=ns // NANOSECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(certificate: "x509.Certificate") -> str:
    key = certificate.public_key()
    kind = type(key).__name__.strip("_").removesuffix("PublicKey").removeprefix("EllipticCurve") or "EC"
    size = getattr(key, "key_size", None)
    return f"{kind}-{size}" if size else kind


def _signature_algorithm(certificate: "x509.Certificate") -> str:
    return str(certificate.signature_algorithm_oid._name)  # noqa: SLF001 - the only place that has the name
