"""Says what a certificate is, leniently: what cannot be read is said in `error`. Trust is judged in `chains`."""

import datetime
import functools
import hashlib
import re
from typing import TYPE_CHECKING

from observer.evidence import extensions
from observer.evidence.extensions import EXTENDED_KEY_USAGES
from observer.evidence.reading import CACHE_SIZE, attempt, issuer, parsed, signed_by, subject
from observer.model import Certificate, Purpose

if TYPE_CHECKING:
    from cryptography import x509

NANOSECONDS = 1_000_000_000
# Renewal by hand needs notice; kubeadm's and the kubelet's own renewal comes earlier.
EXPIRY_NOTICE_NS = 30 * 86_400 * NANOSECONDS
# The clock of the capture is not that of the client; both may be a little wrong.
CLOCK_SKEW_NS = 300 * NANOSECONDS

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
    "system:kube-proxy": Purpose.KUBE_PROXY,
    "kube-etcd": Purpose.ETCD,
    "kube-etcd-peer": Purpose.ETCD,
}
# kubeadm names the certificates of etcd after the host, and what signed them like this.
ETCD_AUTHORITY = "etcd-ca"
# kubeadm's group of administrators since 1.29, and that of the superusers.
ADMINISTRATORS = frozenset({"system:masters", "kubeadm:cluster-admins"})


@functools.lru_cache(CACHE_SIZE)
def describe(der: bytes) -> Certificate:
    """The certificate as events show it."""
    fingerprint = hashlib.sha256(der).hexdigest()
    certificate = parsed(der)
    if certificate is None:
        return Certificate(fingerprint, error="is no certificate that can be read")
    times, uses, limits = validity(der), extensions.extended_key_usage(der), extensions.constraints(der)
    return Certificate(
        fingerprint,
        subject=subject(der),
        issuer=issuer(der),
        serial=attempt(lambda: format(certificate.serial_number, "x")),
        not_before=times and _rfc3339(times[0]),
        not_after=times and _rfc3339(times[1]),
        san=extensions.names(der).shown,
        self_signed=signed_by(der, der),
        key=attempt(lambda: _key(certificate)),
        signature_algorithm=attempt(lambda: _signature_algorithm(certificate)),
        purpose=purpose(der),
        version=attempt(lambda: certificate.version.value + 1),
        key_usage=extensions.key_usage(der),
        extended_key_usage=None if uses is None else tuple(sorted(EXTENDED_KEY_USAGES.get(use, use) for use in uses)),
        authority=None if limits is None else limits.authority,
        path_length=None if limits is None else limits.path_length,
        key_id=extensions.key_id(der),
        authority_key_id=extensions.authority_key_id(der),
    )


def validity(der: bytes) -> tuple[int, int] | None:
    """First and last instant of validity in nanoseconds since 1970."""
    certificate = parsed(der)
    if certificate is None:
        return None
    return attempt(lambda: (_ns(certificate.not_valid_before_utc), _ns(certificate.not_valid_after_utc)))


def alternative_names(der: bytes) -> tuple[str, ...]:
    """Its DNS names and its IP addresses."""
    names = extensions.names(der)
    return (*names.dns, *names.addresses)


def common_name(der: bytes) -> str | None:
    """The subject's common name."""
    return _names(der)[0]


@functools.lru_cache(CACHE_SIZE)
def purpose(der: bytes) -> Purpose:
    """What the certificate is for, by the names in it."""
    name, organizations, issuer_name = _names(der)
    if name is not None and _generated(name, issuer_name):
        return Purpose.SELF_GENERATED
    return BY_COMMON_NAME.get(name or "") or _by_other_names(der, name or "", organizations, issuer_name)


def _by_other_names(der: bytes, name: str, organizations: frozenset[str], issuer_name: str | None) -> Purpose:
    if API_SERVER_NAMES & set(alternative_names(der)):
        return Purpose.APISERVER
    if issuer_name == ETCD_AUTHORITY and name != ETCD_AUTHORITY:
        return Purpose.ETCD
    if name.startswith("system:node:") and "system:nodes" in organizations:
        return Purpose.NODE
    if ADMINISTRATORS & organizations:
        return Purpose.ADMINISTRATOR
    limits = extensions.constraints(der)
    return Purpose.AUTHORITY if limits and limits.authority else Purpose.UNKNOWN


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


@functools.lru_cache(CACHE_SIZE)
def _names(der: bytes) -> tuple[str | None, frozenset[str], str | None]:
    """Common name, organizations, and the issuer's common name."""
    from cryptography.x509 import NameOID  # noqa: PLC0415 - see `reading`

    certificate = parsed(der)
    holder = attempt(lambda: certificate.subject) if certificate else None
    signer = attempt(lambda: certificate.issuer) if certificate else None
    own = [str(item.value) for item in holder.get_attributes_for_oid(NameOID.COMMON_NAME)] if holder else []
    made = [str(item.value) for item in signer.get_attributes_for_oid(NameOID.COMMON_NAME)] if signer else []
    groups = holder.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) if holder else []
    return next(iter(own), None), frozenset(str(item.value) for item in groups), next(iter(made), None)


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
