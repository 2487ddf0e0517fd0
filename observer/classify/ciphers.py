"""Grades TLS cipher suites and SSH algorithms by number and name; only what is weak is listed."""

from collections.abc import Iterable

from observer.model import SshFacts


def _numbers(text: str) -> frozenset[int]:
    """Hexadecimal numbers and inclusive ranges."""
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(found)


# IANA "TLS Cipher Suites" registry, by what the suite's name says.
ANONYMOUS = _numbers("17-1B 34 3A 46 6C 6D 89 9B A6 A7 BF C5 C015-C019 C046 C047 C05A C05B C084 C085")
NULL = _numbers("0-2 2C-2E 3B B0 B1 B4 B5 B8 B9 C001 C006 C00B C010 C015 C039-C03B")
EXPORT = _numbers("3 6 8 B E 11 14 17 19 26-2B 60-65")
# RC4 (RFC 7465), DES and triple DES (RFC 8429, 64-bit blocks), IDEA.
BROKEN = _numbers(
    "4 5 7 9 A C D F 10 12 13 15 16 18 1A 1B 1E-25 8A 8B 8E 8F 92 93 C002 C003 C007 C008 C00C C00D C011 C012 C016 C017 "
    "C01A-C01C C033 C034"
)
# CBC with HMAC-SHA1, MAC before encryption.
CBC_SHA1 = _numbers(
    "2F-3A 41-46 84-89 8C 8D 90 91 94-9B C004 C005 C009 C00A C00E C00F C013 C014 C018 C019 C01D-C022 C035 C036"
)
# Key exchange by RSA, static Diffie-Hellman or plain PSK: a key stolen later opens today's traffic.
NO_FORWARD_SECRECY = _numbers(
    "1-A 2F-31 35-37 3B-3F 41-43 68 69 84-86 8A-8D 92-98 9C 9D A0 A1 A4 A5 A8 A9 AC-AF B6-BC C0-C2 C001-C005 C00B-C00F "
    "C025 C026 C029 C02A C02D C02E C031 C032 C03C C03D C050 C051 C07A C07B C09C C09D C0A0 C0A1 C0A4 C0A5 C0A8 C0A9"
)
GRADES = {
    "anonymous": ANONYMOUS,
    "null": NULL,
    "export": EXPORT,
    "broken": BROKEN,
    "cbc-sha1": CBC_SHA1,
    "no-forward-secrecy": NO_FORWARD_SECRECY,
}

# What OpenSSH and RFC 9142 no longer offer or advise: SHA-1 exchanges and host keys, CBC and RC4, MD5 and short MACs.
WEAK_KEY_EXCHANGES = ("diffie-hellman-group1-", "diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1")
WEAK_HOST_KEYS = ("ssh-rsa", "ssh-dss")
WEAK_CIPHERS = ("-cbc", "arcfour", "none", "blowfish", "cast128", "3des")
WEAK_MACS = ("hmac-md5", "hmac-sha1", "umac-64", "none")


def grades(cipher: int | None) -> frozenset[str]:
    """What is wrong with a suite; `good` where nothing is, `unknown` where none was agreed on."""
    if cipher is None:
        return frozenset({"unknown"})
    found = frozenset(grade for grade, numbers in GRADES.items() if cipher in numbers)
    return found or frozenset({"good"})


def weak_algorithms(ssh: SshFacts) -> tuple[str, ...]:
    """The agreed algorithms that nobody should use any more."""
    found = (
        *_listed(ssh.key_exchange, WEAK_KEY_EXCHANGES),
        *((ssh.host_key,) if ssh.host_key in WEAK_HOST_KEYS else ()),
        *_listed(ssh.cipher, WEAK_CIPHERS),
        *_listed(ssh.mac, WEAK_MACS),
    )
    return tuple(name for name in found if name)


def _listed(name: str | None, weak: Iterable[str]) -> tuple[str, ...]:
    return (name,) if name is not None and any(part in name for part in weak) else ()
