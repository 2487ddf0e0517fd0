"""Certificate chains of every shape that clusters show, and some that none should: made anew, at fixed times.

Keys on curves are derived from fixed numbers; RSA keys are new in each run.
"""

import datetime
import functools
import ipaddress
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Use
from cryptography.x509.oid import NameOID

NOW_S = 1_795_350_000  # 2026-11-22
NOW = datetime.datetime.fromtimestamp(NOW_S, datetime.UTC)
DAY = datetime.timedelta(days=1)
START, END = NOW - 30 * DAY, NOW + 335 * DAY
ADDRESS, NAME = "10.240.0.21", "node1.lab.example"

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Extension = tuple[x509.ExtensionType, bool]


class Shape(NamedTuple):
    """A server's chain, leaf first, what its client trusts, and what the client dialled."""

    title: str
    chain: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    dialled: str = ADDRESS


class Subject(NamedTuple):
    """Whose a certificate is, and the key behind it."""

    name: x509.Name
    key: Key

    @classmethod
    def of(cls, text: str, key: Key | int, organization: str | None = None) -> Self:
        held = curve(key) if isinstance(key, int) else key
        groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
        names = [x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else []
        return cls(x509.Name([*groups, *names]), held)


def curve(number: int, kind: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """The key that a small number gives on a curve."""
    return ec.derive_private_key(1_000_003 * number + 17, kind())


@functools.cache
def rsa_key(bits: int, number: int = 0) -> rsa.RSAPrivateKey:
    """One RSA key of a size for each number."""
    assert number >= 0
    return rsa.generate_private_key(65537, bits)


def names(*texts: str, critical: bool = False) -> Extension:
    """Alternative names: addresses where they are some, else DNS names."""
    return x509.SubjectAlternativeName(list(map(_name, texts))), critical


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def uses(*allowed: x509.ObjectIdentifier) -> Extension:
    """Extended key usage."""
    return x509.ExtendedKeyUsage(list(allowed)), False


USES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
OTHER_USES = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def may(*allowed: str) -> Extension:
    """Key usage."""
    return x509.KeyUsage(**{one: one in allowed for one in (*USES, *OTHER_USES)}), True


def key_id(subject: Subject) -> Extension:
    """Subject key identifier."""
    return x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key()), False


def authority_id(subject: Subject) -> Extension:
    """Authority key identifier."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(subject.key.public_key()), False


def limits(*, ca: bool, length: int | None = None) -> Extension:
    """Basic constraints."""
    return x509.BasicConstraints(ca=ca, path_length=length), True


SERVER = (limits(ca=False), may("digital_signature", "key_encipherment"), uses(Use.SERVER_AUTH))
AUTHORITY = (limits(ca=True), may("digital_signature", "key_cert_sign", "crl_sign"))


def signed(
    subject: Subject,
    by: Subject,
    *extensions: Extension,
    start: datetime.datetime = START,
    end: datetime.datetime = END,
    pss: bool = False,
) -> bytes:
    """A certificate as DER."""
    builder = x509.CertificateBuilder(by.name, subject.name, subject.key.public_key(), 4711, start, end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    chosen = None if isinstance(by.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    how = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else None
    return builder.sign(by.key, chosen, rsa_padding=how).public_bytes(Encoding.DER)


def authority(
    subject: Subject,
    by: Subject | None = None,
    *more: Extension,
    start: datetime.datetime = START,
    end: datetime.datetime = END,
) -> bytes:
    """An authority as kubeadm makes one."""
    above = by or subject
    return signed(subject, above, *AUTHORITY, key_id(subject), authority_id(above), *more, start=start, end=end)


CA = Subject.of("kubernetes", 1)
ROOT = authority(CA)
OTHER = Subject.of("other-ca", 2)
MIDDLE, LOW = Subject.of("intermediate", 3), Subject.of("lower", 4)
LEAF = Subject.of("node1", 10)
AT = names(ADDRESS, NAME)


def leaf(
    *more: Extension,
    by: Subject = CA,
    subject: Subject = LEAF,
    start: datetime.datetime = START,
    end: datetime.datetime = END,
) -> bytes:
    """A server's certificate of an authority, with its names unless told otherwise."""
    return signed(subject, by, *SERVER, authority_id(by), *(more or (AT,)), start=start, end=end)


def shapes() -> Iterator[Shape]:
    """Every shape, in the order of the table."""
    yield from _usual()
    yield from _untidy()
    yield from _times_and_uses()
    yield from _names()
    yield from _keys()
    yield from _paths()
    yield from _broken()


def _usual() -> Iterator[Shape]:
    api = Subject.of("kube-apiserver", rsa_key(2048))
    alternatives = names("kubernetes", "kubernetes.default.svc", NAME, "10.96.0.1", ADDRESS)
    yield Shape("kubeadm's API server, RSA-2048", (leaf(alternatives, subject=api),), (ROOT,))
    node = Subject.of("system:node:node1", 11, "system:nodes")
    yield Shape("kubelet's, approved by the cluster", (leaf(AT, subject=node),), (ROOT,))
    yield Shape("the same with the root shown, too", (leaf(AT, subject=node), ROOT), (ROOT,))
    maker, made = Subject.of("node1-ca@1795000000", 12), Subject.of("node1@1795000000", 13)
    own = authority(maker)
    generated = signed(made, maker, *SERVER, authority_id(maker), names("node1"))
    yield Shape("kubelet's, self-made", (generated, own), (ROOT,))
    yield Shape("kubelet's, self-made, with its authority as anchor, by name", (generated, own), (own,), "node1")
    alone = signed(LEAF, LEAF, AT)
    yield Shape("self-signed", (alone,), (ROOT,))
    yield Shape("self-signed, pinned", (alone,), (alone,))
    pinned = leaf()
    yield Shape("the leaf pinned, its authority unknown", (pinned,), (pinned,))
    yield Shape("of another authority", (leaf(by=OTHER), authority(OTHER)), (ROOT,))
    namesake = Subject(CA.name, curve(40))
    yield Shape("of another authority of the same name", (leaf(by=namesake), authority(namesake)), (ROOT,))
    yield Shape("of one of two authorities of the same name", (leaf(),), (authority(namesake), ROOT))


def _untidy() -> Iterator[Shape]:
    bare = signed(CA, CA, limits(ca=True))
    yield Shape("openssl's, without key ids or usages", (signed(LEAF, CA, AT),), (bare,))
    yield Shape("authority without key ids", (leaf(),), (signed(CA, CA, *AUTHORITY),))
    yield Shape("authority without key usage", (leaf(),), (signed(CA, CA, limits(ca=True), key_id(CA)),))
    unsaid = signed(CA, CA, may("key_cert_sign"), key_id(CA))
    yield Shape("authority without basic constraints", (leaf(),), (unsaid,))
    nothing = signed(CA, CA, key_id(CA))
    yield Shape("authority without any word that it is one", (leaf(),), (nothing,))
    lenient = signed(CA, CA, (limits(ca=True)[0], False), may("key_cert_sign"), key_id(CA))
    yield Shape("authority whose constraints are not critical", (leaf(),), (lenient,))
    stray = (x509.AuthorityKeyIdentifier(b"\x05" * 20, None, None), False)
    yield Shape("key id of another authority", (signed(LEAF, CA, *SERVER, stray, AT),), (ROOT,))
    shouting = Subject(Subject.of("KUBERNETES", 1).name, CA.key)
    yield Shape("issuer written in other letters", (leaf(by=shouting),), (ROOT,))
    nobody = Subject.of("", 14)
    yield Shape("empty subject, names not critical", (leaf(AT, subject=nobody),), (ROOT,))
    yield Shape("empty subject, names critical", (leaf(names(ADDRESS, critical=True), subject=nobody),), (ROOT,))
    marked = signed(LEAF, CA, *AUTHORITY, authority_id(CA), uses(Use.SERVER_AUTH), AT)
    yield Shape("authority that serves", (marked,), (ROOT,))
    enciphers = signed(LEAF, CA, limits(ca=False), may("key_encipherment"), authority_id(CA), AT)
    yield Shape("key for encipherment alone", (enciphers,), (ROOT,))


def _times_and_uses() -> Iterator[Shape]:
    yield Shape("expired", (leaf(end=NOW - DAY),), (ROOT,))
    yield Shape("not yet valid", (leaf(start=NOW + DAY),), (ROOT,))
    yield Shape("about to expire", (leaf(end=NOW + DAY),), (ROOT,))
    yield Shape("expired authority", (leaf(),), (authority(CA, end=NOW - DAY),))
    yield Shape("authority not yet valid", (leaf(),), (authority(CA, start=NOW + DAY),))
    used = functools.partial(signed, LEAF, CA, limits(ca=False), authority_id(CA), AT)
    yield Shape("for clients alone", (used(uses(Use.CLIENT_AUTH)),), (ROOT,))
    yield Shape("for clients and servers", (used(uses(Use.CLIENT_AUTH, Use.SERVER_AUTH)),), (ROOT,))
    yield Shape("for anything, in so many words", (used(uses(Use.ANY_EXTENDED_KEY_USAGE)),), (ROOT,))
    yield Shape("for anything, since nothing is said", (used(),), (ROOT,))
    netscape = x509.ObjectIdentifier("2.16.840.1.113730.4.1")
    yield Shape("for servers, as Netscape wrote it", (used(uses(netscape)),), (ROOT,))
    narrow = authority(MIDDLE, CA, uses(Use.CLIENT_AUTH))
    yield Shape("authority for clients alone", (leaf(by=MIDDLE), narrow), (ROOT,))


def _names() -> Iterator[Shape]:
    yield Shape("dialled by a name it bears", (leaf(),), (ROOT,), NAME)
    yield Shape("dialled by another name", (leaf(),), (ROOT,), "other.example")
    yield Shape("dialled by another address", (leaf(names("10.9.9.9")),), (ROOT,))
    yield Shape("without names, the common name fits", (signed(LEAF, CA, *SERVER),), (ROOT,), "node1")
    yield Shape("without names, nothing fits", (signed(LEAF, CA, *SERVER),), (ROOT,))
    yield Shape("address written as a DNS name", (leaf(names_as_dns(ADDRESS)),), (ROOT,))
    yield Shape("names only, dialled by address", (leaf(names(NAME)),), (ROOT,))
    yield Shape("star for the first label", (leaf(names("*.lab.example")),), (ROOT,), NAME)
    yield Shape("star within the first label", (leaf(names("no*.lab.example")),), (ROOT,), NAME)
    yield Shape("star for two labels", (leaf(names("*.lab.example")),), (ROOT,), "a.node1.lab.example")
    yield Shape("name with a dot at its end", (leaf(names(NAME + ".")),), (ROOT,), NAME)
    yield Shape("name in capital letters", (leaf(names(NAME.upper())),), (ROOT,), NAME)
    fits = x509.NameConstraints([x509.DNSName("example")], None), True
    bans = x509.NameConstraints(None, [x509.DNSName("example")]), True
    yield Shape("authority limited to its names", (leaf(by=MIDDLE), authority(MIDDLE, CA, fits)), (ROOT,), NAME)
    yield Shape("authority barred from its names", (leaf(by=MIDDLE), authority(MIDDLE, CA, bans)), (ROOT,), NAME)


def names_as_dns(address: str) -> Extension:
    """An address where a DNS name belongs."""
    return x509.SubjectAlternativeName([x509.DNSName(address)]), False


def _keys() -> Iterator[Shape]:
    edwards = Subject.of("kubernetes", ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
    held = Subject.of("node1", ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))
    yield Shape("Ed25519", (leaf(by=edwards, subject=held),), (authority(edwards),))
    for kind in (ec.SECP384R1, ec.SECP521R1):
        one, above = Subject.of("node1", curve(5, kind)), Subject.of("kubernetes", curve(6, kind))
        yield Shape(f"P-{kind.key_size}", (leaf(by=above, subject=one),), (authority(above),))
    for bits in (1024, 4096):
        one, above = Subject.of("node1", rsa_key(bits)), Subject.of("kubernetes", rsa_key(2048, 1))
        yield Shape(f"RSA-{bits}", (leaf(by=above, subject=one),), (authority(above),))
    above = Subject.of("kubernetes", rsa_key(2048, 1))
    padded = signed(LEAF, above, *SERVER, authority_id(above), AT, pss=True)
    yield Shape("RSA-PSS signature", (padded,), (authority(above),))


def _paths() -> Iterator[Shape]:
    middle, low = authority(MIDDLE, CA), authority(LOW, MIDDLE)
    end = leaf(by=LOW)
    yield Shape("two intermediates", (end, low, middle), (ROOT,))
    yield Shape("shown in the wrong order, with a stranger", (end, middle, authority(OTHER), low), (ROOT,))
    yield Shape("an intermediate missing", (end, low), (ROOT,))
    yield Shape("an intermediate as the only anchor", (end, low), (middle,))
    long, below = list[bytes](), CA
    for number in range(6):
        above, below = below, Subject.of(f"level-{number}", 20 + number)
        long.append(authority(below, above))
    yield Shape("six intermediates", (leaf(by=below), *reversed(long)), (ROOT,))
    short = signed(MIDDLE, CA, limits(ca=True, length=0), may("key_cert_sign"), key_id(MIDDLE), authority_id(CA))
    yield Shape("path longer than an authority allows", (end, low, short), (ROOT,))
    crossed = authority(MIDDLE, OTHER)
    yield Shape("cross-signed, the old root trusted", (leaf(by=MIDDLE), middle, crossed), (authority(OTHER),))
    yield Shape("cross-signed, the new root trusted", (leaf(by=MIDDLE), crossed, middle), (ROOT,))
    yield Shape("cross-signed, neither trusted", (leaf(by=MIDDLE), crossed, middle), (authority(LOW),))


def _broken() -> Iterator[Shape]:
    giver = Subject.of("no-authority", 30)
    yield Shape("signed by a server's certificate", (leaf(by=giver), leaf(AT, subject=giver)), (ROOT,))
    barred = signed(MIDDLE, CA, limits(ca=True), may("digital_signature"), key_id(MIDDLE), authority_id(CA))
    yield Shape("signed by an authority that may not sign", (leaf(by=MIDDLE), barred), (ROOT,))
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True
    yield Shape("unknown critical extension", (leaf(AT, odd),), (ROOT,))
    yield Shape("unknown extension", (leaf(AT, (odd[0], False)),), (ROOT,))
    good = leaf()
    yield Shape("signature changed", (good[:-1] + bytes([good[-1] ^ 1]),), (ROOT,))
    yield Shape("nothing that can be read", (b"nonsense",), (ROOT,))


def pem(certificates: Sequence[bytes]) -> bytes:
    """The certificates that can be read, as a PEM file."""
    read = (x509.load_der_x509_certificate(one) for one in certificates)
    return b"".join(one.public_bytes(Encoding.PEM) for one in read)
